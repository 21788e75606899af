//! `gpu.acs-iommu`: direct GPU-to-GPU traffic is not forced through the CPU.
//!
//! Judged in this order: GPU pairs that are all joined by NVLink need no way over PCI Express; else the driver must say that
//! each can read the other's memory, the bridges between them must not redirect their traffic, and on bare metal the
//! IOMMU must not translate it.
//!
//! Bridges between GPUs are those above some, but not above all GPUs of the node. In a virtual machine access control has
//! to be on, and the bridges that count are not to be seen, so there only the driver's word is judged.

use plumb_check_sdk::model::{Gpu, NvmlLink, PciDevice};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Fact, Finding, Missing, Reference,
    Remediation, Severity, WorkloadTrait,
};
use std::borrow::Cow::Borrowed;
use std::collections::{BTreeMap, BTreeSet};

use crate::gpus::{self, NVML, Span};

static META: CheckMeta = CheckMeta {
    id: Borrowed("gpu.acs-iommu"),
    title: Borrowed("Direct GPU-to-GPU traffic is not forced through the CPU"),
    category: Category::GpuHealth,
    severity: Severity::High,
    gate: false,
    top15_rank: Some(14),
    rationale: Borrowed(
        "PCI Express access control that redirects, or an IOMMU that translates, sends traffic between GPUs \
         up to the root complex. It becomes slow, and can hang.",
    ),
    business: Borrowed("Two GPUs in the same box talk through the front office instead of directly."),
    needs: Borrowed(&[
        Borrowed("/gpus"),
        Borrowed("/pci"),
        Borrowed("/nvml"),
        Borrowed("/node/virtualization"),
        Borrowed("/settings/gpu"),
        Borrowed("/servers"),
        Borrowed("/engagement/workload"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "On bare metal, for each bridge named in the evidence: `setpci -s ADDRESS ECAP_ACS+0x6.w=0000`; \
             holds until the next reboot",
        ),
        persistent: Borrowed(
            "A unit that runs the same command at boot for those bridges; ACS off in the BIOS; the kernel \
             argument `iommu=pt` (AMD), or `intel_iommu=on iommu=pt`",
        ),
        rollback: Borrowed("Reboot, or write the value named in the evidence back"),
        change: ChangeKind::Reboot,
        verification: Borrowed(
            "`lspci -vvv | grep -i acsctl`; `nvidia-smi topo -p2p r`; `all_reduce_perf` of NCCL before and \
             after",
        ),
        expected_effect: Borrowed(
            "NVIDIA, NCCL guide: a significant reduction of performance, or a hang (no figure).",
        ),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[WorkloadTrait::Disaggregated, WorkloadTrait::TensorParallel]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[Borrowed("acs")]),
    applicability: Borrowed("Bare metal and virtual machines, by different rules; two GPUs or more"),
    caveat: Some(Borrowed(
        "Access control separates devices that are passed through to virtual machines: never switch it off \
         on a virtualisation host. The NCCL guide: virtual machines require it to function.",
    )),
    references: Borrowed(&[
        Reference {
            title: Borrowed("NVIDIA NCCL User Guide: Troubleshooting (GPU Direct, PCI ACS, shared memory)"),
            url: Borrowed("https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/troubleshooting.html"),
        },
        Reference {
            title: Borrowed(
                "NVIDIA AI Enterprise: Optimizing VM Configuration for AI Inference, appendix ATS and ACS",
            ),
            url: Borrowed(
                "https://docs.nvidia.com/ai-enterprise/planning-resource/optimizing-vm-configuration-ai-inference/latest/appendix.html",
            ),
        },
        Reference {
            title: Borrowed(
                "AMD Instinct MI300X system optimization (EPYC 9004 BIOS, C-states, NUMA balancing, \
                 iommu=pt)",
            ),
            url: Borrowed(
                "https://github.com/ROCm/amdgpu-docs/blob/develop/docs/system-optimization/mi300x.rst",
            ),
        },
    ]),
};

/// See the module.
pub struct GpuAcsIommu;

impl Check for GpuAcsIommu {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let gpus = evidence.gpus()?;
        if gpus.len() < 2 {
            return Ok(vec![META.not_applicable("node", "fewer than two GPUs: none has a peer")]);
        }
        let links = evidence.nvml().and_then(|nvml| nvml.links.require().map(Vec::as_slice));
        if let Ok(links) = &links
            && joined_by_nvlink(gpus, links)
        {
            let citation = Citation::new(NVML, format!("{} pairs, each with NVLink", links.len()));
            let message = "all pairs of GPUs are joined by NVLink";
            return Ok(vec![META.pass("node", message).with_evidence(citation)]);
        }
        let span = gpus::span(evidence);
        let hypervisor = evidence.hypervisor()?;
        let mut findings = match &links {
            Ok(links) => peers(&span, links),
            Err(missing) => {
                vec![META.not_run("GPU pairs", format!("whether GPUs reach each other: {missing}"))]
            }
        };
        if hypervisor.is_none() {
            findings.extend(bridges(&span, gpus, evidence.pci()?));
            findings.extend(translation(&span, gpus, evidence.pci()?, evidence.settings("gpu")));
        }
        if findings.is_empty() {
            let message = "the GPUs reach each other directly over PCI Express";
            let citation = Citation::new(NVML, "p2p_read: ok for each pair");
            findings.push(META.pass("node", message).with_evidence(citation));
        }
        Ok(findings)
    }
}

