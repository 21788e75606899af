//! `k8s.topology-memory-manager`: Kubernetes aligns CPU, memory and GPU on one NUMA node.
//!
//! Without a policy, whether a pod is misaligned is seen from its cpuset: it holds no CPU of a GPU's node, or it was given a
//! part of the CPUs of which some are on nodes where it has no GPU. A pod that may run everywhere is not misaligned by
//! Kubernetes; that it is not aligned either is a warning.
//!
//! Of CPUs, a policy aligns only those that the CPU manager gives to one container: under its policy `static`, to guaranteed
//! pods that ask for a whole number. The CPUs of all other pods lie where there is room, whatever the settings say.
//!
//! A policy does not reach devices of resource claims (DRA), which are prepared after the Topology Manager has decided. Where
//! there are claims, or it is not known, only masks of pods show what they got. A flag of an engine shows nothing either:
//! that memory is bound is seen from its pages.

use std::collections::BTreeSet;

use plumb_check_sdk::model::{InferenceServer, Kubelet, Numa};
use plumb_check_sdk::{
    Arg, Citation, Evidence, Fact, Finding, Intent, KubeletSetting, Likelihood, Missing, NoVerdict, NodeSet,
    Object, Outcome, Said,
};

use crate::pages::k8s_topology_memory_manager::{PAGE, words};
use crate::pod::{Pod, in_pods, kubelet, kubelet_object, setting};
use crate::server::{gpus_of, granted_cpus, granted_nodes, known_gpus, misplaced, nodes_of};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let kubelet = kubelet(evidence)?;
    let numa = evidence.numa()?;
    PAGE.not_applicable_if(numa.has_one_with_cpus()?, words::OneNode {})?;
    let managers = Managers {
        policy: kubelet.topology_manager_policy.require()?,
        scope: kubelet.topology_manager_scope.require()?,
        memory: kubelet.memory_manager_policy.require()?,
        path: &kubelet.path,
        own: OwnCpus::of(evidence, &kubelet),
        spans: spans_nodes(evidence),
    };
    Ok(vec![managers.judge(evidence, numa, &kubelet)?])
}

/// Settings of the kubelet.
struct Managers<'a> {
    policy: &'a str,
    scope: &'a str,
    memory: &'a str,
    /// File that they were read from.
    path: &'a str,
    own: OwnCpus<'a>,
    /// A pod is known to have GPUs on several nodes. Stricter policies than `best-effort` refuse it.
    spans: bool,
}

