//! `k8s.cpu-manager`: Kubernetes gives the pod exclusive, whole cores.
//!
//! The node's policy is one finding, each pod with an inference server another. A pod has CPUs of its own where the CPU
//! manager's state says so; that needs the class Guaranteed and a whole number of CPUs.

use plumb_check_sdk::model::Kubelet;
use plumb_check_sdk::{
    Arg, Citation, Evidence, Finding, Intent, KubeletSetting, Likelihood, Missing, NoVerdict, Object,
    ObjectKind,
};

use crate::pages::k8s_cpu_manager::{PAGE, words};
use crate::pod::{Pod, in_pods, kubelet, kubelet_object, setting};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let kubelet = kubelet(evidence)?;
    let pods = in_pods(evidence);
    let policy = kubelet.cpu_manager_policy.require()?.as_str();
    let cited = Citation::new(&kubelet.path, format!("cpuManagerPolicy: {policy}"));
    let beside = beside(evidence, &kubelet);
    if policy != "static" {
        let goals = beside.unwrap_or_default();
        let finding: Finding = PAGE.settle(kubelet_object(), without_policy(&kubelet, policy, pods, goals));
        return Ok(vec![finding.with_evidence(cited)]);
    }
    let mut findings = vec![match (kubelet.reserved_system_cpus.require(), beside) {
        (Ok(reserved), Ok(goals)) => node(&kubelet, reserved, goals).with_evidence(cited),
        (Err(why), _) | (_, Err(why)) => PAGE.missing(kubelet_object(), &why),
    }];
    let of_pods = Object::new(ObjectKind::Other, "pods");
    match pods {
        Ok(pods) if pods.is_empty() => findings.push(PAGE.not_run(of_pods, words::NoPod {})),
        Ok(pods) => findings.extend(pods.iter().map(|pod| {
            let name = format!("pod {} ({})", pod.uid, pod.server.subject());
            let object = Object::new(ObjectKind::Other, &pod.uid).named(name);
            PAGE.settle(object.clone(), judge_pod(object, &kubelet, pod))
        })),
        Err(why) => findings.push(PAGE.missing(of_pods, &why)),
    }
    Ok(findings)
}

/// What the policy `static` needs beside it here and has not: whole cores, CPUs for the system.
fn beside(evidence: &Evidence<'_>, kubelet: &Kubelet) -> Result<[Option<Intent>; 2], Missing> {
    let options = kubelet.cpu_manager_options.require()?;
    let smt: bool = evidence.get("/cpu/smt_active")?;
    let reserved = kubelet.reserved_system_cpus.require()?;
    let whole = options.iter().find_map(|option| option.strip_prefix("full-pcpus-only="));
    let cores = (smt && whole != Some("true")).then(|| setting(KubeletSetting::FullPcpusOnly, "true", whole));
    let reserve = reserved.trim().is_empty().then(|| setting(KubeletSetting::ReservedSystemCpus, "", None));
    Ok([cores, reserve])
}

fn without_policy(
    kubelet: &Kubelet,
    policy: &str,
    pods: Result<Vec<Pod<'_>>, Missing>,
    beside: [Option<Intent>; 2],
) -> Result<Finding, NoVerdict> {
    let (object, policy_said) = (kubelet_object(), Arg::text(policy));
    let unknown = |why: Missing| words::PolicyUnknownPods { policy: policy.into(), reason: why.into() };
    let pods = pods.map_err(unknown)?;
    PAGE.not_run_if(pods.is_empty(), words::PolicyWithoutPod { policy: policy.into() })?;
    let unknown = |why: Missing| words::PolicyUnknownOthers { policy: policy.into(), reason: why.into() };
    let all = kubelet.pods.require().map_err(unknown)?;
    let others = all.iter().filter(|uid| !pods.iter().any(|pod| pod.uid == **uid)).count();
    let finding = if others > 0 {
        PAGE.fail(object, words::SharedWithPods { policy: policy_said, others: others.into() })
    } else {
        PAGE.warn(object, words::NothingKept { policy: policy_said })
    };
    // Under the policy, only a guaranteed pod gets CPUs of its own.
    let floating = pods.iter().filter(|pod| pod.qos.known().is_some_and(|class| class != "guaranteed"));
    let guaranteed = floating.map(|pod| Intent::GuaranteedPod { server: pod.server.pid });
    Ok(finding
        .with_likelihood(Likelihood::Setting)
        .with_intent(setting(KubeletSetting::CpuManagerPolicy, "static", Some(policy)))
        .with_intents(beside.into_iter().flatten())
        .with_intents(guaranteed)
        .with_cause("kubelet", Object::node()))
}

fn node(kubelet: &Kubelet, reserved: &str, lacks: [Option<Intent>; 2]) -> Finding {
    let object = kubelet_object();
    let deviates = |finding: Finding| finding.with_cause("kubelet", Object::node());
    let finding = match &lacks {
        [None, None] => PAGE.pass(object, words::Static { reserved: reserved.into() }),
        [Some(_), None] => deviates(PAGE.warn(object, words::SharedCores {})),
        [None, Some(_)] => deviates(PAGE.warn(object, words::NoReserve {})),
        [Some(_), Some(_)] => deviates(PAGE.warn(object, words::SharedCoresNoReserve {})),
    };
    let options = kubelet.cpu_manager_options.known().map(|options| options.join(", ")).unwrap_or_default();
    let value = format!("cpuManagerPolicyOptions: {{{options}}}, reservedSystemCPUs: \"{reserved}\"");
    finding
        .with_likelihood(Likelihood::Setting)
        .with_intents(lacks.into_iter().flatten())
        .with_evidence(Citation::new(&kubelet.path, value))
}

fn judge_pod(object: Object, kubelet: &Kubelet, pod: &Pod<'_>) -> Result<Finding, NoVerdict> {
    let class = pod.qos.require()?;
    let of_class = Citation::new(&pod.cgroup, format!("class {class}"));
    let pid = Arg::text(pod.server.pid.to_string());
    let without = |finding: Finding| {
        finding
            .with_likelihood(Likelihood::Setting)
            .with_intent(Intent::GuaranteedPod { server: pod.server.pid })
            .with_evidence(of_class)
    };
    if class != "guaranteed" {
        return Ok(without(PAGE.warn(object, words::NotGuaranteed { class: class.into(), pid })));
    }
    let unknown = |why: Missing| words::UnknownState { reason: why.into() };
    let state = kubelet.cpu_state.require().map_err(unknown)?;
    let prefix = format!("{}/", pod.uid);
    let own: Vec<&str> =
        state.exclusive.iter().filter(|entry| entry.starts_with(&prefix)).map(String::as_str).collect();
    if own.is_empty() {
        let shared = Citation::new(&state.path, format!("defaultCpuSet: {}", state.shared));
        return Ok(without(PAGE.warn(object, words::NoOwnCpus { pid })).with_evidence(shared));
    }
    Ok(PAGE.pass(object, words::OwnCpus {}).with_evidence(Citation::new(&state.path, own.join(", "))))
}
