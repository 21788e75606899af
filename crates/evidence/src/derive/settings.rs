//! Files of the node that hold one value each, kept verbatim under their absolute path.
//!
//! Every subject lists the files that its checks ask for; the collector reads what is listed here, and nothing has to be
//! parsed. What exists once per CPU belongs into a typed section, where equal values are grouped.

use std::collections::BTreeMap;

use crate::fact::{Absence, Fact};
use crate::source::Source;

/// Files of one subject.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// Key under `settings` in the evidence.
    pub id: &'static str,
    /// Absolute paths; a part that is `*` stands for any name in its folder, or for any that begins as written
    /// (`mc*`). Paths without `*` are always in the evidence, absent or not.
    pub paths: &'static [&'static str],
    /// Like `paths`, but read at both ends of the window as well: `window.values`.
    pub sampled: &'static [&'static str],
}

/// All subjects.
pub const SUBJECTS: &[Subject] =
    &[TOPOLOGY, POWER, SCHEDULER, INTERRUPTS, NETWORK, MEMORY, GPU, KERNEL, VIRTUALIZATION, SERVICE];

const TOPOLOGY: Subject = Subject {
    id: "topology",
    paths: &[
        "/proc/driver/nvidia/gpus/*/numa_status",
        "/sys/devices/virtual/memory_tiering/*/nodelist",
        "/sys/class/infiniband/*/ports/*/state",
    ],
    sampled: &[],
};
const POWER: Subject = Subject {
    id: "power",
    paths: &[
        "/sys/devices/system/cpu/amd_pstate/prefcore",
        "/sys/devices/system/cpu/intel_pstate/hwp_dynamic_boost",
        "/sys/devices/system/cpu/intel_pstate/max_perf_pct",
        "/sys/devices/system/cpu/intel_pstate/min_perf_pct",
        "/sys/devices/system/cpu/intel_uncore_frequency/*/agent_types",
        "/sys/devices/system/cpu/intel_uncore_frequency/*/elc_floor_freq_khz",
        "/sys/devices/system/cpu/intel_uncore_frequency/*/elc_high_threshold_enable",
        "/sys/devices/system/cpu/intel_uncore_frequency/*/elc_high_threshold_percent",
        "/sys/devices/system/cpu/intel_uncore_frequency/*/elc_low_threshold_percent",
        "/sys/devices/system/cpu/intel_uncore_frequency/*/max_freq_khz",
        "/sys/devices/system/cpu/intel_uncore_frequency/*/min_freq_khz",
        "/sys/class/powercap/intel-rapl:*/constraint_0_max_power_uw",
        "/sys/class/powercap/intel-rapl:*/constraint_0_name",
        "/sys/class/powercap/intel-rapl:*/constraint_0_power_limit_uw",
        "/sys/class/powercap/intel-rapl:*/enabled",
        "/sys/class/powercap/intel-rapl:*/name",
        "/sys/firmware/acpi/platform_profile",
        "/sys/module/intel_idle/parameters/max_cstate",
        "/etc/tuned/active_profile",
        "/etc/tuned/post_loaded_profile",
        "/etc/tuned/profile_mode",
        // Profiles of the node's own, in either of the folders that TuneD looks in.
        "/etc/tuned/*/tuned.conf",
        "/etc/tuned/profiles/*/tuned.conf",
    ],
    sampled: &["/sys/devices/system/cpu/intel_uncore_frequency/*/current_freq_khz"],
};
const SCHEDULER: Subject = Subject {
    id: "scheduler",
    paths: &[
        "/sys/devices/system/cpu/isolated",
        "/sys/devices/system/cpu/nohz_full",
        "/sys/devices/virtual/workqueue/cpumask",
        "/sys/kernel/realtime",
        "/sys/kernel/sched_ext/root/ops",
        "/sys/kernel/sched_ext/state",
    ],
    sampled: &[],
};
const INTERRUPTS: Subject = Subject {
    id: "interrupts",
    paths: &[
        "/etc/default/irqbalance",
        "/etc/sysconfig/irqbalance",
        "/proc/irq/default_smp_affinity",
        "/sys/devices/system/cpu/isolated",
        "/sys/devices/system/cpu/nohz_full",
    ],
    sampled: &[],
};
const NETWORK: Subject = Subject {
    id: "network",
    paths: &["/proc/driver/nvidia/version"],
    sampled: &[
        "/sys/class/net/*/statistics/rx_bytes",
        "/sys/class/net/*/statistics/rx_crc_errors",
        "/sys/class/net/*/statistics/rx_errors",
        "/sys/class/net/*/statistics/rx_fifo_errors",
        "/sys/class/net/*/statistics/rx_missed_errors",
        "/sys/class/net/*/statistics/rx_packets",
        "/sys/class/net/*/statistics/tx_bytes",
        "/sys/class/net/*/statistics/tx_errors",
        "/sys/class/infiniband/*/ports/*/counters/link_downed",
        "/sys/class/infiniband/*/ports/*/counters/link_error_recovery",
        "/sys/class/infiniband/*/ports/*/counters/local_link_integrity_errors",
        "/sys/class/infiniband/*/ports/*/counters/port_rcv_errors",
        "/sys/class/infiniband/*/ports/*/counters/port_xmit_data",
        "/sys/class/infiniband/*/ports/*/counters/port_xmit_discards",
        "/sys/class/infiniband/*/ports/*/counters/symbol_error",
        "/sys/class/infiniband/*/ports/*/hw_counters/local_ack_timeout_err",
        "/sys/class/infiniband/*/ports/*/hw_counters/out_of_sequence",
        "/sys/class/infiniband/*/ports/*/hw_counters/packet_seq_err",
    ],
};
const MEMORY: Subject = Subject {
    id: "memory",
    paths: &[
        "/sys/kernel/mm/ksm/run",
        "/sys/kernel/mm/transparent_hugepage/defrag",
        "/sys/kernel/mm/transparent_hugepage/enabled",
        "/sys/kernel/mm/transparent_hugepage/khugepaged/defrag",
        "/sys/kernel/mm/transparent_hugepage/shmem_enabled",
    ],
    sampled: &[
        "/sys/devices/system/edac/mc/mc*/ce_count",
        "/sys/devices/system/edac/mc/mc*/dimm*/dimm_ce_count",
        "/sys/devices/system/edac/mc/mc*/rank*/dimm_ce_count",
        "/sys/devices/system/edac/mc/mc*/ue_count",
    ],
};
const GPU: Subject = Subject {
    id: "gpu",
    paths: &["/proc/driver/nvidia/version", "/proc/driver/nvidia/params", "/sys/kernel/iommu_groups/*/type"],
    sampled: &[],
};
const KERNEL: Subject = Subject {
    id: "kernel",
    paths: &[
        "/proc/uptime",
        "/sys/devices/system/clocksource/clocksource0/available_clocksource",
        "/sys/devices/system/clocksource/clocksource0/current_clocksource",
        "/sys/devices/system/cpu/isolated",
        "/sys/devices/system/cpu/smt/active",
        "/sys/devices/system/cpu/smt/control",
    ],
    sampled: &[],
};
const VIRTUALIZATION: Subject = Subject {
    id: "virtualization",
    paths: &["/sys/hypervisor/type", "/sys/bus/virtio/devices/*/device"],
    sampled: &[],
};
/// Weights and CPU time of control groups on the two outer levels, beside what boot may set in single files.
const SERVICE: Subject = Subject {
    id: "service",
    paths: &[
        "/sys/fs/cgroup/*/cpu.weight",
        "/sys/fs/cgroup/*/*/cpu.weight",
        "/sys/fs/cgroup/*/cpuset.cpus.effective",
        "/sys/fs/cgroup/*/*/cpuset.cpus.effective",
        "/sys/kernel/mm/transparent_hugepage/enabled",
        "/sys/kernel/mm/transparent_hugepage/defrag",
        "/sys/kernel/mm/ksm/run",
        "/sys/devices/system/cpu/intel_pstate/no_turbo",
        "/sys/devices/system/cpu/cpufreq/boost",
        "/sys/devices/system/cpu/smt/control",
    ],
    sampled: &["/sys/fs/cgroup/*/cpu.stat", "/sys/fs/cgroup/*/*/cpu.stat"],
};

