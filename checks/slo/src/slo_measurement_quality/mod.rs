//! `slo.measurement-quality`: the measurement itself can be trusted.
//!
//! The decisive rate is the highest at which a usable test was run up to the highest goodput, or where goodput was not
//! counted, the highest rate of completed requests. What the client's own load, and Little's law, say is in `valid`: the
//! load generator sets it. A test is repeated by those of the same load, each of which may count only itself.

use std::collections::BTreeSet;

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{BenchLoad, BenchResult};
use plumb_check_sdk::{Arg, Evidence, Finding, Likelihood, Missing, Object, ObjectKind, Step};

use crate::load::{self, step};
use crate::pages::slo_measurement_quality::{PAGE, RATES, REPEATS, REQUESTS, STEADY, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    let tests = load::tests(evidence)?;
    let finding = match decisive(&tests) {
        Some(decisive) => judge(evidence, &tests, decisive),
        None => none_usable(&tests),
    };
    Ok(vec![finding.with_likelihood(Likelihood::Setting).mended_by([step(Step::RepeatLoadTest)])])
}

fn object(test: &BenchResult) -> Object {
    Object::new(ObjectKind::Measurement, &*test.path).named("load test")
}

fn judge(evidence: &Evidence<'_>, tests: &[BenchResult], decisive: &BenchResult) -> Finding {
    let completed = completed(decisive);
    let runs = u64::from(decisive.repetitions).max(repeats(tests, decisive));
    let value = format!(
        "{completed} of {} requests completed in {:.0} s, run {}",
        decisive.requests,
        decisive.seconds,
        if runs == 1 { "once".to_owned() } else { format!("{runs} times") }
    );
    let citation = load::cite(decisive, &value);
    let least = evidence.limit(&PAGE, &REQUESTS);
    if least.is_undercut_by(Quantity::new(completed as f64)) {
        let said = words::FewRequests {
            completed_count: Arg::count(completed),
            least: Arg::of(least.value, 0),
            requests_count: Arg::count(decisive.requests),
        };
        return PAGE.fail(object(decisive), said).with_evidence(citation);
    }
    // One of which too many requests failed tells where the limit is as well as any.
    let rates: BTreeSet<u64> = tests
        .iter()
        .filter(|test| load::countable(test).is_ok())
        .filter_map(|test| Some((test.offered_rps? * 1000.0).round() as u64))
        .collect();
    let steady = evidence.limit(&PAGE, &STEADY);
    let wanted_rates = evidence.limit(&PAGE, &RATES);
    let wanted_runs = evidence.limit(&PAGE, &REPEATS);
    let missed = [
        steady.is_undercut_by(Quantity::new(decisive.seconds)),
        wanted_rates.is_undercut_by(Quantity::new(rates.len() as f64)),
        wanted_runs.is_undercut_by(Quantity::new(runs as f64)),
        !decisive.corrected,
        !decisive.warmed_up,
    ];
    let missed = missed.iter().filter(|missed| **missed).count();
    let seconds = Arg::quantity(decisive.seconds, "s", 0);
    let (rates_count, runs_count) = (Arg::from(rates.len()), Arg::from(runs));
    let finding = if missed == 0 {
        PAGE.pass(object(decisive), words::Sound { rates_count, runs_count, seconds })
    } else {
        let known = |known: bool| Arg::text(if known { "yes" } else { "no" });
        let said = words::Incomplete {
            corrected: known(decisive.corrected),
            least_rates: Arg::of(wanted_rates.value, 0),
            least_runs: Arg::of(wanted_runs.value, 0),
            least_seconds: Arg::of(steady.value, 0),
            missed_count: missed.into(),
            rates_count,
            runs_count,
            seconds,
            warmed_up: known(decisive.warmed_up),
        };
        PAGE.warn(object(decisive), said)
    };
    finding.with_evidence(citation)
}

/// Requests that were answered, by both counts: begun less failed, and answered in the time.
fn completed(test: &BenchResult) -> u64 {
    let answered = (test.requests_per_s * test.seconds).round().max(0.0) as u64;
    test.requests.saturating_sub(test.errors.values().sum()).min(answered)
}

/// Usable tests of the same load, which differ in nothing but the seed.
fn repeats(tests: &[BenchResult], decisive: &BenchResult) -> u64 {
    let load = |test: &BenchResult| (BenchLoad { seed: None, ..test.load.clone() }, test.offered_rps);
    let same = |test: &&BenchResult| load::usable(test).is_ok() && load(test) == load(decisive);
    tests.iter().filter(same).count() as u64
}

/// No test can carry a conclusion: they all waited for answers, or none was valid.
fn none_usable(tests: &[BenchResult]) -> Finding {
    let object = tests.first().map_or_else(Object::node, object);
    let finding = if tests.iter().any(|test| test.valid) {
        PAGE.fail(object, words::ClosedLoop {})
    } else {
        PAGE.fail(object, words::Invalid {})
    };
    let why = |test: &BenchResult| test.invalid_reason.clone().unwrap_or_else(|| "closed loop".to_owned());
    finding.with_citations(tests.iter().take(3).map(|test| load::cite(test, &why(test))))
}

/// The usable test with the highest goodput.
fn decisive(tests: &[BenchResult]) -> Option<&BenchResult> {
    let useful = |test: &BenchResult| test.goodput_rps.unwrap_or(test.requests_per_s);
    tests.iter().filter(|test| load::usable(test).is_ok()).max_by(|a, b| useful(a).total_cmp(&useful(b)))
}
