//! Paths between GPUs and network devices, from the PCI tree.
//!
//! The words and their meaning are those of the legend of `nvidia-smi topo -m`. A PCI switch is two levels of bridges, its
//! upstream port and its downstream ports, so that two devices of one switch have that upstream port in common and at most
//! one bridge, the downstream port, between it and each of them.

use std::collections::BTreeMap;

use crate::derive::pci::is_address;
use crate::fact::{Absence, Fact, Missing};
use crate::model::{DevicePair, DevicePaths, Gpu, Nic, PathLevel, PciDevice};
use crate::source::Source;

/// Folder of the network interfaces.
const NET: &str = "/sys/class/net";
/// Folder of the RDMA devices.
const RDMA: &str = "/sys/class/infiniband";
/// More bridges than any tree of buses has (256 buses); a loop in a broken recording ends here.
const MAX_DEPTH: usize = 256;

/// # Errors
/// Without the list of PCI devices, or where it is not known which of them are GPUs, there is nothing to compare.
pub(crate) fn derive(
    source: &impl Source,
    pci: &Fact<Vec<PciDevice>>,
    gpus: &Fact<Vec<Gpu>>,
) -> Result<DevicePaths, Missing> {
    let pci = pci.require()?;
    let gpus = gpus.require()?;
    let tree = Tree { devices: pci.iter().map(|device| (device.address.as_str(), device)).collect() };
    let (interfaces, rdma) = (by_device(source, NET), by_device(source, RDMA));
    let is_nic = |device: &&PciDevice| device.class.known().is_some_and(|class| class >> 16 == 0x02);
    let nics: Vec<Nic> = pci
        .iter()
        .filter(is_nic)
        .map(|device| Nic {
            path: device.path.clone(),
            address: device.address.clone(),
            numa_node: device.numa_node.clone(),
            interfaces: names(&interfaces, &device.address),
            rdma: names(&rdma, &device.address),
        })
        .collect();
    let mut pairs = Vec::new();
    let pair =
        |a: &str, b: &str| DevicePair { a: a.to_owned(), b: b.to_owned(), level: tree.level(a, b).into() };
    for (position, gpu) in gpus.iter().enumerate() {
        pairs.extend(gpus[position + 1..].iter().map(|other| pair(&gpu.address, &other.address)));
    }
    for gpu in gpus {
        pairs.extend(nics.iter().map(|nic| pair(&gpu.address, &nic.address)));
    }
    Ok(DevicePaths { nics: Fact::Known(nics), pairs })
}

/// The names in a folder of `/sys/class`, by the PCI device that their links lead through last.
fn by_device(source: &impl Source, folder: &str) -> Fact<BTreeMap<String, Vec<String>>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let listed = match source.list(folder) {
        Ok(listed) => listed,
        // A kernel without RDMA has no such folder, and then no device has a name in it.
        Err(why) if why.missing == Absence::Absent => Vec::new(),
        Err(why) => return Fact::Missing(why),
    };
    for name in listed {
        // Interfaces without hardware (`lo`, bridges) lead through no PCI device, and some entries are files.
        let Ok(target) = source.link(&format!("{folder}/{name}")) else { continue };
        if let Some(address) = target.rsplit('/').find(|part| is_address(part)) {
            found.entry(address.to_owned()).or_default().push(name);
        }
    }
    Fact::Known(found)
}

fn names(found: &Fact<BTreeMap<String, Vec<String>>>, address: &str) -> Fact<Vec<String>> {
    match found {
        Fact::Known(found) => Fact::Known(found.get(address).cloned().unwrap_or_default()),
        Fact::Missing(missing) => Fact::Missing(missing.clone()),
    }
}

struct Tree<'a> {
    devices: BTreeMap<&'a str, &'a PciDevice>,
}

