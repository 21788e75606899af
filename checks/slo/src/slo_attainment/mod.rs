//! `slo.attainment`: the service meets its service level at today's peak, with statistical confidence.
//!
//! A rate that is met shows that every lower one is, and a rate that is missed that every higher one is; nothing else is
//! taken from one rate to another. So the check passes by a test at the peak of one replica or above, fails by one at the
//! peak or below, and has no answer where the peak lies between a rate that is met and one that is not. The bound is exact
//! (Clopper and Pearson) and takes requests as independent. Without a number of replicas the tested service is taken to
//! carry the whole peak. A test of which too many requests failed can show a miss; requests that have not got the time that
//! was promised are neither met nor missed.

use std::borrow::Cow::Borrowed;
use std::fmt;
use std::ops::RangeInclusive;

use plumb_check_sdk::model::{BenchResult, Demand, ServiceLevel};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Confidence, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity,
};

use crate::load::{self, Attainment, Repeated, Shown};

static META: CheckMeta = CheckMeta {
    id: Borrowed("slo.attainment"),
    title: Borrowed("The service meets its SLO at today's peak, with statistical confidence"),
    category: Category::ServiceLevel,
    severity: Severity::Critical,
    gate: true,
    top15_rank: Some(15),
    rationale: Borrowed("This is what the client pays for; all other checks are about causes."),
    business: Borrowed("Out of a hundred customers, how many get the speed that was promised?"),
    needs: Borrowed(&[
        Borrowed("/engagement/slo"),
        Borrowed("/engagement/demand"),
        Borrowed("/measurements/bench"),
        Borrowed("/measurements/sweeps"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "Lower the concurrency (`--max-num-seqs` of vLLM), add a replica, or mend what the findings at \
             the top name",
        ),
        persistent: Borrowed("Plan the capacity"),
        rollback: Borrowed("The former arguments"),
        change: ChangeKind::Process,
        verification: Borrowed("Repeat the same load test; compare with paired intervals"),
        expected_effect: Borrowed("None: it is the outcome."),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Every service"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("DistServe (OSDI 2024) blog: goodput"),
            url: Borrowed("https://hao-ai-lab.github.io/summary/distserve"),
        },
        Reference {
            title: Borrowed("MLPerf Inference loadgen/mlperf.conf: Server scenario constraints"),
            url: Borrowed("https://github.com/mlcommons/inference/blob/master/loadgen/mlperf.conf"),
        },
    ]),
};

/// See the module.
pub struct SloAttainment;

impl Check for SloAttainment {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let slo: ServiceLevel = evidence.get("/engagement/slo")?;
        let target = load::target(&slo)?;
        let demand: Demand = evidence.get("/engagement/demand")?;
        let tests = load::tests(evidence)?;
        let peak = demand
            .peak_requests_per_s
            .filter(|peak| *peak > 0.0)
            .ok_or_else(|| Missing::new(Absence::Absent, "the demand at the peak is not stated"))?;
        let replicas = demand.replicas.filter(|replicas| *replicas > 0);
        let peak = peak / f64::from(replicas.unwrap_or(1));
        let peak = Peak { rate: peak, of_replica: replicas.is_some() };
        let (finding, rates) = peak.judge(&tests, target)?;
        let mut findings = vec![finding];
        // One of those that cannot be used may be the repetition that misses.
        let unused = tests.iter().filter_map(|test| match (test.offered_rps, Attainment::of(test)) {
            (None, _) if !test.open_loop => None,
            (None, Ok(_)) => Some("it names no offered rate".to_owned()),
            (None, Err(missing)) => Some(missing.reason),
            (Some(at), Err(missing)) if rates.contains(&at) => Some(missing.reason),
            (Some(_), _) => None,
        });
        findings.extend(unused.map(|why| {
            META.not_run("service", format!("a load test that may tell more cannot be used: {why}"))
        }));
        Ok(findings)
    }
}

/// A rate that reads the same as the peak in a command is the peak: a third of 14 is tested as 4.67.
const ROUNDING: f64 = 1.005;

/// What the service has to carry.
struct Peak {
    /// Requests per second.
    rate: f64,
    /// True for the share of one replica.
    of_replica: bool,
}

/// A rate, and the tests of one load at it.
type Load<'a> = (f64, Repeated<'a>);

/// A test and what it proves.
type Proof<'a> = (&'a BenchResult, Attainment);

