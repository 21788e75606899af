//! Which CPUs are left to the system, and which serve models.

use std::collections::BTreeMap;

use plumb_evidence::model::{Cpu, Numa};
use plumb_evidence::{CpuSet, Evidence, Fact, NodeSet};

use plumb_check_sdk::Intent;

use super::findings::Findings;
use super::{Basis, Home, NotPlanned, Partition, Plan, SLICES, ServerPlan, SlurmNode, goals};

/// Of so many cores of a NUMA node one is left to the system; our proposal.
const CORES_PER_HOUSEKEEPER: usize = 16;
/// A NUMA node with fewer cores than this has none to give away; our proposal.
const LEAST_CORES: usize = 4;

/// Cause of findings about what else runs on the CPUs of servers.
const NEIGHBOURS: &str = "neighbours";

/// CPUs of each physical core of a set, cores in order of their first CPU.
pub(super) fn cores(cpu: &Cpu, of: &CpuSet) -> Vec<CpuSet> {
    let mut cores: BTreeMap<u32, CpuSet> = BTreeMap::new();
    for pu in cpu.cpus.iter().filter(|pu| of.contains(pu.cpu)) {
        cores.entry(pu.core).or_default().insert(pu.cpu);
    }
    let mut cores: Vec<CpuSet> = cores.into_values().collect();
    cores.sort_by_key(CpuSet::first);
    cores
}

/// All members of all sets.
pub(super) fn union<'a>(sets: impl IntoIterator<Item = &'a CpuSet>) -> CpuSet {
    sets.into_iter().fold(CpuSet::new(), |all, set| all.union(set))
}

/// Splits the CPUs. Placement goes by the split even where slices need not keep to it.
pub(super) fn plan(evidence: &Evidence, findings: Findings<'_>, plan: &mut Plan) {
    let mut left_out = |why: String| plan.not_planned.push(NotPlanned { what: SLICES.to_owned(), why });
    let (cpu, numa) = match (&evidence.cpu, &evidence.numa) {
        (Fact::Known(cpu), Fact::Known(numa)) => (cpu, numa),
        (Fact::Missing(why), _) | (_, Fact::Missing(why)) => {
            return left_out(format!("evidence is missing: {why}"));
        }
    };
    let slices =
        goals::why_for(&plan.goals, Basis::Assumed, |intent| matches!(intent, Intent::Reserve { .. }));
    let split = kept(evidence, findings, cpu, numa).or_else(|| modelled(cpu, numa));
    let Some(mut split) = split else {
        if slices.is_some() {
            left_out(format!(
                "no NUMA node has {LEAST_CORES} cores or more, so that one could be left to the system"
            ));
        }
        return;
    };
    match control_groups(evidence) {
        _ if slices.is_none() => {}
        Ok(()) => split.slices = slices,
        Err(why) => left_out(why),
    }
    plan.partition = Some(split);
}

/// Whether `AllowedCPUs=` has an effect.
pub(super) fn control_groups(evidence: &Evidence) -> Result<(), String> {
    let servers = evidence.servers.known().into_iter().flatten();
    let of_servers = servers.flat_map(|server| &server.processes).find_map(|process| process.cgroup.known());
    match (of_servers, &evidence.cgroup) {
        (Some(cgroup), _) | (None, Fact::Known(cgroup)) if cgroup.version == 2 => Ok(()),
        (Some(_), _) | (None, Fact::Known(_)) => {
            Err("the node does not use control groups of version 2 alone, and AllowedCPUs= has no effect elsewhere".into())
        }
        (None, Fact::Missing(why)) => Err(format!("evidence is missing: the version of control groups: {why}")),
    }
}

/// Takes slices out of the plan again where a server would be left in one that keeps to the CPUs of the system: that would
/// starve it.
pub(super) fn settle(evidence: &Evidence, plan: &mut Plan) {
    let Some(split) = plan.partition.as_ref().filter(|split| split.slices.is_some()) else { return };
    let stays = match plan.servers.as_slice() {
        [] => Some("where inference servers run is not known".to_owned()),
        servers => servers.iter().find_map(|server| stays_behind(evidence, split, server)),
    };
    if let Some(why) = stays {
        plan.not_planned.push(NotPlanned { what: SLICES.to_owned(), why });
        if let Some(split) = &mut plan.partition {
            split.slices = None;
        }
    }
}

