//! `plumb-collect`: gathers the evidence of a node into a bundle, and nothing else.
//!
//! For administrators who let a client's auditor have a bundle but no program that could do more: there are no packs, no
//! report and nothing that could open a network connection in it. The bundle is the one that `plumb collect` writes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use plumb_collect::{
    Answer, CollectError, Conduct, Helper, Interrupt, Options, file_name, forbid_network, helper_main,
};
use plumb_evidence::files::check_folder;
use plumb_evidence::manifest::ProbeStatus;
use plumb_evidence::{Bundle, BundleError, CpuSet, printable};
use thiserror::Error;

/// The word before the library that a helper process is to ask.
const HELPER: &str = "helper";

/// Gathers what this node says of itself into a bundle, for whoever audits it. Reads only: changes nothing, opens no network
/// connection, analyses nothing.
#[derive(Debug, Parser)]
#[command(name = "plumb-collect", version, max_term_width = 100)]
struct Arguments {
    /// File to write; default: HOSTNAME-TIME.plumb in the working folder.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace a file that is no bundle, or a bundle that holds measurements.
    #[arg(long)]
    force: bool,
    /// Read a recorded tree of /proc and /sys instead of this node; DIR stands for `/`.
    #[arg(long, value_name = "DIR")]
    sysroot: Option<PathBuf>,
    /// Read what moves under load twice, this many seconds apart.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    sample: Option<Duration>,
    /// Run at this niceness, from -20 to 19; 19 gives way to everything else.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(-20..=19))]
    nice: Option<i32>,
    /// Run on these CPUs only, for example 0-3,64. Default: all but isolated ones and those that inference processes are
    /// pinned to.
    #[arg(long, value_name = "LIST")]
    cpus: Option<CpuSet>,
    /// Say nothing on standard error but warnings and errors.
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, Error)]
enum Failure {
    #[error("cannot find the running program: {0}")]
    Program(io::Error),
    #[error("cannot write into the working folder; name a file elsewhere with -o: {0}")]
    Folder(io::Error),
    #[error(transparent)]
    Collect(#[from] CollectError),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error("{problem}; the evidence is kept in `{}`", kept.display())]
    Kept { problem: BundleError, kept: PathBuf },
}

impl Failure {
    /// The exit codes of `plumb`.
    fn code(&self) -> u8 {
        match self {
            Self::Program(_) => 1,
            Self::Collect(CollectError::Interrupted) => 130,
            Self::Bundle(error) if error.is_integrity() => 5,
            _ => 2,
        }
    }
}

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    if let (Some(HELPER), Some(answer), None) = (words.next().as_deref(), words.next(), words.next())
        && let Some(answer) = Answer::from_word(&answer)
    {
        return if helper_main(answer).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match run(&arguments) {
        Ok(code) => code,
        Err(failure) => {
            say(&format!("error: {failure}"));
            let mut cause = std::error::Error::source(&failure);
            while let Some(error) = cause {
                say(&format!("  caused by: {error}"));
                cause = error.source();
            }
            ExitCode::from(failure.code())
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    // Before anything is read: a sample takes its time, and what is there may have taken somebody more.
    match &arguments.output {
        Some(output) => Bundle::check_place(output, arguments.force)?,
        None => check_folder(Path::new(".")).map_err(Failure::Folder)?,
    }
    // Until the bundle is written: a signal must not leave half of it.
    let (interrupt, _signals) = match Interrupt::on_signals() {
        Ok((interrupt, signals)) => (interrupt, Some(signals)),
        Err(reason) => {
            say(&format!("warning: Ctrl-C will leave no bundle: {reason}"));
            (Interrupt::default(), None)
        }
    };
    if let Err(reason) = forbid_network() {
        say(&format!("warning: the kernel does not keep the collector off the network: {reason}"));
    }
    let options = Options {
        sysroot: arguments.sysroot.clone(),
        helper: Helper {
            program: std::env::current_exe().map_err(Failure::Program)?,
            arguments: vec![HELPER.into()],
        },
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        sample: arguments.sample,
        conduct: Conduct { interrupt, nice: arguments.nice, cpus: arguments.cpus.clone() },
        servers: Vec::new(),
    };
    let bundle = plumb_collect::collect(&options, &mut |probe, record| {
        if !arguments.quiet {
            let reason = if record.status == ProbeStatus::Ok { "" } else { record.reason.as_str() };
            say(format!("{:<9} {:<8}  {reason}", probe.id, record.status.as_str()).trim_end());
        }
    })?;
    let output = arguments.output.clone().unwrap_or_else(|| file_name(&bundle));
    write(&bundle, &output, arguments.force)?;
    // Nobody is left to tell if standard output is gone; the bundle is there.
    let _ = writeln!(io::stdout().lock(), "{}", printable(&output.to_string_lossy()));
    if bundle.manifest().complete {
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("warning: interrupted; `{}` holds what was gathered until then", output.display()));
    Ok(ExitCode::from(130))
}

/// What has come to the place since it was looked at stays, and the collection is kept beside it.
fn write(bundle: &Bundle, output: &Path, force: bool) -> Result<(), Failure> {
    match bundle.write_over(output, force) {
        Err(problem @ (BundleError::Occupied { .. } | BundleError::InUse { .. })) => {
            let kept = bundle.keep_near(output)?;
            Err(Failure::Kept { problem, kept })
        }
        written => Ok(written?),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.1..=3600.0).contains(&value) => Ok(Duration::from_secs_f64(value)),
        _ => Err("give a number of seconds from 0.1 to 3600, for example 10".to_owned()),
    }
}

fn say(message: &str) {
    // Nobody is left to tell if standard error is gone.
    let _ = writeln!(io::stderr().lock(), "{}", printable(message));
}
