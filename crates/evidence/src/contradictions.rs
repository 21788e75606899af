//! Sources of one quantity that cannot both be right, and counters that no node can have.
//!
//! Only laws that hold on every real node are asked, with room for readings that are a moment apart: what is told here is a
//! node that lies (a sandbox that makes numbers up, a container's own view beside the host's) or a recording that was put
//! together from two, and nothing that was concluded from either side can be trusted.

use std::collections::BTreeSet;

use crate::index_set::CpuSet;
use crate::model::{Evidence, Quote};

/// Share by which two sums of the same memory may differ: the kernel hands out and takes back pages at run time.
const MEMORY_SLACK: f64 = 0.05;
/// Ticks (10 ms) by which readings of a window may be apart, for each CPU.
const TICKS_SLACK: f64 = 10.0;
/// Share by which a window may be longer for threads that were read last.
const WINDOW_SLACK: f64 = 0.1;

/// What two sources disagree about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// Size of the memory: of the node, and of its NUMA nodes together.
    Memory,
    /// More memory is free than there is.
    FreeMemory,
    /// CPUs run that no NUMA node has.
    CpusOfNodes,
    /// Threads used more time than the CPUs that they may run on have.
    CpuTime,
    /// More periods of a quota were throttled than there were.
    Throttled,
}

impl Quantity {
    /// The word for it in keys and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::FreeMemory => "free-memory",
            Self::CpusOfNodes => "cpus-of-nodes",
            Self::CpuTime => "cpu-time",
            Self::Throttled => "throttled",
        }
    }
}

/// Two sources that cannot both be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// What about.
    pub quantity: Quantity,
    /// What each says.
    pub sources: Vec<Quote>,
}

fn quote(source: impl Into<String>, value: impl Into<String>) -> Quote {
    Quote { source: source.into(), value: value.into() }
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / (1_u64 << 30) as f64)
}

/// All disagreements between sources of the evidence, in the order of [`Quantity`].
#[must_use]
pub fn disagreements(evidence: &Evidence) -> Vec<Disagreement> {
    let mut all = Vec::new();
    memory(evidence, &mut all);
    cpus_of_nodes(evidence, &mut all);
    cpu_time(evidence, &mut all);
    throttled(evidence, &mut all);
    all.sort_by_key(|own| own.quantity);
    all
}

fn memory(evidence: &Evidence, all: &mut Vec<Disagreement>) {
    let Some(memory) = evidence.memory.known() else { return };
    let Some(&total) = memory.total_bytes.known() else { return };
    let value = |bytes: u64| format!("MemTotal {}", gib(bytes));
    for (name, part) in [("MemFree", &memory.free_bytes), ("MemAvailable", &memory.available_bytes)] {
        if let Some(&part) = part.known()
            && part > total
        {
            let said = format!("{}, {name} {}", value(total), gib(part));
            all.push(Disagreement {
                quantity: Quantity::FreeMemory,
                sources: vec![quote(memory.path.clone(), said)],
            });
        }
    }
    let Some(numa) = evidence.numa.known() else { return };
    let sizes: Option<Vec<u64>> =
        numa.nodes.iter().map(|node| node.mem_total_bytes.known().copied()).collect();
    let Some(sum) = sizes.filter(|sizes| !sizes.is_empty()).map(|sizes| sizes.iter().sum::<u64>()) else {
        return;
    };
    if sum.abs_diff(total) as f64 > MEMORY_SLACK * total.max(sum) as f64 {
        let nodes = format!("{}/node*/meminfo", numa.path);
        all.push(Disagreement {
            quantity: Quantity::Memory,
            sources: vec![quote(memory.path.clone(), value(total)), quote(nodes, value(sum))],
        });
    }
}

fn cpus_of_nodes(evidence: &Evidence, all: &mut Vec<Disagreement>) {
    let (Some(cpu), Some(numa)) = (evidence.cpu.known(), evidence.numa.known()) else { return };
    // The lists of nodes may name CPUs that are off, but each that runs is of a node.
    let of_nodes = numa.nodes.iter().fold(CpuSet::default(), |all, node| all.union(&node.cpus));
    let without = cpu.online.difference(&of_nodes);
    if !of_nodes.is_empty() && !without.is_empty() {
        all.push(Disagreement {
            quantity: Quantity::CpusOfNodes,
            sources: vec![
                quote(format!("{}/online", cpu.path), cpu.online.to_string()),
                quote(format!("{}/node*/cpulist", numa.path), of_nodes.to_string()),
            ],
        });
    }
}

fn cpu_time(evidence: &Evidence, all: &mut Vec<Disagreement>) {
    let (Some(window), Some(processes)) = (evidence.window.known(), evidence.processes.known()) else {
        return;
    };
    let (Some(threads), Some(cpu)) = (window.threads.known(), evidence.cpu.known()) else { return };
    let masks: Vec<(&CpuSet, u64)> = threads
        .iter()
        .filter_map(|time| {
            let process = processes.iter().find(|process| process.pid == time.pid)?;
            let thread = process.threads.iter().find(|thread| thread.tid == time.tid)?;
            Some((thread.cpus_allowed.known()?, time.cpu_ticks))
        })
        .collect();
    for mask in masks.iter().map(|(mask, _)| *mask).collect::<BTreeSet<_>>() {
        // A mask that was changed during the window tells nothing; that is rare enough where several threads have it.
        let own = masks.iter().filter(|(own, _)| own.is_subset(mask));
        let used: u64 = own.map(|(_, ticks)| ticks).sum();
        let cpus = mask.intersection(&cpu.online).len() as f64;
        let most = window.seconds * 100.0 * cpus * (1.0 + WINDOW_SLACK) + TICKS_SLACK * cpus;
        if cpus > 0.0 && used as f64 > most {
            let share = used as f64 / (window.seconds * cpus);
            all.push(Disagreement {
                quantity: Quantity::CpuTime,
                sources: vec![
                    quote("/proc/*/task/*/status", format!("Cpus_allowed_list {mask}")),
                    quote("/proc/*/task/*/stat", format!("{share:.0} % of the time of these CPUs")),
                ],
            });
        }
    }
}

fn throttled(evidence: &Evidence, all: &mut Vec<Disagreement>) {
    let Some(window) = evidence.window.known() else { return };
    for (folder, group) in &window.cgroups {
        let (Some(periods), Some(throttled)) = (group.periods.known(), group.throttled_periods.known())
        else {
            continue;
        };
        // The two are read together, so that only the period that is under way may differ.
        if *throttled > periods + 1 {
            all.push(Disagreement {
                quantity: Quantity::Throttled,
                sources: vec![quote(
                    format!("{folder}/cpu.stat"),
                    format!("nr_periods +{periods}, nr_throttled +{throttled}"),
                )],
            });
        }
    }
}
