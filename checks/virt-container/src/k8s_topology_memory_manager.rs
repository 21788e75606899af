//! `k8s.topology-memory-manager`: Kubernetes aligns CPU, memory and GPU on one NUMA node.
//!
//! Without a policy, whether a pod is misaligned is seen from its cpuset: it holds no CPU of a GPU's node, or it was given a
//! part of the CPUs of which some are on nodes where it has no GPU. A pod that may run everywhere is not misaligned by
//! Kubernetes; that it is not aligned either is a warning.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::model::Numa;
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, CpuSet, Evidence, Finding, Likelihood, Missing,
    NodeSet, Question, Reference, Remediation, Severity,
};

use crate::pod::{NO_POD, in_pods, kubelet};
use crate::server::{
    Cpuset, effective, gpus_of, is_multi_node, main_process, nodes_of, nodes_with, told_to_bind,
};

/// See the module.
pub struct K8sTopologyMemoryManager;

static META: CheckMeta = CheckMeta {
    id: Borrowed("k8s.topology-memory-manager"),
    title: Borrowed("Kubernetes aligns CPU, memory and GPU on one NUMA node"),
    category: Category::Platform,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("Otherwise CPUs and GPU of a pod may come from different sockets."),
    business: Borrowed("The scheduler picks a GPU from one side and processors from the other."),
    needs: Borrowed(&[
        Borrowed("/containers/containers"),
        Borrowed("/containers/kubelet"),
        Borrowed("/gpus"),
        Borrowed("/numa"),
        Borrowed("/servers"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("None"),
        persistent: Borrowed(
            "In the configuration of the kubelet `topologyManagerPolicy: restricted`, \
             `topologyManagerScope: pod`, `memoryManagerPolicy: Static` and `reservedMemory` for each \
             node; drain the node and delete the state files before the kubelet starts again",
        ),
        rollback: Borrowed("`topologyManagerPolicy: none`, `memoryManagerPolicy: None`"),
        change: ChangeKind::NodeDrain,
        verification: Borrowed(
            "`kubectl describe pod NAME` (a pod that cannot be placed says `TopologyAffinityError`); run \
             `ctr.cpuset-numa` again",
        ),
        expected_effect: Borrowed("No reliable published number for language models."),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[Question { id: Borrowed("placement"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Kubernetes, on hosts with two or more NUMA nodes that have CPUs"),
    caveat: Some(Borrowed(
        "A pod that needs more GPUs than one node has is refused under `single-numa-node`: use \
         `restricted`, or let the engine bind its workers.",
    )),
    references: Borrowed(&[
        Reference {
            title: Borrowed("Kubernetes: Control Topology Management Policies on a node"),
            url: Borrowed("https://kubernetes.io/docs/tasks/administer-cluster/topology-manager/"),
        },
        Reference {
            title: Borrowed("Kubernetes: Utilizing the NUMA-aware Memory Manager"),
            url: Borrowed("https://kubernetes.io/docs/tasks/administer-cluster/memory-manager/"),
        },
        Reference {
            title: Borrowed("NVIDIA Run:ai: Configuring NUMA-Aware Scheduling"),
            url: Borrowed(
                "https://docs.nvidia.com/run-ai/self-hosted/documentation/platform-management/manage-ai-initiatives/resources/numa-aware-scheduling",
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

impl Check for K8sTopologyMemoryManager {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let Some(kubelet) = kubelet(evidence)? else {
            return Ok(vec![META.not_applicable("node", "no kubelet runs on this node")]);
        };
        let numa = evidence.numa()?;
        if !is_multi_node(numa) {
            return Ok(vec![META.not_applicable("node", "all CPUs are in one NUMA node")]);
        }
        let policy = kubelet.topology_manager_policy.require()?.as_str();
        let scope = kubelet.topology_manager_scope.require()?.as_str();
        let memory = kubelet.memory_manager_policy.require()?.as_str();
        let cited = Citation::new(
            &kubelet.path,
            format!(
                "topologyManagerPolicy: {policy}, topologyManagerScope: {scope}, memoryManagerPolicy: {memory}"
            ),
        );
        let setting =
            |finding: Finding| finding.with_likelihood(Likelihood::Setting).with_evidence(cited.clone());
        Ok(vec![match policy {
            "single-numa-node" | "restricted" => {
                let mut lacks = Vec::new();
                if scope != "pod" {
                    lacks.push("each container is placed for itself (scope `container`)");
                }
                if !memory.eq_ignore_ascii_case("static") && !all_bind(evidence)? {
                    lacks.push("memory is not reserved on the node (memory manager `None`), and an engine does not bind it");
                }
                if lacks.is_empty() {
                    META.pass(
                        "kubelet",
                        format!("policy `{policy}` aligns CPUs, memory and devices of a pod"),
                    )
                    .with_evidence(cited)
                } else {
                    setting(META.warn("kubelet", format!("policy `{policy}`, but {}", lacks.join(" and "))))
                }
            }
            "best-effort" => setting(META.warn(
                "kubelet",
                "policy `best-effort` starts a pod also where CPUs and GPU cannot be had on one node",
            )),
            _ => without_policy(evidence, numa, policy, &cited)?,
        }])
    }
}

/// True if all inference servers in pods were told to bind their memory.
fn all_bind(evidence: &Evidence<'_>) -> Result<bool, Missing> {
    let pods = in_pods(evidence)?;
    for pod in &pods {
        if told_to_bind(pod.of)?.is_none() {
            return Ok(false);
        }
    }
    Ok(!pods.is_empty())
}

fn without_policy(
    evidence: &Evidence<'_>,
    numa: &Numa,
    policy: &str,
    cited: &Citation,
) -> Result<Finding, Missing> {
    let gpus = evidence.gpus()?;
    let pods = in_pods(evidence)?;
    if pods.is_empty() {
        return Ok(META.not_run("kubelet", format!("topology manager policy `{policy}`, but {NO_POD}")));
    }
    let all = numa.nodes.iter().fold(CpuSet::new(), |all, node| all.union(&node.cpus));
    for pod in &pods {
        let addresses = gpus_of(pod.of)?;
        if addresses.is_empty() {
            continue;
        }
        let (nodes, of_gpus) = nodes_of(&addresses, gpus)?;
        let (cpus, of_cpus) = effective(main_process(pod.of)?.cgroup.require()?, Cpuset::Cpus)?;
        let on: NodeSet = nodes_with(numa, &cpus);
        let misaligned = if all.is_subset(&cpus) {
            NodeSet::new()
        } else {
            on.difference(&nodes).union(&nodes.difference(&on))
        };
        if !misaligned.is_empty() {
            let message = format!(
                "topology manager policy `{policy}`, and pod {} has its GPUs on node {nodes} and its CPUs on node {on}",
                pod.uid
            );
            let finding = META.fail("kubelet", message).with_likelihood(Likelihood::Mechanism);
            let finding = finding.with_evidence(cited.clone()).with_evidence(of_cpus);
            return Ok(of_gpus.into_iter().fold(finding, Finding::with_evidence));
        }
    }
    let message =
        format!("topology manager policy `{policy}`: nothing keeps CPUs and GPU of a pod on one node");
    Ok(META.warn("kubelet", message).with_likelihood(Likelihood::Setting).with_evidence(cited.clone()))
}
