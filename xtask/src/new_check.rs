//! `cargo xtask new-check PACK ID`: a new check that compiles and passes its tests at once, and a new pack if need be.
//!
//! What is written is a whole small check with fixtures, snapshots and page. Its author replaces rule and texts and always
//! has something that runs. A test makes a pack from the templates and runs its tests, so that they cannot rot.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::run::{cargo, note, run};
use crate::workspace::Workspace;

/// Fixtures by case: what the check is given.
const FIXTURES: &[(&str, &str)] = &[
    ("ok", "{\n  \"schema\": 1,\n  \"sysctl\": { \"vm.swappiness\": \"10\" }\n}\n"),
    ("bad", "{\n  \"schema\": 1,\n  \"sysctl\": { \"vm.swappiness\": \"60\" }\n}\n"),
    (
        "missing",
        "{\n  \"schema\": 1,\n  \"sysctl\": {\n    \"vm.swappiness\": {\n      \"missing\": \"denied\",\n      \
         \"reason\": \"/proc/sys/vm/swappiness: permission denied\"\n    }\n  }\n}\n",
    ),
];

pub(crate) fn new_check(workspace: &Workspace, pack: &str, id: &str) -> Result<()> {
    let names = Names::new(pack, id)?;
    let written = write(&workspace.root, &names)?;
    let package = names.package();
    run(cargo().args(["fmt", "--package", &package]).current_dir(&workspace.root))?;
    note("making snapshots, manifest and page from the code");
    let mut tests = cargo();
    tests.args(["test", "--quiet", "--package", &package]).current_dir(&workspace.root);
    run(tests.env("PLUMB_BLESS", "1"))?;
    println!("wrote, ready to be changed:");
    for path in &written {
        println!("  {}", workspace.short(path));
    }
    println!(
        "after each change: PLUMB_BLESS=1 cargo test -p {package}, and read what has changed with git diff"
    );
    Ok(())
}

/// The names of a check and its pack, in all the forms that code needs.
struct Names {
    pack: String,
    id: String,
    /// `cpu_governor`
    module: String,
    /// `CpuGovernor`
    type_name: String,
}

impl Names {
    fn new(pack: &str, id: &str) -> Result<Self> {
        let is_word = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && !word.ends_with('-')
                && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        if !is_word(pack) {
            bail!("expected a pack such as `memory` or `cpu-power`, found `{pack}`");
        }
        match id.split_once('.') {
            Some((subject, name)) if is_word(subject) && is_word(name) => {}
            _ => bail!("expected an id such as `mem.swap` or `cpu.turbo-caps`, found `{id}`"),
        }
        let words = id.split(['.', '-']).filter(|word| !word.is_empty());
        let type_name = words.clone().map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        let module = words.collect::<Vec<_>>().join("_");
        Ok(Self { pack: pack.to_owned(), id: id.to_owned(), module, type_name })
    }

    fn package(&self) -> String {
        format!("plumb-pack-{}", self.pack)
    }

    fn fill(&self, template: &str) -> String {
        template
            .replace("{{ID}}", &self.id)
            .replace("{{PACK}}", &self.pack)
            .replace("{{MODULE}}", &self.module)
            .replace("{{TYPE}}", &self.type_name)
            .replace("{{CRATE}}", &self.package().replace('-', "_"))
    }
}

/// Writes the check into the pack, and the pack if there is none, below `root`. Nothing that exists is replaced.
fn write(root: &Path, names: &Names) -> Result<Vec<PathBuf>> {
    let folder = root.join("checks").join(&names.pack);
    let code = folder.join("src").join(format!("{}.rs", names.module));
    let fixtures = folder.join("fixtures").join(&names.id);
    for path in [&code, &fixtures] {
        if path.exists() {
            bail!("`{}` is there already; choose another id, or change that check", path.display());
        }
    }
    let mut written = Vec::new();
    let mut put = |path: PathBuf, text: &str| -> Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot create `{}`", parent.display()))?;
        }
        fs::write(&path, names.fill(text)).with_context(|| format!("cannot write `{}`", path.display()))?;
        written.push(path);
        Ok(())
    };
    let list = folder.join("src/lib.rs");
    if list.exists() {
        let text = fs::read_to_string(&list).with_context(|| format!("cannot read `{}`", list.display()))?;
        put(
            list.clone(),
            &register(&text, names).with_context(|| format!("cannot add to `{}`", list.display()))?,
        )?;
    } else {
        put(folder.join("Cargo.toml"), include_str!("../templates/Cargo.toml.txt"))?;
        put(list, include_str!("../templates/lib.rs"))?;
        put(folder.join("tests/pack.rs"), include_str!("../templates/pack.rs"))?;
    }
    put(code, include_str!("../templates/check.rs"))?;
    for (case, text) in FIXTURES {
        put(fixtures.join(format!("{case}.json")), text)?;
    }
    Ok(written)
}

/// Adds the check to the modules and to the list of its pack.
fn register(text: &str, names: &Names) -> Result<String> {
    let module = text.rfind("pub mod ").context("expected a line `pub mod …;`, found none")?;
    let line_end = text[module..].find('\n').context("expected a line after `pub mod …;`")? + module + 1;
    let (above, below) = text.split_at(line_end);
    let text = format!("{above}pub mod {};\n{below}", names.module);
    let list = text.find("checks: [").context("expected `checks: [` in `export_pack!`, found none")?;
    let end = text[list..].find(']').context("expected `]` after `checks: [`")? + list;
    let (above, below) = text.split_at(end);
    let above = above.trim_end().trim_end_matches(',');
    Ok(format!("{above}, {}::{}{below}", names.module, names.type_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_all_forms() {
        let names = Names::new("cpu-power", "cpu.turbo-caps").unwrap();
        assert_eq!(
            names.fill("{{MODULE}} {{TYPE}} {{CRATE}}"),
            "cpu_turbo_caps CpuTurboCaps plumb_pack_cpu_power"
        );
        for (pack, id) in
            [("", "a.b"), ("A", "a.b"), ("../x", "a.b"), ("a", "b"), ("a", "a.b.c"), ("a", "a./b")]
        {
            assert!(Names::new(pack, id).is_err(), "{pack} {id}");
        }
    }

    /// The templates, as a workspace of their own beside this one, compiled and tested.
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
        fs::copy(workspace.root.join("Cargo.lock"), root.join("Cargo.lock")).unwrap();
        let first = Names::new("sample", "sample.first").unwrap();
        write(root, &first).unwrap();
        // A second check goes into the pack that the first one made.
        write(root, &Names::new("sample", "sample.second-one").unwrap()).unwrap();
        assert!(write(root, &first).is_err(), "a check is not overwritten");
        for bless in [true, false] {
            let mut tests = cargo();
            tests
                .args(["test", "--offline", "--package", &first.package()])
                .env("CARGO_TARGET_DIR", &workspace.target)
                .current_dir(root);
            if bless {
                tests.env("PLUMB_BLESS", "1");
            }
            let output = tests.output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{text}");
            assert!(text.contains("sample.second-one::bad::worker"), "{text}");
        }
        let page = root.join("checks/sample/docs/sample.first.md");
        assert!(fs::read_to_string(page).unwrap().contains("vm.swappiness"));
    }
}
