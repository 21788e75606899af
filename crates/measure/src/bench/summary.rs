//! From what was recorded to what is reported.

use plumb_evidence::model::{
    BENCH_SCHEMA, BenchClient, BenchLoad, BenchResult, BenchTarget, BenchTokens, BusiestThread,
    LatencySummary, ObjectiveResult, Percentiles, Reached, ServerMetrics, ServerWork, Share, TurnResult,
    Uncorrected, WithFailures,
};

use plumb_evidence::dependence::{independent_requests, worth};

use super::arrivals::Arrivals;
use super::engine::Outcome;
use super::nonce::Nonce;
use super::observer::ServerSeen;
use super::plan::{Load, Plan};
use super::prompts::{Prompts, WORDS};
use super::record::Phase;
use super::recorder::{Kept, Recorder};
use super::scrape::Scrapes;
use super::series::Series;
use super::validity;
use crate::process::Work;
use crate::stats::proportion::wilson;
use crate::stats::quantile::{quantile, samples_needed};
use crate::stats::{batch, normal_quantile, trend};

/// Confidence of every interval that is reported.
pub(crate) const CONFIDENCE: f64 = 0.95;
/// Batches by which a steady state is judged.
const BATCHES: usize = 10;

/// Said of a run that has no intervals.
const WITHIN_RUN: &str = "latencies are told within this run: it is shorter than the 50 correlation times that an interval \
                          takes, and another run may differ; measure for longer";
/// Mean times of a request over which a queue forgets its state, at least: so many, in simulation, for 8 slots at 77 % of what
/// they bear. Ours.
const RELAXES: f64 = 8.0;

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
    let times = |samples: &[f64]| independent(samples, seconds, residence.unwrap_or(f64::INFINITY));
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

/// Tokens that the server counted between two of its scrapes, over those that the client saw arrive in the same time; `None`
/// for less than two seconds.
fn token_ratio(plan: &Plan, scrapes: &Scrapes, window: (u64, u64), recorder: &Recorder) -> Option<f64> {
    let ((start, end), counted) = scrapes.tokens_within(window)?;
    let seconds = end.saturating_sub(start) as f64 / 1e9;
    let seen = Rates::over((start, end), recorder, plan).tokens * seconds;
    (seconds >= 2.0 && seen > 0.0).then(|| counted / seen)
}

/// The measured window. A closed loop of no more requests than streams has no window by its starts: it lasts until the last
/// reply then.
fn window(outcome: &Outcome) -> Option<(u64, u64)> {
    let (start, end) = outcome.window?;
    let measured = || outcome.recorder.kept.iter().filter(|kept| kept.phase == Phase::Measured);
    let last_done = measured().map(|kept| kept.done).max()?;
    // An ended run covers no more than it has seen.
    let end = if outcome.interrupted { end.min(last_done) } else { end };
    let mean = residence(&measured().copied().collect::<Vec<_>>()).unwrap_or(0.0) * 1e9;
    if (end.saturating_sub(start) as f64) < mean {
        (last_done > start).then_some((start, last_done))
    } else {
        Some((start, end))
    }
}

/// Rates over the window.
///
/// In an open loop, what ended inside counts. In a closed loop all streams may end and begin together, and where the window
/// is cut would add or take a whole wave; so each request counts with the share of its time that lies inside.
struct Rates {
    ok: f64,
    good: f64,
    started: f64,
    tokens: f64,
    in_flight: f64,
}

