//! `ctr.cpuset-numa`: the container's cpuset and memory nodes include the GPU's node.
//!
//! Judged by the effective cpuset of the server's control group, not by what the engine was asked for. A cpuset that holds
//! all CPUs is no placement: the engine must bind itself, and where every busy thread of a GPU process is seen inside of its
//! GPU's nodes, it did.

use plumb_check_sdk::model::{Gpu, InferenceServer, Numa};
use plumb_check_sdk::{Arg, CpuSet, Evidence, Finding, Likelihood, Missing, NoVerdict, NodeSet, Said};

use crate::pages::ctr_cpuset_numa::{PAGE, words};
use crate::server::{
    contained, cpus_of, granted_cpus, granted_nodes, known_gpus, misplaced, nodes_of, server_object,
};

pub(crate) fn evaluate(evidence: &Evidence<'_>) -> Result<Vec<Finding>, NoVerdict> {
    let (servers, mut findings) = contained(evidence, &PAGE)?;
    if servers.is_empty() {
        return Ok(findings);
    }
    let numa = evidence.numa()?;
    PAGE.not_applicable_if(numa.has_one_with_cpus()?, words::OneNode {})?;
    let gpus = evidence.gpus()?;
    let judged = |server| PAGE.settle(server_object(server), judge(server, numa, gpus));
    findings.extend(servers.into_iter().map(|(server, _)| judged(server)));
    Ok(findings)
}

fn judge(server: &InferenceServer, numa: &Numa, gpus: &[Gpu]) -> Result<Finding, NoVerdict> {
    let object = server_object(server);
    let process = server.main_process().ok_or(words::NoProcess {})?;
    let (addresses, rest) = known_gpus(server);
    PAGE.not_applicable_if(addresses.is_empty() && rest.is_ok(), words::NoGpu {})?;
    let (nodes, of_gpus) = nodes_of(&addresses, gpus)?;
    let cgroup = process.cgroup.require()?;
    let (cpus, of_cpus) = granted_cpus(cgroup)?.ok_or(words::NoCpuset {})?;
    let (mems, of_mems) = granted_nodes(cgroup)?.ok_or(words::NoCpuset {})?;
    let cite = |finding: Finding| {
        let finding = finding.with_likelihood(Likelihood::Setting).with_evidence(of_cpus.clone());
        finding.with_evidence(of_mems.clone()).with_citations(of_gpus.clone())
    };
    let fail = |said: Said| Ok(cite(misplaced(PAGE.fail(object.clone(), said), server, &addresses)));
    let pid = Arg::text(server.pid.to_string());
    let text = |nodes: &NodeSet| Arg::text(nodes.to_string());
    let lacks = |&node: &u32| cpus_of(numa, &NodeSet::from_iter([node])).intersection(&cpus).is_empty();
    let lacking: NodeSet = nodes.iter().filter(lacks).collect();
    if !lacking.is_empty() {
        let (cpus, nodes_count) = ((&cpus).into(), lacking.len().into());
        return fail(words::NoCpuNear { cpus, nodes: text(&lacking), nodes_count, pid }.into());
    }
    let without = nodes.difference(&mems);
    if !without.is_empty() {
        let (mems_count, nodes_count) = (mems.len().into(), without.len().into());
        let said =
            words::NoMemoryNear { mems: text(&mems), mems_count, nodes: text(&without), nodes_count, pid };
        return fail(said.into());
    }
    // What the known GPUs lack is lacking; that nothing is takes all of them.
    rest?;
    let (near, all) = (cpus_of(numa, &nodes), numa.complete()?.all_cpus());
    let (said_nodes, nodes_count) = (text(&nodes), Arg::count(nodes.len()));
    if all.is_subset(&cpus) && near != all {
        if binds_itself(server, &near, &all)? {
            return Ok(PAGE.info(object, words::EngineBinds {}).with_evidence(of_cpus));
        }
        let said = words::Anywhere { nodes: said_nodes, nodes_count, pid };
        return Ok(cite(misplaced(PAGE.warn(object, said), server, &addresses)));
    }
    let (cpus, mems_count) = ((&cpus).into(), mems.len().into());
    let said = words::Near { cpus, mems: text(&mems), mems_count, nodes: said_nodes, nodes_count };
    Ok(cite(PAGE.pass(object.clone(), said)))
}

/// True if all threads of all GPU processes may run near the GPUs only.
fn binds_itself(server: &InferenceServer, near: &CpuSet, all: &CpuSet) -> Result<bool, Missing> {
    let users = server.processes.iter().filter(|one| one.gpus.known().is_some_and(|gpus| !gpus.is_empty()));
    let mut seen = false;
    for thread in users.flat_map(|process| &process.threads) {
        seen = true;
        if !thread.cpus_allowed.require()?.intersection(all).is_subset(near) {
            return Ok(false);
        }
    }
    Ok(seen)
}
