//! Which crates end up in a program, as `cargo metadata` says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::openssl::OpenSsl;
use crate::run::{cargo, run_for_output};
use crate::workspace::Workspace;
use crate::zig::Machine;
use crate::{hwloc, typst};

/// A crate whose code is in what is handed on.
#[derive(Clone, Debug)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// As SPDX writes it.
    pub(super) licence: Option<String>,
    pub(super) folder: PathBuf,
    /// The SHA-256 of what the registry sent; crates of the workspace have none.
    pub(super) checksum: Option<String>,
    /// Keys of [`Graph::packages`].
    pub(super) needs: BTreeSet<String>,
}

/// A library that is no crate, and is linked by one.
#[derive(Debug)]
pub(super) struct Foreign {
    pub(super) name: &'static str,
    pub(super) version: String,
    /// As SPDX writes it.
    pub(super) licence: &'static str,
    /// The file with its licence.
    pub(super) text: PathBuf,
    /// The crate that links it.
    pub(super) by: &'static str,
}

impl Foreign {
    /// In the folder that it was compiled into.
    pub(super) fn hwloc(folder: &Path) -> Self {
        Self {
            name: "hwloc",
            version: hwloc::VERSION.to_owned(),
            licence: "BSD-3-Clause",
            text: folder.join("COPYING"),
            by: "hwlocality-sys",
        }
    }

    pub(super) fn openssl(found: OpenSsl) -> Self {
        Self {
            name: "openssl",
            version: found.version,
            licence: "Apache-2.0",
            text: found.licence,
            by: "openssl-sys",
        }
    }
}

/// Crates by the names that `cargo metadata` has for them.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) packages: BTreeMap<String, Package>,
    pub(super) roots: Vec<String>,
}

/// The packages that are built for a node: the program and the packs.
pub(super) fn roots(workspace: &Workspace) -> Result<Vec<String>> {
    let mut names = vec!["plumb".to_owned()];
    let checks = workspace.root.join("checks");
    let context = || format!("cannot list `{}`", checks.display());
    for entry in fs::read_dir(&checks).with_context(context)? {
        let manifest = entry.with_context(context)?.path().join("Cargo.toml");
        if !manifest.is_file() {
            continue;
        }
        let text =
            fs::read_to_string(&manifest).with_context(|| format!("cannot read `{}`", manifest.display()))?;
        let table: toml::Table =
            text.parse().with_context(|| format!("`{}` is not TOML", manifest.display()))?;
        let name = table.get("package").and_then(|package| package.get("name")?.as_str());
        names.push(
            name.with_context(|| format!("expected a name in `{}`, found none", manifest.display()))?
                .to_owned(),
        );
    }
    names.sort();
    Ok(names)
}

/// The package of the program that only collects.
pub(super) const COLLECTOR: &str = "plumb-collect-only";

impl Graph {
    /// Of `plumb` and the packs.
    pub(super) fn of_workspace(workspace: &Workspace, machine: Machine) -> Result<Self> {
        let roots = roots(workspace)?;
        Self::read(&workspace.root.join("Cargo.toml"), &[], machine, &roots)
    }

    /// Of the program that only collects.
    pub(super) fn of_collector(workspace: &Workspace, machine: Machine) -> Result<Self> {
        Self::read(&workspace.root.join("Cargo.toml"), &[], machine, &[COLLECTOR.to_owned()])
    }

    /// Of Typst, whose source cargo has kept.
    pub(super) fn of_typst(cargo_home: &Path, machine: Machine) -> Result<Self> {
        let sources = cargo_home.join("registry/src");
        let context = || format!("cannot list `{}`", sources.display());
        let name = format!("typst-cli-{}/Cargo.toml", typst::VERSION);
        for entry in fs::read_dir(&sources).with_context(context)? {
            let manifest = entry.with_context(context)?.path().join(&name);
            if manifest.is_file() {
                let options = ["--no-default-features", "--features", typst::FEATURES];
                return Self::read(&manifest, &options, machine, &["typst-cli".to_owned()]);
            }
        }
        bail!("expected the source of Typst as `{name}` in `{}`, found none", sources.display())
    }

