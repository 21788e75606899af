//! The load tests of a bundle. What they prove is told by the model, which the report asks, too.

use plumb_check_sdk::limit::Unit;
use plumb_check_sdk::model::BenchResult;
pub(crate) use plumb_check_sdk::model::{
    Attainment, attainment_target as target, goodput, usable_test as usable,
};
use plumb_check_sdk::{Absence, Evidence, Missing};

/// One number as a multiple of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {}

impl Unit for Times {
    const SYMBOL: &'static str = "×";
}

/// The load tests of the bundle.
///
/// Needs `/measurements/bench`.
///
/// # Errors
/// There was none.
pub(crate) fn tests(evidence: &Evidence<'_>) -> Result<Vec<BenchResult>, Missing> {
    let tests: Vec<BenchResult> = evidence.get("/measurements/bench")?;
    if tests.is_empty() {
        return Err(Missing::new(Absence::Skipped, "no load test was run"));
    }
    Ok(tests)
}

/// `1 replica`, `2 replicas`
pub(crate) fn replicas(count: u32) -> String {
    format!("{count} {}", if count == 1 { "replica" } else { "replicas" })
}
