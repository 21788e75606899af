//! Reports of real bundles, rendered by the real Typst.

use std::fs;
use std::path::Path;
use std::process::Command;

use plumb_evidence::bundle::sha256_hex;
use plumb_tests::{plumb, run, skip};

/// True if Typst is here; says so if not.
fn typst() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let probe = run(plumb().args(["report", "/nowhere", "-o"]).arg(folder.path()));
    let missing = probe.err.contains("was not found");
    if missing {
        skip("no report is rendered: typst is not here; `cargo xtask setup` installs it");
    }
    !missing
}

fn sha256(path: &Path) -> String {
    sha256_hex(&fs::read(path).unwrap())
}

#[test]
fn one_bundle_gives_the_same_bytes_twice() {
    if !typst() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let audit = run(plumb().args(["-q", "audit", "-o"]).arg(&first));
    assert_eq!(audit.code, plumb_tests::report_code(&first.join("node.plumb")), "{}", audit.err);
    let again = run(plumb().args(["-q", "audit"]).arg(first.join("node.plumb")).arg("-o").arg(&second));
    assert_eq!(again.code, audit.code, "{}", again.err);
    for name in ["report.pdf", "report-appendix.pdf", "report.md"] {
        assert_eq!(sha256(&first.join(name)), sha256(&second.join(name)), "{name}");
        assert!(audit.out.contains(name), "{}", audit.out);
    }
    assert!(!second.join("node.plumb").exists(), "a given bundle is not collected anew");
}

#[test]
fn all_formats_carry_the_same_findings() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    assert_eq!(run(plumb().args(["-q", "collect", "-o"]).arg(&bundle)).code, 0);
    let json = run(plumb().args(["check", "--format", "json"]).arg(&bundle)).out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let output = folder.path().join("out");
    let formats = if typst() { "pdf,md,html,json" } else { "md,html,json" };
    let report = run(plumb().args(["report", "--formats", formats]).arg(&bundle).arg("-o").arg(&output));
    assert_eq!(report.code, plumb_tests::report_code(&bundle), "{}", report.err);
    let mut texts: Vec<(&str, String)> = ["md", "html", "json"]
        .into_iter()
        .map(|format| (format, fs::read_to_string(output.join(format!("report.{format}"))).unwrap()))
        .collect();
    let pdf = output.join("report-appendix.pdf");
    if pdf.exists() {
        match Command::new("pdftotext").arg("-raw").arg(&pdf).arg("-").output() {
            Ok(result) => texts.push(("pdf", String::from_utf8_lossy(&result.stdout).into_owned())),
            Err(_) => skip("the text of the PDF is not compared: pdftotext (poppler-utils) is not here"),
        }
    }
    for finding in json["findings"].as_array().unwrap() {
        let check = finding["check"].as_str().unwrap();
        for (format, text) in &texts {
            // A PDF may break an id at the end of a line.
            let flat: String = text.split_whitespace().collect();
            assert!(flat.contains(check), "{check} is not in {format}");
        }
    }
}

#[test]
fn a_report_that_cannot_be_written_leaves_nothing_half_done() {
    if !typst() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    assert_eq!(run(plumb().args(["-q", "collect", "-o"]).arg(&bundle)).code, 0);
    let blocked = folder.path().join("file");
    fs::write(&blocked, "kept").unwrap();
    let report = run(plumb().arg("report").arg(&bundle).arg("-o").arg(&blocked));
    assert_eq!(report.code, 2, "{report:?}");
    assert!(report.err.contains("file"), "{report:?}");
    assert_eq!(fs::read_to_string(&blocked).unwrap(), "kept");

    let output = folder.path().join("out");
    fs::create_dir_all(output.join("report.pdf")).unwrap();
    let report = run(plumb().arg("report").arg(&bundle).arg("-o").arg(&output));
    assert_eq!(report.code, 2, "{report:?}");
    assert!(report.err.contains("report.pdf"), "{report:?}");
    assert_eq!(fs::read_dir(&output).unwrap().count(), 1, "no temporary file is left");
}

/// Bundles with their engagement files, seen from `samples`.
const SAMPLES: [&str; 6] =
    ["reports/this-machine", "reports/untuned", "reports/remedied", "reports/guest", "h200", "h100-x2"];

/// The `report.json` of a sample in a language, with the exit code.
fn model(sample: &str, language: &str, output: &Path) -> (serde_json::Value, i32) {
    let folder = plumb_tests::workspace().join("samples").join(sample);
    let report = run(plumb()
        .args(["-q", "report", "--formats", "json", "--language", language])
        .arg(folder.join("node.plumb"))
        .arg("--engagement")
        .arg(folder.join("engagement.toml"))
        .arg("-o")
        .arg(output));
    assert!([0, 6].contains(&report.code), "{sample}: {}", report.err);
    let text = fs::read_to_string(output.join("report.json")).unwrap();
    (serde_json::from_str(&text).unwrap(), report.code)
}

