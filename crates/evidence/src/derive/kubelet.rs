//! Kubernetes' agent: its configuration, its arguments, and what its managers have given away.
//!
//! The configuration is the file of `--config`, then files `*.conf` of `--config-dir` by name, then arguments: the later
//! wins (kubernetes.io, "Set Kubelet Parameters Via A Configuration File"). What none of them says has the documented
//! default.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::container::pod_of;
use super::gpu_runtime::CDI;
use crate::fact::{Absence, Fact, Missing};
use crate::model::{CpuManagerState, Kubelet, Process, ResourceClaim};
use crate::source::{Source, malformed};

/// The configuration that kubeadm writes.
pub const CONFIG: &str = "/var/lib/kubelet/config.yaml";
/// What the CPU manager has given away.
pub const CPU_STATE: &str = "/var/lib/kubelet/cpu_manager_state";
/// What the memory manager has given away.
pub const MEMORY_STATE: &str = "/var/lib/kubelet/memory_manager_state";
/// Claims of devices that were prepared (dynamic resource allocation).
pub const CLAIM_STATE: &str = "/var/lib/kubelet/dra_manager_state";
/// Sockets by which drivers of devices and of storage register with the kubelet.
pub const PLUGINS: &str = "/var/lib/kubelet/plugins_registry";
/// Where these files are, unless `--root-dir` says otherwise.
const ROOT: &str = "/var/lib/kubelet";

/// Value of an argument `--name=value` or `--name value`.
#[must_use]
pub fn argument<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let Some(found) = argument.strip_prefix("--").and_then(|argument| argument.strip_prefix(name)) else {
            continue;
        };
        if let Some(value) = found.strip_prefix('=') {
            return Some(value);
        }
        if found.is_empty() {
            return rest.next().map(String::as_str);
        }
    }
    None
}

/// Parts of a KubeletConfiguration (kubelet.config.k8s.io/v1beta1) that checks ask for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Configuration {
    cpu_manager_policy: Option<String>,
    cpu_manager_policy_options: Option<BTreeMap<String, String>>,
    #[serde(rename = "reservedSystemCPUs")]
    reserved_system_cpus: Option<String>,
    topology_manager_policy: Option<String>,
    topology_manager_scope: Option<String>,
    memory_manager_policy: Option<String>,
    #[serde(rename = "cpuCFSQuota")]
    cpu_cfs_quota: Option<bool>,
    feature_gates: Option<BTreeMap<String, bool>>,
}

impl Configuration {
    /// This one, with what `other` says put over it.
    fn under(self, other: Self) -> Self {
        let options = match (self.cpu_manager_policy_options, other.cpu_manager_policy_options) {
            (Some(mut options), Some(more)) => {
                options.extend(more);
                Some(options)
            }
            (options, more) => more.or(options),
        };
        let gates = match (self.feature_gates, other.feature_gates) {
            (Some(mut gates), Some(more)) => {
                gates.extend(more);
                Some(gates)
            }
            (gates, more) => more.or(gates),
        };
        Self {
            feature_gates: gates,
            cpu_manager_policy: other.cpu_manager_policy.or(self.cpu_manager_policy),
            cpu_manager_policy_options: options,
            reserved_system_cpus: other.reserved_system_cpus.or(self.reserved_system_cpus),
            topology_manager_policy: other.topology_manager_policy.or(self.topology_manager_policy),
            topology_manager_scope: other.topology_manager_scope.or(self.topology_manager_scope),
            memory_manager_policy: other.memory_manager_policy.or(self.memory_manager_policy),
            cpu_cfs_quota: other.cpu_cfs_quota.or(self.cpu_cfs_quota),
        }
    }

    /// What arguments of the kubelet say.
    fn of_arguments(arguments: &[String]) -> Self {
        let text = |name: &str| argument(arguments, name).map(str::to_owned);
        let options = argument(arguments, "cpu-manager-policy-options").map(|options| {
            let pairs = options.split(',').filter_map(|pair| pair.split_once('='));
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        });
        let gates = argument(arguments, "feature-gates").map(|gates| {
            let pairs = gates.split(',').filter_map(|pair| pair.split_once('='));
            pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
        });
        Self {
            feature_gates: gates,
            cpu_manager_policy: text("cpu-manager-policy"),
            cpu_manager_policy_options: options,
            reserved_system_cpus: text("reserved-cpus"),
            topology_manager_policy: text("topology-manager-policy"),
            topology_manager_scope: text("topology-manager-scope"),
            memory_manager_policy: text("memory-manager-policy"),
            cpu_cfs_quota: argument(arguments, "cpu-cfs-quota").and_then(|text| text.parse().ok()),
        }
    }
}

