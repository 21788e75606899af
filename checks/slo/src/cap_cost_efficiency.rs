//! `cap.cost-efficiency`: cost per useful token is known and justified.
//!
//! Money comes from the client's prices alone, and only where a load test measured goodput; else there is no figure. The
//! cost of a million output tokens within the service level is cost per hour over tokens per hour at the mean demand, idle
//! hours included: a fleet that stands still costs the same. Purchased servers are written off over 8766 hours a year;
//! energy is taken from the power that NVML read, and only where it was under load.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{Demand, Gpu, GpuTime, InferenceServer, Prices, ServiceLevel};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Finding, Likelihood,
    Missing, Reference, Remediation, Severity, ThresholdBasis,
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
        let (goodput, test) = load::goodput(&tests, load::target(&slo)?)?;
        let (Some(test), true) = (test, goodput > 0.0) else {
            let reason = "the service level is met at none of the tested rates: no token is within it";
            return Err(Missing::new(Absence::Skipped, reason));
        };
        let share = Quantity::new(100.0 * mean / (f64::from(replicas) * goodput));
        let message = format!(
            "the mean demand takes {:.1} % of the goodput of {}",
            share.number(),
            load::replicas(replicas)
        );
        let citation =
            Citation::new(&test.path, format!("goodput {goodput:.2} requests per second a replica"));
        let finding = if evidence.limit(&META, &WASTED).is_undercut_by(share) {
            META.fail("use of capacity", message)
        } else if evidence.limit(&META, &USED).is_undercut_by(share) {
            META.warn("use of capacity", message)
        } else {
            META.pass("use of capacity", message)
        };
        let finding = finding
            .with_likelihood(Likelihood::Mechanism)
            .with_confidence(Confidence::Medium)
            .with_evidence(citation);
        let cost = cost(evidence, &demand, mean, replicas)
            .unwrap_or_else(|missing| META.not_run("cost of a token", missing.reason));
        let mut findings = vec![finding, cost];
        // What could not be used may have shown that the replicas can do more, which makes the use smaller.
        let open = tests.iter().filter(|test| load::usable(test).is_err());
        let above = open.filter(|test| test.offered_rps.is_some_and(|rate| rate > goodput)).count();
        if above > 0 {
            let message = format!("{above} load tests at higher rates cannot be used: goodput may be higher");
            findings.push(META.not_run("use of capacity", message));
        }
        Ok(findings)
    }
}

/// Hours of a year.
const YEAR_HOURS: f64 = 8766.0;
/// Hours of a month.
const MONTH_HOURS: f64 = YEAR_HOURS / 12.0;

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
    let per_replica = gpus_per_replica(evidence)?;
    let (hourly, basis) = hourly(evidence, &prices, per_replica)?;
    let million = f64::from(replicas) * hourly / (mean * tokens * 3600.0 / 1e6);
    let message = format!(
        "{million:.2} {} per million output tokens at the mean demand (modelled: {} with {per_replica} \
         GPUs each, {basis})",
        prices.currency,
        load::replicas(replicas)
    );
    Ok(META.info("cost of a token", message).with_confidence(Confidence::Medium))
}

/// GPUs of one replica, where all servers of the node are alike.
fn gpus_per_replica(evidence: &Evidence<'_>) -> Result<u32, Missing> {
    let servers: &[InferenceServer] = evidence.servers()?;
    let mut sizes = Vec::new();
    for server in servers {
        sizes.push(server.tensor_parallel.require()? * server.pipeline_parallel.require()?);
    }
    sizes.dedup();
    match sizes.as_slice() {
        [size] if *size > 0 => Ok(*size),
        [] => Err(Missing::new(
            Absence::Skipped,
            "no inference server runs, so the GPUs of a replica are not known",
        )),
        _ => Err(Missing::new(Absence::Skipped, "the servers of the node have replicas of different sizes")),
    }
}

/// Cost of a replica for an hour, and what it is made of.
fn hourly(evidence: &Evidence<'_>, prices: &Prices, gpus: u32) -> Result<(f64, String), Missing> {
    if let Some(price) = prices.gpu_hour {
        return Ok((price * f64::from(gpus), "price of a GPU hour".to_owned()));
    }
    let (Some(server), Some(years)) = (prices.server, prices.depreciation_years.filter(|years| *years > 0.0))
    else {
        let reason =
            "neither the price of a GPU hour nor that of a server with the years of depreciation is stated";
        return Err(Missing::new(Absence::Absent, reason));
    };
    let on_node: Vec<&Gpu> = evidence.gpus()?.iter().filter(|gpu| gpu.kind == "GPU").collect();
    if on_node.is_empty() {
        return Err(Missing::new(
            Absence::Absent,
            "the node has no GPU to spread the price of the server over",
        ));
    }
    let part = f64::from(gpus) / on_node.len() as f64;
    let mut cost = part * server / (years * YEAR_HOURS);
    let mut basis = "server".to_owned();
    if let Some(hosting) = prices.hosting_month {
        cost += part * hosting / MONTH_HOURS;
        basis.push_str(", hosting");
    }
    match (prices.kwh, watts(evidence)) {
        (Some(price), Some(watts)) => {
            cost += f64::from(gpus) * watts / 1000.0 * price * prices.pue.unwrap_or(1.0);
            basis.push_str(", energy of the GPUs");
        }
        _ => basis.push_str(", without energy"),
    }
    Ok((cost, basis))
}

/// Mean power of a GPU during the window in W, where any was at work.
fn watts(evidence: &Evidence<'_>) -> Option<f64> {
    let gpus: Vec<GpuTime> = evidence.get("/window/gpus").ok()?;
    let at_work = gpus
        .iter()
        .filter(|gpu| gpu.utilization_percent.known().is_some_and(|series| series.iter().any(|p| *p > 0)));
    let power: Vec<f64> = at_work.filter_map(|gpu| gpu.power_watts.known()).flatten().copied().collect();
    (!power.is_empty()).then(|| power.iter().sum::<f64>() / power.len() as f64)
}
