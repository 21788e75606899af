//! Running other programs: each is shown before it runs, and a failure names the command.

use std::io;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Prints a line about what goes on now.
pub(crate) fn note(text: &str) {
    eprintln!("xtask: {text}");
}

/// Runs `command` with the terminal as its input and output, and fails if it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    run_or(command, &[])
}

/// [`run`], where these exit codes are no failure either.
pub(crate) fn run_or(command: &mut Command, codes: &[i32]) -> Result<()> {
    let shown = shown(command);
    note(&format!("$ {shown}"));
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() && !status.code().is_some_and(|code| codes.contains(&code)) {
        bail!("`{shown}` failed ({status}); its messages are above");
    }
    Ok(())
}

/// Runs `command` with the terminal as its error output, and returns its standard output; fails if it does.
pub(crate) fn run_for_output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    note(&format!("$ {shown}"));
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        bail!("`{shown}` failed ({}); its messages are above", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The standard output of `command`, or `None` if there is no such program or it fails.
pub(crate) fn output_if_ok(command: &mut Command) -> Result<Option<String>> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => {
            Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()))
        }
        Ok(_) => Ok(None),
        // No permission: such as a file in `PATH` that is no program, or a folder that only root may read.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("cannot start `{}`", shown(command))),
    }
}

/// The cargo that started this program, so that both use one toolchain.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What `cargo run` tells this program about itself is not true of what it starts.
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    // The full path of cargo is long and says nothing.
    let mut text = words.join(" ");
    if let Some((first, rest)) = text.split_once(' ')
        && first.ends_with("/cargo")
    {
        text = format!("cargo {rest}");
    }
    text
}
