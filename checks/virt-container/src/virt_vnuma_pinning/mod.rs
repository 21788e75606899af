//! `virt.vnuma-pinning`: the virtual machine's topology matches the hardware.
//!
//! Seen from two sides. On a host, the threads of a virtual machine are there to be looked at: QEMU names its vCPU threads
//! `CPU n/KVM`, and their masks say whether they are pinned. In a guest, pinning cannot be seen at all; what can be seen is a
//! topology that no hardware has (more GPUs of a board than a socket carries, all on one node) or GPUs without a node beside
//! several nodes. A guest that shows neither is `not-run`, since the question that is left is the host's to answer.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Count, Limit, Quantity};
use plumb_check_sdk::model::{Numa, NumaNode, Process, Thread};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, CpuSet, Evidence, Fact, Finding,
    Likelihood, Missing, NodeSet, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis,
};

use crate::server::{is_multi_node, nodes_with};

/// See the module.
pub struct VirtVnumaPinning;

const GPUS_OF_SOCKET: Limit<Count> = Limit {
    name: "GPUs of one board that hang on one socket",
    value: Quantity::new(4.0),
    basis: ThresholdBasis::Expert,
    source: "our reading of DGX and HGX servers: eight SXM GPUs hang on two sockets, four on each",
    date: "2026-11-23",
    applies_to: "SXM GPUs of NVIDIA in virtual machines",
};

/// Words in the names of GPUs that sit on boards of eight, not in slots.
const ON_BOARDS: [&str; 6] = ["SXM", "HBM3", "H200", "B200", "B300", "H20"];

/// PCI-like device id of virtio for a memory balloon (virtio 1.2, section 5).
const BALLOON: &str = "0x0005";

