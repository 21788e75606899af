//! Redacted bundles: the same grade, and pairs where one key made the tokens.

use std::fs;
use std::path::Path;

use plumb_tests::{plumb, run, workspace};
use serde_json::Value;

fn json(arguments: &[&str], bundle: &Path) -> Value {
    let result = run(plumb().args(arguments).arg(bundle));
    serde_json::from_str(&result.out).unwrap_or_else(|error| panic!("{error}: {result:?}"))
}

/// Risk, coverage, and how many findings there are of each check and outcome.
fn grade(bundle: &Path) -> (Value, Value, Vec<String>) {
    let assessment = json(&["check", "--format", "json"], bundle);
    let mut findings: Vec<String> = assessment["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| format!("{} {}", finding["check"], finding["outcome"]))
        .collect();
    findings.sort();
    (assessment["risk"]["grade"].clone(), assessment["coverage"].clone(), findings)
}

#[test]
fn a_redacted_bundle_gets_the_same_grade_and_pairs_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("key"), "a key that the client holds").unwrap();
    fs::write(at("other"), "a key that somebody else holds").unwrap();
    fs::write(at("short"), "short").unwrap();
    let node = workspace().join("samples/reports/untuned/node.plumb");
    let redact = |to: &str, more: &[&str]| {
        let result = run(plumb()
            .current_dir(folder.path())
            .args(["bundle", "redact"])
            .arg(&node)
            .args(["-o", to])
            .args(more));
        assert_eq!(result.code, 0, "{result:?}");
        result.out
    };
    let told = redact("standard", &["--key", "key"]);
    assert!(told.contains("not replaced: users, paths, models"), "{told}");
    redact("strict", &["--key", "key", "--level", "strict"]);
    redact("elsewhere", &["--key", "other"]);
    let told = redact("none", &[]);
    assert!(told.contains("without --key"), "{told}");
    let whole = grade(&node);
    for name in ["standard", "strict", "none"] {
        assert_eq!(grade(&at(name)), whole, "{name}");
    }
    let token = |name: &str| {
        json(&["bundle", "show", "--as", "manifest"], &at(name))["host_token"].as_str().unwrap().to_owned()
    };
    assert_eq!(token("standard"), token("strict"));
    assert_ne!(token("standard"), token("elsewhere"));
    assert_ne!(token("standard"), token("none"));
    let refused = run(plumb()
        .current_dir(folder.path())
        .args(["bundle", "redact", "-o", "x", "--key", "short"])
        .arg(&node));
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("16 bytes or more"), "{refused:?}");
}

#[test]
fn rules_in_a_file_replace_what_they_find() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut node = plumb_tests::synthetic::Node::healthy();
    let line = node.text("/proc/cmdline");
    node.set("/proc/cmdline", format!("{} apollo.team=apollo-red owner=apollo-blue\n", line.trim()));
    node.bundle().write(&at("node.plumb")).unwrap();
    fs::write(at("key"), "a key that the client holds").unwrap();
    let redact = |rules: &str, to: &str, more: &[&str]| {
        fs::write(at("rules.toml"), rules).unwrap();
        run(plumb()
            .current_dir(folder.path())
            .args(["bundle", "redact", "node.plumb", "--rules", "rules.toml", "-o", to])
            .args(more))
    };
    let rules = "[[rule]]\nname = \"project\"\npattern = \"apollo-[a-z]+\"\n\n[[rule]]\nname = \"key\"\ntext = \"apollo.team\"\n";
    let cmdline =
        |bundle: &str| run(plumb().args(["bundle", "cat"]).arg(at(bundle)).arg("/proc/cmdline")).out;
    let done = redact(rules, "numbered.plumb", &[]);
    assert_eq!(done.code, 0, "{done:?}");
    let numbered = cmdline("numbered.plumb");
    assert!(
        numbered.contains("key-1=project-2 owner=project-1") && !numbered.contains("apollo"),
        "{numbered}"
    );
    // With a key the tokens are the same in each bundle, and tell nothing of the order.
    for name in ["one.plumb", "two.plumb"] {
        assert_eq!(redact(rules, name, &["--key", "key"]).code, 0);
    }
    let keyed = cmdline("one.plumb");
    assert_eq!(keyed, cmdline("two.plumb"));
    assert!(!keyed.contains("apollo") && !keyed.contains("project-1 "), "{keyed}");
    for (wrong, says) in [
        ("[[rule]]\nname = \"x\"\npattern = \"a*\"\n", "empty text"),
        ("[[rule]]\nname = \"x\"\n", "either `text` or `pattern`"),
        ("[[rule]]\nname = \"x\"\npattern = \"[0-9]\"\n", "too short"),
        ("[[rules]]\nname = \"x\"\ntext = \"abc\"\n", "rules"),
        ("", "no [[rule]]"),
    ] {
        let refused = redact(wrong, "wrong.plumb", &[]);
        assert_eq!(refused.code, 2, "{wrong}: {refused:?}");
        assert!(refused.err.contains(says), "{wrong}: {refused:?}");
        assert!(!at("wrong.plumb").exists());
    }
}
