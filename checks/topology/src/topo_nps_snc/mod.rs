//! `topo.nps-snc`: sockets are split into several NUMA nodes only where the workers are placed for it.
//!
//! Judged where a socket has more than one node with CPUs. A worker is well placed if its threads may run on the CPUs of
//! one socket only, and on at least as many whole cores as processes of its server are confined there. Free memory is
//! `MemFree`: unless told to reclaim (`vm.zone_reclaim_mode`), the kernel goes to another node for memory before it drops
//! cached files of the local one.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{Cpu, Gpu, InferenceServer, Mask, Numa, NumaNode, ServerProcess};
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Fact, Finding, Likelihood, Missing, NodeSet,
    Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};

/// See the module.
pub struct TopoNpsSnc;

const LITTLE: Limit<Percent> = Limit {
    name: "free memory of a GPU's node that is too little while another node has plenty",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: below it allocations go to other nodes, as the kernel keeps a reserve",
    date: "2026-11-23",
    applies_to: "sockets split into several nodes",
};

const PLENTY: Limit<Percent> = Limit {
    name: "free memory of another node that is plenty",
    value: Quantity::new(50.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "sockets split into several nodes",
};

static THRESHOLDS: [Threshold; 2] = [LITTLE.threshold(), PLENTY.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("topo.nps-snc"),
    title: Borrowed("Sub-NUMA mode (AMD NPS, Intel SNC) matches the serving design"),
    category: Category::Placement,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Smaller nodes help only if every worker is pinned and fits. Otherwise they starve workers of \
             local cores and memory.",
    ),
    business: Borrowed(
        "A firmware option can cut each processor into slices. That is useful for some databases; for GPU \
             serving it often just makes each slice too small.",
    ),
    needs: Borrowed(&[
        Borrowed("/cpu"),
        Borrowed("/gpus"),
        Borrowed("/numa"),
        Borrowed("/servers"),
        Borrowed("/window/numastat"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "Bind to the whole socket instead: `numactl --cpunodebind=NODES --membind=NODES COMMAND`; PyTorch: \
             `torchrun --numa-binding=socket`",
        ),
        persistent: Borrowed("BIOS: AMD `NUMA nodes per socket` = NPS1; Intel `SNC` = disabled"),
        rollback: Borrowed("The former setting of the BIOS"),
        change: ChangeKind::Bios,
        verification: Borrowed("`lscpu | grep 'NUMA node'`; `numastat -m | grep MemFree`"),
        expected_effect: Borrowed(
            "No published number for serving on GPUs. Intel shows +30 % for Java when groups of processes \
             matched three nodes of a socket: the gain came from the match, not from the mode.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::Offload]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal; virtual machines only where the mode is exposed; containers; nodes with GPUs; AMD \
             EPYC and Intel Xeon",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed(
                "AMD Instinct MI300X system optimization (EPYC 9004 BIOS, C-states, NUMA balancing, iommu=pt)",
            ),
            url: Borrowed(
                "https://github.com/ROCm/amdgpu-docs/blob/develop/docs/system-optimization/mi300x.rst",
            ),
        },
        Reference {
            title: Borrowed(
                "vLLM PR #43270: auto-bind to PCT priority cores on DGX B300, widen EngineCore across shard NUMA \
             nodes",
            ),
            url: Borrowed("https://github.com/vllm-project/vllm/pull/43270"),
        },
        Reference {
            title: Borrowed("PyTorch docs: torch.distributed elastic NUMA Binding"),
            url: Borrowed("https://docs.pytorch.org/docs/main/elastic/numa.html"),
        },
        Reference {
            title: Borrowed("Intel Optimization Zone: NUMA case study, server-side Java on Xeon 6972P"),
            url: Borrowed(
                "https://github.com/intel/optimization-zone/blob/main/hardware/NUMA/case_studies/java_server_side_workload.md",
            ),
        },
        Reference {
            title: Borrowed("R. Nathani 2026: Keeping GPU Workloads NUMA-Local in Kubernetes"),
            url: Borrowed(
                "https://ronaknathani.com/blog/2026/05/keeping-gpu-workloads-numa-local-in-kubernetes/",
            ),
        },
    ]),
};

impl Check for TopoNpsSnc {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let gpus = evidence.gpus()?;
        if gpus.is_empty() {
            return Ok(vec![META.not_applicable("node", "no GPU was found")]);
        }
        let (numa, cpu) = (evidence.numa()?, evidence.cpu()?);
        let with_cpus: Vec<&NumaNode> = numa.nodes.iter().filter(|node| !node.cpus.is_empty()).collect();
        let sockets = cpu.sockets.max(1) as usize;
        let citation =
            Citation::new(&numa.path, format!("{} nodes with CPUs, {sockets} sockets", with_cpus.len()));
        if with_cpus.len() <= sockets {
            return Ok(vec![
                META.pass("node", "no socket is split into several nodes").with_evidence(citation),
            ]);
        }
        let foreign = evidence.get::<BTreeMap<u32, BTreeMap<String, u64>>>("/window/numastat").ok();
        let memory = Memory {
            little: evidence.limit(&META, &LITTLE),
            plenty: evidence.limit(&META, &PLENTY),
            // Wanted from the node, and given by another.
            foreign: |node| foreign.as_ref().and_then(|nodes| nodes.get(&node)?.get("numa_foreign").copied()),
        };
        let mut findings = memory.judge(gpus, numa);
        let servers = evidence.servers()?;
        let mut workers = servers.iter().flat_map(|server| {
            let uses_gpu =
                |process: &&ServerProcess| process.gpus.known().is_none_or(|gpus| !gpus.is_empty());
            server.processes.iter().filter(uses_gpu).map(move |process| (server, process))
        });
        let judged: Vec<Finding> =
            workers.by_ref().map(|(server, process)| worker(server, process, cpu, numa, &citation)).collect();
        if judged.is_empty() {
            findings.push(
                META.not_run("workers", "no process with a GPU was found: collect while the service runs"),
            );
        }
        findings.extend(judged);
        Ok(findings)
    }
}

