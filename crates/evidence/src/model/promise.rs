//! What was promised, and which load tests say something of it: those that were judged by the promise's own limits, at
//! one server and model, with requests like those of the demand.

use super::{
    Attainment, BenchResult, BenchTarget, Demand, ObserveResult, ObservedPart, Repeated, ServiceLevel, Shown,
    countable_test, repeated,
};
use crate::fact::{Absence, Missing};

/// How far tokens of a test may be from those of the demand, as a share of the latter; ours.
const TOKENS_APART: f64 = 0.20;

/// A limit of a service level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// `ttft`, `tpot`, `itl` or `e2e`.
    pub metric: &'static str,
    /// In ms.
    pub limit_ms: f64,
    /// Share of a request's tokens that the limit is about, for `itl` only; 0 to 1.
    pub of_tokens: Option<f64>,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} <= {} ms", self.metric, self.limit_ms)
    }
}

impl ServiceLevel {
    /// The limits that each request is held against.
    #[must_use]
    pub fn limits(&self) -> Vec<Limit> {
        let of_tokens = self.percentile.or(self.attainment_percent).map(|percent| percent / 100.0);
        [("ttft", self.ttft_ms), ("tpot", self.tpot_ms), ("itl", self.itl_ms), ("e2e", self.e2e_ms)]
            .into_iter()
            .filter_map(|(metric, limit)| {
                Some(Limit { metric, limit_ms: limit?, of_tokens: of_tokens.filter(|_| metric == "itl") })
            })
            .collect()
    }
}

/// A service level and the demand that it was promised for.
#[derive(Clone, Copy, Debug)]
pub struct Promise<'a> {
    slo: &'a ServiceLevel,
    demand: Option<&'a Demand>,
}

impl<'a> Promise<'a> {
    /// The promise of an engagement.
    #[must_use]
    pub fn new(slo: &'a ServiceLevel, demand: Option<&'a Demand>) -> Self {
        Self { slo, demand }
    }

    /// True where the client states no share of requests, and the percentile stands in for it.
    #[must_use]
    pub fn target_is_assumed(&self) -> bool {
        self.slo.attainment_percent.is_none()
    }

    /// The share of requests that the client wants to meet the service level, 0 to 1.
    ///
    /// # Errors
    /// The service level names neither a share nor a percentile.
    pub fn target(&self) -> Result<f64, Missing> {
        let percent = self.slo.attainment_percent.or(self.slo.percentile);
        percent.map(|percent| percent / 100.0).filter(|share| (0.0..1.0).contains(share)).ok_or_else(|| {
            Missing::new(
                Absence::Absent,
                "the service level names no share of requests below 100 % that must meet it",
            )
        })
    }

    /// What `test` proves of the promise.
    ///
    /// # Errors
    /// The test can show no attainment, was about other requests than those of the demand, counted by other limits, or could
    /// not tell for most requests.
    pub fn attainment(&self, test: &BenchResult) -> Result<Attainment, Missing> {
        countable_test(test)?;
        self.is_like_demand(test)?;
        Attainment::of(test, &self.slo.limits())
    }

