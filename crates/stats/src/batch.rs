//! Neighbouring samples as one.

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