impl Managers<'_> {
    fn judge(&self, evidence: &Evidence<'_>, numa: &Numa, kubelet: &Kubelet) -> Result<Finding, NoVerdict> {
        let (object, policy) = (kubelet_object(), Arg::text(self.policy));
        match self.policy {
            "single-numa-node" | "restricted" => {}
            "best-effort" => {
                let finding = PAGE.warn(object, words::BestEffort {});
                return Ok(self.deviates(finding, self.keeps_memory(evidence).unwrap_or(false)));
            }
            _ => return self.without_policy(evidence, numa),
        }
        let keeps_memory = self.keeps_memory(evidence)?;
        let finding = match (self.scope == "pod", keeps_memory) {
            (true, true) => {
                let finding = match Claims::of(kubelet) {
                    Some(claims) => self.seen(evidence, numa, &claims)?,
                    None => {
                        let claims = Citation::new(CLAIMS, "no resource claim");
                        let finding = PAGE.pass(object, words::Aligned { policy });
                        finding.with_evidence(self.citation()).with_evidence(claims)
                    }
                };
                return self.with_own_cpus(finding);
            }
            (false, true) => PAGE.warn(object, words::EachContainer { policy }),
            (true, false) => PAGE.warn(object, words::MemoryOpen { policy }),
            (false, false) => PAGE.warn(object, words::EachContainerMemoryOpen { policy }),
        };
        Ok(self.deviates(finding, keeps_memory))
    }

    /// The finding, or what pods lack in spite of it to get CPUs that can be aligned.
    fn with_own_cpus(&self, finding: Finding) -> Result<Finding, NoVerdict> {
        let (object, policy) = (kubelet_object(), Arg::text(self.policy));
        if finding.outcome == Outcome::Fail {
            return Ok(finding);
        }
        if let Some(said) = self.own.lacking(policy.clone()) {
            let finding = self.deviates(PAGE.says(Outcome::Warn, object, said), true);
            return Ok(self.own.cite(finding));
        }
        if finding.outcome != Outcome::Pass {
            return Ok(finding);
        }
        if self.own.pods.as_ref().map_err(Missing::clone)?.is_empty() {
            return Ok(PAGE.not_run(object, words::NoPod { policy }));
        }
        if let Some(why) = self.own.unknown() {
            let said = words::UnknownCpus { policy, reason: why.into() };
            return Ok(PAGE.not_run(object, said).with_evidence(self.citation()));
        }
        Ok(self.own.cite(finding))
    }

    fn citation(&self) -> Citation {
        let Self { policy, scope, memory, path, .. } = self;
        let value = format!(
            "topologyManagerPolicy: {policy}, topologyManagerScope: {scope}, memoryManagerPolicy: {memory}"
        );
        Citation::new(*path, value)
    }

    /// True if memory of pods is reserved on their node, or seen to be bound there.
    fn keeps_memory(&self, evidence: &Evidence<'_>) -> Result<bool, NoVerdict> {
        Ok(self.memory.eq_ignore_ascii_case("static") || all_bound(evidence)?)
    }

    /// Asks for all settings that are other than they should be.
    fn deviates(&self, finding: Finding, keeps_memory: bool) -> Finding {
        let mut goals = Vec::new();
        let policy = if self.spans { "best-effort" } else { "restricted" };
        if !matches!(self.policy, "single-numa-node" | "restricted") && self.policy != policy {
            goals.push(setting(KubeletSetting::TopologyManagerPolicy, policy, Some(self.policy)));
        }
        if self.scope != "pod" {
            goals.push(setting(KubeletSetting::TopologyManagerScope, "pod", Some(self.scope)));
        }
        if self.spans && self.memory.eq_ignore_ascii_case("static") {
            goals.push(setting(KubeletSetting::MemoryManagerPolicy, "None", Some(self.memory)));
        } else if !self.spans && !keeps_memory {
            goals.push(setting(KubeletSetting::MemoryManagerPolicy, "Static", Some(self.memory)));
            goals.push(setting(KubeletSetting::ReservedMemory, "", None));
        }
        goals.extend(self.own.goals());
        finding
            .with_likelihood(Likelihood::Setting)
            .with_intents(goals)
            .with_cause("kubelet", Object::node())
            .with_evidence(self.citation())
    }

    /// What masks and pages show where the policy alone does not.
    fn seen(&self, evidence: &Evidence<'_>, numa: &Numa, claims: &Claims) -> Result<Finding, NoVerdict> {
        let (object, policy) = (kubelet_object(), Arg::text(self.policy));
        let open = |said: Said| {
            let finding = PAGE.not_run(kubelet_object(), said).with_evidence(self.citation());
            finding.with_citations(claims.citation.iter().cloned())
        };
        let Claims { known, told, .. } = claims;
        let (known, told) = (Arg::text(*known), Arg::from(told));
        let pods = match placed(evidence, numa)? {
            Ok(pods) => pods,
            Err(pod) => {
                // What the policy does not reach has to be put into place otherwise.
                let finding =
                    misplaced(PAGE.fail(object, pod.misaligned(policy)), pod.server, &pod.addresses)
                        .with_likelihood(Likelihood::Mechanism);
                return Ok(pod.cite(finding.with_evidence(self.citation())));
            }
        };
        if pods.is_empty() {
            return Ok(open(words::NotShownWithoutPod { policy, known, told }.into()));
        }
        if let Some(pod) = pods.iter().find(|pod| pod.is_free) {
            return Ok(open(
                words::NotShownByFreePod { policy, known, told, pod: pod.uid.as_str().into() }.into(),
            ));
        }
        if !all_bound(evidence)? {
            return Ok(open(words::NotShownByMemory { policy, known, told }.into()));
        }
        let finding = PAGE.pass(object, words::SeenAligned { policy }).with_evidence(self.citation());
        Ok(pods.into_iter().fold(finding, |finding, pod| pod.cite(finding)))
    }

    fn without_policy(&self, evidence: &Evidence<'_>, numa: &Numa) -> Result<Finding, NoVerdict> {
        let (object, policy) = (kubelet_object(), Arg::text(self.policy));
        if in_pods(evidence)?.is_empty() {
            return Ok(PAGE.not_run(object, words::NoPod { policy }));
        }
        let misaligned = placed(evidence, numa)?.err();
        let keeps_memory = self.keeps_memory(evidence).unwrap_or(false);
        let Some(pod) = misaligned else {
            return Ok(self.deviates(PAGE.warn(object, words::NothingAligns { policy }), keeps_memory));
        };
        let finding = self.deviates(PAGE.fail(object, pod.misaligned(policy)), keeps_memory);
        Ok(pod.cite(finding.with_likelihood(Likelihood::Mechanism)))
    }
}

