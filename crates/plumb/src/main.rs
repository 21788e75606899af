//! The command line of Plumb: parses, dispatches, prints, and turns the result into an exit code.
//!
//! This is the only crate that prints and that knows exit codes. Results go to standard output, everything else to
//! standard error.

use std::process::ExitCode;

use clap::FromArgMatches;

use crate::cli::{Cli, Command};
use crate::exit::Outcome;

mod analyse;
mod bundles;
mod cli;
mod commands;
mod console;
mod exit;
mod input;
mod into;
mod memory;
mod outputs;
#[cfg(test)]
mod same_findings;
mod sealed;
mod signature;
mod text;

/// Version of the program, and the commit that it was made from where that is known.
const VERSION: &str = match env!("PLUMB_COMMIT_SHOWN").is_empty() {
    true => env!("CARGO_PKG_VERSION"),
    false => concat!(env!("CARGO_PKG_VERSION"), " (", env!("PLUMB_COMMIT_SHOWN"), ")"),
};

fn main() -> ExitCode {
    let parsed = cli::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Outcome::Usage.into() } else { Outcome::Done.into() };
        }
    };
    let console = match console::Console::new(cli.quiet).with_log(cli.log.as_deref()) {
        Ok(console) => console,
        Err(error) => {
            console::Console::new(cli.quiet).error(&error);
            return exit::classify(&error).into();
        }
    };
    let Some(command) = cli.command else {
        let survey = commands::doctor::first(&console);
        return ended(survey, &console);
    };
    let result = match command {
        Command::Collect(args) => commands::collect::run(&args, &console),
        Command::Check(args) => commands::check::run(&args, &console),
        Command::Report(args) => commands::report::run(&args, &console),
        Command::Audit(args) => commands::audit::run(&args, &console),
        Command::Remediate(args) => commands::remediate::run(&args, &console),
        Command::Compare(args) => commands::compare::run(&args, &console),
        Command::Fleet(args) => commands::fleet::run(&args, &console),
        Command::Bench(args) => commands::bench::run(&args, &console),
        Command::Noise(args) => commands::noise::run(&args, &console),
        Command::Show(args) => commands::show::run(&args, &console),
        Command::Verify(args) => commands::verify::run(&args, &console),
        Command::Config(args) => commands::config::run(&args, &console),
        Command::Paths(args) => commands::paths::run(&args, &console),
        Command::Doctor(args) => commands::doctor::run(&args, &console),
        Command::Bundle(args) => commands::bundle::run(args, &console),
        Command::Packs(args) => commands::packs::run(args, &console),
        Command::Completions { shell } => commands::shell::completions(shell, &console),
        Command::Man { output } => commands::shell::man(&output, &console),
        Command::Helper { answer } => commands::helper::run(&answer),
        Command::Experiment(args) => commands::experiment::run(&args, &console),
        Command::Hog(args) => commands::experiment::hog(&args),
        Command::ReferenceServer { behaviour, listen } => {
            commands::bench::reference_server(&behaviour, listen, &console)
        }
        Command::Observe(args) => commands::observe::run(&args, &console),
        Command::Import(args) => commands::import::run(&args, &console),
        Command::Worker => return plumb_pack_host::worker_main(),
    };
    ended(result, &console)
}

fn ended(result: anyhow::Result<Outcome>, console: &console::Console) -> ExitCode {
    match result {
        Ok(_) if console.has_refused() => Outcome::Integrity.into(),
        Ok(outcome) => outcome.into(),
        Err(error) => {
            console.error(&error);
            exit::classify(&error).into()
        }
    }
}
