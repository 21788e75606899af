//! The highest rate at which a server meets its objectives.
//!
//! Searched over the rate of an open loop, since that is what users bring. A level passes only if even the lower end of the
//! interval of "within the limit" reaches the percentile, and fails only if the upper end does not; what lies between and is
//! near the limit is measured again. From all levels a rising fit gives the estimate. The rate that wins was picked for its
//! luck, too, so that it is measured anew with fresh seeds, and shown by those runs alone; where they do not show it, lower
//! rates are tried. Nothing is claimed beyond what was measured, nor beyond what was sent.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};

use plumb_evidence::model::{BENCH_SCHEMA, BenchResult, BenchTokens, InvalidBy, SweepLevel, SweepResult};

use super::engine::Control;
use super::nonce::Nonce;
use super::plan::{Load, Plan};
use super::{Amount, Arrivals, BenchError, Measured, Prompts};
use crate::stats::isotonic::{crossing, isotonic};
use crate::stats::proportion::wilson;

/// How a sweep is carried out.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// Everything but the rate; its load gives the process of arrivals and the rate to start with.
    pub plan: Plan,
    /// Highest rate that is tried.
    pub max_rate: f64,
    /// The search ends when the lowest failing rate is within this share of the highest passing one.
    pub tolerance: f64,
    /// Most runs.
    pub max_runs: usize,
    /// Most runs at one rate.
    pub max_repeats: u32,
    /// Most runs that confirm what was found.
    pub max_confirmations: u32,
}

/// Excess on either side of the limit beyond which a level that is not resolved is not measured again: on which side it lies
/// is clear.
const CLEAR: f64 = 3.0;
/// Fresh runs that confirm a rate at least.
const LEAST_CONFIRMATIONS: u32 = 2;
/// The first step down from a rate that was not confirmed; each further one is larger by half.
const STEP_DOWN: f64 = 0.05;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Pass,
    Fail,
    Unresolved,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => SweepLevel::MISSED,
            Self::Unresolved => "unresolved",
        }
    }
}

/// What is known of one rate: for each condition, the share that has to hold, and how many held of how many.
#[derive(Clone, Debug, PartialEq)]
struct Level {
    rate: f64,
    conditions: Vec<Condition>,
    failures: Failures,
    runs: u32,
    /// Runs at this rate that do not count here: those that found what these are to confirm.
    earlier: u32,
}

/// A share that has to hold, and of how many requests it did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Condition {
    wanted: f64,
    held: f64,
    /// Requests of which it is not known whether it held: never for a pass, nor for a failure.
    open: f64,
    /// Independent requests, to show that it holds.
    trials: f64,
    /// The same, to show that it does not.
    trials_missed: f64,
}

impl Condition {
    fn add(&mut self, other: &Self) {
        self.held += other.held;
        self.open += other.open;
        self.trials += other.trials;
        self.trials_missed += other.trials_missed;
    }
}

/// Requests that failed. To show that fewer than one in a hundred do takes four hundred requests without any, so they are
/// held against a level as counted; the objectives count each of them as a miss anyway.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Failures {
    failed: f64,
    requests: f64,
    allowed: f64,
    /// In which the requests were sent.
    seconds: f64,
}

impl Failures {
    fn verdict(&self) -> Verdict {
        if self.failed <= self.allowed * self.requests {
            return Verdict::Pass;
        }
        match wilson(self.failed, self.requests, super::summary::CONFIDENCE) {
            Some(interval) if interval.low > self.allowed => Verdict::Fail,
            _ => Verdict::Unresolved,
        }
    }
}

/// What one run says about a level.
type Seen = (Vec<Condition>, Failures);

impl Level {
    fn new(rate: f64) -> Self {
        Self { rate, conditions: Vec::new(), failures: Failures::default(), runs: 0, earlier: 0 }
    }

    /// The rate that its runs stand for: no more than what they sent.
    fn credited(&self) -> f64 {
        let Failures { requests, seconds, .. } = self.failures;
        if seconds > 0.0 { self.rate.min(requests / seconds) } else { self.rate }
    }

    fn add(&mut self, (conditions, failures): &Seen) {
        if self.conditions.is_empty() {
            let none = |new: &Condition| Condition { wanted: new.wanted, ..Condition::default() };
            self.conditions = conditions.iter().map(none).collect();
        }
        for (mine, new) in self.conditions.iter_mut().zip(conditions) {
            mine.add(new);
        }
        self.failures.failed += failures.failed;
        self.failures.requests += failures.requests;
        self.failures.seconds += failures.seconds;
        self.failures.allowed = failures.allowed;
        self.runs += 1;
    }

