//! Results of other load generators, read as facts and not as proof; and our own in a form that others read.

use plumb_evidence::model::{BenchResult, IMPORT_SCHEMA, ImportedResult, ImportedRun, LatencySummary};
use serde_json::Value;
use thiserror::Error;

mod llm_d;

pub use llm_d::report;

/// Why a file is no result that is known.
#[derive(Debug, Error)]
pub enum ForeignError {
    /// Neither JSON nor YAML.
    #[error("`{file}` is neither JSON nor YAML: {why}")]
    Malformed {
        /// Name of the file.
        file: String,
        /// The parser's answer.
        why: String,
    },
    /// A document of another kind.
    #[error(
        "`{file}` is no result of AIPerf, GuideLLM, `vllm bench serve`, inference-perf, llm-d or `plumb bench`; its keys are: \
         {keys}"
    )]
    Unknown {
        /// Name of the file.
        file: String,
        /// Its first keys.
        keys: String,
    },
}

/// Reads a result file.
///
/// # Errors
/// Where it is no JSON or YAML, or a document that is not known.
pub fn read(file: &str, text: &str) -> Result<ImportedResult, ForeignError> {
    let document = document(file, text)?;
    let (from, runs) = if let Some(runs) = guidellm(&document) {
        ("guidellm", runs)
    } else if let Some(run) = llm_d::read(&document) {
        ("llm-d", vec![run])
    } else if let Some(run) = own(&document) {
        ("plumb bench", vec![run])
    } else if let Some(run) = vllm(&document) {
        ("vllm bench serve", vec![run])
    } else if let Some(run) = inference_perf(&document) {
        ("inference-perf", vec![run])
    } else if let Some(run) = aiperf(&document) {
        ("aiperf", vec![run])
    } else {
        let keys = document.as_object().map(|own| own.keys().take(8).cloned().collect::<Vec<_>>().join(", "));
        return Err(ForeignError::Unknown {
            file: file.to_owned(),
            keys: keys.unwrap_or_else(|| "none".to_owned()),
        });
    };
    let version = [
        "/metadata/guidellm_version",
        "/aiperf_version",
        "/tool_version",
        "/scenario/load/standardized/tool_version",
        "/vllm_version",
    ]
    .into_iter()
    .find_map(|path| document.pointer(path)?.as_str());
    Ok(ImportedResult {
        schema: IMPORT_SCHEMA,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        from: from.to_owned(),
        from_version: version.unwrap_or_default().to_owned(),
        file: file.to_owned(),
        cannot_prove: cannot_prove(from, &document, &runs),
        runs,
        ..ImportedResult::default()
    })
}

/// The document; llm-d writes YAML. A number without an end, as it writes for no limit, is none.
fn document(file: &str, text: &str) -> Result<Value, ForeignError> {
    let malformed = |why: String| ForeignError::Malformed { file: file.to_owned(), why };
    match serde_json::from_str(text) {
        Ok(document) => Ok(document),
        Err(error) if text.trim_start().starts_with(['{', '[']) => Err(malformed(error.to_string())),
        Err(_) => serde_saphyr::from_str(&finite(text)).map_err(|error| malformed(error.to_string())),
    }
}

/// YAML with `null` for each value that is no finite number.
fn finite(text: &str) -> String {
    let lines = text.lines().map(|line| match line.rsplit_once(": ") {
        Some((key, value))
            if matches!(value.trim().to_ascii_lowercase().as_str(), ".inf" | "-.inf" | ".nan") =>
        {
            format!("{key}: null\n")
        }
        _ => format!("{line}\n"),
    });
    lines.collect()
}

/// What a result of `plumb bench` says, in the words of imports.
fn own(document: &Value) -> Option<ImportedRun> {
    let is_own = document.get("ttft_ms").is_some()
        && document.get("schema").is_some()
        && document.get("load").is_some();
    let result: BenchResult = serde_json::from_value(document.clone()).ok().filter(|_| is_own)?;
    Some(of(&result))
}

