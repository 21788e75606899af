//! Builders for the tests of this crate.

use std::collections::BTreeMap;

use plumb_check_sdk::{
    Category, ChangeKind, CheckMeta, Citation, Finding, Likelihood, Outcome, PackManifest, Question,
    Remediation, Severity, Threshold, ThresholdBasis,
};
use plumb_evidence::model::{BenchResult, Measurements};
use plumb_evidence::{Evidence, Fact};

use crate::assess::PackAnswer;

pub(crate) fn empty_evidence() -> Evidence {
    let missing = serde_json::json!({"missing": "skipped", "reason": "test"});
    let text = || missing.clone();
    serde_json::from_value(serde_json::json!({
        "schema": 1,
        "collection": {"tool_version": "0", "started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:00:01Z",
                       "origin": "live", "root": true, "probes": []},
        "node": {"hostname": text(), "kernel": text(), "os": text(), "cmdline": text(),
                 "virtualization": text(), "container": text(), "machine": text()},
        "cpu": text(), "numa": text(), "pci": text(), "gpus": text(), "cpufreq": text(), "cpuidle": text(),
        "sysctl": {}, "interrupts": text(), "cgroup": text(), "processes": text(), "hwloc": text(), "nvml": text()
    }))
    .unwrap()
}

/// Nothing but a load test.
pub(crate) fn loaded_evidence() -> Evidence {
    let mut evidence = empty_evidence();
    let test = BenchResult { valid: true, requests: 1000, ..BenchResult::default() };
    evidence.measurements =
        Fact::Known(Measurements { bench: Fact::Known(vec![test]), ..Measurements::default() });
    evidence
}

pub(crate) fn threshold(name: &'static str, number: f64) -> Threshold {
    Threshold {
        name: name.into(),
        number,
        unit: "%".into(),
        basis: ThresholdBasis::Expert,
        source: "test".into(),
        date: "2026-01-01".into(),
        applies_to: "all".into(),
    }
}

pub(crate) fn answer(checks: &[(&str, Severity, Outcome)]) -> PackAnswer {
    PackAnswer {
        manifest: PackManifest {
            id: "test".into(),
            version: "0.0.0".into(),
            abi_major: 1,
            abi_minor: 0,
            library: "libtest.so".into(),
            checks: checks.iter().map(|&(id, severity, _)| meta(id, severity)).collect(),
        },
        findings: checks
            .iter()
            .map(|&(id, _, outcome)| {
                Finding::new(id, outcome, "node", "something was seen")
                    .with_likelihood(Likelihood::Mechanism)
                    .with_evidence(Citation::new("/proc/version", "x"))
            })
            .collect(),
        sha256: "0".repeat(64),
        status: "ok".into(),
        sandbox: "none".into(),
        pages: BTreeMap::new(),
        foreign: false,
    }
}

/// Checks in tests are named by what they do: `governor.decides`, `placement.adds`, `position.acs`.
fn question(id: &str) -> Option<Question> {
    let (area, name) = id.split_once('.')?;
    let known = matches!(area, "placement" | "governor" | "neighbours");
    known.then(|| Question { id: area.to_owned().into(), decides: name.starts_with("decides") })
}

fn meta(id: &str, severity: Severity) -> CheckMeta {
    CheckMeta {
        id: id.to_owned().into(),
        title: "all is well".into(),
        category: Category::Placement,
        severity,
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
        questions: question(id).into_iter().collect(),
        positions: id.strip_prefix("position.").map(|name| name.to_owned().into()).into_iter().collect(),
        claims: Vec::new().into(),
        applicability: "always".into(),
        caveat: None,
        references: vec![].into(),
    }
}

/// The fifteen checks with the greatest impact, none of which applies: without them no node is ever Low.
pub(crate) fn top15() -> PackAnswer {
    let ids: Vec<String> = (1..=15).map(|rank| format!("top.check-{rank:02}")).collect();
    let checks: Vec<_> = ids.iter().map(|id| (id.as_str(), Severity::High, Outcome::NotApplicable)).collect();
    let mut answer = answer(&checks);
    answer.manifest.id = "top".into();
    for (meta, rank) in answer.manifest.checks.to_mut().iter_mut().zip(1..) {
        meta.top15_rank = Some(rank);
    }
    answer
}
