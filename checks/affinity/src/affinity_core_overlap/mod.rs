//! `affinity.core-overlap`: threads that need a whole core do not share one.
//!
//! A thread is busy if it ran for half of the window or more. At each reading of the window, busy threads of different
//! processes that were on the same physical core are one overlap. The catalogue's shares want twenty readings or more to
//! be told apart; with fewer than five, an overlap at all readings fails, one at some of them warns, and the confidence is
//! low. Apart from that, masks can force an overlap: where processes of two servers have the same CPUs, and these have
//! fewer cores than there are processes that spin; or where threads of workers are pinned to all cores that the process may
//! run on which schedules batches.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{Cpu, InferenceServer, ServerProcess, ThreadTime};
use plumb_check_sdk::{
    Absence, Arg, Citation, Confidence, CpuSet, Evidence, Finding, Intent, Likelihood, Missing, NoVerdict,
    Object, ObjectKind,
};

use crate::pages::affinity_core_overlap::{BUSY, MANY, PAGE, SOME, words};
use crate::place::{Load, PLACEMENT, cite_mask, server_object};

/// Below this number of readings, shares say nothing.
const FEW_READINGS: usize = 5;

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let servers = evidence.servers()?;
    PAGE.not_run_if(servers.is_empty(), words::NoServer {})?;
    let cpu = evidence.cpu()?;
    let mut findings = forced(servers, cpu);
    findings.extend(servers.iter().filter_map(|server| crowded_out(server, cpu)));
    let limits = Limits {
        busy: evidence.limit(&PAGE, &BUSY),
        some: evidence.limit(&PAGE, &SOME),
        many: evidence.limit(&PAGE, &MANY),
    };
    let seen = Load::read(evidence).map(|load| seen(servers, cpu, &load, &limits));
    findings.extend(PAGE.settle(threads("busy threads"), seen));
    Ok(findings)
}

/// Threads or masks under the name that findings have for them.
fn threads(name: &str) -> Object {
    Object::new(ObjectKind::Other, name)
}

struct Limits {
    busy: Limit<Percent>,
    some: Limit<Percent>,
    many: Limit<Percent>,
}

/// Groups of processes that have the same CPUs, and fewer cores than they keep busy.
fn forced(servers: &[InferenceServer], cpu: &Cpu) -> Vec<Finding> {
    let mut groups: BTreeMap<CpuSet, Vec<(&InferenceServer, &ServerProcess)>> = BTreeMap::new();
    let mut unknown = None;
    for server in servers {
        if server.processes.is_empty() {
            let reason = format!("no process of {} was recorded", server_object(server).subject());
            unknown = Some(Missing::new(Absence::Failed, reason));
        }
        for process in server.processes.iter().filter(|process| process.is_critical()) {
            let mask = process.mask(&cpu.online);
            if let Some(missing) = mask.unknown {
                unknown = Some(missing);
            } else {
                groups.entry(mask.cpus).or_default().push((server, process));
            }
        }
    }
    let mut findings = Vec::new();
    for (cpus, processes) in &groups {
        let of_servers: BTreeMap<u32, &InferenceServer> =
            processes.iter().map(|(server, _)| (server.pid, *server)).collect();
        let cores = cpu.cores_touched(cpus);
        if of_servers.len() < 2 || *cpus == cpu.online || processes.len() <= cores {
            continue;
        }
        let Some(first) = of_servers.values().next() else { continue };
        let pids: Vec<String> = processes.iter().map(|(_, process)| process.pid.to_string()).collect();
        let pids = pids.join(", ");
        let said = words::SameCpus {
            cores_count: cores.into(),
            cpus: cpus.into(),
            processes_count: processes.len().into(),
            servers_count: of_servers.len().into(),
        };
        let place = |server: &u32| Intent::Place { server: *server, process: None, gpu: None };
        let finding = PAGE
            .fail(Object::new(ObjectKind::Process, &pids).named(format!("processes {pids}")), said)
            .with_likelihood(Likelihood::Setting)
            .with_intents(of_servers.keys().map(place))
            .with_cause(PLACEMENT, server_object(first))
            .with_evidence(Citation::new(&cpu.path, format!("physical cores of CPUs {cpus}: {cores}")))
            .with_citations(processes.iter().map(|(_, process)| cite_mask(process, cpus)));
        findings.push(finding);
    }
    if let Some(missing) = unknown {
        findings.push(PAGE.missing(threads("masks"), &missing));
    }
    findings
}

/// No core is left for the process that schedules batches.
fn crowded_out(server: &InferenceServer, cpu: &Cpu) -> Option<Finding> {
    let (process, cpus, threads_count) = server.crowded_out(cpu)?;
    let (pid, comm) = (process.pid.to_string(), Arg::from(&process.comm));
    let said = words::NoCoreLeft { comm, cpus: (&cpus).into(), threads_count: threads_count.into() };
    let name = "VLLM_CPU_OMP_THREADS_BIND";
    let was = server.processes.iter().find_map(|one| one.environment.known()?.get(name).cloned());
    let goal = match server.kind.as_str() {
        // Leaves a core of each rank free.
        "vllm" => Intent::Variable { server: server.pid, name: name.into(), want: Some("auto".into()), was },
        _ => Intent::Place { server: server.pid, process: Some(process.pid), gpu: None },
    };
    let finding = PAGE.warn(Object::new(ObjectKind::Process, &pid).named(format!("process {pid}")), said);
    Some(
        finding
            .with_likelihood(Likelihood::Setting)
            .with_intent(goal)
            .with_evidence(cite_mask(process, &cpus)),
    )
}