impl Rates {
    fn over((start, end): (u64, u64), recorder: &Recorder, plan: &Plan) -> Self {
        let seconds = (end - start).max(1) as f64 / 1e9;
        let closed = matches!(plan.load, Load::Closed { .. });
        let inside = |from: u64, to: u64| to.min(end).saturating_sub(from.max(start)) as f64;
        let within = |time: u64| f64::from(u8::from((start..end).contains(&time)));
        let (mut ok, mut good, mut all, mut tokens, mut time) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for kept in &recorder.kept {
            if kept.sent == 0 {
                continue;
            }
            let overlap = inside(kept.sent, kept.done);
            time += overlap;
            let part = overlap / kept.done.saturating_sub(kept.sent).max(1) as f64;
            let (ended, due) =
                if closed { (part, part) } else { (within(kept.done), within(kept.scheduled)) };
            all += due;
            if kept.miss.is_none() {
                ok += ended;
                // Counted as the rate is, which therefore is never below it.
                good += if all_met(kept, plan.objectives.len()) { ended } else { 0.0 };
            }
            if kept.first != 0 {
                let span = kept.last.saturating_sub(kept.first);
                let part =
                    if span == 0 { within(kept.first) } else { inside(kept.first, kept.last) / span as f64 };
                tokens += f64::from(kept.tokens) * part;
            }
        }
        let stride = recorder.stride as f64;
        Self {
            ok: ok * stride / seconds,
            good: good * stride / seconds,
            started: all * stride / seconds,
            tokens: tokens * stride / seconds,
            in_flight: time * stride / 1e9 / seconds,
        }
    }
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
    crate::stats::mean(&times)
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

/// Half the width of the widest interval of mean and p95 of TTFT and E2E, as a share of the value: how well the run knows
/// them. `None` for a run that is too short to tell.
pub(crate) fn known_to(kept: &[Kept]) -> Option<f64> {
    let measured = measured(kept);
    let seconds = measured.last()?.scheduled.saturating_sub(measured.first()?.scheduled) as f64 / 1e9;
    let times = |end: fn(&Kept) -> u64| -> Vec<f64> {
        ok(&measured).map(|kept| end(kept).saturating_sub(kept.scheduled) as f64).collect()
    };
    let residence = residence(&measured)?;
    let of = |samples: Vec<f64>| {
        let own = Intervals::of(&samples, independent(&samples, seconds, residence));
        let half = |(low, high): (f64, f64)| (high - low) / (high + low);
        Some(half(own.mean?).max(half(own.p95?)))
    };
    Some(of(times(|kept| kept.first))?.max(of(times(|kept| kept.last))?))
}

/// The independent values that latencies are worth in a run of `seconds` whose requests take `residence` seconds: by their
/// autocorrelations, and no more than there are spans of [`RELAXES`] requests one after the other.
///
/// Autocorrelations alone say too much of a run that saw no burst: of runs that are too short, those that look long enough are
/// those with the best luck.
fn independent(samples: &[f64], seconds: f64, residence: f64) -> f64 {
    batch::effective_size(samples).min(seconds / (RELAXES * residence.max(1e-9)))
}

/// Intervals of the mean and of p95; `None` where the run holds too few independent values.
#[derive(Default)]
struct Intervals {
    mean: Option<(f64, f64)>,
    p95: Option<(f64, f64)>,
}

impl Intervals {
    /// The mean by the normal distribution, p95 by order statistics, of as many independent values.
    fn of(samples: &[f64], independent: f64) -> Self {
        if independent < LatencySummary::TELLING {
            return Self::default();
        }
        let z = normal_quantile(0.5 + CONFIDENCE / 2.0);
        let mean =
            crate::stats::mean(samples).zip(crate::stats::variance(samples)).map(|(mean, variance)| {
                let half = z * (variance / independent).sqrt();
                (mean - half, mean + half)
            });
        // Fewer than these and the upper end lies beyond the largest sample.
        let p95 = (independent >= samples_needed(0.95, CONFIDENCE) as f64).then(|| {
            let half = z * (0.95 * 0.05 / independent).sqrt();
            let mut sorted = samples.to_vec();
            sorted.sort_by(f64::total_cmp);
            quantile(&sorted, 0.95 - half).zip(quantile(&sorted, 0.95 + half))
        });
        Self { mean, p95: p95.flatten() }
    }
}

/// Adds the intervals of mean and p95; `samples` are in the order of time, since neighbours depend on each other.
fn with_intervals(mut summary: LatencySummary, samples: &[f64], independent: f64) -> LatencySummary {
    let Intervals { mean, p95 } = Intervals::of(samples, independent);
    (summary.independent, summary.mean_interval, summary.p95_interval) = (Some(independent), mean, p95);
    summary
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
            ttft_mean_ms: crate::stats::mean(&ttft).unwrap_or(0.0),
            ttft_p50_ms: quantile(&ttft, 0.5).unwrap_or(0.0),
            e2e_mean_ms: crate::stats::mean(&e2e).unwrap_or(0.0),
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
        by_gpu.values().filter(|(_, busy)| *busy >= 1.0).filter_map(|(power, _)| crate::stats::mean(power));
    let power: f64 = busy.sum();
    work.gpu_j = (power > 0.0).then(|| power * work.seconds);
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
        let means = batch::batch_means(samples, BATCHES);
        let (low, high) =
            means.iter().fold((f64::MAX, 0.0f64), |(low, high), mean| (low.min(*mean), high.max(*mean)));
        // A trend that is real but small is no reason for doubt: 5 %.
        trend::has_trend(&means, 0.01) && high > 1.05 * low
    };
    Some(!moves(&ttft) && !moves(&residence))
}

