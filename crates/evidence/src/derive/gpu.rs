//! GPUs and other accelerators, from PCI, with the NUMA node that each source gives for them.

use crate::fact::{Absence, Fact, Missing};
use crate::index_set::NodeSet;
use crate::model::{Gpu, GpuNuma, Hwloc, Numa, Nvml, NvmlDevice, PciDevice};
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
    numa: &Fact<Numa>,
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
            let of_hwloc = nodes_of_hwloc(source, device, hwloc);
            gpus.push(gpu(device, kind, vendor.ok(), numa, of_hwloc, nvml));
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

/// hwloc places a device by its `local_cpus`. Without that file, in a recording that kept only the list form, it falls back
/// to the whole machine or its first node, which would contradict the firmware for no reason.
fn nodes_of_hwloc(source: &impl Source, device: &PciDevice, hwloc: &Fact<Hwloc>) -> Fact<NodeSet> {
    let hwloc = match hwloc {
        Fact::Missing(missing) => return Fact::Missing(missing.clone()),
        Fact::Known(hwloc) => hwloc,
    };
    let mask = format!("{}/local_cpus", device.path);
    match source.read(&mask) {
        Err(why) if why.missing == Absence::Absent => {
            return Fact::absent(format!("{mask}, by which hwloc places devices, is not there"));
        }
        Err(why) => return Fact::Missing(why),
        Ok(_) => {}
    }
    match hwloc.pci.iter().find(|seen| seen.address == device.address) {
        Some(seen) => seen.nodes.clone(),
        None => Fact::absent(format!("hwloc does not list {}", device.address)),
    }
}

fn gpu(
    device: &PciDevice,
    kind: &str,
    vendor: Option<u32>,
    numa: &Fact<Numa>,
    of_hwloc: Fact<NodeSet>,
    nvml: &Fact<Nvml>,
) -> Gpu {
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
            hwloc: of_hwloc,
            nvml: match &answer {
                Ok(answer) => answer.memory_affinity.clone(),
                Err(missing) => Fact::Missing(missing.clone()),
            },
            local_cpus: match (&device.local_cpulist, numa) {
                (Fact::Known(cpus), Fact::Known(numa)) => Fact::Known(numa.nodes_of(cpus)),
                (Fact::Missing(missing), _) | (_, Fact::Missing(missing)) => Fact::Missing(missing.clone()),
            },
        },
        local_cpulist: device.local_cpulist.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HwlocPci;

    /// A tree with one PCI device and the files that are named.
    struct Tree(&'static [&'static str]);

    impl Source for Tree {
        fn read(&self, path: &str) -> Result<Vec<u8>, Missing> {
            let name = path.rsplit('/').next().unwrap_or_default();
            if self.0.contains(&name) {
                Ok(b"ff\n".to_vec())
            } else {
                Err(Missing::new(Absence::Absent, path))
            }
        }
        fn list(&self, path: &str) -> Result<Vec<String>, Missing> {
            Err(Missing::new(Absence::Absent, path))
        }
        fn link(&self, path: &str) -> Result<String, Missing> {
            Err(Missing::new(Absence::Absent, path))
        }
    }

    fn device(class: u32, vendor: Fact<u32>) -> PciDevice {
        PciDevice {
            path: "/sys/bus/pci/devices/0000:18:00.0".into(),
            address: "0000:18:00.0".into(),
            class: Fact::Known(class),
            vendor,
            device: Fact::absent("test"),
            numa_node: Fact::Known(1),
            local_cpulist: Fact::absent("test"),
            link: Fact::absent("test"),
            driver: Fact::absent("test"),
            parent: None,
            iommu_group: Fact::absent("test"),
            acs: Fact::absent("test"),
            aer: Fact::absent("test"),
            l1_aspm: Fact::absent("test"),
        }
    }

    fn gpus(tree: &Tree, device: PciDevice, nvml: &Fact<Nvml>) -> Result<Vec<Gpu>, Missing> {
        let hwloc = Fact::Known(Hwloc {
            xml_version: "2.0".into(),
            packages: 2,
            cores: 2,
            pus: 2,
            numa_nodes: 2,
            pci: vec![HwlocPci {
                address: "0000:18:00.0".into(),
                cpus: Fact::absent("test"),
                nodes: Fact::Known(std::iter::once(0).collect()),
            }],
        });
        derive(tree, &Fact::Known(vec![device]), &Fact::absent("test"), &hwloc, nvml)
    }

    #[test]
    fn hwloc_has_no_say_where_it_could_not_see_the_mask() {
        let none = Fact::absent("test");
        let with = gpus(&Tree(&["local_cpus"]), device(0x03_0200, Fact::Known(NVIDIA)), &none).unwrap();
        assert_eq!(with[0].numa.hwloc.known().map(ToString::to_string).as_deref(), Some("0"));
        let without = gpus(&Tree(&[]), device(0x03_0200, Fact::Known(NVIDIA)), &none).unwrap();
        assert_eq!(without[0].numa.hwloc.require().unwrap_err().missing, Absence::Absent);
    }

    #[test]
    fn what_may_be_a_gpu_is_not_called_none() {
        let none = Fact::absent("test");
        let unknown = || Fact::Missing(Missing::new(Absence::Denied, "vendor"));
        assert_eq!(
            gpus(&Tree(&[]), device(0x03_0000, unknown()), &none).unwrap_err().missing,
            Absence::Denied
        );
        assert!(gpus(&Tree(&[]), device(0x02_0000, unknown()), &none).unwrap().is_empty());
        // The console of a server's service processor.
        assert!(gpus(&Tree(&[]), device(0x03_0000, Fact::Known(0x1a03)), &none).unwrap().is_empty());
        assert_eq!(gpus(&Tree(&[]), device(0x03_0000, Fact::Known(AMD)), &none).unwrap().len(), 1);
    }
}
