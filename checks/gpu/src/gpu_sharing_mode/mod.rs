//! `gpu.sharing-mode`: GPU sharing (MIG, MPS, time-slicing) is intended and uniform.
//!
//! The processes that NVML lists on a GPU are laid beside the inference servers. One that belongs to no server that is
//! known by kind is a guest; a guest beside a server is a failure if it holds more than a little memory. What is
//! documented cannot be seen on the node: sharing that is meant is accepted in the audit, with owner and reason.
//!
//! The share of a process in the time of the SMs is not collected.

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{InferenceServer, MigInstance, NvmlDevice, server_of};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Evidence, Finding, Likelihood, Missing, Question,
    Reference, Remediation, Severity, ThresholdBasis, WorkloadTrait,
};
use std::borrow::Cow::Borrowed;
use std::collections::{BTreeMap, BTreeSet};

use crate::gpus::{self, cite};

static META: CheckMeta = CheckMeta {
    id: Borrowed("gpu.sharing-mode"),
    title: Borrowed("GPU sharing (MIG, MPS, time-slicing) is intended and uniform"),
    category: Category::GpuHealth,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("Sharing that nobody noticed makes latency depend on the load of a stranger."),
    business: Borrowed("Somebody else is using part of the GPU."),
    needs: Borrowed(&[
        Borrowed("/nvml"),
        Borrowed("/gpus"),
        Borrowed("/servers"),
        Borrowed("/node/container"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("`nvidia-smi` lists the processes; stop or move the guest"),
        persistent: Borrowed(
            "Kubernetes resource requests without time-slicing for this tier; `nvidia-smi -mig 0` or \
             `nvidia-smi -mig 1` as planned; `nvidia-smi -c EXCLUSIVE_PROCESS`",
        ),
        rollback: Borrowed("The former mode, named in the evidence"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed("`nvidia-smi --query-compute-apps=pid,name,used_memory --format=csv`"),
        expected_effect: Borrowed("There is no published number that can be recommended."),
    },
    thresholds: Borrowed(&[GUEST.threshold()]),
    amplified_by: Borrowed(&[WorkloadTrait::SharedHost]),
    questions: Borrowed(&[Question { id: Borrowed("neighbours"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal, virtual machines, containers; NVIDIA"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("NVIDIA MIG User Guide"),
            url: Borrowed("https://docs.nvidia.com/datacenter/tesla/mig-user-guide/"),
        },
        Reference {
            title: Borrowed("leptonai/gpud: GPU health components and thresholds"),
            url: Borrowed("https://github.com/leptonai/gpud"),
        },
    ]),
};

const GUEST: Limit<Percent> = Limit {
    name: "share of the memory of a GPU above which a guest is a failure",
    value: Quantity::new(2.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: a CUDA context alone takes less",
    date: "2026-11-23",
    applies_to: "NVIDIA GPUs that serve",
};

/// See the module.
pub struct GpuSharingMode;

impl Check for GpuSharingMode {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let nvml = match gpus::nvml(evidence)? {
            Ok(nvml) => nvml,
            Err(why) => return Ok(vec![META.not_applicable("node", why)]),
        };
        let mut findings = mig(&nvml.devices);
        let servers = evidence.servers();
        let container = evidence.container_runtime();
        let mut of_processes = Vec::new();
        let mut idle = 0;
        for device in &nvml.devices {
            match users(evidence, device, &servers, &container) {
                Ok(Some(finding)) => of_processes.push(finding),
                Ok(None) => idle += 1,
                Err(missing) => of_processes.push(META.not_run(gpus::name(device), missing.reason)),
            }
        }
        if idle == nvml.devices.len() {
            let message = "no process uses a GPU: collect while the service runs";
            findings.push(META.not_run("processes", message));
        }
        findings.extend(gpus::join(of_processes));
        Ok(findings)
    }
}

/// MIG on some GPUs only, or split differently.
fn mig(devices: &[NvmlDevice]) -> Vec<Finding> {
    let mut split = Vec::new();
    let mut whole = Vec::new();
    let mut findings = Vec::new();
    for device in devices {
        match gpus::if_any(&device.mig) {
            Ok(Some(true)) => split.push(device),
            Ok(_) => whole.push(gpus::name(device)),
            Err(missing) => {
                findings.push(META.not_run(gpus::name(device), format!("whether it is split: {missing}")))
            }
        }
    }
    let names = |devices: &[&NvmlDevice]| {
        devices.iter().map(|device| gpus::name(device)).collect::<Vec<_>>().join(", ")
    };
    if split.is_empty() {
        return gpus::join(findings);
    }
    if !whole.is_empty() {
        findings = gpus::join(findings);
        findings.push(
            META.fail("MIG", "some GPUs are split into MIG instances, others are not")
                .with_likelihood(Likelihood::Setting)
                .with_evidence(cite(&names(&split), "MIG on"))
                .with_evidence(cite(&whole.join(", "), "MIG off")),
        );
        return findings;
    }
    let mut layouts: BTreeMap<String, Vec<&NvmlDevice>> = BTreeMap::new();
    for device in split {
        match device.mig_instances.require() {
            Ok(instances) => layouts.entry(layout(instances)).or_default().push(device),
            Err(missing) => {
                findings.push(META.not_run(gpus::name(device), format!("its MIG instances: {missing}")))
            }
        }
    }
    findings = gpus::join(findings);
    if layouts.len() > 1 {
        let finding = META
            .warn("MIG", "the GPUs are split into MIG instances differently")
            .with_likelihood(Likelihood::Setting);
        findings.push(layouts.iter().fold(finding, |finding, (layout, devices)| {
            finding.with_evidence(cite(&names(devices), layout))
        }));
    } else if let Some((layout, devices)) = layouts.iter().next() {
        let message = "all GPUs are split into the same MIG instances";
        findings.push(META.info("MIG", message).with_evidence(cite(&names(devices), layout)));
    }
    findings
}

/// `2 × 40192 MiB, 3 slices`
fn layout(instances: &[MigInstance]) -> String {
    let mut kinds: BTreeMap<(Option<u64>, Option<u32>), u32> = BTreeMap::new();
    for instance in instances {
        let kind = (instance.memory_mib.known().copied(), instance.gpu_slices.known().copied());
        *kinds.entry(kind).or_default() += 1;
    }
    let number = |value: Option<u64>| value.map_or_else(|| "?".to_owned(), |value| value.to_string());
    let kinds: Vec<String> = kinds
        .into_iter()
        .map(|((memory, slices), count)| {
            format!("{count} × {} MiB, {} slices", number(memory), number(slices.map(u64::from)))
        })
        .collect();
    if kinds.is_empty() { "no instance".to_owned() } else { kinds.join("; ") }
}

/// Who is on a GPU; `None` if nobody is.
fn users(
    evidence: &Evidence<'_>,
    device: &NvmlDevice,
    servers: &Result<&[InferenceServer], Missing>,
    container: &Result<Option<String>, Missing>,
) -> Result<Option<Finding>, Missing> {
    let name = gpus::name(device);
    let processes = device.compute_processes.require()?;
    if processes.is_empty() {
        return Ok(None);
    }
    let servers = servers.as_ref().map_err(Clone::clone)?;
    let told = |server: &InferenceServer| {
        !server.kind.is_empty() && server.processes.iter().any(|process| process.pid == server.pid)
    };
    if let Some(server) = servers.iter().find(|server| !told(server)) {
        let reason = format!("kind or processes of the server with PID {} are not told", server.pid);
        return Err(Missing::new(Absence::Malformed, reason));
    }
    let owner = |pid: u32| server_of(servers, pid);
    let mut known: BTreeSet<u32> = BTreeSet::new();
    let mut guests = Vec::new();
    let mut strange = Vec::new();
    for process in processes {
        match owner(process.pid) {
            Some(server) if server.kind != "unknown" => drop(known.insert(server.pid)),
            Some(_) => guests.push(process),
            None => strange.push(process),
        }
    }
    if !strange.is_empty() {
        let container = container.as_ref().map_err(Clone::clone)?;
        if let Some(container) = container {
            let reason = format!(
                "{} processes on it are not to be seen inside a container ({container})",
                strange.len()
            );
            return Err(Missing::new(Absence::Skipped, reason));
        }
        guests.extend(strange);
    }
    let list = |pids: Vec<String>| cite(&name, format!("PIDs {}", pids.join(", ")));
    let all = list(processes.iter().map(|process| process.pid.to_string()).collect());
    if !known.is_empty() && !guests.is_empty() {
        return guest(evidence, device, &guests).map(Some);
    }
    let several = known.len() + guests.len() > 1;
    let shared = match gpus::if_any(&device.mps_processes) {
        Ok(processes) => processes.is_some_and(|processes| !processes.is_empty()),
        Err(_) if several => false,
        Err(why) => return Err(why),
    };
    Ok(Some(if several || shared {
        let how = if shared { " through MPS" } else { "" };
        META.warn(&name, format!("several programs share it{how}"))
            .with_likelihood(Likelihood::Setting)
            .with_evidence(all)
    } else {
        META.pass(&name, "one program has it to itself").with_evidence(all)
    }))
}

/// A server shares its GPU with processes that are no part of it.
fn guest(
    evidence: &Evidence<'_>,
    device: &NvmlDevice,
    guests: &[&plumb_check_sdk::model::NvmlProcess],
) -> Result<Finding, Missing> {
    let name = gpus::name(device);
    let total = *device.memory_total_bytes.require()?;
    let mut used: u64 = 0;
    for guest in guests {
        used = used.saturating_add(guest.used_bytes.ok_or_else(|| {
            Missing::new(Absence::Failed, format!("NVML does not tell the memory of process {}", guest.pid))
        })?);
    }
    let share = Quantity::new(100.0 * used as f64 / total.max(1) as f64);
    let pids: Vec<String> = guests.iter().map(|guest| guest.pid.to_string()).collect();
    let citation = cite(&name, format!("guests: PIDs {} with {} MiB", pids.join(", "), used >> 20));
    let finding = if evidence.limit(&META, &GUEST).is_exceeded_by(share) {
        META.fail(name, "processes that are no part of its server hold memory of it")
    } else {
        META.warn(name, "processes that are no part of its server are on it")
    };
    Ok(finding.with_likelihood(Likelihood::Setting).with_evidence(citation))
}
