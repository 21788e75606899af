//! `virt.vnuma-pinning`: the virtual machine's topology matches the hardware.
//!
//! Seen from two sides. On a host, the threads of a virtual machine are there to be looked at: QEMU names its vCPU threads
//! `CPU n/KVM`, and their masks say whether they are pinned. In a guest, pinning cannot be seen at all; what can be seen is a
//! topology that no hardware has (more GPUs of a board than a socket carries, all on one node) or GPUs without a node beside
//! several nodes. A guest that shows neither is `not-run`, since the question that is left is the host's to answer.

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{Numa, Process, Thread};
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Finding, Intent, Likelihood, Missing, NodeSet, Object, ObjectKind,
    ProviderRequest,
};

use crate::pages::virt_vnuma_pinning::{GPUS_OF_SOCKET, PAGE, words};

/// Words in the names of GPUs that sit on boards of eight, not in slots.
const ON_BOARDS: [&str; 6] = ["SXM", "HBM3", "H200", "B200", "B300", "H20"];

/// PCI-like device id of virtio for a memory balloon (virtio 1.2, section 5).
const BALLOON: &str = "0x0005";

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
    let hypervisor = evidence.hypervisor()?;
    let numa = evidence.numa()?;
    let Some(hypervisor) = hypervisor else { return on_host(numa, evidence.processes()?) };
    let guest = Object::new(ObjectKind::Other, "topology of the guest");
    let mut findings = vec![PAGE.settle(guest.clone(), in_guest(evidence, &hypervisor, numa, guest))];
    let devices = evidence.settings("virtualization").unwrap_or_default();
    let balloon = devices.iter().find(|(path, id)| {
        path.starts_with("/sys/bus/virtio/devices/") && id.known().is_some_and(|id| id == BALLOON)
    });
    findings.extend(balloon.map(|(path, _)| {
        let object = Object::new(ObjectKind::Other, "memory balloon");
        PAGE.info(object, words::Balloon {}).with_evidence(Citation::new(path, BALLOON))
    }));
    Ok(findings)
}

/// The view from inside.
fn in_guest(evidence: &Evidence<'_>, host: &str, numa: &Numa, object: Object) -> Result<Finding, Missing> {
    let gpus = evidence.gpus()?;
    let count = numa.complete()?.with_cpus().count();
    let seen = Citation::new(format!("{}/online", numa.path), format!("{count} NUMA nodes with CPUs"));
    let deviates = |finding: Finding| {
        finding
            .with_likelihood(Likelihood::Setting)
            .with_intent(Intent::Provider { request: ProviderRequest::VirtualNuma })
            .with_cause("numa-layout", Object::node())
            .with_evidence(seen.clone())
    };
    let on_board = gpus.iter().filter(|gpu| {
        gpu.kind == "GPU"
            && gpu.name.known().is_some_and(|name| ON_BOARDS.iter().any(|word| name.contains(word)))
    });
    let on_board = on_board.count();
    let exceeds = evidence.limit(&PAGE, &GPUS_OF_SOCKET).is_exceeded_by(Quantity::new(on_board as f64));
    let addresses = || gpus.iter().map(|gpu| gpu.address.as_str()).collect::<Vec<_>>().join(", ");
    if count == 1 && exceeds {
        let finding = deviates(PAGE.fail(object, words::OneNode { gpus_count: on_board.into() }));
        return Ok(finding
            .with_confidence(Confidence::Medium)
            .with_evidence(Citation::new("/sys/bus/pci/devices", format!("GPUs {}", addresses()))));
    }
    let (mut placed, mut lost, mut unread) = (NodeSet::new(), Vec::new(), None);
    for gpu in gpus {
        match (gpu.place().one(), gpu.numa.sysfs.require()) {
            (Ok(told), _) => placed.insert(told.node),
            (Err(_), Ok(node)) => lost.push((gpu, *node)),
            (Err(_), Err(why)) => unread = Some(why),
        }
    }
    let (nodes_count, gpus_count) = (Arg::count(count), Arg::count(gpus.len()));
    if count > 1
        && let Some((gpu, node)) = lost.first()
    {
        let said = words::LostGpus { nodes_count, lost_count: lost.len().into(), gpus_count };
        let citation = Citation::new(format!("{}/numa_node", gpu.path), node.to_string());
        return Ok(deviates(PAGE.warn(object, said)).with_evidence(citation));
    }
    // A GPU that was lost is one, whatever the others are.
    unread.map_or(Ok(()), Err)?;
    let node = Arg::text(placed.to_string());
    if count > 1 && placed.len() == 1 && exceeds {
        let said = words::AllOnOne { nodes_count, gpus_count: on_board.into(), node };
        let value = format!("GPUs {} on node {placed}", addresses());
        return Ok(deviates(PAGE.warn(object, said))
            .with_confidence(Confidence::Medium)
            .with_evidence(Citation::new("/sys/bus/pci/devices", value)));
    }
    let hypervisor = host.into();
    Ok(PAGE.not_run(object, words::FromInside { nodes_count, gpus_count, gpu_nodes: node, hypervisor }))
}

