//! The same placement for Kubernetes: the kubelet's managers, and a pod that they act upon.
//!
//! Kubernetes chooses CPUs itself: what can be asked for is a number of whole CPUs of one NUMA node, beside the GPU.

use std::fmt::Write;

use super::units::whys;
use super::{Head, OutputFile, placed, slices};
use crate::Plan;
use crate::plan::{Part, Why};
use crate::quote::yaml;

/// Memory of each NUMA node that is kept back for system and eviction, in MiB; our proposal.
const RESERVED_MIB: u64 = 1024;
/// Of it for eviction, in MiB.
const EVICTION_MIB: u64 = 256;

/// The kubelet's configuration and a pod for each placed server.
pub(super) fn render(plan: &Plan) -> Vec<OutputFile> {
    let mut files = Vec::new();
    files.extend(kubelet(plan));
    for (server, place) in placed(plan) {
        let Some(held) = server.resident_bytes.filter(|&held| held > 0) else { continue };
        let nodes = place.memory_nodes.len().max(1);
        let gib = (held / 10 * 13).div_ceil(1 << 30).max(1);
        let mut notes = vec![
            "requests equal limits, and CPUs are whole: the pod is Guaranteed, gets CPUs of its own and no CFS quota".to_owned(),
            format!("memory is what the server held ({} MiB), times 1.3: measure under load before you rely on it", held >> 20),
            "the image is not in the evidence: put yours in its place".to_owned(),
        ];
        if nodes > 1 {
            notes.push(
                "its GPUs are on several NUMA nodes: single-numa-node would refuse it, restricted admits it"
                    .into(),
            );
        }
        let head = Head {
            what: format!("Pod of the {} server, another form of the same placement.", server.kind),
            whys: whys(server),
            verify: "kubectl get pod -o jsonpath='{.status.qosClass}'; in the pod: grep Cpus_allowed_list /proc/1/status".into(),
            undo: "the former manifest".into(),
            notes,
        };
        let mut text = head.lines(plan, "#");
        let _ = write!(
            text,
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n  labels:\n    app: {name}\nspec:\n  containers:\n    - name: server\n      \
             image: \"registry.example/inference:CHANGE-ME\"\n",
            name = server.name
        );
        if let Ok(command) = &server.command {
            text += "      command:\n";
            for parts in &command.words {
                let word: String = parts
                    .iter()
                    .map(|part| match part {
                        // `$(NAME)` is a variable, `$$` a dollar.
                        Part::Text(text) => text.replace('$', "$$"),
                        Part::Secret(name) => format!("$({name})"),
                    })
                    .collect();
                let _ = writeln!(text, "        - {}", yaml(&word));
            }
            for option in &place.options {
                let _ = writeln!(text, "        - {}", yaml(option));
            }
            if !command.secrets.is_empty() || !place.variables.is_empty() {
                text += "      env:\n";
                for (key, value) in &place.variables {
                    let _ = writeln!(text, "        - name: {key}\n          value: {}", yaml(value));
                }
                for secret in &command.secrets {
                    let _ = writeln!(
                        text,
                        "        - name: {secret}\n          valueFrom:\n            secretKeyRef:\n              name: {}\n              key: {secret}",
                        server.name
                    );
                }
            }
        }
        let cpus = place.cpus.len();
        let gpus = server.gpus.as_ref().map_or(0, Vec::len);
        text += "      resources:\n";
        for kind in ["requests", "limits"] {
            let _ = writeln!(text, "        {kind}:\n          cpu: \"{cpus}\"\n          memory: {gib}Gi");
            if gpus > 0 {
                let _ = writeln!(text, "          nvidia.com/gpu: \"{gpus}\"");
            }
        }
        if !place.options.is_empty() {
            text += "      securityContext:\n        capabilities:\n          add: [\"SYS_NICE\"]\n";
        }
        text += "      volumeMounts:\n        - name: shm\n          mountPath: /dev/shm\n  volumes:\n    - name: shm\n      emptyDir:\n        \
                 medium: Memory\n        sizeLimit: 16Gi\n";
        files.push(OutputFile {
            path: format!("kubernetes/pod-{}.yaml", server.name),
            contents: text,
            executable: false,
        });
    }
    files
}

fn kubelet(plan: &Plan) -> Option<OutputFile> {
    let split = plan.partition.as_ref()?;
    let mut whys_: Vec<&Why> = plan.kubelet.iter().collect();
    if whys_.is_empty() {
        whys_ = placed(plan).flat_map(|(server, _)| whys(server)).collect();
        whys_.extend(slices(plan).map(|(_, why)| why));
    }
    if whys_.is_empty() {
        return None;
    }
    let wide = placed(plan).any(|(_, place)| place.memory_nodes.len() > 1);
    let policy = if wide { "restricted" } else { "single-numa-node" };
    let nodes: Vec<u32> = split.memory_nodes.iter().collect();
    let mut notes = vec![
        "part of a KubeletConfiguration: merge it into yours".to_owned(),
        "procedure: drain the node, stop kubelet, delete /var/lib/kubelet/cpu_manager_state and memory_manager_state, start kubelet".to_owned(),
        "memory kept back for system and eviction must add up to reservedMemory over all nodes, as it does here".to_owned(),
    ];
    if wide {
        notes.push(
            "restricted instead of single-numa-node, because a server has GPUs on several NUMA nodes".into(),
        );
    }
    let head = Head {
        what: "Kubernetes' agent: exclusive CPUs beside the GPU, on one NUMA node.".into(),
        whys: whys_,
        verify: "cat /var/lib/kubelet/cpu_manager_state /var/lib/kubelet/memory_manager_state".into(),
        undo: "the former configuration, by the same procedure".into(),
        notes,
    };
    let count = nodes.len() as u64;
    let mut text = head.lines(plan, "#");
    let _ = write!(
        text,
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncpuManagerPolicy: static\ncpuManagerPolicyOptions:\n  \
         full-pcpus-only: \"true\"\nreservedSystemCPUs: \"{}\"\ntopologyManagerPolicy: {policy}\ntopologyManagerScope: pod\n",
        split.housekeeping
    );
    if count > 0 {
        let _ = write!(
            text,
            "memoryManagerPolicy: Static\nsystemReserved:\n  memory: {}Mi\nevictionHard:\n  memory.available: {EVICTION_MIB}Mi\nreservedMemory:\n",
            count * RESERVED_MIB - EVICTION_MIB
        );
        for node in nodes {
            let _ = writeln!(text, "  - numaNode: {node}\n    limits:\n      memory: {RESERVED_MIB}Mi");
        }
    }
    Some(OutputFile { path: "kubernetes/kubelet.yaml".into(), contents: text, executable: false })
}
