use plumb_evidence::Fact;
use plumb_evidence::model::{
    BenchLoad, BenchResult, BenchTarget, Demand, Engagement, ExperimentEffect, ExperimentResult,
    InferenceServer, Judged, MONTH_HOURS, Measurements, Prices, ServiceLevel,
};
use proptest::prelude::*;

use super::*;
use crate::testing::empty_evidence;

fn of(evidence: &Evidence) -> Capacity {
    Capacity::of(evidence, &Speech::new::<&str>(&[]))
}

fn bench(rate: f64, requests: u64, met: u64) -> BenchResult {
    BenchResult {
        valid: true,
        open_loop: true,
        offered_rps: Some(rate),
        seconds: requests as f64 / rate,
        requests,
        load: BenchLoad {
            text: format!("open poisson {rate}/s"),
            prompt_tokens: Some(2000),
            output_tokens: Some(200),
            ..BenchLoad::default()
        },
        target: BenchTarget { url: "http://127.0.0.1:8000".into(), ..BenchTarget::default() },
        judged: Some(Judged {
            requests,
            met,
            undetermined: 0,
            independent: requests as f64,
            independent_missed: requests as f64,
        }),
        path: format!("measurements/bench-{rate}.json"),
        ..BenchResult::default()
    }
}

/// 95 % wanted, 40 requests a second at the peak, 4 GPUs each, 2 EUR an hour.
fn evidence(tests: Vec<BenchResult>) -> Evidence {
    let mut evidence = empty_evidence();
    evidence.engagement = Fact::Known(Engagement {
        slo: Fact::Known(ServiceLevel {
            percentile: Some(95.0),
            ttft_ms: Some(500.0),
            ..ServiceLevel::default()
        }),
        demand: Fact::Known(Demand {
            peak_requests_per_s: Some(40.0),
            mean_requests_per_s: Some(10.0),
            prompt_tokens: Some(2000.0),
            output_tokens: Some(200.0),
            replicas: Some(9),
            ..Demand::default()
        }),
        prices: Fact::Known(Prices {
            currency: "EUR".into(),
            gpu_hour: Some(2.0.into()),
            ..Prices::default()
        }),
        ..Engagement::default()
    });
    let server = InferenceServer {
        kind: "vllm".into(),
        options: Fact::Known([].into()),
        tensor_parallel: Fact::Known(4),
        pipeline_parallel: Fact::Known(1),
        data_parallel: Fact::Known(1),
        ..InferenceServer::default()
    };
    evidence.servers = Fact::Known(vec![server]);
    evidence.measurements =
        Fact::Known(Measurements { bench: Fact::Known(tests), ..Measurements::default() });
    evidence
}

fn with_effect(mut evidence: Evidence, low: f64, ratio: f64, high: f64, verdict: &str) -> Evidence {
    let effect = |metric: &str, (low, ratio, high): (f64, f64, f64)| ExperimentEffect {
        cell: "pinned".into(),
        against: "unpinned".into(),
        factor: "placement".into(),
        metric: metric.into(),
        ratio,
        low: Some(low),
        high: Some(high),
        verdict: verdict.into(),
        ..ExperimentEffect::default()
    };
    let experiment = ExperimentResult {
        valid: true,
        name: "pinning".into(),
        primary: "e2e_p95".into(),
        effects: vec![
            effect("e2e_p95", (1.0 / high, 1.0 / ratio, 1.0 / low)),
            effect("output_tokens_per_s", (low, ratio, high)),
        ],
        ..ExperimentResult::default()
    };
    if let Fact::Known(measurements) = &mut evidence.measurements {
        measurements.experiments = Fact::Known(vec![experiment]);
    }
    evidence
}

fn rates() -> Vec<BenchResult> {
    vec![bench(2.0, 1000, 1000), bench(5.2, 1000, 990), bench(6.0, 1000, 955), bench(8.0, 1000, 500)]
}

#[test]
fn the_published_illustration_comes_out() {
    // D = 40, u = 0.8, η = 1, k = 1: goodput 5.2 needs 11, 6.1 needs 10, 5.4 still 11.
    for (goodput, expected) in [(5.2, 11), (6.1, 10), (5.4, 11)] {
        assert_eq!(replicas(40.0, 0.8, 1.0, goodput, 1), expected, "{goodput}");
    }
}

