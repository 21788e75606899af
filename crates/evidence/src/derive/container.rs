//! Containers: which processes run in one, and what engine and runtime were asked for. Kubernetes and the GPU runtime are
//! in modules of their own.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{gpu_runtime, kubelet};
use crate::fact::{Absence, Fact, Missing};
use crate::model::{Container, Containers, DockerConfig, FilteredCall, OciSpec, Process};
use crate::source::{Source, malformed};

/// Where Docker keeps its containers, unless it is told otherwise.
pub const DOCKER: &str = "/var/lib/docker";
/// Configuration of Docker's daemon.
pub const DOCKER_DAEMON: &str = "/etc/docker/daemon.json";
/// Folders of containerd with a folder per namespace, and in it one per container.
pub const CONTAINERD: &[&str] =
    &["/run/containerd/io.containerd.runtime.v2.task", "/run/k3s/containerd/io.containerd.runtime.v2.task"];
/// Folders of Podman and CRI-O with a folder per container.
pub const STORAGE: &[&str] =
    &["/var/lib/containers/storage/overlay-containers", "/run/containers/storage/overlay-containers"];

/// System calls by which a program places memory.
const MEMORY_CALLS: &[&str] = &["get_mempolicy", "mbind", "set_mempolicy"];

/// # Errors
/// Says why the processes are not known: without them it is not known which containers run.
pub(crate) fn derive(
    source: &impl Source,
    processes: &Fact<Vec<Process>>,
    all_processes: bool,
) -> Result<Containers, Missing> {
    let processes = processes.require()?;
    Ok(Containers {
        containers: containers(source, processes).into(),
        kubelet: kubelet::derive(source, processes, all_processes).into(),
        gpu_runtime: gpu_runtime::derive(source),
    })
}

/// Id of the container that a control group belongs to: 64 hexadecimal digits, alone or as in `docker-ID.scope`.
#[must_use]
pub fn id_of(membership: &str) -> Option<&str> {
    part_of(membership).map(|(_, id)| id)
}

/// The part of a group's path that names the container, and the id in it.
fn part_of(membership: &str) -> Option<(&str, &str)> {
    let parts = membership
        .lines()
        .filter_map(|line| line.splitn(3, ':').nth(2))
        .flat_map(|path| path.split('/').rev());
    parts.into_iter().find_map(|part| {
        let bare = part.strip_suffix(".scope").unwrap_or(part);
        let id = bare.rsplit(['-', ':']).next().unwrap_or(bare);
        let is_id =
            id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        is_id.then_some((part, id))
    })
}

/// UID of the pod that a control group belongs to, and the pod's class.
#[must_use]
pub fn pod_of(membership: &str) -> Option<(String, &'static str)> {
    let parts =
        membership.lines().filter_map(|line| line.splitn(3, ':').nth(2)).flat_map(|path| path.split('/'));
    let part = parts.into_iter().find(|part| uid(part).is_some())?;
    let class = ["burstable", "besteffort"].into_iter().find(|class| membership.contains(class));
    Some((uid(part)?, class.unwrap_or("guaranteed")))
}

/// `kubepods-burstable-pod1234_….slice` or `pod1234-…`.
fn uid(part: &str) -> Option<String> {
    let bare = part.strip_suffix(".slice").unwrap_or(part);
    let at = bare.rfind("pod").filter(|&at| at == 0 || bare.as_bytes()[at - 1] == b'-')?;
    let uid = bare[at + 3..].replace('_', "-");
    let is_uid = uid.len() >= 32 && uid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_uid.then_some(uid)
}

fn containers(source: &impl Source, processes: &[Process]) -> Result<Vec<Container>, Missing> {
    let mut found: BTreeMap<&str, (&Process, &str)> = BTreeMap::new();
    let mut unread = None;
    for process in processes.iter().filter(|process| !process.kernel) {
        match &process.cgroup {
            Fact::Known(groups) => {
                if let Some(id) = id_of(groups) {
                    found.entry(id).or_insert((process, groups));
                }
            }
            Fact::Missing(why) if why.missing == Absence::Absent => {}
            Fact::Missing(why) => drop(unread.get_or_insert(why)),
        }
    }
    if let (true, Some(why)) = (found.is_empty(), unread) {
        return Err(why.clone());
    }
    let root = docker_root(source);
    Ok(found
        .into_iter()
        .map(|(id, (process, groups))| container(source, &root, id, process, groups))
        .collect())
}

