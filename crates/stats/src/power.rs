//! Which effects an experiment of so many blocks would have claimed.
//!
//! An effect is claimed where several tests agree, so the power of one of them says too much. Here the rule itself is held
//! against draws of what the blocks might have given.

use super::{Random, mean, student_quantile, variance};

/// Draws of an experiment: the chance of a claim is known to within 1 %.
const DRAWS: usize = 2000;
/// Most blocks for which all assignments of signs are looked at; beyond, the test by sign flips is as the t test at its level.
const EXACT: usize = 12;
/// Level of every test.
const ALPHA: f64 = 0.05;

/// What a claim takes, beside being significant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bars {
    /// Comparisons in the family, over which Holm's procedure adjusts: the smallest p of so many has to be below α / m.
    pub comparisons: usize,
    /// Log ratio that the estimate has to exceed.
    pub floor: f64,
    /// Log ratio within which a difference counts as none, where that is shown.
    pub margin: f64,
}

/// The rule for experiments of so many blocks: the paired t test, adjusted (Holm), and the test by sign flips have to show a
/// difference, which has to exceed the noise floor and must not be shown to be within the margin.
#[derive(Clone, Debug)]
pub struct Power {
    blocks: usize,
    draws: Vec<Draw>,
}

/// An experiment without an effect, in standard deviations of a block.
#[derive(Clone, Copy, Debug)]
struct Draw {
    /// Mean of the blocks.
    centre: f64,
    /// Its standard error by the blocks.
    error: f64,
    /// Effect from which the sign flips show it.
    flips: f64,
    /// The standard deviation of a block over one that an experiment would have found: it is not known better than from the
    /// blocks.
    deviation: f64,
}

impl Power {
    /// The same seed gives the same draws. Of fewer than two blocks there are none, and nothing is detectable.
    #[must_use]
    pub fn new(blocks: usize, seed: u64) -> Self {
        let mut random = Random::stream(seed, 7);
        let freedom = blocks.saturating_sub(1).max(1) as f64;
        let draws = (0..if blocks < 2 { 0 } else { DRAWS })
            .map(|_| {
                let values: Vec<f64> = (0..blocks).map(|_| random.normal()).collect();
                let centre = mean(&values).unwrap_or(0.0);
                let error = (variance(&values).unwrap_or(0.0) / blocks.max(1) as f64).sqrt();
                // Chi squared is twice a gamma of half its degrees of freedom.
                let found = (2.0 * random.gamma(freedom / 2.0) / freedom).sqrt();
                Draw { centre, error, flips: flips(&values, centre, error), deviation: 1.0 / found }
            })
            .collect();
        Self { blocks, draws }
    }

    /// The log ratio that is claimed with a chance of `power`, where a block's log ratios have the standard deviation
    /// `deviation` by this experiment; infinite for fewer than two blocks.
    #[must_use]
    pub fn detectable(&self, deviation: f64, bars: Bars, power: f64) -> f64 {
        if self.blocks < 2 {
            return f64::INFINITY;
        }
        let freedom = (self.blocks - 1) as f64;
        let critical = student_quantile(1.0 - ALPHA / 2.0 / bars.comparisons.max(1) as f64, freedom);
        let one_sided = student_quantile(1.0 - ALPHA, freedom);
        let mut needed: Vec<f64> = self
            .draws
            .iter()
            .map(|draw| {
                let own = draw.deviation * deviation;
                let significant = own * (critical * draw.error - draw.centre);
                let beyond_floor = bars.floor - own * draw.centre;
                let not_equivalent = bars.margin - own * (one_sided * draw.error + draw.centre);
                significant.max(own * draw.flips).max(beyond_floor).max(not_equivalent)
            })
            .collect();
        needed.sort_by(f64::total_cmp);
        super::quantile::quantile(&needed, power).unwrap_or(f64::INFINITY).max(0.0)
    }
}

/// The effect from which on the test by sign flips is significant, if it is added to each of `values`.
///
/// With the effect δ, an assignment that turns the signs of a set of blocks is as extreme as what was observed if the mean of
/// that set is not positive, which it no longer is once δ is above minus its mean without the effect; so is the opposite
/// assignment. Of 2ⁿ assignments a share of α, or the least that there is, may be.
fn flips(values: &[f64], centre: f64, error: f64) -> f64 {
    let n = values.len();
    if n > EXACT {
        return student_quantile(1.0 - ALPHA / 2.0, (n - 1) as f64) * error - centre;
    }
    let all = 1usize << n;
    let allowed = ((ALPHA * all as f64).floor() as usize).max(2) / 2 - 1;
    let mut sums = vec![0.0; all];
    let mut means: Vec<f64> = (1..all)
        .map(|set: usize| {
            let lowest = set.trailing_zeros() as usize;
            sums[set] = sums[set & (set - 1)] + values[lowest];
            -sums[set] / f64::from(set.count_ones())
        })
        .collect();
    let at = allowed.min(means.len().saturating_sub(1));
    *means.select_nth_unstable_by(at, |a, b| b.total_cmp(a)).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permutation::sign_flip;

    #[test]
    fn nothing_is_detectable_without_blocks() {
        let bars = Bars { comparisons: 1, floor: 0.0, margin: 0.02 };
        for blocks in [0, 1] {
            assert_eq!(Power::new(blocks, 1).detectable(0.1, bars, 0.8), f64::INFINITY);
        }
        assert!(Power::new(2, 1).detectable(0.1, bars, 0.8).is_finite());
    }

    #[test]
    fn sign_flips_are_significant_from_the_effect_that_is_told() {
        let mut random = Random::new(3);
        for blocks in [4, 5, 6, 8, 10] {
            let least = 2.0 / 2f64.powi(blocks);
            for _ in 0..20 {
                let values: Vec<f64> = (0..blocks).map(|_| random.normal()).collect();
                let needed = flips(&values, 0.0, 0.0);
                let p = |effect: f64| {
                    let with: Vec<f64> = values.iter().map(|value| value + effect).collect();
                    sign_flip(&with, 0, 0).unwrap()
                };
                assert!(p(needed + 1e-6) <= least.max(ALPHA) + 1e-12, "{blocks}: {values:?}");
                // Just below, unless the mean has the other sign there.
                let below = needed - 1e-6;
                if below + mean(&values).unwrap() > 0.0 {
                    assert!(p(below) > least.max(ALPHA), "{blocks}: {values:?}");
                }
            }
        }
    }

    #[test]
    fn every_bar_asks_for_more() {
        let power = Power::new(6, 1);
        let of =
            |comparisons, floor, margin| power.detectable(0.02, Bars { comparisons, floor, margin }, 0.8);
        let least = of(1, 0.0, 0.0);
        // The formula of the t test alone: (2.571 + 0.920) · 0.02 / √6 = 0.0285.
        assert!(least > 0.0285 * 1.1, "{least}");
        assert!(of(4, 0.0, 0.0) > least && of(1, 0.05, 0.0) > 0.05 && of(1, 0.0, 0.1) > 0.05);
        assert!(power.detectable(0.02, Bars::default(), 0.5) < least);
        assert_eq!(Power::new(1, 1).detectable(0.02, Bars::default(), 0.8), f64::INFINITY);
        assert!(Power::new(20, 1).detectable(0.02, Bars::default(), 0.8) < least);
    }
}
