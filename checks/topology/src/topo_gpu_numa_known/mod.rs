//! `topo.gpu-numa-known`: each GPU tells the NUMA node that it is attached to.
//!
//! Three sources can tell: sysfs (from the firmware), NVML and hwloc. The catalogue asks for sysfs and NVML to be equal;
//! hwloc is a cross-check on top. What it leaves open is decided here as follows. A node of -1 with a single
//! memory-bearing NUMA node is told but carries no risk: there is nothing to bind to. An NVML or hwloc answer that
//! names more nodes than one agrees if the node of sysfs is among them, since both widen what they cannot resolve, but
//! for NVML the confidence falls. Where NVML has no answer for an NVIDIA GPU, a pass rests on the firmware's word alone
//! and its confidence falls too.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::model::{Gpu, Numa};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Fact, Finding,
    Likelihood, Missing, NodeSet, Question, Reference, Remediation, Severity,
};

/// See the module.
pub struct TopoGpuNumaKnown;

static META: CheckMeta = CheckMeta {
    id: Borrowed("topo.gpu-numa-known"),
    title: Borrowed("Every GPU reports the NUMA node it is attached to"),
    category: Category::Placement,
    severity: Severity::High,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Automatic binding in vLLM, SGLang, TensorRT-LLM and PyTorch reads this one number per GPU. -1 turns the \
         binding off without a message.",
    ),
    business: Borrowed(
        "The automatic placement built into the serving software needs one number per GPU. Where that number is \
         missing, the feature does nothing and says nothing.",
    ),
    needs: Borrowed(&[Borrowed("/gpus"), Borrowed("/numa")]),
    remediation: Remediation {
        runtime: Borrowed(
            "For a test, override it: `echo 0 > /sys/bus/pci/devices/ADDRESS/numa_node` (taints the kernel as a firmware \
             workaround); or name the nodes: `vllm serve … --numa-bind --numa-bind-nodes NODES`",
        ),
        persistent: Borrowed(
            "Update BIOS and BMC (the ACPI method `_PXM` is missing); in a virtual machine expose vNUMA with one \
             `pxb-pcie` per node; or keep the list of nodes in the unit file",
        ),
        rollback: Borrowed("`echo -1 > /sys/bus/pci/devices/ADDRESS/numa_node`; remove the flag"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed(
            "`nvidia-smi topo -m`; `cat /sys/bus/pci/devices/ADDRESS/numa_node` for each GPU",
        ),
        expected_effect: Borrowed(
            "No published number: it disables the gains listed under `numa.gpu-affinity`.",
        ),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[Question { id: Borrowed("placement"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal; virtual machines (a very common failure there); containers; NVIDIA and AMD GPUs; fails only on \
         hosts with two or more NUMA nodes that have memory",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("vLLM PR #38635: NUMA binding support for GPU workers"),
            url: Borrowed("https://github.com/vllm-project/vllm/pull/38635"),
        },
        Reference {
            title: Borrowed("vLLM API docs: vllm.utils.numa_utils"),
            url: Borrowed("https://docs.vllm.ai/en/stable/api/vllm/utils/numa_utils/"),
        },
        Reference {
            title: Borrowed("TensorRT-LLM PR #18117: bind workers to their GPU's NUMA node at launch"),
            url: Borrowed("https://github.com/NVIDIA/TensorRT-LLM/pull/18117"),
        },
    ]),
};

impl Check for TopoGpuNumaKnown {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let gpus = evidence.gpus()?;
        if gpus.is_empty() {
            return Ok(vec![META.not_applicable("node", "no GPU was found")]);
        }
        let numa = evidence.numa()?;
        Ok(gpus.iter().map(|gpu| judge(gpu, numa)).collect())
    }
}

fn judge(gpu: &Gpu, numa: &Numa) -> Finding {
    let subject = format!("GPU {}", gpu.address);
    let number = match &gpu.numa.sysfs {
        Fact::Known(number) => *number,
        Fact::Missing(missing) => return META.not_run(subject, missing.to_string()),
    };
    let of_sysfs = Citation::new(format!("{}/numa_node", gpu.path), number.to_string());
    match u32::try_from(number) {
        Ok(node) => judge_known(gpu, numa, node, subject, of_sysfs),
        Err(_) => judge_unknown(gpu, numa, subject, of_sysfs),
    }
}

