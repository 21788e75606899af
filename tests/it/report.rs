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
    assert_eq!(audit.code, 0, "{}", audit.err);
    let again = run(plumb().args(["-q", "audit"]).arg(first.join("node.plumb")).arg("-o").arg(&second));
    assert_eq!(again.code, 0, "{}", again.err);
    for name in ["report.pdf", "report.md"] {
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
    assert_eq!(report.code, 0, "{}", report.err);
    let mut texts: Vec<(&str, String)> = ["md", "html", "json"]
        .into_iter()
        .map(|format| (format, fs::read_to_string(output.join(format!("report.{format}"))).unwrap()))
        .collect();
    let pdf = output.join("report.pdf");
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
