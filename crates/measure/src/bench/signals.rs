//! Ctrl-C: reports what was measured.

use nix::sys::signal::{SigSet, Signal, raise};

use super::BenchError;
use super::engine::Control;

impl Control {
    /// From now on, SIGINT and SIGTERM end the run instead of the process; the second one ends the process.
    ///
    /// To be called before other threads are started, which take over that the signals are blocked.
    ///
    /// # Errors
    /// The system's answer where it does not let signals be blocked or a thread be started.
    pub fn stop_on_signals(&self) -> Result<(), BenchError> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGINT);
        signals.add(Signal::SIGTERM);
        signals.thread_block().map_err(|error| BenchError::Thread(error.into()))?;
        let control = self.clone();
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                while let Ok(signal) = signals.wait() {
                    if control.is_stopped() {
                        // As if nobody had waited for it.
                        let _ = signals.thread_unblock();
                        let _ = raise(signal);
                    }
                    control.stop();
                }
            })
            .map(drop)
            .map_err(BenchError::Thread)
    }
}
