//! What load tests prove: the share of requests that met the service level, with its lower bound, and goodput.

use super::{BenchResult, InvalidBy, ServiceLevel};
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
}

impl Attainment {
    /// What `test` proves.
    ///
    /// # Errors
    /// The test can show no attainment, did not count what met the service level, or could not tell for most requests.
    pub fn of(test: &BenchResult) -> Result<Self, Missing> {
        countable_test(test)?;
        // The share is of the requests that began in the window, goodput of those that ended in it.
        let share = test.attainment.map(|attainment| attainment.share);
        let counted = share.map(|share| share * test.requests as f64);
        let counted =
            counted.or(test.goodput_rps.map(|goodput| goodput * test.seconds)).ok_or_else(|| {
                Missing::new(Absence::Skipped, "the test did not count which requests met the service level")
            })?;
        if test.requests == 0 || test.seconds <= 0.0 {
            return Err(Missing::new(
                Absence::Malformed,
                format!("{} tells of no requests or no time", test.path),
            ));
        }
        if test.undetermined > test.requests / 2 {
            return Err(Missing::new(
                Absence::Skipped,
                format!(
                    "the test `{}` could not tell of {} of {} requests whether they met the service level: they have no \
                     such time",
                    test.load, test.undetermined, test.requests
                ),
            ));
        }
        let met = counted.round().clamp(0.0, test.requests as f64) as u64;
        Ok(Self::new(test.requests, met, test.undetermined.min(test.requests - met)))
    }

    /// Of `requests`, at least one, of which `met` met every part.
    fn new(requests: u64, met: u64, undetermined: u64) -> Self {
        let share = met as f64 / requests as f64;
        Self { share, lower: lower_bound(requests, met), requests, met, undetermined }
    }

    /// Upper bound of the share, one-sided, 95 % confidence, should all undetermined requests meet the service level.
    #[must_use]
    pub fn upper(&self) -> f64 {
        1.0 - lower_bound(self.requests, self.requests.saturating_sub(self.met + self.undetermined))
    }
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

/// The share of requests that the client wants to meet the service level, 0 to 1.
///
/// # Errors
/// The service level names neither a share nor a percentile.
pub fn attainment_target(slo: &ServiceLevel) -> Result<f64, Missing> {
    slo.attainment_percent
        .or(slo.percentile)
        .map(|percent| percent / 100.0)
        .filter(|share| (0.0..1.0).contains(share))
        .ok_or_else(|| {
            Missing::new(
                Absence::Absent,
                "the service level names no share of requests below 100 % that must meet it",
            )
        })
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
}

/// Puts repetitions together: tests whose loads differ in nothing but the seed. By rising rate.
#[must_use]
pub fn repeated<'a>(tests: impl IntoIterator<Item = (&'a BenchResult, Attainment)>) -> Vec<Repeated<'a>> {
    let load = |test: &BenchResult| (super::BenchLoad { seed: None, ..test.load.clone() }, test.offered_rps);
    let mut loads: Vec<Repeated<'a>> = Vec::new();
    for (test, attainment) in tests {
        match loads.iter_mut().find(|other| load(other.tests[0]) == load(test)) {
            None => loads.push(Repeated {
                rate: test.offered_rps,
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
                );
            }
        }
    }
    loads.sort_by(|a, b| a.rate.unwrap_or(0.0).total_cmp(&b.rate.unwrap_or(0.0)));
    loads
}