#[test]
fn the_samples_keep_the_rules_of_wording() {
    let folder = tempfile::tempdir().unwrap();
    for sample in SAMPLES {
        for language in ["en", "de"] {
            let output = folder.path().join(format!("{}-{language}", sample.replace('/', "-")));
            let (file, code) = model(sample, language, &output);
            assert_eq!(plumb_tests::wording::faults(&file), Vec::<String>::new(), "{sample} in {language}");
            let contradicts = file["contradictions"].as_array().is_some_and(|own| !own.is_empty());
            assert_eq!(code, if contradicts { 6 } else { 0 }, "{sample}");
        }
    }
}

/// All spans of a report that are words: neither code nor a name of the node.
/// The number that a text begins with, thousands apart by a no-break space.
fn leading(text: &str) -> Option<f64> {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | '\u{a0}');
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    text[..end].replace('\u{a0}', "").parse().ok()
}

#[test]
fn numbers_for_other_tools_are_those_that_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    let (model, _) = model("reports/untuned", "en", folder.path());
    let numbers = model["report"]["numbers"].as_array().unwrap();
    assert!(numbers.len() > 50, "{}", numbers.len());
    let mut other = Vec::new();
    for own in numbers {
        let (text, value) = (own["text"].as_str().unwrap(), own["value"].as_f64().unwrap());
        // Changes are ratios.
        let Some(printed) = leading(text) else { continue };
        // Shares are printed as whole per cent.
        let rounding = if text.ends_with('%') { 0.51 } else { 0.006 };
        let is_it = |value: f64| (printed - value).abs() <= 0.006 * value.abs() + rounding;
        if !is_it(value) && !is_it(value * 100.0) {
            other.push(format!("{}: `{text}` is {value}", own["id"]));
        }
    }
    assert!(other.is_empty(), "{}", other.join("\n"));
}

