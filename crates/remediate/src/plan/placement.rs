//! Where each inference server belongs: on the CPUs and memory of its GPUs' NUMA nodes.
//!
//! The cores of a node that serve models are shared by its GPUs in equal parts, whole cores with all their threads, in the
//! order of servers and addresses. A server of several workers keeps two cores beside them for API server and scheduler.

use std::collections::BTreeMap;

use plumb_check_sdk::Intent;
use plumb_evidence::model::Numa;
use plumb_evidence::{CpuSet, Evidence, Fact, NodeSet};

use super::experiment::Measured;
use super::goals;
use super::partition::{cores, union};
use super::{Basis, GpuPlace, Home, NotPlanned, Partition, Placement, Plan, ServerPlan, Why, WorkerPlace};

/// Cores for API server and scheduler of a server with several workers: a core for each of the two (vLLM's documentation).
const ENGINE_CORES: usize = 2;
/// Memory is bound only where the node has so many times what the server holds, in tenths; our proposal.
const HEADROOM_TENTHS: u128 = 13;

/// Places all servers for which a finding or an experiment asks for it.
pub(super) fn plan(evidence: &Evidence, measured: &[Measured], plan: &mut Plan) {
    let model = Model::of(evidence, plan);
    for at in 0..plan.servers.len() {
        let server = &plan.servers[at];
        let of_server =
            |measured: &&Measured| measured.server == Some(server.pid) && !measured.cpus.is_empty();
        let placed = if let Some(measured) = measured.iter().find(of_server) {
            Ok(as_measured(measured))
        } else if let Some(why) = asked(plan, server.pid) {
            let placed = model.as_ref().map_err(Clone::clone).and_then(|model| model.place(at, plan, why));
            placed.and_then(|placement| granted(evidence, server, placement))
        } else {
            continue;
        };
        match placed {
            Ok(placement) => plan.servers[at].placement = Some(placement),
            Err(why) => {
                plan.not_planned.push(NotPlanned { what: format!("placement of {}", server.name), why })
            }
        }
    }
}

/// A placement that the control group of the server lets it have. What a container is given is changed with it, where its name
/// is known.
fn granted(evidence: &Evidence, server: &ServerPlan, placement: Placement) -> Result<Placement, String> {
    if matches!(&server.home, Home::Container(name) if !name.is_empty()) {
        return Ok(placement);
    }
    let servers = evidence.servers.known().into_iter().flatten();
    let processes = servers.filter(|own| own.pid == server.pid).flat_map(|own| &own.processes);
    for group in processes.filter_map(|process| process.cgroup.known()) {
        if let Ok(Some((cpus, path, _))) = group.granted_cpus()
            && !placement.cpus.is_subset(&cpus)
        {
            return Err(format!(
                "{path} grants it the CPUs {cpus} only, and close to its GPUs are {}: give the group others first",
                placement.cpus
            ));
        }
    }
    Ok(placement)
}

/// Why intents ask for a server to be placed.
fn asked(plan: &Plan, pid: u32) -> Option<Why> {
    let of_server = |intent: &Intent| matches!(intent, Intent::Place { server, .. } if *server == pid);
    goals::why_for(&plan.goals, Basis::Modelled, of_server)
}

fn as_measured(measured: &Measured) -> Placement {
    Placement {
        cpus: measured.cpus.clone(),
        memory_nodes: measured.memory_nodes.clone(),
        memory_policy: if measured.memory_nodes.is_empty() { "" } else { "bind" },
        engine: CpuSet::new(),
        workers: Vec::new(),
        options: Vec::new(),
        variables: Vec::new(),
        notes: vec!["as the experiment had it; the model was not asked".to_owned()],
        why: measured.why.clone(),
    }
}

/// Cores of each GPU, and those of each server that belong to no GPU.
struct Model<'a> {
    numa: &'a Numa,
    /// By server and GPU.
    workers: BTreeMap<(usize, String), CpuSet>,
    /// By server.
    engines: BTreeMap<usize, CpuSet>,
    /// CPUs of a server that belong to none of its processes in particular.
    spare: BTreeMap<usize, CpuSet>,
    /// Why a server has no cores, by server.
    problems: BTreeMap<usize, String>,
}

