//! The busy loop: what takes the CPU away from a thread that never gives it up.

use std::fs::File;
use std::os::unix::fs::FileExt;

use hdrhistogram::Histogram;
use nix::sys::resource::{UsageWho, getrusage};

use super::clock::Moment;
use super::cpu::{SelfTest, kernel_was_entered, mark, ticks};
use super::timeline::Timeline;

/// Gaps of a kind that are kept with their times, for joining them with what the kernel traced: 1 MiB.
const EVENTS: usize = 65_536;
/// A gap in which the kernel did not run is kept from here on: in virtual machines there are thousands of shorter ones. And
/// the shortest gap that may hold another thread, for which the scheduler is asked.
const LONG_FROM_NS: f64 = 2000.0;

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

/// A gap with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Reading of the counter before it.
    pub(super) begin: u64,
    /// Length in ticks, times two, plus one if the kernel ran.
    packed: u64,
}

impl Event {
    pub(super) fn new(begin: u64, ticks: u64, kernel: bool) -> Self {
        Self { begin, packed: ticks << 1 | u64::from(kernel) }
    }

    pub(super) fn ticks(self) -> u64 {
        self.packed >> 1
    }

    pub(super) fn kernel(self) -> bool {
        self.packed & 1 == 1
    }
}

/// The last [`EVENTS`] gaps in which the kernel ran and as many in which it did not: a hypervisor that stops the CPU a
/// thousand times a second would push out what the kernel traced.
#[derive(Clone, Debug)]
pub(super) struct Events {
    /// Gaps in which the kernel ran.
    pub(super) kernel: Ring,
    /// Gaps in which it did not.
    pub(super) outside: Ring,
}

impl Events {
    fn new() -> Self {
        Self { kernel: Ring::new(), outside: Ring::new() }
    }

    fn push(&mut self, event: Event) {
        if event.kernel() {
            self.kernel.push(event);
        } else {
            self.outside.push(event);
        }
    }

    /// All of them, in the order of time.
    pub(super) fn in_order(&self) -> Vec<Event> {
        let mut all: Vec<Event> = self.kernel.iter().chain(self.outside.iter()).collect();
        all.sort_by_key(|event| event.begin);
        all
    }
}

/// The last [`EVENTS`] gaps of one kind.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    ring: Vec<Event>,
    next: usize,
    /// Older ones that made room.
    pub(super) dropped: u64,
}

impl Ring {
    fn new() -> Self {
        // Written once, so that the loop finds the memory there.
        Self { ring: vec![Event { begin: u64::MAX, packed: 0 }; EVENTS], next: 0, dropped: 0 }
    }

    fn push(&mut self, event: Event) {
        let at = self.next % EVENTS;
        self.dropped += u64::from(self.next >= EVENTS);
        self.ring[at] = event;
        self.next += 1;
    }

    /// In the order of time.
    pub(super) fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        let kept = self.next.min(EVENTS);
        (self.next - kept..self.next).map(|at| self.ring[at % EVENTS])
    }
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
    /// Of the kernel's gaps, those in which the thread was ready to run and waited: others ran. Zero of them where the kernel
    /// does not tell.
    pub(super) preempted: Gaps,
    pub(super) timeline: Timeline,
    pub(super) events: Events,
}

/// Memory of one loop, touched before it begins.
pub(super) struct Prepared {
    kernel: Gaps,
    other: Gaps,
    preempted: Gaps,
    events: Events,
    schedstat: Schedstat,
    pub(super) self_test: Option<SelfTest>,
}

impl Prepared {
    pub(super) fn new(self_test: Option<SelfTest>) -> Self {
        Self {
            kernel: Gaps::new(),
            other: Gaps::new(),
            preempted: Gaps::new(),
            events: Events::new(),
            schedstat: Schedstat::open(),
            self_test,
        }
    }
}

/// When a loop runs, and how gaps are told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Ticks per ns.
    pub(super) rate: f64,
    /// Shortest gap, in ns.
    pub(super) threshold_ns: f64,
    /// On the raw monotonic clock, in ns.
    pub(super) begin: u64,
    /// The same.
    pub(super) end: u64,
}

