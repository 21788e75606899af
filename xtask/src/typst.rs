//! The Typst compiler, which makes the PDF reports: found, or compiled once into a folder outside the workspace.
//!
//! Reports have to be the same bytes everywhere, so one version is pinned; the report crate refuses any other.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::openssl;
use crate::packages::{Need, Test};
use crate::run::{cargo, note, output_if_ok, run};
use crate::zig::{Machine, OLD_GLIBC, Zig};

/// The same as `plumb_report::TYPST_VERSION`; a test compares them, since depending on that crate would have all of its
/// dependencies compiled before anything is set up.
pub(crate) const VERSION: &str = "0.15.1";

/// The program to use, for those who have their own; what [`find`] gives goes to `plumb` under this name too.
pub(crate) const PROGRAM_VARIABLE: &str = "PLUMB_TYPST";

/// The folder for compiled tools.
const TOOLS_VARIABLE: &str = "PLUMB_TOOLS";

/// A font that reports use. A Typst compiled without the feature `embedded-fonts` lacks it.
const EMBEDDED_FONT: &str = "Libertinus Serif";

/// Compiling Typst takes this besides what the workspace takes.
pub(crate) const NEEDS: &[Need] =
    &[Need { package: "libssl-dev", test: Test::Library("openssl"), why: "typst-cli is linked with it" }];

/// The Typst that is there already, if it is of the right version: the one that is asked for, ours, one in `PATH`.
pub(crate) fn find() -> Result<Option<PathBuf>> {
    if let Some(program) = std::env::var_os(PROGRAM_VARIABLE).filter(|value| !value.is_empty()) {
        // Tests run in other folders than this program.
        let program =
            std::path::absolute(&program).with_context(|| format!("cannot use {PROGRAM_VARIABLE}"))?;
        if is_usable(&program)? {
            return Ok(Some(program));
        }
        bail!(
            "expected typst {VERSION} with embedded fonts in {PROGRAM_VARIABLE}, found `{}`, which is not; \
             unset {PROGRAM_VARIABLE} to have it compiled",
            program.display()
        );
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|f| f.join("typst"));
    for program in std::iter::once(installed_program(&install_root()?)).chain(in_path) {
        if is_usable(&program)? {
            return Ok(Some(program));
        }
    }
    Ok(None)
}

/// The features that Typst is compiled with. The default ones add a web server for `typst watch`.
pub(crate) const FEATURES: &str = "embedded-fonts";

/// Compiles Typst, which takes minutes.
pub(crate) fn install() -> Result<PathBuf> {
    install_into(&install_root()?, is_usable, |build| {
        let mut command = cargo();
        command
            .args(["install", "--features", FEATURES])
            .env("CARGO_TARGET_DIR", build)
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        Ok(command)
    })
}

/// The Typst that goes with Plumb to machines of this kind, compiled once.
pub(crate) fn for_machine(zig: &Zig, machine: Machine) -> Result<PathBuf> {
    let root = machine.tools()?.join(format!("typst-{VERSION}"));
    // Typst fetches packages with it, which Plumb has no use for: that of this machine is good enough.
    let openssl = openssl::ensure(machine)?;
    // It may not run here.
    install_into(
        &root,
        |program| Ok(program.is_file()),
        |build| {
            let mut command = zig.cargo("install", machine, OLD_GLIBC, build)?;
            command
                .args(["--features", FEATURES])
                .env("OPENSSL_DIR", &openssl.folder)
                .env("OPENSSL_STATIC", "1");
            Ok(command)
        },
    )
}

