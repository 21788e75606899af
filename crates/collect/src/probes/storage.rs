//! NVMe controllers, block devices, and the mounts of processes that may serve models.

use plumb_evidence::derive::storage::{BLOCK, BY_NUMBER, CLASS_BLOCK, NVME, may_serve_models};
use plumb_evidence::{Absence, Missing, Source};

use super::{Files, SECONDS};
use crate::probe::{Method, Privilege, Probe};

pub(super) const PROBE: Probe = Probe {
    id: "storage",
    title: "NVMe, block devices, file systems of models",
    reads: &[NVME, BLOCK, CLASS_BLOCK, BY_NUMBER],
    privilege: Privilege::Root,
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
    let mut serving = vec!["/proc/1".to_owned()];
    serving.extend(files.numbered("/proc", "").into_iter().filter(|process| {
        files.source().read(&format!("{process}/cmdline")).is_ok_and(|line| may_serve_models(&line))
    }));
    for process in serving {
        // One that ends meanwhile is no event, and neither are the mounts of a process without any (EINVAL).
        let _ = files.file(&format!("{process}/mountinfo"));
    }
    if files.list(BLOCK).is_empty() && files.list("/proc").is_empty() {
        return Err(Missing::new(Absence::Absent, "the kernel lists no block device"));
    }
    Ok(())
}
