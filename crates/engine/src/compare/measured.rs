//! What was measured in both states under the same load, and whether the difference is more than chance.
//!
//! Runs are the unit of replication: requests within a run share queue and cache. With three runs or more on each side the
//! interval of the ratio is Welch's on log values. With one run on a side there is only
//! the spread within the runs, which knows nothing of how runs differ: such a difference is shown, and never claimed.

use std::collections::BTreeMap;

use plumb_evidence::model::{
    BenchResult, BenchTokens, Evidence, ExperimentEffect, ExperimentResult, Measurements, NoiseResult,
    TokensPerRequest,
};
use plumb_stats::{mean, welch};
use serde::Serialize;

use super::words::Words;
use crate::speech::{Text, say};

/// What was measured in both states.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Measured {
    /// By load and metric.
    pub changes: Vec<MeasuredChange>,
    /// Loads that only one state was measured under, and other reasons why there is no more; sentences without a full stop.
    pub not_comparable: Vec<String>,
    /// Time that the operating system took from CPUs.
    pub noise: Option<NoiseChange>,
    /// What experiments within either state have shown.
    pub effects: Vec<ShownEffect>,
}

/// One metric under one load in both states.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeasuredChange {
    /// Model that was asked.
    pub model: String,
    /// Load in words.
    pub load: String,
    /// Name of the metric, as experiments name it: `ttft_p95`.
    pub metric: String,
    /// `ms` or `1/s`.
    pub unit: String,
    /// True where less is better.
    pub lower_is_better: bool,
    /// Before.
    pub before: Spread,
    /// After.
    pub after: Spread,
    /// After over before, of geometric means: 0.9 is 10 % lower.
    pub ratio: f64,
    /// 95 % interval of the ratio; `None` where nothing tells the spread.
    pub interval: Option<(f64, f64)>,
    /// What the interval rests on.
    pub basis: Basis,
    /// Share by which two measurements of no change differed here; `None` where nobody measured that.
    pub noise_floor: Option<f64>,
    /// What follows.
    pub verdict: Verdict,
    /// Why, in a sentence without a full stop.
    pub why: String,
}

/// The runs of one state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Number of valid runs.
    pub runs: usize,
    /// Geometric mean over runs.
    pub value: f64,
    /// Smallest and largest run.
    pub range: (f64, f64),
    /// How long the shortest run took, in seconds.
    pub seconds: f64,
    /// Files of the bundle.
    pub paths: Vec<String>,
}

/// What an interval rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Two runs or more in each state.
    BetweenRuns,
    /// The spread within single runs.
    WithinRuns,
    /// Nothing.
    None,
}

/// What follows from a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Better, beyond chance.
    Improved,
    /// Worse, beyond chance.
    Worse,
    /// Repeated measurements do not show a difference.
    NoMeasuredEffect,
    /// The measurements cannot tell.
    NotResolved,
}

/// What the operating system took from CPUs, over the CPUs that were measured in both states.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NoiseChange {
    /// Number of CPUs.
    pub cpus: usize,
    /// Median share of time lost, before and after.
    pub lost_share: (f64, f64),
    /// Longest interruption in µs, before and after.
    pub max_us: (f64, f64),
}

/// An effect that an experiment within one state has shown, or an A/A difference of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownEffect {
    /// True for the second state.
    pub after: bool,
    /// Name of the experiment.
    pub experiment: String,
    /// Load in words.
    pub load: String,
    /// True for a difference between two measurements of the same cell.
    pub floor: bool,
    /// The effect as the experiment has it.
    pub effect: ExperimentEffect,
}

/// A metric of a load test.
struct Metric {
    name: &'static str,
    unit: &'static str,
    lower_is_better: bool,
    of: fn(&BenchResult) -> Option<f64>,
    /// Interval within the run.
    interval: fn(&BenchResult) -> Option<(f64, f64)>,
}

const METRICS: &[Metric] = &[
    latency("ttft_p50", |run| run.ttft_ms.p50, |_| None),
    latency("ttft_p95", |run| run.ttft_ms.p95, |run| run.ttft_ms.p95_interval),
    latency("itl_p50", |run| run.itl_ms.p50, |_| None),
    latency("itl_p95", |run| run.itl_ms.p95, |run| run.itl_ms.p95_interval),
    latency("e2e_p50", |run| run.e2e_ms.p50, |_| None),
    latency("e2e_p95", |run| run.e2e_ms.p95, |run| run.e2e_ms.p95_interval),
    rate("output_tokens_per_s", |run| Some(run.output_tokens_per_s)),
    rate("goodput_rps", |run| run.goodput_rps),
];

