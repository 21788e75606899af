//! `topo.numa-visible`: the operating system knows the halves of the machine.
//!
//! Judged are the number of nodes with memory against the number of sockets, nodes whose CPUs are of several sockets, other
//! sets of the kernel that exclude each other, nodes that lack CPUs or memory, and the table of distances. A node with memory and no CPUs is no fault where it is the memory of a
//! device: of a coherent GPU (Grace), or memory that the kernel keeps in a tier of its own (CXL, persistent memory).
//!
//! The sockets of a virtual machine are what its definition says, often one for each CPU. There, several sockets in one
//! node warn with low confidence instead of failing.

use std::collections::BTreeMap;

use plumb_check_sdk::model::{Clash, ClashKind, Cpu, Numa, NumaNode};
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Fact, Finding, FirmwareSetting, HardwarePart, Intent, Missing,
    NodeSet, Object, ObjectKind, Outcome, Said, UpdatePart,
};

use crate::mend;
use crate::pages::topo_numa_visible::{PAGE, words};

/// Distance of a node to itself (ACPI, System Locality Information Table).
const LOCAL: u32 = 10;
/// Folder of the memory tiers.
const TIERS: &str = "/sys/devices/virtual/memory_tiering/";
/// Boot argument that makes the kernel ignore NUMA.
const IGNORED: &str = "numa=off";
/// Arm as maker of cores.
const ARM: &str = "ARM";

/// Which hypervisor the node runs on, if any.
type Host = Result<Option<String>, Missing>;

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    let host = evidence.hypervisor();
    let mut findings = vec![PAGE.settle(Object::setting("layout"), layout(evidence, &host))];
    let numa = match evidence.numa() {
        Ok(numa) => numa,
        // What the boot arguments do is so whatever is known of the nodes.
        Err(why) => {
            let is_open = findings.iter().any(|finding| finding.outcome.is_deviation());
            findings.extend(is_open.then(|| PAGE.missing(Object::node(), &why)));
            return Ok(findings);
        }
    };
    let is_arm = evidence.cpu().is_ok_and(|cpu| cpu.vendor.known().is_some_and(|vendor| vendor == ARM));
    let owner = Owner {
        files: evidence.settings("topology").unwrap_or_default(),
        has_coherent_gpus: is_arm
            && evidence.gpus().is_ok_and(|gpus| gpus.iter().any(|gpu| gpu.vendor == "nvidia")),
    };
    let node_object = |id: u32| Object::new(ObjectKind::NumaNode, id.to_string());
    findings.extend(numa.unread.iter().map(|(id, why)| PAGE.missing(node_object(*id), why)));
    findings.extend(evidence.cpu().into_iter().flat_map(|cpu| clashes(numa, cpu, &host)));
    findings.extend(numa.nodes.iter().filter_map(|node| incomplete(numa, node, &owner, &host)));
    if numa.nodes.len() > 1 {
        findings.push(distances(numa, &host));
    }
    Ok(findings)
}

/// Nodes against sockets, and what the boot arguments say.
fn layout(evidence: &Evidence<'_>, host: &Host) -> Result<Finding, Missing> {
    let object = Object::setting("layout");
    let cmdline: Result<String, Missing> = evidence.get("/node/cmdline");
    if let Ok(cmdline) = &cmdline
        && cmdline.split_whitespace().any(|argument| argument == IGNORED)
    {
        return Ok(PAGE
            .fail(object, words::Ignored {})
            .with_intent(Intent::KernelArgument { argument: IGNORED.into(), present: false })
            .with_evidence(Citation::new("/proc/cmdline", IGNORED)));
    }
    let (numa, cpu) = (evidence.numa()?, evidence.cpu()?);
    numa.complete()?.nodes.iter().try_for_each(|node| node.mem_total_bytes.require().map(drop))?;
    let nowhere = cpu.online.difference(&numa.all_cpus());
    if !nowhere.is_empty() {
        return Ok(PAGE.not_run(object, words::Nowhere { cpus: (&nowhere).into() }));
    }
    let nodes: NodeSet = numa.with_memory().map(|node| node.id).collect();
    let (sockets_count, nodes_count) = (Arg::from(cpu.known_sockets()?), Arg::count(nodes.len()));
    let (name, why) = match host {
        Ok(Some(kind)) => ("virtual", kind.clone()),
        Ok(None) => ("metal", String::new()),
        Err(missing) => ("unknown", missing.to_string()),
    };
    let (host_kind, why) = (Arg::text(name), Arg::text(why));
    let is_short = cpu.sockets > 1 && nodes.len() < cpu.sockets as usize;
    let is_one = is_short && numa.nodes.len() < 2;
    let mut sockets = numa.nodes.iter().map(|node| (node.id, cpu.sockets_of(&node.cpus).len()));
    let across = sockets.find(|(_, count)| *count > 1);
    // Sockets that share a node whole may be meant to; parts of them cannot.
    let is_split = cpu.clashes(numa).iter().any(|clash| clash.kind == ClashKind::SplitSocket);
    let interleaving = Intent::Firmware { setting: FirmwareSetting::NodeInterleaving };
    let is_made_up = is_one && name == "virtual";
    let (outcome, said, own): (_, Said, _) =
        if (is_short || across.is_some()) && !is_split && !is_made_up && !has_memory_per_socket(cpu) {
            (Outcome::NotRun, words::UnknownController { nodes_count, sockets_count }.into(), None)
        } else if is_one {
            let outcome = if is_made_up { Outcome::Warn } else { Outcome::Fail };
            (outcome, words::OneNode { host: host_kind, sockets_count, why }.into(), Some(interleaving))
        } else if is_short {
            let said = words::TooFew { host: host_kind, nodes_count, sockets_count, why };
            let modules = Intent::Hardware { part: HardwarePart::MemoryLayout, at: None };
            (Outcome::Warn, said.into(), Some(modules))
        } else if let Some((node, count)) = across {
            let node = Arg::text(node.to_string());
            let said = words::Across { host: host_kind, node, sockets_count: count.into(), why };
            (Outcome::Warn, said.into(), Some(interleaving))
        } else {
            cmdline?;
            (Outcome::Pass, words::Enough { nodes_count, sockets_count }.into(), None)
        };
    let is_sure = name == "metal" || !outcome.is_deviation();
    let finding = PAGE
        .says(outcome, object, said)
        .with_confidence(if is_sure { Confidence::High } else { Confidence::Low })
        .with_evidence(Citation::new(&numa.path, format!("nodes with memory: {nodes}")))
        .with_evidence(Citation::new(&cpu.path, format!("{} sockets", cpu.sockets)));
    Ok(mend::layout(finding, host, own))
}

