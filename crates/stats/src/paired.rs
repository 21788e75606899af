//! Two variants, measured in pairs.

use serde::{Deserialize, Serialize};

use super::permutation::sign_flip;
use super::{Interval, mean, student_cdf, student_quantile, variance};

/// What pairs of measurements say about a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// B is lower than A, and the interval excludes no change. For latencies: better.
    Lower,
    /// B is higher than A, and the interval excludes no change.
    Higher,
    /// B differs from A by less than the margin, shown by two one-sided tests.
    Equivalent,
    /// Neither a difference nor equivalence was shown: more blocks are needed.
    Inconclusive,
}

/// The comparison of B with A over paired blocks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Number of blocks.
    pub blocks: usize,
    /// exp(mean of log(B/A)): 1.03 means that B is 3 % higher.
    pub ratio: f64,
    /// 95 % interval of the ratio, by Student's t over the blocks' log ratios.
    pub interval: Interval,
    /// Two-sided p value by sign flips.
    pub p_value: f64,
    /// Larger of the two one-sided p values of the test of equivalence.
    pub equivalence_p: f64,
    /// Half the width of the 95 % interval as a share: an effect must be about this large to be seen.
    pub resolution: f64,
    /// What it comes to.
    pub verdict: Verdict,
}

/// Level of every test here.
const ALPHA: f64 = 0.05;

/// Compares paired measurements, which are positive: block `i` gave `a[i]` and `b[i]`.
///
/// `margin` is the share below which a difference does not matter, for example 0.02; the log ratio is compared with
/// ±log(1 + margin) by two one-sided t tests (Schuirmann, 1987). A difference is claimed on Student's t interval; the p value
/// by sign flips stands beside it because it makes no assumption of normality, and six blocks are the fewest with which it
/// can be below 0.05.
///
/// `None` for fewer than two blocks, unequal numbers, or values that are not positive.
#[must_use]
pub fn compare(a: &[f64], b: &[f64], margin: f64, seed: u64) -> Option<Comparison> {
    let n = a.len();
    if n != b.len() || n < 2 || a.iter().chain(b).any(|x| !x.is_finite() || *x <= 0.0) {
        return None;
    }
    let logs: Vec<f64> = a.iter().zip(b).map(|(a, b)| (b / a).ln()).collect();
    let centre = mean(&logs)?;
    let freedom = (n - 1) as f64;
    let error = (variance(&logs)? / n as f64).sqrt();
    let half = student_quantile(1.0 - ALPHA / 2.0, freedom) * error;
    let bound = (1.0 + margin).ln();
    let tail = |t: f64| {
        if error > 0.0 { 1.0 - student_cdf(t / error, freedom) } else { f64::from(u8::from(t <= 0.0)) }
    };
    let equivalence_p = tail(centre + bound).max(tail(bound - centre));
    let p_value = sign_flip(&logs, 10_000, seed)?;
    let verdict = if equivalence_p <= ALPHA {
        Verdict::Equivalent
    } else if centre - half > 0.0 {
        Verdict::Higher
    } else if centre + half < 0.0 {
        Verdict::Lower
    } else {
        Verdict::Inconclusive
    };
    Some(Comparison {
        blocks: n,
        ratio: centre.exp(),
        interval: Interval {
            low: (centre - half).exp(),
            high: (centre + half).exp(),
            confidence: 1.0 - ALPHA,
        },
        p_value,
        equivalence_p,
        resolution: half.exp() - 1.0,
        verdict,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    /// Six blocks with a coefficient of variation of 1 %, a common drift from block to block, and an effect.
    fn blocks(random: &mut Random, n: usize, effect: f64) -> (Vec<f64>, Vec<f64>) {
        (0..n)
            .map(|_| {
                let level = 100.0 * (1.0 + 0.05 * random.normal());
                (level * (1.0 + 0.01 * random.normal()), level * effect * (1.0 + 0.01 * random.normal()))
            })
            .unzip()
    }

    fn excludes_one(comparison: &Comparison) -> bool {
        !comparison.interval.contains(1.0)
    }

    #[test]
    fn no_effect_is_found_as_often_as_the_level_says() {
        // The target of the design: 3 to 8 % of 200 simulated A/A runs. More runs, so that the figure is not chance.
        let mut random = Random::new(51);
        let rounds = 2000;
        let found = (0..rounds)
            .filter(|&seed| {
                let (a, b) = blocks(&mut random, 6, 1.0);
                excludes_one(&compare(&a, &b, 0.02, seed).unwrap())
            })
            .count();
        let share = found as f64 / rounds as f64;
        assert!((0.03..0.08).contains(&share), "{share}");
        let mut random = Random::new(52);
        let found = (0..200)
            .filter(|&seed| {
                let (a, b) = blocks(&mut random, 6, 1.0);
                excludes_one(&compare(&a, &b, 0.02, seed).unwrap())
            })
            .count();
        assert!((6..=16).contains(&found), "{found} of 200");
    }

    #[test]
    fn three_per_cent_are_found_with_six_blocks() {
        let mut random = Random::new(53);
        let rounds = 1000;
        let (mut found, mut by_signs) = (0, 0);
        for seed in 0..rounds {
            let (a, b) = blocks(&mut random, 6, 1.03);
            let comparison = compare(&a, &b, 0.0, seed).unwrap();
            found += u32::from(comparison.verdict == Verdict::Higher);
            by_signs += u32::from(comparison.p_value <= 0.05);
        }
        assert!(f64::from(found) / rounds as f64 >= 0.9, "{found}");
        assert!(f64::from(by_signs) / rounds as f64 >= 0.8, "{by_signs}");
    }

    #[test]
    fn equivalence_is_shown_and_never_beyond_the_margin() {
        let mut random = Random::new(54);
        let rounds = 1000;
        let mut shown = |effect: f64, n: usize| {
            let found = (0..rounds)
                .filter(|&seed| {
                    let (a, b) = blocks(&mut random, n, effect);
                    compare(&a, &b, 0.02, seed).unwrap().verdict == Verdict::Equivalent
                })
                .count();
            found as f64 / rounds as f64
        };
        assert!(shown(1.0, 12) > 0.9);
        // At the margin itself the test may be wrong in one case of twenty.
        assert!(shown(1.02, 12) < 0.08);
        assert!(shown(1.03, 12) < 0.01);
    }

    #[test]
    fn nonsense_is_refused_and_order_matters() {
        assert_eq!(compare(&[1.0], &[1.0], 0.02, 0), None);
        assert_eq!(compare(&[1.0, 2.0], &[1.0], 0.02, 0), None);
        assert_eq!(compare(&[1.0, 0.0], &[1.0, 1.0], 0.02, 0), None);
        let a = [100.0, 101.0, 99.0, 100.0, 102.0, 98.0];
        let b: Vec<f64> = a.iter().enumerate().map(|(i, x)| x * (1.1 + 0.001 * i as f64)).collect();
        assert_eq!(compare(&a, &b, 0.02, 0).unwrap().verdict, Verdict::Higher);
        assert_eq!(compare(&b, &a, 0.02, 0).unwrap().verdict, Verdict::Lower);
        let same = compare(&a, &a, 0.02, 0).unwrap();
        assert_eq!((same.verdict, same.ratio), (Verdict::Equivalent, 1.0));
    }
}
