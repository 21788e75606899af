//! A probe: one subject, what it reads, and how long it may take.

use std::path::Path;
use std::time::Duration;

use plumb_evidence::Missing;

use crate::fs_source::FsSource;
use crate::helper::Answer;
use crate::recorder::Recorder;

/// What a probe needs to be allowed to do to see everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// Any user.
    Any,
    /// Root, or the owner of the processes looked at; others see less, which is recorded.
    Root,
}

/// Reads files into the recorder.
pub(crate) type Read = fn(&Recorder<'_, FsSource>) -> Result<(), Missing>;

/// Asks the kernel, unless a tree that was recorded elsewhere stands at this path.
pub(crate) type Ask = fn(Option<&Path>) -> Result<Vec<u8>, Missing>;

/// How a probe gets at its subject.
#[derive(Clone, Copy)]
pub(crate) enum Method {
    /// By reading files.
    Files(Read),
    /// By asking the kernel, in a child that does nothing else; the bundle keeps the answer under this name.
    Child(&'static str, Ask),
    /// By asking a library, in a process of its own that can be killed.
    Helper(Answer),
    /// By asking a library again and again during the window, in a process of its own.
    Sampler(Answer),
}

/// One subject of the collection.
#[derive(Clone, Copy)]
pub struct Probe {
    /// Id, for example `pci`.
    pub id: &'static str,
    /// What it looks at, for a person.
    pub title: &'static str,
    /// Folders and files that it reads.
    pub reads: &'static [&'static str],
    /// What it needs to be allowed to do to see everything.
    pub privilege: Privilege,
    /// When it is given up.
    pub budget: Duration,
    pub(crate) method: Method,
    /// Files that are read twice, at both ends of the window of `--sample`.
    pub(crate) sample: Option<Read>,
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").field("id", &self.id).field("reads", &self.reads).finish_non_exhaustive()
    }
}
