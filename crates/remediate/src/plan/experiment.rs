//! What experiments on the node recommend.

use plumb_evidence::model::{ExperimentResult, RecommendedPolicy};
use plumb_evidence::{CpuSet, Evidence, NodeSet};

use super::{Basis, NotPlanned, Reason, ServerPlan, Why};
use crate::quote::is_plain;

/// A recommendation that can be followed.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    /// Process of the server that it is for; `None` where none could be told.
    pub(super) server: Option<u32>,
    /// CPUs; empty for no change.
    pub(super) cpus: CpuSet,
    /// Memory nodes; empty for no change.
    pub(super) memory_nodes: NodeSet,
    /// Governor; empty for no change.
    pub(super) governor: String,
    /// The experiment.
    pub(super) why: Why,
}

/// The latest valid recommendation for each server, and what could not be used.
pub(super) fn recommendations(
    evidence: &Evidence,
    servers: &[ServerPlan],
    not_planned: &mut Vec<NotPlanned>,
) -> Vec<Measured> {
    let all = evidence.measurements.known().and_then(|measurements| measurements.experiments.known());
    let mut results: Vec<&ExperimentResult> = all.into_iter().flatten().collect();
    results.sort_by(|a, b| (&b.started, &b.path).cmp(&(&a.started, &a.path)));
    let mut found: Vec<Measured> = Vec::new();
    for result in results {
        let Some(policy) = &result.recommended else { continue };
        let mut left_out = |why: String| {
            let what = format!("policy `{}` of experiment {} ({})", policy.cell, result.name, result.path);
            not_planned.push(NotPlanned { what, why });
        };
        if !result.valid {
            left_out("the experiment is not valid".to_owned());
            continue;
        }
        match usable(evidence, servers, result, policy) {
            // The latest comes first; a placement and a governor may come from two experiments.
            Ok(mut measured) => {
                for earlier in &found {
                    if earlier.server == measured.server && !earlier.cpus.is_empty() {
                        measured.cpus = CpuSet::new();
                        measured.memory_nodes = NodeSet::new();
                    }
                    if !earlier.governor.is_empty() {
                        measured.governor = String::new();
                    }
                }
                found.push(measured);
            }
            Err(why) => left_out(why),
        }
    }
    found
}

fn usable(
    evidence: &Evidence,
    servers: &[ServerPlan],
    result: &ExperimentResult,
    policy: &RecommendedPolicy,
) -> Result<Measured, String> {
    let parse = |text: &str, what: &str| {
        text.parse::<CpuSet>().map_err(|_| format!("its {what} `{}` are no list", short(text)))
    };
    let cpus = parse(&policy.cpus, "CPUs")?;
    let memory_nodes = parse(&policy.memory_nodes, "memory nodes")?;
    let online = &evidence.cpu.require().map_err(|why| format!("evidence is missing: {why}"))?.online;
    if !cpus.is_subset(online) {
        return Err(format!("not all of its CPUs {cpus} are online here"));
    }
    let numa = evidence.numa.known();
    let known: NodeSet = numa.iter().flat_map(|numa| numa.with_memory()).map(|node| node.id).collect();
    if !memory_nodes.is_subset(&known) {
        return Err(format!("not all of its memory nodes {memory_nodes} are known to have memory here"));
    }
    if !policy.governor.is_empty() && (!is_plain(&policy.governor) || !offered(evidence, &policy.governor)) {
        return Err(format!("its governor `{}` is not offered here", short(&policy.governor)));
    }
    let server = match servers {
        [only] => Some(only.pid),
        _ => None,
    };
    if server.is_none() && (!cpus.is_empty() || !memory_nodes.is_empty()) {
        return Err(format!("which of {} servers it is for is not known", servers.len()));
    }
    let message = if policy.reason.is_empty() { "it was shown to be better" } else { policy.reason.as_str() };
    let reason = Reason {
        source: result.path.clone(),
        subject: format!("experiment {}, {}", result.name, policy.cell),
        message: message.to_owned(),
    };
    let why = Why { reasons: vec![reason], basis: Basis::Measured, risk: 2, verify_first: false };
    Ok(Measured { server, cpus, memory_nodes, governor: policy.governor.clone(), why })
}

/// True if every frequency policy offers the governor.
pub(super) fn offered(evidence: &Evidence, governor: &str) -> bool {
    let Some(freq) = evidence.cpufreq.known() else { return false };
    let offers = |text: &String| text.split_whitespace().any(|word| word == governor);
    !freq.policies.is_empty()
        && freq.policies.iter().all(|policy| policy.scaling_available_governors.known().is_some_and(offers))
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}
