//! What containers were asked for, Kubernetes' agent, and NVIDIA's container toolkit.

use std::collections::BTreeSet;

use plumb_evidence::derive::container::{CONTAINERD, DOCKER_DAEMON, STORAGE, docker_root, id_of, spec_paths};
use plumb_evidence::derive::gpu_runtime::{
    CDI, DEVICE_LINK, DRIVER_LINKS, KERNEL_DRIVER, LIBRARIES, TOOLKIT_CONFIG, TOOLKIT_LINKS,
};
use plumb_evidence::derive::kubelet::{CLAIM_STATE, CPU_STATE, MEMORY_STATE, PLUGINS, argument};
use plumb_evidence::{Absence, Missing, Source};

use super::Files;
use super::process::programs;
use crate::mask_config::{keep_json, keep_yaml, mask_lines};
use crate::probe::{Method, Privilege, Probe};

pub(super) const PROBE: Probe = Probe {
    id: "container",
    title: "containers, kubelet, GPU runtime",
    reads: &[
        "/var/lib/docker",
        "/etc/docker",
        "/run/containerd",
        "/run/k3s",
        "/var/lib/containers",
        "/run/containers",
        "/var/lib/kubelet",
        "/etc/kubernetes",
        "/etc/nvidia-container-runtime",
        "/etc/cdi",
        "/run/cdi",
        DEVICE_LINK,
        KERNEL_DRIVER,
        "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
        "/usr/lib/x86_64-linux-gnu/libnvidia-container.so.1",
        "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1",
        "/usr/lib/aarch64-linux-gnu/libcuda.so.1",
        "/usr/lib/aarch64-linux-gnu/libnvidia-container.so.1",
        "/usr/lib/aarch64-linux-gnu/libnvidia-ml.so.1",
        "/usr/lib64/libcuda.so.1",
        "/usr/lib64/libnvidia-container.so.1",
        "/usr/lib64/libnvidia-ml.so.1",
        "/usr/lib/libcuda.so.1",
        "/usr/lib/libnvidia-container.so.1",
        "/usr/lib/libnvidia-ml.so.1",
    ],
    privilege: Privilege::Root,
    budget: std::time::Duration::from_secs(10),
    method: Method::Files(run),
    sample: None,
};

/// More containers than that are not looked at: a node has 110 pods unless it is told otherwise.
const MOST: usize = 512;

/// The beginning of a specification of devices tells whose it is; the rest is hundreds of mounts.
const HEAD: usize = 1024;

/// Members of Docker's `hostconfig.json` that are kept. The rest holds labels and options of log drivers, among which are
/// tokens.
const HOST_CONFIG: &[&str] = &[
    "CapAdd",
    "CapDrop",
    "CgroupParent",
    "CpuPeriod",
    "CpuQuota",
    "CpuShares",
    "CpusetCpus",
    "CpusetMems",
    "DeviceRequests",
    "Devices",
    "IpcMode",
    "Memory",
    "MemorySwap",
    "NanoCpus",
    "NetworkMode",
    "OomKillDisable",
    "OomScoreAdj",
    "PidMode",
    "PidsLimit",
    "Privileged",
    "RestartPolicy",
    "Runtime",
    "SecurityOpt",
    "ShmSize",
    "Ulimits",
];

/// Members of Docker's `config.v2.json` that are kept.
const CONFIG: &[&str] = &[
    "Config/Cmd",
    "Config/Entrypoint",
    "Config/Env",
    "Config/Healthcheck",
    "Config/Image",
    "Driver",
    "ID",
    "Name",
    "RestartCount",
    "State/Running",
    "State/StartedAt",
];

/// Members of an OCI specification that are kept.
const SPEC: &[&str] = &[
    "annotations/io.kubernetes.container.name",
    "annotations/io.kubernetes.cri.container-name",
    "annotations/io.kubernetes.cri.container-type",
    "annotations/io.kubernetes.cri.sandbox-name",
    "annotations/io.kubernetes.cri.sandbox-namespace",
    "linux/cgroupsPath",
    "linux/devices",
    "linux/resources",
    "linux/seccomp",
    "ociVersion",
    "process/apparmorProfile",
    "process/args",
    "process/capabilities",
    "process/env",
    "process/noNewPrivileges",
    "process/oomScoreAdj",
    "process/rlimits",
];

/// Members of a KubeletConfiguration that are kept.
const KUBELET: &[&str] = &[
    "apiVersion",
    "cgroupDriver",
    "cpuCFSQuota",
    "cpuCFSQuotaPeriod",
    "cpuManagerPolicy",
    "cpuManagerPolicyOptions",
    "evictionHard",
    "failSwapOn",
    "featureGates",
    "kind",
    "kubeReserved",
    "maxPods",
    "memoryManagerPolicy",
    "memorySwap",
    "reservedMemory",
    "reservedSystemCPUs",
    "systemReserved",
    "topologyManagerPolicy",
    "topologyManagerPolicyOptions",
    "topologyManagerScope",
];

