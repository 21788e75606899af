//! `plumb-handbook WORKSPACE FOLDER`: what `cargo xtask handbook` runs.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "talking to the person at the terminal is its work"
)]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [workspace, to] = arguments.as_slice() else {
        eprintln!("usage: plumb-handbook WORKSPACE FOLDER");
        return ExitCode::from(2);
    };
    match plumb_handbook::write(Path::new(workspace), Path::new(to)) {
        Ok(checks) => {
            println!("handbook: {} with {} checks", Path::new(to).display(), checks.len());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprint!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprint!(": {error}");
                cause = error.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}
