//! Replicas and GPUs for a demand.

use plumb_evidence::model::{Amount, Demand};
use serde::Serialize;

use super::effect::Change;
use super::{Assumption, Label, Range};

/// Planned utilisation of goodput (assumed).
const PLANNED: f64 = 0.80;
/// Efficiency of balancing over two replicas or more (assumed).
const BALANCED: f64 = 0.95;
/// Spare replicas (assumed).
const SPARE: u32 = 1;
/// Probability of a replica less from which a saving is booked (our proposal).
const BOOKED_FROM: f64 = 0.80;
/// By how much demand and utilisation are moved to see what the plan does, as a share.
const MOVED: f64 = 0.20;
/// Two-sided 95 % of the normal distribution, in standard deviations.
const NORMAL_95: f64 = 1.959_964;

/// What the plan takes for granted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Terms {
    pub(super) peak: f64,
    pub(super) growth_percent: Option<f64>,
    pub(super) utilisation: f64,
    pub(super) balancing: f64,
    pub(super) spare: u32,
}

impl Terms {
    /// With a spare replica there are two of them or more, however many there are today.
    pub(super) fn of(peak: f64, demand: &Demand) -> Self {
        Self {
            peak,
            growth_percent: demand.growth_percent_per_year,
            utilisation: PLANNED,
            balancing: BALANCED,
            spare: SPARE,
        }
    }

    /// The demand to plan for; demand that shrinks is not counted on.
    pub(super) fn demand(&self) -> f64 {
        self.peak * (1.0 + self.growth_percent.unwrap_or(0.0).max(0.0) / 100.0)
    }

    pub(super) fn replicas(&self, goodput: f64) -> u32 {
        replicas(self.demand(), self.utilisation, self.balancing, goodput, self.spare)
    }

    pub(super) fn assumptions(&self) -> Vec<Assumption> {
        let row = |id: &str, value: f64, unit: &str, label: Label| Assumption {
            id: id.into(),
            value,
            unit: unit.into(),
            label,
        };
        let mut rows = vec![row("peak", self.peak, "1/s", Label::Stated)];
        rows.extend(self.growth_percent.map(|growth| row("growth", growth, "%", Label::Stated)));
        rows.extend([
            row("utilisation", self.utilisation, "", Label::Assumed),
            row("balancing", self.balancing, "", Label::Assumed),
            row("spare", f64::from(self.spare), "", Label::Assumed),
        ]);
        rows
    }
}

/// n = ⌈D / (u · η · G)⌉ + k: whole replicas for a demand of `demand` and a goodput of `goodput` requests per second,
/// planned utilisation `u`, efficiency of balancing `eta` and `spare` replicas. At least one, spares aside; the largest
/// number there is where a divisor is 0.
#[must_use]
pub fn replicas(demand: f64, u: f64, eta: f64, goodput: f64, spare: u32) -> u32 {
    let each = u * eta * goodput;
    let exact = demand / each;
    if !exact.is_finite() || each <= 0.0 || exact >= f64::from(u32::MAX) {
        return u32::MAX;
    }
    // 2.0000000001 is 2: products of shares do not come out even.
    let count = (exact - 1e-9).ceil().max(1.0);
    (count as u32).saturating_add(spare)
}

/// Replicas and GPUs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Demand planned for, in requests per second.
    pub demand: f64,
    /// Fewest by the upper end of goodput, most by the lower.
    pub replicas: Range<u32>,
    /// What the plan says: the most, which the lower end of goodput needs.
    pub planned: u32,
    /// Replicas that serve today, where stated.
    pub today: Option<u32>,
    /// GPUs of one replica, where the node shows it.
    pub gpus_per_replica: Option<u32>,
    /// GPUs, where their number per replica is known.
    pub gpus: Option<Range<u32>>,
    /// [`Label::Modelled`].
    pub label: Label,
}

impl Plan {
    pub(super) fn new(terms: &Terms, goodput: &Range<f64>, size: Option<u32>, today: Option<u32>) -> Self {
        let replicas = ends(terms, goodput);
        Self {
            demand: terms.demand(),
            planned: replicas.high,
            today,
            gpus_per_replica: size,
            gpus: size.map(|size| times(&replicas, size)),
            replicas,
            label: Label::Modelled,
        }
    }
}

/// What an improvement of throughput, as it was measured, changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Saving {
    /// The improvement.
    pub change: Change,
    /// Replicas with it.
    pub replicas: Range<u32>,
    /// GPUs with it, where their number per replica is known.
    pub gpus: Option<Range<u32>>,
    /// Replicas less than planned without it; whole ones only.
    pub fewer: u32,
    /// Probability of at least one replica less, 0 to 1: over the interval of the improvement (log-normal), goodput being
    /// low, base and high with weights ¼, ½, ¼.
    pub probability: f64,
    /// True if the saving may be counted on: the interval excludes no change, a replica less is at least 80 % likely, and
    /// the plan has one less.
    pub booked: bool,
    /// [`Label::Modelled`].
    pub label: Label,
}

