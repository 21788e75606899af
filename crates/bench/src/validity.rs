//! Is a result the server's, or the client's own?
//!
//! Thresholds are ours (`expert`): a client that adds more than a tenth to what it measures has measured itself.

use plumb_evidence::model::{BenchResult, BenchTokens, InvalidBy};

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
/// Share of replies in a single read from which on the server is taken not to stream.
const NOT_STREAMED: f64 = 0.5;

/// Share of the requests at once that were asked for, below which the server's own limit is what was measured. Ours.
const MOSTLY: f64 = 0.9;

/// What a closed loop asked for and the server never ran at once.
fn never_ran(result: &BenchResult) -> Option<String> {
    let (asked, server) = (f64::from(result.load.concurrency?), result.server.as_ref()?);
    let most = server.most_running()?;
    let told = server.running.iter().filter(|running| **running > 0.0).count();
    // With few scrapes, or a client that had fewer under way, the server may have run more in between.
    let kept_up = result.in_flight.is_some_and(|in_flight| in_flight >= MOSTLY * asked);
    (told >= 3 && kept_up && most < MOSTLY * asked).then(|| {
        let waited = server.waiting.iter().copied().fold(0.0, f64::max);
        format!(
            "the server never ran more than {most:.0} of {asked:.0} requests at once, and up to {waited:.0} waited inside it: look at \
             its limit of sequences and the room of its KV cache"
        )
    })
}

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
    warnings.extend(never_ran(result));
    if result.tokens.never_visible > 0 {
        warnings.push(format!(
            "{} replies ended in reasoning, and a user saw nothing of them: ask for longer replies (`--output-tokens`)",
            result.tokens.never_visible
        ));
    }
    tokens(&result.tokens, &mut warnings);
    cache(&result.tokens, &mut warnings);
    objectives(plan, result, &mut warnings);
    if result.interrupted {
        warnings.push("ended before its time".to_owned());
    }
    let client = faults.into_iter().map(|fault| (InvalidBy::Client, fault));
    let reasons: Vec<_> = client.chain(failures(plan, result)).chain(undetermined(plan, result)).collect();
    result.valid = reasons.is_empty();
    result.invalid_by = reasons.first().map(|(by, _)| *by);
    let texts: Vec<String> = reasons.into_iter().map(|(_, text)| text).collect();
    result.invalid_reason = (!texts.is_empty()).then(|| texts.join("; "));
    result.warnings = warnings;
}

/// Too many requests failed: what the others had to wait is no longer what users wait.
fn failures(plan: &Plan, result: &BenchResult) -> Option<(InvalidBy, String)> {
    let (failed, all) = (result.errors.values().sum::<u64>(), result.requests);
    let said =
        || result.server_error.as_ref().map_or_else(String::new, |said| format!("; the server said: {said}"));
    let allowed = plan.error_share * 100.0;
    if failed == all && all > 0 {
        Some((InvalidBy::NoReply, format!("all of {all} requests failed{}", said())))
    } else if failed as f64 > plan.error_share * all as f64 {
        let limit = format!("more than the {allowed} % of `--error-share`");
        Some((InvalidBy::Failures, format!("{failed} of {all} requests failed, {limit}{}", said())))
    } else {
        None
    }
}

/// What is not known of the tokens of replies, and what was not as it was asked for.
fn tokens(tokens: &BenchTokens, warnings: &mut Vec<String>) {
    if tokens.counted_by == BenchTokens::BY_EVENTS && tokens.events > 0 {
        warnings.push(
            "the server does not count tokens, so an event is taken for one: if it holds several, the server makes more tokens \
             per second than told here"
                .to_owned(),
        );
    }
    if tokens.itl_estimated {
        warnings.push(
            "events hold several tokens and the server does not count along: time per token within a request is estimated by \
             the length of the texts"
                .to_owned(),
        );
    }
    if tokens.unknown_replies > 0 {
        warnings.push(format!(
            "of {} replies it is not known how many tokens were decoded between the first read and the last (several in an \
             event, or reasoning that is not sent): ITL and TPOT leave them out",
            tokens.unknown_replies
        ));
    }
    if tokens.hidden > 0 {
        warnings.push(format!(
            "{:.0} % of the output tokens are reasoning that the server does not send: the time to first token holds it",
            tokens.hidden as f64 / tokens.output.max(1) as f64 * 100.0
        ));
    }
    for (what, measured, asked) in [
        ("replies", Some(tokens.output).filter(|_| tokens.unknown_replies == 0), tokens.asked_output),
        ("prompts", Some(tokens.prompt).filter(|tokens| *tokens > 0), tokens.asked_prompt),
    ] {
        let Some(measured) = measured.filter(|_| asked > 0) else { continue };
        let share = measured as f64 / asked as f64;
        if (share - 1.0).abs() > BenchTokens::LENGTH_TOLERANCE {
            warnings.push(format!(
                "{what} had {:.0} % of the tokens that were asked for: this is another load than the one that was asked for",
                share * 100.0
            ));
        }
    }
}

