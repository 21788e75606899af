//! Sets of CPUs that the kernel tells of one machine, held against each other: nodes, packages, cores, caches.

use super::{Cpu, Numa};
use crate::index_set::{CpuSet, NodeSet};

/// What contradicts what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClashKind {
    /// CPUs are in several NUMA nodes at once.
    Twice,
    /// The threads of a core are in several NUMA nodes.
    SplitCore,
    /// A node has parts of several sockets, and not the whole of one of them.
    SplitSocket,
    /// CPUs of several sockets share a cache.
    SharedCache,
}

impl ClashKind {
    /// The word by which sentences choose.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Twice => "twice",
            Self::SplitCore => "core",
            Self::SplitSocket => "socket",
            Self::SharedCache => "cache",
        }
    }
}

/// Two sets that no hardware has together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// What contradicts what.
    pub kind: ClashKind,
    /// The CPUs: of the core, the node or the cache, or those that are in several nodes.
    pub cpus: CpuSet,
    /// Numbers of the nodes that they are in; for caches and nodes of the sockets.
    pub of: NodeSet,
}

impl Cpu {
    /// The sockets of `cpus`.
    #[must_use]
    pub fn sockets_of(&self, cpus: &CpuSet) -> NodeSet {
        self.cpus.iter().filter(|pu| cpus.contains(pu.cpu)).map(|pu| pu.socket).collect()
    }

    /// The online CPUs of a socket.
    fn of_socket(&self, socket: u32) -> CpuSet {
        self.cpus.iter().filter(|pu| pu.socket == socket).map(|pu| pu.cpu).collect()
    }

    /// The first of each kind of contradiction in what the kernel tells of the machine.
    #[must_use]
    pub fn clashes(&self, numa: &Numa) -> Vec<Clash> {
        let owners = |cpu: u32| numa.nodes.iter().filter(move |node| node.cpus.contains(cpu)).count();
        let twice: CpuSet = self.online.iter().filter(|&cpu| owners(cpu) > 1).collect();
        let caches = self.caches.iter().map(|cache| (cache.cpus.clone(), self.sockets_of(&cache.cpus)));
        let mut found = Vec::new();
        let mut first = |kind, mut sets: Box<dyn Iterator<Item = (CpuSet, NodeSet)> + '_>| {
            let clash = sets.find(|(_, of)| of.len() > 1);
            found.extend(clash.map(|(cpus, of)| Clash { kind, cpus, of }));
        };
        if twice.is_empty() {
            let cores: NodeSet = self.cpus.iter().map(|pu| pu.core).collect();
            let of_core = |core: u32| self.cpus.iter().filter(move |pu| pu.core == core).map(|pu| pu.cpu);
            let cores: Vec<CpuSet> = cores.iter().map(|core| of_core(core).collect()).collect();
            let cores = cores.into_iter().map(|cpus| (numa.nodes_of(&cpus), cpus));
            first(ClashKind::SplitCore, Box::new(cores.map(|(nodes, cpus)| (cpus, nodes))));
            let is_split = |cpus: &CpuSet, socket: u32| !self.of_socket(socket).is_subset(cpus);
            let nodes = numa.nodes.iter().map(|node| (node.cpus.clone(), self.sockets_of(&node.cpus)));
            let split = nodes.filter(move |(cpus, sockets)| sockets.iter().all(|one| is_split(cpus, one)));
            first(ClashKind::SplitSocket, Box::new(split));
        } else {
            let nodes = numa.nodes_of(&twice);
            first(ClashKind::Twice, Box::new(std::iter::once((twice, nodes))));
        }
        first(ClashKind::SharedCache, Box::new(caches));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::model::{Cache, NumaNode, Pu};

    /// Two sockets of two cores with two threads each; the second threads are numbered 4 to 7.
    fn machine(nodes: &[&str], caches: &[&str]) -> (Cpu, Numa) {
        let pu = |cpu: u32| {
            let core = cpu % 4;
            Pu { cpu, core, socket: core / 2, node: None, max_khz: None, min_khz: None, capacity: None }
        };
        let cache = |cpus: &&str| Cache {
            level: 3,
            kind: "unified".to_owned(),
            size_bytes: None,
            cpus: cpus.parse().unwrap(),
        };
        let cpu = Cpu {
            path: String::new(),
            model: Fact::absent("test"),
            vendor: Fact::absent("test"),
            present: "0-7".parse().unwrap(),
            online: "0-7".parse().unwrap(),
            sockets: 2,
            sockets_unknown: None,
            cores_unknown: None,
            cores: 4,
            pus: 8,
            smt_active: true,
            cpus: (0..8).map(pu).collect(),
            caches: caches.iter().map(cache).collect(),
        };
        let node = |(id, cpus): (usize, &&str)| NumaNode {
            id: u32::try_from(id).unwrap(),
            cpus: cpus.parse().unwrap(),
            mem_total_bytes: Fact::absent("test"),
            mem_free_bytes: Fact::absent("test"),
            distances: Fact::absent("test"),
        };
        let nodes = nodes.iter().enumerate().map(node).collect();
        (cpu, Numa { path: String::new(), nodes, unread: std::collections::BTreeMap::new() })
    }

    fn clashes(nodes: &[&str], caches: &[&str]) -> Vec<Clash> {
        let (cpu, numa) = machine(nodes, caches);
        cpu.clashes(&numa)
    }

    #[test]
    fn sets_that_fit_do_not_clash() {
        for (nodes, caches) in [
            (vec!["0-1,4-5", "2-3,6-7"], vec!["0,4", "0-1,4-5", "2-3,6-7"]),
            // Several nodes in a socket share its cache; one node has both sockets; a node has memory only.
            (vec!["0,4", "1,5", "2,6", "3,7"], vec!["0-1,4-5"]),
            (vec!["0-7"], vec![]),
            (vec!["0-1,4-5", "2-3,6-7", ""], vec![]),
        ] {
            assert_eq!(clashes(&nodes, &caches), [], "{nodes:?}");
        }
    }

    #[test]
    fn sets_that_no_hardware_has_together_are_told_once_of_each_kind() {
        use ClashKind::{SharedCache, SplitCore, SplitSocket, Twice};
        let clash =
            |kind, cpus: &str, of: &str| Clash { kind, cpus: cpus.parse().unwrap(), of: of.parse().unwrap() };
        assert_eq!(clashes(&["0-7", "0-7"], &[]), [clash(Twice, "0-7", "0-1")]);
        let core = clash(SplitCore, "0,4", "0-1");
        assert_eq!(clashes(&["0-3", "4-7"], &[]), [core, clash(SplitSocket, "0-3", "0-1")]);
        assert_eq!(clashes(&["0,2,4,6", "1,3,5,7"], &[]), [clash(SplitSocket, "0,2,4,6", "0-1")]);
        let cache = clash(SharedCache, "1-2", "0-1");
        assert_eq!(clashes(&["0-1,4-5", "2-3,6-7"], &["0-1", "1-2"]), [cache]);
    }
}
