//! From measurements in blocks to effects with their uncertainty. Pure.
//!
//! The unit of replication is the launch: two requests of one launch share its pages, its place in caches and its luck, so
//! the number of requests is no number of samples. Each block gives one log ratio of two cells, and what stands behind a
//! verdict are those.

use std::collections::BTreeMap;

use plumb_evidence::model::{ExperimentEffect, ServerMetrics, ServerWork};

use super::plan::{Combination, Design, Factor};
use plumb_stats::bootstrap::hierarchical_interval;
use plumb_stats::multiple::holm;
use plumb_stats::paired::{Comparison, Verdict, compare};
use plumb_stats::power::{Bars, Power};
use plumb_stats::quantile::quantile;
use plumb_stats::{student_cdf, student_quantile};

/// A metric that cells are compared in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricKind {
    /// Name in plans and results.
    pub name: &'static str,
    /// Unit.
    pub unit: &'static str,
    /// True for throughput.
    pub higher_is_better: bool,
    /// Requests below which it has no value.
    pub needs: u64,
    /// Share of requests that it is the quantile of, of times that each request has one of.
    quantile: Option<(Times, f64)>,
}

/// A time that each request has one of.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Times {
    Ttft,
    E2e,
}

const fn kind(name: &'static str, unit: &'static str, needs: u64) -> MetricKind {
    MetricKind { name, unit, higher_is_better: false, needs, quantile: None }
}

const fn of_requests(name: &'static str, needs: u64, times: Times, share: f64) -> MetricKind {
    MetricKind { quantile: Some((times, share)), ..kind(name, "ms", needs) }
}

const fn rate(name: &'static str) -> MetricKind {
    MetricKind { higher_is_better: true, ..kind(name, "1/s", 1) }
}

/// All of them, in the order of tables.
pub const METRICS: [MetricKind; 11] = [
    of_requests("ttft_p50", 1, Times::Ttft, 0.50),
    of_requests("ttft_p95", 20, Times::Ttft, 0.95),
    of_requests("ttft_p99", 100, Times::Ttft, 0.99),
    kind("itl_p50", "ms", 1),
    kind("itl_p95", "ms", 1),
    kind("itl_p99", "ms", 1),
    of_requests("e2e_p50", 1, Times::E2e, 0.50),
    of_requests("e2e_p95", 20, Times::E2e, 0.95),
    of_requests("e2e_p99", 100, Times::E2e, 0.99),
    rate("output_tokens_per_s"),
    rate("requests_per_s"),
];

/// What one launch gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measurement {
    /// Value of each metric that has one.
    pub metrics: BTreeMap<String, f64>,
    /// Time to first token of each request, in ms.
    pub ttft_ms: Vec<f64>,
    /// Time to the last token of each request, in ms.
    pub e2e_ms: Vec<f64>,
    /// Requests.
    pub requests: u64,
    /// Those without a whole reply.
    pub failed: u64,
    /// Delay of the client's own sending, p99, in ms.
    pub send_lag_p99_ms: Option<f64>,
    /// Seconds that the server's threads waited for a CPU, per second.
    pub run_delay: Option<f64>,
    /// CPUs that the server's threads kept busy.
    pub cpus_used: Option<f64>,
    /// Mean share of time in which GPUs were busy, in %.
    pub gpu_busy_percent: Option<f64>,
    /// Mean number of requests that waited inside the server.
    pub waiting: Option<f64>,
    /// Mean number of requests under way.
    pub in_flight: Option<f64>,
    /// Mean time of a request by the server's own account, in ms.
    pub server_e2e_ms: Option<f64>,
    /// What the kernel says of the server's processes.
    pub work: Option<ServerWork>,
    /// What the server says of itself.
    pub server: Option<ServerMetrics>,
    /// Output tokens by the server's count over those by the client's.
    pub token_ratio: Option<f64>,
    /// Why the client's figures are not the server's.
    pub invalid: Option<String>,
    /// What lowers the trust in it.
    pub warnings: Vec<String>,
}

/// A cell with its whole blocks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellData {
    /// Name.
    pub name: String,
    /// Levels.
    pub combination: Combination,
    /// A measurement for each block, in their order.
    pub blocks: Vec<Measurement>,
}

