//! What the other commands need on the machine. Quick and silent if all of it is there.

use std::path::PathBuf;

use anyhow::Result;

use crate::packages::{self, Need, Test};
use crate::workspace::Workspace;
use crate::{hwloc, typst};

/// What compiling and testing the workspace takes.
const WORKSPACE_NEEDS: &[Need] = &[
    Need { package: "gcc", test: Test::Program("cc"), why: "links every program" },
    Need { package: "libc6-dev", test: Test::File("/usr/include/stdio.h"), why: "links every program" },
    Need { package: "pkg-config", test: Test::Program("pkg-config"), why: "finds hwloc" },
    Need {
        package: "hwloc-nox",
        test: Test::Program("lstopo-no-graphics"),
        why: "tests compare with what it prints of this machine",
    },
    Need {
        package: "numactl",
        test: Test::Program("numactl"),
        why: "tests compare with what it prints of this machine",
    },
    Need {
        package: "shellcheck",
        test: Test::Program("shellcheck"),
        why: "reads the scripts of a remediation plan in tests",
    },
    Need {
        package: "systemd",
        test: Test::Program("systemd-analyze"),
        why: "reads the units of a remediation plan in tests",
    },
    Need {
        package: "poppler-utils",
        test: Test::Program("pdftotext"),
        why: "reads PDF reports back in tests",
    },
    Need {
        package: "fonts-dejavu-core",
        test: Test::Package,
        why: "shows the pages of PDF reports as images",
    },
];

/// Installs the system packages that compiling the workspace takes, and the library that no package has.
pub(crate) fn packages() -> Result<()> {
    packages::ensure(WORKSPACE_NEEDS)?;
    hwloc::link(&Workspace::locate()?.root)
}

/// Installs these and, if Typst is not there, the ones that compiling it takes: who has no right to install packages
/// learns of all of them at once.
pub(crate) fn all_packages() -> Result<()> {
    match typst::find()? {
        Some(_) => packages(),
        None => {
            packages::ensure(&[WORKSPACE_NEEDS, hwloc::NEEDS, typst::NEEDS].concat())?;
            packages()
        }
    }
}

/// Finds the Typst compiler, or compiles it, and returns its path.
pub(crate) fn typst() -> Result<PathBuf> {
    if let Some(program) = typst::find()? {
        return Ok(program);
    }
    packages::ensure(typst::NEEDS)?;
    typst::install()
}
