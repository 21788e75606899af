//! The arguments of `plumb observe` and `plumb import`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{AccessArgs, Format, ResultArgs};

#[derive(Debug, Args)]
pub(crate) struct ObserveArgs {
    /// URL of the server, whose `/metrics` are read; left out, only the node is watched.
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    /// How long: a number with s, m, h or d.
    #[arg(long = "for", value_name = "TIME", default_value = "24h", value_parser = super::duration)]
    pub(crate) length: Duration,
    /// Time from look to look.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = super::duration)]
    pub(crate) every: Duration,
    /// Limits to hold the server's histograms against, such as `ttft=500ms,e2e.p99=10s`: of ttft, itl and e2e.
    #[arg(long, value_name = "OBJECTIVES")]
    pub(crate) slo: Option<String>,
    /// First process of the server. Default: the one that listens at the URL, where it is on this node.
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Option<i32>,
    /// Add the result to this bundle, hour by hour.
    #[arg(long, value_name = "BUNDLE")]
    pub(crate) into: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Result file of AIPerf, GuideLLM, `vllm bench serve`, inference-perf, or a benchmark report of llm-d; also a result of
    /// `plumb bench`, to write it in the form of llm-d.
    pub(crate) file: PathBuf,
    /// Add what it says to this bundle.
    #[arg(long, value_name = "BUNDLE")]
    pub(crate) into: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// How to print what it says.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: ImportFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFormat {
    /// For a person.
    Text,
    /// For a program.
    Json,
    /// A benchmark report of llm-d, version 0.2, as JSON.
    LlmD,
}
