//! Who took the CPU, and how sure that is.
//!
//! Three labels. `exact`: the kernel itself traced what ran in the gaps. `classified`: gaps of the kernel were told from
//! others by the processor, and their number agrees with the counted interrupts and preemptions. `unattributed`: neither.

use std::collections::BTreeMap;

use plumb_evidence::model::{InterruptCount, Window};
use serde::Serialize;

use super::gaps::{Event, Gaps, Spin};
use super::trace::{Follow, Span};

/// Kernel gaps and counted events may differ by this share before names are withdrawn.
const BALANCE: f64 = 0.05;
/// Clocks of gaps and of tracepoints are the same; their readings are this far apart at most.
const TOLERANCE_NS: u64 = 1500;

/// How sure a cause is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// Traced by the kernel itself.
    Exact,
    /// Told by the processor's marker, or by counters that agree with the gaps.
    Classified,
    /// Counted meanwhile; whether it caused gaps is not known.
    #[default]
    Unattributed,
}

impl Label {
    /// The word of the JSON form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Classified => "classified",
            Self::Unattributed => "unattributed",
        }
    }
}

/// One cause on one CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cause {
    /// How sure it is.
    pub label: Label,
    /// Number of times.
    pub count: u64,
    /// Time that it took in ms, without what interrupted it; `None` where only its number is known.
    pub sum_ms: Option<f64>,
    /// Longest in µs.
    pub max_us: Option<f64>,
}

impl Cause {
    pub(super) fn of_gaps(label: Label, gaps: &Gaps, rate: f64) -> Self {
        Self {
            label,
            count: gaps.histogram.len(),
            sum_ms: Some(gaps.sum as f64 / rate / 1e6),
            max_us: Some(gaps.max as f64 / rate / 1e3),
        }
    }

    pub(super) fn counted(label: Label, count: u64) -> Self {
        Self { label, count, sum_ms: None, max_us: None }
    }
}

/// Lines of `/proc/interrupts` that are no interrupts of their own: totals, errors, counts of what was done in others.
const NO_INTERRUPTS: [&str; 6] = ["TLB", "MCP", "ERR", "MIS", "PIN", "RTR"];

/// Interrupts of a CPU: lines that are interrupts of their own, with the CPU's count.
pub(super) fn interrupts(window: &Window, cpu: u32) -> impl Iterator<Item = (&InterruptCount, u64)> {
    let lines = window.interrupts.known().into_iter().flatten();
    lines
        .filter(|line| !NO_INTERRUPTS.contains(&line.irq.as_str()))
        .map(move |line| (line, line.counts.get(&cpu).copied().unwrap_or(0)))
}

/// Whether the kernel's gaps are as many as interrupts and preemptions make.
///
/// Each interrupt makes a gap, unless it came while other threads ran; each preemption makes one, or is part of that of the
/// interrupt that it began with.
pub(super) fn balances(gaps: u64, interrupts: u64, preemptions: u64, waited_share: f64) -> bool {
    let (gaps, interrupts, preemptions) = (gaps as f64, interrupts as f64, preemptions as f64);
    let slack = (BALANCE * interrupts).max(2.0);
    let most = interrupts + preemptions + slack;
    let least = interrupts * (1.0 - waited_share.clamp(0.0, 1.0)) - preemptions - slack;
    interrupts > 0.0 && (least..=most).contains(&gaps)
}

/// What the trace says of the gaps of one loop.
#[derive(Debug, Default)]
pub(super) struct Traced {
    /// By cause.
    pub(super) causes: BTreeMap<String, Cause>,
    /// Time of the kernel's gaps that what was traced in them accounts for, in ns.
    pub(super) explained_ns: u64,
    /// Time of all of the kernel's gaps, those that were not kept for the join among them, in ns.
    pub(super) kernel_ns: u64,
    /// Gaps that the processor's marker took for no kernel entry, with something traced in them.
    pub(super) contradicted: u64,
    /// Records lost.
    pub(super) lost: u64,
}

