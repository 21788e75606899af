//! Measurements as text for a terminal: the same facts as the JSON form.

use std::fmt::Write;

use plumb_bench::Calibration;
use plumb_evidence::model::{
    BenchResult, GpuSample, LatencySummary, Reached, ServerMetrics, ServerWork, Share, SweepLevel,
    SweepResult,
};

use crate::text::wrap;

/// One run.
pub(super) fn result(result: &BenchResult) -> String {
    let mut out = String::new();
    let failed: u64 = result.errors.values().sum();
    wrap(
        &mut out,
        "Server:   ",
        &format!("{}, model {}, {}", result.target.url, result.target.model, result.target.api),
    );
    wrap(
        &mut out,
        "Load:     ",
        &format!("{}; {} requests in {:.1} s, {failed} failed", result.load, result.requests, result.seconds),
    );
    prompts(&mut out, result.nonce.as_deref());
    wrap(&mut out, "Verdict:  ", &verdict(result.valid, result.invalid_reason.as_deref()));
    for warning in &result.warnings {
        wrap(&mut out, "Note:     ", warning);
    }
    // Part of the reason where failures are why it is not valid.
    let told = |said: &&String| !result.invalid_reason.as_ref().is_some_and(|reason| reason.contains(*said));
    if let Some(said) = result.server_error.as_ref().filter(told) {
        wrap(&mut out, "Said:     ", &format!("the server, of the first failure: {said}"));
    }
    for (kind, count) in &result.errors {
        let _ = writeln!(out, "Failed:   {count} {kind}");
    }
    out.push('\n');
    let _ = writeln!(out, "ms               mean      p50      p90      p95      p99      max   values");
    let seen = result.ttfo_ms.as_ref().map(|summary| ("TTFO (visible)", summary));
    let rows =
        [("TTFT", &result.ttft_ms), ("  from sending", &result.uncorrected.ttft_ms)].into_iter().chain(seen);
    for (name, summary) in rows.chain([
        ("ITL", &result.itl_ms),
        ("TPOT", &result.tpot_ms),
        ("chunk gap", &result.chunk_gap_ms),
        ("longest gap", &result.stall_ms),
        ("E2E", &result.e2e_ms),
        ("  from sending", &result.uncorrected.e2e_ms),
        ("E2E per token", &result.per_token_ms),
        ("send lateness", &result.send_lag_ms),
    ]) {
        latency_row(&mut out, name, summary, result.replies());
        let failed = result.with_failures.as_ref().and_then(|with| match name {
            "TTFT" => Some(&with.ttft_ms),
            "E2E" => Some(&with.e2e_ms),
            _ => None,
        });
        if let Some(percentiles) = failed {
            let row = [percentiles.p50, percentiles.p90, percentiles.p95, percentiles.p99].map(reached);
            let [p50, p90, p95, p99] = row;
            let all = result.requests;
            let p99 = if all < BOUNDED { "-".to_owned() } else { p99 };
            let _ = writeln!(
                out,
                "{:<14} {:>8} {p50:>8} {p90:>8} {p95:>8} {p99:>8} {:>8} {all:>8}",
                "  with failed", "-", "never"
            );
        }
    }
    for (number, turn) in (1..).zip(&result.turns) {
        let _ = writeln!(
            out,
            "Turn {number}:   {} replies, TTFT mean {:.2}, median {:.2}, E2E mean {:.2} ms",
            turn.requests, turn.ttft_mean_ms, turn.ttft_p50_ms, turn.e2e_mean_ms
        );
    }
    tail(&mut out, result);
    out.push('\n');
    rates(&mut out, result);
    client(&mut out, result);
    if let Some(server) = &result.server {
        server_says(&mut out, server);
    }
    if let Some(work) = &result.work {
        server_did(&mut out, work);
    }
    gpus(&mut out, result);
    out
}

/// What makes the prompts, so that a run can be repeated.
fn prompts(out: &mut String, nonce: Option<&str>) {
    if let Some(nonce) = nonce {
        let _ = writeln!(out, "Prompts:  made from nonce {nonce}");
    }
}

fn verdict(valid: bool, reason: Option<&str>) -> String {
    match (valid, reason) {
        (true, _) => "valid".to_owned(),
        (false, reason) => format!("NOT VALID: {}", reason.unwrap_or("no reason given")),
    }
}

/// Replies from which on p99 can be bounded with 99 % confidence: 0.99^459 < 0.01.
const BOUNDED: u64 = 459;

