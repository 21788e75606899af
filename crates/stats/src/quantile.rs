//! Quantiles of samples, and how far to trust them.

use statrs::distribution::{Binomial, DiscreteCDF};

use super::Interval;

/// The quantile `p` of sorted samples by linear interpolation between order statistics (Hyndman and Fan's type 7, which
/// numpy, R and most clients use).
///
/// An infinite sample, which stands for a request that never was answered, makes every quantile beyond it infinite.
#[must_use]
pub fn quantile(sorted: &[f64], p: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = p.clamp(0.0, 1.0) * last as f64;
    let (low, share) = (position.floor(), position.fract());
    let low = low as usize;
    let (a, b) = (*sorted.get(low)?, *sorted.get((low + 1).min(last))?);
    // Written so that inf - inf does not turn into NaN.
    Some(if share == 0.0 || a == b { a } else { a + (b - a) * share })
}

/// The quantile `p` of values with weights: the smallest value at which the share of weight reaches `p`.
///
/// `sorted` is by value.
#[must_use]
pub fn weighted_quantile(sorted: &[(f64, f64)], p: f64) -> Option<f64> {
    let total: f64 = sorted.iter().map(|(_, weight)| weight).sum();
    let mut reached = 0.0;
    for &(value, weight) in sorted {
        reached += weight;
        // A sum of many weights misses the total by rounding.
        if reached >= p * total * (1.0 - 1e-12) {
            return Some(value);
        }
    }
    sorted.last().map(|&(value, _)| value)
}

/// Two-sided confidence interval of the quantile `p` from order statistics of independent samples; it makes no assumption
/// on their distribution.
///
/// The number of samples below the quantile is binomial(n, p). `None` where n is too small for the interval to have both
/// ends: at 95 % that is fewer than 72 samples for p95, 368 for p99, 3688 for p99.9.
#[must_use]
pub fn order_interval(sorted: &[f64], p: f64, confidence: f64) -> Option<Interval> {
    let n = sorted.len();
    let binomial = Binomial::new(p, n as u64).ok()?;
    let tail = (1.0 - confidence) / 2.0;
    // P(B <= l - 1) <= tail for the lower rank l, P(B >= u) <= tail for the upper rank u (ranks count from 1).
    let lower = rank(n, |k| binomial.cdf(k) > tail)?;
    let upper = rank(n, |k| binomial.cdf(k) >= 1.0 - tail)? + 1;
    if lower == 0 || upper > n {
        return None;
    }
    Some(Interval { low: sorted[lower - 1], high: sorted[upper - 1], confidence })
}

/// One-sided upper confidence bound of the quantile `p`, as MLPerf's early stopping has it; `None` where there are too few
/// samples (at 99 %: fewer than 90 for p95 without a miss beyond the bound).
#[must_use]
pub fn upper_bound(sorted: &[f64], p: f64, confidence: f64) -> Option<f64> {
    let n = sorted.len();
    let binomial = Binomial::new(p, n as u64).ok()?;
    let upper = rank(n, |k| binomial.cdf(k) >= confidence)? + 1;
    sorted.get(upper - 1).copied()
}

/// The smallest k in 0..n for which `reached`, which is monotone, holds.
fn rank(n: usize, reached: impl Fn(u64) -> bool) -> Option<usize> {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low) / 2;
        if reached(middle as u64) { high = middle } else { low = middle + 1 }
    }
    (low < n).then_some(low)
}

