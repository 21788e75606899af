//! How long the threads that nothing may hold up wait for a CPU.

use plumb_check_sdk::Citation;
use plumb_check_sdk::limit::{Percent, Quantity};
use plumb_check_sdk::model::InferenceServer;

use crate::place::Load;

/// The critical thread of a server that waited longest for a CPU, as a share of the window.
///
/// Critical are the main threads of processes that schedule batches or launch kernels. `None` where no waiting time is
/// known.
pub(crate) fn longest_delay(load: &Load, server: &InferenceServer) -> Option<(Quantity<Percent>, Citation)> {
    let critical = server.processes.iter().filter(|process| process.is_critical());
    let delays = critical.flat_map(|process| load.of(process.pid).map(move |thread| (process, thread)));
    let (percent, process, thread) = delays
        .filter(|(process, thread)| thread.tid == process.pid)
        .filter_map(|(process, thread)| Some((load.delay_percent(thread)?, process, thread)))
        .max_by(|one, other| one.0.total_cmp(&other.0))?;
    let source = format!("{}/task/{}/schedstat", process.path, thread.tid);
    let value = format!("{}: waited {percent:.2} % of {:.0} s for a CPU", thread.comm, load.seconds);
    Some((Quantity::new(percent), Citation::new(source, value)))
}
