//! What the formats say, and that they say the same.

use std::fs;
use std::path::Path;

use plumb_engine::Assessment;
use plumb_engine::capacity::Capacity;
use plumb_report::model::{APPENDIX, MAIN};
use plumb_report::{
    Material, Model, Theme, TypstSource, escape, html, markdown, model, report_json, typst_source,
};

use crate::{machine, sample};

#[test]
fn golden_markdown() {
    let theme = Theme::builtin().unwrap();
    for (name, assessment) in
        [("typical", sample::typical()), ("all-not-applicable", sample::all_not_applicable())]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.md"));
        let rendered = markdown(&sample::report(&assessment), &theme).unwrap().text;
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &rendered).unwrap();
        }
        let golden = fs::read_to_string(&path).unwrap();
        assert!(
            rendered == golden,
            "{} is out of date: run with UPDATE_GOLDEN=1 and read the diff",
            path.display()
        );
    }
}

#[test]
fn same_bytes_twice() {
    for (name, assessment) in sample::all() {
        let once = || {
            let theme = Theme::builtin().unwrap();
            let report = sample::report(&assessment);
            (markdown(&report, &theme).unwrap().text, typst_source(&report, APPENDIX, &theme).unwrap())
        };
        assert!(once() == once(), "{name}");
    }
}

