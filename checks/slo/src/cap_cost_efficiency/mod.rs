//! `cap.cost-efficiency`: cost per useful token is known and justified.
//!
//! Money comes from the client's prices alone, and only where a load test measured goodput; else there is no figure. The
//! cost of a million output tokens within the service level is cost per hour over tokens per hour at the mean demand, idle
//! hours included: a fleet that stands still costs the same. Purchased servers are written off over 8766 hours a year;
//! energy is taken from the power that NVML read, and only where it was under load.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{
    Demand, GpuTime, Prices, ServiceLevel, gpu_watts, gpus_per_replica, hourly_cost,
};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Confidence, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, ThresholdBasis,
};

use crate::load;

static META: CheckMeta = CheckMeta {
    id: Borrowed("cap.cost-efficiency"),
    title: Borrowed("Cost per useful token is known and justified"),
    category: Category::ServiceLevel,
    severity: Severity::Low,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("Idle capacity, not the price of hardware, dominates the cost of a token."),
    business: Borrowed("What one million answers really cost, including the hours in which the GPUs wait."),
    needs: Borrowed(&[
        Borrowed("/engagement/slo"),
        Borrowed("/engagement/demand"),
        Borrowed("/engagement/prices"),
        Borrowed("/measurements/bench"),
        Borrowed("/measurements/sweeps"),
        Borrowed("/servers"),
        Borrowed("/gpus"),
        Borrowed("/window/gpus"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("Put models together, a smaller tier at night, batch work in idle hours"),
        persistent: Borrowed("Plan the capacity"),
        rollback: Borrowed("The former number of replicas"),
        change: ChangeKind::Capacity,
        verification: Borrowed("Compute it again each month"),
        expected_effect: Borrowed(
            "On one and the same H100: 0.21 to 15.25 USD per million output tokens, by load; estimates that \
             take full use for granted are too low by one over the utilisation.",
        ),
    },
    thresholds: Borrowed(&[USED.threshold(), WASTED.threshold()]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Services with a stated demand and a load test"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("Patil 2026: Beyond Per-Token Pricing (arXiv:2606.11690)"),
            url: Borrowed("https://arxiv.org/abs/2606.11690"),
        },
        Reference {
            title: Borrowed(
                "NVIDIA Technical Blog: LLM Inference Benchmarking, how much does your LLM inference cost?",
            ),
            url: Borrowed(
                "https://developer.nvidia.com/blog/benchmarking-llm-inference-costs-for-smarter-scaling-and-deployment",
            ),
        },
    ]),
};

const USED: Limit<Percent> = Limit {
    name: "mean demand, as share of goodput, below which there is a warning",
    value: Quantity::new(40.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal, after Patil 2026",
    date: "2026-11-23",
    applies_to: "dedicated GPUs",
};

const WASTED: Limit<Percent> = Limit {
    name: "mean demand, as share of goodput, below which it is a failure",
    value: Quantity::new(15.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal, after Patil 2026",
    date: "2026-11-23",
    applies_to: "dedicated GPUs without another reason",
};

/// See the module.
pub struct CapCostEfficiency;

impl Check for CapCostEfficiency {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let demand: Demand = evidence.get("/engagement/demand")?;
        let slo: ServiceLevel = evidence.get("/engagement/slo")?;
        let absent = |what: &str| Missing::new(Absence::Absent, format!("{what} is not stated"));
        let mean =
            demand.mean_requests_per_s.filter(|mean| *mean > 0.0).ok_or_else(|| absent("the mean demand"))?;
        let replicas = demand
            .replicas
            .filter(|replicas| *replicas > 0)
            .ok_or_else(|| absent("the number of replicas that serve today"))?;
        let tests = load::tests(evidence)?;
        let (goodput, showing) = load::goodput(&tests, load::target(&slo)?)?;
        if goodput <= 0.0 {
            let reason = "the service level is met at none of the tested rates: no token is within it";
            return Err(Missing::new(Absence::Skipped, reason));
        }
        let share = Quantity::new(100.0 * mean / (f64::from(replicas) * goodput));
        let message = format!(
            "the mean demand takes {:.1} % of the goodput of {}",
            share.number(),
            load::replicas(replicas)
        );
        let told = format!("goodput {goodput:.2} requests per second a replica");
        let finding = if evidence.limit(&META, &WASTED).is_undercut_by(share) {
            META.fail("use of capacity", message)
        } else if evidence.limit(&META, &USED).is_undercut_by(share) {
            META.warn("use of capacity", message)
        } else {
            META.pass("use of capacity", message)
        };
        let finding = finding.with_likelihood(Likelihood::Mechanism).with_confidence(Confidence::Medium);
        let finding = load::cite_all(finding, &showing, &told);
        let cost = cost(evidence, &demand, mean, replicas)
            .unwrap_or_else(|missing| META.not_run("cost of a token", missing.reason));
        let mut findings = vec![finding, cost];
        // What could not be used may have shown that the replicas can do more, which makes the use smaller.
        let open = tests.iter().filter(|test| load::countable(test).is_err());
        let above = open.filter(|test| test.offered_rps.is_some_and(|rate| rate > goodput)).count();
        if above > 0 {
            let message = format!("{above} load tests at higher rates cannot be used: goodput may be higher");
            findings.push(META.not_run("use of capacity", message));
        }
        Ok(findings)
    }
}

/// What a million output tokens cost at the mean demand.
fn cost(evidence: &Evidence<'_>, demand: &Demand, mean: f64, replicas: u32) -> Result<Finding, Missing> {
    let prices: Prices = evidence.get("/engagement/prices")?;
    let absent = |what: &str| Missing::new(Absence::Absent, format!("{what} is not stated"));
    let tokens = demand
        .output_tokens
        .filter(|tokens| *tokens > 0.0)
        .ok_or_else(|| absent("the number of output tokens"))?;
    if prices.currency.is_empty() {
        return Err(absent("the currency"));
    }
    let per_replica = gpus_per_replica(evidence.servers()?)?;
    // Asked only where it matters: a rented GPU costs the same wherever it is.
    let on_node = match prices.gpu_hour {
        Some(_) => 0,
        None => evidence.gpus()?.iter().filter(|gpu| gpu.kind == "GPU").count(),
    };
    let watts = evidence.get::<Vec<GpuTime>>("/window/gpus").ok().and_then(|gpus| gpu_watts(&gpus));
    let (hourly, basis) = hourly_cost(&prices, per_replica, on_node, watts)?;
    let million = f64::from(replicas) * hourly / (mean * tokens * 3600.0 / 1e6);
    let message = format!(
        "{million:.2} {} per million output tokens at the mean demand (modelled: {} with {per_replica} \
         GPUs each, {basis})",
        prices.currency,
        load::replicas(replicas)
    );
    Ok(META.info("cost of a token", message).with_confidence(Confidence::Medium))
}
