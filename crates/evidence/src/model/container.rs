//! Container runtimes and Kubernetes.

use serde::{Deserialize, Serialize};

use crate::fact::Fact;

/// Container runtimes and Kubernetes.
///
/// What is looked up by name is a list, so that an entry that got lost is not taken for one that never was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Containers {
    /// Containers that processes run in, by id.
    pub containers: Fact<Vec<Container>>,
    /// Kubernetes' agent on this node; absent on a node without.
    pub kubelet: Fact<Kubelet>,
    /// How containers get at GPUs.
    pub gpu_runtime: Fact<GpuRuntime>,
}

/// One container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Id, 64 hexadecimal digits.
    pub id: String,
    /// Its control group, `/proc/PID/cgroup` of one of its processes.
    pub cgroup: String,
    /// Who drives its control group: `systemd` or `cgroupfs`, by the form of the group's name.
    pub cgroup_driver: String,
    /// UID of its Kubernetes pod; absent outside one.
    pub pod: Fact<String>,
    /// Quality of service of the pod: `guaranteed`, `burstable` or `besteffort`.
    pub qos: Fact<String>,
    /// Name that a person knows it by.
    #[serde(default)]
    pub name: Fact<String>,
    /// What the engine (Docker) was asked for; absent under other engines.
    #[serde(default)]
    pub docker: Fact<DockerConfig>,
    /// What the runtime was given (OCI specification).
    #[serde(default)]
    pub spec: Fact<OciSpec>,
}

impl Container {
    /// The command line tool of the engine that runs it, where its control group or configuration tells: `docker`, `podman`.
    #[must_use]
    pub fn engine(&self) -> Option<&'static str> {
        if self.docker.known().is_some()
            || self.cgroup.contains("/docker-")
            || self.cgroup.contains("/docker/")
        {
            return Some("docker");
        }
        self.cgroup.contains("/libpod-").then_some("podman")
    }
}

/// What Docker was asked for, `hostconfig.json`; what was not asked for is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DockerConfig {
    /// File that it was read from.
    pub path: String,
    /// CPUs of `--cpuset-cpus`.
    pub cpuset_cpus: Option<String>,
    /// Nodes of `--cpuset-mems`.
    pub cpuset_mems: Option<String>,
    /// `--cpus` in 10⁻⁹ CPUs.
    pub nano_cpus: Option<i64>,
    /// `--restart`: `no`, `on-failure`, `always`, `unless-stopped`.
    pub restart_policy: Option<String>,
    /// True if the image or the command line has a health check.
    pub health_check: Option<bool>,
    /// `--oom-score-adj`.
    pub oom_score_adj: Option<i64>,
    /// `--cap-add`.
    pub cap_add: Vec<String>,
    /// `--security-opt`.
    pub security_opt: Vec<String>,
    /// `--privileged`.
    pub privileged: bool,
    /// `--ulimit` as `NAME=SOFT:HARD`.
    pub ulimits: Vec<String>,
    /// Size of `/dev/shm` in bytes.
    pub shm_size_bytes: Option<u64>,
    /// `--ipc`.
    pub ipc_mode: Option<String>,
    /// How often the engine started it again.
    pub restarts: Option<u64>,
}

/// What the runtime was given, as far as checks ask for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OciSpec {
    /// File that it was read from.
    pub path: String,
    /// Devices that the specification declares (`/dev/nvidia0`).
    pub devices: Fact<Vec<String>>,
    /// Effective capabilities (`CAP_SYS_NICE`).
    pub capabilities: Fact<Vec<String>>,
    /// What the filter of system calls answers for calls that place memory, by call; absent without a filter.
    pub memory_policy_calls: Fact<Vec<FilteredCall>>,
    /// CPUs that it was given.
    pub cpuset_cpus: Option<String>,
    /// Memory nodes that it was given.
    pub cpuset_mems: Option<String>,
}

/// What a filter of system calls does with a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilteredCall {
    /// System call (`set_mempolicy`).
    pub name: String,
    /// True if some rule allows it without a condition.
    pub allowed: bool,
}

/// Kubernetes' agent on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kubelet {
    /// File of the configuration, or `/proc/PID/cmdline` where arguments are all there is.
    pub path: String,
    /// `none` or `static`.
    pub cpu_manager_policy: Fact<String>,
    /// Options of the CPU manager as `NAME=VALUE`.
    pub cpu_manager_options: Fact<Vec<String>>,
    /// CPUs kept back for the system; empty if none are.
    pub reserved_system_cpus: Fact<String>,
    /// `none`, `best-effort`, `restricted` or `single-numa-node`.
    pub topology_manager_policy: Fact<String>,
    /// `container` or `pod`.
    pub topology_manager_scope: Fact<String>,
    /// `None` or `Static`.
    pub memory_manager_policy: Fact<String>,
    /// True if CPU limits are enforced with a quota.
    pub cpu_quota: Fact<bool>,
    /// What the CPU manager has given away.
    pub cpu_state: Fact<CpuManagerState>,
    /// Claims of devices that pods on this node use (dynamic resource allocation).
    pub claims: Fact<Vec<ResourceClaim>>,
    /// Pods with processes on this node, by UID.
    pub pods: Fact<Vec<String>>,
}

/// What the CPU manager has given away, `/var/lib/kubelet/cpu_manager_state`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CpuManagerState {
    /// File that it was read from.
    pub path: String,
    /// Policy in force when it was written.
    pub policy: String,
    /// CPUs that are shared.
    pub shared: String,
    /// CPUs that belong to one container, as `POD/CONTAINER=CPUS`.
    pub exclusive: Vec<String>,
}

/// A claim of devices, `/var/lib/kubelet/dra_manager_state`. Which devices it got is known to its driver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceClaim {
    /// `NAMESPACE/NAME`.
    pub name: String,
    /// UIDs of the pods that it is prepared for.
    pub pods: Vec<String>,
}

/// How containers get at GPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GpuRuntime {
    /// Version of NVIDIA's container toolkit.
    pub toolkit_version: Fact<VersionFound>,
    /// `mode` of the toolkit's configuration (`auto`, `legacy`, `cdi`).
    pub mode: Fact<VersionFound>,
    /// Specifications of the container device interface that describe NVIDIA's devices.
    pub cdi_files: Fact<Vec<String>>,
    /// True if links for NVIDIA's devices are in `/dev/char`.
    pub device_links: Fact<bool>,
    /// Version of the driver in the kernel.
    pub kernel_driver: Fact<VersionFound>,
    /// Version of the driver's libraries on the host.
    pub driver_library: Fact<VersionFound>,
}

/// A text and the file that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionFound {
    /// What was found.
    pub text: String,
    /// Where.
    pub path: String,
}
