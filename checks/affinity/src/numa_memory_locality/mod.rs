//! `numa.memory-locality`: the host memory of a GPU worker is on the nodes near its GPUs.
//!
//! Near are the nodes of the worker's GPUs and the other nodes of their sockets, as for `numa.gpu-affinity`: between the
//! nodes of one socket there is no link to cross. The share counts all resident pages, file mappings included.

use plumb_check_sdk::limit::{Gibibytes, Limit, Percent, Quantity};
use plumb_check_sdk::model::{InferenceServer, ProcessMemory, ServerProcess};
use plumb_check_sdk::{
    Arg, Citation, Evidence, Fact, Finding, Likelihood, NoVerdict, NodeSet, Outcome, Said,
};

use crate::pages::numa_memory_locality::{LEAST_LOCAL, LOCAL, PAGE, words};
use crate::place::{Machine, judge_workers, misplaced, option_values, process_object, worker_object};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let gpus = evidence.gpus()?;
    PAGE.not_applicable_if(gpus.is_empty(), words::NoGpu {})?;
    let numa = evidence.numa()?;
    PAGE.not_applicable_if(numa.has_one_with_memory()?, words::OneNode {})?;
    let judge = Judge {
        machine: Machine { gpus, numa, cpu: evidence.cpu().ok() },
        local: evidence.limit(&PAGE, &LOCAL),
        least: evidence.limit(&PAGE, &LEAST_LOCAL),
    };
    judge_workers(evidence, &PAGE, |server, process, gpus| judge.judge(server, process, gpus))
}

struct Judge<'a> {
    machine: Machine<'a>,
    local: Limit<Percent>,
    least: Limit<Percent>,
}

impl Judge<'_> {
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
        let by_node: Vec<String> = memory
            .bytes_by_node
            .iter()
            .map(|(node, bytes)| format!("N{node}: {:.0} MiB", *bytes as f64 / f64::from(1 << 20)))
            .collect();
        let citation = Citation::new(&memory.path, by_node.join(", "));
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
