//! `cargo xtask bench [NAME]`: all benchmarks, or those whose name contains NAME, one after the other, in release builds, since
//! that is what users run.

use anyhow::Result;

use crate::run::{cargo, run};
use crate::workspace::{Profile, Workspace};
use crate::{packs, peers};

/// Packages with tests named `bench…`, which `cargo test` ignores: timings are no assertions.
const PACKAGES: &[&str] = &["plumb-pack-host", "plumb-tests"];

pub(crate) fn bench(workspace: &Workspace, name: Option<&str>) -> Result<()> {
    // Every benchmark has this in its name.
    let name = name.unwrap_or("bench");
    packs::build_and_assemble(workspace, Profile::Release)?;
    for package in PACKAGES {
        let mut bench = cargo();
        bench.args(["test", "--release", "--package", package, "--", "--ignored", "--nocapture"]);
        bench.args(["--test-threads=1", name]);
        if let Some(peers) = peers::find()? {
            bench.env(peers::VARIABLE, peers);
        }
        run(bench.current_dir(&workspace.root))?;
    }
    Ok(())
}
