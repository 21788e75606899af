//! `cargo xtask bench`: all benchmarks, one after the other, in release builds, since that is what users run.

use anyhow::Result;

use crate::packs;
use crate::run::{cargo, run};
use crate::workspace::{Profile, Workspace};

/// Packages with tests named `bench…`, which `cargo test` ignores: timings are no assertions.
const PACKAGES: &[&str] = &["plumb-pack-host", "plumb-tests"];

pub(crate) fn bench(workspace: &Workspace) -> Result<()> {
    packs::build_and_assemble(workspace, Profile::Release)?;
    for package in PACKAGES {
        let mut bench = cargo();
        bench.args(["test", "--release", "--package", package, "--", "--ignored", "--nocapture", "bench"]);
        run(bench.current_dir(&workspace.root))?;
    }
    Ok(())
}
