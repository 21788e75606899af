//! How long a cache line takes from one CPU to another: two threads change one value in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use plumb_evidence::CpuSet;
use serde::Serialize;

use super::super::placement::pin;
use super::super::{NoiseError, Stop};
use super::chase::median;

/// Round trips of a sample.
const TRIPS: u32 = 1000;
/// Samples of a pair.
const SAMPLES: usize = 30;

/// Two CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CorePair {
    /// The one.
    pub a: u32,
    /// The other.
    pub b: u32,
    /// One way in ns: half of a round trip, the median over samples of 1000.
    pub ns: f64,
}

/// A line of its own.
#[repr(align(128))]
struct Line(AtomicU32);

/// Measures all pairs, one after the other.
pub(in super::super) fn core_to_core(cpus: &CpuSet, stop: &Stop) -> Result<Vec<CorePair>, NoiseError> {
    let mut pairs = Vec::new();
    for a in cpus.iter() {
        for b in cpus.iter().filter(|&b| b > a) {
            if stop() {
                return Ok(pairs);
            }
            if let Some(ns) = pair(a, b, stop)? {
                pairs.push(CorePair { a, b, ns });
            }
        }
    }
    Ok(pairs)
}

/// `None` if it was stopped.
fn pair(a: u32, b: u32, stop: &Stop) -> Result<Option<f64>, NoiseError> {
    let line = Arc::new(Line(AtomicU32::new(0)));
    let over = Arc::new(AtomicBool::new(false));
    let other = {
        let (line, over, stop) = (Arc::clone(&line), Arc::clone(&over), Stop::clone(stop));
        std::thread::spawn(move || {
            pin(b)?;
            while !over.load(Ordering::Relaxed) && hand_over(&line, 1, 0, &over, &stop) {}
            Ok::<_, NoiseError>(())
        })
    };
    let one = {
        let (line, over, stop) = (Arc::clone(&line), Arc::clone(&over), Stop::clone(stop));
        std::thread::spawn(move || {
            let placed = pin(a);
            let mut samples = Vec::with_capacity(SAMPLES);
            // The first one warms up.
            for sample in 0..=SAMPLES {
                let begun = Instant::now();
                let whole = placed.is_ok() && (0..TRIPS).all(|_| hand_over(&line, 0, 1, &over, &stop));
                if !whole {
                    break;
                }
                if sample > 0 {
                    samples.push(begun.elapsed().as_secs_f64() * 1e9 / f64::from(TRIPS) / 2.0);
                }
            }
            over.store(true, Ordering::Relaxed);
            placed.map(|()| median(samples))
        })
    };
    let placed = other.join().map_err(|_| NoiseError::Thread(b))?;
    if placed.is_err() {
        over.store(true, Ordering::Relaxed);
    }
    let result = one.join().map_err(|_| NoiseError::Thread(a))?;
    placed?;
    result
}

/// Waits for `from`, puts `to` in its place; false if it is over.
fn hand_over(line: &Line, from: u32, to: u32, over: &AtomicBool, stop: &Stop) -> bool {
    loop {
        for _ in 0..100_000 {
            if line.0.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                return true;
            }
        }
        if over.load(Ordering::Relaxed) || stop() {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_measurement_ends() {
        let stop: Stop = Arc::new(|| true);
        assert_eq!(core_to_core(&[0, 1].into_iter().collect(), &stop).unwrap(), []);
        let stop: Stop = Arc::new(|| false);
        // One CPU has nobody to talk to.
        assert_eq!(core_to_core(&std::iter::once(0).collect(), &stop).unwrap(), []);
    }
}