/// Draws of the bootstrap: enough for two digits.
const ROUNDS: usize = if cfg!(test) { 100 } else { 1000 };
/// Blocks from which on an interval tells something; that of fewer is wider than any effect, and nothing is claimed from it.
pub(super) const LEAST_BLOCKS: usize = ExperimentEffect::LEAST_BLOCKS as usize;
/// Chance with which the minimum detectable effect is detected.
const POWER: f64 = 0.80;

/// The baseline against itself, in every metric.
#[must_use]
pub fn noise_floor(
    name: &str,
    first: &[Measurement],
    second: &[Measurement],
    design: &Design,
) -> Vec<ExperimentEffect> {
    let power = Power::new(first.len(), design.seed);
    let mut effects: Vec<ExperimentEffect> = METRICS
        .iter()
        .filter_map(|metric| {
            let comparison = Compared::of(metric, first, second, design)?;
            let mut effect = comparison.effect(metric, (name, name, ""), (first, second), design);
            // Such pairs as these are the floor of what they could show.
            let floor = Floor::far_end(&effect, first.len());
            effect.minimum_detectable = comparison.detectable(&power, 1, floor, design);
            effect.verdict = of_no_change(&comparison.comparison).to_owned();
            Some(effect)
        })
        .collect();
    // Each stands for itself here: the question is what no change makes of each metric.
    for effect in &mut effects {
        effect.adjusted_p = None;
    }
    effects
}

/// Nothing was changed, so nothing is better or worse for it.
fn of_no_change(comparison: &Comparison) -> &'static str {
    match comparison.verdict {
        _ if comparison.blocks < LEAST_BLOCKS => NOT_ESTIMABLE,
        Verdict::Equivalent => "equivalent",
        Verdict::Inconclusive => "no-measured-effect",
        Verdict::Lower | Verdict::Higher => ExperimentEffect::BY_ITSELF,
    }
}

/// The baseline against itself, as a measure for effects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Floor<'a> {
    /// By metric.
    pub effects: &'a [ExperimentEffect],
    /// Pairs that it rests on.
    pub pairs: usize,
}

impl Floor<'_> {
    /// Log ratio that an effect has to exceed: the far end of the interval of no change, or its mean where there are too few
    /// pairs for an interval.
    fn of(&self, metric: &str) -> f64 {
        let own = self.effects.iter().find(|one| one.metric == metric);
        own.map_or(0.0, |own| Self::far_end(own, self.pairs))
    }

    fn far_end(own: &ExperimentEffect, pairs: usize) -> f64 {
        match own.interval().filter(|_| pairs >= LEAST_BLOCKS) {
            Some((low, high)) => low.ln().abs().max(high.ln().abs()),
            None => own.ratio.ln().abs(),
        }
    }
}

/// Comparisons of cells: each with the baseline, and each with the cell that is the same but for one factor, which there is at
/// its first level.
///
/// The primary metric of comparisons that differ in one factor is one family of questions, all else is another; p values are
/// adjusted within each.
#[must_use]
pub fn effects(cells: &[CellData], floor: &Floor<'_>, design: &Design) -> Vec<ExperimentEffect> {
    let mut found: Vec<(Compared, bool, ExperimentEffect)> = Vec::new();
    for (cell, against, factor) in pairs(cells) {
        for metric in &METRICS {
            let Some(compared) = Compared::of(metric, &against.blocks, &cell.blocks, design) else {
                continue;
            };
            let factor = factor.map_or("", Factor::as_str);
            let names = (cell.name.as_str(), against.name.as_str(), factor);
            let effect = compared.effect(metric, names, (&against.blocks, &cell.blocks), design);
            let planned = metric.name == design.primary && !factor.is_empty();
            found.push((compared, planned, effect));
        }
    }
    let mut powers: BTreeMap<usize, Power> = BTreeMap::new();
    for family in [true, false] {
        let members: Vec<usize> = (0..found.len()).filter(|index| found[*index].1 == family).collect();
        let p_values: Vec<f64> = members.iter().map(|index| found[*index].0.t_p).collect();
        let comparisons = members.len();
        for (index, adjusted) in members.into_iter().zip(holm(&p_values)) {
            let (compared, _, effect) = &mut found[index];
            effect.adjusted_p = Some(adjusted);
            let power = powers
                .entry(compared.comparison.blocks)
                .or_insert_with(|| Power::new(compared.comparison.blocks, design.seed));
            effect.minimum_detectable =
                compared.detectable(power, comparisons, floor.of(&effect.metric), design);
        }
    }
    found
        .into_iter()
        .map(|(compared, _, mut effect)| {
            effect.verdict = guarded(verdict(&compared, &effect, floor), &effect, cells).to_owned();
            effect
        })
        .collect()
}

