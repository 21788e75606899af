//! Documents in the forms that the tools write, with values made up here.

use super::*;

fn run(text: &str) -> (ImportedResult, ImportedRun) {
    let result = read("result.json", text).unwrap_or_else(|error| panic!("{error}"));
    let run = result.runs[0].clone();
    (result, run)
}

fn cannot(result: &ImportedResult, words: &str) -> bool {
    result.cannot_prove.iter().any(|sentence| sentence.contains(words))
}

#[test]
fn vllm_bench_serve() {
    let (result, run) = run(
        r#"{"date":"20260102-030405","backend":"vllm","model_id":"m","num_prompts":100,"request_rate":4.0,
        "max_concurrency":null,"duration":25.0,"completed":98,"total_input_tokens":9800,"total_output_tokens":4900,
        "request_throughput":3.92,"output_throughput":196.0,"mean_ttft_ms":50.0,"median_ttft_ms":40.0,"p99_ttft_ms":200.0,
        "mean_tpot_ms":10.0,"median_tpot_ms":9.0,"mean_itl_ms":11.0,"mean_e2el_ms":600.0,"p99_e2el_ms":900.0}"#,
    );
    assert_eq!((result.from.as_str(), run.rate, run.concurrency), ("vllm bench serve", Some(4.0), None));
    assert_eq!((run.requests, run.failed), (Some(98.0), Some(2.0)));
    assert_eq!((run.prompt_tokens, run.output_tokens), (Some(100.0), Some(50.0)));
    assert_eq!(
        (run.ttft_ms.mean, run.ttft_ms.p50, run.ttft_ms.p95, run.ttft_ms.p99),
        (Some(50.0), Some(40.0), None, Some(200.0))
    );
    assert_eq!((run.e2e_ms.mean, run.tpot_ms.p50), (Some(600.0), Some(9.0)));
    assert!(cannot(&result, "coordinated omission") && cannot(&result, "left out of its percentiles"));
    assert!(cannot(&result, "gap between chunks"));
}

#[test]
fn guidellm_has_several_runs_and_seconds() {
    let text = r#"{"metadata":{"guidellm_version":"0.6.1"},"benchmarks":[
        {"start_time":1767323045.5,"duration":30.0,"config":{"strategy":{"type_":"constant","rate":5.0},"backend":{"model":"m","target":"http://h"}},
         "metrics":{"request_totals":{"successful":140,"errored":3,"incomplete":7,"total":150},
           "requests_per_second":{"successful":{"mean":4.7}},"output_tokens_per_second":{"successful":{"mean":240.0}},
           "prompt_token_count":{"successful":{"mean":128.0}},"output_token_count":{"successful":{"mean":51.0}},
           "time_to_first_token_ms":{"successful":{"mean":30.0,"median":28.0,"max":90.0,"percentiles":{"p90":50.0,"p95":60.0,"p99":80.0}}},
           "request_latency":{"successful":{"mean":0.9,"median":0.8,"percentiles":{"p95":1.5}}}}},
        {"config":{"strategy":{"type_":"concurrent","streams":8}},"metrics":{"request_totals":{"successful":9,"errored":0,"incomplete":0}}}]}"#;
    let (result, run) = run(text);
    assert_eq!(
        (result.from.as_str(), result.from_version.as_str(), result.runs.len()),
        ("guidellm", "0.6.1", 2)
    );
    assert_eq!((run.rate, run.failed, run.url.as_str()), (Some(5.0), Some(10.0), "http://h"));
    assert_eq!(run.started, "2026-01-02T03:04:05Z");
    assert_eq!(
        (run.ttft_ms.p95, run.ttft_ms.max, run.e2e_ms.mean, run.e2e_ms.p95),
        (Some(60.0), Some(90.0), Some(900.0), Some(1500.0))
    );
    assert_eq!((result.runs[1].concurrency, result.runs[1].ttft_ms.count), (Some(8.0), 0));
}

