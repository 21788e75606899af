//! `mem.shm`: shared memory is large enough for multi-GPU serving.
//!
//! By the size of `/dev/shm` as the processes of a server see it, which is what counts however it came about
//! (`--ipc=host`, `--shm-size`, an `emptyDir` of Kubernetes). The smallest among the processes that use GPUs
//! decides. How full it is cannot be told from the mount; the catalogue's limits on that are not applied.
//!
//! The catalogue leaves open what less than 1 GiB means: with one GPU it is told without risk, with more it warns,
//! and the 64 MiB that container runtimes give by default fail.

use plumb_check_sdk::limit::{Gibibytes, Limit, Quantity};
use plumb_check_sdk::model::{InferenceServer, ServerProcess, no_server};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Evidence, Fact, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait,
};
use std::borrow::Cow::Borrowed;

/// See the module.
pub struct MemShm;

const MANY_GPUS: Limit<Gibibytes> = Limit {
    name: "size of /dev/shm for a model on several GPUs",
    value: Quantity::new(4.0),
    basis: ThresholdBasis::Vendor,
    source: "Red Hat AI Inference Server: getting started (--shm-size=4GB)",
    date: "2026-11-23",
    applies_to: "models on two GPUs or more",
};
const ONE_GPU: Limit<Gibibytes> = Limit {
    name: "size of /dev/shm for a model on one GPU",
    value: Quantity::new(1.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal",
    date: "2026-11-23",
    applies_to: "models on one GPU",
};
const DEFAULT: Limit<Gibibytes> = Limit {
    name: "size of /dev/shm that container runtimes give by default",
    value: Quantity::new(0.0625),
    basis: ThresholdBasis::Vendor,
    source: "docker run reference: --shm-size defaults to 64 MB",
    date: "2026-11-23",
    applies_to: "containers",
};

static THRESHOLDS: [Threshold; 3] = [MANY_GPUS.threshold(), ONE_GPU.threshold(), DEFAULT.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("mem.shm"),
    title: Borrowed("Shared memory is large enough for multi-GPU serving"),
    category: Category::Memory,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Workers of one model and NCCL exchange data through shared memory. With the 64 MiB that containers \
         get by default they crash or fall back to slow paths.",
    ),
    business: Borrowed("The table on which the GPUs exchange notes is too small."),
    needs: Borrowed(&[Borrowed("/servers")]),
    remediation: Remediation {
        runtime: Borrowed(
            "start the container again with `--shm-size=16g` or `--ipc=host`; on bare metal `mount -o \
             remount,size=16G /dev/shm`",
        ),
        persistent: Borrowed(
            "Kubernetes: an `emptyDir` with `medium: Memory` mounted at `/dev/shm`; Compose: `shm_size`",
        ),
        rollback: Borrowed("the former size"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed("`df -h /dev/shm`, inside the container"),
        expected_effect: Borrowed("Stability. No published number."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[WorkloadTrait::TensorParallel]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Containers above all; on bare metal the default is half of the memory"),
    caveat: None,
    references: Borrowed(&[
        Reference {
            title: Borrowed("SGLang docs: Server Arguments"),
            url: Borrowed(
                "https://github.com/sgl-project/sglang/blob/main/docs/advanced_features/server_arguments.md",
            ),
        },
        Reference {
            title: Borrowed("Red Hat AI Inference Server: getting started (podman --shm-size=4GB)"),
            url: Borrowed(
                "https://docs.redhat.com/en/documentation/red_hat_ai_inference_server/3.2/html/getting_started/validating-benefits-with-key-metrics_getting-started",
            ),
        },
        Reference {
            title: Borrowed("NVIDIA NCCL User Guide: Troubleshooting (GPU Direct, PCI ACS, shared memory)"),
            url: Borrowed("https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/troubleshooting.html"),
        },
    ]),
};

impl Check for MemShm {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let servers = evidence.servers()?;
        if servers.is_empty() {
            return Ok(vec![META.not_run("node", no_server().reason)]);
        }
        Ok(servers
            .iter()
            .map(|server| {
                let subject = format!("server {} {}", server.kind, server.pid);
                judge(evidence, server, &subject).unwrap_or_else(|why| META.not_run(subject, why.to_string()))
            })
            .collect())
    }
}

const GIB: f64 = 1_073_741_824.0;

/// Number of GPUs that one replica is spread over.
fn gpus(server: &InferenceServer) -> Result<u32, Missing> {
    let stages = match &server.pipeline_parallel {
        Fact::Known(stages) => *stages,
        Fact::Missing(why) if why.missing == Absence::Absent => 1,
        Fact::Missing(why) => return Err(why.clone()),
    };
    Ok(server.tensor_parallel.require()?.saturating_mul(stages))
}

fn judge(evidence: &Evidence<'_>, server: &InferenceServer, subject: &str) -> Result<Finding, Missing> {
    let mut smallest: Option<(u64, &ServerProcess)> = None;
    for process in &server.processes {
        // A helper that has ended, or was not readable, does not decide.
        if process.gpus.known().is_some_and(Vec::is_empty) {
            continue;
        }
        let bytes = *process.shm.require()?;
        if smallest.is_none_or(|(least, _)| bytes < least) {
            smallest = Some((bytes, process));
        }
    }
    let Some((bytes, process)) = smallest else {
        return Ok(META.not_run(subject, "none of its processes is known to use a GPU"));
    };
    let size = Quantity::new(bytes as f64 / GIB);
    let below = |limit: &Limit<Gibibytes>| evidence.limit(&META, limit).is_undercut_by(size);
    let text =
        if bytes < 1 << 30 { format!("{} MiB", bytes >> 20) } else { format!("{:.1} GiB", size.number()) };
    let gpus = gpus(server)?;
    let message =
        format!("/dev/shm has {text}, for a model on {gpus} GPU{}", if gpus == 1 { "" } else { "s" });
    let is_default = !evidence.limit(&META, &DEFAULT).is_exceeded_by(size);
    let finding = match gpus {
        0 | 1 if below(&ONE_GPU) => META.info(subject, message),
        0 | 1 => META.pass(subject, message),
        _ if is_default => META.fail(subject, format!("{message}: the default of container runtimes")),
        _ if below(&MANY_GPUS) => META.warn(subject, message),
        _ => META.pass(subject, message),
    };
    let citation =
        Citation::new(format!("{}/mounts", process.path), format!("/dev/shm: {} kB", bytes / 1024));
    Ok(finding.with_likelihood(Likelihood::Setting).with_evidence(citation))
}
