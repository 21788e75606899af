//! `gpu.sharing-mode`: GPU sharing (MIG, MPS, time-slicing) is intended and uniform.
//!
//! The processes that NVML lists on a GPU are laid beside the inference servers. One that belongs to no server that is
//! known by kind is a guest; a guest beside a server is a failure if it holds more than a little memory. What is
//! documented cannot be seen on the node: sharing that is meant is accepted in the audit, with owner and reason.
//!
//! The share of a process in the time of the SMs is not collected.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{InferenceServer, MigInstance, NvmlDevice, NvmlProcess, server_of};
use plumb_check_sdk::{
    Arg, Evidence, Finding, GpuState, Intent, Missing, NoVerdict, Object, ObjectKind, Step,
};

use crate::gpus::{self, cite, named};
use crate::pages::gpu_sharing_mode::{GUEST, PAGE, words};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let nvml = gpus::nvml(evidence)?;
    let devices = &nvml.devices;
    let mut findings = mig(devices);
    let node = Node { evidence, servers: evidence.servers(), container: evidence.container_runtime() };
    let users = |device| PAGE.settle(gpus::object(device), node.users(device));
    let of_processes: Vec<Finding> = devices.iter().filter_map(users).collect();
    if of_processes.is_empty() {
        findings.push(PAGE.not_run(Object::new(ObjectKind::Other, "processes"), words::NoUser {}));
    }
    findings.extend(gpus::joined(evidence, &PAGE, of_processes));
    Ok(findings)
}

fn names(devices: &[&NvmlDevice]) -> String {
    devices.iter().map(|device| gpus::name(device)).collect::<Vec<_>>().join(", ")
}

/// MIG on some GPUs only, or split differently.
fn mig(devices: &[NvmlDevice]) -> Vec<Finding> {
    let (mut split, mut whole, mut findings) = (Vec::new(), Vec::new(), Vec::new());
    for device in devices {
        match device.mig.optional() {
            Ok(Some(true)) => split.push(device),
            Ok(_) => whole.push(device),
            Err(why) => {
                findings.push(PAGE.not_run(gpus::object(device), words::MigUnknown { reason: (&why).into() }))
            }
        }
    }
    let object = Object::setting("MIG");
    if !split.is_empty() && !whole.is_empty() {
        let said = words::MigOnSome { all_count: devices.len().into(), gpus_count: split.len().into() };
        // The fewer GPUs are those that differ from the rest.
        let (on, odd) = if whole.len() < split.len() { (true, &whole) } else { (false, &split) };
        let goals =
            odd.iter().map(|device| Intent::Gpu { gpu: gpus::name(device), want: GpuState::Mig { on } });
        let finding = PAGE
            .fail(object, said)
            .with_evidence(cite(&names(&split), "MIG on"))
            .with_evidence(cite(&names(&whole), "MIG off"))
            .with_intents(goals);
        return gpus::join(findings, devices.len()).into_iter().chain([finding]).collect();
    }
    let mut layouts: BTreeMap<String, Vec<&NvmlDevice>> = BTreeMap::new();
    for device in split {
        match device.mig_instances.require() {
            Ok(instances) => layouts.entry(layout(instances)).or_default().push(device),
            Err(missing) => {
                let said = words::InstancesUnknown { reason: (&missing).into() };
                findings.push(PAGE.not_run(gpus::object(device), said));
            }
        }
    }
    let mut findings = gpus::join(findings, devices.len());
    let finding = match layouts.len() {
        0 => return findings,
        1 => PAGE.info(object, words::SameLayout {}),
        many => {
            let gpus_count = layouts.values().map(Vec::len).sum::<usize>().into();
            PAGE.warn(object, words::Layouts { gpus_count, layouts_count: many.into() })
        }
    };
    findings.push(
        layouts
            .iter()
            .fold(finding, |finding, (layout, devices)| finding.with_evidence(cite(&names(devices), layout))),
    );
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

/// What processes on GPUs are laid beside.
struct Node<'a> {
    evidence: &'a Evidence<'a>,
    servers: Result<&'a [InferenceServer], Missing>,
    container: Result<Option<String>, Missing>,
}

