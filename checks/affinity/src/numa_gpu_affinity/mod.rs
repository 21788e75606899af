//! `numa.gpu-affinity`: the threads of a GPU worker run near its GPU.
//!
//! A worker is a process of an inference server that uses a GPU; whatever uses one counts as a server. Its threads are judged against the CPUs that are near to any of its GPUs: those
//! of the GPU's NUMA node, or of that node's socket, since the catalogue accepts both. A GPU whose node nobody tells makes
//! the worker unanswerable; the kernel then calls all CPUs local, which would pass whatever the mask is.
//!
//! A thread is *near* if its mask holds near CPUs only, *far* if it holds none, *open* if it holds both. Threads weigh by
//! their CPU time, as a worker has hundreds of threads of which most sleep. Far threads above the limit are a hard
//! mis-pin. Open threads are judged by the CPU that they last ran on; this is one look at one moment, so the confidence is
//! medium. Where that is unknown for so much CPU time that it could decide, the worker is `not-run`.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{ServerProcess, Thread};
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Confidence, CpuSet, Evidence, Fact, Finding,
    Likelihood, Missing, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis,
};

use crate::place::{Machine, Near, no_server, process_name, unknown_users, workers};

/// See the module.
pub struct NumaGpuAffinity;

const REMOTE_TIME: Limit<Percent> = Limit {
    name: "share of a worker's CPU time away from its GPUs",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: one helper thread in twenty may stray before we call the worker misplaced",
    date: "2026-11-23",
    applies_to: "hosts with two or more NUMA nodes that have CPUs",
};