    fn verdict(&self) -> Verdict {
        // Nothing measured is nothing shown.
        let mut verdict =
            if self.conditions.is_empty() { Verdict::Unresolved } else { self.failures.verdict() };
        if verdict == Verdict::Fail {
            return verdict;
        }
        for &Condition { wanted, held, open, trials, trials_missed } in &self.conditions {
            let of = |held: f64, of: f64| wilson(held / trials * of, of, super::summary::CONFIDENCE);
            let known = of(held, trials);
            let at_best = of((held + open).min(trials), trials_missed);
            let (Some(known), Some(at_best)) = (known, at_best) else {
                return Verdict::Unresolved;
            };
            if at_best.high < wanted {
                return Verdict::Fail;
            }
            if known.low < wanted {
                verdict = Verdict::Unresolved;
            }
        }
        verdict
    }

    /// The worst condition's misses over its allowance.
    fn excess(&self) -> f64 {
        let of = |&Condition { wanted, held, trials, .. }: &Condition| {
            (1.0 - held / trials.max(1e-9)) / (1.0 - wanted).max(1e-9)
        };
        self.conditions.iter().map(of).fold(0.0, f64::max)
    }

    fn weight(&self) -> f64 {
        self.conditions.iter().map(|condition| condition.trials).fold(f64::MAX, f64::min).max(1.0)
    }

    /// True if fresh runs have shown that it passes.
    fn is_confirmed(&self) -> bool {
        self.runs >= LEAST_CONFIRMATIONS && self.verdict() == Verdict::Pass
    }

    /// True if further runs could say on which side of the limit it lies.
    fn is_near(&self) -> bool {
        self.verdict() == Verdict::Unresolved && (1.0 / CLEAR..CLEAR).contains(&self.excess())
    }

    /// On which side of the limit it lies, if one has to say.
    fn leans_to_pass(&self) -> bool {
        match self.verdict() {
            Verdict::Pass => true,
            Verdict::Fail => false,
            Verdict::Unresolved => self.excess() <= 1.0,
        }
    }
}

/// What the search decided, apart from the runs themselves.
#[derive(Clone, Debug, Default, PartialEq)]
struct Found {
    levels: Vec<Level>,
    /// Rates that were measured anew, the highest first.
    confirmations: Vec<Level>,
    stopped: Option<String>,
}

impl Found {
    /// The rate that fresh runs have shown to pass.
    fn confirmed(&self) -> Option<&Level> {
        self.confirmations.iter().find(|level| level.is_confirmed())
    }

    /// All that was measured at each rate: for the estimate, luck is no reason to leave a run out.
    fn all(&self) -> impl Iterator<Item = &Level> {
        self.levels.iter().chain(&self.confirmations)
    }
}

/// Why a search cannot go on.
enum Stop {
    Error(BenchError),
    /// The client is at its limit, or was told to end: what is known stays.
    Reason(String),
}

/// A sweep, with what it rests on.
#[derive(Debug)]
pub struct Swept {
    /// The result.
    pub result: SweepResult,
    /// The raw records of all runs, where the plan asked for them, in the order of `result.levels`: those of a single run,
    /// with the place of the run in `run`.
    pub records: Option<File>,
    /// What the server said of itself during all runs, verbatim; empty where it said nothing.
    pub metrics_text: String,
}

