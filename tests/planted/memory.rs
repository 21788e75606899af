//! Faults that the pack `memory` has to find.

use plumb_evidence::bundle::{RAW, sample_folder};

use super::Planted;
use super::scheduler::lines;
use crate::synthetic::{API_SERVER, ENGINE_CORE, FIRST_WORKER, Node, SERVICE};

const NODES: &str = "/sys/devices/system/node";
/// Memory of a NUMA node in KiB.
const NODE_KIB: u64 = 1_056_964_608;

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "a process was killed for want of memory two days ago",
        check: "mem.headroom",
        outcome: "fail",
        subject: "killed for want of memory",
        also: &[],
        engagement: "",
        plant: |node| {
            count(node, &[("allocstall_normal", 5_121), ("allocstall_movable", 88_204), ("oom_kill", 1)]);
            log(
                node,
                691_204.118_233,
                &[
                    (
                        4,
                        "python3 invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0",
                    ),
                    (
                        4,
                        "CPU: 33 PID: 88123 Comm: python3 Tainted: P           OE      6.8.0-45-generic #45-Ubuntu",
                    ),
                    (
                        6,
                        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0-1,global_oom,task_memcg=/user.slice/user-1001.slice/session-12.scope,task=python3,pid=88123,uid=1001",
                    ),
                    (
                        3,
                        "Out of memory: Killed process 88123 (python3) total-vm:1932735284kB, anon-rss:1901043712kB, file-rss:128kB, shmem-rss:0kB, UID:1001 pgtables:3713024kB oom_score_adj:0",
                    ),
                    (
                        6,
                        "oom_reaper: reaped process 88123 (python3), now anon-rss:0kB, file-rss:128kB, shmem-rss:0kB",
                    ),
                ],
            );
        },
    },
    Planted {
        name: "model files in /dev/shm fill a NUMA node",
        check: "mem.headroom",
        outcome: "warn",
        subject: "NUMA node 0",
        also: &[],
        engagement: "",
        plant: |node| {
            node_memory(node, 0, 20_000_000, 936_000_000, 930_000_000);
            meminfo(
                node,
                &[
                    ("MemFree", 770_000_000),
                    ("MemAvailable", 960_000_000),
                    ("Cached", 1_146_000_000),
                    ("Shmem", 934_000_000),
                ],
            );
        },
    },
    Planted {
        name: "memory module whose errors are corrected again and again",
        check: "mem.host-ecc",
        outcome: "fail",
        subject: "memory controller mc2 (Intel_10nm Socket#0 IMC#2)",
        also: &[],
        engagement: "",
        plant: |node| {
            modules(node, Some((2, 0, 4_212)), None);
            let line = "EDAC MC2: 1 CE memory read error on CPU_SrcID#0_MC#2_Chan#0_DIMM#0 (channel:0 slot:0 page:0x3c41a8d \
                        offset:0x5c0 grain:32 syndrome:0x0 -  err_code:0x0101:0x0090  SystemAddress:0x3c41a8d5c0 \
                        ProcessorSocketId:0x0 MemoryControllerId:0x2 ChannelAddress:0x7883519c0 ChannelId:0x0 \
                        RankAddress:0x3c41a8dc0 PhysicalRankId:0x1 DimmSlotId:0x0 Row:0x1a0d Column:0x2b8 Bank:0x3 \
                        BankGroup:0x2 ChipSelect:0x1 ChipId:0x0)";
            log(node, 861_000.5, &[(6, line), (6, line)]);
        },
    },
    Planted {
        name: "memory error that could not be corrected",
        check: "mem.host-ecc",
        outcome: "fail",
        subject: "machine checks",
        also: &[],
        engagement: "",
        plant: |node| {
            modules(node, None, Some((5, 1)));
            log(
                node,
                402_117.204_118,
                &[
                    (0, "mce: [Hardware Error]: Machine check events logged"),
                    (
                        0,
                        "EDAC MC5: 1 UE memory read error on CPU_SrcID#1_MC#1_Chan#1_DIMM#0 (channel:1 slot:0 page:0xf1c20a4 offset:0x0 grain:32 -  err_code:0x00a0:0x0091  SystemAddress:0xf1c20a4000 ProcessorSocketId:0x1 MemoryControllerId:0x1 ChannelId:0x1)",
                    ),
                    (3, "Memory failure: 0xf1c20a4: recovery action for clean LRU page: Recovered"),
                ],
            );
        },
    },
    Planted {
        name: "NUMA balancing beside workers that taskset placed",
        check: "mem.numa-balancing",
        outcome: "fail",
        subject: "pinned processes 2001, 2010, 2011, 2012, 2013, 2014, 2015, 2016, 2017",
        also: &[],
        engagement: "",
        plant: |node| {
            node.set("/proc/sys/kernel/numa_balancing", "1\n");
            // Memory that a policy binds is left alone.
            for pid in [API_SERVER, ENGINE_CORE].into_iter().chain(FIRST_WORKER..FIRST_WORKER + 8) {
                node.unbind_memory(pid);
            }
            moved(
                node,
                &[
                    ("pgfault", 504_000),
                    ("numa_pte_updates", 523_000),
                    ("numa_hint_faults", 500_000),
                    ("numa_hint_faults_local", 497_000),
                    ("numa_pages_migrated", 2_100),
                ],
            );
        },
    },
    Planted {
        name: "/dev/shm of a hardened system",
        check: "mem.shm",
        outcome: "warn",
        subject: "server vllm 2000",
        also: &[],
        engagement: "",
        plant: |node| {
            shared_memory(
                node,
                "tmpfs /dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=2097152k,inode64 0 0",
            );
        },
    },
    Planted {
        name: "/dev/shm as container engines make it",
        check: "mem.shm",
        outcome: "fail",
        subject: "server vllm 2000",
        also: &[],
        engagement: "",
        plant: |node| {
            contain(node);
            shared_memory(node, "shm /dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k,inode64 0 0");
        },
    },
    Planted {
        name: "the API server is swapped out",
        check: "mem.swap",
        outcome: "fail",
        subject: "server vllm 2000",
        also: &[],
        engagement: "",
        plant: |node| {
            node.set("/proc/sys/vm/swappiness", "60\n");
            swapped(node, API_SERVER, 1_212_416, 1_572_864);
        },
    },
    Planted {
        name: "threads wait until memory is compacted",
        check: "mem.thp",
        outcome: "fail",
        subject: "stalls",
        also: &[("mem.headroom", "warn")],
        engagement: "",
        plant: |node| {
            let folder = "/sys/kernel/mm/transparent_hugepage";
            node.set(&format!("{folder}/enabled"), "[always] madvise never\n");
            node.set(&format!("{folder}/defrag"), "[always] defer defer+madvise madvise never\n");
            moved(
                node,
                &[
                    ("pgfault", 31_000),
                    ("compact_stall", 1_204),
                    ("compact_fail", 911),
                    ("compact_success", 293),
                    ("thp_fault_alloc", 1_688),
                    ("thp_fault_fallback", 911),
                ],
            );
            // Three tenths of a millisecond each.
            memory_pressure(node, 361_000);
        },
    },
    Planted {
        name: "zone reclaim with a node full of page cache",
        check: "mem.zone-reclaim",
        outcome: "fail",
        subject: "node",
        also: &[],
        engagement: "",
        plant: |node| {
            node.set("/proc/sys/vm/zone_reclaim_mode", "1\n");
            node_memory(node, 0, 6_100_000, 953_900_000, 4_000_000);
            meminfo(node, &[("MemFree", 756_100_000), ("Cached", 1_163_900_000)]);
            moved(node, &[("zone_reclaim_success", 342), ("zone_reclaim_failed", 21)]);
        },
    },
];

