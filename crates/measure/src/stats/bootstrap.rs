//! Bootstrap intervals for samples that come in blocks.

use super::{Interval, Random, quantile::quantile};

/// Percentile interval of `statistic` by the circular block bootstrap (Politis and Romano, 1992): whole blocks of
/// neighbouring samples are drawn, so what dependence there is within a block is kept.
///
/// `block` is the number of samples in a block, for example their number divided by twenty. Rounds in which the statistic
/// has no value are left out. `None` without samples, or where fewer than half of the rounds gave a value.
#[must_use]
pub fn block_interval(
    samples: &[f64],
    block: usize,
    rounds: usize,
    confidence: f64,
    seed: u64,
    mut statistic: impl FnMut(&mut [f64]) -> Option<f64>,
) -> Option<Interval> {
    let n = samples.len();
    if n == 0 {
        return None;
    }
    let block = block.clamp(1, n);
    let mut random = Random::new(seed);
    let mut resample = Vec::with_capacity(n + block);
    let mut values = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        resample.clear();
        while resample.len() < n {
            let start = random.below(n);
            let end = start + block;
            resample.extend_from_slice(&samples[start..end.min(n)]);
            if end > n {
                resample.extend_from_slice(&samples[..end - n]);
            }
        }
        resample.truncate(n);
        values.extend(statistic(&mut resample));
    }
    interval_of(values, rounds, confidence)
}

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

/// Length of a block for `n` samples: n^(2/3) / 2 in steps of the block bootstrap's theory for variances, at least 1 and
/// such that ten blocks fit.
#[must_use]
pub fn block_length(n: usize) -> usize {
    let length = (n as f64).powf(2.0 / 3.0) / 2.0;
    (length.round() as usize).clamp(1, (n / 10).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::mean;

    #[test]
    fn blocks_keep_the_dependence_that_single_draws_lose() {
        let mut random = Random::new(21);
        let (rounds, rho) = (200, 0.8);
        let (mut blocks, mut single) = (0, 0);
        for round in 0..rounds {
            let mut x = 0.0;
            let samples: Vec<f64> = (0..1000)
                .map(|_| {
                    x = rho * x + random.normal();
                    x
                })
                .collect();
            let covers = |block| {
                let interval = block_interval(&samples, block, 200, 0.95, round, |s| mean(s)).unwrap();
                usize::from(interval.contains(0.0))
            };
            blocks += covers(50);
            single += covers(1);
        }
        let share = |count: usize| count as f64 / rounds as f64;
        assert!(share(blocks) > 0.87, "{}", share(blocks));
        assert!(share(single) < 0.65, "{}", share(single));
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let samples: Vec<f64> = (0..100).map(f64::from).collect();
        let run = |seed| block_interval(&samples, 5, 100, 0.9, seed, |s| mean(s)).unwrap();
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        assert_eq!(block_interval(&[], 5, 100, 0.9, 1, |s| mean(s)), None);
    }

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