/// # Errors
/// A node without a kubelet has none; one whose processes could not all be read may have one.
pub(super) fn derive(
    source: &impl Source,
    processes: &[Process],
    all_processes: bool,
) -> Result<Kubelet, Missing> {
    let named = |name: &str| processes.iter().find(|process| process.comm == name);
    if let Some(other) =
        processes.iter().find(|process| process.comm.starts_with("k3s") || process.comm == "kubelite")
    {
        let reason =
            format!("process {} ({}) holds a kubelet, whose settings are not read", other.pid, other.comm);
        return Err(Missing::new(Absence::Failed, reason));
    }
    let Some(kubelet) = named("kubelet") else {
        if processes.iter().any(|process| process.comm.is_empty() && !process.kernel) {
            return Err(Missing::new(
                Absence::Denied,
                "some processes could not be read, and one may be a kubelet",
            ));
        }
        if !all_processes {
            let reason = "no process of this recording is a kubelet, but not all processes were recorded";
            return Err(Missing::not_recorded(reason));
        }
        return Err(Missing::new(Absence::Absent, "no process of this node is a kubelet"));
    };
    let arguments = kubelet.cmdline.require()?;
    let (path, configuration) = match configuration(source, arguments) {
        Ok((path, configuration)) => (path, Ok(configuration)),
        Err(why) => (CONFIG.to_owned(), Err(why)),
    };
    let of_arguments = Configuration::of_arguments(arguments);
    let path = if path.is_empty() { format!("{}/cmdline", kubelet.path) } else { path };
    let whole = configuration.map(|configuration| configuration.under(of_arguments));
    let text = |of: fn(&Configuration) -> Option<String>, default: &str| -> Fact<String> {
        whole
            .as_ref()
            .map(|whole| of(whole).unwrap_or_else(|| default.to_owned()))
            .map_err(Clone::clone)
            .into()
    };
    let options = |whole: &Configuration| -> Vec<String> {
        let options = whole.cpu_manager_policy_options.iter().flatten();
        options.map(|(name, value)| format!("{name}={value}")).collect()
    };
    let pods: BTreeSet<String> = processes
        .iter()
        .filter_map(|process| process.cgroup.known())
        .filter_map(|groups| pod_of(groups))
        .map(|(uid, _)| uid)
        .collect();
    let elsewhere = argument(arguments, "root-dir").filter(|root| root.trim_end_matches('/') != ROOT);
    let elsewhere = elsewhere.map(|root| {
        Missing::new(Absence::Failed, format!("the kubelet keeps its state in `{root}`, which is not read"))
    });
    let gates = whole.as_ref().ok().and_then(|whole| whole.feature_gates.as_ref());
    let is_off = gates.is_some_and(|gates| gates.get("DynamicResourceAllocation") == Some(&false));
    Ok(Kubelet {
        cpu_manager_policy: text(|whole| whole.cpu_manager_policy.clone(), "none"),
        cpu_manager_options: whole.as_ref().map(options).map_err(Clone::clone).into(),
        reserved_system_cpus: text(|whole| whole.reserved_system_cpus.clone(), ""),
        topology_manager_policy: text(|whole| whole.topology_manager_policy.clone(), "none"),
        topology_manager_scope: text(|whole| whole.topology_manager_scope.clone(), "container"),
        memory_manager_policy: text(|whole| whole.memory_manager_policy.clone(), "None"),
        cpu_quota: whole
            .as_ref()
            .map(|whole| whole.cpu_cfs_quota.unwrap_or(true))
            .map_err(Clone::clone)
            .into(),
        cpu_state: elsewhere.clone().map_or_else(|| cpu_state(source), Err).into(),
        claims: elsewhere.map_or_else(|| claims(source, is_off), Err).into(),
        pods: Fact::Known(pods.into_iter().collect()),
        path,
    })
}

