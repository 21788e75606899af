//! Paths between devices through the PCI tree.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fact::Fact;

/// Network devices, and the paths from GPUs to each other and to network devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DevicePaths {
    /// Network devices, by PCI address; known to be empty where the bus has none.
    pub nics: Fact<Vec<Nic>>,
    /// Each pair of GPUs once, then each GPU with each network device.
    pub pairs: Vec<DevicePair>,
}

impl DevicePaths {
    /// The path between two devices, whichever way round it is listed; `None` where the pair is not listed.
    #[must_use]
    pub fn level(&self, a: &str, b: &str) -> Option<&Fact<PathLevel>> {
        let is_meant = |pair: &&DevicePair| (pair.a == a && pair.b == b) || (pair.a == b && pair.b == a);
        self.pairs.iter().find(is_meant).map(|pair| &pair.level)
    }
}

/// One function of a network device (PCI base class 02h).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Nic {
    /// Folder of the PCI device.
    pub path: String,
    /// PCI address.
    pub address: String,
    /// NUMA node as the firmware told the kernel; -1 means that it did not.
    pub numa_node: Fact<i32>,
    /// Its network interfaces (`ens5np0`).
    pub interfaces: Fact<Vec<String>>,
    /// Its RDMA devices (`mlx5_0`).
    pub rdma: Fact<Vec<String>>,
}

impl Nic {
    /// Its interfaces and RDMA devices, or else its address.
    #[must_use]
    pub fn name(&self) -> String {
        let list = |names: &Fact<Vec<String>>| names.known().map(|n| n.join(" ")).unwrap_or_default();
        let name = format!("{} {}", list(&self.interfaces), list(&self.rdma)).trim().to_owned();
        if name.is_empty() { format!("NIC {}", self.address.trim_start_matches("0000:")) } else { name }
    }
}

/// Two devices and how far apart they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DevicePair {
    /// PCI address of a GPU.
    pub a: String,
    /// PCI address of another GPU or of a network device.
    pub b: String,
    /// What a transfer between them has to cross.
    pub level: Fact<PathLevel>,
}

/// What a transfer between two PCI devices has to cross, nearest first; the words are those of `nvidia-smi topo -m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PathLevel {
    /// One PCI switch at most.
    Pix,
    /// Several PCI switches below one host bridge.
    Pxb,
    /// A host bridge.
    Phb,
    /// The interconnect between host bridges of one NUMA node.
    Node,
    /// The interconnect between NUMA nodes.
    Sys,
}

impl fmt::Display for PathLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pix => "PIX",
            Self::Pxb => "PXB",
            Self::Phb => "PHB",
            Self::Node => "NODE",
            Self::Sys => "SYS",
        })
    }
}
