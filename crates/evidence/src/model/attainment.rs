//! What load tests prove: the share of requests that met the service level, with its lower bound, and goodput.

use super::{BenchResult, InvalidBy, Judged, Limit, ObjectiveResult};
use crate::dependence::Independent;
use crate::fact::{Absence, Missing};

/// What a test says of the service level at its load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attainment {
    /// Share of all requests that met every part, 0 to 1.
    pub share: f64,
    /// Lower bound of the share, one-sided, 95 % confidence.
    pub lower: f64,
    /// Requests, those that failed among them.
    pub requests: u64,
    /// Requests that met every part.
    pub met: u64,
    /// Requests that missed no part, and of which one was not measured: neither met nor missed.
    pub undetermined: u64,
    /// Independent requests that the lower bound rests on, and those that the upper one does, as [`crate::dependence`] has it.
    pub independent: Independent,
}

impl Attainment {
    /// What `test` proves of `limits`: by its raw records where those were judged, else by its own count if it counted by the
    /// same limits.
    ///
    /// # Errors
    /// The test counted by other limits, or could not tell for most requests.
    pub(super) fn of(test: &BenchResult, limits: &[Limit]) -> Result<Self, Missing> {
        let Judged { requests, met, undetermined, independent, independent_missed } = match test.judged {
            Some(judged) => judged,
            None => counted(test, limits)?,
        };
        if requests == 0 || test.requests == 0 || test.seconds <= 0.0 {
            return Err(Missing::new(
                Absence::Malformed,
                format!("{} tells of no requests or no time", test.path),
            ));
        }
        if undetermined > requests / 2 {
            return Err(Missing::new(
                Absence::Skipped,
                format!(
                    "the test `{}` could not tell of {undetermined} of {requests} requests whether they met the service \
                     level: they have no such time",
                    test.load
                ),
            ));
        }
        let met = met.min(requests);
        Ok(Self::new(
            requests,
            met,
            undetermined.min(requests - met),
            Independent { met: independent, missed: independent_missed },
        ))
    }

    /// Of `requests`, at least one, of which `met` met every part.
    fn new(requests: u64, met: u64, undetermined: u64, independent: Independent) -> Self {
        let within = |independent: f64| independent.clamp(0.0, requests as f64);
        let independent = Independent { met: within(independent.met), missed: within(independent.missed) };
        let share = met as f64 / requests as f64;
        Self { share, lower: bound(share, independent.met), requests, met, undetermined, independent }
    }

    /// Upper bound of the share, one-sided, 95 % confidence, should all undetermined requests meet the service level.
    #[must_use]
    pub fn upper(&self) -> f64 {
        let missed = self.requests.saturating_sub(self.met + self.undetermined);
        1.0 - bound(missed as f64 / self.requests as f64, self.independent.missed)
    }
}

/// What the test itself counted, if by `limits`.
fn counted(test: &BenchResult, limits: &[Limit]) -> Result<Judged, Missing> {
    let is_same = |limit: &Limit, objective: &ObjectiveResult| {
        let of_tokens = limit.of_tokens.unwrap_or(objective.percentile);
        limit.metric == objective.metric
            && limit.limit_ms == objective.limit_ms
            && (of_tokens - objective.percentile).abs() < 1e-9
    };
    let of_test = &test.objectives;
    let same = of_test.len() == limits.len()
        && limits.iter().all(|limit| of_test.iter().any(|objective| is_same(limit, objective)));
    if let (true, false, Some(share)) = (same, limits.is_empty(), test.attainment) {
        let met = (share.share * test.requests as f64).round() as u64;
        let (requests, undetermined) = (test.requests, test.undetermined);
        return Ok(Judged {
            requests,
            met,
            undetermined,
            independent: share.trials,
            independent_missed: share.trials_missed,
        });
    }
    let list = |limits: Vec<String>| {
        if limits.is_empty() { "none".to_owned() } else { limits.join(", ") }
    };
    let own = of_test.iter().map(|objective| format!("{} <= {} ms", objective.metric, objective.limit_ms));
    let reason = format!(
        "the test `{}` counted by other limits ({}) than the service level has ({}), and the bundle has no raw records of it \
         that tell",
        test.load,
        list(own.collect()),
        list(limits.iter().map(ToString::to_string).collect())
    );
    Err(Missing::new(Absence::Skipped, reason))
}

/// Tells whether the latencies of a test show what a load does to requests.
///
/// # Errors
/// Says why no conclusion can be drawn from the test.
pub fn usable_test(test: &BenchResult) -> Result<(), Missing> {
    checked_test(test, test.valid)
}

/// Tells whether a test can show what a load does to the service level: one of which too many requests failed can show that
/// it was missed.
///
/// # Errors
/// Says why no conclusion can be drawn from the test.
pub fn countable_test(test: &BenchResult) -> Result<(), Missing> {
    checked_test(test, test.valid || test.invalid_by == Some(InvalidBy::Failures))
}

