//! `cap.headroom`: peak demand fits into measured goodput, also with one replica lost.
//!
//! Goodput is the highest rate tested at which the lower bound of attainment reaches the target, and did so at every lower
//! rate; nothing is extrapolated. Without a load test there is no number of replicas. Whether a degraded mode was agreed
//! cannot be seen, so that a service that cannot lose a replica fails only where a penalty is agreed.
//!
//! The number of replicas in the message is modelled: n = ceil(D / (u η G)) + k, where D is the peak with a year of growth, G the
//! goodput, u = 0.80 planning utilisation, η = 0.95 efficiency of load balancing over two replicas or more, which there are with the spare, and k = 1 spare.

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{BenchResult, Demand, ServiceLevel};
use plumb_check_sdk::{Arg, Confidence, Evidence, Finding, Likelihood, NoVerdict, Object, Step};

use crate::load::{self, Promise, of_service, step};
use crate::pages::cap_headroom::{PAGE, ROOMY, TIGHT, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let demand: Demand = evidence.get("/engagement/demand")?;
    let slo: ServiceLevel = evidence.get("/engagement/slo")?;
    let peak = demand.peak_requests_per_s.filter(|peak| *peak > 0.0).ok_or(words::NoPeak {})?;
    let replicas = demand.replicas.filter(|replicas| *replicas > 0).ok_or(words::NoReplicas {})?;
    let tests = load::tests(evidence)?;
    let (goodput, showing) = Promise::new(&slo, Some(&demand)).goodput(&tests)?;
    let (capacity, loss) = (of_service("capacity"), of_service("loss of a replica"));
    if goodput <= 0.0 {
        let finding = PAGE
            .fail(capacity, words::NoGoodput {})
            .with_intent(step(Step::RepeatLoadTest))
            .with_cause(load::LOAD_TEST, Object::node());
        return Ok(vec![measured(finding, &showing, "goodput 0 requests per second")]);
    }
    let told = format!("goodput {goodput:.2} requests per second a replica");
    let share = Quantity::new(100.0 * peak / (f64::from(replicas) * goodput));
    let replicas_count = Arg::from(replicas);
    let growth = demand.growth_percent_per_year;
    let percent = growth.unwrap_or_default();
    let need = needed(peak, percent, goodput);
    macro_rules! said {
        ($sentence:ident) => {
            words::$sentence {
                balancing: Arg::quantity(BALANCED, "", 2),
                growth: Arg::text(if growth.is_some() { "stated" } else { "unknown" }),
                growth_percent: Arg::quantity(percent, "%", u8::from(percent.fract() != 0.0)),
                need_count: Arg::count(need as u64),
                replicas_count: replicas_count.clone(),
                share: Arg::of(share, 1),
                utilisation: Arg::quantity(PLANNED, "", 2),
            }
        };
    }
    let more = step(if need <= f64::from(replicas) + 1.0 { Step::AddReplica } else { Step::PlanCapacity });
    let finding = if evidence.limit(&PAGE, &TIGHT).is_exceeded_by(share) {
        PAGE.fail(capacity, said!(Full)).with_intent(more.clone())
    } else if evidence.limit(&PAGE, &ROOMY).is_exceeded_by(share) {
        PAGE.warn(capacity, said!(Tight)).with_intent(more.clone())
    } else {
        PAGE.pass(capacity, said!(Roomy))
    };
    let mut findings = vec![measured(finding, &showing, &told)];
    let finding = if peak <= f64::from(replicas - 1) * goodput {
        PAGE.pass(loss, words::Spare {})
    } else {
        let finding = if slo.penalty.is_some() {
            PAGE.fail(loss, words::LossWithPenalty { replicas_count })
        } else {
            findings.push(PAGE.not_run(of_service("penalty"), words::NoPenalty {}));
            PAGE.warn(loss, words::Loss { replicas_count })
        };
        finding.with_intent(more)
    };
    findings.push(measured(finding, &showing, &told));
    Ok(findings)
}

/// The rate was measured; whether the peak will meet it is a calculation.
fn measured(finding: Finding, tests: &[&BenchResult], value: &str) -> Finding {
    let finding = finding.with_likelihood(Likelihood::Mechanism).with_confidence(Confidence::Medium);
    load::cite_all(finding, tests, value)
}

/// Planning utilisation (assumed).
const PLANNED: f64 = 0.80;
/// Efficiency of load balancing over two replicas or more (assumed).
const BALANCED: f64 = 0.95;
/// Spare replicas (assumed).
const SPARE: f64 = 1.0;

/// The number of replicas that the demand needs: two or more, with the spare, however many there are today.
fn needed(peak: f64, growth: f64, goodput: f64) -> f64 {
    let grown = peak * (1.0 + growth.max(0.0) / 100.0);
    (grown / (PLANNED * BALANCED * goodput)).ceil() + SPARE
}