impl Saving {
    pub(super) fn new(terms: &Terms, goodput: &Range<f64>, change: &Change, plan: &Plan) -> Self {
        let ratio = &change.ratio;
        let after = Range {
            low: goodput.low * ratio.low,
            base: goodput.base * ratio.base,
            high: goodput.high * ratio.high,
        };
        let replicas = ends(terms, &after);
        // On both sides the same goodput, so that its own spread is no saving.
        let fewer = plan.planned.saturating_sub(terms.replicas(goodput.low * ratio.base));
        let probability = 0.25 * likely(terms, goodput.low, ratio)
            + 0.5 * likely(terms, goodput.base, ratio)
            + 0.25 * likely(terms, goodput.high, ratio);
        Self {
            change: change.clone(),
            gpus: plan.gpus_per_replica.map(|size| times(&replicas, size)),
            replicas,
            fewer,
            probability,
            booked: ratio.low > 1.0 && probability >= BOOKED_FROM && fewer > 0,
            label: Label::Modelled,
        }
    }
}

fn ends(terms: &Terms, goodput: &Range<f64>) -> Range<u32> {
    Range {
        low: terms.replicas(goodput.high),
        base: terms.replicas(goodput.base),
        high: terms.replicas(goodput.low),
    }
}

fn times(range: &Range<u32>, factor: u32) -> Range<u32> {
    let times = |count: u32| count.saturating_mul(factor);
    Range { low: times(range.low), base: times(range.base), high: times(range.high) }
}

/// Probability that the improvement saves a replica at this goodput.
fn likely(terms: &Terms, goodput: f64, ratio: &Range<f64>) -> f64 {
    let exact = terms.demand() / (terms.utilisation * terms.balancing * goodput);
    let count = (exact - 1e-9).ceil();
    if !(count >= 2.0 && count.is_finite()) {
        return 0.0;
    }
    let needed = (exact / (count - 1.0)).ln();
    let spread = (ratio.high.ln() - ratio.low.ln()) / (2.0 * NORMAL_95);
    if spread <= 0.0 {
        return if ratio.base.ln() >= needed { 1.0 } else { 0.0 };
    }
    1.0 - normal((needed - ratio.base.ln()) / spread)
}

/// Distribution function of the standard normal (Abramowitz and Stegun 7.1.26, error below 2 · 10⁻⁷).
fn normal(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly = t
        * (0.254_829_592
            + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let tail = 0.5 * poly * (-x * x).exp();
    if z < 0.0 { tail } else { 1.0 - tail }
}

/// What the plan would be if one replica were proven to carry more, everything else being as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Lowest proven rate of one replica, in requests per second, from which on so few replicas are enough.
    pub from: f64,
    /// Replicas, spare ones among them.
    pub replicas: u32,
    /// GPUs, where their number per replica is known.
    pub gpus: Option<u32>,
    /// Cost of a month, where prices are known.
    pub month: Option<Amount>,
    /// [`Label::Modelled`].
    pub label: Label,
}

/// So many steps are of use: the ones further on need a replica many times as good.
const MAX_STEPS: usize = 5;

/// The plan as it is, then with one replica less each time, as far as there is more than the spare ones and one.
pub(super) fn steps(terms: &Terms, goodput: f64, size: Option<u32>) -> Vec<Step> {
    let planned = terms.replicas(goodput);
    let of = |replicas: u32| {
        let gpus = size.map(|size| replicas.saturating_mul(size));
        let serving = f64::from(replicas.saturating_sub(terms.spare).max(1));
        // What is needed for one replica less, as the formula has it.
        let from = terms.demand() / (terms.utilisation * terms.balancing * serving);
        Step {
            from: if replicas == planned { goodput } else { from },
            replicas,
            gpus,
            month: None,
            label: Label::Modelled,
        }
    };
    let least = terms.spare + 1;
    (least..=planned).rev().take(MAX_STEPS).map(of).collect()
}

/// What one input does to the plan, the others as they are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sensitivity {
    /// `goodput`, `demand`, `utilisation`.
    pub input: String,
    /// The input at both ends.
    pub from: (f64, f64),
    /// Replicas at both ends.
    pub replicas: (u32, u32),
    /// GPUs at both ends, where their number per replica is known.
    pub gpus: Option<(u32, u32)>,
    /// [`Label::Modelled`].
    pub label: Label,
}

/// The plan with goodput at the ends of its range, and demand and utilisation a fifth lower and higher.
pub(super) fn sensitivity(terms: &Terms, goodput: &Range<f64>, size: Option<u32>) -> Vec<Sensitivity> {
    let row = |input: &str, from: (f64, f64), replicas: (u32, u32)| Sensitivity {
        input: input.into(),
        from,
        replicas,
        gpus: size.map(|size| (replicas.0.saturating_mul(size), replicas.1.saturating_mul(size))),
        label: Label::Modelled,
    };
    let with = |peak: f64, utilisation: f64| {
        let terms = Terms {
            peak: terms.peak * peak,
            utilisation: (terms.utilisation * utilisation).min(1.0),
            ..*terms
        };
        (terms, terms.replicas(goodput.low))
    };
    let (less, more) = (with(1.0 - MOVED, 1.0), with(1.0 + MOVED, 1.0));
    let (fuller, emptier) = (with(1.0, 1.0 + MOVED), with(1.0, 1.0 - MOVED));
    let mut rows = vec![
        row(
            "goodput",
            (goodput.high, goodput.low),
            (terms.replicas(goodput.high), terms.replicas(goodput.low)),
        ),
        row("demand", (less.0.demand(), more.0.demand()), (less.1, more.1)),
        row("utilisation", (fuller.0.utilisation, emptier.0.utilisation), (fuller.1, emptier.1)),
    ];
    rows.sort_by_key(|row| std::cmp::Reverse(row.replicas.1.abs_diff(row.replicas.0)));
    rows
}
