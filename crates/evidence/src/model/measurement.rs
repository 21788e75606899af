//! Measurements in a bundle: load tests, noise, what the server says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ExperimentResult, MemoryPath, NoiseResult, ObserveResult, WithFailures};
use crate::fact::Fact;

/// All measurements of a bundle, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Measurements {
    /// Load tests.
    pub bench: Fact<Vec<BenchResult>>,
    /// Searches for the highest rate that meets the objectives.
    pub sweeps: Fact<Vec<SweepResult>>,
    /// OS noise.
    pub noise: Fact<Vec<NoiseResult>>,
    /// Latency and bandwidth of memory, by node of the CPU and node of the memory.
    pub memory_paths: Fact<Vec<MemoryPath>>,
    /// What the server says of itself.
    pub server: Fact<Vec<ServerMetrics>>,
    /// Variants of node or server, measured side by side.
    pub experiments: Fact<Vec<ExperimentResult>>,
    /// Servers with their users' requests, watched without one of Plumb's; without the moments, which the file has.
    pub observations: Fact<Vec<ObserveResult>>,
}

impl Measurements {
    /// What shows that requests were served while something was measured: valid load tests, or the server's own count of
    /// tokens, of requests in flight and of those in its queue. That a server starves does not make it idle.
    #[must_use]
    pub fn under_load(&self) -> Option<String> {
        let tests = self.bench.known().into_iter().flatten().filter(|test| test.valid && test.requests > 0);
        let tests = tests.count();
        if tests > 0 {
            return Some(format!("{tests} valid load tests are part of the evidence"));
        }
        let levels = self.sweeps.known().into_iter().flatten().flat_map(|sweep| &sweep.levels);
        let runs = levels.filter(|level| level.result.valid && level.result.requests > 0).count();
        if runs > 0 {
            return Some(format!("{runs} valid runs of a sweep are part of the evidence"));
        }
        ServerMetrics::in_flight(self.server.known()?)
    }
}

impl ServerMetrics {
    /// Share of looked-up prompt tokens that the prefix cache held.
    #[must_use]
    pub fn cached_share(&self) -> Option<f64> {
        let (hits, queries) = (self.prefix_cache_hits?, self.prefix_cache_queries?);
        (queries > 0.0).then(|| (hits / queries).min(1.0))
    }

    /// Share of drafted tokens that were taken.
    #[must_use]
    pub fn accepted_share(&self) -> Option<f64> {
        let counted = self.accepted.zip(self.drafted).filter(|(_, drafted)| *drafted > 0.0);
        counted.map(|(accepted, drafted)| accepted / drafted).or(self.accept_rate)
    }

    /// Most requests that ran at once, of the moments that were looked at.
    #[must_use]
    pub fn most_running(&self) -> Option<f64> {
        self.running.iter().copied().max_by(f64::total_cmp)
    }

    /// What the servers' own metrics show of work during the window, where they show any.
    #[must_use]
    pub fn in_flight(servers: &[Self]) -> Option<String> {
        if servers.iter().any(|server| server.generation_tokens.is_some_and(|tokens| tokens > 0.0)) {
            return Some("the server's own metrics count tokens during the window".to_owned());
        }
        let most = |series: fn(&Self) -> &Vec<f64>| {
            servers.iter().flat_map(series).copied().max_by(f64::total_cmp).unwrap_or_default()
        };
        let (running, waiting) = (most(|server| &server.running), most(|server| &server.waiting));
        (running > 0.0 || waiting > 0.0).then(|| {
            format!(
                "the server's own metrics show {running:.0} requests in flight and {waiting:.0} in its queue"
            )
        })
    }
}

impl Measurements {
    /// All runs under load, those of sweeps among them, each with the file that holds it.
    #[must_use]
    pub fn runs(&self) -> Vec<BenchResult> {
        let single = self.bench.known().into_iter().flatten().cloned();
        let levels = self.sweeps.known().into_iter().flatten().flat_map(|sweep| {
            let of = |level: &SweepLevel| BenchResult {
                path: sweep.path.clone(),
                offered_rps: level.result.offered_rps.or(Some(level.rate)),
                ..level.result.clone()
            };
            sweep.levels.iter().map(of)
        });
        single.chain(levels).collect()
    }
}

/// Version of the form that `plumb bench` writes its results in; the reader takes this one and all before it.
pub const BENCH_SCHEMA: u32 = 1;

