//! Which rate is measured next.

use plumb_stats::isotonic::{crossing, isotonic};

use super::Sweep;
use super::level::{Level, Seen};
use crate::BenchError;

/// The first step down from a rate that was not confirmed; each further one is larger by half.
pub(super) const STEP_DOWN: f64 = 0.05;

/// What the search decided, apart from the runs themselves.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Found {
    pub(super) levels: Vec<Level>,
    /// Rates that were measured anew, the highest first.
    pub(super) confirmations: Vec<Level>,
    pub(super) stopped: Option<String>,
}

impl Found {
    /// The rate that fresh runs have shown to pass.
    pub(super) fn confirmed(&self) -> Option<&Level> {
        self.confirmations.iter().find(|level| level.is_confirmed())
    }

    /// All that was measured at each rate: for the estimate, luck is no reason to leave a run out.
    pub(super) fn all(&self) -> impl Iterator<Item = &Level> {
        self.levels.iter().chain(&self.confirmations)
    }
}

/// Why a search cannot go on.
pub(super) enum Stop {
    Error(BenchError),
    /// The client is at its limit, or was told to end: what is known stays.
    Reason(String),
}

/// The search itself: doubling or halving to a bracket, then bisection.
pub(super) fn search(
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
pub(super) fn confirm(
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
            // A lower rate has fewer requests still: what is too short here is too short there.
            if !level.can_be_confirmed(sweep.max_repeats) {
                found.stopped.get_or_insert(format!(
                    "{} runs of this length have too few requests at {rate} requests/s to show the objectives, even if none \
                     misses them; measure for longer",
                    sweep.max_repeats
                ));
                return Ok(());
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
pub(super) fn bracket(levels: &[Level]) -> (f64, f64) {
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
pub(super) fn rounded(rate: f64) -> f64 {
    let unit = 10f64.powf(rate.log10().floor() - 3.0);
    (rate / unit).round() * unit
}

/// Where to look next; `None` once the bracket is narrow enough or the limits of the search are reached.
pub(super) fn next_rate(levels: &[Level], sweep: &Sweep) -> Option<f64> {
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
pub(super) fn estimate<'a>(levels: impl Iterator<Item = &'a Level>) -> Option<f64> {
    let mut sorted: Vec<&Level> = levels.filter(|level| level.runs > 0).collect();
    sorted.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let rates: Vec<f64> = sorted.iter().map(|level| level.rate).collect();
    // Far beyond the limit, how far says nothing about where it lies.
    let excess: Vec<f64> = sorted.iter().map(|level| level.excess().min(4.0)).collect();
    let weights: Vec<f64> = sorted.iter().map(|level| level.weight()).collect();
    crossing(&rates, &isotonic(&excess, &weights), 1.0)
}