/// Text without white space: lines break anywhere.
fn flat(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn all_formats_have_the_findings_of_the_assessment() {
    let theme = Theme::builtin().unwrap();
    for (name, assessment) in sample::all() {
        let report = sample::report(&assessment);
        let source = typst_source(&report, APPENDIX, &theme).unwrap();
        let data = file(&source, "data.json");
        let said = report.texts(APPENDIX).join("\n");
        let (text, page) = (markdown(&report, &theme).unwrap().text, html(&report, &theme).unwrap());
        for finding in &assessment.findings {
            let (subject, message) = (escape::clean(&finding.subject), escape::clean(&finding.message));
            for part in [&finding.check, &subject, &message] {
                assert!(said.contains(part.as_str()), "{name}: the model lacks {part}");
                let in_json = serde_json::to_string(part).unwrap();
                assert!(data.contains(in_json.trim_matches('"')), "{name}: Typst lacks {part}");
                assert!(page.contains(&escape::html(part)), "{name}: HTML lacks {part}");
                assert!(
                    flat(&text).contains(&flat(&escape::markdown(part))),
                    "{name}: Markdown lacks {part}"
                );
            }
        }
    }
}

#[test]
fn each_finding_has_a_line_a_card_and_its_detail() {
    let report = sample::report(&sample::many());
    let page = html(&report, &Theme::builtin().unwrap()).unwrap();
    for n in 1..=20 {
        assert!(page.contains(&format!("id=\"F{n}-detail\"")), "F{n}");
    }
    assert_eq!(page.matches("class=\"card\"").count(), 6, "two on a page, three pages");
    let main = report.texts(MAIN).join("\n");
    assert!(main.contains("F12") && main.contains("And 8 more, in appendix A."), "{main}");
}

#[test]
fn no_text_of_a_node_is_typst_source() {
    let report = sample::report(&sample::typical());
    for part in [MAIN, APPENDIX] {
        let source = typst_source(&report, part, &Theme::builtin().unwrap()).unwrap();
        for (name, bytes) in source.files().filter(|(name, _)| *name != "data.json") {
            let text = String::from_utf8_lossy(bytes);
            for word in [sample::HOSTILE, "gpu-node-07", "41233", "powersave"] {
                assert!(!text.contains(word), "{word} in {name}");
            }
        }
    }
}

#[test]
fn hostile_text_is_escaped_in_markdown() {
    let text = markdown(&sample::report(&sample::typical()), &Theme::builtin().unwrap()).unwrap().text;
    assert!(!text.contains(sample::HOSTILE));
    assert!(text.matches(r#"\#import "x" \*\_\<b>"#).count() >= 4, "card, finding, waiver, and node table");
}

#[test]
fn commands_with_names_of_other_nodes_are_patterns_only() {
    let theme = Theme::builtin().unwrap();
    let (foreign, own) = ("taskset -acp 0-31,64-95 PID", "cpupower frequency-set -g performance");
    let report = sample::report(&sample::typical());
    let main = report.texts(MAIN).join("\n");
    assert!(!main.contains(foreign) && !main.contains("PID"), "{main}");
    let text = markdown(&report, &theme).unwrap().text;
    let page = html(&report, &theme).unwrap();
    for (text, patterns, pointer) in [
        (&text, "\n### Patterns\n", "appendix “Patterns”"),
        (&page, "<h3>Patterns</h3>", "<a href=\"#pattern-F1\">"),
    ] {
        let (before, after) = text.split_once(patterns).unwrap();
        assert!(!before.contains(foreign), "{before}");
        assert!(before.contains(pointer) && after.contains(foreign), "{text}");
        assert!(before.contains(own) && !after.contains(own), "{text}");
    }
}

/// The measured node, whose report has all chapters.
pub(crate) fn measured() -> (Assessment, Model) {
    let evidence = machine::measured(2, 64, 8);
    let mut assessment = sample::typical();
    assessment.capacity = Capacity::of(&evidence, &sample::speech());
    let report =
        model(Material::new(&assessment).with_evidence(&evidence), &Theme::builtin().unwrap()).unwrap();
    (assessment, report)
}

#[test]
fn the_main_report_keeps_the_rules_of_wording() {
    let mut all: Vec<(&str, Assessment, Model)> = sample::all()
        .into_iter()
        .map(|(name, own)| (name, sample::report(&own), own))
        .map(|(name, report, own)| (name, own, report))
        .collect();
    let (assessment, report) = measured();
    all.push(("measured", assessment, report));
    for (name, assessment, report) in all {
        let file = serde_json::from_str(&report_json(&assessment, &report).unwrap()).unwrap();
        // These checks have no page, and so no problem of their own: their title stands in for it.
        let mut faults = plumb_tests::wording::faults(&file);
        faults.retain(|fault| !fault.contains("healthy state") && !fault.contains("process id"));
        assert_eq!(faults, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_report_is_rendered_again_from_its_json_alone() {
    let theme = Theme::builtin().unwrap();
    let (assessment, report) = measured();
    let text = report_json(&assessment, &report).unwrap();
    let again = Model::read(text.as_bytes()).unwrap();
    assert_eq!(again, report);
    assert_eq!(html(&again, &theme).unwrap(), html(&report, &theme).unwrap());
    assert_eq!(markdown(&again, &theme).unwrap(), markdown(&report, &theme).unwrap());
    for part in [MAIN, APPENDIX] {
        assert_eq!(typst_source(&again, part, &theme).unwrap(), typst_source(&report, part, &theme).unwrap());
    }
}

#[test]
fn a_hostile_json_is_refused_or_harmless() {
    let theme = Theme::builtin().unwrap();
    let (assessment, report) = measured();
    let good: serde_json::Value = serde_json::from_str(&report_json(&assessment, &report).unwrap()).unwrap();
    let read = |file: &serde_json::Value| Model::read(file.to_string().as_bytes());
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut file = good.clone();
        change(&mut file["report"]);
        read(&file)
    };
    let figure = |report: &mut serde_json::Value, svg: &str| {
        let blocks = report["parts"][0]["chapters"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .flat_map(|own| own["blocks"].as_array_mut().unwrap());
        let own = blocks.into_iter().find(|own| own["block"] == "figure").unwrap();
        own["svg"] = svg.into();
    };
    for (what, broken) in [
        ("version", with(&|report| report["schema"] = 99.into())),
        ("unknown key", with(&|report| report["zzz"] = 1.into())),
        ("parts", with(&|report| report["parts"].as_array_mut().unwrap().truncate(1))),
        ("anchor", with(&|report| report["parts"][0]["chapters"][0]["id"] = "a\" onload=\"x".into())),
        (
            "twice",
            with(&|report| {
                report["parts"][0]["chapters"][1]["id"] = report["parts"][0]["chapters"][0]["id"].clone()
            }),
        ),
        (
            "script",
            with(&|report| {
                figure(report, "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>")
            }),
        ),
        ("no drawing", with(&|report| figure(report, "<img src=x onerror=alert(1)>"))),
        ("language", with(&|report| report["language"] = "../x".into())),
    ] {
        assert!(broken.is_err(), "{what}");
    }
    assert!(Model::read(b"{").is_err() && Model::read(b"{}").is_err() && Model::read(b"[]").is_err());
    let deep = format!("{{\"report\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(Model::read(deep.as_bytes()).is_err());
    // What is left is text.
    let hostile = with(&|report| {
        report["cover"]["subject"] = "<script>alert(1)</script>\u{202e}".into();
        report["cover"]["colours"] = serde_json::json!({"accent": "red;}</style><script>"});
        let span = serde_json::json!([{"text": "<b>x</b>", "link": "javascript:alert(1)"}, {"text": "y", "style": "grade", "id": "\"><i>"}]);
        report["parts"][0]["chapters"][0]["blocks"] = serde_json::json!([{"block": "paragraph", "text": span}]);
    })
    .unwrap();
    let page = html(&hostile, &theme).unwrap();
    assert!(
        !page.contains("<b>x")
            && !page.contains("javascript:")
            && !page.contains("<i>")
            && !page.contains("</style><script>")
    );
    assert!(!page.contains("alert(1)</script>") && !page.contains('\u{202e}'));
    assert!(!markdown(&hostile, &theme).unwrap().text.replace("\\<b>", "").contains("<b>"));
}

#[test]
fn a_proposal_is_never_called_a_vendors_limit() {
    let text = markdown(&sample::report(&sample::typical()), &Theme::builtin().unwrap()).unwrap().text;
    let row = text.lines().find(|line| line.contains("share of CPU time")).unwrap();
    assert!(row.contains("**our proposal**"), "{row}");
    assert!(!row.contains("vendor"), "{row}");
}

#[test]
fn every_table_row_has_the_cells_of_its_header() {
    for (name, assessment) in sample::all() {
        let text = markdown(&sample::report(&assessment), &Theme::builtin().unwrap()).unwrap().text;
        let mut cells = None;
        for line in text.lines() {
            // Code spans in tables escape the bar too, so that every bare one is a border.
            let bars = line.replace("\\|", "").matches('|').count();
            match (line.starts_with('|'), cells) {
                (true, None) => cells = Some(bars),
                (true, Some(expected)) => assert_eq!(bars, expected, "{name}: {line}"),
                (false, _) => cells = None,
            }
        }
    }
}

fn file<'a>(source: &'a TypstSource, name: &str) -> &'a str {
    let (_, bytes) = source.files().find(|(found, _)| *found == name).unwrap();
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn trackers_get_a_line_for_each_finding_and_no_formula() {
    let mut report = sample::report(&sample::many());
    report.actions[0].problem = "=HYPERLINK(\"x\")".into();
    let text = report.csv();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 21, "a head and twenty findings");
    assert!(lines[1].contains("\"'=HYPERLINK(\"\"x\"\")\""), "{}", lines[1]);
    let assessment = sample::many();
    let file = report_json(&assessment, &sample::report(&assessment)).unwrap();
    let sarif: serde_json::Value = serde_json::from_str(&plumb_report::sarif(&file).unwrap()).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let deviations = assessment.findings.iter().filter(|finding| finding.outcome.is_deviation()).count();
    assert_eq!((sarif["version"].as_str(), results.len()), (Some("2.1.0"), deviations));
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(results.iter().all(|own| rules.iter().any(|rule| rule["id"] == own["ruleId"])));
}