/// Sets of the kernel that exclude each other, but for sockets and nodes, which `layout` compares.
fn clashes(numa: &Numa, cpu: &Cpu, host: &Host) -> Vec<Finding> {
    // The caches of a guest are as much made up as its sockets. Where whole sockets share one, these may be no sockets.
    let is_told = |clash: &Clash| match clash.kind {
        ClashKind::SharedCache => !matches!(host, Ok(Some(_))) && cpu.with_sockets(&clash.cpus) != clash.cpus,
        kind => kind != ClashKind::SplitSocket,
    };
    let finding = |Clash { kind, cpus, of }: Clash| {
        let citation = Citation::new(&numa.path, format!("{}: CPUs {cpus} of {of}", kind.as_str()));
        let (kind, of) = (kind.as_str().into(), of.to_string().into());
        let said = words::Clash { cpus: (&cpus).into(), kind, of };
        let finding = PAGE.warn(Object::cpus(&cpus), said).with_confidence(Confidence::Medium);
        let firmware = Intent::Update { part: UpdatePart::Firmware, was: None };
        mend::layout(finding.with_evidence(citation), host, Some(firmware))
    };
    cpu.clashes(numa).into_iter().filter(is_told).map(finding).collect()
}

/// Whether each socket has a memory controller, as on x86 since 2008 and on servers with Arm CPUs.
///
/// On Itanium several sockets share a bus and a node, and POWER tells no packages, so that each core counts as one.
/// Itanium names the same vendor as x86, but not the same models.
fn has_memory_per_socket(cpu: &Cpu) -> bool {
    let model = cpu.model.known().map(String::as_str).unwrap_or_default();
    match cpu.vendor.known().map(String::as_str).unwrap_or_default() {
        "GenuineIntel" => model.contains("Intel") && !model.contains("Itanium") && !has_front_side_bus(model),
        "AuthenticAMD" | "HygonGenuine" => true,
        // Implementers of Arm CPUs: Arm, Cavium, Fujitsu, HiSilicon, Applied Micro, Phytium, Ampere.
        vendor => [ARM, "Cavium", "FUJITSU", "HiSilicon", "APM", "Phytium", "Ampere", "NVIDIA", "Microsoft"]
            .contains(&vendor),
    }
}

/// Xeons whose memory is behind the chipset, so that all sockets share it: `Xeon(TM)`, and the numbers 50xx to 54xx and 70xx
/// to 74xx (`Xeon(R) CPU X7460`).
fn has_front_side_bus(model: &str) -> bool {
    let after = model.split_once("CPU").map(|(_, rest)| rest.trim_start()).unwrap_or_default();
    let number = after.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    let number = number.split_whitespace().next().filter(|number| number.len() == 4);
    let series = number.and_then(|number| number.parse::<u32>().ok()).map(|number| number / 100);
    model.contains("Xeon(TM)") || series.is_some_and(|series| matches!(series, 50..=54 | 70..=74))
}

/// What tells that memory without CPUs belongs to a device.
struct Owner {
    /// Files of tiers, and those in which NVIDIA's driver tells the node of a GPU's memory.
    files: BTreeMap<String, Fact<String>>,
    has_coherent_gpus: bool,
}