#[test]
fn aiperf_tells_units() {
    let (result, run) = run(
        r#"{"request_count":{"unit":"requests","avg":64.0},"request_throughput":{"unit":"requests/sec","avg":3.2},
        "request_latency":{"unit":"ms","avg":1200.0,"p50":1100.0,"p95":1900.0,"p99":2500.0,"max":2600.0},
        "time_to_first_token":{"unit":"s","avg":0.05,"p50":0.04,"p90":0.08},
        "inter_token_latency":{"unit":"ms","avg":12.0},"output_token_throughput":{"unit":"tokens/sec","avg":160.0},
        "input_sequence_length":{"avg":128.0},"output_sequence_length":{"avg":50.0},"error_summary":[{"count":2}],
        "input_config":{"endpoint":{"model_names":["m"],"url":"http://h:8000"},"loadgen":{"concurrency":16}},
        "start_time":"2026-01-02T03:04:05"}"#,
    );
    assert_eq!((result.from.as_str(), run.concurrency, run.failed), ("aiperf", Some(16.0), Some(2.0)));
    assert_eq!((run.ttft_ms.mean, run.ttft_ms.p90, run.e2e_ms.p99), (Some(50.0), Some(80.0), Some(2500.0)));
    assert_eq!((run.model.as_str(), run.requests), ("m", Some(64.0)));
}

#[test]
fn inference_perf_counts_in_seconds() {
    let (result, run) = run(
        r#"{"load_summary":{"count":80,"requested_rate":0.5},"successes":{"count":79,"latency":{
        "request_latency":{"mean":4.25,"median":4.0,"p90":5.0,"p99":7.0,"max":7.5},"time_to_first_token":{"mean":0.25}},
        "prompt_len":{"mean":4476.0},"output_len":{"mean":200.0},
        "throughput":{"output_tokens_per_sec":216.0,"requests_per_sec":0.5}},"failures":{"count":1}}"#,
    );
    assert_eq!(
        (result.from.as_str(), run.requests, run.failed, run.rate),
        ("inference-perf", Some(79.0), Some(1.0), Some(0.5))
    );
    assert_eq!(
        (run.e2e_ms.mean, run.e2e_ms.p50, run.e2e_ms.max, run.ttft_ms.mean),
        (Some(4250.0), Some(4000.0), Some(7500.0), Some(250.0))
    );
    assert!(cannot(&result, "coordinated omission"));
}

/// What the schema of version 0.2 allows below each part, and what it needs.
fn holds_schema(report: &Value) {
    let keys = |path: &str, allowed: &[&str], needed: &[&str]| {
        let Some(own) = report.pointer(path).and_then(Value::as_object) else { panic!("no {path}") };
        own.keys()
            .for_each(|key| assert!(allowed.contains(&key.as_str()), "{path}: {key} is not in the schema"));
        needed.iter().for_each(|key| assert!(own.contains_key(*key), "{path}: {key} is needed"));
    };
    keys("", &["version", "run", "scenario", "results"], &["run", "results"]);
    keys("/run", &["uid", "eid", "cid", "pid", "time", "user", "description", "keywords"], &["uid"]);
    keys("/run/time", &["start", "end", "duration"], &[]);
    keys("/scenario/load", &["metadata", "standardized", "native"], &["metadata", "standardized", "native"]);
    let load = [
        "tool",
        "tool_version",
        "parallelism",
        "source",
        "stage",
        "input_seq_len",
        "output_seq_len",
        "prefix",
        "multi_turn",
        "rate_qps",
        "concurrency",
    ];
    keys("/scenario/load/standardized", &load, &["tool", "tool_version", "source", "input_seq_len"]);
    let aggregate = "/results/request_performance/aggregate";
    keys(aggregate, &["requests", "latency", "throughput"], &[]);
    keys(
        &format!("{aggregate}/requests"),
        &["total", "failures", "incomplete", "input_length", "output_length"],
        &["total"],
    );
    let latency = [
        "time_to_first_token",
        "normalized_time_per_output_token",
        "time_per_output_token",
        "inter_token_latency",
        "request_latency",
    ];
    keys(&format!("{aggregate}/latency"), &latency, &[]);
    keys(
        &format!("{aggregate}/throughput"),
        &["input_token_rate", "output_token_rate", "total_token_rate", "request_rate"],
        &[],
    );
    for part in ["latency", "throughput"] {
        for (name, statistics) in report.pointer(&format!("{aggregate}/{part}")).unwrap().as_object().unwrap()
        {
            let units = statistics["units"].as_str().unwrap();
            assert!(["s", "s/token", "tokens/s", "queries/s"].contains(&units), "{name}: {units}");
            assert!(statistics["mean"].is_number(), "{name}");
        }
    }
}

