//! `numa.memory-locality`: the host memory of a GPU worker is on the nodes near its GPUs.
//!
//! Near are the nodes of the worker's GPUs and the other nodes of their sockets, as for `numa.gpu-affinity`: between the
//! nodes of one socket there is no link to cross. The share counts all resident pages, file mappings included.
//!
//! A server that computes on the CPU reads all of its memory for each token: near are the sockets on which its threads may run.
//! Where that is all of them, memory that lies on one node is far from half of the threads.

use plumb_check_sdk::limit::{Gibibytes, Limit, Percent, Quantity};
use plumb_check_sdk::model::{InferenceServer, ProcessMemory, ServerProcess};
use plumb_check_sdk::{
    Arg, Citation, Evidence, Fact, Finding, Likelihood, NoVerdict, NodeSet, Outcome, Said,
};

use crate::pages::numa_memory_locality::{LEAST_LOCAL, LOCAL, PAGE, words};
use crate::place::{
    Machine, cite_mask, judge_workers, misplaced, option_values, process_object, server_object, worker_object,
};

/// How far from an equal share, in percentage points, the memory of one node may be to count as spread; our own proposal.
const UNEVEN: f64 = 25.0;

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let gpus = evidence.gpus()?;
    let servers = evidence.servers().unwrap_or_default();
    PAGE.not_applicable_if(gpus.is_empty() && servers.is_empty(), words::NoGpu {})?;
    let numa = evidence.numa()?;
    PAGE.not_applicable_if(numa.has_one_with_memory()?, words::OneNode {})?;
    let judge = Judge {
        machine: Machine { gpus, numa, cpu: evidence.cpu().ok() },
        local: evidence.limit(&PAGE, &LOCAL),
        least: evidence.limit(&PAGE, &LEAST_LOCAL),
    };
    let on_cpu =
        servers.iter().filter(|server| server.computes_on_cpu(Ok(gpus)).is_ok_and(|computes| computes));
    let on_cpu: Vec<Finding> =
        on_cpu.map(|server| PAGE.settle(server_object(server), judge.on_cpu(server))).collect();
    if on_cpu.len() == servers.len() && !on_cpu.is_empty() {
        return Ok(on_cpu);
    }
    let workers = judge_workers(evidence, &PAGE, |server, process, gpus| judge.judge(server, process, gpus))?;
    Ok(workers.into_iter().chain(on_cpu).collect())
}

struct Judge<'a> {
    machine: Machine<'a>,
    local: Limit<Percent>,
    least: Limit<Percent>,
}

