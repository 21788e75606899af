//! Runs what reads files, each with a deadline.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use plumb_evidence::{Absence, Missing};

use crate::fs_source::FsSource;
use crate::interrupt::{Interrupt, LOOK};

type Job = Box<dyn FnOnce(&FsSource) + Send>;

/// A thread that reads files for the collector, so that a file that hangs holds up what asked for it and nothing else.
///
/// A thread that hangs is given up and another one takes its place; it ends with the process.
pub(crate) struct Runner {
    source: Arc<FsSource>,
    interrupt: Interrupt,
    jobs: Option<Sender<Job>>,
}

/// A job that was begun.
pub(crate) struct Begun<T> {
    at: Instant,
    answer: Receiver<T>,
}

/// What is said of everything that was not done after a request to stop.
pub(crate) fn interrupted() -> Missing {
    Missing::new(Absence::Skipped, "interrupted")
}

impl Runner {
    pub(crate) fn new(source: Arc<FsSource>, interrupt: Interrupt) -> Self {
        Self { source, interrupt, jobs: None }
    }

    /// Runs `job` and waits for its answer, for `budget` at most.
    ///
    /// # Errors
    /// Says why there is none: it took too long, it panicked, or somebody asked to stop.
    pub(crate) fn run<T: Send + 'static>(
        &mut self,
        budget: Duration,
        job: impl FnOnce(&FsSource) -> T + Send + 'static,
    ) -> Result<T, Missing> {
        let begun = self.begin(job)?;
        self.finish(&begun, budget)
    }

    /// Begins `job`, whose answer [`finish`](Self::finish) waits for.
    ///
    /// # Errors
    /// No thread can be started, or somebody asked to stop.
    pub(crate) fn begin<T: Send + 'static>(
        &mut self,
        job: impl FnOnce(&FsSource) -> T + Send + 'static,
    ) -> Result<Begun<T>, Missing> {
        if self.interrupt.is_asked() {
            return Err(interrupted());
        }
        let (sender, receiver) = channel();
        let job: Job = Box::new(move |source| {
            let _ = sender.send(job(source));
        });
        // A thread that panicked has left, and the job comes back.
        let returned = match &self.jobs {
            Some(jobs) => jobs.send(job).err().map(|error| error.0),
            None => Some(job),
        };
        if let Some(job) = returned {
            let jobs = self.start()?;
            let _ = jobs.send(job);
            self.jobs = Some(jobs);
        }
        Ok(Begun { at: Instant::now(), answer: receiver })
    }

    /// Waits for the answer of a job until `budget` after its beginning.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(crate) fn finish<T>(&mut self, begun: &Begun<T>, budget: Duration) -> Result<T, Missing> {
        let until = begun.at + budget;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let why = match begun.answer.recv_timeout(left.min(LOOK)) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Disconnected) => Missing::new(Absence::Failed, "the probe panicked"),
                Err(RecvTimeoutError::Timeout) if self.interrupt.is_asked() => interrupted(),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    Missing::new(Absence::Timeout, format!("not finished within {} s", budget.as_secs_f32()))
                }
                Err(RecvTimeoutError::Timeout) => continue,
            };
            self.jobs = None;
            return Err(why);
        }
    }

    fn start(&self) -> Result<Sender<Job>, Missing> {
        let (sender, receiver) = channel::<Job>();
        let source = Arc::clone(&self.source);
        std::thread::Builder::new()
            .name("probes".to_owned())
            .spawn(move || {
                while let Ok(job) = receiver.recv() {
                    job(&source);
                }
            })
            .map_err(|error| Missing::new(Absence::Failed, format!("no thread can be started: {error}")))?;
        Ok(sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runner() -> (Runner, Interrupt) {
        let interrupt = Interrupt::default();
        (Runner::new(Arc::new(FsSource::live()), interrupt.clone()), interrupt)
    }

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn what_hangs_holds_up_itself_alone() {
        let (mut runner, _) = runner();
        let hang = |_: &FsSource| loop {
            std::thread::park();
        };
        let why = runner.run::<()>(Duration::from_millis(30), hang).unwrap_err();
        assert_eq!((why.missing, why.reason.as_str()), (Absence::Timeout, "not finished within 0.03 s"));
        assert_eq!(runner.run(LONG, |_| 7), Ok(7), "another thread takes its place");
    }

    #[test]
    fn a_panic_ends_one_job() {
        let (mut runner, _) = runner();
        let why = runner.run(LONG, |_| assert!(std::hint::black_box(false), "meant to fail")).unwrap_err();
        assert_eq!(why.missing, Absence::Failed);
        assert_eq!(runner.run(LONG, |_| 7), Ok(7));
    }

    #[test]
    fn a_request_to_stop_ends_the_wait() {
        let (mut runner, interrupt) = runner();
        let asking = interrupt.clone();
        let why = runner
            .run::<()>(LONG, move |_| {
                asking.ask();
                loop {
                    std::thread::park();
                }
            })
            .unwrap_err();
        assert_eq!(why, interrupted());
        assert_eq!(runner.run(LONG, |_| 7), Err(interrupted()), "nothing is begun any more");
    }
}
