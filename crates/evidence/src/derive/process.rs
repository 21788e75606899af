//! Processes and threads: `/proc/PID` and `/proc/PID/task/TID`.

use std::collections::BTreeMap;

use procfs_core::FromRead;
use procfs_core::process::Stat;

use crate::derive::bounds;
use crate::derive::freq::numbered;
use crate::derive::gpu::NVIDIA_GPUS;
use crate::fact::{Absence, Fact, Missing};
use crate::index_set::IndexSet;
use crate::model::{Gpu, Nvml, Process, Thread};
use crate::source::{Source, malformed};

/// `PF_KTHREAD` of the kernel's `include/linux/sched.h`: a thread of the kernel itself.
const KERNEL_THREAD: u32 = 0x0020_0000;

/// Whether `/proc/PID/stat` says that it is a thread of the kernel. These have neither arguments nor threads, and the
/// collector keeps `stat` and `status` of them only.
#[must_use]
pub fn is_kernel_thread(stat: &str) -> bool {
    // After the name, which may hold anything, the flags are the seventh field (proc_pid_stat(5)).
    let flags = stat.rfind(')').and_then(|end| stat[end + 1..].split_ascii_whitespace().nth(6));
    flags.and_then(|flags| flags.parse::<u32>().ok()).is_some_and(|flags| flags & KERNEL_THREAD != 0)
}

/// # Errors
/// Recordings of `/proc` and `/sys` seldom hold processes; a probe that ran out of time brings none either.
pub(crate) fn derive(
    source: &impl Source,
    live: bool,
    gpus: &Fact<Vec<Gpu>>,
    nvml: &Fact<Nvml>,
) -> Result<Vec<Process>, Missing> {
    let pids = numbered(source, "/proc", "")?;
    bounds::at_most(bounds::PROCESSES, pids.len(), "processes")?;
    let users = GpuUsers::new(source, live, &pids, gpus, nvml);
    let mut processes = Vec::with_capacity(pids.len());
    let mut unreadable = None;
    for pid in pids {
        let path = format!("/proc/{pid}");
        match stat(source, &format!("{path}/stat")) {
            Ok(stat) => processes.push(process(source, path, pid, stat, &users)),
            // One that ended before it was read has no file at all: `stat` is the first that is read of each. Without it,
            // what is left is a process of which too little was kept.
            Err(why) => {
                processes.push(unreadable_process(path, pid, &why));
                unreadable.get_or_insert(why);
            }
        }
    }
    let nothing_seen = processes.iter().all(|process| process.comm.is_empty());
    match unreadable {
        Some(why) if nothing_seen => Err(why),
        // Every node has some.
        _ if processes.is_empty() => Err(Missing::not_recorded("no process was recorded")),
        _ => Ok(processes),
    }
}

fn process(source: &impl Source, path: String, pid: u32, stat: Stat, users: &GpuUsers) -> Process {
    let kernel = stat.flags & KERNEL_THREAD != 0;
    let threads = match numbered(source, &format!("{path}/task"), "") {
        Ok(tids) => {
            tids.into_iter().filter_map(|tid| thread(source, &format!("{path}/task/{tid}"), tid)).collect()
        }
        // It is its own only thread.
        Err(why) if kernel && why.is_nothing() => thread(source, &path, pid).into_iter().collect(),
        Err(why) => vec![unreadable_thread(pid, stat.comm.clone(), &why)],
    };
    Process {
        pid,
        ppid: u32::try_from(stat.ppid).unwrap_or(0),
        comm: stat.comm,
        kernel,
        cmdline: match source.text(&format!("{path}/cmdline")) {
            Err(why) if kernel && why.is_nothing() => Fact::Known(Vec::new()),
            text => text
                .map(|text| text.split('\0').filter(|_| !text.is_empty()).map(str::to_owned).collect())
                .into(),
        },
        cgroup: match source.fact(&format!("{path}/cgroup")) {
            Fact::Missing(why) if kernel && why.is_nothing() => Fact::Missing(Missing::new(
                Absence::Skipped,
                "control groups of the kernel's own threads are not collected",
            )),
            cgroup => cgroup,
        },
        gpus: if kernel { Fact::Known(Vec::new()) } else { users.of(source, pid) },
        threads,
        path,
    }
}

