//! What several checks ask of control groups: whether one that tells no limit has none.

use super::{Cgroup, CgroupLevel};

/// Where control groups are mounted.
pub const CGROUP_MOUNT: &str = "/sys/fs/cgroup";

impl Cgroup {
    /// True if `level` is known to have no file of `controller`, and so no limit of its own: the controller is not enabled
    /// for it.
    #[must_use]
    pub fn is_without(&self, level: &CgroupLevel, controller: &str) -> bool {
        if let Some(controllers) = level.values.get("cgroup.controllers") {
            return controllers
                .known()
                .is_some_and(|text| !text.split_whitespace().any(|name| name == controller));
        }
        // Version 1: the first folder below the mount names the controllers of the hierarchy.
        let hierarchy = below_mount(level).split('/').next().unwrap_or_default();
        self.version != 2 && !hierarchy.is_empty() && !hierarchy.split(',').any(|name| name == controller)
    }

    /// True if `level` is the outermost group, which has no limits, and was looked at: in a container the outermost one that
    /// is seen is a group like others, whose files tell.
    #[must_use]
    pub fn is_root(&self, level: &CgroupLevel) -> bool {
        let below = below_mount(level);
        let is_outermost = below.is_empty() || (self.version != 2 && !below.contains('/'));
        is_outermost && !level.values.is_empty()
    }
}

fn below_mount(level: &CgroupLevel) -> &str {
    level.path.strip_prefix(CGROUP_MOUNT).unwrap_or(&level.path).trim_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;

    fn level(path: &str, values: &[(&str, &str)]) -> CgroupLevel {
        let values =
            values.iter().map(|(name, text)| ((*name).to_owned(), Fact::Known((*text).to_owned()))).collect();
        CgroupLevel { path: format!("{CGROUP_MOUNT}{path}"), values }
    }

    #[test]
    fn a_group_is_without_a_controller_where_something_says_so() {
        let cgroup = |version| Cgroup { version, chain: Vec::new() };
        let (two, one) = (cgroup(2), cgroup(1));
        assert!(two.is_without(&level("/user.slice", &[("cgroup.controllers", "memory pids")]), "cpu"));
        assert!(!two.is_without(&level("/user.slice", &[("cgroup.controllers", "cpuset cpu")]), "cpu"));
        assert!(!two.is_without(&level("/user.slice", &[]), "cpu"), "nothing was read");
        assert!(one.is_without(&level("/memory/docker", &[]), "cpu"));
        assert!(!one.is_without(&level("/cpu,cpuacct/docker", &[]), "cpu"));
    }

    #[test]
    fn the_root_is_known_where_it_was_looked_at() {
        let cgroup = |version| Cgroup { version, chain: Vec::new() };
        let controllers = [("cgroup.controllers", "cpuset cpu memory")];
        assert!(cgroup(2).is_root(&level("", &controllers)));
        assert!(!cgroup(2).is_root(&level("", &[])), "nothing was read");
        assert!(!cgroup(2).is_root(&level("/user.slice", &controllers)));
        assert!(cgroup(1).is_root(&level("/cpu,cpuacct", &[("cpu.shares", "1024")])));
        assert!(!cgroup(1).is_root(&level("/cpu,cpuacct/docker", &[("cpu.shares", "1024")])));
    }
}
