//! Faults that the pack `affinity` has to find.

use plumb_evidence::bundle::{RAW, sample_folder};

use super::Planted;
use crate::synthetic::{API_SERVER, CORES, ENGINE_CORE, FIRST_WORKER, Node, SERVICE, worker_cpus};

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "nothing pins the server",
        check: "numa.gpu-affinity",
        outcome: "warn",
        subject: "process 2010 (VLLM::Worker_TP) on GPU 0000:18:00.0",
        // Balancing is off, so that nothing brings the memory of threads that move after them.
        also: &[("mem.numa-balancing", "warn"), ("svc.unit-affinity", "warn")],
        engagement: "",
        plant: |node| {
            for pid in [API_SERVER, ENGINE_CORE].into_iter().chain(workers()) {
                allow(node, pid, pid, "0-127");
                unbound_memory(node, pid);
            }
        },
    },
    Planted {
        name: "the pins of the two sockets are swapped",
        check: "numa.gpu-affinity",
        outcome: "fail",
        subject: "process 2010 (VLLM::Worker_TP) on GPU 0000:18:00.0",
        also: &[("numa.memory-locality", "fail")],
        engagement: "",
        plant: |node| {
            for gpu in 0..8 {
                let other = (gpu + 4) % 8;
                let pid = FIRST_WORKER + gpu;
                allow(node, pid, pid, &worker_cpus(other));
                seen_on(node, pid, pid, first_cpu(other));
                node.memory_on(pid, other / 4);
            }
        },
    },
    Planted {
        name: "two workers that nothing pins have changed sockets",
        check: "numa.gpu-affinity",
        outcome: "fail",
        subject: "process 2010 (VLLM::Worker_TP) on GPU 0000:18:00.0",
        also: &[("mem.numa-balancing", "warn"), ("svc.unit-affinity", "fail")],
        engagement: "",
        plant: |node| {
            for pid in [API_SERVER, ENGINE_CORE].into_iter().chain(workers()) {
                allow(node, pid, pid, "0-127");
                unbound_memory(node, pid);
            }
            for (gpu, other) in [(0, 4), (4, 0)] {
                seen_on(node, FIRST_WORKER + gpu, FIRST_WORKER + gpu, first_cpu(other));
            }
        },
    },
    Planted {
        name: "one worker is pinned to the other socket",
        check: "numa.gpu-affinity",
        outcome: "fail",
        subject: "process 2010 (VLLM::Worker_TP) on GPU 0000:18:00.0",
        also: &[],
        engagement: "",
        plant: |node| {
            allow(node, FIRST_WORKER, FIRST_WORKER, "60-63,124-127");
            seen_on(node, FIRST_WORKER, FIRST_WORKER, 60);
            node.settle();
        },
    },
    Planted {
        name: "a worker was pinned after it had allocated its buffers",
        check: "numa.memory-locality",
        outcome: "fail",
        subject: "process 2014 (VLLM::Worker_TP) on GPU 0000:9a:00.0",
        also: &[],
        engagement: "",
        plant: |node| {
            node.set(
                "/proc/2014/numa_maps",
                "7f0000000000 default anon=2097152 dirty=2097152 N0=524288 N1=1572864 kernelpagesize_kB=4\n\
                 7f8000000000 default file=/usr/lib/libc.so.6 mapped=400 N0=400 kernelpagesize_kB=4\n",
            );
        },
    },
    Planted {
        name: "weights in host memory, a tenth of them on the other socket",
        check: "numa.memory-locality",
        outcome: "fail",
        subject: "process 2010 (VLLM::Worker_TP) on GPU 0000:18:00.0",
        also: &[],
        engagement: "",
        plant: |node| {
            started_with(node, "--cpu-offload-gb\x0020\0");
            for pid in workers().take(4) {
                node.set(
                    &format!("/proc/{pid}/numa_maps"),
                    "7f0000000000 default anon=5242880 dirty=5242880 N0=4718592 N1=524288 kernelpagesize_kB=4\n",
                );
            }
        },
    },
    Planted {
        name: "hyper-threads of one core are taken for two cores",
        check: "affinity.core-overlap",
        outcome: "fail",
        subject: "threads 2010 (VLLM::Worker_TP) and 2011 (VLLM::Worker_TP)",
        // Neither of the two has the whole of a core.
        also: &[("numa.gpu-affinity", "warn")],
        engagement: "",
        plant: |node| {
            allow(node, FIRST_WORKER, FIRST_WORKER, "4-9");
            allow(node, FIRST_WORKER + 1, FIRST_WORKER + 1, "68-73");
            seen_on(node, FIRST_WORKER + 1, FIRST_WORKER + 1, 68);
            node.settle();
        },
    },
    Planted {
        name: "srun binds tasks, and OpenMP threads",
        check: "affinity.binder-conflict",
        outcome: "warn",
        subject: "vllm server 2000",
        also: &[],
        engagement: "",
        plant: |node| {
            let mask = "0xFFFFFFF0FFFFFFF0FFFFFFF0FFFFFFF0";
            with_variables(
                node,
                &format!(
                    "SLURM_CPU_BIND_TYPE=mask_cpu:\0SLURM_CPU_BIND_LIST={mask}\0SLURM_CPU_BIND=quiet,mask_cpu:{mask}\0\
                     OMP_PROC_BIND=close\0OMP_PLACES=cores\0"
                ),
            );
        },
    },
    Planted {
        name: "the unit has not all CPUs that the engine binds a worker to",
        check: "affinity.binder-conflict",
        outcome: "fail",
        subject: "vllm server 2000",
        also: &[],
        engagement: "",
        plant: |node| {
            let cpus: Vec<String> = (0..8).map(worker_cpus).collect();
            let nodes = "0\x000\x000\x000\x001\x001\x001\x001";
            started_with(
                node,
                &format!("--numa-bind\0--numa-bind-nodes\0{nodes}\0--numa-bind-cpus\0{}\0", cpus.join("\0")),
            );
            for file in ["cpuset.cpus", "cpuset.cpus.effective"] {
                node.set(&format!("/sys/fs/cgroup{SERVICE}/{file}"), "0-55,64-119\n");
            }
            allow(node, FIRST_WORKER + 7, FIRST_WORKER + 7, "54-55,118-119");
        },
    },
    Planted {
        name: "OMP_NUM_THREADS as many as the node has cores",
        check: "affinity.omp-threads",
        outcome: "warn",
        subject: "vllm server 2000",
        also: &[],
        engagement: "",
        plant: |node| with_threads(node, "64"),
    },
    Planted {
        name: "a pool of threads for each core of the node, all with a little work",
        check: "affinity.omp-threads",
        outcome: "warn",
        subject: "vllm server 2000",
        also: &[],
        engagement: "",
        plant: |node| pools(node, 12),
    },
    Planted {
        name: "a pool of threads for each core of the node holds up the main thread",
        check: "affinity.omp-threads",
        outcome: "fail",
        subject: "vllm server 2000",
        also: &[("sched.run-delay", "warn")],
        engagement: "",
        plant: |node| {
            pools(node, 15);
            for pid in workers() {
                waited(node, pid, 300_000_000);
            }
        },
    },
    Planted {
        name: "taskset without -a leaves threads of NCCL where they were",
        check: "affinity.thread-coverage",
        outcome: "fail",
        subject: "process 2010 (VLLM::Worker_TP)",
        // Balancing is off, so that nothing brings the memory of the threads that move after them.
        also: &[("svc.unit-affinity", "warn"), ("mem.numa-balancing", "warn"), ("numa.gpu-affinity", "warn")],
        engagement: "",
        plant: |node| {
            for gpu in 0..8 {
                let (pid, cpu) = (FIRST_WORKER + gpu, first_cpu(gpu) + 1);
                thread(node, pid, pid + 1000, "NCCL Progress 0", 100);
                allow(node, pid, pid + 1000, "0-127");
                seen_on(node, pid, pid + 1000, cpu);
                unbound_memory(node, pid);
            }
            node.settle();
        },
    },
    Planted {
        name: "one core for each process and none to spare",
        check: "cpu.cores-per-gpu",
        outcome: "warn",
        subject: "vllm server 2000",
        also: &[],
        engagement: "",
        plant: |node| {
            with_threads(node, "1");
            let cores = (0..8).map(|gpu| (FIRST_WORKER + gpu, 4 + gpu % 4 + CORES * (gpu / 4)));
            for (pid, core) in cores.chain([(API_SERVER, 28), (ENGINE_CORE, 30)]) {
                allow(node, pid, pid, &format!("{core},{}", core + CORES * 2));
                seen_on(node, pid, pid, core);
            }
            node.settle();
        },
    },
    Planted {
        name: "CPUQuota=800% for ten processes",
        check: "cpu.cores-per-gpu",
        outcome: "fail",
        subject: "vllm server 2000",
        also: &[
            ("affinity.omp-threads", "warn"),
            ("sched.cfs-throttling", "fail"),
            ("sched.run-delay", "fail"),
        ],
        engagement: "",
        plant: |node| {
            let folder = format!("/sys/fs/cgroup{SERVICE}");
            node.set(&format!("{folder}/cpu.max"), "800000 100000\n");
            // Ten seconds at eight CPUs are 80 s, and the server used 79.8 s of them.
            for pid in workers() {
                node.ran(pid, pid, 835);
                waited(node, pid, 550_000_000);
            }
            node.settle();
            let stat = |usage: u64, periods: u64, throttled: u64, us: u64| {
                format!(
                    "usage_usec {usage}\nuser_usec {usage}\nsystem_usec 0\nnr_periods {periods}\nnr_throttled \
                     {throttled}\nthrottled_usec {us}\nnr_bursts 0\nburst_usec 0\n"
                )
            };
            let (first, last) = (stat(5_000_000, 80, 31, 3_600_000), stat(84_800_000, 180, 72, 8_100_000));
            node.set(&format!("{folder}/cpu.stat"), first.clone());
            node.window(&format!("{folder}/cpu.stat"), first, last);
            let pressure = |us: u64| {
                let averages = "avg10=5.10 avg60=5.02 avg300=4.90";
                format!("some {averages} total={us}\nfull {averages} total={us}\n")
            };
            node.set(&format!("{folder}/cpu.pressure"), pressure(4_000_000));
            node.window(&format!("{folder}/cpu.pressure"), pressure(4_000_000), pressure(4_560_000));
        },
    },
];

