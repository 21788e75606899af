//! The command line as clap sees it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use plumb_engine::Grade;
use plumb_evidence::CpuSet;

mod bench;
mod examples;
mod experiment;
mod observe;
mod sets;

pub(crate) use examples::command;

pub(crate) use sets::{CompareArgs, FleetArgs};

pub(crate) use bench::{
    ApiChoice, ArrivalChoice, BenchArgs, BenchCommand, BenchOutput, ClientArgs, HttpChoice, LoadArgs,
};
pub(crate) use experiment::{
    ExperimentArgs, ExperimentCommand, ExperimentFormat, HogArgs, QuickArgs, RunArgs,
};
pub(crate) use observe::{ImportArgs, ImportFormat, ObserveArgs};

/// Health check for LLM inference nodes: gathers evidence, finds what is wrong, and says so in a report.
#[derive(Debug, Parser)]
#[command(name = "plumb", version = crate::VERSION, max_term_width = 100, propagate_version = true)]
pub(crate) struct Cli {
    /// Say nothing on standard error but warnings and errors.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Also append what is said on standard error, with times and whatever --quiet leaves out, to this file.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// What to do; left out, a survey of what this node allows, and what to do next.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Gather evidence on this node into a bundle. Reads only: changes nothing, opens no network connection.
    Collect(CollectArgs),
    /// Analyse a bundle: findings, risk, coverage.
    Check(CheckArgs),
    /// Render the report of a bundle as PDF, Markdown, HTML and JSON.
    Report(ReportArgs),
    /// Collect, check and report in one go.
    Audit(AuditArgs),
    /// Write the fix of what a bundle shows as files: units, scripts, settings, a checklist. Applies nothing.
    Remediate(RemediateArgs),
    /// Say of each change of a plan whether it holds on this node: held, reverted, or overridden and by what.
    Verify(VerifyArgs),
    /// Compare two states of a node, or of many: what was fixed, what is new, what was measured, what is set otherwise.
    Compare(Box<CompareArgs>),
    /// Sum up many nodes: the worst, what is most frequent, which differ from their like.
    Fleet(FleetArgs),
    /// Measure latency, throughput and goodput of an OpenAI-compatible server.
    Bench(Box<BenchArgs>),
    /// Measure what the operating system takes away from CPUs. Changes nothing, but costs CPU time.
    Noise(crate::commands::noise::NoiseArgs),
    /// Measure which memory and which CPUs are near to which GPU, by the GPU's own clock. Takes seconds of a GPU that is free.
    Paths(PathsArgs),
    /// Compare placements, governors and neighbours of a server by starting it under each, in randomised blocks.
    Experiment(Box<ExperimentArgs>),
    /// Watch a server and its node without sending a request: counters, GPUs and the server's own histograms, by hour.
    Observe(Box<ObserveArgs>),
    /// Read the result of another load generator, and say what it cannot prove.
    Import(ImportArgs),
    /// Draw where the servers' threads and memory are on the node, and which are away from their GPU.
    Show(ShowArgs),
    /// Say what this machine allows Plumb to see and to make, and what each missing thing costs.
    Doctor(DoctorArgs),
    /// Print which files, folders and variables are in force, and with --origin why.
    Config(ConfigArgs),
    /// Look into a bundle.
    Bundle(BundleArgs),
    /// List and inspect check packs.
    Packs(PacksArgs),
    /// Print what a shell needs to complete commands and options.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder: one for each command.
    Man {
        /// Folder, which is made where it is not there.
        #[arg(long, short, value_name = "DIR")]
        output: PathBuf,
    },
    /// Ask one library for its answer; used by `collect`.
    #[command(hide = true)]
    Helper { answer: String },
    /// Be a server whose every delay is known; used by `bench calibrate`.
    #[command(hide = true)]
    ReferenceServer {
        /// Its behaviour, as JSON; what is left out is as built in.
        #[arg(default_value = "{}")]
        behaviour: String,
        /// Serve at this address until it is ended, instead of at a free port until standard input ends.
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<std::net::SocketAddr>,
    },
    /// Be a neighbour that takes what a server needs; used by `experiment`.
    #[command(hide = true)]
    Hog(HogArgs),
    /// Load one pack and answer for it; used by `check`.
    #[command(hide = true)]
    Worker,
}