/// Searches for the highest rate.
///
/// # Errors
/// Fails where the server cannot be measured at all, and on a plan without objectives.
pub fn sweep(
    sweep: &Sweep,
    control: &Control,
    note: &mut dyn FnMut(&SweepLevel),
) -> Result<Swept, BenchError> {
    let plan = &sweep.plan;
    let Load::Open { arrivals } = &plan.load else {
        return Err(BenchError::Input(
            "a sweep is over rates: give `--rate` to start with instead of a closed loop".to_owned(),
        ));
    };
    if plan.objectives.is_empty() {
        return Err(BenchError::Input(
            "a sweep needs objectives, such as `--slo ttft=500ms,itl=50ms`".to_owned(),
        ));
    }
    if !plan.has_joint_percentile() {
        return Err(BenchError::Input(
            "a sweep looks for the highest rate of good requests, and the objectives ask for different percentiles, of which no \
             share of requests is one; give all of them the same, such as `--slo ttft.p95=500ms,itl.p95=50ms`"
                .to_owned(),
        ));
    }
    let start = arrivals.rate().unwrap_or(1.0);
    let started = super::now_rfc3339();
    let nonce = plan.nonce.unwrap_or_else(Nonce::fresh);
    // No two runs may send the same prompts: the server's prefix cache would answer the second.
    let mut nonces = (0u64..).map(|run| nonce.of_run(run));
    let mut results: Vec<SweepLevel> = Vec::new();
    let mut metrics_text = String::new();
    let mut records = match plan.keep_records {
        true => Some(tempfile::tempfile().map(BufWriter::new).map_err(BenchError::Thread)?),
        false => None,
    };
    let found = search(sweep, start, |level| {
        if control.is_stopped() {
            return Err(Stop::Reason("ended before its time".to_owned()));
        }
        let mut plan = plan.clone();
        plan.give_up_early = true;
        plan.load = Load::Open { arrivals: at_rate(arrivals, level.rate) };
        // The same seed at every rate, so that levels differ in their rate alone; another one when a rate is tried again.
        plan.seed = plan.seed.wrapping_add(u64::from(level.earlier + level.runs));
        let mut run = || {
            plan.nonce = nonces.next();
            super::run(&plan, control).map_err(Stop::Error)
        };
        let mut measured = run()?;
        // Others on the machine may have held up the client for a moment; twice is no accident.
        if measured.result.invalid_by == Some(InvalidBy::Client) && !measured.result.interrupted {
            measured = run()?;
        }
        let Measured { mut result, records: of_run, metrics_text: said } = measured;
        // A server that has answered at another rate is asked in a form that it takes: it fails for the load.
        let answers = results.iter().any(|level: &SweepLevel| level.result.ttft_ms.count > 0);
        if result.invalid_by == Some(InvalidBy::NoReply) && answers {
            result.invalid_by = Some(InvalidBy::Failures);
        }
        metrics_text.push_str(&said);
        if let (Some(all), Some(of_run)) = (&mut records, of_run) {
            append_records(all, of_run, results.len())
                .map_err(|error| Stop::Error(BenchError::Thread(error)))?;
        }
        let seen = seen(&plan, &result);
        let mut pooled = level.clone();
        pooled.add(&seen);
        let one = SweepLevel {
            rate: level.rate,
            verdict: pooled.verdict().as_str().to_owned(),
            excess: pooled.excess(),
            confirms: level.earlier > 0,
            result,
        };
        note(&one);
        // That it fails some requests says something about the server.
        let limit = one.result.invalid_reason.clone();
        let limit = limit.filter(|_| one.result.invalid_by != Some(InvalidBy::Failures));
        let interrupted = one.result.interrupted;
        results.push(one);
        if interrupted {
            return Err(Stop::Reason("ended before its time".to_owned()));
        }
        match limit {
            // A run that the client limited, or without the times that are asked for, says nothing in either direction.
            Some(reason) => Err(Stop::Reason(format!("at {:.4} requests/s, {reason}", level.rate))),
            None => Ok(seen),
        }
    });
    let mut result = report(&found?, results, control.is_stopped());
    result.started = started;
    env!("CARGO_PKG_VERSION").clone_into(&mut result.tool_version);
    result.objectives = plan.objectives.iter().map(ToString::to_string).collect();
    result.nonce = matches!(plan.prompts, Prompts::Synthetic { .. }).then(|| nonce.to_string());
    let records = records.map(BufWriter::into_inner).transpose();
    let records = records.map_err(|error| BenchError::Thread(error.into_error()))?;
    Ok(Swept { result, records, metrics_text })
}

/// Adds the records of a run, each with the place of the run among the levels.
fn append_records(all: &mut impl Write, mut of_run: File, run: usize) -> io::Result<()> {
    of_run.seek(SeekFrom::Start(0))?;
    for line in BufReader::new(of_run).lines() {
        let line = line?;
        // Each is a JSON object.
        writeln!(all, "{{\"run\":{run},{}", line.strip_prefix('{').unwrap_or(&line))?;
    }
    Ok(())
}

/// What a run says of all objectives together, which is what goodput counts by, and how many of its requests failed.
fn seen(plan: &Plan, result: &BenchResult) -> Seen {
    let wanted = plan.objectives.first().map(|objective| objective.percentile);
    let condition = wanted.zip(result.attainment).map(|(wanted, good)| {
        let open = result.undetermined as f64 / result.requests.max(1) as f64 * good.trials;
        let (trials, trials_missed) = (good.trials, good.trials_missed);
        Condition { wanted, held: good.share * trials, open, trials, trials_missed }
    });
    let conditions = condition.into_iter().collect();
    let failures = Failures {
        failed: result.errors.values().sum::<u64>() as f64,
        requests: result.requests as f64,
        allowed: plan.error_share,
        seconds: result.seconds,
    };
    (conditions, failures)
}

