//! Inference servers, found by what their processes are, and what `/proc` says of them.

mod memory;
mod options;
pub mod package;
pub mod recognise;

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::Bundle;
use crate::derive::{bounds, cgroup};
use crate::fact::{Absence, Fact, Missing};
use crate::model::{
    Cgroup, InferenceServer, PossibleWorker, PossibleWorkers, Process, ProcessLimit, Role, ServerProcess,
};
use crate::source::{Source, malformed};
use recognise::{Candidate, Group, group, kind_of};

/// Names of environment variables that are kept; one that ends with `*` stands for all that begin so.
pub const ENVIRONMENT: &[&str] = &[
    "CONDA_PREFIX",
    "CUDA_DEVICE_MAX_CONNECTIONS",
    "CUDA_DEVICE_ORDER",
    "CUDA_MPS_*",
    "CUDA_VISIBLE_DEVICES",
    "GOMP_CPU_AFFINITY",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "KMP_AFFINITY",
    "LD_PRELOAD",
    "MALLOC_ARENA_MAX",
    "MKL_NUM_THREADS",
    "NCCL_*",
    "NVIDIA_VISIBLE_DEVICES",
    "OLLAMA_*",
    "OMPI_MCA_hwloc_*",
    "OMPI_MCA_rmaps_*",
    "OMP_NUM_THREADS",
    "OMP_PLACES",
    "OMP_PROC_BIND",
    "OPENBLAS_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "SGLANG_*",
    "SLURM_CPU_BIND*",
    "TLLM_*",
    "TOKENIZERS_PARALLELISM",
    "UCX_NET_DEVICES",
    "VIRTUAL_ENV",
    "VLLM_*",
    "XDG_CACHE_HOME",
    // Told to the first process of a container, which may be a server.
    "container",
];

/// True for a variable that is kept.
#[must_use]
pub fn is_kept(name: &str) -> bool {
    ENVIRONMENT.iter().any(|kept| match kept.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => *kept == name,
    })
}

/// # Errors
/// Without processes there are no servers to be found.
pub(crate) fn derive(
    bundle: &Bundle,
    processes: &Fact<Vec<Process>>,
) -> Result<Vec<InferenceServer>, Missing> {
    let processes = processes.require()?;
    let candidates: Vec<Candidate> =
        processes.iter().filter(|process| !process.kernel).map(|own| candidate(bundle, own)).collect();
    let by_pid: BTreeMap<u32, &Process> = processes.iter().map(|process| (process.pid, process)).collect();
    let groups = group(&candidates);
    bounds::at_most(bounds::SERVERS, groups.len(), "inference servers")?;
    Ok(groups.iter().map(|group| server(bundle, group, &by_pid)).collect())
}

/// Processes outside of `servers` of which nobody could tell whether they use a GPU.
///
/// # Errors
/// Without processes or servers it cannot be said.
pub(crate) fn possible_workers(
    processes: &Fact<Vec<Process>>,
    servers: &Fact<Vec<InferenceServer>>,
) -> Result<PossibleWorkers, Missing> {
    let placed: BTreeSet<u32> = servers
        .require()?
        .iter()
        .flat_map(|server| server.processes.iter().map(|process| process.pid))
        .collect();
    let outside =
        processes.require()?.iter().filter(|process| !process.kernel && !placed.contains(&process.pid));
    let mut workers = outside.filter_map(|process| match &process.gpus {
        Fact::Missing(why) => {
            Some(PossibleWorker { pid: process.pid, comm: process.comm.clone(), why: why.clone() })
        }
        Fact::Known(_) => None,
    });
    let first = workers.next();
    let count = u32::from(first.is_some()).saturating_add(u32::try_from(workers.count()).unwrap_or(u32::MAX));
    Ok(PossibleWorkers { count, first })
}

fn candidate(bundle: &Bundle, process: &Process) -> Candidate {
    Candidate {
        pid: process.pid,
        ppid: process.ppid,
        comm: process.comm.clone(),
        arguments: process.cmdline.known().cloned().unwrap_or_default(),
        gpu: process.gpus.known().is_some_and(|gpus| !gpus.is_empty()),
        named: bundle.manifest().servers.contains(&process.pid),
    }
}

