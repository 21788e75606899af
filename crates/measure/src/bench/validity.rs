//! Is a result the server's, or the client's own?
//!
//! Thresholds are ours (`expert`): a client that adds more than a tenth to what it measures has measured itself.

use plumb_evidence::model::BenchResult;

use super::plan::{Metric, Plan};
use super::record::Miss;

/// Share of the median TTFT that the client's own delay may have before the result is not valid.
const INVALID_DELAY: f64 = 0.10;
/// And below which it needs no mention.
const DOUBTFUL_DELAY: f64 = 0.05;
/// Delays below this are never held against a result, in ms.
const NEGLIGIBLE_MS: f64 = 1.0;
/// Share of a CPU from which on a sending thread is taken for saturated.
const SATURATED: f64 = 0.90;
/// Share of time without a CPU from which on a sending thread is taken for starved, and from which on that is mentioned.
const STARVED: f64 = 0.25;
const HINDERED: f64 = 0.05;
/// Share of the rate asked for that has to be sent.
const RATE_KEPT: f64 = 0.98;

/// Sets `valid`, its reason and the warnings.
pub(crate) fn judge(plan: &Plan, result: &mut BenchResult) {
    let mut faults = Vec::new();
    let mut warnings = Vec::new();
    let client = &result.client;
    if result.requests == 0 {
        faults.push("no request was measured".to_owned());
    }
    let limits = result.errors.get(Miss::ClientLimit.as_str()).copied().unwrap_or(0);
    if limits > 0 {
        faults.push(format!("the client ran out of sockets or ports {limits} times; raise `ulimit -n`"));
    }
    if let Some(share) = client.busiest_thread.filter(|share| *share > SATURATED) {
        faults.push(format!(
            "a sending thread took {:.0} % of its CPU; use more with `--threads`",
            share.min(1.0) * 100.0
        ));
    }
    if let Some(share) = client.waiting_share.filter(|share| *share > HINDERED) {
        let text = format!(
            "a sending thread was ready to run and had no CPU for {:.0} % of the time: others run where the client does",
            share * 100.0
        );
        if share > STARVED { faults.push(text) } else { warnings.push(text) }
    }
    // What matters is whether the delay could change the answer: where an objective asks for less, compare with that.
    let limit =
        plan.objectives.iter().filter(|objective| objective.metric == Metric::Ttft).map(|o| o.limit_ms);
    let limit =
        limit.fold(None, |least: Option<f64>, limit| Some(least.map_or(limit, |least| least.min(limit))));
    let median = result.uncorrected.ttft_ms.p50.unwrap_or(0.0);
    let (scale, name) = match limit {
        Some(limit) if limit > median => (limit, "the TTFT objective"),
        _ => (median, "the median TTFT"),
    };
    let mut delay = |ms: Option<f64>, what: &str| {
        let Some(ms) = ms.filter(|ms| *ms > NEGLIGIBLE_MS && scale > 0.0) else { return };
        let text = format!("{what} by {ms:.1} ms (p99), {:.0} % of {name}", ms / scale * 100.0);
        if ms > INVALID_DELAY * scale {
            faults.push(text);
        } else if ms > DOUBTFUL_DELAY * scale {
            warnings.push(text);
        }
    };
    delay(result.send_lag_ms.p99.or(result.send_lag_ms.max), "the client sent late");
    delay(client.lag_ms, "the client's event loop was late");
    if let Some(offered) = result.offered_rps
        && result.seconds > 0.0
        && !result.interrupted
    {
        let dropped = result.errors.get(Miss::Dropped.as_str()).copied().unwrap_or(0);
        // A client that falls behind is late with most of its requests, not with one.
        let late = result.send_lag_ms.p95.or(result.send_lag_ms.max).unwrap_or(0.0) / 1e3;
        // Sent requests over the time that sending them took: short only if the client fell behind.
        let kept = result.seconds / (result.seconds + late);
        if kept < RATE_KEPT {
            faults.push(format!("the client fell {late:.1} s behind the {offered:.1} requests/s asked for"));
        }
        if dropped > 0 {
            warnings.push(format!("{dropped} requests were not sent: `--max-in-flight` was reached"));
        }
    }
    if let Some(ratio) = result.littles_ratio.filter(|ratio| (ratio - 1.0).abs() > 0.05) {
        warnings.push(format!(
            "requests under way and rate × residence differ by {:.0} % (Little's law): the window is too short or not steady",
            (ratio - 1.0).abs() * 100.0
        ));
    }
    // Some servers count a reply when it has ended, so a few requests say nothing.
    if let Some(ratio) =
        result.token_ratio.filter(|ratio| result.requests >= 30 && (ratio - 1.0).abs() > 0.05)
    {
        warnings.push(format!(
            "the server counted {:.0} % of the tokens that the client saw: others use it, or events are not tokens",
            ratio * 100.0
        ));
    }
    if result.steady == Some(false) {
        warnings.push(
            "latency rose or fell while measuring: warm up or measure for longer, or ask for less".to_owned(),
        );
    }
    if client.connections_while_measuring * 20 > result.requests {
        warnings.push(format!(
            "{} of {} requests had to open a connection: the server does not keep them open",
            client.connections_while_measuring, result.requests
        ));
    }
    if result.tokens.itl_estimated {
        warnings.push(
            "events hold several tokens and the server does not count along: time per token within a request is estimated"
                .to_owned(),
        );
    }
    let failed: u64 = result.errors.values().sum();
    if result.requests > 0 && failed as f64 > plan.error_share * result.requests as f64 {
        warnings.push(format!("{failed} of {} requests failed", result.requests));
    }
    if result.interrupted {
        warnings.push("ended before its time".to_owned());
    }
    result.valid = faults.is_empty();
    result.invalid_reason = (!faults.is_empty()).then(|| faults.join("; "));
    result.warnings = warnings;
}