/// What is to be said of the prefix cache over all levels.
fn cache_notes(levels: &[SweepLevel]) -> Vec<String> {
    let mut notes = Vec::new();
    let ends = |of: fn(&BenchTokens) -> Option<f64>| {
        let shares = levels.iter().filter_map(|level| of(&level.result.tokens));
        shares.fold((f64::MAX, f64::MIN), |(low, high), share| (low.min(share), high.max(share)))
    };
    let (least, most) = ends(BenchTokens::from_cache_beyond_plan);
    if most - least > BenchTokens::CACHE_TOLERANCE {
        let (low, high) = ends(BenchTokens::from_cache);
        notes.push(format!(
            "the server's prefix cache gave {:.1} to {:.1} % of the prompt tokens, by run: the rates are not comparable",
            low * 100.0,
            high * 100.0
        ));
    }
    let cached = levels.iter().filter(|level| level.result.tokens.is_answered_from_cache()).count();
    if cached > 0 {
        notes.push(format!(
            "in {cached} of {} runs the server had seen the prompts before: its prefix cache gave more than they have in \
             common by plan, and new prompts are slower",
            levels.len()
        ));
    }
    notes
}

fn at_rate(arrivals: &Arrivals, rate: f64) -> Arrivals {
    match arrivals {
        Arrivals::Constant { .. } => Arrivals::Constant { rate },
        Arrivals::Gamma { shape, .. } => Arrivals::Gamma { rate, shape: *shape },
        _ => Arrivals::Poisson { rate },
    }
}

/// The search itself: doubling or halving to a bracket, then bisection.
fn search(
    sweep: &Sweep,
    start: f64,
    mut measure: impl FnMut(&Level) -> Result<Seen, Stop>,
) -> Result<Found, BenchError> {
    let mut found = Found::default();
    let mut runs = 0;
    let mut rate = start.min(sweep.max_rate);
    while runs < sweep.max_runs {
        let position = match found.levels.iter().position(|level| level.rate == rate) {
            Some(position) => position,
            None => {
                found.levels.push(Level::new(rate));
                found.levels.len() - 1
            }
        };
        match measure(&found.levels[position]) {
            Ok(seen) => {
                found.levels[position].add(&seen);
            }
            Err(Stop::Error(error)) => return Err(error),
            Err(Stop::Reason(reason)) => {
                found.levels.retain(|level| level.runs > 0);
                found.stopped = Some(reason);
                break;
            }
        }
        runs += 1;
        let level = &found.levels[position];
        if level.is_near() && level.runs < sweep.max_repeats {
            continue;
        }
        let Some(next) = next_rate(&found.levels, sweep) else { break };
        rate = next;
    }
    confirm(sweep, &mut found, measure)?;
    Ok(found)
}

/// Measures the highest rate that leans to pass anew, and lower ones until one is shown by its fresh runs.
fn confirm(
    sweep: &Sweep,
    found: &mut Found,
    mut measure: impl FnMut(&Level) -> Result<Seen, Stop>,
) -> Result<(), BenchError> {
    let mut left = sweep.max_confirmations;
    let (mut rate, mut step) = (bracket(&found.levels).0, STEP_DOWN);
    while rate > 0.0 && left > 0 {
        let earlier = found.levels.iter().find(|level| level.rate == rate).map_or(1, |level| level.runs);
        found.confirmations.push(Level { earlier, ..Level::new(rate) });
        let Some(level) = found.confirmations.last_mut() else { break };
        while left > 0 && level.runs < sweep.max_repeats && !level.is_confirmed() {
            left -= 1;
            match measure(level) {
                Ok(seen) => level.add(&seen),
                Err(Stop::Error(error)) => return Err(error),
                Err(Stop::Reason(reason)) => {
                    found.stopped.get_or_insert(reason);
                    return Ok(());
                }
            }
            if !level.leans_to_pass() {
                break;
            }
        }
        if level.is_confirmed() {
            break;
        }
        // Three digits, as the search has them.
        rate = rounded(rate / (1.0 + step));
        step *= 1.5;
    }
    Ok(())
}

/// The highest rate that leans to pass below the lowest that leans to fail, 0 without one, and the latter, infinite without
/// one: a pass above it is chance.
fn bracket(levels: &[Level]) -> (f64, f64) {
    let failing = levels
        .iter()
        .filter(|level| !level.leans_to_pass())
        .map(|level| level.rate)
        .fold(f64::INFINITY, f64::min);
    let passing = levels
        .iter()
        .filter(|level| level.leans_to_pass() && level.rate < failing)
        .map(|level| level.rate)
        .fold(0.0, f64::max);
    (passing, failing)
}

/// Three digits read better, and a rate is not known more finely anyway.
fn rounded(rate: f64) -> f64 {
    let unit = 10f64.powf(rate.log10().floor() - 3.0);
    (rate / unit).round() * unit
}

