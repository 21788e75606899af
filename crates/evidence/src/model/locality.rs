//! Questions about place that several checks ask.

use super::{Cpu, Gpu, Numa};
use crate::index_set::{CpuSet, NodeSet};

/// Which source told the NUMA node of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeSource {
    /// `numa_node` of the PCI device, from the firmware.
    Sysfs,
    /// NVML's memory affinity.
    Nvml,
    /// hwloc.
    Hwloc,
}

impl Gpu {
    /// The node of the GPU by the first source that tells exactly one: sysfs, NVML, hwloc.
    #[must_use]
    pub fn node(&self) -> Option<(u32, NodeSource)> {
        if let Some(node) = self.numa.sysfs.known().and_then(|&node| u32::try_from(node).ok()) {
            return Some((node, NodeSource::Sysfs));
        }
        [(&self.numa.nvml, NodeSource::Nvml), (&self.numa.hwloc, NodeSource::Hwloc)].into_iter().find_map(
            |(nodes, source)| {
                let nodes = nodes.known().filter(|nodes| nodes.len() == 1)?;
                Some((nodes.first()?, source))
            },
        )
    }
}

impl Cpu {
    /// Number of physical cores of which `cpus` holds an online thread.
    #[must_use]
    pub fn cores_touched(&self, cpus: &CpuSet) -> usize {
        self.cores(cpus, true).len()
    }

    /// Number of physical cores whose online threads are all in `cpus`.
    #[must_use]
    pub fn whole_cores(&self, cpus: &CpuSet) -> usize {
        self.cores(cpus, true).difference(&self.cores(cpus, false)).len()
    }

    fn cores(&self, cpus: &CpuSet, inside: bool) -> NodeSet {
        self.cpus.iter().filter(|pu| cpus.contains(pu.cpu) == inside).map(|pu| pu.core).collect()
    }

    /// `cpus`, and the CPUs that share a socket with any of them.
    #[must_use]
    pub fn with_sockets(&self, cpus: &CpuSet) -> CpuSet {
        let sockets: NodeSet =
            self.cpus.iter().filter(|pu| cpus.contains(pu.cpu)).map(|pu| pu.socket).collect();
        let mates: CpuSet =
            self.cpus.iter().filter(|pu| sockets.contains(pu.socket)).map(|pu| pu.cpu).collect();
        cpus.union(&mates)
    }
}

impl Numa {
    /// CPUs of all nodes.
    #[must_use]
    pub fn all_cpus(&self) -> CpuSet {
        self.nodes.iter().fold(CpuSet::new(), |all, node| all.union(&node.cpus))
    }

    /// Nodes that have any of `cpus`.
    #[must_use]
    pub fn nodes_of(&self, cpus: &CpuSet) -> NodeSet {
        self.nodes
            .iter()
            .filter(|node| !node.cpus.intersection(cpus).is_empty())
            .map(|node| node.id)
            .collect()
    }
}
