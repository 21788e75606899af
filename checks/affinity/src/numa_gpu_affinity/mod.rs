//! `numa.gpu-affinity`: the threads of a GPU worker run near its GPU.
//!
//! A worker is a process of an inference server that uses a GPU; whatever uses one counts as a server. Its threads are judged
//! against the CPUs that are near to any of its GPUs: those of the GPU's NUMA node, or of that node's socket, since the
//! catalogue accepts both; sentences name all nodes that these CPUs are of. A GPU whose node nobody tells makes the worker
//! unanswerable; the kernel then calls all CPUs local, which would pass whatever the mask is.
//!
//! A thread is *near* if its mask holds near CPUs only, *far* if it holds none, *open* if it holds both. Threads weigh by
//! their CPU time, as a worker has hundreds of threads of which most sleep. Far threads above the limit are a hard
//! mis-pin. Open threads are judged by the CPU that they last ran on; this is one look at one moment, so the confidence is
//! medium. Where that is unknown for so much CPU time that it could decide, the worker is `not-run`. Open threads within the limit
//! leave a worker pinned, as far ones do.

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{InferenceServer, ServerProcess, Thread};
use plumb_check_sdk::{
    Arg, Citation, Confidence, CpuSet, Evidence, Fact, Finding, Likelihood, Missing, NoVerdict, Said,
    Severity,
};

use crate::pages::numa_gpu_affinity::{PAGE, REMOTE_TIME, words};
use crate::place::{Machine, Near, judge_workers, misplaced, worker_object};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let gpus = evidence.gpus()?;
    PAGE.not_applicable_if(gpus.is_empty(), words::NoGpu {})?;
    let numa = evidence.numa()?;
    PAGE.not_applicable_if(numa.has_one_with_cpus()?, words::OneNode {})?;
    let judge = Judge {
        machine: Machine { gpus, numa, cpu: evidence.cpu().ok() },
        limit: evidence.limit(&PAGE, &REMOTE_TIME),
    };
    judge_workers(evidence, &PAGE, |server, process, gpus| {
        Some(PAGE.settle(worker_object(process, gpus), judge.judge(server, process, gpus)))
    })
}

/// The parts of the evidence that all workers are judged by.
struct Judge<'a> {
    machine: Machine<'a>,
    limit: Limit<Percent>,
}

/// A worker, and what is near to it.
struct Worker<'a> {
    server: &'a InferenceServer,
    process: &'a ServerProcess,
    gpus: &'a [String],
    near: Near,
    /// CPUs of all nodes.
    all: CpuSet,
}

/// CPU time of a worker's threads in clock ticks, by where their masks let them run.
#[derive(Default)]
struct Time {
    total: u64,
    /// Of threads that can run on near CPUs only.
    near: u64,
    far: u64,
    open: u64,
    /// Of `open`: last seen on a far CPU.
    open_seen_far: u64,
    /// Of threads whose mask, or last CPU where it matters, is unknown.
    unknown: u64,
}