/// What is known of p99.
fn tail(out: &mut String, result: &BenchResult) {
    let bound = |name: &str, summary: &LatencySummary| {
        summary.p99_bound.map(|bound| format!("{name} at most {bound:.2} ms"))
    };
    let bounds = [bound("TTFT", &result.ttft_ms), bound("E2E", &result.e2e_ms)];
    let bounds: Vec<String> = bounds.into_iter().flatten().collect();
    if result.replies() < BOUNDED {
        let text = format!("left out: fewer than {BOUNDED} replies cannot bound it with 99 % confidence");
        wrap(out, "p99:      ", &text);
    } else if !bounds.is_empty() {
        wrap(out, "p99:      ", &format!("{}, with 99 % confidence", bounds.join(", ")));
    }
}

fn latency_row(out: &mut String, name: &str, summary: &LatencySummary, replies: u64) {
    let mut row = format!("{name:<14}");
    let p99 = summary.p99.filter(|_| replies >= BOUNDED);
    let columns = [summary.mean, summary.p50, summary.p90, summary.p95, p99, summary.max];
    for value in columns {
        let _ = match value {
            // Too few values for this percentile.
            None => write!(row, " {:>8}", "-"),
            Some(value) if value.abs() >= 1000.0 => write!(row, " {value:>8.0}"),
            Some(value) => write!(row, " {value:>8.2}"),
        };
    }
    let _ = writeln!(out, "{row} {:>8}", summary.count);
}

/// A percentile of all requests, those that failed among them.
fn reached(value: Option<Reached>) -> String {
    match value {
        None => "-".to_owned(),
        Some(Reached::Never(_)) => "never".to_owned(),
        Some(Reached::Ms(value)) if value >= 1000.0 => format!("{value:.0}"),
        Some(Reached::Ms(value)) => format!("{value:.2}"),
    }
}

fn rates(out: &mut String, result: &BenchResult) {
    let _ = writeln!(
        out,
        "Rate:     {:.2} requests/s, {:.1} output tokens/s, completed in the window of {:.1} s{}",
        result.requests_per_s,
        result.output_tokens_per_s,
        result.seconds,
        result.offered_rps.map_or(String::new(), |offered| format!("; asked for {offered:.2} requests/s"))
    );
    if let Some(goodput) = result.goodput_rps {
        let share = result.attainment.as_ref();
        let share =
            share.map_or(String::new(), |share| format!("; {} of those that began in it", percent(share)));
        let unknown = match result.undetermined {
            0 => String::new(),
            count => format!("; of {count} it is not known"),
        };
        let text = format!("{goodput:.2} requests/s of these meet every objective{share}{unknown}");
        wrap(out, "Goodput:  ", &text);
    }
    for objective in &result.objectives {
        let met = match objective.met {
            Some(true) => "met".to_owned(),
            Some(false) => "MISSED".to_owned(),
            None if result.errors.values().sum::<u64>() == result.requests => {
                "UNDETERMINED: no request gave a whole reply".to_owned()
            }
            None if objective.undetermined > 0 => {
                format!("UNDETERMINED: {} requests have no such time", objective.undetermined)
            }
            None => "undecided: too few requests".to_owned(),
        };
        let _ = writeln!(
            out,
            "          {} p{} <= {} ms: {}, {met}",
            objective.metric,
            trim(objective.percentile * 100.0),
            trim(objective.limit_ms),
            percent(&objective.within)
        );
    }
    let interval = |name: &str, interval: Option<(f64, f64)>, out: &mut String| {
        if let Some((low, high)) = interval {
            let _ = writeln!(out, "          {name}: {low:.2} to {high:.2} ms (95 %)");
        }
    };
    for (name, summary) in [("TTFT", &result.ttft_ms), ("E2E", &result.e2e_ms)] {
        if let Some(independent) = summary.independent.filter(|_| summary.is_within_run()) {
            let _ = writeln!(
                out,
                "Within this run: {name}; the run holds {independent:.0} correlation times, an interval takes {:.0}",
                LatencySummary::TELLING
            );
        }
    }
    if result.ttft_ms.mean_interval.is_some() || result.e2e_ms.mean_interval.is_some() {
        out.push_str("Known to:\n");
        interval("TTFT mean", result.ttft_ms.mean_interval, out);
        interval("TTFT p95", result.ttft_ms.p95_interval, out);
        interval("E2E mean", result.e2e_ms.mean_interval, out);
        interval("E2E p95", result.e2e_ms.p95_interval, out);
    }
    let tokens = &result.tokens;
    let _ = writeln!(
        out,
        "Tokens:   {} output in {} events, counted by {}; {} prompt, {} of them cached",
        tokens.output, tokens.events, tokens.counted_by, tokens.prompt, tokens.cached
    );
}

