//! Inference servers: which processes they are made of, how they were started, what they were given.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Cgroup, Cpu, Thread};
use crate::fact::{Absence, Fact, Missing};
use crate::index_set::CpuSet;

/// One inference server: the processes that serve one model together.
///
/// A process that uses a GPU and is of no known kind is a server of the kind `unknown`, so that nothing on a GPU goes
/// unjudged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InferenceServer {
    /// As in [`ENGINES`](super::ENGINES): `vllm`, `sglang`, `tensorrt-llm`, `llama.cpp`, …, or `unknown`.
    #[serde(default)]
    pub kind: String,
    /// PID of the process that the others descend from.
    pub pid: u32,
    /// Model as it was named at the start.
    #[serde(default)]
    pub model: Fact<String>,
    /// Version of the server, by the metadata of its package.
    #[serde(default)]
    pub version: Fact<String>,
    /// Long options of the command line without dashes and with `-` between words, and their values; a flag has the
    /// value `true`, a repeated option its values joined with a comma.
    #[serde(default)]
    pub options: Fact<BTreeMap<String, String>>,
    /// GPUs that share one replica's layers (tensor parallel size), from options or, failing that, their default 1.
    #[serde(default)]
    pub tensor_parallel: Fact<u32>,
    /// Stages of the pipeline.
    #[serde(default)]
    pub pipeline_parallel: Fact<u32>,
    /// Replicas behind one server.
    #[serde(default)]
    pub data_parallel: Fact<u32>,
    /// systemd unit, from the control group (`vllm.service`).
    #[serde(default)]
    pub unit: Fact<String>,
    /// Container id, from the control group; absent outside a container.
    #[serde(default)]
    pub container: Fact<String>,
    /// Its processes, by PID.
    pub processes: Vec<ServerProcess>,
}

impl InferenceServer {
    /// How findings name the server.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("{} server, process {}", self.kind, self.pid)
    }

    /// The process that stands for the server: its root, or else the first; `None` for a server without processes.
    #[must_use]
    pub fn main_process(&self) -> Option<&ServerProcess> {
        let root = self.processes.iter().find(|process| process.pid == self.pid);
        root.or_else(|| self.processes.first())
    }

    /// Whether the process, and so each of its threads, belongs to the server.
    #[must_use]
    pub fn holds(&self, pid: u32) -> bool {
        self.processes.iter().any(|process| process.pid == pid)
    }

    /// Whether its processes use both of two GPUs.
    ///
    /// # Errors
    /// Of one of its processes nobody could tell which GPUs it uses.
    pub fn spans(&self, a: &str, b: &str) -> Result<bool, &Missing> {
        let mut uses = [false; 2];
        for process in &self.processes {
            let gpus = match &process.gpus {
                Fact::Known(gpus) => gpus,
                Fact::Missing(missing) => return Err(missing),
            };
            uses = [uses[0] || gpus.iter().any(|gpu| gpu == a), uses[1] || gpus.iter().any(|gpu| gpu == b)];
        }
        Ok(uses == [true; 2])
    }
}

/// Pairs of `gpus` that some server uses, or may use where that is not known; all where none is known to use any.
#[must_use]
pub fn pairs_in_use<'a>(servers: &[InferenceServer], gpus: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let all = gpus.iter().flat_map(|a| gpus.iter().filter(move |b| a < *b).map(move |b| (*a, *b)));
    let (used, unused): (Vec<_>, Vec<_>) =
        all.partition(|(a, b)| servers.iter().any(|server| server.spans(a, b).unwrap_or(true)));
    if used.is_empty() { unused } else { used }
}

/// CPUs that threads of servers may run on which have used CPU time, or may have.
#[must_use]
pub fn cpus_allowed(servers: &[InferenceServer]) -> CpuSet {
    let threads = servers.iter().flat_map(|server| &server.processes).flat_map(|process| &process.threads);
    let busy = threads.filter(|thread| thread.cpu_ticks.known() != Some(&0));
    busy.filter_map(|thread| thread.cpus_allowed.known()).fold(CpuSet::new(), |all, cpus| all.union(cpus))
}

/// The server that a process belongs to, and so each of its threads.
#[must_use]
pub fn server_of(servers: &[InferenceServer], pid: u32) -> Option<&InferenceServer> {
    servers.iter().find(|server| server.holds(pid))
}

