//! `affinity.thread-coverage`: the mask that was meant holds for every thread of a process.
//!
//! A thread is *pinned* if its mask leaves out some of the CPUs that the process could have: those of its control group,
//! or all that are online. What the main thread is pinned to is what was meant; where the main thread is not pinned but
//! others are, libraries have placed their own threads, and nothing tells what was meant. Threads weigh by their CPU time
//! in the window or, without one, since their start, with less confidence.
//!
//! The conditions of the catalogue overlap where many threads of at most 1 % each are unpinned: together they count for
//! the limit of a failure, and below it the process passes.

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{InferenceServer, ServerProcess, Thread};
use plumb_check_sdk::{
    Arg, Citation, Confidence, CpuSet, Evidence, Finding, Likelihood, Missing, NoVerdict, Object, ObjectKind,
    Said,
};

use crate::pages::affinity_thread_coverage::{BUSY, PAGE, UNPINNED, words};
use crate::place::{Load, cpuset, misplaced, process_object};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let servers = evidence.servers()?;
    PAGE.not_run_if(servers.is_empty(), words::NoServer {})?;
    let online: CpuSet = evidence.get("/cpu/online")?;
    let judge = Judge {
        online,
        load: Load::read(evidence).ok(),
        unpinned: evidence.limit(&PAGE, &UNPINNED),
        busy: evidence.limit(&PAGE, &BUSY),
    };
    let (mut findings, mut unpinned) = (Vec::new(), Vec::new());
    for (server, process) in
        servers.iter().flat_map(|server| server.processes.iter().map(move |one| (server, one)))
    {
        match PAGE.settle(process_object(process), judge.judge(server, process)) {
            Some(finding) => findings.push(finding),
            None => unpinned.push(process.pid.to_string()),
        }
    }
    if !unpinned.is_empty() {
        let pids = unpinned.join(", ");
        let object = Object::new(ObjectKind::Process, &pids).named(format!("processes {pids}"));
        findings.push(PAGE.not_applicable(object, words::Unpinned {}));
    }
    PAGE.not_run_if(findings.is_empty(), words::NoProcess {})?;
    Ok(findings)
}

/// CPU time by thread id, in any unit.
type Times = Vec<(u32, f64)>;

struct Judge {
    online: CpuSet,
    load: Option<Load>,
    unpinned: Limit<Percent>,
    busy: Limit<Percent>,
}

impl Judge {
    /// `None` for a process of which no thread is pinned.
    fn judge(&self, server: &InferenceServer, process: &ServerProcess) -> Result<Option<Finding>, NoVerdict> {
        let object = process_object(process);
        let mut masks = Vec::new();
        for thread in &process.threads {
            masks.push((thread, thread.cpus_allowed.require()?.intersection(&self.online)));
        }
        let main = masks.iter().find(|(thread, _)| thread.tid == process.pid);
        let (main, of_main) = main.ok_or(words::NoMainThread {})?;
        // The masks may be wider than a group that was made narrower later, so both count.
        let granted = process.cgroup.require().and_then(cpuset).ok().flatten();
        let granted = granted.map(|(cpus, _)| cpus.intersection(&self.online));
        let wide = granted.clone().unwrap_or_else(|| self.online.clone());
        let widest = masks.iter().fold(CpuSet::new(), |all, (_, mask)| all.union(mask)).union(&wide);
        let is_pinned = |mask: &CpuSet| !wide.is_subset(mask) && *mask != widest;
        if !masks.iter().any(|(_, mask)| is_pinned(mask)) {
            return Ok(None);
        }
        if !is_pinned(of_main) {
            return Ok(Some(PAGE.info(object, words::OwnThreads {})));
        }
        // In a group of its own that nobody knows, a mask beside that of the main thread may be all that there is.
        let others = || masks.iter().any(|(_, mask)| is_pinned(mask) && !mask.is_subset(of_main));
        PAGE.not_run_if(granted.is_none() && others(), words::GroupUnknown {})?;
        let stray: Vec<&(&Thread, CpuSet)> =
            masks.iter().filter(|(_, mask)| !is_pinned(mask) && !mask.is_subset(of_main)).collect();
        let times = self.times(process)?;
        let total: f64 = times.iter().map(|(_, time)| time).sum();
        PAGE.not_run_if(total <= 0.0, words::Idle { since: self.since() })?;
        let percent = |thread: &Thread| -> f64 {
            times.iter().find(|(tid, _)| *tid == thread.tid).map_or(0.0, |(_, time)| 100.0 * time / total)
        };
        let shares: Vec<(f64, &Thread, &CpuSet)> =
            stray.iter().map(|(thread, mask)| (percent(thread), *thread, mask)).collect();
        if let Some(thread) = self.unseen(process, &stray, &times) {
            return Err(words::Unseen { comm: (&thread.comm).into(), tid: tid(thread) }.into());
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
        let evidence = cite(main, of_main);
        let (cpus, share, since) = (Arg::from(of_main), Arg::of(sum, 1), self.since());
        if self.unpinned.is_undercut_by(sum) && !counts {
            let said = words::Covered { cpus, share, since };
            return Ok(Some(PAGE.pass(object, said).with_confidence(confidence).with_evidence(evidence)));
        }
        let pid = Arg::text(process.pid.to_string());
        let (stray_count, threads_count) = (Arg::count(shares.len()), Arg::count(masks.len()));
        let finding = if self.unpinned.is_undercut_by(sum) {
            PAGE.warn(object, words::Partly { cpus, pid, share, since, stray_count, threads_count })
        } else {
            PAGE.fail(object, words::Uncovered { cpus, pid, share, since, stray_count, threads_count })
        };
        let busiest = shares.iter().max_by(|one, other| one.0.total_cmp(&other.0));
        let finding = misplaced(finding, server, process)
            .with_likelihood(Likelihood::Mechanism)
            .with_confidence(confidence)
            .with_evidence(evidence)
            .with_citations(busiest.map(|(_, thread, mask)| cite(thread, mask)));
        Ok(Some(finding))
    }

    /// The word by which sentences choose what CPU time they speak of.
    fn since(&self) -> Arg {
        Arg::text(if self.load.is_some() { "window" } else { "start" })
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

    /// CPU time of each thread: in the window or, without one, since its start.
    fn times(&self, process: &ServerProcess) -> Result<Times, Said> {
        if let Some(load) = &self.load {
            return Ok(load.of(process.pid).map(|thread| (thread.tid, load.busy_percent(thread))).collect());
        }
        let times = process.threads.iter().map(|thread| {
            let untold = |why: Missing| words::NoTime { reason: why.into(), tid: tid(thread) };
            Ok((thread.tid, *thread.cpu_ticks.require().map_err(untold)? as f64))
        });
        times.collect()
    }
}

/// The id of a thread as sentences name it.
fn tid(thread: &Thread) -> Arg {
    Arg::text(thread.tid.to_string())
}
