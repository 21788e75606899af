//! Zig, from PyPI: compiles C and links for older C libraries than that of this machine, and for other processors.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::hwloc;
use crate::python::Environment;
use crate::run::{cargo, output_if_ok, run};
use crate::typst::tools_folder;

/// The oldest C library that `plumb` starts with: that of RHEL 8 and Debian 10. It calls functions that are new there.
pub(crate) const GLIBC: &str = "2.28";
/// That of RHEL 7: what can be made for it is, which is the program that only collects, hwloc and Typst.
pub(crate) const OLD_GLIBC: &str = "2.17";

const ENVIRONMENT: Environment = Environment {
    name: "zig",
    variable: "PLUMB_ZIG",
    what: "the Zig compiler, which links for older systems than this one (110 MB to fetch, 500 MB unpacked)",
};
const WHEELS: [&str; 2] = ["ziglang==0.17.1", "cargo-zigbuild==0.24.1"];

/// A kind of machine that Plumb is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    X86_64,
    Aarch64,
}

impl Machine {
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::X86_64, Self::Aarch64].into_iter().find(|machine| machine.word() == word)
    }

    /// That of this machine.
    pub(crate) fn of_this() -> Result<Self, String> {
        let word = std::env::consts::ARCH;
        Self::from_word(word).ok_or_else(|| format!("expected to run on x86_64 or aarch64, found {word}"))
    }

    /// As `uname -m` says it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// As Debian says it.
    pub(crate) fn debian(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
        }
    }

    /// As Rust says it.
    pub(crate) fn triple(self) -> String {
        format!("{}-unknown-linux-gnu", self.word())
    }

    /// As `cargo-zigbuild` is told.
    fn target(self, glibc: &str) -> String {
        format!("{}.{glibc}", self.triple())
    }

    /// The folder for what is compiled once for this kind of machine.
    pub(crate) fn tools(self) -> Result<PathBuf> {
        Ok(tools_folder()?.join("dist").join(self.target(OLD_GLIBC)))
    }
}

/// The environment that has it.
pub(crate) struct Zig {
    programs: PathBuf,
}

impl Zig {
    /// Installs it if it is not there, and what Rust needs to compile for `machine`.
    pub(crate) fn ensure(machine: Machine) -> Result<Self> {
        let folder = ENVIRONMENT.ensure(|python| python.install(&WHEELS))?;
        let triple = machine.triple();
        // Where Rust does not come from rustup, its standard library for the machine is there or the build says so.
        let installed = output_if_ok(Command::new("rustup").args(["target", "list", "--installed"]))?;
        if installed.is_some_and(|list| !list.lines().any(|line| line == triple)) {
            run(Command::new("rustup").args(["target", "add", &triple]))?;
        }
        Ok(Self { programs: folder.join("bin") })
    }

    /// `cargo-zigbuild` with a command of its own, such as `zigbuild` or `install`, for `machine` with `glibc`, into `build`.
    ///
    /// What is compiled names no folder of this machine: the same source gives the same bytes in another one.
    pub(crate) fn cargo(
        &self,
        command: &str,
        machine: Machine,
        glibc: &str,
        build: &Path,
    ) -> Result<Command> {
        let mut path = OsString::from(&self.programs);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("expected xtask in a workspace")?;
        let folders = [(build, "/build"), (&cargo_home()?, "/cargo"), (root, "/plumb")];
        let map = |option: &str, between: char| {
            let words = folders.iter().map(|(from, to)| format!("{option}={}={to}", from.display()));
            words.collect::<Vec<_>>().join(&between.to_string())
        };
        let mut zigbuild = Command::new(self.programs.join("cargo-zigbuild"));
        // The environment that `cargo` is given, which says nothing of this program.
        for (name, value) in cargo().get_envs() {
            match value {
                Some(value) => zigbuild.env(name, value),
                None => zigbuild.env_remove(name),
            };
        }
        zigbuild
            .args([command, "--target", &machine.target(glibc)])
            .env("PATH", path)
            .env_remove("RUSTFLAGS")
            .env("CARGO_ENCODED_RUSTFLAGS", map("--remap-path-prefix", '\u{1f}'))
            .env("CFLAGS", map("-ffile-prefix-map", ' '))
            .env("CARGO_TARGET_DIR", build)
            .env("PKG_CONFIG_ALLOW_CROSS", "1")
            .env("PKG_CONFIG_PATH", machine.tools()?.join("hwloc/lib/pkgconfig"))
            .env("SOURCE_DATE_EPOCH", "0");
        Ok(zigbuild)
    }

    /// Compiles hwloc for the machine and returns its folder.
    pub(crate) fn hwloc(&self, machine: Machine) -> Result<PathBuf> {
        let folder = machine.tools()?.join("hwloc");
        let zig = |words: &str| {
            let mut command = OsString::from(self.programs.join("python-zig"));
            command.push(format!(" {words}"));
            command
        };
        let triple = format!("{}-linux-gnu", machine.word());
        hwloc::ensure(&hwloc::Compiler {
            folder: folder.clone(),
            variables: vec![
                ("CC", zig(&format!("cc -target {triple}.{OLD_GLIBC}"))),
                ("AR", zig("ar")),
                ("RANLIB", zig("ranlib")),
            ],
            host: Some(triple),
        })?;
        Ok(folder)
    }
}

/// Where cargo keeps the sources of crates.
pub(crate) fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME").filter(|value| !value.is_empty()) {
        return std::path::absolute(home).context("cannot use CARGO_HOME");
    }
    match std::env::var_os("HOME") {
        Some(home) => Ok(Path::new(&home).join(".cargo")),
        None => bail!("expected the folder of cargo, found neither CARGO_HOME nor HOME set"),
    }
}
