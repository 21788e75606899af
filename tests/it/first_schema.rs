//! What people built on findings of the first form goes on: engagement files, comparisons, and programs that read the JSON.
//!
//! The tables in `tests/first-schema` were written by the last version whose findings were text only, about the bundles in
//! `samples` of that time (those that are written anew lie beside the tables): subjects and outcomes, names of thresholds, and the
//! members of a finding with their types.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use plumb_tests::{plumb, run, workspace};
use serde_json::Value;

/// Answers that are meant to differ since, and why.
const DIFFERENCES: [(&str, &str, &str); 6] = [
    ("affinity.omp-threads", "unknown server 544", "threads of a pool that sleep are in nobody's way"),
    ("affinity.omp-threads", "unknown server 725", "threads of a pool that sleep are in nobody's way"),
    (
        "cpu.turbo-caps",
        "lowest performance",
        "a file that no driver of this node offers is no question that was left open",
    ),
    ("cpu.epp-epb", "node", "what is open is told of the preference or of the bias"),
    ("cpu.thermal-throttle", "core counters", "counters of neither kind are one open question"),
    ("cpu.thermal-throttle", "package counters", "counters of neither kind are one open question"),
];

fn table(name: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(workspace().join("tests/first-schema").join(name)).unwrap();
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn sample(name: &str) -> PathBuf {
    workspace().join("samples").join(name)
}

fn checked(sample_name: &str, engagement: &std::path::Path) -> Value {
    let kept = workspace().join("tests/first-schema").join(sample_name).join("node.plumb");
    let bundle = if kept.is_file() { kept } else { sample(sample_name).join("node.plumb") };
    let mut command = plumb();
    command.args(["check", "--format", "json"]).arg(bundle);
    let result = run(command.arg("--engagement").arg(engagement));
    assert_eq!(result.code, 0, "{sample_name}: {}", result.err);
    assert!(!result.err.contains("no effect"), "{sample_name}: {}", result.err);
    serde_json::from_str(&result.out).unwrap()
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn walk(at: &str, value: &Value, found: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    found.entry(at.to_owned()).or_default().insert(type_of(value));
    let below = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}/{key}") };
    match value {
        Value::Object(members) => members.iter().for_each(|(key, member)| walk(&below(key), member, found)),
        Value::Array(items) => items.iter().for_each(|item| walk(&below("*"), item, found)),
        _ => {}
    }
}

#[test]
fn subjects_outcomes_and_members_are_those_of_the_first_form() {
    let mut complaints = Vec::new();
    let mut members = BTreeMap::new();
    let mut by_sample: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for row in table("findings.tsv") {
        by_sample.entry(row[0].clone()).or_default().push(row);
    }
    let mut used = BTreeSet::new();
    for (name, rows) in &by_sample {
        let assessment = checked(name, &sample(name).join("engagement.toml"));
        let findings = assessment["findings"].as_array().unwrap();
        findings.iter().for_each(|finding| walk("", finding, &mut members));
        for row in rows {
            let [_, check, subject, outcome] = row.as_slice() else { panic!("{row:?}") };
            let now: BTreeSet<&str> = findings
                .iter()
                .filter(|finding| finding["check"] == **check && finding["subject"] == **subject)
                .filter_map(|finding| finding["outcome"].as_str())
                .collect();
            let meant = DIFFERENCES.iter().position(|(of, about, _)| of == check && about == subject);
            match (now.contains(outcome.as_str()), meant) {
                (false, Some(at)) => drop(used.insert(at)),
                (false, None) => {
                    complaints.push(format!("{name}: {check}: {subject}: {outcome}, and now {now:?}"));
                }
                (true, _) => {}
            }
        }
    }
    let unused = (0..DIFFERENCES.len()).filter(|at| !used.contains(at));
    complaints.extend(unused.map(|at| format!("{:?} no longer differs", DIFFERENCES[at])));
    for row in table("keys.tsv") {
        let types: BTreeSet<&str> = row[1].split(' ').collect();
        match members.get(&row[0]) {
            None => complaints.push(format!("no finding has `{}`", row[0])),
            Some(now) if !now.iter().all(|kind| types.contains(kind)) => {
                complaints.push(format!("`{}` was {types:?} and is {now:?}", row[0]));
            }
            Some(_) => {}
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn an_engagement_file_of_the_first_form_has_its_effect() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("schema = 1\n");
    let quoted = |text: &str| toml_string(text);
    let mut waived = 0;
    for row in table("findings.tsv").iter().filter(|row| row[0] == "reports/untuned") {
        if row[3] == "warn" || row[3] == "fail" {
            let _ = writeln!(
                text,
                "[[waiver]]\ncheck = {}\nsubject = {}\nowner = \"A. Client\"\nreason = \"known\"\nexpires = 2026-12-31",
                quoted(&row[1]),
                quoted(&row[2])
            );
            waived += 1;
        }
    }
    for row in table("thresholds.tsv") {
        let _ = writeln!(
            text,
            "[[policy.threshold]]\ncheck = {}\nname = {}\nnumber = {}\nreason = \"as it was\"",
            quoted(&row[0]),
            quoted(&row[1]),
            row[2]
        );
    }
    let path = folder.path().join("engagement.toml");
    fs::write(&path, text).unwrap();
    let assessment = checked("reports/untuned", &path);
    let findings = assessment["findings"].as_array().unwrap();
    let checks: BTreeSet<String> = table("findings.tsv").into_iter().map(|row| row[1].clone()).collect();
    let open: Vec<String> = findings
        .iter()
        .filter(|finding| checks.contains(finding["check"].as_str().unwrap()))
        .filter(|finding| finding["outcome"] == "warn" || finding["outcome"] == "fail")
        .map(|finding| format!("{}: {}", finding["check"], finding["subject"]))
        .collect();
    assert!(open.is_empty(), "these are not accepted: {open:#?}");
    let accepted = findings.iter().filter(|finding| finding["waiver"].is_object()).count();
    assert_eq!(accepted, waived, "each waiver has its finding");
    let actions = assessment["actions"].as_array().into_iter().flatten();
    let answers = |action: &Value| {
        let own = action["findings"].as_array().unwrap().iter();
        own.map(|finding| finding["check"].as_str().unwrap().to_owned()).any(|check| checks.contains(&check))
    };
    let asked: Vec<&Value> = actions.filter(|action| answers(action)).collect();
    assert!(asked.is_empty(), "what was accepted is not asked for: {asked:#?}");
}

fn toml_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
