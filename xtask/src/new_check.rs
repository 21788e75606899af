//! `cargo xtask new-check PACK ID`: a new check that compiles and passes its tests at once, and a new pack if need be.
//!
//! What is written is a whole small check with page, words and cases, from `plumb-pack-template`. Its author replaces rule and
//! texts and always has something that runs. A test makes a pack from the template and runs its tests, so that it cannot rot.

use anyhow::{Context, Result};
use plumb_pack_template::{Names, add_check};

use crate::run::{cargo, run};
use crate::workspace::Workspace;

pub(crate) fn new_check(workspace: &Workspace, pack: &str, id: &str) -> Result<()> {
    let names = Names::new(pack, id)?;
    let folder = workspace.root.join("checks").join(pack);
    let written = add_check(&folder, &names).with_context(|| format!("no check `{id}` was made"))?;
    let package = names.package();
    run(cargo().args(["fmt", "--package", &package]).current_dir(&workspace.root))?;
    let mut tests = cargo();
    tests.args(["test", "--quiet", "--package", &package]).current_dir(&workspace.root);
    run(&mut tests)?;
    println!("wrote, ready to be changed:");
    for path in &written {
        println!("  {}", workspace.short(path));
    }
    println!("after each change: cargo test -p {package}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The template, as a workspace of its own beside this one, compiled and tested.
    #[test]
    fn the_template_passes_its_tests() {
        let workspace = Workspace::locate().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path();
        let manifest = fs::read_to_string(workspace.root.join("Cargo.toml")).unwrap();
        let crates = format!("path = \"{}/crates/", workspace.root.display());
        let manifest = manifest
            .replace(
                "members = [\"crates/*\", \"checks/*\", \"tests\", \"xtask\"]",
                "members = [\"checks/*\"]",
            )
            .replace("default-members = [\"crates/plumb\"]", "")
            .replace("path = \"crates/", &crates);
        fs::write(root.join("Cargo.toml"), manifest).unwrap();
        for file in ["Cargo.lock", "rustfmt.toml", "checks/references.toml"] {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::copy(workspace.root.join(file), root.join(file)).unwrap();
        }
        let first = Names::new("sample", "sample.first").unwrap();
        let folder = root.join("checks/sample");
        add_check(&folder, &first).unwrap();
        // A second check goes into the pack that the first one made.
        add_check(&folder, &Names::new("sample", "sample.second-one").unwrap()).unwrap();
        let cargo_says = |arguments: &[&str]| {
            let mut command = cargo();
            command.args(arguments).env("CARGO_TARGET_DIR", &workspace.target).current_dir(root);
            let output = command.output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{text}");
            text
        };
        let package = first.package();
        let text = cargo_says(&["test", "--offline", "--package", &package]);
        for trial in ["sample.second-one::bad::worker", "sample.first::sentences", "conformance"] {
            assert!(text.contains(trial), "{text}");
        }
        cargo_says(&["fmt", "--package", &package]);
        let list = fs::read_to_string(folder.join("src/lib.rs")).unwrap();
        assert!(list.contains("\nmod sample_first;\nmod sample_second_one;\n"), "{list}");
        assert!(list.contains("    pages: pages,\n"), "{list}");
        for template in ["mod.rs", "page.toml"] {
            let text = fs::read_to_string(folder.join("src/sample_first").join(template)).unwrap();
            assert!(text.contains("sample") && text.contains("swappiness"), "{text}");
        }
    }
}