fn run(files: &Files<'_>) -> Result<(), Missing> {
    let programs = programs(files.source());
    let ids = programs.iter().filter_map(|program| id_of(&program.groups)).map(str::to_owned).collect();
    containers(files, &ids);
    if let Some(kubelet) = programs.iter().find(|program| program.comm == "kubelet") {
        configuration_of(files, kubelet.pid);
    }
    gpu_runtime(files);
    Ok(())
}

fn containers(files: &Files<'_>, ids: &BTreeSet<String>) {
    let _ = files.file_with(DOCKER_DAEMON, |bytes| {
        keep_json(&bytes, &["data-root", "default-runtime", "exec-opts", "features"])
    });
    if ids.is_empty() {
        return;
    }
    let source = files.source();
    let root = docker_root(source);
    // A folder that cannot be listed hides its containers: noted here, once.
    for folder in CONTAINERD.iter().chain(STORAGE).copied().chain([format!("{root}/containers").as_str()]) {
        files.list(folder);
    }
    for id in ids.iter().take(MOST) {
        let folder = format!("{root}/containers/{id}");
        let _ = files.file_with(&format!("{folder}/hostconfig.json"), |bytes| keep_json(&bytes, HOST_CONFIG));
        let _ = files.file_with(&format!("{folder}/config.v2.json"), |bytes| keep_json(&bytes, CONFIG));
        for path in spec_paths(source, id) {
            let _ = files.file_with(&path, |bytes| keep_json(&bytes, SPEC));
        }
    }
    for id in ids.iter().skip(MOST) {
        let reason = format!("more than {MOST} containers, of which this one was left out");
        files.unread(&format!("{root}/containers/{id}"), Missing::new(Absence::Truncated, reason));
    }
}

/// Claims of devices, without what their drivers were given, which may be anything.
fn keep_claims(text: &[u8]) -> Vec<u8> {
    let Ok(mut kept) = serde_json::from_slice::<serde_json::Value>(text) else { return b"null".to_vec() };
    let Some(claims) = kept.get_mut("entries").and_then(serde_json::Value::as_array_mut) else {
        return text.to_vec();
    };
    for claim in claims.iter_mut().filter_map(serde_json::Value::as_object_mut) {
        claim.remove("ResourceHandles");
    }
    serde_json::to_vec(&kept).unwrap_or_default()
}

/// Files that the kubelet was started with.
fn configuration_of(files: &Files<'_>, process: u32) {
    for path in [CPU_STATE, MEMORY_STATE] {
        let _ = files.file(path);
    }
    let _ = files.file_with(CLAIM_STATE, |bytes| keep_claims(&bytes));
    // Of a socket, its name is all that there is to keep.
    for name in files.list(PLUGINS) {
        files.keep(&format!("{PLUGINS}/{name}"), Vec::new());
    }
    let Ok(text) = files.source().text(&format!("/proc/{process}/cmdline")) else { return };
    let arguments: Vec<String> = text.split('\0').map(str::to_owned).collect();
    let mut paths: Vec<String> = argument(&arguments, "config").map(str::to_owned).into_iter().collect();
    if let Some(folder) = argument(&arguments, "config-dir") {
        let folder = folder.trim_end_matches('/');
        let names = files.list(folder);
        paths.extend(
            names.into_iter().filter(|name| name.ends_with(".conf")).map(|name| format!("{folder}/{name}")),
        );
    }
    for path in paths {
        // A file of the same name may hold the keys of a cluster.
        let is_configuration = |text: &str| text.contains("KubeletConfiguration");
        match files.source().text(&path) {
            Ok(text) if !is_configuration(&text) => {
                let why = Missing::new(Absence::Skipped, format!("{path} is no configuration of a kubelet"));
                files.unread(&path, why);
            }
            _ => {
                let _ = files.file_with(&path, |bytes| keep_yaml(&bytes, KUBELET));
            }
        }
    }
}

fn gpu_runtime(files: &Files<'_>) {
    let _ = files.file_with(TOOLKIT_CONFIG, |bytes| mask_lines(&bytes));
    for folder in LIBRARIES {
        for name in TOOLKIT_LINKS.iter().chain(DRIVER_LINKS) {
            files.link(&format!("{folder}/{name}"));
        }
    }
    files.link(DEVICE_LINK);
    let _ = files.file(KERNEL_DRIVER);
    for folder in CDI {
        for name in
            files.list(folder).iter().filter(|name| name.contains("nvidia") || name.contains("-claim_"))
        {
            let _ = files.file_with(&format!("{folder}/{name}"), |mut bytes| {
                bytes.truncate(HEAD);
                bytes
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drivers_were_given_is_not_kept() {
        let old = br#"{"checksum":1,"entries":[{"ClaimName":"gpu","ResourceHandles":[{"data":"secret"}]}],"version":"v1"}"#;
        let kept = String::from_utf8(keep_claims(old)).unwrap();
        assert_eq!(kept, r#"{"checksum":1,"entries":[{"ClaimName":"gpu"}],"version":"v1"}"#);
        let new = br#"{"Checksum":1,"Data":"{\"ClaimInfoStateList\":null}"}"#;
        assert_eq!(keep_claims(new), new);
        assert_eq!(keep_claims(b"secret"), b"null");
    }
}
