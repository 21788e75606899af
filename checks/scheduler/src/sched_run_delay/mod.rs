//! `sched.run-delay`: critical threads get a core at once.
//!
//! For each server, the thread that waited for a CPU longest, of the time in which it could have run, speaks for all:
//! one thread that is late makes a step late. Threads that are hardly ever runnable are left out. Pressure is judged
//! by the control group of the server, since a busy neighbour elsewhere raises that of the node; where the group
//! tells none, the node's stands in with less confidence. The kernel's running averages over 60 s are replaced by the
//! mean over the window.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{CgroupTime, InferenceServer, Pressure};
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Finding, Likelihood, Missing,
    Question, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};

use crate::delay::{self, Delays, LONG};
use crate::serving;

/// Waiting time of a thread that must show in the pressure, in ns: 10 ms, far above what its averaging loses.
const NOTICED_NS: u64 = 10_000_000;

/// See the module.
pub struct SchedRunDelay;

const SHORT: Limit<Percent> = Limit {
    name: "time waiting for a CPU, of the time in which a critical thread was runnable",
    value: Quantity::new(1.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal; eunomia.dev saw 1.2 % of run time on a clean host",
    date: "2026-11-23",
    applies_to: "critical threads under load",
};

const PRESSED: Limit<Percent> = Limit {
    name: "time in which some thread waited for a CPU",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "control group of the server, or the node",
};

const STALLED: Limit<Percent> = Limit {
    name: "time in which some thread waited for a CPU that fails",
    value: Quantity::new(25.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "control group of the server, or the node",
};

static THRESHOLDS: [Threshold; 4] =
    [SHORT.threshold(), PRESSED.threshold(), STALLED.threshold(), LONG.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("sched.run-delay"),
    title: Borrowed("Critical threads get a core at once"),
    category: Category::Interference,
    severity: Severity::High,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Waiting for a core delays the launching of kernels and the streaming of tokens directly.",
    ),
    business: Borrowed("The work is ready, but it queues for a processor."),
    needs: Borrowed(&[
        Borrowed("/servers"),
        Borrowed("/window/cgroups"),
        Borrowed("/window/gpus"),
        Borrowed("/window/pressure"),
        Borrowed("/window/processes"),
        Borrowed("/window/seconds"),
        Borrowed("/window/threads"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "Free cores (`sched.noisy-neighbours`), widen the cpuset, or raise the weight: `systemctl \
             set-property UNIT CPUWeight=1000`; `renice -n -10 -p PID`",
        ),
        persistent: Borrowed("`CPUWeight=`, `Slice=` or a cpuset of its own in the unit"),
        rollback: Borrowed("`systemctl revert UNIT`; `renice -n 0 -p PID`"),
        change: ChangeKind::Runtime,
        verification: Borrowed(
            "`cat /proc/PID/task/TID/schedstat` twice (the second field, in ns); `cat /proc/pressure/cpu`",
        ),
        expected_effect: Borrowed(
            "eunomia.dev, Qwen3 0.6B: scheduling costs 1.2 % of run time on a clean host; CPU noise raised \
             context switches to 524 times as many and cost 8.8 % of throughput.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::SmallBatch, WorkloadTrait::StrictTail]),
    questions: Borrowed(&[Question { id: Borrowed("neighbours"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal, virtual machines and containers"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("eunomia.dev 2026-05-24: When CPU Noise Slows Down GPU Inference (eBPF)"),
            url: Borrowed(
                "https://eunomia.dev/blog/2026/05/24/measuring-cpu-noise-in-gpu-inference-with-ebpf/",
            ),
        },
        Reference {
            title: Borrowed("Linux kernel docs: PSI, Pressure Stall Information"),
            url: Borrowed("https://docs.kernel.org/accounting/psi.html"),
        },
        Reference {
            title: Borrowed(
                "Linux kernel docs: Control Group v2 (cpu.max, cpu.stat, cpuset.cpus.partition, \
                 memory.events)",
            ),
            url: Borrowed("https://docs.kernel.org/admin-guide/cgroup-v2.html"),
        },
    ]),
};

impl Check for SchedRunDelay {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let servers = serving::servers(evidence)?;
        let window = serving::window(evidence)?;
        let delays = delay::delays(&servers, &window)?;
        let load = evidence.under_load();
        let mut findings: Vec<Finding> =
            servers.iter().filter_map(|server| judge_delays(evidence, server, &delays, &load)).collect();
        if let Some(missing) = &delays.unknown {
            let message = format!("the waiting time of some critical threads is unknown: {missing}");
            findings.push(META.not_run("other threads", message));
        }
        for server in &servers {
            findings.push(judge_pressure(evidence, server, &delays, window.length()?, &load));
        }
        Ok(findings)
    }
}

fn name(server: &InferenceServer) -> String {
    format!("{} (PID {})", server.kind, server.pid)
}

/// `None` where nothing of the server was runnable for long, and part of its threads is unknown, which is told at the end.
fn judge_delays(
    evidence: &Evidence<'_>,
    server: &InferenceServer,
    delays: &Delays,
    load: &Result<String, Missing>,
) -> Option<Finding> {
    let subject = format!("{}, threads", name(server));
    let of_server = delays.of(server);
    let Some(worst) = of_server.first() else {
        let message = "no critical thread was runnable for long: collect while the service runs";
        return delays.unknown.is_none().then(|| META.not_run(subject, message));
    };
    let percent = worst.percent();
    let message = format!(
        "thread {} ({}) of the {}, which waited longest of {} critical ones, waited for a CPU for {percent:.2} % of its \
         runnable time",
        worst.tid,
        worst.comm,
        serving::role(worst.role),
        of_server.len(),
    );
    let finding = if worst.is_long(&META, evidence) {
        META.fail(subject, message)
    } else if evidence.limit(&META, &SHORT).is_undercut_by(Quantity::new(percent)) {
        match load {
            Ok(_) => META.pass(subject, message),
            Err(missing) => META.not_run(subject, format!("{message}, but {missing}")),
        }
    } else {
        META.warn(subject, message)
    };
    let value = format!("run +{} ns, wait +{} ns", worst.run_ns, worst.wait_ns);
    let schedstat = format!("/proc/{}/task/{}/schedstat", worst.pid, worst.tid);
    Some(finding.with_likelihood(Likelihood::Mechanism).with_evidence(Citation::new(schedstat, value)))
}

/// Pressure of the server's control group, or of the node.
fn judge_pressure(
    evidence: &Evidence<'_>,
    server: &InferenceServer,
    delays: &Delays,
    seconds: f64,
    load: &Result<String, Missing>,
) -> Finding {
    let subject = format!("{}, CPU pressure", name(server));
    let (pressure, path, confidence) = match pressure(evidence, server) {
        Ok(found) => found,
        Err(missing) => return META.not_run(subject, missing.to_string()),
    };
    let value = format!("some total +{} µs in {seconds:.0} s", pressure.some_us);
    let citation = Citation::new(path, value);
    // Whoever waits for a CPU raises the pressure of its group and of the node.
    let waits = delays.of(server).into_iter();
    if let Some(worst) = waits.max_by_key(|delay| delay.wait_ns).filter(|worst| worst.wait_ns > NOTICED_NS)
        && pressure.some_us == 0
    {
        let message = "threads waited for a CPU, but the pressure did not rise";
        let schedstat = format!("/proc/{}/task/{}/schedstat", worst.pid, worst.tid);
        return META
            .contradictory(subject, message)
            .with_evidence(citation)
            .with_evidence(Citation::new(schedstat, format!("wait +{} ns", worst.wait_ns)));
    }
    let percent = Quantity::new(pressure.some_us as f64 / (seconds * 1e4));
    let of_group =
        if confidence == Confidence::High { "of the server's control group" } else { "of the node" };
    let message =
        format!("for {:.1} % of the time some thread {of_group} waited for a CPU", percent.number());
    let finding = if evidence.limit(&META, &STALLED).is_exceeded_by(percent) {
        META.fail(subject, message)
    } else if !evidence.limit(&META, &PRESSED).is_undercut_by(percent) {
        META.warn(subject, message)
    } else {
        match load {
            Ok(load) => META.pass(subject, format!("{message} ({load})")),
            Err(missing) => return META.not_run(subject, missing.to_string()),
        }
    };
    finding.with_likelihood(Likelihood::Mechanism).with_confidence(confidence).with_evidence(citation)
}

fn pressure(
    evidence: &Evidence<'_>,
    server: &InferenceServer,
) -> Result<(Pressure, String, Confidence), Missing> {
    let groups: BTreeMap<String, CgroupTime> = evidence.get("/window/cgroups").unwrap_or_default();
    let own = server.processes.iter().filter_map(|process| process.cgroup.known()?.chain.first());
    let known = own.filter_map(|level| Some((level, groups.get(&level.path)?.pressure.get("cpu")?.known()?)));
    // The processes of a server may be in several groups.
    if let Some((level, pressure)) = known.max_by_key(|(_, pressure)| pressure.some_us) {
        return Ok((*pressure, format!("{}/cpu.pressure", level.path), Confidence::High));
    }
    let node: Pressure = evidence.get("/window/pressure/cpu")?;
    Ok((node, "/proc/pressure/cpu".to_owned(), Confidence::Medium))
}
