//! Counters of the whole node, read at both ends of the window only.

use plumb_evidence::Missing;
use plumb_evidence::derive::window::FILES;

use super::{Files, SECONDS};
use crate::probe::{Method, Privilege, Probe};

pub(super) const PROBE: Probe = Probe {
    id: "counters",
    title: "what moves under load",
    reads: &["/proc/stat", "/proc/pressure", "/proc/softirqs", "/proc/vmstat", "/proc/net"],
    privilege: Privilege::Any,
    budget: SECONDS,
    method: Method::Files(|_| Ok(())),
    sample: Some(sample),
};

fn sample(files: &Files<'_>) -> Result<(), Missing> {
    files.files("", FILES);
    for node in files.numbered("/sys/devices/system/node", "node") {
        let _ = files.file(&format!("{node}/numastat"));
    }
    Ok(())
}
