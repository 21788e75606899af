//! Every format tells the same findings, for generated assessments: text, JSON, Markdown, and the data that the PDF is
//! set from.
//!
//! Each finding has a message of its own, so that it can be found again in any format, and with it its outcome.

use std::cell::Cell;
use std::collections::BTreeSet;

use plumb_check_sdk::{
    Category, ChangeKind, CheckMeta, Citation, Confidence, Finding, Likelihood, Outcome, PackManifest,
    Remediation, Severity,
};
use plumb_engine::waiver::{Waiver, parse_date};
use plumb_engine::{Assessment, PackAnswer, Terms};
use plumb_report::Theme;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::text;

/// A case renders three formats, so there are so many times fewer than proptest would run; `PROPTEST_CASES` sets those.
const FEWER: u32 = 4;

/// Outcome and message.
type Key = (String, String);

fn meta(id: &str, category: usize) -> CheckMeta {
    CheckMeta {
        id: id.to_owned().into(),
        title: format!("title of {id}").into(),
        category: Category::ALL[category],
        severity: Severity::High,
        gate: false,
        top15_rank: None,
        rationale: "because".into(),
        business: "money".into(),
        needs: vec![].into(),
        remediation: Remediation {
            runtime: "do".into(),
            persistent: "keep".into(),
            rollback: "undo".into(),
            change: ChangeKind::Runtime,
            verification: "look".into(),
            expected_effect: "none published".into(),
        },
        thresholds: vec![].into(),
        amplified_by: vec![].into(),
        questions: Vec::new().into(),
        positions: Vec::new().into(),
        claims: Vec::new().into(),
        applicability: "always".into(),
        caveat: None,
        references: vec![].into(),
    }
}

/// A category and the findings of a check.
type Generated = (usize, Vec<(Outcome, Likelihood, Confidence, bool)>);

fn checks() -> impl Strategy<Value = Vec<Generated>> {
    let outcome = prop::sample::select(vec![
        Outcome::Pass,
        Outcome::Warn,
        Outcome::Fail,
        Outcome::Info,
        Outcome::NotApplicable,
        Outcome::NotRun,
        Outcome::Contradictory,
    ]);
    let likelihood = prop::sample::select(vec![Likelihood::Setting, Likelihood::Measured]);
    let confidence = prop::sample::select(vec![Confidence::Low, Confidence::High]);
    let finding = (outcome, likelihood, confidence, prop::bool::weighted(0.3));
    prop::collection::vec((0..7usize, prop::collection::vec(finding, 1..4)), 1..12)
}

fn assess(checks: &[Generated]) -> Assessment {
    let missing = json!({"missing": "skipped", "reason": "test"});
    let mut document = json!({
        "schema": 1, "sysctl": {}, "node": {},
        "collection": {"tool_version": "0", "started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:00:01Z",
                       "origin": "live", "root": true, "probes": []},
    });
    for fact in ["hostname", "kernel", "os", "cmdline", "virtualization", "container", "machine"] {
        document["node"][fact] = missing.clone();
    }
    for section in [
        "cpu",
        "numa",
        "pci",
        "gpus",
        "cpufreq",
        "cpuidle",
        "interrupts",
        "cgroup",
        "processes",
        "hwloc",
        "nvml",
    ] {
        document[section] = missing.clone();
    }
    let (mut metas, mut findings, mut waivers) = (Vec::new(), Vec::new(), Vec::new());
    for (i, (category, subjects)) in checks.iter().enumerate() {
        let id = format!("area.check-{i:02}");
        metas.push(meta(&id, *category));
        for (n, &(outcome, likelihood, confidence, waived)) in subjects.iter().enumerate() {
            let (subject, message) = (format!("subject {n}"), format!("token{i:02}x{n}"));
            findings.push(
                Finding::new(&*id, outcome, subject.clone(), message)
                    .with_likelihood(likelihood)
                    .with_confidence(confidence)
                    .with_evidence(Citation::new("/proc/version", "x")),
            );
            if waived {
                waivers.push(Waiver {
                    check: id.clone(),
                    subject: Some(subject),
                    owner: "o".into(),
                    reason: "r".into(),
                    expires: parse_date(if n == 0 { "2025-01-01" } else { "2027-01-01" }).unwrap(),
                });
            }
        }
    }
    let answer = PackAnswer {
        manifest: PackManifest {
            id: "test".into(),
            version: "0.0.0".into(),
            abi_major: 1,
            abi_minor: 0,
            library: "libtest.so".into(),
            checks: metas.into(),
        },
        findings,
        sha256: "0".repeat(64),
        status: "ok".into(),
        sandbox: "none".into(),
        pages: Default::default(),
        foreign: false,
    };
    let evidence = serde_json::from_value(document).unwrap();
    plumb_engine::assess(&evidence, "0", "0", vec![answer], &Terms { waivers, ..Terms::default() })
}

/// The message in a line, if there is one.
fn token(line: &str) -> Option<String> {
    let start = line.find("token")?;
    Some(line[start..].chars().take_while(char::is_ascii_alphanumeric).collect())
}