impl Judge<'_> {
    /// A server that computes on the CPU: its memory is to be where its threads run.
    fn on_cpu(&self, server: &InferenceServer) -> Result<Finding, NoVerdict> {
        let Machine { numa, cpu, .. } = self.machine;
        let numa = numa.complete()?;
        let size = |process: &&ServerProcess| -> u64 {
            process.memory.known().map_or(0, |memory| memory.bytes_by_node.values().sum())
        };
        let process = server.processes.iter().max_by_key(size).ok_or(words::NoProcess {})?;
        let memory = process.memory.require()?;
        let all = numa.all_cpus();
        let mask = process.mask(&all);
        mask.unknown.map_or(Ok(()), Err)?;
        let nodes = numa.nodes_of(&cpu.map_or_else(|| mask.cpus.clone(), |cpu| cpu.with_sockets(&mask.cpus)));
        let (local, total) = weigh(memory, &nodes)?;
        let percent: Quantity<Percent> = Quantity::new(100.0 * local as f64 / total as f64);
        let object = server_object(server);
        let pid = Arg::text(process.pid.to_string());
        let memory_size = Arg::of(Quantity::<Gibibytes>::new(total as f64 / f64::from(1 << 30)), 1);
        let cite = |finding: Finding| {
            finding.with_evidence(cite_nodes(memory)).with_evidence(cite_mask(process, &mask.cpus))
        };
        let deviates = |finding: Finding| {
            cite(misplaced(finding, server, process)).with_likelihood(Likelihood::Mechanism)
        };
        let (share, nodes_count) = (Arg::of(percent, 1), Arg::count(nodes.len()));
        let far = Arg::quantity(100.0 - percent.number(), "%", 1);
        if numa.with_memory().any(|node| !nodes.contains(node.id)) {
            let nodes = Arg::text(nodes.to_string());
            if !self.local.is_undercut_by(percent) {
                return Ok(cite(
                    PAGE.pass(object, words::WithThreads { memory_size, nodes, nodes_count, share }),
                ));
            }
            let outcome = if self.least.is_undercut_by(percent) { Outcome::Fail } else { Outcome::Warn };
            let said = words::AwayFromThreads { far, memory_size, nodes, nodes_count, pid, share };
            return Ok(deviates(PAGE.says(outcome, object, said)));
        }
        // Its threads run on all nodes: what lies on one is far from the threads of the others.
        let (node, most) =
            memory.bytes_by_node.iter().max_by_key(|(_, bytes)| **bytes).ok_or(words::NoProcess {})?;
        let most: Quantity<Percent> = Quantity::new(100.0 * *most as f64 / total as f64);
        let (node, share) = (Arg::text(node.to_string()), Arg::of(most, 1));
        if most.number() < 100.0 / numa.with_memory().count() as f64 + UNEVEN {
            return Ok(cite(PAGE.info(object, words::EvenlySpread { memory_size, nodes_count })));
        }
        Ok(deviates(PAGE.warn(object, words::OneSided { memory_size, node, nodes_count, pid, share })))
    }

    fn judge(&self, server: &InferenceServer, process: &ServerProcess, gpus: &[String]) -> Vec<Finding> {
        let finding = PAGE.settle(worker_object(process, gpus), self.verdict(server, process, gpus));
        // With offloading it would have failed.
        let unknown = match &server.options {
            Fact::Missing(missing) if finding.outcome == Outcome::Warn => Some(missing),
            _ => None,
        };
        let unknown = unknown.map(|missing| {
            PAGE.not_run(process_object(process), words::OffloadUnknown { reason: missing.into() })
        });
        std::iter::once(finding).chain(unknown).collect()
    }

    fn verdict(
        &self,
        server: &InferenceServer,
        process: &ServerProcess,
        gpus: &[String],
    ) -> Result<Finding, NoVerdict> {
        let object = worker_object(process, gpus);
        let near = self.machine.near(gpus)?;
        let nodes = near.all_nodes(self.machine.numa);
        if self.machine.numa.complete()?.with_memory().all(|node| nodes.contains(node.id)) {
            return Ok(near.cite(PAGE.info(object, words::Spread { gpus_count: gpus.len().into() })));
        }
        let memory = process.memory.require()?;
        let (local, total) = weigh(memory, &nodes)?;
        let percent: Quantity<Percent> = Quantity::new(100.0 * local as f64 / total as f64);
        let far = Arg::quantity(100.0 - percent.number(), "%", 1);
        let (gpus_count, nodes_count) = (Arg::count(gpus.len()), Arg::count(nodes.len()));
        let (nodes, share) = (Arg::text(nodes.to_string()), Arg::of(percent, 1));
        let memory_size = Arg::of(Quantity::<Gibibytes>::new(total as f64 / f64::from(1 << 30)), 1);
        let pid = Arg::text(process.pid.to_string());
        let citation = cite_nodes(memory);
        if !self.local.is_undercut_by(percent) {
            let said = words::Near { gpus_count, memory_size, nodes, nodes_count, share };
            return Ok(near.cite(PAGE.pass(object, said).with_evidence(citation)));
        }
        let finding = if self.least.is_undercut_by(percent) {
            let said = words::Far { far, gpus_count, memory_size, nodes, nodes_count, pid, share };
            PAGE.fail(object, said)
        } else if let Some(option) = offload(server) {
            let option = option.into();
            let said =
                words::Offload { far, gpus_count, memory_size, nodes, nodes_count, option, pid, share };
            PAGE.fail(object, said)
        } else {
            PAGE.warn(object, words::Partly { far, gpus_count, memory_size, nodes, nodes_count, pid, share })
        };
        let finding = misplaced(finding, server, process);
        Ok(near.cite(finding.with_evidence(citation).with_likelihood(Likelihood::Mechanism)))
    }
}

fn cite_nodes(memory: &ProcessMemory) -> Citation {
    let mebibytes = |bytes: &u64| *bytes as f64 / f64::from(1 << 20);
    let by_node =
        memory.bytes_by_node.iter().map(|(node, bytes)| format!("N{node}: {:.0} MiB", mebibytes(bytes)));
    Citation::new(&memory.path, by_node.collect::<Vec<_>>().join(", "))
}

/// The option that says that weights or KV cache are partly in host memory.
fn offload(server: &InferenceServer) -> Option<String> {
    let is_on = |value: &str| !matches!(value, "0" | "0.0" | "false" | "none");
    let names = ["cpu-offload-gb", "kv-offloading-size", "enable-hierarchical-cache", "offload-group-size"];
    let set = names.iter().find_map(|name| {
        let values = option_values(server, name)?;
        values.iter().all(|value| is_on(value)).then(|| format!("--{name} {}", values.join(",")))
    });
    let connector = || {
        let values = option_values(server, "kv-transfer-config")?;
        values.iter().any(|value| value.contains("Offloading")).then(|| "--kv-transfer-config".to_owned())
    };
    set.or_else(connector).map(|option| option.trim_end().to_owned())
}

/// Bytes on `nodes`, and on all nodes; the sentence that says why they are not known.
fn weigh(memory: &ProcessMemory, nodes: &NodeSet) -> Result<(u64, u64), Said> {
    // What the process itself allocated is part of the whole, so a node cannot have the one without the other.
    for (node, &anonymous) in &memory.anonymous_by_node {
        if memory.bytes_by_node.get(node).is_none_or(|&bytes| bytes < anonymous) {
            let node = Arg::text(node.to_string());
            return Err(words::Contradiction { node, path: (&memory.path).into() }.into());
        }
    }
    let of = |is_meant: &dyn Fn(u32) -> bool| {
        let bytes = memory.bytes_by_node.iter().filter(|&(&node, _)| is_meant(node));
        bytes.fold(0u64, |sum, (_, &bytes)| sum.saturating_add(bytes))
    };
    match of(&|_| true) {
        0 => Err(words::NoMemory { path: (&memory.path).into() }.into()),
        total => Ok((of(&|node| nodes.contains(node)), total)),
    }
}
