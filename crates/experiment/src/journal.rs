//! What was changed on the node, written down before it is changed, so that it can be set back whatever happens.
//!
//! The journal is one file, one JSON object per line. A line is on the disk before the change that it tells of is made; so a
//! line that was cut off by a power failure tells of a change that was not made.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::sched::sched_setaffinity;
use nix::unistd::Pid;
use plumb_evidence::CpuSet;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::node::Root;
use super::sys::mask_of;
use plumb_bench::process::{Task, cpus_allowed, is_alive};

/// Name of the file in the folder of states.
const NAME: &str = "experiment.journal";

/// Why the node cannot be changed, or not be set back.
#[derive(Debug, Error)]
pub enum JournalError {
    /// Another experiment is running.
    #[error("another experiment is running (process {pid}); its journal is `{path}`")]
    Running {
        /// The journal.
        path: PathBuf,
        /// Who holds it.
        pid: u32,
    },
    /// An experiment ended without setting the node back.
    #[error(
        "an experiment was cut off and left settings changed; run `plumb experiment restore` first (journal `{path}`)"
    )]
    Open {
        /// The journal.
        path: PathBuf,
    },
    /// The journal cannot be kept.
    #[error(
        "cannot write the journal `{path}`, so nothing is changed; set PLUMB_STATE to a folder that can be written"
    )]
    Unwritable {
        /// The journal.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The journal cannot be read.
    #[error("the journal `{path}` is not one of this program; look into it and set its values back by hand")]
    Unreadable {
        /// The journal.
        path: PathBuf,
    },
}

/// A setting that is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub(crate) enum Change {
    /// A file of the node.
    File {
        /// As the node calls it.
        path: String,
        /// Before.
        old: String,
        /// After.
        new: String,
    },
    /// CPUs of a thread.
    Mask {
        /// Process.
        pid: i32,
        /// Thread.
        tid: i32,
        /// Its start, so that another one with its number is left alone.
        start: u64,
        /// Before.
        old: CpuSet,
    },
}

#[derive(Serialize, Deserialize)]
struct Head {
    journal: u32,
    pid: u32,
    boot: String,
    root: PathBuf,
}

/// The folder of the journal: `PLUMB_STATE`, else `/var/lib/plumb` for root, else `$XDG_STATE_HOME/plumb`, else
/// `~/.local/state/plumb`.
#[must_use]
pub fn state_folder() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = set("PLUMB_STATE") {
        return folder;
    }
    if nix::unistd::geteuid().is_root() {
        return PathBuf::from("/var/lib/plumb");
    }
    set("XDG_STATE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/state")))
        .map_or_else(|| PathBuf::from("/var/tmp/plumb"), |folder| folder.join("plumb"))
}

/// An open journal. What it tells of is set back when it is dropped.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: Flock<File>,
    root: Root,
    changes: Vec<Change>,
}

impl Journal {
    /// Refuses where a journal is there.
    pub(crate) fn check(state: &Path) -> Result<(), JournalError> {
        let path = state.join(NAME);
        let Ok(file) = File::open(&path) else { return Ok(()) };
        let pid = first_line(&path).map_or(0, |head| head.pid);
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(_) => Err(JournalError::Open { path }),
            Err(_) => Err(JournalError::Running { path, pid }),
        }
    }

    /// Begins a journal.
    pub(crate) fn begin(state: &Path, root: &Root) -> Result<Self, JournalError> {
        Self::check(state)?;
        let path = state.join(NAME);
        let unwritable = |source: io::Error| JournalError::Unwritable { path: path.clone(), source };
        fs::create_dir_all(state).map_err(unwritable)?;
        let file = OpenOptions::new().append(true).create_new(true).open(&path).map_err(unwritable)?;
        let file = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, errno)| unwritable(errno.into()))?;
        let mut journal = Self { path: path.clone(), file, root: root.clone(), changes: Vec::new() };
        let head = Head { journal: 1, pid: std::process::id(), boot: boot(), root: root.path("") };
        journal.line(&head)?;
        // The name of the file has to outlive a power failure, too.
        File::open(state).and_then(|folder| folder.sync_all()).map_err(unwritable)?;
        Ok(journal)
    }

    /// Writes down a change that is about to be made.
    pub(crate) fn note(&mut self, change: Change) -> Result<(), JournalError> {
        self.line(&change)?;
        self.changes.push(change);
        Ok(())
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), JournalError> {
        let text = serde_json::to_string(value).unwrap_or_default();
        self.file
            .write_all(format!("{text}\n").as_bytes())
            .and_then(|()| self.file.sync_all())
            .map_err(|source| JournalError::Unwritable { path: self.path.clone(), source })
    }

    /// Sets everything back and removes the journal; gives what could not be set back.
    pub(crate) fn end(mut self) -> Vec<String> {
        self.set_back()
    }

    fn set_back(&mut self) -> Vec<String> {
        let failed = undo(&self.changes, &self.root, true).failed;
        if failed.is_empty() {
            self.changes.clear();
            let _ = fs::remove_file(&self.path);
        }
        failed
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // What cannot be set back leaves the journal, for `plumb experiment restore`.
        self.set_back();
    }
}