/// Who gets CPUs of their own, which are the only ones that are aligned.
struct OwnCpus<'a> {
    kubelet: &'a Kubelet,
    pods: Result<Vec<(Pod<'a>, Share)>, Missing>,
}

/// Which CPUs a pod gets from a CPU manager of policy `static`.
enum Share {
    /// Some of its own.
    Own(Citation),
    /// Those that all pods share, as it is of this class.
    NotGuaranteed(String),
    /// Those that all pods share, as it asks for no whole number.
    NotWhole(Citation),
    Unknown(Missing),
}

impl<'a> OwnCpus<'a> {
    fn of(evidence: &Evidence<'a>, kubelet: &'a Kubelet) -> Self {
        let share = |pod: &Pod<'_>| match (&pod.qos, &kubelet.cpu_state) {
            (Fact::Missing(why), _) => Share::Unknown(why.clone()),
            (Fact::Known(class), _) if class != "guaranteed" => Share::NotGuaranteed(class.clone()),
            (_, Fact::Missing(why)) => Share::Unknown(why.clone()),
            (_, Fact::Known(state)) => {
                let prefix = format!("{}/", pod.uid);
                let own = state.exclusive.iter().filter(|entry| entry.starts_with(&prefix));
                let own: Vec<&str> = own.map(String::as_str).collect();
                if own.is_empty() {
                    Share::NotWhole(Citation::new(&state.path, format!("defaultCpuSet: {}", state.shared)))
                } else {
                    Share::Own(Citation::new(&state.path, own.join(", ")))
                }
            }
        };
        let pods = in_pods(evidence);
        let pods = pods.map(|pods| pods.into_iter().map(|pod| (share(&pod), pod)));
        Self { kubelet, pods: pods.map(|pods| pods.map(|(share, pod)| (pod, share)).collect()) }
    }

    /// The policy of the CPU manager, where it is known to give no CPUs to anyone alone.
    fn shares_all(&self) -> Option<&str> {
        self.kubelet.cpu_manager_policy.known().map(String::as_str).filter(|policy| *policy != "static")
    }

    fn known_pods(&self) -> impl Iterator<Item = &(Pod<'a>, Share)> {
        self.pods.iter().flatten()
    }

    /// Pods that are known to be in the wrong class or to ask for no whole CPUs; under another policy, the state of the CPU
    /// manager says nothing of the latter.
    fn sharing_pods(&self) -> impl Iterator<Item = &(Pod<'a>, Share)> {
        let shares_all = self.shares_all().is_some();
        self.known_pods().filter(move |(_, share)| match share {
            Share::NotGuaranteed(_) => true,
            Share::NotWhole(_) => !shares_all,
            Share::Own(_) | Share::Unknown(_) => false,
        })
    }

    /// What is known to be missing.
    fn lacking(&self, policy: Arg) -> Option<Said> {
        let first = self.sharing_pods().next();
        let manager = self.shares_all().map(Arg::text);
        let (pod, share) = match (first, &manager) {
            (Some((pod, share)), _) => (pod, share),
            (None, Some(manager)) => {
                return Some(words::SharedCpus { manager: manager.clone(), policy }.into());
            }
            (None, None) => return None,
        };
        let (pid, uid) = (Arg::text(pod.server.pid.to_string()), Arg::from(&pod.uid));
        Some(match (share, manager) {
            (Share::NotGuaranteed(class), Some(manager)) => {
                words::SharedCpusNotGuaranteed { class: class.into(), manager, pod: uid, policy }.into()
            }
            (Share::NotGuaranteed(class), None) => {
                words::NotGuaranteed { class: class.into(), pid, pod: uid, policy }.into()
            }
            _ => words::NoOwnCpus { pid, pod: uid, policy }.into(),
        })
    }

    /// Why it is not known whether CPUs of pods can be aligned.
    fn unknown(&self) -> Option<&Missing> {
        if let Fact::Missing(why) = &self.kubelet.cpu_manager_policy {
            return Some(why);
        }
        self.known_pods().find_map(|(_, share)| match share {
            Share::Unknown(why) => Some(why),
            _ => None,
        })
    }

    /// Asks for what is known to be missing.
    fn goals(&self) -> Vec<Intent> {
        let mut goals = Vec::new();
        if let Some(policy) = self.shares_all() {
            let was = Some(policy.to_owned());
            let setting = KubeletSetting::CpuManagerPolicy;
            goals.push(Intent::Kubelet { setting, want: "static".to_owned(), was });
            // Without CPUs for the system, the policy does not let the kubelet start.
            if self.kubelet.reserved_system_cpus.known().is_some_and(|cpus| cpus.trim().is_empty()) {
                let setting = KubeletSetting::ReservedSystemCpus;
                goals.push(Intent::Kubelet { setting, want: String::new(), was: None });
            }
        }
        goals.extend(self.sharing_pods().map(|(pod, _)| Intent::GuaranteedPod { server: pod.server.pid }));
        goals
    }

    fn cite(&self, finding: Finding) -> Finding {
        let policy = self.kubelet.cpu_manager_policy.known();
        let cited =
            policy.map(|policy| Citation::new(&self.kubelet.path, format!("cpuManagerPolicy: {policy}")));
        let of_pods = self.known_pods().filter_map(|(pod, share)| match share {
            Share::Own(citation) | Share::NotWhole(citation) => Some(citation.clone()),
            Share::NotGuaranteed(class) => Some(Citation::new(&pod.cgroup, format!("class {class}"))),
            Share::Unknown(_) => None,
        });
        finding.with_citations(cited).with_citations(of_pods)
    }
}

