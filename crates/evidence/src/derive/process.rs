//! Processes and threads: `/proc/PID` and `/proc/PID/task/TID`.

use std::collections::BTreeMap;

use procfs_core::FromRead;
use procfs_core::process::Stat;

use crate::derive::freq::numbered;
use crate::derive::gpu::NVIDIA_GPUS;
use crate::fact::{Absence, Fact, Missing};
use crate::index_set::IndexSet;
use crate::model::{Gpu, Nvml, Process, Thread};
use crate::source::{Source, malformed};

/// # Errors
/// Recordings of `/proc` and `/sys` seldom hold processes.
pub(crate) fn derive(
    source: &impl Source,
    gpus: &Fact<Vec<Gpu>>,
    nvml: &Fact<Nvml>,
) -> Result<Vec<Process>, Missing> {
    let users = GpuUsers::new(source, gpus, nvml);
    let pids = numbered(source, "/proc", "")?;
    if pids.is_empty() {
        return Err(Missing::new(Absence::Absent, "no process was recorded"));
    }
    // A process may end while it is read; what is left of it says nothing.
    Ok(pids.into_iter().filter_map(|pid| process(source, pid, &users).ok()).collect())
}

fn process(source: &impl Source, pid: u32, users: &GpuUsers) -> Result<Process, Missing> {
    let path = format!("/proc/{pid}");
    let stat = stat(source, &format!("{path}/stat"))?;
    let threads = numbered(source, &format!("{path}/task"), "").unwrap_or_default();
    Ok(Process {
        pid,
        ppid: u32::try_from(stat.ppid).unwrap_or(0),
        comm: stat.comm,
        cmdline: source
            .text(&format!("{path}/cmdline"))
            .map(|text| text.split('\0').map(str::to_owned).collect())
            .into(),
        cgroup: source.fact(&format!("{path}/cgroup")),
        gpus: users.of(source, pid),
        threads: threads
            .into_iter()
            .filter_map(|tid| thread(source, &format!("{path}/task/{tid}"), tid).ok())
            .collect(),
        path,
    })
}

fn thread(source: &impl Source, path: &str, tid: u32) -> Result<Thread, Missing> {
    let stat = stat(source, &format!("{path}/stat"));
    let status_path = format!("{path}/status");
    let status = source.text(&status_path)?;
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
            .ok_or_else(|| Missing::new(Absence::Absent, format!("{status_path} has no field `{name}`")))
    };
    // Kernels before 2.6.26 have the mask form only.
    let set = |name: &str| -> Fact<IndexSet> {
        let list = field(&format!("{name}_list"))
            .and_then(|text| text.parse().map_err(|_| malformed(&status_path, text)));
        let set = match list {
            Err(missing) if missing.missing == Absence::Absent => field(name)
                .and_then(|text| IndexSet::from_mask(text).map_err(|_| malformed(&status_path, text))),
            list => list,
        };
        set.into()
    };
    Ok(Thread {
        tid,
        comm: field("Name").map_or_else(|_| String::new(), str::to_owned),
        cpus_allowed: set("Cpus_allowed"),
        mems_allowed: set("Mems_allowed"),
        last_cpu: match &stat {
            Ok(stat) => stat
                .processor
                .and_then(|cpu| u32::try_from(cpu).ok())
                .map_or_else(|| Fact::absent(format!("{path}/stat has no field `processor`")), Fact::Known),
            Err(missing) => Fact::Missing(missing.clone()),
        },
        cpu_ticks: stat.map(|stat| stat.utime.saturating_add(stat.stime)).into(),
    })
}

fn stat(source: &impl Source, path: &str) -> Result<Stat, Missing> {
    let bytes = source.read(path)?;
    Stat::from_read(bytes.as_slice()).map_err(|_| malformed(path, &String::from_utf8_lossy(&bytes)))
}

/// Which process uses which GPU.
///
/// NVML knows compute contexts exactly. Without it, open device nodes say which GPUs a process could reach: CUDA opens
/// the node of every visible GPU, so that this is an upper bound.
enum GpuUsers {
    None,
    Nvml(BTreeMap<u32, Vec<String>>),
    Nodes(BTreeMap<String, String>),
    Unknown(Missing),
}

impl GpuUsers {
    fn new(source: &impl Source, gpus: &Fact<Vec<Gpu>>, nvml: &Fact<Nvml>) -> Self {
        match gpus {
            Fact::Missing(missing) => return Self::Unknown(missing.clone()),
            Fact::Known(gpus) if gpus.is_empty() => return Self::None,
            Fact::Known(_) => {}
        }
        let mut by_pid: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        match nvml {
            Fact::Known(nvml) => {
                for device in &nvml.devices {
                    match (device.address.require(), device.compute_processes.require()) {
                        (Ok(address), Ok(processes)) => {
                            for process in processes {
                                by_pid.entry(process.pid).or_default().push(address.clone());
                            }
                        }
                        (Err(missing), _) | (_, Err(missing)) => return Self::Unknown(missing),
                    }
                }
                Self::Nvml(by_pid)
            }
            Fact::Missing(missing) => {
                let nodes: BTreeMap<String, String> = source
                    .list(NVIDIA_GPUS)
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|address| {
                        let text = source.text(&format!("{NVIDIA_GPUS}/{address}/information")).ok()?;
                        let minor = text.lines().find_map(|line| line.strip_prefix("Device Minor:"))?;
                        Some((format!("/dev/nvidia{}", minor.trim()), address.to_lowercase()))
                    })
                    .collect();
                if nodes.is_empty() { Self::Unknown(missing.clone()) } else { Self::Nodes(nodes) }
            }
        }
    }

    fn of(&self, source: &impl Source, pid: u32) -> Fact<Vec<String>> {
        match self {
            Self::None => Fact::Known(Vec::new()),
            Self::Nvml(by_pid) => Fact::Known(by_pid.get(&pid).cloned().unwrap_or_default()),
            Self::Nodes(nodes) => {
                let folder = format!("/proc/{pid}/fd");
                match source.list(&folder) {
                    Ok(names) => {
                        let mut used: Vec<String> = names
                            .iter()
                            .filter_map(|name| source.link(&format!("{folder}/{name}")).ok())
                            .filter_map(|target| nodes.get(&target).cloned())
                            .collect();
                        used.sort();
                        used.dedup();
                        Fact::Known(used)
                    }
                    // Only links to device nodes are kept, so a process without any has no folder.
                    Err(missing) if missing.missing == Absence::Absent => Fact::Known(Vec::new()),
                    Err(missing) => Fact::Missing(missing),
                }
            }
            Self::Unknown(missing) => Fact::Missing(missing.clone()),
        }
    }
}