static THRESHOLDS: [Threshold; 1] = [GPUS_OF_SOCKET.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("virt.vnuma-pinning"),
    title: Borrowed("The virtual machine's topology matches the hardware"),
    category: Category::Platform,
    severity: Severity::High,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Without a virtual topology that matches and without pinned vCPUs no binding inside of the guest \
         can work.",
    ),
    business: Borrowed("The virtual machine does not know the floor plan of the building it lives in."),
    needs: Borrowed(&[
        Borrowed("/gpus"),
        Borrowed("/node/virtualization"),
        Borrowed("/numa"),
        Borrowed("/processes"),
        Borrowed("/settings/virtualization"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("None in the guest"),
        persistent: Borrowed(
            "libvirt: `<vcpupin>`, `<emulatorpin>`, `<numatune>` with `mode=\"strict\"`, `<cpu><numa>`, a \
             `pxb-pcie` per node for the GPUs, 1 GiB huge pages; in a cloud: a size that fits one socket, \
             or one that is sold with the sockets of the host",
        ),
        rollback: Borrowed("The former definition of the machine"),
        change: ChangeKind::Provider,
        verification: Borrowed(
            "In the guest `lscpu | grep NUMA` and `nvidia-smi topo -m`; on the host `virsh vcpupin DOMAIN`",
        ),
        expected_effect: Borrowed("No published figure was read for NVIDIA GPUs."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[Question { id: Borrowed("placement"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Virtual machines; a bundle of the host raises the confidence"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("RHEL 7: libvirt NUMA Tuning"),
            url: Borrowed(
                "https://docs.redhat.com/en/documentation/Red_Hat_Enterprise_Linux/7/html/virtualization_tuning_and_optimization_guide/sect-virtualization_tuning_optimization_guide-numa-numa_and_libvirt",
            ),
        },
        Reference {
            title: Borrowed("RHEL 10: Optimizing virtual machine CPU performance"),
            url: Borrowed(
                "https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/10/html/configuring_and_managing_linux_virtual_machines/optimizing-virtual-machine-cpu-performance",
            ),
        },
        Reference {
            title: Borrowed(
                "NVIDIA AI Enterprise: Optimizing VM Configuration for AI Inference, appendix ATS and ACS",
            ),
            url: Borrowed(
                "https://docs.nvidia.com/ai-enterprise/planning-resource/optimizing-vm-configuration-ai-inference/latest/appendix.html",
            ),
        },
    ]),
};

impl Check for VirtVnumaPinning {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let hypervisor = evidence.hypervisor()?;
        let numa = evidence.numa()?;
        let Some(hypervisor) = hypervisor else { return Ok(on_host(numa, evidence.processes()?)) };
        let mut findings = vec![in_guest(evidence, &hypervisor, numa)?];
        let devices = evidence.settings("virtualization").unwrap_or_default();
        if let Some((path, _)) = devices.iter().find(|(path, id)| {
            path.starts_with("/sys/bus/virtio/devices/") && id.known().is_some_and(|id| id == BALLOON)
        }) {
            let message =
                "the machine has a balloon device: the host may take memory back while the service runs";
            findings.push(META.info("memory balloon", message).with_evidence(Citation::new(path, BALLOON)));
        }
        Ok(findings)
    }
}

/// The view from inside.
fn in_guest(evidence: &Evidence<'_>, hypervisor: &str, numa: &Numa) -> Result<Finding, Missing> {
    let gpus = evidence.gpus()?;
    let nodes: Vec<&NumaNode> = numa.nodes.iter().filter(|node| !node.cpus.is_empty()).collect();
    let subject = "topology of the guest";
    let count = nodes.len();
    let seen = Citation::new(format!("{}/online", numa.path), format!("{count} NUMA nodes with CPUs"));
    let on_board = gpus.iter().filter(|gpu| {
        gpu.kind == "GPU"
            && gpu.name.known().is_some_and(|name| ON_BOARDS.iter().any(|word| name.contains(word)))
    });
    let on_board = Quantity::new(on_board.count() as f64);
    let limit = evidence.limit(&META, &GPUS_OF_SOCKET);
    let addresses = || gpus.iter().map(|gpu| gpu.address.as_str()).collect::<Vec<_>>().join(", ");
    if count == 1 && limit.is_exceeded_by(on_board) {
        let message = format!(
            "{} GPUs of a board that hangs on two sockets, and one NUMA node: the guest cannot tell near from far",
            on_board.number()
        );
        return Ok(META
            .fail(subject, message)
            .with_confidence(Confidence::Medium)
            .with_likelihood(Likelihood::Setting)
            .with_evidence(seen)
            .with_evidence(Citation::new("/sys/bus/pci/devices", format!("GPUs {}", addresses()))));
    }
    let mut placed = NodeSet::new();
    let mut lost = Vec::new();
    for gpu in gpus {
        match gpu.place().one() {
            Ok(told) => placed.insert(told.node),
            Err(_) => match &gpu.numa.sysfs {
                Fact::Known(node) => lost.push((gpu, *node)),
                Fact::Missing(why) => return Err(why.clone()),
            },
        }
    }
    if count > 1
        && let Some((gpu, node)) = lost.first()
    {
        let message = format!(
            "{count} NUMA nodes, but {} of {} GPUs belong to none: the virtual PCI tree does not carry the host's nodes",
            lost.len(),
            gpus.len()
        );
        let citation = Citation::new(format!("{}/numa_node", gpu.path), node.to_string());
        let finding = META.warn(subject, message).with_likelihood(Likelihood::Setting);
        return Ok(finding.with_evidence(seen).with_evidence(citation));
    }
    if count > 1 && placed.len() == 1 && limit.is_exceeded_by(on_board) {
        let message = format!(
            "{count} NUMA nodes, but all {} GPUs of a board that hangs on two sockets claim node {placed}",
            on_board.number()
        );
        let finding = META.warn(subject, message).with_likelihood(Likelihood::Setting);
        let citation =
            Citation::new("/sys/bus/pci/devices", format!("GPUs {} on node {placed}", addresses()));
        return Ok(finding.with_confidence(Confidence::Medium).with_evidence(seen).with_evidence(citation));
    }
    let what =
        if count == 1 { "one NUMA node".to_owned() } else { format!("{count} NUMA nodes, GPUs on {placed}") };
    let message = format!(
        "the guest shows {what}; whether its CPUs and memory are pinned is not to be seen from inside \
         ({hypervisor}): collect on the host, or ask the provider"
    );
    Ok(META.not_run(subject, message))
}

/// The view from outside: virtual machines that KVM runs here.
fn on_host(numa: &Numa, processes: &[Process]) -> Vec<Finding> {
    let is_vcpu = |thread: &&Thread| thread.comm.starts_with("CPU ") && thread.comm.ends_with("/KVM");
    let machines: Vec<&Process> =
        processes.iter().filter(|process| process.threads.iter().any(|thread| is_vcpu(&thread))).collect();
    let unreadable = processes.iter().filter(|process| process.comm.is_empty() && !process.kernel).count();
    let mut findings = Vec::new();
    if unreadable > 0 {
        let message = format!("{unreadable} processes could not be read, and each may be a virtual machine");
        findings.push(META.not_run("other processes", message));
    }
    if machines.is_empty() {
        if findings.is_empty() {
            findings.push(META.not_applicable("node", "bare metal without a virtual machine of KVM"));
        }
        return findings;
    }
    if !is_multi_node(numa) {
        return vec![META.not_applicable("node", "all CPUs are in one NUMA node")];
    }
    for machine in machines {
        let (vcpus, others): (Vec<&Thread>, Vec<&Thread>) = machine.threads.iter().partition(is_vcpu);
        findings.push(judge_machine(numa, machine, &vcpus, &others));
    }
    findings
}

fn judge_machine(numa: &Numa, machine: &Process, vcpus: &[&Thread], others: &[&Thread]) -> Finding {
    let subject = format!("virtual machine, process {} ({})", machine.pid, machine.comm);
    let all = numa.nodes.iter().fold(CpuSet::new(), |all, node| all.union(&node.cpus));
    let nodes_of = |thread: &Thread| -> Result<NodeSet, Missing> {
        Ok(nodes_with(numa, &thread.cpus_allowed.require()?.intersection(&all)))
    };
    let wide = |threads: &[&Thread]| -> Result<Vec<u32>, Missing> {
        let mut wide = Vec::new();
        for thread in threads {
            if nodes_of(thread)?.len() > 1 {
                wide.push(thread.tid);
            }
        }
        Ok(wide)
    };
    let (loose, loose_others) = match (wide(vcpus), wide(others)) {
        (Ok(loose), Ok(others)) => (loose, others),
        (Err(why), _) | (_, Err(why)) => return META.not_run(subject, why.to_string()),
    };
    let mask = |thread: &Thread| {
        let allowed = thread.cpus_allowed.known().map(ToString::to_string).unwrap_or_default();
        let path = format!("{}/task/{}/status", machine.path, thread.tid);
        Citation::new(path, format!("{}: Cpus_allowed_list: {allowed}", thread.comm))
    };
    let cite =
        |tids: &[u32]| machine.threads.iter().find(|thread| tids.first() == Some(&thread.tid)).map(mask);
    if let Some(citation) = cite(&loose) {
        let message =
            format!("{} of {} vCPUs may run on several NUMA nodes of the host", loose.len(), vcpus.len());
        return META.fail(subject, message).with_likelihood(Likelihood::Setting).with_evidence(citation);
    }
    if let Some(citation) = cite(&loose_others) {
        let message = format!(
            "its {} vCPUs are pinned, but {} threads of the emulator may run on several NUMA nodes",
            vcpus.len(),
            loose_others.len()
        );
        return META.warn(subject, message).with_likelihood(Likelihood::Setting).with_evidence(citation);
    }
    let mut memory = NodeSet::new();
    let mut used = NodeSet::new();
    for thread in vcpus {
        match (thread.mems_allowed.require(), nodes_of(thread)) {
            (Ok(nodes), Ok(on)) => {
                memory = memory.union(nodes);
                used = used.union(&on);
            }
            (Err(why), _) | (_, Err(why)) => return META.not_run(subject, why.to_string()),
        }
    }
    let Some(citation) = vcpus.first().map(|thread| mask(thread)) else {
        return META.not_run(subject, Missing::new(Absence::Failed, "no vCPU was found").to_string());
    };
    if memory.is_subset(&used) {
        let message = format!("{} vCPUs, emulator and memory are pinned to nodes {used}", vcpus.len());
        return META.pass(subject, message).with_evidence(citation);
    }
    let message = format!(
        "its {} vCPUs are pinned to nodes {used}, but nothing that the kernel shows ties its memory to them (nodes {memory})",
        vcpus.len()
    );
    META.warn(subject, message)
        .with_likelihood(Likelihood::Setting)
        .with_confidence(Confidence::Medium)
        .with_evidence(citation)
}
