//! The walk through memory, and the plain read of it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use plumb_stats::Random;

/// Words of 8 bytes in a cache line.
const LINE: usize = 8;
/// Loads between two looks at the clock.
const BATCH: usize = 10_000;

/// Lays a ring through all cache lines, in random order: the first word of each holds the number of the next one's.
///
/// Sattolo's algorithm gives one cycle through all of them; any permutation could fall into short ones.
pub(super) fn lay(words: &mut [u64], seed: u64) {
    let lines = words.len() / LINE;
    let mut order: Vec<u32> = (0..u32::try_from(lines).unwrap_or(u32::MAX)).collect();
    let mut random = Random::new(seed);
    for last in (1..order.len()).rev() {
        order.swap(last, random.below(last));
    }
    for (line, next) in order.into_iter().enumerate() {
        words[line * LINE] = u64::from(next) * LINE as u64;
    }
}

/// Time of a load in ns: the median over batches, so that interruptions are left out. `None` if it was stopped at once.
pub(super) fn walk(words: &[u64], time: Duration, stop: &(dyn Fn() -> bool + Send + Sync)) -> Option<f64> {
    let begun = Instant::now();
    let mut at = 0_usize;
    let mut batches = Vec::new();
    while begun.elapsed() < time && !stop() {
        let batch = Instant::now();
        for _ in 0..BATCH {
            at = usize::try_from(*words.get(at)?).ok()?;
        }
        batches.push(batch.elapsed().as_secs_f64() * 1e9 / BATCH as f64);
    }
    black_box(at);
    median(batches)
}

/// Sequential reads in GB/s: the median over passes of 1 MiB or more.
pub(super) fn read(words: &[u64], time: Duration, stop: &(dyn Fn() -> bool + Send + Sync)) -> Option<f64> {
    const CHUNK: usize = 8 << 20 >> 3;
    let begun = Instant::now();
    let mut rates = Vec::new();
    while begun.elapsed() < time && !stop() {
        for chunk in words.chunks_exact(CHUNK.min(words.len())) {
            let pass = Instant::now();
            let mut sums = [0_u64; LINE];
            for line in chunk.chunks_exact(LINE) {
                for (sum, word) in sums.iter_mut().zip(line) {
                    *sum = sum.wrapping_add(*word);
                }
            }
            black_box(sums);
            rates.push(size_of_val(chunk) as f64 / pass.elapsed().as_secs_f64().max(1e-9) / 1e9);
        }
    }
    median(rates)
}

pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_goes_through_every_line_once() {
        let mut words = vec![u64::MAX; 1000 * LINE];
        lay(&mut words, 3);
        let (mut at, mut seen) = (0, std::collections::BTreeSet::new());
        while seen.insert(at) {
            at = usize::try_from(words[at]).unwrap();
        }
        assert_eq!((seen.len(), at), (1000, 0));
        // Neighbours are not neighbours in the ring, so that no prefetcher follows.
        let near = (0..1000).filter(|line| words[line * LINE].abs_diff((line * LINE) as u64) <= 8).count();
        assert!(near < 20, "{near}");
    }

    #[test]
    fn a_stopped_walk_has_no_result() {
        let words = vec![0; 64];
        assert_eq!(walk(&words, Duration::from_secs(1), &|| true), None);
        assert!(walk(&words, Duration::from_millis(1), &|| false).unwrap() > 0.0);
        assert!(read(&words, Duration::from_millis(1), &|| false).unwrap() > 0.0);
    }
}
