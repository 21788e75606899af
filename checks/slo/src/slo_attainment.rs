//! `slo.attainment`: the service meets its service level at today's peak, with statistical confidence.
//!
//! Judged on the load test whose rate is the lowest at or above the peak of one replica; a lower rate proves nothing, and
//! nothing is extrapolated. The bound is exact (Clopper and Pearson) and takes requests as independent. Without a number
//! of replicas the tested service is taken to carry the whole peak.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::model::{BenchResult, Demand, ServiceLevel};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Confidence, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity,
};

use crate::load::{self, Attainment};

static META: CheckMeta = CheckMeta {
    id: Borrowed("slo.attainment"),
    title: Borrowed("The service meets its SLO at today's peak, with statistical confidence"),
    category: Category::ServiceLevel,
    severity: Severity::Critical,
    gate: true,
    top15_rank: Some(15),
    rationale: Borrowed("This is what the client pays for; all other checks are about causes."),
    business: Borrowed("Out of a hundred customers, how many get the speed that was promised?"),
    needs: Borrowed(&[
        Borrowed("/engagement/slo"),
        Borrowed("/engagement/demand"),
        Borrowed("/measurements/bench"),
        Borrowed("/measurements/sweeps"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "Lower the concurrency (`--max-num-seqs` of vLLM), add a replica, or mend what the findings at \
             the top name",
        ),
        persistent: Borrowed("Plan the capacity"),
        rollback: Borrowed("The former arguments"),
        change: ChangeKind::Process,
        verification: Borrowed("Repeat the same load test; compare with paired intervals"),
        expected_effect: Borrowed("None: it is the outcome."),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    applicability: Borrowed("Every service"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("DistServe (OSDI 2024) blog: goodput"),
            url: Borrowed("https://hao-ai-lab.github.io/summary/distserve"),
        },
        Reference {
            title: Borrowed("MLPerf Inference loadgen/mlperf.conf: Server scenario constraints"),
            url: Borrowed("https://github.com/mlcommons/inference/blob/master/loadgen/mlperf.conf"),
        },
    ]),
};

/// See the module.
pub struct SloAttainment;

impl Check for SloAttainment {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let slo: ServiceLevel = evidence.get("/engagement/slo")?;
        let target = load::target(&slo)?;
        let demand: Demand = evidence.get("/engagement/demand")?;
        let tests = load::tests(evidence)?;
        let peak = demand
            .peak_requests_per_s
            .filter(|peak| *peak > 0.0)
            .ok_or_else(|| Missing::new(Absence::Absent, "the demand at the peak is not stated"))?;
        let replicas = demand.replicas.filter(|replicas| *replicas > 0);
        let peak = peak / f64::from(replicas.unwrap_or(1));
        let test = at_peak(&tests, peak)?;
        let attainment = Attainment::of(test)?;
        Ok(vec![judge(test, &attainment, target, peak, replicas.is_some())])
    }
}

/// The usable test with the lowest rate at or above the peak; of repetitions the one that met the least.
fn at_peak(tests: &[BenchResult], peak: f64) -> Result<&BenchResult, Missing> {
    let mut why = None;
    let mut best: Option<(f64, f64, &BenchResult)> = None;
    for test in tests {
        let attainment = match Attainment::of(test) {
            Ok(attainment) => attainment,
            Err(missing) => {
                why = Some(missing);
                continue;
            }
        };
        let Some(rate) = test.offered_rps.filter(|rate| *rate >= peak) else { continue };
        let closer =
            best.is_none_or(|(other, share, _)| rate < other || (rate <= other && attainment.share < share));
        if closer {
            best = Some((rate, attainment.share, test));
        }
    }
    best.map(|(.., test)| test).ok_or_else(|| {
        let other = why.map_or_else(String::new, |missing| format!("; {}", missing.reason));
        let reason = format!("no usable load test reached the peak of {peak:.2} requests per second{other}");
        Missing::new(Absence::Skipped, reason)
    })
}

fn judge(test: &BenchResult, attainment: &Attainment, target: f64, peak: f64, replicas: bool) -> Finding {
    let whole = if replicas { "of one replica " } else { "" };
    let message = format!(
        "at the peak {whole}({peak:.2} requests per second) {:.2} % of requests meet the service level, at least {:.2} % \
         with 95 % confidence; the target is {:.2} %",
        100.0 * attainment.share,
        100.0 * attainment.lower,
        100.0 * target
    );
    let value = format!("{} of {} requests met it", attainment.met, attainment.requests);
    let finding = if attainment.lower >= target {
        META.pass("service", message)
    } else if attainment.share >= target {
        META.warn("service", message)
    } else {
        META.fail("service", message)
    };
    let confidence = if test.corrected { Confidence::High } else { Confidence::Medium };
    finding
        .with_likelihood(Likelihood::Measured)
        .with_confidence(confidence)
        .with_evidence(load::cite(test, &value))
}