fn of_json(assessment: &Assessment) -> BTreeSet<Key> {
    let json: Value = serde_json::from_str(&serde_json::to_string_pretty(assessment).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    json["findings"].as_array().unwrap().iter().map(|f| (text(&f["outcome"]), text(&f["message"]))).collect()
}

/// A finding is a line with its outcome in capitals and a line with its message.
fn of_text(assessment: &Assessment) -> BTreeSet<Key> {
    let text = text::assessment(assessment, true);
    let lines: Vec<&str> = text.lines().collect();
    let outcome_of = |line: &str| {
        let word = line.strip_prefix("  ")?.split(' ').next()?;
        let is_outcome = word.chars().all(|c| c.is_ascii_uppercase() || c == '-');
        (is_outcome && !word.is_empty()).then(|| word.to_lowercase())
    };
    let pairs = lines.windows(2).filter_map(|pair| Some((outcome_of(pair[0])?, token(pair[1])?)));
    pairs.collect()
}

/// A finding is a paragraph of the appendix that begins with its outcome in bold, or a row of its section's table.
fn of_markdown(assessment: &Assessment, theme: &Theme) -> BTreeSet<Key> {
    let report = plumb_report::model(assessment, theme).unwrap();
    let text = plumb_report::markdown(&report, theme).unwrap().text;
    let (_, appendix) = text.split_once("\n# Appendix\n").unwrap();
    let (mut chapter, mut section) = ("", "");
    let mut keys = BTreeSet::new();
    for line in appendix.lines() {
        chapter = line.strip_prefix("## ").unwrap_or(chapter);
        section = line.strip_prefix("### ").unwrap_or(section);
        let Some(token) = token(line).filter(|_| !line.starts_with('#')) else { continue };
        let outcome = match (chapter.split_once(' ').map(|(_, title)| title), section) {
            (Some("All findings with their evidence"), _) => {
                line.strip_prefix("**").and_then(|rest| rest.split("**").next()).map(str::to_lowercase)
            }
            (Some("Checks without an answer"), _) if line.contains("| **Contradictory** |") => {
                Some("contradictory".to_owned())
            }
            (Some("Checks without an answer"), _) => Some("not-run".to_owned()),
            (Some("Passed and not applicable"), "Checks passed") => Some("pass".to_owned()),
            (Some("Passed and not applicable"), _) => Some("not-applicable".to_owned()),
            _ => None,
        };
        keys.extend(outcome.map(|outcome| (outcome, token)));
    }
    keys
}

/// The words of a line of spans, or of several.
fn words(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(words).collect(),
        value => value["text"].as_str().unwrap_or_default().to_owned(),
    }
}

fn of_typst(assessment: &Assessment, theme: &Theme) -> BTreeSet<Key> {
    let report = plumb_report::model(assessment, theme).unwrap();
    let source = plumb_report::typst_source(&report, plumb_report::model::APPENDIX, theme).unwrap();
    let (_, data) = source.files().find(|(name, _)| *name == "data.json").unwrap();
    let data: Value = serde_json::from_slice(data).unwrap();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut keys = BTreeSet::new();
    for chapter in list(&data["part"]["chapters"]) {
        let mut section = String::new();
        for block in list(&chapter["blocks"]) {
            let of_rows = |outcome: &dyn Fn(&Value) -> String| -> Vec<Key> {
                let rows = list(&block["rows"]).into_iter().filter(|row| list(&row["cells"]).len() == 3);
                rows.filter_map(|row| Some((outcome(&row["cells"]), token(&words(&row["cells"][2]))?)))
                    .collect()
            };
            let id = |span: &Value| span["id"].as_str().unwrap_or_default().to_owned();
            match (chapter["id"].as_str().unwrap(), block["block"].as_str().unwrap()) {
                (_, "heading") => section = words(&block["text"]),
                ("detail", "paragraph") if block["text"][0]["style"] == "outcome" => {
                    keys.extend(token(&words(&block["text"])).map(|token| (id(&block["text"][0]), token)));
                }
                ("unanswered", "table") => keys.extend(of_rows(&|cells| id(&cells[1][0][0]))),
                ("passed", "table") => {
                    let outcome = if section == "Checks passed" { "pass" } else { "not-applicable" };
                    keys.extend(of_rows(&|_| outcome.to_owned()));
                }
                _ => {}
            }
        }
    }
    keys
}

#[test]
fn all_formats_carry_the_same_findings() {
    let theme = Theme::builtin().unwrap();
    let judged = Cell::new((0u32, 0usize));
    let config = Config::default();
    let config = Config { cases: config.cases.div_ceil(FEWER), failure_persistence: None, ..config };
    let result = TestRunner::new(config).run(&checks(), |checks| {
        let assessment = assess(&checks);
        let json = of_json(&assessment);
        prop_assert_eq!(json.len(), checks.iter().map(|(_, subjects)| subjects.len()).sum::<usize>());
        prop_assert_eq!(&of_text(&assessment), &json, "text");
        prop_assert_eq!(&of_markdown(&assessment, &theme), &json, "markdown");
        prop_assert_eq!(&of_typst(&assessment, &theme), &json, "typst");
        let (cases, findings) = judged.get();
        judged.set((cases + 1, findings + json.len()));
        Ok(())
    });
    let (cases, findings) = judged.get();
    println!(
        "property: same findings in text, JSON, Markdown and PDF data: {cases} cases, {findings} findings"
    );
    if let Err(error) = result {
        panic!("{error}");
    }
}
