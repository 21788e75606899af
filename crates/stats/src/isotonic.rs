//! Fits that may only rise.

/// The non-decreasing sequence nearest to `values` in weighted least squares, by pooling adjacent violators (Ayer et al.,
/// 1955).
///
/// Weights are positive; the result has one value per input.
#[must_use]
pub fn isotonic(values: &[f64], weights: &[f64]) -> Vec<f64> {
    // (mean, weight, count) of each pool.
    let mut pools: Vec<(f64, f64, usize)> = Vec::with_capacity(values.len());
    for (&value, &weight) in values.iter().zip(weights) {
        pools.push((value, weight, 1));
        while let [.., before, last] = pools.as_slice() {
            if before.0 <= last.0 {
                break;
            }
            let weight = before.1 + last.1;
            let pooled = ((before.0 * before.1 + last.0 * last.1) / weight, weight, before.2 + last.2);
            pools.truncate(pools.len() - 2);
            pools.push(pooled);
        }
    }
    pools.into_iter().flat_map(|(mean, _, count)| std::iter::repeat_n(mean, count)).collect()
}

/// Where the piecewise linear curve through (`x`, `fitted`) first reaches `level`; `None` where it does not within the
/// range of `x`: a fit says nothing outside of what was measured.
#[must_use]
pub fn crossing(x: &[f64], fitted: &[f64], level: f64) -> Option<f64> {
    let reached = fitted.iter().position(|&y| y >= level)?;
    let before = reached.checked_sub(1)?;
    let (x0, x1, y0, y1) = (x[before], x[reached], fitted[before], fitted[reached]);
    Some(x0 + (x1 - x0) * (level - y0) / (y1 - y0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn violators_are_pooled_by_weight() {
        assert_eq!(isotonic(&[1.0, 3.0, 2.0, 4.0], &[1.0; 4]), [1.0, 2.5, 2.5, 4.0]);
        assert_eq!(isotonic(&[3.0, 1.0], &[3.0, 1.0]), [2.5, 2.5]);
        assert_eq!(isotonic(&[3.0, 2.0, 1.0], &[1.0; 3]), [2.0, 2.0, 2.0]);
        assert!(isotonic(&[], &[]).is_empty());
    }

    #[test]
    fn crossings_are_interpolated_and_never_extrapolated() {
        assert_eq!(crossing(&[1.0, 2.0, 4.0], &[0.0, 0.0, 0.1], 0.05), Some(3.0));
        assert_eq!(crossing(&[1.0, 2.0], &[0.0, 0.01], 0.05), None);
        assert_eq!(crossing(&[1.0, 2.0], &[0.06, 0.1], 0.05), None);
    }

    proptest! {
        #[test]
        fn rises_and_keeps_the_weighted_mean(points in prop::collection::vec((-1e3f64..1e3, 0.1f64..10.0), 1..50)) {
            let (values, weights): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
            let fitted = isotonic(&values, &weights);
            prop_assert_eq!(fitted.len(), values.len());
            prop_assert!(fitted.windows(2).all(|pair| pair[0] <= pair[1]));
            let total = |ys: &[f64]| ys.iter().zip(&weights).map(|(y, w)| y * w).sum::<f64>();
            prop_assert!((total(&values) - total(&fitted)).abs() < 1e-6);
            let distance = |ys: &[f64]| -> f64 {
                ys.iter().zip(&values).zip(&weights).map(|((y, v), w)| w * (y - v).powi(2)).sum()
            };
            // Any other rising sequence is further away; constants are the simplest ones.
            let constant = vec![total(&values) / weights.iter().sum::<f64>(); values.len()];
            prop_assert!(distance(&fitted) <= distance(&constant) + 1e-6);
        }
    }
}
