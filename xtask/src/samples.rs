//! `cargo xtask samples`: the bundles and reports in `samples/reports`, and the reports of nodes with GPUs beside them.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::run::{cargo, run, run_or};
use crate::workspace::{Profile, Workspace};
use crate::{packs, setup, typst};

/// Folders with a bundle and an engagement file, seen from `samples/reports`.
const NODES: [&str; 6] = ["this-machine", "untuned", "remedied", "guest", "../h200", "../h100-x2"];
/// What is kept of each: text, whose differences can be read.
const FORMATS: &str = "md";
/// What is kept of those that show how a report looks.
const LOOKS: &str = "pdf,md";
const SHOWN: [&str; 2] = ["untuned", "../h200"];
/// The fleet, whose bundles are made anew each time.
const FLEET: &str = "fleet";
const FLEET_NODES: &str = "40";
/// Exit code of a report that says so.
const CONTRADICTORY: i32 = 6;

pub(crate) fn write(workspace: &Workspace, profile: Profile) -> Result<()> {
    setup::all_packages()?;
    packs::build_and_assemble(workspace, profile)?;
    let typst = setup::typst()?;
    let folder = workspace.root.join("samples/reports");
    let synthetic = |folder: &Path, more: &[&str]| {
        let mut synthetic = cargo();
        synthetic
            .args(["run", "--quiet", "--package", "plumb-tests", "--example", "samples"])
            .args(profile.flag())
            .arg("--")
            .arg(folder)
            .args(more)
            .current_dir(&workspace.root);
        run(&mut synthetic)
    };
    synthetic(&folder, &[])?;
    let nodes = workspace.target.join("sample-fleet");
    remove(&nodes)?;
    synthetic(&nodes, &[FLEET_NODES])?;
    let plumb = || {
        let mut command = Command::new(workspace.output(profile).join("plumb"));
        // Names relative to the folder, so that no path of this machine gets into an output.
        command.current_dir(&folder).env(typst::PROGRAM_VARIABLE, &typst);
        command
    };
    let own = folder.join("this-machine");
    if !own.join("node.plumb").exists() {
        collect(&own, plumb)?;
    }
    for name in NODES {
        let at = |file: &str| format!("{name}/{file}");
        // A figure that is no longer drawn must not stay.
        remove(&folder.join(name).join("figures"))?;
        let mut report = plumb();
        report
            // What is there is kept by version control, whoever changed it last.
            .args(["--quiet", "report", "--force", &at("node.plumb"), "-o", name])
            .args(["--formats", if SHOWN.contains(&name) { LOOKS } else { FORMATS }])
            .args(["--engagement", &at("engagement.toml")]);
        // Evidence of real nodes contradicts itself, which its report says with a code of its own.
        run_or(&mut report, &[CONTRADICTORY])?;
    }
    run(plumb()
        .args(["--quiet", "compare", "untuned/node.plumb", "remedied/node.plumb", "-o", "comparison"])
        .args(["--force", "--formats", LOOKS, "--engagement", "untuned/engagement.toml"]))?;
    remove(&folder.join(FLEET))?;
    run(plumb()
        .args([
            "--quiet",
            "fleet",
            "-o",
            FLEET,
            "--formats",
            LOOKS,
            "--engagement",
            "untuned/engagement.toml",
        ])
        .arg(&nodes))
}

/// A bundle of this machine without its names.
fn collect(folder: &Path, plumb: impl Fn() -> Command) -> Result<()> {
    let raw = folder.join("raw.plumb");
    run(plumb().args(["--quiet", "collect", "--sample", "5", "-o"]).arg(&raw))?;
    let redacted = run(plumb().args(["bundle", "redact"]).arg(&raw).arg("-o").arg(folder.join("node.plumb")));
    fs::remove_file(&raw).with_context(|| format!("cannot remove `{}`", raw.display()))?;
    redacted
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove `{}`", folder.display()))
        }
        _ => Ok(()),
    }
}
