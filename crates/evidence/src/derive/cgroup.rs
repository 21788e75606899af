//! Control groups: of the collector (`/proc/self/cgroup`) and of inference servers (`/proc/PID/cgroup`), each up to the
//! root.

use std::collections::BTreeMap;

use crate::derive::surroundings;
use crate::fact::{Absence, Fact, Missing};
use crate::model::{CGROUP_MOUNT, Cgroup, CgroupLevel};
use crate::source::Source;

/// Files that say what a group may use, version 2 and version 1.
pub const FILES: &[&str] = &[
    "cgroup.controllers",
    "cpu.max",
    "cpu.max.burst",
    "cpu.stat",
    "cpu.weight",
    "cpu.pressure",
    "cpuset.cpus",
    "cpuset.cpus.effective",
    "cpuset.cpus.partition",
    "cpuset.mems",
    "cpuset.mems.effective",
    "io.pressure",
    "io.weight",
    "memory.current",
    "memory.events",
    "memory.high",
    "memory.max",
    "memory.numa_stat",
    "memory.pressure",
    "memory.swap.current",
    "memory.swap.max",
    "pids.max",
    // Version 1.
    "cpu.cfs_period_us",
    "cpu.cfs_quota_us",
    "cpu.shares",
    "cpuset.effective_cpus",
    "cpuset.effective_mems",
    "memory.limit_in_bytes",
];

/// Where control groups are mounted.
pub const MOUNT: &str = CGROUP_MOUNT;
/// Which groups the collector is in.
pub const MEMBERSHIP: &str = "/proc/self/cgroup";

/// The folders of the groups that `membership` (the text of [`MEMBERSHIP`]) names, each from the group up to the root.
///
/// Version 2 has one line, `0::/path`; version 1 one line per hierarchy, `4:cpu,cpuacct:/path`, of which those that
/// limit CPUs, memory or tasks are followed. Where both are in use, version 2 is mounted at `unified`.
#[must_use]
pub fn folders(membership: &str) -> Vec<String> {
    let mut folders = Vec::new();
    let hybrid = membership.lines().any(|line| !line.starts_with("0::"));
    for line in membership.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let mount = if controllers.is_empty() && hybrid {
            format!("{MOUNT}/unified")
        } else if controllers.is_empty() {
            MOUNT.to_owned()
        } else if controllers.split(',').any(|name| matches!(name, "cpu" | "cpuset" | "memory" | "pids")) {
            // The kernel may list `cpuacct,cpu`; the folder is always named this way.
            let mut names: Vec<&str> = controllers.split(',').collect();
            names.sort_unstable();
            format!("{MOUNT}/{}", names.join(","))
        } else {
            continue;
        };
        let mut below = path.trim_matches('/');
        // A group outside the namespace reads `/../…`; its folder cannot be named from in here.
        if below.split('/').any(|part| part == "..") {
            below = "";
        }
        loop {
            folders.push(if below.is_empty() { mount.clone() } else { format!("{mount}/{below}") });
            match below.rsplit_once('/') {
                Some((above, _)) => below = above,
                None if below.is_empty() => break,
                None => below = "",
            }
        }
    }
    folders
}

/// Files of a group that count, read at both ends of a window.
pub const SAMPLED: &[&str] =
    &["cpu.stat", "cpu.pressure", "memory.pressure", "io.pressure", "memory.events", "memory.current"];

/// The control groups of the collector.
///
/// # Errors
/// A kernel without control groups has no membership.
pub(crate) fn derive(source: &impl Source) -> Result<Cgroup, Missing> {
    chain_of(source, MEMBERSHIP)
}

/// The control groups that the file at `path` names.
///
/// # Errors
/// A kernel without control groups has no membership; a group outside the collector's namespace cannot be looked at, and
/// its limits are not those of the root.
pub(crate) fn chain_of(source: &impl Source, path: &str) -> Result<Cgroup, Missing> {
    let membership = source.text(path)?;
    if membership.lines().any(|line| line.split('/').any(|part| part == "..")) && path != MEMBERSHIP {
        let reason = format!("{path}: the group is outside of the collector's control group namespace");
        return Err(Missing::new(Absence::Denied, reason));
    }
    let unified = membership.lines().any(|line| line.starts_with("0::"));
    let legacy = membership.lines().any(|line| !line.starts_with("0::"));
    let inside = surroundings::is_inside(source);
    let chain: Vec<CgroupLevel> = folders(&membership)
        .into_iter()
        .map(|path| {
            // A file that the group does not have is left out; one that could not be read is no "no limit".
            let values: BTreeMap<String, Fact<String>> = FILES
                .iter()
                .filter_map(|&name| match source.fact(&format!("{path}/{name}")) {
                    Fact::Missing(why) if why.missing == Absence::Absent => None,
                    value => Some((name.to_owned(), value)),
                })
                .collect();
            CgroupLevel { path, values }
        })
        .collect();
    let version = match (unified, legacy) {
        (true, true) => 12,
        (false, true) => 1,
        _ => 2,
    };
    let chain = if inside { seen_from_inside(chain, &membership) } else { chain };
    let namespaced = inside && !(source.looked_at_node() && chain.last().is_some_and(is_hierarchy_root));
    Ok(Cgroup { version, chain, namespaced })
}

