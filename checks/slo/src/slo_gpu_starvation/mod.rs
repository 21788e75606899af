//! `slo.gpu-starvation`: GPUs are busy when requests are waiting.
//!
//! The server says how often requests waited, NVML how busy its GPUs were; both over a window of some seconds, not at the
//! same instant, which is why the confidence is not high. A thread that takes a whole CPU while GPUs have gaps is told
//! with or without the server's numbers.

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{GpuTime, InferenceServer, Role, ServerMetrics, ThreadTime, no_server};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Fact, Finding,
    Likelihood, Missing, Reference, Remediation, Severity, ThresholdBasis, WorkloadTrait,
};
use std::borrow::Cow::Borrowed;
use std::collections::BTreeSet;

static META: CheckMeta = CheckMeta {
    id: Borrowed("slo.gpu-starvation"),
    title: Borrowed("GPUs are busy when requests are waiting"),
    category: Category::ServiceLevel,
    severity: Severity::High,
    gate: false,
    top15_rank: Some(11),
    rationale: Borrowed(
        "Idle GPUs and a queue mean that the host is the bottleneck: the clearest sign that mending the \
         host will pay.",
    ),
    business: Borrowed("Customers queue while the expensive machine stands still."),
    needs: Borrowed(&[
        Borrowed("/measurements/server"),
        Borrowed("/window/gpus"),
        Borrowed("/window/threads"),
        Borrowed("/window/seconds"),
        Borrowed("/servers"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "Follow the findings about placement, interference and CPU performance; more API servers \
             (`--api-server-count 4` of vLLM); check tokeniser and CUDA graphs",
        ),
        persistent: Borrowed("Mend the causes, in the arguments of the unit"),
        rollback: Borrowed("The former arguments"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed("`DCGM_FI_PROF_SM_ACTIVE` and `vllm:num_requests_waiting` on one chart"),
        expected_effect: Borrowed(
            "See `cpu.cores-per-gpu` (time to first token 1.36 to 5.40 times shorter); eunomia.dev measured \
             -20.5 % from CPU noise.",
        ),
    },
    thresholds: Borrowed(&[
        WAITING.threshold(),
        BUSY.threshold(),
        STARVED.threshold(),
        HOT.threshold(),
        FULL.threshold(),
    ]),
    amplified_by: Borrowed(&[WorkloadTrait::LongPrompts]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Services on GPUs"),
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
            title: Borrowed(
                "vLLM issues #4806, #11320, #14538: CPU at 100% of one core while GPU is under-used",
            ),
            url: Borrowed("https://github.com/vllm-project/vllm/issues/4806"),
        },
        Reference {
            title: Borrowed(
                "Chung et al. 2026: Characterizing CPU-Induced Slowdowns in Multi-GPU LLM Inference \
                 (arXiv:2603.22774)",
            ),
            url: Borrowed("https://arxiv.org/abs/2603.22774"),
        },
        Reference {
            title: Borrowed(
                "Vellaisamy et al. ISPASS 2025: Characterizing and Optimizing LLM Inference on CPU-GPU \
                 Coupled Architectures (arXiv:2504.11750)",
            ),
            url: Borrowed("https://arxiv.org/abs/2504.11750"),
        },
    ]),
};

const WAITING: Limit<Percent> = Limit {
    name: "share of scrapes with waiting requests above which GPUs must be busy",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: below, a queue is chance",
    date: "2026-11-23",
    applies_to: "servers with metrics",
};

