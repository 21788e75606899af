//! Single-value files, by subject: what to read is listed where it is derived.

use std::collections::BTreeSet;

use plumb_evidence::Missing;
use plumb_evidence::derive::settings::{SUBJECTS, expand};

use super::{Files, SECONDS};
use crate::probe::{Method, Privilege, Probe};

pub(super) const PROBE: Probe = Probe {
    id: "settings",
    title: "single-value settings",
    reads: &[
        "/sys/bus",
        "/sys/class",
        "/sys/devices",
        "/sys/firmware",
        "/sys/fs/cgroup",
        "/sys/hypervisor",
        "/sys/kernel",
        "/sys/module",
        "/proc/driver/nvidia",
        "/proc/irq",
        "/proc/sys",
        "/proc/uptime",
        "/etc",
    ],
    privilege: Privilege::Any,
    budget: SECONDS,
    method: Method::Files(run),
    sample: Some(sample),
};

fn run(files: &Files<'_>) -> Result<(), Missing> {
    read(files, SUBJECTS.iter().flat_map(|subject| subject.paths))
}

fn sample(files: &Files<'_>) -> Result<(), Missing> {
    read(files, SUBJECTS.iter().flat_map(|subject| subject.sampled))
}

fn read<'a>(files: &Files<'_>, patterns: impl Iterator<Item = &'a &'a str>) -> Result<(), Missing> {
    // Several subjects ask for the same.
    for pattern in patterns.collect::<BTreeSet<_>>() {
        for path in expand(files.source(), pattern) {
            let _ = files.file(&path);
        }
    }
    Ok(())
}
