//! `k8s.cpu-manager`: Kubernetes gives the pod exclusive, whole cores.
//!
//! The node's policy is one finding, each pod with an inference server another. A pod has CPUs of its own where the CPU
//! manager's state says so; that needs the class Guaranteed and a whole number of CPUs.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::model::Kubelet;
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Fact, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, WorkloadTrait,
};

use crate::pod::{NO_POD, Pod, in_pods, kubelet};

/// See the module.
pub struct K8sCpuManager;

static META: CheckMeta = CheckMeta {
    id: Borrowed("k8s.cpu-manager"),
    title: Borrowed("Kubernetes gives the pod exclusive, whole cores"),
    category: Category::Platform,
    severity: Severity::High,
    gate: false,
    top15_rank: Some(13),
    rationale: Borrowed("With the default policy the pod floats over CPUs that it shares, under a quota."),
    business: Borrowed("The pod has no desk of its own; it takes whatever is free."),
    needs: Borrowed(&[
        Borrowed("/containers/containers"),
        Borrowed("/containers/kubelet"),
        Borrowed("/cpu/smt_active"),
        Borrowed("/servers"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("None: the kubelet has to be restarted"),
        persistent: Borrowed(
            "In the configuration of the kubelet `cpuManagerPolicy: static`, `cpuManagerPolicyOptions: \
             {full-pcpus-only: \"true\"}` and `reservedSystemCPUs: \"CPUS\"`; drain the node, delete \
             `/var/lib/kubelet/cpu_manager_state`, restart the kubelet; in the pod requests equal to \
             limits, in whole CPUs",
        ),
        rollback: Borrowed("`cpuManagerPolicy: none`, by the same procedure"),
        change: ChangeKind::NodeDrain,
        verification: Borrowed("`cat /var/lib/kubelet/cpu_manager_state`; `taskset -cp 1` in the container"),
        expected_effect: Borrowed(
            "No published number for this switch alone; see `sched.noisy-neighbours` and \
             `sched.cfs-throttling`.",
        ),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[WorkloadTrait::SharedHost]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[Borrowed("cpu-limits")]),
    applicability: Borrowed("Kubernetes"),
    caveat: Some(Borrowed(
        "Exclusive means exclusive among pods: services of the system may still run there, so combine it \
         with `reservedSystemCPUs` and systemd's `CPUAffinity=`.",
    )),
    references: Borrowed(&[
        Reference {
            title: Borrowed("Kubernetes: Node Resource Managers (CPU Manager static policy)"),
            url: Borrowed("https://kubernetes.io/docs/concepts/policy/node-resource-managers"),
        },
        Reference {
            title: Borrowed("Kubernetes: Control Topology Management Policies on a node"),
            url: Borrowed("https://kubernetes.io/docs/tasks/administer-cluster/topology-manager/"),
        },
        Reference {
            title: Borrowed("R. Nathani 2026: Keeping GPU Workloads NUMA-Local in Kubernetes"),
            url: Borrowed(
                "https://ronaknathani.com/blog/2026/05/keeping-gpu-workloads-numa-local-in-kubernetes/",
            ),
        },
    ]),
};

impl Check for K8sCpuManager {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let Some(kubelet) = kubelet(evidence)? else {
            return Ok(vec![META.not_applicable("node", "no kubelet runs on this node")]);
        };
        let pods = in_pods(evidence);
        let policy = kubelet.cpu_manager_policy.require()?.as_str();
        let cited = Citation::new(&kubelet.path, format!("cpuManagerPolicy: {policy}"));
        if policy != "static" {
            return Ok(vec![without_policy(&kubelet, policy, cited, pods)]);
        }
        let mut findings = vec![
            node(evidence, &kubelet, cited).unwrap_or_else(|why| META.not_run("kubelet", why.to_string())),
        ];
        match pods {
            Ok(pods) if pods.is_empty() => {
                findings.push(META.not_run("pods", NO_POD));
            }
            Ok(pods) => findings.extend(pods.iter().map(|pod| judge_pod(&kubelet, pod))),
            Err(why) => findings.push(META.not_run("pods", why.to_string())),
        }
        Ok(findings)
    }
}

fn without_policy(
    kubelet: &Kubelet,
    policy: &str,
    cited: Citation,
    pods: Result<Vec<Pod<'_>>, Missing>,
) -> Finding {
    let not_run = |why: String| META.not_run("kubelet", format!("CPU manager policy `{policy}`, but {why}"));
    let others = match (pods, &kubelet.pods) {
        (Ok(pods), _) if pods.is_empty() => {
            return not_run(NO_POD.to_owned());
        }
        (Ok(pods), Fact::Known(all)) => {
            all.iter().filter(|uid| !pods.iter().any(|pod| pod.uid == **uid)).count()
        }
        (Err(why), _) => return not_run(why.to_string()),
        (_, Fact::Missing(why)) => return not_run(format!("its other pods are not known: {why}")),
    };
    let finding = if others > 0 {
        let message =
            format!("CPU manager policy `{policy}`: inference shares all CPUs with {others} other pods");
        META.fail("kubelet", message)
    } else {
        let message =
            format!("CPU manager policy `{policy}`: nothing keeps CPUs free of pods that come later");
        META.warn("kubelet", message)
    };
    finding.with_likelihood(Likelihood::Setting).with_evidence(cited)
}

fn node(evidence: &Evidence<'_>, kubelet: &Kubelet, cited: Citation) -> Result<Finding, Missing> {
    let options = kubelet.cpu_manager_options.require()?;
    let smt: bool = evidence.get("/cpu/smt_active")?;
    let reserved = kubelet.reserved_system_cpus.require()?;
    let whole = options.iter().any(|option| option == "full-pcpus-only=true");
    let cited_options = Citation::new(
        &kubelet.path,
        format!("cpuManagerPolicyOptions: {{{}}}, reservedSystemCPUs: \"{reserved}\"", options.join(", ")),
    );
    let mut lacks = Vec::new();
    if smt && !whole {
        lacks.push("pods may share a core (no `full-pcpus-only`)");
    }
    if reserved.trim().is_empty() {
        lacks.push("no CPUs are named for the system (no `reservedSystemCPUs`)");
    }
    let finding = if lacks.is_empty() {
        META.pass("kubelet", format!("policy `static`, CPUs {reserved} kept for the system"))
    } else {
        META.warn("kubelet", format!("policy `static`, but {}", lacks.join(" and ")))
    };
    Ok(finding.with_likelihood(Likelihood::Setting).with_evidence(cited).with_evidence(cited_options))
}

fn judge_pod(kubelet: &Kubelet, pod: &Pod<'_>) -> Finding {
    let subject = format!("pod {} ({})", pod.uid, pod.server);
    let class = match &pod.qos {
        Fact::Known(class) => class,
        Fact::Missing(why) => return META.not_run(subject, why.to_string()),
    };
    let of_class = Citation::new(&pod.cgroup, format!("class {class}"));
    if class != "guaranteed" {
        let message = format!("policy `static`, but the pod is {class}: it gets no CPUs of its own");
        return META.warn(subject, message).with_likelihood(Likelihood::Setting).with_evidence(of_class);
    }
    let state = match &kubelet.cpu_state {
        Fact::Known(state) => state,
        Fact::Missing(why) => return META.not_run(subject, format!("what it was given is not known: {why}")),
    };
    let own: Vec<&str> = state
        .exclusive
        .iter()
        .filter(|entry| entry.starts_with(&format!("{}/", pod.uid)))
        .map(String::as_str)
        .collect();
    if own.is_empty() {
        let message = "the pod is guaranteed, but has no CPUs of its own: ask for a whole number of them";
        let shared = Citation::new(&state.path, format!("defaultCpuSet: {}", state.shared));
        let finding = META.warn(subject, message).with_likelihood(Likelihood::Setting);
        return finding.with_evidence(of_class).with_evidence(shared);
    }
    let entries = own.join(", ");
    META.pass(subject, "it has CPUs of its own").with_evidence(Citation::new(&state.path, entries))
}
