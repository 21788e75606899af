//! `ctr.cpu-limit`: CPU limits are set with intent.
//!
//! The quota is the tightest of all control groups above the server. It is compared with the number of processes that want a
//! CPU at once: API servers, one engine core per replica, one worker per GPU, and a coordinator where there are several
//! replicas (vLLM's formula; for other engines an estimate). A quota that is no whole number, or smaller than the CPUs that the
//! server may run on, is used up before its period ends as soon as that many threads run at once.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::limit::{Count, Limit, Quantity};
use plumb_check_sdk::model::InferenceServer;
use plumb_check_sdk::{
    Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Finding, Likelihood, Missing,
    Reference, Remediation, Severity, Threshold, ThresholdBasis,
};

use crate::server::{Cpuset, Quota, contained, effective, gpus_of, main_process, quota};

/// See the module.
pub struct CtrCpuLimit;

const HEADROOM: Limit<Count> = Limit {
    name: "quota as a multiple of the processes that want a CPU at once",
    value: Quantity::new(1.25),
    basis: ThresholdBasis::Expert,
    source: "our proposal: a quarter more than the minimum that vLLM documents",
    date: "2026-11-23",
    applies_to: "inference servers in containers",
};

static THRESHOLDS: [Threshold; 1] = [HEADROOM.threshold()];

static META: CheckMeta = CheckMeta {
    id: Borrowed("ctr.cpu-limit"),
    title: Borrowed("CPU limits are set with intent"),
    category: Category::Platform,
    severity: Severity::High,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "An engine that polls keeps its threads busy. A quota below what they use stops all of them for \
         the rest of the period, sooner or later.",
    ),
    business: Borrowed("The contract gives the service fewer processors than it needs to start."),
    needs: Borrowed(&[Borrowed("/servers")]),
    remediation: Remediation {
        runtime: Borrowed(
            "`docker update --cpus N NAME`; `kubectl set resources deployment/NAME --limits=cpu=N \
             --requests=cpu=N`",
        ),
        persistent: Borrowed(
            "The same numbers in the manifest or compose file; better no limit and a reserved set of CPUs",
        ),
        rollback: Borrowed("The former manifest"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed("`cat /sys/fs/cgroup/cpu.max` in the container"),
        expected_effect: Borrowed("See `cpu.cores-per-gpu` and `sched.cfs-throttling`."),
    },
    thresholds: Borrowed(&THRESHOLDS),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[]),
    positions: Borrowed(&[Borrowed("cpu-limits")]),
    applicability: Borrowed("Containers"),
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
            title: Borrowed("Kubernetes: Node Resource Managers (CPU Manager static policy)"),
            url: Borrowed("https://kubernetes.io/docs/concepts/policy/node-resource-managers"),
        },
        Reference {
            title: Borrowed("Buffer engineering (E. Khun): make your services faster by removing CPU limits"),
            url: Borrowed("https://erickhun.com/posts/kubernetes-faster-services-no-cpu-limits/"),
        },
    ]),
};

impl Check for CtrCpuLimit {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let (servers, mut findings) = contained(&META, evidence)?;
        let headroom = evidence.limit(&META, &HEADROOM);
        for (server, _) in servers {
            findings.push(
                judge(server, &headroom)
                    .unwrap_or_else(|why| META.not_run(server.subject(), why.to_string())),
            );
        }
        Ok(findings)
    }
}

fn judge(server: &InferenceServer, headroom: &Limit<Count>) -> Result<Finding, Missing> {
    let cgroup = main_process(server)?.cgroup.require()?;
    let Some(Quota { cpus: quota, citation }) = quota(cgroup)? else {
        return Ok(META.pass(server.subject(), "no control group limits its CPU time"));
    };
    let needed = Needed::of(server)?;
    let confidence = if server.kind == "vllm" { Confidence::High } else { Confidence::Medium };
    let cite = |finding: Finding| {
        let finding = finding.with_likelihood(Likelihood::Setting).with_confidence(confidence);
        finding.with_evidence(citation.clone()).with_evidence(needed.citation.clone())
    };
    let minimum = f64::from(needed.cpus);
    let told = format!("its quota is {quota:.2} CPUs, and {} processes want one at once", needed.cpus);
    if quota < minimum {
        return Ok(cite(META.fail(server.subject(), told)));
    }
    if quota.fract() > 0.001 {
        return Ok(cite(META.warn(server.subject(), format!("{told}; it is no whole number of CPUs"))));
    }
    if headroom.is_undercut_by(Quantity::new(quota / minimum)) {
        let message = format!("{told}; nothing is left for threads of the tokenizer and the runtime");
        return Ok(cite(META.warn(server.subject(), message)));
    }
    let (cpus, of_cpuset) = effective(cgroup, Cpuset::Cpus)?;
    if (cpus.len() as f64) > quota {
        let message = format!(
            "{told}; it may run on {} CPUs, and uses the quota up early once more than {quota:.0} run",
            cpus.len()
        );
        return Ok(cite(META.warn(server.subject(), message)).with_evidence(of_cpuset));
    }
    Ok(META
        .pass(server.subject(), format!("{told}; it may run on {} CPUs", cpus.len()))
        .with_evidence(citation))
}

/// Processes that want a CPU at once.
struct Needed {
    cpus: u32,
    citation: Citation,
}

impl Needed {
    /// A + DP + N, and one more for the coordinator of several replicas; A API servers (default: DP), N GPUs.
    fn of(server: &InferenceServer) -> Result<Self, Missing> {
        let replicas = *server.data_parallel.require()?;
        let options = server.options.require()?;
        let api_servers =
            options.get("api-server-count").and_then(|text| text.parse().ok()).unwrap_or(replicas);
        let told = server.tensor_parallel.require()?.saturating_mul(*server.pipeline_parallel.require()?);
        // Where it is not known who uses a GPU, what the engine was told has to do.
        let seen = gpus_of(server).map_or(0, |gpus| u32::try_from(gpus.len()).unwrap_or(u32::MAX));
        let gpus = told.saturating_mul(replicas).max(seen);
        let cpus =
            api_servers.saturating_add(replicas).saturating_add(gpus).saturating_add(u32::from(replicas > 1));
        let path = format!("{}/cmdline", main_process(server)?.path);
        let value = format!("{api_servers} API servers, {replicas} replicas, {gpus} GPUs");
        Ok(Self { cpus, citation: Citation::new(path, value) })
    }
}
