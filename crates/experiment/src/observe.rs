//! One measurement of one launch: the load, what the kernel says of the server meanwhile, and what comes of both.

use std::io::{Read, Seek, SeekFrom};

use plumb_evidence::CpuSet;
use plumb_evidence::model::{BenchResult, GpuSample, LatencySummary, ServerWork};
use serde::Deserialize;

use super::analysis::Measurement;
use super::plan::ExperimentPlan;
use plumb_bench::{BenchError, Control, Load, Measured, Nonce, Phase, Plan, Prompts, Target, run};
use plumb_stats::mean;

/// Measures the server at `target`, whose first process is `leader`.
pub(crate) fn observe(
    plan: &ExperimentPlan,
    load: &Load,
    target: Target,
    leader: i32,
    client: &CpuSet,
    nonce: Nonce,
    control: &Control,
) -> Result<(Measurement, BenchResult), BenchError> {
    let mut bench = bench_plan(plan, load, target, client);
    bench.nonce = Some(nonce);
    bench.leader = Some(leader);
    let mut measured = run(&bench, control)?;
    let measurement = of(&mut measured);
    Ok((measurement, measured.result))
}

fn bench_plan(plan: &ExperimentPlan, load: &Load, target: Target, client: &CpuSet) -> Plan {
    let mut bench = Plan::new(target);
    bench.api = plan.server.api;
    bench.model.clone_from(&plan.server.model);
    bench.prompts = Prompts::Synthetic { tokens: plan.load.prompt_tokens, shared: 0.0 };
    bench.output_tokens = plan.load.output_tokens;
    bench.load = load.clone();
    bench.warmup = plan.load.warmup;
    bench.extent = plan.load.extent;
    bench.timeout = plan.load.timeout;
    // The same arrivals in every launch; prompts are new in each, since a running server may keep those of the one before.
    bench.seed = plan.design.seed;
    bench.threads = plan.load.threads;
    bench.cpus = client.iter().map(|cpu| cpu as usize).collect();
    bench.keep_records = true;
    bench
}

#[derive(Deserialize)]
struct Line {
    phase: Phase,
    sched_us: Option<i64>,
    first_us: Option<i64>,
    last_us: Option<i64>,
    miss: Option<serde::de::IgnoredAny>,
}

fn of(measured: &mut Measured) -> Measurement {
    let result = &measured.result;
    let rate = |value: fn(&ServerWork) -> f64| {
        result.work.as_ref().filter(|work| work.seconds > 0.0).map(|work| value(work) / work.seconds)
    };
    let mut measurement = Measurement {
        requests: result.requests,
        failed: result.errors.values().sum(),
        send_lag_p99_ms: result.send_lag_p99_ms,
        gpu_busy_percent: gpu_busy(&result.gpu),
        waiting: result.server.as_ref().and_then(|server| mean(&server.waiting)),
        in_flight: result.in_flight,
        server_e2e_ms: result.server.as_ref().and_then(|server| server.e2e_ms.and_then(|e2e| e2e.mean)),
        run_delay: rate(|work| work.run_delay_s),
        cpus_used: rate(|work| work.cpu_s),
        work: result.work.clone(),
        server: result.server.clone(),
        token_ratio: result.token_ratio,
        invalid: (!result.valid)
            .then(|| result.invalid_reason.clone().unwrap_or_else(|| "not valid".to_owned())),
        warnings: result.warnings.clone(),
        ..Measurement::default()
    };
    let mut put = |name: &str, value: Option<f64>| {
        if let Some(value) = value.filter(|value| value.is_finite() && *value > 0.0) {
            measurement.metrics.insert(name.to_owned(), value);
        }
    };
    let mut latency = |name: &str, summary: &LatencySummary| {
        for (quantile, value) in [("p50", summary.p50), ("p95", summary.p95), ("p99", summary.p99)] {
            put(&format!("{name}_{quantile}"), value);
        }
    };
    latency("ttft", &result.ttft_ms);
    latency("itl", &result.itl_ms);
    latency("e2e", &result.e2e_ms);
    put("output_tokens_per_s", Some(result.output_tokens_per_s));
    put("requests_per_s", Some(result.requests_per_s));
    let mut text = String::new();
    if let Some(file) = &mut measured.records
        && file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut text)).is_ok()
    {
        for line in text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
            let Line { phase: Phase::Measured, miss: None, .. } = &line else { continue };
            let since = |end: Option<i64>| Some((end? - line.sched_us?) as f64 / 1000.0);
            measurement.ttft_ms.extend(since(line.first_us));
            measurement.e2e_ms.extend(since(line.last_us));
        }
    }
    measurement
}

/// Mean over GPUs that were busy at all: of eight GPUs a server may use one.
fn gpu_busy(samples: &[GpuSample]) -> Option<f64> {
    let mut by_gpu: std::collections::BTreeMap<u32, Vec<f64>> = std::collections::BTreeMap::new();
    for sample in samples {
        if let Some(busy) = sample.busy_percent {
            by_gpu.entry(sample.index).or_default().push(busy);
        }
    }
    let means: Vec<f64> = by_gpu.values().filter_map(|values| mean(values)).collect();
    let used: Vec<f64> = means.iter().copied().filter(|busy| *busy >= 1.0).collect();
    mean(&used).or_else(|| means.first().map(|_| 0.0))
}
