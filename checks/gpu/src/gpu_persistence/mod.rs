//! `gpu.persistence`: persistence mode is on, and survives a reboot.
//!
//! NVIDIA's daemon sets the mode at boot. Whether it runs is seen by its process, not by the setting of a unit; a container
//! does not see the processes of its host.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::model::Process;
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity,
};

use crate::gpus::{self, cite};

static META: CheckMeta = CheckMeta {
    id: Borrowed("gpu.persistence"),
    title: Borrowed("Persistence mode is on"),
    category: Category::GpuHealth,
    severity: Severity::Low,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Without it the driver unloads a GPU when its last process exits: restarts are slow, and clock and \
         power settings are lost.",
    ),
    business: Borrowed("After each restart the GPU has to be woken from scratch."),
    needs: Borrowed(&[
        Borrowed("/nvml"),
        Borrowed("/gpus"),
        Borrowed("/processes"),
        Borrowed("/node/container"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("`nvidia-smi -pm 1`"),
        persistent: Borrowed("`systemctl enable --now nvidia-persistenced`"),
        rollback: Borrowed("`nvidia-smi -pm 0`"),
        change: ChangeKind::Runtime,
        verification: Borrowed("`nvidia-smi --query-gpu=persistence_mode --format=csv`"),
        expected_effect: Borrowed(
            "Only the time to start, while a server keeps the GPU in use. There is no published number for \
             language models.",
        ),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed(
        "Bare metal, virtual machines, the host of containers; NVIDIA GPUs for data centres",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("NVIDIA: Driver Persistence"),
            url: Borrowed("https://docs.nvidia.com/deploy/driver-persistence/index.html"),
        },
        Reference {
            title: Borrowed(
                "Azure HPC images (azhpc-images): hpc-tuning.sh, install_rccl.sh, persistence service",
            ),
            url: Borrowed("https://github.com/Azure/azhpc-images"),
        },
        Reference {
            title: Borrowed("Azure HPC node health checks (azurehpc-health-checks)"),
            url: Borrowed("https://github.com/Azure/azurehpc-health-checks"),
        },
        Reference {
            title: Borrowed("leptonai/gpud: GPU health components and thresholds"),
            url: Borrowed("https://github.com/leptonai/gpud"),
        },
    ]),
};

/// See the module.
pub struct GpuPersistence;

impl Check for GpuPersistence {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let nvml = match gpus::nvml(evidence)? {
            Ok(nvml) => nvml,
            Err(why) => return Ok(vec![META.not_applicable("node", why)]),
        };
        let daemon = daemon(evidence);
        let findings = nvml.devices.iter().map(|device| {
            let name = gpus::name(device);
            match device.persistence.require() {
                Err(missing) => META.not_run(name, missing.reason.clone()),
                Ok(false) => META
                    .fail(&name, "persistence mode is off")
                    .with_likelihood(Likelihood::Setting)
                    .with_evidence(cite(&name, "persistence off")),
                Ok(true) => match &daemon {
                    Ok(Some(path)) => META
                        .pass(&name, "persistence mode is on, and the daemon that sets it runs")
                        .with_evidence(cite(&name, "persistence on"))
                        .with_evidence(Citation::new(path.clone(), DAEMON)),
                    Ok(None) => META
                        .warn(
                            &name,
                            "persistence mode is on, but nothing sets it after a reboot: no daemon runs",
                        )
                        .with_likelihood(Likelihood::Setting)
                        .with_evidence(cite(&name, "persistence on")),
                    Err(missing) => META.not_run(
                        name,
                        format!("persistence mode is on; whether the daemon that sets it runs: {missing}"),
                    ),
                },
            }
        });
        Ok(gpus::join(findings.collect()))
    }
}

/// Name of the daemon's process, cut to 15 bytes by the kernel.
const DAEMON: &str = "nvidia-persiste";

/// Path of the daemon's process, if it runs.
fn daemon(evidence: &Evidence<'_>) -> Result<Option<String>, Missing> {
    let container = evidence.container_runtime()?;
    let processes = evidence.processes()?;
    let found = processes.iter().find(|process: &&Process| process.comm == DAEMON);
    if found.is_none()
        && let Some(container) = container
    {
        let reason = format!("inside a container ({container}) the processes of the host are not seen");
        return Err(Missing::new(Absence::Skipped, reason));
    }
    Ok(found.map(|process| format!("{}/stat", process.path)))
}
