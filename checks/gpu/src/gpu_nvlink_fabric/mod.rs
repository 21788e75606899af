//! `gpu.nvlink-fabric`: all NVLinks are up and the fabric manager runs.
//!
//! How many links a model has is known for those of the table below; of others only the links that NVML lists are judged.
//! The fabric manager counts where NVSwitches are on the PCI bus of the node. It is seen by its process; a container does
//! not see the processes of its host, and in a virtual machine it may run outside.

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{GpuTime, NvmlDevice, PciDevice};
use plumb_check_sdk::{
    Arg, Citation, Evidence, Fact, Finding, GpuState, HardwarePart, Intent, Likelihood, Missing, NoVerdict,
    Object, ObjectKind, Outcome, ProviderRequest, Said, Step,
};

use crate::gpus::{self, Silent, Unseen, cite, cite_window, named};
use crate::pages::gpu_nvlink_fabric::{H100_LINK, PAGE, words};

/// Key of the cause that an unregistered GPU and a fabric manager that does not run have in common.
const FABRIC: &str = "nvlink-fabric";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let nvml = gpus::nvml(evidence).map_err(Silent::of_nvidia)?;
    // A GPU that is the only one of its node, as in a virtual machine, may have its links switched off.
    let alone = nvml.devices.len() < 2;
    let without = |device: &NvmlDevice| {
        let none = matches!(&device.nvlinks, Fact::Missing(missing) if missing.is_absent());
        none && (alone || expected_links(device).is_none())
    };
    let said: Said = if alone { words::Alone {}.into() } else { words::NoNvlink {}.into() };
    PAGE.not_applicable_if(nvml.devices.iter().all(without), said)?;
    let window: Result<Vec<GpuTime>, Missing> = evidence.get("/window/gpus");
    let mut findings = Vec::new();
    for device in nvml.devices.iter().filter(|device| !without(device)) {
        let device = Device { evidence, device, name: gpus::name(device) };
        let object = || Object::gpu(&device.name);
        let parts = [device.links(), device.fabric(), Ok(device.errors(&window))];
        let of_device: Vec<Finding> =
            parts.into_iter().filter_map(|part| PAGE.settle(object(), part)).collect();
        if of_device.is_empty() {
            let count = device.device.nvlinks.known().map_or(0, Vec::len);
            let citation = cite(&device.name, format!("{count} NVLinks, all active"));
            findings.push(PAGE.pass(object(), words::Up {}).with_evidence(citation));
        }
        findings.extend(of_device);
    }
    let mut findings = gpus::joined(evidence, &PAGE, findings);
    let unknown = |why: Missing| words::ManagerUnknown { reason: (&why).into() };
    findings.extend(PAGE.settle(manager_object(), manager(evidence).map_err(unknown)));
    Ok(findings)
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

struct Device<'a> {
    evidence: &'a Evidence<'a>,
    device: &'a NvmlDevice,
    name: String,
}

