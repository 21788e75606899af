//! `affinity.omp-threads`: pools of library threads are no larger than the CPUs that the process has.
//!
//! Threads of one process with the same name, digits at its end aside, are a pool: OpenMP, Rayon, Tokio and Python's
//! executors all name the threads of a pool alike, and threads that nobody names bear the name of the process. What a process has is its mask, and the tightest quota above it where
//! that is less. Whether the pools get in the way shows in the window only: in threads that want to run for each CPU, and
//! in how long the main threads of engine cores and workers wait. Without a window, or with an idle one, there is no pass.

use std::borrow::Cow::Borrowed;
use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Count, Limit, Quantity};
use plumb_check_sdk::model::{InferenceServer, ServerProcess};
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, CpuSet, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};

use crate::delay::{QUEUE_DELAY, longest_delay};
use crate::place::{Load, cite_mask, no_server, quota, server_name};

/// See the module.
pub struct AffinityOmpThreads;

const RUNNABLE: Limit<Count> = Limit {
    name: "threads that want to run for each usable CPU",
    value: Quantity::new(1.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: above it somebody always waits",
    date: "2026-11-23",
    applies_to: "inference servers under load",
};

const IDLE: Limit<Count> = Limit {
    name: "CPUs that a server under load keeps busy",
    value: Quantity::new(0.5),
    basis: ThresholdBasis::Expert,
    source: "our proposal: the scheduler of a serving engine spins on one core as long as requests run",
    date: "2026-11-23",
    applies_to: "inference servers",
};

/// Variables that size the pools of the libraries in question.
const VARIABLES: [&str; 3] = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"];

static THRESHOLDS: [Threshold; 3] = [RUNNABLE.threshold(), IDLE.threshold(), QUEUE_DELAY.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("affinity.omp-threads"),
    title: Borrowed("Library thread pools fit the cores available"),
    category: Category::Placement,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Pools that libraries size by the whole host, not by the container, put more threads on the \
             scheduler's cores than these can run.",
    ),
    business: Borrowed(
        "A helper library starts one worker per core of the whole machine, although it was given eight.",
    ),
    needs: Borrowed(&[
        Borrowed("/cpu/online"),
        Borrowed("/servers"),
        Borrowed("/window/seconds"),
        Borrowed("/window/threads"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "Restart with `OMP_NUM_THREADS=4 RAYON_NUM_THREADS=8` (to begin with: usable cores divided by GPU \
             workers, at most 8)",
        ),
        persistent: Borrowed("`Environment=` in the unit, or the environment of the pod"),
        rollback: Borrowed("Take the variables out again"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed(
            "`ls /proc/PID/task | wc -l`; the second number of `/proc/PID/task/TID/schedstat` is the time \
             waited in ns",
        ),
        expected_effect: Borrowed("No published number for serving on GPUs."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::LongPrompts]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Bare metal, virtual machines, containers (worst in containers with few CPUs)"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed(
                "Chung et al. 2026: Characterizing CPU-Induced Slowdowns in Multi-GPU LLM Inference \
             (arXiv:2603.22774)",
            ),
            url: Borrowed("https://arxiv.org/abs/2603.22774"),
        },
        Reference {
            title: Borrowed(
                "vLLM docs: Optimization and Tuning, section 'CPU Resources for GPU Deployments'",
            ),
            url: Borrowed(
                "https://docs.vllm.ai/en/stable/configuration/optimization/#cpu-resources-for-gpu-deployments",
            ),
        },
    ]),
};

impl Check for AffinityOmpThreads {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let servers = evidence.servers()?;
        if servers.is_empty() {
            return Ok(vec![no_server(&META)]);
        }
        let judge = Judge {
            online: evidence.get("/cpu/online")?,
            load: Load::read(evidence),
            runnable: evidence.limit(&META, &RUNNABLE),
            idle: evidence.limit(&META, &IDLE),
            delay: evidence.limit(&META, &QUEUE_DELAY),
        };
        Ok(servers.iter().map(|server| judge.judge(server)).collect())
    }
}

struct Judge {
    online: CpuSet,
    load: Result<Load, Missing>,
    runnable: Limit<Count>,
    idle: Limit<Count>,
    delay: Limit<plumb_check_sdk::limit::Percent>,
}

/// A pool that is larger than what its process has.
struct Pool<'a> {
    process: &'a ServerProcess,
    name: String,
    size: usize,
    usable: f64,
    cpus: CpuSet,
}

