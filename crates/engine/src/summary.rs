//! The node at a glance.

use plumb_evidence::model::{Cpu, Evidence, Gpu, Numa};
use plumb_evidence::{Fact, Missing};

use crate::assessment::NodeSummary;

/// Rows of label and value, ready to print.
pub(crate) fn summarise(evidence: &Evidence) -> NodeSummary {
    let node = &evidence.node;
    let rows = [
        ("Machine", text(&node.machine)),
        ("Operating system", text(&node.os)),
        ("Kernel", text(&node.kernel)),
        ("Virtualisation", text(&node.virtualization)),
        ("Container", text(&node.container)),
        ("Processor", or_missing(&evidence.cpu, |cpu| text(&cpu.model))),
        ("Topology", or_missing(&evidence.cpu, topology)),
        ("NUMA nodes", or_missing(&evidence.numa, numa)),
        ("GPUs", or_missing(&evidence.gpus, |gpus| devices(gpus))),
        ("Frequency governors", or_missing(&evidence.cpufreq, governors)),
        ("GPU driver", or_missing(&evidence.nvml, |nvml| text(&nvml.driver_version))),
        (
            "Processes",
            or_missing(&evidence.processes, |processes| {
                let threads: usize = processes.iter().map(|process| process.threads.len()).sum();
                format!("{} with {threads} threads", processes.len())
            }),
        ),
    ];
    NodeSummary {
        // A title must stay short; why the name is missing is told by the list of probes.
        hostname: node.hostname.known().map_or_else(|| "unnamed node".to_owned(), Clone::clone),
        facts: rows.into_iter().map(|(label, value)| (label.to_owned(), value)).collect(),
    }
}

fn text(fact: &Fact<String>) -> String {
    or_missing(fact, Clone::clone)
}

fn or_missing<T>(fact: &Fact<T>, show: impl FnOnce(&T) -> String) -> String {
    match fact {
        Fact::Known(value) => show(value),
        Fact::Missing(Missing { missing, reason }) => format!("not known: {reason} ({missing})"),
    }
}

fn topology(cpu: &Cpu) -> String {
    let count =
        |n: u32, one: &str, many: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {many}") };
    format!(
        "{}, {}, {}",
        count(cpu.sockets, "socket", "sockets"),
        count(cpu.cores, "core", "cores"),
        count(cpu.pus, "hardware thread", "hardware threads")
    )
}

fn numa(numa: &Numa) -> String {
    let nodes: Vec<String> = numa
        .nodes
        .iter()
        .map(|node| {
            let memory = node.mem_total_bytes.known().map_or_else(
                || "memory not known".to_owned(),
                |&bytes| format!("{:.1} GiB", bytes_as_gib(bytes)),
            );
            let cpus =
                if node.cpus.is_empty() { "no CPUs".to_owned() } else { format!("CPUs {}", node.cpus) };
            format!("node {}: {cpus}, {memory}", node.id)
        })
        .collect();
    nodes.join("; ")
}

#[expect(clippy::cast_precision_loss, reason = "one decimal of GiB is printed")]
fn bytes_as_gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

fn devices(gpus: &[Gpu]) -> String {
    if gpus.is_empty() {
        return "none".to_owned();
    }
    let mut kinds: Vec<(String, Vec<&str>)> = Vec::new();
    for gpu in gpus {
        let name = gpu.name.known().map_or_else(|| format!("{} {}", gpu.vendor, gpu.kind), Clone::clone);
        match kinds.iter_mut().find(|(known, _)| *known == name) {
            Some((_, addresses)) => addresses.push(&gpu.address),
            None => kinds.push((name, vec![&gpu.address])),
        }
    }
    let kind = |(name, addresses): &(String, Vec<&str>)| {
        let count = if addresses.len() == 1 { String::new() } else { format!("{} × ", addresses.len()) };
        format!("{count}{name} at {}", addresses.join(", "))
    };
    kinds.iter().map(kind).collect::<Vec<_>>().join("; ")
}

fn governors(cpufreq: &plumb_evidence::model::CpuFreq) -> String {
    let mut names: Vec<String> =
        cpufreq.policies.iter().map(|policy| text(&policy.scaling_governor)).collect();
    names.sort();
    names.dedup();
    names.join(", ")
}
