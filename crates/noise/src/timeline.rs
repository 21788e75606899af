//! Lost time over the run, slice by slice: what a map of CPUs over time shows.

use plumb_evidence::model::NoiseTimeline;

/// At most so many slices.
const SLICES: u64 = 120;
/// A slice is at least so long, in ns: shorter ones would say less than the gaps themselves.
const SHORTEST_NS: u64 = 10_000_000;

/// Lost ticks by slice.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    /// Reading of the counter at the start of the run.
    zero: u64,
    /// Length of a slice.
    slice: u64,
    slice_ns: u64,
    lost: Vec<u64>,
    outside: Vec<u64>,
    preempted_ns: Vec<u64>,
}

impl Timeline {
    /// For a run of `length_ns` from the moment when the counter was at `zero`.
    pub(super) fn new(zero: u64, length_ns: u64, rate: f64) -> Self {
        let slice_ns = length_ns.div_ceil(SLICES).max(SHORTEST_NS);
        let count = usize::try_from(length_ns.div_ceil(slice_ns)).unwrap_or(1).max(1);
        let slice = ((slice_ns as f64 * rate) as u64).max(1);
        Self {
            zero,
            slice,
            slice_ns,
            lost: vec![0; count],
            outside: vec![0; count],
            preempted_ns: vec![0; count],
        }
    }

    fn index(&self, tick: u64) -> usize {
        let index = tick.saturating_sub(self.zero) / self.slice;
        usize::try_from(index).unwrap_or(usize::MAX).min(self.lost.len() - 1)
    }

    /// Adds a gap, during which other threads ran for `away_ns`; one that crosses the end of a slice is shared out. What is
    /// beyond the end of the run is the last slice's.
    pub(super) fn add(&mut self, begin: u64, ticks: u64, in_kernel: bool, away_ns: u64) {
        let end = begin + ticks;
        let last = self.lost.len() - 1;
        let mut from = begin;
        while from < end {
            let index = self.index(from);
            let until = if index == last { end } else { end.min(self.end_of_slice(from)) };
            self.lost[index] += until - from;
            if !in_kernel {
                self.outside[index] += until - from;
            }
            if away_ns > 0 {
                self.preempted_ns[index] += (away_ns as f64 * (until - from) as f64 / ticks as f64) as u64;
            }
            from = until;
        }
    }

    /// First tick after the slice that `tick` is in.
    fn end_of_slice(&self, tick: u64) -> u64 {
        self.zero + (tick.saturating_sub(self.zero) / self.slice + 1) * self.slice
    }

    /// Cuts slices off that a run did not reach.
    pub(super) fn stop_at(&mut self, tick: u64) {
        let count = self.index(tick.saturating_sub(1)) + 1;
        for list in [&mut self.lost, &mut self.outside, &mut self.preempted_ns] {
            list.truncate(count);
        }
    }

    /// In µs, by the measured rate of the counter.
    pub(super) fn finish(&self, rate: f64) -> NoiseTimeline {
        // Tenths of a microsecond: more digits are noise of their own, and 128 CPUs have 46,000 of these numbers.
        let tenths = |us: f64| (us * 10.0).round() / 10.0;
        let micros = |list: &[u64]| list.iter().map(|&ticks| tenths(ticks as f64 / rate / 1e3)).collect();
        NoiseTimeline {
            slice_ms: self.slice_ns as f64 / 1e6,
            lost_us: micros(&self.lost),
            outside_us: micros(&self.outside),
            preempted_us: self.preempted_ns.iter().map(|&ns| tenths(ns as f64 / 1e3)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_shared_out_among_its_slices() {
        // 1 s in slices of 10 ms, a tick per ns.
        let mut timeline = Timeline::new(1000, 1_000_000_000, 1.0);
        timeline.add(1000 + 9_000_000, 12_000_000, true, 6_000_000);
        timeline.add(1000 + 995_000_000, 20_000_000, false, 0);
        let done = timeline.finish(1.0);
        assert_eq!((done.lost_us.len(), done.slice_ms), (100, 10.0));
        assert_eq!(&done.lost_us[..4], [1000.0, 10_000.0, 1000.0, 0.0]);
        // A gap that outlasts the run is whole in the last slice.
        assert_eq!((done.lost_us[99], done.outside_us[99], done.outside_us[1]), (20_000.0, 20_000.0, 0.0));
        assert_eq!(&done.preempted_us[..3], [500.0, 5000.0, 500.0]);
    }

    #[test]
    fn slices_are_bounded_and_end_with_the_run() {
        for (length, count) in [(1_000_u64, 1), (100_000_000, 10), (3_600_000_000_000, 120)] {
            assert_eq!(Timeline::new(0, length, 2.6).lost.len(), count);
        }
        let mut stopped = Timeline::new(0, 1_000_000_000, 1.0);
        stopped.stop_at(250_000_000);
        assert_eq!(stopped.finish(1.0).lost_us.len(), 25);
    }
}