/// Where to look next; `None` once the bracket is narrow enough or the limits of the search are reached.
fn next_rate(levels: &[Level], sweep: &Sweep) -> Option<f64> {
    let (passing, failing) = bracket(levels);
    if failing == f64::INFINITY {
        return (passing < sweep.max_rate).then(|| (passing * 2.0).min(sweep.max_rate));
    }
    if passing == 0.0 {
        // A server that fails at one request in a quarter of an hour is not searched further.
        return (failing > 0.001).then_some(failing / 2.0);
    }
    (failing > passing * (1.0 + sweep.tolerance)).then(|| rounded((passing * failing).sqrt()))
}

/// Where the rising fit through the levels crosses the limit.
fn estimate<'a>(levels: impl Iterator<Item = &'a Level>) -> Option<f64> {
    let mut sorted: Vec<&Level> = levels.filter(|level| level.runs > 0).collect();
    sorted.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let rates: Vec<f64> = sorted.iter().map(|level| level.rate).collect();
    // Far beyond the limit, how far says nothing about where it lies.
    let excess: Vec<f64> = sorted.iter().map(|level| level.excess().min(4.0)).collect();
    let weights: Vec<f64> = sorted.iter().map(|level| level.weight()).collect();
    crossing(&rates, &isotonic(&excess, &weights), 1.0)
}

fn report(found: &Found, levels: Vec<SweepLevel>, interrupted: bool) -> SweepResult {
    let of = |verdict: Verdict| found.all().filter(move |level| level.verdict() == verdict);
    let lowest_fail = of(Verdict::Fail).min_by(|a, b| a.rate.total_cmp(&b.rate));
    let confirmed =
        found.confirmed().filter(|level| lowest_fail.is_none_or(|fail| level.credited() < fail.rate));
    let highest_pass = confirmed.map(Level::credited);
    let cliff = match (confirmed, lowest_fail) {
        (Some(pass), Some(fail)) => fail.rate < 1.2 * pass.rate && pass.excess() < 0.5 && fail.excess() > 4.0,
        _ => false,
    };
    let mut warnings: Vec<String> = found
        .stopped
        .iter()
        // Else it is why nothing was shown, and said there.
        .filter(|_| highest_pass.is_some())
        .map(|reason| format!("the search ended early: {reason}"))
        .collect();
    if highest_pass.is_some() && lowest_fail.is_none() {
        warnings.push("no rate was shown to fail: the server may bear more".to_owned());
    }
    if let (Some(pass), Some(passing)) =
        (confirmed, Some(bracket(&found.levels).0).filter(|rate| *rate > 0.0))
        && pass.rate < passing
    {
        warnings.push(format!(
            "{passing:.4} requests/s met the objectives in the search, and not in fresh runs that were to confirm it: measure \
             for longer to learn how much more than {:.4} the server bears",
            pass.rate
        ));
    }
    if of(Verdict::Unresolved).next().is_some() {
        warnings.push("some rates near the limit could be told neither way: measure for longer".to_owned());
    }
    warnings.extend(cache_notes(&levels));
    let invalid = highest_pass.is_none().then(|| {
        let none = || {
            let reason = "no rate was shown to meet the objectives";
            let said = levels.iter().rev().find_map(|level| level.result.server_error.as_ref());
            said.map_or_else(|| reason.to_owned(), |said| format!("{reason}; the server said: {said}"))
        };
        found.stopped.clone().unwrap_or_else(none)
    });
    SweepResult {
        schema: BENCH_SCHEMA,
        // Known to the caller.
        path: String::new(),
        started: String::new(),
        tool_version: String::new(),
        objectives: Vec::new(),
        valid: invalid.is_none(),
        invalid_reason: invalid,
        warnings,
        interrupted,
        nonce: None,
        target: levels.first().map(|level| level.result.target.clone()).unwrap_or_default(),
        highest_pass_rps: highest_pass,
        lowest_fail_rps: lowest_fail.map(|level| level.rate),
        estimate_rps: estimate(found.all()),
        cliff,
        levels,
    }
}

impl Sweep {
    /// A sweep with the defaults of the command line.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self { plan, max_rate: 1e5, tolerance: 0.05, max_runs: 24, max_repeats: 3, max_confirmations: 12 }
    }

    /// Seconds that the search takes at most, apart from what requests need beyond their schedule; `None` where runs end by
    /// numbers of requests.
    #[must_use]
    pub fn longest(&self) -> Option<f64> {
        let seconds = |amount| match amount {
            Amount::Seconds(seconds) => Some(seconds),
            Amount::Requests(_) => None,
        };
        let runs = self.max_runs as f64 + f64::from(self.max_confirmations);
        Some((seconds(self.plan.warmup)? + seconds(self.plan.extent)?) * runs)
    }
}

