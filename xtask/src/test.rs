//! `cargo xtask test`: all tests of the workspace, with what they need.
//!
//! A test that cannot run here (no such hardware, no recordings) must not look like one that passed. It appends a line
//! `skipped: WHAT AND WHY` to the file that `PLUMB_SKIP_LOG` names and returns; the lines are shown at the end.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::run::{cargo, note, run};
use crate::workspace::{Profile, Workspace};
use crate::{llm_server, packs, rig, setup, typst};

/// A folder with recordings of machines, for the tests that read them.
const RECORDINGS_VARIABLE: &str = "PLUMB_RECORDINGS";
const SKIP_LOG_VARIABLE: &str = "PLUMB_SKIP_LOG";
/// Has tests do in full what they do in part otherwise.
const LONG_VARIABLE: &str = "PLUMB_LONG";

/// With `long`, what is long by nature as well, such as hundreds of kills.
pub(crate) fn run_tests(workspace: &Workspace, long: bool) -> Result<()> {
    let recordings = recordings()?;
    setup::all_packages()?;
    // Tests run `plumb` as it is installed: beside its packs.
    packs::build_and_assemble(workspace, Profile::Debug)?;
    // After the build, which may fail: this takes minutes on a fresh machine.
    let typst = setup::typst()?;

    let skip_log = workspace.target.join("skipped-tests.log");
    fs::write(&skip_log, "").with_context(|| format!("cannot write `{}`", skip_log.display()))?;
    let mut tests = cargo();
    tests
        .args(["test", "--workspace", "--no-fail-fast"])
        .env(typst::PROGRAM_VARIABLE, typst)
        .env(SKIP_LOG_VARIABLE, &skip_log)
        .current_dir(&workspace.root);
    if long {
        tests.env(LONG_VARIABLE, "1");
    }
    // A machine without one of these still runs the other tests; those that need it say that they did not run.
    match llm_server::ensure() {
        Ok(server) => drop(tests.env(llm_server::VARIABLE, server)),
        Err(error) => note(&format!("tests with a real LLM server are left out: {error:#}")),
    }
    match rig::ensure() {
        Ok(rig) => drop(tests.env(rig::VARIABLE, rig)),
        Err(error) => note(&format!("tests of the rig are left out: {error:#}")),
    }
    if let Some(recordings) = recordings {
        tests.env(RECORDINGS_VARIABLE, recordings);
    }
    let result = run(&mut tests);
    let skipped = skipped(&skip_log)?;
    if skipped.is_empty() {
        println!("\nskipped: nothing");
    } else {
        println!("\nSkipped, although the result lines above count them as passed:");
        skipped.iter().for_each(|line| println!("{line}"));
    }
    result
}

/// The folder of recordings as an absolute path: tests run in the folders of their crates.
fn recordings() -> Result<Option<PathBuf>> {
    let Some(folder) = std::env::var_os(RECORDINGS_VARIABLE).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let folder = PathBuf::from(folder);
    if !folder.is_dir() {
        bail!("expected a folder in {RECORDINGS_VARIABLE}, found `{}`, which is none", folder.display());
    }
    fs::canonicalize(&folder).map(Some).with_context(|| format!("cannot read `{}`", folder.display()))
}

/// Each line once: a test that runs for many recordings may say the same for each.
fn skipped(log: &Path) -> Result<BTreeSet<String>> {
    let text = fs::read(log).with_context(|| format!("cannot read `{}`", log.display()))?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_lines_are_shown_once_and_sorted() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        fs::write(&log, "skipped: b: no GPU\n\nskipped: a: no recordings\nskipped: b: no GPU\n").unwrap();
        let lines: Vec<String> = skipped(&log).unwrap().into_iter().collect();
        assert_eq!(lines, ["skipped: a: no recordings", "skipped: b: no GPU"]);
    }
}
