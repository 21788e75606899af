//! `ctr.cpuset-numa`: the container's cpuset and memory nodes include the GPU's node.
//!
//! Judged by the effective cpuset of the server's control group, not by what the engine was asked for. A cpuset that holds
//! all CPUs is no placement: the engine must bind itself, and where every busy thread of a GPU process is seen inside of its
//! GPU's nodes, it did.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::model::{Gpu, InferenceServer, Numa};
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, CpuSet, Evidence, Finding, Likelihood, Missing, NodeSet,
    Question, Reference, Remediation, Severity,
};

use crate::server::{
    Cpuset, contained, cpus_of, effective, gpus_of, is_multi_node, main_process, nodes_of, nodes_with,
};

/// See the module.
pub struct CtrCpusetNuma;

static META: CheckMeta = CheckMeta {
    id: Borrowed("ctr.cpuset-numa"),
    title: Borrowed("The container's cpuset and memory nodes include the GPU's node"),
    category: Category::Platform,
    severity: Severity::High,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "No option of the engine can repair a container that was placed on the other socket.",
    ),
    business: Borrowed("The service was booked into the wrong half of the server."),
    needs: Borrowed(&[Borrowed("/gpus"), Borrowed("/numa"), Borrowed("/servers")]),
    remediation: Remediation {
        runtime: Borrowed("`docker update --cpuset-cpus CPUS --cpuset-mems NODES NAME`"),
        persistent: Borrowed(
            "The same in the compose file or the settings of the runtime; for Kubernetes see \
             `k8s.topology-memory-manager`",
        ),
        rollback: Borrowed("The former values"),
        change: ChangeKind::Runtime,
        verification: Borrowed(
            "`cat /sys/fs/cgroup/cpuset.cpus.effective /sys/fs/cgroup/cpuset.mems.effective` in the \
             container",
        ),
        expected_effect: Borrowed(
            "As for `numa.gpu-affinity`. One test that its author published himself exists; it is too weak \
             to quote.",
        ),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[Question { id: Borrowed("placement"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Containers and Kubernetes, on hosts with two or more NUMA nodes that have CPUs"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("NVIDIA Run:ai: Configuring NUMA-Aware Scheduling"),
            url: Borrowed(
                "https://docs.nvidia.com/run-ai/self-hosted/documentation/platform-management/manage-ai-initiatives/resources/numa-aware-scheduling",
            ),
        },
        Reference {
            title: Borrowed("Kubernetes: Control Topology Management Policies on a node"),
            url: Borrowed("https://kubernetes.io/docs/tasks/administer-cluster/topology-manager/"),
        },
        Reference {
            title: Borrowed("1Cat-vLLM issue #678: NUMA binding on Dell C4140, 4x V100"),
            url: Borrowed("https://github.com/1CatAI/1Cat-vLLM/issues/678"),
        },
    ]),
};

impl Check for CtrCpusetNuma {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let (servers, mut findings) = contained(&META, evidence)?;
        if servers.is_empty() {
            return Ok(findings);
        }
        let numa = evidence.numa()?;
        if !is_multi_node(numa) {
            return Ok(vec![META.not_applicable("node", "all CPUs are in one NUMA node")]);
        }
        let gpus = evidence.gpus()?;
        for (server, _) in servers {
            findings.push(
                judge(server, numa, gpus)
                    .unwrap_or_else(|why| META.not_run(server.subject(), why.to_string())),
            );
        }
        Ok(findings)
    }
}

fn judge(server: &InferenceServer, numa: &Numa, gpus: &[Gpu]) -> Result<Finding, Missing> {
    let addresses = gpus_of(server)?;
    if addresses.is_empty() {
        return Ok(META.not_applicable(server.subject(), "it uses no GPU"));
    }
    let (nodes, of_gpus) = nodes_of(&addresses, gpus)?;
    let cgroup = main_process(server)?.cgroup.require()?;
    let (cpus, of_cpus) = effective(cgroup, Cpuset::Cpus)?;
    let (mems, of_mems) = effective(cgroup, Cpuset::Mems)?;
    let cite = |finding: Finding| {
        let finding = finding.with_likelihood(Likelihood::Setting).with_evidence(of_cpus.clone());
        of_gpus.iter().cloned().fold(finding.with_evidence(of_mems.clone()), Finding::with_evidence)
    };
    let lacking: NodeSet = nodes
        .iter()
        .filter(|&node| cpus_of(numa, &NodeSet::from_iter([node])).intersection(&cpus).is_empty())
        .collect();
    if !lacking.is_empty() {
        let message = format!("its cpuset (CPUs {cpus}) holds no CPU of node {lacking}, where its GPUs are");
        return Ok(cite(META.fail(server.subject(), message)));
    }
    let without = nodes.difference(&mems);
    if !without.is_empty() {
        let message =
            format!("its memory may come from nodes {mems} only, and GPUs of it are on node {without}");
        return Ok(cite(META.fail(server.subject(), message)));
    }
    let of_cpuset = nodes_with(numa, &cpus);
    if of_cpuset.intersection(&mems).is_empty() {
        let message = format!("its CPUs are on nodes {of_cpuset}, its memory on nodes {mems}");
        return Ok(cite(META.fail(server.subject(), message)));
    }
    let all = numa.nodes.iter().fold(CpuSet::new(), |all, node| all.union(&node.cpus));
    if all.is_subset(&cpus) && cpus_of(numa, &nodes) != all {
        return Ok(if binds_itself(server, &cpus_of(numa, &nodes), &all)? {
            let message =
                "its cpuset holds all CPUs; the engine has bound its GPU processes to the GPUs' nodes itself";
            META.info(server.subject(), message).with_evidence(of_cpus)
        } else {
            let message =
                format!("its cpuset holds all CPUs, and its GPUs are on node {nodes}: nothing places it");
            cite(META.warn(server.subject(), message))
        });
    }
    let message = format!("CPUs {cpus} and memory of nodes {mems} include nodes {nodes} of its GPUs");
    Ok(cite(META.pass(server.subject(), message)))
}

/// True if all threads of all GPU processes may run near the GPUs only.
fn binds_itself(server: &InferenceServer, near: &CpuSet, all: &CpuSet) -> Result<bool, Missing> {
    let mut seen = false;
    for process in
        server.processes.iter().filter(|process| process.gpus.known().is_some_and(|gpus| !gpus.is_empty()))
    {
        for thread in &process.threads {
            seen = true;
            if !thread.cpus_allowed.require()?.intersection(all).is_subset(near) {
                return Ok(false);
            }
        }
    }
    Ok(seen)
}
