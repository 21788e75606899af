//! The load tests of a bundle. What they prove is told by the model, which the report asks, too.

use std::collections::BTreeSet;

pub(crate) use plumb_check_sdk::model::{
    Attainment, Promise, Repeated, Shown, countable_test as countable, repeated, usable_test as usable,
};
use plumb_check_sdk::model::{BenchResult, Measurements, ServerMetrics, SweepResult};
use plumb_check_sdk::{
    Absence, Arg, Citation, Evidence, Fact, Finding, Intent, Missing, Object, ObjectKind, Step,
};

/// Key of the cause that findings have in common which one better load test would mend.
pub(crate) const LOAD_TEST: &str = "load-test";

/// The load tests of the bundle, the runs of its sweeps among them.
///
/// Needs `/measurements/bench` and `/measurements/sweeps`.
///
/// # Errors
/// There was none.
pub(crate) fn tests(evidence: &Evidence<'_>) -> Result<Vec<BenchResult>, Missing> {
    let bench: Result<Vec<BenchResult>, Missing> = evidence.get("/measurements/bench");
    let sweeps: Vec<SweepResult> = evidence.get("/measurements/sweeps").unwrap_or_default();
    let bench = match bench {
        Err(missing) if sweeps.is_empty() => return Err(missing),
        bench => bench.unwrap_or_default(),
    };
    let measured =
        Measurements { bench: Fact::Known(bench), sweeps: Fact::Known(sweeps), ..Measurements::default() };
    let tests = measured.runs();
    if tests.is_empty() {
        return Err(Missing::new(Absence::Skipped, "no load test was run"));
    }
    Ok(tests)
}

/// What servers said of themselves, without the levels of a sweep beyond its limit.
///
/// A sweep goes beyond the limit to find it; that requests wait there says nothing of the service.
pub(crate) fn within_limit(mut metrics: Vec<ServerMetrics>) -> Vec<ServerMetrics> {
    metrics.retain(|metrics| !metrics.beyond_limit);
    metrics
}

/// Cites `test` with its load and what it shows, and as what it is.
pub(crate) fn cite(test: &BenchResult, shows: &str) -> Citation {
    Citation::new(&test.path, format!("{}: {shows}", name(test)))
}

/// Cites the files of `tests`, each once, with what they show together.
pub(crate) fn cite_all(finding: Finding, tests: &[&BenchResult], shows: &str) -> Finding {
    let files: BTreeSet<&str> = tests.iter().map(|test| test.path.as_str()).collect();
    finding.with_citations(files.into_iter().map(|file| Citation::new(file, shows)))
}

/// `open poisson 4/s`, or the same as a run of a sweep.
pub(crate) fn name(test: &BenchResult) -> String {
    let is_of_sweep = test.path.rsplit('/').next().is_some_and(|file| file.starts_with("sweep-"));
    if is_of_sweep { format!("{}, a run of the sweep", test.load) } else { test.load.to_string() }
}

/// Something of the service as a whole, by its name.
pub(crate) fn of_service(name: &str) -> Object {
    Object::new(ObjectKind::Other, name)
}

/// Work of people.
pub(crate) fn step(step: Step) -> Intent {
    Intent::Step { step }
}

/// Requests per second, as they were asked for.
pub(crate) fn rate(rate: f64) -> Arg {
    Arg::quantity(rate, "", digits(rate))
}

/// A share from 0 to 1.
pub(crate) fn share(share: f64) -> Arg {
    Arg::quantity(100.0 * share, "%", digits(100.0 * share))
}

/// Decimals that a number needs, two at most: no test measures the zeros of `100.00 %`.
fn digits(number: f64) -> u8 {
    let hundredths = (number * 100.0).round();
    match () {
        () if hundredths % 100.0 == 0.0 => 0,
        () if hundredths % 10.0 == 0.0 => 1,
        () => 2,
    }
}
