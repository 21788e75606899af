//! What is to be measured, and how.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::arrivals::Arrivals;
use super::clock::SECOND;
use super::lengths::Lengths;
use super::nonce::Nonce;
use super::openai::Api;
use super::prompts::Prompts;
use super::record::Phase;
use super::target::Target;

/// How requests are issued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "loop", rename_all = "lowercase")]
pub enum Load {
    /// Each of so many streams sends its next request when its last one has ended: the load falls when the server slows
    /// down, so it finds the throughput and not what users wait.
    Closed {
        /// Streams.
        concurrency: u32,
    },
    /// Requests are sent when they are due, whatever the server does.
    Open {
        /// When they are due.
        arrivals: Arrivals,
    },
}

/// How much.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Amount {
    /// That many requests.
    Requests(u64),
    /// The requests due in so many seconds.
    Seconds(f64),
}

/// A latency that an objective can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Time to first token.
    Ttft,
    /// Time per output token of a request.
    Tpot,
    /// Time from token to token.
    Itl,
    /// Time to the last token.
    E2e,
    /// Longest gap of a request.
    Stall,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ttft, Self::Tpot, Self::Itl, Self::E2e, Self::Stall];

    /// The word used in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ttft => "ttft",
            Self::Tpot => "tpot",
            Self::Itl => "itl",
            Self::E2e => "e2e",
            Self::Stall => "stall",
        }
    }
}

/// A part of a service level objective: the share `percentile` of requests has `metric` at or below `limit_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// What.
    pub metric: Metric,
    /// Share of requests, 0 to 1.
    pub percentile: f64,
    /// Limit in ms.
    pub limit_ms: f64,
}

impl std::fmt::Display for Objective {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // 0.95 × 100 is not quite 95.
        let percentile = (self.percentile * 1e6).round() / 1e4;
        write!(f, "{} p{percentile} <= {} ms", self.metric.as_str(), self.limit_ms)
    }
}

/// Most objectives of a run.
pub const MAX_OBJECTIVES: usize = 8;

/// Reads objectives such as `ttft=500,itl.p99=80ms,e2e=10s`: limits in ms unless the unit is given, of p95 unless another
/// percentile is.
///
/// # Errors
/// Names the part that is not of this form.
pub fn parse_objectives(text: &str) -> Result<Vec<Objective>, String> {
    let mut objectives = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let bad = || format!("`{part}` is no objective; give one such as `ttft=500ms` or `itl.p99=80ms`");
        let (name, limit) = part.split_once('=').ok_or_else(bad)?;
        let (name, percentile) = match name.split_once(".p") {
            None => (name, 0.95),
            Some((name, digits)) => {
                // 95 → 0.95, 999 → 0.999, 99.9 → 0.999
                let digits: String = digits.chars().filter(|c| *c != '.').collect();
                let share: f64 = format!("0.{digits}").parse().map_err(|_| bad())?;
                (name, share)
            }
        };
        let metric = Metric::ALL.into_iter().find(|metric| metric.as_str() == name).ok_or_else(bad)?;
        let (number, unit) = match limit.trim() {
            limit if limit.ends_with("ms") => (limit.trim_end_matches("ms"), 1.0),
            limit if limit.ends_with('s') => (limit.trim_end_matches('s'), 1000.0),
            limit => (limit, 1.0),
        };
        let limit: f64 = number.trim().parse().map_err(|_| bad())?;
        if !(limit.is_finite() && limit > 0.0 && percentile > 0.0 && percentile < 1.0) {
            return Err(bad());
        }
        objectives.push(Objective { metric, percentile, limit_ms: limit * unit });
    }
    if objectives.is_empty() || objectives.len() > MAX_OBJECTIVES {
        return Err(format!("give one to {MAX_OBJECTIVES} objectives, such as `ttft=500ms,itl=50ms`"));
    }
    Ok(objectives)
}