#[test]
fn a_report_of_llm_d_is_read_as_yaml_and_comes_back_as_it_was() {
    let yaml = "version: '0.2'\nrun:\n  uid: abc\n  time:\n    start: 2026-01-02T03:04:05Z\n    duration: PT1M30.5S\n\
                scenario:\n  stack:\n  - standardized:\n      model:\n        name: Qwen/Qwen3-0.6B\n  load:\n    metadata: {}\n    native: {}\n\
                \x20   standardized:\n      tool: inference-perf\n      tool_version: 0.3.0\n      source: sampled\n      rate_qps: 10\n\
                \x20     concurrency: .inf\n      input_seq_len:\n        distribution: fixed\n        value: 2148\n\
                results:\n  request_performance:\n    aggregate:\n      requests:\n        total: 500\n        failures: 5\n\
                \x20     latency:\n        time_to_first_token:\n          units: s\n          mean: 0.25\n          p50: 0.2\n          p99: 0.9\n\
                \x20       request_latency:\n          units: ms\n          mean: 1500\n      throughput:\n        request_rate:\n          units: queries/s\n          mean: 9.5\n";
    let (result, run) = run(yaml);
    assert_eq!(
        (result.from.as_str(), run.model.as_str(), run.rate, run.concurrency),
        ("llm-d", "Qwen/Qwen3-0.6B", Some(10.0), None)
    );
    assert_eq!((run.seconds, run.requests, run.failed), (Some(90.5), Some(495.0), Some(5.0)));
    assert_eq!(
        (run.ttft_ms.p99, run.e2e_ms.mean, run.requests_per_s),
        (Some(900.0), Some(1500.0), Some(9.5))
    );
    let written = report(&result, &run);
    holds_schema(&written);
    let again = super::llm_d::read(&written).unwrap();
    assert_eq!((again.ttft_ms, again.requests, again.seconds), (run.ttft_ms, run.requests, run.seconds));
}

#[test]
fn our_own_result_becomes_a_report_of_llm_d() {
    let bench = BenchResult {
        schema: 1,
        started: "2026-01-02T03:04:05Z".to_owned(),
        seconds: 30.0,
        requests: 100,
        errors: [("timeout".to_owned(), 2)].into(),
        requests_per_s: 3.2,
        uncorrected: plumb_evidence::model::Uncorrected {
            ttft_ms: LatencySummary {
                count: 98,
                mean: Some(50.0),
                p50: Some(45.0),
                ..LatencySummary::default()
            },
            ..Default::default()
        },
        ..BenchResult::default()
    };
    let (result, run) = run(&serde_json::to_string(&bench).unwrap());
    assert_eq!(
        (result.from.as_str(), run.requests, result.cannot_prove.len()),
        ("plumb bench", Some(98.0), 0)
    );
    let written = report(&result, &run);
    holds_schema(&written);
    let aggregate = &written["results"]["request_performance"]["aggregate"];
    assert_eq!(
        (&aggregate["requests"]["total"], &aggregate["requests"]["failures"]),
        (&100.into(), &2.into())
    );
    assert_eq!(aggregate["latency"]["time_to_first_token"]["p50"], 0.045);
    assert!(aggregate["latency"].get("request_latency").is_none(), "what is not known is left out");
}

#[test]
fn what_is_no_result_is_refused_with_its_keys() {
    let error = read("x.json", r#"{"hello": 1}"#).unwrap_err().to_string();
    assert!(error.contains("no result of AIPerf") && error.contains("hello"), "{error}");
    assert!(read("x.json", "{\"a\": ").unwrap_err().to_string().contains("neither JSON nor YAML"));
    assert!(read("x.json", "[1, 2]").is_err());
}
