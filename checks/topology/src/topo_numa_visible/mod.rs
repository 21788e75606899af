//! `topo.numa-visible`: the operating system knows the halves of the machine.
//!
//! Judged are the number of nodes with memory against the number of sockets, nodes that lack CPUs or memory, and the table
//! of distances. A node with memory and no CPUs is no fault where it is the memory of a device: of a coherent GPU (Grace),
//! or memory that the kernel keeps in a tier of its own (CXL, persistent memory).
//!
//! The sockets of a virtual machine are what its definition says, often one for each CPU. There, several sockets in one
//! node warn with low confidence instead of failing.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::model::{Numa, NumaNode};
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Fact, Finding, Likelihood,
    Missing, NodeSet, Question, Reference, Remediation, Severity,
};

/// See the module.
pub struct TopoNumaVisible;

static META: CheckMeta = CheckMeta {
    id: Borrowed("topo.numa-visible"),
    title: Borrowed("NUMA layout is exposed to the operating system"),
    category: Category::Placement,
    severity: Severity::High,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Without a correct map no pinning can be right, and every other check of placement is blind.",
    ),
    business: Borrowed(
        "The server has two halves. If the operating system believes it has one, it cannot keep work next \
             to the GPU it serves.",
    ),
    needs: Borrowed(&[
        Borrowed("/cpu/model"),
        Borrowed("/cpu/path"),
        Borrowed("/cpu/sockets"),
        Borrowed("/cpu/vendor"),
        Borrowed("/gpus"),
        Borrowed("/node/cmdline"),
        Borrowed("/node/virtualization"),
        Borrowed("/numa"),
        Borrowed("/settings/topology"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("None: this is a setting of the firmware or of the boot loader"),
        persistent: Borrowed(
            "BIOS: disable node interleaving (AMD: do not use NPS0). Boot: `grubby --update-kernel=ALL \
             --remove-args=\"numa=off\"`; on Debian and Ubuntu edit `GRUB_CMDLINE_LINUX` in \
             `/etc/default/grub`, then `update-grub`",
        ),
        rollback: Borrowed(
            "The former setting of the BIOS; `grubby --update-kernel=ALL --args=\"numa=off\"`",
        ),
        change: ChangeKind::Bios,
        verification: Borrowed(
            "`numactl -H`; `lscpu | grep -i numa`; `cat /sys/devices/system/node/node*/distance`",
        ),
        expected_effect: Borrowed(
            "No published number for this defect alone. Intel measures 135 to 163 ns for remote memory on a \
             Xeon 6972P, 15 to 40 % more than for local.",
        ),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[Question { id: Borrowed("placement"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal; virtual machines, whose sockets may be made up; containers read the host's map; with \
             GPUs or without",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("Intel Optimization Zone: NUMA case study, server-side Java on Xeon 6972P"),
            url: Borrowed(
                "https://github.com/intel/optimization-zone/blob/main/hardware/NUMA/case_studies/java_server_side_workload.md",
            ),
        },
        Reference {
            title: Borrowed("vLLM issue #13855: pin vLLM process to the right NUMA region"),
            url: Borrowed("https://github.com/vllm-project/vllm/issues/13855"),
        },
        Reference {
            title: Borrowed(
                "Linux kernel docs: kernel parameters (isolcpus, nohz_full, rcu_nocbs, irqaffinity)",
            ),
            url: Borrowed("https://docs.kernel.org/admin-guide/kernel-parameters.html"),
        },
    ]),
};

/// Distance of a node to itself (ACPI, System Locality Information Table).
const LOCAL: u32 = 10;
/// Folder of the memory tiers.
const TIERS: &str = "/sys/devices/virtual/memory_tiering/";

impl Check for TopoNumaVisible {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let mut findings =
            vec![layout(evidence).unwrap_or_else(|why| META.not_run("layout", why.to_string()))];
        let numa = evidence.numa()?;
        let owner = Owner {
            files: evidence.settings("topology").unwrap_or_default(),
            has_coherent_gpus: evidence
                .get::<String>("/cpu/vendor")
                .is_ok_and(|vendor| vendor.contains("ARM"))
                && evidence.gpus().is_ok_and(|gpus| gpus.iter().any(|gpu| gpu.vendor == "nvidia")),
        };
        findings.extend(numa.nodes.iter().filter_map(|node| incomplete(numa, node, &owner)));
        if numa.nodes.len() > 1 {
            findings.push(distances(numa));
        }
        Ok(findings)
    }
}

/// Nodes against sockets, and what the boot arguments say.
fn layout(evidence: &Evidence<'_>) -> Result<Finding, Missing> {
    let cmdline: Result<String, Missing> = evidence.get("/node/cmdline");
    if let Ok(cmdline) = &cmdline
        && cmdline.split_whitespace().any(|argument| argument == "numa=off")
    {
        return Ok(META
            .fail("layout", "the kernel was told to ignore NUMA")
            .with_likelihood(Likelihood::Setting)
            .with_evidence(Citation::new("/proc/cmdline", "numa=off")));
    }
    let numa = evidence.numa()?;
    let sockets: u32 = evidence.get("/cpu/sockets")?;
    let path: String = evidence.get("/cpu/path")?;
    if let Some(missing) = numa.nodes.iter().find_map(|node| node.mem_total_bytes.require().err()) {
        return Err(missing);
    }
    let nodes: NodeSet = numa.with_memory().map(|node| node.id).collect();
    let count = nodes.len();
    let cite = |finding: Finding| {
        finding
            .with_likelihood(Likelihood::Setting)
            .with_evidence(Citation::new(&numa.path, format!("nodes with memory: {nodes}")))
            .with_evidence(Citation::new(path.clone(), format!("{sockets} sockets")))
    };
    if sockets < 2 || count >= sockets as usize {
        cmdline?;
        return Ok(cite(META.pass("layout", format!("sockets: {sockets}, nodes with memory: {count}"))));
    }
    let hypervisor = evidence.hypervisor();
    if numa.nodes.len() > 1 {
        let message = format!("sockets: {sockets}, but nodes with memory: {count}");
        if !has_memory_per_socket(evidence) {
            let why = "whether each socket of such CPUs has memory of its own is not known";
            return Ok(META.not_run("layout", format!("{message}; {why}")));
        }
        return Ok(cite(match hypervisor {
            Ok(Some(kind)) => META
                .warn(
                    "layout",
                    format!("{message}; this is a virtual machine ({kind}), whose sockets may be made up"),
                )
                .with_confidence(Confidence::Low),
            _ => META.warn("layout", message),
        }));
    }
    let message = format!("{sockets} sockets, but all CPUs and memory are in one node");
    Ok(match hypervisor {
        Ok(Some(kind)) => cite(
            META.warn(
                "layout",
                format!("{message}; this is a virtual machine ({kind}), whose sockets may be made up"),
            )
            .with_confidence(Confidence::Low),
        ),
        Ok(None) => cite(
            META.fail("layout", format!("{message}: the firmware interleaves the memory of all sockets")),
        ),
        Err(missing) => cite(
            META.fail(
                "layout",
                format!("{message}; whether this is a virtual machine is not known: {missing}"),
            )
            .with_confidence(Confidence::Low),
        ),
    })
}

/// Whether each socket has a memory controller, as on x86 since 2008 and on servers with Arm CPUs.
///
/// On Itanium several sockets share a bus and a node, and POWER tells no packages, so that each core counts as one.
/// Itanium names the same vendor as x86, but not the same models.
fn has_memory_per_socket(evidence: &Evidence<'_>) -> bool {
    let text = |pointer: &str| evidence.get::<String>(pointer).unwrap_or_default();
    let model = text("/cpu/model");
    match text("/cpu/vendor").as_str() {
        "GenuineIntel" => model.contains("Intel") && !model.contains("Itanium"),
        vendor => ["AuthenticAMD", "HygonGenuine", "ARM", "Ampere"].contains(&vendor),
    }
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
        let with_cpus: NodeSet =
            numa.nodes.iter().filter(|node| !node.cpus.is_empty()).map(|node| node.id).collect();
        self.files.iter().find_map(|(path, text)| {
            let nodes: NodeSet = text.known().filter(|_| path.starts_with(TIERS))?.trim().parse().ok()?;
            (nodes.contains(node) && nodes.intersection(&with_cpus).is_empty()).then_some(path.as_str())
        })
    }
}

