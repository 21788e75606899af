//! `slo.attainment`: the service meets its service level at today's peak, with statistical confidence.
//!
//! A rate that is met shows that every lower one is, and a rate that is missed that every higher one is; nothing else is
//! taken from one rate to another. So the check passes by a test at the peak of one replica or above, fails by one at the
//! peak or below, and has no answer where the peak lies between a rate that is met and one that is not. The bound is exact
//! (Clopper and Pearson) for as many requests as are independent. Tests count that were judged by the limits of the
//! engagement, with requests like those of the demand, and a rate that was met is no more than what was sent. Without a number of replicas the tested service is taken to
//! carry the whole peak. A test of which too many requests failed can show a miss; requests that have not got the time that
//! was promised are neither met nor missed.
//!
//! Where no load test decides, requests of users do that were observed: by the server's own histograms, which know nothing of
//! the network, so with less confidence. They show what was served, and nothing of a peak that did not come.

use std::ops::RangeInclusive;

use plumb_check_sdk::model::{BenchResult, Demand, ObserveResult, ServiceLevel};
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Finding, Likelihood, NoVerdict, Object, Outcome, Said, Step,
};

use crate::load::{self, Attainment, Promise, Repeated, Shown, of_service, rate, share, step};
use crate::pages::slo_attainment::{PAGE, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let slo: ServiceLevel = evidence.get("/engagement/slo")?;
    let demand: Demand = evidence.get("/engagement/demand")?;
    let promise = Promise::new(&slo, Some(&demand));
    let target = promise.target()?;
    let tests = load::tests(evidence);
    let peak = demand.peak_requests_per_s.filter(|peak| *peak > 0.0).ok_or(words::NoPeak {})?;
    let replicas = demand.replicas.filter(|replicas| *replicas > 0);
    let peak = Peak {
        rate: peak / f64::from(replicas.unwrap_or(1)),
        of: if replicas.is_some() { "replica" } else { "service" },
        target,
        agreed: if slo.attainment_percent.is_some() { "share" } else { "percentile" },
    };
    let judged = match &tests {
        Ok(tests) => peak.judge(&promise, tests).map_err(NoVerdict::from),
        Err(missing) => Err(missing.clone().into()),
    };
    let (finding, rates) = match judged {
        Ok(judged) => judged,
        Err(verdict) => return peak.observed(&promise, evidence).map(|finding| vec![finding]).ok_or(verdict),
    };
    let tests = tests.unwrap_or_default();
    let mut findings = vec![finding];
    // One of those that cannot be used may be the repetition that misses.
    for test in &tests {
        let may_tell = match test.offered_rps {
            Some(at) => rates.contains(&at),
            None => test.open_loop,
        };
        match promise.attainment(test) {
            Err(missing) if may_tell => {
                let reason = Arg::text(missing.reason);
                findings.push(PAGE.not_run(of_service("service"), words::Unused { reason }));
            }
            Ok(_) if may_tell && test.offered_rps.is_none() => {
                findings.push(PAGE.not_run(of_service("service"), words::UnknownRate {}));
            }
            _ => {}
        }
    }
    Ok(findings)
}

/// A rate that reads the same as the peak in a command is the peak: a third of 14 is tested as 4.67.
const ROUNDING: f64 = 1.005;

/// What the service has to carry.
struct Peak {
    /// Requests per second.
    rate: f64,
    /// `replica` for the share of one replica, `service` for all.
    of: &'static str,
    /// Share of requests that has to meet the service level, 0 to 1.
    target: f64,
    /// What of the service level names that share.
    agreed: &'static str,
}

/// Independent requests from which a share proves a target with 95 % confidence: exactly where all met it, else by the normal
/// approximation; `None` where the share lies so close to the target that no test of a day would.
fn needed(share: f64, target: f64) -> Option<f64> {
    const Z: f64 = 1.645;
    const MOST: f64 = 1e6;
    let of_all = 0.05_f64.ln() / target.ln();
    let apart = share - target;
    let of_some = Z * Z * share * (1.0 - share) / (apart * apart);
    Some(of_all.max(of_some).ceil()).filter(|needed| needed.is_finite() && apart > 0.0 && *needed <= MOST)
}

/// The rate that it is credited with, and the tests of one load.
type Load<'a> = (f64, Repeated<'a>);

/// The rate that a load was to have.
fn asked((credited, load): &Load<'_>) -> f64 {
    load.rate.unwrap_or(*credited)
}

/// A test and what it proves.
type Proof<'a> = (&'a BenchResult, Attainment);

