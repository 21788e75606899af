//! What several checks ask of an inference server: its container, its GPUs, what its control groups allow.

use std::collections::BTreeSet;

use plumb_check_sdk::model::{Cgroup, Container, Gpu, InferenceServer, Numa, ServerProcess};
use plumb_check_sdk::{
    Absence, CheckMeta, Citation, CpuSet, Evidence, Fact, Finding, IndexSet, Missing, NodeSet,
};

/// How findings name a server.
pub(crate) fn subject(server: &InferenceServer) -> String {
    format!("{} server, process {}", server.kind, server.pid)
}

/// Servers with the ids of their containers, and findings for the others.
pub(crate) type Contained<'a> = (Vec<(&'a InferenceServer, &'a str)>, Vec<Finding>);

/// Inference servers that run in a container, each with the container's id, and what is to be said of all others.
///
/// # Errors
/// Says why the servers are not known.
pub(crate) fn contained<'a>(meta: &CheckMeta, evidence: &Evidence<'a>) -> Result<Contained<'a>, Missing> {
    let servers = evidence.servers()?;
    if servers.is_empty() {
        let message = "no inference server was found: collect while the service runs";
        return Ok((Vec::new(), vec![meta.not_run("node", message)]));
    }
    let mut inside = Vec::new();
    let mut findings = Vec::new();
    for server in servers {
        match &server.container {
            Fact::Known(id) => inside.push((server, id.as_str())),
            Fact::Missing(why) if why.missing == Absence::Absent => {}
            Fact::Missing(why) => {
                let message = format!("whether it runs in a container is not known: {why}");
                findings.push(meta.not_run(subject(server), message));
            }
        }
    }
    if inside.is_empty() && findings.is_empty() {
        findings.push(meta.not_applicable("node", "no inference server runs in a container"));
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
    found.ok_or_else(|| {
        Missing::new(Absence::Failed, format!("the evidence does not describe container {}", short(id)))
    })
}

/// The part of a container's id that people use.
pub(crate) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// PCI addresses of all GPUs that processes of the server use.
///
/// # Errors
/// Says of which process it is not known.
pub(crate) fn gpus_of(server: &InferenceServer) -> Result<BTreeSet<&str>, Missing> {
    if server.processes.is_empty() {
        return Err(Missing::new(Absence::Failed, "the evidence names no process of the server"));
    }
    let mut addresses = BTreeSet::new();
    for process in &server.processes {
        let gpus = process.gpus.require();
        let gpus = gpus.map_err(|why| {
            Missing::new(why.missing, format!("GPUs of process {}: {}", process.pid, why.reason))
        })?;
        addresses.extend(gpus.iter().map(String::as_str));
    }
    Ok(addresses)
}

/// The process that stands for the server: its root, or else the first.
///
/// # Errors
/// A server without processes tells nothing.
pub(crate) fn main_process(server: &InferenceServer) -> Result<&ServerProcess, Missing> {
    let root = server.processes.iter().find(|process| process.pid == server.pid);
    root.or_else(|| server.processes.first())
        .ok_or_else(|| Missing::new(Absence::Failed, "the evidence names no process of the server"))
}

/// The node of a GPU by the first source that tells exactly one (sysfs, NVML, hwloc), and that source.
///
/// # Errors
/// Says that no source tells it.
pub(crate) fn node_of(gpu: &Gpu) -> Result<(u32, Citation), Missing> {
    if let Some(node) = gpu.numa.sysfs.known().and_then(|&node| u32::try_from(node).ok()) {
        return Ok((node, Citation::new(format!("{}/numa_node", gpu.path), node.to_string())));
    }
    for (source, nodes) in [("api/nvml.json", &gpu.numa.nvml), ("api/hwloc.xml", &gpu.numa.hwloc)] {
        if let Some(nodes) = nodes.known().filter(|nodes| nodes.len() == 1)
            && let Some(node) = nodes.first()
        {
            return Ok((node, Citation::new(source, format!("{}: node {node}", gpu.address))));
        }
    }
    let reason = format!("no source tells the node of GPU {} (see `topo.gpu-numa-known`)", gpu.address);
    Err(Missing::new(Absence::Absent, reason))
}