/// Counters of the kernel that gained so much in the window.
fn moved(node: &mut Node, counters: &[(&str, u64)]) {
    node.vmstat(counters);
}

/// Counters of the kernel that had so much before the window and gained nothing in it.
fn count(node: &mut Node, counters: &[(&str, u64)]) {
    lines(node, "/proc/vmstat", |line| {
        let (name, _) = line.split_once(' ').unwrap_or_default();
        match counters.iter().find(|(own, _)| *own == name) {
            Some((_, count)) => format!("{name} {count}"),
            None => line.to_owned(),
        }
    });
}

/// Adds lines to the kernel's log, by their priority, from a time after boot on.
fn log(node: &mut Node, seconds: f64, lines: &[(u32, &str)]) {
    let mut text = node.text("/dev/kmsg");
    for (number, (priority, line)) in (0_u32..).zip(lines) {
        let us = seconds * 1e6 + f64::from(number) * 8.0;
        text += &format!("{priority},{},{us:.0},-;{line}\n", 20_411 + number);
    }
    node.set("/dev/kmsg", text);
}

/// Sets fields of `/proc/meminfo`, in KiB.
fn meminfo(node: &mut Node, fields: &[(&str, u64)]) {
    lines(node, "/proc/meminfo", |line| {
        let (name, _) = line.split_once(':').unwrap_or_default();
        match fields.iter().find(|(own, _)| *own == name) {
            Some((_, kib)) => format!("{name}: {kib} kB"),
            None => line.to_owned(),
        }
    });
}

/// Memory of a NUMA node in KiB: free, in the page cache, and of that shared.
fn node_memory(node: &mut Node, id: u32, free: u64, cached: u64, shared: u64) {
    let fields = [
        ("MemTotal", NODE_KIB),
        ("MemFree", free),
        ("MemUsed", NODE_KIB - free),
        ("FilePages", cached),
        ("AnonPages", 50_000_000),
        ("Shmem", shared),
        ("SReclaimable", 3_000_000),
        ("SUnreclaim", 17_000_000),
    ];
    let text: String = fields.iter().map(|(name, kib)| format!("Node {id} {name}: {kib} kB\n")).collect();
    node.set(&format!("{NODES}/node{id}/meminfo"), text);
}

