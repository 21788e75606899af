//! `slo.queueing`: queue, preemption and cache pressure are under control.
//!
//! Judged for each server on what it says of itself at each scrape. A server without requests tells nothing, nor does one
//! that a sweep loaded beyond its limit.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::ServerMetrics;
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, ThresholdBasis,
};

static META: CheckMeta = CheckMeta {
    id: Borrowed("slo.queueing"),
    title: Borrowed("Queue, preemption and cache pressure are under control"),
    category: Category::ServiceLevel,
    severity: Severity::High,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("Past this point latency grows without bound, and no tuning of the host can help."),
    business: Borrowed("The shop is full: more staff or fewer customers per counter."),
    needs: Borrowed(&[Borrowed("/measurements/server")]),
    remediation: Remediation {
        runtime: Borrowed(
            "Raise `--gpu-memory-utilization`, lower `--max-num-seqs`, spread the model over more GPUs, or \
             add replicas",
        ),
        persistent: Borrowed("The same in the arguments of the unit; plan the capacity"),
        rollback: Borrowed("The former arguments"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed(
            "`vllm:num_requests_waiting`, `vllm:num_preemptions` and `vllm:kv_cache_usage_perc` at \
             `/metrics`",
        ),
        expected_effect: Borrowed("None by itself: it tells a problem of the host from too few GPUs."),
    },
    thresholds: Borrowed(&[
        SOME_WAIT.threshold(),
        MANY_WAIT.threshold(),
        CACHE_HIGH.threshold(),
        CACHE_FULL.threshold(),
    ]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Servers with metrics"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed(
                "vLLM docs: Optimization and Tuning, section 'CPU Resources for GPU Deployments'",
            ),
            url: Borrowed(
                "https://docs.vllm.ai/en/stable/configuration/optimization/#cpu-resources-for-gpu-deployments",
            ),
        },
        Reference {
            title: Borrowed("vLLM docs: Production Metrics"),
            url: Borrowed("https://docs.vllm.ai/en/v0.32.0/usage/metrics/"),
        },
        Reference {
            title: Borrowed("vLLM docs: metrics design"),
            url: Borrowed("https://raw.githubusercontent.com/vllm-project/vllm/main/docs/design/metrics.md"),
        },
    ]),
};

const SOME_WAIT: Limit<Percent> = Limit {
    name: "share of scrapes with waiting requests from which there is a warning",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "servers with metrics",
};

const MANY_WAIT: Limit<Percent> = Limit {
    name: "share of scrapes with waiting requests above which it is a failure",
    value: Quantity::new(25.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "servers with metrics, at a normal peak",
};

const CACHE_HIGH: Limit<Percent> = Limit {
    name: "95th percentile of the use of the KV cache from which there is a warning",
    value: Quantity::new(90.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "servers with metrics",
};

const CACHE_FULL: Limit<Percent> = Limit {
    name: "95th percentile of the use of the KV cache above which it is a failure",
    value: Quantity::new(97.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: the next long request preempts another",
    date: "2026-11-23",
    applies_to: "servers with metrics",
};

/// See the module.
pub struct SloQueueing;

impl Check for SloQueueing {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let servers: Vec<ServerMetrics> = evidence.get("/measurements/server")?;
        if servers.is_empty() {
            return Err(Missing::new(Absence::Skipped, "no server was asked for its metrics"));
        }
        // A sweep goes beyond the limit to find it; that requests wait there says nothing of the service.
        let servers: Vec<_> = servers.into_iter().filter(|server| !server.beyond_limit).collect();
        if servers.is_empty() {
            return Err(Missing::new(
                Absence::Skipped,
                "all loads were of a sweep and missed its objectives: measure at the load that is expected",
            ));
        }
        Ok(merged(servers.iter().flat_map(|server| judge(evidence, server))))
    }
}

/// One finding for what several load tests of a server showed alike, with the evidence of each.
fn merged(findings: impl Iterator<Item = Finding>) -> Vec<Finding> {
    let mut merged: Vec<Finding> = Vec::new();
    for finding in findings {
        let same = |other: &&mut Finding| {
            (&other.subject, other.outcome, &other.message)
                == (&finding.subject, finding.outcome, &finding.message)
        };
        match merged.iter_mut().find(same) {
            Some(other) => other.evidence.extend(finding.evidence),
            None => merged.push(finding),
        }
    }
    merged
}

fn judge(evidence: &Evidence<'_>, server: &ServerMetrics) -> Vec<Finding> {
    let subject =
        if server.kind.is_empty() { "server".to_owned() } else { format!("server {}", server.kind) };
    if server.waiting.is_empty() {
        return vec![META.not_run(subject, "it did not tell how many requests wait")];
    }
    let idle = |series: &[f64]| series.iter().all(|value| *value <= 0.0);
    if idle(&server.running) && idle(&server.waiting) {
        return vec![META.not_run(subject, "it had no requests: collect while the service runs")];
    }
    let cite = |value: String| Citation::new(&server.path, value);
    let deviates = |finding: Finding, value: String| {
        finding.with_likelihood(Likelihood::Mechanism).with_evidence(cite(value))
    };
    let mut findings = Vec::new();

    let waited = server.waiting.iter().filter(|waiting| **waiting > 0.0).count();
    let share = Quantity::new(100.0 * waited as f64 / server.waiting.len() as f64);
    let told = format!("requests waited in {waited} of {} scrapes", server.waiting.len());
    if evidence.limit(&META, &MANY_WAIT).is_exceeded_by(share) {
        findings.push(deviates(META.fail(&subject, "requests wait much of the time"), told.clone()));
    } else if !evidence.limit(&META, &SOME_WAIT).is_undercut_by(share) {
        findings.push(deviates(META.warn(&subject, "requests wait at times"), told.clone()));
    }

    match server.preemptions {
        Some(count) if count > 0.0 => {
            let finding = META.fail(&subject, "it preempts requests for want of KV cache");
            findings.push(deviates(finding, format!("{count} preemptions in {:.0} s", server.seconds)));
        }
        Some(_) => {}
        None => findings.push(META.not_run(&subject, "it did not count preemptions")),
    }

    match percentile_95(&server.kv_cache_percent) {
        Some(used) => {
            let told = format!("95th percentile of the use of its KV cache: {used:.1} %");
            if evidence.limit(&META, &CACHE_FULL).is_exceeded_by(Quantity::new(used)) {
                findings.push(deviates(META.fail(&subject, "its KV cache is full"), told));
            } else if !evidence.limit(&META, &CACHE_HIGH).is_undercut_by(Quantity::new(used)) {
                findings.push(deviates(META.warn(&subject, "its KV cache is nearly full"), told));
            }
        }
        None => findings.push(META.not_run(&subject, "it did not tell the use of its KV cache")),
    }

    if findings.is_empty() {
        let message = "hardly a request waits, none is preempted, and the KV cache has room";
        findings.push(META.pass(&subject, message).with_evidence(cite(told)));
    }
    findings
}

/// Nearest rank.
fn percentile_95(series: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = series.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let rank = (0.95 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_runs_show_alike_is_one_finding_with_the_evidence_of_each() {
        let waits =
            |path: &str| META.warn("server vllm", "waits").with_evidence(Citation::new(path, "2 of 17"));
        let full = META.fail("server vllm", "full").with_evidence(Citation::new("b", "98 %"));
        let merged = merged([waits("a"), full, waits("b")].into_iter());
        let told: Vec<_> = merged.iter().map(|one| (one.message.as_str(), one.evidence.len())).collect();
        assert_eq!(told, [("waits", 2), ("full", 1)]);
    }
}
