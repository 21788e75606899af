//! `slo.measurement-quality`: the measurement itself can be trusted.
//!
//! The decisive rate is the highest at which a usable test was run up to the highest goodput, or where goodput was not
//! counted, the highest rate of completed requests. What the client's own load, and Little's law, say is in `valid`: the
//! load generator sets it.

use plumb_check_sdk::limit::{Count, Limit, Quantity, Seconds};
use plumb_check_sdk::model::BenchResult;
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Finding, Likelihood, Missing, Reference,
    Remediation, Severity, ThresholdBasis,
};
use std::borrow::Cow::Borrowed;
use std::collections::BTreeSet;

use crate::load;

static META: CheckMeta = CheckMeta {
    id: Borrowed("slo.measurement-quality"),
    title: Borrowed("The measurement itself can be trusted"),
    category: Category::ServiceLevel,
    severity: Severity::High,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("A closed loop, or a short test, hides exactly the delays that are looked for."),
    business: Borrowed("Before we promise money we check the ruler."),
    needs: Borrowed(&[Borrowed("/measurements/bench"), Borrowed("/measurements/sweeps")]),
    remediation: Remediation {
        runtime: Borrowed("Run the test again with the tool's preset"),
        persistent: Borrowed("The test plan of the report"),
        rollback: Borrowed("None: nothing is changed"),
        change: ChangeKind::Process,
        verification: Borrowed("The findings of this check on the new test"),
        expected_effect: Borrowed("None: it is about the measurement."),
    },
    thresholds: Borrowed(&[STEADY.threshold(), RATES.threshold(), REPEATS.threshold(), REQUESTS.threshold()]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bundles with a load test"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("MLPerf Inference loadgen/mlperf.conf: Server scenario constraints"),
            url: Borrowed("https://github.com/mlcommons/inference/blob/master/loadgen/mlperf.conf"),
        },
        Reference {
            title: Borrowed("Patil 2026: Beyond Per-Token Pricing (arXiv:2606.11690)"),
            url: Borrowed("https://arxiv.org/abs/2606.11690"),
        },
    ]),
};

const STEADY: Limit<Seconds> = Limit {
    name: "shortest measured time at a rate",
    value: Quantity::new(600.0),
    basis: ThresholdBasis::Published,
    source: "MLPerf Inference loadgen/mlperf.conf: least duration of the server scenario",
    date: "2026-11-23",
    applies_to: "open-loop load tests",
};

const RATES: Limit<Count> = Limit {
    name: "fewest rates",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: a knee needs points on both sides",
    date: "2026-11-23",
    applies_to: "open-loop load tests",
};

const REPEATS: Limit<Count> = Limit {
    name: "fewest repetitions of the decisive rate",
    value: Quantity::new(3.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: spread between runs is seen from three on",
    date: "2026-11-23",
    applies_to: "load tests",
};

const REQUESTS: Limit<Count> = Limit {
    name: "fewest completed requests at the decisive rate",
    value: Quantity::new(300.0),
    basis: ThresholdBasis::Expert,
    source: "computed: 299 without a miss prove a 99th percentile with 95 % confidence",
    date: "2026-11-23",
    applies_to: "load tests",
};

/// See the module.
pub struct SloMeasurementQuality;

impl Check for SloMeasurementQuality {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let tests = load::tests(evidence)?;
        let Some(decisive) = decisive(&tests) else {
            return Ok(vec![none_usable(&tests)]);
        };
        let completed = completed(decisive);
        let least = evidence.limit(&META, &REQUESTS);
        let value = format!(
            "{completed} requests completed in {:.0} s, run {}",
            decisive.seconds,
            times(decisive.repetitions)
        );
        let citation = load::cite(decisive, &value);
        if least.is_undercut_by(Quantity::new(completed as f64)) {
            let message = format!(
                "{completed} completed requests at the decisive rate, where {:.0} are needed",
                least.value.number()
            );
            return Ok(vec![deviation(META.fail("load test", message), citation)]);
        }
        let missed = missed(evidence, &tests, decisive);
        Ok(vec![if missed.is_empty() {
            META.pass("load test", "open loop, long, repeated, at several rates").with_evidence(citation)
        } else {
            let missed: Vec<String> = missed.into_iter().collect();
            deviation(META.warn("load test", missed.join("; ")), citation)
        }])
    }
}

/// Requests that were answered, by both counts: begun less failed, and answered in the time.
fn completed(test: &BenchResult) -> u64 {
    let answered = (test.requests_per_s * test.seconds).round().max(0.0) as u64;
    test.requests.saturating_sub(test.errors.values().sum()).min(answered)
}

fn deviation(finding: Finding, citation: Citation) -> Finding {
    finding.with_likelihood(Likelihood::Setting).with_evidence(citation)
}

/// No test can carry a conclusion: they all waited for answers, or none was valid.
fn none_usable(tests: &[BenchResult]) -> Finding {
    let message = if tests.iter().any(|test| test.valid) {
        "no test kept to a schedule: a closed loop hides waiting"
    } else {
        "no test was valid"
    };
    let finding = META.fail("load test", message).with_likelihood(Likelihood::Setting);
    tests.iter().take(3).fold(finding, |finding, test| {
        let why = test.invalid_reason.as_deref().unwrap_or("closed loop");
        finding.with_evidence(load::cite(test, why))
    })
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// The usable test with the highest goodput.
fn decisive(tests: &[BenchResult]) -> Option<&BenchResult> {
    let useful = |test: &BenchResult| test.goodput_rps.unwrap_or(test.requests_per_s);
    tests.iter().filter(|test| load::usable(test).is_ok()).max_by(|a, b| useful(a).total_cmp(&useful(b)))
}

fn missed(evidence: &Evidence<'_>, tests: &[BenchResult], decisive: &BenchResult) -> BTreeSet<String> {
    let mut missed = BTreeSet::new();
    let steady = evidence.limit(&META, &STEADY);
    if steady.is_undercut_by(Quantity::new(decisive.seconds)) {
        missed.insert(format!(
            "{:.0} s at the decisive rate instead of {:.0} s",
            decisive.seconds,
            steady.value.number()
        ));
    }
    // One of which too many requests failed tells where the limit is as well as any.
    let rates: BTreeSet<u64> = tests
        .iter()
        .filter(|test| load::countable(test).is_ok())
        .filter_map(|test| Some((test.offered_rps? * 1000.0).round() as u64))
        .collect();
    let wanted = evidence.limit(&META, &RATES);
    if wanted.is_undercut_by(Quantity::new(rates.len() as f64)) {
        missed.insert(format!("{} rates instead of {:.0}", rates.len(), wanted.value.number()));
    }
    let wanted = evidence.limit(&META, &REPEATS);
    if wanted.is_undercut_by(Quantity::new(f64::from(decisive.repetitions))) {
        missed.insert(format!(
            "run {} instead of {:.0} times",
            times(decisive.repetitions),
            wanted.value.number()
        ));
    }
    if !decisive.corrected {
        missed.insert("latency does not count from the intended time of sending".to_owned());
    }
    if !decisive.warmed_up {
        missed.insert("no warm-up".to_owned());
    }
    missed
}