fn server(source: &impl Source, group: &Group, by_pid: &BTreeMap<u32, &Process>) -> InferenceServer {
    let root = by_pid.get(&group.root).copied();
    let arguments = root.map_or_else(Fact::default, |root| root.cmdline.clone());
    let options = arguments.clone().map(|arguments| options::parse(&arguments));
    let place = root.map_or_else(Fact::default, |root| root.cgroup.clone());
    InferenceServer {
        kind: group.kind.to_owned(),
        pid: group.root,
        model: match (&arguments, &options) {
            (Fact::Known(arguments), Fact::Known(options)) => options::model(group.kind, arguments, options),
            (Fact::Missing(missing), _) | (_, Fact::Missing(missing)) => Fact::Missing(missing.clone()),
        },
        version: package::version(source, group.kind, &format!("/proc/{}", group.root)),
        tensor_parallel: options::size(group.kind, &options, options::TENSOR_PARALLEL),
        pipeline_parallel: options::size(group.kind, &options, options::PIPELINE_PARALLEL),
        data_parallel: options::size(group.kind, &options, options::DATA_PARALLEL),
        options,
        unit: place
            .clone()
            .and_then(|place| named(unit(&place), &place, "no systemd service in its control group")),
        container: place
            .and_then(|place| named(container(&place), &place, "its control group names no container")),
        processes: group
            .members
            .iter()
            .filter_map(|pid| by_pid.get(pid))
            .map(|process| member(source, process, group))
            .collect(),
    }
}

fn named(name: Option<String>, membership: &str, why: &str) -> Fact<String> {
    match name {
        Some(name) => Fact::Known(name),
        // Seen from inside of a namespace of control groups, its own group is the root whatever it is called outside.
        None if membership.lines().all(|line| line.ends_with(":/")) => Fact::Missing(Missing::not_recorded(
            "its control group is the root of what can be seen: a namespace of its own may hide unit and container",
        )),
        None => Fact::absent(why),
    }
}

/// The innermost `.service` of a control group path.
fn unit(membership: &str) -> Option<String> {
    membership.lines().find_map(|line| {
        let path = line.splitn(3, ':').nth(2)?;
        path.rsplit('/').find(|part| part.ends_with(".service")).map(str::to_owned)
    })
}

/// The innermost part of a control group path that holds a container's id: 64 hexadecimal digits.
fn container(membership: &str) -> Option<String> {
    membership.lines().find_map(|line| {
        let path = line.splitn(3, ':').nth(2)?;
        path.rsplit('/').find_map(|part| {
            let part = part.strip_suffix(".scope").unwrap_or(part);
            let id = part.rsplit(['-', ':']).next().unwrap_or(part);
            (id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_owned())
        })
    })
}

fn member(source: &impl Source, process: &Process, group: &Group) -> ServerProcess {
    let path = &process.path;
    let arguments = process.cmdline.known().map_or(&[][..], Vec::as_slice);
    let uses_gpu = process.gpus.known().is_some_and(|gpus| !gpus.is_empty());
    let role = match kind_of(&process.comm, arguments) {
        Some((_, role)) if role != Role::Other => role,
        _ if group.kind == recognise::UNKNOWN && group.members.len() == 1 => Role::Whole,
        _ if uses_gpu => Role::GpuWorker,
        // One that the user named.
        _ if group.kind == recognise::UNKNOWN && process.pid == group.root => Role::Whole,
        _ => Role::Other,
    };
    let status = source.text(&format!("{path}/status"));
    let field = |name: &str| -> Result<&str, Missing> {
        let status = status.as_ref().map_err(Clone::clone)?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(str::trim)
            .ok_or_else(|| Missing::new(Absence::Absent, format!("{path}/status has no field `{name}`")))
    };
    let status_path = format!("{path}/status");
    ServerProcess {
        pid: process.pid,
        ppid: process.ppid,
        comm: process.comm.clone(),
        role,
        cmdline: process.cmdline.clone(),
        gpus: process.gpus.clone(),
        threads: process.threads.clone(),
        environment: source
            .text(&format!("{path}/environ"))
            .map(|text| {
                let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
                pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
            })
            .into(),
        limits: limits(source, &format!("{path}/limits")).into(),
        open_files: source.list(&format!("{path}/fd")).map(|names| names.len() as u64).into(),
        oom_score_adj: source.parse(&format!("{path}/oom_score_adj")).into(),
        memory: memory::derive(source, &format!("{path}/numa_maps")).into(),
        swap_bytes: field("VmSwap")
            .and_then(|text| {
                let number = text.strip_suffix("kB").and_then(|number| number.trim().parse::<u64>().ok());
                number.and_then(|kib| kib.checked_mul(1024)).ok_or_else(|| malformed(&status_path, text))
            })
            .into(),
        cgroup: group_chain(source, path).into(),
        shm: shm(source, path).into(),
        network_namespace: source.link(&format!("{path}/ns/net")).into(),
        seccomp: field("Seccomp")
            .and_then(|text| text.parse().map_err(|_| malformed(&status_path, text)))
            .into(),
        cap_eff: field("CapEff")
            .and_then(|text| u64::from_str_radix(text, 16).map_err(|_| malformed(&status_path, text)))
            .into(),
        no_new_privs: field("NoNewPrivs").map(|text| text == "1").into(),
        path: path.clone(),
    }
}