fn workers() -> impl Iterator<Item = u32> {
    FIRST_WORKER..FIRST_WORKER + 8
}

/// The CPU that a worker runs on.
fn first_cpu(gpu: u32) -> u32 {
    worker_cpus(gpu).split('-').next().and_then(|cpu| cpu.parse().ok()).unwrap_or_default()
}

/// Where files of the node lie in a bundle: read once, and at both ends of the window.
fn folders() -> [String; 3] {
    [RAW.to_owned(), sample_folder(0), sample_folder(1)]
}

/// Folders of a thread; that of its process as well, where it is the main thread.
fn places(pid: u32, tid: u32) -> Vec<String> {
    let task = format!("/proc/{pid}/task/{tid}");
    if pid == tid { vec![format!("/proc/{pid}"), task] } else { vec![task] }
}

/// Changes each line of a file of the bundle.
fn edit(node: &mut Node, path: &str, change: impl Fn(&str) -> String) {
    let bytes = node.files.get_mut(path).unwrap_or_else(|| panic!("the synthetic node has no {path}"));
    let text = String::from_utf8_lossy(bytes).into_owned();
    *bytes = text.lines().map(|line| change(line) + "\n").collect::<String>().into_bytes();
}

/// Changes one field of a `stat` of processes, by its number in proc_pid_stat(5).
fn field(node: &mut Node, path: &str, number: usize, change: impl Fn(u64) -> u64) {
    edit(node, path, |line| {
        let (name, rest) = line.rsplit_once(") ").unwrap_or_else(|| panic!("{path} holds `{line}`"));
        let mut fields: Vec<String> = rest.split(' ').map(str::to_owned).collect();
        let own = &mut fields[number - 3];
        *own = change(own.parse().unwrap_or_else(|_| panic!("{path} holds `{own}`"))).to_string();
        format!("{name}) {}", fields.join(" "))
    });
}

