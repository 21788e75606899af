//! Faults that the pack `scheduler` has to find.

use plumb_evidence::bundle::{RAW, sample_folder};
use serde_json::{Value, json};

use super::Planted;
use crate::synthetic::{API_SERVER, CPUS, ENGINE_CORE, FIRST_WORKER, Node, SERVICE, worker_cpus};

/// Session of a user who is logged in.
const SESSION: &str = "/user.slice/user-1001.slice/session-12.scope";

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "CPUQuota=1300% that bursts of threads use up",
        check: "sched.cfs-throttling",
        outcome: "fail",
        subject: "/sys/fs/cgroup/system.slice/vllm.service",
        also: &[("sched.run-delay", "warn")],
        engagement: "",
        plant: quota,
    },
    Planted {
        name: "agents of a monitoring system on all CPUs",
        check: "sched.isolation-plan",
        outcome: "warn",
        subject: "node",
        also: &[("sched.noisy-neighbours", "warn")],
        engagement: "",
        plant: |node| {
            for (pid, comm, group, cpu, ticks) in [
                (600, "clamscan", "clamav-daemon.service", 5, 960),
                (601, "osqueryd", "osqueryd.service", 17, 940),
                (602, "java", "elastic-agent.service", 38, 910),
                (603, "fluent-bit", "fluent-bit.service", 50, 480),
            ] {
                let group = format!("/system.slice/{group}");
                node.process(
                    pid,
                    1,
                    comm,
                    &format!("{comm}\0"),
                    "0-127",
                    "0-1",
                    ticks,
                    &format!("0::{group}\n"),
                );
                node.seat(pid, cpu);
                neighbour(node, &group, 100);
            }
            node.settle();
        },
    },
    Planted {
        name: "software is built on the node",
        check: "sched.noisy-neighbours",
        outcome: "warn",
        subject: "CPUs 4-31,36-59,68-95,100-123",
        also: &[("sched.isolation-plan", "fail"), ("svc.unit-weights", "warn")],
        engagement: "",
        plant: |node| {
            session(node);
            // The scheduler finds a core that is idle for each compiler.
            let idle = [5, 6, 7, 11, 12, 13, 17, 18, 19, 37, 38, 39];
            for (cpu, pid) in idle.into_iter().zip(601..) {
                let command = "/usr/lib/gcc/x86_64-linux-gnu/13/cc1plus\0-quiet\0kernels.cu.cpp\0";
                user_process(node, pid, 600, "cc1plus", command, cpu, 980);
            }
            node.settle();
        },
    },
    Planted {
        name: "the network driver holds a CPU for milliseconds",
        check: "sched.os-jitter",
        outcome: "fail",
        subject: "CPUs 10",
        also: &[],
        engagement: "",
        plant: |node| {
            let result = |cpu: u32, max_us: f64, softirqs: u64, lost: f64| -> Value {
                json!({
                    "cpu": cpu, "seconds": 30.0, "lost_share": lost, "max_us": max_us,
                    "interruptions": {
                        "irq LOC": 7500, "softirq NET_RX": softirqs, "softirq TIMER": 2900, "preemption": 31,
                        "SMI (stops of three CPUs or more at once)": 0,
                    },
                    "attribution": "classified",
                })
            };
            let results = [
                result(4, 210.4, 3, 0.000_31),
                result(10, 12_480.9, 41_022, 0.021),
                result(16, 188.0, 2, 0.000_29),
            ];
            let file = json!({ "schema": 2, "valid": true, "results": results, "memory_paths": [] });
            node.files.insert("measurements/noise-001.json".to_owned(), file.to_string().into_bytes());
        },
    },
    Planted {
        name: "engine core at real-time priority without a limit",
        check: "sched.rt-policy",
        outcome: "fail",
        subject: "process 2001 (VLLM::EngineCor)",
        also: &[],
        engagement: "",
        plant: |node| {
            real_time(node, ENGINE_CORE, 50);
            node.set("/proc/sys/kernel/sched_rt_runtime_us", "-1\n");
        },
    },
    Planted {
        name: "API server at real-time priority",
        check: "sched.rt-policy",
        outcome: "warn",
        subject: "process 2000 (vllm)",
        also: &[],
        engagement: "",
        plant: |node| real_time(node, API_SERVER, 10),
    },
    Planted {
        name: "a batch job on every CPU of the node",
        check: "sched.run-delay",
        outcome: "fail",
        subject: "vllm (PID 2000), threads",
        also: &[
            ("sched.isolation-plan", "fail"),
            ("sched.noisy-neighbours", "fail"),
            ("svc.unit-weights", "warn"),
        ],
        engagement: "",
        plant: batch_job,
    },
];

