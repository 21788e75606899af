//! Where things are: the workspace and its build output.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The workspace that this program was built from.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Where cargo builds: `target`, unless the configuration says otherwise.
    pub(crate) target: PathBuf,
}

#[derive(Clone, Copy)]
pub(crate) enum Profile {
    Debug,
    Release,
}

impl Workspace {
    pub(crate) fn locate() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().context("expected the folder of xtask inside a workspace")?.to_owned();
        // Cargo puts this program into TARGET/debug, and its tests into TARGET/debug/deps. Asking it here heeds CARGO_TARGET_DIR and
        // all configuration files.
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        let mut folders = program.ancestors().skip(1).skip_while(|folder| folder.ends_with("deps"));
        let target = folders.nth(1).context("expected this program in a build folder of cargo")?;
        Ok(Self { root, target: target.to_owned() })
    }

    /// Where cargo leaves programs and libraries of `profile`.
    pub(crate) fn output(&self, profile: Profile) -> PathBuf {
        self.target.join(profile.folder())
    }

    /// `path` as a person in the root of the workspace would name it.
    pub(crate) fn short(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

impl Profile {
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
        }
    }

    pub(crate) fn flag(self) -> Option<&'static str> {
        match self {
            Self::Debug => None,
            Self::Release => Some("--release"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_know_the_build_folder_as_well() {
        let target = Workspace::locate().unwrap().target;
        assert!(
            target.join("CACHEDIR.TAG").is_file(),
            "cargo marks its build folder, found {}",
            target.display()
        );
    }
}
