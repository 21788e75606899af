//! The rig: machines with two NUMA nodes, emulated by QEMU, on which tests run a guest with a stock Debian kernel.
//!
//! The kernel comes from its package and is only unpacked, into the folder of tools. Guests and tests are in
//! `tests/rig`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::packages::{self, Need, Test};
use crate::run::{cargo, note, output_if_ok, run};
use crate::workspace::{Profile, Workspace};
use crate::{packs, setup, typst};

/// Where kernel and modules are, for those who have their own; tests get it under this name.
pub(crate) const VARIABLE: &str = "PLUMB_RIG";

/// Depends on the newest kernel for virtual machines, which is small and has NUMA balancing and NVMe built in.
const KERNEL: &str = "linux-image-cloud-amd64";

const NEEDS: &[Need] = &[
    Need {
        package: "qemu-system-x86",
        test: Test::Program("qemu-system-x86_64"),
        why: "emulates machines with two NUMA nodes for tests",
    },
    Need {
        package: "seabios",
        test: Test::File("/usr/share/seabios/bios-256k.bin"),
        why: "starts emulated machines",
    },
    Need { package: "busybox-static", test: Test::Program("busybox"), why: "is the shell of guests" },
    Need { package: "numactl", test: Test::Program("numactl"), why: "is compared with in guests" },
    Need { package: "util-linux", test: Test::Program("lscpu"), why: "is compared with in guests" },
    Need { package: "binutils", test: Test::Program("strip"), why: "makes programs small for guests" },
    Need { package: "rt-tests", test: Test::Program("cyclictest"), why: "measures latency in guests" },
];

/// Modules of the kernel that guests load, for a network card; all from below `drivers` or `net/core`.
const MODULES: &[&str] = &[
    "virtio_ring",
    "virtio",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "failover",
    "net_failover",
    "virtio_net",
];

/// `cargo xtask rig [NAME…]`: the tests of the rig alone, with what they tell.
pub(crate) fn run_rig(workspace: &Workspace, names: &[String]) -> Result<()> {
    setup::packages()?;
    let folder = ensure()?;
    packs::build_and_assemble(workspace, Profile::Debug)?;
    let mut tests = cargo();
    tests
        // All of the workspace, as when `plumb` was built: see there.
        .args(["test", "--workspace", "--exclude", "xtask", "--test", "rig", "--"])
        .args(["--nocapture", "--test-threads=1"])
        .args(names)
        .env(VARIABLE, folder)
        .current_dir(&workspace.root);
    run(&mut tests)
}

/// Installs QEMU and unpacks a kernel if they are not there, and returns the folder of the kernel.
pub(crate) fn ensure() -> Result<PathBuf> {
    if std::env::consts::ARCH != "x86_64" {
        bail!(
            "expected x86_64, found {}: the rig emulates machines of this architecture only",
            std::env::consts::ARCH
        );
    }
    packages::ensure(NEEDS)?;
    let folder = match std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        // Tests run in other folders than this program.
        Some(folder) => std::path::absolute(&folder).with_context(|| format!("cannot use {VARIABLE}"))?,
        None => typst::tools_folder()?.join("rig"),
    };
    if !folder.join("vmlinuz").is_file() {
        unpack_kernel(&folder)?;
    }
    Ok(folder)
}

/// `vmlinuz` comes last: where it is, everything is.
fn unpack_kernel(folder: &Path) -> Result<()> {
    let depends = output_if_ok(Command::new("apt-cache").args(["depends", KERNEL]))?.unwrap_or_default();
    let package = depends.lines().find_map(|line| line.trim().strip_prefix("Depends: linux-image-"));
    let Some(package) = package.map(|rest| format!("linux-image-{rest}")) else {
        bail!(
            "expected a kernel package that `{KERNEL}` depends on, found none; run `apt-get update`, then this command again"
        );
    };
    note(&format!("unpacking the kernel of guests, `{package}` (27 MB), into `{}`, once", folder.display()));
    let create =
        |path: &Path| fs::create_dir_all(path).with_context(|| format!("cannot create `{}`", path.display()));
    let work = folder.join("unpacked");
    let modules = folder.join("modules");
    create(&work)?;
    create(&modules)?;
    run(Command::new("apt-get").args(["-q", "download", &package]).current_dir(&work))?;
    let deb = files(&work)?.into_iter().find(|path| path.extension().is_some_and(|e| e == "deb"));
    let deb =
        deb.with_context(|| format!("expected `apt-get download` to leave a file in `{}`", work.display()))?;
    run(Command::new("dpkg-deb").arg("--extract").arg(&deb).arg(&work))?;
    let unpacked = files(&work)?;
    for module in MODULES {
        let name = format!("{module}.ko");
        let from = unpacked.iter().find(|path| path.file_name().is_some_and(|file| file == name.as_str()));
        let from = from.with_context(|| format!("expected `{name}` in `{package}`, found none"))?;
        copy(from, &modules.join(&name))?;
    }
    let kernel = unpacked
        .iter()
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz-")));
    let kernel = kernel.with_context(|| format!("expected a kernel in `{package}`, found none"))?;
    copy(kernel, &folder.join("vmlinuz.new"))?;
    fs::rename(folder.join("vmlinuz.new"), folder.join("vmlinuz")).context("cannot rename the kernel")?;
    fs::remove_dir_all(&work).with_context(|| format!("cannot remove `{}`", work.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy `{}`", from.display())).map(drop)
}

/// All files below a folder, sorted.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let context = || format!("cannot list `{}`", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        if entry.file_type().with_context(context)?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
