//! `slo.defined`: there is a service level to measure against.
//!
//! Without any, the reader is told which limits stand in: those of MLPerf's interactive scenario.

use plumb_check_sdk::model::ServiceLevel;
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, WorkloadTrait,
};
use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

static META: CheckMeta = CheckMeta {
    id: Borrowed("slo.defined"),
    title: Borrowed("There is a service level to measure against"),
    category: Category::ServiceLevel,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("Without a service level neither a risk nor a number of GPUs can be stated."),
    business: Borrowed("Nobody has said how fast is fast enough."),
    needs: Borrowed(&[Borrowed("/engagement/slo"), Borrowed("/engagement/workload")]),
    remediation: Remediation {
        runtime: Borrowed(
            "Agree on a service level with the client: percentile, time to first token, inter-token latency \
             or whole request, share of requests, window",
        ),
        persistent: Borrowed("Write it into the engagement file, for each class of traffic"),
        rollback: Borrowed("None: nothing is changed"),
        change: ChangeKind::Process,
        verification: Borrowed("The engagement file"),
        expected_effect: Borrowed("None: it is what effects are measured against."),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Every service"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("MLPerf Inference loadgen/mlperf.conf: Server scenario constraints"),
            url: Borrowed("https://github.com/mlcommons/inference/blob/master/loadgen/mlperf.conf"),
        },
        Reference {
            title: Borrowed("DistServe (OSDI 2024) blog: goodput"),
            url: Borrowed("https://hao-ai-lab.github.io/summary/distserve"),
        },
    ]),
};

/// See the module.
pub struct SloDefined;

impl Check for SloDefined {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        // The workload is there wherever an engagement file was read.
        let engagement: Result<BTreeMap<WorkloadTrait, bool>, Missing> = evidence.get("/engagement/workload");
        let slo: ServiceLevel = match (evidence.get("/engagement/slo"), engagement) {
            (Ok(slo), _) => slo,
            (Err(missing), Ok(_)) if missing.missing == Absence::Absent => return Ok(vec![nothing()]),
            (Err(missing), _) => return Err(missing),
        };
        Ok(vec![judge(&slo)])
    }
}

/// Where findings about what the client supplies point to.
const SOURCE: &str = "engagement";

/// MLPerf Inference, loadgen/mlperf.conf, interactive scenario of llama2-70b, p99.
const STAND_IN: &str = "MLPerf's interactive limits stand in: time to first token 450 ms and 40 ms per output token at \
                        the 99th percentile";

fn nothing() -> Finding {
    META.fail("service level", format!("none is stated; {STAND_IN}"))
        .with_likelihood(Likelihood::Setting)
        .with_evidence(Citation::new(SOURCE, "no service level"))
}

fn judge(slo: &ServiceLevel) -> Finding {
    let stated = [
        ("percentile", slo.percentile),
        ("time to first token (ms)", slo.ttft_ms),
        ("inter-token latency (ms)", slo.itl_ms),
        ("time per output token (ms)", slo.tpot_ms),
        ("whole request (ms)", slo.e2e_ms),
        ("share of requests (%)", slo.attainment_percent),
        ("window (days)", slo.window_days),
    ];
    let told: Vec<String> =
        stated.iter().filter_map(|(name, value)| Some(format!("{name} {}", (*value)?))).collect();
    if told.is_empty() {
        return nothing();
    }
    let citation = Citation::new(SOURCE, told.join(", "));
    let paced = slo.itl_ms.or(slo.tpot_ms).or(slo.e2e_ms).is_some();
    let lacking: Vec<&str> = [
        ("a percentile", slo.percentile.is_some()),
        ("a limit for the time to first token", slo.ttft_ms.is_some()),
        ("a limit between tokens or for the whole request", paced),
        ("the share of requests that must meet it", slo.attainment_percent.is_some()),
        ("the time over which it is judged", slo.window_days.is_some()),
    ]
    .into_iter()
    .filter(|(_, there)| !there)
    .map(|(part, _)| part)
    .collect();
    if lacking.is_empty() {
        return META.pass("service level", "it is stated in full").with_evidence(citation);
    }
    META.warn("service level", format!("it lacks {}", lacking.join(", ")))
        .with_likelihood(Likelihood::Setting)
        .with_evidence(citation)
}
