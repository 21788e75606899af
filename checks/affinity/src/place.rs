//! What several checks ask about servers: which process uses which GPU, what is near to it, what it may run on.

use plumb_check_sdk::model::{Cgroup, Cpu, Gpu, InferenceServer, Numa, ServerProcess, ThreadTime};
use plumb_check_sdk::{
    Absence, Arg, Citation, CpuSet, Evidence, Finding, Intent, Missing, NoVerdict, NodeSet, Object,
    ObjectKind, Page, Said,
};

// `numa.memory-locality` has the same sentences for what is not known of a worker.
use crate::pages::numa_gpu_affinity::words;

/// Key of the cause that findings have in common which one placement of a server would mend.
pub(crate) const PLACEMENT: &str = "placement";

/// Key of the cause that findings have in common which another quota of CPU time would mend.
pub(crate) const CPU_QUOTA: &str = "cpu-quota";

/// A server: `vllm server 1234`
pub(crate) fn server_object(server: &InferenceServer) -> Object {
    let name = format!("{} server {}", server.kind, server.pid);
    Object::new(ObjectKind::Server, server.pid.to_string()).named(name)
}

fn process_name(process: &ServerProcess) -> String {
    format!("process {} ({})", process.pid, process.comm)
}

/// A process: `process 1234 (VLLM::Worker_TP)`
pub(crate) fn process_object(process: &ServerProcess) -> Object {
    Object::new(ObjectKind::Process, process.pid.to_string()).named(process_name(process))
}

/// A worker and its GPUs: `process 1234 (VLLM::Worker_TP) on GPU 0000:18:00.0`
pub(crate) fn worker_object(process: &ServerProcess, gpus: &[String]) -> Object {
    let name = format!("{} on GPU {}", process_name(process), gpus.join(", "));
    Object::new(ObjectKind::Process, process.pid.to_string()).named(name)
}

/// Asks for a process of a server to be placed, and says that other findings of the server have the same cause.
pub(crate) fn misplaced(finding: Finding, server: &InferenceServer, process: &ServerProcess) -> Finding {
    let gpu = match process.gpus.known().map(Vec::as_slice) {
        Some([only]) => Some(only.clone()),
        _ => None,
    };
    let place = Intent::Place { server: server.pid, process: Some(process.pid), gpu };
    finding.with_intent(place).with_cause(PLACEMENT, server_object(server))
}

/// All processes of all servers that use a GPU, with the addresses of their GPUs.
fn workers(servers: &[InferenceServer]) -> Vec<(&InferenceServer, &ServerProcess, &[String])> {
    let processes = servers.iter().flat_map(|server| server.processes.iter().map(move |one| (server, one)));
    processes
        .filter_map(|(server, process)| Some((server, process, process.gpus.known()?.as_slice())))
        .filter(|(_, _, gpus)| !gpus.is_empty())
        .collect()
}

/// What `judge` says of all workers of the node, and `page` of what may be one.
///
/// # Errors
/// There is no worker, or no server is known.
pub(crate) fn judge_workers<T: IntoIterator<Item = Finding>>(
    evidence: &Evidence<'_>,
    page: &Page,
    judge: impl Fn(&InferenceServer, &ServerProcess, &[String]) -> T,
) -> Result<Vec<Finding>, NoVerdict> {
    let servers = evidence.servers()?;
    let unknown = unknown_users(evidence, servers, page);
    let workers = workers(servers);
    page.not_run_if(workers.is_empty() && unknown.is_none(), words::NoServer {})?;
    let judged = workers.into_iter().flat_map(|(server, process, gpus)| judge(server, process, gpus));
    Ok(judged.chain(unknown).collect())
}