/// True for the root of the unified hierarchy, which a machine that calls itself a container may see: every other group that
/// has the controller has its limit.
fn is_hierarchy_root(outermost: &CgroupLevel) -> bool {
    let controllers = outermost.values.get("cgroup.controllers").and_then(Fact::known);
    controllers.is_some_and(|names| names.split_whitespace().any(|name| name == "cpu"))
        && !outermost.values.contains_key("cpu.max")
}

/// Version 1 names a group in a container as the host does, and mounts that very group where the root would be: what its
/// name asks for below the mount is not there, and is no group that nobody looked at.
fn seen_from_inside(chain: Vec<CgroupLevel>, membership: &str) -> Vec<CgroupLevel> {
    if !surroundings::names_container(membership) {
        return chain;
    }
    // Each hierarchy goes from the group up to its mount.
    let depth = |level: &CgroupLevel| level.path.matches('/').count();
    let mut seen: Vec<CgroupLevel> = Vec::new();
    for hierarchy in chain.chunk_by(|one, next| depth(next) < depth(one)) {
        let Some((mount, below)) = hierarchy.split_last() else { continue };
        let only_mount = !mount.values.is_empty() && below.iter().all(|level| level.values.is_empty());
        seen.extend_from_slice(if only_mount { std::slice::from_ref(mount) } else { hierarchy });
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::testing::Tree;

    #[test]
    fn inside_of_a_container_the_mount_is_the_group() {
        let id = "a".repeat(64);
        let membership = format!("4:cpu,cpuacct:/docker/{id}\n3:memory:/docker/{id}\n");
        let files = [
            ("/.dockerenv", ""),
            ("/proc/7/cgroup", membership.as_str()),
            ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "765000"),
            ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000"),
        ];
        let paths = |files: &[(&str, &str)]| -> Vec<String> {
            let group = chain_of(&Tree::of(files), "/proc/7/cgroup").unwrap();
            group.chain.into_iter().map(|level| level.path.replace(&id, "ID")).collect()
        };
        let memory =
            ["/sys/fs/cgroup/memory/docker/ID", "/sys/fs/cgroup/memory/docker", "/sys/fs/cgroup/memory"];
        // Of the other hierarchy nothing was read.
        assert_eq!(paths(&files), [&["/sys/fs/cgroup/cpu,cpuacct"][..], &memory].concat());
        // On the host, it is a group that nobody read.
        let unlimited = ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1");
        assert_eq!(paths(&[files[1], unlimited]).len(), 6);
    }

    #[test]
    fn the_root_that_a_machine_in_a_container_sees_has_no_limit() {
        let files = [
            ("/.dockerenv", ""),
            ("/proc/7/cgroup", "0::/app\n"),
            ("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu memory"),
            ("/sys/fs/cgroup/app/cpu.max", "max 100000"),
        ];
        let quotas = |files: &[(&str, &str)]| chain_of(&Tree::of(files), "/proc/7/cgroup").unwrap().quotas();
        assert_eq!(quotas(&files), (Vec::new(), None));
        // The group of a container has its limit, whatever it is.
        let limited = [&files[..], &[("/sys/fs/cgroup/cpu.max", "150000 100000")]].concat();
        assert_eq!(quotas(&limited).0[0].cpus, 1.5);
        // Without the controller, a group above may hold the limit.
        let without = [&files[..2], &[("/sys/fs/cgroup/cgroup.controllers", "memory")], &files[3..]].concat();
        assert!(chain_of(&Tree::of(&without), "/proc/7/cgroup").unwrap().namespaced);
    }

    #[test]
    fn both_versions_lead_up_to_the_root() {
        assert_eq!(folders("0::/a/b\n"), ["/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup"]);
        assert_eq!(
            folders("5:cpuset:/x\n4:cpuacct,cpu:/\n3:freezer:/x\n"),
            ["/sys/fs/cgroup/cpuset/x", "/sys/fs/cgroup/cpuset", "/sys/fs/cgroup/cpu,cpuacct"]
        );
        assert_eq!(folders("0::/../other"), ["/sys/fs/cgroup"]);
        let hybrid = folders("1:memory:/a\n0::/a\n");
        assert!(hybrid.contains(&"/sys/fs/cgroup/unified/a".to_owned()), "{hybrid:?}");
    }
}
