//! `affinity.core-overlap`: threads that need a whole core do not share one.
//!
//! A thread is busy if it ran for half of the window or more. At each reading of the window, busy threads of different
//! processes that were on the same physical core are one overlap. The catalogue's shares want twenty readings or more to
//! be told apart; with fewer than five, an overlap at all readings fails, one at some of them warns, and the confidence is
//! low. Apart from that, masks can force an overlap: where processes of two servers have the same CPUs, and these have
//! fewer cores than there are processes that spin.

use std::borrow::Cow::Borrowed;
use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{Cpu, InferenceServer, Role, ServerProcess, ThreadTime};
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Confidence, CpuSet, Evidence, Finding, Likelihood,
    Missing, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};

use crate::place::{Load, cite_mask, no_server};

/// See the module.
pub struct AffinityCoreOverlap;

const BUSY: Limit<Percent> = Limit {
    name: "share of the window from which on a thread counts as busy",
    value: Quantity::new(50.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: two threads below half a core each can share one",
    date: "2026-11-23",
    applies_to: "threads of inference servers",
};

const SOME: Limit<Percent> = Limit {
    name: "share of readings at which two busy threads may share a core",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: the scheduler may need that much to tell them apart",
    date: "2026-11-23",
    applies_to: "busy threads of different processes",
};

const MANY: Limit<Percent> = Limit {
    name: "share of readings at which sharing a core is a fault",
    value: Quantity::new(20.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: a thread that shares its core a fifth of the time loses about a tenth of its speed",
    date: "2026-11-23",
    applies_to: "busy threads of different processes",
};

/// Below this number of readings, shares say nothing.
const FEW_READINGS: usize = 5;

static THRESHOLDS: [Threshold; 3] = [BUSY.threshold(), SOME.threshold(), MANY.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("affinity.core-overlap"),
    title: Borrowed("Busy threads do not share physical cores (SMT policy)"),
    category: Category::Placement,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Two spinning threads on one core, or on its two hyper-threads, each lose a large part of their \
             speed.",
    ),
    business: Borrowed("Two full-time workers were given one desk."),
    needs: Borrowed(&[
        Borrowed("/cpu"),
        Borrowed("/servers"),
        Borrowed("/window/seconds"),
        Borrowed("/window/threads"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "Give instances lists of their own, a core together with its sibling: `taskset -acp 0-15,64-79 \
             PID1`; `taskset -acp 16-31,80-95 PID2`",
        ),
        persistent: Borrowed(
            "Disjoint `CPUAffinity=` or cpusets, one for each unit; Kubernetes: CPU manager policy `static` \
             with `full-pcpus-only`",
        ),
        rollback: Borrowed("`taskset -acp 0-$(($(nproc --all)-1)) PID`"),
        change: ChangeKind::Runtime,
        verification: Borrowed(
            "`ps -eLo pid,tid,psr,pcpu,comm --sort=-pcpu | head -40`, compared with `core_cpus_list`",
        ),
        expected_effect: Borrowed(
            "No published number for serving language models. A fork of vLLM for Gaudi and Huawei MindIE both \
             ship maps of cores for this reason.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::TensorParallel]),
    questions: Borrowed(&[Question { id: Borrowed("placement"), decides: false }]),
    positions: Borrowed(&[Borrowed("smt")]),
    applicability: Borrowed(
        "Bare metal; virtual machines, where siblings may be hidden; containers; any vendor",
    ),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed(
                "vLLM docs: Optimization and Tuning, section 'CPU Resources for GPU Deployments'",
            ),
            url: Borrowed(
                "https://docs.vllm.ai/en/stable/configuration/optimization/#cpu-resources-for-gpu-deployments",
            ),
        },
        Reference {
            title: Borrowed("Kubernetes: Node Resource Managers (CPU Manager static policy)"),
            url: Borrowed("https://kubernetes.io/docs/concepts/policy/node-resource-managers"),
        },
        Reference {
            title: Borrowed(
                "Huawei MindIE LLM: Performance Tuning (CPU high-performance mode, THP, binding)",
            ),
            url: Borrowed(
                "https://www.hiascend.com/document/detail/en/mindie/230/LLMframe/llmdev/mindie_llm0526.html",
            ),
        },
    ]),
};

impl Check for AffinityCoreOverlap {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let servers = evidence.servers()?;
        if servers.is_empty() {
            return Ok(vec![no_server(&META)]);
        }
        let cpu = evidence.cpu()?;
        let mut findings = forced(servers, cpu);
        findings.extend(match Load::read(evidence) {
            Ok(load) => {
                let limits = Limits {
                    busy: evidence.limit(&META, &BUSY),
                    some: evidence.limit(&META, &SOME),
                    many: evidence.limit(&META, &MANY),
                };
                seen(servers, cpu, &load, &limits)
            }
            Err(missing) => vec![META.not_run("busy threads", missing.to_string())],
        });
        Ok(findings)
    }
}

struct Limits {
    busy: Limit<Percent>,
    some: Limit<Percent>,
    many: Limit<Percent>,
}