/// A result of `plumb bench` as a run like those of others.
#[must_use]
pub fn of(result: &BenchResult) -> ImportedRun {
    let tokens = result.tokens_per_request();
    ImportedRun {
        started: result.started.clone(),
        model: result.target.model.clone(),
        url: result.target.url.clone(),
        concurrency: result.load.concurrency.map(f64::from),
        rate: result.offered_rps,
        seconds: Some(result.seconds),
        requests: Some(result.replies() as f64),
        failed: Some(result.errors.values().sum::<u64>() as f64),
        prompt_tokens: tokens.prompt,
        output_tokens: tokens.output,
        requests_per_s: Some(result.requests_per_s),
        output_tokens_per_s: Some(result.output_tokens_per_s),
        goodput_rps: result.goodput_rps,
        // Others count from sending.
        ttft_ms: result.uncorrected.ttft_ms,
        itl_ms: result.itl_ms,
        tpot_ms: result.tpot_ms,
        e2e_ms: result.uncorrected.e2e_ms,
    }
}

fn number(document: &Value, path: &str) -> Option<f64> {
    let value = document.pointer(path)?;
    let text = || value.as_str()?.parse::<f64>().ok();
    value.as_f64().or_else(text).filter(|number| number.is_finite())
}

fn text(document: &Value, path: &str) -> String {
    document.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A latency from an object of statistics, times `scale`; the names are those of the mean, the median, and what stands before the
/// path of a percentile.
fn latency(
    own: Option<&Value>,
    scale: f64,
    count: f64,
    mean: &str,
    median: &str,
    percentiles: &str,
) -> LatencySummary {
    let Some(own) = own else { return LatencySummary::default() };
    let of = |path: &str| number(own, path).map(|value| value * scale);
    let percentile = |name: &str| of(&format!("{percentiles}/{name}"));
    LatencySummary {
        count: if of(mean).is_some() { count as u64 } else { 0 },
        mean: of(mean),
        p50: of(median),
        p90: percentile("p90"),
        p95: percentile("p95"),
        p99: percentile("p99"),
        max: of("/max"),
        ..LatencySummary::default()
    }
}

/// `vllm bench serve --save-result`: one flat object, times in ms.
fn vllm(document: &Value) -> Option<ImportedRun> {
    let completed = number(document, "/completed")?;
    document.get("request_throughput").and(document.get("mean_ttft_ms"))?;
    let of = |name: &str| {
        let value = |statistic: &str| number(document, &format!("/{statistic}_{name}_ms"));
        LatencySummary {
            count: if value("mean").is_some() { completed as u64 } else { 0 },
            mean: value("mean"),
            p50: value("median").or_else(|| value("p50")),
            p90: value("p90"),
            p95: value("p95"),
            p99: value("p99"),
            ..LatencySummary::default()
        }
    };
    let each =
        |total: &str| number(document, total).filter(|_| completed > 0.0).map(|total| total / completed);
    Some(ImportedRun {
        started: text(document, "/date"),
        model: text(document, "/model_id"),
        url: text(document, "/base_url"),
        concurrency: number(document, "/max_concurrency"),
        rate: number(document, "/request_rate"),
        seconds: number(document, "/duration"),
        requests: Some(completed),
        failed: number(document, "/failed")
            .or_else(|| number(document, "/num_prompts").map(|asked| asked - completed)),
        prompt_tokens: each("/total_input_tokens"),
        output_tokens: each("/total_output_tokens"),
        requests_per_s: number(document, "/request_throughput"),
        output_tokens_per_s: number(document, "/output_throughput"),
        goodput_rps: number(document, "/request_goodput"),
        ttft_ms: of("ttft"),
        itl_ms: of("itl"),
        tpot_ms: of("tpot"),
        e2e_ms: of("e2el"),
    })
}

/// GuideLLM: `benchmarks`, each with `metrics`, whose values are told for successful, errored and incomplete requests.
fn guidellm(document: &Value) -> Option<Vec<ImportedRun>> {
    let benchmarks = document.get("benchmarks")?.as_array()?;
    benchmarks.iter().all(|one| one.pointer("/metrics/request_totals").is_some()).then_some(())?;
    let run = |own: &Value| {
        let requests = number(own, "/metrics/request_totals/successful").unwrap_or(0.0);
        let of = |name: &str, scale: f64| {
            let own = own.pointer(&format!("/metrics/{name}/successful"));
            latency(own, scale, requests, "/mean", "/median", "/percentiles")
        };
        let mean = |name: &str| number(own, &format!("/metrics/{name}/successful/mean"));
        let strategy = |name: &str| number(own, &format!("/config/strategy/{name}"));
        let started = number(own, "/start_time").and_then(|at| {
            let at = time::OffsetDateTime::from_unix_timestamp(at as i64).ok()?;
            at.format(&time::format_description::well_known::Rfc3339).ok()
        });
        let failed: f64 = ["errored", "incomplete"]
            .into_iter()
            .filter_map(|kind| number(own, &format!("/metrics/request_totals/{kind}")))
            .sum();
        ImportedRun {
            started: started.unwrap_or_default(),
            model: text(own, "/config/backend/model"),
            url: text(own, "/config/backend/target"),
            concurrency: strategy("streams").or_else(|| strategy("max_concurrency")),
            rate: strategy("rate"),
            seconds: number(own, "/duration"),
            requests: Some(requests),
            failed: Some(failed),
            prompt_tokens: mean("prompt_token_count"),
            output_tokens: mean("output_token_count"),
            requests_per_s: mean("requests_per_second"),
            output_tokens_per_s: mean("output_tokens_per_second"),
            goodput_rps: None,
            ttft_ms: of("time_to_first_token_ms", 1.0),
            itl_ms: of("inter_token_latency_ms", 1.0),
            tpot_ms: of("time_per_output_token_ms", 1.0),
            e2e_ms: of("request_latency", 1e3),
        }
    };
    Some(benchmarks.iter().map(run).collect())
}

/// inference-perf: `load_summary` and `successes`, times in s.
fn inference_perf(document: &Value) -> Option<ImportedRun> {
    document.get("load_summary").and(document.pointer("/successes/latency"))?;
    let asked = number(document, "/load_summary/count");
    let failed = number(document, "/failures/count");
    let requests = number(document, "/successes/count").or_else(|| Some(asked? - failed.unwrap_or(0.0)));
    let of = |name: &str| {
        let own = document.pointer(&format!("/successes/latency/{name}"));
        let median = if own.is_some_and(|own| own.get("median").is_some()) { "/median" } else { "/p50" };
        latency(own, 1e3, requests.unwrap_or(0.0), "/mean", median, "")
    };
    let rate = number(document, "/successes/throughput/requests_per_sec");
    Some(ImportedRun {
        rate: number(document, "/load_summary/requested_rate"),
        concurrency: number(document, "/load_summary/concurrency"),
        seconds: number(document, "/load_summary/send_duration")
            .or_else(|| requests.zip(rate).filter(|(_, rate)| *rate > 0.0).map(|(count, rate)| count / rate)),
        requests,
        failed,
        prompt_tokens: number(document, "/successes/prompt_tokens/mean")
            .or_else(|| number(document, "/successes/prompt_len/mean")),
        output_tokens: number(document, "/successes/output_len/mean"),
        requests_per_s: rate,
        output_tokens_per_s: number(document, "/successes/throughput/output_tokens_per_sec"),
        ttft_ms: of("time_to_first_token"),
        itl_ms: of("inter_token_latency"),
        tpot_ms: of("time_per_output_token"),
        e2e_ms: of("request_latency"),
        ..ImportedRun::default()
    })
}

/// AIPerf's `profile_export_aiperf.json`: an object for each metric, with its unit.
fn aiperf(document: &Value) -> Option<ImportedRun> {
    let own = ["", "/records", "/metrics"].into_iter().find_map(|path| {
        document.pointer(path).filter(|own| own.pointer("/request_latency/avg").is_some())
    })?;
    let requests = number(own, "/request_count/avg").unwrap_or(0.0);
    let of = |name: &str| {
        let metric = own.get(name);
        let unit = metric.and_then(|metric| metric.get("unit")?.as_str()).unwrap_or("ms");
        let scale = match unit {
            "s" | "sec" | "seconds" => 1e3,
            "us" => 1e-3,
            "ns" => 1e-6,
            _ => 1.0,
        };
        latency(metric, scale, requests, "/avg", "/p50", "")
    };
    let mean = |name: &str| number(own, &format!("/{name}/avg"));
    let counted = document.get("error_summary").and_then(Value::as_array).map(|errors| {
        errors.iter().map(|error| error.get("count").and_then(Value::as_f64).unwrap_or(1.0)).sum()
    });
    let config = |path: &str| format!("/input_config{path}");
    Some(ImportedRun {
        started: text(document, "/start_time"),
        model: text(document, &config("/endpoint/model_names/0")),
        url: [config("/endpoint/url"), config("/endpoint/urls/0")]
            .iter()
            .map(|path| text(document, path))
            .find(|url| !url.is_empty())
            .unwrap_or_default(),
        concurrency: number(document, &config("/loadgen/concurrency")),
        rate: number(document, &config("/loadgen/request_rate")),
        seconds: number(own, "/benchmark_duration/avg"),
        requests: Some(requests),
        failed: mean("error_request_count").or(counted),
        prompt_tokens: mean("input_sequence_length"),
        output_tokens: mean("output_sequence_length"),
        requests_per_s: mean("request_throughput"),
        output_tokens_per_s: mean("output_token_throughput"),
        goodput_rps: mean("goodput"),
        ttft_ms: of("time_to_first_token"),
        itl_ms: of("inter_token_latency"),
        tpot_ms: LatencySummary::default(),
        e2e_ms: of("request_latency"),
    })
}

/// What a result cannot prove, by what its tool does and what the file lacks.
fn cannot_prove(from: &str, document: &Value, runs: &[ImportedRun]) -> Vec<String> {
    let mut told = Vec::new();
    if from == "plumb bench" {
        return told;
    }
    let mut add = |text: &str| told.push(text.to_owned());
    add(
        "that latencies are the server's: the client did not watch itself, so its own delays count as the server's",
    );
    if number(document, "/load_summary/schedule_delay/mean").is_none() {
        add(
            "what users waited: times count from when a request was sent and not from when it was due, so a client that fell behind \
             hides the wait (coordinated omission)",
        );
    }
    add(
        "that a promise is kept: there is no record of each request here, so no share within other limits, no interval, and no allowance for requests that depend on each other",
    );
    add("that it is of this node: the file names no machine that a bundle could be held against");
    if runs.iter().all(|run| run.failed.is_none()) {
        add("that no request failed: the file does not count those that did");
    } else if runs.iter().any(|run| run.failed.is_some_and(|failed| failed > 0.0)) {
        add("how slow the slowest were: requests that failed are left out of its percentiles");
    }
    if runs.iter().all(|run| run.rate.is_none() && run.concurrency.is_none()) {
        add("what load it was: neither a rate nor a number of requests at once is told");
    }
    match from {
        "vllm bench serve" => add(
            "the time between tokens: its `itl` is the gap between chunks, and its `tpot` divides by all tokens but one, those that came \
             before the first chunk or were not sent among them; the same seed sends the same prompts again, which a prefix cache then \
             answers",
        ),
        "guidellm" => add(
            "the time between tokens: its inter-token latency is a mean for each request, in which a stall is lost",
        ),
        "aiperf" => add(
            "the time between tokens: its inter-token latency is a mean for each request, in which a stall is lost",
        ),
        "inference-perf" => add("the time between tokens where servers put several into a chunk"),
        _ => add("what generated the load did: the report holds its results, and not how it counts"),
    }
    told
}

#[cfg(test)]
mod tests;
