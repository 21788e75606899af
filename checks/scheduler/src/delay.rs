//! How long the critical threads of inference servers waited for a CPU.
//!
//! Every thread that is runnable for a good part of the window counts as critical, whatever its process does: what a
//! process does is told from its name, and none of a server works without need.

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{InferenceServer, Role, ThreadTime, Window};
use plumb_check_sdk::{Absence, CheckMeta, Evidence, Missing, ThresholdBasis};

/// Above it a thread waits for its CPU too long.
pub(crate) const LONG: Limit<Percent> = Limit {
    name: "time waiting for a CPU, of the time in which a critical thread was runnable, that fails",
    value: Quantity::new(5.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: one step in twenty is late",
    date: "2026-11-23",
    applies_to: "critical threads under load",
};

/// Threads that are runnable for less of the window than this are background: their shares are chance.
const RUNNABLE: f64 = 0.05;

/// A critical thread that was runnable for a good part of the window.
pub(crate) struct Delay {
    pub(crate) pid: u32,
    pub(crate) tid: u32,
    pub(crate) comm: String,
    pub(crate) role: Role,
    /// Time waiting for a CPU and time on it, in ns.
    pub(crate) wait_ns: u64,
    pub(crate) run_ns: u64,
}

impl Delay {
    /// Share of the runnable time that was spent waiting, in %.
    pub(crate) fn percent(&self) -> f64 {
        let runnable = self.wait_ns as f64 + self.run_ns as f64;
        if runnable > 0.0 { 100.0 * self.wait_ns as f64 / runnable } else { 0.0 }
    }

    pub(crate) fn is_long(&self, meta: &CheckMeta, evidence: &Evidence<'_>) -> bool {
        !evidence.limit(meta, &LONG).is_undercut_by(Quantity::new(self.percent()))
    }
}

/// Delays of all critical threads that were runnable enough, worst first, and why some could not be told.
pub(crate) struct Delays {
    pub(crate) known: Vec<Delay>,
    pub(crate) unknown: Option<Missing>,
}

impl Delays {
    /// Those of one server, worst first.
    pub(crate) fn of(&self, server: &InferenceServer) -> Vec<&Delay> {
        let pids: BTreeSet<u32> = server.processes.iter().map(|process| process.pid).collect();
        self.known.iter().filter(|delay| pids.contains(&delay.pid)).collect()
    }
}

/// # Errors
/// Fails where no thread was read twice.
pub(crate) fn delays(servers: &[InferenceServer], window: &Window) -> Result<Delays, Missing> {
    let seconds = window.length()?;
    let roles: BTreeMap<u32, Role> = servers
        .iter()
        .flat_map(|server| &server.processes)
        .map(|process| (process.pid, process.role))
        .collect();
    let mut delays = Delays { known: Vec::new(), unknown: None };
    for thread in window.threads.require()? {
        let Some(&role) = roles.get(&thread.pid) else {
            let reason =
                format!("thread {} ({}) belongs to no process that is known", thread.tid, thread.comm);
            delays.unknown.get_or_insert(Missing::new(Absence::Failed, reason));
            continue;
        };
        match (thread.wait_ns.require(), thread.run_ns.require()) {
            (Ok(&wait_ns), Ok(&run_ns)) => {
                if wait_ns.saturating_add(run_ns) as f64 >= RUNNABLE * seconds * 1e9 {
                    let ThreadTime { pid, tid, .. } = *thread;
                    let comm = thread.comm.clone();
                    delays.known.push(Delay { pid, tid, comm, role, wait_ns, run_ns });
                }
            }
            (Err(missing), _) | (_, Err(missing)) => {
                delays.unknown.get_or_insert(missing);
            }
        }
    }
    delays.known.sort_by(|a, b| b.percent().total_cmp(&a.percent()).then(a.tid.cmp(&b.tid)));
    Ok(delays)
}