/// Why nothing can be said of inference servers where none was found: one may be there and not have been started yet, so
/// that this is not the absence of a server.
#[must_use]
pub fn no_server() -> Missing {
    Missing::new(Absence::Skipped, "no inference server was found: collect while the service runs")
}

impl InferenceServer {
    /// PCI addresses of the GPUs that its processes are known to use, and why there may be more, with the process of which
    /// that is not known. As many as its replicas need are all, whatever is not known of its other processes.
    pub fn known_gpus(&self) -> (BTreeSet<&str>, Result<(), (u32, Missing)>) {
        let none = || (self.pid, Missing::new(Absence::Failed, "no process of the server was recorded"));
        let mut unknown = self.processes.is_empty().then(none);
        let mut gpus = BTreeSet::new();
        for process in &self.processes {
            match &process.gpus {
                Fact::Known(of_process) => gpus.extend(of_process.iter().map(String::as_str)),
                Fact::Missing(why) => unknown = unknown.or_else(|| Some((process.pid, why.clone()))),
            }
        }
        let sizes = [&self.tensor_parallel, &self.pipeline_parallel, &self.data_parallel];
        let whole: Option<u32> = sizes.into_iter().map(|size| size.known().copied()).product();
        let is_whole = whole.is_some_and(|whole| whole > 0 && gpus.len() >= whole as usize);
        (gpus, unknown.filter(|_| !is_whole).map_or(Ok(()), Err))
    }

    /// The process that schedules batches, where no core is left for it: to each core that it may run on, a thread of another
    /// process of the server is pinned which has run. With the CPUs of these cores, and the number of such threads.
    #[must_use]
    pub fn crowded_out(&self, cpu: &Cpu) -> Option<(&ServerProcess, CpuSet, usize)> {
        let core_of = |id: u32| cpu.cpus.iter().find(|pu| pu.cpu == id).map(|pu| pu.core);
        self.processes.iter().filter(|process| process.role == Role::EngineCore).find_map(|process| {
            let mask = process.mask(&cpu.online);
            let cores: BTreeSet<u32> = mask.cpus.iter().filter_map(core_of).collect();
            let others = self.processes.iter().filter(|other| other.pid != process.pid);
            let ran = others.flat_map(|other| &other.threads).filter(|thread| {
                thread.cpu_ticks.known() != Some(&0)
                    && thread.cpus_allowed.known().is_some_and(|cpus| cpus.len() == 1)
            });
            let pinned: Vec<u32> = ran.filter_map(|thread| thread.cpus_allowed.known()?.first()).collect();
            let taken: BTreeSet<u32> = pinned.iter().filter_map(|id| core_of(*id)).collect();
            let is_full = mask.unknown.is_none() && !cores.is_empty() && cores.is_subset(&taken);
            is_full.then_some((process, mask.cpus, pinned.len()))
        })
    }
}

/// Processes outside of every server of which nobody could tell whether they use a GPU: each may be a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PossibleWorkers {
    /// Their number.
    pub count: u32,
    /// The first of them and why it is not known; `None` where there is none.
    pub first: Option<PossibleWorker>,
}

/// A process of which nobody could tell whether it uses a GPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PossibleWorker {
    /// Process id.
    pub pid: u32,
    /// Name, at most 15 bytes; empty if nothing of the process could be read.
    pub comm: String,
    /// Why it is not known.
    pub why: Missing,
}

/// What a process does in its server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Takes requests from the network.
    ApiServer,
    /// Schedules batches.
    EngineCore,
    /// Launches kernels on one GPU or more.
    GpuWorker,
    /// Turns text into tokens or back.
    Tokenizer,
    /// Spreads requests over replicas.
    Router,
    /// All of these in one process.
    Whole,
    /// Anything else: helpers, resource trackers, shells.
    #[default]
    Other,
}

