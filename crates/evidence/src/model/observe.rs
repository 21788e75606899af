//! What was seen of a server that nobody sent a request to for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of the form that `plumb observe` writes its results in.
pub const OBSERVE_SCHEMA: u32 = 1;

/// Result of one observation, as `plumb observe --format json` prints it and `measurements/observe-….json` holds it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObserveResult {
    /// [`OBSERVE_SCHEMA`] of the writer; 0 where it did not say.
    pub schema: u32,
    /// File of the bundle, `measurements/….json`; empty outside of a bundle.
    pub path: String,
    /// Start, RFC 3339, UTC.
    pub started: String,
    /// Version of the tool.
    pub tool_version: String,
    /// True if it was ended before its time.
    pub interrupted: bool,
    /// The server; empty where the node alone was watched.
    pub url: String,
    /// Kind of server, by its metrics; empty where it told none.
    pub kind: String,
    /// Its first process; `None` where it is elsewhere or cannot be seen.
    pub pid: Option<i32>,
    /// Seconds from the first look to the last.
    pub seconds: f64,
    /// Seconds between looks: twice as many each time that moments were put together.
    pub every_s: f64,
    /// Seconds of a part; an hour but for short observations.
    pub part_s: f64,
    /// What it cost.
    pub cost: ObserveCost,
    /// Upper bounds of the server's histograms in ms, by `ttft`, `tpot`, `itl` and `e2e`; what is beyond the last one has none.
    pub buckets: BTreeMap<String, Vec<f64>>,
    /// What happened from look to look; not part of the evidence, which has the parts.
    pub moments: Vec<Moment>,
    /// The same by hour, with the shares of requests within the limits.
    pub parts: Vec<ObservedPart>,
    /// The shares of requests within the limits over all of it.
    pub attained: Vec<Attained>,
    /// Times that the server's counters began anew: it was restarted.
    pub restarts: u32,
    /// What stands out of it, besides the shares.
    pub signs: Vec<ObservedSign>,
    /// What follows, one sentence each: shares and signs in words.
    pub conclusions: Vec<String>,
    /// What lowers the trust in it.
    pub warnings: Vec<String>,
}

/// What an observation cost the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObserveCost {
    /// Seconds of CPU time, those of programs that were asked among them.
    pub cpu_s: f64,
    /// The same as a share of one CPU.
    pub share: f64,
}

/// What happened between two looks; `None` where it could not be read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Moment {
    /// Seconds from the start to the later look.
    pub at: f64,
    /// Seconds between the two.
    pub seconds: f64,
    /// CPUs that the server's threads kept busy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus_used: Option<f64>,
    /// Seconds that its threads waited for a CPU, per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_delay: Option<f64>,
    /// CPUs that others kept busy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others_cpus: Option<f64>,
    /// Who of them used most, and how many CPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbour: Option<(String, f64)>,
    /// CPUs that the hypervisor gave to others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stolen_cpus: Option<f64>,
    /// Share of the time in which the quota of the server's control group held it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_back: Option<f64>,
    /// Thermal events of CPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thermal: Option<u64>,
    /// Mean and least clock of CPUs at the later look, in MHz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mhz: Option<(f64, f64)>,
    /// GPUs at the later look.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<ObservedGpu>,
    /// Requests running and waiting inside the server at the later look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<f64>,
    /// See above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<f64>,
    /// Share of the KV cache in use, in %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kv_cache_percent: Option<f64>,
    /// Requests that ended, per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_s: Option<f64>,
    /// Output tokens per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_s: Option<f64>,
    /// Mean time to first token, in ms, by the server's own account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttft_ms: Option<f64>,
    /// Mean time between tokens, in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub itl_ms: Option<f64>,
    /// Mean time of a whole request, in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e2e_ms: Option<f64>,
}

/// A GPU at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedGpu {
    /// Index.
    pub index: u32,
    /// Share of time in which a kernel ran, in %.
    pub busy_percent: Option<f64>,
    /// Power in W.
    pub power_w: Option<f64>,
    /// Clock of the multiprocessors in MHz.
    pub sm_mhz: Option<f64>,
    /// Temperature in °C.
    pub temperature_c: Option<f64>,
}

/// An hour of an observation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedPart {
    /// Start, RFC 3339, UTC.
    pub from: String,
    /// Means over its moments.
    pub mean: Moment,
    /// Requests that ended, by the server's own count.
    pub requests: Option<f64>,
    /// Tokens of prompts, and of replies, by the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<f64>,
    /// See above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<f64>,
    /// Requests, or tokens for `itl`, up to each bound of [`ObserveResult::buckets`], and last all of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, Vec<f64>>,
    /// Shares within the limits.
    pub attained: Vec<Attained>,
}

/// The share of requests within a limit, as far as the buckets of the server's histogram tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attained {
    /// `ttft`, `itl`, `e2e`, or `all` for what is within every limit.
    pub metric: String,
    /// The limit in ms; 0 for `all`.
    pub limit_ms: f64,
    /// Share of requests that is to be within it, 0 to 1.
    pub wanted: f64,
    /// Requests; tokens for `itl`.
    pub count: f64,
    /// Share that is within the limit at least: up to the bucket below it.
    pub least: f64,
    /// And at most: up to the bucket above it.
    pub most: f64,
}

/// Something that stands out of an observation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ObservedSign {
    /// Others used far more CPUs than is usual here.
    Neighbours {
        /// When.
        when: ObservedTimes,
        /// Most CPUs that they used.
        cpus: f64,
        /// Median over the parts.
        usual: f64,
        /// Who used most, and how many CPUs.
        who: Option<(String, f64)>,
    },
    /// CPUs told of thermal events.
    Thermal {
        /// When.
        when: ObservedTimes,
        /// How many.
        events: u64,
    },
    /// The quota of its control group held the server back.
    HeldBack {
        /// When.
        when: ObservedTimes,
        /// Largest share of the time, 0 to 1.
        share: f64,
    },
    /// Clocks fell under load.
    Clocks {
        /// When.
        when: ObservedTimes,
        /// True for those of busy GPUs, false for those of CPUs.
        gpus: bool,
        /// Lowest mean, in MHz.
        mhz: f64,
        /// Median over the parts.
        usual: f64,
    },
    /// The server's threads waited for a CPU.
    ShortOfCpus {
        /// When.
        when: ObservedTimes,
        /// Most seconds per second.
        waited: f64,
    },
    /// Times rose from the first third to the last.
    Ageing {
        /// `itl` or `e2e`.
        metric: String,
        /// Mean of the first third, in ms.
        before: f64,
        /// Mean of the last third, in ms.
        after: f64,
        /// The load rose as well, which may be why.
        load_rose: bool,
    },
    /// The server's counters began anew.
    Restarts {
        /// How often.
        times: u32,
    },
}

/// Parts of an observation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedTimes {
    /// How many.
    pub parts: u32,
    /// Start of the first, RFC 3339, UTC.
    pub from: String,
    /// Start of the last.
    pub to: String,
}
