//! How long the critical threads of inference servers waited for a CPU.
//!
//! Critical are the main threads of processes that schedule batches or launch kernels, and whatever else *ran* for a good part
//! of the window: no thread of a server works without need. A helper that hardly runs is not critical, however large the
//! share of its time that it waits for a CPU: on a real server of vLLM, a thread of ZeroMQ that ran for 1 % of the window had
//! waited for 97 % of its runnable time where no reply was slower.

use std::collections::BTreeMap;

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{InferenceServer, Role, ServerProcess, ThreadTime, Window};
use plumb_check_sdk::{Citation, Missing};

/// Main threads that are runnable for less of the window than this are background: their shares are chance.
const RUNNABLE: f64 = 0.05;

/// Other threads that ran for less of the window than this are helpers that nobody waits for.
const RAN: f64 = 0.1;

/// A critical thread that was runnable for a good part of the window.
pub(crate) struct Delay {
    pub(crate) pid: u32,
    pub(crate) tid: u32,
    pub(crate) comm: String,
    pub(crate) role: Role,
    /// Time waiting for a CPU and time on it, in ns.
    pub(crate) wait_ns: u64,
    run_ns: u64,
}

impl Delay {
    /// Share of the runnable time that was spent waiting, in %.
    pub(crate) fn percent(&self) -> Quantity<Percent> {
        let runnable = self.wait_ns as f64 + self.run_ns as f64;
        Quantity::new(if runnable > 0.0 { 100.0 * self.wait_ns as f64 / runnable } else { 0.0 })
    }

    pub(crate) fn is_long(&self, limit: &Limit<Percent>) -> bool {
        !limit.is_undercut_by(self.percent())
    }

    pub(crate) fn citation(&self) -> Citation {
        let path = format!("/proc/{}/task/{}/schedstat", self.pid, self.tid);
        Citation::new(path, format!("run +{} ns, wait +{} ns", self.run_ns, self.wait_ns))
    }
}

/// Why it is not known how long some thread waited.
pub(crate) enum Gap {
    Evidence(Missing),
    /// It belongs to no process that is known.
    Stray {
        tid: u32,
        comm: String,
    },
}

/// Delays of all critical threads that were runnable enough, worst first, and why some could not be told.
pub(crate) struct Delays {
    pub(crate) known: Vec<Delay>,
    pub(crate) unknown: Option<Gap>,
}

impl Delays {
    /// Those of one server, worst first.
    pub(crate) fn of(&self, server: &InferenceServer) -> Vec<&Delay> {
        self.known.iter().filter(|delay| server.holds(delay.pid)).collect()
    }
}

/// # Errors
/// Fails where no thread was read twice.
pub(crate) fn delays(servers: &[InferenceServer], window: &Window) -> Result<Delays, Missing> {
    let seconds = window.length()?;
    let processes = servers.iter().flat_map(|server| &server.processes);
    let by_pid: BTreeMap<u32, &ServerProcess> = processes.map(|process| (process.pid, process)).collect();
    let mut delays = Delays { known: Vec::new(), unknown: None };
    for thread in window.threads.require()? {
        let ThreadTime { pid, tid, .. } = *thread;
        let comm = thread.comm.clone();
        let Some(process) = by_pid.get(&pid) else {
            delays.unknown.get_or_insert(Gap::Stray { tid, comm });
            continue;
        };
        match (thread.wait_ns.require(), thread.run_ns.require()) {
            (Ok(&wait_ns), Ok(&run_ns)) => {
                let is_main = pid == tid && process.is_critical();
                let runnable = wait_ns.saturating_add(run_ns) as f64 / (seconds * 1e9);
                if run_ns as f64 >= RAN * seconds * 1e9 || is_main && runnable >= RUNNABLE {
                    delays.known.push(Delay { pid, tid, comm, role: process.role, wait_ns, run_ns });
                }
            }
            (Err(missing), _) | (_, Err(missing)) => {
                delays.unknown.get_or_insert(Gap::Evidence(missing));
            }
        }
    }
    delays
        .known
        .sort_by(|a, b| b.percent().number().total_cmp(&a.percent().number()).then(a.tid.cmp(&b.tid)));
    Ok(delays)
}