/// Prompts that the server has seen before make it look faster than it is.
fn cache(tokens: &BenchTokens, warnings: &mut Vec<String>) {
    if let Some(cached) = tokens.from_cache().filter(|_| tokens.is_answered_from_cache()) {
        warnings.push(format!(
            "{:.1} % of the prompt tokens came from the server's prefix cache, and by plan the prompts have {:.1} % in common: \
             the server had seen them before, and is slower with new ones",
            cached * 100.0,
            tokens.common_share * 100.0
        ));
    }
}

/// Objectives that so many replies say nothing about that they cannot be met, whatever the others say.
fn undetermined<'a>(
    plan: &'a Plan,
    result: &'a BenchResult,
) -> impl Iterator<Item = (InvalidBy, String)> + 'a {
    let lacking = plan.objectives.iter().zip(&result.objectives).filter(|(objective, judged)| {
        let allowed = (1.0 - objective.percentile) * result.requests as f64;
        judged.met.is_none() && judged.undetermined as f64 > allowed
    });
    lacking.map(|(objective, judged)| {
        let text = format!(
            "`{objective}` is undetermined: {} of {} requests have no such time, or it is not known",
            judged.undetermined, result.requests
        );
        (InvalidBy::Undetermined, text)
    })
}

/// What is to be said of all objectives together, and of the replies that they are about.
fn objectives(plan: &Plan, result: &BenchResult, warnings: &mut Vec<String>) {
    let tokens = &result.tokens;
    if tokens.single_read_share > NOT_STREAMED {
        warnings.push(format!(
            "the reply is not streamed: {:.0} % of replies came in one read, so that the first token came with the last one, \
             and no time between tokens was seen",
            tokens.single_read_share * 100.0
        ));
    }
    if !plan.objectives.is_empty() && !plan.has_joint_percentile() {
        warnings.push(
            "goodput and attainment are left out: the objectives ask for different percentiles, which no share of requests \
             stands for"
                .to_owned(),
        );
    }
}

#[cfg(test)]
mod tests {
    use plumb_evidence::model::LatencySummary;

