//! What the client supplies: the workload, its service level objectives, demand and prices; and the policy of the audit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Amount;
use crate::fact::Fact;

/// What is known of the workload that makes some findings weigh more; the words of the catalogue's amplifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadTrait {
    /// A small model, or fewer than 8 requests at a time.
    SmallBatch,
    /// A model spread over two GPUs or more with tensor parallelism.
    TensorParallel,
    /// Weights or KV cache are partly in host memory.
    Offload,
    /// Long prompts, multimodal input, heavy tokenisation.
    LongPrompts,
    /// Disaggregated prefill and decode, or several nodes.
    Disaggregated,
    /// Other workloads run on the same host.
    SharedHost,
    /// p99, or inter-token latency of 50 ms or less, is promised.
    StrictTail,
}

/// What the client supplies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Engagement {
    /// Traits of the workload and whether they hold; what is not named is unknown.
    pub workload: BTreeMap<WorkloadTrait, bool>,
    /// Service level objectives.
    pub slo: Fact<ServiceLevel>,
    /// Demand.
    pub demand: Fact<Demand>,
    /// Prices.
    pub prices: Fact<Prices>,
}

/// Service level objectives; a part that is not promised is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ServiceLevel {
    /// Percentile that the limits hold for, for example 95.
    pub percentile: Option<f64>,
    /// Time to first token in ms.
    pub ttft_ms: Option<f64>,
    /// Inter-token latency in ms.
    pub itl_ms: Option<f64>,
    /// Time per output token of a request in ms.
    pub tpot_ms: Option<f64>,
    /// Whole request in ms.
    pub e2e_ms: Option<f64>,
    /// Share of requests that may fail, in %.
    pub error_percent: Option<f64>,
    /// Share of requests that must meet all limits, in %.
    pub attainment_percent: Option<f64>,
    /// Time over which it is judged, in days.
    pub window_days: Option<f64>,
    /// What a breach costs, in words.
    pub penalty: Option<String>,
}

/// Demand that the service must meet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Demand {
    /// Requests per second at the peak.
    pub peak_requests_per_s: Option<f64>,
    /// Requests per second on average.
    pub mean_requests_per_s: Option<f64>,
    /// Mean number of prompt tokens.
    pub prompt_tokens: Option<f64>,
    /// Mean number of output tokens.
    pub output_tokens: Option<f64>,
    /// Growth in % per year.
    pub growth_percent_per_year: Option<f64>,
    /// Days of history that the figures rest on.
    pub history_days: Option<f64>,
    /// Number of replicas that serve it today.
    pub replicas: Option<u32>,
}

/// Prices, in one currency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Prices {
    /// Currency, ISO 4217.
    pub currency: String,
    /// Price of a GPU for an hour.
    pub gpu_hour: Option<Amount>,
    /// Purchase price of the server.
    pub server: Option<Amount>,
    /// Years over which it is written off.
    pub depreciation_years: Option<f64>,
    /// Price of a kWh.
    pub kwh: Option<Amount>,
    /// Power usage effectiveness of the data centre.
    pub pue: Option<f64>,
    /// Hosting and licences for a month.
    pub hosting_month: Option<Amount>,
    /// Carbon dioxide that a kWh of the site's supply stands for, in g.
    pub co2_g_per_kwh: Option<f64>,
}

/// What the audit was told to judge differently.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// Thresholds by `CHECK-ID/NAME`.
    pub thresholds: BTreeMap<String, ThresholdOverride>,
}

/// A threshold that the audit was told to replace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdOverride {
    /// The limit, in the unit of the threshold.
    pub number: f64,
    /// Why.
    pub reason: String,
}
