//! Changes of the node: made through the journal, read back, and set back.

use std::collections::BTreeMap;
use std::path::PathBuf;

use nix::sched::sched_setaffinity;
use nix::unistd::Pid;
use plumb_evidence::CpuSet;

use super::journal::{Change, Journal, JournalError};
use super::node::{Root, frequency_policies};
use super::plan::{Balancing, Governor};
use super::sys::mask_of;
use plumb_bench::process::{Task, cpus_allowed, threads, tree};

const BALANCING: &str = "proc/sys/kernel/numa_balancing";

/// What a cell wants of the node's settings: value by file.
pub(crate) type Wanted = BTreeMap<String, String>;

/// Why a setting is not as wanted.
#[derive(Debug)]
pub(crate) enum Unset {
    /// The node has no such setting or value.
    Unavailable(String),
    /// The node refuses.
    Denied(String),
    /// It was written and reads otherwise.
    NotSeen(String),
    /// The journal cannot be kept: nothing may be changed.
    Journal(JournalError),
}

/// Files and values of a governor and a setting of NUMA balancing.
pub(crate) fn wanted(
    root: &Root,
    governor: Option<&Governor>,
    balancing: Option<&Balancing>,
) -> Result<Wanted, Unset> {
    let mut wanted = Wanted::new();
    if let Some(governor) = governor {
        let choices = [
            (&governor.governor, "scaling_governor", "scaling_available_governors", "frequency governor"),
            (
                &governor.preference,
                "energy_performance_preference",
                "energy_performance_available_preferences",
                "energy preference",
            ),
        ];
        for (value, file, offered, what) in choices {
            let Some(value) = value else { continue };
            let policies = frequency_policies(root);
            if !policies.iter().any(|policy| root.read(&format!("{policy}/{file}")).is_ok()) {
                return Err(Unset::Unavailable(format!(
                    "this node lets nobody set a {what}: no {file} below /sys (a virtual machine, or the firmware decides)"
                )));
            }
            for policy in policies {
                let known = root.read(&format!("{policy}/{offered}")).unwrap_or_default();
                if !known.is_empty() && !known.split_ascii_whitespace().any(|word| word == value) {
                    return Err(Unset::Unavailable(format!(
                        "this node has no {what} `{value}`; it offers: {known}"
                    )));
                }
                wanted.insert(format!("{policy}/{file}"), value.clone());
            }
        }
    }
    if let Some(value) = balancing.and_then(|balancing| balancing.value) {
        if root.read(BALANCING).is_err() {
            return Err(Unset::Unavailable("this kernel has no automatic NUMA balancing".to_owned()));
        }
        wanted.insert(BALANCING.to_owned(), value.to_string());
    }
    Ok(wanted)
}

/// The node's settings while an experiment changes them.
#[derive(Debug)]
pub(crate) struct Changes {
    root: Root,
    state: PathBuf,
    journal: Option<Journal>,
    /// Value before the first change, by file.
    originals: Wanted,
}

impl Changes {
    pub(crate) fn new(root: Root, state: PathBuf) -> Self {
        Self { root, state, journal: None, originals: Wanted::new() }
    }

    fn journal(&mut self) -> Result<&mut Journal, Unset> {
        match &mut self.journal {
            Some(journal) => Ok(journal),
            empty => {
                let journal = Journal::begin(&self.state, &self.root).map_err(Unset::Journal)?;
                Ok(empty.insert(journal))
            }
        }
    }

    /// Sets what is wanted, and what is not to what it was; gives what was read back.
    pub(crate) fn apply(&mut self, wanted: &Wanted) -> Result<Vec<String>, Unset> {
        let mut all = self.originals.clone();
        all.extend(wanted.clone());
        let mut seen = Vec::new();
        for (path, value) in &all {
            let denied = |error: std::io::Error| {
                Unset::Denied(format!(
                    "/{path} cannot be set to `{value}`: {error}; run as root on the node itself"
                ))
            };
            let current = self.root.read(path).map_err(denied)?;
            if current != *value {
                let change = Change::File { path: path.clone(), old: current.clone(), new: value.clone() };
                self.journal()?.note(change).map_err(Unset::Journal)?;
                self.originals.entry(path.clone()).or_insert(current);
                self.root.write(path, value).map_err(denied)?;
            }
            let now = self.root.read(path).map_err(denied)?;
            if now != *value {
                return Err(Unset::NotSeen(format!("/{path} reads `{now}` after `{value}` was written")));
            }
            if wanted.contains_key(path) {
                seen.push(format!("/{path} = {now}"));
            }
        }
        Ok(seen)
    }

    /// Sets the masks of all threads of a running server; gives what they were.
    pub(crate) fn mask(&mut self, leader: i32, cpus: &CpuSet) -> Result<Vec<(Task, CpuSet)>, Unset> {
        let mask =
            mask_of(cpus).map_err(|errno| Unset::Unavailable(format!("CPUs {cpus}: {}", errno.desc())))?;
        let mut before: Vec<(Task, CpuSet)> = Vec::new();
        // A thread that starts meanwhile has the mask of the one that started it, so a second look finds it.
        for _ in 0..3 {
            for task in threads(&tree(leader)) {
                let Some(old) = cpus_allowed(task).filter(|old| old != cpus) else { continue };
                let Task { pid, tid, start } = task;
                self.journal()?
                    .note(Change::Mask { pid, tid, start, old: old.clone() })
                    .map_err(Unset::Journal)?;
                before.push((task, old));
                match sched_setaffinity(Pid::from_raw(tid), &mask) {
                    // It may have ended.
                    Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
                    Err(errno) => {
                        self.unmask(before);
                        return Err(Unset::Denied(format!(
                            "the kernel refuses to move thread {tid} to CPUs {cpus}: {}; run as root or as the server's user",
                            errno.desc()
                        )));
                    }
                }
            }
        }
        Ok(before)
    }

    /// Gives threads their masks back.
    pub(crate) fn unmask(&self, before: Vec<(Task, CpuSet)>) {
        for (task, old) in before.into_iter().rev() {
            if let Ok(mask) = mask_of(&old) {
                // What fails here is in the journal.
                let _ = sched_setaffinity(Pid::from_raw(task.tid), &mask);
            }
        }
    }

    /// Sets everything back; gives what could not be.
    pub(crate) fn end(mut self) -> Vec<String> {
        self.journal.take().map(Journal::end).unwrap_or_default()
    }
}
