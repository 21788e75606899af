//! Being told to stop: by a signal, or by the caller.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal, raise};

/// What ends a collection early: Ctrl-C, a service manager, and a terminal that is gone.
const SIGNALS: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// How long is waited before the request to stop is looked at again, where the wait itself cannot be ended.
pub(crate) const LOOK: Duration = Duration::from_millis(20);

/// A request to stop, shared by all who must hear it.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<State>);

#[derive(Debug, Default)]
struct State {
    asked: Mutex<bool>,
    changed: Condvar,
}

impl Interrupt {
    /// Takes the signals that would end this process as requests to stop, until the second value is dropped.
    ///
    /// To be called before other threads are started: they inherit that the signals wait for the one that takes them.
    /// Signals that the process was started to ignore stay ignored.
    ///
    /// # Errors
    /// Says why signals stay as they are.
    pub fn on_signals() -> Result<(Self, Signals), String> {
        let set: SigSet = SIGNALS.into_iter().collect();
        set.thread_block().map_err(|error| format!("signals cannot be held back: {}", error.desc()))?;
        let interrupt = Self::default();
        let over = Arc::new(AtomicBool::new(false));
        let (told, ended) = (interrupt.clone(), Arc::clone(&over));
        let waiting = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            while let Ok(signal) = set.wait() {
                if ended.load(Ordering::Acquire) {
                    // The collection is over, and the signal means again what it means to any program.
                    let _ = set.thread_unblock();
                    let _ = raise(signal);
                    return;
                }
                told.ask();
            }
        });
        let guard = Signals { set, over };
        match waiting {
            Ok(_) => Ok((interrupt, guard)),
            Err(error) => Err(format!("no thread can be started for signals: {error}")),
        }
    }

    /// Asks to stop.
    pub fn ask(&self) {
        *self.0.asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }

    /// True once somebody has asked to stop.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.0.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps for `time`, or until somebody asks to stop; then it is false.
    pub(crate) fn sleep(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut asked = self.0.asked.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if *asked || left.is_zero() {
                return !*asked;
            }
            asked = self.0.changed.wait_timeout(asked, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// While it lives, signals are requests to stop.
#[derive(Debug)]
pub struct Signals {
    set: SigSet,
    over: Arc<AtomicBool>,
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        let _ = self.set.thread_unblock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_ends_a_sleep_and_every_later_one() {
        let interrupt = Interrupt::default();
        assert!(interrupt.sleep(Duration::from_millis(1)));
        let other = interrupt.clone();
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| interrupt.sleep(Duration::from_secs(600)));
            other.ask();
            assert!(!sleeper.join().unwrap());
        });
        assert!(interrupt.is_asked() && !interrupt.sleep(Duration::ZERO));
    }
}
