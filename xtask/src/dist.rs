//! `cargo xtask dist`: one folder with all that is brought to a node, as an archive that is the same bytes each time.
//!
//! `plumb` finds what it needs beside itself: the packs, and Typst. Its worker is the program itself, and the report
//! templates are in it. Everything is linked by Zig against an old C library (see [`crate::zig`]).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::packages::{self, Need, Test};
use crate::packs::hex;
use crate::run::{note, output_if_ok, run, run_for_output};
use crate::workspace::Workspace;
use crate::zig::{GLIBC, Machine, OLD_GLIBC, Zig, cargo_home};
use crate::{openssl, packs, setup, typst};

mod archive;
mod crates;
mod deb;
mod licences;
mod sbom;

use archive::place;
use crates::{Foreign, Graph};

/// Names the secret key of minisign, as `--key` does.
const KEY_VARIABLE: &str = "PLUMB_DIST_KEY";

const NEEDS: &[Need] = &[
    Need { package: "zstd", test: Test::Program("zstd"), why: "compresses archives" },
    Need { package: "xz-utils", test: Test::Program("xz"), why: "compresses Debian packages" },
];
const SIGNING_NEEDS: &[Need] =
    &[Need { package: "minisign", test: Test::Program("minisign"), why: "signs archives" }];

/// What is asked for.
pub(crate) struct Order {
    pub(crate) machine: Machine,
    /// Also the program that only collects.
    pub(crate) collect_only: bool,
    /// A secret key of minisign.
    pub(crate) key: Option<PathBuf>,
}

impl Order {
    /// Reads what comes after `dist`.
    pub(crate) fn from_words(words: &[&str]) -> Result<Self, String> {
        let mut order = Self { machine: Machine::of_this()?, collect_only: false, key: None };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            let mut value = |what: &str| {
                words.next().copied().ok_or_else(|| format!("expected {what} after `{word}`, found nothing"))
            };
            match word {
                "--collect-only" => order.collect_only = true,
                "--key" => order.key = Some(value("the file of a secret key of minisign")?.into()),
                "--target" => {
                    let name = value("`x86_64` or `aarch64`")?;
                    order.machine = Machine::from_word(name)
                        .ok_or_else(|| format!("expected `x86_64` or `aarch64`, found `{name}`"))?;
                }
                _ => return Err(format!("`dist` does not take `{word}`")),
            }
        }
        if order.key.is_none() {
            order.key = std::env::var_os(KEY_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        }
        Ok(order)
    }
}

