//! Whether measured tail latency meets what the client promises.

use plumb_check_sdk::model::{BenchResult, LatencySummary, ServiceLevel};
use plumb_check_sdk::{Absence, Evidence, Missing};

/// The JSON pointers that [`is_missed`] reads.
pub(crate) const NEEDS: [&str; 2] = ["/engagement/slo", "/measurements/bench"];

/// True if the p99 of a promised latency is above its limit in every valid load test, false if it is met in one.
///
/// A sweep goes up to overload on purpose, where any node misses; what it misses at every load it misses.
///
/// # Errors
/// Fails where nothing is promised, or no valid test has a p99 of what is.
pub(crate) fn is_missed(evidence: &Evidence<'_>) -> Result<bool, Missing> {
    let [slo, bench] = NEEDS;
    judge(&evidence.get(slo)?, &evidence.get::<Vec<BenchResult>>(bench)?)
}

fn judge(slo: &ServiceLevel, results: &[BenchResult]) -> Result<bool, Missing> {
    let verdicts: Vec<bool> =
        results.iter().filter(|result| result.valid).filter_map(|result| misses(slo, result)).collect();
    if verdicts.is_empty() {
        let reason = "no valid load test tells the p99 of a latency that is promised";
        return Err(Missing::new(Absence::Absent, reason));
    }
    Ok(verdicts.iter().all(|&missed| missed))
}

/// `None` where no promised latency has a p99.
fn misses(slo: &ServiceLevel, result: &BenchResult) -> Option<bool> {
    let parts: [(Option<f64>, &LatencySummary); 4] = [
        (slo.ttft_ms, &result.ttft_ms),
        (slo.itl_ms, &result.itl_ms),
        (slo.tpot_ms, &result.tpot_ms),
        (slo.e2e_ms, &result.e2e_ms),
    ];
    let compared = parts.into_iter().filter_map(|(limit, seen)| Some(seen.p99? > limit?));
    compared.reduce(|any, missed| any || missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_missed_if_no_load_meets_it() {
        let slo = ServiceLevel { ttft_ms: Some(300.0), ..ServiceLevel::default() };
        let at = |p99, valid| BenchResult {
            valid,
            ttft_ms: LatencySummary { p99, ..LatencySummary::default() },
            ..BenchResult::default()
        };
        assert_eq!(judge(&slo, &[at(Some(301.0), true), at(Some(900.0), true)]), Ok(true));
        assert_eq!(judge(&slo, &[at(Some(300.0), true), at(Some(900.0), true)]), Ok(false));
        assert!(judge(&slo, &[at(Some(200.0), false), at(None, true)]).is_err());
        assert!(judge(&ServiceLevel::default(), &[at(Some(200.0), true)]).is_err());
    }
}
