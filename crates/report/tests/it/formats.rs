//! What the formats say, and that they say the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use plumb_engine::Assessment;
use plumb_report::escape::markdown as escaped;
use plumb_report::{Theme, TypstSource, html, markdown, typst_source};
use serde_json::Value;

use crate::sample;

/// Check, outcome, subject and message of a finding.
type Key = (String, String, String, String);

#[test]
fn golden_markdown() {
    let theme = Theme::builtin().unwrap();
    for (name, assessment) in
        [("typical", sample::typical()), ("all-not-applicable", sample::all_not_applicable())]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.md"));
        let rendered = markdown(&assessment, &theme).unwrap().text;
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
            (markdown(&assessment, &theme).unwrap().text, typst_source(&assessment, &theme).unwrap())
        };
        assert!(once() == once(), "{name}");
    }
}

#[test]
fn all_formats_have_the_findings_of_the_assessment() {
    let theme = Theme::builtin().unwrap();
    for (name, assessment) in sample::all() {
        let expected: BTreeSet<Key> = assessment
            .findings
            .iter()
            .map(|f| (f.check.clone(), f.outcome.as_str().to_owned(), clean(&f.subject), clean(&f.message)))
            .collect();
        let source = typst_source(&assessment, &theme).unwrap();
        assert!(findings_in_data(&source) == expected, "{name}: Typst data");

        let text = markdown(&assessment, &theme).unwrap().text;
        let expected: BTreeSet<Key> = expected
            .into_iter()
            .map(|(check, outcome, subject, message)| (check, outcome, escaped(&subject), escaped(&message)))
            .collect();
        let found = findings_in_markdown(&text, &assessment);
        let differing: Vec<&Key> = found.symmetric_difference(&expected).take(3).collect();
        assert!(differing.is_empty(), "{name}: Markdown: {differing:?}");
    }
}

#[test]
fn each_deviation_has_a_place_in_the_typst_source() {
    let source = typst_source(&sample::many(), &Theme::builtin().unwrap()).unwrap();
    let main = file(&source, "report.typ");
    assert_eq!(main.matches("#finding(data, data.deviations.at(").count(), 20);
}

#[test]
fn no_text_of_a_node_is_typst_source() {
    let source = typst_source(&sample::typical(), &Theme::builtin().unwrap()).unwrap();
    for (name, bytes) in source.files().filter(|(name, _)| *name != "data.json") {
        let text = String::from_utf8_lossy(bytes);
        for word in [sample::HOSTILE, "gpu-node-07", "41233", "powersave"] {
            assert!(!text.contains(word), "{word} in {name}");
        }
    }
}

