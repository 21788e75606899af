//! `slo.tail-ratio`: tail latency is close to the median.
//!
//! Judged on load tests at no more than 70 % of the highest rate that was completed in any test: nearer to the limit the
//! tail is that of the queue. Only requests of one length class may be compared, which a load test sees to. Without one
//! the server's own histogram is judged, for the time between tokens only and with less confidence, if no request waited.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{BenchResult, LatencySummary, ServerMetrics};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Finding, Likelihood,
    Missing, Question, Reference, Remediation, Severity, ThresholdBasis, WorkloadTrait,
};

use crate::load::{self, Times};

static META: CheckMeta = CheckMeta {
    id: Borrowed("slo.tail-ratio"),
    title: Borrowed("Tail latency is close to the median"),
    category: Category::ServiceLevel,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("A wide tail beside a good median is the mark of noise, throttling or preemption."),
    business: Borrowed("Most answers are fast, a few are very slow, and those few call the help desk."),
    needs: Borrowed(&[
        Borrowed("/measurements/bench"),
        Borrowed("/measurements/sweeps"),
        Borrowed("/measurements/server"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("Lay slow tokens beside throttling, steal, run delay and interrupts"),
        persistent: Borrowed("Mend the causes"),
        rollback: Borrowed("None: nothing is changed"),
        change: ChangeKind::Process,
        verification: Borrowed("Repeat the load test"),
        expected_effect: Borrowed(
            "Intel's NUMA case: +50.9 % throughput at a limit of 10 ms, but +1.7 % without limit: defects \
             of a host show in the tail, not in the mean.",
        ),
    },
    thresholds: Borrowed(&[
        LOW_LOAD.threshold(),
        ITL_WIDE.threshold(),
        ITL_TOO_WIDE.threshold(),
        TTFT_WIDE.threshold(),
        TTFT_TOO_WIDE.threshold(),
    ]),
    amplified_by: Borrowed(&[WorkloadTrait::StrictTail]),
    questions: Borrowed(&[Question { id: Borrowed("neighbours"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Every service"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("Intel Optimization Zone: NUMA case study, server-side Java on Xeon 6972P"),
            url: Borrowed(
                "https://github.com/intel/optimization-zone/blob/main/hardware/NUMA/case_studies/java_server_side_workload.md",
            ),
        },
        Reference {
            title: Borrowed("eunomia.dev 2026-05-24: When CPU Noise Slows Down GPU Inference (eBPF)"),
            url: Borrowed(
                "https://eunomia.dev/blog/2026/05/24/measuring-cpu-noise-in-gpu-inference-with-ebpf/",
            ),
        },
        Reference {
            title: Borrowed("TensorRT-LLM PR #8805: NUMA-aware CPU affinity autoconfig"),
            url: Borrowed("https://github.com/NVIDIA/TensorRT-LLM/pull/8805"),
        },
    ]),
};

const LOW_LOAD: Limit<Percent> = Limit {
    name: "load, as share of the highest completed rate, up to which the tail is judged",
    value: Quantity::new(70.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: beyond, queues set the tail",
    date: "2026-11-23",
    applies_to: "load tests",
};

const ITL_WIDE: Limit<Times> = Limit {
    name: "99th percentile over median of the inter-token latency above which there is a warning",
    value: Quantity::new(3.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "requests of one length class",
};

const ITL_TOO_WIDE: Limit<Times> = Limit {
    name: "the same above which it is a failure",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "requests of one length class",
};

const TTFT_WIDE: Limit<Times> = Limit {
    name: "99th percentile over median of the time to first token above which there is a warning",
    value: Quantity::new(4.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "requests of one length class",
};

const TTFT_TOO_WIDE: Limit<Times> = Limit {
    name: "the same for the time to first token above which it is a failure",
    value: Quantity::new(8.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "requests of one length class",
};

/// See the module.
pub struct SloTailRatio;

impl Check for SloTailRatio {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let tests = match load::tests(evidence) {
            Ok(tests) => tests,
            Err(missing) => return of_servers(evidence, &missing),
        };
        let test = lightly_loaded(evidence, &tests)?;
        let parts = [
            ("inter-token latency", &test.itl_ms, &ITL_WIDE, &ITL_TOO_WIDE),
            ("time to first token", &test.ttft_ms, &TTFT_WIDE, &TTFT_TOO_WIDE),
        ];
        Ok(parts
            .into_iter()
            .map(|(name, latency, wide, too_wide)| {
                let source = load::name(test);
                judge(evidence, (name, latency), (wide, too_wide), (&test.path, &source))
            })
            .collect())
    }
}

/// The usable test with the highest rate that is still light.
fn lightly_loaded<'a>(evidence: &Evidence<'_>, tests: &'a [BenchResult]) -> Result<&'a BenchResult, Missing> {
    let mut usable = Vec::new();
    let mut why = None;
    for test in tests {
        match load::usable(test) {
            Ok(()) => usable.push(test),
            Err(missing) => why = Some(missing),
        }
    }
    let highest = usable.iter().map(|test| test.requests_per_s).fold(0.0, f64::max);
    let light = |test: &&&BenchResult| {
        let load = Quantity::new(100.0 * test.offered_rps.unwrap_or(f64::MAX) / highest);
        highest > 0.0 && !evidence.limit(&META, &LOW_LOAD).is_exceeded_by(load)
    };
    let found = usable
        .iter()
        .filter(light)
        .max_by(|a, b| a.offered_rps.unwrap_or_default().total_cmp(&b.offered_rps.unwrap_or_default()));
    found.copied().ok_or_else(|| {
        why.unwrap_or_else(|| {
            let reason = "no load test had a low load beside one with a high load: the tail at the limit is that of the queue";
            Missing::new(Absence::Skipped, reason)
        })
    })
}

fn judge(
    evidence: &Evidence<'_>,
    (name, latency): (&str, &LatencySummary),
    (wide, too_wide): (&Limit<Times>, &Limit<Times>),
    (path, source): (&str, &str),
) -> Finding {
    let (Some(p50), Some(p99)) = (latency.p50.filter(|p50| *p50 > 0.0), latency.p99) else {
        let message = format!("too few values for the 99th percentile ({} were counted)", latency.count);
        return META.not_run(name, message);
    };
    let ratio = Quantity::new(p99 / p50);
    let message = format!("99th percentile {:.2} times the median", ratio.number());
    let finding = if evidence.limit(&META, too_wide).is_exceeded_by(ratio) {
        META.fail(name, message)
    } else if evidence.limit(&META, wide).is_exceeded_by(ratio) {
        META.warn(name, message)
    } else {
        META.pass(name, message)
    };
    let value = format!("{source}: p50 {p50:.1} ms, p99 {p99:.1} ms");
    finding
        .with_likelihood(Likelihood::Measured)
        .with_confidence(Confidence::Medium)
        .with_evidence(Citation::new(path, value))
}

/// What the servers' own histograms tell, where nothing waited.
fn of_servers(evidence: &Evidence<'_>, without: &Missing) -> Result<Vec<Finding>, Missing> {
    let metrics: Vec<ServerMetrics> = evidence.get("/measurements/server").map_err(|_| without.clone())?;
    let calm: Vec<(&ServerMetrics, &LatencySummary)> = metrics
        .iter()
        .filter(|metrics| {
            !metrics.waiting.is_empty() && metrics.waiting.iter().all(|waiting| *waiting <= 0.0)
        })
        .filter_map(|metrics| Some((metrics, metrics.itl_ms.as_ref()?)))
        .collect();
    if calm.is_empty() {
        let reason = format!("{}, and no server told its latency while nothing waited", without.reason);
        return Err(Missing::new(without.missing, reason));
    }
    let mut findings: Vec<Finding> = calm
        .into_iter()
        .map(|(metrics, latency)| {
            let parts = ("inter-token latency", latency);
            let source = format!("histogram of {}", metrics.kind);
            judge(evidence, parts, (&ITL_WIDE, &ITL_TOO_WIDE), (&metrics.path, &source))
                .with_confidence(Confidence::Low)
        })
        .collect();
    let message = format!("only a load test compares requests of equal length: {}", without.reason);
    findings.push(META.not_run("time to first token", message));
    Ok(findings)
}
