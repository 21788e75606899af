//! GPUs and other accelerators, from PCI, with the NUMA node that each source gives for them.

use crate::fact::{Absence, Fact, Missing};
use crate::model::{Gpu, GpuNuma, Hwloc, Nvml, NvmlDevice, PciDevice};

pub(crate) const NVIDIA: u32 = 0x10de;
const AMD: u32 = 0x1002;
const INTEL: u32 = 0x8086;

pub(crate) fn derive(pci: &Fact<Vec<PciDevice>>, hwloc: &Fact<Hwloc>, nvml: &Fact<Nvml>) -> Fact<Vec<Gpu>> {
    match pci {
        Fact::Missing(missing) => Fact::Missing(missing.clone()),
        Fact::Known(devices) => Fact::Known(
            devices.iter().filter_map(|device| Some(gpu(device, kind(device)?, hwloc, nvml))).collect(),
        ),
    }
}

/// What kind of accelerator a device is, by PCI class (PCI Code and ID Assignment, base classes 03h, 0Bh, 12h).
///
/// A VGA controller counts only from a maker of compute GPUs: in servers the others drive a service console.
fn kind(device: &PciDevice) -> Option<&'static str> {
    let class = device.class.known()? >> 8;
    let vendor = device.vendor.known().copied();
    match class {
        0x0302 => Some("GPU"),
        0x0300 | 0x0380 if matches!(vendor, Some(NVIDIA | AMD)) => Some("GPU"),
        0x0380 if vendor == Some(INTEL) => Some("GPU"),
        // Co-processors and processing accelerators; NVIDIA's NVSwitch is a bridge (0680h) and does not come here.
        // Intel's class 0B40h is also its QuickAssist, which is no accelerator for inference.
        0x0b40 if vendor != Some(INTEL) => Some("accelerator"),
        0x1200 => Some("accelerator"),
        _ => None,
    }
}

fn gpu(device: &PciDevice, kind: &str, hwloc: &Fact<Hwloc>, nvml: &Fact<Nvml>) -> Gpu {
    let vendor = match device.vendor.known().copied() {
        Some(NVIDIA) => "nvidia".to_owned(),
        Some(AMD) => "amd".to_owned(),
        Some(INTEL) => "intel".to_owned(),
        Some(other) => format!("{other:#06x}"),
        None => "unknown".to_owned(),
    };
    let answer: Result<&NvmlDevice, Missing> = match nvml {
        Fact::Missing(missing) => Err(missing.clone()),
        Fact::Known(nvml) => {
            nvml.devices.iter().find(|answer| answer.address.known() == Some(&device.address)).ok_or_else(
                || Missing::new(Absence::Absent, format!("NVML does not list {}", device.address)),
            )
        }
    };
    let from_nvml = |field: fn(&NvmlDevice) -> &Fact<String>| match &answer {
        Ok(answer) => field(answer).clone(),
        Err(missing) => Fact::Missing(missing.clone()),
    };
    Gpu {
        path: device.path.clone(),
        address: device.address.clone(),
        kind: kind.to_owned(),
        vendor,
        name: from_nvml(|answer| &answer.name),
        uuid: from_nvml(|answer| &answer.uuid),
        numa: GpuNuma {
            sysfs: device.numa_node.clone(),
            hwloc: match hwloc {
                Fact::Missing(missing) => Fact::Missing(missing.clone()),
                Fact::Known(hwloc) => match hwloc.pci.iter().find(|seen| seen.address == device.address) {
                    Some(seen) => Fact::Known(seen.nodes.clone()),
                    None => Fact::absent(format!("hwloc does not list {}", device.address)),
                },
            },
            nvml: match &answer {
                Ok(answer) => answer.memory_affinity.clone(),
                Err(missing) => Fact::Missing(missing.clone()),
            },
        },
        local_cpulist: device.local_cpulist.clone(),
    }
}