#[test]
fn a_plan_has_a_range_and_its_labels() {
    let capacity = of(&evidence(rates()));
    let goodput = capacity.goodput.as_ref().unwrap();
    assert!((goodput.rate.low - 5.2).abs() < 1e-9, "{:?}", goodput.rate);
    assert!(goodput.rate.base > 6.0 && goodput.rate.high > goodput.rate.base && goodput.rate.high < 8.0);
    assert!(!goodput.at_least);
    let plan = capacity.plan.as_ref().unwrap();
    assert_eq!(
        (plan.planned, plan.gpus.unwrap().high),
        (12, 48),
        "40 / (0.8 · 0.95 · 5.2) = 10.1, and one spare"
    );
    assert!(capacity.assumptions.iter().any(|a| a.id == "utilisation" && a.label == Label::Assumed));
    let money = capacity.money.as_ref().unwrap();
    assert!((money.month.high.low - 48.0 * 2.0 * 730.5).abs() < 1e-6, "{money:?}");
    assert!((money.today.unwrap().high - 36.0 * 2.0 * 730.5).abs() < 1e-6);
    assert_eq!(money.saved, None);
    assert_eq!(capacity.effect.state, EffectState::NotTested);
}

#[test]
fn balancing_is_that_of_the_replicas_that_are_planned() {
    // The review's case: peak 80, goodput 20, one replica today.
    let mut evidence = evidence(vec![bench(20.0, 1000, 1000)]);
    let Fact::Known(engagement) = &mut evidence.engagement else { panic!() };
    let Fact::Known(demand) = &mut engagement.demand else { panic!() };
    (demand.peak_requests_per_s, demand.replicas) = (Some(80.0), Some(1));
    let capacity = of(&evidence);
    assert_eq!(capacity.plan.unwrap().planned, 7);
    assert!(capacity.assumptions.iter().any(|own| own.id == "balancing" && own.value == 0.95));
}

#[test]
fn gpus_are_those_behind_the_url_that_was_tested() {
    let with = |data_parallel, url: &str| {
        let mut evidence = evidence(rates());
        let Fact::Known(servers) = &mut evidence.servers else { panic!() };
        servers[0].data_parallel = Fact::Known(data_parallel);
        let Fact::Known(measurements) = &mut evidence.measurements else { panic!() };
        let Fact::Known(tests) = &mut measurements.bench else { panic!() };
        tests.iter_mut().for_each(|test| test.target.url = url.into());
        of(&evidence)
    };
    let own = "http://127.0.0.1:8000";
    assert_eq!(with(1, own).plan.unwrap().gpus.unwrap().high, 12 * 4);
    assert_eq!(with(8, own).plan.unwrap().gpus.unwrap().high, 12 * 32);
    // A router in front of who knows how many.
    let routed = with(1, "http://127.0.0.1:9000");
    let plan = routed.plan.unwrap();
    assert_eq!((plan.planned, plan.gpus, routed.money), (12, None, None));
    assert!(routed.no_money.unwrap().contains("http://127.0.0.1:9000"));
}

#[test]
fn without_a_load_test_there_is_no_number_and_no_money() {
    let capacity = of(&evidence(Vec::new()));
    assert!(capacity.goodput.is_none() && capacity.plan.is_none() && capacity.money.is_none());
    assert!(capacity.no_plan.unwrap().starts_with("without a load test"));
    assert!(capacity.no_money.is_some() && capacity.sensitivity.is_empty());
    let never = of(&evidence(vec![bench(2.0, 1000, 100)]));
    assert!(never.no_plan.unwrap().contains("none of the tested rates"));
    let mut closed = bench(2.0, 1000, 1000);
    closed.open_loop = false;
    assert!(of(&evidence(vec![closed])).plan.is_none(), "a closed loop hides queueing");
}

#[test]
fn nothing_is_said_beyond_the_highest_rate() {
    let capacity = of(&evidence(vec![bench(2.0, 1000, 1000), bench(4.0, 1000, 1000)]));
    let goodput = capacity.goodput.unwrap();
    assert!(goodput.at_least && (goodput.rate.high - 4.0).abs() < 1e-9);
}

