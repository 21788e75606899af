//! What dependence between neighbouring samples does to their number.

use super::{Interval, mean, student_quantile, variance};

/// Means of `batches` runs of neighbouring samples of equal size; leftover samples at the end are dropped.
#[must_use]
pub fn batch_means(samples: &[f64], batches: usize) -> Vec<f64> {
    let size = samples.len() / batches.max(1);
    if size == 0 {
        return Vec::new();
    }
    samples.chunks_exact(size).take(batches).filter_map(mean).collect()
}

/// Confidence interval of the mean of dependent samples by non-overlapping batch means: batches long enough are nearly
/// independent, so Student's t holds for their means.
///
/// `None` for fewer than two samples per batch.
#[must_use]
pub fn mean_interval(samples: &[f64], batches: usize, confidence: f64) -> Option<Interval> {
    if samples.len() < 2 * batches || batches < 2 {
        return None;
    }
    let means = batch_means(samples, batches);
    let centre = mean(samples)?;
    let error = (variance(&means)? / means.len() as f64).sqrt();
    let half = student_quantile(0.5 + confidence / 2.0, (means.len() - 1) as f64) * error;
    Some(Interval { low: centre - half, high: centre + half, confidence })
}

/// How many independent samples these are worth: n / (1 + 2 Σ ρₖ), the autocorrelations ρₖ summed in pairs until a pair is
/// not positive (Geyer, "Practical Markov chain Monte Carlo", 1992, initial positive sequence).
///
/// Never more than n. n for constant samples, where there is nothing to estimate.
#[must_use]
pub fn effective_size(samples: &[f64]) -> f64 {
    let n = samples.len();
    let (Some(centre), true) = (mean(samples), n > 3) else { return n as f64 };
    let deviations: Vec<f64> = samples.iter().map(|x| x - centre).collect();
    let autocovariance =
        |lag: usize| deviations[lag..].iter().zip(&deviations).map(|(a, b)| a * b).sum::<f64>() / n as f64;
    let whole = autocovariance(0);
    if whole <= 0.0 {
        return n as f64;
    }
    // Beyond this lag the estimates are noise, and the cost is quadratic.
    let most = (n / 4).min(1000);
    let mut time = -1.0;
    let mut lag = 0;
    while lag < most {
        let pair = (autocovariance(lag) + autocovariance(lag + 1)) / whole;
        if pair <= 0.0 {
            break;
        }
        time += 2.0 * pair;
        lag += 2;
    }
    (n as f64 / time.max(1.0)).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Random;

    fn autoregressive(random: &mut Random, n: usize, rho: f64) -> Vec<f64> {
        let mut x = random.normal() / (1.0 - rho * rho).sqrt();
        (0..n)
            .map(|_| {
                x = rho * x + random.normal();
                x
            })
            .collect()
    }

    #[test]
    fn dependent_samples_count_for_less() {
        let mut random = Random::new(11);
        let independent = effective_size(&autoregressive(&mut random, 20_000, 0.0));
        assert!(independent > 17_000.0, "{independent}");
        // n (1 - rho) / (1 + rho) = 20000 / 9 for rho = 0.8
        let dependent = effective_size(&autoregressive(&mut random, 20_000, 0.8));
        assert!((1800.0..2700.0).contains(&dependent), "{dependent}");
        assert_eq!(effective_size(&[3.0; 50]), 50.0);
    }

    #[test]
    fn intervals_of_batches_cover_dependent_samples() {
        let mut random = Random::new(12);
        let rounds = 400;
        let covered = (0..rounds)
            .filter(|_| {
                let samples = autoregressive(&mut random, 2000, 0.7);
                mean_interval(&samples, 20, 0.95).unwrap().contains(0.0)
            })
            .count();
        let share = covered as f64 / f64::from(rounds);
        assert!((0.91..0.98).contains(&share), "{share}");
    }
}