fn percent(share: &Share) -> String {
    format!("{:.1} % ({:.1} to {:.1})", share.share * 100.0, share.low * 100.0, share.high * 100.0)
}

/// A number without zeros at its end.
fn trim(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn client(out: &mut String, result: &BenchResult) {
    let client = &result.client;
    let or_dash =
        |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
    let _ = writeln!(
        out,
        "Client:   {} CPU s, busiest thread {} %, event loop late by {} ms (p99), {} MB, {} connections",
        or_dash(client.cpu_s, 2),
        or_dash(client.busiest_thread.map(|share| share * 100.0), 0),
        or_dash(client.lag_ms, 2),
        or_dash(client.peak_rss_mb, 0),
        client.connections
    );
    let _ = writeln!(out, "Others:   {} CPUs busy with other processes", or_dash(client.foreign_cpus, 2));
}

fn server_says(out: &mut String, server: &ServerMetrics) {
    let most = |values: &[f64]| {
        values
            .iter()
            .copied()
            .fold(None, |most: Option<f64>, value| Some(most.map_or(value, |m| m.max(value))))
    };
    let mut parts = Vec::new();
    let mut part = |name: &str, value: Option<f64>, unit: &str| {
        parts.extend(value.map(|value| format!("{name} {}{unit}", trim(value))));
    };
    part("at most running", most(&server.running), "");
    part("waiting", most(&server.waiting), "");
    part("KV cache", most(&server.kv_cache_percent), " %");
    part("room for", server.kv_pool_tokens, " tokens");
    part("preemptions", server.preemptions, "");
    part("from prefix cache", server.cached_share().map(|share| share * 100.0), " %");
    part("drafts taken", server.accepted_share().map(|share| share * 100.0), " %");
    part("output tokens", server.generation_tokens, "");
    part("TTFT mean", server.ttft_ms.and_then(|summary| summary.mean), " ms");
    part("ITL mean", server.itl_ms.and_then(|summary| summary.mean), " ms");
    part("queue mean", server.queue_ms.and_then(|summary| summary.mean), " ms");
    // Other servers, and test servers, use vLLM's names: the metrics do not prove which one it is.
    let names = match server.kind.as_str() {
        "vllm" => "vLLM",
        "sglang" => "SGLang",
        "tgi" => "TGI",
        other => other,
    };
    let said = parts.join(", ");
    wrap(out, "Server:   ", &format!("the server's own metrics ({names} names) say: {said}"));
}

/// What its processes did, by output token.
fn server_did(out: &mut String, work: &ServerWork) {
    let per_token = work.per_token();
    let mut parts = Vec::new();
    let mut part = |value: Option<f64>, digits: usize, unit: &str| {
        parts.extend(value.map(|value| format!("{value:.digits$} {unit}")));
    };
    part(per_token.cpu_ms, 2, "ms of CPU time");
    part(per_token.run_delay_ms, 3, "ms of waiting for a CPU");
    part(per_token.switches, 2, "context switches");
    part(per_token.migrations, 3, "migrations");
    part(per_token.package_mj.map(|energy| energy / 1e3), 3, "J of the CPUs");
    part(per_token.gpu_mj.map(|energy| energy / 1e3), 3, "J of the GPUs");
    if parts.is_empty() {
        return;
    }
    let busiest = work.busiest.as_ref().map_or_else(String::new, |thread| {
        format!("; its busiest thread, `{}`, ran {:.0} % of the time", thread.name, thread.ran * 100.0)
    });
    wrap(
        out,
        "Costs:    ",
        &format!("an output token took {} of process {}{busiest}", parts.join(", "), work.pid),
    );
}

/// Each GPU's mean over the run.
fn gpus(out: &mut String, result: &BenchResult) {
    let indices: std::collections::BTreeSet<u32> = result.gpu.iter().map(|sample| sample.index).collect();
    for index in indices {
        let mean = |value: fn(&GpuSample) -> Option<f64>| {
            let values: Vec<f64> =
                result.gpu.iter().filter(|sample| sample.index == index).filter_map(value).collect();
            if values.is_empty() {
                "-".to_owned()
            } else {
                trim(values.iter().sum::<f64>() / values.len() as f64)
            }
        };
        let _ = writeln!(
            out,
            "GPU {index}:    {} % busy, {} W, {} MHz, {} MiB on average",
            mean(|sample| sample.busy_percent),
            mean(|sample| sample.power_w),
            mean(|sample| sample.sm_mhz),
            mean(|sample| sample.memory_used_mib)
        );
    }
}

/// One level of a sweep, in a line.
pub(super) fn level(level: &SweepLevel) -> String {
    let result = &level.result;
    let ms = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.1}"));
    format!(
        "{:>9.3}/s  {:<10}  {}{} requests, TTFT p95 {} ms, ITL p95 {} ms, E2E p95 {} ms, {} failed",
        level.rate,
        level.verdict,
        if level.confirms { "confirming, " } else { "" },
        result.requests,
        ms(result.ttft_ms.p95),
        ms(result.itl_ms.p95),
        ms(result.e2e_ms.p95),
        result.errors.values().sum::<u64>()
    )
}