impl<'a> Tree<'a> {
    fn device(&self, address: &str) -> Result<&'a PciDevice, Missing> {
        self.devices
            .get(address)
            .copied()
            .ok_or_else(|| Missing::new(Absence::Absent, format!("the PCI bus does not list {address}")))
    }

    /// A device and the bridges above it, up to the one on the root bus.
    fn climb(&self, address: &str) -> Result<Vec<&'a PciDevice>, Missing> {
        let mut chain = vec![self.device(address)?];
        while let Some(parent) = chain.last().and_then(|device| device.parent.as_deref()) {
            if chain.len() == MAX_DEPTH {
                return Err(Missing::new(
                    Absence::Malformed,
                    format!("the bridges above {address} form a loop"),
                ));
            }
            chain.push(self.device(parent)?);
        }
        Ok(chain)
    }

    fn level(&self, a: &str, b: &str) -> Result<PathLevel, Missing> {
        let (above_a, above_b) = (self.climb(a)?, self.climb(b)?);
        // From the root down: the last that both have is the nearest bridge above both.
        let shared = above_a
            .iter()
            .rev()
            .zip(above_b.iter().rev())
            .take_while(|(one, other)| one.address == other.address)
            .count();
        if shared > 0 {
            // Without the devices themselves.
            let between = |chain: &[_]| chain.len().saturating_sub(shared + 1);
            let one_switch = between(&above_a) <= 1 && between(&above_b) <= 1;
            return Ok(if one_switch { PathLevel::Pix } else { PathLevel::Pxb });
        }
        let root_bus = |chain: &[&'a PciDevice]| {
            let root = chain.last().map_or("", |device| device.address.as_str());
            root.rsplit_once(':').map_or(root, |(bus, _)| bus)
        };
        if root_bus(&above_a) == root_bus(&above_b) {
            return Ok(PathLevel::Phb);
        }
        let node = |address: &str| -> Result<i32, Missing> {
            match *self.device(address)?.numa_node.require()? {
                -1 => Err(Missing::new(
                    Absence::Absent,
                    format!("the firmware does not tell the NUMA node of {address}"),
                )),
                node => Ok(node),
            }
        };
        Ok(if node(a)? == node(b)? { PathLevel::Node } else { PathLevel::Sys })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn device(address: &str, parent: Option<&str>, node: i32) -> PciDevice {
        PciDevice {
            path: format!("/sys/bus/pci/devices/{address}"),
            address: address.to_owned(),
            class: Fact::Known(0x03_0200),
            vendor: Fact::Known(0x10de),
            device: Fact::absent("test"),
            numa_node: Fact::Known(node),
            local_cpulist: Fact::absent("test"),
            link: Fact::absent("test"),
            driver: Fact::absent("test"),
            parent: parent.map(str::to_owned),
            iommu_group: Fact::default(),
            acs: Fact::default(),
            aer: Fact::default(),
            l1_aspm: Fact::default(),
        }
    }

    /// Two sockets. Below the root port 17:01.0 two switches in a row: 18 (upstream), 19 (downstream), and below 19:01.0
    /// a second one, 1a and 1b. A second root port on the same bus, and a second root bus on either socket.
    fn machine() -> Vec<PciDevice> {
        vec![
            device("0000:17:01.0", None, 0),
            device("0000:18:00.0", Some("0000:17:01.0"), 0),
            device("0000:19:00.0", Some("0000:18:00.0"), 0),
            device("0000:19:01.0", Some("0000:18:00.0"), 0),
            device("0000:19:02.0", Some("0000:18:00.0"), 0),
            device("0000:1a:00.0", Some("0000:19:01.0"), 0),
            device("0000:1b:00.0", Some("0000:1a:00.0"), 0),
            device("0000:20:00.0", Some("0000:19:00.0"), 0),
            device("0000:21:00.0", Some("0000:19:02.0"), 0),
            device("0000:22:00.0", Some("0000:1b:00.0"), 0),
            device("0000:17:02.0", None, 0),
            device("0000:30:00.0", Some("0000:17:02.0"), 0),
            device("0000:40:01.0", None, 0),
            device("0000:41:00.0", Some("0000:40:01.0"), 0),
            device("0000:80:01.0", None, 1),
            device("0000:81:00.0", Some("0000:80:01.0"), 1),
            device("0000:91:00.0", None, -1),
        ]
    }

    fn level(a: &str, b: &str) -> Result<PathLevel, Missing> {
        let machine = machine();
        let tree = Tree { devices: machine.iter().map(|device| (device.address.as_str(), device)).collect() };
        let there = tree.level(a, b);
        assert_eq!(there.as_ref().ok(), tree.level(b, a).as_ref().ok());
        there
    }

    #[test]
    fn levels_follow_the_nearest_bridge_that_is_shared() {
        assert_eq!(level("0000:20:00.0", "0000:21:00.0"), Ok(PathLevel::Pix), "one switch");
        assert_eq!(level("0000:20:00.0", "0000:22:00.0"), Ok(PathLevel::Pxb), "two switches");
        assert_eq!(level("0000:20:00.0", "0000:30:00.0"), Ok(PathLevel::Phb), "one host bridge");
        assert_eq!(level("0000:20:00.0", "0000:41:00.0"), Ok(PathLevel::Node), "one NUMA node");
        assert_eq!(level("0000:20:00.0", "0000:81:00.0"), Ok(PathLevel::Sys), "two NUMA nodes");
    }

    #[test]
    fn functions_of_one_slot_share_their_switch() {
        let devices = [
            device("0000:00:01.0", None, 0),
            device("0000:01:00.0", Some("0000:00:01.0"), 0),
            device("0000:01:00.1", Some("0000:00:01.0"), 0),
        ];
        let tree = Tree { devices: devices.iter().map(|device| (device.address.as_str(), device)).collect() };
        assert_eq!(tree.level("0000:01:00.0", "0000:01:00.1"), Ok(PathLevel::Pix));
    }

    #[test]
    fn a_node_that_nobody_tells_leaves_the_path_open() {
        assert_eq!(level("0000:20:00.0", "0000:91:00.0").unwrap_err().missing, Absence::Absent);
        assert_eq!(level("0000:20:00.0", "0000:ff:00.0").unwrap_err().missing, Absence::Absent);
    }

    #[test]
    fn a_loop_of_bridges_ends() {
        let devices = [
            device("0000:01:00.0", Some("0000:02:00.0"), 0),
            device("0000:02:00.0", Some("0000:01:00.0"), 0),
        ];
        let tree = Tree { devices: devices.iter().map(|device| (device.address.as_str(), device)).collect() };
        assert_eq!(tree.level("0000:01:00.0", "0000:02:00.0").unwrap_err().missing, Absence::Malformed);
    }

    proptest! {
        #[test]
        fn no_tree_panics(parents in proptest::collection::vec(proptest::option::of(0usize..12), 12)) {
            let address = |number: usize| format!("0000:{number:02x}:00.0");
            let devices: Vec<PciDevice> = parents
                .iter()
                .enumerate()
                .map(|(number, parent)| device(&address(number), parent.map(address).as_deref(), 0))
                .collect();
            let tree =
                Tree { devices: devices.iter().map(|device| (device.address.as_str(), device)).collect() };
            for other in 1..12 {
                let _ = tree.level(&address(0), &address(other));
            }
        }
    }
}
