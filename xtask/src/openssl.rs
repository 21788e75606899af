//! The static OpenSSL of this system, for the Typst that goes to nodes.
//!
//! Compiling OpenSSL for it takes longer than compiling Typst. Debian's asks for nothing that is not in glibc 2.17, but for one
//! function that it can do without, and its libraries lie beside the shared ones, which would be linked instead: hence a folder
//! with the static ones alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::packages;
use crate::run::output_if_ok;
use crate::typst;
use crate::zig::Machine;

/// Where it is, as `OPENSSL_DIR` names it.
pub(crate) struct OpenSsl {
    pub(crate) folder: PathBuf,
    pub(crate) version: String,
    /// The file with its licence.
    pub(crate) licence: PathBuf,
}

/// Lays out the folder if it is not there.
pub(crate) fn ensure(machine: Machine) -> Result<OpenSsl> {
    if std::env::consts::ARCH != machine.word() {
        bail!(
            "expected to run on {0}, found {1}: Typst for {0} needs a static OpenSSL of {0}, and only that of this system \
             is used; run `cargo xtask dist --target {0}` on a machine of that kind",
            machine.word(),
            std::env::consts::ARCH
        );
    }
    packages::ensure(typst::NEEDS)?;
    let ask = |what: &str| -> Result<String> {
        let answer = output_if_ok(Command::new("pkg-config").args([what, "openssl"]))?;
        let answer = answer
            .context("expected pkg-config to know openssl, found that it does not; install libssl-dev")?;
        Ok(answer.trim().to_owned())
    };
    let (version, libraries, headers) =
        (ask("--modversion")?, ask("--variable=libdir")?, ask("--variable=includedir")?);
    let folder = machine.tools()?.join(format!("openssl-{version}"));
    let licence = PathBuf::from("/usr/share/doc/libssl-dev/copyright");
    let done = folder.join("lib/libcrypto.a");
    if !done.is_file() {
        // Headers that depend on the kind of machine are apart on Debian.
        let apart = Path::new(&headers).join(format!("{}-linux-gnu", machine.word()));
        for from in [Path::new(&headers), &apart] {
            copy_files(&from.join("openssl"), &folder.join("include/openssl"), ".h")?;
        }
        for name in ["libssl.a", "libcrypto.a"] {
            copy_file(&Path::new(&libraries).join(name), &folder.join("lib").join(name))?;
        }
    }
    Ok(OpenSsl { folder, version, licence })
}

fn copy_files(from: &Path, to: &Path, ending: &str) -> Result<()> {
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    for entry in entries {
        let name = entry.with_context(|| format!("cannot list `{}`", from.display()))?.file_name();
        if name.to_string_lossy().ends_with(ending) {
            copy_file(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    let context = || format!("cannot copy `{}` to `{}`", from.display(), to.display());
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).with_context(context)?;
    }
    fs::copy(from, to).with_context(context)?;
    Ok(())
}