/// A process that is there and of which nothing can be said: left out, it would seem to be none.
fn unreadable_process(path: String, pid: u32, why: &Missing) -> Process {
    Process {
        path,
        pid,
        ppid: 0,
        comm: String::new(),
        kernel: false,
        cmdline: Fact::Missing(why.clone()),
        cgroup: Fact::Missing(why.clone()),
        gpus: Fact::Missing(why.clone()),
        threads: vec![unreadable_thread(pid, String::new(), why)],
    }
}

fn unreadable_thread(tid: u32, comm: String, why: &Missing) -> Thread {
    Thread {
        tid,
        comm,
        cpus_allowed: Fact::Missing(why.clone()),
        mems_allowed: Fact::Missing(why.clone()),
        last_cpu: Fact::Missing(why.clone()),
        cpu_ticks: Fact::Missing(why.clone()),
        policy: Fact::Missing(why.clone()),
        rt_priority: Fact::Missing(why.clone()),
        nice: Fact::Missing(why.clone()),
    }
}

/// A thread, or `None` if it ended while it was read.
fn thread(source: &impl Source, path: &str, tid: u32) -> Option<Thread> {
    let stat = stat(source, &format!("{path}/stat"));
    let status_path = format!("{path}/status");
    let status = source.text(&status_path);
    let gone = |why: Option<&Missing>| why.is_some_and(|why| why.missing == Absence::Absent);
    if gone(stat.as_ref().err()) && gone(status.as_ref().err()) {
        return None;
    }
    let field = |name: &str| {
        let status = status.as_ref().map_err(Clone::clone)?;
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
    Some(Thread {
        tid,
        comm: field("Name").map_or_else(|_| String::new(), str::to_owned),
        cpus_allowed: set("Cpus_allowed"),
        mems_allowed: set("Mems_allowed"),
        last_cpu: of_stat(&stat, path, |stat| stat.processor.and_then(|cpu| u32::try_from(cpu).ok())),
        cpu_ticks: of_stat(&stat, path, |stat| Some(stat.utime.saturating_add(stat.stime))),
        policy: of_stat(&stat, path, |stat| stat.policy),
        rt_priority: of_stat(&stat, path, |stat| stat.rt_priority),
        nice: of_stat(&stat, path, |stat| i32::try_from(stat.nice).ok()),
    })
}

/// A field of `stat` that old kernels may lack.
fn of_stat<T>(stat: &Result<Stat, Missing>, path: &str, field: impl Fn(&Stat) -> Option<T>) -> Fact<T> {
    match stat {
        Ok(stat) => field(stat)
            .map_or_else(|| Fact::absent(format!("{path}/stat lacks the field on this kernel")), Fact::Known),
        Err(missing) => Fact::Missing(missing.clone()),
    }
}

pub(super) fn stat(source: &impl Source, path: &str) -> Result<Stat, Missing> {
    let bytes = source.read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    // The parser panics where the number, the name in brackets and the rest do not follow each other with blanks between.
    let line = text.trim();
    let well_formed = line.find('(').zip(line.rfind(')')).is_some_and(|(from, to)| {
        from > 0 && from < to && line.get(..from - 1).is_some() && line.get(to + 2..).is_some()
    });
    if !well_formed {
        return Err(malformed(path, &text));
    }
    Stat::from_read(text.as_bytes()).map_err(|_| malformed(path, &text))
}

/// Which process uses which GPU.
///
/// NVML knows compute contexts exactly. Without it, open device nodes say which GPUs a process could reach: CUDA opens
/// the node of every visible GPU, so that more than one is an upper bound and no answer.
enum GpuUsers {
    None,
    /// The second part is what holds for a process that NVML does not name.
    Nvml(BTreeMap<u32, Vec<String>>, Result<(), Missing>),
    Nodes(BTreeMap<String, String>, bool),
    Unknown(Missing),
}

impl GpuUsers {
    fn new(source: &impl Source, live: bool, pids: &[u32], gpus: &Fact<Vec<Gpu>>, nvml: &Fact<Nvml>) -> Self {
        let gpus = match gpus {
            Fact::Missing(missing) => return Self::Unknown(missing.clone()),
            Fact::Known(gpus) if gpus.is_empty() => return Self::None,
            Fact::Known(gpus) => gpus,
        };
        let answer = match nvml {
            // Guests and containers may be told of the GPUs and not of their processes.
            Fact::Known(nvml) => {
                Self::by_nvml(pids, gpus, nvml).or_else(|why| Self::by_nodes(source, live, &why))
            }
            Fact::Missing(missing) => Self::by_nodes(source, live, missing),
        };
        answer.unwrap_or_else(Self::Unknown)
    }

    fn by_nvml(pids: &[u32], gpus: &[Gpu], nvml: &Nvml) -> Result<Self, Missing> {
        let mut by_pid: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        let mut rest = Ok(());
        for device in &nvml.devices {
            let address = device.address.require()?;
            for process in device.compute_processes.require()? {
                if !pids.contains(&process.pid) {
                    // In another PID namespace the number may even be that of another process here.
                    return Err(Missing::new(
                        Absence::Failed,
                        format!(
                            "NVML names process {}, which /proc does not list: it is hidden, in another PID \
                             namespace, or has just ended",
                            process.pid
                        ),
                    ));
                }
                by_pid.entry(process.pid).or_default().push(address.clone());
            }
        }
        let listed =
            |gpu: &&Gpu| nvml.devices.iter().any(|device| device.address.known() == Some(&gpu.address));
        if let Some(gpu) = gpus.iter().find(|gpu| !listed(gpu)) {
            let reason = format!("NVML does not list {}, so its users are not known", gpu.address);
            rest = Err(Missing::new(Absence::Absent, reason));
        }
        Ok(Self::Nvml(by_pid, rest))
    }

    fn by_nodes(source: &impl Source, live: bool, nvml: &Missing) -> Result<Self, Missing> {
        let addresses = source.list(NVIDIA_GPUS).map_err(|_| nvml.clone())?;
        let mut nodes = BTreeMap::new();
        for address in addresses {
            let path = format!("{NVIDIA_GPUS}/{address}/information");
            let text = source.text(&path)?;
            let minor = text
                .lines()
                .find_map(|line| line.strip_prefix("Device Minor:"))
                .ok_or_else(|| malformed(&path, &text))?;
            nodes.insert(format!("/dev/nvidia{}", minor.trim()), address.to_lowercase());
        }
        Ok(Self::Nodes(nodes, live))
    }

    fn of(&self, source: &impl Source, pid: u32) -> Fact<Vec<String>> {
        match self {
            Self::None => Fact::Known(Vec::new()),
            Self::Nvml(by_pid, rest) => match (by_pid.get(&pid), rest) {
                (Some(used), _) => Fact::Known(used.clone()),
                (None, Ok(())) => Fact::Known(Vec::new()),
                (None, Err(missing)) => Fact::Missing(missing.clone()),
            },
            Self::Nodes(nodes, live) => {
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
                        if used.len() < 2 {
                            return Fact::Known(used);
                        }
                        let reason = format!(
                            "process {pid} has the device nodes of {} GPUs open, and only NVML knows which it uses",
                            used.len()
                        );
                        Fact::Missing(Missing::new(Absence::Absent, reason))
                    }
                    // Only links to device nodes are kept, so a live process without any has no folder.
                    Err(missing) if missing.missing == Absence::Absent && *live => Fact::Known(Vec::new()),
                    Err(missing) => Fact::Missing(missing),
                }
            }
            Self::Unknown(missing) => Fact::Missing(missing.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Bundle;
    use crate::model::{GpuNuma, NvmlDevice, NvmlProcess};

    fn missing<T>() -> Fact<T> {
        Fact::absent("not part of this test")
    }

    fn gpu(address: &str) -> Gpu {
        Gpu {
            path: format!("/sys/bus/pci/devices/{address}"),
            address: address.into(),
            kind: "GPU".into(),
            vendor: "nvidia".into(),
            name: missing(),
            uuid: missing(),
            numa: GpuNuma {
                sysfs: missing(),
                hwloc: missing(),
                nvml: missing(),
                local_cpus: Fact::default(),
            },
            local_cpulist: missing(),
            off_bus: false,
            in_driver: Fact::default(),
            in_nvml: Fact::default(),
        }
    }

    fn nvml(devices: &[(&str, &[u32])]) -> Fact<Nvml> {
        let device = |(index, (address, pids)): (usize, &(&str, &[u32]))| NvmlDevice {
            index: u32::try_from(index).unwrap(),
            address: Fact::Known((*address).to_owned()),
            compute_processes: Fact::Known(
                pids.iter().map(|&pid| NvmlProcess { pid, used_bytes: None }).collect(),
            ),
            ..NvmlDevice::default()
        };
        Fact::Known(Nvml { devices: devices.iter().enumerate().map(device).collect(), ..Nvml::default() })
    }

    /// Field 9 of proc(5) are the flags.
    fn stat_line(pid: u32, flags: u32) -> String {
        let mut fields = vec!["0".to_owned(); 50];
        fields[0] = "S".into();
        fields[6] = flags.to_string();
        format!("{pid} (worker) {}\n", fields.join(" "))
    }

    fn bundle(processes: &[(u32, u32)], links: &[(&str, &str)]) -> Bundle {
        let mut files: BTreeMap<String, Vec<u8>> = processes
            .iter()
            .map(|&(pid, flags)| (format!("raw/proc/{pid}/stat"), stat_line(pid, flags).into_bytes()))
            .collect();
        for (address, minor) in [("0000:18:00.0", 0), ("0000:28:00.0", 1)] {
            let text = format!("Model: x\nDevice Minor: \t {minor}\n");
            files.insert(format!("raw{NVIDIA_GPUS}/{address}/information"), text.into_bytes());
        }
        let links = links.iter().map(|(path, to)| ((*path).to_owned(), (*to).to_owned())).collect();
        let manifest: crate::manifest::Manifest = serde_json::from_value(serde_json::json!({
            "schema": 1, "tool_version": "0", "started": "", "finished": "", "host_token": "", "origin": "live",
            "complete": true, "privileges": {"euid": 0, "cap_eff": ""},
            "cost": {"cpu_us": 0, "wall_us": 0, "peak_rss_kib": 0},
            "probes": [{"id": "process", "status": "ok", "reads": ["/proc"], "duration_us": 0, "files": 0,
                        "bytes": 0}],
            "files": [], "redactions": [],
            "unread": [{"path": "/proc/9/stat", "status": "denied", "reason": "/proc/9/stat: permission denied"}],
        }))
        .unwrap();
        Bundle::new(manifest, files, links)
    }

    fn users(bundle: &Bundle, live: bool, nvml: &Fact<Nvml>) -> BTreeMap<u32, Fact<Vec<String>>> {
        let gpus = Fact::Known(vec![gpu("0000:18:00.0"), gpu("0000:28:00.0")]);
        let processes = derive(bundle, live, &gpus, nvml).unwrap();
        processes.into_iter().map(|process| (process.pid, process.gpus)).collect()
    }

    #[test]
    fn a_stat_that_is_none_is_malformed() {
        struct Text(&'static str);
        impl Source for Text {
            fn read(&self, _: &str) -> Result<Vec<u8>, Missing> {
                Ok(self.0.as_bytes().to_vec())
            }
            fn list(&self, path: &str) -> Result<Vec<String>, Missing> {
                Err(Missing::new(Absence::Absent, path))
            }
            fn link(&self, path: &str) -> Result<String, Missing> {
                Err(Missing::new(Absence::Absent, path))
            }
        }
        for text in
            ["", "7 )x( S 1", "(x) S 1", "7 (x)", "7 (x) \n", "\u{e9}(x) S 1", "7 (x)\u{e9} S", "7 (x) S"]
        {
            assert_eq!(
                stat(&Text(text), "/proc/7/stat").unwrap_err().missing,
                Absence::Malformed,
                "{text:?}"
            );
        }
    }

    #[test]
    fn nvml_is_exact_and_an_unknown_pid_makes_its_list_worthless() {
        let two = bundle(&[(10, 0), (11, 0)], &[("/proc/11/fd/3", "/dev/nvidia0")]);
        let exact = users(&two, true, &nvml(&[("0000:18:00.0", &[10]), ("0000:28:00.0", &[])]));
        assert_eq!(exact[&10], Fact::Known(vec!["0000:18:00.0".to_owned()]));
        assert_eq!(exact[&11], Fact::Known(vec![]));
        let foreign = users(&two, true, &nvml(&[("0000:18:00.0", &[10, 4242]), ("0000:28:00.0", &[])]));
        assert_eq!(foreign[&11], Fact::Known(vec!["0000:18:00.0".to_owned()]), "by its open device node");
        let partial = users(&two, true, &nvml(&[("0000:18:00.0", &[10])]));
        assert!(partial[&10].known().is_some() && partial[&11].known().is_none(), "{partial:?}");
    }

    #[test]
    fn open_device_nodes_are_an_answer_only_where_they_are_not_an_upper_bound() {
        let links = [
            ("/proc/10/fd/3", "/dev/nvidia0"),
            ("/proc/10/fd/4", "/dev/nvidiactl"),
            ("/proc/11/fd/3", "/dev/nvidia0"),
            ("/proc/11/fd/4", "/dev/nvidia1"),
        ];
        let nodes = bundle(&[(10, 0), (11, 0), (12, 0)], &links);
        let live = users(&nodes, true, &missing());
        assert_eq!(live[&10], Fact::Known(vec!["0000:18:00.0".to_owned()]));
        assert!(live[&11].known().is_none(), "two nodes are an upper bound");
        assert_eq!(live[&12], Fact::Known(vec![]));
        let recorded = users(&nodes, false, &missing());
        assert!(recorded[&12].known().is_none(), "a recording without open files tells nothing");
    }

    #[test]
    fn without_the_process_list_of_nvml_open_device_nodes_are_asked() {
        let links = [
            ("/proc/10/fd/3", "/dev/nvidia1"),
            ("/proc/11/fd/3", "/dev/nvidia0"),
            ("/proc/11/fd/4", "/dev/nvidia1"),
        ];
        let nodes = bundle(&[(10, 0), (11, 0), (12, 0)], &links);
        let mut silent = nvml(&[("0000:18:00.0", &[]), ("0000:28:00.0", &[])]);
        if let Fact::Known(nvml) = &mut silent {
            nvml.devices[1].compute_processes = Fact::absent("not supported in this guest");
        }
        let recorded = users(&nodes, false, &silent);
        assert_eq!(recorded[&10], Fact::Known(vec!["0000:28:00.0".to_owned()]));
        assert!(recorded[&11].known().is_none(), "two nodes are an upper bound");
        assert!(recorded[&12].known().is_none(), "a recording without open files tells nothing");
    }

    #[test]
    fn kernel_threads_use_no_gpu_and_unreadable_processes_stay() {
        let mut content = bundle(&[(2, KERNEL_THREAD), (10, 0)], &[]);
        // Listed through another of its files.
        content.files.insert("raw/proc/9/cgroup".into(), b"0::/\n".to_vec());
        let gpus = Fact::Known(vec![gpu("0000:18:00.0")]);
        let processes = derive(&content, true, &gpus, &missing()).unwrap();
        let by_pid = |pid: u32| processes.iter().find(|process| process.pid == pid).unwrap();
        assert!(by_pid(2).kernel && by_pid(2).gpus == Fact::Known(vec![]));
        assert!(!by_pid(10).kernel);
        assert_eq!(by_pid(9).gpus.require().unwrap_err().missing, Absence::Denied);
        assert_eq!(by_pid(9).threads.len(), 1);
    }

    #[test]
    fn nothing_but_unreadable_processes_is_no_list() {
        let mut content = bundle(&[], &[]);
        content.files.insert("raw/proc/9/cgroup".into(), b"0::/\n".to_vec());
        let why = derive(&content, true, &Fact::Known(vec![]), &missing()).unwrap_err();
        assert_eq!(why.missing, Absence::Denied);
    }
}
