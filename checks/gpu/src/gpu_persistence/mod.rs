//! `gpu.persistence`: persistence mode is on, and survives a reboot.
//!
//! NVIDIA's daemon sets the mode at boot. Whether it runs is seen by its process, not by the setting of a unit; a container
//! does not see the processes of its host.

use plumb_check_sdk::model::{NvmlDevice, Process};
use plumb_check_sdk::{Arg, Citation, Evidence, Finding, GpuState, Intent, Missing, NoVerdict, Said};

use crate::gpus::{self, Silent, cite, named};
use crate::pages::gpu_persistence::{PAGE, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let nvml = gpus::nvml(evidence).map_err(Silent::of_nvidia)?;
    let daemon = daemon(evidence);
    let judged = |device| PAGE.settle(gpus::object(device), judge(device, &daemon));
    let findings = nvml.devices.iter().map(judged);
    Ok(gpus::joined(evidence, &PAGE, findings.collect()))
}

/// Name of the daemon's process, cut to 15 bytes by the kernel.
const DAEMON: &str = "nvidia-persiste";

/// The daemon's process, if it runs; the sentence that says why nobody knows.
fn daemon<'a>(evidence: &Evidence<'a>) -> Result<Option<&'a Process>, Said> {
    let unknown = |missing: Missing| Said::from(words::DaemonUnknown { reason: Arg::text(missing.reason) });
    let container = evidence.container_runtime().map_err(unknown)?;
    let found = evidence.processes().map_err(unknown)?.iter().find(|process| process.comm == DAEMON);
    match container.filter(|_| found.is_none()) {
        Some(container) => Err(words::InContainer { container: container.into() }.into()),
        None => Ok(found),
    }
}

fn judge(device: &NvmlDevice, daemon: &Result<Option<&Process>, Said>) -> Result<Finding, NoVerdict> {
    let (object, name) = (gpus::object(device), gpus::name(device));
    if !*device.persistence.require()? {
        let want = Intent::Gpu { gpu: name.clone(), want: GpuState::Persistent {} };
        let finding = PAGE.fail(object, named!(Off)).with_evidence(cite(&name, "persistence off"));
        return Ok(finding.with_intent(want));
    }
    let on = cite(&name, "persistence on");
    Ok(match daemon.as_ref().map_err(Said::clone)? {
        Some(process) => PAGE
            .pass(object, words::Kept {})
            .with_evidence(on)
            .with_evidence(Citation::new(format!("{}/stat", process.path), DAEMON)),
        None => PAGE
            .warn(object, named!(NotKept))
            .with_evidence(on)
            .with_intent(Intent::Unit { name: "nvidia-persistenced.service".to_owned(), runs: true }),
    })
}
