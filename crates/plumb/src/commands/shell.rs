//! `plumb completions` and `plumb man`: what shells and `man` know of the command line, made from the command line itself.

use std::path::Path;

use anyhow::Context;
use clap_complete::Shell;

use crate::cli::command;
use crate::console::Console;
use crate::exit::{Outcome, UsageError};

pub(crate) fn completions(shell: Shell, console: &Console) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "plumb", &mut script);
    console.result(&String::from_utf8(script).context("the script is not text")?)?;
    Ok(Outcome::Done)
}

/// Writes one page for each command into a folder, which may have to be made.
pub(crate) fn man(folder: &Path, console: &Console) -> anyhow::Result<Outcome> {
    let unwritable = || UsageError(format!("cannot write into `{}`", folder.display()));
    std::fs::create_dir_all(folder).with_context(unwritable)?;
    clap_mangen::generate_to(command(), folder).with_context(unwritable)?;
    console.result(&format!("{}\n", folder.display()))?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_gets_a_script_with_all_commands() {
        for &shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command(), "plumb", &mut script);
            let script = String::from_utf8(script).unwrap();
            for command in command().get_subcommands().filter(|command| !command.is_hide_set()) {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        man(folder.path(), &Console::new(true)).unwrap();
        for command in command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let page = folder.path().join(format!("plumb-{}.1", command.get_name()));
            assert!(std::fs::read_to_string(&page).unwrap().contains(".SH"), "{}", page.display());
        }
    }
}
