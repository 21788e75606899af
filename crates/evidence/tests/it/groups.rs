//! The parsers of what a node says, in groups, and an honest node to spoil one file of.
//!
//! Shared by the property tests and the fuzz targets: both call [`analyse`], so that whatever is derived from a bundle is
//! tried, parsers that are added later included.

#![allow(unreachable_pub, reason = "the fuzz targets are another crate")]

use std::collections::BTreeMap;

use plumb_evidence::bundle::{CLOCK_NAME, HWLOC_NAME, NVML_NAME, NVML_WINDOW_NAME};
use plumb_evidence::derive::power;
use plumb_evidence::manifest::{Manifest, ProbeRecord, ProbeStatus};
use plumb_evidence::model::Origin;
use plumb_evidence::{Bundle, derive, views};

// By path, since the fuzz targets take this file from elsewhere, where its folder would not be looked for.
#[path = "groups/configuration.rs"]
mod configuration;
#[path = "groups/devices.rs"]
mod devices;
#[path = "groups/node.rs"]
mod node;

/// Files that are parsed by one group of functions.
pub struct Group {
    /// Name of the fuzz target.
    pub name: &'static str,
    /// Files of the bundle. A folder of the window stands for both readings.
    pub paths: &'static [&'static str],
}

/// All groups.
pub const GROUPS: &[Group] = &[
    Group {
        name: "cpu",
        paths: &[
            "raw/proc/cpuinfo",
            "raw/sys/devices/system/cpu/online",
            "raw/sys/devices/system/cpu/present",
            "raw/sys/devices/system/cpu/cpu1/topology/core_cpus_list",
            "raw/sys/devices/system/cpu/cpu1/topology/package_cpus",
            "raw/sys/devices/system/cpu/cpu1/topology/physical_package_id",
            "raw/sys/devices/system/cpu/cpu1/topology/core_id",
            "raw/sys/devices/system/cpu/cpu0/cache/index0/size",
            "raw/sys/devices/system/cpu/cpu0/cache/index0/level",
            "raw/sys/devices/system/cpu/cpu0/cache/index0/shared_cpu_map",
            "raw/sys/devices/system/cpu/cpu0/cache/index0/type",
        ],
    },
    Group {
        name: "numa",
        paths: &[
            "raw/sys/devices/system/node/online",
            "raw/sys/devices/system/node/node0/cpulist",
            "raw/sys/devices/system/node/node0/distance",
            "raw/sys/devices/system/node/node0/meminfo",
            "raw/sys/devices/system/node/node0/numastat",
            "raw/proc/meminfo",
            "raw/proc/buddyinfo",
            "raw/proc/zoneinfo",
        ],
    },
    Group {
        name: "pci",
        paths: &[
            "raw/sys/bus/pci/devices/0000:01:00.0/class",
            "raw/sys/bus/pci/devices/0000:01:00.0/vendor",
            "raw/sys/bus/pci/devices/0000:01:00.0/numa_node",
            "raw/sys/bus/pci/devices/0000:01:00.0/local_cpulist",
            "raw/sys/bus/pci/devices/0000:01:00.0/current_link_speed",
            "raw/sys/bus/pci/devices/0000:01:00.0/max_link_width",
            "links.json",
        ],
    },
    Group {
        name: "clocks",
        paths: &[
            "raw/sys/devices/system/cpu/cpufreq/policy0/affected_cpus",
            "raw/sys/devices/system/cpu/cpufreq/policy0/scaling_governor",
            "raw/sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq",
            "raw/sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq",
            "raw/sys/devices/system/cpu/cpu0/cpuidle/state0/latency",
            "raw/sys/devices/system/cpu/cpu0/cpuidle/state0/disable",
            "raw/sys/devices/system/cpu/cpuidle/current_driver",
        ],
    },
    Group {
        name: "system",
        paths: &[
            "raw/etc/os-release",
            "raw/proc/version",
            "raw/proc/cmdline",
            "raw/proc/1/cgroup",
            "raw/proc/sys/kernel/numa_balancing",
            "raw/sys/class/dmi/id/product_name",
            "raw/sys/hypervisor/type",
            "raw/sys/devices/system/cpu/smt/control",
        ],
    },
    Group {
        name: "cgroup",
        paths: &[
            "raw/proc/self/cgroup",
            "raw/proc/7/cgroup",
            "raw/sys/fs/cgroup/job/cpu.max",
            "raw/sys/fs/cgroup/job/cpuset.cpus.effective",
            "raw/sys/fs/cgroup/job/cpu.stat",
            "raw/sys/fs/cgroup/job/cpu.pressure",
        ],
    },
    Group {
        name: "process",
        paths: &[
            "raw/proc/7/stat",
            "raw/proc/7/cmdline",
            "raw/proc/7/task/7/stat",
            "raw/proc/7/task/7/status",
            "raw/proc/2/stat",
            "raw/proc/2/status",
        ],
    },
    Group {
        name: "server",
        paths: &[
            "raw/proc/7/cmdline",
            "raw/proc/7/environ",
            "raw/proc/7/limits",
            "raw/proc/7/status",
            "raw/proc/7/numa_maps",
            "raw/proc/7/oom_score_adj",
            "raw/proc/7/mounts",
        ],
    },
    Group {
        name: "interrupts",
        paths: &["raw/proc/interrupts", "raw/proc/irq/9/smp_affinity_list", "raw/proc/irq/9/node"],
    },
    Group {
        name: "window",
        paths: &[
            "samples/proc/stat",
            "samples/proc/interrupts",
            "samples/proc/softirqs",
            "samples/proc/vmstat",
            "samples/proc/net/snmp",
            "samples/proc/net/netstat",
            "samples/proc/net/softnet_stat",
            "samples/proc/pressure/cpu",
            "samples/proc/7/stat",
            "samples/proc/7/task/7/stat",
            "samples/proc/7/task/7/status",
            "samples/proc/7/task/7/schedstat",
            "samples/sys/devices/system/node/node0/numastat",
            "samples/sys/fs/cgroup/job/cpu.stat",
        ],
    },
    Group {
        name: "gpu",
        paths: &[
            NVML_NAME,
            "raw/proc/driver/nvidia/gpus/0000:01:00.0/information",
            "raw/proc/driver/nvidia/gpus/0000:01:00.0/numa_status",
            "raw/proc/driver/nvidia/version",
        ],
    },
    Group { name: "hwloc", paths: &[HWLOC_NAME] },
    Group {
        name: "memory",
        paths: &[
            "raw/proc/swaps",
            "raw/proc/vmstat",
            "raw/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages",
            "raw/sys/devices/system/edac/mc/mc0/seconds_since_reset",
            "raw/sys/devices/system/edac/mc/mc0/dimm0/dimm_label",
            "raw/sys/firmware/dmi/tables/DMI",
        ],
    },
    Group {
        name: "power",
        paths: &[
            "raw/dev/cpu_dma_latency",
            "raw/sys/devices/system/cpu/cpu0/power/energy_perf_bias",
            "raw/sys/devices/system/cpu/cpu0/power/pm_qos_resume_latency_us",
            "raw/sys/devices/system/cpu/cpu0/acpi_cppc/reference_perf",
            "raw/sys/devices/system/cpu/cpu0/acpi_cppc/nominal_freq",
            "samples/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count",
            "samples/sys/devices/system/cpu/cpu0/acpi_cppc/feedback_ctrs",
            "samples/sys/devices/system/cpu/cpu0/cpuidle/state0/time",
        ],
    },
    Group {
        name: "network",
        paths: &[
            "raw/proc/net/tcp",
            "raw/proc/net/tcp6",
            "raw/sys/class/net/eth0/speed",
            "raw/sys/class/net/eth0/queues/rx-0/rps_cpus",
            "raw/sys/class/infiniband/mlx5_0/ports/1/state",
            "raw/sys/class/infiniband/mlx5_0/ports/1/rate",
            "links.json",
        ],
    },
    Group {
        name: "storage",
        paths: &[
            "raw/proc/7/mountinfo",
            "raw/sys/block/nvme0n1/queue/rotational",
            "raw/sys/block/nvme0n1/queue/scheduler",
            "raw/sys/class/nvme/nvme0/address",
            "links.json",
        ],
    },
    Group {
        name: "kernel",
        paths: &[
            "raw/dev/kmsg",
            "raw/var/log/kern.log",
            "raw/proc/uptime",
            "raw/proc/modules",
            "raw/proc/config.gz",
            "raw/boot/config-6.8.0",
            "raw/sys/devices/system/cpu/vulnerabilities/meltdown",
        ],
    },
    Group {
        name: "boot",
        paths: &[
            "raw/etc/default/grub",
            "raw/etc/default/grub.d/50-cloud.cfg",
            "raw/etc/kernel/cmdline",
            "raw/boot/loader/entries/a-6.8.0.conf",
            "raw/boot/grub2/grubenv",
            "raw/etc/chrony/chrony.conf",
            "raw/etc/systemd/timesyncd.conf",
        ],
    },
    Group {
        name: "persistent",
        paths: &[
            "raw/etc/sysctl.d/90-x.conf",
            "raw/etc/tmpfiles.d/a.conf",
            "raw/etc/modprobe.d/nvidia.conf",
            "raw/etc/udev/rules.d/60-x.rules",
            "raw/etc/tuned/active_profile",
            "raw/etc/tuned/mine/tuned.conf",
            "raw/etc/default/cpupower",
        ],
    },
    Group {
        name: "unit",
        paths: &[
            "raw/etc/systemd/system/job.service",
            "raw/etc/systemd/system/job.service.d/10-x.conf",
            "raw/proc/7/cgroup",
            "links.json",
        ],
    },
    Group {
        name: "container",
        paths: &[
            "raw/proc/7/cgroup",
            "raw/etc/docker/daemon.json",
            configuration::HOST_CONFIG,
            configuration::CONTAINER_STATE,
            configuration::RUNTIME_SPEC,
            "raw/etc/nvidia-container-runtime/config.toml",
        ],
    },
    Group {
        name: "kubelet",
        paths: &[
            "raw/proc/9/cmdline",
            "raw/var/lib/kubelet/config.yaml",
            "raw/etc/kubernetes/kubelet.conf.d/10-x.conf",
            "raw/var/lib/kubelet/cpu_manager_state",
            "raw/var/lib/kubelet/memory_manager_state",
            "raw/var/lib/kubelet/dra_manager_state",
        ],
    },
    Group {
        name: "answers",
        paths: &[
            CLOCK_NAME,
            NVML_WINDOW_NAME,
            "measurements/bench-a.json",
            "measurements/noise-a.json",
            "measurements/experiment-a.json",
        ],
    },
];