/// Result of one load test at one load, as `plumb bench --format json` prints it and `measurements/bench-….json` holds it.
///
/// Every figure is defined in `docs/src/reference/metrics.md`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BenchResult {
    /// [`BENCH_SCHEMA`] of the writer; 0 where it did not say.
    pub schema: u32,
    /// File of the bundle, `measurements/….json`; empty outside of a bundle.
    pub path: String,
    /// Start, RFC 3339, UTC.
    pub started: String,
    /// Version of the tool.
    pub tool_version: String,
    /// False if the client itself limited the run, or a consistency check failed.
    pub valid: bool,
    /// Why it is not valid.
    pub invalid_reason: Option<String>,
    /// What it is not valid for; `None` for a valid one, and where an older version wrote the result.
    pub invalid_by: Option<InvalidBy>,
    /// What the server said of the first measured request that failed, with its status; at most a few hundred characters.
    pub server_error: Option<String>,
    /// What lowers the trust in a valid result: others on the machine, no steady state.
    pub warnings: Vec<String>,
    /// True if it was ended before its time; what it has is reported.
    pub interrupted: bool,
    /// Measured requests that were given up then.
    pub given_up: u64,
    /// What was measured.
    pub target: BenchTarget,
    /// Load as it was asked for.
    pub load: BenchLoad,
    /// What the prompts were made from, in hexadecimal digits; `None` for prompts of a file, and where an older
    /// version wrote the result.
    pub nonce: Option<String>,
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
    /// Share of all requests, failed ones included, that met every objective; `None` without objectives, and where these ask
    /// for different percentiles, which no joint share stands for.
    pub attainment: Option<Share>,
    /// Requests that missed no objective, but have none of the times that one of them is about: they do not count as good.
    pub undetermined: u64,
    /// How each objective was met.
    pub objectives: Vec<ObjectiveResult>,
    /// Its requests against the limits of the engagement, from the raw records in the bundle; `None` where there are no limits,
    /// or no records of all requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged: Option<Judged>,
    /// Time to first token.
    pub ttft_ms: LatencySummary,
    /// Time to the first output that is no reasoning: what a user sees. `None` where no reply began with reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttfo_ms: Option<LatencySummary>,
    /// By turn of a conversation, the first first; empty for single requests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<TurnResult>,
    /// Inter-token latency.
    pub itl_ms: LatencySummary,
    /// Time per output token.
    pub tpot_ms: LatencySummary,
    /// Whole request.
    pub e2e_ms: LatencySummary,
    /// Gaps between reads with output, whatever they held.
    pub chunk_gap_ms: LatencySummary,
    /// Longest gap of each request.
    pub stall_ms: LatencySummary,
    /// Whole request per output token.
    pub per_token_ms: LatencySummary,
    /// From when a request was due to when it was sent.
    pub send_lag_ms: LatencySummary,
    /// The same requests, counted from when they were sent.
    pub uncorrected: Uncorrected,
    /// Percentiles of all requests, where some failed: the others leave these out, and look better the more there are.
    pub with_failures: Option<WithFailures>,
    /// Tokens, and who counted them.
    pub tokens: BenchTokens,
    /// Requests under way, on average over the window, by the records.
    pub in_flight: Option<f64>,
    /// Little's law: requests under way as sampled, over rate times residence; 1 where all is consistent.
    pub littles_ratio: Option<f64>,
    /// Output tokens by the server's own counter, over those that the client counted in the same time.
    pub token_ratio: Option<f64>,
    /// True if neither TTFT nor the requests under way rose or fell over the window; `None` where it was too short to tell.
    pub steady: Option<bool>,
    /// The client itself.
    pub client: BenchClient,
    /// What the server says of itself, before, during and after.
    pub server: Option<ServerMetrics>,
    /// What the kernel says of the server's processes while requests were measured; `None` where they are elsewhere or cannot be
    /// seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work: Option<ServerWork>,
    /// The GPUs of the node, once a second from before the first request; empty where the server is elsewhere, or none is
    /// there.
    pub gpu: Vec<GpuSample>,
    /// Latencies as HdrHistograms in µs: compressed V2 form, base64, by the name of the field without its unit.
    pub histograms: BTreeMap<String, String>,
    /// Lateness of sending, p99, in ms.
    pub send_lag_p99_ms: Option<f64>,
    /// True if a warm-up came first.
    pub warmed_up: bool,
    /// Number of repetitions at this load, this one included.
    pub repetitions: u32,
}