#[cfg(test)]
mod tests {
    use plumb_evidence::model::LatencySummary;

    use super::*;
    use crate::bench::target::{Http, Target};

    fn judged(change: impl FnOnce(&mut BenchResult)) -> BenchResult {
        let plan = Plan::new(Target::new("http://127.0.0.1:1", Http::Auto, None, None).unwrap());
        let mut result =
            BenchResult { requests: 100, seconds: 10.0, offered_rps: Some(10.0), ..BenchResult::default() };
        result.uncorrected.ttft_ms = LatencySummary { p50: Some(20.0), ..LatencySummary::default() };
        change(&mut result);
        judge(&plan, &mut result);
        result
    }

    #[test]
    fn a_run_that_the_client_limited_is_not_valid() {
        assert!(judged(|_| {}).valid);
        assert!(judged(|result| result.client.lag_ms = Some(0.9)).warnings.is_empty());
        let late = judged(|result| result.client.lag_ms = Some(3.0));
        assert!(!late.valid && late.invalid_reason.unwrap().contains("event loop"));
        let doubtful = judged(|result| result.send_lag_ms.p99 = Some(1.5));
        assert!(doubtful.valid && doubtful.warnings[0].contains("sent late"), "{:?}", doubtful.warnings);
        assert!(!judged(|result| result.client.busiest_thread = Some(0.97)).valid);
        assert!(!judged(|result| result.client.waiting_share = Some(0.4)).valid);
        assert!(judged(|result| result.client.waiting_share = Some(0.1)).warnings[0].contains("no CPU"));
        assert!(!judged(|result| result.errors.extend([("client_limit".into(), 1)])).valid);
        assert!(!judged(|result| result.send_lag_ms.max = Some(1000.0)).valid);
        assert!(!judged(|result| result.requests = 0).valid);
    }

    #[test]
    fn a_delay_is_held_against_what_was_asked() {
        let mut plan = Plan::new(Target::new("http://127.0.0.1:1", Http::Auto, None, None).unwrap());
        let mut result = BenchResult { requests: 100, seconds: 10.0, ..BenchResult::default() };
        result.uncorrected.ttft_ms = LatencySummary { p50: Some(20.0), ..LatencySummary::default() };
        result.client.lag_ms = Some(3.0);
        judge(&plan, &mut result);
        assert!(!result.valid);
        plan.objectives = crate::bench::parse_objectives("ttft=500ms,e2e=1s").unwrap();
        judge(&plan, &mut result);
        assert!(result.valid);
        plan.objectives = crate::bench::parse_objectives("ttft=5ms").unwrap();
        judge(&plan, &mut result);
        assert!(!result.valid);
    }

    #[test]
    fn inconsistencies_are_told() {
        assert!(judged(|result| result.littles_ratio = Some(1.2)).warnings[0].contains("Little"));
        assert!(judged(|result| result.token_ratio = Some(2.0)).warnings[0].contains("tokens"));
        assert!(judged(|result| result.steady = Some(false)).warnings[0].contains("rose or fell"));
        assert!(
            judged(|result| result.errors.extend([("timeout".into(), 2)])).warnings[0].contains("failed")
        );
    }
}
