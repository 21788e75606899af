//! From tracepoints to spans of time: what ran on a CPU instead of the loop, and for how long, without what ran inside of it.

use std::collections::BTreeMap;

use super::format::Point;

/// Spans that are kept for one CPU; 24 MiB.
const MOST: usize = 1_000_000;

/// Something that ran instead of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Span {
    /// On the raw monotonic clock, in ns.
    pub(in super::super) begin: u64,
    pub(in super::super) end: u64,
    /// Without what interrupted it.
    pub(in super::super) net_ns: u64,
    /// Index into [`Follow::names`].
    pub(in super::super) cause: usize,
}

struct Open {
    begin: u64,
    inner: u64,
    cause: usize,
    /// A thread, which ends with the next switch; everything else ends with its own exit.
    thread: bool,
}

/// Follows one CPU.
#[derive(Default)]
pub(in super::super) struct Follow {
    /// The thread that loops.
    thread: i32,
    /// In the order in which they ended.
    pub(in super::super) spans: Vec<Span>,
    names: Vec<String>,
    by_name: BTreeMap<String, usize>,
    stack: Vec<Open>,
    /// Records that the kernel's buffer or this list had no room for.
    pub(in super::super) lost: u64,
}

impl Follow {
    pub(super) fn of(thread: i32) -> Self {
        Self { thread, ..Self::default() }
    }

    /// As if this had been traced: name, begin, end, net time.
    #[cfg(test)]
    pub(in super::super) fn with_spans(spans: &[(&str, u64, u64, u64)]) -> Self {
        let mut follow = Self::default();
        for &(name, begin, end, net_ns) in spans {
            let cause = follow.cause(name.to_owned());
            follow.spans.push(Span { begin, end, net_ns, cause });
        }
        follow
    }

    pub(in super::super) fn name(&self, cause: usize) -> &str {
        self.names.get(cause).map_or("", String::as_str)
    }

    pub(super) fn see(&mut self, at: u64, point: Point) {
        match point {
            Point::Enter(name) => {
                let cause = self.cause(name);
                self.stack.push(Open { begin: at, inner: 0, cause, thread: false });
            }
            Point::Leave => {
                // One without a beginning was under way when tracing began.
                if self.stack.last().is_some_and(|open| !open.thread) {
                    self.close(at);
                }
            }
            Point::Switch { next, comm } => {
                // An interrupt ends before the switch; what is still open lost its end.
                while !self.stack.is_empty() {
                    self.close(at);
                }
                if next != self.thread {
                    let idle = next == 0;
                    let cause = self.cause(if idle { "idle".to_owned() } else { format!("thread {comm}") });
                    self.stack.push(Open { begin: at, inner: 0, cause, thread: true });
                }
            }
            Point::Nmi { ns } => {
                let cause = self.cause("NMI".to_owned());
                self.stack.push(Open { begin: at.saturating_sub(ns), inner: 0, cause, thread: false });
                self.close(at);
            }
        }
    }

    fn cause(&mut self, name: String) -> usize {
        let next = self.names.len();
        let index = *self.by_name.entry(name.clone()).or_insert(next);
        if index == next {
            self.names.push(name);
        }
        index
    }

    fn close(&mut self, at: u64) {
        let Some(open) = self.stack.pop() else { return };
        let length = at.saturating_sub(open.begin);
        if let Some(outer) = self.stack.last_mut() {
            outer.inner += length;
        }
        if self.spans.len() == MOST {
            self.lost += 1;
            return;
        }
        let net_ns = length.saturating_sub(open.inner);
        self.spans.push(Span { begin: open.begin, end: at, net_ns, cause: open.cause });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(points: &[(u64, Point)]) -> Vec<(String, u64, u64, u64)> {
        let mut follow = Follow::of(7);
        for (at, point) in points {
            follow.see(*at, point.clone());
        }
        follow
            .spans
            .iter()
            .map(|span| (follow.name(span.cause).to_owned(), span.begin, span.end, span.net_ns))
            .collect()
    }

    fn enter(name: &str) -> Point {
        Point::Enter(name.to_owned())
    }

    fn switch(next: i32, comm: &str) -> Point {
        Point::Switch { next, comm: comm.to_owned() }
    }

    #[test]
    fn time_of_what_is_nested_is_not_counted_twice() {
        let spans = follow(&[
            (5, Point::Leave),
            (10, switch(9, "kworker")),
            (20, enter("irq local_timer")),
            (25, Point::Nmi { ns: 3 }),
            (30, Point::Leave),
            (40, enter("softirq TIMER")),
            (45, enter("irq disk")),
            (47, Point::Leave),
            (50, Point::Leave),
            (60, switch(7, "loop")),
        ]);
        let expected = [
            ("NMI", 22, 25, 3),
            ("irq local_timer", 20, 30, 7),
            ("irq disk", 45, 47, 2),
            ("softirq TIMER", 40, 50, 8),
            ("thread kworker", 10, 60, 30),
        ];
        let expected: Vec<_> =
            expected.into_iter().map(|(name, a, b, c)| (name.to_owned(), a, b, c)).collect();
        assert_eq!(spans, expected);
        assert_eq!(spans.iter().map(|(.., net)| net).sum::<u64>(), 50);
    }

    #[test]
    fn the_loop_itself_is_no_span() {
        let spans = follow(&[(0, switch(7, "loop")), (9, switch(0, "swapper/1")), (12, switch(7, "loop"))]);
        assert_eq!(spans, [("idle".to_owned(), 9, 12, 3)]);
    }
}