/// Goodput: the highest offered rate, in requests per second, that was shown to meet the target, below every rate that was
/// shown to miss it. Nothing is taken between the rates, or beyond them. With the tests that show it.
///
/// # Errors
/// There was no usable test, or one of them did not count what met the service level.
pub fn goodput(tests: &[BenchResult], target: f64) -> Result<(f64, Vec<&BenchResult>), Missing> {
    let mut counted: Vec<(&BenchResult, Attainment)> = Vec::new();
    let mut why = None;
    for test in tests {
        if let Err(missing) = countable_test(test) {
            why = Some(missing);
            continue;
        }
        let attainment = Attainment::of(test)?;
        if test.offered_rps.is_none_or(|rate| rate.is_nan() || rate <= 0.0) {
            return Err(Missing::new(Absence::Malformed, format!("{} names no offered rate", test.path)));
        }
        counted.push((test, attainment));
    }
    if counted.is_empty() {
        return Err(why.unwrap_or_else(|| Missing::new(Absence::Skipped, "no load test was run")));
    }
    let loads = repeated(counted);
    let rates = |shown: Shown| {
        let those = loads.iter().filter(move |load| load.shown(target) == shown);
        those.filter_map(|load| Some((load.rate?, &load.tests)))
    };
    let missed = rates(Shown::Missed).map(|(rate, _)| rate).fold(f64::INFINITY, f64::min);
    let best = rates(Shown::Met)
        .filter(|(rate, _)| *rate < missed && !rates(Shown::Open).any(|(open, _)| open == *rate))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    Ok(best.map_or((0.0, Vec::new()), |(rate, tests)| (rate, tests.clone())))
}

/// Lower bound of a share of `met` among `requests`, one-sided with 95 % confidence (Clopper and Pearson 1934, exact).
///
/// 59 of 59 prove 95 %, and so do 92 of 93.
pub fn lower_bound(requests: u64, met: u64) -> f64 {
    if met == 0 || requests == 0 {
        return 0.0;
    }
    let missed = requests.saturating_sub(met);
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if ln_at_most(requests, missed, middle) < f64::ln(0.05) { low = middle } else { high = middle }
    }
    low
}

