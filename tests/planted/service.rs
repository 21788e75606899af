//! Faults that the pack `service` has to find.

use super::Planted;
use super::scheduler::neighbour;
use crate::synthetic::{API_SERVER, ENGINE_CORE, FIRST_WORKER, Node, SERVICE};

/// The unit of the server, in a place that outlives a reboot.
const UNIT: &str = "/etc/systemd/system/vllm.service";

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "GPUs chosen by index",
        check: "svc.device-order",
        outcome: "warn",
        subject: "vllm server, process 2000",
        also: &[],
        engagement: "",
        plant: |node| {
            managed(node);
            for pid in server() {
                node.set(
                    &format!("/proc/{pid}/environ"),
                    "OMP_NUM_THREADS=4\0CUDA_VISIBLE_DEVICES=0,1,2,3,4,5,6,7\0",
                );
            }
        },
    },
    Planted {
        name: "settings made by hand",
        check: "svc.drift",
        outcome: "fail",
        subject: "node",
        also: &[],
        engagement: "",
        plant: |node| {
            managed(node);
            node.remove("/etc/sysctl.d/90-inference.conf");
            node.set("/proc/sys/vm/swappiness", "1\n");
        },
    },
    Planted {
        name: "swappiness set by hand over TuneD",
        check: "svc.drift",
        outcome: "warn",
        subject: "node",
        also: &[],
        engagement: "",
        plant: |node| {
            managed(node);
            node.set("/proc/sys/vm/swappiness", "1\n");
        },
    },
    Planted {
        name: "limit on open files as systemd has it",
        check: "svc.limits",
        outcome: "fail",
        subject: "vllm server, process 2000, open files",
        also: &[],
        engagement: "",
        plant: |node| {
            managed(node);
            node.replace(UNIT, "LimitNOFILE=1048576\n", "");
            for pid in server() {
                node.replace(
                    &format!("/proc/{pid}/limits"),
                    "Max open files            1048576              1048576              files",
                    "Max open files            1024                 524288               files",
                );
            }
        },
    },
    Planted {
        name: "unit without anything for the case of a crash",
        check: "svc.restart-oom",
        outcome: "fail",
        subject: "vllm server, process 2000, restart",
        also: &[],
        engagement: "",
        plant: |node| {
            managed(node);
            node.replace(UNIT, "Restart=always\nRestartSec=5\n", "");
            node.replace(UNIT, "Type=notify\nTimeoutStartSec=1800\n", "");
            node.replace(UNIT, "OOMScoreAdjust=-500\n", "");
            for pid in server() {
                node.set(&format!("/proc/{pid}/oom_score_adj"), "0\n");
            }
        },
    },
    Planted {
        name: "server placed by hand",
        check: "svc.unit-affinity",
        outcome: "fail",
        subject: "vllm server, process 2000",
        also: &[],
        engagement: "",
        plant: |node| {
            managed(node);
            node.replace(UNIT, "CPUAffinity=4-31 36-59 68-95 100-123\n", "");
        },
    },
    Planted {
        name: "placement until the next reboot",
        check: "svc.unit-affinity",
        outcome: "fail",
        subject: "vllm server, process 2000",
        also: &[("affinity.binder-conflict", "warn")],
        engagement: "",
        plant: |node| {
            managed(node);
            node.replace(UNIT, "CPUAffinity=4-31 36-59 68-95 100-123\n", "");
            let cpus = "4-31,36-59,68-95,100-123";
            node.set(
                "/run/systemd/system.control/vllm.service.d/50-AllowedCPUs.conf",
                format!("# This is a drop-in unit file extension, created via \"systemctl set-property\"\n# or an equivalent operation. Do not edit.\n[Service]\nAllowedCPUs={cpus}\n"),
            );
            node.set(&format!("/sys/fs/cgroup{SERVICE}/cpuset.cpus"), format!("{cpus}\n"));
            node.set(&format!("/sys/fs/cgroup{SERVICE}/cpuset.cpus.effective"), format!("{cpus}\n"));
        },
    },
    Planted {
        name: "backup with the weight of the server",
        check: "svc.unit-weights",
        outcome: "warn",
        subject: "vllm server, process 2000",
        also: &[],
        engagement: "",
        plant: |node| {
            managed(node);
            node.replace(UNIT, "CPUWeight=1000\n", "");
            node.set(&format!("/sys/fs/cgroup{SERVICE}/cpu.weight"), "100\n");
            let group = "/system.slice/backup.service";
            let command = "/usr/bin/restic\0backup\0/srv\0";
            let cpus = "0-3,32-35,64-67,96-99";
            node.process(600, 1, "restic", command, cpus, "0-1", 640, &format!("0::{group}\n"));
            node.seat(600, 2);
            neighbour(node, group, 100);
            node.settle();
        },
    },
];

fn server() -> impl Iterator<Item = u32> {
    [API_SERVER, ENGINE_CORE].into_iter().chain(FIRST_WORKER..FIRST_WORKER + 8)
}

/// Units, TuneD's profile and `sysctl.d` say what is in force.
fn managed(node: &mut Node) {
    node.set(
        UNIT,
        "[Unit]\nDescription=vLLM with a model of 70 billion parameters\nAfter=network-online.target \
         nvidia-persistenced.service\n\n\
         [Service]\nType=notify\nTimeoutStartSec=1800\nExecStart=/usr/bin/python3 /usr/local/bin/vllm serve \
         example/model-70b --tensor-parallel-size 8\n\
         Restart=always\nRestartSec=5\nCPUWeight=1000\nCPUAffinity=4-31 36-59 68-95 100-123\nLimitNOFILE=1048576\n\
         LimitMEMLOCK=infinity\nMemorySwapMax=0\nOOMScoreAdjust=-500\n\n[Install]\nWantedBy=multi-user.target\n",
    );
    for name in ["vllm", "tuned", "nvidia-persistenced", "nvidia-fabricmanager"] {
        let folder = if name == "vllm" { "/etc" } else { "/usr/lib" };
        node.links.insert(
            format!("/etc/systemd/system/multi-user.target.wants/{name}.service"),
            format!("{folder}/systemd/system/{name}.service"),
        );
    }
    node.set(
        "/usr/lib/tuned/accelerator-performance/tuned.conf",
        "[main]\nsummary=Throughput performance based tuning with disabled higher latency STOP states\n\n\
         [cpu]\ngovernor=performance\nenergy_perf_bias=performance\nmin_perf_pct=100\nforce_latency=99\n\n\
         [disk]\nreadahead=>4096\n\n\
         [sysctl]\nvm.dirty_ratio = 40\nvm.dirty_background_ratio = 10\nvm.swappiness=10\n",
    );
    node.set("/proc/sys/vm/dirty_ratio", "40\n");
    node.set("/proc/sys/vm/swappiness", "10\n");
    node.set("/sys/devices/system/cpu/intel_pstate/min_perf_pct", "100\n");
    node.set("/sys/devices/system/cpu/intel_pstate/max_perf_pct", "100\n");
    node.set(
        "/etc/sysctl.d/90-inference.conf",
        "kernel.nmi_watchdog = 0\nkernel.numa_balancing = 0\nkernel.sched_autogroup_enabled = 0\nkernel.watchdog = 0\n\
         net.core.netdev_max_backlog = 5000\nvm.max_map_count = 262144\nvm.min_free_kbytes = 1048576\n\
         vm.overcommit_memory = 1\nvm.stat_interval = 10\n",
    );
}