static THRESHOLDS: [Threshold; 1] = [REMOTE_TIME.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("numa.gpu-affinity"),
    title: Borrowed("GPU workers run on CPUs local to their GPU"),
    category: Category::Placement,
    severity: Severity::High,
    gate: false,
    top15_rank: Some(7),
    rationale: Borrowed(
        "Launches, copies and control messages of a worker on the far socket cross the link between the sockets. It \
         shows first in p95 and p99 and in the variance from run to run.",
    ),
    business: Borrowed(
        "Each GPU has a near half and a far half of the server. A helper program that works from the far half takes a \
         detour with every instruction.",
    ),
    needs: Borrowed(&[
        Borrowed("/cpu"),
        Borrowed("/gpus"),
        Borrowed("/numa"),
        Borrowed("/possible_workers"),
        Borrowed("/servers"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "vLLM: add `--numa-bind` (or `--numa-bind-nodes 0 0 1 1`); SGLang: `--numa-node 0 0 1 1` or \
             `SGLANG_AUTO_NUMA_BIND=1`; TensorRT-LLM: `TLLM_NUMA_AWARE_WORKER_AFFINITY=1`; anything on one socket: \
             `numactl --cpunodebind=0 --membind=0 COMMAND`; for a test on a running process: `taskset -acp CPUS PID`",
        ),
        persistent: Borrowed(
            "Put the flag or `numactl` into `ExecStart` of the unit, or use systemd's `CPUAffinity=` and `NUMAPolicy=`",
        ),
        rollback: Borrowed("Remove the flag; `taskset -acp 0-$(($(nproc --all)-1)) PID`"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed(
            "`for t in /proc/PID/task/*; do grep Cpus_allowed_list $t/status; done | sort | uniq -c`; `numastat -p PID`; \
             then repeat the load test",
        ),
        expected_effect: Borrowed(
            "PyTorch: typically 1-10 % overall, sometimes much more or none. vLLM on 4x GB200 with CPU offload: about \
             1.5x against every other mapping. V100 with tensor parallelism 4: locality 72.6 % to 98.2 %, decode \
             +1.9 %; the same author saw no gain in his other tests. NVIDIA srt-slurm: aggregated mode does not \
             benefit, disaggregated does.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[Question { id: Borrowed("placement"), decides: true }]),
    positions: Borrowed(&[Borrowed("engine-binding")]),
    applicability: Borrowed(
        "Bare metal; virtual machines with vNUMA; containers; hosts with two or more NUMA nodes that have CPUs; NVIDIA \
         and AMD GPUs",
    ),
    caveat: Some(Borrowed(
        "A wrong pin is worse than none: TensorRT-LLM PR #9549 reports a disaggregated test at 691.9 s with the new \
         default affinity and 390.8 s without. Always measure again, and always keep enough cores per worker.",
    )),
    references: Borrowed(&[
        Reference {
            title: Borrowed("PyTorch docs: torch.distributed elastic NUMA Binding"),
            url: Borrowed("https://docs.pytorch.org/docs/main/elastic/numa.html"),
        },
        Reference {
            title: Borrowed("vLLM PR #38635: NUMA binding support for GPU workers"),
            url: Borrowed("https://github.com/vllm-project/vllm/pull/38635"),
        },
        Reference {
            title: Borrowed("vLLM PR #30492: manual NUMA binding, with GB200 benchmark"),
            url: Borrowed("https://github.com/vllm-project/vllm/pull/30492"),
        },
        Reference {
            title: Borrowed("1Cat-vLLM issue #678: NUMA binding on Dell C4140, 4x V100"),
            url: Borrowed("https://github.com/1CatAI/1Cat-vLLM/issues/678"),
        },
        Reference {
            title: Borrowed("TensorRT-LLM docs: CPU Affinity configuration"),
            url: Borrowed(
                "https://github.com/NVIDIA/TensorRT-LLM/blob/main/docs/source/deployment-guide/configuring-cpu-affinity.md",
            ),
        },
        Reference {
            title: Borrowed("TensorRT-LLM PR #9549: fix dist-serving perf by clearing CPU affinity"),
            url: Borrowed("https://github.com/NVIDIA/TensorRT-LLM/pull/9549"),
        },
        Reference {
            title: Borrowed("NVIDIA srt-slurm PR #248: numactl prefix for GB200/GB300 disaggregated workers"),
            url: Borrowed("https://github.com/NVIDIA/srt-slurm/pull/248"),
        },
        Reference {
            title: Borrowed("NVIDIA Run:ai: Configuring NUMA-Aware Scheduling"),
            url: Borrowed(
                "https://docs.nvidia.com/run-ai/self-hosted/documentation/platform-management/manage-ai-initiatives/resources/numa-aware-scheduling",
            ),
        },
        Reference {
            title: Borrowed("SGLang PR #15678: auto bind NUMA node"),
            url: Borrowed("https://github.com/sgl-project/sglang/pull/15678"),
        },
    ]),
};

impl Check for NumaGpuAffinity {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let gpus = evidence.gpus()?;
        if gpus.is_empty() {
            return Ok(vec![META.not_applicable("node", "no GPU was found")]);
        }
        let numa = evidence.numa()?;
        if numa.nodes.iter().filter(|node| !node.cpus.is_empty()).count() < 2 {
            return Ok(vec![META.not_applicable("node", "all CPUs are in one NUMA node")]);
        }
        let servers = evidence.servers()?;
        let judge = Judge {
            machine: Machine { gpus, numa, cpu: evidence.cpu().ok() },
            limit: evidence.limit(&META, &REMOTE_TIME),
        };
        let unknown = unknown_users(&META, evidence, servers);
        let workers = workers(servers);
        if workers.is_empty() && unknown.is_none() {
            return Ok(vec![no_server(&META)]);
        }
        let mut findings: Vec<Finding> =
            workers.into_iter().map(|(_, process, gpus)| judge.judge(process, gpus)).collect();
        findings.extend(unknown);
        Ok(findings)
    }
}

/// The parts of the evidence that all workers are judged by.
struct Judge<'a> {
    machine: Machine<'a>,
    limit: Limit<Percent>,
}

/// CPU time of a worker's threads in clock ticks, by where their masks let them run.
#[derive(Default)]
struct Time {
    total: u64,
    far: u64,
    open: u64,
    /// Of `open`: last seen on a far CPU.
    open_seen_far: u64,
    /// Of threads whose mask, or last CPU where it matters, is unknown.
    unknown: u64,
}

impl Judge<'_> {
    fn judge(&self, process: &ServerProcess, addresses: &[String]) -> Finding {
        let subject = format!("{} on GPU {}", process_name(process), addresses.join(", "));
        let near = match self.machine.near(addresses) {
            Ok(near) => near,
            Err(reason) => return META.not_run(subject, reason),
        };
        let all = self.machine.numa.all_cpus();
        if all.is_subset(&near.cpus) {
            let message =
                "its GPUs are spread over all sockets or nodes, so that no CPU is far from all of them";
            return near.cite(META.info(subject, message));
        }
        let time = match self.weigh(process, &near.cpus, &all) {
            Ok(time) => time,
            Err(reason) => return META.not_run(subject, reason),
        };
        self.verdict(process, subject, &near, &all, &time)
    }

    fn verdict(
        &self,
        process: &ServerProcess,
        subject: String,
        near: &Near,
        all: &CpuSet,
        time: &Time,
    ) -> Finding {
        let percent = |ticks: u64| Quantity::new(100.0 * ticks as f64 / time.total as f64);
        let exceeds = |ticks: u64| self.limit.is_exceeded_by(percent(ticks));
        let near_text = format!("CPUs {} of node {}", near.cpus, near.nodes);

        if exceeds(time.far) {
            let message = format!(
                "pinned to the wrong place: threads with {:.0} % of its CPU time may run on none of the {near_text}",
                percent(time.far).number()
            );
            let finding = META.fail(subject, message).with_severity(Severity::Critical);
            let finding = finding.with_likelihood(Likelihood::Mechanism);
            let is_far = |thread: &Thread| {
                thread
                    .cpus_allowed
                    .known()
                    .is_some_and(|mask| mask.intersection(all).intersection(&near.cpus).is_empty())
            };
            return near.cite(cite_busiest(finding, process, is_far, all));
        }
        let away = time.far.saturating_add(time.open_seen_far);
        if exceeds(away) {
            let message = format!(
                "not pinned, and threads with {:.0} % of its CPU time were last seen away from the {near_text}",
                percent(away).number()
            );
            let finding = META
                .fail(subject, message)
                .with_likelihood(Likelihood::Mechanism)
                .with_confidence(Confidence::Medium);
            let seen_far =
                |thread: &Thread| thread.last_cpu.known().is_some_and(|&cpu| !near.cpus.contains(cpu));
            return near.cite(cite_busiest(finding, process, seen_far, all));
        }
        if exceeds(away.saturating_add(time.unknown)) {
            let message = format!(
                "mask or place is unknown for threads with {:.0} % of its CPU time",
                percent(time.unknown).number()
            );
            return near.cite(META.not_run(subject, message));
        }
        if time.open > 0 {
            let message = format!(
                "not pinned to the {near_text}, though it was seen to stay there for {:.0} % of its CPU time",
                percent(time.total.saturating_sub(away).saturating_sub(time.unknown)).number()
            );
            let finding = META
                .warn(subject, message)
                .with_likelihood(Likelihood::Setting)
                .with_confidence(Confidence::Medium);
            let is_open = |thread: &Thread| {
                thread.cpus_allowed.known().is_some_and(|mask| !mask.intersection(all).is_subset(&near.cpus))
            };
            return near.cite(cite_busiest(finding, process, is_open, all));
        }
        self.verdict_of_pinned(process, subject, near, all, &near_text)
    }

    /// All busy threads are near: enough of the mask must be left to run on.
    fn verdict_of_pinned(
        &self,
        process: &ServerProcess,
        subject: String,
        near: &Near,
        all: &CpuSet,
        near_text: &str,
    ) -> Finding {
        let mask = process
            .threads
            .iter()
            .filter_map(|thread| thread.cpus_allowed.known())
            .fold(CpuSet::new(), |union, mask| union.union(&mask.intersection(all)));
        let finding = match self.machine.cpu.map(|cpu| cpu.whole_cores(&mask)) {
            Some(0) => META
                .warn(subject, format!("pinned near its GPU, but CPUs {mask} hold no whole physical core"))
                .with_likelihood(Likelihood::Setting),
            Some(cores) => META.pass(
                subject,
                format!("pinned to CPUs {mask} ({cores} whole cores), all among the {near_text}"),
            ),
            None => META
                .pass(subject, format!("pinned to CPUs {mask}, all among the {near_text}"))
                .with_confidence(Confidence::Medium),
        };
        near.cite(cite_busiest(finding, process, |_| true, all))
    }

    fn weigh(&self, process: &ServerProcess, near: &CpuSet, all: &CpuSet) -> Result<Time, String> {
        let mut time = Time::default();
        for thread in &process.threads {
            let ticks = match &thread.cpu_ticks {
                Fact::Known(ticks) => *ticks,
                Fact::Missing(missing) => {
                    return Err(format!("CPU time of thread {}: {missing}", thread.tid));
                }
            };
            time.total = time.total.saturating_add(ticks);
            let Some(mask) = thread.cpus_allowed.known() else {
                time.unknown = time.unknown.saturating_add(ticks);
                continue;
            };
            let mask = mask.intersection(all);
            if mask.is_subset(near) && !mask.is_empty() {
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
            return Err("its threads have used no CPU time: collect under load".to_owned());
        }
        Ok(time)
    }
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