/// A file of the bundle, read once and at both ends of the window, line by line.
pub(super) fn lines(node: &mut Node, path: &str, change: impl Fn(&str) -> String) {
    for folder in [RAW.to_owned(), sample_folder(0), sample_folder(1)] {
        change_lines(node, &format!("{folder}{path}"), &change);
    }
}

fn change_lines(node: &mut Node, path: &str, change: impl Fn(&str) -> String) {
    if let Some(bytes) = node.files.get_mut(path) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        *bytes = text.lines().map(|line| change(line) + "\n").collect::<String>().into_bytes();
    }
}

/// A control group beside that of the server, of which weight and times are collected.
pub(super) fn neighbour(node: &mut Node, group: &str, weight: u32) {
    let folder = format!("/sys/fs/cgroup{group}");
    node.set(&format!("{folder}/cpu.weight"), format!("{weight}\n"));
    let stat = "usage_usec 7000000\nuser_usec 7000000\nsystem_usec 0\n";
    node.window(&format!("{folder}/cpu.stat"), stat, stat);
}

/// A user is logged in, with a shell that does nothing.
fn session(node: &mut Node) {
    neighbour(node, "/user.slice", 100);
    neighbour(node, "/user.slice/user-1001.slice", 100);
    user_process(node, 600, 1, "bash", "-bash\0", 0, 0);
}

fn user_process(node: &mut Node, pid: u32, ppid: u32, comm: &str, command: &str, cpu: u32, ticks: u64) {
    node.process(pid, ppid, comm, command, "0-127", "0-1", ticks, &format!("0::{SESSION}\n"));
    node.seat(pid, cpu);
}

/// Lets the main thread of a process wait for a CPU for so long in the window.
fn waits(node: &mut Node, pid: u32, ms: u64) {
    let path = format!("/proc/{pid}/task/{pid}/schedstat");
    change_lines(node, &format!("{}{path}", sample_folder(1)), |line| {
        let words: Vec<&str> = line.split(' ').collect();
        format!("{} {} {}", words[0], 1_000 + ms * 1_000_000, words[2])
    });
}

/// Time in the window in which some thread waited for a CPU, of the node and of the server's group.
fn cpu_pressure(node: &mut Node, ms: u64) {
    for path in ["/proc/pressure/cpu".to_owned(), format!("/sys/fs/cgroup{SERVICE}/cpu.pressure")] {
        let text = |ms: u64| {
            format!(
                "some avg10=0.00 avg60=0.00 avg300=0.00 total={}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
                ms * 1000
            )
        };
        node.set(&path, text(81_000));
        node.window(&path, text(81_000), text(81_000 + ms));
    }
    let above = "/sys/fs/cgroup/system.slice/cpu.pressure";
    let own = format!("/sys/fs/cgroup{SERVICE}/cpu.pressure");
    for folder in [RAW.to_owned(), sample_folder(0), sample_folder(1)] {
        let bytes = node.files[&format!("{folder}{own}")].clone();
        node.files.insert(format!("{folder}{above}"), bytes);
    }
}

/// Adds a thread like the main thread of its process.
fn thread(node: &mut Node, pid: u32, tid: u32, comm: &str, cpu: u32, ticks: u64) {
    for folder in [RAW.to_owned(), sample_folder(0), sample_folder(1)] {
        for file in ["stat", "status", "schedstat"] {
            let main = format!("{folder}/proc/{pid}/task/{pid}/{file}");
            let Some(bytes) = node.files.get(&main).cloned() else { continue };
            node.files.insert(format!("{folder}/proc/{pid}/task/{tid}/{file}"), bytes);
        }
    }
    let path = format!("/proc/{pid}/task/{tid}");
    lines(node, &format!("{path}/stat"), |line| {
        let (_, rest) = line.rsplit_once(") ").unwrap_or_default();
        let mut fields: Vec<String> = rest.split(' ').map(str::to_owned).collect();
        fields[11] = "700".to_owned();
        fields[36] = cpu.to_string();
        format!("{tid} ({comm}) {}", fields.join(" "))
    });
    lines(node, &format!("{path}/status"), |line| match line.split_once(":\t") {
        Some(("Name", _)) => format!("Name:\t{comm}"),
        _ => line.to_owned(),
    });
    lines(node, &format!("{path}/schedstat"), |_| "7000000000 1000 1000".to_owned());
    // The time of a process is that of all its threads.
    lines(node, &format!("/proc/{pid}/stat"), |line| {
        let (name, rest) = line.rsplit_once(") ").unwrap_or_default();
        let mut fields: Vec<String> = rest.split(' ').map(str::to_owned).collect();
        fields[11] = (fields[11].parse::<u64>().unwrap_or_default() + 700).to_string();
        format!("{name}) {}", fields.join(" "))
    });
    node.ran(pid, tid, ticks);
}