/// Builds everything and leaves it in `target/dist`.
pub(crate) fn dist(workspace: &Workspace, order: &Order) -> Result<()> {
    packages::ensure(NEEDS)?;
    if let Some(key) = &order.key {
        packages::ensure(SIGNING_NEEDS)?;
        if !key.is_file() {
            bail!("expected a secret key of minisign at `{}`, found none", key.display());
        }
    }
    // First: it says where this cannot be done.
    let openssl = Foreign::openssl(openssl::ensure(order.machine)?);
    setup::packages()?;
    let zig = Zig::ensure(order.machine)?;
    let hwloc = zig.hwloc(order.machine)?;
    let built = build(workspace, &zig, order.machine, GLIBC, &crates::roots(workspace)?)?;
    let typst = typst::for_machine(&zig, order.machine)?;
    let hwloc = Foreign::hwloc(&hwloc);

    let graph = Graph::of_workspace(workspace, order.machine)?;
    let dist = workspace.target.join("dist");
    let version = env!("CARGO_PKG_VERSION");
    let folder = dist.join(format!("plumb-{version}"));
    archive::empty(&folder)?;
    place(&folder.join("plumb"), &read(&built.output.join("plumb"))?, 0o755)?;
    packs::assemble(&workspace.root.join("checks"), &built.output, &folder.join("packs"), &built.scripts)?;
    strip(&typst, &folder.join("typst"))?;
    texts(workspace, &folder)?;
    let of_typst = Graph::of_typst(&cargo_home()?, order.machine)?;
    let notices = licences::notices(&[&graph, &of_typst], &[&hwloc, &openssl])?;
    place(&folder.join("LICENSES.txt"), notices.as_bytes(), 0o644)?;
    let bill = sbom::bill("plumb", version, &[&graph, &of_typst], &[&hwloc, &openssl])?;
    place(&folder.join("sbom.cdx.json"), bill.as_bytes(), 0o644)?;
    archive::checksums(&folder)?;

    let stem = format!("plumb-{version}-{}-linux", order.machine.word());
    let mut made = vec![archive::pack(&dist, &folder, &dist.join(format!("{stem}.tar.zst")))?];
    made.push(deb::package(&dist, &folder, version, order.machine)?);
    if order.collect_only {
        made.push(collect_only(workspace, order.machine, &dist, &zig, &hwloc)?);
    }
    println!("\n{}:", workspace.short(&folder));
    archive::print_sizes(&folder)?;
    let mut sums = String::new();
    for path in &made {
        let bytes = read(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        sums.push_str(&format!("{}  {name}\n", hex(&Sha256::digest(&bytes))));
        println!("{:>12} bytes  {}", bytes.len(), workspace.short(path));
    }
    let list = dist.join(format!("SHA256SUMS-{}", order.machine.word()));
    place(&list, sums.as_bytes(), 0o644)?;
    println!("{:>12}        {}", "", workspace.short(&list));
    match &order.key {
        Some(key) => sign(key, &list),
        None => {
            note(&format!(
                "`{}` is not signed; --key FILE or {KEY_VARIABLE} names the secret key of minisign to sign it with",
                workspace.short(&list)
            ));
            Ok(())
        }
    }
}

/// What was built.
struct Built {
    /// Where programs and libraries are.
    output: PathBuf,
    /// Where build scripts put what they made, by package.
    scripts: std::collections::BTreeMap<String, PathBuf>,
}

/// Builds packages for one C library, in a folder of their own: other options would throw away what other builds made.
fn build(
    workspace: &Workspace,
    zig: &Zig,
    machine: Machine,
    glibc: &str,
    packages: &[String],
) -> Result<Built> {
    let folder = workspace.target.join(format!("dist-build-{glibc}"));
    let mut command = zig.cargo("zigbuild", machine, glibc, &folder)?;
    command.args(["--release", "--locked", "--message-format=json-render-diagnostics"]);
    for package in packages {
        command.args(["--package", package]);
    }
    let messages = run_for_output(command.current_dir(&workspace.root))?;
    Ok(Built {
        output: folder.join(machine.triple()).join("release"),
        scripts: packs::built_files(&messages),
    })
}

/// What a person reads, and what shells and `man` do; made by a `plumb` of this machine, since the other may not run here.
fn texts(workspace: &Workspace, folder: &Path) -> Result<()> {
    for name in ["LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md"] {
        place(&folder.join(name), &read(&workspace.root.join(name))?, 0o644)?;
    }
    let guide = read(&workspace.root.join("docs/src/guide/on-a-node.md"))?;
    place(&folder.join("README.md"), &guide, 0o644)?;
    archive::copy_folder(&workspace.root.join("report-templates/slate"), &folder.join("themes/slate"))?;
    for schema in ["engagement", "experiment-plan", "rules"] {
        let name = format!("{schema}.schema.json");
        let from = workspace.root.join("docs/src/reference").join(&name);
        place(&folder.join("schemas").join(&name), &read(&from)?, 0o644)?;
    }
    let program = host_program(workspace, folder)?;
    run(Command::new(&program).args(["--quiet", "man", "-o"]).arg(folder.join("man")))?;
    archive::tidy(&folder.join("man"))?;
    for (shell, name) in [("bash", "plumb.bash"), ("zsh", "_plumb"), ("fish", "plumb.fish")] {
        let script = run_for_output(Command::new(&program).args(["completions", shell]))?;
        place(&folder.join("completions").join(name), script.as_bytes(), 0o644)?;
    }
    Ok(())
}

/// The `plumb` that was just built if it runs here, else the one that other commands have built for this machine.
fn host_program(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let candidates =
        [folder.join("plumb"), workspace.target.join("release/plumb"), workspace.target.join("debug/plumb")];
    for program in candidates {
        if program.is_file() && output_if_ok(Command::new(&program).arg("--version"))?.is_some() {
            return Ok(program);
        }
    }
    bail!(
        "expected a `plumb` that runs here, to write manual pages with; run `cargo xtask packs`, then this again"
    )
}

/// The program that only collects, with its licences: what the administrator of a client is handed.
fn collect_only(
    workspace: &Workspace,
    machine: Machine,
    dist: &Path,
    zig: &Zig,
    hwloc: &Foreign,
) -> Result<PathBuf> {
    let version = env!("CARGO_PKG_VERSION");
    let built = build(workspace, zig, machine, OLD_GLIBC, &[crates::COLLECTOR.to_owned()])?;
    let graph = Graph::of_collector(workspace, machine)?;
    let folder = dist.join(format!("plumb-collect-{version}"));
    archive::empty(&folder)?;
    place(&folder.join("plumb-collect"), &read(&built.output.join("plumb-collect"))?, 0o755)?;
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        place(&folder.join(name), &read(&workspace.root.join(name))?, 0o644)?;
    }
    let notices = licences::notices(&[&graph], &[hwloc])?;
    place(&folder.join("LICENSES.txt"), notices.as_bytes(), 0o644)?;
    let bill = sbom::bill("plumb-collect", version, &[&graph], &[hwloc])?;
    place(&folder.join("sbom.cdx.json"), bill.as_bytes(), 0o644)?;
    archive::checksums(&folder)?;
    let name = format!("plumb-collect-{version}-{}-linux.tar.zst", machine.word());
    archive::pack(dist, &folder, &dist.join(name))
}

/// A copy without symbols.
fn strip(from: &Path, to: &Path) -> Result<()> {
    place(to, &read(from)?, 0o755)?;
    // That of this machine refuses programs for others.
    if output_if_ok(Command::new("strip").arg("--strip-all").arg(to))?.is_none() {
        note(&format!("`strip` does not know `{}`, which keeps its symbols", from.display()));
    }
    Ok(())
}

/// Beside the list of checksums, its signature. Nothing in it depends on the time.
fn sign(key: &Path, list: &Path) -> Result<()> {
    let comment = format!("plumb {}", env!("CARGO_PKG_VERSION"));
    run(Command::new("minisign").args(["-S", "-t", &comment, "-s"]).arg(key).arg("-m").arg(list))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_whole_or_refused() {
        let order = Order::from_words(&["--target", "aarch64", "--collect-only", "--key", "k"]).unwrap();
        assert_eq!(order.machine, Machine::Aarch64);
        assert!(order.collect_only);
        assert_eq!(order.key.as_deref(), Some(Path::new("k")));
        let problem = |words: &[&str]| Order::from_words(words).err().unwrap();
        assert_eq!(problem(&["--target", "mips"]), "expected `x86_64` or `aarch64`, found `mips`");
        assert!(problem(&["--key"]).contains("found nothing"));
        assert_eq!(problem(&["-q"]), "`dist` does not take `-q`");
    }
}