/// Why a server would not run in the inference slice.
fn stays_behind(evidence: &Evidence, split: &Partition, server: &ServerPlan) -> Option<String> {
    let name = &server.name;
    if server.placement.as_ref().is_some_and(|place| !place.cpus.is_subset(&split.inference)) {
        return Some(format!(
            "the measured placement of {name} uses CPUs that the split leaves to the system"
        ));
    }
    match &server.home {
        Home::Unit(_) | Home::Pod => None,
        Home::Nothing(_) if server.placement.is_some() && server.command.is_ok() => None,
        Home::Container(_) => {
            let servers = evidence.servers.known().into_iter().flatten();
            let processes =
                servers.filter(|other| other.pid == server.pid).flat_map(|server| &server.processes);
            let mut groups =
                processes.filter_map(|process| process.cgroup.known()).flat_map(|group| &group.chain);
            let inside = groups
                .any(|level| level.path.contains("/system.slice") || level.path.contains("/user.slice"));
            inside.then(|| {
                format!(
                    "the container of {name} runs in a slice of the system, whose CPUs would be taken from it: start it with \
                     --cgroup-parent=inference.slice first"
                )
            })
        }
        Home::Nothing(why) | Home::Unknown(why) => {
            Some(format!("nothing is known that could start {name} in the inference slice: {why}"))
        }
    }
}

/// The split that is in force, where nothing else was found to run on it: what servers may use is theirs.
fn kept(evidence: &Evidence, findings: Findings<'_>, cpu: &Cpu, numa: &Numa) -> Option<Partition> {
    if !findings.is_settled(NEIGHBOURS) {
        return None;
    }
    let servers = evidence.servers.known()?;
    let masks: Vec<_> = servers
        .iter()
        .flat_map(|server| &server.processes)
        .map(|process| process.mask(&cpu.online))
        .collect();
    if masks.is_empty() || masks.iter().any(|mask| mask.unknown.is_some()) {
        return None;
    }
    let inference = union(masks.iter().map(|mask| &mask.cpus));
    let housekeeping = cpu.online.difference(&inference);
    (!inference.is_empty() && !housekeeping.is_empty()).then(|| Partition {
        memory_nodes: memory(numa),
        nodes: with_cpus(numa),
        how: "the split that is in force: what servers may use is theirs".to_owned(),
        basis: Basis::Modelled,
        slices: None,
        housekeeping,
        inference,
    })
}

/// The first cores of every NUMA node for the system, whole cores only: interrupts of a device then have a CPU near it.
fn modelled(cpu: &Cpu, numa: &Numa) -> Option<Partition> {
    let mut housekeeping = CpuSet::new();
    for node in numa.nodes.iter().filter(|node| !node.cpus.is_empty()) {
        let cores = cores(cpu, &node.cpus);
        if cores.len() < LEAST_CORES {
            continue;
        }
        let kept_back = cores.len().div_ceil(CORES_PER_HOUSEKEEPER);
        housekeeping = housekeeping.union(&union(&cores[..kept_back]));
    }
    let inference = cpu.online.difference(&housekeeping);
    (!housekeeping.is_empty() && !inference.is_empty()).then(|| Partition {
        memory_nodes: memory(numa),
        nodes: with_cpus(numa),
        how: format!(
            "our proposal: of every {CORES_PER_HOUSEKEEPER} cores of a NUMA node the first is left to the system, whole cores with \
             all their threads"
        ),
        basis: Basis::Assumed,
        slices: None,
        housekeeping,
        inference,
    })
}

fn memory(numa: &Numa) -> NodeSet {
    numa.with_memory().map(|node| node.id).collect()
}

fn with_cpus(numa: &Numa) -> usize {
    numa.nodes.iter().filter(|node| !node.cpus.is_empty()).count()
}

/// The node as Slurm counts it. Cores are counted socket by socket, whatever numbers the kernel gives to CPUs.
pub(super) fn slurm(evidence: &Evidence) -> Option<SlurmNode> {
    let cpu = evidence.cpu.known()?;
    let mut order: BTreeMap<(u32, u32, u32), Vec<u32>> = BTreeMap::new();
    for pu in &cpu.cpus {
        order.entry((pu.socket, pu.node.unwrap_or(0), pu.core)).or_default().push(pu.cpu);
    }
    let (sockets, cores, pus) = (cpu.sockets, u32::try_from(order.len()).ok()?, cpu.pus);
    // Slurm has no way to describe sockets or cores that differ.
    if sockets == 0 || cores == 0 || cores % sockets != 0 || pus % cores != 0 {
        return None;
    }
    let numbered =
        order.values().zip(0u32..).flat_map(|(cpus, core)| cpus.iter().map(move |&cpu| (cpu, core)));
    Some(SlurmNode {
        sockets,
        cores_per_socket: cores / sockets,
        threads_per_core: pus / cores,
        core_of_cpu: numbered.collect(),
    })
}