/// Thirteen CPUs are enough on the average, but not when all threads of the workers want to run at once.
fn quota(node: &mut Node) {
    let folder = format!("/sys/fs/cgroup{SERVICE}");
    node.set(&format!("{folder}/cpu.max"), "1300000 100000\n");
    for gpu in 0..8 {
        let first = worker_cpus(gpu).split('-').next().and_then(|cpu| cpu.parse().ok()).unwrap_or(0);
        for (at, comm) in ["cuda-EvtHandlr", "pt_nccl_watchdg"].into_iter().enumerate() {
            let number = u32::try_from(at).unwrap_or(0) + 1;
            thread(node, FIRST_WORKER + gpu, 2100 + 2 * gpu + number, comm, first + number, 20);
        }
    }
    // In eight periods of the window all stood still for 30 ms, on up to ten CPUs.
    node.throttle(&folder, 8, 2_100_000);
    for pid in (FIRST_WORKER..FIRST_WORKER + 8).chain([ENGINE_CORE]) {
        waits(node, pid, 240);
    }
    cpu_pressure(node, 240);
}

/// `chrt --fifo --pid`.
fn real_time(node: &mut Node, pid: u32, priority: i64) {
    for path in [format!("/proc/{pid}/stat"), format!("/proc/{pid}/task/{pid}/stat")] {
        lines(node, &path, |line| {
            let (name, rest) = line.rsplit_once(") ").unwrap_or_default();
            let mut fields: Vec<String> = rest.split(' ').map(str::to_owned).collect();
            // Priority, real-time priority, and policy: fields 18, 40 and 41 of proc(5).
            fields[15] = (-1 - priority).to_string();
            fields[37] = priority.to_string();
            fields[38] = "1".to_owned();
            format!("{name}) {}", fields.join(" "))
        });
    }
}

/// A pool of 128 processes that prepares data, as heavy as the server's slice: where the server wants to run, it waits.
fn batch_job(node: &mut Node) {
    session(node);
    let server = [API_SERVER, ENGINE_CORE].into_iter().chain(FIRST_WORKER..FIRST_WORKER + 8);
    let mut shared = Vec::new();
    for pid in server {
        let ticks = if pid == API_SERVER { 380 } else { 800 };
        node.ran(pid, pid, ticks);
        waits(node, pid, 1_400);
        shared.push((cpu_of(node, pid), 980 - ticks));
    }
    for cpu in 0..CPUS {
        let ticks = shared.iter().find(|(own, _)| *own == cpu).map_or(950, |(_, ticks)| *ticks);
        let command = "/home/analyst/venv/bin/python3\0prepare.py\0--workers=128\0";
        user_process(node, 601 + cpu, 600, "python3", command, cpu, ticks);
    }
    node.settle();
    cpu_pressure(node, 2_000);
    node.set("/proc/loadavg", "137.02 136.40 121.77 139/2200 3000\n");
    for gpu in 0..8 {
        node.gpu(gpu, "utilization_percent", &json!(79));
        node.gpu_readings(gpu, "utilization_percent", |_| json!(79));
    }
}

/// The CPU that a process was last on.
fn cpu_of(node: &Node, pid: u32) -> u32 {
    let stat = node.text(&format!("/proc/{pid}/stat"));
    let fields = stat.trim().rsplit_once(") ").map(|(_, rest)| rest.split(' '));
    fields.and_then(|mut fields| fields.nth(36)?.parse().ok()).unwrap_or(0)
}