impl Judge<'_> {
    fn judge(
        &self,
        server: &InferenceServer,
        process: &ServerProcess,
        gpus: &[String],
    ) -> Result<Finding, NoVerdict> {
        let near = self.machine.near(gpus)?;
        let all = self.machine.numa.complete()?.all_cpus();
        if all.is_subset(&near.cpus) {
            return Ok(near.cite(
                PAGE.info(worker_object(process, gpus), words::Spread { gpus_count: gpus.len().into() }),
            ));
        }
        let time = weigh(process, &near.cpus, &all)?;
        Ok(self.verdict(&Worker { server, process, gpus, near, all }, &time))
    }

    fn verdict(&self, worker: &Worker<'_>, time: &Time) -> Finding {
        let Worker { server, process, gpus, near, all } = worker;
        let object = worker_object(process, gpus);
        let percent = |ticks: u64| Quantity::<Percent>::new(100.0 * ticks as f64 / time.total as f64);
        let exceeds = |ticks: u64| self.limit.is_exceeded_by(percent(ticks));
        let share = |ticks: u64| Arg::of(percent(ticks), 0);
        let nodes = near.all_nodes(self.machine.numa);
        let (gpus_count, pid) = (Arg::count(gpus.len()), Arg::text(process.pid.to_string()));
        // Sentences that say where near is.
        macro_rules! said {
            ($sentence:ident $(, $more:ident)*) => {
                words::$sentence {
                    near_cpus: (&near.cpus).into(),
                    nodes: Arg::text(nodes.to_string()),
                    nodes_count: nodes.len().into(),
                    reach: Arg::text(if nodes == near.nodes { "node" } else { "socket" }),
                    $($more,)*
                }
            };
        }

        if exceeds(time.far) {
            let share = share(time.far);
            let finding = PAGE.fail(object, said!(WrongPlace, gpus_count, pid, share));
            let finding = misplaced(finding.with_severity(Severity::Critical), server, process)
                .with_likelihood(Likelihood::Mechanism);
            let is_away = |mask: &CpuSet| mask.intersection(all).intersection(&near.cpus).is_empty();
            let is_far = |thread: &Thread| thread.cpus_allowed.known().is_some_and(is_away);
            return near.cite(cite_busiest(finding, process, is_far, all));
        }
        let away = time.far.saturating_add(time.open_seen_far);
        if exceeds(away) {
            let share = share(away);
            let finding = misplaced(PAGE.fail(object, said!(Away, gpus_count, pid, share)), server, process)
                .with_likelihood(Likelihood::Mechanism)
                .with_confidence(Confidence::Medium);
            let seen_far =
                |thread: &Thread| thread.last_cpu.known().is_some_and(|&cpu| !near.cpus.contains(cpu));
            return near.cite(cite_busiest(finding, process, seen_far, all));
        }
        // A thread whose mask nobody knows may be one that is not pinned.
        let is_open = exceeds(time.open);
        if exceeds(away.saturating_add(time.unknown)) || (!is_open && time.unknown > 0) {
            let said = words::UnknownPlace { share: share(time.unknown) };
            return near.cite(PAGE.not_run(object, said));
        }
        if is_open {
            let share = share(time.total.saturating_sub(away).saturating_sub(time.unknown));
            let finding = misplaced(PAGE.warn(object, said!(Open, gpus_count, pid, share)), server, process)
                .with_likelihood(Likelihood::Setting)
                .with_confidence(Confidence::Medium);
            let is_open = |thread: &Thread| {
                thread.cpus_allowed.known().is_some_and(|mask| !mask.intersection(all).is_subset(&near.cpus))
            };
            return near.cite(cite_busiest(finding, process, is_open, all));
        }
        // All busy threads are near: enough of their masks must be left to run on.
        let near_only = |mask: &CpuSet| mask.is_subset(&near.cpus);
        let masks = process.threads.iter().filter_map(|thread| thread.cpus_allowed.known());
        let mask = masks
            .map(|mask| mask.intersection(all))
            .filter(near_only)
            .fold(CpuSet::new(), |union, mask| union.union(&mask));
        let (cpus, share) = (Arg::from(&mask), share(time.near));
        let finding = match self.machine.cpu.map(|cpu| cpu.whole_cores(&mask)) {
            Some(0) => misplaced(PAGE.warn(object, words::Tight { cpus, pid }), server, process)
                .with_likelihood(Likelihood::Setting),
            Some(cores) => {
                let cores_count = Arg::count(cores);
                PAGE.pass(object, said!(Pinned, cores_count, cpus, share))
            }
            // It may be less than a core.
            None => PAGE.not_run(object, said!(PinnedToUnknownCores, cpus, share)),
        };
        near.cite(cite_busiest(finding, process, |_| true, all))
    }
}

/// CPU time by place; the sentence that says why there is none.
fn weigh(process: &ServerProcess, near: &CpuSet, all: &CpuSet) -> Result<Time, Said> {
    let mut time = Time::default();
    for thread in &process.threads {
        let tid = || Arg::text(thread.tid.to_string());
        let untold = |why: Missing| words::NoTime { reason: why.into(), tid: tid() };
        let ticks = *thread.cpu_ticks.require().map_err(untold)?;
        time.total = time.total.saturating_add(ticks);
        let Some(mask) = thread.cpus_allowed.known() else {
            time.unknown = time.unknown.saturating_add(ticks);
            continue;
        };
        let mask = mask.intersection(all);
        if mask.is_subset(near) && !mask.is_empty() {
            time.near = time.near.saturating_add(ticks);
            continue;
        }
        if mask.intersection(near).is_empty() {
            time.far = time.far.saturating_add(ticks);
            continue;
        }
        time.open = time.open.saturating_add(ticks);
        match &thread.last_cpu {
            Fact::Known(cpu) if near.contains(*cpu) => {}
            Fact::Known(_) => time.open_seen_far = time.open_seen_far.saturating_add(ticks),
            Fact::Missing(_) => time.unknown = time.unknown.saturating_add(ticks),
        }
    }
    if time.total == 0 {
        return Err(words::Idle {}.into());
    }
    Ok(time)
}

/// Cites mask and place of the busiest thread of which `is_meant` holds.
fn cite_busiest(
    finding: Finding,
    process: &ServerProcess,
    is_meant: impl Fn(&Thread) -> bool,
    all: &CpuSet,
) -> Finding {
    let meant = process.threads.iter().filter(|thread| is_meant(thread));
    let busiest =
        meant.max_by_key(|thread| (thread.cpu_ticks.known().copied(), std::cmp::Reverse(thread.tid)));
    let Some(thread) = busiest else { return finding };
    let folder = format!("{}/task/{}", process.path, thread.tid);
    let mut finding = finding;
    if let Some(mask) = thread.cpus_allowed.known() {
        let value = format!("Cpus_allowed_list: {} (online: {})", mask, mask.intersection(all));
        finding = finding.with_evidence(Citation::new(format!("{folder}/status"), value));
    }
    if let (Some(cpu), Some(ticks)) = (thread.last_cpu.known(), thread.cpu_ticks.known()) {
        let value = format!("{}: last on CPU {cpu}, {ticks} ticks of CPU time", thread.comm);
        finding = finding.with_evidence(Citation::new(format!("{folder}/stat"), value));
    }
    finding
}