const fn latency(
    name: &'static str,
    of: fn(&BenchResult) -> Option<f64>,
    interval: fn(&BenchResult) -> Option<(f64, f64)>,
) -> Metric {
    Metric { name, unit: "ms", lower_is_better: true, of, interval }
}

const fn rate(name: &'static str, of: fn(&BenchResult) -> Option<f64>) -> Metric {
    Metric { name, unit: "1/s", lower_is_better: false, of, interval: |_| None }
}

/// What makes runs comparable: model, interface, and the load as it was measured, whatever the seed. Replies of 10 tokens are
/// another load than replies of 64, whatever was asked for.
struct Load {
    model: String,
    api: String,
    text: String,
    rate: f64,
    /// Mean tokens of a prompt and of a reply.
    tokens: TokensPerRequest,
    /// For readers.
    words: String,
}

impl Load {
    fn of(run: &BenchResult) -> Self {
        let tokens = run.tokens_per_request();
        let words = |measured: Option<f64>, asked: Option<u32>| match (measured, asked) {
            (Some(measured), Some(asked)) if measured.round() == f64::from(asked) => asked.to_string(),
            (Some(measured), Some(asked)) => format!("{measured:.0} ({asked} asked for)"),
            (Some(measured), None) => format!("{measured:.0}"),
            (None, _) => "?".to_owned(),
        };
        Self {
            model: run.target.model.clone(),
            api: run.target.api.clone(),
            text: run.load.text.clone(),
            rate: run.load.rate.unwrap_or_default(),
            tokens,
            words: format!(
                "{}, {} → {} tokens",
                run.load.text,
                words(tokens.prompt, run.load.prompt_tokens),
                words(tokens.output, run.load.output_tokens)
            ),
        }
    }

    /// A sentence with the model and the load in it.
    fn named<'a>(&'a self, text: Text<'a>) -> Text<'a> {
        text.with("model", &self.model).with("load", &self.words)
    }