impl Judge {
    fn judge(&self, server: &InferenceServer) -> Finding {
        let subject = server_name(server);
        let mut usable_of_server = CpuSet::new();
        let mut limit_of_server = f64::INFINITY;
        let mut largest: Option<Pool<'_>> = None;
        let mut unknown: Option<Missing> = None;
        for process in &server.processes {
            let mask = process.mask(&self.online);
            unknown = unknown.or(mask.unknown);
            usable_of_server = usable_of_server.union(&mask.cpus);
            let quota = match process.cgroup.require().and_then(quota) {
                Ok(quota) => quota.map_or(f64::INFINITY, |(quota, _)| quota),
                Err(missing) => {
                    unknown = unknown.or(Some(missing));
                    f64::INFINITY
                }
            };
            limit_of_server = limit_of_server.min(quota);
            let usable = quota.min(mask.cpus.len() as f64);
            let Some((name, size)) = pools(process).into_iter().max_by_key(|(_, size)| *size) else {
                continue;
            };
            let exceeds = size as f64 > usable && !mask.cpus.is_empty();
            if exceeds && largest.as_ref().is_none_or(|seen| size > seen.size) {
                largest = Some(Pool { process, name, size, usable, cpus: mask.cpus });
            }
        }
        let load = match &self.load {
            Ok(load) => load,
            Err(missing) => return META.not_run(subject, missing.to_string()),
        };
        let usable = limit_of_server.min(usable_of_server.len() as f64);
        if let Some(missing) = unknown {
            return META.not_run(subject, missing.to_string());
        }
        let threads = || server.processes.iter().flat_map(|process| load.of(process.pid));
        let waits: Option<Vec<f64>> = threads().map(|thread| load.delay_percent(thread)).collect();
        let (Some(waits), Some((delay, of_delay))) = (waits, longest_delay(load, server)) else {
            return META.not_run(subject, "how long its threads waited for a CPU is not known");
        };
        let busy: f64 = threads().map(|thread| load.busy_percent(thread)).sum::<f64>() / 100.0;
        let runnable: Quantity<Count> =
            Quantity::new((busy + waits.iter().sum::<f64>() / 100.0) / usable.max(f64::MIN_POSITIVE));
        let waited =
            format!("its critical threads waited up to {:.2} % of the time for a CPU", delay.number());
        if let Some(pool) = largest {
            let cause = cause(server);
            let message = format!(
                "process {} has a pool of {} threads (`{}`) for {:.1} usable CPUs, {cause}; {waited}",
                pool.process.pid, pool.size, pool.name, pool.usable
            );
            let delayed = !self.delay.is_undercut_by(delay);
            let finding = if delayed {
                META.fail(subject, message).with_likelihood(Likelihood::Mechanism)
            } else {
                META.warn(subject, message).with_likelihood(Likelihood::Setting)
            };
            let size = format!("{} threads named `{}`", pool.size, pool.name);
            return finding
                .with_evidence(Citation::new(format!("{}/task", pool.process.path), size))
                .with_evidence(cite_mask(pool.process, &pool.cpus))
                .with_evidence(of_delay);
        }
        let wants = format!("{:.2} threads want to run for each of its {usable:.1} CPUs", runnable.number());
        if self.runnable.is_exceeded_by(runnable) {
            return META
                .warn(subject, format!("no pool is larger than its CPUs, yet {wants}; {waited}"))
                .with_likelihood(Likelihood::Mechanism)
                .with_evidence(of_delay);
        }
        if self.idle.is_undercut_by(Quantity::new(busy)) {
            let message =
                format!("it kept only {busy:.2} CPUs busy in the window: collect while the service runs");
            return META.not_run(subject, message);
        }
        META.pass(subject, format!("no pool is larger than its CPUs; {wants}; {waited}"))
            .with_evidence(of_delay)
    }
}

/// Number of threads by name without the digits at its end, the main thread aside.
fn pools(process: &ServerProcess) -> BTreeMap<String, usize> {
    let mut pools = BTreeMap::new();
    for thread in process.threads.iter().filter(|thread| thread.tid != process.pid) {
        let name =
            thread.comm.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | '#' | ':'));
        *pools.entry(name.to_owned()).or_default() += 1;
    }
    pools
}

/// Whether the variables that size pools are set, as far as the environment is known.
fn cause(server: &InferenceServer) -> String {
    let environments: Vec<_> =
        server.processes.iter().filter_map(|process| process.environment.known()).collect();
    if environments.is_empty() {
        return "and whether a variable limits it is not known".to_owned();
    }
    let is_set =
        |variable: &&&str| environments.iter().any(|environment| environment.contains_key(**variable));
    let set: Vec<String> = VARIABLES.iter().filter(is_set).map(|variable| format!("`{variable}`")).collect();
    if set.is_empty() {
        "with no variable that limits it".to_owned()
    } else {
        format!("despite {}", set.join(", "))
    }
}