/// How many independent samples [`order_interval`] takes at least for the quantile `p`, 0.5 ≤ p < 1.
#[must_use]
pub fn samples_needed(p: f64, confidence: f64) -> u64 {
    // Both ends exist once all samples lie below the quantile with a probability of no more than the tail: p^n <= tail.
    let tail = (1.0 - confidence) / 2.0;
    let edge = p.max(1.0 - p);
    (tail.ln() / edge.ln()).ceil() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Random;

    #[test]
    fn linear_interpolation_is_that_of_numpy() {
        // numpy.percentile([1, 2, 3, 4], [0, 25, 50, 95, 100])
        let samples = [1.0, 2.0, 3.0, 4.0];
        let read: Vec<f64> =
            [0.0, 0.25, 0.5, 0.95, 1.0].iter().map(|&p| quantile(&samples, p).unwrap()).collect();
        assert_eq!(read, [1.0, 1.75, 2.5, 3.8499999999999996, 4.0]);
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn a_request_without_an_answer_is_beyond_every_limit() {
        let samples = [1.0, 2.0, f64::INFINITY, f64::INFINITY];
        assert_eq!(quantile(&samples, 0.3), Some(1.9));
        assert_eq!(quantile(&samples, 0.95), Some(f64::INFINITY));
        assert_eq!(quantile(&samples, 2.0 / 3.0), Some(f64::INFINITY));
    }

    #[test]
    fn numbers_of_samples_are_the_published_ones() {
        for (p, needed) in [(0.95, 72), (0.99, 368), (0.999, 3688)] {
            assert_eq!(samples_needed(p, 0.95), needed);
            let samples: Vec<f64> = (0..needed).map(|x| x as f64).collect();
            assert!(order_interval(&samples, p, 0.95).is_some(), "{p}");
            assert!(order_interval(&samples[1..], p, 0.95).is_none(), "{p}");
        }
    }

    /// LoadGen's number: how many requests within a bound show, with 99 % confidence, that it bounds the quantile `p`, where `over`
    /// are beyond it. By the incomplete beta function, as LoadGen defines it, and not by the distribution that the bound itself uses.
    fn within_needed(over: u64, p: f64) -> u64 {
        let odds = |within: u64| statrs::function::beta::beta_reg(within as f64, over as f64 + 1.0, p);
        (1..100_000).find(|within| odds(*within) <= 0.01).unwrap()
    }

    #[test]
    fn the_bound_of_the_tail_is_that_of_loadgen() {
        // Published: the numbers for none and one beyond the bound, the least numbers of queries of its single-stream rule (64 at
        // p90, 662 at p99), and 77 that are left out of 10,000 at p99.
        let published = [(0, 0.99, 459), (0, 0.90, 44), (1, 0.99, 661), (1, 0.90, 63)];
        for (over, p, needed) in published {
            assert_eq!(within_needed(over, p), needed, "{over} beyond p{p}");
        }
        for p in [0.9, 0.95, 0.99] {
            for over in [0, 1, 2, 5, 20] {
                let n = within_needed(over, p) + over;
                let samples: Vec<f64> = (0..n).map(|x| x as f64).collect();
                // As many as that are beyond the bound, and with one sample less one fewer is.
                assert_eq!(upper_bound(&samples, p, 0.99), Some((n - 1 - over) as f64), "{over} beyond p{p}");
                let fewer = upper_bound(&samples[..samples.len() - 1], p, 0.99);
                assert_eq!(
                    fewer,
                    over.checked_sub(1).map(|over| (n - 2 - over) as f64),
                    "{over} beyond p{p}"
                );
            }
        }
        let samples: Vec<f64> = (0..10_000).map(f64::from).collect();
        assert_eq!(upper_bound(&samples, 0.99, 0.99), Some((10_000 - 1 - 77) as f64));
    }

    #[test]
    fn intervals_cover_as_often_as_they_say() {
        let mut random = Random::new(5);
        let truth = -(0.05f64).ln();
        let (mut inside, mut below) = (0, 0);
        let rounds = 2000;
        for _ in 0..rounds {
            let mut samples: Vec<f64> = (0..400).map(|_| random.exponential()).collect();
            samples.sort_by(f64::total_cmp);
            inside += usize::from(order_interval(&samples, 0.95, 0.95).unwrap().contains(truth));
            below += usize::from(truth <= upper_bound(&samples, 0.95, 0.99).unwrap());
        }
        let share = |count: usize| count as f64 / f64::from(rounds);
        // Discrete, hence a little more than nominal.
        assert!((0.94..0.98).contains(&share(inside)), "{}", share(inside));
        assert!((0.985..=1.0).contains(&share(below)), "{}", share(below));
    }

    proptest! {
        #[test]
        fn quantiles_lie_among_the_samples_and_rise_with_p(
            mut samples in prop::collection::vec(-1e9f64..1e9, 1..200), p in 0.0f64..1.0, q in 0.0f64..1.0,
        ) {
            samples.sort_by(f64::total_cmp);
            let (low, high) = (p.min(q), p.max(q));
            let (a, b) = (quantile(&samples, low).unwrap(), quantile(&samples, high).unwrap());
            prop_assert!(a <= b);
            prop_assert!(samples[0] <= a && b <= samples[samples.len() - 1]);
            let weighted: Vec<(f64, f64)> = samples.iter().map(|&x| (x, 1.0)).collect();
            prop_assert!(samples.contains(&weighted_quantile(&weighted, p).unwrap()));
        }

        #[test]
        fn a_weight_of_k_is_k_samples(values in prop::collection::vec((0.0f64..1e6, 1u8..6), 1..60), p in 0.01f64..1.0) {
            let mut weighted: Vec<(f64, f64)> = values.iter().map(|&(v, w)| (v, f64::from(w))).collect();
            weighted.sort_by(|a, b| a.0.total_cmp(&b.0));
            let single: Vec<(f64, f64)> = weighted
                .iter()
                .flat_map(|&(v, w)| std::iter::repeat_n((v, 1.0), w as usize))
                .collect();
            prop_assert_eq!(weighted_quantile(&weighted, p), weighted_quantile(&single, p));
        }
    }
}
