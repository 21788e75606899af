//! `ctr.numa-policy-permitted`: NUMA calls are allowed inside the container.
//!
//! Whether `set_mempolicy` and `mbind` are allowed is read from the filter that the runtime was given, where its specification
//! is known. Where it is not, the mode of the filter and the capability `CAP_SYS_NICE` tell what the default filters of
//! Docker, containerd and Podman do: they allow both calls with that capability only. Whether binding worked is seen in
//! the policies of `numa_maps`; a policy that is there proves that the call was allowed, whatever else is said.

use std::borrow::Cow::Borrowed;

use plumb_check_sdk::model::{Container, FilteredCall, Gpu, InferenceServer, ServerProcess};
use plumb_check_sdk::{
    Absence, Category, ChangeKind, Check, CheckMeta, Citation, Confidence, Evidence, Fact, Finding,
    Likelihood, Missing, Question, Reference, Remediation, Severity,
};

use crate::server::{
    Cpuset, contained, container, effective, gpus_of, is_multi_node, main_process, nodes_of, told_to_bind,
};

/// See the module.
pub struct CtrNumaPolicyPermitted;

/// The capability that the default filters ask for, as a bit of `CapEff` (capability.h).
const CAP_SYS_NICE: u64 = 1 << 23;

/// System calls by which a program places its own memory.
const CALLS: [&str; 2] = ["set_mempolicy", "mbind"];

static META: CheckMeta = CheckMeta {
    id: Borrowed("ctr.numa-policy-permitted"),
    title: Borrowed("NUMA calls are allowed inside the container"),
    category: Category::Platform,
    severity: Severity::Medium,
    gate: false,
    top15_rank: None,
    rationale: Borrowed(
        "Binding fails, or is skipped without a word, where the filter of system calls blocks \
         `set_mempolicy` and `mbind`.",
    ),
    business: Borrowed("The placement feature is switched on but has no permission to work."),
    needs: Borrowed(&[
        Borrowed("/containers/containers"),
        Borrowed("/gpus"),
        Borrowed("/numa"),
        Borrowed("/servers"),
    ]),
    remediation: Remediation {
        runtime: Borrowed(
            "`docker run --cap-add SYS_NICE`, or a filter that allows `get_mempolicy`, `set_mempolicy` and \
             `mbind`",
        ),
        persistent: Borrowed(
            "Kubernetes: `SYS_NICE` under `securityContext.capabilities.add`; compose: `cap_add`",
        ),
        rollback: Borrowed("Remove the capability"),
        change: ChangeKind::ServiceRestart,
        verification: Borrowed(
            "`numactl --show` in the container; the log of the engine at its start; `grep -c bind \
             /proc/PID/numa_maps`",
        ),
        expected_effect: Borrowed("See `numa.memory-locality`."),
    },
    thresholds: Borrowed(&[]),
    amplified_by: Borrowed(&[]),
    questions: Borrowed(&[Question { id: Borrowed("placement"), decides: false }]),
    positions: Borrowed(&[]),
    applicability: Borrowed("Containers and Kubernetes, on hosts with two or more NUMA nodes that have CPUs"),
    caveat: Some(Borrowed(
        "The capability also lets the container change priorities and real-time settings. A filter that \
         allows the three calls is the narrower way.",
    )),
    references: Borrowed(&[
        Reference {
            title: Borrowed(
                "vLLM PR #38635: NUMA binding support for GPU workers (--numa-bind, --numa-bind-nodes, \
                 --numa-bind-cpus)",
            ),
            url: Borrowed("https://github.com/vllm-project/vllm/pull/38635"),
        },
        Reference {
            title: Borrowed("vLLM API docs: vllm.utils.numa_utils"),
            url: Borrowed("https://docs.vllm.ai/en/stable/api/vllm/utils/numa_utils/"),
        },
        Reference {
            title: Borrowed("Docker: Seccomp security profiles"),
            url: Borrowed("https://docs.docker.com/engine/security/seccomp/"),
        },
    ]),
};

impl Check for CtrNumaPolicyPermitted {
    fn meta(&self) -> &'static CheckMeta {
        &META
    }

    fn evaluate(&self, evidence: &Evidence<'_>) -> Result<Vec<Finding>, Missing> {
        let (servers, mut findings) = contained(&META, evidence)?;
        if servers.is_empty() {
            return Ok(findings);
        }
        let numa = evidence.numa()?;
        if !is_multi_node(numa) {
            return Ok(vec![META.not_applicable("node", "all CPUs are in one NUMA node")]);
        }
        let containers: Fact<Vec<Container>> = evidence.get("/containers/containers").into();
        let gpus = evidence.gpus()?;
        for (server, id) in servers {
            findings.push(
                judge(server, id, &containers, gpus)
                    .unwrap_or_else(|why| META.not_run(server.subject(), why.to_string())),
            );
        }
        Ok(findings)
    }
}

