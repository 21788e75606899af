//! The inference server: processes, threads, memory, control groups.

use plumb_evidence::CpuSet;

use super::counters::{pressure, stat_of};
use super::{
    API_SERVER, CORES, ENGINE_CORE, FIRST_WORKER, Node, RAW, SECONDS, SERVICE, first_of, sample_folder,
    worker_cpus,
};

impl Node {
    pub(super) fn server(&mut self) {
        self.cgroup();
        // What is not inference keeps to cores of its own.
        let housekeeping = "0-3,32-35,64-67,96-99";
        let daemons = [
            (1, 0, "systemd", "init.scope"),
            (500, 1, "tuned", "system.slice/tuned.service"),
            (501, 1, "nvidia-persiste", "system.slice/nvidia-persistenced.service"),
            (502, 1, "nv-fabricmanage", "system.slice/nvidia-fabricmanager.service"),
        ];
        for (pid, ppid, comm, group) in daemons {
            let group = format!("0::/{group}\n");
            self.process(pid, ppid, comm, &format!("{comm}\0"), housekeeping, "0-1", 10, &group);
        }
        self.set("/etc/tuned/active_profile", "accelerator-performance\n");
        let group = format!("0::{SERVICE}\n");
        let command =
            "/usr/bin/python3\0/usr/local/bin/vllm\0serve\0example/model-70b\0--tensor-parallel-size\08\0";
        self.process(API_SERVER, 1, "vllm", command, "28-29,92-93", "0", 400, &group);
        self.process(
            ENGINE_CORE,
            API_SERVER,
            "VLLM::EngineCor",
            "VLLM::EngineCore\0",
            "30-31,94-95",
            "0",
            900,
            &group,
        );
        for gpu in 0..8 {
            let (pid, node) = (FIRST_WORKER + gpu, (gpu / 4).to_string());
            let title = format!("VLLM::Worker_TP{gpu}");
            let comm = title.chars().take(15).collect::<String>();
            self.process(
                pid,
                ENGINE_CORE,
                &comm,
                &format!("{title}\0"),
                &worker_cpus(gpu),
                &node,
                950,
                &group,
            );
        }
    }

    /// A process with one thread, on the first of its CPUs, that uses `ticks` of CPU time during the window. Those from
    /// [`API_SERVER`] on are part of the server. Times of CPUs are to be settled afterwards.
    #[expect(clippy::too_many_arguments, reason = "what a process is, in the order of /proc")]
    pub fn process(
        &mut self,
        pid: u32,
        ppid: u32,
        comm: &str,
        command: &str,
        cpus: &str,
        nodes: &str,
        ticks: u64,
        group: &str,
    ) {
        let folder = format!("/proc/{pid}");
        let task = format!("{folder}/task/{pid}");
        let first_cpu = first_of(cpus);
        for path in [&folder, &task] {
            self.set(&format!("{path}/stat"), stat(pid, ppid, comm, first_cpu, 100_000));
            let (first, last) = (100_000, 100_000 + ticks);
            self.window(
                &format!("{path}/stat"),
                stat(pid, ppid, comm, first_cpu, first),
                stat(pid, ppid, comm, first_cpu, last),
            );
            let status = |switches: u64| status(comm, cpus, nodes, switches);
            self.set(&format!("{path}/status"), status(100));
            self.window(&format!("{path}/status"), status(100), status(150));
        }
        let schedstat = |run: u64, wait: u64| format!("{run} {wait} 1000\n");
        let run = ticks * 10_000_000;
        self.window(
            &format!("{task}/schedstat"),
            schedstat(1_000, 1_000),
            schedstat(1_000 + run, 1_000 + run / 1000),
        );
        self.set(&format!("{folder}/cmdline"), command);
        self.set(&format!("{folder}/cgroup"), group);
        if pid < API_SERVER {
            return;
        }
        self.set(&format!("{folder}/environ"), "OMP_NUM_THREADS=4\0CUDA_DEVICE_ORDER=PCI_BUS_ID\0");
        self.set(
            &format!("{folder}/limits"),
            "Limit                     Soft Limit           Hard Limit           Units     \n\
             Max open files            1048576              1048576              files     \n\
             Max locked memory         unlimited            unlimited            bytes     \n\
             Max processes             unlimited            unlimited            processes \n",
        );
        self.set(&format!("{folder}/oom_score_adj"), "-500\n");
        self.set(&format!("{folder}/mounts"), "tmpfs /dev/shm tmpfs rw,nosuid,nodev,size=1056964608k 0 0\n");
        self.memory_on(pid, nodes.parse().unwrap_or(0));
        for descriptor in 0..20 {
            self.links.insert(format!("{folder}/fd/{descriptor}"), "-".into());
        }
        if let Some(gpu) = pid.checked_sub(FIRST_WORKER) {
            self.links.insert(format!("{folder}/fd/20"), format!("/dev/nvidia{gpu}"));
        }
    }

