//! What several checks ask of an inference server: its container, its GPUs, what its control groups allow.

use std::collections::BTreeSet;

use plumb_check_sdk::model::{Cgroup, Container, Gpu, Housing, InferenceServer, Numa, ServerProcess};
use plumb_check_sdk::{
    Arg, Citation, CpuSet, Evidence, Fact, Finding, Intent, Missing, NoVerdict, NodeSet, Object, ObjectKind,
    Page, Said,
};

// All checks that ask have these sentences.
use crate::pages::ctr_cpuset_numa::words;

/// A server by the name that findings have for it.
pub(crate) fn server_object(server: &InferenceServer) -> Object {
    Object::new(ObjectKind::Server, server.pid.to_string()).named(server.subject())
}

/// Asks for a server to be placed near to its GPUs, and says that its other findings of that kind have the same cause.
pub(crate) fn misplaced(finding: Finding, server: &InferenceServer, gpus: &BTreeSet<&str>) -> Finding {
    let only = gpus.first().filter(|_| gpus.len() == 1);
    let gpu = only.map(|address| (*address).to_owned());
    // By the name that checks of placement have for it.
    let name = format!("{} server {}", server.kind, server.pid);
    finding
        .with_intent(Intent::Place { server: server.pid, process: None, gpu })
        .with_cause("placement", server_object(server).named(name))
}

/// Servers with the ids of their containers, where these are known, and findings for the others.
pub(crate) type Contained<'a> = (Vec<(&'a InferenceServer, Option<&'a str>)>, Vec<Finding>);

/// Inference servers that run in a container, each with the container's id, and what `page` says of those of which it is not
/// known.
///
/// # Errors
/// There is no server, none is in a container, or the servers are not known.
pub(crate) fn contained<'a>(evidence: &Evidence<'a>, page: &Page) -> Result<Contained<'a>, NoVerdict> {
    let servers = evidence.servers()?;
    page.not_run_if(servers.is_empty(), words::NoServer {})?;
    let (mut inside, mut findings) = (Vec::new(), Vec::new());
    for server in servers {
        let unknown = |why: Missing| words::UnknownContainer { reason: why.into() };
        match evidence.housing(server) {
            Ok(Housing::Container(id)) => inside.push((server, Some(id))),
            Ok(Housing::Inside(id)) => inside.push((server, id)),
            Ok(Housing::Unit(_) | Housing::Open) => {}
            Err(why) => findings.push(page.not_run(server_object(server), unknown(why))),
        }
    }
    page.not_applicable_if(inside.is_empty() && findings.is_empty(), words::NoContainer {})?;
    Ok((inside, findings))
}

/// The container with the given id.
///
/// # Errors
/// Says why nothing is known of it.
pub(crate) fn container<'a>(
    containers: &'a Fact<Vec<Container>>,
    id: &str,
) -> Result<&'a Container, Missing> {
    let found = containers.require()?.iter().find(|container| container.id == id);
    found.ok_or_else(|| Missing::not_recorded(format!("container {}", short(id))))
}

/// The part of a container's id that people use.
pub(crate) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// PCI addresses of all GPUs that these processes use.
pub(crate) fn gpus_of(processes: &[ServerProcess]) -> Result<BTreeSet<&str>, Said> {
    let mut addresses = BTreeSet::new();
    for process in processes {
        let pid = || Arg::text(process.pid.to_string());
        let unknown = |why: Missing| words::UnknownGpus { pid: pid(), reason: why.into() };
        addresses.extend(process.gpus.require().map_err(unknown)?.iter().map(String::as_str));
    }
    Ok(addresses)
}

/// PCI addresses of all GPUs that a server is known to use, and why there may be more.
pub(crate) fn known_gpus(server: &InferenceServer) -> (BTreeSet<&str>, Result<(), Said>) {
    let (gpus, rest) = server.known_gpus();
    let unknown = |(pid, why): (u32, Missing)| words::UnknownGpus {
        pid: Arg::text(pid.to_string()),
        reason: why.into(),
    };
    (gpus, rest.map_err(|why| unknown(why).into()))
}

/// Nodes of the GPUs with the given addresses, and what says so.
pub(crate) fn nodes_of(addresses: &BTreeSet<&str>, gpus: &[Gpu]) -> Result<(NodeSet, Vec<Citation>), Said> {
    let (mut nodes, mut evidence) = (NodeSet::new(), Vec::new());
    for address in addresses {
        let gpu = gpus.iter().find(|gpu| gpu.address == *address);
        let place = gpu.ok_or_else(|| words::NoSuchGpu { gpu: (*address).into() })?.place();
        let told = place.one()?;
        nodes.insert(told.node);
        evidence.push(told.quote.clone().into());
    }
    Ok((nodes, evidence))
}

/// CPUs of the given nodes.
pub(crate) fn cpus_of(numa: &Numa, nodes: &NodeSet) -> CpuSet {
    let nodes = numa.nodes.iter().filter(|node| nodes.contains(node.id));
    nodes.fold(CpuSet::new(), |all, node| all.union(&node.cpus))
}

/// CPUs that a chain of control groups leaves, and where that is said; `None` where no group tells.
///
/// # Errors
/// Says what of the groups is not known.
pub(crate) fn granted_cpus(cgroup: &Cgroup) -> Result<Option<(CpuSet, Citation)>, Missing> {
    Ok(cgroup.granted_cpus()?.map(|(cpus, path, text)| (cpus, Citation::new(path, text))))
}

/// Memory nodes that a chain of control groups leaves, as [`granted_cpus`].
///
/// # Errors
/// Says what of the groups is not known.
pub(crate) fn granted_nodes(cgroup: &Cgroup) -> Result<Option<(NodeSet, Citation)>, Missing> {
    Ok(cgroup.granted_nodes()?.map(|(nodes, quote)| (nodes, quote.into())))
}