fn group_chain(source: &impl Source, path: &str) -> Result<Cgroup, Missing> {
    cgroup::chain_of(source, &format!("{path}/cgroup"))
}

/// `/proc/PID/limits`: a table whose columns begin where those of the heading do.
fn limits(source: &impl Source, path: &str) -> Result<BTreeMap<String, ProcessLimit>, Missing> {
    let text = source.text(path)?;
    let mut lines = text.lines();
    let heading = lines.next().unwrap_or_default();
    let (Some(soft), Some(hard), Some(units)) =
        (heading.find("Soft Limit"), heading.find("Hard Limit"), heading.find("Units"))
    else {
        return Err(malformed(path, &text));
    };
    let value = |text: Option<&str>| -> Result<Option<u64>, Missing> {
        match text.map(str::trim) {
            Some("unlimited") => Ok(None),
            Some(number) => number.parse().map(Some).map_err(|_| malformed(path, number)),
            None => Err(malformed(path, heading)),
        }
    };
    lines
        .map(|line| {
            let name = line.get(..soft).ok_or_else(|| malformed(path, line))?;
            let limit = ProcessLimit {
                soft: value(line.get(soft..hard))?,
                hard: value(line.get(hard..units.min(line.len())))?,
            };
            Ok((name.trim().to_owned(), limit))
        })
        .collect()
}

/// Size limit of `/dev/shm` by the process's own mounts; without an option a tmpfs takes half of the memory.
fn shm(source: &impl Source, path: &str) -> Result<u64, Missing> {
    let mounts_path = format!("{path}/mounts");
    let mounts = source.text(&mounts_path)?;
    let options = mounts
        .lines()
        // The last of several mounts on one place is the one that is seen.
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let (place, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
            (place == "/dev/shm" && kind == "tmpfs").then_some(options)
        })
        .next_back()
        .ok_or_else(|| Missing::new(Absence::Absent, format!("{mounts_path} has no tmpfs at /dev/shm")))?;
    match options.split(',').find_map(|option| option.strip_prefix("size=")) {
        Some(size) => size_in_bytes(size).ok_or_else(|| malformed(&mounts_path, size)),
        None => {
            let text = source.text("/proc/meminfo")?;
            let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
            let kib = total.and_then(|total| total.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
            kib.map(|kib| kib.saturating_mul(512)).ok_or_else(|| malformed("/proc/meminfo", &text))
        }
    }
}

fn size_in_bytes(size: &str) -> Option<u64> {
    let (number, unit) = match size.as_bytes().last()? {
        b'k' => (&size[..size.len() - 1], 1024),
        b'm' => (&size[..size.len() - 1], 1024 * 1024),
        b'g' => (&size[..size.len() - 1], 1024 * 1024 * 1024),
        _ => (size, 1),
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_groups_name_unit_and_container() {
        let id = "a".repeat(64);
        assert_eq!(unit("0::/system.slice/vllm.service\n").as_deref(), Some("vllm.service"));
        assert_eq!(unit("0::/user.slice/session-3.scope\n"), None);
        for path in [
            format!("0::/system.slice/docker-{id}.scope"),
            format!("4:cpu,cpuacct:/docker/{id}"),
            format!("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope"),
            format!("0::/kubepods/pod1/{id}"),
            format!("0::/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:{id}"),
        ] {
            assert_eq!(container(&path).as_deref(), Some(id.as_str()), "{path}");
        }
        assert_eq!(container("0::/system.slice/ssh.service"), None);
    }

    #[test]
    fn kept_variables_are_listed() {
        assert!(is_kept("VLLM_USE_V1") && is_kept("OMP_NUM_THREADS") && is_kept("NCCL_P2P_LEVEL"));
        assert!(!is_kept("OMP_NUM_THREADS_X") && !is_kept("AWS_SECRET_ACCESS_KEY") && !is_kept("HF_TOKEN"));
    }

    #[test]
    fn sizes_of_mounts() {
        assert_eq!(size_in_bytes("65536k"), Some(64 << 20));
        assert_eq!(size_in_bytes("16g"), Some(16 << 30));
        assert_eq!(size_in_bytes("512"), Some(512));
        assert_eq!(size_in_bytes("x"), None);
        assert_eq!(size_in_bytes(""), None);
    }
}