/// What may be a worker that is not among [`workers`]: processes of which nobody could tell whether they use a GPU, and
/// servers without any process.
fn unknown_users(evidence: &Evidence<'_>, servers: &[InferenceServer], page: &Page) -> Option<Finding> {
    if let Some(server) = servers.iter().find(|server| server.processes.is_empty()) {
        return Some(page.not_run(server_object(server), words::NoProcess {}));
    }
    let others = Object::new(ObjectKind::Other, "other processes");
    let outside = match evidence.possible_workers() {
        Ok(outside) => outside,
        Err(missing) => return Some(page.missing(others, &missing)),
    };
    let processes = servers.iter().flat_map(|server| &server.processes);
    let inside: Vec<(u32, &str, Missing)> = processes
        .filter_map(|process| Some((process.pid, process.comm.as_str(), process.gpus.require().err()?)))
        .collect();
    let first = outside.first.as_ref().map(|first| (first.pid, first.comm.as_str(), first.why.clone()));
    let count = inside.len() as u64 + u64::from(outside.count);
    let (pid, comm, why) = inside.into_iter().next().or(first)?;
    // The name of a process may be as unreadable as the rest of it.
    let name = if comm.is_empty() { String::new() } else { format!(" ({comm})") };
    let (first, processes_count) = (format!("{pid}{name}").into(), count.into());
    Some(page.not_run(others, words::UnknownUsers { first, processes_count, reason: why.into() }))
}

/// The values of an option: from the command line, where it may have several, else as it was parsed.
pub(crate) fn option_values(server: &InferenceServer, name: &str) -> Option<Vec<String>> {
    let split = |text: &str| -> Vec<String> {
        let parts = text.split([',', ' ']).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    // A list of CPUs has commas of its own.
    let split = |text: &str| if name == "numa-bind-cpus" { vec![text.to_owned()] } else { split(text) };
    let spelt = |argument: &str| argument.trim_start_matches('-').replace('_', "-");
    for process in &server.processes {
        let Some(arguments) = process.cmdline.known() else { continue };
        for (position, argument) in arguments.iter().enumerate().filter(|(_, one)| one.starts_with("--")) {
            if let Some((option, value)) = argument.split_once('=')
                && spelt(option) == name
            {
                return Some(split(value));
            }
            if spelt(argument) == name {
                let rest = arguments[position + 1..].iter().take_while(|one| !one.starts_with('-'));
                return Some(rest.flat_map(|value| split(value)).collect());
            }
        }
    }
    server.options.known()?.get(name).map(|value| split(value))
}

/// The parts of the evidence that say what is near to what.
#[derive(Clone, Copy)]
pub(crate) struct Machine<'a> {
    pub(crate) gpus: &'a [Gpu],
    pub(crate) numa: &'a Numa,
    pub(crate) cpu: Option<&'a Cpu>,
}

/// Nodes and CPUs near to the GPUs of a worker, and what says so.
pub(crate) struct Near {
    /// Nodes of the GPUs themselves.
    pub(crate) nodes: NodeSet,
    /// CPUs of these nodes and of their sockets; with several nodes in a socket, these are more than those of `nodes`.
    pub(crate) cpus: CpuSet,
    evidence: Vec<Citation>,
}

impl Machine<'_> {
    /// What is near to any of the GPUs with the given addresses; else the sentence that says why it is not known.
    pub(crate) fn near(&self, addresses: &[String]) -> Result<Near, Said> {
        let mut near = Near { nodes: NodeSet::new(), cpus: CpuSet::new(), evidence: Vec::new() };
        for address in addresses {
            let gpu = || Arg::from(address);
            let found = self.gpus.iter().find(|gpu| gpu.address == *address);
            // The first source that tells exactly one node counts.
            let place = found.ok_or_else(|| words::NoSuchGpu { gpu: gpu() })?.place();
            let no_node = |why: Missing| words::NoNode { gpu: gpu(), reason: why.reason.into() };
            let told = place.one().map_err(no_node)?;
            let offline = || words::Offline { gpu: gpu(), node: Arg::text(told.node.to_string()) };
            let node = self.numa.require(told.node)?.ok_or_else(offline)?;
            near.nodes.insert(node.id);
            let socket = self.cpu.map_or_else(|| node.cpus.clone(), |cpu| cpu.with_sockets(&node.cpus));
            near.cpus = near.cpus.union(&socket);
            near.evidence.push(told.quote.clone().into());
        }
        if near.cpus.is_empty() {
            let (nodes, nodes_count) = (Arg::text(near.nodes.to_string()), near.nodes.len().into());
            return Err(words::NoCpus { nodes, nodes_count }.into());
        }
        Ok(near)
    }
}