/// Time in the window in which some thread waited for memory, of the node and of the server's groups.
fn memory_pressure(node: &mut Node, us: u64) {
    let text = |us: u64| {
        format!(
            "some avg10=3.40 avg60=3.31 avg300=2.90 total={us}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
        )
    };
    for group in
        ["/proc/pressure/memory".to_owned(), of_group(""), of_group("/system.slice"), of_group(SERVICE)]
    {
        node.set(&group, text(41_000_000));
        node.window(&group, text(41_000_000), text(41_000_000 + us));
    }
}

fn of_group(group: &str) -> String {
    format!("/sys/fs/cgroup{group}/memory.pressure")
}

/// Memory modules of both sockets as EDAC counts them, for ten days: corrected errors by controller and channel, and
/// ones that were not.
fn modules(node: &mut Node, corrected: Option<(u32, u32, u64)>, uncorrected: Option<(u32, u32)>) {
    for controller in 0..8 {
        let folder = format!("/sys/devices/system/edac/mc/mc{controller}");
        let (socket, of_socket) = (controller / 4, controller % 4);
        let mut sums = (0, 0);
        for channel in 0..2 {
            let module = format!("{folder}/dimm{channel}");
            let label = format!("CPU_SrcID#{socket}_MC#{of_socket}_Chan#{channel}_DIMM#0");
            let is_here = |(own, at)| (own, at) == (controller, channel);
            let ce = corrected.filter(|&(own, at, _)| is_here((own, at))).map_or(0, |(.., count)| count);
            let ue = u64::from(uncorrected.is_some_and(is_here));
            sums = (sums.0 + ce, sums.1 + ue);
            node.set(&format!("{module}/dimm_label"), format!("{label}\n"));
            node.set(&format!("{module}/dimm_ue_count"), format!("{ue}\n"));
            twice(node, &format!("{module}/dimm_ce_count"), ce);
        }
        node.set(&format!("{folder}/mc_name"), format!("Intel_10nm Socket#{socket} IMC#{of_socket}\n"));
        node.set(&format!("{folder}/seconds_since_reset"), "863962\n");
        twice(node, &format!("{folder}/ce_count"), sums.0);
        twice(node, &format!("{folder}/ue_count"), sums.1);
    }
}

/// A counter that does not move.
fn twice(node: &mut Node, path: &str, count: u64) {
    let text = format!("{count}\n");
    node.set(path, text.clone());
    node.window(path, text.clone(), text);
}

fn server() -> impl Iterator<Item = u32> {
    [API_SERVER, ENGINE_CORE].into_iter().chain(FIRST_WORKER..FIRST_WORKER + 8)
}

fn shared_memory(node: &mut Node, mount: &str) {
    for pid in server() {
        node.set(
            &format!("/proc/{pid}/mounts"),
            format!("proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0\n{mount}\n"),
        );
    }
}

/// The server in a container of Docker, whose own files were not collected: the engine keeps them elsewhere.
fn contain(node: &mut Node) {
    let id = "7d1f".repeat(16);
    let group = format!("/system.slice/docker-{id}.scope");
    for folder in [RAW.to_owned(), sample_folder(0), sample_folder(1)] {
        let old = format!("{folder}/sys/fs/cgroup{SERVICE}/");
        let paths: Vec<String> = node.files.keys().filter(|path| path.starts_with(&old)).cloned().collect();
        for path in paths {
            let bytes = node.files.remove(&path).unwrap_or_default();
            node.files.insert(path.replace(SERVICE, &group), bytes);
        }
    }
    for pid in server() {
        node.set(&format!("/proc/{pid}/cgroup"), format!("0::{group}\n"));
    }
}

/// A file of 8 GiB takes what has not been used for long: so much of a process, so much of all.
fn swapped(node: &mut Node, pid: u32, own: u64, all: u64) {
    let size = 8_388_604;
    node.set(
        "/proc/swaps",
        format!(
            "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/swap.img                               file\t\t{size}\t\t{all}\t\t-2\n"
        ),
    );
    meminfo(node, &[("SwapTotal", size), ("SwapFree", size - all)]);
    for path in [format!("/proc/{pid}/status"), format!("/proc/{pid}/task/{pid}/status")] {
        lines(node, &path, |line| match line.split_once(':') {
            Some(("VmSwap", _)) => format!("VmSwap:\t{own:8} kB"),
            _ => line.to_owned(),
        });
    }
    for group in [SERVICE, "/system.slice"] {
        node.set(&format!("/sys/fs/cgroup{group}/memory.swap.max"), "max\n");
    }
    count(node, &[("pswpin", 20_411), ("pswpout", 421_004)]);
}
