//! Measurements in a bundle: load tests, noise, what the server says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fact::Fact;

/// All measurements of a bundle, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Measurements {
    /// Load tests.
    pub bench: Fact<Vec<BenchResult>>,
    /// OS noise.
    pub noise: Fact<Vec<NoiseResult>>,
    /// What the server says of itself.
    pub server: Fact<Vec<ServerMetrics>>,
}

/// Result of one load test at one load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BenchResult {
    /// File of the bundle, `measurements/….json`.
    pub path: String,
    /// False if the client itself limited the run, or a consistency check failed.
    pub valid: bool,
    /// Why it is not valid.
    pub invalid_reason: Option<String>,
    /// Load as it was asked for (`open poisson 4.0/s`, `closed 8`).
    pub load: String,
    /// True if requests were sent on a schedule that does not wait for answers.
    pub open_loop: bool,
    /// True if latency counts from the intended send time.
    pub corrected: bool,
    /// Requests per second that were asked for; `None` in a closed loop.
    pub offered_rps: Option<f64>,
    /// Seconds of the measured window.
    pub seconds: f64,
    /// Requests that began in the window.
    pub requests: u64,
    /// Failures by kind.
    pub errors: BTreeMap<String, u64>,
    /// Completed requests per second.
    pub requests_per_s: f64,
    /// Output tokens per second.
    pub output_tokens_per_s: f64,
    /// Requests per second that met every objective.
    pub goodput_rps: Option<f64>,
    /// Time to first token.
    pub ttft_ms: LatencySummary,
    /// Inter-token latency.
    pub itl_ms: LatencySummary,
    /// Time per output token.
    pub tpot_ms: LatencySummary,
    /// Whole request.
    pub e2e_ms: LatencySummary,
    /// Lateness of sending, p99, in ms.
    pub send_lag_p99_ms: Option<f64>,
    /// True if a warm-up came first.
    pub warmed_up: bool,
    /// Number of repetitions at this load, this one included.
    pub repetitions: u32,
}

/// Latency in ms; `None` where there are too few values for the percentile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LatencySummary {
    /// Number of values.
    pub count: u64,
    /// Mean.
    pub mean: Option<f64>,
    /// Median.
    pub p50: Option<f64>,
    /// 90th percentile.
    pub p90: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 95 % confidence interval of the 95th percentile.
    pub p95_interval: Option<(f64, f64)>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Largest value.
    pub max: Option<f64>,
}

/// What the operating system took from one CPU.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NoiseResult {
    /// File of the bundle, `measurements/….json`.
    pub path: String,
    /// Number of the CPU.
    pub cpu: u32,
    /// Seconds of the measurement.
    pub seconds: f64,
    /// Share of time that was lost, 0 to 1.
    pub lost_share: f64,
    /// Longest single interruption in µs.
    pub max_us: f64,
    /// Interruptions by cause.
    pub interruptions: BTreeMap<String, u64>,
    /// 99th percentile of the wake-up latency in µs.
    pub wakeup_p99_us: Option<f64>,
}

/// What an inference server says of itself at `/metrics`, over a window of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerMetrics {
    /// File of the bundle, `measurements/….json`.
    pub path: String,
    /// Kind of server, as in [`super::InferenceServer`].
    pub kind: String,
    /// Seconds of the window.
    pub seconds: f64,
    /// Requests running, at each scrape.
    pub running: Vec<f64>,
    /// Requests waiting, at each scrape.
    pub waiting: Vec<f64>,
    /// Share of the KV cache in use in %, at each scrape.
    pub kv_cache_percent: Vec<f64>,
    /// Preemptions during the window.
    pub preemptions: Option<f64>,
    /// Prompt tokens during the window.
    pub prompt_tokens: Option<f64>,
    /// Output tokens during the window.
    pub generation_tokens: Option<f64>,
    /// Time to first token during the window, from the server's histogram.
    pub ttft_ms: Option<LatencySummary>,
    /// Inter-token latency during the window, from the server's histogram.
    pub itl_ms: Option<LatencySummary>,
    /// Whole request during the window, from the server's histogram.
    pub e2e_ms: Option<LatencySummary>,
    /// Time in the queue during the window, from the server's histogram.
    pub queue_ms: Option<LatencySummary>,
}
