//! What a control group was seen to allow, and whether it was looked at at all.

use super::{Cgroup, CgroupLevel, Quote};
use crate::fact::{Absence, Fact, Missing};
use crate::{CpuSet, NodeSet};

/// Where control groups are mounted.
pub const CGROUP_MOUNT: &str = "/sys/fs/cgroup";

impl Cgroup {
    /// What the first of the files `names` says that `level` has, and its name; `None` where the group is known to set
    /// nothing, because `controller` is not on in it or because it is the root.
    ///
    /// # Errors
    /// A group that should have one of the files, and of which none was read, may hold any value: "no file" is no "no
    /// limit".
    pub fn value<'a>(
        &self,
        level: &'a CgroupLevel,
        controller: &str,
        names: &[&'static str],
    ) -> Result<Option<(&'static str, &'a str)>, Missing> {
        let mut unread = None;
        for &name in names {
            match level.values.get(name) {
                Some(Fact::Known(text)) => return Ok(Some((name, text.trim()))),
                Some(Fact::Missing(why)) if !why.is_absent() => drop(unread.get_or_insert(why)),
                Some(Fact::Missing(_)) | None => {}
            }
        }
        if let Some(why) = unread {
            return Err(why.clone());
        }
        if self.lacks(level, controller) || self.is_root(level) {
            return Ok(None);
        }
        Err(Missing::not_recorded(format!("none of `{}` was read in {}", names.join("`, `"), level.path)))
    }

    /// The CPUs that the innermost group with a set of CPUs grants, with the file and its text; `None` where no group has one.
    ///
    /// # Errors
    /// Tells what of the groups is not known.
    pub fn granted_cpus(&self) -> Result<Option<(CpuSet, String, &str)>, Missing> {
        for level in &self.chain {
            let Some((file, text)) =
                self.value(level, "cpuset", &["cpuset.cpus.effective", "cpuset.effective_cpus"])?
            else {
                continue;
            };
            let path = format!("{}/{file}", level.path);
            let cpus: CpuSet = text.parse().map_err(|_| malformed(&path, text))?;
            return Ok((!cpus.is_empty()).then_some((cpus, path, text)));
        }
        Ok(None)
    }

    /// The memory nodes that the innermost group with a set of them grants, as [`granted_cpus`](Self::granted_cpus).
    ///
    /// # Errors
    /// Tells what of the groups is not known.
    pub fn granted_nodes(&self) -> Result<Option<(NodeSet, Quote)>, Missing> {
        for level in &self.chain {
            let names = ["cpuset.mems.effective", "cpuset.effective_mems"];
            if let Some((file, text)) = self.value(level, "cpuset", &names)? {
                let source = format!("{}/{file}", level.path);
                let nodes: NodeSet = text.parse().map_err(|_| malformed(&source, text))?;
                return Ok((!nodes.is_empty()).then(|| (nodes, Quote { source, value: text.to_owned() })));
            }
        }
        Ok(None)
    }

    /// Limits on CPU time that are known, from the innermost, and why there may be others.
    #[must_use]
    pub fn quotas(&self) -> (Vec<Quota>, Option<Missing>) {
        let (mut quotas, mut unknown) = (Vec::new(), None);
        for level in &self.chain {
            match self.quota(level) {
                Ok(quota) => quotas.extend(quota),
                Err(why) => drop(unknown.get_or_insert(why)),
            }
        }
        (quotas, unknown)
    }

