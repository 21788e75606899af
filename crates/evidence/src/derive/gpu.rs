//! GPUs and other accelerators, from PCI, with the NUMA node that each source gives for them.

use crate::fact::{Absence, Fact, Missing};
use crate::model::{Gpu, GpuNuma, Hwloc, Nvml, NvmlDevice, PciDevice};
use crate::source::Source;

const NVIDIA: u32 = 0x10de;
const AMD: u32 = 0x1002;
const INTEL: u32 = 0x8086;

/// The NVIDIA driver's folder: one entry per GPU, by PCI address.
pub const NVIDIA_GPUS: &str = "/proc/driver/nvidia/gpus";

/// # Errors
/// Fails where a device cannot be told to be a GPU or not: "no GPU" would be a guess.
pub(crate) fn derive(
    source: &impl Source,
    pci: &Fact<Vec<PciDevice>>,
    hwloc: &Fact<Hwloc>,
    nvml: &Fact<Nvml>,
) -> Result<Vec<Gpu>, Missing> {
    let of_driver: Vec<String> =
        source.list(NVIDIA_GPUS).unwrap_or_default().iter().map(|name| name.to_lowercase()).collect();
    let mut gpus = Vec::new();
    for device in pci.require()? {
        let by_driver = of_driver.contains(&device.address);
        let vendor = if by_driver { Ok(NVIDIA) } else { device.vendor.require().copied() };
        let class = device.class.require()? >> 8;
        if let Some(kind) = kind(class, &vendor)? {
            gpus.push(gpu(device, kind, vendor.ok(), hwloc, nvml));
        }
    }
    let of_nvml = nvml.known().map(|nvml| nvml.devices.as_slice()).unwrap_or_default();
    let named = of_driver.iter().chain(of_nvml.iter().filter_map(|device| device.address.known()));
    for address in named {
        if !gpus.iter().any(|gpu| gpu.address == *address) {
            let reason =
                format!("NVIDIA's driver names a GPU at {address} that the PCI bus does not list as one");
            return Err(Missing::new(Absence::Failed, reason));
        }
    }
    Ok(gpus)
}

/// What kind of accelerator a device is, by PCI class (PCI Code and ID Assignment, base classes 03h, 0Bh, 12h).
///
/// A VGA controller counts only from a maker of compute GPUs: in servers the others drive a service console.
fn kind(class: u32, vendor: &Result<u32, Missing>) -> Result<Option<&'static str>, Missing> {
    Ok(match class {
        0x0302 => Some("GPU"),
        0x0300 => matches!(vendor.clone()?, NVIDIA | AMD).then_some("GPU"),
        0x0380 => matches!(vendor.clone()?, NVIDIA | AMD | INTEL).then_some("GPU"),
        // Co-processors and processing accelerators; NVIDIA's NVSwitch is a bridge (0680h) and does not come here.
        // Intel's class 0B40h is also its QuickAssist, which is no accelerator for inference.
        0x0b40 => (vendor.clone()? != INTEL).then_some("accelerator"),
        0x1200 => Some("accelerator"),
        _ => None,
    })
}

fn gpu(device: &PciDevice, kind: &str, vendor: Option<u32>, hwloc: &Fact<Hwloc>, nvml: &Fact<Nvml>) -> Gpu {
    let vendor = match vendor {
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
                    Some(seen) => seen.nodes.clone(),
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
