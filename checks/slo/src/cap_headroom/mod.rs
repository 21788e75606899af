//! `cap.headroom`: peak demand fits into measured goodput, also with one replica lost.
//!
//! Goodput is the highest rate tested at which the lower bound of attainment reaches the target, and did so at every lower
//! rate; nothing is extrapolated. Without a load test there is no number of replicas. Whether a degraded mode was agreed
//! cannot be seen, so that a service that cannot lose a replica fails only where a penalty is agreed.
//!
//! The number of replicas in the message is modelled: n = ceil(D / (u η G)) + k, where D is the peak with a year of growth, G the
//! goodput, u = 0.80 planning utilisation, η = 0.95 efficiency of load balancing for two replicas or more, and k = 1 spare.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{BenchResult, Demand, ServiceLevel};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Confidence, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, ThresholdBasis,
};

use crate::load;

static META: CheckMeta = CheckMeta {
    id: Borrowed("cap.headroom"),
    title: Borrowed("Peak demand fits into measured goodput, also with one replica lost"),
    category: Category::ServiceLevel,
    severity: Severity::High,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("Without headroom every incident becomes a breach of the service level."),
    business: Borrowed("How much rush-hour traffic the road can take, and what happens when a lane closes."),
    needs: Borrowed(&[
        Borrowed("/engagement/slo"),
        Borrowed("/engagement/demand"),
        Borrowed("/measurements/bench"),
        Borrowed("/measurements/sweeps"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("Add a replica, or shed traffic of low priority"),
        persistent: Borrowed("Plan the capacity; scale on the queue, not on CPU use"),
        rollback: Borrowed("The former number of replicas"),
        change: ChangeKind::Capacity,
        verification: Borrowed("A failover test"),
        expected_effect: Borrowed("None: it is a margin."),
    },
    thresholds: Borrowed(&[ROOMY.threshold(), TIGHT.threshold()]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Services with a stated demand and a load test"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("DistServe (OSDI 2024) blog: goodput"),
            url: Borrowed("https://hao-ai-lab.github.io/summary/distserve"),
        },
        Reference {
            title: Borrowed("NVIDIA Dynamo: Planner (SLA-based autoscaling)"),
            url: Borrowed("https://docs.nvidia.com/dynamo/latest/components/planner"),
        },
        Reference {
            title: Borrowed("llm-d Workload Variant Autoscaler: QueueingModelAnalyzer"),
            url: Borrowed(
                "https://github.com/llm-d/llm-d-workload-variant-autoscaler/blob/main/docs/developer-guide/slo-queuemodel.md",
            ),
        },
    ]),
};

const ROOMY: Limit<Percent> = Limit {
    name: "peak demand, as share of goodput, up to which there is room",
    value: Quantity::new(70.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "services with a load test",
};

const TIGHT: Limit<Percent> = Limit {
    name: "peak demand, as share of goodput, above which it is a failure",
    value: Quantity::new(85.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "services with a load test",
};

/// See the module.
pub struct CapHeadroom;

impl Check for CapHeadroom {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let demand: Demand = evidence.get("/engagement/demand")?;
        let slo: ServiceLevel = evidence.get("/engagement/slo")?;
        let absent = |what: &str| Missing::new(Absence::Absent, format!("{what} is not stated"));
        let peak = demand
            .peak_requests_per_s
            .filter(|peak| *peak > 0.0)
            .ok_or_else(|| absent("the demand at the peak"))?;
        let replicas = demand
            .replicas
            .filter(|replicas| *replicas > 0)
            .ok_or_else(|| absent("the number of replicas that serve today"))?;
        let tests = load::tests(evidence)?;
        let (goodput, showing) = load::goodput(&tests, load::target(&slo)?)?;
        if goodput <= 0.0 {
            let message =
                "the service level is met at none of the tested rates: there is no goodput to plan with";
            return Ok(vec![measured(
                META.fail("capacity", message),
                &tests.iter().take(1).collect::<Vec<_>>(),
                "goodput 0 requests per second",
            )]);
        }
        let goodput_told = format!("goodput {goodput:.2} requests per second a replica");
        let need = needed(peak, demand.growth_percent_per_year, replicas, goodput);
        let share = Quantity::new(100.0 * peak / (f64::from(replicas) * goodput));
        let message = format!(
            "the peak takes {:.1} % of the goodput of {}; {need}",
            share.number(),
            load::replicas(replicas)
        );
        let finding = if evidence.limit(&META, &TIGHT).is_exceeded_by(share) {
            META.fail("capacity", message)
        } else if evidence.limit(&META, &ROOMY).is_exceeded_by(share) {
            META.warn("capacity", message)
        } else {
            META.pass("capacity", message)
        };
        let mut findings = vec![measured(finding, &showing, &goodput_told)];
        if peak > f64::from(replicas - 1) * goodput {
            let message = "the peak does not fit into what is left when one replica is lost";
            let finding = if slo.penalty.is_some() {
                META.fail("loss of a replica", format!("{message}, and a penalty is agreed"))
            } else {
                let unknown = "whether a penalty is agreed for a breach is not stated";
                findings.push(META.not_run("penalty", unknown));
                META.warn("loss of a replica", format!("{message}: agree on a degraded mode"))
            };
            findings.push(measured(finding, &showing, &goodput_told));
        } else {
            let message = "the peak fits also when one replica is lost";
            findings.push(measured(META.pass("loss of a replica", message), &showing, &goodput_told));
        }
        Ok(findings)
    }
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

/// The number of replicas that the demand needs, in words.
fn needed(peak: f64, growth: Option<f64>, replicas: u32, goodput: f64) -> String {
    let grown = peak * (1.0 + growth.unwrap_or(0.0).max(0.0) / 100.0);
    let balanced = if replicas > 1 { BALANCED } else { 1.0 };
    let count = (grown / (PLANNED * balanced * goodput)).ceil() + SPARE;
    let growth =
        growth.map_or_else(|| "without growth".to_owned(), |percent| format!("with {percent} % growth"));
    format!(
        "modelled need {growth}: {count:.0} replicas (utilisation {PLANNED:.2}, balancing {balanced:.2}, 1 spare: assumed)"
    )
}
