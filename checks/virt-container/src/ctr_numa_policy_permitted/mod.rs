//! `ctr.numa-policy-permitted`: NUMA calls are allowed inside the container.
//!
//! Whether `set_mempolicy` and `mbind` are allowed is read from the filter that the runtime was given, where its specification
//! is known. Where it is not, the mode of the filter and the capability `CAP_SYS_NICE` tell what the default filters of
//! Docker, containerd and Podman do: they allow both calls with that capability only. Whether binding worked is seen in
//! the policies of `numa_maps`; a policy that is there proves that the call was allowed, whatever else is said.

use std::collections::BTreeSet;

use plumb_check_sdk::model::{Container, FilteredCall, Gpu, InferenceServer, ServerProcess};
use plumb_check_sdk::{
    Arg, Citation, Confidence, Evidence, Fact, Finding, Intent, Likelihood, Missing, NoVerdict, NodeSet,
};

use crate::pages::ctr_numa_policy_permitted::{PAGE, words};
use crate::server::{contained, container, gpus_of, granted_nodes, misplaced, nodes_of, server_object};

/// The capability that the default filters ask for, as a bit of `CapEff` (capability.h).
const CAP_SYS_NICE: u64 = 1 << 23;

/// System calls by which a program places its own memory.
const CALLS: [&str; 2] = ["set_mempolicy", "mbind"];

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let (servers, mut findings) = contained(evidence, &PAGE)?;
    if servers.is_empty() {
        return Ok(findings);
    }
    PAGE.not_applicable_if(evidence.numa()?.has_one_with_cpus()?, words::OneNode {})?;
    let containers: Fact<Vec<Container>> = evidence.get("/containers/containers").into();
    let gpus = evidence.gpus()?;
    findings.extend(servers.into_iter().map(|(server, id)| {
        let judged = judge(server, id.and_then(|id| container(&containers, id).ok()), gpus);
        PAGE.settle(server_object(server), judged)
    }));
    Ok(findings)
}

fn judge(
    server: &InferenceServer,
    container: Option<&Container>,
    gpus: &[Gpu],
) -> Result<Finding, NoVerdict> {
    let object = server_object(server);
    let process = server.main_process().ok_or(words::NoProcess {})?;
    let binding = server.binding()?.filter(|binding| binding.memory);
    let pid = Arg::text(server.pid.to_string());
    let starts =
        Arg::text(if binding.as_ref().is_some_and(|one| one.needs_permission) { "no" } else { "yes" });
    let excluded = excluded(server, process, gpus);
    if let Ok(Some((without, mems, of_mems))) = &excluded {
        let (mems, nodes, nodes_count) =
            (mems.to_string().into(), without.to_string().into(), without.len().into());
        let Some(binding) = binding else {
            let said = words::ExcludedUnasked { mems, nodes, nodes_count };
            return Ok(PAGE.info(object, said).with_evidence(of_mems.clone()));
        };
        let told = binding.told.value.as_str().into();
        let said = words::Excluded { mems, nodes, nodes_count, pid, starts, told };
        let addresses = gpus_of(&server.processes).unwrap_or_default();
        return Ok(misplaced(PAGE.fail(object, said), server, &addresses)
            .with_likelihood(Likelihood::Mechanism)
            .with_evidence(of_mems.clone())
            .with_evidence(binding.told.into()));
    }
    let placed = placed(server);
    if let Ok(Some(citation)) = placed {
        excluded?;
        return Ok(PAGE.pass(object, words::InForce {}).with_evidence(citation));
    }
    let permission = Permission::of(process, container)?;
    let cite = |finding: Finding| {
        finding.with_confidence(permission.confidence).with_evidence(permission.citation.clone())
    };
    let Some(binding) = binding else {
        if !permission.allowed {
            return Ok(cite(PAGE.info(object, words::BlockedUnasked {})));
        }
        excluded?;
        return Ok(cite(PAGE.pass(object, words::AllowedUnasked {})));
    };
    let addresses = gpus_of(&server.processes);
    // A policy has to be seen somewhere, unless the workers could not start.
    let is_dead = binding.needs_permission && addresses.as_ref().is_ok_and(BTreeSet::is_empty);
    if permission.allowed || !is_dead {
        placed?;
    }
    let told = binding.told.value.as_str().into();
    let finding = if permission.allowed {
        misplaced(PAGE.warn(object, words::Unused { pid, told }), server, &addresses.unwrap_or_default())
            .with_likelihood(Likelihood::Mechanism)
    } else {
        let finding = match confined(server, process, gpus) {
            Some(citation) => PAGE
                .warn(object, words::Confined { pid, told })
                .with_likelihood(Likelihood::Insensitive)
                .with_evidence(citation),
            None => {
                PAGE.fail(object, words::Blocked { pid, starts, told }).with_likelihood(Likelihood::Mechanism)
            }
        };
        // A filter that blocks the calls in spite of the capability has to be another one.
        let has_capability =
            process.cap_eff.known().is_some_and(|capabilities| capabilities & CAP_SYS_NICE != 0);
        let capability = Intent::Capability { server: server.pid, name: "SYS_NICE".to_owned() };
        finding.with_intents((!has_capability).then_some(capability))
    };
    let policies = process.memory.known().map(|memory| {
        let policies: Vec<&str> = memory.policies.keys().map(String::as_str).collect();
        Citation::new(&memory.path, format!("policies: {}", policies.join(", ")))
    });
    Ok(cite(finding).with_citations(policies))
}

