//! The arguments of `plumb bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use plumb_bench::{Amount, Nonce};
use plumb_evidence::CpuSet;

use super::Format;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(crate) command: Option<BenchCommand>,
    /// The server, such as `http://host:8000`. A path that ends in `/chat/completions` or `/completions` is taken as it is, one
    /// with `/deployments/NAME` as Azure's, and a query goes with every request.
    #[arg(required = true)]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    #[command(flatten)]
    pub(crate) goal: GoalArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: BenchOutput,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Measure a built-in server whose every delay is known: the error of this client on this node.
    Calibrate {
        #[command(flatten)]
        load: LoadArgs,
        /// Tokens of each reply.
        #[arg(long, value_name = "N", default_value = "64")]
        output_tokens: u32,
        /// Time to first token of the built-in server, in ms.
        #[arg(long, value_name = "MS", default_value = "20")]
        true_ttft: f64,
        /// Time per token of the built-in server, in ms.
        #[arg(long, value_name = "MS", default_value = "10")]
        true_itl: f64,
        #[command(flatten)]
        client: ClientArgs,
        /// How to print the result.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApiChoice {
    /// `/v1/completions`
    Completions,
    /// `/v1/chat/completions`
    Chat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArrivalChoice {
    /// Equal gaps.
    Constant,
    /// Independent users.
    Poisson,
    /// Burstier or more even than Poisson: see `--burstiness`.
    Gamma,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HttpChoice {
    /// HTTP/1.1 in clear text, what the server prefers over TLS.
    Auto,
    /// HTTP/1.1
    #[value(name = "1")]
    One,
    /// HTTP/2, in clear text with prior knowledge.
    #[value(name = "2")]
    Two,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Requests")]
pub(crate) struct RequestArgs {
    /// Which interface. Default: the one that the URL names, else completions.
    #[arg(long, value_enum)]
    pub(crate) api: Option<ApiChoice>,
    /// Model; default: the first that the server lists and that makes text, as far as its name tells; where it lists several, a
    /// note says which one was asked.
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Tokens of each prompt; words are made up anew for each run. Several lengths: `64-512`, `normal:MEAN,DEVIATION`,
    /// `lognormal:MEDIAN,SIGMA`, or `@FILE` with `TOKENS,COUNT` on each line.
    #[arg(long, value_name = "N", default_value = "128")]
    pub(crate) prompt_tokens: String,
    /// Share (0 to 1) of each prompt that is the same in all, for the server's prefix cache.
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = super::share)]
    pub(crate) shared_prefix: f64,
    /// Take prompts from a file in turn: one per line, or JSONL with texts or objects with `prompt`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prompt_tokens", "shared_prefix"])]
    pub(crate) prompts: Option<PathBuf>,
    /// Send the prompts of an earlier run or sweep again: the `nonce` of its result. Default: a fresh one, so that the server
    /// has seen none of the prompts before.
    #[arg(long, value_name = "HEX", conflicts_with = "prompts")]
    pub(crate) nonce: Option<Nonce>,
    /// Tokens of each reply, as `--prompt-tokens`.
    #[arg(long, value_name = "N", default_value = "64")]
    pub(crate) output_tokens: String,
    /// Conversations of so many turns, in a closed loop: each turn sends all that was said before it again, and
    /// `--prompt-tokens` more.
    #[arg(long, value_name = "N", default_value = "1", conflicts_with_all = ["rate", "burst", "ramp", "trace", "prompts", "sweep"])]
    pub(crate) turns: u32,
    /// Let replies end where the model ends them, instead of asking for `--output-tokens` in full.
    #[arg(long)]
    pub(crate) heed_eos: bool,
    /// Sampling temperature.
    #[arg(long, value_name = "T", default_value = "0")]
    pub(crate) temperature: f64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
pub(crate) struct LoadArgs {
    /// Closed loop with so many streams, each of which sends its next request when its last one has ended. Default: 4
    /// streams, where no rate is given.
    #[arg(long, short, value_name = "N", conflicts_with_all = ["rate", "burst", "ramp", "trace"])]
    pub(crate) concurrency: Option<u32>,
    /// Open loop: requests per second, sent when they are due whatever the server does.
    #[arg(long, value_name = "R", conflicts_with_all = ["burst", "ramp", "trace"])]
    pub(crate) rate: Option<f64>,
    /// How the requests of `--rate` are spread.
    #[arg(long, value_enum, default_value = "poisson", requires = "rate")]
    pub(crate) arrivals: ArrivalChoice,
    /// Shape of gamma arrivals: below 1 burstier than Poisson, above more even.
    #[arg(long, value_name = "SHAPE", default_value = "1")]
    pub(crate) burstiness: f64,
    /// Open loop: so many requests at once, each `--every`.
    #[arg(long, value_name = "N", conflicts_with_all = ["ramp", "trace"])]
    pub(crate) burst: Option<u32>,
    /// Time from burst to burst.
    #[arg(long, value_name = "TIME", default_value = "1s", requires = "burst", value_parser = super::seconds)]
    pub(crate) every: f64,
    /// Open loop: a rate that goes from one value to another, such as `1:50:60` for 1 to 50 per second in 60 s.
    #[arg(long, value_name = "FROM:TO:SECONDS", conflicts_with = "trace", value_parser = ramp)]
    pub(crate) ramp: Option<(f64, f64, f64)>,
    /// Open loop: times and lengths of a file, one request per line: `SECONDS[,PROMPT_TOKENS[,OUTPUT_TOKENS]]`, or a trace in the
    /// form of Mooncake (JSONL) or Azure (CSV).
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Measure so many requests. Default: 50 in a closed loop.
    #[arg(long, short, value_name = "N", conflicts_with = "duration")]
    pub(crate) n_requests: Option<u64>,
    /// Measure the requests of so long a time (`30s`, `1m`). Default: 30 s in an open loop.
    #[arg(long, short, value_name = "TIME", value_parser = super::seconds)]
    pub(crate) duration: Option<f64>,
    /// Requests, or a time such as `5s`, before measuring. Default: two per stream, 2 s in an open loop.
    #[arg(long, value_name = "N|TIME", value_parser = amount)]
    pub(crate) warmup: Option<Amount>,
    /// Stop sending after the last measured request, instead of keeping up the load until it has ended.
    #[arg(long)]
    pub(crate) no_cooldown: bool,
    /// Requests under way beyond which an open loop sends no more; they count as failed.
    #[arg(long, value_name = "N", default_value = "4096")]
    pub(crate) max_in_flight: usize,
    /// Seed of arrivals: the same seed sends at the same times.
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Objectives")]
pub(crate) struct GoalArgs {
    /// Limits on ttft, itl, tpot, e2e and stall, such as `ttft=500ms,itl.p99=80ms`; of p95 unless another percentile is
    /// given. Goodput and `--sweep` need the same percentile for all.
    #[arg(long, value_name = "LIMITS")]
    pub(crate) slo: Option<String>,
    /// Share (0 to 1) of requests that may fail.
    #[arg(long, value_name = "SHARE", default_value = "0.01", value_parser = super::share)]
    pub(crate) error_share: f64,
    /// Search for the highest rate that meets the objectives, starting from `--rate` (default 1).
    #[arg(long, requires = "slo", conflicts_with_all = ["concurrency", "burst", "ramp", "trace"])]
    pub(crate) sweep: bool,
    /// Highest rate that a sweep tries.
    #[arg(long, value_name = "R", default_value = "10000", requires = "sweep")]
    pub(crate) max_rate: f64,
    /// Share (0 to 1) by which the failing and the passing rate may differ at the end of a sweep.
    #[arg(long, value_name = "SHARE", default_value = "0.05", requires = "sweep", value_parser = super::share)]
    pub(crate) tolerance: f64,
    /// Go on, up to ten times as long, until mean and p95 of TTFT and E2E are known to this share.
    #[arg(long, value_name = "SHARE", value_parser = super::share, conflicts_with = "sweep")]
    pub(crate) precision: Option<f64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArgs {
    /// Variable of the environment that holds the API key.
    #[arg(long, value_name = "NAME", default_value = "PLUMB_API_KEY")]
    pub(crate) api_key_env: String,
    /// File that holds the API key.
    #[arg(long, value_name = "FILE", conflicts_with = "api_key_env")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// Send this header with every request; can be given again. `NAME:@FILE` takes the value from a file, since every user of the
    /// machine can read a command line. The value is written nowhere.
    #[arg(long, value_name = "NAME:VALUE")]
    pub(crate) header: Vec<String>,
    /// Wait so long, at most, for a server that is not ready.
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = super::seconds)]
    pub(crate) wait: f64,
    /// Version of HTTP.
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) http: HttpChoice,
    /// File of certificates (PEM) to trust besides those of the system.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Time that a request may take.
    #[arg(long, value_name = "TIME", default_value = "300s", value_parser = super::seconds)]
    pub(crate) timeout: f64,
    /// Time between reads of the server's /metrics; 0 for none.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = super::seconds)]
    pub(crate) scrape_every: f64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Client")]
pub(crate) struct ClientArgs {
    /// Threads that send.
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) threads: usize,
    /// CPUs to bind the sending threads to, such as `2-3`: best ones that the server does not use.
    #[arg(long, value_name = "CPUS")]
    pub(crate) cpus: Option<CpuSet>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct BenchOutput {
    /// How to print the result.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    /// Add the result, the raw records and what the server said of itself to this bundle.
    #[arg(long, value_name = "BUNDLE")]
    pub(crate) into: Option<PathBuf>,
    /// Write the raw record of every request to this file (JSONL).
    #[arg(long, value_name = "FILE")]
    pub(crate) records: Option<PathBuf>,
    /// Replace the file of --records if it is there already.
    #[arg(long)]
    pub(crate) force: bool,
}

fn ramp(text: &str) -> Result<(f64, f64, f64), String> {
    let parts: Vec<f64> = text.split(':').map_while(|part| part.parse().ok()).collect();
    match (parts.as_slice(), text.split(':').count()) {
        (&[from, to, seconds], 3) => Ok((from, to, seconds)),
        _ => Err("give two rates and a time, for example 1:50:60".to_owned()),
    }
}

fn amount(text: &str) -> Result<Amount, String> {
    let bad = || "give a number of requests, for example 20, or a time, for example 5s".to_owned();
    match text.contains(|c: char| c.is_ascii_alphabetic()) {
        true => super::seconds(text).map(Amount::Seconds).map_err(|_| bad()),
        false => text.parse().map(Amount::Requests).map_err(|_| bad()),
    }
}