/// What was set back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Settings that have their old values again.
    pub restored: Vec<String>,
    /// Settings that had them already.
    pub unchanged: Vec<String>,
    /// Settings that could not be set back, and why.
    pub failed: Vec<String>,
}

/// Sets back what a cut-off experiment left changed; `None` where there is no journal.
///
/// # Errors
/// Fails where the experiment is still running, or the journal cannot be read.
pub fn restore(state: &Path) -> Result<Option<Restored>, JournalError> {
    let path = state.join(NAME);
    let Ok(file) = File::open(&path) else { return Ok(None) };
    let text = fs::read_to_string(&path).unwrap_or_default();
    let Ok(_held) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else {
        let pid = first_line(&path).map_or(0, |head| head.pid);
        return Err(JournalError::Running { path, pid });
    };
    let mut lines = text.lines();
    let unreadable = || JournalError::Unreadable { path: path.clone() };
    let head: Head = match lines.next().map(serde_json::from_str) {
        Some(Ok(head)) => head,
        // Cut off in its first line: nothing was changed yet.
        None => Head { journal: 1, pid: 0, boot: boot(), root: PathBuf::from("/") },
        Some(Err(_)) if !text.contains('\n') => {
            Head { journal: 1, pid: 0, boot: boot(), root: PathBuf::from("/") }
        }
        Some(Err(_)) => return Err(unreadable()),
    };
    if head.journal != 1 {
        return Err(unreadable());
    }
    let lines: Vec<&str> = lines.collect();
    let mut changes = Vec::new();
    for (position, line) in lines.iter().enumerate() {
        match serde_json::from_str::<Change>(line) {
            Ok(change) => changes.push(change),
            Err(_) if position + 1 == lines.len() && !text.ends_with('\n') => {}
            Err(_) => return Err(unreadable()),
        }
    }
    let outcome = undo(&changes, &Root::new(head.root), head.boot == boot());
    if outcome.failed.is_empty() {
        fs::remove_file(&path).map_err(|source| JournalError::Unwritable { path, source })?;
    }
    Ok(Some(outcome))
}

/// Sets changes back, the last one first. After a restart of the node, only files that still have the value that was set
/// are touched: all else was set anew by the restart.
fn undo(changes: &[Change], root: &Root, same_boot: bool) -> Restored {
    let mut outcome = Restored::default();
    let mut seen: Vec<&str> = Vec::new();
    for change in changes.iter().rev() {
        match change {
            Change::File { path, .. } => {
                // The value before the first of its changes is the one that the node had.
                if seen.contains(&path.as_str()) {
                    continue;
                }
                seen.push(path);
                let Some((old, news)) = history(changes, path) else { continue };
                undo_file(root, path, old, &news, same_boot, &mut outcome);
            }
            Change::Mask { pid, tid, start, old } => {
                let task = Task { pid: *pid, tid: *tid, start: *start };
                if same_boot && is_alive(task) {
                    undo_mask(task, old, &mut outcome);
                }
            }
        }
    }
    outcome
}

fn history<'a>(changes: &'a [Change], path: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let own = changes.iter().filter_map(|change| match change {
        Change::File { path: other, old, new } if other == path => Some((old.as_str(), new.as_str())),
        _ => None,
    });
    let own: Vec<(&str, &str)> = own.collect();
    Some((own.first()?.0, own.iter().map(|(_, new)| *new).collect()))
}

