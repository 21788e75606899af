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
    &[POWER, SCHEDULER, INTERRUPTS, NETWORK, MEMORY, GPU, KERNEL, VIRTUALIZATION, SERVICE];

const POWER: Subject = Subject { id: "power", paths: &[], sampled: &[] };
const SCHEDULER: Subject = Subject { id: "scheduler", paths: &[], sampled: &[] };
const INTERRUPTS: Subject = Subject { id: "interrupts", paths: &[], sampled: &[] };
const NETWORK: Subject = Subject { id: "network", paths: &[], sampled: &[] };
const MEMORY: Subject = Subject { id: "memory", paths: &[], sampled: &[] };
const GPU: Subject = Subject { id: "gpu", paths: &[], sampled: &[] };
const KERNEL: Subject = Subject {
    id: "kernel",
    paths: &["/sys/devices/system/cpu/smt/active", "/sys/devices/system/cpu/smt/control"],
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
    for part in pattern.split('/').skip(1) {
        let Some(prefix) = part.strip_suffix('*') else {
            for path in &mut paths {
                path.push('/');
                path.push_str(part);
            }
            continue;
        };
        paths = paths
            .into_iter()
            .flat_map(|folder| match source.list(&folder) {
                Ok(names) => names
                    .into_iter()
                    .filter(|name| name.starts_with(prefix))
                    .map(|name| format!("{folder}/{name}"))
                    .collect(),
                Err(why) if why.missing == Absence::Absent => Vec::new(),
                Err(_) => vec![folder],
            })
            .collect();
    }
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
