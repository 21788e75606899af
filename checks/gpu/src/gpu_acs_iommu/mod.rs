//! `gpu.acs-iommu`: direct GPU-to-GPU traffic is not forced through the CPU.
//!
//! Judged in this order: GPU pairs that are all joined by NVLink need no way over PCI Express; else the driver must say that
//! each can read the other's memory, the bridges between them must not redirect their traffic, and on bare metal the
//! IOMMU must not translate it.
//!
//! Bridges between GPUs are those above some, but not above all GPUs of the node. In a virtual machine access control has
//! to be on, and the bridges that count are not to be seen, so there only the driver's word is judged. It also has to be on
//! where this machine passes devices through to virtual machines: nothing is asked for there.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::model::{Gpu, NvmlLink, PciDevice, pairs_in_use, way_up};
use plumb_check_sdk::{
    Absence, Citation, Evidence, Fact, Finding, Intent, Missing, NoVerdict, Object, ObjectKind,
    ProviderRequest,
};

use crate::gpus::{self, NVML, Span};
use crate::pages::gpu_acs_iommu::{PAGE, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let gpus = evidence.gpus()?;
    PAGE.not_applicable_if(gpus.len() < 2, words::NoPeer {})?;
    let links = evidence.nvml().and_then(|nvml| nvml.links.require().map(Vec::as_slice));
    if let Ok(links) = &links
        && joined_by_nvlink(gpus, links)
    {
        let citation = Citation::new(NVML, format!("{} pairs, each with NVLink", links.len()));
        return Ok(vec![PAGE.pass(Object::node(), words::Nvlink {}).with_evidence(citation)]);
    }
    let span = Span::of(evidence);
    let hypervisor = evidence.hypervisor();
    let is_guest = matches!(hypervisor, Ok(Some(_)));
    let mut findings = match &links {
        Ok(links) => peers(evidence, &span, links, is_guest),
        Err(why) => vec![PAGE.not_run(other("GPU pairs"), words::LinksUnknown { reason: why.into() })],
    };
    if !is_guest {
        match hypervisor.and_then(|_| evidence.pci()) {
            Ok(pci) => {
                findings.extend(bridges(&span, gpus, pci));
                findings.extend(translation(&span, gpus, pci, evidence.settings("gpu")));
            }
            Err(why) => findings.push(PAGE.missing(other("ways between GPUs"), &why)),
        }
    }
    if findings.is_empty() {
        let citation = Citation::new(NVML, "p2p_read: ok for each pair");
        findings.push(PAGE.pass(Object::node(), words::Direct {}).with_evidence(citation));
    }
    Ok(findings)
}

