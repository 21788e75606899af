//! NVMe controllers, block devices, and the mounts of the node. Those of inference servers are kept with their processes.

use plumb_evidence::derive::storage::{BLOCK, BY_NUMBER, CLASS_BLOCK, NVME};
use plumb_evidence::{Absence, Missing};

use super::{Files, SECONDS};
use crate::probe::{Method, Privilege, Probe};

pub(super) const PROBE: Probe = Probe {
    id: "storage",
    title: "NVMe, block devices, mounts",
    reads: &[NVME, BLOCK, CLASS_BLOCK, BY_NUMBER, "/proc/1/mountinfo"],
    privilege: Privilege::Any,
    budget: SECONDS,
    method: Method::Files(run),
    sample: None,
};

const CONTROLLER: &[&str] = &["address", "model", "numa_node", "state", "transport"];
const QUEUE: &[&str] = &["nr_requests", "read_ahead_kb", "rotational", "rq_affinity", "scheduler"];

fn run(files: &Files<'_>) -> Result<(), Missing> {
    for name in files.list(NVME) {
        files.files(&format!("{NVME}/{name}"), CONTROLLER);
    }
    for name in files.list(BLOCK) {
        files.files(&format!("{BLOCK}/{name}/queue"), QUEUE);
    }
    for name in files.list(CLASS_BLOCK) {
        let device = format!("{CLASS_BLOCK}/{name}");
        files.link(&device);
        for below in files.list(&format!("{device}/slaves")) {
            files.link(&format!("{device}/slaves/{below}"));
        }
    }
    for number in files.list(BY_NUMBER) {
        files.link(&format!("{BY_NUMBER}/{number}"));
    }
    // Process 1 has the mounts of the node, where the layers of a container's file system lie.
    let _ = files.file("/proc/1/mountinfo");
    if files.list(BLOCK).is_empty() {
        return Err(Missing::new(Absence::Absent, "the kernel lists no block device"));
    }
    Ok(())
}