    fn is_that_of(&self, other: &Self) -> bool {
        let near = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => is_near(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        (&self.model, &self.api, &self.text) == (&other.model, &other.api, &other.text)
            && near(self.tokens.prompt, other.tokens.prompt)
            && near(self.tokens.output, other.tokens.output)
    }
}

/// True for lengths that count as the same.
fn is_near(a: f64, b: f64) -> bool {
    (a - b).abs() <= BenchTokens::LENGTH_TOLERANCE * a.max(b)
}

pub(super) fn compare(before: &Evidence, after: &Evidence, language: &Words<'_>) -> Measured {
    let (first, second) = (before.measurements.known(), after.measurements.known());
    let mut measured = Measured::default();
    let floors = floors(first, second);
    for (load, [before, after]) in loads([first, second]) {
        if !before.is_empty() && !after.is_empty() {
            compare_load(&load, [&before, &after], &floors, language, &mut measured);
        } else {
            let which =
                if after.is_empty() { say("measured-once-before") } else { say("measured-once-after") };
            measured.not_comparable.push(language.say(&load.named(which)));
        }
    }
    measured.noise = noise(first, second);
    for (after, side) in [(false, first), (true, second)] {
        measured.effects.extend(experiments(side).flat_map(|experiment| shown(experiment, after)));
    }
    measured
}

/// The runs of both states by load. By rate where there is one: as text, 12/s comes before 2/s.
fn loads(sides: [Option<&Measurements>; 2]) -> Vec<(Load, [Vec<&BenchResult>; 2])> {
    let mut loads: Vec<(Load, [Vec<&BenchResult>; 2])> = Vec::new();
    for (number, side) in sides.into_iter().enumerate() {
        for run in side.and_then(|side| side.bench.known()).into_iter().flatten() {
            let load = Load::of(run);
            match loads.iter_mut().find(|(other, _)| other.is_that_of(&load)) {
                Some((_, runs)) => runs[number].push(run),
                None => {
                    let mut runs = [Vec::new(), Vec::new()];
                    runs[number].push(run);
                    loads.push((load, runs));
                }
            }
        }
    }
    loads.sort_by(|(a, _), (b, _)| {
        let names = (&a.model, &a.api).cmp(&(&b.model, &b.api));
        names.then(a.rate.total_cmp(&b.rate)).then_with(|| a.words.cmp(&b.words))
    });
    loads
}

fn experiments(side: Option<&Measurements>) -> impl Iterator<Item = &ExperimentResult> {
    let all = side.and_then(|side| side.experiments.known()).into_iter().flatten();
    all.filter(|experiment| experiment.valid)
}

fn shown(experiment: &ExperimentResult, after: bool) -> Vec<ShownEffect> {
    let one = |effect: &ExperimentEffect, floor: bool| ShownEffect {
        after,
        experiment: experiment.name.clone(),
        load: experiment.load.clone(),
        floor,
        effect: effect.clone(),
    };
    let effects = experiment.effects.iter().map(|effect| one(effect, false));
    effects.chain(experiment.noise_floor.iter().map(|effect| one(effect, true))).collect()
}

/// By metric, the largest share by which measurements of no change differed: the farther end of the interval of each A/A
/// comparison of either state.
fn floors(before: Option<&Measurements>, after: Option<&Measurements>) -> BTreeMap<String, f64> {
    let mut floors: BTreeMap<String, f64> = BTreeMap::new();
    let effects =
        experiments(before).chain(experiments(after)).flat_map(|experiment| &experiment.noise_floor);
    for effect in effects {
        // Without an interval it is known to be this at least.
        let (low, high) = effect.interval().unwrap_or((effect.ratio, effect.ratio));
        let ends = [low, high].map(|end| (end > 0.0).then(|| end.ln().abs()));
        let Some(farther) = ends.into_iter().flatten().max_by(f64::total_cmp) else { continue };
        let floor = floors.entry(effect.metric.clone()).or_default();
        *floor = floor.max(farther.exp() - 1.0);
    }
    floors
}

fn compare_load(
    load: &Load,
    sides: [&[&BenchResult]; 2],
    floors: &BTreeMap<String, f64>,
    words: &Words<'_>,
    measured: &mut Measured,
) {
    let [before, after] = sides.map(|runs| -> Vec<&BenchResult> {
        runs.iter().copied().filter(|run| run.valid && !run.interrupted).collect()
    });
    let none_before = say("measured-invalid-before");
    let none_after = say("measured-invalid-after");
    for (valid, all, none) in [(&before, sides[0], none_before), (&after, sides[1], none_after)] {
        if valid.is_empty() {
            let reason = all.first().and_then(|run| run.invalid_reason.clone());
            let reason = reason.map_or_else(|| say("measured-cut-short"), Text::from);
            measured.not_comparable.push(words.say(&load.named(none).with("why", reason)));
            return;
        }
    }
    if let Some(why) = cached_apart(&before, &after) {
        measured.not_comparable.push(words.say(&load.named(why)));
        return;
    }
    for metric in METRICS {
        let values = |runs: &[&BenchResult]| -> Vec<f64> {
            runs.iter()
                .filter_map(|run| (metric.of)(run))
                .filter(|value| value.is_finite() && *value > 0.0)
                .collect()
        };
        let (first, second) = (values(&before), values(&after));
        let (Some(from), Some(to)) = (spread(&first, &before), spread(&second, &after)) else { continue };
        let ratio = to.value / from.value;
        let within = || {
            let half = |run: &BenchResult| {
                let (low, high) = (metric.interval)(run)?;
                (low > 0.0 && high >= low).then(|| (high.ln() - low.ln()) / 2.0)
            };
            let (from, to) = (half(before[0])?, half(after[0])?);
            // Not `hypot`: glibc has it anew from 2.35 on, and the program would not start on an older one. Logarithms of
            // ratios are far from where their squares overflow.
            let half = (from * from + to * to).sqrt();
            Some((ratio * (-half).exp(), ratio * half.exp()))
        };
        let (interval, basis) = match ratio_interval(&first, &second) {
            Some(interval) => (Some(interval), Basis::BetweenRuns),
            None => within().map_or((None, Basis::None), |interval| (Some(interval), Basis::WithinRuns)),
        };
        let noise_floor = floors.get(metric.name).copied();
        let (verdict, why) = judge(ratio, interval, basis, noise_floor, metric.lower_is_better);
        measured.changes.push(MeasuredChange {
            model: load.model.clone(),
            load: load.words.clone(),
            metric: metric.name.to_owned(),
            unit: metric.unit.to_owned(),
            lower_is_better: metric.lower_is_better,
            before: from,
            after: to,
            ratio,
            interval,
            basis,
            noise_floor,
            verdict,
            why: words.say(&why),
        });
    }
}

/// Why two sides do not compare: one was answered from the server's prefix cache more than the other. A side that does not tell
/// is taken for one without a cache.
fn cached_apart(before: &[&BenchResult], after: &[&BenchResult]) -> Option<Text<'static>> {
    let share = |runs: &[&BenchResult]| {
        let told: Vec<f64> = runs.iter().filter_map(|run| run.tokens.from_cache()).collect();
        mean(&told)
    };
    let (before, after) = (share(before), share(after));
    let apart = (before.unwrap_or(0.0) - after.unwrap_or(0.0)).abs();
    (apart > BenchTokens::CACHE_TOLERANCE).then(|| {
        let told = |share: Option<f64>| {
            share.map_or_else(|| say("measured-unknown-share"), |share| Text::Quantity(share * 100.0, "%", 1))
        };
        say("measured-cached").with("before", told(before)).with("after", told(after))
    })
}