impl Node<'_> {
    /// Who is on a GPU; `None` if nobody is.
    fn users(&self, device: &NvmlDevice) -> Result<Option<Finding>, NoVerdict> {
        let (object, name) = (gpus::object(device), gpus::name(device));
        let processes = device.compute_processes.require()?;
        if processes.is_empty() {
            return Ok(None);
        }
        let servers = self.servers.as_ref().map_err(Clone::clone)?;
        let is_told = |server: &InferenceServer| {
            !server.kind.is_empty() && server.processes.iter().any(|process| process.pid == server.pid)
        };
        if let Some(server) = servers.iter().find(|server| !is_told(server)) {
            return Err(words::OddServer { pid: Arg::text(server.pid.to_string()) }.into());
        }
        let mut known: BTreeSet<u32> = BTreeSet::new();
        let (mut guests, mut strange) = (Vec::new(), Vec::new());
        for process in processes {
            match server_of(servers, process.pid) {
                Some(server) if server.kind != "unknown" => drop(known.insert(server.pid)),
                Some(_) => guests.push(process),
                None => strange.push(process),
            }
        }
        if !strange.is_empty() {
            if let Some(container) = self.container.as_ref().map_err(Clone::clone)? {
                let processes_count = strange.len().into();
                return Err(words::Hidden { container: container.into(), processes_count }.into());
            }
            guests.extend(strange);
        }
        if !known.is_empty() && !guests.is_empty() {
            return self.guests(device, &guests).map(Some);
        }
        let pids: Vec<String> = processes.iter().map(|process| process.pid.to_string()).collect();
        let all = cite(&name, format!("PIDs {}", pids.join(", ")));
        let several = known.len() + guests.len() > 1;
        let shared = match device.mps_processes.optional() {
            Ok(processes) => processes.is_some_and(|processes| !processes.is_empty()),
            Err(_) if several => false,
            Err(why) => return Err(why.into()),
        };
        let finding = if several || shared {
            let through = Arg::from(if shared { "mps" } else { "time" });
            PAGE.warn(object, named!(Shared, through)).with_intent(Intent::Step { step: Step::PlanCapacity })
        } else {
            PAGE.pass(object, words::OneUser {})
        };
        Ok(Some(finding.with_evidence(all)))
    }

    /// A server shares its GPU with processes that are no part of it.
    fn guests(&self, device: &NvmlDevice, guests: &[&NvmlProcess]) -> Result<Finding, NoVerdict> {
        let (object, name) = (gpus::object(device), gpus::name(device));
        let total = *device.memory_total_bytes.require()?;
        let mut used: u64 = 0;
        for guest in guests {
            let untold = || words::NoMemory { pid: Arg::text(guest.pid.to_string()) };
            used = used.saturating_add(guest.used_bytes.ok_or_else(untold)?);
        }
        let share = Quantity::new(100.0 * used as f64 / total.max(1) as f64);
        let pids: Vec<String> = guests.iter().map(|guest| guest.pid.to_string()).collect();
        let citation = cite(&name, format!("guests: PIDs {} with {} MiB", pids.join(", "), used >> 20));
        let most_memory = Arg::quantity((used >> 20) as f64, "MiB", 0);
        let finding = if self.evidence.limit(&PAGE, &GUEST).is_exceeded_by(share) {
            PAGE.fail(object, named!(GuestMemory, most_memory))
        } else {
            PAGE.warn(object, named!(Guest, most_memory))
        };
        let goals = guests.iter().filter_map(|guest| {
            Some(Intent::Elsewhere { process: guest.pid, name: self.name_of(guest.pid)? })
        });
        Ok(finding.with_evidence(citation).with_intents(goals))
    }

    fn name_of(&self, pid: u32) -> Option<String> {
        let processes = self.evidence.processes().ok()?;
        Some(processes.iter().find(|process| process.pid == pid)?.comm.clone())
    }
}