/// What the processes of a server did while requests were measured, by the kernel's accounts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerWork {
    /// Its first process.
    pub pid: i32,
    /// Seconds between the two looks.
    pub seconds: f64,
    /// Output tokens in that time, by the client's count.
    pub tokens: f64,
    /// Threads at its end.
    pub threads: u32,
    /// Seconds of CPU time.
    pub cpu_s: f64,
    /// Seconds that threads were ready to run and waited for a CPU.
    pub run_delay_s: f64,
    /// Context switches by the threads' own will, and by force.
    pub switches: Option<(u64, u64)>,
    /// Moves of threads to another CPU; `None` where the kernel does not tell.
    pub migrations: Option<u64>,
    /// The thread that ran most: its name, and the shares of the time in which it ran and waited for a CPU.
    pub busiest: Option<BusiestThread>,
    /// Energy of all CPU packages of the node in joules (RAPL); `None` where it may not be read.
    pub package_j: Option<f64>,
    /// Energy of the GPUs that were busy, in joules, by their power once a second.
    pub gpu_j: Option<f64>,
}

/// A thread that may be what others wait for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BusiestThread {
    /// Its name, as the kernel has it.
    pub name: String,
    /// Share of the time that it ran.
    pub ran: f64,
    /// Share of the time that it waited for a CPU.
    pub waited: f64,
}

/// What an output token costs a server, and what else may tell why it is as fast as it is; `None` where that is not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PerToken {
    /// ms of CPU time.
    pub cpu_ms: Option<f64>,
    /// ms that threads waited for a CPU.
    pub run_delay_ms: Option<f64>,
    /// Context switches, voluntary and not.
    pub switches: Option<f64>,
    /// Of these, those by force.
    pub involuntary: Option<f64>,
    /// Moves to another CPU.
    pub migrations: Option<f64>,
    /// mJ of the CPU packages.
    pub package_mj: Option<f64>,
    /// mJ of the GPUs.
    pub gpu_mj: Option<f64>,
}

impl ServerWork {
    /// By output token; all unknown without tokens.
    #[must_use]
    pub fn per_token(&self) -> PerToken {
        let of = |total: f64| (self.tokens > 0.0).then(|| total / self.tokens);
        let counted = |total: Option<u64>| total.and_then(|total| of(total as f64));
        PerToken {
            cpu_ms: of(self.cpu_s * 1e3),
            run_delay_ms: of(self.run_delay_s * 1e3),
            switches: counted(self.switches.map(|(own, forced)| own + forced)),
            involuntary: counted(self.switches.map(|(_, forced)| forced)),
            migrations: counted(self.migrations),
            package_mj: self.package_j.and_then(|joules| of(joules * 1e3)),
            gpu_mj: self.gpu_j.and_then(|joules| of(joules * 1e3)),
        }
    }
}

/// Replies to one turn of all conversations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TurnResult {
    /// Whole replies.
    pub requests: u64,
    /// Mean and median time to first token.
    pub ttft_mean_ms: f64,
    /// See above.
    pub ttft_p50_ms: f64,
    /// Mean time of a request.
    pub e2e_mean_ms: f64,
}

/// Requests of a load test against limits that were promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Measured requests, those that failed among them.
    pub requests: u64,
    /// Those that met every limit.
    pub met: u64,
    /// Those that missed none and have no such time as one of the limits is about.
    pub undetermined: u64,
    /// Independent requests that they are worth where a target is to be shown to be met, as [`crate::dependence`] has it.
    pub independent: f64,
    /// The same where it is to be shown to be missed.
    pub independent_missed: f64,
}

/// Tokens of a request on average, where they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TokensPerRequest {
    /// Of its prompt.
    pub prompt: Option<f64>,
    /// Of its reply.
    pub output: Option<f64>,
}

impl BenchResult {
    /// Measured requests with a whole reply.
    #[must_use]
    pub fn replies(&self) -> u64 {
        self.requests.saturating_sub(self.errors.values().sum())
    }

    /// Tokens of a request on average: as they were counted, else as they were asked for.
    #[must_use]
    pub fn tokens_per_request(&self) -> TokensPerRequest {
        let mean = |total: u64, asked: Option<u32>| match (total, self.replies()) {
            (0, _) | (_, 0) => asked.map(f64::from),
            (total, replies) => Some(total as f64 / replies as f64),
        };
        TokensPerRequest {
            prompt: mean(self.tokens.prompt, self.load.prompt_tokens),
            output: mean(self.tokens.output, self.load.output_tokens),
        }
    }
}