fn joined_by_nvlink(gpus: &[Gpu], links: &[NvmlLink]) -> bool {
    let joined = |a: &str, b: &str| {
        links.iter().any(|link| {
            ((link.a == a && link.b == b) || (link.a == b && link.b == a))
                && link.p2p_nvlink.known().is_some_and(|status| status == "ok")
        })
    };
    gpus.iter()
        .enumerate()
        .all(|(index, a)| gpus.iter().skip(index + 1).all(|b| joined(&a.address, &b.address)))
}

/// Pairs that cannot read each other's memory.
fn peers(span: &Result<Span, Missing>, links: &[NvmlLink]) -> Vec<Finding> {
    let mut by_status: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut findings = Vec::new();
    for link in links {
        let pair = format!("{} and {}", link.a, link.b);
        match link.p2p_read.require() {
            Ok(status) if status == "ok" => {}
            Ok(status) => by_status.entry(status).or_default().push(pair),
            Err(missing) => {
                findings.push(
                    META.not_run(format!("GPUs {pair}"), format!("whether they reach each other: {missing}")),
                );
            }
        }
    }
    for (status, pairs) in by_status {
        let message = format!("the driver offers no direct way between them ({status})");
        let citation = Citation::new(NVML, format!("p2p_read {status}: {}", pairs.join("; ")));
        findings.extend(gpus::by_span(&META, span, "pairs of GPUs", &message, vec![citation]));
    }
    findings
}

/// Bridges that lie between GPUs and redirect their traffic.
fn bridges(span: &Result<Span, Missing>, gpus: &[Gpu], pci: &[PciDevice]) -> Vec<Finding> {
    let mut above: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut findings = Vec::new();
    for gpu in gpus {
        let mut at = pci.iter().find(|device| device.address == gpu.address);
        if at.is_none() {
            findings.push(META.not_run(format!("GPU {}", gpu.address), "PCI does not list it"));
        }
        // No path is longer than there are devices, whatever a recording says.
        for _ in 0..pci.len() {
            let Some(parent) = at.and_then(|device| device.parent.as_deref()) else { break };
            above.entry(parent).or_default().insert(&gpu.address);
            at = pci.iter().find(|device| device.address == parent);
        }
    }
    let mut citations = Vec::new();
    let mut unread: Option<(usize, Missing)> = None;
    for bridge in above.iter().filter(|(_, below)| below.len() < gpus.len()).map(|(bridge, _)| *bridge) {
        let Some(device) = pci.iter().find(|device| device.address == bridge) else { continue };
        match gpus::if_any(&device.acs) {
            Ok(Some(acs)) if acs.source_validation || acs.request_redirect || acs.completion_redirect => {
                let value = format!("ACS control register {:#06x}", acs.control);
                citations.push(Citation::new(format!("{}/config", device.path), value));
            }
            Ok(_) => {}
            Err(missing) => unread = Some((unread.map_or(1, |(count, _)| count + 1), missing)),
        }
    }
    if !citations.is_empty() {
        let message = "access control sends traffic between GPUs up to the root complex";
        findings.extend(gpus::by_span(&META, span, "bridges between GPUs", message, citations));
    }
    if let Some((count, missing)) = unread {
        let message = format!("access control of {count} of them: {missing}");
        findings.push(META.not_run("bridges between GPUs", message));
    }
    findings
}

/// GPUs whose memory accesses the IOMMU translates.
fn translation(
    span: &Result<Span, Missing>,
    gpus: &[Gpu],
    pci: &[PciDevice],
    settings: Result<BTreeMap<String, Fact<String>>, Missing>,
) -> Vec<Finding> {
    let settings = match settings {
        Ok(settings) => settings,
        Err(missing) => return vec![META.not_run("IOMMU", missing.reason)],
    };
    let mut translated = Vec::new();
    let mut citations = Vec::new();
    let mut findings = Vec::new();
    for gpu in gpus {
        let Some(device) = pci.iter().find(|device| device.address == gpu.address) else { continue };
        let mode = gpus::if_any(&device.iommu_group).and_then(|group| {
            let Some(group) = group else { return Ok(None) };
            let path = format!("/sys/kernel/iommu_groups/{group}/type");
            let text = settings
                .get(&path)
                .ok_or_else(|| Missing::new(Absence::Skipped, format!("{path} was not collected")))?;
            Ok(gpus::if_any(text)?.map(|text| (path, text.trim().to_owned())))
        });
        match mode {
            // `DMA` and `DMA-FQ` translate, `identity` does not (sysfs-kernel-iommu_groups).
            Ok(Some((path, mode))) if mode.starts_with("DMA") => {
                translated.push(gpu.address.clone());
                citations.push(Citation::new(path, mode));
            }
            Ok(_) => {}
            Err(missing) => {
                let message = format!("whether the IOMMU translates: {missing}");
                findings.push(META.not_run(&gpu.address, message));
            }
        }
    }
    let mut findings = gpus::join(findings);
    if !translated.is_empty() {
        let message = "the IOMMU translates its memory accesses";
        let subject = format!("GPUs {}", translated.join(", "));
        findings.extend(gpus::by_span(&META, span, &subject, message, citations));
    }
    findings
}
