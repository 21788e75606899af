//! What is where: cores, devices, and the servers' threads and pages, by socket and NUMA node. What is away from its GPU is
//! marked.

use std::collections::{BTreeMap, BTreeSet};

use crate::index_set::{CpuSet, NodeSet};
use crate::model::{Cpu, Evidence, Gpu, InferenceServer, Nic, ServerProcess, Window};

/// Share of a CPU from which a thread is worth a mark.
const BUSY: f64 = 0.05;

/// Where a thread was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// On a node of its GPU, or of a process without a GPU.
    Near,
    /// Away from its GPU.
    Far,
}

/// A core and what was seen on it.
#[derive(Debug)]
pub struct Core {
    /// Its PUs.
    pub cpus: Vec<u32>,
    /// Whether a thread of a server was seen on it.
    pub mark: Option<Mark>,
    /// Whether a thread of a server may run on it.
    pub allowed: bool,
}

/// A GPU at its node.
#[derive(Debug)]
pub struct GpuBox {
    /// Its number in the evidence.
    pub index: usize,
    /// What it is called.
    pub name: String,
    /// PCI address.
    pub address: String,
    /// True if no thread of its processes was seen on its node.
    pub far: bool,
    /// Nodes that the threads of its processes were seen on, as a list.
    pub worker_nodes: Option<String>,
}

/// A NUMA node, or the part of it in one socket.
#[derive(Debug, Default)]
pub struct Node<'a> {
    /// Its number; `None` where nobody told the nodes.
    pub id: Option<u32>,
    /// Its PUs, as the kernel lists them.
    pub cpus: String,
    /// Memory, in bytes.
    pub mem_total: Option<u64>,
    /// Cores, by their first PU.
    pub cores: Vec<Core>,
    /// GPUs at this node.
    pub gpus: Vec<GpuBox>,
    /// Network devices at this node.
    pub nics: Vec<&'a Nic>,
    /// Memory of the servers on this node, in bytes: what the processes themselves allocated.
    pub server_bytes: u64,
    /// Of that: of processes whose GPUs are on other nodes.
    pub far_bytes: u64,
    /// Over all nodes.
    pub all_server_bytes: u64,
}

/// A socket.
#[derive(Debug)]
pub struct Socket<'a> {
    /// Its number.
    pub id: u32,
    /// Its NUMA nodes.
    pub nodes: Vec<Node<'a>>,
}

/// The node with what is where on it.
#[derive(Debug)]
pub struct Places<'a> {
    /// Sockets, by number.
    pub sockets: Vec<Socket<'a>>,
    /// GPUs whose node nobody told.
    pub homeless: Vec<String>,
    /// Number of inference servers.
    pub servers: usize,
    /// True if threads were seen at work, false if only their last CPU is known.
    pub in_window: bool,
    /// True if a process uses a GPU whose node is not known.
    pub unknown_home: bool,
    /// Number of NUMA nodes without CPUs.
    pub memory_only: usize,
}

/// What is known of one process.
struct Seen {
    /// Nodes of its GPUs; `None` where it has none, or nobody knows where they are.
    home: Option<NodeSet>,
    gpus: BTreeSet<String>,
    /// CPUs that its threads were seen on.
    cpus: CpuSet,
    bytes: BTreeMap<u32, u64>,
}

impl<'a> Places<'a> {
    /// `None` where not even its CPUs are known.
    #[must_use]
    pub fn of(evidence: &'a Evidence) -> Option<Self> {
        let cpu = evidence.cpu.known().filter(|cpu| !cpu.cpus.is_empty())?;
        let servers: &[InferenceServer] = evidence.servers.known().map_or(&[], Vec::as_slice);
        let gpus: &[Gpu] = evidence.gpus.known().map_or(&[], Vec::as_slice);
        let window = evidence.window.known().and_then(|window| window.serving_cpus_by_process());
        let seen: Vec<Seen> = servers
            .iter()
            .flat_map(|server| &server.processes)
            .map(|process| Seen::of(process, gpus, window.as_ref()))
            .collect();
        let mut allowed = CpuSet::new();
        for process in servers.iter().flat_map(|server| &server.processes) {
            allowed = allowed.union(&process.mask(&cpu.online).cpus);
        }
        let mut sockets = sockets(evidence, cpu, &seen, &allowed);
        let homeless = place_devices(evidence, gpus, &seen, &mut sockets);
        let unknown_home = seen.iter().any(|seen| !seen.gpus.is_empty() && seen.home.is_none());
        let memory_only = evidence.numa.known().map_or(0, |numa| {
            numa.nodes.iter().filter(|node| node.cpus.intersection(&cpu.online).is_empty()).count()
        });
        Some(Self {
            sockets,
            homeless,
            servers: servers.len(),
            in_window: window.is_some(),
            unknown_home,
            memory_only,
        })
    }
}

impl Seen {
    fn of(process: &ServerProcess, gpus: &[Gpu], window: Option<&BTreeMap<u32, CpuSet>>) -> Self {
        let own: BTreeSet<String> = process.gpus.known().into_iter().flatten().cloned().collect();
        let nodes: Vec<Option<u32>> = gpus
            .iter()
            .filter(|gpu| own.contains(&gpu.address))
            .map(|gpu| Some(gpu.place().one().ok()?.node))
            .collect();
        let home: Option<NodeSet> =
            nodes.iter().copied().collect::<Option<NodeSet>>().filter(|home| !home.is_empty());
        let cpus = match window {
            Some(window) => window.get(&process.pid).cloned().unwrap_or_default(),
            None => process.threads.iter().filter_map(|thread| thread.last_cpu.known().copied()).collect(),
        };
        let bytes = process.memory.known().map(|memory| memory.anonymous_by_node.clone()).unwrap_or_default();
        Self { home, gpus: own, cpus, bytes }
    }

