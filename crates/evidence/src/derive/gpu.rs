//! GPUs and other accelerators, from PCI, with the NUMA node that each source gives for them.

use crate::derive::bounds;
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
    let mut found = Vec::new();
    for device in pci.require()? {
        let by_driver = of_driver.contains(&device.address);
        let vendor = if by_driver { Ok(NVIDIA) } else { device.vendor.require().copied() };
        let class = device.class.require()? >> 8;
        if let Some(kind) = kind(class, &vendor)? {
            found.push((device, kind, vendor.ok()));
        }
    }
    let devices = nvml.known().map(|nvml| nvml.devices.as_slice()).unwrap_or_default();
    // Each of these lists may name GPUs that the others lack.
    bounds::at_most(bounds::GPUS, found.len(), "GPUs")?;
    bounds::at_most(bounds::GPUS, of_driver.len(), "GPUs of NVIDIA's driver")?;
    bounds::at_most(bounds::GPUS, devices.len(), "GPUs that NVML lists")?;
    let placed = found.into_iter().map(|(device, kind, vendor)| {
        gpu(device, kind, vendor, numa, nodes_of_hwloc(source, device, hwloc), nvml)
    });
    let mut gpus: Vec<Gpu> = placed.collect();
    let of_nvml: Vec<String> = devices.iter().filter_map(|device| device.address.known().cloned()).collect();
    for address in of_driver.iter().chain(&of_nvml) {
        if !gpus.iter().any(|gpu| gpu.address == *address) {
            gpus.push(off_bus(address, nvml));
        }
    }
    // NVML may list a device whose address it cannot tell: which of the others that is nobody knows.
    let unnamed = devices.len() - of_nvml.len();
    let unlisted = gpus.iter().filter(|gpu| !of_nvml.contains(&gpu.address)).count();
    let is_whole = sees_all_gpus(source);
    for gpu in gpus.iter_mut().filter(|gpu| gpu.vendor == "nvidia") {
        let of_pci = pci.known().and_then(|pci| pci.iter().find(|device| device.address == gpu.address));
        let driver = of_pci.and_then(|device| device.driver.known());
        if let Some(other) = driver.filter(|driver| *driver != "nvidia") {
            let untold = || Fact::absent(format!("{}: the driver `{other}` has it", gpu.address));
            (gpu.in_driver, gpu.in_nvml) = (untold(), untold());
            continue;
        }
        if source.link(&format!("{}/physfn", gpu.path)).is_ok() {
            let share = || Fact::absent(format!("{} is a share of a GPU for a virtual machine", gpu.address));
            (gpu.in_driver, gpu.in_nvml) = (share(), share());
            continue;
        }
        let listed = |list: &[String], what: &str| match &is_whole {
            Err(why) => Fact::Missing(why.clone()),
            Ok(()) if list.is_empty() => Fact::absent(format!("{what} lists no GPU")),
            Ok(()) => Fact::Known(list.contains(&gpu.address)),
        };
        let in_driver = listed(&of_driver, NVIDIA_GPUS);
        let in_nvml = match listed(&of_nvml, "NVML") {
            Fact::Known(false) if unnamed > 0 && unnamed < unlisted => {
                Fact::absent("NVML lists GPUs without an address")
            }
            in_nvml => in_nvml,
        };
        (gpu.in_driver, gpu.in_nvml) = (in_driver, in_nvml);
    }
    gpus.sort_by(|a, b| a.address.cmp(&b.address));
    Ok(gpus)
}

/// A container has the PCI bus of its host, but only some of its GPUs.
fn sees_all_gpus(source: &impl Source) -> Result<(), Missing> {
    match super::surroundings::container(source) {
        Ok(name) if name == "none" => Ok(()),
        Ok(name) => {
            Err(Missing::new(Absence::Absent, format!("a container ({name}) may see some GPUs only")))
        }
        // Containers cannot read the log of the kernel as a rule.
        Err(why) => source.read(super::kernel_log::KMSG).map(|_| ()).map_err(|_| why),
    }
}