/// Spins until the end of the run or until told to stop.
pub(super) fn spin(prepared: Prepared, run: Run, stop: &(dyn Fn() -> bool + Send + Sync)) -> Spin {
    // The stop flag and the clock are looked at once in so many turns; a turn is about 20 ns.
    const BATCH: u32 = 4096;
    let Prepared { mut kernel, mut other, mut preempted, mut events, schedstat, self_test } = prepared;
    let Run { rate, threshold_ns, .. } = run;
    let threshold = (threshold_ns * rate) as u64;
    let long_from = (LONG_FROM_NS * rate) as u64;
    let attributed = self_test.is_some_and(SelfTest::passed);
    let switches = preemptions();
    let waited = schedstat.waited_ns();
    let begin = Moment::now();
    // Slices are the same moments on all CPUs, however late this thread began.
    let zero = begin.ticks.saturating_sub((begin.ns.saturating_sub(run.begin) as f64 * rate) as u64);
    let length = run.end.saturating_sub(run.begin);
    let last_tick = zero + (length as f64 * rate) as u64;
    let mut timeline = Timeline::new(zero, length, rate);
    let mut turns = 0_u64;
    let mut waited_so_far = waited;
    mark();
    let mut previous = ticks();
    loop {
        for _ in 0..BATCH {
            let now = ticks();
            let gap = now.wrapping_sub(previous);
            if gap > threshold {
                let in_kernel = !attributed || kernel_was_entered();
                let mut end = now;
                let mut away_ns = 0;
                if in_kernel && gap >= long_from {
                    (away_ns, end) = schedstat.waited_since(&mut waited_so_far, now);
                }
                mark();
                let recorded = ticks();
                let gap = end.wrapping_sub(previous);
                if in_kernel {
                    kernel.add(gap, rate);
                } else {
                    other.add(gap, rate);
                }
                if away_ns > 0 {
                    preempted.add(gap, rate);
                }
                timeline.add(previous, gap, in_kernel, away_ns);
                if in_kernel || gap >= long_from {
                    events.push(Event::new(previous, gap, in_kernel));
                }
                previous = ticks();
                // Recording is no part of the next gap, unless it was interrupted itself.
                if previous.wrapping_sub(recorded) > long_from {
                    previous = recorded;
                }
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
    timeline.stop_at(finish.ticks);
    Spin {
        self_test,
        kernel,
        other,
        turns,
        begin,
        end: finish,
        rate: measured,
        drift_ppm: (measured / rate - 1.0) * 1e6,
        waited_ns: waited_so_far.zip(waited).map(|(after, before)| after.saturating_sub(before)),
        preemptions: preemptions().saturating_sub(switches),
        preempted,
        timeline,
        events,
    }
}

/// The scheduler's account of this thread, kept open: it is read while the loop runs.
struct Schedstat {
    file: Option<File>,
    /// Ticks of a reading that nothing interrupts, with room.
    undisturbed: u64,
}

impl Schedstat {
    /// Tries to read more often would not come to an end on a CPU that never leaves the thread alone.
    const TRIES: u32 = 3;

    fn open() -> Self {
        let mut this = Self { file: File::open("/proc/thread-self/schedstat").ok(), undisturbed: 0 };
        let cost = |_| {
            let before = ticks();
            this.waited_ns();
            ticks().wrapping_sub(before)
        };
        this.undisturbed = (0..20).map(cost).min().unwrap_or(0) * 2;
        this
    }

    /// Time that this thread has waited for a CPU since its start.
    fn waited_ns(&self) -> Option<u64> {
        let mut bytes = [0; 96];
        let length = self.file.as_ref()?.read_at(&mut bytes, 0).ok()?;
        let text = std::str::from_utf8(bytes.get(..length)?).ok()?;
        text.split_ascii_whitespace().nth(1)?.parse().ok()
    }

    /// Time waited since the last reading, and the end of the gap that ended at `end`: later, where the thread was put aside
    /// again while it asked.
    fn waited_since(&self, last: &mut Option<u64>, mut end: u64) -> (u64, u64) {
        let mut away = 0;
        for _ in 0..Self::TRIES {
            let begun = ticks();
            let now = self.waited_ns();
            away += now.zip(*last).map_or(0, |(now, before)| now.saturating_sub(before));
            *last = now;
            let asked = ticks();
            if asked.wrapping_sub(begun) <= self.undisturbed {
                break;
            }
            end = asked;
        }
        (away, end)
    }
}

fn preemptions() -> u64 {
    getrusage(UsageWho::RUSAGE_THREAD)
        .ok()
        .and_then(|usage| u64::try_from(usage.involuntary_context_switches()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_keeps_the_latest_gaps_in_order() {
        let mut ring = Ring::new();
        let count = u64::try_from(EVENTS).unwrap() + 3;
        for at in 0..count {
            ring.push(Event::new(at, at * 10, at % 2 == 0));
        }
        assert_eq!(ring.dropped, 3);
        let kept: Vec<Event> = ring.iter().collect();
        assert_eq!((kept.len(), kept[0].begin, kept[0].ticks(), kept[0].kernel()), (EVENTS, 3, 30, false));
        assert!(kept.is_sorted_by_key(|event| event.begin) && kept[1].kernel());
    }

    #[test]
    fn a_hypervisor_that_never_rests_pushes_out_no_gap_of_the_kernel() {
        let mut events = Events::new();
        let count = 3 * u64::try_from(EVENTS).unwrap();
        for at in 0..count {
            events.push(Event::new(2 * at, 1, false));
            if at % 1000 == 0 {
                events.push(Event::new(2 * at + 1, 1, true));
            }
        }
        assert_eq!((events.kernel.dropped, events.kernel.iter().count() as u64), (0, count.div_ceil(1000)));
        assert!(events.outside.dropped > 0);
        let all = events.in_order();
        assert!(all.is_sorted_by_key(|event| event.begin) && all[0].kernel());
    }

    #[test]
    fn a_loop_accounts_for_all_of_its_time() {
        let rate = super::super::clock::calibrate();
        let now = super::super::clock::raw_ns();
        let run = Run { rate, threshold_ns: 200.0, begin: now, end: now + 50_000_000 };
        let spin = spin(Prepared::new(None), run, &|| false);
        // Without the self-test nothing is told apart.
        assert_eq!(spin.other.histogram.len(), 0);
        assert_eq!(spin.events.in_order().len() as u64, spin.kernel.histogram.len());
        let kept: u64 = spin.events.kernel.iter().map(Event::ticks).sum();
        assert_eq!(kept, spin.kernel.sum);
        let timeline = spin.timeline.finish(spin.rate);
        let lost: f64 = timeline.lost_us.iter().sum();
        let beyond = spin
            .events
            .kernel
            .iter()
            .any(|event| event.begin + event.ticks() > spin.begin.ticks + (51e6 * rate) as u64);
        assert!(beyond || (lost * 1e3 - kept as f64 / spin.rate).abs() < 1e3, "{lost} {kept}");
    }
}
