//! The part of the window that tells where inference servers ran.

use plumb_check_sdk::model::Window;
use plumb_check_sdk::{Evidence, Missing};

/// The JSON pointers that [`window`] reads.
pub(crate) const NEEDS: [&str; 3] = ["/window/seconds", "/window/threads", "/window/cpus"];

/// Length, threads of inference servers and CPU times of the window; the rest of it stays empty.
///
/// # Errors
/// Fails where nothing was read twice.
pub(crate) fn window(evidence: &Evidence<'_>) -> Result<Window, Missing> {
    let [seconds, threads, cpus] = NEEDS;
    Ok(Window {
        seconds: evidence.get(seconds)?,
        threads: evidence.get(threads).into(),
        cpus: evidence.get(cpus).into(),
        ..Window::default()
    })
}
