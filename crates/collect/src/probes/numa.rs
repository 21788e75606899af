//! NUMA nodes, their CPUs, memory and distances.

use plumb_evidence::{Absence, Missing};

use super::{Files, SECONDS};
use crate::probe::{Method, Privilege, Probe};

const PATH: &str = "/sys/devices/system/node";

pub(super) const PROBE: Probe = Probe {
    id: "numa",
    title: "NUMA nodes, memory, distances",
    reads: &[PATH],
    privilege: Privilege::Any,
    budget: SECONDS,
    method: Method::Files(run),
    sample: None,
};

fn run(files: &Files<'_>) -> Result<(), Missing> {
    files.files(PATH, &["online", "possible", "has_cpu", "has_memory", "has_normal_memory"]);
    let nodes = files.numbered(PATH, "node");
    if nodes.is_empty() {
        return Err(Missing::new(Absence::Absent, format!("{PATH} lists no node")));
    }
    for node in nodes {
        files.either(&node, &["cpulist", "cpumap"]);
        files.files(&node, &["distance", "meminfo", "numastat"]);
    }
    Ok(())
}