/// Nodes of the GPUs with the given addresses, and what says so.
///
/// # Errors
/// Says of which GPU it is not known.
pub(crate) fn nodes_of(
    addresses: &BTreeSet<&str>,
    gpus: &[Gpu],
) -> Result<(NodeSet, Vec<Citation>), Missing> {
    let mut nodes = NodeSet::new();
    let mut evidence = Vec::new();
    for address in addresses {
        let gpu = gpus.iter().find(|gpu| gpu.address == *address).ok_or_else(|| {
            Missing::new(Absence::Failed, format!("GPU {address} is not among the GPUs of the evidence"))
        })?;
        let (node, citation) = node_of(gpu)?;
        nodes.insert(node);
        evidence.push(citation);
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

/// Nodes that hold any of the given CPUs.
pub(crate) fn nodes_with(numa: &Numa, cpus: &CpuSet) -> NodeSet {
    numa.nodes.iter().filter(|node| !node.cpus.intersection(cpus).is_empty()).map(|node| node.id).collect()
}

/// True if CPUs are spread over two nodes or more.
pub(crate) fn is_multi_node(numa: &Numa) -> bool {
    numa.nodes.iter().filter(|node| !node.cpus.is_empty()).count() > 1
}

/// What tells that an engine was told to bind the memory of its workers.
///
/// # Errors
/// Says why its options are not known.
pub(crate) fn told_to_bind(server: &InferenceServer) -> Result<Option<String>, Missing> {
    let options = server.options.require()?;
    let flags = ["numa-bind", "numa-bind-nodes", "numa-bind-cpus", "numa-node"];
    let is_off = |value: &str| matches!(value, "false" | "0");
    if let Some((flag, value)) =
        flags.iter().find_map(|flag| options.get_key_value(*flag)).filter(|(_, value)| !is_off(value))
    {
        let value = if value == "true" { String::new() } else { format!(" {value}") };
        return Ok(Some(format!("--{flag}{value}")));
    }
    // A second look at the command line itself, since options are what somebody understood of it.
    let arguments = main_process(server)?.cmdline.require()?;
    let named = |argument: &&String| {
        argument
            .strip_prefix("--")
            .is_some_and(|rest| flags.contains(&rest.split('=').next().unwrap_or(rest)))
    };
    if let Some(argument) = arguments.iter().find(named) {
        return Ok(Some(argument.clone()));
    }
    let environment = server.processes.iter().filter_map(|process| process.environment.known());
    let is_on = |value: &&String| matches!(value.as_str(), "1" | "true" | "True");
    Ok(environment
        .filter_map(|variables| variables.get("SGLANG_AUTO_NUMA_BIND").filter(is_on))
        .next()
        .map(|value| format!("SGLANG_AUTO_NUMA_BIND={value}")))
}

/// A CPU quota, in CPUs, and where it is set.
pub(crate) struct Quota {
    /// CPU time per second, in CPUs.
    pub(crate) cpus: f64,
    /// The file.
    pub(crate) citation: Citation,
}

/// The tightest CPU quota of a chain of control groups; `None` if no group has one.
///
/// # Errors
/// A group that should have a quota file and has none, or one that could not be read, may hide a quota.
pub(crate) fn quota(cgroup: &Cgroup) -> Result<Option<Quota>, Missing> {
    let mut tightest: Option<Quota> = None;
    if cgroup.chain.is_empty() {
        return Err(Missing::new(Absence::Failed, "no control group of the process is known"));
    }
    for level in &cgroup.chain {
        let text = |name: &str| level.values.get(name);
        let (file, limit) = if let Some(max) = text("cpu.max") {
            ("cpu.max", parse_quota(max.require()?, &level.path)?)
        } else if let (Some(quota), Some(period)) = (text("cpu.cfs_quota_us"), text("cpu.cfs_period_us")) {
            let both = format!("{} {}", quota.require()?.trim(), period.require()?.trim());
            ("cpu.cfs_quota_us", parse_quota(&both.replace("-1 ", "max "), &level.path)?)
        } else if cgroup.is_without(level, "cpu") || cgroup.is_root(level) {
            continue;
        } else {
            return Err(Missing::new(Absence::Failed, format!("no CPU quota was read in {}", level.path)));
        };
        if let Some(cpus) = limit
            && tightest.as_ref().is_none_or(|quota| cpus < quota.cpus)
        {
            let value = level.values.get(file).and_then(Fact::known).cloned().unwrap_or_default();
            let citation = Citation::new(format!("{}/{file}", level.path), value.trim());
            tightest = Some(Quota { cpus, citation });
        }
    }
    Ok(tightest)
}

/// `max 100000` or `400000 100000`, in CPUs.
fn parse_quota(text: &str, folder: &str) -> Result<Option<f64>, Missing> {
    let malformed = || Missing::new(Absence::Malformed, format!("the CPU quota of {folder} reads `{text}`"));
    let mut words = text.split_whitespace();
    let quota = words.next().ok_or_else(malformed)?;
    if quota == "max" {
        return Ok(None);
    }
    let quota: f64 = quota.parse().map_err(|_| malformed())?;
    let period: f64 = words.next().unwrap_or("100000").parse().map_err(|_| malformed())?;
    if quota > 0.0 && period > 0.0 { Ok(Some(quota / period)) } else { Err(malformed()) }
}

/// CPUs or nodes that a chain of control groups leaves, and where that is said.
///
/// # Errors
/// Says why it is not known.
pub(crate) fn effective(cgroup: &Cgroup, what: Cpuset) -> Result<(IndexSet, Citation), Missing> {
    let names = match what {
        Cpuset::Cpus => ["cpuset.cpus.effective", "cpuset.effective_cpus"],
        Cpuset::Mems => ["cpuset.mems.effective", "cpuset.effective_mems"],
    };
    for level in &cgroup.chain {
        if let Some(name) = names.into_iter().find(|name| level.values.contains_key(*name)) {
            let path = format!("{}/{name}", level.path);
            let text =
                level.values.get(name).map(Fact::require).transpose()?.map_or("", String::as_str).trim();
            let set: IndexSet = text
                .parse()
                .map_err(|_| Missing::new(Absence::Malformed, format!("{path} holds `{text}`")))?;
            return Ok((set, Citation::new(path, text)));
        }
        // The CPUs of a group without the controller are those of the group above.
        if !cgroup.is_without(level, "cpuset") {
            break;
        }
    }
    Err(Missing::new(Absence::Failed, format!("no control group of the process tells `{}`", names[0])))
}

/// What a cpuset is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Cpuset {
    /// CPUs.
    Cpus,
    /// Memory nodes.
    Mems,
}
