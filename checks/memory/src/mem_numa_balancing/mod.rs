//! `mem.numa-balancing`: automatic NUMA balancing fits the pinning state.
//!
//! A worker counts as pinned where each thread that has used CPU time may run on CPUs of one NUMA node only. Sources
//! differ on whether the feature should be on; what decides is whether the workers need it: unpinned ones do, pinned
//! ones pay for it. Rates of its page faults and migrations are those of the whole node, as the kernel counts them
//! no finer.

use plumb_check_sdk::limit::{Limit, PerSecond, Quantity};
use plumb_check_sdk::model::{InferenceServer, Numa, Role, ServerProcess};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, CpuSet, Evidence, Finding, Likelihood,
    Missing, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};
use std::borrow::Cow::Borrowed;

use crate::counters::Counters;

const PATH: &str = "/proc/sys/kernel/numa_balancing";

/// See the module.
pub struct MemNumaBalancing;

const FAULTS: Limit<PerSecond> = Limit {
    name: "rate of page faults of NUMA balancing",
    value: Quantity::new(1000.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: at a microsecond or more each, a thousandth of one CPU, spread over the threads \
             that wait",
    date: "2026-11-23",
    applies_to: "pinned workers under load",
};
const MIGRATIONS: Limit<PerSecond> = Limit {
    name: "rate of pages that NUMA balancing moves",
    value: Quantity::new(100.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "pinned workers under load",
};

static THRESHOLDS: [Threshold; 2] = [FAULTS.threshold(), MIGRATIONS.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("mem.numa-balancing"),
    title: Borrowed("Automatic NUMA balancing fits the pinning state"),
    category: Category::Memory,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Its page faults stop threads and can fight explicit placement; the ROCm documentation warns that a \
         GPU may hang until a round of balancing is done.",
    ),
    business: Borrowed(
        "An automatic helper keeps moving the furniture although it already stands in the right place.",
    ),
    needs: Borrowed(&[
        Borrowed("/sysctl/kernel.numa_balancing"),
        Borrowed("/numa"),
        Borrowed("/servers"),
        Borrowed("/window"),
    ]),
    remediation: Remediation {
        runtime: Borrowed("`sysctl -w kernel.numa_balancing=0`, after pinning and not before"),
        persistent: Borrowed(
            "`echo kernel.numa_balancing=0 > /etc/sysctl.d/90-inference.conf`, or the kernel argument \
             `numa_balancing=disable`",
        ),
        rollback: Borrowed("`sysctl -w kernel.numa_balancing=1`"),
        change: ChangeKind::Runtime,
        verification: Borrowed(
            "`cat /proc/sys/kernel/numa_balancing`; `grep -E 'numa_(hint_faults|pages_migrated)' \
             /proc/vmstat`, twice",
        ),
        expected_effect: Borrowed(
            "Hugging Face shows greatly increased performance of TGI with Llama 70B on MI250 when it is off \
             (a figure without numbers). There is no published number for NVIDIA GPUs.",
        ),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::Offload]),
    questions: Borrowed(&[Question { id: Borrowed("placement"), decides: false }]),
    positions: Borrowed(&[Borrowed("numa-balancing")]),
    applicability: Borrowed(
        "Bare metal; virtual machines with vNUMA; hosts with two or more NUMA nodes that have memory; in a \
         container, the host is what counts",
    ),
    caveat: Some(Borrowed("AMD says to test both ways: some workloads get worse without it.")),
    references: Borrowed(&[
        Reference {
            title: Borrowed(
                "AMD Instinct MI300X system optimization (EPYC 9004 BIOS, C-states, NUMA balancing, \
                 iommu=pt)",
            ),
            url: Borrowed(
                "https://github.com/ROCm/amdgpu-docs/blob/develop/docs/system-optimization/mi300x.rst",
            ),
        },
        Reference {
            title: Borrowed("ROCm docs: vLLM inference performance testing (disable NUMA auto-balancing)"),
            url: Borrowed(
                "https://rocm.docs.amd.com/en/docs-6.2.0/how-to/performance-validation/mi300x/vllm-benchmark.html",
            ),
        },
        Reference {
            title: Borrowed("NVIDIA Grace CPU Benchmarking Guide: Platform Configuration"),
            url: Borrowed("https://nvidia.github.io/grace-cpu-benchmarking-guide/platform/index.html"),
        },
        Reference {
            title: Borrowed(
                "Azure HPC images (azhpc-images): hpc-tuning.sh, install_rccl.sh, persistence service",
            ),
            url: Borrowed("https://github.com/Azure/azhpc-images"),
        },
        Reference {
            title: Borrowed("TuneD profiles in source (redhat-performance/tuned)"),
            url: Borrowed("https://github.com/redhat-performance/tuned/tree/master/profiles"),
        },
        Reference {
            title: Borrowed("Intel PerfSpect (HEAD c399daa): report insights in cmd/report/report_tables.go"),
            url: Borrowed("https://github.com/intel/PerfSpect"),
        },
        Reference {
            title: Borrowed(
                "SUSE: System Analysis and Tuning Guide, Part IV Resource management (NUMA balancing, power)",
            ),
            url: Borrowed(
                "https://documentation.suse.com/sled/15-SP6/html/SLED-all/part-tuning-resources.html",
            ),
        },
        Reference {
            title: Borrowed("Hugging Face Optimum-AMD: GPU connectivity and NUMA nodes"),
            url: Borrowed("https://huggingface.co/docs/optimum/amd/amdgpu/perf_hardware"),
        },
        Reference {
            title: Borrowed("Linux kernel: /proc/sys/kernel (numa_balancing, sched_*, watchdogs)"),
            url: Borrowed("https://docs.kernel.org/admin-guide/sysctl/kernel.html"),
        },
    ]),
};