/// What is known of devices that the Topology Manager has no say in.
struct Claims {
    /// `known` or `unknown`, as sentences choose by it.
    known: &'static str,
    /// The first of them, or why they are not known.
    told: String,
    citation: Option<Citation>,
}

/// Where the kubelet keeps the claims of pods.
const CLAIMS: &str = "/var/lib/kubelet/dra_manager_state";

/// So many claims are named; the evidence has all.
const NAMED: usize = 3;

impl Claims {
    /// Claims of devices; `None` where there are known to be none.
    fn of(kubelet: &Kubelet) -> Option<Self> {
        let claims = match &kubelet.claims {
            Fact::Known(claims) if claims.is_empty() => return None,
            Fact::Known(claims) => claims,
            Fact::Missing(why) => {
                return Some(Self { known: "unknown", told: why.to_string(), citation: None });
            }
        };
        let names: Vec<&str> = claims.iter().map(|claim| claim.name.as_str()).collect();
        let more = if names.len() > NAMED { ", …" } else { "" };
        let told = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ") + more;
        let value = format!("{} claims: {}", names.len(), names.join(", "));
        Some(Self { known: "known", told, citation: Some(Citation::new(CLAIMS, value)) })
    }
}

/// True if the memory of all inference servers in pods is seen to be bound to the nodes of their GPUs: by their control
/// groups or by the policy of their pages. A flag is no proof: an engine may ignore it without a word.
fn all_bound(evidence: &Evidence<'_>) -> Result<bool, NoVerdict> {
    let gpus = evidence.gpus()?;
    let mut any = false;
    for process in in_pods(evidence)?.iter().flat_map(|pod| &pod.server.processes) {
        let addresses = gpus_of(std::slice::from_ref(process))?;
        if addresses.is_empty() {
            continue;
        }
        any = true;
        let (nodes, _) = nodes_of(&addresses, gpus)?;
        let granted = granted_nodes(process.cgroup.require()?)?;
        let (allowed, _) = granted.ok_or(words::NoCpuset {})?;
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

/// Whether a server in a container has GPUs on several nodes; the container runtime may not have been asked for its pod.
fn spans_nodes(evidence: &Evidence<'_>) -> bool {
    let gpus = evidence.gpus().unwrap_or_default();
    let servers = evidence.servers().unwrap_or_default().iter();
    let mut contained = servers.filter(|server| server.container.known().is_some());
    contained.any(|server| nodes_of(&known_gpus(server).0, gpus).is_ok_and(|(nodes, _)| nodes.len() > 1))
}

/// Where a pod with GPUs is.
struct Placed<'a> {
    uid: String,
    server: &'a InferenceServer,
    addresses: BTreeSet<&'a str>,
    gpus: NodeSet,
    cpus: NodeSet,
    /// True if it may run everywhere.
    is_free: bool,
    of_cpus: Citation,
    of_gpus: Vec<Citation>,
}

impl Placed<'_> {
    fn misaligned(&self, policy: Arg) -> words::Misaligned {
        words::Misaligned {
            policy,
            pod: (&self.uid).into(),
            gpus: Arg::text(self.gpus.to_string()),
            gpus_count: self.gpus.len().into(),
            cpus: Arg::text(self.cpus.to_string()),
            cpus_count: self.cpus.len().into(),
        }
    }

    fn cite(self, finding: Finding) -> Finding {
        finding.with_evidence(self.of_cpus).with_citations(self.of_gpus)
    }
}