/// Sets the CPUs that a thread may run on.
fn allow(node: &mut Node, pid: u32, tid: u32, cpus: &str) {
    for place in places(pid, tid) {
        for folder in folders() {
            edit(node, &format!("{folder}{place}/status"), |line| match line.split_once(":\t") {
                Some((name @ "Cpus_allowed_list", _)) => format!("{name}:\t{cpus}"),
                _ => line.to_owned(),
            });
        }
    }
}

/// Sets the CPU that a thread was seen on.
fn seen_on(node: &mut Node, pid: u32, tid: u32, cpu: u32) {
    for place in places(pid, tid) {
        for folder in folders() {
            field(node, &format!("{folder}{place}/stat"), 39, |_| cpu.into());
        }
    }
}

/// Sets how long a main thread waited for a CPU in the window.
fn waited(node: &mut Node, pid: u32, ns: u64) {
    let path = format!("{}/proc/{pid}/task/{pid}/schedstat", sample_folder(1));
    edit(node, &path, |line| {
        let fields: Vec<&str> = line.split(' ').collect();
        format!("{} {} {}", fields[0], 1_000 + ns, fields[2])
    });
}

/// Adds a thread like the main thread of its process, which ran for so many ticks of the window, a hundred times as many before.
fn thread(node: &mut Node, pid: u32, tid: u32, comm: &str, ticks: u64) {
    for folder in folders() {
        for file in ["stat", "status"] {
            let main = format!("{folder}/proc/{pid}/task/{pid}/{file}");
            let Some(bytes) = node.files.get(&main).cloned() else { continue };
            node.files.insert(format!("{folder}/proc/{pid}/task/{tid}/{file}"), bytes);
        }
        let own = format!("{folder}/proc/{pid}/task/{tid}");
        edit(node, &format!("{own}/stat"), |line| {
            let (_, rest) = line.rsplit_once(") ").unwrap_or_default();
            format!("{tid} ({comm}) {rest}")
        });
        field(node, &format!("{own}/stat"), 14, |_| ticks * 100);
        edit(node, &format!("{own}/status"), |line| match line.split_once(":\t") {
            Some((name @ "Name", _)) => format!("{name}:\t{comm}"),
            _ => line.to_owned(),
        });
        // Times of a process are those of all its threads.
        field(node, &format!("{folder}/proc/{pid}/stat"), 14, |before| before + ticks * 100);
    }
    let schedstat = format!("/proc/{pid}/task/{tid}/schedstat");
    node.window(&schedstat, "1000 1000 1000\n", "1000 1000 1000\n");
    node.ran(pid, tid, ticks);
}