/// Share of prompt tokens that came from the prefix cache: by the replies, of which some servers leave out those with none, or
/// by the server's own counters.
fn cached_share(recorder: &Recorder, server: Option<&ServerMetrics>) -> Option<f64> {
    if !recorder.tells_cached {
        return server?.cached_share();
    }
    let of = recorder.prompt_tokens as f64;
    (of > 0.0).then(|| (recorder.cached_tokens as f64 / of).min(1.0))
}

/// Tokens that one of so many random prompts has in common with another one by chance. Some caches keep single tokens.
fn agreement(prompts: u64) -> f64 {
    (prompts.max(1) as f64).log(WORDS.len() as f64)
}

fn tokens(
    recorder: &Recorder,
    server: Option<&ServerMetrics>,
    plan: &Plan,
    common_tokens: f64,
) -> BenchTokens {
    let per_prompt = match plan.prompts {
        _ if recorder.prompt_tokens > 0 => recorder.prompt_tokens as f64 / recorder.ok.max(1) as f64,
        Prompts::Synthetic { tokens, .. } => f64::from(tokens),
        Prompts::File { .. } => f64::INFINITY,
    };
    let [running, end, none] = recorder.counted;
    let counted_by = if none > 0 || running + end == 0 {
        BenchTokens::BY_EVENTS
    } else if end > 0 {
        "server, at the end"
    } else {
        "server, with every chunk"
    };
    BenchTokens {
        output: recorder.tokens,
        prompt: recorder.prompt_tokens,
        cached: recorder.cached_tokens,
        events: recorder.events,
        counted_by: counted_by.to_owned(),
        itl_estimated: recorder.estimated > 0,
        unknown_replies: recorder.unknown,
        hidden: recorder.hidden,
        never_visible: recorder.never_visible,
        asked_output: recorder.asked_tokens,
        asked_prompt: recorder.asked_prompt,
        coalesced_share: recorder.coalesced_reads as f64 / recorder.reads.max(1) as f64,
        single_read_share: recorder.single_reads as f64 / recorder.several_tokens.max(1) as f64,
        cached_share: cached_share(recorder, server),
        common_share: ((common_tokens + agreement(recorder.measured)) / per_prompt.max(1.0)).min(1.0),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::record::tests::record;
    use crate::bench::target::{Http, Target};

    const MS: u64 = 1_000_000;

    fn recorder_of(requests: &[(u64, u64, Phase)]) -> Recorder {
        let mut recorder = Recorder::new(Vec::new(), None, 0).unwrap();
        for &(start, end, phase) in requests {
            let mut one = record(&[(0, 1, None), (1, 1, None)], Some(10));
            one.phase = phase;
            (one.scheduled, one.sent, one.first, one.last, one.done) =
                (start * MS, start * MS, start * MS, end * MS, end * MS);
            recorder.take(&one);
        }
        recorder
    }

    #[test]
    fn requests_count_with_the_part_of_them_that_lies_in_the_window() {
        use Phase::{Measured, Warmup};
        let plan = Plan::new(Target::new("http://127.0.0.1:1", Http::Auto, None, None).unwrap());
        // Two streams, each with requests of 1 s back to back, measured from 1.5 s to 3.5 s.
        let recorder = recorder_of(&[
            (0, 1000, Warmup),
            (500, 1500, Warmup),
            (1000, 2000, Warmup),
            (1500, 2500, Measured),
            (2000, 3000, Measured),
            (2500, 3500, Measured),
            (3000, 4000, Measured),
        ]);
        let rates = Rates::over((1500 * MS, 3500 * MS), &recorder, &plan);
        assert!((rates.ok - 2.0).abs() < 1e-9 && (rates.in_flight - 2.0).abs() < 1e-9);
        assert!((rates.tokens - 20.0).abs() < 1e-9);
    }

    #[test]
    fn goodput_is_never_above_the_rate() {
        let arrivals = Arrivals::Constant { rate: 2.0 };
        let target = Target::new("http://127.0.0.1:1", Http::Auto, None, None).unwrap();
        let plan = Plan { load: Load::Open { arrivals }, ..Plan::new(target) };
        // Both end after the window in which they began.
        let recorder = recorder_of(&[(500, 2500, Phase::Measured), (1000, 2600, Phase::Measured)]);
        let rates = Rates::over((0, 2000 * MS), &recorder, &plan);
        assert!(rates.good <= rates.ok && rates.started > rates.ok);
    }

    #[test]
    fn a_growing_queue_is_not_steady() {
        let grows: Vec<_> = (0..100).map(|n| (n * 10, n * 10 + 100 + n * 5, Phase::Measured)).collect();
        assert_eq!(steady(&measured(&recorder_of(&grows).kept)), Some(false));
        let stays: Vec<_> = (0..100).map(|n| (n * 10, n * 10 + 100 + n * 7 % 13, Phase::Measured)).collect();
        assert_eq!(steady(&measured(&recorder_of(&stays).kept)), Some(true));
        assert_eq!(steady(&measured(&recorder_of(&stays[..40]).kept)), None);
    }

    #[test]
    fn a_run_of_few_correlation_times_has_no_intervals() {
        // Neighbours depend on each other over `steps` requests.
        let samples = |steps: usize| -> Vec<f64> {
            let mut random = crate::stats::Random::new(9);
            let noise: Vec<f64> = (0..600 + steps).map(|_| random.exponential()).collect();
            noise.windows(steps).take(600).map(|near| near.iter().sum::<f64>()).collect()
        };
        // 600 requests in a minute, of 50 ms each.
        let of = |steps, residence| {
            let samples = samples(steps);
            with_intervals(LatencySummary::default(), &samples, independent(&samples, 60.0, residence))
        };
        let free = of(1, 0.05);
        assert!(free.mean_interval.is_some() && free.p95_interval.is_some() && !free.is_within_run());
        // Neighbours that depend on each other, and requests of a second each, of which the run holds 60 in a row.
        for bound in [of(60, 0.05), of(1, 1.0)] {
            assert!(bound.mean_interval.is_none() && bound.p95_interval.is_none() && bound.is_within_run());
            assert!(bound.independent.unwrap() < 50.0, "{bound:?}");
        }
        // Enough for the mean, too few for the tail.
        let between = of(1, 0.125);
        assert!(between.mean_interval.is_some() && between.p95_interval.is_none(), "{between:?}");
    }

    /// How often intervals of TTFT hold the truth, where they are printed: in which share of the runs, and of the mean and p95.
    fn coverage(utilisation: f64, seconds: f64, rounds: u64) -> [f64; 3] {
        use crate::stats::simulated::queue;
        let rate = utilisation * 8.0 / 0.65;
        let (mut long, _) = queue(rate, 30_000.0, &mut crate::stats::Random::new(4));
        let mean = crate::stats::mean(&long).unwrap();
        long.sort_by(f64::total_cmp);
        let p95 = quantile(&long, 0.95).unwrap();
        let (mut printed, mut holds) = (0, [0, 0]);
        for seed in 0..rounds {
            let (ttft, e2e) = queue(rate, seconds, &mut crate::stats::Random::new(seed * 31 + 7));
            let independent = independent(&ttft, seconds, crate::stats::mean(&e2e).unwrap());
            let own = Intervals::of(&ttft, independent);
            let (Some(of_mean), Some(of_p95)) = (own.mean, own.p95.or(own.mean.map(|_| (0.0, f64::MAX))))
            else {
                continue;
            };
            printed += 1;
            for (count, ((low, high), truth)) in holds.iter_mut().zip([(of_mean, mean), (of_p95, p95)]) {
                *count += u64::from(low <= truth && truth <= high);
            }
        }
        let of = |count: u64, all: u64| count as f64 / all.max(1) as f64;
        [of(printed, rounds), of(holds[0], printed), of(holds[1], printed)]
    }

    #[test]
    fn intervals_that_are_printed_hold_the_truth() {
        let [short, ..] = coverage(0.65, 30.0, 40);
        assert_eq!(short, 0.0, "a run of 46 requests in a row");
        let [printed, mean, p95] = coverage(0.65, 400.0, 60);
        assert!(printed > 0.9 && mean > 0.9 && p95 > 0.9, "{printed} {mean} {p95}");
    }

    /// `cargo test -p plumb-measure --lib coverage_of_intervals -- --ignored --nocapture`
    #[test]
    #[ignore = "a table for the handbook, which takes a minute"]
    fn coverage_of_intervals() {
        for utilisation in [0.5, 0.65, 0.77, 0.85] {
            for seconds in [30.0, 120.0, 300.0, 600.0, 1200.0] {
                let [printed, mean, p95] = coverage(utilisation, seconds, 300).map(|share| 100.0 * share);
                println!("| {utilisation} | {seconds} s | {printed:.0} % | {mean:.0} % | {p95:.0} % |");
            }
        }
    }

    #[test]
    fn a_share_without_a_miss_rests_on_what_latencies_are_worth() {
        let requests: Vec<_> = (0..400).map(|n| (n * 10, n * 10 + 100, Phase::Measured)).collect();
        let recorder = recorder_of(&requests);
        let all = measured(&recorder.kept);
        let met = |worth| share(400, &recorder, |_| true, &all, worth).unwrap();
        assert!(met(1.0).low > 0.95 && (met(1.0).trials - 400.0).abs() < 1e-9);
        assert!(met(0.1).low < 0.95 && (met(0.1).trials - 40.0).abs() < 1e-9);
    }

    #[test]
    fn percentiles_need_their_number_of_values() {
        let few: Vec<_> = (0..19).map(|n| (n * 10, n * 10 + 100, Phase::Measured)).collect();
        let summary = summary(&recorder_of(&few).series.e2e);
        assert_eq!((summary.count, summary.p95, summary.p99), (19, None, None));
        assert_eq!((summary.p50, summary.p90, summary.max), (Some(100.0), Some(100.0), Some(100.0)));
        // As many as it takes to bound p99 with 99 % confidence by the largest; the next smaller one takes 662.
        let bound = |count: u64| {
            let many: Vec<_> = (0..count).map(|n| (n * 10 + 1, n * 10 + n + 1, Phase::Measured)).collect();
            bounded(&recorder_of(&many).series.e2e).p99_bound
        };
        assert_eq!(
            (bound(458), bound(459), bound(661), bound(662)),
            (None, Some(458.0), Some(660.0), Some(660.0))
        );
    }
}