/// Percentiles of the time between tokens of a request that its raw record holds, in its field `itl_us`.
pub const REQUEST_ITL_PERCENTILES: [f64; 9] = [50.0, 75.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.9, 100.0];

/// Why a load test is not valid; of several reasons the first of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InvalidBy {
    /// The client limited it, or measured nothing: it says nothing about the server.
    Client,
    /// No request gave a whole reply: whether the load was too much for the server, or the requests were wrong, is not known.
    NoReply,
    /// Too many requests failed: its latencies are those of the survivors. Attainment, which counts failures as misses, can
    /// still show that the load was too much.
    Failures,
    /// An objective is about a time that the replies have not got.
    Undetermined,
}

/// A share with its 95 % interval (Wilson).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// 0 to 1.
    pub share: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Independent requests that the lower end rests on: fewer than there were where neighbours depend on each other.
    #[serde(default)]
    pub trials: f64,
    /// The same for the upper end, which rests on the misses alone.
    #[serde(default)]
    pub trials_missed: f64,
}

/// What a load test was directed at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BenchTarget {
    /// URL of the server.
    pub url: String,
    /// Name of the model.
    pub model: String,
    /// `completions` or `chat`.
    pub api: String,
}

/// A load as it was asked for. Also read from a plain text, which then is all there is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "LoadForm")]
pub struct BenchLoad {
    /// In words: `open poisson 4/s`, `closed 8`.
    pub text: String,
    /// Streams of a closed loop.
    pub concurrency: Option<u32>,
    /// `constant`, `poisson`, `gamma`, `burst`, `ramp` or `trace` for an open loop.
    pub process: Option<String>,
    /// Requests per second, where the process has such a figure.
    pub rate: Option<f64>,
    /// Tokens of the replies that were asked for.
    pub output_tokens: Option<u32>,
    /// Tokens of the prompts that were asked for.
    pub prompt_tokens: Option<u32>,
    /// Seed of arrivals.
    pub seed: Option<u64>,
}

impl std::fmt::Display for BenchLoad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum LoadForm {
    Text(String),
    Whole {
        #[serde(default)]
        text: String,
        concurrency: Option<u32>,
        process: Option<String>,
        rate: Option<f64>,
        output_tokens: Option<u32>,
        prompt_tokens: Option<u32>,
        seed: Option<u64>,
    },
}

impl From<LoadForm> for BenchLoad {
    fn from(form: LoadForm) -> Self {
        match form {
            LoadForm::Text(text) => Self { text, ..Self::default() },
            LoadForm::Whole { text, concurrency, process, rate, output_tokens, prompt_tokens, seed } => {
                Self { text, concurrency, process, rate, output_tokens, prompt_tokens, seed }
            }
        }
    }
}

/// How one objective was met.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectiveResult {
    /// `ttft`, `tpot`, `itl`, `e2e` or `stall`.
    pub metric: String,
    /// Share of requests that has to be within the limit, 0 to 1.
    pub percentile: f64,
    /// Limit in ms.
    pub limit_ms: f64,
    /// Share of requests within the limit; failed ones are not, nor are those without such a time.
    pub within: Share,
    /// Requests with a whole reply that has no such time, as a reply in one read has none between tokens.
    pub undetermined: u64,
    /// True if even the lower end of the interval is at or above the percentile, false if even the upper end is below it and
    /// would be with all undetermined requests within; `None` where the requests do not tell.
    pub met: Option<bool>,
}

/// Latencies that leave out the client's own delay in sending.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Uncorrected {
    /// Time to first token.
    pub ttft_ms: LatencySummary,
    /// Whole request.
    pub e2e_ms: LatencySummary,
}

