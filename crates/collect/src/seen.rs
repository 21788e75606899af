//! Processes that one probe has looked at, for those that ask about processes as well.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long the probe that looks is waited for: one that hangs must not hold up others, which then look for themselves.
const PATIENCE: Duration = Duration::from_secs(2);

/// A process that is no thread of the kernel.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) pid: u32,
    /// Its name, at most 15 bytes.
    pub(crate) comm: String,
    /// Its control groups, as `/proc/PID/cgroup` tells them; empty where it could not be read.
    pub(crate) groups: String,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) programs: Vec<Program>,
    /// Processes of inference servers.
    pub(crate) servers: BTreeSet<u32>,
}

/// Told once, by the probe that looks.
#[derive(Debug, Default)]
pub(crate) struct Board {
    seen: Mutex<Option<Arc<Seen>>>,
    told: Condvar,
}

impl Board {
    pub(crate) fn tell(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(seen));
        self.told.notify_all();
    }

    /// What was told, or `None` if it takes too long.
    pub(crate) fn ask(&self) -> Option<Arc<Seen>> {
        let untold = |seen: &mut Option<Arc<Seen>>| seen.is_none();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.told.wait_timeout_while(seen, PATIENCE, untold).unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}