/// One process of an inference server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerProcess {
    /// Folder that it was read from, `/proc/PID`.
    #[serde(default)]
    pub path: String,
    /// Process id, in the PID namespace of the collector.
    pub pid: u32,
    /// Process id of the parent.
    #[serde(default)]
    pub ppid: u32,
    /// Name, at most 15 bytes.
    #[serde(default)]
    pub comm: String,
    /// What it does.
    pub role: Role,
    /// Arguments; values that look like secrets were masked at collection.
    #[serde(default)]
    pub cmdline: Fact<Vec<String>>,
    /// PCI addresses of the GPUs that it uses, by NVML or by open device nodes.
    #[serde(default)]
    pub gpus: Fact<Vec<String>>,
    /// Threads, by thread id.
    #[serde(default)]
    pub threads: Vec<Thread>,
    /// Environment: allowed names only, values that look like secrets masked.
    #[serde(default)]
    pub environment: Fact<BTreeMap<String, String>>,
    /// Limits by the kernel's name (`Max open files`).
    #[serde(default)]
    pub limits: Fact<BTreeMap<String, ProcessLimit>>,
    /// Number of open file descriptors.
    #[serde(default)]
    pub open_files: Fact<u64>,
    /// -1000 (never killed for want of memory) to 1000.
    #[serde(default)]
    pub oom_score_adj: Fact<i32>,
    /// Where its memory is.
    #[serde(default)]
    pub memory: Fact<ProcessMemory>,
    /// Swapped out, in bytes (`VmSwap`).
    #[serde(default)]
    pub swap_bytes: Fact<u64>,
    /// Its control groups, from its own up to the root.
    #[serde(default)]
    pub cgroup: Fact<Cgroup>,
    /// Size limit of `/dev/shm` as it sees it, in bytes; half of the memory where the mount names none.
    #[serde(default)]
    pub shm: Fact<u64>,
    /// Its network namespace, as `/proc/PID/ns/net` names it (`net:[4026531840]`).
    #[serde(default)]
    pub network_namespace: Fact<String>,
    /// System-call filter: 0 none, 1 strict, 2 filter.
    #[serde(default)]
    pub seccomp: Fact<u32>,
    /// Effective capabilities, as the kernel's bit mask.
    #[serde(default)]
    pub cap_eff: Fact<u64>,
    /// True if it can gain no privileges.
    #[serde(default)]
    pub no_new_privs: Fact<bool>,
}

/// Where the memory of a process is, from `numa_maps`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessMemory {
    /// File that it was read from.
    pub path: String,
    /// Resident bytes by NUMA node, file mappings included.
    pub bytes_by_node: BTreeMap<u32, u64>,
    /// Resident anonymous and heap bytes by NUMA node: what the process itself allocated.
    pub anonymous_by_node: BTreeMap<u32, u64>,
    /// Number of mappings by memory policy (`default`, `bind:0`, `interleave:0-1`, `prefer:1`, …).
    pub policies: BTreeMap<String, u32>,
}

impl ProcessMemory {
    /// Whether most of what is mapped is bound to nodes or spread over them by a policy, against which balancing moves no
    /// pages (`vma_policy_mof` in mm/mempolicy.c).
    #[must_use]
    pub fn is_bound(&self) -> bool {
        let own = |(policy, _): &(&String, &u32)| {
            ["bind", "interleave"].iter().any(|kind| policy.starts_with(kind))
        };
        let of_own: u32 = self.policies.iter().filter(own).map(|(_, count)| *count).sum();
        2 * of_own > self.policies.values().sum()
    }
}

/// A limit of a process; `None` is unlimited, so that one that got lost must not read as `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessLimit {
    /// In force.
    #[serde(deserialize_with = "Option::deserialize")]
    pub soft: Option<u64>,
    /// Up to which the process may raise it.
    #[serde(deserialize_with = "Option::deserialize")]
    pub hard: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_gpus_as_replicas_need_are_all() {
        let process = |pid, gpus| ServerProcess { pid, gpus, ..ServerProcess::default() };
        let mut server = InferenceServer {
            tensor_parallel: Fact::Known(2),
            pipeline_parallel: Fact::Known(1),
            data_parallel: Fact::Known(1),
            processes: vec![
                process(1, Fact::Missing(Missing::new(Absence::Denied, "no"))),
                process(2, Fact::Known(vec!["a".to_owned()])),
                process(3, Fact::Known(vec!["b".to_owned()])),
            ],
            ..InferenceServer::default()
        };
        let (gpus, rest) = server.known_gpus();
        assert_eq!((gpus.len(), rest), (2, Ok(())));
        server.data_parallel = Fact::Known(2);
        let (gpus, rest) = server.known_gpus();
        assert_eq!((gpus.len(), rest.unwrap_err().0), (2, 1));
        server.data_parallel = Fact::absent("not told");
        assert!(server.known_gpus().1.is_err());
        assert!(InferenceServer::default().known_gpus().1.is_err(), "a server without processes");
    }
}
