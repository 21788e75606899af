//! From what was recorded to what is reported.

use plumb_evidence::model::{
    BENCH_SCHEMA, BenchClient, BenchLoad, BenchResult, BenchTarget, BusiestThread, LatencySummary,
    ObjectiveResult, Percentiles, Reached, ServerWork, Share, TurnResult, Uncorrected, WithFailures,
};

use plumb_evidence::dependence::{independent_requests, independent_values, worth};

use super::arrivals::Arrivals;
use super::engine::Outcome;
use super::nonce::Nonce;
use super::observer::ServerSeen;
use super::plan::{Load, Plan};
use super::prompts::Prompts;
use super::record::Phase;
use super::recorder::{Kept, Recorder};
use super::scrape::Scrapes;
use super::series::Series;
use super::validity;
use crate::process::Work;
use plumb_stats::batch::batch_means;
use plumb_stats::proportion::wilson;
use plumb_stats::quantile::quantile;
use plumb_stats::trend;

mod intervals;
mod rates;
#[cfg(test)]
mod tests;
mod tokens;

pub(crate) use intervals::known_to;
use intervals::with_intervals;
use rates::{Rates, token_ratio, window};
use tokens::tokens;

/// Confidence of every interval that is reported.
pub(crate) const CONFIDENCE: f64 = 0.95;
/// Batches by which a steady state is judged.
const BATCHES: usize = 10;

/// Said of a run that has no intervals.
const WITHIN_RUN: &str = "latencies are told within this run: it is shorter than the 50 correlation times that an interval \
                          takes, and another run may differ; measure for longer";
/// Values from which on p90, p95 and p99 are told.
const NEEDED: [u64; 3] = [10, 20, 100];

/// What a run was, besides its plan.
pub(crate) struct Setting<'a> {
    pub(crate) model: &'a str,
    pub(crate) started: &'a str,
    pub(crate) nonce: Nonce,
    /// Tokens that all prompts have in common by plan.
    pub(crate) common_tokens: f64,
}