/// A run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server.
    pub target: Target,
    /// Interface.
    pub api: Api,
    /// Name of the model; `None` for the first that the server lists.
    pub model: Option<String>,
    /// What is asked.
    pub prompts: Prompts,
    /// Tokens of each reply; of replies of several lengths, their mean.
    pub output_tokens: u32,
    /// Lengths of prompts, where they are drawn; those of a trace come first.
    pub prompt_lengths: Option<Lengths>,
    /// Lengths of replies, where they are drawn.
    pub output_lengths: Option<Lengths>,
    /// Turns of a conversation, each of which sends all before it again; 1 for single requests. For closed loops.
    pub turns: u32,
    /// Ask servers to go on after the end-of-sequence token.
    pub ignore_eos: bool,
    /// Sampling temperature.
    pub temperature: f64,
    /// How requests are issued.
    pub load: Load,
    /// Before measuring.
    pub warmup: Amount,
    /// Measured.
    pub extent: Amount,
    /// Keep up the load until the last measured request has ended.
    pub cooldown: bool,
    /// Measure beyond `extent`, up to this many times it, until enough is known: see [`Precision`].
    pub precision: Option<Precision>,
    /// End as soon as no continuation could meet the objectives: for a search, which then looks elsewhere.
    pub give_up_early: bool,
    /// Limit of a request.
    pub timeout: Duration,
    /// How long to wait for a server that is not ready, at most.
    pub wait: Duration,
    /// Requests under way beyond which an open loop sends no more; they count as dropped.
    pub max_in_flight: usize,
    /// Service level objective.
    pub objectives: Vec<Objective>,
    /// Share of requests that may fail.
    pub error_share: f64,
    /// Seed of arrivals.
    pub seed: u64,
    /// What the prompts are made from; `None` for a fresh one in each run.
    pub nonce: Option<Nonce>,
    /// Threads that send, each with connections of its own.
    pub threads: usize,
    /// CPUs that the threads are bound to, in turn; none to leave that to the kernel.
    pub cpus: Vec<usize>,
    /// Seconds between reads of the server's `/metrics`; 0 for none.
    pub scrape_every: f64,
    /// First process of the server, where it is known; `None` to look for it by the address.
    pub leader: Option<i32>,
    /// Keep the raw record of every request.
    pub keep_records: bool,
}

impl Amount {
    /// So many times as much.
    pub(crate) fn times(self, factor: f64) -> Self {
        match self {
            Self::Requests(requests) => Self::Requests((requests as f64 * factor) as u64),
            Self::Seconds(seconds) => Self::Seconds(seconds * factor),
        }
    }
}

/// When a run may stop early, or must go on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Precision {
    /// Half the width of the interval of the mean and of p95 of TTFT and E2E, as a share of the value.
    pub share: f64,
    /// At most so many times the extent is measured.
    pub most: f64,
}

impl Plan {
    /// True if there are objectives, all of the same percentile: then one share of requests stands for all of them.
    pub(crate) fn has_joint_percentile(&self) -> bool {
        let mut percentiles = self.objectives.iter().map(|objective| objective.percentile);
        percentiles.next().is_some_and(|first| percentiles.all(|other| other == first))
    }

    /// A closed loop against `target` with the defaults of the command line.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            api: Api::Completions,
            model: None,
            prompts: Prompts::Synthetic { tokens: 128, shared: 0.0 },
            output_tokens: 64,
            prompt_lengths: None,
            output_lengths: None,
            turns: 1,
            ignore_eos: true,
            temperature: 0.0,
            load: Load::Closed { concurrency: 4 },
            warmup: Amount::Requests(8),
            extent: Amount::Requests(50),
            cooldown: true,
            precision: None,
            give_up_early: false,
            timeout: Duration::from_secs(300),
            wait: Duration::ZERO,
            max_in_flight: 4096,
            objectives: Vec::new(),
            error_share: 0.01,
            seed: 1,
            nonce: None,
            threads: 1,
            cpus: Vec::new(),
            scrape_every: 1.0,
            leader: None,
            keep_records: false,
        }
    }
}

/// Tells the phase of each request, asked in the order in which they are due.
#[derive(Debug)]
pub(crate) struct PhaseClock {
    warmup: Amount,
    extent: Amount,
    /// Requests seen so far.
    seen: u64,
    /// Number and time of the first measured request.
    begun: Option<(u64, u64)>,
    /// Time of the latest measured request.
    latest: u64,
    ended: bool,
}

impl PhaseClock {
    pub(crate) fn new(warmup: Amount, extent: Amount) -> Self {
        Self { warmup, extent, seen: 0, begun: None, latest: 0, ended: false }
    }