/// The configuration by files, and the last of them; an empty path where arguments are all there is.
fn configuration(source: &impl Source, arguments: &[String]) -> Result<(String, Configuration), Missing> {
    let mut path = String::new();
    let mut whole = Configuration::default();
    if let Some(file) = argument(arguments, "config") {
        whole = read(source, file)?;
        file.clone_into(&mut path);
    }
    if let Some(folder) = argument(arguments, "config-dir") {
        let folder = folder.trim_end_matches('/');
        let names = match source.list(folder) {
            Ok(names) => names,
            Err(why) if why.missing == Absence::Absent => Vec::new(),
            Err(why) => return Err(why),
        };
        for name in names.into_iter().filter(|name| name.ends_with(".conf")) {
            let file = format!("{folder}/{name}");
            whole = whole.under(read(source, &file)?);
            path = file;
        }
    }
    Ok((path, whole))
}

fn read(source: &impl Source, path: &str) -> Result<Configuration, Missing> {
    let text = source.text(path)?;
    parse(&text).ok_or_else(|| malformed(path, &text))
}

/// A KubeletConfiguration in YAML, of which JSON is a part.
fn parse(text: &str) -> Option<Configuration> {
    serde_saphyr::from_str(text).ok()
}

fn cpu_state(source: &impl Source) -> Result<CpuManagerState, Missing> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct State {
        policy_name: String,
        #[serde(default)]
        default_cpu_set: String,
        #[serde(default)]
        entries: BTreeMap<String, BTreeMap<String, String>>,
    }
    let text = source.text(CPU_STATE)?;
    let state: State = serde_json::from_str(&text).map_err(|_| malformed(CPU_STATE, &text))?;
    let pods = state.entries.into_iter().flat_map(|(pod, containers)| {
        containers.into_iter().map(move |(container, cpus)| format!("{pod}/{container}={cpus}"))
    });
    Ok(CpuManagerState {
        path: CPU_STATE.to_owned(),
        policy: state.policy_name,
        shared: state.default_cpu_set,
        exclusive: pods.collect(),
    })
}

/// A kubelet without dynamic resource allocation (`is_off`) keeps no such file; one of whose files none is there was not
/// looked at, and where a driver has left its traces, the file is missing and no claim is.
fn claims(source: &impl Source, is_off: bool) -> Result<Vec<ResourceClaim>, Missing> {
    let text = match source.text(CLAIM_STATE) {
        Err(why) if why.missing == Absence::Absent => {
            if let Some(trace) = trace(source).filter(|_| !is_off) {
                let reason =
                    format!("{trace} tells that devices come by claims, but {CLAIM_STATE} is not there");
                return Err(Missing::new(Absence::Failed, reason));
            }
            let others = [CPU_STATE, MEMORY_STATE].iter().any(|path| source.text(path).is_ok());
            let reason = || format!("{CLAIM_STATE} was not recorded, nor anything beside it");
            return if others { Ok(Vec::new()) } else { Err(Missing::new(Absence::Failed, reason())) };
        }
        text => text?,
    };
    parse_claims(&text).ok_or_else(|| malformed(CLAIM_STATE, &text))
}

/// What a driver of resource claims leaves on a node: specifications of devices for each claim, and its socket. Drivers of
/// storage have theirs in the same folder.
fn trace(source: &impl Source) -> Option<String> {
    let first = |folder: &str, is_trace: fn(&str) -> bool| {
        let names = source.list(folder).ok()?;
        names.into_iter().find(|name| is_trace(name)).map(|name| format!("{folder}/{name}"))
    };
    let of_claims = CDI.iter().find_map(|folder| first(folder, |name| name.contains("-claim_")));
    of_claims.or_else(|| first(PLUGINS, |name| name.ends_with("-reg.sock") && !name.contains("csi")))
}