/// Logarithm of the probability that at most `missed` of `requests` miss, if each meets with probability `share`.
fn ln_at_most(requests: u64, missed: u64, share: f64) -> f64 {
    let n = requests as f64;
    if share <= 0.0 {
        return if missed >= requests { 0.0 } else { f64::NEG_INFINITY };
    }
    if share >= 1.0 {
        return 0.0;
    }
    let odds = ((1.0 - share) / share).ln();
    let mut term = n * share.ln();
    let mut sum = term;
    for k in 1..=missed {
        let k = k as f64;
        term += ((n - k + 1.0) / k).ln() + odds;
        let (large, small) = if sum > term { (sum, term) } else { (term, sum) };
        sum = large + (small - large).exp().ln_1p();
    }
    sum
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
    fn the_bound_is_a_share() {
        for (requests, met) in [(0, 0), (1, 0), (1, 1), (1_000_000, 999_999), (100_000, 1)] {
            assert!((0.0..=1.0).contains(&lower_bound(requests, met)), "{met} of {requests}");
        }
    }

    fn test(rate: f64, met: u64) -> BenchResult {
        BenchResult {
            valid: true,
            open_loop: true,
            offered_rps: Some(rate),
            seconds: 100.0,
            requests: 1000,
            goodput_rps: Some(met as f64 / 100.0),
            ..BenchResult::default()
        }
    }

    #[test]
    fn the_share_is_of_what_began_and_not_of_what_ended() {
        let mut test = test(4.0, 1000);
        assert_eq!(Attainment::of(&test).unwrap().met, 1000);
        test.attainment = Some(super::super::Share { share: 0.9, low: 0.88, high: 0.92, trials: 1000.0 });
        assert_eq!(Attainment::of(&test).unwrap().met, 900);
    }

    #[test]
    fn what_is_not_known_is_neither_met_nor_missed() {
        let with = |met, undetermined| {
            let test = BenchResult { undetermined, ..test(4.0, met) };
            let attainment = Attainment::of(&test).unwrap();
            repeated([(&test, attainment)])[0].shown(0.95)
        };
        assert_eq!([with(1000, 0), with(900, 0)], [Shown::Met, Shown::Missed]);
        assert_eq!([with(900, 100), with(500, 500)], [Shown::Open; 2]);
        assert_eq!(with(800, 100), Shown::Missed);
        let unknown = BenchResult { undetermined: 501, ..test(4.0, 0) };
        let reason = Attainment::of(&unknown).unwrap_err().reason;
        assert!(reason.contains("501 of 1000 requests"), "{reason}");
    }

    #[test]
    fn a_test_of_which_too_many_failed_can_only_show_a_miss() {
        let with = |met, invalid_by| BenchResult { valid: false, invalid_by, ..test(8.0, met) };
        let goodput = |tests: &[BenchResult]| goodput(tests, 0.95).map(|(rate, _)| rate);
        let failing = with(700, Some(InvalidBy::Failures));
        assert_eq!(goodput(&[test(4.0, 1000), failing.clone(), test(12.0, 1000)]), Ok(4.0));
        assert_eq!(goodput(&[test(4.0, 1000), with(990, Some(InvalidBy::Failures))]), Ok(4.0));
        for no_test in
            [None, Some(InvalidBy::Client), Some(InvalidBy::NoReply), Some(InvalidBy::Undetermined)]
        {
            assert_eq!(goodput(&[test(4.0, 1000), with(700, no_test), test(12.0, 1000)]), Ok(12.0));
        }
        assert!(usable_test(&failing).is_err(), "its latencies are those of the survivors");
    }

    #[test]
    fn goodput_is_a_rate_that_was_tested() {
        let goodput = |tests: &[BenchResult]| goodput(tests, 0.95).map(|(rate, _)| rate);
        assert_eq!(goodput(&[test(4.0, 1000), test(8.0, 990), test(12.0, 700)]), Ok(8.0));
        assert_eq!(goodput(&[test(4.0, 700), test(8.0, 1000)]), Ok(0.0), "a lower rate failed");
        assert_eq!(
            goodput(&[test(4.0, 1000), test(8.0, 1000), test(8.0, 700)]),
            Ok(4.0),
            "one repetition failed"
        );
        assert_eq!(
            goodput(&[test(4.0, 1000), test(8.0, 700), test(8.0, 1000)]),
            Ok(4.0),
            "one repetition failed"
        );
        assert!(goodput(&[BenchResult { valid: false, ..test(4.0, 1000) }]).is_err());
    }

    /// A test of `requests`, all of which meet the service level but `missed`.
    fn short(rate: f64, requests: u64, missed: u64, seed: u64) -> BenchResult {
        let load = super::super::BenchLoad {
            text: format!("open poisson {rate}/s"),
            seed: Some(seed),
            ..super::super::BenchLoad::default()
        };
        let goodput_rps = Some((requests - missed) as f64 / 10.0);
        BenchResult { load, requests, seconds: 10.0, goodput_rps, ..test(rate, 0) }
    }

    #[test]
    fn repetitions_prove_together_what_each_is_too_short_for() {
        let goodput = |tests: &[BenchResult]| goodput(tests, 0.95).unwrap().0;
        let (one, other) = (short(4.0, 40, 0, 1), short(4.0, 40, 0, 2));
        assert_eq!(goodput(std::slice::from_ref(&one)), 0.0);
        assert_eq!(goodput(&[one.clone(), other.clone()]), 4.0);
        let tokens = |test: &BenchResult| BenchResult {
            load: super::super::BenchLoad { output_tokens: Some(9), ..test.load.clone() },
            ..test.clone()
        };
        assert_eq!(goodput(&[one.clone(), tokens(&other)]), 0.0, "another load is no repetition");
        let higher = [short(8.0, 100, 0, 1), one.clone()];
        assert_eq!(goodput(&higher), 8.0, "what is open below is no reason against a higher rate");
        let mut many = vec![short(4.0, 10_000, 0, 1)];
        assert_eq!(goodput(&many), 4.0);
        many.push(short(4.0, 100, 20, 2));
        assert_eq!(goodput(&many), 0.0, "one repetition that misses is not outvoted");
        let loads = repeated(many.iter().map(|test| (test, Attainment::of(test).unwrap())));
        assert_eq!((loads.len(), loads[0].together.requests, loads[0].together.met), (1, 10_100, 10_080));
        assert_eq!(loads[0].shown(0.95), Shown::Missed);
    }
}
