//! The benchmark report of llm-d: read in its versions 0.1 and 0.2, written in 0.2.

use std::hash::{DefaultHasher, Hash, Hasher};

use plumb_evidence::model::{ImportedResult, ImportedRun, LatencySummary};
use serde_json::{Map, Value, json};

use super::{latency, number, text};

/// Version that is written.
const VERSION: &str = "0.2";

/// The run of a report; `None` for another document.
pub(super) fn read(document: &Value) -> Option<ImportedRun> {
    document.get("version")?;
    // Version 0.1 had the aggregate at the top.
    let own = document
        .pointer("/results/request_performance/aggregate")
        .or_else(|| document.get("metrics").filter(|own| own.get("latency").is_some()))?;
    let total = number(own, "/requests/total");
    let failed = number(own, "/requests/failures");
    let requests = total.map(|total| total - failed.unwrap_or(0.0));
    let of = |name: &str| {
        let statistics = own.pointer(&format!("/latency/{name}"));
        let unit = statistics.and_then(|own| own.get("units")?.as_str()).unwrap_or("s");
        let scale = if unit.starts_with("ms") { 1.0 } else { 1e3 };
        latency(statistics, scale, requests.unwrap_or(0.0), "/mean", "/p50", "")
    };
    let mean = |path: &str| number(own, &format!("{path}/mean"));
    let load = "/scenario/load/standardized";
    let duration = text(document, "/run/time/duration");
    Some(ImportedRun {
        started: text(document, "/run/time/start"),
        model: document
            .pointer("/scenario/stack")
            .and_then(Value::as_array)
            .and_then(|stack| stack.iter().find_map(|one| one.pointer("/standardized/model/name")?.as_str()))
            .unwrap_or_default()
            .to_owned(),
        rate: number(document, &format!("{load}/rate_qps")),
        concurrency: number(document, &format!("{load}/concurrency")),
        seconds: seconds(&duration).or_else(|| number(own, "/time/duration")),
        requests,
        failed,
        prompt_tokens: mean("/requests/input_length"),
        output_tokens: mean("/requests/output_length"),
        requests_per_s: mean("/throughput/request_rate")
            .or_else(|| number(own, "/throughput/requests_per_sec")),
        output_tokens_per_s: mean("/throughput/output_token_rate")
            .or_else(|| number(own, "/throughput/output_tokens_per_sec")),
        ttft_ms: of("time_to_first_token"),
        itl_ms: of("inter_token_latency"),
        tpot_ms: of("time_per_output_token"),
        e2e_ms: of("request_latency"),
        ..ImportedRun::default()
    })
}

/// Seconds of `PT49.97S`, `PT1H2M3S`.
fn seconds(duration: &str) -> Option<f64> {
    let mut rest = duration.strip_prefix("PT")?;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let at = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let number: f64 = rest[..at].parse().ok()?;
        sum += number
            * match &rest[at..=at] {
                "H" => 3600.0,
                "M" => 60.0,
                "S" => 1.0,
                _ => return None,
            };
        rest = &rest[at + 1..];
    }
    Some(sum)
}

/// A report for one run; what is not known is left out.
#[must_use]
pub fn report(result: &ImportedResult, run: &ImportedRun) -> Value {
    let mut hasher = DefaultHasher::new();
    (&run.started, &run.url, &run.model, &result.file, result.from.as_str()).hash(&mut hasher);
    run.requests.map(f64::to_bits).hash(&mut hasher);
    let mut time = Map::new();
    if !run.started.is_empty() {
        time.insert("start".to_owned(), json!(run.started));
    }
    if let Some(seconds) = run.seconds {
        time.insert("duration".to_owned(), json!(format!("PT{seconds}S")));
    }
    let statistics = |own: &LatencySummary, units: &str| {
        let mut told = Map::new();
        told.insert("units".to_owned(), json!(units));
        let values = [
            ("mean", own.mean),
            ("p50", own.p50),
            ("p90", own.p90),
            ("p95", own.p95),
            ("p99", own.p99),
            ("max", own.max),
        ];
        for (name, value) in values {
            if let Some(value) = value {
                told.insert(name.to_owned(), json!(value / 1e3));
            }
        }
        own.mean.map(|_| Value::Object(told))
    };
    let mean = |value: Option<f64>, units: &str| value.map(|value| json!({ "units": units, "mean": value }));
    let only = |fields: Vec<(&str, Option<Value>)>| {
        let known = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(known.collect())
    };
    let failed = run.failed.unwrap_or(0.0);
    let requests = only(vec![
        ("total", Some(json!((run.requests.unwrap_or(0.0) + failed) as u64))),
        ("failures", run.failed.map(|failed| json!(failed as u64))),
        ("input_length", mean(run.prompt_tokens, "count")),
        ("output_length", mean(run.output_tokens, "count")),
    ]);
    let latency = only(vec![
        ("time_to_first_token", statistics(&run.ttft_ms, "s")),
        ("inter_token_latency", statistics(&run.itl_ms, "s/token")),
        ("time_per_output_token", statistics(&run.tpot_ms, "s/token")),
        ("request_latency", statistics(&run.e2e_ms, "s")),
    ]);
    let throughput = only(vec![
        ("request_rate", mean(run.requests_per_s, "queries/s")),
        ("output_token_rate", mean(run.output_tokens_per_s, "tokens/s")),
    ]);
    let mut load = json!({
        "tool": result.from,
        "tool_version": result.from_version,
        "source": if result.from == "plumb bench" { "random" } else { "unknown" },
        "input_seq_len": { "distribution": "other", "value": run.prompt_tokens.unwrap_or(0.0) },
    });
    for (name, value) in [("rate_qps", run.rate), ("concurrency", run.concurrency)] {
        if let (Some(value), Some(load)) = (value, load.as_object_mut()) {
            let whole = value.fract() == 0.0 && name == "concurrency";
            load.insert(name.to_owned(), if whole { json!(value as u64) } else { json!(value) });
        }
    }
    if let (Some(tokens), Some(load)) = (run.output_tokens, load.as_object_mut()) {
        load.insert("output_seq_len".to_owned(), json!({ "distribution": "other", "value": tokens }));
    }
    json!({
        "version": VERSION,
        "run": { "uid": format!("{:016x}", hasher.finish()), "time": time },
        "scenario": { "load": {
            "metadata": { "schema_version": "0.0.1" },
            "standardized": load,
            "native": {},
        } },
        "results": { "request_performance": { "aggregate": {
            "requests": requests,
            "latency": latency,
            "throughput": throughput,
        } } },
    })
}