/// The list is in a text within the file from Kubernetes 1.32 on, and in the file itself before. Empty, it is null or left out.
fn parse_claims(text: &str) -> Option<Vec<ResourceClaim>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Claim {
        claim_name: String,
        namespace: String,
        #[serde(rename = "PodUIDs")]
        pods: Option<BTreeMap<String, serde::de::IgnoredAny>>,
    }
    #[derive(Deserialize)]
    struct File {
        #[serde(rename = "Data")]
        data: Option<String>,
        version: Option<String>,
        entries: Option<Vec<Claim>>,
    }
    #[derive(Deserialize)]
    struct Data {
        // A member that is left out is an error, other than one that is null.
        #[serde(rename = "ClaimInfoStateList", alias = "Entries", deserialize_with = "Option::deserialize")]
        claims: Option<Vec<Claim>>,
    }
    let file: File = serde_json::from_str(text).ok()?;
    let claims = match (file.data, file.version) {
        (Some(data), _) => serde_json::from_str::<Data>(&data).ok()?.claims,
        (None, Some(_)) => file.entries,
        (None, None) => return None,
    };
    let claim = |claim: Claim| ResourceClaim {
        name: format!("{}/{}", claim.namespace, claim.claim_name),
        pods: claim.pods.unwrap_or_default().into_keys().collect(),
    };
    Some(claims.unwrap_or_default().into_iter().map(claim).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::derive::testing::Tree;

    fn process(comm: &str, arguments: &[&str]) -> Process {
        Process {
            path: "/proc/9".into(),
            pid: 9,
            ppid: 1,
            comm: comm.into(),
            kernel: false,
            cmdline: Fact::Known(arguments.iter().map(|&text| text.to_owned()).collect()),
            cgroup: Fact::Known("0::/system.slice/kubelet.service".into()),
            gpus: Fact::Known(vec![]),
            threads: vec![],
        }
    }

    #[test]
    fn arguments_outweigh_drop_ins_and_these_the_file() {
        let tree = Tree::of(&[
            (
                CONFIG,
                "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncpuManagerPolicy: static\ncpuManagerPolicyOptions:\n  full-pcpus-only: \"true\"\nevictionHard:\n  memory.available: 100Mi\ntopologyManagerPolicy: restricted\n",
            ),
            (
                "/etc/kubernetes/kubelet.conf.d/10-x.conf",
                "{\"topologyManagerScope\": \"pod\", \"reservedSystemCPUs\": \"0-3\"}",
            ),
            (
                CPU_STATE,
                r#"{"policyName":"static","defaultCpuSet":"0-3","entries":{"u":{"vllm":"4-7"}},"checksum":1}"#,
            ),
        ]);
        let arguments = [
            "/usr/bin/kubelet",
            "--config=/var/lib/kubelet/config.yaml",
            "--config-dir",
            "/etc/kubernetes/kubelet.conf.d",
            "--topology-manager-policy=best-effort",
        ];
        let kubelet = derive(&tree, &[process("kubelet", &arguments)], true).unwrap();
        assert_eq!(kubelet.cpu_manager_policy, Fact::Known("static".into()));
        assert_eq!(kubelet.cpu_manager_options, Fact::Known(vec!["full-pcpus-only=true".into()]));
        assert_eq!(kubelet.topology_manager_policy, Fact::Known("best-effort".into()));
        assert_eq!(kubelet.topology_manager_scope, Fact::Known("pod".into()));
        assert_eq!(kubelet.reserved_system_cpus, Fact::Known("0-3".into()));
        assert_eq!(kubelet.memory_manager_policy, Fact::Known("None".into()));
        assert_eq!(kubelet.cpu_state.require().unwrap().exclusive, ["u/vllm=4-7"]);
        assert_eq!(kubelet.path, "/etc/kubernetes/kubelet.conf.d/10-x.conf");
    }

    #[test]
    fn a_configuration_that_was_not_read_has_no_defaults() {
        let arguments = ["kubelet", "--config=/x.yaml"];
        let kubelet = derive(&Tree::of(&[]), &[process("kubelet", &arguments)], true).unwrap();
        assert!(kubelet.cpu_manager_policy.known().is_none());
        let bare = derive(&Tree::of(&[]), &[process("kubelet", &["kubelet"])], true).unwrap();
        assert_eq!(
            (bare.path.as_str(), bare.cpu_manager_policy),
            ("/proc/9/cmdline", Fact::Known("none".into()))
        );
    }

    #[test]
    fn claims_are_read_in_either_form() {
        let claim = r#"{"ClaimUID":"06","ClaimName":"gpu","Namespace":"llm","PodUIDs":{"139c":{}}}"#;
        let quoted = claim.replace('"', r#"\""#);
        let forms = [
            format!(r#"{{"version":"v1","entries":[{claim}],"checksum":1}}"#),
            format!(r#"{{"Data":"{{\"kind\":\"DRACheckpoint\",\"Entries\":[{quoted}]}}","Checksum":1}}"#),
            format!(r#"{{"Data":"{{\"ClaimInfoStateList\":[{quoted}]}}","Checksum":1}}"#),
        ];
        for form in &forms {
            let [claim] = &parse_claims(form).unwrap()[..] else { panic!("{form}") };
            assert_eq!(
                (claim.name.as_str(), &claim.pods[..]),
                ("llm/gpu", &["139c".to_owned()][..]),
                "{form}"
            );
        }
        let none = [
            r#"{"version":"v1","checksum":1}"#,
            r#"{"Data":"{\"kind\":\"DRACheckpoint\",\"ClaimInfoStateList\":null}","Checksum":1}"#,
        ];
        for form in none {
            assert_eq!(parse_claims(form), Some(Vec::new()), "{form}");
        }
        for form in
            ["{}", "null", r#"{"Data":"{}"}"#, r#"{"Data":null}"#, r#"{"version":"v1","entries":[{}]}"#]
        {
            assert_eq!(parse_claims(form), None, "{form}");
        }
    }

    #[test]
    fn no_claims_are_known_where_the_folder_was_looked_at() {
        let claims = |arguments: &[&str], files: &[(&'static str, &str)]| {
            derive(&Tree::of(files), &[process("kubelet", arguments)], true).unwrap().claims
        };
        let state = (CPU_STATE, r#"{"policyName":"none","defaultCpuSet":"","checksum":1}"#);
        assert_eq!(claims(&["kubelet"], &[state]), Fact::Known(Vec::new()));
        let absence = |fact: Fact<Vec<ResourceClaim>>| fact.require().unwrap_err().missing;
        assert_eq!(absence(claims(&["kubelet"], &[])), Absence::Failed);
        // A driver has left its traces.
        let socket = ("/var/lib/kubelet/plugins_registry/gpu.nvidia.com-reg.sock", "");
        let claim = ("/run/cdi/k8s.gpu.nvidia.com-claim_06.yaml", "");
        let storage = ("/var/lib/kubelet/plugins_registry/ebs.csi.aws.com-reg.sock", "");
        assert_eq!(absence(claims(&["kubelet"], &[state, socket])), Absence::Failed);
        assert_eq!(absence(claims(&["kubelet"], &[state, claim])), Absence::Failed);
        assert_eq!(claims(&["kubelet"], &[state, storage]), Fact::Known(Vec::new()));
        let off = "--feature-gates=A=true,DynamicResourceAllocation=false";
        assert_eq!(claims(&["kubelet", off], &[state, socket]), Fact::Known(Vec::new()));
        assert_eq!(absence(claims(&["kubelet", "--root-dir=/data/kubelet"], &[state])), Absence::Failed);
        assert_eq!(absence(claims(&["kubelet"], &[state, (CLAIM_STATE, "x")])), Absence::Malformed);
        assert_eq!(
            claims(&["kubelet", "--root-dir", "/var/lib/kubelet/"], &[state]),
            Fact::Known(Vec::new())
        );
    }

    #[test]
    fn other_nodes_have_no_kubelet() {
        assert_eq!(
            derive(&Tree::of(&[]), &[process("vllm", &[])], true).unwrap_err().missing,
            Absence::Absent
        );
        let some = derive(&Tree::of(&[]), &[process("vllm", &[])], false).unwrap_err();
        assert_eq!(some.missing, Absence::NotRecorded, "the kubelet may be one that was not recorded");
        assert_eq!(derive(&Tree::of(&[]), &[process("", &[])], true).unwrap_err().missing, Absence::Denied);
        assert_eq!(
            derive(&Tree::of(&[]), &[process("k3s-server", &[])], true).unwrap_err().missing,
            Absence::Failed
        );
    }

    proptest! {
        #[test]
        fn any_text_is_parsed(text in "\\PC*|([a-zA-Z&*\\[\\]{}:, \"-]{0,30}\n){0,5}") {
            let _ = parse(&text);
        }
    }
}