impl Traced {
    /// True if the trace is whole and explains nearly all of the time that the kernel took: of many gaps that are named, the
    /// one that is not may be the longest.
    pub(super) fn is_exact(&self) -> bool {
        self.lost == 0 && self.explained_share().is_some_and(|share| share >= 1.0 - BALANCE)
    }

    /// The share of the time of the kernel's gaps that the trace explains, 0 to 1; `None` without gaps.
    pub(super) fn explained_share(&self) -> Option<f64> {
        (self.kernel_ns > 0).then(|| (self.explained_ns as f64 / self.kernel_ns as f64).min(1.0))
    }
}

/// Joins gaps with what was traced in them.
pub(super) fn join(spin: &Spin, follow: &Follow) -> Traced {
    let to_ns = |ticks: u64| {
        let since = ticks.wrapping_sub(spin.begin.ticks).cast_signed() as f64 / spin.rate;
        spin.begin.ns.saturating_add_signed(since as i64)
    };
    let kernel_ns = (spin.kernel.sum as f64 / spin.rate) as u64;
    join_events(spin.events.in_order().into_iter(), kernel_ns, to_ns, follow)
}

fn join_events(
    events: impl Iterator<Item = Event>,
    kernel_ns: u64,
    to_ns: impl Fn(u64) -> u64,
    follow: &Follow,
) -> Traced {
    let mut spans: Vec<Span> = follow.spans.clone();
    spans.sort_by_key(|span| span.begin);
    let mut traced = Traced { lost: follow.lost, kernel_ns, ..Traced::default() };
    let mut by_cause: BTreeMap<usize, (u64, u64, u64)> = BTreeMap::new();
    let mut at = 0;
    for event in events {
        let begin = to_ns(event.begin).saturating_sub(TOLERANCE_NS);
        let end = to_ns(event.begin + event.ticks()) + TOLERANCE_NS;
        // Outer spans begin first and may end last, but none outlasts its gap.
        while spans.get(at).is_some_and(|span| span.begin < begin) {
            at += 1;
        }
        let inside = spans.get(at..).unwrap_or_default().iter().take_while(|span| span.begin < end);
        let inside: Vec<&Span> = inside.filter(|span| span.end <= end).collect();
        if event.kernel() {
            let length = to_ns(event.begin + event.ticks()).saturating_sub(to_ns(event.begin));
            let net: u64 = inside.iter().map(|span| span.net_ns).sum();
            // Entry and exit of the kernel belong to what was traced between them.
            let entry = if inside.is_empty() { 0 } else { 2 * TOLERANCE_NS };
            traced.explained_ns += length.min(net + entry);
        } else {
            traced.contradicted += u64::from(!inside.is_empty());
        }
        at += inside.len();
        for span in inside {
            let (count, sum, max) = by_cause.entry(span.cause).or_default();
            *count += 1;
            *sum += span.net_ns;
            *max = span.net_ns.max(*max);
        }
    }
    traced.causes = by_cause
        .into_iter()
        .map(|(cause, (count, sum, max))| {
            let cause_of = Cause {
                label: Label::Exact,
                count,
                sum_ms: Some(sum as f64 / 1e6),
                max_us: Some(max as f64 / 1e3),
            };
            (follow.name(cause).to_owned(), cause_of)
        })
        .collect();
    traced
}

/// Stops without the kernel that hit at least three CPUs at the same time: on bare metal those are system management
/// interrupts, which stop all CPUs of a socket, until something better is known.
pub(super) fn stops_of_many(spins: &[(u32, Spin)]) -> u64 {
    let edges: Vec<(u64, i32)> = spins
        .iter()
        .flat_map(|(_, spin)| {
            spin.events
                .outside
                .iter()
                .flat_map(|event| [(event.begin, 1), (event.begin + event.ticks(), -1)])
                .collect::<Vec<_>>()
        })
        .collect();
    overlaps_of_three(edges)
}