    /// The tests that say something of the promise, with what they prove.
    ///
    /// # Errors
    /// None does, or they are of several servers or models, of which it is not known for which one the promise was made.
    pub fn tests<'t>(&self, tests: &'t [BenchResult]) -> Result<Vec<(&'t BenchResult, Attainment)>, Missing> {
        let mut counted: Vec<(&BenchResult, Attainment)> = Vec::new();
        let mut why = None;
        for test in tests {
            match self.attainment(test) {
                Ok(attainment) => counted.push((test, attainment)),
                Err(missing) => why = Some(missing),
            }
        }
        let Some((first, _)) = counted.first() else {
            return Err(why.unwrap_or_else(|| Missing::new(Absence::Skipped, "no load test was run")));
        };
        if let Some((other, _)) = counted.iter().find(|(test, _)| test.target != first.target) {
            let reason = format!(
                "load tests are of several servers or models ({}; {}), and for which one the service level was promised is \
                 not known: keep those of one",
                named(&first.target),
                named(&other.target)
            );
            return Err(Missing::new(Absence::Skipped, reason));
        }
        Ok(counted)
    }

    /// Goodput: the highest rate, in requests per second, that was shown to meet the promise, below every rate that was shown
    /// to miss it. Nothing is taken between the rates, or beyond them. 0 where every rate that shows anything was missed. With
    /// the tests that show it.
    ///
    /// # Errors
    /// No test says something of the promise, one of them names no rate, or none had enough requests to show anything.
    pub fn goodput<'t>(&self, tests: &'t [BenchResult]) -> Result<(f64, Vec<&'t BenchResult>), Missing> {
        let target = self.target()?;
        let counted = self.tests(tests)?;
        let is_rate = |test: &BenchResult| test.offered_rps.is_some_and(|rate| rate > 0.0);
        if let Some((test, _)) = counted.iter().find(|(test, _)| !is_rate(test)) {
            return Err(Missing::new(Absence::Malformed, format!("{} names no offered rate", test.path)));
        }
        let loads = repeated(counted);
        let judged: Vec<(Shown, f64, &Repeated<'_>)> = loads
            .iter()
            .filter_map(|load| {
                let shown = load.shown(target);
                Some((shown, load.credited(shown)?, load))
            })
            .collect();
        let of = |wanted: Shown| judged.iter().filter(move |(shown, ..)| *shown == wanted);
        let first_missed = of(Shown::Missed).min_by(|a, b| a.1.total_cmp(&b.1));
        let missed = first_missed.map_or(f64::INFINITY, |(_, rate, _)| *rate);
        let is_open = |load: &Repeated<'_>| of(Shown::Open).any(|(.., open)| open.rate == load.rate);
        let best = of(Shown::Met)
            .filter(|(_, rate, load)| *rate < missed && !is_open(load))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        match (best, first_missed) {
            (Some((_, rate, load)), _) => Ok((*rate, load.tests.clone())),
            (None, Some((.., load))) => Ok((0.0, load.tests.clone())),
            (None, None) => Err(Missing::new(
                Absence::Skipped,
                "no load test had enough requests to show that the service level is met, or that it is missed: test longer",
            )),
        }
    }

    /// The limits that each request is held against.
    pub(super) fn limits(&self) -> Vec<Limit> {
        self.slo.limits()
    }

    /// Tells whether requests that were observed had as many tokens as those of the demand, where both tell.
    pub(super) fn is_like_observed(&self, observation: &ObserveResult) -> Result<(), Missing> {
        let Some(demand) = self.demand else { return Ok(()) };
        let per_request = |tokens: fn(&ObservedPart) -> Option<f64>| {
            let told = observation.parts.iter().filter_map(|part| Some((tokens(part)?, part.requests?)));
            let (tokens, requests) = told.fold((0.0, 0.0), |sum, own| (sum.0 + own.0, sum.1 + own.1));
            (requests > 0.0).then(|| tokens / requests)
        };
        for (what, wanted, had) in [
            ("prompt", demand.prompt_tokens, per_request(|part| part.prompt_tokens)),
            ("output", demand.output_tokens, per_request(|part| part.output_tokens)),
        ] {
            let Some((wanted, had)) = wanted.filter(|wanted| *wanted > 0.0).zip(had) else { continue };
            if (had - wanted).abs() > TOKENS_APART * wanted {
                let reason = format!(
                    "requests that `{}` observed had {had:.0} {what} tokens, those of the demand have {wanted:.0}",
                    observation.path
                );
                return Err(Missing::new(Absence::Skipped, reason));
            }
        }
        Ok(())
    }

    /// Tells whether a request of the test has as many tokens as one of the demand.
    fn is_like_demand(&self, test: &BenchResult) -> Result<(), Missing> {
        let demand = self.demand.ok_or_else(|| {
            Missing::new(
                Absence::Absent,
                "the engagement names no demand, and so not for which requests it was promised",
            )
        })?;
        let sent = test.tokens_per_request();
        for (what, wanted, sent) in
            [("prompt", demand.prompt_tokens, sent.prompt), ("output", demand.output_tokens, sent.output)]
        {
            let Some(wanted) = wanted.filter(|wanted| *wanted > 0.0) else {
                let reason = format!(
                    "the demand does not say how many {what} tokens a request has: name `{what}_tokens` in [demand]"
                );
                return Err(Missing::new(Absence::Absent, reason));
            };
            let Some(sent) = sent else {
                let reason = format!(
                    "the test `{}` does not tell how many {what} tokens its requests had; those of the demand have {wanted:.0}",
                    test.load
                );
                return Err(Missing::not_recorded(reason));
            };
            if (sent - wanted).abs() > TOKENS_APART * wanted {
                let reason = format!(
                    "requests of the test `{}` had {sent:.0} {what} tokens, those of the demand have {wanted:.0}: run a load \
                     test with requests like those of the demand",
                    test.load
                );
                return Err(Missing::new(Absence::Skipped, reason));
            }
        }
        Ok(())
    }
}