/// The firmware did not tell the node.
fn judge_unknown(gpu: &Gpu, numa: &Numa, subject: String, of_sysfs: Citation) -> Finding {
    let nodes: NodeSet = numa.with_memory().map(|node| node.id).collect();
    let of_nodes = Citation::new(&numa.path, format!("nodes with memory: {nodes}"));
    if nodes.len() < 2 {
        let message = "the firmware does not tell the node, which is harmless with a single node";
        return META.info(subject, message).with_evidence(of_sysfs).with_evidence(of_nodes);
    }
    let elsewhere = match gpu.numa.nvml.known().filter(|nodes| !nodes.is_empty()) {
        Some(nodes) => format!(", though NVML says {nodes}"),
        None => String::new(),
    };
    let message =
        format!("the firmware does not tell which of the nodes {nodes} the GPU is attached to{elsewhere}");
    let finding = META
        .fail(subject, message)
        .with_likelihood(Likelihood::Setting)
        .with_evidence(of_sysfs)
        .with_evidence(of_nodes);
    match of_nvml(gpu) {
        Some((_, citation)) => finding.with_evidence(citation),
        None => finding,
    }
}

fn judge_known(gpu: &Gpu, numa: &Numa, node: u32, subject: String, of_sysfs: Citation) -> Finding {
    if numa.node(node).is_none() {
        let online: NodeSet = numa.nodes.iter().map(|node| node.id).collect();
        return META
            .contradictory(
                subject,
                format!("the GPU names node {node}, but only the nodes {online} are online"),
            )
            .with_evidence(of_sysfs)
            .with_evidence(Citation::new(&numa.path, format!("nodes online: {online}")));
    }
    let nvml = of_nvml(gpu);
    if let Some((nodes, citation)) = &nvml
        && !nodes.contains(node)
    {
        return META
            .warn(
                subject,
                format!(
                    "sysfs says node {node}, NVML says {nodes}: engines that read one of them bind wrongly"
                ),
            )
            .with_likelihood(Likelihood::Setting)
            .with_evidence(of_sysfs)
            .with_evidence(citation.clone());
    }
    if let Some(nodes) = gpu.numa.hwloc.known().filter(|nodes| !nodes.is_empty() && !nodes.contains(node)) {
        return META
            .contradictory(subject, format!("sysfs says node {node}, hwloc says {nodes}"))
            .with_evidence(of_sysfs)
            .with_evidence(Citation::new(
                "api/hwloc.xml",
                format!("{} is local to nodes {nodes}", gpu.address),
            ));
    }
    if numa.nodes.len() > 1
        && let Some(missing) = lost_opinion(gpu)
    {
        let message = format!(
            "node {node} by the firmware, but a source that may say otherwise gave no answer: {missing}"
        );
        return META.not_run(subject, message).with_evidence(of_sysfs);
    }
    let (message, confidence) = match &nvml {
        Some((nodes, _)) if nodes.len() == 1 => (format!("node {node}, and NVML agrees"), Confidence::High),
        Some((nodes, _)) => {
            (format!("node {node}, which is among the nodes {nodes} that NVML names"), Confidence::Medium)
        }
        None if gpu.vendor == "nvidia" => {
            (format!("node {node} by the firmware; NVML gave no second opinion"), Confidence::Medium)
        }
        None => (format!("node {node} by the firmware"), Confidence::High),
    };
    let finding = META.pass(subject, message).with_confidence(confidence).with_evidence(of_sysfs);
    match nvml {
        Some((_, citation)) => finding.with_evidence(citation),
        None => finding,
    }
}

/// Why a source that exists on this node did not answer. It could have contradicted, so losing it must not make a pass;
/// a source that the node does not have could not.
fn lost_opinion(gpu: &Gpu) -> Option<&Missing> {
    let sources = [(gpu.vendor == "nvidia").then_some(&gpu.numa.nvml), Some(&gpu.numa.hwloc)];
    sources.into_iter().flatten().find_map(|fact| match fact {
        Fact::Missing(missing) if !missing.is_nothing() && missing.missing != Absence::Skipped => {
            Some(missing)
        }
        _ => None,
    })
}

/// What NVML says, if it says anything.
fn of_nvml(gpu: &Gpu) -> Option<(&NodeSet, Citation)> {
    let nodes = gpu.numa.nvml.known().filter(|nodes| !nodes.is_empty())?;
    Some((nodes, Citation::new("api/nvml.json", format!("{}: memory affinity {nodes}", gpu.address))))
}
