//! Contradictions, end to end: a node that lies about its memory, in every format and language; and none on nodes that do not.

use std::fs;
use std::path::Path;
use std::process::Command;

use plumb_tests::synthetic::Node;
use plumb_tests::{plumb, run, skip, workspace};
use serde_json::Value;

fn check(bundle: &Path) -> Value {
    let result = run(plumb().args(["check", "--format", "json"]).arg(bundle));
    assert_eq!(result.code, 0, "{}: {}", bundle.display(), result.err);
    serde_json::from_str(&result.out).unwrap()
}

/// Sentences of the contradictions of an assessment.
fn told(assessment: &Value) -> Vec<String> {
    let all = assessment["contradictions"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().map(|own| own["sentence"].as_str().unwrap().to_owned()).collect()
}

/// A healthy node whose second NUMA node has a sixteenth of its memory, as in a sandbox that makes the numbers up.
fn lying() -> Node {
    let mut node = Node::healthy();
    node.replace("/sys/devices/system/node/node1/meminfo", "MemTotal: 1056964608", "MemTotal: 66060288");
    node
}

#[test]
fn a_node_that_lies_is_told_so_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    lying().bundle().write(&bundle).unwrap();
    let sentences = told(&check(&bundle));
    assert_eq!(sentences.len(), 1, "{sentences:?}");
    assert!(sentences[0].contains("2016.0 GiB") && sentences[0].contains("1071.0 GiB"), "{sentences:?}");
    let text = run(plumb().arg("check").arg(&bundle)).out;
    assert!(text.contains("Contradictions (1)"), "{text}");
    for (language, heading, words) in [
        ("en", "Contradictions", "two sources tell the size of the memory differently"),
        ("de", "Widersprüche", "zwei Quellen nennen verschiedene Speichergrößen"),
    ] {
        let output = folder.path().join(language);
        let mut report = plumb();
        report.args(["-q", "report", "--language", language]).arg(&bundle).arg("-o").arg(&output);
        let mut result = run(report.args(["--formats", "pdf,md,html,json"]));
        if result.err.contains("was not found") {
            skip("the PDF is not looked at: typst is not here; `cargo xtask setup` installs it");
            let mut report = plumb();
            report.args(["-q", "report", "--language", language]).arg(&bundle).arg("-o").arg(&output);
            result = run(report.args(["--formats", "md,html,json"]));
        }
        assert_eq!(result.code, 6, "written, and not to be relied upon: {}", result.err);
        let mut texts: Vec<String> = ["md", "html"]
            .map(|format| fs::read_to_string(output.join(format!("report.{format}"))).unwrap())
            .into();
        let pdf = output.join("report.pdf");
        if pdf.exists() {
            match Command::new("pdftotext").arg("-raw").arg(&pdf).arg("-").output() {
                Ok(result) => texts.push(String::from_utf8_lossy(&result.stdout).into_owned()),
                Err(_) => skip("the text of the PDF is not looked at: pdftotext (poppler-utils) is not here"),
            }
        }
        for text in texts {
            let flat = |text: &str| text.split_whitespace().collect::<String>().to_lowercase();
            assert!(flat(&text).contains(&flat(heading)), "{language}: {heading}");
            assert!(flat(&text).contains(&flat(words)), "{language}: {words}");
        }
    }
}

/// Those with a planted fault are held to the same where they are told anyway, in `one_fault`.
#[test]
fn samples_have_no_contradiction() {
    for name in ["untuned", "remedied", "guest", "this-machine"] {
        let bundle = workspace().join("samples/reports").join(name).join("node.plumb");
        assert_eq!(told(&check(&bundle)), [""; 0], "{name}");
    }
}
