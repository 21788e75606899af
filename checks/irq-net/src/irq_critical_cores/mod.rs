//! `irq.critical-cores`: device interrupts stay off the busiest inference cores.
//!
//! Critical CPUs are those on which a busy thread of a scheduler or GPU worker was seen at either end of the window.
//! Two things are judged there: the share of time that hardware and software interrupts took, and whether one of
//! these CPUs serves most of the interrupts of network cards.
//!
//! The second counts only above a rate of interrupts: of three interrupts a second, where they go does not matter.
//! The catalogue has no such rate.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Limit, PerSecond, Percent, Quantity};
use plumb_check_sdk::model::{InferenceServer, Role, Window, no_server};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, CpuSet, Evidence, Finding, Likelihood,
    Missing, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};

use crate::lines::{Devices, NETWORK};

/// See the module.
pub struct IrqCriticalCores;

const SOME_TIME: Limit<Percent> = Limit {
    name: "share of time in interrupts on an inference CPU, noticeable",
    value: Quantity::new(1.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: thirty times what eunomia.dev measured on a clean host (0.03 %)",
    date: "2026-11-23",
    applies_to: "CPUs on which schedulers and GPU workers run, under load",
};
const MUCH_TIME: Limit<Percent> = Limit {
    name: "share of time in interrupts on an inference CPU, too much",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: one kernel launch in twenty then waits for an interrupt",
    date: "2026-11-23",
    applies_to: "CPUs on which schedulers and GPU workers run, under load",
};
const ONE_CORE: Limit<Percent> = Limit {
    name: "share of all interrupts of network cards on one inference CPU",
    value: Quantity::new(50.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "nodes whose network cards have more than one queue",
};
const LOW_RATE: Limit<PerSecond> = Limit {
    name: "rate of interrupts of network cards from which their place matters",
    value: Quantity::new(1000.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: at about 2 µs each, 1000 a second take 0.2 % of one CPU",
    date: "2026-11-23",
    applies_to: "all nodes",
};

static THRESHOLDS: [Threshold; 4] =
    [SOME_TIME.threshold(), MUCH_TIME.threshold(), ONE_CORE.threshold(), LOW_RATE.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("irq.critical-cores"),
    title: Borrowed("Device interrupts stay off the busiest inference cores"),
    category: Category::Interference,
    severity: Severity::Low,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "On a host that does nothing but inference interrupts cost next to nothing. On one with much network \
         or storage traffic they land in the path that launches kernels.",
    ),
    business: Borrowed("The receptionist's phone rings on the surgeon's desk."),
    needs: Borrowed(&[Borrowed("/servers"), Borrowed("/window"), Borrowed("/interrupts"), Borrowed("/pci")]),
    remediation: Remediation {
        runtime: Borrowed(
            "`echo CPUS > /proc/irq/NUMBER/smp_affinity_list` with CPUs that serve no inference; or restart \
             irqbalance with a ban list",
        ),
        persistent: Borrowed(
            "`IRQBALANCE_BANNED_CPULIST=CPUS` with the inference CPUs in `/etc/sysconfig/irqbalance` (RHEL, \
             SUSE) or `/etc/default/irqbalance` (Debian, Ubuntu), then `systemctl restart irqbalance`; or \
             the kernel argument `irqaffinity=CPUS`",
        ),
        rollback: Borrowed("write the list named in the evidence back; remove the ban list"),
        change: ChangeKind::Runtime,
        verification: Borrowed(
            "`mpstat -P ALL 10 1` (columns %irq and %soft); `watch -d cat /proc/interrupts`",
        ),
        expected_effect: Borrowed(
            "eunomia.dev: 0.0276 % of run time in a clean run, so promise no gain unless the share measured \
             is high. Meta, quoted there, lists interrupts that preempt important tasks among common \
             production problems. There is no published number for language models.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::SharedHost, WorkloadTrait::StrictTail]),
    questions: Borrowed(&[Question { id: Borrowed("neighbours"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal and virtual machines; in a container, the host is what counts"),
    caveat: Some(Borrowed(
        "Kernels without `CONFIG_IRQ_TIME_ACCOUNTING` sample the time in interrupts at each tick, which \
         misses short ones.",
    )),
    references: Borrowed(&[
        Reference {
            title: Borrowed("eunomia.dev 2026-05-24: When CPU Noise Slows Down GPU Inference (eBPF)"),
            url: Borrowed(
                "https://eunomia.dev/blog/2026/05/24/measuring-cpu-noise-in-gpu-inference-with-ebpf/",
            ),
        },
        Reference {
            title: Borrowed("Linux kernel: SMP IRQ affinity"),
            url: Borrowed("https://docs.kernel.org/core-api/irq/irq-affinity.html"),
        },
        Reference {
            title: Borrowed("irqbalance(1): IRQBALANCE_BANNED_CPULIST"),
            url: Borrowed("https://github.com/Irqbalance/irqbalance"),
        },
        Reference {
            title: Borrowed("TuneD profiles in source (redhat-performance/tuned)"),
            url: Borrowed("https://github.com/redhat-performance/tuned/tree/master/profiles"),
        },
    ]),
};

impl Check for IrqCriticalCores {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let servers = evidence.servers()?;
        if servers.is_empty() {
            return Ok(vec![META.not_run("node", no_server().reason)]);
        }
        let window = evidence.window()?;
        let load = window.under_load()?;
        let critical = critical_cpus(servers, window)?;
        let mut findings = judge_time(evidence, window, &critical, &load)?;
        findings.push(
            judge_network(evidence, window, &critical)
                .unwrap_or_else(|why| META.not_run("interrupts of network cards", why.to_string())),
        );
        Ok(findings)
    }
}

/// CPUs on which busy threads of schedulers and GPU workers were seen.
fn critical_cpus(servers: &[InferenceServer], window: &Window) -> Result<CpuSet, Missing> {
    let is_critical = |pid: u32| {
        let mut processes = servers.iter().flat_map(|server| &server.processes);
        processes.any(|process| {
            process.pid == pid && matches!(process.role, Role::EngineCore | Role::GpuWorker | Role::Whole)
        })
    };
    let seconds = window.length()?;
    let mut cpus = CpuSet::new();
    for thread in window.threads.require()? {
        // 100 ticks a second, so this is 1 % of a CPU.
        if is_critical(thread.pid) && thread.cpu_ticks as f64 >= seconds {
            if thread.last_cpus.is_empty() {
                let reason = format!("the CPU of thread {} ({}) is not known", thread.tid, thread.comm);
                return Err(Missing::new(Absence::Failed, reason));
            }
            cpus = thread.last_cpus.iter().copied().chain(cpus.iter()).collect();
        }
    }
    if cpus.is_empty() {
        let reason = "no thread of a scheduler or GPU worker used 1 % of a CPU in the window";
        return Err(Missing::new(Absence::Skipped, reason));
    }
    Ok(cpus)
}

fn judge_time(
    evidence: &Evidence<'_>,
    window: &Window,
    critical: &CpuSet,
    load: &str,
) -> Result<Vec<Finding>, Missing> {
    let (some, much) = (evidence.limit(&META, &SOME_TIME), evidence.limit(&META, &MUCH_TIME));
    let mut shares: BTreeMap<u32, f64> = BTreeMap::new();
    for cpu in window.cpus.require()?.iter().filter(|cpu| critical.contains(cpu.cpu) && cpu.total() > 0) {
        shares.insert(cpu.cpu, 100.0 * (cpu.irq_ticks + cpu.softirq_ticks) as f64 / cpu.total() as f64);
    }
    let grade = |share: f64| {
        let share = Quantity::new(share);
        usize::from(!some.is_undercut_by(share)) + usize::from(much.is_exceeded_by(share))
    };
    let mut findings = Vec::new();
    for wanted in 0..3 {
        let group: Vec<(u32, f64)> = shares
            .iter()
            .filter(|&(_, &share)| grade(share) == wanted)
            .map(|(&cpu, &share)| (cpu, share))
            .collect();
        let Some(worst) = group.iter().map(|&(_, share)| share).max_by(f64::total_cmp) else { continue };
        let cpus: CpuSet = group.iter().map(|&(cpu, _)| cpu).collect();
        let subject = format!("CPUs {cpus}");
        let message =
            format!("interrupts took up to {worst:.1} % of the time of CPUs that serve models ({load})");
        let finding = match wanted {
            0 => META.pass(subject, message),
            1 => META.warn(subject, message),
            _ => META.fail(subject, message),
        };
        let shown: Vec<String> = group.iter().map(|(cpu, share)| format!("cpu{cpu} {share:.1} %")).collect();
        findings.push(
            finding
                .with_likelihood(Likelihood::Mechanism)
                .with_evidence(Citation::new("/proc/stat", format!("irq + softirq: {}", shown.join(", ")))),
        );
    }
    let unseen: CpuSet = critical.difference(&shares.keys().copied().collect());
    if !unseen.is_empty() {
        findings.push(META.not_run(format!("CPUs {unseen}"), "/proc/stat has no time of them in the window"));
    }
    Ok(findings)
}

/// Whether one critical CPU serves most of the interrupts of network cards.
fn judge_network(evidence: &Evidence<'_>, window: &Window, critical: &CpuSet) -> Result<Finding, Missing> {
    let devices = Devices::of(evidence)?;
    let mut by_cpu: BTreeMap<u32, u64> = BTreeMap::new();
    for line in window.interrupts.require()?.iter().filter(|line| !line.counts.is_empty()) {
        if devices.class_of(&line.irq)? == Some(NETWORK) {
            for (&cpu, &count) in &line.counts {
                *by_cpu.entry(cpu).or_default() += count;
            }
        }
    }
    let subject = "interrupts of network cards";
    let total: u64 = by_cpu.values().sum();
    let rate = total as f64 / window.length()?;
    if evidence.limit(&META, &LOW_RATE).is_undercut_by(Quantity::new(rate)) {
        let message = format!("{rate:.0} a second over all network cards, too few for their place to matter");
        return Ok(META.info(subject, message));
    }
    let most = by_cpu.iter().max_by_key(|&(&cpu, &count)| (count, std::cmp::Reverse(cpu)));
    let Some((&cpu, &count)) = most else { return Ok(META.info(subject, "network cards raised none")) };
    let share = 100.0 * count as f64 / total as f64;
    let concentrated = evidence.limit(&META, &ONE_CORE).is_exceeded_by(Quantity::new(share));
    let message = format!("CPU {cpu} served {share:.0} % of {rate:.0} interrupts a second");
    let finding = match (concentrated, critical.contains(cpu)) {
        (true, true) => META.fail(subject, format!("{message}, and runs a busy thread of the service")),
        (true, false) => META.pass(subject, format!("{message}, and runs no busy thread of the service")),
        (false, _) => META.pass(subject, message),
    };
    Ok(finding.with_likelihood(Likelihood::Mechanism).with_evidence(Citation::new(
        "/proc/interrupts",
        format!("network cards, CPU {cpu}: {count} of {total}"),
    )))
}