impl Check for MemNumaBalancing {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let numa = evidence.numa()?;
        if numa.with_memory().count() < 2 {
            return Ok(vec![META.not_applicable("node", "all memory is in one NUMA node")]);
        }
        let text = evidence.sysctl("kernel.numa_balancing")?;
        // 1 is balancing, 2 moves pages between fast and slow memory, and the two add up.
        let mode: u32 = text
            .trim()
            .parse()
            .map_err(|_| Missing::new(Absence::Malformed, format!("{PATH} holds `{text}`")))?;
        let workers = workers(evidence.servers()?);
        if workers.is_empty() {
            let message = "no process of an inference server that launches work on GPUs was found: collect \
                           while the service runs";
            return Ok(vec![META.not_run("node", message)]);
        }
        let setting = Citation::new(PATH, text.trim());
        let mut findings = Vec::new();
        let (mut pinned, mut free) = (Vec::new(), Vec::new());
        for worker in workers {
            match is_pinned(worker, numa) {
                Ok(true) => pinned.push(worker),
                Ok(false) => free.push(worker),
                Err(why) => findings.push(META.not_run(subject("", &[worker]), why.to_string())),
            }
        }
        if !pinned.is_empty() {
            let subject = subject("pinned ", &pinned);
            findings.extend(judge_pinned(evidence, mode, subject, cite_masks(setting.clone(), &pinned)));
        }
        if !free.is_empty() {
            let subject = subject("unpinned ", &free);
            let finding = if mode == 0 {
                META.warn(
                    subject,
                    "balancing is off and they are not pinned, so nothing brings memory near to them",
                )
                .with_likelihood(Likelihood::Setting)
            } else {
                META.pass(subject, "balancing is on, and they are not pinned")
            };
            findings.push(cite_masks(setting, &free).into_iter().fold(finding, Finding::with_evidence));
        }
        Ok(findings)
    }
}