impl Owner {
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
fn incomplete(numa: &Numa, node: &NumaNode, owner: &Owner) -> Option<Finding> {
    let subject = format!("node {}", node.id);
    let bytes = match &node.mem_total_bytes {
        Fact::Known(bytes) => *bytes,
        Fact::Missing(missing) => return Some(META.not_run(subject, missing.to_string())),
    };
    let path = format!("{}/node{}", numa.path, node.id);
    let of_memory = Citation::new(format!("{path}/meminfo"), format!("MemTotal: {} MiB", bytes >> 20));
    // Old kernels have `cpumap` in place of `cpulist`.
    let of_cpus = Citation::new(&path, format!("CPUs {}", node.cpus));
    let finding = if !node.cpus.is_empty() && bytes == 0 {
        META.warn(subject, format!("CPUs {} have no memory of their own node", node.cpus))
    } else if node.cpus.is_empty() && bytes > 0 {
        if let Some(gpu) = owner.gpu(node.id) {
            return Some(
                META.info(subject, "memory of a GPU, as its driver says")
                    .with_evidence(Citation::new(gpu, format!("Node: {}", node.id))),
            );
        }
        if let Some(tier) = owner.tier(numa, node.id) {
            return Some(
                META.info(subject, "memory of a device, in a tier of its own")
                    .with_evidence(Citation::new(tier, node.id.to_string())),
            );
        }
        if owner.has_coherent_gpus {
            return Some(
                META.info(subject, "memory without CPUs, beside coherent GPUs").with_evidence(of_memory),
            );
        }
        META.warn(subject, "memory without CPUs, and nothing tells that it is a device's")
    } else {
        return None;
    };
    Some(finding.with_likelihood(Likelihood::Setting).with_evidence(of_cpus).with_evidence(of_memory))
}

/// The table of distances: 10 to itself, more to any other, the same both ways.
fn distances(numa: &Numa) -> Finding {
    let mut rows = Vec::new();
    for node in &numa.nodes {
        match &node.distances {
            Fact::Known(row) => rows.push((node.id, row)),
            Fact::Missing(missing) => return META.not_run("distances", missing.to_string()),
        }
    }
    let at =
        |from: usize, to: usize| rows.get(from).and_then(|(_, row)| row.get(to)).copied().unwrap_or_default();
    let pairs = || (0..rows.len()).flat_map(|one| (0..one).map(move |other| (one, other)));
    let is_flat = pairs().all(|(one, other)| at(one, other) == LOCAL);
    let is_near =
        pairs().any(|(one, other)| at(one, other) <= at(one, one) || at(other, one) <= at(other, other));
    let is_skewed = pairs().any(|(one, other)| at(one, other) != at(other, one));
    let cite = |finding: Finding| {
        rows.iter().fold(finding, |finding, (id, row)| {
            let row = row.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
            finding.with_evidence(Citation::new(format!("{}/node{id}/distance", numa.path), row))
        })
    };
    let what = if is_flat {
        "all nodes are said to be equally far, so that the kernel cannot tell local from remote"
    } else if is_near {
        "another node is said to be as near as the own one"
    } else if is_skewed {
        "the distance between two nodes differs by direction"
    } else {
        return cite(META.pass("distances", "other nodes are farther than the own one, the same both ways"));
    };
    cite(META.warn("distances", what).with_likelihood(Likelihood::Setting))
}
