//! Derives [`Evidence`] from the raw files of a bundle.
//!
//! Pure: the same bundle gives the same evidence. One module per subject; each says which files it reads, and what it
//! does where a kernel or an architecture lacks them.

pub mod cgroup;
mod cpu;
mod cpuinfo;
mod freq;
pub mod gpu;
pub(crate) mod hwloc;
mod interrupts;
mod node;
mod numa;
mod pci;
pub mod process;
pub mod sysctl;

use crate::bundle::{Bundle, NVML_NAME};
use crate::fact::{Absence, Fact, Missing};
use crate::model::{Collection, EVIDENCE_SCHEMA, Evidence, Nvml, Origin, ProbeOutcome};

/// Derives what is known about the node from its bundle.
#[must_use]
pub fn derive(bundle: &Bundle) -> Evidence {
    let manifest = bundle.manifest();
    let nvml: Fact<_> = nvml(bundle).into();
    let pci: Fact<_> = pci::derive(bundle).into();
    let numa: Fact<_> = numa::derive(bundle).into();
    let cpu: Fact<_> = cpu::derive(bundle, numa.known()).into();
    let hwloc: Fact<_> = match (&cpu, manifest.origin) {
        // hwloc then counts the CPUs of the machine that it runs on.
        (Fact::Missing(_), Origin::Sysroot) => Fact::absent("the recording names no CPU for hwloc to find"),
        _ => hwloc::derive(bundle).into(),
    };
    let gpus: Fact<_> = gpu::derive(bundle, &pci, &hwloc, &nvml).into();
    Evidence {
        schema: EVIDENCE_SCHEMA,
        collection: Collection {
            tool_version: manifest.tool_version.clone(),
            started: manifest.started.clone(),
            finished: manifest.finished.clone(),
            origin: manifest.origin,
            root: manifest.privileges.euid == 0,
            probes: manifest
                .probes
                .iter()
                .map(|record| ProbeOutcome {
                    id: record.id.clone(),
                    status: record.status.as_str().to_owned(),
                    reason: record.reason.clone(),
                })
                .collect(),
        },
        node: node::derive(bundle),
        cpufreq: freq::cpufreq(bundle, cpu.known().map(|cpu| &cpu.online)).into(),
        cpuidle: freq::cpuidle(bundle).into(),
        sysctl: sysctl::derive(bundle),
        interrupts: interrupts::derive(bundle).into(),
        cgroup: cgroup::derive(bundle).into(),
        processes: process::derive(bundle, manifest.origin == Origin::Live, &gpus, &nvml).into(),
        cpu,
        numa,
        pci,
        gpus,
        hwloc,
        nvml,
    }
}

fn nvml(bundle: &Bundle) -> Result<Nvml, Missing> {
    let bytes = bundle.api(NVML_NAME, "nvml")?;
    serde_json::from_slice(bytes)
        .map_err(|error| Missing::new(Absence::Malformed, format!("{NVML_NAME}: {error}")))
}