/// Compiles Typst into `root`, with the command that `cargo_install` gives for a build folder, unless it is `done` already.
fn install_into(
    root: &Path,
    done: impl Fn(&Path) -> Result<bool>,
    cargo_install: impl FnOnce(&Path) -> Result<Command>,
) -> Result<PathBuf> {
    let program = installed_program(root);
    if done(&program)? {
        return Ok(program);
    }
    fs::create_dir_all(root).with_context(|| {
        format!("cannot create `{}`; set {TOOLS_VARIABLE} to a folder that can be written", root.display())
    })?;
    // Whoever comes second waits here, and finds the work done.
    let lock_path = root.join("lock");
    let lock =
        File::create(&lock_path).with_context(|| format!("cannot create `{}`", lock_path.display()))?;
    lock.lock().with_context(|| format!("cannot lock `{}`", lock_path.display()))?;
    if done(&program)? {
        return Ok(program);
    }
    note(&format!(
        "compiling typst-cli {VERSION} into `{}`, once: about six minutes on two cores, one line for each of some \
         340 crates; if interrupted, the next run goes on from there",
        root.display()
    ));
    let build = root.join("build");
    compile(&mut cargo_install(&build)?, root)?;
    if !done(&program)? {
        bail!("expected typst {VERSION} at `{}` after compiling it, found something else", program.display());
    }
    // A gigabyte that nothing needs any more.
    fs::remove_dir_all(&build)
        .with_context(|| format!("cannot remove `{}`; remove it by hand", build.display()))?;
    Ok(program)
}

/// Where `cargo install` puts Typst. `plumb` looks there too, so the path is part of its documentation.
fn install_root() -> Result<PathBuf> {
    Ok(tools_folder()?.join(format!("typst-{VERSION}")))
}

fn installed_program(root: &Path) -> PathBuf {
    root.join("bin/typst")
}

/// The folder for tools that are installed once for all workspaces.
pub(crate) fn tools_folder() -> Result<PathBuf> {
    let folder = tools_folder_from(|name| std::env::var_os(name));
    let folder = folder.with_context(|| {
        format!("expected a folder for tools, found neither {TOOLS_VARIABLE} nor HOME set")
    })?;
    std::path::absolute(&folder).with_context(|| format!("cannot use `{}` for tools", folder.display()))
}

fn tools_folder_from(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(tools) = folder(TOOLS_VARIABLE) {
        return Some(tools);
    }
    // The XDG specification has relative values ignored.
    let cache = folder("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let cache = cache.or_else(|| Some(folder("HOME")?.join(".cache")))?;
    Some(cache.join("plumb/tools"))
}

fn is_usable(program: &Path) -> Result<bool> {
    if !program.is_file() {
        return Ok(false);
    }
    // `typst 0.15.1 (unknown commit)`
    let version = output_if_ok(Command::new(program).arg("--version"))?.unwrap_or_default();
    if version.split_whitespace().nth(1) != Some(VERSION) {
        return Ok(false);
    }
    let fonts =
        output_if_ok(Command::new(program).args(["fonts", "--ignore-system-fonts"]))?.unwrap_or_default();
    Ok(fonts.lines().any(|line| line == EMBEDDED_FONT))
}

/// Adds to `cargo install` with its features what is installed and how.
fn compile(command: &mut Command, root: &Path) -> Result<()> {
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("typst-build.toml");
    command
        .args(["typst-cli", "--version", VERSION, "--locked", "--no-default-features"])
        // A half-installed one is replaced.
        .arg("--force")
        .arg("--config")
        .arg(settings)
        .arg("--root")
        .arg(root)
        // Outside the workspace, whose settings are not meant for Typst.
        .current_dir(root);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PROFILE_")) {
            command.env_remove(name);
        }
    }
    run(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_folder_follows_the_environment() {
        let with = |pairs: &[(&str, &str)]| {
            tools_folder_from(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into()))
        };
        assert_eq!(with(&[("PLUMB_TOOLS", "/t"), ("HOME", "/h")]), Some("/t".into()));
        assert_eq!(with(&[("XDG_CACHE_HOME", "/c"), ("HOME", "/h")]), Some("/c/plumb/tools".into()));
        assert_eq!(with(&[("XDG_CACHE_HOME", "c"), ("HOME", "/h")]), Some("/h/.cache/plumb/tools".into()));
        assert_eq!(with(&[("PLUMB_TOOLS", ""), ("HOME", "")]), None);
    }

    #[test]
    fn the_report_crate_wants_this_version() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/report/src/typst.rs");
        let wanted = format!("pub const TYPST_VERSION: &str = \"{VERSION}\";");
        assert!(fs::read_to_string(source).unwrap().contains(&wanted), "expected `{wanted}` in plumb-report");
    }
}