    /// Puts the memory of a process on a NUMA node: 8 GiB of its own, bound there.
    pub fn memory_on(&mut self, pid: u32, node: u32) {
        self.set(
            &format!("/proc/{pid}/numa_maps"),
            format!(
                "7f0000000000 bind:{node} anon=2097152 dirty=2097152 N{node}=2097152 kernelpagesize_kB=4\n\
                 7f8000000000 bind:{node} file=/usr/lib/libc.so.6 mapped=400 N0=400 kernelpagesize_kB=4\n"
            ),
        );
    }

    /// Moves a process to other CPUs: to the first core, and hardware thread of it, that nothing else keeps busy.
    pub fn pin(&mut self, pid: u32, cpus: &str) {
        let busy = self.busy_cpus(pid);
        let mask: CpuSet = cpus.parse().expect("a list of CPUs");
        let mut mask: Vec<u32> = mask.iter().collect();
        mask.sort_by_key(|cpu| (cpu % (CORES * 2), *cpu));
        let cpu = mask.iter().copied().find(|cpu| !busy.contains(*cpu)).unwrap_or_else(|| first_of(cpus));
        for path in [format!("/proc/{pid}"), format!("/proc/{pid}/task/{pid}")] {
            for folder in [RAW.to_owned(), sample_folder(0), sample_folder(1)] {
                self.edit(&format!("{folder}{path}/status"), |line| {
                    if line.starts_with("Cpus_allowed_list:") {
                        format!("Cpus_allowed_list:\t{cpus}")
                    } else {
                        line
                    }
                });
            }
        }
        self.seat(pid, cpu);
        self.settle();
    }

    /// Puts the main thread of a process on a CPU. Times of CPUs are to be settled afterwards.
    pub fn seat(&mut self, pid: u32, cpu: u32) {
        for path in [format!("/proc/{pid}"), format!("/proc/{pid}/task/{pid}")] {
            for folder in [RAW.to_owned(), sample_folder(0), sample_folder(1)] {
                self.edit(&format!("{folder}{path}/stat"), |line| {
                    let mut fields: Vec<String> = line.split(' ').map(str::to_owned).collect();
                    let at = fields.len() - 14;
                    fields[at] = cpu.to_string();
                    fields.join(" ")
                });
            }
        }
    }

    /// CPUs on which other processes spent a tenth of the window or more.
    fn busy_cpus(&self, pid: u32) -> CpuSet {
        let folder = format!("{}/proc/", sample_folder(1));
        let names = self.files.keys().filter_map(|path| path.strip_prefix(&folder)?.strip_suffix("/stat"));
        let others = names.filter_map(|name| name.parse::<u32>().ok()).filter(|other| *other != pid);
        let is_busy = |other: u32| {
            let path = format!("/proc/{other}/stat");
            let (first, (last, cpu)) = (stat_of(&self.sample(0, &path))?.0, stat_of(&self.sample(1, &path))?);
            (last.saturating_sub(first) >= SECONDS * 10).then_some(cpu)
        };
        others.filter_map(is_busy).collect()
    }