/// The folder that Docker keeps its containers in.
#[must_use]
pub fn docker_root(source: &impl Source) -> String {
    #[derive(Deserialize)]
    struct Daemon {
        #[serde(rename = "data-root")]
        data_root: Option<String>,
    }
    let daemon: Option<Daemon> = json(source, DOCKER_DAEMON).ok();
    let root = daemon.and_then(|daemon| daemon.data_root).filter(|root| root.starts_with('/'));
    root.map_or_else(|| DOCKER.to_owned(), |root| root.trim_end_matches('/').to_owned())
}

/// Paths at which the specification of a container may lie.
#[must_use]
pub fn spec_paths(source: &impl Source, id: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for folder in CONTAINERD {
        for namespace in source.list(folder).unwrap_or_default() {
            paths.push(format!("{folder}/{namespace}/{id}/config.json"));
        }
    }
    paths.extend(STORAGE.iter().map(|folder| format!("{folder}/{id}/userdata/config.json")));
    paths
}

fn json<T: DeserializeOwned>(source: &impl Source, path: &str) -> Result<T, Missing> {
    let bytes = source.read(path)?;
    serde_json::from_slice(&bytes).map_err(|_| malformed(path, &String::from_utf8_lossy(&bytes)))
}

fn container(source: &impl Source, root: &str, id: &str, process: &Process, groups: &str) -> Container {
    let (part, _) = part_of(groups).unwrap_or(("", id));
    let driver = if part.ends_with(".scope") { "systemd" } else { "cgroupfs" };
    let pod = pod_of(groups);
    let no_pod = || Missing::new(Absence::Absent, "its control group names no pod");
    let (pod, qos) = match pod {
        Some((uid, class)) => (Fact::Known(uid), Fact::Known(class.to_owned())),
        None => (Fact::Missing(no_pod()), Fact::Missing(no_pod())),
    };
    let docker = docker(source, &format!("{root}/containers/{id}"));
    let (spec, names) = spec(source, id);
    let name = docker.as_ref().ok().and_then(|(_, name)| name.clone()).or(names);
    Container {
        id: id.to_owned(),
        cgroup: format!("{}/cgroup", process.path),
        cgroup_driver: driver.to_owned(),
        pod,
        qos,
        name: name.map_or_else(|| Fact::absent("nothing that was read names it"), Fact::Known),
        docker: docker.map(|(docker, _)| docker).into(),
        spec,
    }
}

/// What Docker was asked for, and the container's name.
fn docker(source: &impl Source, folder: &str) -> Result<(DockerConfig, Option<String>), Missing> {
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "PascalCase", default)]
    struct HostConfig {
        cpuset_cpus: Option<String>,
        cpuset_mems: Option<String>,
        nano_cpus: Option<i64>,
        restart_policy: Option<RestartPolicy>,
        oom_score_adj: Option<i64>,
        cap_add: Option<Vec<String>>,
        security_opt: Option<Vec<String>>,
        privileged: bool,
        ulimits: Option<Vec<Ulimit>>,
        shm_size: Option<u64>,
        ipc_mode: Option<String>,
    }
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "PascalCase", default)]
    struct RestartPolicy {
        name: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Ulimit {
        name: String,
        soft: i64,
        hard: i64,
    }
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "PascalCase", default)]
    struct Config {
        name: Option<String>,
        restart_count: Option<u64>,
        config: Option<Image>,
    }
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "PascalCase", default)]
    struct Image {
        healthcheck: Option<Healthcheck>,
    }
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "PascalCase", default)]
    struct Healthcheck {
        test: Option<Vec<String>>,
    }

    let path = format!("{folder}/hostconfig.json");
    let host: HostConfig = json(source, &path)?;
    let config: Option<Config> = json(source, &format!("{folder}/config.v2.json")).ok();
    let health_check = config.as_ref().map(|config| {
        let check = config.config.as_ref().and_then(|image| image.healthcheck.as_ref());
        let test = check.and_then(|check| check.test.as_ref());
        test.is_some_and(|test| test.first().is_some_and(|first| first != "NONE"))
    });
    let name = config
        .as_ref()
        .and_then(|config| config.name.as_ref())
        .map(|name| name.trim_start_matches('/').to_owned());
    let docker = DockerConfig {
        path,
        cpuset_cpus: host.cpuset_cpus,
        cpuset_mems: host.cpuset_mems,
        nano_cpus: host.nano_cpus,
        restart_policy: host.restart_policy.map(|policy| policy.name),
        health_check,
        oom_score_adj: host.oom_score_adj,
        cap_add: host.cap_add.unwrap_or_default(),
        security_opt: host.security_opt.unwrap_or_default(),
        privileged: host.privileged,
        ulimits: host
            .ulimits
            .unwrap_or_default()
            .into_iter()
            .map(|limit| format!("{}={}:{}", limit.name, limit.soft, limit.hard))
            .collect(),
        shm_size_bytes: host.shm_size,
        ipc_mode: host.ipc_mode,
        restarts: config.and_then(|config| config.restart_count),
    };
    Ok((docker, name))
}

