//! Derives [`Evidence`] from the raw files of a bundle.
//!
//! Pure: the same bundle gives the same evidence. One module per subject; each says which files it reads, and what it
//! does where a kernel or an architecture lacks them.

mod arm;
mod bounds;
pub mod cgroup;
pub mod container;
mod cpu;
mod cpuinfo;
pub mod dimm;
mod freq;
pub mod gpu;
pub mod gpu_runtime;
pub mod gpu_window;
pub(crate) mod hwloc;
mod interrupts;
mod judged;
pub mod kernel_log;
pub mod kubelet;
mod measurement;
pub mod memory;
pub mod network;
mod node;
mod numa;
mod path;
mod pci;
pub mod persistent;
pub mod platform;
pub mod power;
pub mod process;
pub mod server;
pub mod service;
pub mod settings;
pub mod smbios;
pub mod storage;
pub mod surroundings;
pub mod sysctl;
#[cfg(test)]
pub(crate) mod testing;
pub mod unit_file;
pub mod window;

pub use judged::judge;

use crate::bundle::{Bundle, NVML_NAME};
use crate::fact::{Absence, Fact, Missing};
use crate::model::{Collection, EVIDENCE_SCHEMA, Evidence, Nvml, Origin, Policy, ProbeOutcome, Process};

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
    let gpus: Fact<_> = gpu::derive(bundle, &pci, &numa, &hwloc, &nvml).into();
    let processes: Fact<_> = process::derive(bundle, manifest.origin != Origin::Sysroot, &gpus, &nvml).into();
    let servers: Fact<_> = server::derive(bundle, &processes).into();
    // Somebody who recorded all processes has recorded the first one.
    let is_first = |process: &Process| process.pid == 1;
    let all_processes = manifest.looked_at_node()
        || processes.known().is_some_and(|processes| processes.iter().any(is_first));
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
        settings: settings::derive(bundle),
        window: window::derive(bundle, &processes, &servers).into(),
        power: power::derive(bundle).into(),
        memory: memory::derive(bundle).into(),
        network: network::derive(bundle, &servers).into(),
        storage: storage::derive(bundle, &servers).into(),
        dimms: dimm::derive(bundle).into(),
        paths: path::derive(bundle, &pci, &gpus).into(),
        platform: platform::derive(bundle).into(),
        services: service::derive(bundle, &servers, &processes, all_processes).into(),
        containers: container::derive(bundle, &processes, all_processes).into(),
        kernel_log: kernel_log::derive(bundle).into(),
        measurements: measurement::derive(bundle).into(),
        engagement: Fact::Missing(Missing::new(
            Absence::Skipped,
            "no engagement file was given: name one with `--engagement`",
        )),
        policy: Policy::default(),
        possible_workers: server::possible_workers(&processes, &servers).into(),
        processes,
        servers,
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
