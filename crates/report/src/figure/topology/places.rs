//! What is where: cores, devices, and the servers' threads and pages, by socket and NUMA node.

use std::collections::{BTreeMap, BTreeSet};

use plumb_evidence::model::{Cpu, Evidence, Gpu, InferenceServer, Nic, ServerProcess};
use plumb_evidence::{CpuSet, NodeSet};

/// Share of a CPU from which a thread is worth a mark.
const BUSY: f64 = 0.05;

/// Where a thread was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// On a node of its GPU, or of a process without a GPU.
    Near,
    /// Away from its GPU.
    Far,
}

#[derive(Debug)]
pub(super) struct Core {
    pub(super) cpus: Vec<u32>,
    pub(super) mark: Option<Mark>,
    pub(super) allowed: bool,
}

#[derive(Debug)]
pub(super) struct GpuBox {
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) address: String,
    /// True if no thread of its processes was seen on its node.
    pub(super) far: bool,
    /// Nodes that the threads of its processes were seen on, as a list.
    pub(super) worker_nodes: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Node<'a> {
    pub(super) id: Option<u32>,
    pub(super) cpus: String,
    pub(super) mem_total: Option<u64>,
    pub(super) cores: Vec<Core>,
    pub(super) gpus: Vec<GpuBox>,
    pub(super) nics: Vec<&'a Nic>,
    /// Memory of the servers on this node, in bytes: what the processes themselves allocated.
    pub(super) server_bytes: u64,
    /// Of that: of processes whose GPUs are on other nodes.
    pub(super) far_bytes: u64,
    /// Over all nodes.
    pub(super) all_server_bytes: u64,
}

#[derive(Debug)]
pub(super) struct Socket<'a> {
    pub(super) id: u32,
    pub(super) nodes: Vec<Node<'a>>,
}

#[derive(Debug)]
pub(super) struct Places<'a> {
    pub(super) sockets: Vec<Socket<'a>>,
    /// GPUs whose node nobody told.
    pub(super) homeless: Vec<String>,
    /// Number of inference servers.
    pub(super) servers: usize,
    /// True if threads were seen at work, false if only their last CPU is known.
    pub(super) in_window: bool,
    /// True if a process uses a GPU whose node is not known.
    pub(super) unknown_home: bool,
    /// Number of NUMA nodes without CPUs.
    pub(super) memory_only: usize,
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
    pub(super) fn of(evidence: &'a Evidence) -> Option<Self> {
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

impl ServingCpus for plumb_evidence::model::Window {
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