/// A sweep.
pub(super) fn sweep(sweep: &SweepResult) -> String {
    let mut out = String::new();
    wrap(&mut out, "Server:   ", &format!("{}, model {}", sweep.target.url, sweep.target.model));
    wrap(&mut out, "Wanted:   ", &sweep.objectives.join(", "));
    prompts(&mut out, sweep.nonce.as_deref());
    wrap(&mut out, "Verdict:  ", &verdict(sweep.valid, sweep.invalid_reason.as_deref()));
    for warning in &sweep.warnings {
        wrap(&mut out, "Note:     ", warning);
    }
    let rate = |value: Option<f64>| value.map_or("none".to_owned(), |value| format!("{value:.3} requests/s"));
    let _ = writeln!(out, "Highest rate confirmed to meet them:       {}", rate(sweep.highest_pass_rps));
    let _ = writeln!(out, "Lowest rate shown to miss them:            {}", rate(sweep.lowest_fail_rps));
    // Where nothing is below the lowest rate that missed, that rate is no estimate.
    let is_one = |estimate: &f64| sweep.lowest_fail_rps.is_none_or(|missed| *estimate < missed);
    let _ = writeln!(
        out,
        "Estimate of the limit:                     {}",
        rate(sweep.estimate_rps.filter(is_one))
    );
    if sweep.cliff {
        wrap(
            &mut out,
            "Note:     ",
            "the server goes from well within to far beyond in one step (a cliff): keep away from it",
        );
    }
    out.push('\n');
    let mut levels: Vec<&SweepLevel> = sweep.levels.iter().collect();
    levels.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    for one in levels {
        out.push_str(&level(one));
        out.push('\n');
    }
    out
}

/// What the client adds.
pub(super) fn calibration(calibration: &Calibration) -> String {
    let mut out = String::new();
    let result = &calibration.result;
    wrap(
        &mut out,
        "Load:     ",
        &format!(
            "{}; {} requests of {} tokens",
            result.load,
            calibration.requests,
            result.load.output_tokens.unwrap_or(0)
        ),
    );
    wrap(&mut out, "Verdict:  ", &verdict(result.valid, result.invalid_reason.as_deref()));
    for warning in &result.warnings {
        wrap(&mut out, "Note:     ", warning);
    }
    let _ = writeln!(out, "True TTFT:  {:.3} ms (the server's own log)", calibration.true_ttft_mean_ms);
    let _ = writeln!(
        out,
        "Added TTFT: {:+.3} ms mean, {:+.3} ms p95",
        calibration.added_ttft_mean_ms, calibration.added_ttft_p95_ms
    );
    let _ = writeln!(out, "Added E2E:  {:+.3} ms mean", calibration.added_e2e_mean_ms);
    let _ = writeln!(out, "Time per token: {:+.2} %", calibration.tpot_error * 100.0);
    let _ = writeln!(
        out,
        "Send lateness: {} ms p99",
        result.send_lag_p99_ms.map_or("-".to_owned(), |lag| format!("{lag:.3}"))
    );
    let _ = writeln!(
        out,
        "At this load, TTFT objectives below {:.1} ms cannot be judged here: the client's error is 5 % of that.",
        calibration.smallest_ttft_objective_ms
    );
    client(&mut out, result);
    out
}