/// Gives each worker a thread more for each core of the node but one, as libraries do that nobody tells how many to start.
fn pools(node: &mut Node, ticks: u64) {
    for (gpu, pid) in workers().enumerate() {
        let environment = node.text(&format!("/proc/{pid}/environ"));
        node.set(&format!("/proc/{pid}/environ"), environment.replace("OMP_NUM_THREADS=4\0", ""));
        let comm = "VLLM::Worker_TP";
        for number in 1..CORES * 2 {
            let tid = 3000 + 100 * u32::try_from(gpu).unwrap_or_default() + number;
            thread(node, pid, tid, comm, ticks);
            // The main thread keeps one of the twelve CPUs to itself.
            let other = (number % 11) + 1;
            let cpu = first_cpu(pid - FIRST_WORKER) + other / 2 + CORES * 2 * (other % 2);
            seen_on(node, pid, tid, cpu);
        }
    }
    node.settle();
}

/// Sizes the pools of all processes of the server.
fn with_threads(node: &mut Node, number: &str) {
    for pid in [API_SERVER, ENGINE_CORE].into_iter().chain(workers()) {
        node.replace(
            &format!("/proc/{pid}/environ"),
            "OMP_NUM_THREADS=4",
            &format!("OMP_NUM_THREADS={number}"),
        );
    }
}

/// Sets variables of all processes of the server.
fn with_variables(node: &mut Node, variables: &str) {
    for pid in [API_SERVER, ENGINE_CORE].into_iter().chain(workers()) {
        let environment = node.text(&format!("/proc/{pid}/environ"));
        node.set(&format!("/proc/{pid}/environ"), environment + variables);
    }
}

/// Starts the server with options more, each of which ends with a zero byte.
fn started_with(node: &mut Node, options: &str) {
    let path = format!("/proc/{API_SERVER}/cmdline");
    let command = node.text(&path);
    node.set(&path, command + options);
}

/// Memory that lies where the process runs, and is bound to nothing.
fn unbound_memory(node: &mut Node, pid: u32) {
    node.unbind_memory(pid);
    // Neither is its process kept from any node.
    for place in places(pid, pid) {
        for folder in folders() {
            edit(node, &format!("{folder}{place}/status"), |line| match line.split_once(":\t") {
                Some((name @ "Mems_allowed_list", _)) => format!("{name}:\t0-1"),
                _ => line.to_owned(),
            });
        }
    }
}
