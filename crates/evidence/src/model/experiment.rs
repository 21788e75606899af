//! Experiments in a bundle: variants of a node or server, measured side by side.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BenchTarget, BusiestThread, PerToken, Share};

/// Version of the form that `plumb experiment` writes its results in; the reader takes this one and all before it.
pub const EXPERIMENT_SCHEMA: u32 = 1;

/// Result of one experiment, as `plumb experiment --format json` prints it and `measurements/experiment-….json` holds it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExperimentResult {
    /// [`EXPERIMENT_SCHEMA`] of the writer; 0 where it did not say.
    pub schema: u32,
    /// File of the bundle, `measurements/….json`; empty outside of a bundle.
    pub path: String,
    /// Name from the plan.
    pub name: String,
    /// Start, RFC 3339, UTC.
    pub started: String,
    /// Version of the tool.
    pub tool_version: String,
    /// False if too little was measured to say anything, or the client limited it.
    pub valid: bool,
    /// Why it is not valid.
    pub invalid_reason: Option<String>,
    /// What lowers the trust in a valid result.
    pub warnings: Vec<String>,
    /// True if it was ended before its time; whole blocks are kept.
    pub interrupted: bool,
    /// What was measured.
    pub target: BenchTarget,
    /// Command that started the server, secrets masked; empty where a running one was measured.
    pub command: String,
    /// What is replicated: `launch` (the server was started anew for each measurement) or `attach` (one running server).
    pub replication: String,
    /// Load of each measurement, in words.
    pub load: String,
    /// Seed of order and arrivals.
    pub seed: u64,
    /// What the prompts of the launches were made from, in hexadecimal digits.
    pub nonce: Option<String>,
    /// Whole blocks: each measured every cell once.
    pub blocks: u32,
    /// Share below which a difference does not matter.
    pub margin: f64,
    /// Metric that was declared to decide, such as `e2e_p95`.
    pub primary: String,
    /// What was compared, the baseline first.
    pub cells: Vec<ExperimentCell>,
    /// Differences from the baseline, by cell and metric.
    pub effects: Vec<ExperimentEffect>,
    /// The baseline against itself: what this node and this load make of no change.
    pub noise_floor: Vec<ExperimentEffect>,
    /// CPUs that the client kept to; a kernel list, empty where it shared those of the server.
    pub client_cpus: String,
    /// What the client itself adds to the mean time to first token, in ms, by level of the governor; empty where that was not
    /// measured.
    pub client_error_ms: BTreeMap<String, f64>,
    /// The server as it was found running, and the same one restarted, where the plan began with it.
    pub as_found: Option<AsFound>,
    /// Cells whose launches fall into two speeds: a launch's luck, and no effect.
    pub two_speeds: Vec<TwoSpeeds>,
    /// What the experiment means, in three to five sentences: what improved and by how much, what bounds the server and why,
    /// what continuous batching makes of it. Empty where nothing was compared.
    pub interpretation: Vec<String>,
    /// What follows, one sentence each; each rests on cells and effects above.
    pub conclusions: Vec<String>,
    /// What to set, where an effect was shown.
    pub recommended: Option<RecommendedPolicy>,
}

impl ExperimentResult {
    /// True where nothing was measured, not even the baseline against itself: it was ended before its first whole block.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks == 0 && self.noise_floor.is_empty()
    }
}

/// What a restart alone changed: the server as it was found, and fresh launches of it with nothing else changed.
///
/// No effect of a cell is compared with what was found, so none is credited with what a restart earns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AsFound {
    /// Its first process.
    pub pid: i32,
    /// Seconds that it had been running when it was first measured.
    pub age_s: f64,
    /// In what the launches differ from what was found, besides being new: arguments, variables, CPUs. Empty where nothing was
    /// seen to differ.
    pub differs: Vec<String>,
    /// As found: its blocks are repeated measurements of one launch.
    pub found: ExperimentCell,
    /// Restarted unchanged: its blocks are launches.
    pub restarted: ExperimentCell,
    /// What the restart changed, by metric: launches over what was found. The interval says where one more launch would lie, since
    /// the server that was found is one launch.
    pub effects: Vec<ExperimentEffect>,
}

/// Launches of a cell that fall into two groups.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TwoSpeeds {
    /// Name of the cell.
    pub cell: String,
    /// Name of the metric.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// Geometric means of the two groups, the lower first.
    pub values: (f64, f64),
    /// Launches in each.
    pub launches: (u32, u32),
}