#[test]
fn a_saving_is_booked_only_where_it_was_shown() {
    let saving = |low, ratio, high| of(&with_effect(evidence(rates()), low, ratio, high, "improved")).saving;
    let clear = saving(1.15, 1.2, 1.25).unwrap();
    assert!(clear.booked && clear.fewer >= 1, "{clear:?}");
    assert_eq!(saving(0.98, 1.05, 1.12), None, "the interval holds no change");
    let capacity = of(&with_effect(evidence(rates()), 0.98, 1.0, 1.02, "no-measured-effect"));
    assert_eq!(capacity.effect.state, EffectState::NoMeasuredEffect);
    assert!(capacity.saving.is_none() && capacity.money.unwrap().saved.is_none());
    // 40 / (0.76 · 5.2) = 10.12 replicas: one per cent is not enough for a whole one.
    let small = saving(1.001, 1.003, 1.005).unwrap();
    assert!(!small.booked, "{small:?}");
}

proptest! {
    #[test]
    fn more_demand_never_needs_fewer_and_more_goodput_never_more(
        demand in 0.0_f64..1e4, more in 0.0_f64..1e3, goodput in 0.01_f64..1e3, better in 0.0_f64..1e2,
        u in 0.05_f64..1.0, eta in 0.5_f64..1.0, spare in 0_u32..4,
    ) {
        let n = replicas(demand, u, eta, goodput, spare);
        prop_assert!(n > spare);
        prop_assert!(replicas(demand + more, u, eta, goodput, spare) >= n);
        prop_assert!(replicas(demand, u, eta, goodput + better, spare) <= n);
        prop_assert_eq!(replicas(demand, u, eta, goodput, spare + 1), n + 1);
        // It is enough: what is planned, spares aside, carries the demand.
        let served = f64::from(n - spare) * u * eta * goodput;
        prop_assert!(served >= demand * (1.0 - 1e-6));
        // And not one too many.
        prop_assert!(n - spare == 1 || f64::from(n - spare - 1) * u * eta * goodput <= demand * (1.0 + 1e-6));
    }

    #[test]
    fn ranges_are_in_order_whatever_was_measured(
        tests in prop::collection::vec((0.1_f64..50.0, 1_u64..3000, 0.0_f64..1.0), 0..8),
        low in 0.5_f64..1.5, width in 0.0_f64..0.5,
    ) {
        let tests = tests.into_iter().map(|(rate, n, share)| bench(rate, n, (n as f64 * share) as u64)).collect();
        let evidence = with_effect(evidence(tests), low, low + width / 2.0, low + width, "improved");
        let capacity = of(&evidence);
        prop_assert_eq!(&capacity, &of(&evidence));
        if let Some(goodput) = &capacity.goodput {
            let rate = goodput.rate;
            prop_assert!(rate.low <= rate.base && rate.base <= rate.high);
            let highest = goodput.points.iter().map(|point| point.rate).fold(0.0, f64::max);
            prop_assert!(rate.high <= highest + 1e-9, "never beyond what was tested");
        }
        if let Some(plan) = &capacity.plan {
            prop_assert!(plan.replicas.low <= plan.replicas.base && plan.replicas.base <= plan.replicas.high);
            prop_assert_eq!(plan.planned, plan.replicas.high);
        } else {
            prop_assert!(capacity.no_plan.is_some() && capacity.money.is_none());
        }
        if let Some(saving) = &capacity.saving {
            prop_assert!((0.0..=1.0).contains(&saving.probability));
            prop_assert!(!saving.booked || (saving.change.ratio.low > 1.0 && saving.fewer > 0));
        }
    }
}

#[test]
fn each_step_is_where_one_replica_less_is_enough() {
    let capacity = of(&evidence(rates()));
    let (plan, steps) = (capacity.plan.unwrap(), capacity.steps);
    assert_eq!((steps[0].from, steps[0].replicas), (capacity.goodput.unwrap().rate.low, plan.planned));
    assert!(steps.len() > 2 && steps.windows(2).all(|pair| pair[0].from < pair[1].from), "{steps:?}");
    for step in &steps[1..] {
        let needed = |rate: f64| replicas(plan.demand, 0.8, 0.95, rate, 1);
        assert_eq!(needed(step.from), step.replicas, "{step:?}");
        assert_eq!(needed(step.from * 0.999), step.replicas + 1, "{step:?}");
        let price = 2.0 * MONTH_HOURS * f64::from(step.gpus.unwrap());
        assert!((step.month.unwrap().low - price).abs() < 1e-6, "{step:?}");
    }
}
