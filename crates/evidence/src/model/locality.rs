//! Questions about place that several checks ask.

use super::{Cpu, Gpu, InferenceServer, Numa, Pu, Role, ServerProcess, Thread};
use crate::fact::{Absence, Fact, Missing};
use crate::index_set::{CpuSet, NodeSet};

/// What was read, and where: a citation without a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Path of the node, or a file of the bundle's `api/` folder.
    pub source: String,
    /// What was read there, shortened to what matters.
    pub value: String,
}

/// Which source told the NUMA node of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeSource {
    /// `numa_node` of the PCI device, from the firmware.
    Sysfs,
    /// NVML's memory affinity.
    Nvml,
    /// The local CPUs of the PCI device, which are all of one node.
    LocalCpus,
    /// hwloc.
    Hwloc,
}

impl NodeSource {
    /// The name of the source, for a reader.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sysfs => "sysfs",
            Self::Nvml => "NVML",
            Self::LocalCpus => "the list of local CPUs",
            Self::Hwloc => "hwloc",
        }
    }
}

/// The node of a GPU, as one source tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeTold {
    /// Number of the node.
    pub node: u32,
    /// Who told it.
    pub source: NodeSource,
    /// What was read.
    pub quote: Quote,
}

/// Where a GPU is: the sources that tell one node, the firmware first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    address: String,
    told: Vec<NodeTold>,
}

impl Place {
    /// The node, where all sources that tell one agree.
    ///
    /// # Errors
    /// Says that no source tells it, or which two disagree.
    pub fn one(&self) -> Result<&NodeTold, Missing> {
        let Some(first) = self.told.first() else {
            let reason =
                format!("no source tells the node of GPU {} (see `topo.gpu-numa-known`)", self.address);
            return Err(Missing::new(Absence::Failed, reason));
        };
        let Some((_, other)) = self.dispute() else { return Ok(first) };
        let reason = format!(
            "{} says that GPU {} is at node {}, but {} says node {} (see `topo.gpu-numa-known`)",
            first.source.as_str(),
            self.address,
            first.node,
            other.source.as_str(),
            other.node
        );
        Err(Missing::new(Absence::Malformed, reason))
    }

    /// The first source and the first one that contradicts it.
    #[must_use]
    pub fn dispute(&self) -> Option<(&NodeTold, &NodeTold)> {
        let first = self.told.first()?;
        Some((first, self.told.iter().find(|other| other.node != first.node)?))
    }

    /// Every node that any source names: what is to be looked at where they disagree.
    #[must_use]
    pub fn nodes(&self) -> NodeSet {
        self.told.iter().map(|told| told.node).collect()
    }
}

impl Gpu {
    /// Where the GPU is: `numa_node` of sysfs, NVML's answer, and its local CPUs; where none of these tells exactly one
    /// node, hwloc, which reads the same files.
    #[must_use]
    pub fn place(&self) -> Place {
        let told = |node: u32, source, file: &str, value: String| NodeTold {
            node,
            source,
            quote: Quote { source: file.to_owned(), value },
        };
        let one = |nodes: &Fact<NodeSet>| nodes.known().filter(|nodes| nodes.len() == 1)?.first();
        let named = |node: u32| format!("{}: node {node}", self.address);
        let mut all = Vec::new();
        if let Some(node) = self.numa.sysfs.known().and_then(|&node| u32::try_from(node).ok()) {
            all.push(told(node, NodeSource::Sysfs, &format!("{}/numa_node", self.path), node.to_string()));
        }
        if let Some(node) = one(&self.numa.nvml) {
            all.push(told(node, NodeSource::Nvml, "api/nvml.json", named(node)));
        }
        if let Some(node) = one(&self.numa.local_cpus) {
            let cpus = self.local_cpulist.known().map_or_else(String::new, ToString::to_string);
            let file = format!("{}/local_cpulist", self.path);
            all.push(told(node, NodeSource::LocalCpus, &file, format!("{cpus} (node {node})")));
        }
        if all.is_empty()
            && let Some(node) = one(&self.numa.hwloc)
        {
            all.push(told(node, NodeSource::Hwloc, "api/hwloc.xml", named(node)));
        }
        Place { address: self.address.clone(), told: all }
    }
}

/// Cores of several kinds in one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uneven {
    /// CPUs of the most able cores.
    pub fast: CpuSet,
    /// The file below the folder of a CPU that tells the difference.
    pub file: &'static str,
    /// What it says of the most able CPU: a capacity, or kHz.
    pub highest: u64,
    /// What it says of the least able one.
    pub lowest: u64,
}