/// Nodes of the server's GPUs that its groups grant no memory of, where binding to them fails whatever is permitted, and what
/// they grant. Where no process uses a GPU, as the workers may not have come to it, it is those of all GPUs, if none is granted.
fn excluded(
    server: &InferenceServer,
    process: &ServerProcess,
    gpus: &[Gpu],
) -> Result<Option<(NodeSet, NodeSet, Citation)>, NoVerdict> {
    let mut addresses = gpus_of(&server.processes)?;
    let all = addresses.is_empty();
    if all {
        addresses.extend(gpus.iter().map(|gpu| gpu.address.as_str()));
    }
    if addresses.is_empty() {
        return Ok(None);
    }
    let Some((mems, citation)) = granted_nodes(process.cgroup.require()?)? else { return Ok(None) };
    let (nodes, _) = nodes_of(&addresses, gpus)?;
    let without = nodes.difference(&mems);
    let is_excluded = if all { without == nodes } else { !without.is_empty() };
    Ok(is_excluded.then_some((without, mems, citation)))
}

/// Where a policy other than the default is seen in any process of the server.
///
/// # Errors
/// Says which memory map could not be read, if none shows a policy.
fn placed(server: &InferenceServer) -> Result<Option<Citation>, NoVerdict> {
    let mut unread = None;
    let mut seen = false;
    for process in &server.processes {
        match &process.memory {
            Fact::Known(memory) => {
                seen |= !memory.policies.is_empty();
                let own = memory.policies.iter().find(|(policy, _)| !policy.starts_with("default"));
                if let Some((policy, count)) = own {
                    let value = format!("{count} mappings with policy {policy}");
                    return Ok(Some(Citation::new(&memory.path, value)));
                }
            }
            Fact::Missing(why) => drop(unread.get_or_insert(why.clone())),
        }
    }
    match unread {
        Some(why) => Err(why.into()),
        None if seen => Ok(None),
        None => Err(words::NoPolicies {}.into()),
    }
}

/// Where the server's cpuset is known to allow memory of one node only, that of its GPUs.
fn confined(server: &InferenceServer, process: &ServerProcess, gpus: &[Gpu]) -> Option<Citation> {
    let (nodes, _) = nodes_of(&gpus_of(&server.processes).ok()?, gpus).ok()?;
    let (mems, citation) = granted_nodes(process.cgroup.known()?).ok()??;
    (mems.len() == 1 && mems.is_subset(&nodes)).then_some(citation)
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