impl<'a> Model<'a> {
    fn of(evidence: &'a Evidence, plan: &Plan) -> Result<Self, String> {
        let missing = |why: &plumb_evidence::Missing| format!("evidence is missing: {why}");
        let cpu = evidence.cpu.require().map_err(|why| missing(&why))?;
        let numa = match &evidence.numa {
            Fact::Known(numa) => numa,
            Fact::Missing(why) => return Err(missing(why)),
        };
        let mut model = Self {
            numa,
            workers: BTreeMap::new(),
            engines: BTreeMap::new(),
            spare: BTreeMap::new(),
            problems: BTreeMap::new(),
        };
        for node in numa.nodes.iter().filter(|node| !node.cpus.is_empty()) {
            let cpus = match &plan.partition {
                Some(Partition { inference, .. }) => node.cpus.intersection(inference),
                None => node.cpus.intersection(&cpu.online),
            };
            model.share(node.id, cores(cpu, &cpus), &plan.servers);
        }
        Ok(model)
    }

    /// Shares the cores of one node.
    fn share(&mut self, node: u32, cores: Vec<CpuSet>, servers: &[ServerPlan]) {
        let gpus = |server: &'_ ServerPlan| -> Vec<GpuPlace> {
            server.gpus.iter().flatten().filter(|gpu| gpu.node == node).cloned().collect()
        };
        let users: Vec<(usize, Vec<GpuPlace>)> = servers
            .iter()
            .enumerate()
            .map(|(at, server)| (at, gpus(server)))
            .filter(|(_, gpus)| !gpus.is_empty())
            .collect();
        let leads = |at: usize| {
            let all = servers[at].gpus.as_deref().unwrap_or_default();
            all.len() > 1 && all.first().is_some_and(|first| first.node == node)
        };
        let engines = users.iter().filter(|(at, _)| leads(*at)).count() * ENGINE_CORES;
        let wanted: usize = users.iter().map(|(_, gpus)| gpus.len()).sum();
        if wanted == 0 {
            return self.without_gpus(&cores, servers);
        }
        let each = cores.len().saturating_sub(engines) / wanted;
        if each == 0 {
            let why = format!(
                "NUMA node {node} has {} cores for inference, fewer than the {} that {wanted} GPU workers and their schedulers \
                 want",
                cores.len(),
                wanted + engines
            );
            self.problems.extend(users.iter().map(|(at, _)| (*at, why.clone())));
            return;
        }
        let mut cores = cores.into_iter();
        let mut take = |count: usize| union(&cores.by_ref().take(count).collect::<Vec<_>>());
        for (at, gpus) in &users {
            if leads(*at) {
                self.engines.insert(*at, take(ENGINE_CORES));
            }
            for gpu in gpus {
                self.workers.insert((*at, gpu.address.clone()), take(each));
            }
        }
        // What does not divide goes to a server that has its schedulers here, else to the first, for all its threads.
        let rest = take(usize::MAX);
        let of = users.iter().map(|(at, _)| *at);
        match of.clone().find(|at| leads(*at)) {
            Some(at) => {
                let engine = self.engines.entry(at).or_default();
                *engine = engine.union(&rest);
            }
            None => {
                let at = of.min().unwrap_or_default();
                let spare = self.spare.entry(at).or_default();
                *spare = spare.union(&rest);
            }
        }
    }

    /// Without GPUs only a machine of one node tells where a server belongs: anywhere, in equal parts.
    fn without_gpus(&mut self, cores: &[CpuSet], servers: &[ServerPlan]) {
        let nodes = self.numa.nodes.iter().filter(|node| !node.cpus.is_empty()).count();
        let alone: Vec<usize> =
            (0..servers.len()).filter(|&at| servers[at].gpus.as_ref().is_some_and(Vec::is_empty)).collect();
        if nodes != 1 || alone.len() != servers.len() || alone.is_empty() {
            return;
        }
        let each = cores.len() / alone.len();
        if each == 0 {
            let why = format!("{} servers share {} cores", alone.len(), cores.len());
            self.problems.extend(alone.iter().map(|&at| (at, why.clone())));
            return;
        }
        for (&at, part) in alone.iter().zip(cores.chunks(each)) {
            self.engines.insert(at, union(part));
        }
    }

    fn place(&self, at: usize, plan: &Plan, why: Why) -> Result<Placement, String> {
        let server = &plan.servers[at];
        if let Some(why) = self.problems.get(&at) {
            return Err(why.clone());
        }
        let gpus = server
            .gpus
            .as_ref()
            .ok_or("evidence is missing: the GPUs of its processes, or the NUMA node of one of them")?;
        let engine = self.engines.get(&at).cloned().unwrap_or_default();
        let mut workers = Vec::new();
        for gpu in gpus {
            let cpus = self.workers.get(&(at, gpu.address.clone()));
            let cpus =
                cpus.ok_or_else(|| format!("NUMA node {} of GPU {} has no CPUs", gpu.node, gpu.address))?;
            workers.push(WorkerPlace { gpu: gpu.clone(), cpus: cpus.clone(), near: CpuSet::new() });
        }
        let mut cpus = union(workers.iter().map(|worker| &worker.cpus)).union(&engine);
        if let Some(spare) = self.spare.get(&at) {
            cpus = cpus.union(spare);
        }
        if cpus.is_empty() {
            return Err("it uses no GPU, so no node is close to it: `plumb experiment` shows which is best"
                .to_owned());
        }
        for worker in &mut workers {
            worker.near =
                self.numa.node(worker.gpu.node).map(|node| node.cpus.intersection(&cpus)).unwrap_or_default();
        }
        let nodes: NodeSet = gpus.iter().map(|gpu| gpu.node).collect();
        let mut placement = Placement {
            cpus,
            memory_nodes: NodeSet::new(),
            memory_policy: "",
            engine,
            workers,
            options: Vec::new(),
            variables: Vec::new(),
            notes: Vec::new(),
            why,
        };
        if self.numa.with_memory().count() > 1 && !nodes.is_empty() {
            placement.memory_nodes = nodes.clone();
            match nodes.len() {
                1 => self.bind_memory(server, &nodes, &mut placement),
                _ => self.bind_workers(server, gpus, &mut placement),
            }
        }
        // One worker and its scheduler share their CPUs: there is nothing to tell apart.
        if placement.workers.len() < 2 {
            placement.workers.clear();
            placement.engine = CpuSet::new();
        }
        Ok(placement)
    }

    fn bind_memory(&self, server: &ServerPlan, nodes: &NodeSet, placement: &mut Placement) {
        let node = nodes.first().and_then(|id| self.numa.node(id));
        let total = node.and_then(|node| node.mem_total_bytes.known().copied());
        let wide = match (total, server.resident_bytes) {
            (Some(total), Some(held)) => u128::from(total) * 10 >= u128::from(held) * HEADROOM_TENTHS,
            _ => false,
        };
        placement.memory_policy = if wide { "bind" } else { "preferred" };
        if !wide {
            placement.notes.push(
                "memory is preferred on the node, not bound: the node is not known to have 1.3 times what the server holds"
                    .to_owned(),
            );
        }
    }

    /// A server over several nodes cannot be bound from outside: each worker has a node of its own.
    fn bind_workers(&self, server: &ServerPlan, gpus: &[GpuPlace], placement: &mut Placement) {
        let mut ordered: Vec<&GpuPlace> = gpus.iter().collect();
        ordered.sort_by_key(|gpu| (gpu.index, gpu.address.as_str()));
        let list: Vec<String> = ordered.iter().map(|gpu| gpu.node.to_string()).collect();
        let options = match server.kind.as_str() {
            // The engine finds the nodes by itself where the firmware tells them.
            "vllm" if gpus.iter().all(|gpu| gpu.source == "sysfs") => vec!["--numa-bind".to_owned()],
            "vllm" => [vec!["--numa-bind".to_owned(), "--numa-bind-nodes".to_owned()], list].concat(),
            "sglang" => [vec!["--numa-node".to_owned()], list].concat(),
            "tensorrt-llm" => {
                placement.variables.push(("TLLM_NUMA_AWARE_WORKER_AFFINITY".to_owned(), "1".to_owned()));
                Vec::new()
            }
            _ => {
                placement.notes.push(
                    "its GPUs are on several NUMA nodes, and no option of this engine is known that binds each worker: it keeps to \
                     the CPUs of these nodes, and workers may cross; one server for each node would not"
                        .to_owned(),
                );
                return;
            }
        };
        placement.options = options;
        placement.notes.push(
            "its GPUs are on several NUMA nodes: the engine binds each worker, and the service as a whole keeps to the CPUs below; \
             needs a version of the engine that has the option (see its --help)"
                .to_owned(),
        );
    }
}
