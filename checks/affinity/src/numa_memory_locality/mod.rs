//! `numa.memory-locality`: the host memory of a GPU worker is on the nodes near its GPUs.
//!
//! Near are the nodes of the worker's GPUs and the other nodes of their sockets, as for `numa.gpu-affinity`: between the
//! nodes of one socket there is no link to cross. The share counts all resident pages, file mappings included.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{InferenceServer, NumaNode, ProcessMemory, ServerProcess};
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Fact, Finding, Likelihood, Missing, NodeSet,
    Outcome, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};

use crate::place::{Machine, no_server, option_values, process_name, unknown_users, workers};

/// See the module.
pub struct NumaMemoryLocality;

const LOCAL: Limit<Percent> = Limit {
    name: "share of a worker's memory near its GPUs",
    value: Quantity::new(95.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal, between 72.6 % before and 98.2 % after binding (1Cat-vLLM issue #678)",
    date: "2026-11-23",
    applies_to: "hosts with two or more NUMA nodes that have CPUs",
};

const LEAST_LOCAL: Limit<Percent> = Limit {
    name: "least share of a worker's memory near its GPUs",
    value: Quantity::new(80.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: late binding leaves about 22 % on the wrong node (TensorRT-LLM PR #18117)",
    date: "2026-11-23",
    applies_to: "workers that keep neither weights nor KV cache in host memory",
};

static THRESHOLDS: [Threshold; 2] = [LOCAL.threshold(), LEAST_LOCAL.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("numa.memory-locality"),
    title: Borrowed("Host memory of each GPU worker lives on the GPU's node"),
    category: Category::Placement,
    severity: Severity::High,
    gate: false,
    top15_rank: Some(8),
    rationale: Borrowed(
        "Pinned buffers, offloaded KV cache and staged weights are read over the link between the sockets \
             for the life of the process. Moving the threads later does not move the memory.",
    ),
    business: Borrowed(
        "The program was moved next to its GPU, but its belongings stayed in the other building.",
    ),
    needs: Borrowed(&[
        Borrowed("/cpu"),
        Borrowed("/gpus"),
        Borrowed("/numa"),
        Borrowed("/possible_workers"),
        Borrowed("/servers"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "Restart the worker bound from birth: `numactl --cpunodebind=N --membind=N COMMAND`; to try it on \
             a running process: `migratepages PID FROM TO`",
        ),
        persistent: Borrowed(
            "vLLM: `--numa-bind`; anything else: `NUMAPolicy=bind` and `NUMAMask=` in the unit; use \
             `preferred` instead of `bind` where the node has less than 1.3 times the worker's peak memory",
        ),
        rollback: Borrowed("Take the policy out again and restart; pages that were moved can stay"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed("`numastat -p PID` (MB by node); `grep -c N1= /proc/PID/numa_maps`"),
        expected_effect: Borrowed(
            "1Cat-vLLM: from 72.6 % to 98.2 % local memory gave +1.9 % decode. vLLM on GB200 with CPU \
             offload: about 1.5 times. Hugging Face on MI250: copies between host and GPU 47.7 GB/s from \
             local and 36 to 38 GB/s from remote memory.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::Offload]),
    questions: Borrowed(&[Question { id: Borrowed("placement"), decides: true }]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal; virtual machines with vNUMA; containers; hosts with two or more NUMA nodes that have \
             memory",
    ),
    caveat: Some(Borrowed(
        "A bound worker on a node that fills up is killed for want of memory: check the free memory of \
             each node first.",
    )),
    references: Borrowed(&[
        Reference {
            title: Borrowed("1Cat-vLLM issue #678: NUMA binding on Dell C4140, 4x V100"),
            url: Borrowed("https://github.com/1CatAI/1Cat-vLLM/issues/678"),
        },
        Reference {
            title: Borrowed("TensorRT-LLM PR #18117: bind workers to their GPU's NUMA node at launch"),
            url: Borrowed("https://github.com/NVIDIA/TensorRT-LLM/pull/18117"),
        },
        Reference {
            title: Borrowed("vLLM PR #30492: manual NUMA binding, with GB200 benchmark"),
            url: Borrowed("https://github.com/vllm-project/vllm/pull/30492"),
        },
        Reference {
            title: Borrowed("Hugging Face Optimum-AMD: GPU connectivity and NUMA nodes"),
            url: Borrowed("https://huggingface.co/docs/optimum/amd/amdgpu/perf_hardware"),
        },
    ]),
};

impl Check for NumaMemoryLocality {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let gpus = evidence.gpus()?;
        if gpus.is_empty() {
            return Ok(vec![META.not_applicable("node", "no GPU was found")]);
        }
        let numa = evidence.numa()?;
        if numa.with_memory().count() < 2 {
            return Ok(vec![META.not_applicable("node", "all memory is in one NUMA node")]);
        }
        let servers = evidence.servers()?;
        let judge = Judge {
            machine: Machine { gpus, numa, cpu: evidence.cpu().ok() },
            local: evidence.limit(&META, &LOCAL),
            least: evidence.limit(&META, &LEAST_LOCAL),
        };
        let unknown = unknown_users(&META, evidence, servers);
        let workers = workers(servers);
        if workers.is_empty() && unknown.is_none() {
            return Ok(vec![no_server(&META)]);
        }
        let mut findings: Vec<Finding> = workers
            .into_iter()
            .flat_map(|(server, process, gpus)| judge.judge(server, process, gpus))
            .collect();
        findings.extend(unknown);
        Ok(findings)
    }
}

struct Judge<'a> {
    machine: Machine<'a>,
    local: Limit<Percent>,
    least: Limit<Percent>,
}

impl Judge<'_> {
    fn judge(&self, server: &InferenceServer, process: &ServerProcess, addresses: &[String]) -> Vec<Finding> {
        let finding = self.verdict(server, process, addresses);
        // With offloading it would have failed.
        let unknown = match &server.options {
            Fact::Missing(missing) if finding.outcome == Outcome::Warn => Some(missing.to_string()),
            _ => None,
        };
        let unknown = unknown.map(|why| {
            META.not_run(process_name(process), format!("whether weights or KV cache are offloaded: {why}"))
        });
        std::iter::once(finding).chain(unknown).collect()
    }

    fn verdict(&self, server: &InferenceServer, process: &ServerProcess, addresses: &[String]) -> Finding {
        let subject = format!("{} on GPU {}", process_name(process), addresses.join(", "));
        let near = match self.machine.near(addresses) {
            Ok(near) => near,
            Err(reason) => return META.not_run(subject, reason),
        };
        let is_near =
            |node: &&NumaNode| near.nodes.contains(node.id) || !node.cpus.intersection(&near.cpus).is_empty();
        let nodes: NodeSet = self.machine.numa.nodes.iter().filter(is_near).map(|node| node.id).collect();
        if self.machine.numa.with_memory().all(|node| nodes.contains(node.id)) {
            let message =
                "its GPUs are spread over all sockets or nodes, so that no memory is far from all of them";
            return near.cite(META.info(subject, message));
        }
        let memory = match &process.memory {
            Fact::Known(memory) => memory,
            Fact::Missing(missing) => return META.not_run(subject, missing.to_string()),
        };
        let (local, total) = match weigh(memory, &nodes) {
            Ok(weights) => weights,
            Err(reason) => return META.not_run(subject, reason),
        };
        let share: Quantity<Percent> = Quantity::new(100.0 * local as f64 / total as f64);
        let offload = offload(server);
        let message = format!(
            "{:.1} % of its {:.1} GiB of host memory is on node {nodes}, near its GPUs",
            share.number(),
            total as f64 / f64::from(1 << 30)
        );
        let by_node: Vec<String> = memory
            .bytes_by_node
            .iter()
            .map(|(node, bytes)| format!("N{node}: {:.0} MiB", *bytes as f64 / f64::from(1 << 20)))
            .collect();
        let citation = Citation::new(&memory.path, by_node.join(", "));
        if !self.local.is_undercut_by(share) {
            return near.cite(META.pass(subject, message).with_evidence(citation));
        }
        let finding = if self.least.is_undercut_by(share) {
            META.fail(subject, message)
        } else if let Some(reason) = offload {
            META.fail(subject, format!("{message}, and it keeps data there: {reason}"))
        } else {
            META.warn(subject, message)
        };
        near.cite(finding.with_evidence(citation).with_likelihood(Likelihood::Mechanism))
    }
}

/// What says that weights or KV cache are partly in host memory.
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
    set.or_else(connector).map(|option| format!("option `{}`", option.trim_end()))
}

/// Bytes on `nodes`, and on all nodes.
fn weigh(memory: &ProcessMemory, nodes: &NodeSet) -> Result<(u64, u64), String> {
    // What the process itself allocated is part of the whole, so a node cannot have the one without the other.
    for (node, &anonymous) in &memory.anonymous_by_node {
        if memory.bytes_by_node.get(node).is_none_or(|&bytes| bytes < anonymous) {
            return Err(format!("{}: the figures of node {node} do not add up", memory.path));
        }
    }
    let of = |is_meant: &dyn Fn(u32) -> bool| {
        let bytes = memory.bytes_by_node.iter().filter(|&(&node, _)| is_meant(node));
        bytes.fold(0u64, |sum, (_, &bytes)| sum.saturating_add(bytes))
    };
    match of(&|_| true) {
        0 => Err(format!("{} names no resident memory", memory.path)),
        total => Ok((of(&|node| nodes.contains(node)), total)),
    }
}
