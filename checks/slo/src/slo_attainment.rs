//! `slo.attainment`: the service meets its service level at today's peak, with statistical confidence.
//!
//! Judged on the load test whose rate is the lowest at or above the peak of one replica; a lower rate proves nothing, and
//! nothing is extrapolated. The bound is exact (Clopper and Pearson) and takes requests as independent. Without a number
//! of replicas the tested service is taken to carry the whole peak. A test of which too many requests failed can show a
//! miss; requests that have not got the time that was promised are neither met nor missed.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::model::{BenchResult, Demand, ServiceLevel};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Confidence, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity,
};

use crate::load::{self, Attainment};

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
        let (proofs, together) = at_peak(&tests, peak, target)?;
        let mut findings = vec![judge(&proofs, &together, target, peak, replicas.is_some())];
        // One of those that cannot be used may be the repetition that misses.
        let rate = proofs.first().and_then(|(test, _)| test.offered_rps);
        let unused = tests.iter().filter_map(|test| match (test.offered_rps, Attainment::of(test)) {
            (None, _) if !test.open_loop => None,
            (None, Ok(_)) => Some("it names no offered rate".to_owned()),
            (None, Err(missing)) => Some(missing.reason),
            (Some(at), Err(missing)) if at >= peak && Some(at) <= rate => Some(missing.reason),
            (Some(_), _) => None,
        });
        findings.extend(unused.map(|why| {
            META.not_run("service", format!("a load test that may be of the peak cannot be used: {why}"))
        }));
        Ok(findings)
    }
}

/// A test and what it proves.
type Proof<'a> = (&'a BenchResult, Attainment);

/// The usable tests with the lowest rate at or above the peak, and what they prove: repetitions together, but for one that
/// alone shows a miss where all together do not. Of several loads at that rate, the one that met the least.
fn at_peak(tests: &[BenchResult], peak: f64, target: f64) -> Result<(Vec<Proof<'_>>, Attainment), Missing> {
    let mut why = None;
    let mut counted = Vec::new();
    for test in tests {
        match Attainment::of(test) {
            Ok(attainment) => counted.push((test, attainment)),
            Err(missing) => why = Some(missing),
        }
    }
    let mut loads = load::repeated(counted);
    loads.retain(|load| load.rate.is_some_and(|rate| rate >= peak));
    let lowest = loads.first().and_then(|load| load.rate);
    let at_lowest = loads.into_iter().filter(|load| load.rate == lowest);
    let proofs = at_lowest.map(|load| {
        let each: Vec<Proof<'_>> = load.tests.into_iter().zip(load.each).collect();
        let together = load.together;
        match each.iter().find(|(_, alone)| alone.upper() < target && together.upper() >= target) {
            Some(&(test, alone)) => (vec![(test, alone)], alone),
            None => (each, together),
        }
    });
    proofs.min_by(|a, b| a.1.share.total_cmp(&b.1.share)).ok_or_else(|| {
        let other = why.map_or_else(String::new, |missing| format!("; {}", missing.reason));
        let reason = format!("no usable load test reached the peak of {peak:.2} requests per second{other}");
        Missing::new(Absence::Skipped, reason)
    })
}

fn judge(proofs: &[Proof<'_>], attainment: &Attainment, target: f64, peak: f64, replicas: bool) -> Finding {
    let whole = if replicas { "of one replica " } else { "" };
    let message = format!(
        "at the peak {whole}({peak:.2} requests per second) {:.2} % of requests meet the service level, at least {:.2} % \
         with 95 % confidence; the target is {:.2} %",
        100.0 * attainment.share,
        100.0 * attainment.lower,
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
    let finding = finding.with_likelihood(Likelihood::Measured).with_confidence(confidence);
    proofs.iter().fold(finding, |finding, (test, alone)| {
        finding
            .with_evidence(load::cite(test, &format!("{} of {} requests met it", alone.met, alone.requests)))
    })
}