/// A GPU that only the driver knows.
fn off_bus(address: &str, nvml: &Fact<Nvml>) -> Gpu {
    fn gone<T>(address: &str) -> Fact<T> {
        let reason = format!("the PCI bus does not list {address}, which NVIDIA's driver names");
        Fact::Missing(Missing::new(Absence::Failed, reason))
    }
    let mut device = PciDevice {
        path: format!("/sys/bus/pci/devices/{address}"),
        address: address.to_owned(),
        ..PciDevice::default()
    };
    device.numa_node = gone(address);
    device.local_cpulist = gone(address);
    let gpu = gpu(&device, "GPU", Some(NVIDIA), &gone(address), gone(address), nvml);
    Gpu { off_bus: true, ..gpu }
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
        off_bus: false,
        in_driver: Fact::default(),
        in_nvml: Fact::default(),
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
            numa_node: Fact::Known(1),
            ..PciDevice::default()
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

    /// A node of which PCI lists these GPUs and the driver those.
    struct Census(Vec<&'static str>, Vec<&'static str>, Option<&'static str>);

    fn census<const N: usize, const M: usize>(
        bus: [&'static str; N],
        driver: [&'static str; M],
        groups: Option<&'static str>,
    ) -> Census {
        Census(bus.to_vec(), driver.to_vec(), groups)
    }

    impl Source for Census {
        fn read(&self, path: &str) -> Result<Vec<u8>, Missing> {
            let groups = self.2.filter(|_| path == "/proc/1/cgroup");
            groups.map(|text| text.as_bytes().to_vec()).ok_or_else(|| Missing::new(Absence::Absent, path))
        }
        fn list(&self, path: &str) -> Result<Vec<String>, Missing> {
            let names = self.1.iter().map(|name| (*name).to_owned()).collect();
            if path == NVIDIA_GPUS { Ok(names) } else { Err(Missing::new(Absence::Absent, path)) }
        }
        fn link(&self, path: &str) -> Result<String, Missing> {
            Err(Missing::new(Absence::Absent, path))
        }
    }

    fn lost(census: &Census, nvml: &Fact<Nvml>) -> Vec<String> {
        let of_bus = |address: &&str| PciDevice {
            address: (*address).to_owned(),
            ..device(0x03_0200, Fact::Known(NVIDIA))
        };
        let pci = Fact::Known(census.0.iter().map(of_bus).collect());
        let gpus = derive(census, &pci, &Fact::absent("test"), &Fact::absent("test"), nvml).unwrap();
        gpus.iter().filter_map(|gpu| Some(format!("{}: {}", gpu.address, gpu.lost()?.reason))).collect()
    }

    #[test]
    fn a_gpu_that_one_of_bus_and_driver_lacks_is_lost() {
        const HOST: Option<&str> = Some("0::/init.scope\n");
        let (a, b) = ("0000:18:00.0", "0000:2a:00.0");
        let none = Fact::absent("test");
        assert!(lost(&census([a, b], [a, b], HOST), &none).is_empty());
        let of_driver = lost(&census([a, b], [a], HOST), &none);
        assert_eq!(of_driver.len(), 1);
        assert!(of_driver[0].starts_with("0000:2a:00.0: NVIDIA's driver lists other GPUs"), "{of_driver:?}");
        let of_bus = lost(&census([a], [a, b], HOST), &none);
        assert!(of_bus[0].contains("the PCI bus no longer has"), "{of_bus:?}");
        // A container has the bus of its host and some of its GPUs.
        for groups in [Some("0::/\n"), Some("0::/kubepods/pod1/x\n"), None] {
            assert!(lost(&census([a, b], [a], groups), &none).is_empty(), "{groups:?}");
        }
        assert!(lost(&census([a, b], [], HOST), &none).is_empty(), "no driver");
    }

    #[test]
    fn a_gpu_that_nvml_lacks_is_lost_unless_nvml_cannot_name_it() {
        let (a, b, c) = ("0000:18:00.0", "0000:2a:00.0", "0000:3a:00.0");
        let of_three = census([a, b, c], [a, b, c], Some("0::/init.scope\n"));
        let nvml = |addresses: &[Option<&str>]| {
            let of = |address: &Option<&str>| NvmlDevice {
                address: address.map_or(Fact::absent("lost"), |address| Fact::Known(address.to_owned())),
                ..NvmlDevice::default()
            };
            Fact::Known(Nvml { devices: addresses.iter().map(of).collect(), ..Nvml::default() })
        };
        assert!(lost(&of_three, &nvml(&[Some(a), Some(b), Some(c)])).is_empty());
        assert_eq!(lost(&of_three, &nvml(&[Some(a), Some(b)])).len(), 1);
        assert_eq!(lost(&of_three, &nvml(&[Some(a), Some(b), None])).len(), 1, "it can only be that one");
        assert!(lost(&of_three, &nvml(&[Some(a), None])).is_empty(), "one of two");
    }
}
