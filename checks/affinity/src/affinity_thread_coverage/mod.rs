//! `affinity.thread-coverage`: the mask that was meant holds for every thread of a process.
//!
//! A thread is *pinned* if its mask leaves out some of the CPUs that the process could have: those of its control group,
//! or all that are online. What the main thread is pinned to is what was meant; where the main thread is not pinned but
//! others are, libraries have placed their own threads, and nothing tells what was meant. Threads weigh by their CPU time
//! in the window or, without one, since their start, with less confidence.
//!
//! The conditions of the catalogue overlap where many threads of at most 1 % each are unpinned: together they count for
//! the limit of a failure, and below it the process passes.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{ServerProcess, Thread};
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Confidence, CpuSet, Evidence, Fact, Finding,
    Likelihood, Missing, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis,
};

use crate::place::{Load, cpuset, no_server, process_name};

/// See the module.
pub struct AffinityThreadCoverage;

const UNPINNED: Limit<Percent> = Limit {
    name: "share of a process's CPU time in threads that the pin does not cover",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal, after TensorRT-LLM PR #18701 (communication threads kept the wide mask)",
    date: "2026-11-23",
    applies_to: "processes whose main thread is pinned",
};

const BUSY: Limit<Percent> = Limit {
    name: "share of a process's CPU time above which a thread counts by itself",
    value: Quantity::new(1.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: helpers that sleep harm nobody wherever they are",
    date: "2026-11-23",
    applies_to: "threads of inference servers",
};

static THRESHOLDS: [Threshold; 2] = [UNPINNED.threshold(), BUSY.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("affinity.thread-coverage"),
    title: Borrowed("The pin covers every thread, not only the main one"),
    category: Category::Placement,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Threads that were started before the pin, or that libraries start, keep the old wide mask. \
             Communication and progress threads are among them and do latency-critical work.",
    ),
    business: Borrowed(
        "Only the captain was seated in the right place; the crew still walks around the ship.",
    ),
    needs: Borrowed(&[
        Borrowed("/cpu/online"),
        Borrowed("/servers"),
        Borrowed("/window/seconds"),
        Borrowed("/window/threads"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("`taskset -acp CPUS PID` (`-a` is for all threads)"),
        persistent: Borrowed(
            "Pin at the birth of the process: `numactl` or `taskset` before the command, `CPUAffinity=` of \
             systemd, or a cpuset of the container; do not rely on pinning inside the process",
        ),
        rollback: Borrowed("`taskset -acp 0-$(($(nproc --all)-1)) PID`"),
        change: ChangeKind::Runtime,
        verification: Borrowed(
            "`awk '/Cpus_allowed_list/{print $2}' /proc/PID/task/*/status | sort | uniq -c`",
        ),
        expected_effect: Borrowed(
            "No published number; NVIDIA states that step time degrades significantly and depends on where \
             threads happen to land.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[Question { id: Borrowed("placement"), decides: false }]),
    positions: Borrowed(&[Borrowed("engine-binding")]),
    applicability: Borrowed("Bare metal, virtual machines, containers; processes that are pinned"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("TensorRT-LLM PR #18701: apply NUMA-aware CPU affinity beyond the main thread"),
            url: Borrowed("https://github.com/NVIDIA/TensorRT-LLM/pull/18701"),
        },
        Reference {
            title: Borrowed("TensorRT-LLM PR #18117: bind workers to their GPU's NUMA node at launch"),
            url: Borrowed("https://github.com/NVIDIA/TensorRT-LLM/pull/18117"),
        },
        Reference {
            title: Borrowed("SGLang PR #22989: Ray scheduler actors were running entirely unbound"),
            url: Borrowed("https://github.com/sgl-project/sglang/pull/22989"),
        },
    ]),
};

impl Check for AffinityThreadCoverage {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let servers = evidence.servers()?;
        if servers.is_empty() {
            return Ok(vec![no_server(&META)]);
        }
        let online: CpuSet = evidence.get("/cpu/online")?;
        let judge = Judge {
            online,
            load: Load::read(evidence).ok(),
            unpinned: evidence.limit(&META, &UNPINNED),
            busy: evidence.limit(&META, &BUSY),
        };
        let (mut findings, mut unpinned) = (Vec::new(), Vec::new());
        for process in servers.iter().flat_map(|server| &server.processes) {
            match judge.judge(process) {
                Some(finding) => findings.push(finding),
                None => unpinned.push(process.pid.to_string()),
            }
        }
        if !unpinned.is_empty() {
            let subject = format!("processes {}", unpinned.join(", "));
            findings.push(META.not_applicable(subject, "no thread is pinned (see `numa.gpu-affinity`)"));
        }
        if findings.is_empty() {
            findings.push(META.not_run("node", "no process of a server was recorded"));
        }
        Ok(findings)
    }
}

/// CPU time by thread id, in any unit, and since when.
type Times = (Vec<(u32, f64)>, &'static str);

struct Judge {
    online: CpuSet,
    load: Option<Load>,
    unpinned: Limit<Percent>,
    busy: Limit<Percent>,
}

impl Judge {
    /// `None` for a process of which no thread is pinned.
    fn judge(&self, process: &ServerProcess) -> Option<Finding> {
        let subject = process_name(process);
        let mut masks = Vec::new();
        for thread in &process.threads {
            match &thread.cpus_allowed {
                Fact::Known(mask) => masks.push((thread, mask.intersection(&self.online))),
                Fact::Missing(missing) => return Some(META.not_run(subject, missing.to_string())),
            }
        }
        let Some((main, of_main)) = masks.iter().find(|(thread, _)| thread.tid == process.pid) else {
            return Some(META.not_run(subject, "its main thread was not recorded"));
        };
        // The masks may be wider than a group that was made narrower later, so both count.
        let granted = process.cgroup.require().and_then(cpuset).ok().flatten();
        let granted = granted.map(|(cpus, _)| cpus.intersection(&self.online));
        let wide = granted.clone().unwrap_or_else(|| self.online.clone());
        let widest = masks.iter().fold(CpuSet::new(), |all, (_, mask)| all.union(mask)).union(&wide);
        let is_pinned = |mask: &CpuSet| !wide.is_subset(mask) && *mask != widest;
        if !masks.iter().any(|(_, mask)| is_pinned(mask)) {
            return None;
        }
        if !is_pinned(of_main) {
            let message =
                "some threads are pinned, but not the main thread: nothing tells what was meant for all";
            return Some(META.info(subject, message));
        }
        // In a group of its own that nobody knows, a mask beside that of the main thread may be all that there is.
        let others = || masks.iter().any(|(_, mask)| is_pinned(mask) && !mask.is_subset(of_main));
        if granted.is_none() && others() {
            let message = "its threads have different masks, and what its control group grants is not known";
            return Some(META.not_run(subject, message));
        }
        let stray: Vec<&(&Thread, CpuSet)> =
            masks.iter().filter(|(_, mask)| !is_pinned(mask) && !mask.is_subset(of_main)).collect();
        let (times, since) = match self.times(process) {
            Ok(times) => times,
            Err(reason) => return Some(META.not_run(subject, reason)),
        };
        let total: f64 = times.iter().map(|(_, time)| time).sum();
        if total <= 0.0 {
            let message = format!("its threads have used no CPU time {since}: collect under load");
            return Some(META.not_run(subject, message));
        }
        let percent = |thread: &Thread| -> f64 {
            times.iter().find(|(tid, _)| *tid == thread.tid).map_or(0.0, |(_, time)| 100.0 * time / total)
        };
        let shares: Vec<(f64, &Thread, &CpuSet)> =
            stray.iter().map(|(thread, mask)| (percent(thread), *thread, mask)).collect();
        if let Some(thread) = self.unseen(process, &stray, &times) {
            let message =
                format!("thread {} ({}) is not in the window, and may count", thread.tid, thread.comm);
            return Some(META.not_run(subject, message));
        }
        let sum: Quantity<Percent> = Quantity::new(shares.iter().fold(0.0, |sum, (share, _, _)| sum + share));
        let counts = shares.iter().any(|(share, _, _)| self.busy.is_exceeded_by(Quantity::new(*share)));
        let confidence = if self.load.is_some() { Confidence::High } else { Confidence::Medium };
        let cite = |thread: &Thread, mask: &CpuSet| {
            Citation::new(
                format!("{}/task/{}/status", process.path, thread.tid),
                format!("{}: Cpus_allowed_list {mask}", thread.comm),
            )
        };
        let of_main = cite(main, of_main);
        if self.unpinned.is_undercut_by(sum) && !counts {
            let message = format!(
                "the mask of its main thread holds for all but {:.1} % of its CPU time {since}",
                sum.number()
            );
            return Some(META.pass(subject, message).with_confidence(confidence).with_evidence(of_main));
        }
        let message = format!(
            "the pin of its main thread does not cover all threads: {} of {} are outside, with {:.1} % of the CPU time \
             {since}",
            shares.len(),
            masks.len(),
            sum.number()
        );
        let finding = if self.unpinned.is_undercut_by(sum) {
            META.warn(subject, message)
        } else {
            META.fail(subject, message)
        };
        let finding =
            finding.with_likelihood(Likelihood::Mechanism).with_confidence(confidence).with_evidence(of_main);
        let busiest = shares.iter().max_by(|one, other| one.0.total_cmp(&other.0));
        Some(match busiest {
            Some((_, thread, mask)) => finding.with_evidence(cite(thread, mask)),
            None => finding,
        })
    }

    /// A thread that the pin does not cover and whose time is not known, though before it had its share.
    fn unseen<'a>(
        &self,
        process: &ServerProcess,
        stray: &[&(&'a Thread, CpuSet)],
        times: &[(u32, f64)],
    ) -> Option<&'a Thread> {
        let ticks = |thread: &Thread| thread.cpu_ticks.known().map_or(0.0, |&ticks| ticks as f64);
        let total: f64 = process.threads.iter().map(ticks).sum();
        stray
            .iter()
            .map(|(thread, _)| *thread)
            .filter(|thread| !times.iter().any(|(tid, _)| *tid == thread.tid))
            .find(|thread| !self.unpinned.is_undercut_by(Quantity::new(100.0 * ticks(thread) / total)))
    }

    /// CPU time of each thread, and since when.
    fn times(&self, process: &ServerProcess) -> Result<Times, String> {
        if let Some(load) = &self.load {
            let times = load.of(process.pid).map(|thread| (thread.tid, load.busy_percent(thread))).collect();
            return Ok((times, "in the window"));
        }
        let times = process.threads.iter().map(|thread| match &thread.cpu_ticks {
            Fact::Known(ticks) => Ok((thread.tid, *ticks as f64)),
            Fact::Missing(missing) => Err(format!("CPU time of thread {}: {missing}", thread.tid)),
        });
        Ok((times.collect::<Result<_, _>>()?, "since its start"))
    }
}