    fn quota(&self, level: &CgroupLevel) -> Result<Option<Quota>, Missing> {
        let value = |names: &[&'static str]| self.value(level, "cpu", names);
        let Some((file, text)) = value(&["cpu.max", "cpu.cfs_quota_us"])? else { return Ok(None) };
        let period = if file == "cpu.max" { None } else { value(&["cpu.cfs_period_us"])? };
        let was = period.map_or_else(|| text.to_owned(), |(_, period)| format!("{text} {period}"));
        let source = format!("{}/{file}", level.path);
        let cpus = cpus_of(&was).ok_or_else(|| malformed(&source, &was))?;
        let (group, quote) = (level.path.clone(), Quote { source, value: was.clone() });
        Ok(cpus.is_finite().then_some(Quota { cpus, group, was, quote }))
    }

    /// Whether any of the groups belongs to the hierarchy of a controller, so that its limits can be known at all.
    ///
    /// # Errors
    /// Version 1 has a hierarchy for each controller, and none of the groups that were recorded belongs to this one.
    pub fn follows(&self, controller: &str) -> Result<(), Missing> {
        if self.version == 2 || self.chain.iter().any(|level| !self.lacks(level, controller)) {
            return Ok(());
        }
        Err(Missing::not_recorded(format!(
            "no group of the hierarchy `{controller}` is part of this recording"
        )))
    }

    /// True if a group is known not to have a controller.
    #[must_use]
    pub fn lacks(&self, level: &CgroupLevel, controller: &str) -> bool {
        if let Some(controllers) = level.values.get("cgroup.controllers") {
            return controllers
                .known()
                .is_some_and(|text| !text.split_whitespace().any(|name| name == controller));
        }
        // Version 1: the first folder below the mount names the controllers of the hierarchy.
        let hierarchy = level.path.strip_prefix(CGROUP_MOUNT).unwrap_or_default().trim_start_matches('/');
        let hierarchy = hierarchy.split('/').next().unwrap_or_default();
        self.version != 2 && !hierarchy.is_empty() && !hierarchy.split(',').any(|name| name == controller)
    }

    /// True for the outermost group of the node, which has no limits, where it was looked at. In a container the outermost one
    /// that is seen is a group like others, whose files say what it allows.
    #[must_use]
    pub fn is_root(&self, level: &CgroupLevel) -> bool {
        let below = level.path.strip_prefix(CGROUP_MOUNT).unwrap_or(&level.path).trim_matches('/');
        let is_outermost = below.is_empty() || (self.version != 2 && !below.contains('/'));
        is_outermost && !self.namespaced && !level.values.is_empty()
    }
}

fn malformed(path: &str, text: &str) -> Missing {
    Missing::new(Absence::Malformed, format!("{path} holds `{text}`"))
}

/// A limit on CPU time.
#[derive(Clone, Debug, PartialEq)]
pub struct Quota {
    /// CPU time per second, in CPUs.
    pub cpus: f64,
    /// The control group that has it.
    pub group: String,
    /// Quota and period in µs.
    pub was: String,
    /// The file that says so.
    pub quote: Quote,
}

/// `max 100000`, `-1 100000` or `400000 100000`, in CPUs; a period that is not told is 100 ms.
fn cpus_of(text: &str) -> Option<f64> {
    let mut words = text.split_whitespace();
    let quota = words.next()?;
    if matches!(quota, "max" | "-1") {
        return Some(f64::INFINITY);
    }
    let quota: f64 = quota.parse().ok()?;
    let period: f64 = words.next().unwrap_or("100000").parse().ok()?;
    (quota > 0.0 && period > 0.0).then_some(quota / period)
}

impl CgroupLevel {
    /// Whether the group was looked at: all files of a group have a point in their name, and each group has some.
    ///
    /// # Errors
    /// Says that none of its files was read.
    pub fn was_read(&self) -> Result<(), Missing> {
        if self.values.iter().any(|(name, value)| name.contains('.') && value.known().is_some()) {
            return Ok(());
        }
        Err(Missing::not_recorded(format!("no file of {} was read", self.path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Absence;

    const QUOTA: [&str; 2] = ["cpu.max", "cpu.cfs_quota_us"];

    fn level(path: &str, values: &[(&str, Fact<&str>)]) -> CgroupLevel {
        let values = values.iter().map(|(name, text)| ((*name).to_owned(), text.clone().map(str::to_owned)));
        CgroupLevel { path: format!("{CGROUP_MOUNT}{path}"), values: values.collect() }
    }

    fn groups(version: u32) -> Cgroup {
        Cgroup { version, chain: Vec::new(), namespaced: false }
    }

    #[test]
    fn a_group_that_nobody_read_is_not_one_without_a_limit() {
        let unread = level("/system.slice/vllm.service", &[]);
        let why = groups(2).value(&unread, "cpu", &QUOTA).unwrap_err();
        assert_eq!(why.missing, Absence::NotRecorded);
        assert_eq!(unread.was_read().unwrap_err().missing, Absence::NotRecorded);
        let denied = Missing::new(Absence::Denied, "cpu.max");
        let denied = level("/a", &[("cpu.max", Fact::Missing(denied))]);
        assert_eq!(groups(2).value(&denied, "cpu", &QUOTA).unwrap_err().missing, Absence::Denied);
        assert!(denied.was_read().is_err());
    }

    #[test]
    fn quotas_are_told_in_cpus() {
        assert_eq!(cpus_of("600000 100000"), Some(6.0));
        assert_eq!(cpus_of("max 100000"), Some(f64::INFINITY));
        assert_eq!((cpus_of("many 100000"), cpus_of("0 100000"), cpus_of("")), (None, None, None));
        let two = [
            level("/a/b", &[("cpu.max", Fact::Known("150000 100000"))]),
            level("/a", &[("cpu.max", Fact::Known("x"))]),
        ];
        let (quotas, unknown) = Cgroup { chain: two.into(), ..groups(2) }.quotas();
        assert_eq!(quotas.iter().map(|quota| quota.cpus).collect::<Vec<_>>(), [1.5]);
        assert_eq!(unknown.map(|why| why.missing), Some(Absence::Malformed));
        let old = [("cpu.cfs_quota_us", Fact::Known("765000")), ("cpu.cfs_period_us", Fact::Known("100000"))];
        let (quotas, unknown) = Cgroup { chain: vec![level("/cpu/a", &old)], ..groups(1) }.quotas();
        assert_eq!((quotas[0].cpus, quotas[0].was.as_str(), unknown), (7.65, "765000 100000", None));
    }

    #[test]
    fn the_root_and_groups_without_the_controller_set_nothing() {
        let root = level("", &[("cgroup.controllers", Fact::Known("cpuset cpu memory"))]);
        assert_eq!(groups(2).value(&root, "cpu", &QUOTA), Ok(None));
        assert!(groups(2).value(&level("", &[]), "cpu", &QUOTA).is_err(), "nobody looked");
        let without = level("/a", &[("cgroup.controllers", Fact::Known("memory pids"))]);
        assert_eq!(groups(2).value(&without, "cpu", &QUOTA), Ok(None));
        assert!(groups(2).value(&without, "memory", &["memory.max"]).is_err());
        let memory = level("/memory/a", &[]);
        assert_eq!(groups(1).value(&memory, "cpu", &QUOTA), Ok(None));
        assert_eq!(
            groups(1).value(&level("/cpu,cpuacct", &[("cpu.shares", Fact::Known("1024"))]), "cpu", &QUOTA),
            Ok(None)
        );
        assert!(groups(1).value(&level("/cpu,cpuacct/a", &[]), "cpu", &QUOTA).is_err());
        let only_cpu = Cgroup { version: 1, chain: vec![level("/cpu,cpuacct/a", &[])], namespaced: false };
        assert!(only_cpu.follows("cpu").is_ok() && only_cpu.follows("pids").is_err());
        // Inside a container, the root is a group of the host's and may well have a limit.
        let inside = level("", &[("cpu.max", Fact::Known("600000 100000\n"))]);
        assert_eq!(groups(2).value(&inside, "cpu", &QUOTA), Ok(Some(("cpu.max", "600000 100000"))));
        let namespaced = Cgroup { namespaced: true, ..groups(2) };
        assert!(namespaced.value(&root, "cpu", &QUOTA).is_err(), "a group of the host's has the file");
    }
}