/// Tokens of the measured replies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BenchTokens {
    /// Output tokens.
    pub output: u64,
    /// Tokens of the prompts, by the server's count; 0 where it does not count.
    pub prompt: u64,
    /// Those of them that came from a cache, by the server's count.
    pub cached: u64,
    /// Events with output.
    pub events: u64,
    /// Who counted output tokens: `server, with every chunk`, `server, at the end` or `events`, which are no tokens.
    pub counted_by: String,
    /// True where tokens per read are an estimate and matter: several tokens in an event, without a running count.
    pub itl_estimated: bool,
    /// Streamed replies of which it is not known how many tokens were decoded between the first read and the last: the
    /// inter-token latency and the time per output token leave them out.
    pub unknown_replies: u64,
    /// Output tokens that were decoded and not sent, by the server's count: reasoning.
    pub hidden: u64,
    /// Replies that ended in reasoning: a user saw nothing.
    pub never_visible: u64,
    /// Output tokens that were asked for in the same replies; 0 where an older version wrote the result.
    pub asked_output: u64,
    /// Tokens that the prompts of the same replies were to have; 0 where that is not known.
    pub asked_prompt: u64,
    /// Share of reads that held several events.
    pub coalesced_share: f64,
    /// Share of replies of several tokens that came in one read: such a reply is not streamed.
    pub single_read_share: f64,
    /// Share of prompt tokens that came from the server's prefix cache, by its count in the replies, else in its metrics;
    /// `None` where it tells neither.
    pub cached_share: Option<f64>,
    /// Share of prompt tokens that may come from a cache by plan: the shared prefix, the server's chat template, and the first
    /// few tokens in which random prompts agree by chance.
    pub common_share: f64,
}

impl BenchTokens {
    /// How far shares from a cache may be apart, or beyond what prompts have in common, before it matters.
    pub const CACHE_TOLERANCE: f64 = 0.01;
    /// How far lengths of prompts and replies may be apart, as a share, before loads count as different ones.
    pub const LENGTH_TOLERANCE: f64 = 0.05;
    /// [`counted_by`](Self::counted_by) where nobody counted tokens.
    pub const BY_EVENTS: &str = "events";

    /// Share of prompt tokens that came from a cache. Results that lack the share have the count, where 0 says nothing.
    #[must_use]
    pub fn from_cache(&self) -> Option<f64> {
        let counted = (self.cached > 0 && self.prompt > 0).then(|| self.cached as f64 / self.prompt as f64);
        self.cached_share.or(counted)
    }

    /// The same, less what prompts have in common by plan: below 0 where the cache held less than that.
    #[must_use]
    pub fn from_cache_beyond_plan(&self) -> Option<f64> {
        self.from_cache().map(|share| share - self.common_share)
    }

    /// True if the cache held more than the prompts have in common: the server has seen them before.
    #[must_use]
    pub fn is_answered_from_cache(&self) -> bool {
        self.from_cache_beyond_plan().is_some_and(|share| share > Self::CACHE_TOLERANCE)
    }
}

/// What a GPU did at a moment; `None` where it does not tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GpuSample {
    /// Seconds since sampling began.
    pub seconds: f64,
    /// Index of the GPU.
    pub index: u32,
    /// Share of time in which a kernel ran, in %.
    pub busy_percent: Option<f64>,
    /// Share of time in which its memory was read or written, in %.
    pub memory_busy_percent: Option<f64>,
    /// Memory in use.
    pub memory_used_mib: Option<f64>,
    /// Power.
    pub power_w: Option<f64>,
    /// Clock of the multiprocessors.
    pub sm_mhz: Option<f64>,
    /// Temperature.
    pub temperature_c: Option<f64>,
}

/// The client itself while it measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BenchClient {
    /// CPU seconds of the process during the window.
    pub cpu_s: Option<f64>,
    /// Delay with which its event loop took up a message, p99, in ms.
    pub lag_ms: Option<f64>,
    /// Largest share of a CPU that a sending thread took over a second.
    pub busiest_thread: Option<f64>,
    /// Share of time that a sending thread was ready to run and had no CPU.
    pub waiting_share: Option<f64>,
    /// CPUs that other processes kept busy, a server on this machine among them.
    pub foreign_cpus: Option<f64>,
    /// Largest resident memory in MB.
    pub peak_rss_mb: Option<f64>,
    /// Connections opened, those ahead of the run included.
    pub connections: u64,
    /// Measured requests that had to open one.
    pub connections_while_measuring: u64,
}

/// Latency in ms; `None` where there are too few values for the percentile: 10 for p90, 20 for p95, 100 for p99.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LatencySummary {
    /// Number of values; tokens for the inter-token latency.
    pub count: u64,
    /// Mean.
    pub mean: Option<f64>,
    /// Independent values that these are worth, where the order in which requests were due was asked: the correlation times that
    /// the run holds. Below [`LatencySummary::TELLING`] there are no intervals, and the figures are those of this run.
    pub independent: Option<f64>,
    /// 95 % confidence interval of the mean.
    pub mean_interval: Option<(f64, f64)>,
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
    /// What the 99th percentile of the server is at most, with 99 % confidence, by the order of the values (MLPerf's early
    /// stopping); `None` for fewer than 459 of them, and where they are not one for each request.
    pub p99_bound: Option<f64>,
    /// Largest value.
    pub max: Option<f64>,
}