fn named(target: &BenchTarget) -> String {
    format!("`{}` at {}", target.model, target.url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BenchLoad, BenchTokens, InvalidBy, Judged, ObjectiveResult, Share};

    fn slo() -> ServiceLevel {
        ServiceLevel { percentile: Some(95.0), ttft_ms: Some(100.0), ..ServiceLevel::default() }
    }

    fn demand() -> Demand {
        Demand { prompt_tokens: Some(2000.0), output_tokens: Some(300.0), ..Demand::default() }
    }

    fn judged(requests: u64, met: u64, independent: f64) -> Judged {
        Judged { requests, met, undetermined: 0, independent, independent_missed: independent }
    }

    /// 1000 requests in 1000 / `rate` seconds, of which `met` met the promise.
    fn test(rate: f64, met: u64) -> BenchResult {
        BenchResult {
            valid: true,
            open_loop: true,
            offered_rps: Some(rate),
            seconds: 1000.0 / rate,
            requests: 1000,
            load: BenchLoad {
                text: format!("open poisson {rate}/s"),
                prompt_tokens: Some(2000),
                output_tokens: Some(300),
                ..BenchLoad::default()
            },
            judged: Some(judged(1000, met, 1000.0)),
            ..BenchResult::default()
        }
    }

    fn goodput(tests: &[BenchResult]) -> Result<f64, String> {
        let (slo, demand) = (slo(), demand());
        let goodput = Promise::new(&slo, Some(&demand)).goodput(tests);
        goodput.map(|(rate, _)| rate).map_err(|missing| missing.reason)
    }

    #[test]
    fn a_test_of_other_limits_says_nothing_of_the_promise() {
        let share = Share { share: 1.0, low: 0.99, high: 1.0, trials: 1000.0, trials_missed: 1000.0 };
        let by = |limits: &[(&str, f64)]| {
            let objectives = limits.iter().map(|(metric, limit_ms)| ObjectiveResult {
                metric: (*metric).to_owned(),
                percentile: 0.95,
                limit_ms: *limit_ms,
                ..ObjectiveResult::default()
            });
            let objectives = objectives.collect();
            BenchResult { judged: None, attainment: Some(share), objectives, ..test(20.0, 0) }
        };
        assert_eq!(goodput(&[by(&[("ttft", 100.0)])]), Ok(20.0));
        let other = goodput(&[by(&[("ttft", 1000.0)])]).unwrap_err();
        assert!(other.contains("other limits") && other.contains("ttft <= 1000 ms"), "{other}");
        for limits in [&[("e2e", 100.0)] as &[_], &[("ttft", 100.0), ("itl", 40.0)], &[]] {
            assert!(goodput(&[by(limits)]).is_err(), "{limits:?}");
        }
        // Judged anew from the raw records, it does not matter what the test asked.
        let anew = BenchResult { judged: test(20.0, 0).judged, ..by(&[("ttft", 1000.0)]) };
        assert_eq!(goodput(&[anew]), Ok(0.0));
    }

    #[test]
    fn a_test_of_other_requests_says_nothing_of_the_promise() {
        let tokens = |prompt, output| {
            let load =
                BenchLoad { prompt_tokens: prompt, output_tokens: output, ..test(20.0, 1000).load.clone() };
            BenchResult { load, ..test(20.0, 1000) }
        };
        assert_eq!(goodput(&[tokens(Some(1600), Some(360))]), Ok(20.0));
        for (prompt, output) in
            [(Some(16), Some(8)), (Some(2000), Some(239)), (Some(2401), Some(300)), (None, Some(300))]
        {
            assert!(goodput(&[tokens(prompt, output)]).is_err(), "{prompt:?} {output:?}");
        }
        // What came counts, not what was asked for.
        let cut = BenchResult {
            tokens: BenchTokens { output: 10_000, prompt: 2_000_000, ..BenchTokens::default() },
            ..test(20.0, 1000)
        };
        assert!(goodput(&[cut]).unwrap_err().contains("had 10 output tokens"));
        let slo = slo();
        for demand in [None, Some(&Demand::default())] {
            assert!(Promise::new(&slo, demand).goodput(&[test(20.0, 1000)]).is_err(), "{demand:?}");
        }
    }

    #[test]
    fn tests_of_several_models_or_servers_are_not_pooled() {
        let of = |url: &str, model: &str| BenchResult {
            target: BenchTarget { url: url.to_owned(), model: model.to_owned(), api: String::new() },
            ..test(20.0, 1000)
        };
        assert_eq!(goodput(&[of("http://a", "x"), of("http://a", "x")]), Ok(20.0));
        for other in [of("http://b", "x"), of("http://a", "y")] {
            let reason = goodput(&[of("http://a", "x"), other.clone()]).unwrap_err();
            assert!(reason.contains("several servers or models"), "{reason}");
            let attainment = Attainment::of(&other, &slo().limits()).unwrap();
            let both = [of("http://a", "x"), other];
            assert_eq!(repeated(both.iter().map(|test| (test, attainment))).len(), 2);
        }
    }

    #[test]
    fn no_more_is_credited_than_was_sent() {
        let sent = |requests| BenchResult { requests, ..test(10.0, 1000) };
        assert_eq!(goodput(&[sent(800)]), Ok(8.0), "800 in 100 s");
        assert_eq!(goodput(&[sent(1200)]), Ok(10.0), "no more than was asked for");
    }

    #[test]
    fn a_test_of_which_too_many_failed_can_only_show_a_miss() {
        let with = |met, invalid_by| BenchResult { valid: false, invalid_by, ..test(8.0, met) };
        let failing = with(700, Some(InvalidBy::Failures));
        assert_eq!(goodput(&[test(4.0, 1000), failing, test(12.0, 1000)]), Ok(4.0));
        assert_eq!(goodput(&[test(4.0, 1000), with(990, Some(InvalidBy::Failures))]), Ok(4.0));
        for no_test in
            [None, Some(InvalidBy::Client), Some(InvalidBy::NoReply), Some(InvalidBy::Undetermined)]
        {
            assert_eq!(goodput(&[test(4.0, 1000), with(700, no_test), test(12.0, 1000)]), Ok(12.0));
        }
    }

    #[test]
    fn goodput_is_a_rate_that_was_tested() {
        assert_eq!(goodput(&[test(4.0, 1000), test(8.0, 990), test(12.0, 700)]), Ok(8.0));
        assert_eq!(goodput(&[test(4.0, 700), test(8.0, 1000)]), Ok(0.0), "a lower rate failed");
        assert_eq!(
            goodput(&[test(4.0, 1000), test(8.0, 1000), test(8.0, 700)]),
            Ok(4.0),
            "one repetition failed"
        );
        assert!(goodput(&[BenchResult { valid: false, ..test(4.0, 1000) }]).is_err());
    }

    /// A test of `requests`, all of which meet the service level but `missed`.
    fn short(rate: f64, requests: u64, missed: u64, seed: u64) -> BenchResult {
        let load = BenchLoad { seed: Some(seed), ..test(rate, 0).load };
        let judged = judged(requests, requests - missed, requests as f64);
        BenchResult { load, requests, seconds: requests as f64 / rate, judged: Some(judged), ..test(rate, 0) }
    }

    #[test]
    fn repetitions_prove_together_what_each_is_too_short_for() {
        let shows_nothing = |tests: &[BenchResult]| goodput(tests).unwrap_err().contains("enough requests");
        let goodput = |tests: &[BenchResult]| goodput(tests).unwrap();
        let (one, other) = (short(4.0, 40, 0, 1), short(4.0, 40, 0, 2));
        assert!(shows_nothing(std::slice::from_ref(&one)));
        assert_eq!(goodput(&[one.clone(), other.clone()]), 4.0);
        let tokens = |test: &BenchResult| BenchResult {
            load: BenchLoad { output_tokens: Some(309), ..test.load.clone() },
            ..test.clone()
        };
        assert!(shows_nothing(&[one.clone(), tokens(&other)]), "another load is no repetition");
        let higher = [short(8.0, 100, 0, 1), one.clone()];
        assert_eq!(goodput(&higher), 8.0, "what is open below is no reason against a higher rate");
        let mut many = vec![short(4.0, 10_000, 0, 1)];
        assert_eq!(goodput(&many), 4.0);
        many.push(short(4.0, 100, 20, 2));
        assert_eq!(goodput(&many), 0.0, "one repetition that misses is not outvoted");
        let of = |test: &BenchResult| Attainment::of(test, &slo().limits()).unwrap();
        let loads = repeated(many.iter().map(|test| (test, of(test))));
        assert_eq!((loads.len(), loads[0].together.requests, loads[0].together.met), (1, 10_100, 10_080));
        assert_eq!(loads[0].shown(0.95), Shown::Missed);
    }

    #[test]
    fn what_depends_on_itself_proves_less() {
        let worth =
            |independent| BenchResult { judged: Some(judged(1000, 1000, independent)), ..test(4.0, 1000) };
        assert_eq!(goodput(&[worth(59.0)]), Ok(4.0));
        assert!(goodput(&[worth(58.0)]).is_err(), "1000 requests that are worth 58");
    }
}