impl Owner {
    /// The file of the tier that holds `node` and none of the nodes with CPUs.
    fn tier(&self, numa: &Numa, node: u32) -> Option<&str> {
        let with_cpus: NodeSet = numa.with_cpus().map(|node| node.id).collect();
        self.files.iter().find_map(|(path, text)| {
            let nodes: NodeSet = text.known().filter(|_| path.starts_with(TIERS))?.trim().parse().ok()?;
            (nodes.contains(node) && nodes.intersection(&with_cpus).is_empty()).then_some(path.as_str())
        })
    }

    /// The file in which NVIDIA's driver says that `node` is the memory of a GPU.
    fn gpu(&self, node: u32) -> Option<&str> {
        self.files.iter().find_map(|(path, text)| {
            let text = text.known().filter(|_| path.ends_with("/numa_status"))?;
            let told = text.lines().find_map(|line| line.strip_prefix("Node:"))?;
            (told.trim().parse() == Ok(node)).then_some(path.as_str())
        })
    }
}

/// A node that lacks CPUs or memory.
fn incomplete(numa: &Numa, node: &NumaNode, owner: &Owner, host: &Host) -> Option<Finding> {
    let object = Object::new(ObjectKind::NumaNode, node.id.to_string());
    let bytes = match &node.mem_total_bytes {
        Fact::Known(bytes) => *bytes,
        Fact::Missing(missing) => return Some(PAGE.missing(object, missing)),
    };
    let path = format!("{}/node{}", numa.path, node.id);
    let of_memory = Citation::new(format!("{path}/meminfo"), format!("MemTotal: {} MiB", bytes >> 20));
    let id = Arg::text(node.id.to_string());
    let finding = match (node.cpus.is_empty(), bytes) {
        (false, 0) => {
            let finding = PAGE.warn(object, words::NoMemory { cpus: (&node.cpus).into(), node: id });
            let modules = Intent::Hardware { part: HardwarePart::MemoryLayout, at: None };
            mend::layout(finding, host, Some(modules))
        }
        (true, 1..) => {
            if let Some(gpu) = owner.gpu(node.id) {
                let told = Citation::new(gpu, format!("Node: {}", node.id));
                return Some(PAGE.info(object, words::OfGpu {}).with_evidence(told));
            }
            if let Some(tier) = owner.tier(numa, node.id) {
                let told = Citation::new(tier, node.id.to_string());
                return Some(PAGE.info(object, words::OfTier {}).with_evidence(told));
            }
            if owner.has_coherent_gpus {
                return Some(PAGE.info(object, words::BesideGpus {}).with_evidence(of_memory));
            }
            mend::layout(PAGE.warn(object, words::NoCpus { node: id }), host, None)
        }
        _ => return None,
    };
    // Old kernels have `cpumap` in place of `cpulist`.
    let of_cpus = Citation::new(&path, format!("CPUs {}", node.cpus));
    Some(finding.with_evidence(of_cpus).with_evidence(of_memory))
}

/// The table of distances: 10 to itself, more to any other, the same both ways.
fn distances(numa: &Numa, host: &Host) -> Finding {
    let object = Object::setting("distances");
    let mut rows = Vec::new();
    for node in &numa.nodes {
        match &node.distances {
            Fact::Known(row) => rows.push((node.id, row)),
            Fact::Missing(missing) => return PAGE.missing(object, missing),
        }
    }
    let at =
        |from: usize, to: usize| rows.get(from).and_then(|(_, row)| row.get(to)).copied().unwrap_or_default();
    let of_row = |from: usize| (0..rows.len()).filter(move |to| *to != from).map(move |to| (from, to));
    let pairs = || (0..rows.len()).flat_map(of_row);
    let id = |at: usize| Arg::text(rows[at].0.to_string());
    let number = |distance: u32| Arg::text(distance.to_string());
    let said: Said = if pairs().all(|(from, to)| at(from, to) == LOCAL) {
        words::Flat { nodes_count: rows.len().into() }.into()
    } else if let Some((from, to)) = pairs().find(|&(from, to)| at(from, to) <= at(from, from)) {
        let (distance, own) = (number(at(from, to)), number(at(from, from)));
        words::AsNear { distance, from: id(from), own, to: id(to) }.into()
    } else if let Some((from, to)) = pairs().find(|&(from, to)| at(from, to) != at(to, from)) {
        let (there, back) = (number(at(from, to)), number(at(to, from)));
        words::Skewed { back, from: id(from), there, to: id(to) }.into()
    } else if let Err(why) = numa.complete() {
        return PAGE.missing(object, &why);
    } else {
        words::Distances {}.into()
    };
    let is_fine = said.variant == "distances";
    let finding = PAGE.says(if is_fine { Outcome::Pass } else { Outcome::Warn }, object, said);
    let finding = finding.with_citations(rows.iter().map(|(id, row)| {
        let row = row.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        Citation::new(format!("{}/node{id}/distance", numa.path), row)
    }));
    mend::layout(finding, host, Some(Intent::Update { part: UpdatePart::Firmware, was: None }))
}