#[cfg(test)]
mod tests {
    use plumb_evidence::model::{ObjectiveResult, Share};

    use super::*;
    use crate::bench::target::{Http, Target};
    use crate::stats::Random;
    use plumb_evidence::dependence::{independent_requests, worth};

    fn condition(wanted: f64, held: f64, trials: f64) -> Condition {
        Condition { wanted, held, open: 0.0, trials, trials_missed: trials }
    }

    fn sweep_plan() -> Sweep {
        Sweep::new(Plan::new(Target::new("http://127.0.0.1:1", Http::Auto, None, None).unwrap()))
    }

    /// Waits of a queue with one server and constant service, `service` seconds long (Lindley's recursion).
    fn waits(rate: f64, service: f64, seconds: f64, seed: u64) -> Vec<f64> {
        let mut random = Random::stream(seed, 1);
        let (mut wait, mut time, mut waits) = (0.0f64, 0.0, Vec::new());
        loop {
            waits.push(wait);
            let gap = random.exponential() / rate;
            time += gap;
            if time > seconds {
                return waits;
            }
            wait = (wait + service - gap).max(0.0);
        }
    }

    /// P(wait ≤ t) of the queue M/D/1 (Erlang 1909; Crommelin 1932).
    fn wait_distribution(rate: f64, service: f64, t: f64) -> f64 {
        let rho = rate * service;
        let mut sum = 0.0;
        for k in 0..=(t / service).floor() as u32 {
            let x = rate * (f64::from(k) * service - t);
            let factorial: f64 = (1..=k).map(f64::from).product();
            sum += x.powi(k as i32) / factorial * (-x).exp();
        }
        (1.0 - rho) * sum
    }