impl Peak {
    /// What the tests say, and the rates at which a test that cannot be used may have said otherwise.
    fn judge(&self, tests: &[BenchResult], target: f64) -> Result<(Finding, RangeInclusive<f64>), Missing> {
        let mut why = None;
        let mut counted = Vec::new();
        for test in tests {
            match Attainment::of(test) {
                Ok(attainment) => counted.push((test, attainment)),
                Err(missing) => why = Some(missing),
            }
        }
        let loads = load::repeated(counted);
        let mut loads: Vec<Load<'_>> =
            loads.into_iter().filter_map(|load| Some((load.rate?, load))).collect();
        // Of several loads at one rate, the one that met the least stands for it.
        loads.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.together.share.total_cmp(&b.1.together.share)));
        let (below, reached) = loads.split_at(loads.partition_point(|(rate, _)| *rate < self.rate));
        let shown = |(_, load): &Load<'_>| load.shown(target);
        let at_peak: Vec<&Load<'_>> =
            reached.iter().take_while(|(rate, _)| *rate <= self.rate * ROUNDING).collect();
        let falls_short = |own: &Load<'_>| shown(own) == Shown::Missed || own.1.together.share < target;
        if let Some(own) = at_peak.iter().find(|own| falls_short(own)) {
            return Ok((self.rated(own, target), self.rate..=own.0));
        }
        // Nothing is believed of a rate beyond one that is missed.
        let believed = reached.iter().take_while(|own| shown(own) != Shown::Missed);
        let is_met =
            |at: f64| reached.iter().filter(|(rate, _)| *rate == at).all(|own| shown(own) == Shown::Met);
        let met = believed.clone().find(|(rate, _)| is_met(*rate));
        let missed_below = below.iter().find(|own| shown(own) == Shown::Missed);
        match (met, missed_below) {
            (Some(met), Some(missed)) => {
                let message = format!(
                    "the service level is {}, and {}, which is more to carry",
                    told(missed, target),
                    told(met, target)
                );
                let finding = META.contradictory("service", message);
                return Ok((cite(finding, [missed, met], target), self.rate..=met.0));
            }
            (Some(own), None) => return Ok((self.rated(own, target), self.rate..=own.0)),
            (None, Some(own)) => return Ok((self.rated(own, target), self.rate..=self.rate)),
            (None, None) => {}
        }
        if let Some(own) = at_peak.first() {
            return Ok((self.rated(own, target), 0.0..=own.0));
        }
        let Some(above) = reached.first() else {
            let other = why.map_or_else(String::new, |missing| format!("; {}", missing.reason));
            let reason = format!(
                "no usable load test reached the peak of {:.2} requests per second{other}",
                self.rate
            );
            return Err(Missing::new(Absence::Skipped, reason));
        };
        let place = match below.last() {
            Some(below) => {
                format!("{}, and {}; {self} lies between and was", told(below, target), told(above, target))
            }
            None => format!("{}; {self} lies below and was", told(above, target)),
        };
        let message = format!(
            "the service level is {place} not tested: run a load test at {:.2} requests per second",
            self.rate
        );
        let tested = below.last().into_iter().chain([above]);
        Ok((cite(META.not_run("service", message), tested, target), 0.0..=above.0))
    }

    /// The finding of a load that decides.
    fn rated(&self, own: &Load<'_>, target: f64) -> Finding {
        let (rate, load) = (own.0, &own.1);
        let proofs = proofs(load, target);
        let attainment = match proofs.as_slice() {
            [(_, alone)] => *alone,
            _ => load.together,
        };
        let at = if rate < self.rate {
            format!("at {rate:.2} requests per second, below {self},")
        } else if rate > self.rate * ROUNDING {
            format!("at {rate:.2} requests per second, above {self},")
        } else {
            format!("at {self}")
        };
        let bound = if rate < self.rate {
            format!("at most {:.2} %", 100.0 * attainment.upper())
        } else {
            format!("at least {:.2} %", 100.0 * attainment.lower)
        };
        let message = format!(
            "{at} {:.2} % of requests meet the service level, {bound} with 95 % confidence; the target is {:.2} %",
            100.0 * attainment.share,
            100.0 * target
        );
        // A test of which too many requests failed shows a miss, and nothing else.
        if let Some((test, _)) = proofs.iter().find(|(test, _)| !test.valid)
            && attainment.upper() >= target
        {
            let why = test.invalid_reason.as_deref().unwrap_or("no reason is given");
            return META.not_run("service", format!("{message}, but a test is not valid: {why}"));
        }
        let unknown = attainment.undetermined as f64 / attainment.requests as f64;
        if attainment.share < target && attainment.share + unknown >= target {
            let unknown = 100.0 * unknown;
            return META.not_run("service", format!("{message}; of {unknown:.2} % it is not known"));
        }
        let finding = if attainment.lower >= target {
            META.pass("service", message)
        } else if attainment.share >= target {
            META.warn("service", message)
        } else {
            META.fail("service", message)
        };
        let corrected = proofs.iter().all(|(test, _)| test.corrected);
        let confidence = if corrected { Confidence::High } else { Confidence::Medium };
        cite(finding.with_likelihood(Likelihood::Measured).with_confidence(confidence), [own], target)
    }
}

impl fmt::Display for Peak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.of_replica { " of one replica" } else { "" };
        write!(f, "the peak{whole} ({:.2} requests per second)", self.rate)
    }
}

/// What a load rests on: all its tests, but for one that alone shows a miss where all together do not.
fn proofs<'a>(load: &Repeated<'a>, target: f64) -> Vec<Proof<'a>> {
    let each = || load.tests.iter().copied().zip(load.each.iter().copied());
    match each().find(|(_, alone)| alone.upper() < target && load.together.upper() >= target) {
        Some(alone) => vec![alone],
        None => each().collect(),
    }
}

/// `met at 4.00 requests per second (99.00 % of requests meet it)`
fn told((rate, load): &Load<'_>, target: f64) -> String {
    let word = match load.shown(target) {
        Shown::Met => "met",
        Shown::Missed => "missed",
        Shown::Open => "neither shown to be met nor missed",
    };
    let proofs = proofs(load, target);
    let share = if let [(_, alone)] = proofs.as_slice() { alone.share } else { load.together.share };
    format!("{word} at {rate:.2} requests per second ({:.2} % of requests meet it)", 100.0 * share)
}

fn cite<'a>(finding: Finding, loads: impl IntoIterator<Item = &'a Load<'a>>, target: f64) -> Finding {
    let proofs = loads.into_iter().flat_map(|(_, load)| proofs(load, target));
    proofs.fold(finding, |finding, (test, alone)| {
        finding
            .with_evidence(load::cite(test, &format!("{} of {} requests met it", alone.met, alone.requests)))
    })
}
