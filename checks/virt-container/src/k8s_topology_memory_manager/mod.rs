//! `k8s.topology-memory-manager`: Kubernetes aligns CPU, memory and GPU on one NUMA node.
//!
//! Without a policy, whether a pod is misaligned is seen from its cpuset: it holds no CPU of a GPU's node, or it was given a
//! part of the CPUs of which some are on nodes where it has no GPU. A pod that may run everywhere is not misaligned by
//! Kubernetes; that it is not aligned either is a warning.
//!
//! A policy does not reach devices of resource claims (DRA), which are prepared after the Topology Manager has decided. Where
//! there are claims, or it is not known, only masks of pods show what they got. A flag of an engine shows nothing either:
//! that memory is bound is seen from its pages.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeSet;

use plumb_check_sdk::model::{Kubelet, Numa};
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Fact, Finding, Likelihood, Missing, NodeSet,
    Question, Reference, Remediation, Severity,
};

use crate::pod::{NO_POD, Pod, in_pods, kubelet};
use crate::server::{Cpuset, effective, gpus_of, is_multi_node, main_process, nodes_of, nodes_with};

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
         `restricted`, or let the engine bind its workers. Devices of resource claims (DRA) take no part in \
         the Topology Manager: align them by constraints of the claim.",
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
            title: Borrowed("Kubernetes: Document DRA and TopologyManager NUMA alignment limitations"),
            url: Borrowed("https://github.com/kubernetes/website/issues/56232"),
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
                if !memory.eq_ignore_ascii_case("static") && !all_bound(evidence)? {
                    lacks.push(
                        "memory is not reserved on the node (memory manager `None`), and an engine is not \
                         seen to bind it",
                    );
                }
                match out_of_reach(&kubelet) {
                    _ if !lacks.is_empty() => {
                        let lacks = lacks.join(" and ");
                        setting(META.warn("kubelet", format!("policy `{policy}`, but {lacks}")))
                    }
                    None => {
                        let message = format!("policy `{policy}` aligns CPUs, memory and devices of a pod");
                        let claims = Citation::new(CLAIMS, "no resource claim");
                        META.pass("kubelet", message).with_evidence(cited).with_evidence(claims)
                    }
                    Some(claims) => seen(evidence, numa, policy, &cited, &claims)?,
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

/// What is known of devices that the Topology Manager has no say in.
struct OutOfReach {
    /// Why they may be there.
    why: String,
    citation: Option<Citation>,
}

/// Where the kubelet keeps the claims of pods.
const CLAIMS: &str = "/var/lib/kubelet/dra_manager_state";

/// Claims of devices; `None` where there are known to be none.
fn out_of_reach(kubelet: &Kubelet) -> Option<OutOfReach> {
    match &kubelet.claims {
        Fact::Known(claims) if claims.is_empty() => None,
        Fact::Known(claims) => {
            let names: Vec<&str> = claims.iter().map(|claim| claim.name.as_str()).collect();
            let named = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
            let more = if names.len() > NAMED { ", …" } else { "" };
            let why = format!("devices of resource claims take no part in it ({named}{more})");
            let value = format!("{} claims: {}", names.len(), names.join(", "));
            Some(OutOfReach { why, citation: Some(Citation::new(CLAIMS, value)) })
        }
        Fact::Missing(missing) => {
            let why = format!(
                "whether devices come by resource claims, which take no part in it, is not known: {missing}"
            );
            Some(OutOfReach { why, citation: None })
        }
    }
}

/// So many claims are named; the evidence has all.
const NAMED: usize = 3;

/// What masks and pages show where the policy alone does not.
fn seen(
    evidence: &Evidence<'_>,
    numa: &Numa,
    policy: &str,
    cited: &Citation,
    claims: &OutOfReach,
) -> Result<Finding, Missing> {
    let not_shown = |why: &str| {
        let message = format!("policy `{policy}`, but {}; {why}", claims.why);
        let finding = META.not_run("kubelet", message).with_evidence(cited.clone());
        claims.citation.iter().cloned().fold(finding, Finding::with_evidence)
    };
    let pods = match placed(evidence, numa, policy, cited)? {
        Ok(pods) => pods,
        Err(misaligned) => return Ok(misaligned),
    };
    if pods.is_empty() {
        return Ok(not_shown(
            "no inference server with a GPU was found in a pod, which would show what pods get",
        ));
    }
    if let Some(pod) = pods.iter().find(|pod| pod.is_free) {
        return Ok(not_shown(&format!("pod {} may run on all CPUs", pod.uid)));
    }
    if !all_bound(evidence)? {
        return Ok(not_shown("the memory of a pod is not seen to be bound to the nodes of its GPUs"));
    }
    let message =
        format!("policy `{policy}`, and CPUs and memory of all pods are on the nodes of their GPUs");
    let finding = META.pass("kubelet", message).with_evidence(cited.clone());
    Ok(pods.into_iter().fold(finding, |finding, pod| pod.cite(finding)))
}

/// True if the memory of all inference servers in pods is seen to be bound to the nodes of their GPUs: by their control
/// groups or by the policy of their pages. A flag is no proof: an engine may ignore it without a word.
fn all_bound(evidence: &Evidence<'_>) -> Result<bool, Missing> {
    let gpus = evidence.gpus()?;
    let mut any = false;
    for process in in_pods(evidence)?.iter().flat_map(|pod| &pod.of.processes) {
        let addresses: BTreeSet<&str> = process.gpus.require()?.iter().map(String::as_str).collect();
        if addresses.is_empty() {
            continue;
        }
        any = true;
        let (nodes, _) = nodes_of(&addresses, gpus)?;
        let (allowed, _) = effective(process.cgroup.require()?, Cpuset::Mems)?;
        if allowed.is_subset(&nodes) {
            continue;
        }
        let policies = &process.memory.require()?.policies;
        let is_bound = |policy: &String| {
            let bound: Option<NodeSet> = policy.strip_prefix("bind:").and_then(|nodes| nodes.parse().ok());
            bound.is_some_and(|bound| bound.is_subset(&nodes))
        };
        if policies.is_empty() || !policies.keys().all(is_bound) {
            return Ok(false);
        }
    }
    Ok(any)
}

/// Where a pod with GPUs is.
struct Placed {
    uid: String,
    gpus: NodeSet,
    cpus: NodeSet,
    /// True if it may run everywhere.
    is_free: bool,
    of_cpus: Citation,
    of_gpus: Vec<Citation>,
}

impl Placed {
    /// True if its CPUs are not on the nodes of its GPUs, or on others as well.
    fn is_misaligned(&self) -> bool {
        !self.is_free && self.cpus != self.gpus
    }

    fn cite(self, finding: Finding) -> Finding {
        self.of_gpus.into_iter().fold(finding.with_evidence(self.of_cpus), Finding::with_evidence)
    }

    fn misaligned(self, policy: &str, cited: &Citation) -> Finding {
        let message = format!(
            "topology manager policy `{policy}`, and pod {} has its GPUs on node {} and its CPUs on node {}",
            self.uid, self.gpus, self.cpus
        );
        let finding = META.fail("kubelet", message).with_likelihood(Likelihood::Mechanism);
        self.cite(finding.with_evidence(cited.clone()))
    }
}

/// Where the pods are in which inference servers have GPUs, or the finding that one of them is misaligned, whatever is not
/// known of the others.
fn placed(
    evidence: &Evidence<'_>,
    numa: &Numa,
    policy: &str,
    cited: &Citation,
) -> Result<Result<Vec<Placed>, Finding>, Missing> {
    let gpus = evidence.gpus()?;
    let all = numa.all_cpus();
    let place = |pod: Pod<'_>| -> Result<Option<Placed>, Missing> {
        let addresses = gpus_of(pod.of)?;
        if addresses.is_empty() {
            return Ok(None);
        }
        let (nodes, of_gpus) = nodes_of(&addresses, gpus)?;
        let (cpus, of_cpus) = effective(main_process(pod.of)?.cgroup.require()?, Cpuset::Cpus)?;
        Ok(Some(Placed {
            uid: pod.uid,
            gpus: nodes,
            cpus: nodes_with(numa, &cpus),
            is_free: all.is_subset(&cpus),
            of_cpus,
            of_gpus,
        }))
    };
    let mut known = Vec::new();
    let mut unknown = None;
    for pod in in_pods(evidence)? {
        match place(pod) {
            Ok(Some(pod)) if pod.is_misaligned() => return Ok(Err(pod.misaligned(policy, cited))),
            Ok(pod) => known.extend(pod),
            Err(why) => unknown = Some(why),
        }
    }
    unknown.map_or(Ok(Ok(known)), Err)
}

fn without_policy(
    evidence: &Evidence<'_>,
    numa: &Numa,
    policy: &str,
    cited: &Citation,
) -> Result<Finding, Missing> {
    if in_pods(evidence)?.is_empty() {
        return Ok(META.not_run("kubelet", format!("topology manager policy `{policy}`, but {NO_POD}")));
    }
    if let Err(misaligned) = placed(evidence, numa, policy, cited)? {
        return Ok(misaligned);
    }
    let message =
        format!("topology manager policy `{policy}`: nothing keeps CPUs and GPU of a pod on one node");
    Ok(META.warn("kubelet", message).with_likelihood(Likelihood::Setting).with_evidence(cited.clone()))
}
