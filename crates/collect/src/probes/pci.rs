//! PCI devices: class, NUMA node, link, driver, place in the tree.

use plumb_evidence::{Absence, Missing};

use super::{Files, SECONDS};
use crate::probe::{Method, Privilege, Probe};

const PATH: &str = "/sys/bus/pci/devices";

pub(super) const PROBE: Probe = Probe {
    id: "pci",
    title: "PCI devices",
    reads: &[PATH],
    privilege: Privilege::Root,
    budget: SECONDS,
    method: Method::Files(run),
    sample: None,
};

fn run(files: &Files<'_>) -> Result<(), Missing> {
    let addresses = files.list(PATH);
    if addresses.is_empty() {
        return Err(Missing::new(Absence::Absent, format!("{PATH} lists no device")));
    }
    for address in addresses {
        let device = format!("{PATH}/{address}");
        files.link(&device);
        files.link(&format!("{device}/driver"));
        files.link(&format!("{device}/iommu_group"));
        // Both forms: the mask is what hwloc places a device by, so a recording without it has no answer of hwloc.
        files.files(&device, &["local_cpulist", "local_cpus"]);
        files.files(
            &device,
            &[
                "class",
                "vendor",
                "device",
                "subsystem_vendor",
                "subsystem_device",
                "numa_node",
                "current_link_speed",
                "current_link_width",
                "max_link_speed",
                "max_link_width",
            ],
        );
        let class = files.text(&format!("{device}/class")).unwrap_or_default();
        if class.starts_with("0x03") {
            // A share of a GPU that is made for a virtual machine is no GPU that could be lost.
            files.link(&format!("{device}/physfn"));
        }
        match class.get(2..4) {
            // Network, display, processor, accelerator: errors of their links, and whether these may sleep.
            Some("02" | "03" | "0b" | "12") => {
                files.files(
                    &device,
                    &["aer_dev_correctable", "aer_dev_nonfatal", "aer_dev_fatal", "link/l1_aspm"],
                );
            }
            // Bridges: their access control is told beyond byte 64 of the configuration space, to root alone.
            Some("06") if class.starts_with("0x0604") => files.files(&device, &["config"]),
            _ => {}
        }
    }
    Ok(())
}