struct Memory<F> {
    little: Limit<Percent>,
    plenty: Limit<Percent>,
    foreign: F,
}

impl<F: Fn(u32) -> Option<u64>> Memory<F> {
    /// Free memory of the nodes that GPUs are attached to, against that of the other nodes.
    fn judge(&self, gpus: &[Gpu], numa: &Numa) -> Vec<Finding> {
        let free = |node: &NumaNode| -> Result<Option<Quantity<Percent>>, Missing> {
            let (total, free) = (*node.mem_total_bytes.require()?, *node.mem_free_bytes.require()?);
            Ok((total > 0).then(|| Quantity::new(100.0 * free as f64 / total as f64)))
        };
        let frees: Result<Vec<(&NumaNode, Quantity<Percent>)>, Missing> = numa
            .nodes
            .iter()
            .filter_map(|node| free(node).map(|free| Some((node, free?))).transpose())
            .collect();
        let frees = match frees {
            Ok(frees) => frees,
            Err(missing) => return vec![META.not_run("free memory", missing.to_string())],
        };
        let mut findings = Vec::new();
        let untold: Vec<&str> =
            gpus.iter().filter(|gpu| gpu.place().one().is_err()).map(|gpu| gpu.address.as_str()).collect();
        if !untold.is_empty() {
            let message = "no source tells their node (see `topo.gpu-numa-known`)";
            findings.push(META.not_run(format!("GPUs {}", untold.join(", ")), message));
        }
        let of_gpus: NodeSet = gpus.iter().filter_map(|gpu| Some(gpu.place().one().ok()?.node)).collect();
        let roomy = frees.iter().find(|(_, free)| self.plenty.is_exceeded_by(*free));
        let cite = |node: &NumaNode, free: Quantity<Percent>| {
            let value = format!("MemFree is {:.0} % of MemTotal", free.number());
            Citation::new(format!("{}/node{}/meminfo", numa.path, node.id), value)
        };
        for (node, free) in frees.iter().filter(|(node, _)| of_gpus.contains(node.id)) {
            let Some((other, plenty)) = roomy.filter(|_| self.little.is_undercut_by(*free)) else { continue };
            let message = format!(
                "{:.0} % of its memory is free, while node {} has {:.0} % free: workers get memory of other nodes",
                free.number(),
                other.id,
                plenty.number()
            );
            let finding = META
                .fail(format!("node {}", node.id), message)
                .with_likelihood(Likelihood::Setting)
                .with_evidence(cite(node, *free))
                .with_evidence(cite(other, *plenty));
            findings.push(match (self.foreign)(node.id) {
                Some(pages) if pages > 0 => {
                    finding.with_likelihood(Likelihood::Mechanism).with_evidence(Citation::new(
                        format!("{}/node{}/numastat", numa.path, node.id),
                        format!("numa_foreign +{pages}"),
                    ))
                }
                _ => finding,
            });
        }
        if findings.is_empty() {
            findings.push(META.pass("free memory", "no node of a GPU is full while another one is empty"));
        }
        findings
    }
}

/// Whether a worker is bound to one socket, with cores enough.
fn worker(
    server: &InferenceServer,
    process: &ServerProcess,
    cpu: &Cpu,
    numa: &Numa,
    split: &Citation,
) -> Finding {
    let subject = format!("process {} ({})", process.pid, process.comm);
    if let Fact::Missing(missing) = &process.gpus {
        return META.not_run(subject, missing.to_string());
    }
    let Mask { cpus: mask, unknown } = process.mask(&cpu.online);
    if let Some(missing) = unknown {
        return META.not_run(subject, missing.to_string());
    }
    let nodes = numa.nodes_of(&mask);
    let sockets: NodeSet = cpu.cpus.iter().filter(|pu| mask.contains(pu.cpu)).map(|pu| pu.socket).collect();
    let of_mask = Citation::new(
        format!(
            "{}/task/{}/status",
            process.path,
            process.threads.first().map_or(process.pid, |thread| thread.tid)
        ),
        format!("Cpus_allowed_list (all threads together): {mask}"),
    );
    let deviates = |message: String| {
        META.warn(subject.clone(), message)
            .with_likelihood(Likelihood::Setting)
            .with_evidence(of_mask.clone())
            .with_evidence(split.clone())
    };
    if sockets.len() > 1 {
        return deviates("not bound to one socket, on a node whose sockets are split".to_owned());
    }
    let mut confined = 0usize;
    for other in &server.processes {
        let of_other = other.mask(&cpu.online);
        if let Some(missing) = of_other.unknown {
            return META.not_run(subject, missing.to_string());
        }
        confined += usize::from(of_other.cpus.is_subset(&mask));
    }
    let cores = cpu.whole_cores(&mask);
    let place = format!("bound to node {nodes}, {cores} whole cores for {confined} processes of its server");
    if cores < confined {
        return deviates(format!("{place} that are confined there"));
    }
    META.pass(subject, place).with_evidence(of_mask)
}
