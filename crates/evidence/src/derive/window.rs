//! What moved between two readings of the node.
//!
//! Only what was there at both readings counts: a process that ended in between, or a CPU that came online, tells nothing
//! of the window.

mod counters;
mod processes;

use std::collections::BTreeMap;

use crate::bundle::{Bundle, Sample};
use crate::derive::cgroup::SAMPLED;
use crate::derive::gpu_window;
use crate::derive::settings::{SUBJECTS, expand};
use crate::fact::{Fact, Missing};
use crate::model::{InferenceServer, Process, Window};
use crate::source::Source;

/// Files of the whole node that are read twice.
pub const FILES: &[&str] = &[
    "proc/interrupts",
    "proc/net/netstat",
    "proc/net/snmp",
    "proc/net/softnet_stat",
    "proc/pressure/cpu",
    "proc/pressure/io",
    "proc/pressure/irq",
    "proc/pressure/memory",
    "proc/softirqs",
    "proc/stat",
    "proc/vmstat",
];

/// # Errors
/// There is no window in a collection without `--sample`.
pub(crate) fn derive(
    bundle: &Bundle,
    processes: &Fact<Vec<Process>>,
    servers: &Fact<Vec<InferenceServer>>,
) -> Result<Window, Missing> {
    let (first, last, seconds) = bundle.samples()?;
    let ends = Ends { first, last };
    let inference: Vec<u32> = servers
        .known()
        .into_iter()
        .flatten()
        .flat_map(|server| &server.processes)
        .map(|process| process.pid)
        .collect();
    let (cpus, context_switches, running) = ends.stat();
    Ok(Window {
        seconds,
        cpus,
        context_switches,
        running,
        pressure: ["cpu", "io", "irq", "memory"]
            .into_iter()
            .map(|name| (name.to_owned(), ends.pressure(&format!("/proc/pressure/{name}")).into()))
            .collect(),
        threads: match servers {
            Fact::Known(_) => ends.threads(&inference).into(),
            Fact::Missing(missing) => Fact::Missing(missing.clone()),
        },
        processes: ends.processes(processes, &inference).into(),
        cgroups: ends.cgroups(servers),
        interrupts: ends.interrupts().into(),
        softirqs: ends.softirqs().into(),
        vmstat: ends.named_counters("/proc/vmstat").into(),
        numastat: ends.numastat().into(),
        tcp: ends.tcp().into(),
        softnet: ends.softnet().into(),
        values: ends.values(),
        gpus: gpu_window::derive(bundle).into(),
    })
}

/// The two readings.
struct Ends<'a> {
    first: Sample<'a>,
    last: Sample<'a>,
}

impl Ends<'_> {
    /// A file's text at both readings.
    fn texts(&self, path: &str) -> Result<(String, String), Missing> {
        Ok((self.first.text(path)?, self.last.text(path)?))
    }

    fn values(&self) -> BTreeMap<String, BTreeMap<String, Vec<String>>> {
        let of = |patterns: &[&str]| {
            let paths = patterns.iter().flat_map(|pattern| expand(&self.first, pattern));
            paths
                .filter_map(|path| {
                    let (first, last) = self.texts(&path).ok()?;
                    Some((path, vec![first, last]))
                })
                .collect()
        };
        SUBJECTS.iter().map(|subject| (subject.id.to_owned(), of(subject.sampled))).collect()
    }

    fn cgroups(&self, servers: &Fact<Vec<InferenceServer>>) -> BTreeMap<String, crate::model::CgroupTime> {
        let processes = servers.known().into_iter().flatten().flat_map(|server| &server.processes);
        let folders = processes
            .filter_map(|process| process.cgroup.known())
            .flat_map(|cgroup| &cgroup.chain)
            .map(|level| level.path.clone());
        let counts =
            |folder: &String| SAMPLED.iter().any(|name| self.first.read(&format!("{folder}/{name}")).is_ok());
        folders.filter(counts).map(|folder| (folder.clone(), self.cgroup(&folder))).collect()
    }
}
