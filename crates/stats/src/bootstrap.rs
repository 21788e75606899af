//! Bootstrap intervals for samples that come in blocks.

use super::{Interval, Random, quantile::quantile};

/// Percentile interval of a statistic of blocks, each drawn whole and its samples drawn again within it (hierarchical
/// bootstrap): for an experiment whose unit of replication is the block, such as one launch of a server.
///
/// `statistic` gets, for each drawn block, the indices of the samples drawn in it.
#[must_use]
pub fn hierarchical_interval(
    sizes: &[usize],
    rounds: usize,
    confidence: f64,
    seed: u64,
    mut statistic: impl FnMut(&[(usize, Vec<usize>)]) -> Option<f64>,
) -> Option<Interval> {
    if sizes.is_empty() {
        return None;
    }
    let mut random = Random::new(seed);
    let mut values = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let drawn: Vec<(usize, Vec<usize>)> = (0..sizes.len())
            .map(|_| {
                let block = random.below(sizes.len());
                (block, (0..sizes[block]).map(|_| random.below(sizes[block])).collect())
            })
            .collect();
        values.extend(statistic(&drawn));
    }
    interval_of(values, rounds, confidence)
}

fn interval_of(mut values: Vec<f64>, rounds: usize, confidence: f64) -> Option<Interval> {
    values.retain(|value| !value.is_nan());
    if values.len() * 2 < rounds || values.is_empty() {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    Some(Interval { low: quantile(&values, tail)?, high: quantile(&values, 1.0 - tail)?, confidence })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_draw_within_the_drawn_block() {
        let sizes = [3, 5, 2];
        let interval = hierarchical_interval(&sizes, 50, 0.9, 4, |drawn| {
            assert_eq!(drawn.len(), sizes.len());
            for (block, indices) in drawn {
                assert_eq!(indices.len(), sizes[*block]);
                assert!(indices.iter().all(|&index| index < sizes[*block]));
            }
            Some(1.0)
        });
        assert_eq!(interval, Some(Interval { low: 1.0, high: 1.0, confidence: 0.9 }));
    }
}
