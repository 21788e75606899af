//! System packages: which are missing, and installing them with apt.
//!
//! A need is met by what it is for (a library that `pkg-config` knows, a program in `PATH`), not by the package of that
//! name alone: a library that somebody installed from its source does too.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::{note, output_if_ok, run};

/// Something that a Debian package gives.
#[derive(Clone, Copy)]
pub(crate) struct Need {
    pub(crate) package: &'static str,
    pub(crate) test: Test,
    /// Shown when the package is installed, or cannot be.
    pub(crate) why: &'static str,
}

/// How to tell that a need is met without the package's name.
#[derive(Clone, Copy)]
pub(crate) enum Test {
    /// `pkg-config` knows this library.
    Library(&'static str),
    /// A program of this name is in `PATH`.
    Program(&'static str),
    /// This file exists.
    File(&'static str),
    /// Only the package itself tells.
    Package,
}

/// How this process may install packages.
enum Installer {
    Root,
    Sudo,
}

/// Installs the packages of the needs that are not met.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let missing = missing(needs)?;
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        note(&format!("package `{}` is missing: {}", need.package, need.why));
    }
    let names: Vec<&str> = missing.iter().map(|need| need.package).collect();
    let Some(installer) = installer()? else { bail!(no_installer(&names)) };
    install(&installer, &names)?;
    let still = self::missing(needs)?;
    if let Some(need) = still.first() {
        bail!(
            "expected `{}` after installing it, found it missing still; try `apt-get install --reinstall {}`",
            need.package,
            need.package
        );
    }
    Ok(())
}

fn missing(needs: &[Need]) -> Result<Vec<&Need>> {
    let mut missing = Vec::new();
    for need in needs {
        if !is_met(need)? {
            missing.push(need);
        }
    }
    Ok(missing)
}

fn is_met(need: &Need) -> Result<bool> {
    let met = match need.test {
        Test::Library(name) => output_if_ok(Command::new("pkg-config").args(["--exists", name]))?.is_some(),
        Test::Program(name) => is_program_in_path(name),
        Test::File(path) => Path::new(path).exists(),
        Test::Package => false,
    };
    Ok(met || is_installed(need.package)?)
}

fn is_installed(package: &str) -> Result<bool> {
    let status = output_if_ok(Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status}", package]))?;
    Ok(status.as_deref() == Some("installed"))
}

fn is_program_in_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// `None` if this process may install nothing.
fn installer() -> Result<Option<Installer>> {
    if !is_program_in_path("apt-get") {
        return Ok(None);
    }
    // The folder of a process belongs to its effective user.
    let user = fs::metadata("/proc/self").context("cannot read `/proc/self`")?.uid();
    if user == 0 {
        return Ok(Some(Installer::Root));
    }
    // `-n`: a password prompt in the middle of a script would hang it.
    let sudo = output_if_ok(Command::new("sudo").args(["-n", "true"]))?;
    Ok(sudo.map(|_| Installer::Sudo))
}

fn no_installer(names: &[&str]) -> String {
    let names = names.join(" ");
    if is_program_in_path("apt-get") {
        format!(
            "expected root, or sudo without a password, to install what is missing; found neither: run \
             `sudo apt-get update && sudo apt-get install -y {names}`, then this command again"
        )
    } else {
        format!(
            "expected `apt-get` to install what is missing, found none; install what is called \
             `{names}` on Debian with the package manager of this system, then run this command again"
        )
    }
}

fn install(installer: &Installer, names: &[&str]) -> Result<()> {
    let install = || run(apt_get(installer).args(["install", "-y", "--no-install-recommends"]).args(names));
    // An update takes long and is needed on a fresh machine only, or when the lists name files that are gone.
    if has_package_lists() {
        match install() {
            Ok(()) => return Ok(()),
            Err(error) => note(&format!("{error}; trying again with fresh package lists")),
        }
    }
    run(apt_get(installer).arg("update"))?;
    install()
}

fn apt_get(installer: &Installer) -> Command {
    let mut command = match installer {
        Installer::Root => Command::new("env"),
        Installer::Sudo => {
            let mut command = Command::new("sudo");
            command.args(["-n", "env"]);
            command
        }
    };
    // A machine that has just started may be updating itself: wait for its lock instead of failing.
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]);
    command
}

fn has_package_lists() -> bool {
    let Ok(entries) = fs::read_dir("/var/lib/apt/lists") else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_need_is_met_by_what_it_is_for() {
        let need = |test| Need { package: "no-such-package-at-all", test, why: "test" };
        assert!(is_met(&need(Test::Program("sh"))).unwrap());
        assert!(is_met(&need(Test::File("/proc/self/status"))).unwrap());
        assert!(!is_met(&need(Test::Program("no-such-program"))).unwrap());
        assert!(!is_met(&need(Test::Library("no-such-library"))).unwrap());
        assert!(!is_met(&need(Test::Package)).unwrap());
    }

    #[test]
    fn whoever_may_not_install_is_told_what_to_run() {
        let text = no_installer(&["libhwloc-dev", "gcc"]);
        assert!(text.contains("libhwloc-dev gcc"), "{text}");
        assert!(text.contains("this command again"), "{text}");
    }
}
