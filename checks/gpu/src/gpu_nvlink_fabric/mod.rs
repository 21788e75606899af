//! `gpu.nvlink-fabric`: all NVLinks are up and the fabric manager runs.
//!
//! How many links a model has is known for those of the table below; of others only the links that NVML lists are judged.
//! The fabric manager counts where NVSwitches are on the PCI bus of the node. It is seen by its process; a container does
//! not see the processes of its host, and in a virtual machine it may run outside.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Limit, MegabytesPerSecond, Quantity};
use plumb_check_sdk::model::{GpuTime, NvmlDevice, PciDevice};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Fact, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, ThresholdBasis, WorkloadTrait,
};

use crate::gpus::{self, cite, cite_window};

static META: CheckMeta = CheckMeta {
    id: Borrowed("gpu.nvlink-fabric"),
    title: Borrowed("All NVLinks are up and the fabric manager runs"),
    category: Category::GpuHealth,
    severity: Severity::High,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "A missing link lowers the bandwidth of all-reduce for the whole group; without the fabric manager, \
         servers that span GPUs do not start.",
    ),
    business: Borrowed("One of the fast roads between the GPUs is closed."),
    needs: Borrowed(&[
        Borrowed("/nvml"),
        Borrowed("/gpus"),
        Borrowed("/pci"),
        Borrowed("/processes"),
        Borrowed("/node/container"),
        Borrowed("/window/gpus"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("`systemctl restart nvidia-fabricmanager`; reset the GPUs"),
        persistent: Borrowed("`systemctl enable nvidia-fabricmanager`, in the version of the driver"),
        rollback: Borrowed("None: nothing is changed but the service"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed("`nvidia-smi nvlink --status`; `nvidia-smi -q | grep -A3 Fabric`"),
        expected_effect: Borrowed("There is no published number for language models."),
    },
    thresholds: Borrowed(&[H100_LINK.threshold()]),
    amplified_by: Borrowed(&[WorkloadTrait::TensorParallel]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal, virtual machines with all GPUs of a host; GPUs with NVLink"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("NVIDIA Health Validation: NVLink checks"),
            url: Borrowed("https://docs.nvidia.com/health-validation/reference/checks/nvlink"),
        },
        Reference {
            title: Borrowed("leptonai/gpud: GPU health components and thresholds"),
            url: Borrowed("https://github.com/leptonai/gpud"),
        },
    ]),
};

const H100_LINK: Limit<MegabytesPerSecond> = Limit {
    name: "speed of one NVLink below which it is a failure",
    value: Quantity::new(26_562.0),
    basis: ThresholdBasis::Vendor,
    source: "NVIDIA Health Validation: NVLink checks",
    date: "2026-11-23",
    applies_to: "H100 and H200 with SXM",
};

/// See the module.
pub struct GpuNvlinkFabric;

impl Check for GpuNvlinkFabric {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let nvml = match gpus::nvml(evidence)? {
            Ok(nvml) => nvml,
            Err(why) => return Ok(vec![META.not_applicable("node", why)]),
        };
        // A GPU that is the only one of its node, as in a virtual machine, may have its links switched off.
        let alone = nvml.devices.len() < 2;
        let without = |device: &NvmlDevice| {
            let none =
                matches!(&device.nvlinks, Fact::Missing(missing) if missing.missing == Absence::Absent);
            none && (alone || expected_links(device).is_none())
        };
        if nvml.devices.iter().all(without) {
            let message = if alone { "one GPU, without NVLink" } else { "no GPU has NVLink" };
            return Ok(vec![META.not_applicable("node", message)]);
        }
        let window: Result<Vec<GpuTime>, Missing> = evidence.get("/window/gpus");
        let mut findings = Vec::new();
        for device in nvml.devices.iter().filter(|device| !without(device)) {
            let name = gpus::name(device);
            let parts = [links(evidence, device), fabric(device), errors(device, &window)];
            let of_device: Vec<Finding> = parts
                .into_iter()
                .filter_map(|part| part.unwrap_or_else(|missing| Some(META.not_run(&name, missing.reason))))
                .collect();
            if of_device.is_empty() {
                let count = device.nvlinks.known().map_or(0, Vec::len);
                findings.push(
                    META.pass(&name, "all its NVLinks are up and without errors")
                        .with_evidence(cite(&name, format!("{count} NVLinks, all active"))),
                );
            }
            findings.extend(of_device);
        }
        let mut findings = gpus::join(findings);
        findings.extend(manager(evidence).unwrap_or_else(|missing| {
            Some(META.not_run("fabric manager", format!("whether it runs: {missing}")))
        }));
        Ok(findings)
    }
}

/// NVLinks of a GPU by its product name.
const LINKS: &[(&str, usize)] = &[
    ("V100-SXM", 6),
    ("A100-SXM", 12),
    ("A800-SXM", 8),
    ("H100 80GB HBM3", 18),
    ("NVIDIA H200", 18),
    ("NVIDIA B200", 18),
];

fn expected_links(device: &NvmlDevice) -> Option<usize> {
    let name = device.name.known()?;
    if name.contains("NVL") {
        // Boards with bridges have fewer links than modules of the same chip.
        return None;
    }
    LINKS.iter().find(|(part, _)| name.contains(part)).map(|&(_, links)| links)
}