impl Device<'_> {
    /// A fault of links, which somebody has to look at.
    fn fault(&self, outcome: Outcome, said: impl Into<Said>, citation: Citation) -> Finding {
        PAGE.says(outcome, Object::gpu(&self.name), said)
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(citation)
            .with_intent(gpus::look_at(self.evidence, HardwarePart::NvLink, &self.name))
    }

    fn links(&self) -> Result<Option<Finding>, Missing> {
        let (device, name) = (self.device, &self.name);
        let Some(links) = device.nvlinks.optional()? else {
            let finding = self.fault(Outcome::Warn, named!(Unlisted), cite(name, "no NVLink"));
            return Ok(Some(finding.with_likelihood(Likelihood::Setting)));
        };
        let mut inactive = Vec::new();
        for link in links {
            if !*link.active.require()? {
                inactive.push(link.link.to_string());
            }
        }
        let links_count = Arg::count(links.len());
        if !inactive.is_empty() {
            let citation = cite(name, format!("inactive: link {} of {}", inactive.join(", "), links.len()));
            let said = named!(Down, down_count: inactive.len().into(), links_count);
            return Ok(Some(self.fault(Outcome::Fail, said, citation)));
        }
        device.name.require()?;
        let expected = expected_links(device);
        if let Some(expected) = expected.filter(|&expected| links.len() < expected) {
            let said = named!(Few, expected_count: expected.into(), links_count);
            let citation = cite(name, format!("{} NVLinks", links.len()));
            return Ok(Some(self.fault(Outcome::Fail, said, citation)));
        }
        if expected == Some(18) && device.name.known().is_some_and(|name| name.contains(" H")) {
            let speed = Quantity::new(*device.nvlink_mbps.require()? as f64);
            let limit = self.evidence.limit(&PAGE, &H100_LINK);
            if limit.is_undercut_by(speed) {
                let said = named!(Slow, least_speed: Arg::of(speed, 0), limit: Arg::of(limit.value, 0));
                let citation = cite(name, format!("{} MB/s a link", speed.number()));
                return Ok(Some(self.fault(Outcome::Fail, said, citation)));
            }
        }
        Ok(None)
    }

    fn fabric(&self) -> Result<Option<Finding>, Missing> {
        let Some(fabric) = self.device.fabric.optional()? else { return Ok(None) };
        if fabric.state == "completed" && fabric.status == 0 {
            return Ok(None);
        }
        let citation = cite(&self.name, format!("fabric state {}, status {}", fabric.state, fabric.status));
        // The fabric of a virtual machine is its provider's.
        let goals = if gpus::is_guest(self.evidence) {
            vec![Intent::Provider { request: ProviderRequest::Health }]
        } else {
            let want = GpuState::Reset {};
            vec![Intent::Step { step: Step::Drain }, Intent::Gpu { gpu: self.name.clone(), want }]
        };
        let finding = PAGE
            .fail(Object::gpu(&self.name), named!(Unregistered))
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(citation)
            .with_intents(goals)
            .with_cause(FABRIC, Object::node());
        Ok(Some(finding))
    }

    fn errors(&self, window: &Result<Vec<GpuTime>, Missing>) -> Option<Finding> {
        let object = Object::gpu(&self.name);
        let errors = gpus::during(window, &self.name)
            .and_then(|time| time.nvlink_errors.optional().map_err(Unseen::Missing));
        match errors {
            Ok(Some(&errors)) if errors > 0 => {
                let said = named!(Errors, most_errors: errors.into());
                let citation = cite_window(&self.name, format!("{errors} errors of NVLinks"));
                Some(self.fault(Outcome::Warn, said, citation))
            }
            Ok(_) => None,
            Err(unseen) => Some(PAGE.not_run(object, &unseen)),
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

fn manager_object() -> Object {
    Object::new(ObjectKind::Unit, "nvidia-fabricmanager.service").named("fabric manager")
}

/// A node that has NVSwitches needs the manager.
fn manager(evidence: &Evidence<'_>) -> Result<Option<Finding>, Missing> {
    let mut switch = None;
    for device in evidence.pci()? {
        if is_switch(device)? {
            switch = Some(device);
        }
    }
    let Some(switch) = switch else { return Ok(None) };
    let object = manager_object();
    let processes = evidence.processes()?;
    if let Some(process) = processes.iter().find(|process| process.comm == MANAGER) {
        let citation = Citation::new(format!("{}/stat", process.path), MANAGER);
        return Ok(Some(PAGE.pass(object, words::ManagerRuns {}).with_evidence(citation)));
    }
    if let Some(container) = evidence.container_runtime()? {
        return Ok(Some(PAGE.not_run(object, words::ManagerInContainer { container: container.into() })));
    }
    let want = Intent::Unit { name: object.id.clone(), runs: true };
    Ok(Some(
        PAGE.fail(object, words::NoManager {})
            .with_evidence(Citation::new(format!("{}/class", switch.path), "an NVSwitch"))
            .with_intent(want)
            .with_cause(FABRIC, Object::node()),
    ))
}