/// The paths that `pattern` names in `source`; one without `*` names itself, whether it is there or not.
///
/// A folder that cannot be listed names the pattern as far as it got, so that the reason can be told.
#[must_use]
pub fn expand(source: &impl Source, pattern: &str) -> Vec<String> {
    let mut paths = vec![String::new()];
    // Folders that could not be listed: what would be below them is not known, so they have no further parts.
    let mut unlisted = Vec::new();
    let mut parts = pattern.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let Some(prefix) = part.strip_suffix('*') else {
            for path in &mut paths {
                path.push('/');
                path.push_str(part);
            }
            continue;
        };
        let last = parts.peek().is_none();
        let mut found = Vec::new();
        for folder in paths {
            match if last { source.list(&folder) } else { source.folders(&folder) } {
                Ok(names) => found.extend(
                    names
                        .iter()
                        .filter(|name| name.starts_with(prefix))
                        .map(|name| format!("{folder}/{name}")),
                ),
                Err(why) if why.missing == Absence::Absent => {}
                Err(_) => unlisted.push(folder),
            }
        }
        paths = found;
    }
    paths.extend(unlisted);
    paths
}

pub(crate) fn derive(source: &impl Source) -> BTreeMap<String, BTreeMap<String, Fact<String>>> {
    let of = |subject: &Subject| {
        let mut facts = BTreeMap::new();
        for pattern in subject.paths {
            for path in expand(source, pattern) {
                let fact = source.fact(&path);
                // What a pattern names but does not have (a port without counters) is no news.
                let absent = matches!(&fact, Fact::Missing(why) if why.missing == Absence::Absent);
                if !(absent && pattern.contains('*')) {
                    facts.insert(path, fact);
                }
            }
        }
        facts
    };
    SUBJECTS.iter().map(|subject| (subject.id.to_owned(), of(subject))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::testing::Tree;
    use crate::fact::Missing;

    /// A node with a folder that may not be listed.
    struct Closed(Tree);

    impl Source for Closed {
        fn read(&self, path: &str) -> Result<Vec<u8>, Missing> {
            self.0.read(path)
        }

        fn list(&self, path: &str) -> Result<Vec<String>, Missing> {
            match path {
                "/sys/closed" => Err(Missing::new(Absence::Denied, "permission denied")),
                _ => self.0.list(path),
            }
        }

        fn link(&self, path: &str) -> Result<String, Missing> {
            self.0.link(path)
        }
    }

    #[test]
    fn a_folder_that_cannot_be_listed_has_no_further_parts() {
        let node =
            Closed(Tree::of(&[("/sys/open/a1/x", ""), ("/sys/open/b/x", ""), ("/sys/closed/a1/x", "")]));
        assert_eq!(expand(&node, "/sys/open/a*/x"), ["/sys/open/a1/x"]);
        assert_eq!(expand(&node, "/sys/closed/a*/x"), ["/sys/closed"]);
        assert_eq!(expand(&node, "/sys/none/a*/x"), Vec::<String>::new());
        assert_eq!(expand(&node, "/sys/none/x"), ["/sys/none/x"]);
    }
}