    use super::*;
    use crate::target::{Http, Target};

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
        plan.objectives = crate::parse_objectives("ttft=500ms,e2e=1s").unwrap();
        judge(&plan, &mut result);
        assert!(result.valid);
        plan.objectives = crate::parse_objectives("ttft=5ms").unwrap();
        judge(&plan, &mut result);
        assert!(!result.valid);
    }

    #[test]
    fn inconsistencies_are_told() {
        assert!(judged(|result| result.littles_ratio = Some(1.2)).warnings[0].contains("Little"));
        assert!(judged(|result| result.token_ratio = Some(2.0)).warnings[0].contains("tokens"));
        assert!(judged(|result| result.steady = Some(false)).warnings[0].contains("rose or fell"));
    }

    #[test]
    fn a_run_of_which_too_many_requests_failed_is_not_valid() {
        let failing = |failed| {
            judged(move |result| {
                result.errors.extend([("http_5xx".to_owned(), failed)]);
                result.server_error = Some("status 500: out of memory".to_owned());
            })
        };
        assert!(failing(1).valid);
        let some = failing(2);
        assert_eq!((some.valid, some.invalid_by), (false, Some(InvalidBy::Failures)));
        let reason = some.invalid_reason.unwrap();
        assert!(reason.contains("2 of 100 requests failed, more than the 1 %"), "{reason}");
        assert!(reason.ends_with("the server said: status 500: out of memory"), "{reason}");
        let all = failing(100);
        assert_eq!((all.valid, all.invalid_by), (false, Some(InvalidBy::NoReply)));
        // What the client did comes first: then nothing is known of the server.
        let both = judged(|result| {
            result.errors.extend([("http_5xx".to_owned(), 50)]);
            result.client.busiest_thread = Some(0.97);
        });
        assert_eq!(both.invalid_by, Some(InvalidBy::Client));
    }

    #[test]
    fn what_is_not_known_of_tokens_is_told() {
        let told = |change: fn(&mut BenchTokens)| judged(|result| change(&mut result.tokens)).warnings;
        assert!(told(|_| {}).is_empty());
        let warnings = told(|tokens| {
            (tokens.counted_by, tokens.events) = ("events".to_owned(), 640);
        });
        assert!(warnings[0].contains("does not count tokens"), "{warnings:?}");
        assert!(told(|tokens| tokens.unknown_replies = 7)[0].contains("of 7 replies it is not known"));
        assert!(told(|tokens| tokens.itl_estimated = true)[0].contains("estimated by the length"));
        let hidden = told(|tokens| (tokens.output, tokens.hidden) = (200, 100));
        assert!(hidden[0].contains("50 % of the output tokens are reasoning"), "{hidden:?}");
    }

    #[test]
    fn a_load_that_is_not_the_one_asked_for_is_told() {
        let told = |output, prompt| {
            judged(move |result| {
                let tokens = &mut result.tokens;
                (tokens.output, tokens.asked_output) = (output, 6400);
                (tokens.prompt, tokens.asked_prompt) = (prompt, 12_800);
            })
            .warnings
        };
        assert!(told(6400, 12_800).is_empty() && told(6090, 13_400).is_empty());
        assert!(told(1000, 12_800)[0].contains("replies had 16 % of the tokens"));
        assert!(told(6400, 14_000)[0].contains("prompts had 109 % of the tokens"));
        // A server that does not count prompts says nothing of them.
        assert!(told(6400, 0).is_empty());
    }

    #[test]
    fn prompts_that_the_server_had_seen_are_told() {
        let with = |cached: f64, common: f64| {
            judged(move |result| {
                result.tokens.cached_share = Some(cached);
                result.tokens.common_share = common;
            })
        };
        assert!(with(0.505, 0.5).warnings.is_empty() && with(0.0, 0.0).warnings.is_empty());
        let told = with(0.52, 0.5);
        assert!(
            told.valid && told.warnings[0].contains("52.0 % of the prompt tokens"),
            "{:?}",
            told.warnings
        );
    }

    #[test]
    fn an_objective_on_what_was_not_seen_is_undetermined() {
        use plumb_evidence::model::ObjectiveResult;
        let mut plan = Plan::new(Target::new("http://127.0.0.1:1", Http::Auto, None, None).unwrap());
        plan.objectives = crate::parse_objectives("itl=5ms").unwrap();
        let with = |undetermined, met| BenchResult {
            requests: 100,
            objectives: vec![ObjectiveResult { undetermined, met, ..ObjectiveResult::default() }],
            ..BenchResult::default()
        };
        let mut result = with(6, None);
        result.tokens.single_read_share = 0.6;
        judge(&plan, &mut result);
        assert_eq!(result.invalid_by, Some(InvalidBy::Undetermined));
        assert!(result.invalid_reason.unwrap().contains("`itl p95 <= 5 ms` is undetermined: 6 of 100"));
        assert!(result.warnings[0].contains("the reply is not streamed"), "{:?}", result.warnings);
        // Few enough of them, or known all the same.
        for mut result in [with(5, None), with(6, Some(false))] {
            judge(&plan, &mut result);
            assert!(result.valid);
        }
        plan.objectives = crate::parse_objectives("itl.p99=5ms,ttft=1s").unwrap();
        let mut result = with(0, None);
        judge(&plan, &mut result);
        assert!(result.warnings[0].contains("different percentiles"), "{:?}", result.warnings);
    }
}
