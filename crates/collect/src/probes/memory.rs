//! Host memory: use, counters, swap, huge pages, errors.

use plumb_evidence::Missing;
use plumb_evidence::derive::memory::CONTROLLERS;

use super::{Files, SECONDS};
use crate::probe::{Method, Privilege, Probe};

const NODES: &str = "/sys/devices/system/node";

pub(super) const PROBE: Probe = Probe {
    id: "memory",
    title: "memory, swap, huge pages, memory errors",
    reads: &["/proc/meminfo", "/proc/vmstat", "/proc/swaps", NODES, CONTROLLERS],
    privilege: Privilege::Any,
    budget: SECONDS,
    method: Method::Files(run),
    sample: None,
};

fn run(files: &Files<'_>) -> Result<(), Missing> {
    files.files("/proc", &["meminfo", "vmstat", "swaps"]);
    for node in files.numbered(NODES, "node") {
        let _ = files.file(&format!("{node}/meminfo"));
        let folder = format!("{node}/hugepages");
        for size in files.list(&folder) {
            files.files(&format!("{folder}/{size}"), &["nr_hugepages", "free_hugepages"]);
        }
    }
    for controller in files.numbered(CONTROLLERS, "mc") {
        files.files(&controller, &["mc_name", "ce_count", "ue_count", "seconds_since_reset"]);
        for prefix in ["dimm", "rank"] {
            for module in files.numbered(&controller, prefix) {
                files.files(&module, &["dimm_label", "dimm_ce_count", "dimm_ue_count"]);
            }
        }
    }
    Ok(())
}
