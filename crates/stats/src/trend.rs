//! Has a series settled?

use super::normal_quantile;

/// True if `series` rises or falls over time: the test of Mann and Kendall at level `alpha`, which asks only how many later
/// values lie above earlier ones.
///
/// Fewer than four values never show a trend.
#[must_use]
pub fn has_trend(series: &[f64], alpha: f64) -> bool {
    let n = series.len();
    if n < 4 {
        return false;
    }
    let mut score = 0.0f64;
    for (index, earlier) in series.iter().enumerate() {
        for later in &series[index + 1..] {
            score += match later.total_cmp(earlier) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Less => -1.0,
                std::cmp::Ordering::Equal => 0.0,
            };
        }
    }
    let n = n as f64;
    let deviation = (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    // With the continuity correction.
    (score.abs() - 1.0).max(0.0) / deviation > normal_quantile(1.0 - alpha / 2.0)
}

/// Slope of the least-squares line through (`x`, `y`); `None` where all `x` are equal.
#[must_use]
pub fn slope(x: &[f64], y: &[f64]) -> Option<f64> {
    let (mx, my) = (super::mean(x)?, super::mean(y)?);
    let spread: f64 = x.iter().map(|x| (x - mx).powi(2)).sum();
    let product: f64 = x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum();
    (spread > 0.0).then_some(product / spread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn a_rise_is_a_trend_and_noise_is_none() {
        let rise: Vec<f64> = (0..10).map(f64::from).collect();
        assert!(has_trend(&rise, 0.01));
        assert!(!has_trend(&[1.0; 10], 0.01));
        assert!(!has_trend(&[1.0, 2.0, 3.0], 0.05));
        let mut random = Random::new(41);
        let rounds = 2000;
        let alarms = (0..rounds)
            .filter(|_| has_trend(&(0..10).map(|_| random.normal()).collect::<Vec<_>>(), 0.01))
            .count();
        assert!(alarms < rounds / 50, "{alarms} false alarms of {rounds}");
    }

    #[test]
    fn slopes() {
        assert_eq!(slope(&[0.0, 1.0, 2.0], &[1.0, 3.0, 5.0]), Some(2.0));
        assert_eq!(slope(&[1.0, 1.0], &[1.0, 3.0]), None);
    }
}
