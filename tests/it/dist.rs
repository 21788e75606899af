//! What `cargo xtask dist` has made, where it has: it starts on old systems, and does all of its work offline from any folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use plumb_tests::{run, skip, target};

use crate::collect_only::answers_for_nvml;
use crate::glibc::{OLDEST, is_of_the_system, libraries, needed};

/// The C library of RHEL 7, which the program that only collects has to start with.
const OLDEST_TO_COLLECT: (u32, u32) = (2, 17);
/// Most bytes of the program that only collects.
const MOST_TO_COLLECT: u64 = 8 << 20;

/// The folder of the distribution for machines like this one.
fn dist(test: &str) -> Option<PathBuf> {
    let folder = target().parent().unwrap().join("dist");
    if archive(&folder, "plumb").is_file() {
        return Some(folder);
    }
    skip(&format!("{test}: `cargo xtask dist` has not been run"));
    None
}

fn archive(dist: &Path, name: &str) -> PathBuf {
    let (version, machine) = (env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    dist.join(format!("{name}-{version}-{machine}-linux.tar.zst"))
}

fn unpacked(archive: &Path) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let tar = Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(folder.path()).status();
    assert!(tar.unwrap().success(), "{}", archive.display());
    let inside = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let sums = run(Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(&inside));
    assert_eq!(sums.code, 0, "{}{}", sums.out, sums.err);
    (folder, inside)
}

/// All programs and libraries below a folder.
fn binaries(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(binaries(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            if bytes.starts_with(b"\x7fELF") {
                found.push((path, bytes));
            }
        }
    }
    found
}

fn starts_with_glibc(folder: &Path, (major, minor): (u32, u32), at_least: usize) {
    let binaries = binaries(folder);
    assert!(binaries.len() >= at_least, "{} programs and libraries", binaries.len());
    for (path, bytes) in binaries {
        for (name, version) in needed(&bytes).unwrap() {
            assert!(
                version <= (major, minor),
                "{} needs `{name}` of glibc {}.{}, and not {major}.{minor} at most",
                path.display(),
                version.0,
                version.1
            );
        }
        for library in libraries(&bytes).unwrap() {
            assert!(is_of_the_system(&library), "{} needs {library}", path.display());
        }
    }
}

#[test]
fn the_archive_starts_on_old_systems_and_reports_offline() {
    let Some(dist) = dist("the archive") else { return };
    let (_kept, folder) = unpacked(&archive(&dist, "plumb"));
    // The program, Typst and the packs.
    starts_with_glibc(&folder, OLDEST, 13);
    let elsewhere = tempfile::tempdir().unwrap();
    let audit = |offline: bool| {
        let mut command = Command::new("unshare");
        if offline {
            command.args(["--net", "--map-root-user"]);
        }
        command.arg("--").arg(folder.join("plumb")).args(["audit", "-o", "out"]);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", elsewhere.path())
            .current_dir(elsewhere.path())
            .stdin(Stdio::null());
        run(&mut command)
    };
    let mut audited = audit(true);
    if audited.err.contains("unshare") {
        skip("the archive offline: no network namespace can be made here");
        audited = audit(false);
    }
    assert!(matches!(audited.code, 0 | 6), "{}{}", audited.out, audited.err);
    for name in ["node.plumb", "report.pdf", "report.md"] {
        assert!(fs::metadata(elsewhere.path().join("out").join(name)).unwrap().len() > 0, "{name}");
    }
    let pdf = fs::read(elsewhere.path().join("out/report.pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
}

#[test]
fn the_collector_alone_is_small_and_starts_on_older_systems() {
    let Some(dist) = dist("the collector alone") else { return };
    let archive = archive(&dist, "plumb-collect");
    if !archive.is_file() {
        return skip("the collector alone: `cargo xtask dist --collect-only` has not been run");
    }
    let (_kept, folder) = unpacked(&archive);
    starts_with_glibc(&folder, OLDEST_TO_COLLECT, 1);
    let program = folder.join("plumb-collect");
    assert!(fs::metadata(&program).unwrap().len() <= MOST_TO_COLLECT);
    answers_for_nvml(&program);
}

#[test]
fn the_bill_of_materials_names_what_is_linked() {
    let Some(dist) = dist("the bill of materials") else { return };
    let (_kept, folder) = unpacked(&archive(&dist, "plumb"));
    let bill: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("sbom.cdx.json")).unwrap()).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    let names: Vec<&str> =
        bill["components"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    let licences = fs::read_to_string(folder.join("LICENSES.txt")).unwrap();
    for name in ["hwloc", "hwlocality", "clap", "ring", "typst-cli", "openssl"] {
        assert!(names.contains(&name), "{name}");
        assert!(licences.contains(&format!("- {name} ")), "{name}");
    }
}
