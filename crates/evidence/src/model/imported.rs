//! Results of other load generators.

use serde::{Deserialize, Serialize};

use super::LatencySummary;

/// Version of the form that `plumb import` writes.
pub const IMPORT_SCHEMA: u32 = 1;

/// What a result file of another load generator says, as `plumb import --format json` prints it and
/// `measurements/imported-….json` holds it. No check and no verdict rests on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportedResult {
    /// [`IMPORT_SCHEMA`] of the writer; 0 where it did not say.
    pub schema: u32,
    /// File of the bundle, `measurements/….json`; empty outside of a bundle.
    pub path: String,
    /// Version of Plumb.
    pub tool_version: String,
    /// `aiperf`, `guidellm`, `vllm bench serve`, `inference-perf`, `llm-d` or `plumb bench`.
    pub from: String,
    /// Version of that tool; empty where the file does not say.
    pub from_version: String,
    /// Name of the file.
    pub file: String,
    /// Its runs.
    pub runs: Vec<ImportedRun>,
    /// What it cannot prove, one sentence each.
    pub cannot_prove: Vec<String>,
}

/// One load of a foreign result; `None` where the file does not say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportedRun {
    /// Start, as the file has it; empty where it does not say.
    pub started: String,
    /// Name of the model.
    pub model: String,
    /// URL of the server.
    pub url: String,
    /// Requests at once that were asked for, or the limit of an open loop.
    pub concurrency: Option<f64>,
    /// Requests per second that were asked for.
    pub rate: Option<f64>,
    /// Seconds of the run.
    pub seconds: Option<f64>,
    /// Requests with a whole reply.
    pub requests: Option<f64>,
    /// Requests without one.
    pub failed: Option<f64>,
    /// Tokens of a prompt, on average.
    pub prompt_tokens: Option<f64>,
    /// Tokens of a reply, on average.
    pub output_tokens: Option<f64>,
    /// Whole replies per second.
    pub requests_per_s: Option<f64>,
    /// Output tokens per second.
    pub output_tokens_per_s: Option<f64>,
    /// Requests per second within the objectives of that tool.
    pub goodput_rps: Option<f64>,
    /// Time to first token, counted from when the request was sent.
    pub ttft_ms: LatencySummary,
    /// What the tool calls inter-token latency.
    pub itl_ms: LatencySummary,
    /// What the tool calls time per output token.
    pub tpot_ms: LatencySummary,
    /// Whole request, counted from when it was sent.
    pub e2e_ms: LatencySummary,
}