/// One combination of factors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExperimentCell {
    /// Short name, unique in the experiment: `unpinned`, `gpu-local + hog-same`.
    pub name: String,
    /// True for the cell that the others are compared with.
    pub baseline: bool,
    /// Level of each factor, by name of the factor: `placement`, `server`, `governor`, `neighbour`,
    /// `numa_balancing`, `load`.
    pub levels: BTreeMap<String, String>,
    /// `measured`, `denied`, `unavailable` or `effect-not-seen`.
    pub status: String,
    /// Why it was not measured, or what the node refused.
    pub reason: String,
    /// CPUs that the server's threads had, as read back from the kernel; a kernel list.
    pub cpus: String,
    /// NUMA nodes that its memory was to come from; a kernel list, empty where nothing was set.
    pub memory_nodes: String,
    /// Share of the server's resident pages by NUMA node, as read back.
    pub pages: BTreeMap<u32, f64>,
    /// Each claim of the placement with what was read back.
    pub verified: Vec<String>,
    /// Median over blocks of each metric, by name: `ttft_p50`, `e2e_p95`, `output_tokens_per_s`.
    pub metrics: BTreeMap<String, ExperimentMetric>,
    /// Share of requests that failed.
    pub failed: Option<Share>,
    /// Delay of the client's own sending, p99, in ms: its largest over the blocks.
    pub send_lag_p99_ms: Option<f64>,
    /// Seconds that the server's threads waited for a CPU, per second.
    pub run_delay: Option<f64>,
    /// CPUs that the server's threads kept busy.
    pub cpus_used: Option<f64>,
    /// Median share of time in which a GPU was busy, in %.
    pub gpu_busy_percent: Option<f64>,
    /// Mean number of requests that waited inside the server, by its own account.
    pub waiting: Option<f64>,
    /// Mean number of requests under way, by the client's account.
    pub in_flight: Option<f64>,
    /// Median number of requests that the engine had, running and waiting, by its own account: mean over blocks.
    pub inside: Option<f64>,
    /// Median over blocks of the mean time of a request by the server's own account, in ms.
    pub server_e2e_ms: Option<f64>,
    /// What an output token cost: means over blocks.
    pub per_token: PerToken,
    /// The thread of the server that ran most, in the block in which it ran most.
    pub busiest: Option<BusiestThread>,
    /// Requests at once that a closed loop asked for.
    pub asked: Option<u32>,
    /// Most requests that ran at once, by the server's own account.
    pub most_running: Option<f64>,
    /// Share of prompt tokens from the prefix cache, by the server's own account: mean over blocks.
    pub cached_share: Option<f64>,
    /// Share of drafted tokens that were taken: mean over blocks.
    pub accepted_share: Option<f64>,
    /// Preemptions of all blocks together.
    pub preemptions: Option<f64>,
    /// Largest share of the KV cache in use, in %.
    pub kv_cache_percent: Option<f64>,
    /// Tokens that the KV cache has room for.
    pub kv_pool_tokens: Option<f64>,
    /// Output tokens by the server's count over those by the client's: mean over blocks.
    pub token_ratio: Option<f64>,
    /// What bounds the server here, by rule from the evidence, in a sentence.
    pub bound: Option<String>,
}

/// A metric of one cell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExperimentMetric {
    /// `ms`, `1/s`.
    pub unit: String,
    /// Median over blocks.
    pub median: f64,
    /// Value of each whole block, in the order of blocks.
    pub blocks: Vec<f64>,
}

/// A difference between two cells in one metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExperimentEffect {
    /// Name of the cell.
    pub cell: String,
    /// Name of the cell that it is compared with.
    pub against: String,
    /// Factor by which the two differ; empty where they differ by several.
    pub factor: String,
    /// Name of the metric.
    pub metric: String,
    /// Cell over the other: 0.9 is 10 % lower.
    pub ratio: f64,
    /// Lower end of the 95 % interval over blocks (paired, Student's t on log ratios); `None` where so few blocks estimate
    /// none.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// 95 % interval by hierarchical bootstrap over blocks and requests.
    pub bootstrap: Option<(f64, f64)>,
    /// Two-sided p value by sign flips over blocks.
    pub p_value: Option<f64>,
    /// Two-sided p value of the paired t test over blocks, adjusted for the number of comparisons (Holm); `None` in
    /// [`ExperimentResult::noise_floor`], where each metric stands for itself.
    pub adjusted_p: Option<f64>,
    /// Smallest effect that this many blocks would have shown in 80 % of all cases, as a share: by the rule that verdicts go by,
    /// all of its tests and the noise floor among them.
    pub minimum_detectable: Option<f64>,
    /// `improved`, `worse`, `equivalent`, `no-measured-effect` or `not-estimable`; in [`ExperimentResult::noise_floor`]
    /// `differs-by-itself` instead of the first two, since nothing was changed there; `more-failures` instead of the first and the third
    /// where a larger share of the cell's requests failed than of the other's.
    pub verdict: String,
}

impl ExperimentEffect {
    /// Blocks from which on an interval tells something.
    pub const LEAST_BLOCKS: u32 = 4;
    /// The verdict on fewer.
    pub const NOT_ESTIMABLE: &str = "not-estimable";
    /// The verdict on the two sides of a baseline that differ by more than chance, although nothing was changed between them.
    pub const BY_ITSELF: &str = "differs-by-itself";

    /// The 95 % interval, where it could be estimated.
    #[must_use]
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.low.zip(self.high)
    }
}

/// Settings that an experiment showed to be better.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecommendedPolicy {
    /// Name of the cell.
    pub cell: String,
    /// CPUs for the server, a kernel list; empty for no change.
    pub cpus: String,
    /// NUMA nodes for its memory, a kernel list; empty for no change.
    pub memory_nodes: String,
    /// Frequency governor; empty for no change.
    pub governor: String,
    /// Why, with the measured effect.
    pub reason: String,
}