impl Peak {
    /// What the tests say, and the rates at which a test that cannot be used may have said otherwise; or that none reached the
    /// peak.
    fn judge(
        &self,
        promise: &Promise<'_>,
        tests: &[BenchResult],
    ) -> Result<(Finding, RangeInclusive<f64>), Said> {
        let counted = promise.tests(tests);
        let unused = || tests.iter().filter_map(|test| promise.attainment(test).err()).next_back();
        let why = counted.as_ref().err().cloned().or_else(unused);
        let loads = load::repeated(counted.unwrap_or_default());
        let mut loads: Vec<Load<'_>> = loads
            .into_iter()
            .filter_map(|load| Some((load.credited(load.shown(self.target))?, load)))
            .collect();
        // Of several loads at one rate, the one that met the least stands for it.
        loads.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.together.share.total_cmp(&b.1.together.share)));
        let (below, reached) = loads.split_at(loads.partition_point(|(rate, _)| *rate < self.rate));
        let shown = |(_, load): &Load<'_>| load.shown(self.target);
        let at_peak: Vec<&Load<'_>> =
            reached.iter().take_while(|(rate, _)| *rate <= self.rate * ROUNDING).collect();
        let falls_short = |own: &Load<'_>| shown(own) == Shown::Missed || own.1.together.share < self.target;
        if let Some(own) = at_peak.iter().find(|own| falls_short(own)) {
            return Ok((self.rated(own), self.rate..=asked(own)));
        }
        // Nothing is believed of a rate beyond one that is missed.
        let mut believed = reached.iter().take_while(|own| shown(own) != Shown::Missed);
        let is_met = |met: &Load<'_>| {
            reached.iter().filter(|own| own.1.rate == met.1.rate).all(|own| shown(own) == Shown::Met)
        };
        let met = believed.find(|own| is_met(own));
        let missed_below = below.iter().find(|own| shown(own) == Shown::Missed);
        let service = of_service("service");
        match (met, missed_below) {
            (Some(met), Some(missed)) => {
                let said = words::Contradiction {
                    met_rate: rate(met.0),
                    met_share: self.told(met).1,
                    missed_rate: rate(missed.0),
                    missed_share: self.told(missed).1,
                };
                let finding = PAGE.contradictory(service, said);
                return Ok((self.cite(finding, [missed, met]), self.rate..=asked(met)));
            }
            (Some(own), None) => return Ok((self.rated(own), self.rate..=own.0)),
            (None, Some(own)) => return Ok((self.rated(own), self.rate..=self.rate)),
            (None, None) => {}
        }
        if let Some(own) = at_peak.first() {
            return Ok((self.rated(own), 0.0..=asked(own)));
        }
        let (of, peak) = (Arg::from(self.of), rate(self.rate));
        let Some(above) = reached.first() else {
            return Err(match why {
                Some(why) => words::NotReachedFor { of, peak, reason: Arg::text(why.reason) }.into(),
                None => words::NotReached { of, peak }.into(),
            });
        };
        let (above_shown, above_share) = self.told(above);
        let above_rate = rate(above.0);
        let finding = match below.last() {
            Some(below) => {
                let (below_shown, below_share) = self.told(below);
                let below_rate = rate(below.0);
                let said = words::Between {
                    above_rate,
                    above_share,
                    above_shown,
                    below_rate,
                    below_share,
                    below_shown,
                    of,
                    peak,
                };
                PAGE.not_run(service, said)
            }
            None => {
                PAGE.not_run(service, words::OnlyAbove { above_rate, above_share, above_shown, of, peak })
            }
        };
        Ok((self.cite(finding, below.last().into_iter().chain([above])), 0.0..=asked(above)))
    }

    /// What users' requests show, where they were observed.
    fn observed(&self, promise: &Promise<'_>, evidence: &Evidence<'_>) -> Option<Finding> {
        let observations: Vec<ObserveResult> = evidence.get("/measurements/observations").ok()?;
        let seen = promise.seen_most(&observations).ok()?;
        let (service, of, peak) = (of_service("service"), Arg::from(self.of), rate(self.rate));
        let target = share(self.target);
        let kept = seen.kept().filter(|kept| kept.rate * ROUNDING >= self.rate);
        let finding = if let Some(kept) = kept {
            let (rate, share) = (rate(kept.rate), share(kept.share.least));
            PAGE.pass(service, words::SeenKept { of, peak, rate, share, target })
        } else if seen.is_missed_up_to(self.rate * ROUNDING) {
            let said = words::SeenMissed {
                of,
                peak,
                share: share(seen.share_up_to(self.rate * ROUNDING).most),
                target,
            };
            PAGE.fail(service, said).with_intent(step(Step::TraceSlowRequests))
        } else {
            PAGE.not_run(service, words::SeenOpen { busiest: rate(seen.busiest()), of, peak })
        };
        let shows = format!("{:.0} requests of users were observed", seen.share.count);
        let finding = finding.with_likelihood(Likelihood::Measured).with_confidence(Confidence::Medium);
        Some(finding.with_evidence(Citation::new(&seen.of.path, shows)))
    }

    /// The finding of a load that decides.
    fn rated(&self, own: &Load<'_>) -> Finding {
        let (at, load) = (own.0, &own.1);
        let proofs = self.proofs(load);
        let attainment = match proofs.as_slice() {
            [(_, alone)] => *alone,
            _ => load.together,
        };
        let (place, bound) = if at < self.rate {
            ("below", attainment.upper())
        } else {
            (if at > self.rate * ROUNDING { "above" } else { "at" }, attainment.lower)
        };
        let service = of_service("service");
        // Sentences that say at which rate how many requests meet the service level.
        macro_rules! said {
            ($sentence:ident $(, $more:ident)*) => {
                words::$sentence {
                    agreed: self.agreed.into(),
                    bound: share(bound),
                    of: self.of.into(),
                    peak: rate(self.rate),
                    place: place.into(),
                    rate: rate(at),
                    share: share(attainment.share),
                    target: share(self.target),
                    $($more,)*
                }
            };
        }
        // A test of which too many requests failed shows a miss, and nothing else.
        if let Some((test, _)) = proofs.iter().find(|(test, _)| !test.valid)
            && attainment.upper() >= self.target
        {
            return match test.invalid_reason.as_deref().map(Arg::from) {
                Some(reason) => PAGE.not_run(service, said!(Invalid, reason)),
                None => PAGE.not_run(service, said!(InvalidUnexplained)),
            };
        }
        let unknown = attainment.undetermined as f64 / attainment.requests as f64;
        if attainment.share < self.target && attainment.share + unknown >= self.target {
            let unknown = share(unknown);
            return PAGE.not_run(service, said!(Undetermined, unknown));
        }
        let finding = if attainment.lower >= self.target {
            PAGE.pass(service, said!(Met))
        } else if attainment.share >= self.target {
            let (met_count, requests_count) = (attainment.met.into(), attainment.requests.into());
            let independent = attainment.independent.met.floor();
            let needed = needed(attainment.share, self.target).map(|needed| needed.max(independent + 1.0));
            let seconds: f64 = load.tests.iter().map(|test| test.seconds).sum();
            let longer = needed.map(|needed| seconds * needed / independent.max(1.0));
            let provable = Arg::text(if needed.is_some() { "yes" } else { "no" });
            let independent_count = Arg::count(independent as u64);
            let needed_count = Arg::count(needed.unwrap_or_default() as u64);
            let (seconds, longer) =
                (Arg::quantity(seconds, "s", 0), Arg::quantity(longer.unwrap_or_default().ceil(), "s", 0));
            let said = said!(
                Unproven,
                independent_count,
                longer,
                met_count,
                needed_count,
                provable,
                requests_count,
                seconds
            );
            PAGE.warn(service, said)
                .with_intent(step(Step::RepeatLoadTest))
                .with_cause(load::LOAD_TEST, Object::node())
        } else {
            PAGE.fail(service, said!(Missed)).with_intent(step(Step::TraceSlowRequests))
        };
        // What a test is too short to prove was not seen to be missed.
        let is_open = finding.outcome == Outcome::Warn;
        let likelihood = if is_open { Likelihood::Setting } else { Likelihood::Measured };
        let corrected = proofs.iter().all(|(test, _)| test.corrected);
        let confidence = if corrected { Confidence::High } else { Confidence::Medium };
        self.cite(finding.with_likelihood(likelihood).with_confidence(confidence), [own])
    }

    /// What a load rests on: all its tests, but for one that alone shows a miss where all together do not.
    fn proofs<'a>(&self, load: &Repeated<'a>) -> Vec<Proof<'a>> {
        let each = || load.tests.iter().copied().zip(load.each.iter().copied());
        match each().find(|(_, alone)| alone.upper() < self.target && load.together.upper() >= self.target) {
            Some(alone) => vec![alone],
            None => each().collect(),
        }
    }

    /// What a load shows, and the share of its requests that met the service level.
    fn told(&self, (_, load): &Load<'_>) -> (Arg, Arg) {
        let shown = match load.shown(self.target) {
            Shown::Met => "met",
            Shown::Missed => "missed",
            Shown::Open => "open",
        };
        let proofs = self.proofs(load);
        let met = if let [(_, alone)] = proofs.as_slice() { alone.share } else { load.together.share };
        (shown.into(), share(met))
    }

    fn cite<'a>(&self, finding: Finding, loads: impl IntoIterator<Item = &'a Load<'a>>) -> Finding {
        let proofs = loads.into_iter().flat_map(|(_, load)| self.proofs(load));
        proofs.fold(finding, |finding, (test, alone)| {
            let shows = format!("{} of {} requests met it", alone.met, alone.requests);
            finding.with_evidence(load::cite(test, &shows))
        })
    }
}
