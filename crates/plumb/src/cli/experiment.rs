//! The arguments of `plumb experiment`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use plumb_evidence::CpuSet;

use super::{AccessArgs, ResultArgs};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct ExperimentArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ExperimentCommand>,
    /// The plan (TOML; see the handbook's reference of experiment plans).
    #[arg(required = true, value_name = "PLAN")]
    pub(crate) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ExperimentCommand {
    /// Without a plan: unpinned against pinned, alone and beside a CPU hog on the same CPUs.
    Quick(Box<QuickArgs>),
    /// Set back what an experiment left changed that was cut off.
    Restore,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Only say what would be done: cells with their CPUs, order, settings, minutes. Changes nothing, and launches the baseline
    /// once to know how long it takes.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Allow changes of the node: governor, energy preference, NUMA balancing, masks of a running server. Old values are
    /// written to a journal first and set back at the end.
    #[arg(long)]
    pub(crate) allow_changes: bool,
    /// Add the result to this bundle, whose evidence then says which NUMA node a GPU is on.
    #[arg(long, value_name = "BUNDLE")]
    pub(crate) into: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: ExperimentFormat,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// Look for /sys and /proc/sys below this folder; for tests.
    #[arg(long, value_name = "DIR", hide = true)]
    pub(crate) sysroot: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExperimentFormat {
    /// For a person: verdicts and tables.
    Text,
    /// For a program.
    Json,
    /// Markdown tables.
    Md,
}

#[derive(Debug, Args)]
pub(crate) struct QuickArgs {
    /// Command that starts the server; `{port}` stands for a free port. Quotes keep words together, nothing else is special.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) server: String,
    /// URL of the server, such as `http://127.0.0.1:8000` or `http://127.0.0.1:{port}`.
    #[arg(long, value_name = "URL")]
    pub(crate) url: String,
    /// CPUs to pin to, for example 0-7. Default: those of the first GPU's NUMA node, else of the first NUMA node, where
    /// there are several, else all but the client's.
    #[arg(long, value_name = "LIST", value_parser = super::cpus)]
    pub(crate) pin: Option<CpuSet>,
    /// Blocks: each measures every cell once.
    #[arg(long, value_name = "N", default_value = "6")]
    pub(crate) blocks: usize,
    /// Requests of each measurement. As many as fit a quarter of an hour with a server that starts in 20 s.
    #[arg(long, value_name = "N", default_value = "40")]
    pub(crate) requests: u64,
    /// Requests under way at once.
    #[arg(long, value_name = "N", default_value = "4")]
    pub(crate) concurrency: u32,
    /// Tokens of each reply.
    #[arg(long, value_name = "N", default_value = "64")]
    pub(crate) output_tokens: u32,
    /// CPUs of the client.
    #[arg(long, value_name = "LIST", value_parser = super::cpus)]
    pub(crate) client_cpus: Option<CpuSet>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct HogArgs {
    /// `cpu`, `memory` or `cache`.
    pub(crate) kind: String,
    /// CPUs.
    #[arg(long, value_name = "LIST", value_parser = super::cpus)]
    pub(crate) cpus: CpuSet,
    /// Loops, each on one of the CPUs in turn.
    #[arg(long, value_name = "N")]
    pub(crate) workers: usize,
    /// Ends by itself after this time.
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub(crate) seconds: u64,
}