fn spans(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Array(items) => items.iter().for_each(|item| spans(item, found)),
        serde_json::Value::Object(fields) => {
            let style = fields.get("style").and_then(|style| style.as_str()).unwrap_or_default();
            if let Some(text) = fields.get("text").and_then(|text| text.as_str()).filter(|_| style != "code")
            {
                found.push(text.to_owned());
            }
            for (key, value) in fields {
                match value {
                    serde_json::Value::String(text)
                        if ["title", "label", "note", "caption", "alt"].contains(&key.as_str()) =>
                    {
                        found.push(text.clone());
                    }
                    value => spans(value, found),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn a_german_report_is_german() {
    let folder = tempfile::tempdir().unwrap();
    let (german, _) = model("reports/untuned", "de", &folder.path().join("de"));
    let (english, _) = model("reports/untuned", "en", &folder.path().join("en"));
    let texts = |file: &serde_json::Value| {
        let mut found = Vec::new();
        for chapter in file["report"]["parts"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|part| part["chapters"].as_array().unwrap())
        {
            // Titles of sources are those of the sources.
            if chapter["id"] != "sources" {
                spans(chapter, &mut found);
            }
        }
        found
    };
    // What the node calls its parts, and what its sources say of themselves, is the same in every language.
    let findings = english["findings"].as_array().unwrap();
    let own: Vec<String> = findings
        .iter()
        .flat_map(|own| {
            let is_open = own["outcome"] == "not-run";
            [Some(&own["subject"]), is_open.then_some(&own["message"])]
        })
        .flatten()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect();
    let (german, english) = (texts(&german), texts(&english));
    let said: std::collections::BTreeSet<&String> = english.iter().collect();
    let is_sentence = |text: &str| {
        let outside = text.split('`').step_by(2).collect::<String>();
        outside
            .split_whitespace()
            .filter(|word| word.len() > 2 && word.chars().all(char::is_alphabetic))
            .count()
            >= 4
    };
    let same: Vec<&String> = german
        .iter()
        .filter(|text| said.contains(text) && is_sentence(text) && !own.iter().any(|own| text.contains(own)))
        .collect();
    assert!(same.is_empty(), "as in English: {same:#?}");
    // Words that no German would use, and numbers in English form.
    let words = [
        "Beleg",
        "Replik ",
        "Torprüfung",
        "Sonde",
        "Hingenommen",
        "hingenommen",
        "Gegenstand",
        "Mangel",
        "Stapel",
        "offener Schleife",
        "Haltung für",
        "Not run",
        "Coverage",
    ];
    for text in &german {
        let outside = text.split('`').step_by(2).collect::<String>();
        for word in words {
            assert!(!outside.contains(word), "{word}: {text}");
        }
        let english_number = outside.split(|c: char| c.is_whitespace() || "()[],;".contains(c)).any(|word| {
            let (whole, decimals) = word.split_once('.').unwrap_or_default();
            !whole.is_empty()
                && decimals.len() == 1
                && (whole.to_owned() + decimals).chars().all(|c| c.is_ascii_digit())
        });
        assert!(
            !english_number || text.contains("Version") || text.contains("24.04"),
            "an English number: {text}"
        );
    }
}

#[test]
fn a_report_is_rendered_again_from_its_json() {
    let folder = tempfile::tempdir().unwrap();
    let (first, again) = (folder.path().join("first"), folder.path().join("again"));
    let sample = plumb_tests::workspace().join("samples/reports/untuned");
    let formats = if typst() { "pdf,md,html,json" } else { "md,html,json" };
    let report = run(plumb()
        .args(["-q", "report", "--formats", formats, "--language", "de"])
        .arg(sample.join("node.plumb"))
        .arg("--engagement")
        .arg(sample.join("engagement.toml"))
        .arg("-o")
        .arg(&first));
    assert!([0, 6].contains(&report.code), "{}", report.err);
    let rendered = run(plumb()
        .args(["-q", "report", "--formats", formats])
        .arg(first.join("report.json"))
        .arg("-o")
        .arg(&again));
    assert_eq!(rendered.code, 0, "{}", rendered.err);
    for name in ["report.md", "report.html", "report.json", "report.pdf", "report-appendix.pdf"] {
        if first.join(name).exists() {
            assert_eq!(sha256(&first.join(name)), sha256(&again.join(name)), "{name}");
        }
    }
    let other = run(plumb()
        .args(["-q", "report", "--language", "en"])
        .arg(first.join("report.json"))
        .arg("-o")
        .arg(folder.path().join("en")));
    assert_eq!(other.code, 2);
    assert!(other.err.contains("is written in `de`"), "{}", other.err);
    fs::write(folder.path().join("broken.json"), "{\"report\": {}}").unwrap();
    let broken = run(plumb()
        .args(["-q", "report"])
        .arg(folder.path().join("broken.json"))
        .arg("-o")
        .arg(folder.path().join("x")));
    assert_eq!(broken.code, 2);
    assert!(broken.err.contains("expected a report of version 1"), "{}", broken.err);
}

#[test]
fn the_authors_hand_is_printed_and_hashed() {
    let folder = tempfile::tempdir().unwrap();
    let sample = plumb_tests::workspace().join("samples/reports/untuned");
    let engagement = fs::read_to_string(sample.join("engagement.toml")).unwrap();
    let engagement = engagement
        .replace("[report]\n", "[report]\nstatus = \"draft\"\nversion = \"0.9\"\ndistribution = [\"CTO\"]\n")
        + "\n[summary]\nheadline = \"Do not order 77 GPUs yet.\"\ntext = \"summary.txt\"\n\
           [[note]]\ncheck = \"sched.cfs-throttling\"\ntext = \"Agreed on site.\"\nimage = \"rack.png\"\nalt = \"the rack\"\n\
           [[finding]]\ntitle = \"The rear fans are blocked\"\ngrade = \"medium\"\nowner = \"D. Person\"\n\
           [[action]]\ncheck = \"sched.cfs-throttling\"\nowner = \"A. Person\"\ndue = 2026-03-09\nstatus = \"in-progress\"\n\
           [[action]]\ncheck = \"no.such-check\"\nowner = \"A. Person\"\n";
    fs::write(folder.path().join("e.toml"), &engagement).unwrap();
    fs::write(folder.path().join("summary.txt"), "Our own words.\n\nA second paragraph.\n").unwrap();
    // One pixel.
    let png =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let png = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, png).unwrap();
    fs::write(folder.path().join("rack.png"), png).unwrap();
    let report = |output: &Path| {
        run(plumb()
            .args(["report", "--formats", "md,json"])
            .arg(sample.join("node.plumb"))
            .arg("--engagement")
            .arg(folder.path().join("e.toml"))
            .arg("-o")
            .arg(output))
    };
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let first = report(&one);
    assert!([0, 6].contains(&first.code), "{}", first.err);
    assert!(first.err.contains("states numbers that the report does not: 77"), "{}", first.err);
    assert!(first.err.contains("[[action]] for `no.such-check`"), "{}", first.err);
    let text = fs::read_to_string(one.join("report.md")).unwrap();
    for said in [
        "Do not order 77 GPUs yet.",
        "Our own words.",
        "Agreed on site.",
        "O1",
        "The rear fans are blocked",
        "A. Person",
        "9 March 2026",
        "in progress",
        "Draft",
        "CTO",
    ] {
        assert!(text.contains(said), "{said}");
    }
    assert!(
        !text.contains("Correct ") || !text.contains("before you order GPUs"),
        "the headline is the author's"
    );
    for file in ["e.toml", "summary.txt", "rack.png"] {
        assert!(text.contains(&sha256(&folder.path().join(file))), "{file}");
    }
    assert!(one.join("figures/picture-1.png").exists());
    assert_eq!(report(&two).code, first.code);
    assert_eq!(sha256(&one.join("report.json")), sha256(&two.join("report.json")));
    fs::remove_file(folder.path().join("rack.png")).unwrap();
    let missing = report(&folder.path().join("three"));
    assert_eq!(missing.code, 2);
    assert!(missing.err.contains("rack.png"), "{}", missing.err);
}