    /// The rate at which 95 % of waits are within `limit`.
    fn knee(service: f64, limit: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0 / service);
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            if wait_distribution(middle, service, limit) >= 0.95 { low = middle } else { high = middle }
        }
        low
    }

    #[test]
    fn the_formula_agrees_with_the_simulation() {
        let waits = waits(150.0, 0.005, 20_000.0, 3);
        let share = waits.iter().filter(|wait| **wait <= 0.012).count() as f64 / waits.len() as f64;
        assert!((share - wait_distribution(150.0, 0.005, 0.012)).abs() < 0.005, "{share}");
    }

    /// What a run says of which these are the waits.
    fn seen_of(waits: &[f64], limit: f64) -> Seen {
        let holds: Vec<bool> = waits.iter().map(|wait| *wait <= limit).collect();
        let share = holds.iter().filter(|held| **held).count() as f64 / holds.len() as f64;
        let independent = independent_requests(&holds, worth(&[waits]));
        let condition = Condition {
            wanted: 0.95,
            held: share * independent.met,
            open: 0.0,
            trials: independent.met,
            trials_missed: independent.missed,
        };
        (vec![condition], Failures::default())
    }

    #[test]
    fn a_rate_that_won_by_luck_is_not_shown() {
        // Whatever is measured to find a rate passes up to 90/s; fresh runs show that the server bears 60.
        let mut rates = Vec::new();
        let found = search(&sweep_plan(), 10.0, |level| {
            let bears = if level.earlier > 0 { 60.0 } else { 90.0 };
            rates.extend((level.earlier > 0).then_some(level.rate));
            let held = if level.rate <= bears { 1000.0 } else { 300.0 };
            Ok((vec![condition(0.95, held, 1000.0)], Failures::default()))
        });
        let result = report(&found.unwrap(), Vec::new(), false);
        assert!(rates[0] > 80.0 && rates.is_sorted_by(|a, b| a >= b), "{rates:?}");
        let shown = result.highest_pass_rps.unwrap();
        assert!((40.0..=60.0).contains(&shown), "{shown}");
        assert!(
            result.warnings.iter().any(|warning| warning.contains("fresh runs")),
            "{:?}",
            result.warnings
        );
    }

    #[test]
    fn a_rate_is_confirmed_by_two_runs_and_credited_with_what_they_sent() {
        let mut confirming = 0;
        let found = search(&sweep_plan(), 10.0, |level| {
            confirming += u32::from(level.earlier > 0);
            let held = if level.rate <= 75.0 { 1000.0 } else { 300.0 };
            let failures = Failures { requests: level.rate * 27.0, seconds: 30.0, ..Failures::default() };
            Ok((vec![condition(0.95, held, 1000.0)], failures))
        });
        let found = found.unwrap();
        assert_eq!(confirming, 2);
        let won = found.confirmed().unwrap().rate;
        let shown = report(&found, Vec::new(), false).highest_pass_rps.unwrap();
        assert!((shown / won - 0.9).abs() < 1e-9, "{shown} of {won}");
    }

    #[test]
    fn a_known_knee_is_found_within_five_per_cent() {
        let (service, limit) = (0.005, 0.015);
        let truth = knee(service, limit);
        assert!((100.0..180.0).contains(&truth), "{truth}");
        let rounds = 40;
        let mut near = 0;
        let mut wrong = 0;
        for seed in 0..rounds {
            let sweep = sweep_plan();
            let found = search(&sweep, 10.0, |level| {
                let run = seed * 100 + u64::from(level.earlier + level.runs);
                Ok(seen_of(&waits(level.rate, service, 60.0, run), limit))
            });
            let result = report(&found.unwrap(), Vec::new(), false);
            let estimate = result.estimate_rps.unwrap();
            near += u32::from((estimate / truth - 1.0).abs() <= 0.05);
            wrong += u32::from(result.highest_pass_rps.is_some_and(|pass| pass > truth));
            assert!(result.valid);
        }
        assert!(near >= rounds as u32 * 9 / 10, "{near} of {rounds}");
        assert!(wrong <= 2, "{wrong} of {rounds} passes beyond the truth");
    }

    /// `cargo test -p plumb-measure --lib sweeps_of_a_known_queue -- --ignored --nocapture`
    #[test]
    #[ignore = "a table for the handbook, which takes a minute"]
    fn sweeps_of_a_known_queue() {
        use crate::stats::simulated::queue;
        let (knee, rounds) = (8.383, 400u64);
        for seconds in [30.0, 60.0, 120.0] {
            let (mut above, mut far, mut none, mut near, mut runs) = (0, 0, 0, 0, 0u64);
            let mut shown = Vec::new();
            for seed in 0..rounds {
                let found = search(&sweep_plan(), 2.0, |level| {
                    runs += 1;
                    let (ttft, e2e) = queue(level.rate, seconds, &mut Random::stream(seed, runs));
                    let holds: Vec<bool> = ttft.iter().map(|wait| *wait <= 0.32).collect();
                    let share = holds.iter().filter(|held| **held).count() as f64 / holds.len() as f64;
                    let independent = independent_requests(&holds, worth(&[&ttft, &e2e]));
                    let (trials, trials_missed) = (independent.met, independent.missed);
                    let held = share * trials;
                    let condition = Condition { wanted: 0.95, held, open: 0.0, trials, trials_missed };
                    Ok((vec![condition], Failures::default()))
                });
                let result = report(&found.unwrap(), Vec::new(), false);
                match result.highest_pass_rps {
                    None => none += 1,
                    Some(rate) => {
                        above += u32::from(rate > knee);
                        far += u32::from(rate > 1.05 * knee);
                        shown.push(rate / knee);
                    }
                }
                near += u32::from(result.estimate_rps.is_some_and(|rate| (rate / knee - 1.0).abs() <= 0.05));
            }
            shown.sort_by(f64::total_cmp);
            let percent = |count: u32| 100.0 * f64::from(count) / rounds as f64;
            println!(
                "| {seconds} s | {:.1} % | {:.1} % | {:.1} % | {:.1} % | {:.2} | {:.1} |",
                percent(above),
                percent(far),
                percent(none),
                percent(near),
                shown[shown.len() / 2],
                runs as f64 / rounds as f64
            );
        }
    }

    #[test]
    fn a_level_passes_only_by_what_was_measured() {
        let mut level = Level::new(1.0);
        assert_eq!(level.verdict(), Verdict::Unresolved);
        level.add(&(vec![condition(0.95, 60.0, 100.0), condition(0.99, 100.0, 100.0)], Failures::default()));
        assert_eq!((level.verdict(), level.runs), (Verdict::Fail, 1));
        let mut level = Level::new(1.0);
        let failures = |failed| Failures { failed, requests: 100.0, allowed: 0.01, seconds: 100.0 };
        level.add(&(vec![condition(0.95, 100.0, 100.0)], failures(1.0)));
        assert_eq!(level.verdict(), Verdict::Pass);
        level.add(&(vec![condition(0.95, 100.0, 100.0)], failures(3.0)));
        assert_eq!(level.verdict(), Verdict::Unresolved);
        level.add(&(vec![condition(0.95, 100.0, 100.0)], failures(50.0)));
        assert_eq!(level.verdict(), Verdict::Fail);
    }

    #[test]
    fn a_level_is_judged_by_what_goodput_counts() {
        let mut sweep = sweep_plan();
        sweep.plan.objectives = crate::bench::parse_objectives("ttft=1,itl=1").unwrap();
        // Each objective is met by 97 %, both by 94 %.
        let result = BenchResult {
            requests: 4000,
            attainment: Some(Share {
                share: 0.94,
                trials: 4000.0,
                trials_missed: 4000.0,
                ..Share::default()
            }),
            objectives: vec![
                ObjectiveResult {
                    percentile: 0.95,
                    within: Share { share: 0.97, trials: 4000.0, ..Share::default() },
                    ..ObjectiveResult::default()
                };
                2
            ],
            ..BenchResult::default()
        };
        let mut level = Level::new(1.0);
        level.add(&seen(&sweep.plan, &result));
        assert_eq!(level.verdict(), Verdict::Fail);
        sweep.plan.objectives = crate::bench::parse_objectives("ttft.p40=1,itl.p99=1").unwrap();
        sweep.plan.load = Load::Open { arrivals: Arrivals::Poisson { rate: 1.0 } };
        let error = super::sweep(&sweep, &Control::default(), &mut |_| ()).unwrap_err().to_string();
        assert!(error.contains("different percentiles"), "{error}");
    }

    #[test]
    fn what_is_not_known_is_never_a_pass_nor_a_failure() {
        let with = |held, open| {
            let mut level = Level::new(1.0);
            let condition = Condition { wanted: 0.95, held, open, trials: 1000.0, trials_missed: 1000.0 };
            level.add(&(vec![condition], Failures::default()));
            level.verdict()
        };
        assert_eq!(with(1000.0, 0.0), Verdict::Pass);
        assert_eq!(with(0.0, 1000.0), Verdict::Unresolved);
        assert_eq!(with(900.0, 100.0), Verdict::Unresolved);
        assert_eq!(with(800.0, 100.0), Verdict::Fail);
    }

    #[test]
    fn levels_that_the_prefix_cache_helped_unevenly_do_not_compare() {
        let level = |cached_share, common_share| {
            let mut level = SweepLevel::default();
            level.result.tokens = BenchTokens { cached_share, common_share, ..BenchTokens::default() };
            level
        };
        let cold = level(Some(0.0), 0.0);
        assert!(cache_notes(&[cold.clone(), cold.clone(), level(None, 0.0)]).is_empty());
        let notes = cache_notes(&[cold, level(Some(0.99), 0.0)]);
        assert!(notes[0].contains("0.0 to 99.0 %") && notes[0].contains("not comparable"), "{notes:?}");
        assert!(notes[1].contains("in 1 of 2 runs"), "{notes:?}");
        assert!(cache_notes(&[level(Some(0.5), 0.5), level(Some(0.505), 0.5)]).is_empty());
    }

    #[test]
    fn a_cliff_is_called_one() {
        let sweep = sweep_plan();
        let found = search(&sweep, 1.0, |level| {
            let held = if level.rate <= 77.0 { 1000.0 } else { 300.0 };
            Ok((vec![condition(0.95, held, 1000.0)], Failures::default()))
        })
        .unwrap();
        let result = report(&found, Vec::new(), false);
        assert!(result.cliff && result.valid, "{result:?}");
        let (pass, fail) = (result.highest_pass_rps.unwrap(), result.lowest_fail_rps.unwrap());
        assert!(pass <= 77.0 && 77.0 <= fail && fail <= pass * 1.05 + 1e-9);
    }

    #[test]
    fn limits_of_the_search_are_told() {
        let mut sweep = sweep_plan();
        sweep.max_rate = 50.0;
        let found =
            search(&sweep, 10.0, |_| Ok((vec![condition(0.95, 1000.0, 1000.0)], Failures::default())))
                .unwrap();
        let result = report(&found, Vec::new(), false);
        assert_eq!((result.highest_pass_rps, result.lowest_fail_rps), (Some(50.0), None));
        assert!(result.warnings[0].contains("may bear more"));
        // The client gives up: what passed before stays.
        let found = search(&sweep_plan(), 10.0, |level| {
            if level.rate > 30.0 {
                Err(Stop::Reason("too slow".to_owned()))
            } else {
                Ok((vec![condition(0.95, 1000.0, 1000.0)], Failures::default()))
            }
        })
        .unwrap();
        let result = report(&found, Vec::new(), false);
        assert_eq!(result.highest_pass_rps, Some(20.0));
        assert!(result.warnings[0].contains("too slow"));
        // Nothing passes.
        let found =
            search(&sweep_plan(), 1.0, |_| Ok((vec![condition(0.95, 0.0, 1000.0)], Failures::default())))
                .unwrap();
        assert!(!report(&found, Vec::new(), false).valid);
    }
}
