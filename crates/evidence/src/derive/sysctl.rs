//! Kernel parameters: `/proc/sys`.

use std::collections::BTreeMap;

use crate::fact::Fact;
use crate::source::Source;

/// The parameters that the catalogue's checks ask for, by path under `/proc/sys`.
pub const KEYS: &[&str] = &[
    "fs/file-max",
    "kernel/numa_balancing",
    "kernel/osrelease",
    "kernel/perf_event_paranoid",
    "kernel/pid_max",
    "kernel/randomize_va_space",
    "kernel/sched_autogroup_enabled",
    "kernel/sched_rt_period_us",
    "kernel/sched_rt_runtime_us",
    "kernel/threads-max",
    "kernel/timer_migration",
    "kernel/watchdog",
    "net/core/netdev_max_backlog",
    "net/core/somaxconn",
    "net/ipv4/tcp_max_syn_backlog",
    "vm/dirty_background_ratio",
    "vm/dirty_ratio",
    "vm/max_map_count",
    "vm/min_free_kbytes",
    "vm/nr_hugepages",
    "vm/overcommit_memory",
    "vm/stat_interval",
    "vm/swappiness",
    "vm/watermark_scale_factor",
    "vm/zone_reclaim_mode",
];

pub(crate) fn derive(source: &impl Source) -> BTreeMap<String, Fact<String>> {
    KEYS.iter().map(|key| (key.replace('/', "."), source.fact(&format!("/proc/sys/{key}")))).collect()
}
