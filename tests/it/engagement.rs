//! The engagement file through the whole program: faults, waivers, replaced thresholds, traits, and the same bytes.

use std::fs;
use std::path::{Path, PathBuf};

use plumb_tests::synthetic::{FIRST_WORKER, Node, worker_cpus};
use plumb_tests::{Run, plumb, run};
use serde_json::Value;

/// A node whose first worker is pinned to the far side, and whose governor saves power.
fn broken(folder: &Path) -> PathBuf {
    let mut node = Node::healthy();
    let paths: Vec<String> =
        node.files.keys().filter_map(|path| Some(path.strip_prefix("raw")?.to_owned())).collect();
    for path in paths {
        if path.ends_with("/scaling_governor") {
            node.set(&path, "powersave\n");
        }
        if path.ends_with("/energy_performance_preference") {
            node.set(&path, "power\n");
        }
        if path.starts_with(&format!("/proc/{FIRST_WORKER}/task/")) && path.ends_with("/status") {
            node.replace(&path, &worker_cpus(0), &worker_cpus(4));
        }
    }
    let path = folder.join("node.plumb");
    node.bundle().write(&path).unwrap();
    path
}

fn check(bundle: &Path, file: &str, arguments: &[&str]) -> Run {
    let path = bundle.with_file_name("engagement.toml");
    fs::write(&path, file).unwrap();
    run(plumb().arg("check").arg(bundle).arg("--engagement").arg(&path).args(arguments))
}

fn json(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).unwrap()
}

fn findings<'a>(json: &'a Value, check: &str) -> Vec<&'a Value> {
    json["findings"].as_array().unwrap().iter().filter(|finding| finding["check"] == check).collect()
}

const WAIVER: &str = r#"schema = 1
[[waiver]]
check = "cpu.governor"
owner = "A. Person"
reason = "power budget"
expires = 2099-12-31
"#;

#[test]
fn faults_of_the_file_are_bad_input_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = broken(folder.path());
    for (file, words) in [
        ("", "write `schema = 1`"),
        (
            &WAIVER.replace("owner", "ownr"),
            "engagement.toml:4: waiver.ownr: unknown key; did you mean `owner`?",
        ),
        (&WAIVER.replace("2099-12-31", "2099-13-31"), "engagement.toml:6"),
        (
            "schema = 1\n[slo]\nttft = 1\n",
            "engagement.toml:3: slo.ttft: unknown key; did you mean `ttft_ms`?",
        ),
    ] {
        let result = check(&bundle, file, &[]);
        assert_eq!((result.code, &*result.out), (2, ""), "{}", result.err);
        assert!(result.err.contains(words), "expected `{words}` in {}", result.err);
    }
    let absent = run(plumb().arg("check").arg(&bundle).args(["--engagement", "/nowhere.toml"]));
    assert_eq!(absent.code, 2, "{}", absent.err);
    assert!(absent.err.contains("/nowhere.toml"), "{}", absent.err);
    let day = check(&bundle, WAIVER, &["--as-of", "tomorrow"]);
    assert_eq!(day.code, 2, "{}", day.err);
}

#[test]
fn a_waiver_accepts_until_its_day_and_then_counts_again() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = broken(folder.path());
    let accepted = json(&check(&bundle, WAIVER, &["--format", "json"]));
    let governor = findings(&accepted, "cpu.governor");
    assert!(governor.iter().all(|finding| finding["outcome"] == "accepted"), "{governor:?}");
    assert_eq!(governor[0]["waiver"]["owner"], "A. Person");
    assert_eq!(accepted["waivers"][0]["state"], "in-force");

    let late = check(&bundle, WAIVER, &["--format", "json", "--as-of", "2100-01-01"]);
    assert!(late.err.contains("expired on 2099-12-31"), "{}", late.err);
    let late = json(&late);
    assert_eq!(findings(&late, "cpu.governor")[0]["waiver"]["expired"], true);
    assert_ne!(findings(&late, "cpu.governor")[0]["outcome"], "accepted");
    assert_eq!(late["coverage"], accepted["coverage"], "acceptance is no answer");

    let typo = check(&bundle, &WAIVER.replace("cpu.governor", "cpu.governer"), &[]);
    assert!(typo.err.contains("no pack that was asked has this check"), "{}", typo.err);
}

#[test]
fn the_same_file_gives_the_same_bytes_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = broken(folder.path());
    for format in ["text", "json"] {
        let once = check(&bundle, WAIVER, &["--format", format]).out;
        assert_eq!(once, check(&bundle, WAIVER, &["--format", format]).out);
        assert!(once.contains("A. Person"), "{format}");
    }
}

#[test]
fn a_replaced_threshold_is_shown_with_its_original_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = broken(folder.path());
    let file = r#"schema = 1
[[policy.threshold]]
check = "numa.gpu-affinity"
name = "share of a worker's CPU time away from its GPUs"
number = 12
reason = "measured by us"
[[policy.threshold]]
check = "numa.gpu-affinity"
name = "no such name"
number = 1
reason = "a typing mistake"
"#;
    let result = check(&bundle, file, &["--format", "json"]);
    assert!(result.err.contains("`numa.gpu-affinity/no such name` has no effect"), "{}", result.err);
    let result = json(&result);
    let limit = &findings(&result, "numa.gpu-affinity")[0]["thresholds"][0];
    assert_eq!((&limit["number"], &limit["overridden"]["number"]), (&5.0.into(), &12.0.into()));
    // Lines break anywhere between words.
    let text = check(&bundle, file, &[]).out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("12 % instead of 5 %"), "{text}");
    let output = folder.path().join("out");
    let path = bundle.with_file_name("engagement.toml");
    let report = run(plumb()
        .args(["report", "--formats", "md"])
        .arg(&bundle)
        .arg("--engagement")
        .arg(&path)
        .arg("-o")
        .arg(&output));
    assert_eq!(report.code, 0, "{}", report.err);
    let markdown = fs::read_to_string(output.join("report.md")).unwrap();
    assert!(markdown.contains("<br>replaced by 12 %: measured by us | 5 % |"), "{markdown}");
}

#[test]
fn the_checklist_tells_the_far_worker_and_the_governor() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = broken(folder.path());
    let result = json(&check(&bundle, "schema = 1\n", &["--format", "json"]));
    let questions = result["checklist"].as_array().unwrap();
    assert_eq!(questions[0]["grade"], "high", "{questions:?}");
    // It is about this node: the worker that was moved.
    let sentence = questions[0]["sentence"].as_str().unwrap();
    assert!(sentence.contains(&FIRST_WORKER.to_string()), "{sentence}");
    assert!(!questions[0]["findings"][0]["evidence"].as_array().unwrap().is_empty());
    assert_ne!(questions[1]["grade"], "low", "{questions:?}");
    let traits = result["profile"]["traits"].as_array().unwrap();
    let parallel = traits.iter().find(|own| own["trait"] == "tensor-parallel").unwrap();
    assert_eq!(parallel["answer"], "yes", "{parallel}");
    let healthy = folder.path().join("healthy.plumb");
    Node::healthy().bundle().write(&healthy).unwrap();
    let result = json(&check(&healthy, "schema = 1\n", &["--format", "json"]));
    let issues = result["key_issue"]["findings"].as_array().unwrap();
    let others = issues.iter().filter(|issue| issue["check"] != "slo.defined");
    assert_eq!(others.count(), 0, "nothing but the objectives is lacking: {issues:?}");
}