impl Near {
    /// Nodes that are near: those of the GPUs, and those that have any of the near CPUs.
    pub(crate) fn all_nodes(&self, numa: &Numa) -> NodeSet {
        self.nodes.iter().chain(numa.nodes_of(&self.cpus).iter()).collect()
    }

    pub(crate) fn cite(&self, finding: Finding) -> Finding {
        finding.with_citations(self.evidence.iter().cloned())
    }
}

/// Cites the mask of the busiest thread of a process, beside that of all its threads together.
pub(crate) fn cite_mask(process: &ServerProcess, cpus: &CpuSet) -> Citation {
    process.mask_quote(cpus).into()
}

/// The CPUs that the innermost control group with a set of CPUs grants; `None` where no group has one.
///
/// # Errors
/// Tells what of the groups is not known.
pub(crate) fn cpuset(cgroup: &Cgroup) -> Result<Option<(CpuSet, Citation)>, Missing> {
    Ok(cgroup.granted_cpus()?.map(|(cpus, path, text)| (cpus, Citation::new(path, text))))
}

/// The tightest limit on CPU time above a process that is known, in CPUs, and why there may be a tighter one.
pub(crate) fn known_quota(cgroup: &Cgroup) -> (Option<(f64, Citation)>, Option<Missing>) {
    let (quotas, unknown) = cgroup.quotas();
    let tightest = quotas.into_iter().min_by(|one, other| one.cpus.total_cmp(&other.cpus));
    (tightest.map(|quota| (quota.cpus, quota.quote.into())), unknown)
}

/// The tightest limit on CPU time above a process, in CPUs.
///
/// # Errors
/// A group that has shares of the CPU but tells no limit leaves the question open.
pub(crate) fn quota(cgroup: &Cgroup) -> Result<Option<(f64, Citation)>, Missing> {
    let (tightest, unknown) = known_quota(cgroup);
    unknown.map_or(Ok(tightest), Err)
}

/// No quota in the groups that these citations name.
pub(crate) fn lifting(server: &InferenceServer, quotas: &[Citation]) -> impl Iterator<Item = Intent> {
    quotas.iter().filter_map(move |citation| {
        let (group, _) = citation.source.rsplit_once('/')?;
        let was = citation.value.replace(" (period ", " ").replace(')', "");
        Some(Intent::CpuQuota { server: server.pid, group: group.to_owned(), want: None, was })
    })
}

/// Threads of servers during the window.
pub(crate) struct Load {
    /// Length of the window.
    pub(crate) seconds: f64,
    /// Threads of all servers.
    pub(crate) threads: Vec<ThreadTime>,
}

impl Load {
    /// # Errors
    /// Without `--sample` there is no window.
    pub(crate) fn read(evidence: &Evidence<'_>) -> Result<Self, Missing> {
        let seconds: f64 = evidence.get("/window/seconds")?;
        if seconds <= 0.0 {
            return Err(Missing::new(Absence::Failed, "the window has no length"));
        }
        Ok(Self { seconds, threads: evidence.get("/window/threads")? })
    }

    /// Share of the window in which a thread ran, in %: by the scheduler's clock or by ticks, whichever saw more.
    pub(crate) fn busy_percent(&self, thread: &ThreadTime) -> f64 {
        100.0 * thread.cpu_share(self.seconds)
    }

    /// Share of the window in which a thread was runnable but waited for a CPU, in %.
    pub(crate) fn delay_percent(&self, thread: &ThreadTime) -> Option<f64> {
        thread.wait_ns.known().map(|&wait| 100.0 * wait as f64 / (self.seconds * 1e9))
    }

    /// Threads of all processes of a server.
    pub(crate) fn of_server(&self, server: &InferenceServer) -> impl Iterator<Item = &ThreadTime> {
        server.processes.iter().flat_map(|process| self.of(process.pid))
    }

    /// Threads of one process.
    pub(crate) fn of(&self, pid: u32) -> impl Iterator<Item = &ThreadTime> {
        self.threads.iter().filter(move |thread| thread.pid == pid)
    }
}
