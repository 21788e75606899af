//! What is known of one rate, and what that shows.

use plumb_evidence::model::SweepLevel;
use plumb_stats::proportion::wilson;

use crate::summary::CONFIDENCE;

/// Excess on either side of the limit beyond which a level that is not resolved is not measured again: on which side it lies
/// is clear.
pub(super) const CLEAR: f64 = 3.0;

/// Fresh runs that confirm a rate at least.
pub(super) const LEAST_CONFIRMATIONS: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    Fail,
    Unresolved,
}

impl Verdict {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => SweepLevel::MISSED,
            Self::Unresolved => "unresolved",
        }
    }
}

/// What is known of one rate: for each condition, the share that has to hold, and how many held of how many.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Level {
    pub(super) rate: f64,
    pub(super) conditions: Vec<Condition>,
    pub(super) failures: Failures,
    pub(super) runs: u32,
    /// Runs at this rate that do not count here: those that found what these are to confirm.
    pub(super) earlier: u32,
}

/// A share that has to hold, and of how many requests it did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Condition {
    pub(super) wanted: f64,
    pub(super) held: f64,
    /// Requests of which it is not known whether it held: never for a pass, nor for a failure.
    pub(super) open: f64,
    /// Independent requests, to show that it holds.
    pub(super) trials: f64,
    /// The same, to show that it does not.
    pub(super) trials_missed: f64,
}

impl Condition {
    pub(super) fn add(&mut self, other: &Self) {
        self.held += other.held;
        self.open += other.open;
        self.trials += other.trials;
        self.trials_missed += other.trials_missed;
    }
}

/// Requests that failed. To show that fewer than one in a hundred do takes four hundred requests without any, so they are
/// held against a level as counted; the objectives count each of them as a miss anyway.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Failures {
    pub(super) failed: f64,
    pub(super) requests: f64,
    pub(super) allowed: f64,
    /// In which the requests were sent.
    pub(super) seconds: f64,
}

impl Failures {
    pub(super) fn verdict(&self) -> Verdict {
        if self.failed <= self.allowed * self.requests {
            return Verdict::Pass;
        }
        match wilson(self.failed, self.requests, CONFIDENCE) {
            Some(interval) if interval.low > self.allowed => Verdict::Fail,
            _ => Verdict::Unresolved,
        }
    }
}

/// What one run says about a level.
pub(super) type Seen = (Vec<Condition>, Failures);

impl Level {
    pub(super) fn new(rate: f64) -> Self {
        Self { rate, conditions: Vec::new(), failures: Failures::default(), runs: 0, earlier: 0 }
    }

    /// The rate that its runs stand for: no more than what they sent.
    pub(super) fn credited(&self) -> f64 {
        let Failures { requests, seconds, .. } = self.failures;
        if seconds > 0.0 { self.rate.min(requests / seconds) } else { self.rate }
    }

    pub(super) fn add(&mut self, (conditions, failures): &Seen) {
        if self.conditions.is_empty() {
            let none = |new: &Condition| Condition { wanted: new.wanted, ..Condition::default() };
            self.conditions = conditions.iter().map(none).collect();
        }
        for (mine, new) in self.conditions.iter_mut().zip(conditions) {
            mine.add(new);
        }
        self.failures.failed += failures.failed;
        self.failures.requests += failures.requests;
        self.failures.seconds += failures.seconds;
        self.failures.allowed = failures.allowed;
        self.runs += 1;
    }

    pub(super) fn verdict(&self) -> Verdict {
        // Nothing measured is nothing shown.
        let mut verdict =
            if self.conditions.is_empty() { Verdict::Unresolved } else { self.failures.verdict() };
        if verdict == Verdict::Fail {
            return verdict;
        }
        for &Condition { wanted, held, open, trials, trials_missed } in &self.conditions {
            let of = |held: f64, of: f64| wilson(held / trials * of, of, CONFIDENCE);
            let known = of(held, trials);
            let at_best = of((held + open).min(trials), trials_missed);
            let (Some(known), Some(at_best)) = (known, at_best) else {
                return Verdict::Unresolved;
            };
            if at_best.high < wanted {
                return Verdict::Fail;
            }
            if known.low < wanted {
                verdict = Verdict::Unresolved;
            }
        }
        verdict
    }

    /// The worst condition's misses over its allowance.
    pub(super) fn excess(&self) -> f64 {
        let of = |&Condition { wanted, held, trials, .. }: &Condition| {
            (1.0 - held / trials.max(1e-9)) / (1.0 - wanted).max(1e-9)
        };
        self.conditions.iter().map(of).fold(0.0, f64::max)
    }

    pub(super) fn weight(&self) -> f64 {
        self.conditions.iter().map(|condition| condition.trials).fold(f64::MAX, f64::min).max(1.0)
    }

    /// True if fresh runs have shown that it passes.
    pub(super) fn is_confirmed(&self) -> bool {
        self.runs >= LEAST_CONFIRMATIONS && self.verdict() == Verdict::Pass
    }

    /// True if so many runs like those so far show that it passes where none of their requests misses.
    pub(super) fn can_be_confirmed(&self, most_runs: u32) -> bool {
        let more = f64::from(most_runs.max(self.runs)) / f64::from(self.runs.max(1));
        self.conditions.iter().all(|own| {
            let trials = own.trials * more;
            wilson(trials, trials, CONFIDENCE).is_some_and(|share| share.low >= own.wanted)
        })
    }

    /// True if further runs could say on which side of the limit it lies.
    pub(super) fn is_near(&self) -> bool {
        self.verdict() == Verdict::Unresolved && (1.0 / CLEAR..CLEAR).contains(&self.excess())
    }

    /// On which side of the limit it lies, if one has to say.
    pub(super) fn leans_to_pass(&self) -> bool {
        match self.verdict() {
            Verdict::Pass => true,
            Verdict::Fail => false,
            Verdict::Unresolved => self.excess() <= 1.0,
        }
    }
}