/// The view from outside: virtual machines that KVM runs here.
fn on_host(numa: &Numa, processes: &[Process]) -> Result<Vec<Finding>, Missing> {
    let machines: Vec<&Process> = processes.iter().filter(|one| one.threads.iter().any(is_vcpu)).collect();
    let unreadable = processes.iter().filter(|process| process.comm.is_empty() && !process.kernel).count();
    if !machines.is_empty() && numa.has_one_with_cpus()? {
        return Ok(vec![PAGE.not_applicable(Object::node(), words::OneNodeHost {})]);
    }
    let mut findings = Vec::new();
    if unreadable > 0 {
        let object = Object::new(ObjectKind::Other, "other processes");
        findings.push(PAGE.not_run(object, words::Unreadable { processes_count: unreadable.into() }));
    } else if machines.is_empty() {
        findings.push(PAGE.not_applicable(Object::node(), words::NoMachine {}));
    }
    findings.extend(machines.into_iter().map(|machine| {
        let name = format!("virtual machine, process {} ({})", machine.pid, machine.comm);
        let object = Object::new(ObjectKind::Process, machine.pid.to_string()).named(name);
        PAGE.settle(object.clone(), judge_machine(object, numa, machine))
    }));
    Ok(findings)
}

fn is_vcpu(thread: &Thread) -> bool {
    thread.comm.starts_with("CPU ") && thread.comm.ends_with("/KVM")
}

fn judge_machine(object: Object, numa: &Numa, machine: &Process) -> Result<Finding, Missing> {
    let (vcpus, others): (Vec<&Thread>, Vec<&Thread>) =
        machine.threads.iter().partition(|thread| is_vcpu(thread));
    let nodes_of = |thread: &Thread| Ok(numa.nodes_of(thread.cpus_allowed.require()?));
    // One thread that is not pinned is enough; what was not read may only hide more.
    let read = |threads: &[&'_ Thread]| {
        threads.iter().try_for_each(|thread| thread.cpus_allowed.require().map(drop))
    };
    let wide = |threads: &[&'_ Thread]| -> Vec<u32> {
        let is_wide = |thread: &Thread| nodes_of(thread).is_ok_and(|nodes: NodeSet| nodes.len() > 1);
        threads.iter().filter(|thread| is_wide(thread)).map(|thread| thread.tid).collect()
    };
    let (loose, loose_others) = (wide(&vcpus), wide(&others));
    // The first of these threads, with its mask.
    let cite = |finding: Finding, tids: &[u32]| {
        let first = machine.threads.iter().find(|thread| tids.first() == Some(&thread.tid));
        let citation = first.map(|thread| {
            let allowed = thread.cpus_allowed.known().map(ToString::to_string).unwrap_or_default();
            let path = format!("{}/task/{}/status", machine.path, thread.tid);
            Citation::new(path, format!("{}: Cpus_allowed_list: {allowed}", thread.comm))
        });
        finding.with_likelihood(Likelihood::Setting).with_citations(citation)
    };
    let (pid, vcpus_count) = (Arg::text(machine.pid.to_string()), Arg::count(vcpus.len()));
    if !loose.is_empty() {
        let said = words::Loose { loose_count: loose.len().into(), vcpus_count, pid };
        return Ok(cite(PAGE.fail(object, said), &loose));
    }
    read(&vcpus)?;
    if !loose_others.is_empty() {
        let said = words::LooseEmulator { vcpus_count, threads_count: loose_others.len().into(), pid };
        return Ok(cite(PAGE.warn(object, said), &loose_others));
    }
    read(&others)?;
    let (mut memory, mut used) = (NodeSet::new(), NodeSet::new());
    for thread in &vcpus {
        memory = memory.union(thread.mems_allowed.require()?);
        used = used.union(&nodes_of(thread)?);
    }
    let tids: Vec<u32> = vcpus.iter().map(|thread| thread.tid).collect();
    let (nodes, nodes_count) = (Arg::text(used.to_string()), Arg::count(used.len()));
    if memory.is_subset(&used) {
        return Ok(cite(PAGE.pass(object, words::Pinned { vcpus_count, nodes, nodes_count }), &tids));
    }
    let (mems, mems_count) = (Arg::text(memory.to_string()), Arg::count(memory.len()));
    let said = words::LooseMemory { vcpus_count, nodes, nodes_count, mems, mems_count, pid };
    Ok(cite(PAGE.warn(object, said).with_confidence(Confidence::Medium), &tids))
}