/// Pairs to compare; the factor where it is one.
fn pairs(cells: &[CellData]) -> Vec<(&CellData, &CellData, Option<Factor>)> {
    let Some(baseline) = cells.first() else { return Vec::new() };
    let mut pairs = Vec::new();
    for cell in &cells[1..] {
        let differences = cell.combination.differences(&baseline.combination);
        pairs.push((cell, baseline, if let [one] = differences[..] { Some(one) } else { None }));
        for factor in Factor::ALL {
            let simpler = cell.combination.with(factor, baseline.combination.level(factor));
            let partner = cells.iter().find(|other| other.combination == simpler);
            if let Some(partner) = partner
                && simpler != cell.combination
                && partner.combination != baseline.combination
            {
                pairs.push((cell, partner, Some(factor)));
            }
        }
    }
    pairs
}

/// Improved or worse is claimed where three agree: the adjusted p of the paired t test, the sign flips, and the size, which has
/// to be beyond what the baseline makes against itself.
fn verdict(compared: &Compared, effect: &ExperimentEffect, floor: &Floor<'_>) -> &'static str {
    if compared.comparison.blocks < LEAST_BLOCKS {
        return NOT_ESTIMABLE;
    }
    if compared.comparison.verdict == Verdict::Equivalent {
        return "equivalent";
    }
    let shown = effect.adjusted_p.is_some_and(|p| p <= 0.05)
        && !compared.comparison.interval.contains(1.0)
        && compared.comparison.p_value <= compared.smallest_p.max(0.05)
        && effect.ratio.ln().abs() > floor.of(&effect.metric);
    match (shown, (effect.ratio > 1.0) == compared.higher_is_better) {
        (false, _) => "no-measured-effect",
        (true, true) => "improved",
        (true, false) => "worse",
    }
}

/// Rise of the share of failed requests, as counted, from which on nothing is claimed to be better: without a tail of one in a
/// thousand, p99 moves by little.
const FAILED_RISE: f64 = 0.001;

/// A verdict in favour of a cell does not stand while more of its requests fail: those that are left look better for that alone.
fn guarded(verdict: &'static str, effect: &ExperimentEffect, cells: &[CellData]) -> &'static str {
    let failed = |name: &str| {
        let blocks = &cells.iter().find(|cell| cell.name == name)?.blocks;
        let requests: u64 = blocks.iter().map(|one| one.requests).sum();
        let failed: u64 = blocks.iter().map(|one| one.failed).sum();
        (requests > 0).then(|| failed as f64 / requests as f64)
    };
    let rise = failed(&effect.cell).zip(failed(&effect.against)).map(|(cell, against)| cell - against);
    let rises = rise.is_some_and(|rise| rise > FAILED_RISE);
    if rises && matches!(verdict, "improved" | "equivalent") { "more-failures" } else { verdict }
}

/// The verdict on fewer than [`LEAST_BLOCKS`] blocks.
pub(super) const NOT_ESTIMABLE: &str = ExperimentEffect::NOT_ESTIMABLE;

/// A comparison, and what else is known of it.
struct Compared {
    comparison: Comparison,
    /// Two-sided p of the paired t test.
    t_p: f64,
    /// Smallest p that sign flips of so many blocks can give.
    smallest_p: f64,
    /// Standard deviation of the log ratio of a block.
    deviation: f64,
    higher_is_better: bool,
}

impl Compared {
    fn of(metric: &MetricKind, a: &[Measurement], b: &[Measurement], design: &Design) -> Option<Self> {
        let values = |side: &[Measurement]| -> Option<Vec<f64>> {
            side.iter().map(|one| one.metrics.get(metric.name).copied()).collect()
        };
        let comparison = compare(&values(a)?, &values(b)?, design.margin, design.seed)?;
        let freedom = (comparison.blocks - 1) as f64;
        let quantile = student_quantile(0.975, freedom);
        let error = (comparison.interval.high.ln() - comparison.interval.low.ln()) / 2.0 / quantile;
        let t_p = if error > 0.0 {
            2.0 * (1.0 - student_cdf((comparison.ratio.ln() / error).abs(), freedom))
        } else {
            f64::from(u8::from(comparison.ratio.ln().abs() < 1e-12))
        };
        Some(Self {
            t_p,
            smallest_p: 2.0 / 2f64.powi(i32::try_from(comparison.blocks).unwrap_or(i32::MAX)),
            deviation: error * (comparison.blocks as f64).sqrt(),
            higher_is_better: metric.higher_is_better,
            comparison,
        })
    }

    /// The least effect that the rule of verdicts would have claimed, as a share.
    fn detectable(&self, power: &Power, comparisons: usize, floor: f64, design: &Design) -> Option<f64> {
        let bars = Bars { comparisons, floor, margin: (1.0 + design.margin).ln() };
        let is_estimable = self.comparison.blocks >= LEAST_BLOCKS;
        is_estimable.then(|| power.detectable(self.deviation, bars, POWER).exp() - 1.0)
    }

    /// What was measured; the verdict is the caller's.
    fn effect(
        &self,
        metric: &MetricKind,
        (cell, against, factor): (&str, &str, &str),
        (a, b): (&[Measurement], &[Measurement]),
        design: &Design,
    ) -> ExperimentEffect {
        let comparison = &self.comparison;
        let is_estimable = comparison.blocks >= LEAST_BLOCKS;
        ExperimentEffect {
            cell: cell.to_owned(),
            against: against.to_owned(),
            factor: factor.to_owned(),
            metric: metric.name.to_owned(),
            ratio: comparison.ratio,
            low: is_estimable.then_some(comparison.interval.low),
            high: is_estimable.then_some(comparison.interval.high),
            bootstrap: metric
                .quantile
                .filter(|_| is_estimable)
                .and_then(|(times, share)| bootstrap(times, share, a, b, design.seed)),
            p_value: Some(comparison.p_value),
            adjusted_p: Some(self.t_p),
            minimum_detectable: None,
            verdict: String::new(),
        }
    }
}

/// Interval of the ratio of a quantile by drawing blocks, and requests within them, again: on both sides the same blocks.
fn bootstrap(
    times: Times,
    share: f64,
    a: &[Measurement],
    b: &[Measurement],
    seed: u64,
) -> Option<(f64, f64)> {
    let of = |one: &Measurement| -> Vec<f64> {
        match times {
            Times::Ttft => one.ttft_ms.clone(),
            Times::E2e => one.e2e_ms.clone(),
        }
    };
    let (a, b): (Vec<_>, Vec<_>) = (a.iter().map(of).collect(), b.iter().map(of).collect());
    let sizes: Vec<usize> = a.iter().zip(&b).map(|(a, b)| a.len().min(b.len())).collect();
    if sizes.contains(&0) {
        return None;
    }
    // Requests have the same number on both sides only in an open loop, so each side's draw is one of positions.
    let value = |side: &[f64], drawn: &[usize]| -> Option<f64> {
        let mut values: Vec<f64> = drawn.iter().map(|index| side[*index]).collect();
        values.sort_by(f64::total_cmp);
        quantile(&values, share).filter(|value| *value > 0.0)
    };
    let interval = hierarchical_interval(&sizes, ROUNDS, 0.95, seed, |drawn| {
        let mut sum = 0.0;
        for (block, indices) in drawn {
            sum += (value(&b[*block], indices)? / value(&a[*block], indices)?).ln();
        }
        Some((sum / drawn.len() as f64).exp())
    })?;
    Some((interval.low, interval.high))
}

#[cfg(test)]
mod tests;