fn undo_file(root: &Root, path: &str, old: &str, news: &[&str], same_boot: bool, outcome: &mut Restored) {
    let label = format!("/{} = {old}", path.trim_start_matches('/'));
    let current = root.read(path);
    match &current {
        Ok(current) if current == old => return outcome.unchanged.push(label),
        Ok(current) if !same_boot && !news.contains(&current.as_str()) => {
            return outcome
                .unchanged
                .push(format!("{label} (the node was restarted and has `{current}` now)"));
        }
        _ => {}
    }
    let result = root.write(path, old).and_then(|()| root.read(path));
    match result {
        Ok(now) if now == old => outcome.restored.push(label),
        Ok(now) => outcome.failed.push(format!("{label}: it reads `{now}` after writing")),
        Err(error) => outcome.failed.push(format!("{label}: {error}")),
    }
}

fn undo_mask(task: Task, old: &CpuSet, outcome: &mut Restored) {
    let label = format!("CPUs of thread {} = {old}", task.tid);
    if cpus_allowed(task).as_ref() == Some(old) {
        return outcome.unchanged.push(label);
    }
    match mask_of(old).and_then(|mask| sched_setaffinity(Pid::from_raw(task.tid), &mask)) {
        Ok(()) => outcome.restored.push(label),
        // It may have ended meanwhile.
        Err(_) if !is_alive(task) => {}
        Err(errno) => outcome.failed.push(format!("{label}: {}", errno.desc())),
    }
}

fn first_line(path: &Path) -> Option<Head> {
    serde_json::from_str(fs::read_to_string(path).ok()?.lines().next()?).ok()
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "sys/a";

    fn node() -> (tempfile::TempDir, Root, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("root/sys")).unwrap();
        fs::write(folder.path().join("root/sys/a"), "schedutil\n").unwrap();
        let root = Root::new(folder.path().join("root"));
        let state = folder.path().join("state");
        (folder, root, state)
    }

    fn change(journal: &mut Journal, old: &str, new: &str) {
        let (old, new) = (old.to_owned(), new.to_owned());
        journal.note(Change::File { path: FILE.to_owned(), old, new: new.clone() }).unwrap();
        journal.root.write(FILE, &new).unwrap();
    }

    #[test]
    fn what_was_changed_twice_gets_its_first_value() {
        let (_folder, root, state) = node();
        let mut journal = Journal::begin(&state, &root).unwrap();
        change(&mut journal, "schedutil", "performance");
        change(&mut journal, "performance", "powersave");
        assert!(matches!(Journal::check(&state), Err(JournalError::Running { .. })));
        assert!(matches!(restore(&state), Err(JournalError::Running { .. })));
        assert!(journal.end().is_empty());
        assert_eq!(root.read(FILE).unwrap(), "schedutil");
        assert!(Journal::check(&state).is_ok());
        assert_eq!(restore(&state).unwrap(), None);
    }

    #[test]
    fn a_journal_that_was_left_is_refused_and_restored() {
        let (_folder, root, state) = node();
        let mut journal = Journal::begin(&state, &root).unwrap();
        change(&mut journal, "schedutil", "performance");
        // As after kill -9 in the middle of the next line: the file stays, nobody holds it.
        let left = fs::read(state.join(NAME)).unwrap();
        journal.changes.clear();
        drop(journal);
        fs::write(state.join(NAME), [&left[..], br#"{"what":"file","pa"#].concat()).unwrap();
        assert!(matches!(Journal::begin(&state, &root), Err(JournalError::Open { .. })));
        let outcome = restore(&state).unwrap().unwrap();
        assert_eq!(outcome.restored, ["/sys/a = schedutil"]);
        assert_eq!(root.read(FILE).unwrap(), "schedutil");
        assert!(Journal::begin(&state, &root).is_ok());
    }

    #[test]
    fn what_cannot_be_set_back_keeps_the_journal() {
        let (folder, root, state) = node();
        let mut journal = Journal::begin(&state, &root).unwrap();
        change(&mut journal, "schedutil", "performance");
        fs::remove_file(folder.path().join("root/sys/a")).unwrap();
        drop(journal);
        assert_eq!(restore(&state).unwrap().unwrap().failed.len(), 1);
        assert!(matches!(Journal::check(&state), Err(JournalError::Open { .. })));
    }

    #[test]
    fn after_a_restart_values_of_the_new_boot_stay() {
        let (_folder, root, _state) = node();
        let changes =
            [Change::File { path: FILE.to_owned(), old: "powersave".into(), new: "performance".into() }];
        let outcome = undo(&changes, &root, false);
        assert_eq!((outcome.unchanged.len(), root.read(FILE).unwrap().as_str()), (1, "schedutil"));
        undo(&changes, &root, true);
        assert_eq!(root.read(FILE).unwrap(), "powersave");
    }
}