const BUSY: Limit<Percent> = Limit {
    name: "mean utilisation of a GPU below which there is a warning",
    value: Quantity::new(85.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal; vLLM issues report 60 to 75 % with a CPU at its limit",
    date: "2026-11-23",
    applies_to: "NVIDIA GPUs",
};

const STARVED: Limit<Percent> = Limit {
    name: "mean utilisation of a GPU below which it is a failure",
    value: Quantity::new(70.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal; vLLM issues report 60 to 75 % with a CPU at its limit",
    date: "2026-11-23",
    applies_to: "NVIDIA GPUs",
};

const HOT: Limit<Percent> = Limit {
    name: "share of a CPU that one thread takes above which there is a warning",
    value: Quantity::new(90.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "threads that schedule or take requests",
};

const FULL: Limit<Percent> = Limit {
    name: "share of a CPU that one thread takes from which it is a failure",
    value: Quantity::new(98.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: it can do no more",
    date: "2026-11-23",
    applies_to: "threads that schedule or take requests",
};

/// See the module.
pub struct SloGpuStarvation;

impl Check for SloGpuStarvation {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let gpus: Vec<GpuTime> = evidence.get("/window/gpus")?;
        let servers = evidence.servers()?;
        if servers.is_empty() {
            return Err(no_server());
        }
        let gpus = of_servers(servers, &gpus);
        let busy = utilization(&gpus)?;
        let mut findings =
            vec![waiting(evidence, &busy).unwrap_or_else(|missing| META.not_run("queue", missing.reason))];
        findings.push(
            hot_thread(evidence, servers, &busy)
                .unwrap_or_else(|missing| META.not_run("threads", missing.reason)),
        );
        Ok(findings)
    }
}

/// GPUs that servers use; all of them where that is not known.
fn of_servers<'a>(servers: &[InferenceServer], gpus: &'a [GpuTime]) -> Vec<&'a GpuTime> {
    let used: BTreeSet<&String> = servers
        .iter()
        .flat_map(|server| &server.processes)
        .filter_map(|process| process.gpus.known())
        .flatten()
        .collect();
    let of_servers: Vec<&GpuTime> = gpus.iter().filter(|gpu| used.contains(&gpu.address)).collect();
    if of_servers.is_empty() { gpus.iter().collect() } else { of_servers }
}

/// Mean utilisation of the least busy GPU.
struct Busy {
    percent: f64,
    citation: Citation,
}

fn utilization(gpus: &[&GpuTime]) -> Result<Busy, Missing> {
    let mut least: Option<Busy> = None;
    for gpu in gpus {
        let series = gpu.utilization_percent.require()?;
        if series.is_empty() {
            return Err(Missing::new(Absence::Failed, format!("GPU {} was not sampled", gpu.address)));
        }
        let percent = series.iter().map(|&percent| f64::from(percent)).sum::<f64>() / series.len() as f64;
        if least.as_ref().is_none_or(|least| percent < least.percent) {
            let text =
                format!("{}: utilisation {percent:.0} % on average of {} samples", gpu.address, series.len());
            least = Some(Busy { percent, citation: Citation::new("api/nvml-window.json", text) });
        }
    }
    least.ok_or_else(|| Missing::new(Absence::Absent, "no GPU was sampled"))
}

fn waiting(evidence: &Evidence<'_>, busy: &Busy) -> Result<Finding, Missing> {
    let metrics: Vec<ServerMetrics> = evidence.get("/measurements/server")?;
    let share = |metrics: &ServerMetrics| {
        let waiting = metrics.waiting.iter().filter(|waiting| **waiting > 0.0).count();
        100.0 * waiting as f64 / metrics.waiting.len().max(1) as f64
    };
    let scraped = metrics.iter().filter(|metrics| !metrics.waiting.is_empty());
    let most = scraped
        .max_by(|a, b| share(a).total_cmp(&share(b)))
        .ok_or_else(|| Missing::new(Absence::Skipped, "no server told how many requests wait"))?;
    if most.running.iter().all(|running| *running <= 0.0) && share(most) <= 0.0 {
        return Err(Missing::new(
            Absence::Skipped,
            "the server had no requests: collect while the service runs",
        ));
    }
    let queue = Citation::new(
        &most.path,
        format!("requests waited in {:.0} % of {} scrapes", share(most), most.waiting.len()),
    );
    let percent = Quantity::new(busy.percent);
    if !evidence.limit(&META, &WAITING).is_exceeded_by(Quantity::new(share(most))) {
        let message = "requests hardly wait";
        return Ok(META.pass("queue", message).with_confidence(Confidence::Medium).with_evidence(queue));
    }
    let finding = if evidence.limit(&META, &STARVED).is_undercut_by(percent) {
        META.fail("queue", "requests wait while a GPU is far from busy")
    } else if evidence.limit(&META, &BUSY).is_undercut_by(percent) {
        META.warn("queue", "requests wait while a GPU is not fully busy")
    } else {
        META.pass("queue", "requests wait for GPUs that are busy")
    };
    Ok(finding
        .with_likelihood(Likelihood::Mechanism)
        .with_confidence(Confidence::Medium)
        .with_evidence(queue)
        .with_evidence(busy.citation.clone()))
}

/// Share of a CPU that a thread took, in %; a kernel that does not count to the ns is no reason not to tell.
fn taken_percent(thread: &ThreadTime, seconds: f64) -> Result<f64, Missing> {
    match &thread.run_ns {
        Fact::Missing(missing) if missing.missing != Absence::Absent => Err(missing.clone()),
        _ => Ok(100.0 * thread.cpu_share(seconds)),
    }
}

/// The busiest thread of those that schedule or take requests.
fn hot_thread(evidence: &Evidence<'_>, servers: &[InferenceServer], busy: &Busy) -> Result<Finding, Missing> {
    let seconds: f64 = evidence.get("/window/seconds")?;
    let threads: Vec<ThreadTime> = evidence.get("/window/threads")?;
    if seconds <= 0.0 {
        return Err(Missing::new(Absence::Malformed, "the window has no length"));
    }
    let serves = |pid: u32| {
        servers.iter().flat_map(|server| &server.processes).any(|process| {
            process.pid == pid && matches!(process.role, Role::ApiServer | Role::EngineCore | Role::Whole)
        })
    };
    let mut busiest: Option<(f64, &ThreadTime)> = None;
    for thread in &threads {
        if thread.pid == 0 {
            return Err(Missing::new(Absence::Malformed, format!("thread {} has no process", thread.tid)));
        }
        if serves(thread.pid) {
            let taken = taken_percent(thread, seconds)?;
            if busiest.is_none_or(|(most, _)| taken > most) {
                busiest = Some((taken, thread));
            }
        }
    }
    let (taken, busiest) = busiest.ok_or_else(|| {
        Missing::new(Absence::Skipped, "no thread of a server that schedules or takes requests was seen")
    })?;
    let share = Quantity::new(taken);
    let citation = Citation::new(
        format!("/proc/{}/task/{}/stat", busiest.pid, busiest.tid),
        format!("{}: {:.0} % of a CPU during {seconds:.0} s", busiest.comm, share.number()),
    );
    let gaps = evidence.limit(&META, &BUSY).is_undercut_by(Quantity::new(busy.percent));
    let finding = if !evidence.limit(&META, &FULL).is_undercut_by(share) && gaps {
        META.fail("threads", "a thread of the server takes a whole CPU while a GPU has gaps")
    } else if evidence.limit(&META, &HOT).is_exceeded_by(share) {
        META.warn("threads", "a thread of the server takes nearly a whole CPU")
    } else {
        if busy.percent <= 0.0 {
            return Err(Missing::new(
                Absence::Skipped,
                "the GPUs did nothing: collect while the service runs",
            ));
        }
        META.pass("threads", "no thread of the server is near the limit of a CPU")
    };
    Ok(finding
        .with_likelihood(Likelihood::Mechanism)
        .with_confidence(Confidence::Medium)
        .with_evidence(citation)
        .with_evidence(busy.citation.clone()))
}
