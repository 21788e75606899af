//! What dependence between neighbouring samples does to their number.

pub use plumb_evidence::dependence::effective_size;

use super::mean;

/// Means of `batches` runs of neighbouring samples of equal size; leftover samples at the end are dropped.
#[must_use]
pub fn batch_means(samples: &[f64], batches: usize) -> Vec<f64> {
    let size = samples.len() / batches.max(1);
    if size == 0 {
        return Vec::new();
    }
    samples.chunks_exact(size).take(batches).filter_map(mean).collect()
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
    }
}