fn other(name: &str) -> Object {
    Object::new(ObjectKind::Other, name)
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

/// Pairs that cannot read each other's memory: those that a server uses, and all where none is known to use any.
fn peers(evidence: &Evidence<'_>, span: &Span, links: &[NvmlLink], is_guest: bool) -> Vec<Finding> {
    let addresses: Vec<&str> = evidence.gpus().unwrap_or_default().iter().map(|gpu| &*gpu.address).collect();
    let pairs = pairs_in_use(evidence.servers().unwrap_or_default(), &addresses);
    let mut by_status: BTreeMap<Result<&str, String>, Vec<String>> = BTreeMap::new();
    for (a, b) in &pairs {
        let is_it = |link: &&NvmlLink| [&*link.a, &*link.b] == [*a, *b] || [&*link.a, &*link.b] == [*b, *a];
        let untold = || Missing::new(Absence::Failed, "NVML does not tell of them");
        let status = links.iter().find(is_it).ok_or_else(untold).and_then(|link| link.p2p_read.require());
        if status.as_ref().is_ok_and(|status| *status == "ok") {
            continue;
        }
        let status = status.map(String::as_str).map_err(|missing| missing.to_string());
        by_status.entry(status).or_default().push(format!("{a} and {b}"));
    }
    let mut findings = Vec::new();
    for (status, of_status) in by_status {
        let named = of_status.join("; ");
        let status = match status {
            Ok(status) => status,
            Err(why) => {
                let object = gpus::group(&of_status, format!("GPUs {named}"));
                findings.push(PAGE.not_run(object, words::PairUnknown { reason: why.into() }));
                continue;
            }
        };
        let said = |span| {
            let (all_count, pairs_count) = (pairs.len().into(), of_status.len().into());
            words::NoWay { all_count, pairs_count, span, status: status.into() }.into()
        };
        let citation = Citation::new(NVML, format!("p2p_read {status}: {named}"));
        // In a virtual machine the ways are those that its provider gives it; the GPU itself is not.
        let request = match status {
            "chipset-not-supported" => Some(ProviderRequest::PeerAccess),
            "gpu-not-supported" => None,
            _ => Some(ProviderRequest::VirtualNuma),
        };
        let goal = request.filter(|_| is_guest).map(|request| Intent::Provider { request });
        let dressed = |finding: Finding| finding.with_evidence(citation).with_intents(goal);
        findings.extend(span.weigh(&PAGE, other("pairs of GPUs"), said, dressed));
    }
    findings
}

/// Bridges that lie between GPUs and redirect their traffic.
fn bridges(span: &Span, gpus: &[Gpu], pci: &[PciDevice]) -> Vec<Finding> {
    let mut above: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut findings = Vec::new();
    for gpu in gpus {
        let way = way_up(pci, &gpu.address);
        if way.is_empty() {
            findings.push(PAGE.not_run(Object::gpu(&gpu.address), words::NotListed {}));
        }
        for bridge in way.into_iter().skip(1) {
            above.entry(&bridge.address).or_default().insert(&gpu.address);
        }
    }
    let (mut citations, mut goals) = (Vec::new(), Vec::new());
    let mut unread: Option<(usize, Missing)> = None;
    for bridge in above.iter().filter(|(_, below)| below.len() < gpus.len()).map(|(bridge, _)| *bridge) {
        let Some(device) = pci.iter().find(|device| device.address == bridge) else { continue };
        match device.acs.optional() {
            Ok(Some(acs)) if acs.source_validation || acs.request_redirect || acs.completion_redirect => {
                let was = format!("{:#06x}", acs.control);
                let value = format!("ACS control register {was}");
                citations.push(Citation::new(format!("{}/config", device.path), value));
                goals.push(Intent::AcsOff { bridge: bridge.to_owned(), was });
            }
            Ok(_) => {}
            Err(missing) => unread = Some((unread.map_or(1, |(count, _)| count + 1), missing)),
        }
    }
    let object = other("bridges between GPUs");
    if !citations.is_empty() {
        // Access control keeps devices apart that are passed through to virtual machines.
        if pci.iter().any(|device| device.driver.known().is_some_and(|driver| driver == "vfio-pci")) {
            goals.clear();
        }
        let bridges_count = citations.len().into();
        let said = |span| words::Redirected { bridges_count, span }.into();
        let dressed = |finding: Finding| finding.with_citations(citations).with_intents(goals);
        findings.extend(span.weigh(&PAGE, object.clone(), said, dressed));
    }
    if let Some((count, missing)) = unread {
        let said = words::AcsUnknown { bridges_count: count.into(), reason: (&missing).into() };
        findings.push(PAGE.not_run(object, said));
    }
    findings
}

/// GPUs whose memory accesses the IOMMU translates.
fn translation(
    span: &Span,
    gpus: &[Gpu],
    pci: &[PciDevice],
    settings: Result<BTreeMap<String, Fact<String>>, Missing>,
) -> Vec<Finding> {
    let settings = match settings {
        Ok(settings) => settings,
        Err(missing) => return vec![PAGE.missing(Object::setting("IOMMU"), &missing)],
    };
    let (mut translated, mut citations, mut findings) = (Vec::new(), Vec::new(), Vec::new());
    for gpu in gpus {
        let Some(device) = pci.iter().find(|device| device.address == gpu.address) else { continue };
        let object = Object::gpu(&gpu.address);
        let mode = device.iommu_group.optional().and_then(|group| {
            let path = group.map(|group| format!("/sys/kernel/iommu_groups/{group}/type"));
            let mode = path.as_ref().and_then(|path| settings.get(path));
            Ok((path, mode.map(Fact::optional).transpose()?))
        });
        match mode {
            Ok((Some(path), None)) => {
                findings.push(PAGE.not_run(object, words::TypeUnread { path: path.into() }));
            }
            // `DMA` and `DMA-FQ` translate, `identity` does not (sysfs-kernel-iommu_groups).
            Ok((Some(path), Some(Some(mode)))) if mode.trim().starts_with("DMA") => {
                translated.push(gpu.address.clone());
                citations.push(Citation::new(path, mode.trim()));
            }
            Ok(_) => {}
            Err(why) => {
                findings.push(PAGE.not_run(object, words::IommuUnknown { reason: (&why).into() }));
            }
        }
    }
    let mut findings = gpus::join(findings, gpus.len());
    if !translated.is_empty() {
        let object = gpus::group(&translated, format!("GPUs {}", translated.join(", ")));
        let (all_count, gpus_count) = (gpus.len().into(), translated.len().into());
        let said = |span| words::Translated { all_count, gpus_count, span }.into();
        let goal = Intent::KernelArgument { argument: "iommu=pt".to_owned(), present: true };
        let dressed = |finding: Finding| finding.with_citations(citations).with_intent(goal);
        findings.extend(span.weigh(&PAGE, object, said, dressed));
    }
    findings
}
