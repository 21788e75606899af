//! `sched.isolation-plan`: there is a CPU split between system, interrupts and inference (shared hosts).
//!
//! The plan is judged by its effect: the CPUs that threads of the servers may use, against those that threads of all
//! other programs may use. Disjoint sets pass, however they came about. Otherwise what others used in the window
//! decides whether a plan is needed at all. Interrupts are left to the checks of interrupts. `isolcpus` and
//! `nohz_full` deviate by themselves, as switching off load balancing or the tick fits no server with many threads.
//! The collector does not count as a program.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeSet;

use plumb_check_sdk::limit::Quantity;
use plumb_check_sdk::model::{InferenceServer, Process};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, CpuSet, Evidence, Fact, Finding,
    Likelihood, Missing, Outcome, Question, Reference, Remediation, Severity, Threshold, WorkloadTrait,
};

use crate::delay::{self, LONG};
use crate::foreign::{Foreign, MUCH, Masks, SOME};
use crate::serving;

const ISOLATED: &str = "/sys/devices/system/cpu/isolated";
const NO_TICK: &str = "/sys/devices/system/cpu/nohz_full";

/// See the module.
pub struct SchedIsolationPlan;

static THRESHOLDS: [Threshold; 3] = [SOME.threshold(), MUCH.threshold(), LONG.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("sched.isolation-plan"),
    title: Borrowed("There is a CPU split between system, interrupts and inference (shared hosts)"),
    category: Category::Interference,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed("Without a plan every new agent lands on the cores that launch kernels."),
    business: Borrowed("Separate desks for the building staff and for the production team."),
    needs: Borrowed(&[
        Borrowed("/cpu/online"),
        Borrowed("/processes"),
        Borrowed("/servers"),
        Borrowed("/settings/scheduler"),
        Borrowed("/window/cpus"),
        Borrowed("/window/processes"),
        Borrowed("/window/seconds"),
        Borrowed("/window/threads"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "For a test: `mkdir /sys/fs/cgroup/infer`, `echo CPUS > /sys/fs/cgroup/infer/cpuset.cpus`, `echo \
             root > /sys/fs/cgroup/infer/cpuset.cpus.partition`; or `AllowedCPUs=` on slices",
        ),
        persistent: Borrowed(
            "`inference.slice` with `AllowedCPUs=` and `AllowedMemoryNodes=`, `system.slice` and \
             `user.slice` with the rest; `IRQBALANCE_BANNED_CPULIST` to match",
        ),
        rollback: Borrowed("`systemctl revert inference.slice system.slice user.slice`"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed(
            "`systemctl show inference.slice -p EffectiveCPUs`; `cat /sys/fs/cgroup/*/cpuset.cpus.effective`",
        ),
        expected_effect: Borrowed(
            "There is no published number apart from that of `sched.noisy-neighbours`.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::SharedHost]),
    questions: Borrowed(&[Question { id: Borrowed("neighbours"), decides: false }]),
    positions: Borrowed(&[Borrowed("isolation")]),
    applicability: Borrowed("Bare metal and virtual machines; containers read the host's"),
    caveat: Some(Borrowed(
        "`isolcpus` switches off load balancing on its CPUs: all threads of a worker may stay on one core. \
         Prefer cpusets. `nohz_full` helps only with one runnable thread per CPU.",
    )),
    references: Borrowed(&[
        Reference {
            title: Borrowed("TuneD profiles in source (redhat-performance/tuned)"),
            url: Borrowed("https://github.com/redhat-performance/tuned/tree/master/profiles"),
        },
        Reference {
            title: Borrowed(
                "Linux kernel docs: Control Group v2 (cpu.max, cpu.stat, cpuset.cpus.partition, \
                 memory.events)",
            ),
            url: Borrowed("https://docs.kernel.org/admin-guide/cgroup-v2.html"),
        },
        Reference {
            title: Borrowed(
                "Linux kernel docs: kernel parameters (isolcpus, nohz_full, rcu_nocbs, irqaffinity)",
            ),
            url: Borrowed("https://docs.kernel.org/admin-guide/kernel-parameters.html"),
        },
        Reference {
            title: Borrowed("Linux kernel docs: NO_HZ, reducing scheduling-clock ticks"),
            url: Borrowed("https://docs.kernel.org/timers/no_hz.html"),
        },
        Reference {
            title: Borrowed(
                "systemd.resource-control(5): AllowedCPUs=, AllowedMemoryNodes=, CPUWeight=, CPUQuota=, \
                 Slice=",
            ),
            url: Borrowed(
                "https://www.freedesktop.org/software/systemd/man/latest/systemd.resource-control.html",
            ),
        },
    ]),
};

impl Check for SchedIsolationPlan {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let servers = serving::servers(evidence)?;
        let masks = Masks::of(&servers);
        let mut findings = boot_isolation(evidence, &servers, &masks.cpus);
        let of_split = match split(evidence, &servers, &masks) {
            Ok(Split::Disjoint(finding)) => *finding,
            Ok(Split::Shared(names)) => {
                let (finding, unknown) = shared(evidence, &servers, &names);
                findings.extend(unknown);
                finding
            }
            Err(missing) => META.not_run("node", missing.to_string()),
        };
        findings.push(of_split);
        Ok(findings)
    }
}

/// `isolcpus` and `nohz_full`, where servers may run on such CPUs.
fn boot_isolation(evidence: &Evidence<'_>, servers: &[InferenceServer], masks: &CpuSet) -> Vec<Finding> {
    let mut findings = Vec::new();
    let settings = match evidence.settings("scheduler") {
        Ok(settings) => settings,
        Err(missing) => return vec![META.not_run("boot arguments", missing.to_string())],
    };
    let set = |path: &str| -> Result<CpuSet, Missing> {
        match settings.get(path) {
            Some(Fact::Known(text)) if text == "(null)" => Ok(CpuSet::new()),
            Some(Fact::Known(text)) => text.parse().map_err(|_| {
                Missing::new(Absence::Malformed, format!("{path} holds `{text}`, expected a list of CPUs"))
            }),
            // Kernels without the feature have no such file.
            Some(Fact::Missing(missing)) if missing.missing == Absence::Absent => Ok(CpuSet::new()),
            Some(Fact::Missing(missing)) => Err(missing.clone()),
            None => Err(Missing::new(Absence::Failed, format!("the evidence has no {path}"))),
        }
    };
    // A process whose threads could not be read has more than one, as all servers do.
    let has_many_threads =
        servers.iter().flat_map(|server| &server.processes).any(|process| process.threads.len() != 1);
    match set(ISOLATED) {
        Ok(isolated) => {
            let used = isolated.intersection(masks);
            if used.len() > 1 && has_many_threads {
                let message = "servers with many threads may run on CPUs that `isolcpus` takes out of load balancing: \
                               threads of a worker may stay on one core";
                findings.push(
                    META.fail(format!("CPUs {used}"), message)
                        .with_likelihood(Likelihood::Setting)
                        .with_evidence(Citation::new(ISOLATED, isolated.to_string())),
                );
            }
        }
        Err(missing) => findings.push(META.not_run("isolated CPUs", missing.to_string())),
    }
    match set(NO_TICK) {
        Ok(no_tick) => {
            let used = no_tick.intersection(masks);
            if !used.is_empty() {
                let message = "`nohz_full` is set for CPUs of the servers: it helps only with one runnable thread on each, \
                               and makes each system call dearer";
                findings.push(
                    META.warn(format!("CPUs {used}"), message)
                        .with_likelihood(Likelihood::Setting)
                        .with_evidence(Citation::new(NO_TICK, no_tick.to_string())),
                );
            }
        }
        Err(missing) => findings.push(META.not_run("CPUs without tick", missing.to_string())),
    }
    findings
}

enum Split {
    Disjoint(Box<Finding>),
    /// Names of programs that may run on the CPUs of the servers, and how many there are.
    Shared(String),
}

/// # Errors
/// Fails where a mask that could make the sets meet is unknown.
fn split(evidence: &Evidence<'_>, servers: &[InferenceServer], masks: &Masks) -> Result<Split, Missing> {
    let online: CpuSet = evidence.get("/cpu/online")?;
    let inference = masks.cpus.intersection(&online);
    if inference.is_empty() {
        let none = || Missing::new(Absence::Failed, "no thread of an inference server tells its CPUs");
        return Err(masks.unknown.clone().unwrap_or_else(none));
    }
    let own: BTreeSet<u32> =
        servers.iter().flat_map(|server| &server.processes).map(|process| process.pid).collect();
    let mut others = CpuSet::new();
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let mut count = 0;
    let mut unknown = masks.unknown.clone();
    let processes = evidence.processes()?;
    let is_other = |process: &&Process| {
        !process.kernel && !own.contains(&process.pid) && !serving::is_collector(process)
    };
    for process in processes.iter().filter(is_other) {
        let mut mask = CpuSet::new();
        for thread in &process.threads {
            match &thread.cpus_allowed {
                Fact::Known(cpus) => mask = mask.union(cpus),
                Fact::Missing(missing) => drop(unknown.get_or_insert_with(|| missing.clone())),
            }
        }
        others = others.union(&mask.intersection(&online));
        if !mask.intersection(&inference).is_empty() {
            names.insert(&process.comm);
            count += 1;
        }
    }
    if count > 0 {
        let more = if names.len() > 3 { ", …" } else { "" };
        let named: Vec<&str> = names.into_iter().take(3).collect();
        return Ok(Split::Shared(format!("{count} other processes ({}{more})", named.join(", "))));
    }
    if let Some(missing) = unknown {
        return Err(missing);
    }
    if others.is_empty() {
        return Err(Missing::new(Absence::Failed, "no other program tells its CPUs"));
    }
    let message =
        format!("servers have CPUs {inference} for themselves; all other programs keep to CPUs {others}");
    let citation =
        Citation::new("/proc", format!("Cpus_allowed_list of servers {inference}, of others {others}"));
    Ok(Split::Disjoint(Box::new(META.pass("node", message).with_evidence(citation))))
}

/// No split: whether one is needed is for what others did in the window to say.
fn shared(evidence: &Evidence<'_>, servers: &[InferenceServer], names: &str) -> (Finding, Option<Finding>) {
    let told = format!("no split: {names} may run on the CPUs of the servers");
    let foreign = match Foreign::read(evidence, servers) {
        Ok(foreign) => foreign,
        Err(missing) => {
            let message = format!("{told}; whether they do is unknown: {missing}");
            return (META.not_run("node", message), None);
        }
    };
    let percent = Quantity::new(foreign.percent);
    let used = format!("others used {:.1} % of them{}", foreign.percent, foreign.most());
    if evidence.limit(&META, &SOME).is_undercut_by(percent) {
        if let Some(missing) = foreign.unmasked {
            return (
                META.not_run("node", format!("{told}; {used}, as far as masks are known: {missing}")),
                None,
            );
        }
        if !foreign.uncounted.is_empty() {
            let message = format!("{told}; times of CPUs {} do not add up to the window", foreign.uncounted);
            return (META.not_run("node", message), None);
        }
        let message = format!("{told}, but {used}: none is needed");
        return (foreign.cite(META.pass("node", message).with_confidence(Confidence::Medium)), None);
    }
    let delays = serving::window(evidence).and_then(|window| delay::delays(servers, &window));
    let (late, unknown) = match delays {
        Ok(delays) => {
            let late = delays.known.into_iter().next().filter(|worst| worst.is_long(&META, evidence));
            (late, delays.unknown)
        }
        Err(missing) => (None, Some(missing)),
    };
    let finding = match &late {
        Some(worst) => META
            .fail(
                "node",
                format!("{told}; {used}, and critical thread {} ({}) waits for a CPU", worst.tid, worst.comm),
            )
            .with_evidence(Citation::new(
                format!("/proc/{}/task/{}/schedstat", worst.pid, worst.tid),
                format!("run +{} ns, wait +{} ns", worst.run_ns, worst.wait_ns),
            )),
        None if evidence.limit(&META, &MUCH).is_exceeded_by(percent) => {
            META.fail("node", format!("{told}; {used}"))
        }
        None => META.warn("node", format!("{told}; {used}")),
    };
    let unanswered = (finding.outcome == Outcome::Warn).then_some(()).and_then(|()| {
        if !foreign.uncounted.is_empty() {
            let subject = format!("CPUs {}", foreign.uncounted);
            return Some(META.not_run(subject, "their times do not add up to the window"));
        }
        let missing = unknown?;
        let message = format!("whether critical threads wait for a CPU is unknown: {missing}");
        Some(META.not_run("waiting threads", message))
    });
    let finding = finding.with_likelihood(Likelihood::Mechanism).with_confidence(Confidence::Medium);
    (foreign.cite(finding), unanswered)
}
