//! A Debian package: everything in `/usr/lib/plumb`, with `/usr/bin/plumb` as a link into it, since `plumb` looks beside the
//! file that it was started from.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::archive::{copy_folder, empty, files, place, tar};
use crate::run::run;
use crate::zig::{GLIBC, Machine};

/// What `plumb` looks for beside itself, and what goes with it.
const PROGRAM_FOLDER: &str = "usr/lib/plumb";
const DOCUMENTS: &str = "usr/share/doc/plumb";

/// Makes the package of what is in `folder`.
pub(super) fn package(dist: &Path, folder: &Path, version: &str, machine: Machine) -> Result<PathBuf> {
    let work = dist.join("deb");
    let data = work.join("data");
    empty(&data)?;
    lay_out(folder, &data)?;
    let bytes: u64 = files(&data)?.values().map(|path| fs::metadata(path).map_or(0, |file| file.len())).sum();
    let control = work.join("control");
    empty(&control)?;
    place(&control.join("control"), description(version, machine, bytes).as_bytes(), 0o644)?;
    let xz = ["xz", "-6", "-T1", "-c"];
    let here = [Path::new(".")];
    tar(&control, &here, &xz, &work.join("control.tar.xz"))?;
    tar(&data, &here, &xz, &work.join("data.tar.xz"))?;
    let path = dist.join(format!("plumb_{version}_{}.deb", machine.debian()));
    let members = ["control.tar.xz", "data.tar.xz"].map(|name| work.join(name));
    write_ar(&path, &members).with_context(|| format!("cannot write `{}`", path.display()))?;
    fs::remove_dir_all(&work).with_context(|| format!("cannot remove `{}`", work.display()))?;
    Ok(path)
}

fn lay_out(folder: &Path, data: &Path) -> Result<()> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("cannot read `{}`", path.display()));
    let program = data.join(PROGRAM_FOLDER);
    for name in ["plumb", "typst"] {
        place(&program.join(name), &read(&folder.join(name))?, 0o755)?;
    }
    for name in ["packs", "themes", "schemas"] {
        copy_folder(&folder.join(name), &program.join(name))?;
    }
    let binaries = data.join("usr/bin");
    fs::create_dir_all(&binaries).with_context(|| format!("cannot create `{}`", binaries.display()))?;
    let link = binaries.join("plumb");
    symlink("../lib/plumb/plumb", &link).with_context(|| format!("cannot create `{}`", link.display()))?;
    for (from, to) in [
        ("completions/plumb.bash", "usr/share/bash-completion/completions/plumb"),
        ("completions/_plumb", "usr/share/zsh/vendor-completions/_plumb"),
        ("completions/plumb.fish", "usr/share/fish/vendor_completions.d/plumb.fish"),
    ] {
        place(&data.join(to), &read(&folder.join(from))?, 0o644)?;
    }
    let documents = data.join(DOCUMENTS);
    for (from, to) in [
        ("LICENSES.txt", "copyright"),
        ("LICENSE-MIT", "LICENSE-MIT"),
        ("LICENSE-APACHE", "LICENSE-APACHE"),
        ("CHANGELOG.md", "changelog"),
        ("sbom.cdx.json", "sbom.cdx.json"),
    ] {
        place(&documents.join(to), &read(&folder.join(from))?, 0o644)?;
    }
    let pages = data.join("usr/share/man/man1");
    copy_folder(&folder.join("man"), &pages)?;
    run(Command::new("gzip").args(["-n", "-9"]).args(files(&pages)?.values()))?;
    run(Command::new("gzip").args(["-n", "-9"]).arg(documents.join("changelog")))
}

fn description(version: &str, machine: Machine, bytes: u64) -> String {
    format!(
        "Package: plumb\nVersion: {version}\nArchitecture: {}\nMaintainer: The Plumb developers <plumb@localhost>\n\
         Installed-Size: {}\nDepends: libc6 (>= {GLIBC})\nSection: admin\nPriority: optional\n\
         Description: health check for LLM inference nodes\n \
         Reads what a node that serves large language models says of itself, and reports what\n \
         costs latency or throughput, how sure that is, and what to do about it.\n",
        machine.debian(),
        bytes.div_ceil(1024),
    )
}

/// The archive of ar(1) that a Debian package is: a head of 60 characters for each member, which starts at an even place.
fn write_ar(path: &Path, members: &[PathBuf]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(b"!<arch>\n")?;
    let mut add = |name: &str, bytes: &[u8]| {
        writeln!(file, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, "100644", bytes.len())?;
        file.write_all(bytes)?;
        file.write_all(if bytes.len() % 2 == 1 { b"\n" } else { b"" })
    };
    add("debian-binary", b"2.0\n")?;
    for member in members {
        add(&member.file_name().unwrap_or_default().to_string_lossy(), &fs::read(member)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dpkg_reads_the_package() {
        if !Path::new("/usr/bin/dpkg-deb").is_file() || !Path::new("/usr/bin/xz").is_file() {
            return;
        }
        let dist = tempfile::tempdir().unwrap();
        let folder = dist.path().join("plumb-1");
        for name in ["plumb", "typst", "packs/a/pack.toml", "themes/t", "schemas/s", "man/plumb.1"] {
            place(&folder.join(name), name.as_bytes(), 0o644).unwrap();
        }
        for name in ["plumb.bash", "_plumb", "plumb.fish"] {
            place(&folder.join("completions").join(name), b"#", 0o644).unwrap();
        }
        for name in ["LICENSES.txt", "LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md", "sbom.cdx.json"] {
            place(&folder.join(name), b"text", 0o644).unwrap();
        }
        let package = package(dist.path(), &folder, "1.2.3", Machine::X86_64).unwrap();
        let ask = |option: &str| {
            let output = Command::new("dpkg-deb").arg(option).arg(&package).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        let info = ask("--info");
        assert!(info.contains("Version: 1.2.3") && info.contains("libc6 (>= 2.28)"), "{info}");
        let contents = ask("--contents");
        for line in ["./usr/bin/plumb -> ../lib/plumb/plumb", "./usr/share/man/man1/plumb.1.gz"] {
            assert!(contents.contains(line), "{contents}");
        }
        assert!(contents.lines().all(|line| line.contains("root/root")), "{contents}");
    }
}