fn judge(
    server: &InferenceServer,
    id: &str,
    containers: &Fact<Vec<Container>>,
    gpus: &[Gpu],
) -> Result<Finding, Missing> {
    let told = told_to_bind(server)?;
    let process = main_process(server)?;
    let placed = placed(server);
    if let Ok(Some(citation)) = &placed {
        let message = "memory policies are in force, so that the calls are allowed";
        return Ok(META.pass(server.subject(), message).with_evidence(citation.clone()));
    }
    let permission = Permission::of(process, container(containers, id).ok())?;
    let cite = |finding: Finding| {
        finding.with_confidence(permission.confidence).with_evidence(permission.citation.clone())
    };
    let Some(told) = told else {
        return Ok(cite(if permission.allowed {
            META.pass(
                server.subject(),
                "calls that place memory are allowed; the engine was not told to use them",
            )
        } else {
            META.info(
                server.subject(),
                "calls that place memory are blocked; the engine was not told to use them, and could not",
            )
        }));
    };
    // The engine was told to bind, so that a policy has to be seen somewhere.
    placed?;
    let confined = confined(server, gpus).ok();
    let policies = |finding: Finding| match process.memory.known() {
        Some(memory) => {
            let policies: Vec<&str> = memory.policies.keys().map(String::as_str).collect();
            finding.with_evidence(Citation::new(&memory.path, format!("policies: {}", policies.join(", "))))
        }
        None => finding,
    };
    Ok(policies(cite(match (permission.allowed, confined) {
        (true, _) => META
            .warn(server.subject(), format!("told to bind (`{told}`) and allowed to, but no memory has a policy"))
            .with_likelihood(Likelihood::Mechanism),
        (false, Some(citation)) => META
            .warn(
                server.subject(),
                format!("told to bind (`{told}`), which is blocked; its cpuset keeps memory on the GPUs' node anyway"),
            )
            .with_likelihood(Likelihood::Insensitive)
            .with_evidence(citation),
        (false, None) => META
            .fail(server.subject(), format!("told to bind (`{told}`), but the calls are blocked and no memory has a policy"))
            .with_likelihood(Likelihood::Mechanism),
    })))
}

/// Where a policy other than the default is seen in any process of the server.
///
/// # Errors
/// Says which memory map could not be read, if none shows a policy.
fn placed(server: &InferenceServer) -> Result<Option<Citation>, Missing> {
    let mut unread = None;
    let mut seen = false;
    for process in &server.processes {
        match &process.memory {
            Fact::Known(memory) => {
                seen |= !memory.policies.is_empty();
                if let Some((policy, count)) =
                    memory.policies.iter().find(|(policy, _)| !policy.starts_with("default"))
                {
                    return Ok(Some(Citation::new(
                        &memory.path,
                        format!("{count} mappings with policy {policy}"),
                    )));
                }
            }
            Fact::Missing(why) => drop(unread.get_or_insert(why.clone())),
        }
    }
    match unread {
        Some(why) => Err(why),
        None if seen => Ok(None),
        None => Err(Missing::new(Absence::Failed, "no memory policy of its processes is known")),
    }
}

/// Where the server's cpuset allows memory of one node only, that of its GPUs.
fn confined(server: &InferenceServer, gpus: &[Gpu]) -> Result<Citation, Missing> {
    let (nodes, _) = nodes_of(&gpus_of(server)?, gpus)?;
    let (mems, citation) = effective(main_process(server)?.cgroup.require()?, Cpuset::Mems)?;
    if mems.len() == 1 && mems.is_subset(&nodes) {
        return Ok(citation);
    }
    Err(Missing::new(Absence::Absent, "its memory may come from other nodes"))
}

/// Whether calls that place memory are allowed.
struct Permission {
    allowed: bool,
    confidence: Confidence,
    citation: Citation,
}

impl Permission {
    fn of(process: &ServerProcess, container: Option<&Container>) -> Result<Self, Missing> {
        let status = format!("{}/status", process.path);
        let mode = *process.seccomp.require()?;
        if mode == 0 {
            let citation = Citation::new(status, "Seccomp: 0 (no filter)");
            return Ok(Self { allowed: true, confidence: Confidence::High, citation });
        }
        if let Some(spec) = container.and_then(|container| container.spec.known())
            && let Some(calls) = spec.memory_policy_calls.known()
        {
            let call = |name: &str| calls.iter().find(|call| call.name == name);
            if let [Some(one), Some(other)] = CALLS.map(call) {
                let allowed = one.allowed && other.allowed;
                let words = |call: &FilteredCall| {
                    format!("{} {}", call.name, if call.allowed { "allowed" } else { "blocked" })
                };
                let citation = Citation::new(&spec.path, format!("filter: {}, {}", words(one), words(other)));
                return Ok(Self { allowed, confidence: Confidence::High, citation });
            }
        }
        let allowed = process.cap_eff.require()? & CAP_SYS_NICE != 0;
        let with = if allowed { "with" } else { "without" };
        let citation = Citation::new(status, format!("Seccomp: {mode} (a filter), {with} CAP_SYS_NICE"));
        Ok(Self { allowed, confidence: Confidence::Medium, citation })
    }
}