/// Processes that schedule or launch work on GPUs.
fn workers(servers: &[InferenceServer]) -> Vec<&ServerProcess> {
    let does = |process: &&ServerProcess| {
        matches!(process.role, Role::EngineCore | Role::GpuWorker | Role::Whole)
            || process.gpus.known().is_some_and(|gpus| !gpus.is_empty())
    };
    servers.iter().flat_map(|server| &server.processes).filter(does).collect()
}

fn subject(kind: &str, workers: &[&ServerProcess]) -> String {
    let pids: Vec<String> = workers.iter().map(|worker| worker.pid.to_string()).collect();
    format!("{kind}processes {}", pids.join(", "))
}

/// CPUs that the busy threads of a worker may run on, together.
fn mask(worker: &ServerProcess) -> Result<CpuSet, Missing> {
    let mut all = CpuSet::new();
    for thread in &worker.threads {
        if *thread.cpu_ticks.require()? > 0 {
            all = all.union(thread.cpus_allowed.require()?);
        }
    }
    if all.is_empty() {
        let reason = format!("no thread of process {} has used CPU time", worker.pid);
        return Err(Missing::new(Absence::Skipped, reason));
    }
    Ok(all)
}

fn is_pinned(worker: &ServerProcess, numa: &Numa) -> Result<bool, Missing> {
    let online = numa.nodes.iter().fold(CpuSet::new(), |all, node| all.union(&node.cpus));
    let mask = mask(worker)?.intersection(&online);
    Ok(!mask.is_empty() && numa.nodes.iter().any(|node| mask.is_subset(&node.cpus)))
}

fn cite_masks(setting: Citation, workers: &[&ServerProcess]) -> Vec<Citation> {
    let of = |worker: &&ServerProcess| {
        let mask = mask(worker).map_or_else(|_| String::new(), |mask| mask.to_string());
        Citation::new(
            format!("{}/status", worker.path),
            format!("Cpus_allowed_list of its busy threads: {mask}"),
        )
    };
    std::iter::once(setting).chain(workers.iter().take(4).map(of)).collect()
}

fn judge_pinned(
    evidence: &Evidence<'_>,
    mode: u32,
    subject: String,
    citations: Vec<Citation>,
) -> Vec<Finding> {
    let cite = |finding: Finding| citations.iter().cloned().fold(finding, Finding::with_evidence);
    if mode == 0 {
        return vec![cite(META.pass(subject, "balancing is off, and they are pinned to one NUMA node each"))];
    }
    let on = "balancing is on although they are pinned, which costs page faults and gains nothing";
    let setting = cite(META.warn(subject.clone(), on).with_likelihood(Likelihood::Setting));
    let rates = Counters::of(evidence).and_then(|counters| {
        Ok((counters.rate("numa_hint_faults")?, counters.rate("numa_pages_migrated")?, counters))
    });
    match rates {
        Err(why) => vec![setting, META.not_run("page faults of balancing", why.to_string())],
        Ok((faults, moved, counters)) => {
            let many = evidence.limit(&META, &FAULTS).is_exceeded_by(Quantity::new(faults))
                || evidence.limit(&META, &MIGRATIONS).is_exceeded_by(Quantity::new(moved));
            if many {
                let message = format!(
                    "{on}: {faults:.0} page faults and {moved:.0} page migrations a second on this node"
                );
                let finding = cite(META.fail(subject, message)).with_likelihood(Likelihood::Mechanism);
                let finding = finding.with_evidence(counters.cite("numa_hint_faults"));
                return vec![finding.with_evidence(counters.cite("numa_pages_migrated"))];
            }
            let seen = match counters.under_load() {
                Ok(_) => META.info(
                    "page faults of balancing",
                    format!("{faults:.0} page faults a second under load, few"),
                ),
                Err(why) => META.not_run("page faults of balancing", why.to_string()),
            };
            vec![setting, seen.with_evidence(counters.cite("numa_hint_faults"))]
        }
    }
}