    /// The phase of a request that is due `time` ns after the start.
    pub(crate) fn next(&mut self, time: u64) -> Phase {
        let number = self.seen;
        self.seen += 1;
        if self.ended {
            return Phase::Cooldown;
        }
        let Some((first, start)) = self.begun else {
            if !reached(self.warmup, number, time) {
                return Phase::Warmup;
            }
            // By the plan where it gives a time, so that two runs measure the same part of a schedule.
            let start = match self.warmup {
                Amount::Seconds(seconds) => (seconds * SECOND as f64) as u64,
                Amount::Requests(_) => time,
            };
            self.begun = Some((number, start));
            if reached(self.extent, 0, time.saturating_sub(start)) {
                self.ended = true;
                return Phase::Cooldown;
            }
            self.latest = time;
            return Phase::Measured;
        };
        if reached(self.extent, number - first, time.saturating_sub(start)) {
            self.ended = true;
            return Phase::Cooldown;
        }
        self.latest = time;
        Phase::Measured
    }

    /// Ends the measured part before the next request, and with the latest one.
    pub(crate) fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.extent = Amount::Requests(0);
        }
    }

    /// True once so much was measured as `amount` says.
    pub(crate) fn has_measured(&self, amount: Amount) -> bool {
        self.begun.is_some_and(|(first, start)| {
            reached(amount, self.seen.saturating_sub(first), self.latest.saturating_sub(start))
        })
    }

    /// True once no further request will be measured.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended
    }

    /// The measured window in ns from the start: from when the first measured request was due to the end of the extent or,
    /// where that is a number of requests, to when the last was due.
    pub(crate) fn window(&self) -> Option<(u64, u64)> {
        let (_, start) = self.begun?;
        let end = match self.extent {
            Amount::Seconds(seconds) if self.ended => start + (seconds * SECOND as f64) as u64,
            _ => self.latest,
        };
        Some((start, end))
    }
}

fn reached(amount: Amount, requests: u64, time: u64) -> bool {
    match amount {
        Amount::Requests(wanted) => requests >= wanted,
        Amount::Seconds(wanted) => time as f64 >= wanted * SECOND as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_in_all_forms() {
        let objectives = parse_objectives("ttft=500, itl.p99=80ms,e2e.p99.9=10s,stall.p999=1.5").unwrap();
        let read: Vec<(Metric, f64, f64)> =
            objectives.iter().map(|o| (o.metric, o.percentile, o.limit_ms)).collect();
        assert_eq!(
            read,
            [
                (Metric::Ttft, 0.95, 500.0),
                (Metric::Itl, 0.99, 80.0),
                (Metric::E2e, 0.999, 10_000.0),
                (Metric::Stall, 0.999, 1.5)
            ]
        );
        for bad in ["", "ttft", "ttfb=3", "ttft=x", "ttft=-1", "ttft.p=3", "itl.p0=1", "ttft=0"] {
            assert!(parse_objectives(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn phases_by_number() {
        let mut clock = PhaseClock::new(Amount::Requests(2), Amount::Requests(3));
        let phases: Vec<Phase> = (0..7).map(|n| clock.next(n * 10)).collect();
        use Phase::{Cooldown, Measured, Warmup};
        assert_eq!(phases, [Warmup, Warmup, Measured, Measured, Measured, Cooldown, Cooldown]);
        assert_eq!(clock.window(), Some((20, 40)));
        assert!(clock.is_ended());
    }

    #[test]
    fn phases_by_time() {
        let mut clock = PhaseClock::new(Amount::Seconds(1.0), Amount::Seconds(2.0));
        let phases: Vec<Phase> = (0..8).map(|n| clock.next(n * SECOND / 2 + 1)).collect();
        assert_eq!(phases.iter().filter(|phase| **phase == Phase::Measured).count(), 4);
        assert_eq!(phases[1], Phase::Warmup);
        assert_eq!(phases[6], Phase::Cooldown);
        assert_eq!(clock.window(), Some((SECOND, 3 * SECOND)));
        // A gap longer than everything leaves nothing measured.
        let mut clock = PhaseClock::new(Amount::Seconds(1.0), Amount::Seconds(1.0));
        assert_eq!([clock.next(0), clock.next(9 * SECOND)], [Phase::Warmup, Phase::Cooldown]);
    }
}
