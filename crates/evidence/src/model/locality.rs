//! Questions about place that several checks ask.

use super::{Cpu, Gpu, Numa, ServerProcess};
use crate::fact::{Absence, Fact, Missing};
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

/// The CPUs that the threads of a process may run on together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Of the threads whose mask is known.
    pub cpus: CpuSet,
    /// Why the mask of some thread is not known.
    pub unknown: Option<Missing>,
}

impl ServerProcess {
    /// What its threads may run on together, of the CPUs in `online`.
    #[must_use]
    pub fn mask(&self, online: &CpuSet) -> Mask {
        let mut mask = Mask { cpus: CpuSet::new(), unknown: None };
        if self.threads.is_empty() {
            let reason = format!("no thread of process {} was recorded", self.pid);
            mask.unknown = Some(Missing::new(Absence::Failed, reason));
        }
        for thread in &self.threads {
            match &thread.cpus_allowed {
                Fact::Known(cpus) => mask.cpus = mask.cpus.union(&cpus.intersection(online)),
                Fact::Missing(missing) => mask.unknown = Some(missing.clone()),
            }
        }
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{GpuNuma, Pu, Thread};

    /// Two sockets of two cores, with siblings next to each other.
    fn cpu() -> Cpu {
        let pu = |cpu| Pu { cpu, core: cpu / 2, socket: cpu / 4, node: None, max_khz: None, min_khz: None };
        Cpu {
            path: String::new(),
            model: Fact::absent("test"),
            vendor: Fact::absent("test"),
            present: set("0-7"),
            online: set("0-7"),
            sockets: 2,
            cores: 4,
            pus: 8,
            smt_active: true,
            cpus: (0..8).map(pu).collect(),
            caches: Vec::new(),
        }
    }

    fn set(text: &str) -> CpuSet {
        text.parse().unwrap()
    }

    #[test]
    fn cores_count_by_their_threads() {
        assert_eq!((cpu().cores_touched(&set("0-2")), cpu().whole_cores(&set("0-2"))), (2, 1));
        assert_eq!((cpu().cores_touched(&set("")), cpu().whole_cores(&set("0,2,4"))), (0, 0));
        assert_eq!(cpu().with_sockets(&set("5")), set("4-7"));
        // A CPU that is offline belongs to no socket.
        assert_eq!(cpu().with_sockets(&set("9")), set("9"));
    }

    #[test]
    fn the_firmware_has_the_first_word_about_a_gpu() {
        let gpu = |sysfs: i32, nvml: &str, hwloc: &str| Gpu {
            path: String::new(),
            address: String::new(),
            kind: String::new(),
            vendor: String::new(),
            name: Fact::absent("test"),
            uuid: Fact::absent("test"),
            numa: GpuNuma {
                sysfs: Fact::Known(sysfs),
                hwloc: Fact::Known(set(hwloc)),
                nvml: Fact::Known(set(nvml)),
            },
            local_cpulist: Fact::absent("test"),
        };
        assert_eq!(gpu(1, "0", "0").node(), Some((1, NodeSource::Sysfs)));
        assert_eq!(gpu(-1, "2", "0").node(), Some((2, NodeSource::Nvml)));
        assert_eq!(gpu(-1, "0-1", "3").node(), Some((3, NodeSource::Hwloc)));
        assert_eq!(gpu(-1, "0-1", "").node(), None);
    }

    #[test]
    fn an_unknown_mask_is_told() {
        let thread = |mask: Fact<CpuSet>| Thread {
            tid: 1,
            comm: String::new(),
            cpus_allowed: mask,
            mems_allowed: Fact::absent("test"),
            last_cpu: Fact::absent("test"),
            cpu_ticks: Fact::absent("test"),
            policy: Fact::absent("test"),
            rt_priority: Fact::absent("test"),
            nice: Fact::absent("test"),
        };
        let mask = |threads| ServerProcess { threads, ..ServerProcess::default() }.mask(&set("0-3"));
        let known = mask(vec![thread(Fact::Known(set("0-1"))), thread(Fact::Known(set("1-9")))]);
        assert_eq!((known.cpus, known.unknown), (set("0-3"), None));
        let unknown = mask(vec![thread(Fact::Known(set("0-1"))), thread(Fact::absent("gone"))]);
        assert_eq!((unknown.cpus, unknown.unknown.is_some()), (set("0-1"), true));
        assert!(mask(Vec::new()).unknown.is_some());
    }
}
