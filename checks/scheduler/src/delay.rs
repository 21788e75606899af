//! How long the critical threads of inference servers waited for a CPU.

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{InferenceServer, Role, ThreadTime, Window};
use plumb_check_sdk::{CheckMeta, Evidence, Missing, ThresholdBasis};

use crate::serving;

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

/// # Errors
/// Fails where no thread was read twice.
pub(crate) fn delays(servers: &[InferenceServer], window: &Window) -> Result<Delays, Missing> {
    let seconds = window.length()?;
    let role = |thread: &ThreadTime| {
        let processes = servers.iter().flat_map(|server| &server.processes);
        processes
            .filter(|process| serving::is_critical(process))
            .find_map(|process| (process.pid == thread.pid).then_some(process.role))
    };
    let mut delays = Delays { known: Vec::new(), unknown: None };
    for thread in window.threads.require()? {
        let Some(role) = role(thread) else { continue };
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