/// Where the pods are in which inference servers have GPUs, or the first whose CPUs are not on the nodes of its GPUs, or on
/// others as well, whatever is not known of the others.
fn placed<'a>(
    evidence: &Evidence<'a>,
    numa: &Numa,
) -> Result<Result<Vec<Placed<'a>>, Placed<'a>>, NoVerdict> {
    let gpus = evidence.gpus()?;
    let place = |uid: String, server: &'a InferenceServer| -> Result<Option<Placed<'a>>, NoVerdict> {
        let process = server.main_process().ok_or(words::NoProcess {})?;
        let (addresses, rest) = known_gpus(server);
        if addresses.is_empty() {
            return Ok(rest.map(|()| None)?);
        }
        let (nodes, of_gpus) = nodes_of(&addresses, gpus)?;
        let granted = granted_cpus(process.cgroup.require()?)?;
        let (cpus, of_cpus) = granted.ok_or(words::NoCpuset {})?;
        let (is_free, cpus) = (numa.complete()?.all_cpus().is_subset(&cpus), numa.nodes_of(&cpus));
        if nodes.is_subset(&cpus) {
            rest?;
        }
        Ok(Some(Placed { uid, server, addresses, gpus: nodes, cpus, is_free, of_cpus, of_gpus }))
    };
    let (mut known, mut unknown) = (Vec::new(), None);
    for pod in in_pods(evidence)? {
        match place(pod.uid, pod.server) {
            Ok(Some(pod)) if !pod.is_free && pod.cpus != pod.gpus => return Ok(Err(pod)),
            Ok(pod) => known.extend(pod),
            Err(why) => unknown = Some(why),
        }
    }
    unknown.map_or(Ok(Ok(known)), Err)
}
