//! `cap.cost-efficiency`: cost per useful token is known and justified.
//!
//! Money comes from the client's prices alone, and only where a load test measured goodput; else there is no figure. The
//! cost of a million output tokens within the service level is cost per hour over tokens per hour at the mean demand, idle
//! hours included: a fleet that stands still costs the same. Purchased servers are written off over 8766 hours a year;
//! energy is taken from the power that NVML read, and only where it was under load.

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{Demand, GpuTime, Prices, ServiceLevel, gpu_watts, gpus_behind, hourly_cost};
use plumb_check_sdk::{Arg, Confidence, Evidence, Finding, Likelihood, NoVerdict, Said, Step};

use crate::load::{self, Promise, of_service, step};
use crate::pages::cap_cost_efficiency::{PAGE, USED, WASTED, words};
use crate::pages::cap_headroom;

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let demand: Demand = evidence.get("/engagement/demand")?;
    let slo: ServiceLevel = evidence.get("/engagement/slo")?;
    let mean = demand.mean_requests_per_s.filter(|mean| *mean > 0.0).ok_or(words::NoMean {})?;
    let replicas = demand.replicas.filter(|replicas| *replicas > 0).ok_or(words::NoReplicas {})?;
    let tests = load::tests(evidence)?;
    let promise = Promise::new(&slo, Some(&demand));
    let (goodput, showing) = promise.goodput(&tests)?;
    PAGE.not_run_if(goodput <= 0.0, words::NoGoodput {})?;
    let used = Quantity::new(100.0 * mean / (f64::from(replicas) * goodput));
    let (share, replicas_count) = (Arg::of(used, 1), Arg::from(replicas));
    let object = of_service("use of capacity");
    // Fewer replicas are an answer only where they would have room for the peak, and for the loss of one.
    let roomy = evidence.limit(&cap_headroom::PAGE, &cap_headroom::ROOMY);
    let is_spare = |peak: f64| {
        let fewer = f64::from(replicas - 1) * goodput;
        !roomy.is_exceeded_by(Quantity::new(100.0 * peak / fewer)) && peak <= fewer - goodput
    };
    let (peak, fewer) = match demand.peak_requests_per_s {
        Some(peak) if is_spare(peak) => ("fits", Step::Consolidate),
        Some(_) => ("needs", Step::PlanCapacity),
        None => ("unknown", Step::PlanCapacity),
    };
    let peak = Arg::text(peak);
    let finding = if evidence.limit(&PAGE, &WASTED).is_undercut_by(used) {
        PAGE.fail(object, words::Wasted { peak, replicas_count, share }).with_intent(step(fewer))
    } else if evidence.limit(&PAGE, &USED).is_undercut_by(used) {
        PAGE.warn(object, words::Idle { peak, replicas_count, share }).with_intent(step(fewer))
    } else {
        PAGE.pass(object, words::Used { replicas_count, share })
    };
    let finding = finding.with_likelihood(Likelihood::Mechanism).with_confidence(Confidence::Medium);
    let told = format!("goodput {goodput:.2} requests per second a replica");
    let mut findings = vec![load::cite_all(finding, &showing, &told)];
    let object = of_service("cost of a token");
    let url = showing.first().map_or("", |test| &test.target.url);
    let told = |said| PAGE.info(object.clone(), said).with_confidence(Confidence::Medium);
    findings.push(PAGE.settle(object.clone(), cost(evidence, &demand, mean, replicas, url).map(told)));
    // What could not be used may have shown that the replicas can do more, which makes the use smaller.
    let open = tests.iter().filter(|test| promise.attainment(test).is_err());
    let above = open.filter(|test| test.offered_rps.is_some_and(|rate| rate > goodput)).count();
    if above > 0 {
        let said = words::UnusedAbove { tests_count: above.into() };
        findings.push(PAGE.not_run(of_service("use of capacity"), said));
    }
    Ok(findings)
}

/// What a million output tokens cost at the mean demand; or why that is not known.
fn cost(evidence: &Evidence<'_>, demand: &Demand, mean: f64, replicas: u32, url: &str) -> Result<Said, Said> {
    let prices: Prices = evidence.get("/engagement/prices")?;
    // There is no goodput where the demand does not say how many tokens a request has.
    let tokens = demand.output_tokens.filter(|tokens| *tokens > 0.0).ok_or(words::NoGoodput {})?;
    if prices.currency.is_empty() {
        return Err(words::NoCurrency {}.into());
    }
    let hostname = evidence.get::<String>("/node/hostname").ok();
    let of_url = |servers: &[_]| gpus_behind(url, hostname.as_deref(), servers);
    let per_replica = evidence.servers().and_then(of_url)?;
    // Asked only where it matters: a rented GPU costs the same wherever it is.
    let on_node = match prices.gpu_hour {
        Some(_) => 0,
        None => evidence.gpus()?.iter().filter(|gpu| gpu.kind == "GPU").count(),
    };
    let watts = evidence.get::<Vec<GpuTime>>("/window/gpus").ok().and_then(|gpus| gpu_watts(&gpus));
    let (hourly, _) = hourly_cost(&prices, per_replica, on_node, watts)?;
    let million = hourly.map(|hourly| f64::from(replicas) * hourly / (mean * tokens * 3600.0 / 1e6));
    let known = |known: bool| Arg::text(if known { "yes" } else { "no" });
    let basis = Arg::text(if prices.gpu_hour.is_some() { "rented" } else { "owned" });
    let energy = known(prices.kwh.is_some() && watts.is_some());
    let hosting = known(prices.hosting_month.is_some());
    let (gpus_count, replicas_count) = (per_replica.into(), replicas.into());
    let money = |amount: f64| Arg::quantity(amount, prices.currency.as_str(), 2);
    let (least, most) = (money(million.low), money(million.high));
    Ok(if million.is_range() {
        words::CostRange { basis, energy, gpus_count, hosting, least, most, replicas_count }.into()
    } else {
        words::Cost { basis, energy, gpus_count, hosting, million: most, replicas_count }.into()
    })
}