#[test]
fn hostile_text_is_escaped_in_markdown() {
    let text = markdown(&sample::typical(), &Theme::builtin().unwrap()).unwrap().text;
    assert!(!text.contains(sample::HOSTILE));
    assert_eq!(
        text.matches(r#"\#import "x" \*\_\<b>"#).count(),
        5,
        "key issues, checklist, finding, waiver, and node table"
    );
}

#[test]
fn commands_with_names_of_other_nodes_are_in_the_appendix_only() {
    let theme = Theme::builtin().unwrap();
    let assessment = sample::typical();
    let (foreign, own) = ("taskset -acp 0-31,64-95 PID", "cpupower frequency-set -g performance");
    let text = markdown(&assessment, &theme).unwrap().text;
    let page = html(&assessment, &theme).unwrap();
    for (text, appendix, pointer) in [
        (&text, "\n## Patterns\n", "appendix “Patterns”"),
        (&page, "<h2 id=\"patterns\">", "<a href=\"#pattern-F1\">"),
    ] {
        let (before, after) = text.split_once(appendix).unwrap();
        assert!(!before.contains(foreign), "{before}");
        assert!(before.contains(pointer) && after.contains(foreign), "{text}");
        assert!(before.contains(own) && !after.contains(own), "{text}");
    }
    let source = typst_source(&assessment, &theme).unwrap();
    let data: Value = serde_json::from_str(file(&source, "data.json")).unwrap();
    for place in ["first_steps", "key_issues", "work"] {
        assert!(!data[place].to_string().contains("PID"), "{}", data[place]);
    }
    assert!(data["patterns"].to_string().contains(foreign));
    assert!(file(&source, "report.typ").contains("#patterns(data)"));
}

#[test]
fn a_proposal_is_never_called_a_vendors_limit() {
    let text = markdown(&sample::typical(), &Theme::builtin().unwrap()).unwrap().text;
    let row = text.lines().find(|line| line.contains("share of CPU time")).unwrap();
    assert!(row.contains("| our proposal |"), "{row}");
    assert!(!row.contains("vendor"), "{row}");
}

#[test]
fn every_table_row_has_the_cells_of_its_header() {
    for (name, assessment) in sample::all() {
        let text = markdown(&assessment, &Theme::builtin().unwrap()).unwrap().text;
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

fn clean(text: &str) -> String {
    text.replace('\t', " ").trim_end().to_owned()
}

fn file<'a>(source: &'a TypstSource, name: &str) -> &'a str {
    let (_, bytes) = source.files().find(|(found, _)| *found == name).unwrap();
    std::str::from_utf8(bytes).unwrap()
}

fn findings_in_data(source: &TypstSource) -> BTreeSet<Key> {
    let data: Value = serde_json::from_str(file(source, "data.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut keys = BTreeSet::new();
    for section in ["deviations", "accepted", "info"] {
        for group in data[section].as_array().unwrap() {
            for f in group["findings"].as_array().unwrap() {
                let outcome = text(&f["outcome"]["id"]);
                for own in std::iter::once(f).chain(f["also"].as_array().unwrap()) {
                    let subject = text(&own["subject"]);
                    keys.insert((text(&group["check"]), outcome.clone(), subject, text(&f["message"])));
                }
            }
        }
    }
    for section in ["unanswered", "passed", "not_applicable"] {
        for row in data[section].as_array().unwrap() {
            for subject in row["subjects"].as_array().unwrap() {
                for own in row["checks"].as_array().unwrap() {
                    let outcome = text(&row["outcome"]["id"]);
                    keys.insert((text(&own["check"]), outcome, text(subject), text(&row["message"])));
                }
            }
        }
    }
    keys
}

/// Reads the findings back from Markdown, by the shape of its headings and tables.
fn findings_in_markdown(text: &str, assessment: &Assessment) -> BTreeSet<Key> {
    let mut keys = BTreeSet::new();
    let mut section = String::new();
    let mut check = String::new();
    // Outcome and message of the subjects that a table lists.
    let mut together: Option<(String, String)> = None;
    let outcome_words = [("Fail", "fail"), ("Warn", "warn"), ("Info", "info"), ("Accepted", "accepted")];
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading.to_owned();
        }
        match section.as_str() {
            "Findings" | "Accepted deviations" | "For information" => {
                if let Some(last) =
                    line.rsplit(" · ").next().filter(|last| last.starts_with('`') && line.contains("** · "))
                {
                    check = last.trim_matches('`').to_owned();
                }
                let row = line.strip_prefix("| ").and_then(|rest| rest.split_once(" | "));
                if let (Some((id, message)), Some((subject, _))) = (&together, row)
                    && subject != "Subject"
                {
                    keys.insert((check.clone(), id.clone(), subject.to_owned(), message.clone()));
                }
                // Stars of a subject are escaped, so that the first bare pair ends it.
                let parts = line.strip_prefix("**").and_then(|rest| rest.split_once("**: "));
                if line.starts_with("**") {
                    together = None;
                }
                for (word, id) in outcome_words {
                    let subject = parts.and_then(|(head, _)| head.strip_prefix(word)?.strip_prefix(" · "));
                    if let (Some(subject), Some((_, message))) = (subject, parts) {
                        let is_count =
                            subject.strip_suffix(" subjects").is_some_and(|n| n.parse::<u32>().is_ok());
                        together = is_count.then(|| (id.to_owned(), message.to_owned()));
                        if is_count {
                            continue;
                        }
                        keys.insert((check.clone(), id.to_owned(), subject.to_owned(), message.to_owned()));
                    }
                }
            }
            "Unanswered checks" | "Checks passed" | "Checks that do not apply" if line.contains(" (`") => {
                let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
                let checks: Vec<&str> =
                    cells[0].split("(`").skip(1).filter_map(|rest| Some(rest.split_once("`)")?.0)).collect();
                let (outcome, subjects, message) = match (section.as_str(), cells.len()) {
                    ("Unanswered checks", _) if cells[1] == "Not run" => ("not-run", cells[2], cells[3]),
                    ("Unanswered checks", _) => ("contradictory", cells[2], cells[3]),
                    ("Checks passed", _) => ("pass", cells[1], cells[2]),
                    _ => ("not-applicable", cells[1], cells[2]),
                };
                // Subjects may hold commas themselves, so they are looked up rather than split.
                for finding in assessment.findings.iter().filter(|own| checks.contains(&own.check.as_str())) {
                    let subject = escaped(&clean(&finding.subject));
                    if subjects.contains(&subject) && finding.outcome.as_str() == outcome {
                        keys.insert((finding.check.clone(), outcome.to_owned(), subject, message.to_owned()));
                    }
                }
            }
            _ => {}
        }
    }
    keys
}