    fn read(manifest: &Path, options: &[&str], machine: Machine, roots: &[String]) -> Result<Self> {
        let mut command = cargo();
        command
            .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &machine.triple()])
            .arg("--manifest-path")
            .arg(manifest)
            .args(options);
        // `cargo metadata` prints megabytes that nobody wants to see when it fails.
        let text = run_for_output(&mut command)?;
        let metadata: Value =
            serde_json::from_str(&text).context("cannot read what `cargo metadata` says")?;
        let lock = manifest.with_file_name("Cargo.lock");
        let lock = fs::read_to_string(&lock).with_context(|| format!("cannot read `{}`", lock.display()))?;
        Self::from_metadata(&metadata, &checksums(&lock)?, roots)
    }

    fn from_metadata(
        metadata: &Value,
        checksums: &BTreeMap<(String, String), String>,
        roots: &[String],
    ) -> Result<Self> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let described: BTreeMap<String, Value> =
            list(&metadata["packages"]).into_iter().map(|package| (text(&package["id"]), package)).collect();
        let nodes: BTreeMap<String, Value> =
            list(&metadata["resolve"]["nodes"]).into_iter().map(|node| (text(&node["id"]), node)).collect();
        let of_name = |name: &String| {
            let found = described
                .iter()
                .find(|(id, package)| package["name"] == name.as_str() && nodes.contains_key(*id));
            found
                .map(|(id, _)| id.clone())
                .with_context(|| format!("expected the crate `{name}`, found none"))
        };
        let roots: Vec<String> = roots.iter().map(of_name).collect::<Result<_>>()?;
        let mut packages = BTreeMap::new();
        let mut left = roots.clone();
        while let Some(id) = left.pop() {
            let (Some(package), Some(node)) = (described.get(&id), nodes.get(&id)) else { continue };
            if packages.contains_key(&id) {
                continue;
            }
            let mut needs = BTreeSet::new();
            for dependency in list(&node["deps"]) {
                let other = text(&dependency["pkg"]);
                let kinds = list(&dependency["dep_kinds"]);
                let is_linked = kinds.iter().any(|kind| kind["kind"].is_null());
                // Source of a C library that the build script of a `-sys` crate compiles.
                let is_source =
                    described.get(&other).is_some_and(|package| text(&package["name"]).ends_with("-src"));
                if (is_linked || is_source) && !described.get(&other).is_some_and(runs_in_the_compiler) {
                    needs.insert(other.clone());
                    left.push(other);
                }
            }
            let (name, version) = (text(&package["name"]), text(&package["version"]));
            let folder = PathBuf::from(text(&package["manifest_path"]));
            packages.insert(
                id,
                Package {
                    licence: package["license"].as_str().map(str::to_owned),
                    folder: folder.parent().map(Path::to_owned).unwrap_or_default(),
                    checksum: checksums.get(&(name.clone(), version.clone())).cloned(),
                    name,
                    version,
                    needs,
                },
            );
        }
        Ok(Self { packages, roots })
    }
}

/// A macro: what it makes is in the program, it itself is not.
fn runs_in_the_compiler(package: &Value) -> bool {
    let targets = package["targets"].as_array().cloned().unwrap_or_default();
    targets.iter().any(|target| {
        target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "proc-macro"))
    })
}

/// Checksums in a lock file of cargo, by name and version.
fn checksums(lock: &str) -> Result<BTreeMap<(String, String), String>> {
    let table: toml::Table = lock.parse().context("`Cargo.lock` is not TOML")?;
    let packages = table.get("package").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let field = |package: &toml::Value, name: &str| package.get(name)?.as_str().map(str::to_owned);
    let found = packages.iter().filter_map(|package| {
        Some(((field(package, "name")?, field(package, "version")?), field(package, "checksum")?))
    });
    Ok(found.collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `plumb` needs `zstd-sys` and a macro, and is tested with `proptest`; `zstd-sys` is compiled from `zstd-src`.
    pub(crate) fn graph() -> Graph {
        let package = |name: &str, kind: &str| {
            serde_json::json!({
                "id": format!("{name}#1"), "name": name, "version": "1.0.0", "license": "MIT",
                "manifest_path": format!("/{name}/Cargo.toml"), "targets": [{"kind": [kind]}],
            })
        };
        let needs = |name: &str, kind: Value| serde_json::json!({"pkg": format!("{name}#1"), "dep_kinds": [{"kind": kind}]});
        let metadata = serde_json::json!({
            "packages": [
                package("plumb", "bin"), package("zstd-sys", "lib"), package("zstd-src", "lib"),
                package("macros", "proc-macro"), package("proptest", "lib"), package("cc", "lib"),
            ],
            "resolve": {"nodes": [
                {"id": "plumb#1", "deps": [
                    needs("zstd-sys", Value::Null), needs("macros", Value::Null), needs("proptest", "dev".into()),
                ]},
                {"id": "zstd-sys#1", "deps": [needs("zstd-src", "build".into()), needs("cc", "build".into())]},
                {"id": "zstd-src#1", "deps": []}, {"id": "macros#1", "deps": []},
                {"id": "proptest#1", "deps": []}, {"id": "cc#1", "deps": []},
            ]},
        });
        let lock = "[[package]]\nname = \"zstd-sys\"\nversion = \"1.0.0\"\nchecksum = \"ab\"\n";
        Graph::from_metadata(&metadata, &checksums(lock).unwrap(), &["plumb".to_owned()]).unwrap()
    }

    #[test]
    fn only_what_is_linked_counts() {
        let graph = graph();
        let names: Vec<&str> = graph.packages.values().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["plumb", "zstd-src", "zstd-sys"]);
        assert_eq!(graph.packages["zstd-sys#1"].checksum.as_deref(), Some("ab"));
        assert_eq!(graph.packages["plumb#1"].checksum, None);
    }
}