/// Busy threads of different processes that were seen on one core.
fn seen(servers: &[InferenceServer], cpu: &Cpu, load: &Load, limits: &Limits) -> Vec<Finding> {
    let core_of: BTreeMap<u32, u32> = cpu.cpus.iter().map(|pu| (pu.cpu, pu.core)).collect();
    let of_processes =
        servers.iter().flat_map(|server| server.processes.iter().map(move |one| (one.pid, server)));
    let server_of: BTreeMap<u32, &InferenceServer> = of_processes.collect();
    let percent = |thread: &ThreadTime| load.busy_percent(thread);
    let is_busy = |thread: &&ThreadTime| !limits.busy.is_undercut_by(Quantity::new(percent(thread)));
    let busy: Vec<&ThreadTime> = load.threads.iter().filter(is_busy).collect();
    if busy.is_empty() {
        let busiest = load.threads.iter().map(percent).fold(0.0, f64::max);
        let busiest_share = Arg::quantity(busiest, "%", 0);
        return vec![PAGE.not_run(threads("busy threads"), words::Idle { busiest_share })];
    }
    let readings = busy.iter().map(|thread| thread.last_cpus.len()).max().unwrap_or_default();
    let is_placed = |thread: &&&ThreadTime| {
        readings > 0
            && thread.last_cpus.len() == readings
            && thread.last_cpus.iter().all(|cpu| core_of.contains_key(cpu))
            && server_of.contains_key(&thread.pid)
    };
    let placed: Vec<&ThreadTime> = busy.iter().filter(is_placed).copied().collect();
    let mut findings = Vec::new();
    if placed.len() < busy.len() {
        let said = words::Unplaced {
            busy_count: busy.len().into(),
            unknown_count: (busy.len() - placed.len()).into(),
        };
        findings.push(PAGE.not_run(threads("other busy threads"), said));
    }
    let confidence = if readings < FEW_READINGS { Confidence::Low } else { Confidence::Medium };
    let mut clean = true;
    for (position, one) in placed.iter().enumerate() {
        for other in placed[position + 1..].iter().filter(|other| other.pid != one.pid) {
            let core = |cpu: &u32| core_of.get(cpu);
            let shared =
                one.last_cpus.iter().zip(&other.last_cpus).filter(|(a, b)| core(a) == core(b)).count();
            if shared == 0 {
                continue;
            }
            let share: Quantity<Percent> = Quantity::new(100.0 * shared as f64 / readings as f64);
            let fails = limits.many.is_exceeded_by(share) && (readings >= FEW_READINGS || shared == readings);
            let warns = readings < FEW_READINGS || !limits.some.is_undercut_by(share);
            if !fails && !warns {
                continue;
            }
            clean = false;
            let servers = [one, other].map(|thread| server_of.get(&thread.pid).copied());
            let finding = overlap(load, one, other, (shared, readings), fails);
            findings.push(placed_apart(finding, &servers, [one, other]).with_confidence(confidence));
        }
    }
    if clean && !placed.is_empty() {
        let said = words::Apart { busy_count: placed.len().into(), readings_count: readings.into() };
        findings.push(PAGE.pass(threads("busy threads"), said).with_confidence(confidence));
    }
    findings
}

/// Asks for the processes of two threads to be put on cores of their own.
fn placed_apart(
    finding: Finding,
    servers: &[Option<&InferenceServer>],
    threads: [&ThreadTime; 2],
) -> Finding {
    let Some(first) = servers.iter().flatten().next() else { return finding };
    let place = |(server, thread): (&Option<&InferenceServer>, &ThreadTime)| {
        server.map(|server| Intent::Place { server: server.pid, process: Some(thread.pid), gpu: None })
    };
    finding
        .with_cause(PLACEMENT, server_object(first))
        .with_intents(servers.iter().zip(threads).filter_map(place))
}

fn overlap(
    load: &Load,
    one: &ThreadTime,
    other: &ThreadTime,
    (shared, readings): (usize, usize),
    fails: bool,
) -> Finding {
    let name = format!("threads {} ({}) and {} ({})", one.tid, one.comm, other.tid, other.comm);
    let object = Object::new(ObjectKind::Thread, format!("{}, {}", one.tid, other.tid)).named(name);
    let share = |thread: &ThreadTime| Arg::quantity(load.busy_percent(thread), "%", 0);
    let tid = |thread: &ThreadTime| Arg::text(thread.tid.to_string());
    let (one_share, other_share) = (share(one), share(other));
    let (one_tid, other_tid) = (tid(one), tid(other));
    let (shared_count, readings_count) = (Arg::count(shared), Arg::count(readings));
    let finding = if fails {
        let said = words::Often { one_share, one_tid, other_share, other_tid, readings_count, shared_count };
        PAGE.fail(object, said)
    } else {
        let said =
            words::Sometimes { one_share, one_tid, other_share, other_tid, readings_count, shared_count };
        PAGE.warn(object, said)
    };
    let cite = |thread: &ThreadTime| {
        let cpus: Vec<String> = thread.last_cpus.iter().map(ToString::to_string).collect();
        let source = format!("/proc/{}/task/{}/stat", thread.pid, thread.tid);
        Citation::new(source, format!("{}: on CPU {}", thread.comm, cpus.join(", ")))
    };
    finding.with_likelihood(Likelihood::Mechanism).with_evidence(cite(one)).with_evidence(cite(other))
}