fn spread(values: &[f64], runs: &[&BenchResult]) -> Option<Spread> {
    let low = values.iter().copied().min_by(f64::total_cmp)?;
    let high = values.iter().copied().max_by(f64::total_cmp)?;
    Some(Spread {
        runs: values.len(),
        value: mean(&logs(values))?.exp(),
        range: (low, high),
        seconds: runs.iter().map(|run| run.seconds).fold(f64::INFINITY, f64::min),
        paths: runs.iter().map(|run| run.path.clone()).filter(|path| !path.is_empty()).collect(),
    })
}

fn logs(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| value.ln()).collect()
}

/// Runs on a side from which on there is an interval: of two it may be wider than any effect by orders of magnitude.
const LEAST_RUNS: usize = 3;

/// 95 % interval of the ratio of geometric means; `None` with fewer than [`LEAST_RUNS`] on a side.
fn ratio_interval(before: &[f64], after: &[f64]) -> Option<(f64, f64)> {
    if before.len() < LEAST_RUNS || after.len() < LEAST_RUNS {
        return None;
    }
    let interval = welch::difference(&logs(before), &logs(after), 0.95)?;
    Some((interval.low.exp(), interval.high.exp()))
}

fn judge(
    ratio: f64,
    interval: Option<(f64, f64)>,
    basis: Basis,
    noise_floor: Option<f64>,
    lower_is_better: bool,
) -> (Verdict, Text<'static>) {
    let Some((low, high)) = interval else {
        return (Verdict::NotResolved, say("measured-few-runs"));
    };
    let beyond_chance = high < 1.0 || low > 1.0;
    let beyond_floor = noise_floor.is_none_or(|floor| ratio.ln().abs() > floor.ln_1p());
    let direction = if (ratio < 1.0) == lower_is_better { Verdict::Improved } else { Verdict::Worse };
    let floor = || Text::Quantity(noise_floor.unwrap_or_default() * 100.0, "%", 1);
    match basis {
        Basis::BetweenRuns if beyond_chance && beyond_floor => match noise_floor {
            Some(_) => (direction, say("measured-beyond-floor").with("floor", floor())),
            None => (direction, say("measured-beyond-chance")),
        },
        Basis::BetweenRuns if beyond_chance => {
            (Verdict::NoMeasuredEffect, say("measured-within-floor").with("floor", floor()))
        }
        Basis::BetweenRuns => (Verdict::NoMeasuredEffect, say("measured-no-change")),
        _ if beyond_chance && noise_floor.is_some() && beyond_floor => {
            (direction, say("measured-beyond-runs").with("floor", floor()))
        }
        _ => (Verdict::NotResolved, say("measured-within-runs")),
    }
}

fn noise(before: Option<&Measurements>, after: Option<&Measurements>) -> Option<NoiseChange> {
    let by_cpu = |side: Option<&Measurements>| -> BTreeMap<u32, NoiseResult> {
        // Of several measurements of a CPU the last one counts.
        let all = side.and_then(|side| side.noise.known().cloned()).unwrap_or_default();
        all.into_iter().map(|result| (result.cpu, result)).collect()
    };
    let (before, after) = (by_cpu(before), by_cpu(after));
    let both: Vec<u32> = before.keys().copied().filter(|cpu| after.contains_key(cpu)).collect();
    let middle = |of: &BTreeMap<u32, NoiseResult>| {
        let mut shares: Vec<f64> = both.iter().map(|cpu| of[cpu].lost_share).collect();
        shares.sort_by(f64::total_cmp);
        shares.get(shares.len() / 2).copied()
    };
    let longest =
        |of: &BTreeMap<u32, NoiseResult>| both.iter().map(|cpu| of[cpu].max_us).max_by(f64::total_cmp);
    Some(NoiseChange {
        cpus: both.len(),
        lost_share: (middle(&before)?, middle(&after)?),
        max_us: (longest(&before)?, longest(&after)?),
    })
}