pub(crate) fn summarise(
    plan: &Plan,
    setting: &Setting<'_>,
    outcome: &Outcome,
    scrapes: &Scrapes,
) -> BenchResult {
    let recorder = &outcome.recorder;
    let series = &recorder.series;
    let window = window(outcome);
    let seconds = window.map_or(0.0, |(start, end)| (end - start) as f64 / 1e9);
    let rates = window.map(|window| Rates::over(window, recorder, plan));
    let measured = measured(&recorder.kept);
    let ttft: Vec<f64> =
        ok(&measured).map(|kept| kept.first.saturating_sub(kept.scheduled) as f64 / 1e6).collect();
    let e2e: Vec<f64> =
        ok(&measured).map(|kept| kept.last.saturating_sub(kept.scheduled) as f64 / 1e6).collect();
    // What the run proves rests on how its requests depend on each other, which their latencies show.
    let worth = worth(&[&ttft, &e2e]);
    let offered = match &plan.load {
        Load::Closed { .. } => None,
        Load::Open { arrivals } => arrivals.rate(),
    };
    let check = outcome.check.as_ref();
    let in_flight = rates.as_ref().map(|rates| rates.in_flight);
    let sampled = check.and_then(|check| check.in_flight);
    let residence = residence(&measured);
    let times = |samples: &[f64]| independent_values(samples, seconds, residence.unwrap_or(f64::INFINITY));
    let server = scrapes.summary();
    // Objectives with percentiles of their own have no share of requests in common that would stand for them.
    let joint = plan.has_joint_percentile();
    let mut result = BenchResult {
        schema: BENCH_SCHEMA,
        path: String::new(),
        started: setting.started.to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        interrupted: outcome.interrupted,
        given_up: outcome.given_up,
        target: BenchTarget {
            url: plan.target.url(),
            model: setting.model.to_owned(),
            api: plan.api.path().trim_start_matches("/v1/").replace("chat/completions", "chat"),
        },
        load: load(plan),
        nonce: matches!(plan.prompts, Prompts::Synthetic { .. }).then(|| setting.nonce.to_string()),
        server_error: recorder.said.clone(),
        open_loop: matches!(plan.load, Load::Open { .. }),
        corrected: true,
        offered_rps: offered,
        seconds,
        requests: recorder.measured,
        errors: recorder.misses.iter().map(|(miss, count)| (miss.as_str().to_owned(), *count)).collect(),
        requests_per_s: rates.as_ref().map_or(0.0, |rates| rates.ok),
        output_tokens_per_s: rates.as_ref().map_or(0.0, |rates| rates.tokens),
        goodput_rps: rates.as_ref().filter(|_| joint).map(|rates| rates.good),
        attainment: joint
            .then(|| {
                share(recorder.good, recorder, |kept| all_met(kept, plan.objectives.len()), &measured, worth)
            })
            .flatten(),
        undetermined: recorder.undetermined,
        objectives: objectives(plan, recorder, &measured, worth),
        ttft_ms: with_intervals(bounded(&series.ttft), &ttft, times(&ttft)),
        ttfo_ms: recorder.reasons.then(|| bounded(&series.ttfo)),
        turns: turns(&measured, plan.turns),
        itl_ms: summary(&series.itl),
        tpot_ms: bounded(&series.tpot),
        e2e_ms: with_intervals(bounded(&series.e2e), &e2e, times(&e2e)),
        chunk_gap_ms: summary(&series.chunk_gap),
        stall_ms: summary(&series.stall),
        per_token_ms: summary(&series.per_token),
        send_lag_ms: summary(&series.send_lag),
        uncorrected: Uncorrected {
            ttft_ms: summary(&series.ttft_from_send),
            e2e_ms: summary(&series.e2e_from_send),
        },
        with_failures: with_failures(recorder),
        tokens: tokens(recorder, server.as_ref(), plan, setting.common_tokens),
        in_flight,
        littles_ratio: sampled.zip(residence).zip(rates.as_ref()).and_then(
            |((sampled, residence), rates)| {
                // A handful of requests says nothing about averages.
                (recorder.measured >= 30)
                    .then(|| sampled / (rates.started * residence))
                    .filter(|ratio| ratio.is_finite())
            },
        ),
        token_ratio: window.and_then(|window| token_ratio(plan, scrapes, window, recorder)),
        server,
        work: check
            .and_then(|check| check.server.as_ref())
            .map(|seen| work(seen, rates.as_ref().map_or(0.0, |rates| rates.tokens))),
        steady: steady(&measured),
        client: BenchClient {
            cpu_s: check.map(|check| check.cpu_s),
            lag_ms: check
                .filter(|check| !check.lag.is_empty())
                .map(|check| check.lag.value_at_quantile(0.99) as f64 / 1e6),
            busiest_thread: check.map(|check| check.busiest_thread),
            waiting_share: check.and_then(|check| check.waiting_share),
            foreign_cpus: check.and_then(|check| check.foreign_cpus),
            peak_rss_mb: peak_rss_mb(),
            connections: outcome.connections,
            connections_while_measuring: recorder.connections,
        },
        histograms: [
            ("ttft", &series.ttft),
            ("itl", &series.itl),
            ("tpot", &series.tpot),
            ("e2e", &series.e2e),
            ("chunk_gap", &series.chunk_gap),
            ("send_lag", &series.send_lag),
        ]
        .into_iter()
        .filter_map(|(name, series)| Some((name.to_owned(), series.payload()?)))
        .collect(),
        send_lag_p99_ms: series.send_lag.quantiles_ms([0.99]).map(|[p99]| p99),
        warmed_up: recorder.others > 0,
        repetitions: 1,
        ..BenchResult::default()
    };
    validity::judge(plan, &mut result);
    if result.ttft_ms.is_within_run() || result.e2e_ms.is_within_run() {
        result.warnings.push(WITHIN_RUN.to_owned());
    }
    result
}

fn all_met(kept: &Kept, objectives: usize) -> bool {
    kept.miss.is_none() && kept.stands.is_good(objectives)
}

/// Measured requests in the order in which they were due.
fn measured(kept: &[Kept]) -> Vec<Kept> {
    let mut measured: Vec<Kept> = kept.iter().filter(|kept| kept.phase == Phase::Measured).copied().collect();
    measured.sort_by_key(|kept| kept.scheduled);
    measured
}

fn ok(measured: &[Kept]) -> impl Iterator<Item = &Kept> {
    measured.iter().filter(|kept| kept.miss.is_none())
}

/// Mean seconds that a request that was sent was under way.
fn residence(measured: &[Kept]) -> Option<f64> {
    let times: Vec<f64> = measured
        .iter()
        .filter(|kept| kept.sent != 0)
        .map(|kept| kept.done.saturating_sub(kept.sent) as f64 / 1e9)
        .collect();
    plumb_stats::mean(&times)
}

pub(crate) fn summary(series: &Series) -> LatencySummary {
    let count = series.count();
    let Some([p50, p90, p95, p99]) = series.quantiles_ms([0.5, 0.9, 0.95, 0.99]) else {
        return LatencySummary::default();
    };
    let enough = |value: f64, needed: u64| (count >= needed).then_some(value);
    LatencySummary {
        count,
        mean: series.mean_ms(),
        p50: Some(p50),
        p90: enough(p90, NEEDED[0]),
        p95: enough(p95, NEEDED[1]),
        p99: enough(p99, NEEDED[2]),
        max: series.max_ms(),
        ..LatencySummary::default()
    }
}

