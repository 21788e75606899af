//! What NVIDIA's kernel driver tells without its library.

use plumb_evidence::derive::gpu::NVIDIA_GPUS;
use plumb_evidence::{Absence, Missing};

use super::{Files, SECONDS};
use crate::probe::{Method, Privilege, Probe};

pub(super) const PROBE: Probe = Probe {
    id: "nvidia",
    title: "NVIDIA's kernel driver",
    reads: &["/proc/driver/nvidia"],
    privilege: Privilege::Any,
    budget: SECONDS,
    method: Method::Files(run),
    sample: None,
};

fn run(files: &Files<'_>) -> Result<(), Missing> {
    files.files("/proc/driver/nvidia", &["version", "params"]);
    let gpus = files.list(NVIDIA_GPUS);
    if gpus.is_empty() {
        return Err(Missing::new(Absence::Absent, "NVIDIA's kernel driver lists no GPU"));
    }
    for gpu in gpus {
        files.files(&format!("{NVIDIA_GPUS}/{gpu}"), &["information", "numa_status", "power"]);
    }
    Ok(())
}
