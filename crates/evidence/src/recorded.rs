//! Whether a recorded tree can tell that a file is not there.
//!
//! On a running node a file that was looked for and not found is absent. A recorded tree holds what somebody chose to
//! copy, so that a file that it lacks may be one that nobody copied. It counts as absent only where its neighbours were
//! copied and not every node has it; anything else is not recorded, and nothing follows for the node.

use crate::derive::{container, gpu_runtime, persistent, platform, unit_file};

/// Subjects that may be configured in any of several folders, of which most nodes have some: where one was copied, the
/// others are absent.
fn subjects() -> [&'static [&'static str]; 16] {
    [
        unit_file::UNIT_FOLDERS,
        persistent::SYSCTL,
        persistent::TMPFILES,
        persistent::MODPROBE,
        persistent::UDEV,
        persistent::TUNED,
        &["/etc/default", "/etc/sysconfig"],
        &["/boot/loader/entries", "/efi/loader/entries", "/boot/grub2", "/boot/grub"],
        container::CONTAINERD,
        container::STORAGE,
        gpu_runtime::CDI,
        gpu_runtime::LIBRARIES,
        &platform::clock::FOLDERS,
        // Kernel parameters are copied by the folder; what is in one depends on how the kernel was built.
        &["/proc/sys/net"],
        &["/proc/sys/vm"],
        &["/proc/sys/kernel"],
    ]
}

/// Files that every running node has, or each that has the folder, whatever its kernel and hardware: `*` is one part of a path, `#` one that is a
/// number.
const EVERYWHERE: &[&str] = &[
    "/proc/#/cgroup",
    "/proc/#/cmdline",
    "/proc/#/environ",
    "/proc/#/limits",
    "/proc/#/ns/net",
    "/proc/#/oom_score_adj",
    "/proc/#/stat",
    "/proc/#/status",
    "/proc/#/task/#/stat",
    "/proc/#/task/#/status",
    "/proc/cmdline",
    "/proc/cpuinfo",
    "/proc/interrupts",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/net/dev",
    "/proc/net/netstat",
    "/proc/net/tcp",
    "/proc/self/cgroup",
    "/proc/softirqs",
    "/proc/stat",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/pid_max",
    "/proc/sys/kernel/sched_rt_runtime_us",
    "/proc/sys/net/core/somaxconn",
    "/proc/sys/vm/max_map_count",
    "/proc/sys/vm/min_free_kbytes",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/vm/swappiness",
    "/proc/uptime",
    "/proc/version",
    "/proc/vmstat",
    "/sys/bus/pci/devices/*/class",
    "/sys/bus/pci/devices/*/config",
    "/sys/bus/pci/devices/*/device",
    "/sys/bus/pci/devices/*/vendor",
    "/sys/devices/system/cpu/intel_pstate/no_turbo",
    "/sys/devices/system/cpu/online",
    "/sys/devices/system/node/*/cpulist",
    "/sys/devices/system/node/*/distance",
    "/sys/devices/system/node/*/meminfo",
];

/// What was asked of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The content of a file, or where a link leads.
    File,
    /// The names in a folder.
    Folder,
}

/// Whether a recording that lacks `path` tells that the node had no such thing; `has` says whether the recording has
/// anything below a folder.
pub(crate) fn tells_absence(path: &str, asked: Asked, has: impl Fn(&str) -> bool) -> bool {
    if EVERYWHERE.iter().any(|pattern| matches(pattern, path)) {
        return false;
    }
    let is_below =
        |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if let Some(folders) = subjects().into_iter().find(|folders| folders.iter().any(|one| is_below(one))) {
        return folders.iter().any(|folder| has(folder));
    }
    // A folder of which there is nothing may have been left out as a whole.
    asked == Asked::File && path.rsplit_once('/').is_some_and(|(folder, _)| has(folder))
}

fn matches(pattern: &str, path: &str) -> bool {
    let fits = |(pattern, part): (&str, &str)| match pattern {
        "*" => true,
        "#" => !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()),
        _ => pattern == part,
    };
    pattern.split('/').count() == path.split('/').count() && pattern.split('/').zip(path.split('/')).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A recording with something in these folders.
    fn tells(path: &str, asked: Asked, folders: &[&str]) -> bool {
        tells_absence(path, asked, |folder| folders.contains(&folder))
    }

    #[test]
    fn what_every_node_has_was_not_recorded() {
        for path in ["/proc/7/cgroup", "/proc/7/task/8/status", "/proc/cmdline"] {
            assert!(!tells(path, Asked::File, &["/proc", "/proc/7", "/proc/7/task/8"]), "{path}");
        }
        // Only where its neighbours were recorded is another file absent.
        assert!(tells("/proc/7/numa_maps", Asked::File, &["/proc/7"]));
        assert!(!tells("/proc/7/numa_maps", Asked::File, &["/proc"]));
        assert!(!tells("/proc/7/fd", Asked::Folder, &["/proc/7"]));
    }

    #[test]
    fn a_subject_is_recorded_where_one_of_its_folders_is() {
        let usr = ["/usr/lib/sysctl.d"];
        assert!(tells("/etc/sysctl.d", Asked::Folder, &usr));
        assert!(tells("/etc/sysctl.d/9.conf", Asked::File, &usr));
        assert!(!tells("/etc/tuned/active_profile", Asked::File, &["/etc"]));
        assert!(!tells("/etc/sysctl.d", Asked::Folder, &["/etc"]));
        // The module for connection tracking is not loaded.
        let tracking = "/proc/sys/net/netfilter/nf_conntrack_count";
        assert!(tells(tracking, Asked::File, &["/proc/sys/net"]));
        assert!(!tells(tracking, Asked::File, &["/proc/sys", "/proc/sys/vm"]));
    }
}