fn overlaps_of_three(mut edges: Vec<(u64, i32)>) -> u64 {
    edges.sort_unstable();
    let (mut open, mut count) = (0, 0);
    for (_, change) in edges {
        open += change;
        count += u64::from(change > 0 && open == 3);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_balance_with_what_was_counted() {
        let cases = [
            // gaps, interrupts, preemptions, share of time waited
            (2512, 2514, 30, 0.0001, true),
            (501, 501, 0, 0.0, true),
            // Half of the time others ran: their interrupts made no gaps.
            (1279, 2516, 1233, 0.49, true),
            (2800, 2514, 30, 0.0, false),
            (2000, 2514, 30, 0.0, false),
            // Nothing was counted: a container hides the counters.
            (500, 0, 0, 0.0, false),
        ];
        for (gaps, interrupts, preemptions, waited, expected) in cases {
            assert_eq!(balances(gaps, interrupts, preemptions, waited), expected, "{gaps} {interrupts}");
        }
    }

    #[test]
    fn gaps_are_named_by_what_was_traced_in_them() {
        let follow = Follow::with_spans(&[
            ("irq local_timer", 10_000, 18_000, 8_000),
            ("softirq TIMER", 18_500, 19_500, 1_000),
            ("irq local_timer", 51_000, 55_000, 4_000),
            ("thread kworker", 50_000, 90_000, 36_000),
            ("irq disk", 200_000, 201_000, 1_000),
        ]);
        let events = [
            Event::new(9_500, 11_000, true),
            Event::new(49_500, 41_000, true),
            Event::new(120_000, 5_000, true),
            Event::new(199_000, 3_000, false),
        ];
        let kernel_ns = 11_000 + 41_000 + 5_000;
        let traced = join_events(events.into_iter(), kernel_ns, |ticks| ticks, &follow);
        assert_eq!((traced.explained_ns, traced.contradicted), (11_000 + 41_000, 1));
        let timer = &traced.causes["irq local_timer"];
        assert_eq!((timer.count, timer.sum_ms, timer.max_us), (2, Some(0.012), Some(8.0)));
        assert_eq!(traced.causes["thread kworker"].sum_ms, Some(0.036));
        assert!(!traced.is_exact(), "5 of 57 µs have no name");
        let of = |lost, explained_ns| Traced { lost, explained_ns, kernel_ns: 100, ..Traced::default() };
        assert!(of(0, 95).is_exact() && !of(0, 94).is_exact() && !of(1, 100).is_exact());
        assert!(!Traced::default().is_exact());
    }

    #[test]
    fn the_longest_gap_counts_by_its_length() {
        // 99 timer interrupts with a name, and one gap of 300 ms of which 12 ms have one: the review's case.
        let mut spans: Vec<(&str, u64, u64, u64)> = (0..99)
            .map(|at| ("irq local_timer", at * 1_000_000 + 1000, at * 1_000_000 + 4000, 3000))
            .collect();
        spans.push(("thread burn", 200_000_000, 212_000_000, 12_000_000));
        let mut events: Vec<Event> = (0..99).map(|at| Event::new(at * 1_000_000, 5000, true)).collect();
        events.push(Event::new(199_999_000, 300_000_000, true));
        let kernel_ns = 99 * 5000 + 300_000_000;
        let traced = join_events(events.into_iter(), kernel_ns, |ticks| ticks, &Follow::with_spans(&spans));
        let share = traced.explained_share().unwrap();
        assert!((0.03..0.06).contains(&share) && !traced.is_exact(), "{share}");
        // What the ring did not keep is not explained.
        let few = [Event::new(0, 5000, true)].into_iter();
        let traced = join_events(few, 10_000, |ticks| ticks, &Follow::with_spans(&spans));
        assert_eq!(traced.explained_share(), Some(0.5));
    }

    #[test]
    fn only_stops_of_three_cpus_at_once_count_as_one() {
        let gap = |begin, end| [(begin, 1), (end, -1)];
        let edges = [
            gap(0, 10),
            gap(2, 9),
            gap(3, 8),
            gap(20, 30),
            gap(22, 25),
            gap(40, 50),
            gap(40, 50),
            gap(41, 44),
            gap(42, 43),
        ];
        assert_eq!(overlaps_of_three(edges.concat()), 2);
    }
}
