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

mod level;
mod search;
#[cfg(test)]
mod tests;

use level::{Condition, Failures, Level, Seen, Verdict};
use search::{Found, Stop, bracket, estimate, search};

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