/// Groups of processes that have the same CPUs, and fewer cores than they keep busy.
fn forced(servers: &[InferenceServer], cpu: &Cpu) -> Vec<Finding> {
    let spins = |process: &ServerProcess| {
        matches!(process.role, Role::EngineCore | Role::GpuWorker | Role::Whole)
            || process.gpus.known().is_some_and(|gpus| !gpus.is_empty())
    };
    let mut groups: BTreeMap<CpuSet, Vec<(u32, &ServerProcess)>> = BTreeMap::new();
    let mut unknown = None;
    for server in servers {
        for process in server.processes.iter().filter(|process| spins(process)) {
            let mask = process.mask(&cpu.online);
            if let Some(missing) = mask.unknown {
                unknown = Some(missing);
            } else {
                groups.entry(mask.cpus).or_default().push((server.pid, process));
            }
        }
    }
    let mut findings = Vec::new();
    for (cpus, processes) in &groups {
        let of_servers: BTreeSet<u32> = processes.iter().map(|(server, _)| *server).collect();
        let cores = cpu.cores_touched(cpus);
        if of_servers.len() < 2 || *cpus == cpu.online || processes.len() <= cores {
            continue;
        }
        let pids: Vec<String> = processes.iter().map(|(_, process)| process.pid.to_string()).collect();
        let message = format!(
            "processes of different servers have the same CPUs {cpus}, with fewer physical cores ({cores}) than \
             processes that spin ({})",
            pids.len()
        );
        let finding = META
            .fail(format!("processes {}", pids.join(", ")), message)
            .with_likelihood(Likelihood::Setting)
            .with_evidence(Citation::new(&cpu.path, format!("physical cores of CPUs {cpus}: {cores}")));
        findings.push(
            processes
                .iter()
                .fold(finding, |finding, (_, process)| finding.with_evidence(cite_mask(process, cpus))),
        );
    }
    if let Some(missing) = unknown {
        findings.push(META.not_run("masks", missing.to_string()));
    }
    findings
}

/// Busy threads of different processes that were seen on one core.
fn seen(servers: &[InferenceServer], cpu: &Cpu, load: &Load, limits: &Limits) -> Vec<Finding> {
    let core_of: BTreeMap<u32, u32> = cpu.cpus.iter().map(|pu| (pu.cpu, pu.core)).collect();
    let pids: BTreeSet<u32> =
        servers.iter().flat_map(|server| &server.processes).map(|process| process.pid).collect();
    let percent = |thread: &ThreadTime| load.busy_percent(thread);
    let is_busy = |thread: &&ThreadTime| !limits.busy.is_undercut_by(Quantity::new(percent(thread)));
    let busy: Vec<&ThreadTime> = load.threads.iter().filter(is_busy).collect();
    if busy.is_empty() {
        let busiest = load.threads.iter().map(percent).fold(0.0, f64::max);
        let message = format!(
            "no thread of a server ran for half of the window (the busiest: {busiest:.0} %): collect while the \
             service runs"
        );
        return vec![META.not_run("busy threads", message)];
    }
    let readings = busy.iter().map(|thread| thread.last_cpus.len()).max().unwrap_or_default();
    let is_placed = |thread: &&&ThreadTime| {
        readings > 0
            && thread.last_cpus.len() == readings
            && thread.last_cpus.iter().all(|cpu| core_of.contains_key(cpu))
            && pids.contains(&thread.pid)
    };
    let placed: Vec<&ThreadTime> = busy.iter().filter(is_placed).copied().collect();
    let mut findings = Vec::new();
    if placed.len() < busy.len() {
        let message = format!(
            "of {} of {} busy threads the process or the CPUs that they ran on are not known",
            busy.len() - placed.len(),
            busy.len()
        );
        findings.push(META.not_run("other busy threads", message));
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
            findings.push(overlap(load, one, other, shared, readings, fails).with_confidence(confidence));
        }
    }
    if clean && !placed.is_empty() {
        let message = format!(
            "no two busy threads of different processes shared a physical core more often than is allowed (busy \
             threads: {}, readings: {readings})",
            placed.len()
        );
        findings.push(META.pass("busy threads", message).with_confidence(confidence));
    }
    findings
}

fn overlap(
    load: &Load,
    one: &ThreadTime,
    other: &ThreadTime,
    shared: usize,
    readings: usize,
    fails: bool,
) -> Finding {
    let subject = format!("threads {} ({}) and {} ({})", one.tid, one.comm, other.tid, other.comm);
    let message = format!(
        "both need a core ({:.0} % and {:.0} % busy) and were on the same one at {shared} of {readings} readings",
        load.busy_percent(one),
        load.busy_percent(other)
    );
    let finding = if fails { META.fail(subject, message) } else { META.warn(subject, message) };
    let cite = |thread: &ThreadTime| {
        let cpus: Vec<String> = thread.last_cpus.iter().map(ToString::to_string).collect();
        let source = format!("/proc/{}/task/{}/stat", thread.pid, thread.tid);
        Citation::new(source, format!("{}: on CPU {}", thread.comm, cpus.join(", ")))
    };
    finding.with_likelihood(Likelihood::Mechanism).with_evidence(cite(one)).with_evidence(cite(other))
}
