//! `topo.gpu-numa-known`: each GPU tells the NUMA node that it is attached to.
//!
//! Three sources can tell: sysfs (from the firmware), NVML and hwloc. The catalogue asks for sysfs and NVML to be equal;
//! hwloc is a cross-check on top. What it leaves open is decided here as follows. A node of -1 with a single
//! memory-bearing NUMA node is told but carries no risk: there is nothing to bind to. An NVML or hwloc answer that
//! names more nodes than one agrees if the node of sysfs is among them, since both widen what they cannot resolve, but
//! for NVML the confidence falls. Where NVML has no answer for an NVIDIA GPU, a pass rests on the firmware's word alone
//! and its confidence falls too.

use plumb_check_sdk::model::{Gpu, Numa};
use plumb_check_sdk::{
    Absence, Arg, Citation, Confidence, Evidence, Fact, Finding, FirmwareSetting, Intent, Missing, NoVerdict,
    NodeSet, Object, Said,
};

use crate::mend;
use crate::pages::topo_gpu_numa_known::{PAGE, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let gpus = evidence.gpus()?;
    PAGE.not_applicable_if(gpus.is_empty(), words::NoGpu {})?;
    let numa = evidence.numa()?;
    let hypervisor = evidence.hypervisor();
    let proximity = Intent::Firmware { setting: FirmwareSetting::DeviceProximity };
    let judged = gpus.iter().map(|gpu| PAGE.settle(Object::gpu(&gpu.address), judge(gpu, numa)));
    Ok(judged.map(|finding| mend::layout(finding, &hypervisor, Some(proximity.clone()))).collect())
}

fn judge(gpu: &Gpu, numa: &Numa) -> Result<Finding, Missing> {
    if let Some(missing) = gpu.lost() {
        return Err(missing);
    }
    let (object, number) = (Object::gpu(&gpu.address), *gpu.numa.sysfs.require()?);
    let mut finding = match u32::try_from(number) {
        Ok(node) => numa.require(node).map(|_| judge_known(gpu, numa, node, object))?,
        Err(_) => numa.has_one_with_memory().map(|_| judge_unknown(gpu, numa, object))?,
    };
    finding.evidence.insert(0, Citation::new(format!("{}/numa_node", gpu.path), number.to_string()));
    Ok(finding)
}

/// The firmware did not tell the node.
fn judge_unknown(gpu: &Gpu, numa: &Numa, object: Object) -> Finding {
    let nodes: NodeSet = numa.with_memory().map(|node| node.id).collect();
    let of_nodes = Citation::new(&numa.path, format!("nodes with memory: {nodes}"));
    if nodes.len() < 2 {
        return PAGE.info(object, words::Harmless {}).with_evidence(of_nodes);
    }
    let nvml = of_nvml(gpu);
    let said = words::Untold {
        gpu: (&gpu.address).into(),
        nodes: text(&nodes),
        nvml: Arg::text(match &nvml {
            None => "none",
            Some((nodes, _)) if nodes.len() == 1 => "one",
            Some(_) => "several",
        }),
        nvml_nodes: nvml.as_ref().map_or_else(|| Arg::text(""), |(nodes, _)| text(nodes)),
    };
    let of_nvml = nvml.map(|(_, citation)| citation);
    PAGE.fail(object, said).with_evidence(of_nodes).with_citations(of_nvml)
}

fn judge_known(gpu: &Gpu, numa: &Numa, node: u32, object: Object) -> Finding {
    let number = Arg::text(node.to_string());
    if numa.node(node).is_none() {
        let online: NodeSet = numa.nodes.iter().map(|node| node.id).collect();
        let of_nodes = Citation::new(&numa.path, format!("nodes online: {online}"));
        let said = words::Offline { node: number, online: text(&online), online_count: online.len().into() };
        return PAGE.contradictory(object, said).with_evidence(of_nodes);
    }
    let nvml = of_nvml(gpu);
    if let Some((nodes, citation)) = &nvml
        && !nodes.contains(node)
    {
        let said = words::Disagree { gpu: (&gpu.address).into(), node: number, nvml_nodes: text(nodes) };
        return PAGE.warn(object, said).with_evidence(citation.clone());
    }
    if let Some(nodes) = gpu.numa.hwloc.known().filter(|nodes| !nodes.is_empty() && !nodes.contains(node)) {
        let of_hwloc = format!("{} is local to nodes {nodes}", gpu.address);
        let said = words::HwlocDiffers { node: number, nodes: text(nodes), nodes_count: nodes.len().into() };
        return PAGE.contradictory(object, said).with_evidence(Citation::new("api/hwloc.xml", of_hwloc));
    }
    if numa.nodes.len() > 1
        && let Some(missing) = lost_opinion(gpu)
    {
        return PAGE.not_run(object, words::LostOpinion { node: number, reason: missing.into() });
    }
    let (said, confidence): (Said, _) = match &nvml {
        Some((nodes, _)) if nodes.len() == 1 => (words::Agreed { node: number }.into(), Confidence::High),
        Some((nodes, _)) => {
            (words::Among { node: number, nvml_nodes: text(nodes) }.into(), Confidence::Medium)
        }
        None if gpu.vendor == "nvidia" => (words::NoSecond { node: number }.into(), Confidence::Medium),
        None => (words::Told { node: number }.into(), Confidence::High),
    };
    let of_nvml = nvml.map(|(_, citation)| citation);
    PAGE.pass(object, said).with_confidence(confidence).with_citations(of_nvml)
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

fn text(nodes: &NodeSet) -> Arg {
    Arg::text(nodes.to_string())
}