/// The same with a bound of its tail, for a series that has one value for each request.
fn bounded(series: &Series) -> LatencySummary {
    LatencySummary { p99_bound: series.bound_ms(0.99), ..summary(series) }
}

/// Percentiles with failures as requests that never end, where there are any.
fn with_failures(recorder: &Recorder) -> Option<WithFailures> {
    let failed = recorder.measured - recorder.ok;
    let of = |series: &Series| {
        let [p50, p90, p95, p99] = series.quantiles_with([0.5, 0.9, 0.95, 0.99], failed);
        let reached = |value: Option<f64>, needed: u64| {
            (recorder.measured >= needed).then(|| value.map_or(Reached::NEVER, Reached::Ms))
        };
        Percentiles {
            p50: reached(p50, 1),
            p90: reached(p90, NEEDED[0]),
            p95: reached(p95, NEEDED[1]),
            p99: reached(p99, NEEDED[2]),
        }
    };
    let (ttft_ms, e2e_ms) = (of(&recorder.series.ttft), of(&recorder.series.e2e));
    (failed > 0).then_some(WithFailures { ttft_ms, e2e_ms })
}

/// Replies by turn of their conversation.
fn turns(measured: &[Kept], turns: u32) -> Vec<TurnResult> {
    let of = |turn: u32| {
        let own = || ok(measured).filter(move |kept| kept.index % u64::from(turns.max(1)) == u64::from(turn));
        let ms = |end: fn(&Kept) -> u64| -> Vec<f64> {
            let mut values: Vec<f64> =
                own().map(|kept| end(kept).saturating_sub(kept.scheduled) as f64 / 1e6).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let (ttft, e2e) = (ms(|kept| kept.first), ms(|kept| kept.last));
        TurnResult {
            requests: ttft.len() as u64,
            ttft_mean_ms: plumb_stats::mean(&ttft).unwrap_or(0.0),
            ttft_p50_ms: quantile(&ttft, 0.5).unwrap_or(0.0),
            e2e_mean_ms: plumb_stats::mean(&e2e).unwrap_or(0.0),
        }
    };
    if turns > 1 { (0..turns).map(of).collect() } else { Vec::new() }
}

/// What the server's processes did, for tokens at the rate of the window.
fn work(seen: &ServerSeen, tokens_per_s: f64) -> ServerWork {
    let Work { threads, ran_ns, waited_ns, moves: [own, forced, migrations], busiest } = &seen.work;
    let seconds = |ns: u64| ns as f64 / 1e9;
    let share = |ns: u64| if seen.seconds > 0.0 { seconds(ns) / seen.seconds } else { 0.0 };
    ServerWork {
        pid: seen.pid,
        seconds: seen.seconds,
        tokens: tokens_per_s * seen.seconds,
        threads: *threads,
        cpu_s: seconds(*ran_ns),
        run_delay_s: seconds(*waited_ns),
        switches: own.zip(*forced),
        migrations: *migrations,
        busiest: busiest.as_ref().map(|(name, ran, waited)| BusiestThread {
            name: name.clone(),
            ran: share(*ran),
            waited: share(*waited),
        }),
        package_j: seen.package_j,
        gpu_j: None,
    }
}

/// Adds the energy of the GPUs that were busy, by their mean power.
pub(crate) fn add_energy(result: &mut BenchResult) {
    let Some(work) = &mut result.work else { return };
    let mut by_gpu: std::collections::BTreeMap<u32, (Vec<f64>, f64)> = std::collections::BTreeMap::new();
    for sample in &result.gpu {
        let own = by_gpu.entry(sample.index).or_default();
        own.0.extend(sample.power_w);
        own.1 = own.1.max(sample.busy_percent.unwrap_or(0.0));
    }
    let busy =
        by_gpu.values().filter(|(_, busy)| *busy >= 1.0).filter_map(|(power, _)| plumb_stats::mean(power));
    let power: f64 = busy.sum();
    work.gpu_j = (power > 0.0).then_some(power * work.seconds);
}

/// A share of requests with its interval, whose width heeds that neighbours depend on each other; `worth` is what their
/// latencies say of that.
fn share(
    count: u64,
    recorder: &Recorder,
    holds: impl Fn(&Kept) -> bool,
    measured: &[Kept],
    worth: f64,
) -> Option<Share> {
    let holds: Vec<bool> = measured.iter().map(holds).collect();
    let independent = independent_requests(&holds, worth);
    let of_all = |kept: f64| kept / holds.len().max(1) as f64 * recorder.measured as f64;
    let share = count as f64 / recorder.measured.max(1) as f64;
    let (trials, trials_missed) = (of_all(independent.met), of_all(independent.missed));
    // Without trials nothing is known of that end.
    let interval = |trials: f64| wilson(share * trials, trials, CONFIDENCE);
    let low = interval(trials).map_or(0.0, |interval| interval.low);
    let high = interval(trials_missed)?.high;
    Some(Share { share, low, high, trials, trials_missed })
}

fn objectives(plan: &Plan, recorder: &Recorder, measured: &[Kept], worth: f64) -> Vec<ObjectiveResult> {
    plan.objectives
        .iter()
        .enumerate()
        .filter_map(|(index, objective)| {
            let of = |counts: &[u64]| counts.get(index).copied().unwrap_or(0);
            let (met, open) = (of(&recorder.met), of(&recorder.open));
            let within = share(met, recorder, |kept| kept.stands.met >> index & 1 == 1, measured, worth)?;
            // At best, all of which nothing is known are within, too.
            let at_best = |kept: &Kept| (kept.stands.met | kept.stands.open) >> index & 1 == 1;
            let highest = share(met + open, recorder, at_best, measured, worth)?.high;
            Some(ObjectiveResult {
                metric: objective.metric.as_str().to_owned(),
                percentile: objective.percentile,
                limit_ms: objective.limit_ms,
                within,
                undetermined: open,
                met: if recorder.ok == 0 {
                    // A failed request is a miss, but of what, if none got so far.
                    None
                } else if within.low >= objective.percentile {
                    Some(true)
                } else if highest < objective.percentile {
                    Some(false)
                } else {
                    None
                },
            })
        })
        .collect()
}

/// True if neither TTFT nor the number of requests under way has a trend over ten batches; `None` for fewer than five requests
/// in each.
fn steady(measured: &[Kept]) -> Option<bool> {
    let answered: Vec<&Kept> = ok(measured).collect();
    if answered.len() < 5 * BATCHES {
        return None;
    }
    let ttft: Vec<f64> =
        answered.iter().map(|kept| kept.first.saturating_sub(kept.scheduled) as f64).collect();
    // In a steady state, residence is to requests under way as the rate is: constant.
    let residence: Vec<f64> =
        answered.iter().map(|kept| kept.done.saturating_sub(kept.scheduled) as f64).collect();
    let moves = |samples: &[f64]| {
        let means = batch_means(samples, BATCHES);
        let (low, high) =
            means.iter().fold((f64::MAX, 0.0f64), |(low, high), mean| (low.min(*mean), high.max(*mean)));
        // A trend that is real but small is no reason for doubt: 5 %.
        trend::has_trend(&means, 0.01) && high > 1.05 * low
    };
    Some(!moves(&ttft) && !moves(&residence))
}

fn load(plan: &Plan) -> BenchLoad {
    let mut load = BenchLoad {
        output_tokens: Some(plan.output_tokens),
        prompt_tokens: match plan.prompts {
            Prompts::Synthetic { tokens, .. } => Some(tokens),
            Prompts::File { .. } => None,
        },
        seed: Some(plan.seed),
        ..BenchLoad::default()
    };
    match &plan.load {
        Load::Closed { concurrency } => {
            load.text = format!("closed {concurrency}");
            load.concurrency = Some(*concurrency);
        }
        Load::Open { arrivals } => {
            let (process, text) = match arrivals {
                Arrivals::Constant { rate } => ("constant", format!("{rate}/s")),
                Arrivals::Poisson { rate } => ("poisson", format!("{rate}/s")),
                Arrivals::Gamma { rate, shape } => ("gamma", format!("{rate}/s, shape {shape}")),
                Arrivals::Burst { size, every } => ("burst", format!("{size} every {every} s")),
                Arrivals::Ramp { from, to, over } => ("ramp", format!("{from}/s to {to}/s over {over} s")),
                Arrivals::Trace { times } => ("trace", format!("{} requests", times.len())),
            };
            load.text = format!("open {process} {text}");
            load.process = Some(process.to_owned());
            load.rate = arrivals.rate();
        }
    }
    if let Some(lengths) = &plan.prompt_lengths {
        load.text.push_str(&format!(", prompts of {lengths} tokens"));
    }
    if let Some(lengths) = &plan.output_lengths {
        load.text.push_str(&format!(", replies of {lengths} tokens"));
    }
    if plan.turns > 1 {
        load.text.push_str(&format!(", conversations of {} turns", plan.turns));
    }
    load
}

/// Largest resident memory of this process.
fn peak_rss_mb() -> Option<f64> {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).ok()?;
    // In KiB on Linux.
    Some(usage.max_rss() as f64 * 1024.0 / 1e6)
}
