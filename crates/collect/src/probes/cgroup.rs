//! Control groups of the collector, up to the root.

use plumb_evidence::Missing;
use plumb_evidence::derive::cgroup::{FILES, MEMBERSHIP, MOUNT, folders};

use super::{Files, SECONDS};
use crate::probe::{Method, Privilege, Probe};

pub(super) const PROBE: Probe = Probe {
    id: "cgroup",
    title: "control groups of the collector",
    reads: &[MEMBERSHIP, MOUNT],
    privilege: Privilege::Any,
    budget: SECONDS,
    method: Method::Files(run),
    sample: None,
};

fn run(files: &Files<'_>) -> Result<(), Missing> {
    for folder in folders(&files.text(MEMBERSHIP)?) {
        files.files(&folder, FILES);
    }
    Ok(())
}
