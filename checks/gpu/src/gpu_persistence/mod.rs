//! `gpu.persistence`: persistence mode is on, and survives a reboot.
//!
//! NVIDIA's daemon sets the mode at boot. Whether it runs is seen by its process, not by the setting of a unit; a container
//! does not see the processes of its host.

use plumb_check_sdk::model::{NvmlDevice, Process};
use plumb_check_sdk::{Arg, Citation, Evidence, Finding, GpuState, Intent, Missing, Object, Said};

use crate::gpus::{self, cite, named};
use crate::pages::gpu_persistence::{PAGE, words};

/// What the check finds.
pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    let nvml = match gpus::nvml(evidence) {
        Ok(nvml) => nvml,
        Err(silent) => return silent.of_nvidia().tell(&PAGE),
    };
    let daemon = daemon(evidence);
    let findings = nvml.devices.iter().map(|device| judge(device, &daemon));
    Ok(gpus::join(findings.collect(), nvml.devices.len()))
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

fn judge(device: &NvmlDevice, daemon: &Result<Option<&Process>, Said>) -> Finding {
    let (object, name): (Object, _) = (gpus::object(device), gpus::name(device));
    let is_on = match device.persistence.require() {
        Ok(is_on) => *is_on,
        Err(missing) => return PAGE.missing(object, &missing),
    };
    if !is_on {
        let want = Intent::Gpu { gpu: name.clone(), want: GpuState::Persistent {} };
        return PAGE
            .fail(object, named!(Off))
            .with_evidence(cite(&name, "persistence off"))
            .with_intent(want);
    }
    let on = cite(&name, "persistence on");
    match daemon {
        Ok(Some(process)) => PAGE
            .pass(object, words::Kept {})
            .with_evidence(on)
            .with_evidence(Citation::new(format!("{}/stat", process.path), DAEMON)),
        Ok(None) => PAGE
            .warn(object, named!(NotKept))
            .with_evidence(on)
            .with_intent(Intent::Unit { name: "nvidia-persistenced.service".to_owned(), runs: true }),
        Err(said) => PAGE.not_run(object, said.clone()),
    }
}
