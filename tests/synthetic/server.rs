//! The inference server: processes, threads, memory, control groups.

use super::counters::pressure;
use super::{
    API_SERVER, ENGINE_CORE, FIRST_WORKER, Node, RAW, SECONDS, SERVICE, first_of, sample_folder, worker_cpus,
};

impl Node {
    pub(super) fn server(&mut self) {
        self.cgroup();
        // What is not inference keeps to cores of its own.
        let housekeeping = "0-3,32-35,64-67,96-99";
        let daemons =
            [(1, 0, "systemd"), (500, 1, "tuned"), (501, 1, "nvidia-persiste"), (502, 1, "nvidia-fabricma")];
        for (pid, ppid, comm) in daemons {
            let group = format!("0::/system.slice/{comm}.service\n");
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

    /// A process with one thread that uses `ticks` of CPU time during the window.
    #[expect(clippy::too_many_arguments, reason = "what a process is, in the order of /proc")]
    fn process(
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

    /// Moves a process, all its threads included, to other CPUs.
    pub fn pin(&mut self, pid: u32, cpus: &str) {
        let first = first_of(cpus);
        for path in [format!("/proc/{pid}"), format!("/proc/{pid}/task/{pid}")] {
            for folder in [RAW.to_owned(), sample_folder(0), sample_folder(1)] {
                self.edit(&format!("{folder}{path}/status"), |line| {
                    if line.starts_with("Cpus_allowed_list:") {
                        format!("Cpus_allowed_list:\t{cpus}")
                    } else {
                        line
                    }
                });
                self.edit(&format!("{folder}{path}/stat"), |line| {
                    let mut fields: Vec<String> = line.split(' ').map(str::to_owned).collect();
                    let at = fields.len() - 14;
                    fields[at] = first.to_string();
                    fields.join(" ")
                });
            }
        }
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
        for folder in [root.to_owned(), format!("{root}/system.slice"), format!("{root}{SERVICE}")] {
            self.set(&format!("{folder}/cgroup.controllers"), "cpuset cpu io memory pids\n");
            self.set(&format!("{folder}/cpuset.cpus.effective"), "0-127\n");
            self.set(&format!("{folder}/cpuset.mems.effective"), "0-1\n");
            self.set(
                &format!("{folder}/cpu.weight"),
                if folder.ends_with("vllm.service") { "1000\n" } else { "100\n" },
            );
            self.set(&format!("{folder}/memory.current"), "200000000000\n");
            for (name, value) in [
                ("cpu.max", "max 100000"),
                ("memory.max", "max"),
                ("memory.high", "max"),
                ("memory.swap.max", "0"),
            ] {
                self.set(&format!("{folder}/{name}"), format!("{value}\n"));
            }
            self.throttle(&folder, 0, 0);
            let events = "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n";
            self.set(&format!("{folder}/memory.events"), events);
            self.window(&format!("{folder}/memory.events"), events, events);
            for resource in ["cpu", "memory", "io"] {
                let path = format!("{folder}/{resource}.pressure");
                self.set(&path, pressure(0));
                self.window(&path, pressure(0), pressure(1000));
            }
        }
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
            stat(90_000_000, all, periods, us),
        );
    }
}

fn stat(pid: u32, ppid: u32, comm: &str, cpu: u32, ticks: u64) -> String {
    // Fields 3 to 52 of proc(5): state, parent, …; the 14th and 15th are the CPU time, the 22nd the start, the 39th the
    // last CPU.
    let mut fields = vec!["0".to_owned(); 50];
    fields[0] = "S".into();
    fields[1] = ppid.to_string();
    fields[11] = ticks.to_string();
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
