//! Kernel parameters.

use plumb_evidence::Missing;
use plumb_evidence::derive::sysctl::KEYS;

use super::{Files, SECONDS};
use crate::probe::{Method, Privilege, Probe};

pub(super) const PROBE: Probe = Probe {
    id: "sysctl",
    title: "kernel parameters",
    reads: &["/proc/sys"],
    privilege: Privilege::Any,
    budget: SECONDS,
    method: Method::Files(run),
    sample: None,
};

fn run(files: &Files<'_>) -> Result<(), Missing> {
    files.files("/proc/sys", KEYS);
    Ok(())
}