    fn is_home(&self, node: Option<u32>) -> bool {
        match (&self.home, node) {
            (Some(home), Some(node)) => home.contains(node),
            _ => true,
        }
    }
}

fn sockets<'a>(evidence: &'a Evidence, cpu: &Cpu, seen: &[Seen], allowed: &CpuSet) -> Vec<Socket<'a>> {
    let numa = evidence.numa.known();
    let node_of = |cpu: u32, told: Option<u32>| {
        told.or_else(|| numa?.nodes.iter().find(|node| node.cpus.contains(cpu)).map(|node| node.id))
    };
    // (socket, node) → core → CPUs
    let mut grouped: BTreeMap<(u32, Option<u32>), BTreeMap<u32, Vec<u32>>> = BTreeMap::new();
    for pu in &cpu.cpus {
        let cores = grouped.entry((pu.socket, node_of(pu.cpu, pu.node))).or_default();
        cores.entry(pu.core).or_default().push(pu.cpu);
    }
    let all: u64 = seen.iter().flat_map(|seen| seen.bytes.values()).sum();
    let mut sockets: Vec<Socket<'a>> = Vec::new();
    for ((socket, id), cores) in grouped {
        let mut cores: Vec<Core> = cores
            .into_values()
            .map(|cpus| {
                let marks = seen.iter().filter(|seen| cpus.iter().any(|cpu| seen.cpus.contains(*cpu)));
                let mark = marks.map(|seen| if seen.is_home(id) { Mark::Near } else { Mark::Far }).max();
                let allowed = cpus.iter().any(|cpu| allowed.contains(*cpu));
                Core { cpus, mark, allowed }
            })
            .collect();
        cores.sort_by_key(|core| core.cpus.first().copied());
        let set: CpuSet = cores.iter().flat_map(|core| core.cpus.iter().copied()).collect();
        let bytes = |far: bool| -> u64 {
            let Some(id) = id else { return 0 };
            seen.iter()
                .filter(|seen| !far || !seen.is_home(Some(id)))
                .map(|seen| seen.bytes.get(&id).copied().unwrap_or(0))
                .sum()
        };
        let node = Node {
            id,
            cpus: set.to_string(),
            mem_total: id.and_then(|id| numa?.node(id)?.mem_total_bytes.known().copied()),
            cores,
            server_bytes: bytes(false),
            far_bytes: bytes(true),
            all_server_bytes: all,
            ..Node::default()
        };
        match sockets.last_mut() {
            Some(last) if last.id == socket => last.nodes.push(node),
            _ => sockets.push(Socket { id: socket, nodes: vec![node] }),
        }
    }
    sockets
}

/// Puts GPUs and network devices to their nodes, and returns the GPUs that have none.
fn place_devices<'a>(
    evidence: &'a Evidence,
    gpus: &[Gpu],
    seen: &[Seen],
    sockets: &mut [Socket<'a>],
) -> Vec<String> {
    let cpu_nodes: Vec<(CpuSet, Option<u32>)> = sockets
        .iter()
        .flat_map(|socket| &socket.nodes)
        .map(|node| (node.cores.iter().flat_map(|core| core.cpus.iter().copied()).collect(), node.id))
        .collect();
    // On a machine with one place there is no choice.
    let only = cpu_nodes.len() == 1;
    let mut homeless = Vec::new();
    for (index, gpu) in gpus.iter().enumerate() {
        let node = gpu.place().one().ok().map(|told| told.node);
        let users: Vec<&Seen> = seen.iter().filter(|seen| seen.gpus.contains(&gpu.address)).collect();
        let cpus = users.iter().fold(CpuSet::new(), |all, seen| all.union(&seen.cpus));
        let on: NodeSet = cpu_nodes
            .iter()
            .filter(|(set, _)| !set.intersection(&cpus).is_empty())
            .filter_map(|(_, node)| *node)
            .collect();
        let name = gpu.name.known().map_or_else(|| format!("{} {}", gpu.vendor, gpu.kind), Clone::clone);
        let shown = GpuBox {
            index,
            name,
            address: gpu.address.clone(),
            far: node.is_some_and(|node| !on.is_empty() && !on.contains(node)),
            worker_nodes: (!on.is_empty()).then(|| on.to_string()),
        };
        let mut all = sockets.iter_mut().flat_map(|socket| &mut socket.nodes);
        match all.find(|own| only || (node.is_some() && own.id == node)) {
            Some(own) => own.gpus.push(shown),
            None => homeless.push(format!("GPU {index} {}", gpu.address)),
        }
    }
    let nics = evidence.paths.known().and_then(|paths| paths.nics.known()).map_or(&[][..], Vec::as_slice);
    for nic in nics {
        let node = nic.numa_node.known().and_then(|&node| u32::try_from(node).ok());
        let mut all = sockets.iter_mut().flat_map(|socket| &mut socket.nodes);
        if let Some(own) = all.find(|own| only || (node.is_some() && own.id == node)) {
            own.nics.push(nic);
        }
    }
    homeless
}

/// Where busy threads were seen, by process.
trait ServingCpus {
    fn serving_cpus_by_process(&self) -> Option<BTreeMap<u32, CpuSet>>;
}

impl ServingCpus for Window {
    fn serving_cpus_by_process(&self) -> Option<BTreeMap<u32, CpuSet>> {
        let busy = self.busy_threads(BUSY).ok().filter(|busy| !busy.is_empty())?;
        let mut by_process: BTreeMap<u32, CpuSet> = BTreeMap::new();
        for thread in busy {
            let cpus = by_process.entry(thread.pid).or_default();
            for cpu in &thread.last_cpus {
                cpus.insert(*cpu);
            }
        }
        Some(by_process)
    }
}
