//! The busy loop: what takes the CPU away from a thread that never gives it up.

use hdrhistogram::Histogram;
use nix::sys::resource::{UsageWho, getrusage};

use super::clock::Moment;
use super::cpu::{SelfTest, kernel_was_entered, mark, self_test, ticks};

/// Gaps of one kind.
#[derive(Clone, Debug)]
pub(super) struct Gaps {
    /// In ns, two significant digits.
    pub(super) histogram: Histogram<u32>,
    /// Exact sum in ticks.
    pub(super) sum: u64,
    /// Longest in ticks.
    pub(super) max: u64,
}

impl Gaps {
    fn new() -> Self {
        let mut histogram = new_histogram();
        // Touched once, so that the first gap finds its memory there.
        histogram.saturating_record(1);
        histogram.saturating_record(u64::MAX);
        histogram.clear();
        Self { histogram, sum: 0, max: 0 }
    }

    fn add(&mut self, ticks: u64, rate: f64) {
        self.sum += ticks;
        self.max = self.max.max(ticks);
        self.histogram.saturating_record((ticks as f64 / rate) as u64);
    }
}

/// 1 ns to 60 s with two significant digits: 15 kB.
pub(super) fn new_histogram() -> Histogram<u32> {
    Histogram::new_with_bounds(1, 60_000_000_000, 2)
        .unwrap_or_else(|_| unreachable!("the bounds are constant and valid"))
}

/// What the loop saw on one CPU.
#[derive(Clone, Debug)]
pub(super) struct Spin {
    pub(super) self_test: Option<SelfTest>,
    /// Gaps in which the kernel ran, or all gaps where that cannot be told.
    pub(super) kernel: Gaps,
    /// Gaps in which it did not.
    pub(super) other: Gaps,
    /// Turns of the loop.
    pub(super) turns: u64,
    pub(super) begin: Moment,
    pub(super) end: Moment,
    /// Ticks per ns over the whole run.
    pub(super) rate: f64,
    /// Against the calibration before, in parts per million.
    pub(super) drift_ppm: f64,
    /// Time that the thread was runnable and did not run, in ns; `None` where the kernel does not tell.
    pub(super) waited_ns: Option<u64>,
    /// Times that the CPU was taken from it.
    pub(super) preemptions: u64,
}

/// Spins until `end` (on the raw monotonic clock, in ns) or until told to stop.
pub(super) fn spin(rate: f64, threshold_ns: f64, end: u64, stop: &(dyn Fn() -> bool + Send + Sync)) -> Spin {
    // The stop flag and the clock are looked at once in so many turns; a turn is about 20 ns.
    const BATCH: u32 = 4096;
    let threshold = (threshold_ns * rate) as u64;
    let self_test = self_test();
    let attributed = self_test.is_some_and(SelfTest::passed);
    let (mut kernel, mut other) = (Gaps::new(), Gaps::new());
    let (waited, preempted) = (waited_ns(), preemptions());
    let begin = Moment::now();
    let last_tick = begin.ticks + (end.saturating_sub(begin.ns) as f64 * rate) as u64;
    let mut turns = 0_u64;
    mark();
    let mut previous = ticks();
    loop {
        for _ in 0..BATCH {
            let now = ticks();
            let gap = now.wrapping_sub(previous);
            if gap > threshold {
                if attributed && !kernel_was_entered() {
                    other.add(gap, rate);
                } else {
                    kernel.add(gap, rate);
                }
                mark();
                // Recording is no part of the next gap.
                previous = ticks();
            } else {
                previous = now;
            }
        }
        turns += u64::from(BATCH);
        if previous >= last_tick || stop() {
            break;
        }
    }
    let finish = Moment::now();
    let measured = begin.rate_to(finish);
    Spin {
        self_test,
        kernel,
        other,
        turns,
        begin,
        end: finish,
        rate: measured,
        drift_ppm: (measured / rate - 1.0) * 1e6,
        waited_ns: waited_ns().zip(waited).map(|(after, before)| after.saturating_sub(before)),
        preemptions: preemptions().saturating_sub(preempted),
    }
}

/// Time that this thread has waited for a CPU since its start.
fn waited_ns() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn preemptions() -> u64 {
    getrusage(UsageWho::RUSAGE_THREAD)
        .ok()
        .and_then(|usage| u64::try_from(usage.involuntary_context_switches()).ok())
        .unwrap_or(0)
}