impl LatencySummary {
    /// Independent values from which on a run tells how far its figures are from those of another one.
    pub const TELLING: f64 = 50.0;

    /// True where the figures are those of one run, and how far another one would be from them is not known.
    #[must_use]
    pub fn is_within_run(&self) -> bool {
        self.independent.is_some_and(|independent| independent < Self::TELLING)
    }
}

/// The highest rate that meets the objectives, as `plumb bench --sweep` finds it and `measurements/sweep-….json` holds it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SweepResult {
    /// [`BENCH_SCHEMA`] of the writer.
    pub schema: u32,
    /// File of the bundle, `measurements/….json`; empty outside of a bundle.
    pub path: String,
    /// Start, RFC 3339, UTC.
    pub started: String,
    /// Version of the tool.
    pub tool_version: String,
    /// False if the client itself limited the search, or nothing was shown to pass.
    pub valid: bool,
    /// Why it is not valid.
    pub invalid_reason: Option<String>,
    /// What lowers the trust in a valid result.
    pub warnings: Vec<String>,
    /// True if it was ended before its time.
    pub interrupted: bool,
    /// What the nonces of the runs were made from; `None` for prompts of a file.
    pub nonce: Option<String>,
    /// What was measured.
    pub target: BenchTarget,
    /// The objectives, as in `--slo`: `ttft p95 <= 500 ms`.
    pub objectives: Vec<String>,
    /// Highest rate, in requests per second, that fresh runs have shown to meet every objective; no more than they sent.
    pub highest_pass_rps: Option<f64>,
    /// Lowest rate that was shown to miss one.
    pub lowest_fail_rps: Option<f64>,
    /// Where the rising fit through all levels crosses from meeting to missing.
    pub estimate_rps: Option<f64>,
    /// True if the server goes from well within the objectives to far beyond them in one step: no load near the limit is safe.
    pub cliff: bool,
    /// The runs, in the order in which they were made; a rate that was tried again has several.
    pub levels: Vec<SweepLevel>,
}

/// One load of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SweepLevel {
    /// Requests per second.
    pub rate: f64,
    /// `pass`, `fail` or `unresolved`, over all runs at this rate so far.
    pub verdict: String,
    /// The worst objective's share of misses over its allowance: above 1 is missed.
    pub excess: f64,
    /// True for a run that confirms a rate that the search has found: its verdict is over such runs alone.
    pub confirms: bool,
    /// The run.
    pub result: BenchResult,
}

impl SweepLevel {
    /// The verdict on a load that misses an objective.
    pub const MISSED: &str = "fail";
}

/// What an inference server says of itself at `/metrics`, over a window of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerMetrics {
    /// File of the bundle, `measurements/….json`.
    pub path: String,
    /// Kind of server, as in [`super::InferenceServer`].
    pub kind: String,
    /// True where the load was one of a sweep that missed the objectives: more than the server is to bear.
    pub beyond_limit: bool,
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
    /// Prompt tokens that were looked up in the prefix cache during the window.
    pub prefix_cache_queries: Option<f64>,
    /// Those of them that were there.
    pub prefix_cache_hits: Option<f64>,
    /// Requests that ended well during the window.
    pub requests: Option<f64>,
    /// Tokens that a draft proposed during the window, and those of them that were taken (speculative decoding).
    pub drafted: Option<f64>,
    /// See [`ServerMetrics::drafted`].
    pub accepted: Option<f64>,
    /// Share of drafts that were taken, where the server tells nothing but that: the mean over the scrapes.
    pub accept_rate: Option<f64>,
    /// Tokens that the KV cache has room for.
    pub kv_pool_tokens: Option<f64>,
    /// Time to first token during the window, from the server's histogram.
    pub ttft_ms: Option<LatencySummary>,
    /// Inter-token latency during the window, from the server's histogram.
    pub itl_ms: Option<LatencySummary>,
    /// Whole request during the window, from the server's histogram.
    pub e2e_ms: Option<LatencySummary>,
    /// Time in the queue during the window, from the server's histogram.
    pub queue_ms: Option<LatencySummary>,
}
