//! `cargo xtask demo`: from a fresh machine to a report about it.

use std::fs;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::run::{note, run};
use crate::workspace::{Profile, Workspace};
use crate::{packs, setup, typst};

/// What the audit leaves, in the order in which it is made.
const RESULTS: [&str; 3] = ["node.plumb", "report.pdf", "report.md"];

pub(crate) fn run_demo(workspace: &Workspace) -> Result<()> {
    let start = Instant::now();
    setup::all_packages()?;
    packs::build_and_assemble(workspace, Profile::Release)?;
    // After the build, which may fail: this takes minutes on a fresh machine.
    let typst = setup::typst()?;
    let ready = Instant::now();
    note(&format!("set up and built in {} s", (ready - start).as_secs()));

    let folder = workspace.target.join("demo");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    // Results of an earlier demo must not pass for those of this one.
    for name in RESULTS {
        let path = folder.join(name);
        if path.exists() {
            fs::remove_file(&path).with_context(|| format!("cannot remove `{}`", path.display()))?;
        }
    }
    let mut audit = Command::new(workspace.output(Profile::Release).join("plumb"));
    // Figures of an earlier demo may be from a version that kept no list of what it wrote.
    audit.args(["audit", "--force", "-o"]).arg(&folder);
    audit.env(typst::PROGRAM_VARIABLE, typst).current_dir(&workspace.root);
    run(&mut audit)?;
    for name in RESULTS {
        let path = folder.join(name);
        if !fs::metadata(&path).is_ok_and(|file| file.len() > 0) {
            bail!("expected the audit to leave `{}`, found none", workspace.short(&path));
        }
    }
    println!("\nThis machine, audited in {:.1} s:", ready.elapsed().as_secs_f64());
    for name in RESULTS {
        println!("{}", workspace.short(&folder.join(name)));
    }
    Ok(())
}