    pub(super) fn edit(&mut self, path: &str, change: impl Fn(String) -> String) {
        if let Some(bytes) = self.files.get_mut(path) {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let lines: Vec<String> = text.lines().map(|line| change(line.to_owned())).collect();
            *bytes = (lines.join("\n") + "\n").into_bytes();
        }
    }

    fn cgroup(&mut self) {
        let root = "/sys/fs/cgroup";
        for group in ["", "/system.slice", SERVICE] {
            let folder = format!("{root}{group}");
            self.set(&format!("{folder}/cgroup.controllers"), "cpuset cpu io memory pids\n");
            self.set(&format!("{folder}/cpuset.cpus.effective"), "0-127\n");
            self.set(&format!("{folder}/cpuset.mems.effective"), "0-1\n");
            self.throttle(&folder, 0, 0);
            // The root has no limits, and counts no events.
            if !group.is_empty() {
                self.limits(&folder, group == SERVICE);
            }
            for resource in ["cpu", "memory", "io"] {
                let path = format!("{folder}/{resource}.pressure");
                self.set(&path, pressure(0));
                self.window(&path, pressure(0), pressure(1000));
            }
        }
    }

    fn limits(&mut self, folder: &str, is_service: bool) {
        for (name, value) in [
            ("cpu.max", "max 100000"),
            ("cpu.weight", if is_service { "1000" } else { "100" }),
            ("memory.current", "200000000000"),
            ("memory.max", "max"),
            ("memory.high", "max"),
            ("memory.swap.max", "0"),
            // What systemd gives a service by itself: 15 % of what the kernel has.
            ("pids.max", if is_service { "629145" } else { "max" }),
        ] {
            self.set(&format!("{folder}/{name}"), format!("{value}\n"));
        }
        let events = "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n";
        self.set(&format!("{folder}/memory.events"), events);
        self.window(&format!("{folder}/memory.events"), events, events);
    }

    /// Throttles a control group in `periods` of the window's 100, for `us` altogether.
    pub fn throttle(&mut self, folder: &str, periods: u64, us: u64) {
        let stat = |usage: u64, all: u64, throttled: u64, time: u64| {
            format!(
                "usage_usec {usage}\nuser_usec {usage}\nsystem_usec 0\nnr_periods {all}\nnr_throttled \
                 {throttled}\nthrottled_usec {time}\nnr_bursts 0\nburst_usec 0\n"
            )
        };
        let all = if periods > 0 { SECONDS * 10 } else { 0 };
        self.set(&format!("{folder}/cpu.stat"), stat(1_000_000, 0, 0, 0));
        self.window(
            &format!("{folder}/cpu.stat"),
            stat(1_000_000, 0, 0, 0),
            stat(1_000_000, all, periods, us),
        );
        self.settle();
    }
}

fn stat(pid: u32, ppid: u32, comm: &str, cpu: u32, ticks: u64) -> String {
    // Fields 3 to 52 of proc(5): state, parent, …; the 14th and 15th are the CPU time, the 22nd the start, the 39th the
    // last CPU.
    let mut fields = vec!["0".to_owned(); 50];
    fields[0] = "S".into();
    fields[1] = ppid.to_string();
    fields[11] = ticks.to_string();
    fields[15] = "20".into();
    fields[17] = "1".into();
    fields[19] = "1000".into();
    fields[36] = cpu.to_string();
    format!("{pid} ({comm}) {}\n", fields.join(" "))
}

fn status(comm: &str, cpus: &str, nodes: &str, switches: u64) -> String {
    format!(
        "Name:\t{comm}\nVmSwap:\t       0 kB\nCapEff:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t0\nCpus_allowed_list:\t{cpus}\n\
         Mems_allowed_list:\t{nodes}\nvoluntary_ctxt_switches:\t{}\nnonvoluntary_ctxt_switches:\t{switches}\n",
        switches * 100
    )
}