// Where a result goes. No documentation comment, which would be that of the command.
#[derive(Debug, Args)]
pub(crate) struct ResultArgs {
    /// Write the result to this file instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the file of --output if it is there already.
    #[arg(long)]
    pub(crate) force: bool,
}

// What a server asks of those who ask it.
#[derive(Debug, Args)]
pub(crate) struct AccessArgs {
    /// Variable that holds the server's API key, if it is set.
    #[arg(long, value_name = "NAME", default_value = "PLUMB_API_KEY")]
    pub(crate) api_key_env: String,
    /// A header for every request; `NAME:@FILE` takes the value from a file, where no other user of the machine sees it.
    #[arg(long, value_name = "NAME:VALUE")]
    pub(crate) header: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a person.
    Text,
    /// For a program.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum ReportFormat {
    Pdf,
    Md,
    /// One file that needs nothing else.
    Html,
    /// The model that the others are rendered from.
    Json,
    /// What is to be done, a line for each finding; not of a comparison.
    Csv,
    /// Deviations for tools that collect results of checks; of a report only.
    Sarif,
    /// Actions, findings, evidence and numbers as a workbook.
    Xlsx,
    /// A Word document with named styles; drawings are left to the PDF.
    Docx,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RiskLevel {
    Low,
    Medium,
    High,
}

impl From<RiskLevel> for Grade {
    fn from(level: RiskLevel) -> Self {
        match level {
            RiskLevel::Low => Self::Low,
            RiskLevel::Medium => Self::Medium,
            RiskLevel::High => Self::High,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CollectArgs {
    /// File to write, `-` for standard output; default: HOSTNAME-TIME.plumb in the working folder.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace a file that is no bundle, or a bundle that holds measurements. An earlier collection without any is replaced
    /// in any case.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) from: CollectFrom,
    /// Only say what would be read: per probe, files, bytes and whether root sees more. Reads only what leads to other
    /// files, asks no library, writes nothing.
    #[arg(long, conflicts_with = "output")]
    pub(crate) dry_run: bool,
    /// How to print the summary.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Default, Args)]
pub(crate) struct CollectFrom {
    /// Read a recorded tree of /proc and /sys instead of this node; DIR stands for `/`.
    #[arg(long, value_name = "DIR")]
    pub(crate) sysroot: Option<PathBuf>,
    /// Read what moves under load twice, so far apart (`10s`, `1m`): clocks, interrupts, run delay, throttling. Without
    /// it, checks of such effects are not run.
    #[arg(long, value_name = "TIME", value_parser = sample)]
    pub(crate) sample: Option<Duration>,
    /// An inference server that Plumb would not know for one: its process id, a port that it listens at, or its systemd unit.
    /// May be repeated.
    #[arg(long = "server", value_name = "PID|PORT|UNIT")]
    pub(crate) servers: Vec<String>,
    /// Run at this niceness, from -20 to 19; 19 gives way to everything else.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(-20..=19))]
    pub(crate) nice: Option<i32>,
    /// Run on these CPUs only, for example 0-3,64. Default: all but isolated ones and those that inference processes are
    /// pinned to.
    #[arg(long, value_name = "LIST", value_parser = cpus)]
    pub(crate) cpus: Option<CpuSet>,
}

fn cpus(text: &str) -> Result<CpuSet, String> {
    match text.parse::<CpuSet>() {
        Ok(set) if !set.is_empty() => Ok(set),
        _ => Err("give CPUs as the kernel lists them, for example 0-3,64".to_owned()),
    }
}

fn sample(text: &str) -> Result<Duration, String> {
    match duration(text) {
        Ok(value) if (0.1..=3600.0).contains(&value.as_secs_f64()) => Ok(value),
        _ => Err("give a time from 0.1 s to an hour, for example 10s or 1m".to_owned()),
    }
}

/// A time in seconds: `500ms`, `90s`, `15m`, `24h` or `7d`; a number alone is of seconds.
pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    let bad = || format!("`{text}` is no time; give one such as 500ms, 60s, 15m, 24h or 7d");
    let (number, unit) = match text.find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(bad()),
    };
    let number: f64 = number.parse().map_err(|_| bad())?;
    Some(number * seconds).filter(|time| (0.0..=366.0 * 86_400.0).contains(time)).ok_or_else(bad)
}

/// As [`seconds`], and longer than nothing.
fn duration(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        time if time >= 0.001 => Ok(Duration::from_secs_f64(time)),
        _ => Err(format!("`{text}` is no time to wait; give one such as 500ms, 60s, 15m, 24h or 7d")),
    }
}

#[derive(Debug, Default, Args)]
pub(crate) struct PackPaths {
    /// A check pack to use besides the installed ones: its folder, its pack.toml or its library. May be repeated;
    /// further folders of packs are taken from PLUMB_PACK_PATH.
    #[arg(long = "pack", value_name = "PATH")]
    pub(crate) packs: Vec<PathBuf>,
    /// Load no pack where the kernel lacks a protection of its sandbox, and end with 5 then.
    #[arg(long)]
    pub(crate) require_sandbox: bool,
}

#[derive(Debug, Default, Args)]
pub(crate) struct Client {
    /// What the client says: workload, objectives, prices, replaced thresholds, waivers (TOML; see the handbook's
    /// reference of the engagement file).
    #[arg(long, value_name = "FILE")]
    pub(crate) engagement: Option<PathBuf>,
    /// Hold expiry dates of waivers against this day (YYYY-MM-DD); default: the day of the collection.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub(crate) as_of: Option<time::Date>,
}

fn day(text: &str) -> Result<time::Date, String> {
    plumb_engine::waiver::parse_date(text)
        .ok_or_else(|| "give a day as YYYY-MM-DD, for example 2026-12-31".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct Gates {
    /// Exit with 3 if the risk of the node is at or above this level, with 4 if the node is not assessable.
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) fail_on: Option<RiskLevel>,
    /// Exit with 4 if less than this share (0 to 1) of what applies was answered.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) require_coverage: Option<f64>,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("give a number from 0 to 1, for example 0.8".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Bundle: a .plumb file, the folder that it was unpacked into, or `-` for standard input.
    pub(crate) bundle: PathBuf,
    /// Print what is in order, what does not apply and what is for information, too.
    #[arg(long)]
    pub(crate) all: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) packs: PackPaths,
    #[command(flatten)]
    pub(crate) client: Client,
    #[command(flatten)]
    pub(crate) gates: Gates,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StandardChoice {
    /// PDF/UA-1
    #[value(name = "ua-1")]
    Ua1,
    /// PDF/A-2a and PDF/UA-1
    #[value(name = "a-2a")]
    A2a,
    /// PDF/A-3a and PDF/UA-1
    #[value(name = "a-3a")]
    A3a,
}

#[derive(Debug, Args)]
pub(crate) struct Rendering {
    /// What to render, separated by commas; default: pdf,md, or html,md where Typst is not found.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) formats: Vec<ReportFormat>,
    /// Replace files in the folder that Plumb did not write, or that were changed since.
    #[arg(long)]
    pub(crate) force: bool,
    /// Folder of a theme; default: the built-in one.
    #[arg(long, value_name = "DIR")]
    pub(crate) theme: Option<PathBuf>,
    /// A client's Word file (.docx or .dotx), whose styles, headers and footers the Word document takes.
    #[arg(long, value_name = "FILE")]
    pub(crate) docx_template: Option<PathBuf>,
    /// Language of the fixed words: a message file of the theme, such as `de`; default: the engagement file's, else `en`.
    #[arg(long, value_name = "CODE")]
    pub(crate) language: Option<String>,
    /// What the PDF is held to; the archive standards are accessible, too.
    #[arg(long, value_enum, default_value = "ua-1")]
    pub(crate) pdf_standard: StandardChoice,
    /// Open the report when it is there.
    #[arg(long)]
    pub(crate) open: bool,
    /// The typst program to use; default: PLUMB_TYPST, then the one beside `plumb`, then the one that `cargo xtask setup`
    /// installed, then PATH.
    #[arg(long, value_name = "FILE")]
    pub(crate) typst: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Bundle: a .plumb file, or the folder that it was unpacked into; or a report.json, which is rendered as it is, without
    /// bundle and packs and in the language that it is written in. Several bundles, or a folder of them, make one document, as
    /// with `plumb fleet`.
    #[arg(required_unless_present = "init", value_name = "BUNDLE")]
    pub(crate) bundles: Vec<PathBuf>,
    /// Folder for report.pdf, report-appendix.pdf, report.md and so on; made if it is not there.
    #[arg(long, short, value_name = "DIR", required_unless_present = "init")]
    pub(crate) output: Option<PathBuf>,
    /// Only write an engagement file that explains every key, to be filled in. Writes over nothing.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "engagement.toml", conflicts_with_all = ["bundles", "output", "engagement"])]
    pub(crate) init: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rendering: Rendering,
    #[command(flatten)]
    pub(crate) packs: PackPaths,
    #[command(flatten)]
    pub(crate) client: Client,
    #[command(flatten)]
    pub(crate) gates: Gates,
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// Analyse this bundle instead of collecting a new one.
    pub(crate) bundle: Option<PathBuf>,
    /// Folder for node.plumb, report.pdf and report.md; made if it is not there. A node.plumb that holds measurements is
    /// replaced with --force only.
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) from: CollectFrom,
    #[command(flatten)]
    pub(crate) further: Further,
    #[command(flatten)]
    pub(crate) rendering: Rendering,
    #[command(flatten)]
    pub(crate) packs: PackPaths,
    #[command(flatten)]
    pub(crate) client: Client,
    #[command(flatten)]
    pub(crate) gates: Gates,
}

// What an audit measures beside collecting.
#[derive(Debug, Args)]
#[command(next_help_heading = "In the same run")]
pub(crate) struct Further {
    /// Put load on this server during the sample, 30 s where --sample says nothing, and add the load test.
    #[arg(long, value_name = "URL", conflicts_with_all = ["bundle", "sysroot"])]
    pub(crate) bench: Option<String>,
    /// Read the server's own speed and queue during the sample, without sending a request.
    #[arg(long, value_name = "URL", conflicts_with_all = ["bundle", "sysroot"])]
    pub(crate) metrics: Option<String>,
    /// Run this experiment after the collection, and add it.
    #[arg(long, value_name = "PLAN", conflicts_with_all = ["bundle", "sysroot"])]
    pub(crate) plan: Option<PathBuf>,
    /// Measure the node after the collection, separated by commas. Costs CPU time.
    #[arg(long, value_enum, value_delimiter = ',', conflicts_with_all = ["bundle", "sysroot"])]
    pub(crate) measure: Vec<MeasureChoice>,
    /// Also say what is otherwise than in this earlier bundle.
    #[arg(long, value_name = "BUNDLE")]
    pub(crate) since: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MeasureChoice {
    /// What the operating system takes away from CPUs.
    Noise,
    /// What distance between CPUs and memory costs.
    Memory,
}

#[derive(Debug, Args)]
pub(crate) struct RemediateArgs {
    /// Bundle: a .plumb file, or the folder that it was unpacked into.
    pub(crate) bundle: PathBuf,
    /// Folder for CHECKLIST.md, units, scripts and settings; made if it is not there, and must be empty if it is.
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// Replace what an earlier run wrote into the folder, all of it.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) packs: PackPaths,
    #[command(flatten)]
    pub(crate) client: Client,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Bundle to draw: a .plumb file, the folder that it was unpacked into, or `-` for standard input. Default: this node.
    pub(crate) bundle: Option<PathBuf>,
    /// Look at this node again and again, so far apart, until Ctrl-C; threads are then shown where they work.
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "2s", value_parser = sample, conflicts_with = "bundle")]
    pub(crate) watch: Option<Duration>,
    /// Draw with ASCII alone. Default: where the locale is not UTF-8.
    #[arg(long)]
    pub(crate) ascii: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// How to print the result.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) packs: PackPaths,
    /// The typst program to look at; default: as `report` looks for it.
    #[arg(long, value_name = "FILE")]
    pub(crate) typst: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PathsArgs {
    /// GPUs by number or PCI address, separated by commas. Default: all.
    #[arg(long = "gpu", value_name = "LIST", value_delimiter = ',')]
    pub(crate) gpus: Vec<String>,
    /// Longest time for one pair of a GPU and a NUMA node.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Also launch from each CPU, which shows near CPUs inside of one NUMA node where caches tell them apart.
    #[arg(long)]
    pub(crate) cores: bool,
    /// Measure although an inference server runs here.
    #[arg(long)]
    pub(crate) beside_server: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print them.
    Show {
        /// Also say where each comes from.
        #[arg(long)]
        origin: bool,
        /// How to print them.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Folder of the plan, as `plumb remediate` wrote it.
    #[arg(value_name = "DIR")]
    pub(crate) plan: PathBuf,
    /// Bundle to hold it against, or `-` for standard input. Default: this node as it is now.
    pub(crate) bundle: Option<PathBuf>,
    /// Read what moves under load twice, so far apart, as `collect` does.
    #[arg(long, value_name = "TIME", value_parser = sample, conflicts_with = "bundle")]
    pub(crate) sample: Option<Duration>,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) packs: PackPaths,
    #[command(flatten)]
    pub(crate) client: Client,
}

#[derive(Debug, Args)]
pub(crate) struct BundleArgs {
    #[command(subcommand)]
    pub(crate) command: BundleCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Show what a bundle holds, or its topology as a well-known tool would print it.
    Show {
        /// Bundle: a .plumb file, or the folder that it was unpacked into.
        bundle: PathBuf,
        /// Which view.
        #[arg(long = "as", value_enum, default_value = "summary", value_name = "VIEW")]
        view: View,
    },
    /// Check that every file is the one that was collected, and who signed the bundle and when.
    Verify {
        /// Bundle: a .plumb file, or the folder that it was unpacked into.
        bundle: PathBuf,
        /// Accept a signature by this minisign public key; default: those in the configuration's `trusted-keys`. May be repeated.
        #[arg(long = "key", value_name = "FILE")]
        keys: Vec<PathBuf>,
        /// The signature; default: the name of the bundle with .minisig behind it.
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,
        /// End with 5 if the bundle is not signed by one of these keys.
        #[arg(long)]
        require_signature: bool,
    },
    /// Sign a bundle with a minisign key: writes BUNDLE.minisig beside it.
    Sign {
        /// Bundle: a .plumb file, or the folder that it was unpacked into.
        bundle: PathBuf,
        /// The secret key, as minisign writes it; its password is asked for if it has one.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// File to write; must not be there. Default: the name of the bundle with .minisig behind it.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Encrypt a bundle for those who may read it, in the format of age: writes BUNDLE.age.
    Encrypt {
        /// Bundle: a .plumb file.
        bundle: PathBuf,
        /// A public key of age (age1…), or a file with one a line. May be repeated: each of them can open it.
        #[arg(long = "to", required = true, value_name = "KEY")]
        recipients: Vec<String>,
        /// File to write; must not be there. Default: the name of the bundle with .age behind it.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Open a bundle that was encrypted for you.
    Decrypt {
        /// The encrypted bundle.
        file: PathBuf,
        /// A secret key, as age-keygen writes it. May be repeated.
        #[arg(long = "key", required = true, value_name = "FILE")]
        keys: Vec<PathBuf>,
        /// File to write; must not be there.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    /// Print one file of a bundle as it was read, byte for byte where standard output is no terminal.
    Cat {
        /// Bundle: a .plumb file, the folder that it was unpacked into, or `-` for standard input.
        bundle: PathBuf,
        /// The file, as it is cited: `/proc/cmdline`, or by its name in the bundle, such as `api/nvml.json`. Left out, the names
        /// of all files are listed.
        file: Option<String>,
    },
    /// Take measurements out of a bundle. Evidence of the node stays.
    Rm {
        /// Bundle: a .plumb file.
        bundle: PathBuf,
        /// Names of measurements as `bundle show` tells them, such as bench-20261130T120000Z.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Write a bundle without names: hosts, identifiers and addresses become numbered tokens, the same in all files.
    Redact {
        /// Bundle: a .plumb file, or the folder that it was unpacked into.
        bundle: PathBuf,
        /// File to write; must not be there.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        /// A further text to replace, such as a user, a path or a model: OLD=NEW, where OLD may hold further `=`. May be repeated.
        #[arg(long = "replace", value_name = "OLD=NEW", value_parser = replacement)]
        replacements: Vec<(String, String)>,
        /// Further texts to replace, by text or pattern (TOML, a `[[rule]]` with `name` and `text` or `pattern` for each).
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
        /// Write what each token stands for here (JSON). Keep it to yourself.
        #[arg(long, value_name = "FILE")]
        map: Option<PathBuf>,
        /// What to replace: machines, addresses and identifiers, or users, models, folders of data and hosts of URLs, too.
        #[arg(long, value_enum, default_value = "standard")]
        level: RedactLevel,
        /// Make tokens with the key in this file (16 bytes or more): bundles that were redacted with one key have the same
        /// token for the same name, and still pair. Keep it to yourself.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Unpack a bundle into a new folder.
    Unpack {
        /// Bundle: a .plumb file.
        bundle: PathBuf,
        /// Folder to make.
        #[arg(long, short, value_name = "DIR")]
        output: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RedactLevel {
    Standard,
    Strict,
}

fn replacement(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((old, new)) if !old.is_empty() => Ok((old.to_owned(), new.to_owned())),
        _ => Err("give what is there and what to put in its place, for example anna=user".to_owned()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum View {
    /// Probes, files, cost.
    Summary,
    /// `lscpu -e`
    Lscpu,
    /// `numactl --hardware`
    Numactl,
    /// `lstopo-no-graphics`
    Lstopo,
    /// The derived evidence, as the packs see it (JSON).
    Evidence,
    /// The manifest (JSON).
    Manifest,
}

#[derive(Debug, Args)]
pub(crate) struct PacksArgs {
    #[command(subcommand)]
    pub(crate) command: PacksCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PacksCommand {
    /// List the packs that `check` would use and why each is trusted, without loading any.
    List {
        #[command(flatten)]
        packs: PackPaths,
        /// How to print the list.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Show the page of a check, or of all checks of a pack, without loading anything.
    Show {
        /// Id of a check or of a pack.
        id: String,
        #[command(flatten)]
        packs: PackPaths,
    },
    /// Try whether a pack keeps the rules: header, manifest, needs, damaged evidence, determinism, deadline.
    Verify {
        /// The pack: its folder, its pack.toml or its library. Default: all packs that `check` would use.
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// First write what the pack finds in its fixtures beside them, as CASE.findings.json. For the author, who then looks
        /// at the difference.
        #[arg(long, requires = "paths")]
        renew: bool,
        /// Print only rules that are broken.
        #[arg(long)]
        only_failed: bool,
        /// How to print the result.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Write a new pack with one small check that works, as Rust code to start from. Nothing that exists is replaced.
    New {
        /// Folder of the pack, new or empty; its name is the name of the pack.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Folder with Plumb's source, which the pack is compiled against.
        #[arg(long, value_name = "PATH")]
        sdk: PathBuf,
        /// Id of the check, such as `house.swap`. Default: `example` of the pack.
        #[arg(long, value_name = "ID")]
        check: Option<String>,
    },
    /// Write a pack into one file that `install` takes, signed with a minisign key if one is given.
    Archive {
        /// The pack: its folder, its pack.toml or its library.
        path: PathBuf,
        /// File to write; must not be there. Default: ID-VERSION.plumb-pack in the working folder.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// The secret key, as minisign writes it.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Install a pack from one file, for this user: one that is signed with a key of `trusted-keys`.
    Install {
        /// The archive, as `archive` writes it.
        file: PathBuf,
        /// Pin a pack that no trusted key has signed.
        #[arg(long)]
        trust: bool,
        /// Replace a pack of the same name.
        #[arg(long)]
        force: bool,
    },
    /// Trust a pack as it is now: pin the hash of its library in your own packs.lock.
    Trust {
        /// The pack: its folder, its pack.toml or its library.
        path: PathBuf,
        /// Take the pack out of packs.lock instead.
        #[arg(long)]
        revoke: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(duration("24h"), Ok(Duration::from_secs(86_400)));
        assert_eq!(duration("0.5s"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(seconds("0"), Ok(0.0));
        for wrong in ["", "h", "5w", "-1s", "1e9d", "nan", "0"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(sample("1m"), Ok(Duration::from_secs(60)));
        assert!(sample("2h").is_err() && sample("1ms").is_err() && sample("-5").is_err());
    }
}
