//! Interrupt lines and their CPUs.

use plumb_evidence::Missing;

use super::{Files, SECONDS};
use crate::probe::{Method, Privilege, Probe};

const DEVICES: &str = "/sys/bus/pci/devices";

pub(super) const PROBE: Probe = Probe {
    id: "irq",
    title: "interrupts",
    reads: &["/proc/interrupts", "/proc/softirqs", "/proc/irq", DEVICES],
    privilege: Privilege::Any,
    budget: SECONDS,
    method: Method::Files(run),
    sample: None,
};

fn run(files: &Files<'_>) -> Result<(), Missing> {
    files.files("/proc", &["interrupts", "softirqs", "irq/default_smp_affinity"]);
    for line in files.numbered("/proc/irq", "") {
        files.files(&line, &["smp_affinity_list", "effective_affinity_list", "node"]);
    }
    for address in files.list(DEVICES) {
        for line in files.numbered(&format!("{DEVICES}/{address}/msi_irqs"), "") {
            let _ = files.file(&line);
        }
    }
    Ok(())
}