impl Uneven {
    /// CPUs whose cores can do more than those of the others by the scheduler's capacity, or else by their highest clock;
    /// `None` where all are alike. Favoured cores of one kind differ by a few per cent: what is within `step` per cent is alike.
    ///
    /// # Errors
    /// Neither is known of all CPUs.
    pub fn among(cpus: &[Pu], step: f64) -> Result<Option<Self>, Missing> {
        let by = |file: &'static str, of: fn(&Pu) -> Option<u64>| -> Option<Option<Self>> {
            let known: Option<Vec<(u32, u64)>> = cpus.iter().map(|pu| Some((pu.cpu, of(pu)?))).collect();
            let known = known?;
            let highest = known.iter().map(|(_, able)| *able).max()?;
            let lowest = known.iter().map(|(_, able)| *able).min()?;
            let is_fast = |able: u64| highest as f64 <= able as f64 * (1.0 + step / 100.0);
            let fast = known.iter().filter(|(_, able)| is_fast(*able)).map(|(cpu, _)| *cpu).collect();
            Some((!is_fast(lowest)).then_some(Self { fast, file, highest, lowest }))
        };
        let capacity = by("cpu_capacity", |pu| pu.capacity.map(u64::from));
        let clock = by("cpufreq/cpuinfo_max_freq", |pu| pu.max_khz);
        let none =
            || Missing::not_recorded("neither the capacity nor the highest clock of each CPU is recorded");
        let differs = capacity.iter().chain(&clock).flatten().next().cloned();
        capacity.or(clock).map(|_| differs).ok_or_else(none)
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

    /// Number of sockets with an online CPU.
    ///
    /// # Errors
    /// Nobody tells them apart.
    pub fn known_sockets(&self) -> Result<u32, Missing> {
        self.sockets_unknown.clone().map_or(Ok(self.sockets), Err)
    }

    /// `cpus`, and the CPUs that are known to share a socket with any of them.
    #[must_use]
    pub fn with_sockets(&self, cpus: &CpuSet) -> CpuSet {
        if self.sockets_unknown.is_some() {
            return cpus.clone();
        }
        let sockets = self.sockets_of(cpus);
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

impl Mask {
    /// The CPUs of these threads together.
    #[must_use]
    pub fn of<'a>(threads: impl IntoIterator<Item = &'a Thread>) -> Self {
        let mut mask = Self { cpus: CpuSet::new(), unknown: None };
        for thread in threads {
            match &thread.cpus_allowed {
                Fact::Known(cpus) => mask.cpus = mask.cpus.union(cpus),
                Fact::Missing(missing) => drop(mask.unknown.get_or_insert_with(|| missing.clone())),
            }
        }
        mask
    }

    /// The CPUs of all threads of these servers together.
    #[must_use]
    pub fn of_servers(servers: &[InferenceServer]) -> Self {
        let processes = servers.iter().flat_map(|server| &server.processes);
        Self::of(processes.flat_map(|process| &process.threads))
    }
}

impl ServerProcess {
    /// What its threads may run on together, of the CPUs in `online`.
    #[must_use]
    pub fn mask(&self, online: &CpuSet) -> Mask {
        let mut mask = Mask::of(&self.threads);
        mask.cpus = mask.cpus.intersection(online);
        if self.threads.is_empty() {
            let reason = format!("no thread of process {} was recorded", self.pid);
            mask.unknown = Some(Missing::new(Absence::Failed, reason));
        }
        mask
    }

    /// Whether it schedules batches or launches work on GPUs, so that replies wait for it.
    #[must_use]
    pub fn is_critical(&self) -> bool {
        matches!(self.role, Role::EngineCore | Role::GpuWorker | Role::Whole)
            || self.gpus.known().is_some_and(|gpus| !gpus.is_empty())
    }