/// What the runtime was given, and the container's name in Kubernetes.
fn spec(source: &impl Source, id: &str) -> (Fact<OciSpec>, Option<String>) {
    let mut why = None;
    for path in spec_paths(source, id) {
        match json::<Spec>(source, &path) {
            Ok(spec) => {
                let of = |key: &str| spec.annotations.get(key).cloned();
                let name =
                    of("io.kubernetes.cri.container-name").or_else(|| of("io.kubernetes.container.name"));
                return (Fact::Known(spec.into_model(path)), name);
            }
            Err(missing) if missing.is_nothing() => {}
            Err(missing) => drop(why.get_or_insert(missing)),
        }
    }
    // The namespaces of containerd could not even be listed.
    let denied = CONTAINERD.iter().filter_map(|folder| source.list(folder).err());
    why = why.or_else(|| denied.into_iter().find(|missing| missing.missing != Absence::Absent));
    let why =
        why.unwrap_or_else(|| Missing::new(Absence::Absent, "no specification of the container was found"));
    (Fact::Missing(why), None)
}

/// The parts of an OCI runtime specification that checks ask for.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    process: SpecProcess,
    linux: SpecLinux,
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SpecProcess {
    capabilities: Option<SpecCapabilities>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SpecCapabilities {
    effective: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SpecLinux {
    devices: Vec<SpecDevice>,
    seccomp: Option<Seccomp>,
    resources: SpecResources,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SpecDevice {
    path: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SpecResources {
    cpu: SpecCpu,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SpecCpu {
    cpus: Option<String>,
    mems: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Seccomp {
    default_action: String,
    syscalls: Vec<SeccompRule>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SeccompRule {
    names: Vec<String>,
    action: String,
    args: Option<Vec<serde_json::Value>>,
}

impl Spec {
    fn into_model(self, path: String) -> OciSpec {
        let allows = |action: &str| matches!(action, "SCMP_ACT_ALLOW" | "SCMP_ACT_LOG");
        let calls = self.linux.seccomp.map(|seccomp| {
            let call = |name: &&str| {
                let mut rules =
                    seccomp.syscalls.iter().filter(|rule| rule.names.iter().any(|other| other == name));
                let unconditional = rules.find(|rule| rule.args.as_ref().is_none_or(Vec::is_empty));
                let action = unconditional.map_or(&seccomp.default_action, |rule| &rule.action);
                FilteredCall { name: (*name).to_owned(), allowed: allows(action) }
            };
            MEMORY_CALLS.iter().map(call).collect()
        });
        let devices: BTreeSet<String> = self.linux.devices.into_iter().map(|device| device.path).collect();
        OciSpec {
            path,
            devices: Fact::Known(devices.into_iter().collect()),
            capabilities: self.process.capabilities.map_or_else(
                || Fact::absent("the specification names no capabilities"),
                |set| Fact::Known(set.effective),
            ),
            memory_policy_calls: calls
                .map_or_else(|| Fact::absent("the specification has no filter"), Fact::Known),
            cpuset_cpus: self.linux.resources.cpu.cpus,
            cpuset_mems: self.linux.resources.cpu.mems,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::derive::testing::Tree;

    const ID: &str = "4f1c8a7be2d0935c6ab1d4e8f0975312c4f1c8a7be2d0935c6ab1d4e8f097531";
    const UID: &str = "9b2f6c1e-0c4d-4f3a-9b57-2f1f0d6a7c11";

    fn process(groups: &str) -> Process {
        Process {
            path: "/proc/7".into(),
            pid: 7,
            ppid: 1,
            comm: "vllm".into(),
            kernel: false,
            cmdline: Fact::Known(vec![]),
            cgroup: Fact::Known(groups.to_owned()),
            gpus: Fact::Known(vec![]),
            threads: vec![],
        }
    }

    #[test]
    fn control_groups_name_containers_and_pods() {
        let slice = format!("kubepods-burstable-pod{}.slice", UID.replace('-', "_"));
        let systemd =
            format!("0::/kubepods.slice/kubepods-burstable.slice/{slice}/cri-containerd-{ID}.scope");
        assert_eq!(id_of(&systemd), Some(ID));
        assert_eq!(pod_of(&systemd), Some((UID.to_owned(), "burstable")));
        let guaranteed = format!("0::/kubepods/pod{UID}/{ID}");
        assert_eq!(pod_of(&guaranteed), Some((UID.to_owned(), "guaranteed")));
        assert_eq!(part_of(&guaranteed), Some((ID, ID)));
        assert_eq!(id_of("0::/system.slice/vllm.service\n"), None);
        assert_eq!(pod_of("0::/machine.slice/podman-7.scope\n"), None);
        assert_eq!(id_of(&format!("4:cpu:/docker/{ID}\n1:name=systemd:/docker/{ID}\n")), Some(ID));
    }

    #[test]
    fn docker_and_the_runtime_are_read_for_each_container() {
        let host = r#"{"CpusetCpus":"0-7","NanoCpus":0,"RestartPolicy":{"Name":"always","MaximumRetryCount":0},
            "CapAdd":null,"Ulimits":[{"Name":"nofile","Hard":4096,"Soft":1024}],"ShmSize":67108864}"#;
        let spec = r#"{"process":{"capabilities":{"effective":["CAP_CHOWN"]}},
            "linux":{"resources":{"cpu":{"cpus":"0-7"}},"devices":[{"path":"/dev/nvidia0","type":"c"}],
            "seccomp":{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
                {"names":["read","mbind"],"action":"SCMP_ACT_ALLOW"},
                {"names":["set_mempolicy"],"action":"SCMP_ACT_ALLOW","args":[{"index":0}]}]}}}"#;
        let folder = format!("/data/docker/containers/{ID}");
        let spec_path = format!("/run/containerd/io.containerd.runtime.v2.task/moby/{ID}/config.json");
        let tree = Tree::of(&[
            (DOCKER_DAEMON, r#"{"data-root": "/data/docker/"}"#),
            (&format!("{folder}/hostconfig.json"), host),
            (
                &format!("{folder}/config.v2.json"),
                r#"{"Name":"/vllm","RestartCount":2,"Config":{"Healthcheck":{"Test":["NONE"]}}}"#,
            ),
            (&spec_path, spec),
        ]);
        let all = containers(&tree, &[process(&format!("0::/system.slice/docker-{ID}.scope"))]).unwrap();
        let [container] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!(
            (container.cgroup_driver.as_str(), container.name.known().unwrap().as_str()),
            ("systemd", "vllm")
        );
        let docker = container.docker.require().unwrap();
        assert_eq!((docker.restart_policy.as_deref(), docker.health_check), (Some("always"), Some(false)));
        assert_eq!((docker.ulimits[0].as_str(), docker.restarts), ("nofile=1024:4096", Some(2)));
        let spec = container.spec.require().unwrap();
        assert_eq!(spec.devices, Fact::Known(vec!["/dev/nvidia0".to_owned()]));
        let calls = spec.memory_policy_calls.require().unwrap();
        let allowed: Vec<&str> =
            calls.iter().filter(|call| call.allowed).map(|call| call.name.as_str()).collect();
        assert_eq!(allowed, ["mbind"], "a call that is allowed for some arguments only is not allowed");
    }

    #[test]
    fn what_is_not_there_is_absent_and_what_is_broken_is_malformed() {
        let group = format!("0::/docker/{ID}");
        let none = containers(&Tree::of(&[]), &[process(&group)]).unwrap();
        assert_eq!(none[0].docker.require().unwrap_err().missing, Absence::Absent);
        assert_eq!(none[0].spec.require().unwrap_err().missing, Absence::Absent);
        let broken = format!("{DOCKER}/containers/{ID}/hostconfig.json");
        let broken = containers(&Tree::of(&[(&broken, "{\"CpusetCpus\": 7}")]), &[process(&group)]).unwrap();
        assert_eq!(broken[0].docker.require().unwrap_err().missing, Absence::Malformed);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed(text in "\\PC*|[a-f0-9:/._pod-]{0,120}") {
            let _ = id_of(&text);
            let _ = pod_of(&text);
            let _ = serde_json::from_str::<Spec>(&text);
        }
    }
}
