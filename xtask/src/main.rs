//! The automation of this workspace, as `cargo xtask COMMAND`.
//!
//! It is a program of the workspace rather than a set of scripts so that it needs nothing but the Rust toolchain. Each
//! command starts with [`setup`], which installs what is missing and is quick when nothing is; so every command works on
//! a fresh machine, in any order.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "talking to the person at the terminal is its work"
)]

mod bench;
mod demo;
mod dist;
mod hwloc;
mod llm_server;
mod new_check;
mod openssl;
mod packages;
mod packs;
mod peers;
mod python;
mod rig;
mod run;
mod samples;
mod setup;
mod test;
mod typst;
mod workspace;
mod zig;

use std::process::ExitCode;

use crate::workspace::{Profile, Workspace};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo                      install what is missing, build, audit this machine into target/demo
  test [--long]             install what is missing, build, run all tests; what is long by nature in full with --long
  setup [packages|typst]    install what is missing: system packages, the Typst compiler, or both
  setup llm-server          install a real LLM server (150 MB), with which tests measure
  setup rig                 install QEMU and a kernel for the machines with two NUMA nodes of tests
  setup peers               install other clients that measure LLM servers (1.2 GB), for `bench` to compare with
  packs [--release]         build plumb and the check packs, and lay the packs out beside it
  dist [--target x86_64|aarch64] [--collect-only] [--key FILE]
                            build all that is brought to a node, as archive and Debian package, into target/dist
  rig [TEST…]               tests on emulated machines alone, with what they tell
  new-check PACK ID         write a new check with page, words and cases, and the pack if it is new
  handbook                  write the handbook with the pages of all checks to target/handbook
  samples                   write samples/reports anew: bundles, reports, comparison
  bench [NAME]              measure, in a release build: what packs cost, the error of `plumb bench`; or one of these
  help                      print this text
";

enum Command {
    Demo,
    Test { long: bool },
    Setup(Part),
    Packs(Profile),
    NewCheck { pack: String, id: String },
    Rig(Vec<String>),
    Handbook,
    Samples,
    Bench(Option<String>),
    Dist(dist::Order),
    Help,
}

enum Part {
    All,
    Packages,
    Typst,
    LlmServer,
    Rig,
    Peers,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let command = match parse(&arguments) {
        Ok(command) => command,
        Err(problem) => {
            eprint!("error: {problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match execute(&command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[&str]) -> Result<Command, String> {
    match arguments {
        ["demo"] => Ok(Command::Demo),
        ["test"] => Ok(Command::Test { long: false }),
        ["test", "--long"] => Ok(Command::Test { long: true }),
        ["setup"] => Ok(Command::Setup(Part::All)),
        ["setup", "packages"] => Ok(Command::Setup(Part::Packages)),
        ["setup", "typst"] => Ok(Command::Setup(Part::Typst)),
        ["setup", "llm-server"] => Ok(Command::Setup(Part::LlmServer)),
        ["setup", "rig"] => Ok(Command::Setup(Part::Rig)),
        ["rig", tests @ ..] => Ok(Command::Rig(tests.iter().map(|&test| test.to_owned()).collect())),
        ["setup", "peers"] => Ok(Command::Setup(Part::Peers)),
        ["packs"] => Ok(Command::Packs(Profile::Debug)),
        ["packs", "--release"] => Ok(Command::Packs(Profile::Release)),
        ["new-check", pack, id] => Ok(Command::NewCheck { pack: (*pack).to_owned(), id: (*id).to_owned() }),
        ["new-check", ..] => {
            Err("`new-check` takes a pack and an id, such as `new-check memory mem.swap`".to_owned())
        }
        ["handbook"] => Ok(Command::Handbook),
        ["samples"] => Ok(Command::Samples),
        ["bench"] => Ok(Command::Bench(None)),
        ["bench", name] => Ok(Command::Bench(Some((*name).to_owned()))),
        ["dist", words @ ..] => Ok(Command::Dist(dist::Order::from_words(words)?)),
        ["help" | "--help" | "-h"] => Ok(Command::Help),
        [] => Err("expected a command, found none".to_owned()),
        [
            command @ ("demo" | "test" | "setup" | "packs" | "handbook" | "samples" | "bench" | "help"),
            rest @ ..,
        ] => Err(format!("`{command}` does not take `{}`", rest.join(" "))),
        [command, ..] => Err(format!("expected a command, found `{command}`")),
    }
}

fn execute(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Demo => demo::run_demo(&Workspace::locate()?),
        Command::Test { long } => test::run_tests(&Workspace::locate()?, *long),
        Command::Setup(part) => {
            match part {
                Part::All => setup::all_packages()?,
                Part::Packages => return setup::packages(),
                Part::LlmServer => {
                    println!("llm-server: {}", llm_server::ensure()?.display());
                    return Ok(());
                }
                Part::Rig => {
                    println!("rig: {}", rig::ensure()?.display());
                    return Ok(());
                }
                Part::Peers => {
                    println!("peers: {}", peers::ensure()?.display());
                    return Ok(());
                }
                Part::Typst => {}
            }
            println!("typst: {}", setup::typst()?.display());
            Ok(())
        }
        Command::Packs(profile) => {
            let workspace = Workspace::locate()?;
            setup::packages()?;
            let folder = packs::build_and_assemble(&workspace, *profile)?;
            println!("packs: {}", folder.display());
            Ok(())
        }
        Command::NewCheck { pack, id } => {
            setup::packages()?;
            new_check::new_check(&Workspace::locate()?, pack, id)
        }
        Command::Rig(tests) => rig::run_rig(&Workspace::locate()?, tests),
        Command::Handbook => handbook(&Workspace::locate()?),
        Command::Samples => samples::write(&Workspace::locate()?, Profile::Release),
        Command::Bench(name) => {
            setup::packages()?;
            bench::bench(&Workspace::locate()?, name.as_deref())
        }
        Command::Dist(order) => dist::dist(&Workspace::locate()?, order),
        Command::Help => {
            print!("{USAGE}");
            Ok(())
        }
    }
}

/// A program of its own writes it, so that this one, which is compiled first everywhere, needs nothing that reads pages.
fn handbook(workspace: &Workspace) -> anyhow::Result<()> {
    let mut command = run::cargo();
    command.args(["run", "--quiet", "--package", "plumb-handbook", "--"]);
    command.arg(&workspace.root).arg(workspace.target.join("handbook")).current_dir(&workspace.root);
    run::run(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_with_too_much_or_unknown_words_are_refused() {
        let problem = |arguments: &[&str]| parse(arguments).err();
        assert_eq!(problem(&["demo"]), None);
        assert_eq!(problem(&["packs", "--release"]), None);
        assert_eq!(problem(&[]).as_deref(), Some("expected a command, found none"));
        assert_eq!(problem(&["dust"]).as_deref(), Some("expected a command, found `dust`"));
        assert_eq!(problem(&["setup", "fonts", "-q"]).as_deref(), Some("`setup` does not take `fonts -q`"));
    }
}