fn links(evidence: &Evidence<'_>, device: &NvmlDevice) -> Result<Option<Finding>, Missing> {
    let name = gpus::name(device);
    let Some(links) = gpus::if_any(&device.nvlinks)? else {
        let citation = cite(&name, "no NVLink");
        let finding = META.warn(&name, "its model has NVLinks, but the driver lists none");
        return Ok(Some(finding.with_likelihood(Likelihood::Setting).with_evidence(citation)));
    };
    let mut inactive = Vec::new();
    for link in links {
        if !*link.active.require()? {
            inactive.push(link.link.to_string());
        }
    }
    if !inactive.is_empty() {
        let citation = cite(&name, format!("inactive: link {} of {}", inactive.join(", "), links.len()));
        let finding =
            META.fail(&name, format!("NVLinks that are down: {} of {}", inactive.len(), links.len()));
        return Ok(Some(finding.with_likelihood(Likelihood::Mechanism).with_evidence(citation)));
    }
    device.name.require()?;
    if let Some(expected) = expected_links(device).filter(|&expected| links.len() < expected) {
        let finding =
            META.fail(&name, format!("it shows {} NVLinks, where its model has {expected}", links.len()));
        let citation = cite(&name, format!("{} NVLinks", links.len()));
        return Ok(Some(finding.with_likelihood(Likelihood::Mechanism).with_evidence(citation)));
    }
    if expected_links(device) == Some(18) && device.name.known().is_some_and(|name| name.contains(" H")) {
        let speed = *device.nvlink_mbps.require()?;
        if evidence.limit(&META, &H100_LINK).is_undercut_by(Quantity::new(speed as f64)) {
            let citation = cite(&name, format!("{speed} MB/s a link"));
            let finding = META.fail(&name, "its NVLinks run below the speed of the model");
            return Ok(Some(finding.with_likelihood(Likelihood::Mechanism).with_evidence(citation)));
        }
    }
    Ok(None)
}

fn fabric(device: &NvmlDevice) -> Result<Option<Finding>, Missing> {
    let Some(fabric) = gpus::if_any(&device.fabric)? else { return Ok(None) };
    if fabric.state == "completed" && fabric.status == 0 {
        return Ok(None);
    }
    let name = gpus::name(device);
    let citation = cite(&name, format!("fabric state {}, status {}", fabric.state, fabric.status));
    let finding = META.fail(name, "it is not registered with the NVLink fabric");
    Ok(Some(finding.with_likelihood(Likelihood::Mechanism).with_evidence(citation)))
}

fn errors(device: &NvmlDevice, window: &Result<Vec<GpuTime>, Missing>) -> Result<Option<Finding>, Missing> {
    let name = gpus::name(device);
    let growth = gpus::during(window, &name).and_then(|time| gpus::if_any(&time.nvlink_errors));
    match growth {
        Ok(Some(&errors)) if errors > 0 => {
            let citation = cite_window(&name, format!("{errors} errors of NVLinks"));
            let finding = META.warn(name, "its NVLinks had to repeat or recover during the window");
            Ok(Some(finding.with_likelihood(Likelihood::Mechanism).with_evidence(citation)))
        }
        Ok(_) => Ok(None),
        Err(missing) => {
            Err(Missing::new(missing.missing, format!("growth of NVLink errors: {}", missing.reason)))
        }
    }
}

/// NVIDIA's bridges that are no PCI bridge are its NVSwitches.
fn is_switch(device: &PciDevice) -> Result<bool, Missing> {
    let other = |fact: &Fact<u32>, is: fn(u32) -> bool| fact.known().is_some_and(|&value| !is(value));
    if other(&device.vendor, |vendor| vendor == 0x10de) || other(&device.class, |class| class >> 8 == 0x0680)
    {
        return Ok(false);
    }
    device.vendor.require()?;
    device.class.require()?;
    Ok(true)
}

/// Name of the daemon's process, cut to 15 bytes by the kernel.
const MANAGER: &str = "nv-fabricmanage";

/// A node that has NVSwitches needs the manager.
fn manager(evidence: &Evidence<'_>) -> Result<Option<Finding>, Missing> {
    let mut switch = None;
    for device in evidence.pci()? {
        if is_switch(device)? {
            switch = Some(device);
        }
    }
    let Some(switch) = switch else { return Ok(None) };
    let subject = "fabric manager";
    let processes = evidence.processes()?;
    if let Some(process) = processes.iter().find(|process| process.comm == MANAGER) {
        let citation = Citation::new(format!("{}/stat", process.path), MANAGER);
        return Ok(Some(META.pass(subject, "it runs").with_evidence(citation)));
    }
    if let Some(container) = evidence.container_runtime()? {
        let reason = format!("inside a container ({container}) the processes of the host are not seen");
        return Err(Missing::new(Absence::Skipped, reason));
    }
    let citation = Citation::new(format!("{}/class", switch.path), "an NVSwitch");
    Ok(Some(
        META.fail(subject, "the node has NVSwitches, but no fabric manager runs")
            .with_likelihood(Likelihood::Setting)
            .with_evidence(citation),
    ))
}