    /// Cites the mask of the busiest thread, beside that of all threads together.
    #[must_use]
    pub fn mask_quote(&self, cpus: &CpuSet) -> Quote {
        let busiest =
            self.threads.iter().max_by_key(|thread| (thread.cpu_ticks.known().copied(), thread.tid));
        let tid = busiest.map_or(self.pid, |thread| thread.tid);
        let value = match busiest.and_then(|thread| thread.cpus_allowed.known()) {
            Some(own) if own != cpus => format!("Cpus_allowed_list: {own} (all threads together: {cpus})"),
            _ => format!("Cpus_allowed_list: {cpus}"),
        };
        Quote { source: format!("{}/task/{tid}/status", self.path), value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{GpuNuma, Pu};

    /// Two sockets of two cores, with siblings next to each other.
    fn cpu() -> Cpu {
        let pu = |cpu| Pu {
            cpu,
            core: cpu / 2,
            socket: cpu / 4,
            node: None,
            max_khz: None,
            min_khz: None,
            capacity: None,
        };
        Cpu {
            path: String::new(),
            model: Fact::absent("test"),
            vendor: Fact::absent("test"),
            present: set("0-7"),
            online: set("0-7"),
            sockets: 2,
            sockets_unknown: None,
            cores_unknown: None,
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
    fn cores_of_two_kinds_are_told_by_capacity_or_clock() {
        let of = |set: fn(&mut Pu, u32)| {
            let mut cpus = cpu().cpus;
            cpus.iter_mut().for_each(|pu| set(pu, pu.cpu));
            Uneven::among(&cpus, 10.0)
        };
        let fast = |set| of(set).map(|uneven| uneven.map(|uneven| uneven.fast.to_string())).ok();
        assert_eq!(fast(|_, _| ()), None);
        assert_eq!(fast(|pu, _| pu.capacity = Some(1024)), Some(None));
        assert_eq!(
            fast(|pu, cpu| pu.capacity = Some(if cpu < 2 { 512 } else { 1024 })),
            Some(Some("2-7".into()))
        );
        // Favoured cores are of one kind.
        assert_eq!(fast(|pu, cpu| pu.max_khz = Some(3_900_000 - 50_000 * u64::from(cpu))), Some(None));
        assert_eq!(
            fast(|pu, cpu| pu.max_khz = Some(if cpu < 4 { 3_900_000 } else { 2_800_000 })),
            Some(Some("0-3".into()))
        );
        // One CPU that says nothing may be of either kind.
        assert_eq!(fast(|pu, cpu| pu.max_khz = (cpu > 0).then_some(3_900_000)), None);
    }

    #[test]
    fn cores_count_by_their_threads() {
        assert_eq!((cpu().cores_touched(&set("0-2")), cpu().whole_cores(&set("0-2"))), (2, 1));
        assert_eq!((cpu().cores_touched(&set("")), cpu().whole_cores(&set("0,2,4"))), (0, 0));
        assert_eq!(cpu().with_sockets(&set("5")), set("4-7"));
        // A CPU that is offline belongs to no socket.
        assert_eq!(cpu().with_sockets(&set("9")), set("9"));
        // Sockets that nobody recorded share nothing.
        let unknown = Cpu { sockets_unknown: Some(Missing::not_recorded("no topology")), ..cpu() };
        assert_eq!(unknown.with_sockets(&set("5")), set("5"));
        assert!(unknown.known_sockets().is_err());
    }

    fn gpu(sysfs: i32, nvml: &str, hwloc: &str) -> Gpu {
        Gpu {
            path: String::new(),
            address: "g".to_owned(),
            kind: String::new(),
            vendor: String::new(),
            name: Fact::absent("test"),
            uuid: Fact::absent("test"),
            numa: GpuNuma {
                sysfs: Fact::Known(sysfs),
                hwloc: Fact::Known(set(hwloc)),
                nvml: Fact::Known(set(nvml)),
                local_cpus: Fact::default(),
            },
            local_cpulist: Fact::absent("test"),
            off_bus: false,
            in_driver: Fact::default(),
            in_nvml: Fact::default(),
        }
    }

    #[test]
    fn the_firmware_has_the_first_word_about_a_gpu() {
        let one = |gpu: Gpu| gpu.place().one().map(|told| (told.node, told.source));
        assert_eq!(one(gpu(1, "1", "0")), Ok((1, NodeSource::Sysfs)));
        assert_eq!(one(gpu(1, "0-1", "0")), Ok((1, NodeSource::Sysfs)));
        assert_eq!(one(gpu(-1, "2", "0")), Ok((2, NodeSource::Nvml)));
        assert_eq!(one(gpu(-1, "0-1", "3")), Ok((3, NodeSource::Hwloc)));
        assert_eq!(one(gpu(-1, "0-1", "")).unwrap_err().missing, Absence::Failed);
        let mut local = gpu(-1, "0-1", "3");
        local.numa.local_cpus = Fact::Known(set("2"));
        assert_eq!(one(local), Ok((2, NodeSource::LocalCpus)));
    }

    #[test]
    fn a_gpu_of_which_two_sources_disagree_is_at_neither_node() {
        let place = gpu(1, "0", "").place();
        assert_eq!(place.nodes(), set("0-1"));
        let why = place.one().unwrap_err();
        assert_eq!(why.missing, Absence::Malformed);
        assert!(why.reason.starts_with("sysfs says that GPU g is at node 1, but NVML says node 0"), "{why}");
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