fn checked_test(test: &BenchResult, valid: bool) -> Result<(), Missing> {
    if !valid {
        let why = test.invalid_reason.as_deref().unwrap_or("no reason is given");
        return Err(Missing::new(Absence::Failed, format!("the test `{}` is not valid: {why}", test.load)));
    }
    if !test.open_loop {
        let reason = format!("the test `{}` waited for answers before it asked again", test.load);
        return Err(Missing::new(Absence::Skipped, reason));
    }
    Ok(())
}

/// What is known of a load against a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Even the lower bound reaches it.
    Met,
    /// Even the upper bound does not, of all tests together or of one of them.
    Missed,
    /// Neither.
    Open,
}

/// Tests of the same load, each a repetition of the others, and what they prove together.
///
/// One of them is often too short to prove anything: 40 requests of which all meet it prove no 95 %, twice as many do.
#[derive(Clone, Debug)]
pub struct Repeated<'a> {
    /// Offered requests per second, where the load has such a figure.
    pub rate: Option<f64>,
    /// Requests per second that were sent, on average over the tests.
    pub sent: f64,
    /// The tests, in the order in which they were given.
    pub tests: Vec<&'a BenchResult>,
    /// Of the requests of all of them.
    pub together: Attainment,
    /// What each proves, in their order.
    pub each: Vec<Attainment>,
}

impl Repeated<'_> {
    /// What they show of `target`, a share from 0 to 1.
    #[must_use]
    pub fn shown(&self, target: f64) -> Shown {
        if std::iter::once(&self.together).chain(&self.each).any(|attainment| attainment.upper() < target) {
            Shown::Missed
        } else if self.together.lower >= target && self.tests.iter().all(|test| test.valid) {
            Shown::Met
        } else {
            Shown::Open
        }
    }

    /// The rate that the tests stand for, in requests per second, where the load has one, by what they have shown. No more is
    /// met than was sent: of a schedule of 9.5 a second, chance may send 8.
    #[must_use]
    pub fn credited(&self, shown: Shown) -> Option<f64> {
        let asked = self.rate?;
        Some(if shown == Shown::Missed { asked } else { asked.min(self.sent) })
    }
}

/// Puts repetitions together: tests of one server and model whose loads differ in nothing but the seed. By rising rate.
#[must_use]
pub fn repeated<'a>(tests: impl IntoIterator<Item = (&'a BenchResult, Attainment)>) -> Vec<Repeated<'a>> {
    let load = |test: &BenchResult| {
        (test.target.clone(), super::BenchLoad { seed: None, ..test.load.clone() }, test.offered_rps)
    };
    let mut loads: Vec<Repeated<'a>> = Vec::new();
    for (test, attainment) in tests {
        match loads.iter_mut().find(|other| load(other.tests[0]) == load(test)) {
            None => loads.push(Repeated {
                rate: test.offered_rps,
                sent: 0.0,
                tests: vec![test],
                together: attainment,
                each: vec![attainment],
            }),
            Some(other) => {
                other.tests.push(test);
                other.each.push(attainment);
                other.together = Attainment::new(
                    other.together.requests + attainment.requests,
                    other.together.met + attainment.met,
                    other.together.undetermined + attainment.undetermined,
                    Independent {
                        met: other.together.independent.met + attainment.independent.met,
                        missed: other.together.independent.missed + attainment.independent.missed,
                    },
                );
            }
        }
    }
    for load in &mut loads {
        let sum = |of: fn(&BenchResult) -> f64| load.tests.iter().copied().map(of).sum::<f64>();
        load.sent = sum(|test| test.requests as f64) / sum(|test| test.seconds).max(1e-9);
    }
    loads.sort_by(|a, b| a.rate.unwrap_or(0.0).total_cmp(&b.rate.unwrap_or(0.0)));
    loads
}

/// Lower bound of a share of requests that are worth so many independent ones: what of one is lost by rounding counts
/// against the share.
pub(super) fn bound(share: f64, independent: f64) -> f64 {
    let whole = |number: f64| (number + 1e-6).floor().max(0.0) as u64;
    let requests = whole(independent);
    lower_bound(requests, whole(share * requests as f64))
}

/// Lower bound of a share of `met` among `requests`, one-sided with 95 % confidence (Clopper and Pearson 1934, exact).
///
/// 59 of 59 prove 95 %, and so do 92 of 93. It stands here and not with the other statistics because checks judge by it, and a
/// pack is to bring no library of distributions along.
fn lower_bound(requests: u64, met: u64) -> f64 {
    if met == 0 || requests == 0 {
        return 0.0;
    }
    let missed = requests.saturating_sub(met);
    let ways = ln_choose(requests, missed);
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if is_too_few(requests, missed, ways, middle) { low = middle } else { high = middle }
    }
    low
}