/// The group of that name.
///
/// # Panics
/// If there is none.
#[allow(dead_code, reason = "the fuzz targets ask by name, the property tests take all")]
pub fn group(name: &str) -> &'static Group {
    GROUPS.iter().find(|group| group.name == name).expect("a group of that name")
}

/// An honest node with two CPUs, one GPU, one inference server and a window of a second.
pub fn honest() -> BTreeMap<String, Vec<u8>> {
    let mut files = node::node();
    devices::add(&mut files);
    configuration::add(&mut files);
    files
}

/// A bundle of `files`.
pub fn bundle(mut files: BTreeMap<String, Vec<u8>>) -> Bundle {
    let links = files.remove("links.json").and_then(|text| serde_json::from_slice(&text).ok());
    let probe = |id: &str, reads: &[&str]| ProbeRecord {
        id: id.to_owned(),
        status: ProbeStatus::Ok,
        reason: String::new(),
        itemised: false,
        reads: reads.iter().map(|&path| path.to_owned()).collect(),
        duration_us: 0,
        files: 0,
        bytes: 0,
    };
    let manifest = Manifest {
        tool_version: "0.0.0".into(),
        started: "2026-01-01T00:00:00Z".into(),
        finished: "2026-01-01T00:00:01Z".into(),
        samples_us: vec![0, 1_000_000],
        probes: vec![
            probe("all", &["/proc", "/sys", "/etc", "/run", "/usr", "/var", "/boot", "/dev"]),
            probe(power::PROBE, &[]),
        ],
        ..Manifest::new(Origin::Live)
    };
    Bundle::new(manifest, files, links.unwrap_or_default())
}

/// Puts `contents` (number of the path, content) into the honest node, and derives and shows whatever can be.
///
/// # Panics
/// Where anything panics, or evidence does not survive being passed on as JSON, as it is to packs.
pub fn analyse(group: &Group, contents: &[(usize, Vec<u8>)]) {
    let mut files = honest();
    for (number, content) in contents {
        let path = group.paths[number % group.paths.len()];
        match path.strip_prefix("samples/") {
            // The second number says which of the readings is spoilt.
            Some(path) => {
                files.insert(format!("samples/00{}/{path}", number / group.paths.len() % 2), content.clone())
            }
            None => files.insert(path.to_owned(), content.clone()),
        };
    }
    let bundle = bundle(files);
    let evidence = derive(&bundle);
    let text = serde_json::to_vec(&evidence).expect("evidence is JSON");
    let again: plumb_evidence::Evidence = serde_json::from_slice(&text).expect("and is read back");
    assert_eq!(
        serde_json::to_vec(&again).expect("evidence is JSON"),
        text,
        "evidence changes on its way to a pack"
    );
    let _ = views::lscpu(&evidence);
    let _ = views::numactl(&evidence);
    let _ = views::lstopo(&bundle);
}
