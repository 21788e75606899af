//! What several checks ask of an inference server: its container, its GPUs, what its control groups allow.

use std::collections::BTreeSet;

use plumb_check_sdk::model::{Cgroup, Container, Gpu, InferenceServer, Numa, ServerProcess};
use plumb_check_sdk::page::no_answer;
use plumb_check_sdk::{
    Absence, Arg, Citation, CpuSet, Evidence, Fact, Finding, Intent, Missing, NodeSet, Object, ObjectKind,
    Page, Said,
};

/// Why a question stays open: a sentence of the check, or that of missing evidence.
pub(crate) struct Open(pub(crate) Said);

impl From<Said> for Open {
    fn from(said: Said) -> Self {
        Self(said)
    }
}

impl From<Missing> for Open {
    fn from(why: Missing) -> Self {
        Self(no_answer(&why))
    }
}

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

/// Servers with the ids of their containers, and findings for the others.
pub(crate) type Contained<'a> = (Vec<(&'a InferenceServer, &'a str)>, Vec<Finding>);

/// Inference servers that run in a container, each with the container's id, and what `page` says of all others: that there is
/// no server, that none is in a container, that it is not known of one for a reason.
///
/// # Errors
/// Says why the servers are not known.
pub(crate) fn contained<'a>(
    evidence: &Evidence<'a>,
    page: &Page,
    [no_server, no_container]: [Said; 2],
    unknown: impl Fn(Arg) -> Said,
) -> Result<Contained<'a>, Missing> {
    let servers = evidence.servers()?;
    if servers.is_empty() {
        return Ok((Vec::new(), vec![page.not_run(Object::node(), no_server)]));
    }
    let (mut inside, mut findings) = (Vec::new(), Vec::new());
    for server in servers {
        match &server.container {
            Fact::Known(id) => inside.push((server, id.as_str())),
            Fact::Missing(why) if why.missing == Absence::Absent => {}
            Fact::Missing(why) => findings.push(page.not_run(server_object(server), unknown(why.into()))),
        }
    }
    if inside.is_empty() && findings.is_empty() {
        findings.push(page.not_applicable(Object::node(), no_container));
    }
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

/// The process that stands for the server: its root, or else the first; `None` for a server without processes.
pub(crate) fn main_process(server: &InferenceServer) -> Option<&ServerProcess> {
    let root = server.processes.iter().find(|process| process.pid == server.pid);
    root.or_else(|| server.processes.first())
}

/// Why the GPUs of a server or their nodes are not known.
pub(crate) enum Unplaced {
    /// Which GPUs the process uses.
    Use(u32, Missing),
    /// The GPU at this address is not among those of the evidence.
    NoSuchGpu(String),
    /// The node of a GPU.
    Node(Missing),
}

/// Turns an [`Unplaced`] into a sentence of a check's page.
macro_rules! say_unplaced {
    ($words:ident) => {
        |why: $crate::server::Unplaced| -> ::plumb_check_sdk::Said {
            match why {
                $crate::server::Unplaced::Use(pid, why) => {
                    let pid = ::plumb_check_sdk::Arg::text(pid.to_string());
                    $words::UnknownGpus { pid, reason: (&why).into() }.into()
                }
                $crate::server::Unplaced::NoSuchGpu(gpu) => $words::NoSuchGpu { gpu: gpu.into() }.into(),
                $crate::server::Unplaced::Node(why) => ::plumb_check_sdk::page::no_answer(&why),
            }
        }
    };
}
pub(crate) use say_unplaced;

/// PCI addresses of all GPUs that these processes use.
pub(crate) fn gpus_of(processes: &[ServerProcess]) -> Result<BTreeSet<&str>, Unplaced> {
    let mut addresses = BTreeSet::new();
    for process in processes {
        let gpus = process.gpus.require().map_err(|why| Unplaced::Use(process.pid, why))?;
        addresses.extend(gpus.iter().map(String::as_str));
    }
    Ok(addresses)
}

/// Nodes of the GPUs with the given addresses, and what says so.
pub(crate) fn nodes_of(
    addresses: &BTreeSet<&str>,
    gpus: &[Gpu],
) -> Result<(NodeSet, Vec<Citation>), Unplaced> {
    let (mut nodes, mut evidence) = (NodeSet::new(), Vec::new());
    for address in addresses {
        let gpu = gpus.iter().find(|gpu| gpu.address == *address);
        let place = gpu.ok_or_else(|| Unplaced::NoSuchGpu((*address).to_owned()))?.place();
        let told = place.one().map_err(Unplaced::Node)?;
        nodes.insert(told.node);
        evidence.push(told.quote.clone().into());
    }
    Ok((nodes, evidence))
}

/// CPUs of the given nodes.
pub(crate) fn cpus_of(numa: &Numa, nodes: &NodeSet) -> CpuSet {
    numa.nodes
        .iter()
        .filter(|node| nodes.contains(node.id))
        .fold(CpuSet::new(), |all, node| all.union(&node.cpus))
}

/// True if CPUs are spread over two nodes or more.
pub(crate) fn is_multi_node(numa: &Numa) -> bool {
    numa.nodes.iter().filter(|node| !node.cpus.is_empty()).count() > 1
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
    for level in &cgroup.chain {
        let names = ["cpuset.mems.effective", "cpuset.effective_mems"];
        if let Some((file, text)) = cgroup.value(level, "cpuset", &names)? {
            let path = format!("{}/{file}", level.path);
            let nodes: NodeSet = text
                .parse()
                .map_err(|_| Missing::new(Absence::Malformed, format!("{path} holds `{text}`")))?;
            return Ok((!nodes.is_empty()).then(|| (nodes, Citation::new(path, text))));
        }
    }
    Ok(None)
}