/// Whether at most `missed` of `requests` miss with a probability below 5 %, if each meets with probability `share`; `ways` is
/// the logarithm of the number of choices of `missed` of them.
///
/// The probabilities of fewer and fewer misses are summed until they no longer count, which takes some square root of the
/// requests: checks ask for bounds of tests with a hundred thousand.
fn is_too_few(requests: u64, missed: u64, ways: f64, share: f64) -> bool {
    let (all, most) = (requests as f64, missed as f64);
    let miss = 1.0 - share;
    // The median is no more than the mean rounded up. Below it, each term is smaller than the one before.
    if most >= (all * miss).ceil() {
        return false;
    }
    let odds = share / miss;
    let (mut term, mut sum) = (1.0, 1.0);
    for k in (1..=missed).rev() {
        let k = k as f64;
        term *= k / (all - k + 1.0) * odds;
        sum += term;
        if term < sum * f64::EPSILON {
            break;
        }
    }
    ways + most * miss.ln() + (all - most) * share.ln() + sum.ln() < f64::ln(0.05)
}

/// Logarithm of the number of ways in which `some` can be chosen of `all`.
fn ln_choose(all: u64, some: u64) -> f64 {
    let some = some.min(all - some);
    (1..=some).map(|k| ((all - some + k) as f64 / k as f64).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_agrees_with_published_sample_sizes() {
        // Fewest requests of which a share proves 95 % with 95 % confidence: exact binomial tables.
        for (requests, missed) in [(59, 0), (93, 1), (124, 2), (311, 9)] {
            assert!(lower_bound(requests, requests - missed) >= 0.95, "{requests} with {missed}");
            assert!(
                lower_bound(requests - 1, requests - 1 - missed) < 0.95,
                "{} with {missed}",
                requests - 1
            );
        }
        assert!(lower_bound(299, 299) >= 0.99 && lower_bound(298, 298) < 0.99);
    }

    #[test]
    fn the_bound_is_where_the_binomial_tail_is_one_in_twenty() {
        for (requests, met) in [(1, 1), (7, 1), (20, 13), (400, 390), (2000, 1000), (5000, 4750), (5000, 40)]
        {
            let bound = lower_bound(requests, met);
            let tail = tail_term_by_term(requests, requests - met, bound);
            assert!((tail - 0.05).abs() < 1e-9, "{met} of {requests}: {bound} leaves {tail}");
        }
    }

    /// Probability of at most `missed` misses, every term on its own: slow, and without a recurrence.
    fn tail_term_by_term(requests: u64, missed: u64, share: f64) -> f64 {
        let ln_factorial = |n: u64| (2..=n).map(|k| (k as f64).ln()).sum::<f64>();
        let of_all = ln_factorial(requests);
        (0..=missed)
            .map(|k| {
                let ways = of_all - ln_factorial(k) - ln_factorial(requests - k);
                (ways + k as f64 * (1.0 - share).ln() + (requests - k) as f64 * share.ln()).exp()
            })
            .sum()
    }

    #[test]
    fn the_bound_is_a_share() {
        for (requests, met) in [(0, 0), (1, 0), (1, 1), (1_000_000, 999_999), (100_000, 1)] {
            assert!((0.0..=1.0).contains(&lower_bound(requests, met)), "{met} of {requests}");
        }
    }

    /// 1000 requests in 100 s, of which `met` met the service level.
    fn attainment(met: u64, undetermined: u64) -> Result<Attainment, Missing> {
        let judged =
            Judged { requests: 1000, met, undetermined, independent: 1000.0, independent_missed: 1000.0 };
        let test =
            BenchResult { seconds: 100.0, requests: 1000, judged: Some(judged), ..BenchResult::default() };
        Attainment::of(&test, &[])
    }

    #[test]
    fn what_is_not_known_is_neither_met_nor_missed() {
        let with = |met, undetermined| {
            let test = BenchResult { valid: true, ..BenchResult::default() };
            repeated([(&test, attainment(met, undetermined).unwrap())])[0].shown(0.95)
        };
        assert_eq!([with(1000, 0), with(900, 0)], [Shown::Met, Shown::Missed]);
        assert_eq!([with(900, 100), with(500, 500)], [Shown::Open; 2]);
        assert_eq!(with(800, 100), Shown::Missed);
        let reason = attainment(0, 501).unwrap_err().reason;
        assert!(reason.contains("501 of 1000 requests"), "{reason}");
    }

    #[test]
    fn parts_of_a_request_count_against_the_share() {
        assert_eq!(bound(1.0, 59.9), lower_bound(59, 59));
        assert_eq!(bound(0.985, 100.0), lower_bound(100, 98));
        assert_eq!(bound(1.0, 0.5), 0.0);
    }
}
