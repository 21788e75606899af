//! Runs what reads files, each with a deadline.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use plumb_evidence::{Absence, Missing};

use crate::fs_source::FsSource;
use crate::interrupt::{Interrupt, LOOK};

/// Threads that read at once. More would save little time and be felt more by what else runs on the node.
const THREADS: usize = 2;

/// Reads files for the collector in threads of their own, so that a file that hangs holds up what asked for it and nothing
/// else.
///
/// A thread that hangs is given up and another one takes its place; it ends with the process.
pub(crate) struct Runner {
    source: Arc<FsSource>,
    interrupt: Interrupt,
}

/// What is said of everything that was not done after a request to stop.
pub(crate) fn interrupted() -> Missing {
    Missing::new(Absence::Skipped, "interrupted")
}

impl Runner {
    pub(crate) fn new(source: Arc<FsSource>, interrupt: Interrupt) -> Self {
        Self { source, interrupt }
    }

    /// Runs `job` and waits for its answer, for `budget` at most.
    ///
    /// # Errors
    /// Says why there is none: it took too long, it panicked, or somebody asked to stop.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        budget: Duration,
        job: impl FnOnce(&FsSource) -> T + Send + 'static,
    ) -> Result<T, Missing> {
        let mut told = Err(interrupted());
        self.each(vec![(budget, job)], |_, answer| told = answer.map_err(|(why, _)| why));
        told
    }

    /// Runs jobs, each within its budget, and tells of each by its place among them: its answer, or why there is none
    /// and the time that it took. They are begun in their order.
    ///
    /// The threads help themselves to the next job, and who waits is woken by the last one. To be woken for each it
    /// would take turns with them, and the kernel would leave one of them waiting on a CPU while another is idle.
    pub(crate) fn each<T, J>(&self, jobs: Vec<(Duration, J)>, mut tell: impl FnMut(usize, Answer<T>))
    where
        T: Send + 'static,
        J: FnOnce(&FsSource) -> T + Send + 'static,
    {
        let mut untold = jobs.len();
        let wanted = THREADS.min(untold);
        let mut threads = 0;
        let queue = Arc::new(Queue::new(jobs));
        while untold > 0 {
            let mut unable = None;
            while threads < wanted && !self.interrupt.is_asked() {
                match self.start(&queue) {
                    Ok(()) => threads += 1,
                    Err(why) => {
                        unable = Some(why);
                        break;
                    }
                }
            }
            let mut line = if threads > 0 { queue.wait() } else { queue.lock() };
            let answers = std::mem::take(&mut line.answers);
            let lost = match unable {
                _ if self.interrupt.is_asked() => line.give_up(&interrupted()),
                Some(why) if threads == 0 => line.give_up(&why),
                _ => line.overdue(),
            };
            drop(line);
            threads = threads.saturating_sub(lost.len());
            untold -= answers.len() + lost.len();
            for (at, answer) in answers {
                tell(at, answer);
            }
            for (at, why, took) in lost {
                tell(at, Err((why, took)));
            }
        }
    }

    fn start<T, J>(&self, queue: &Arc<Queue<T, J>>) -> Result<(), Missing>
    where
        T: Send + 'static,
        J: FnOnce(&FsSource) -> T + Send + 'static,
    {
        let (source, queue) = (Arc::clone(&self.source), Arc::clone(queue));
        std::thread::Builder::new()
            .name("probes".to_owned())
            .spawn(move || queue.work_off(&source))
            .map(|_| ())
            .map_err(|error| Missing::new(Absence::Failed, format!("no thread can be started: {error}")))
    }
}

/// Jobs that threads share, by their places.
struct Queue<T, J> {
    line: Mutex<Line<T, J>>,
    /// The last answer is there.
    over: Condvar,
}

struct Line<T, J> {
    waiting: VecDeque<(usize, Duration, J)>,
    /// Budgets and beginnings of those that threads are at. One that is taken out is given up, and so is its thread.
    at_work: BTreeMap<usize, (Duration, Instant)>,
    /// Those that nobody was told of yet.
    answers: Vec<(usize, Answer<T>)>,
}

/// An answer, or why there is none and the time since the job's beginning.
pub(crate) type Answer<T> = Result<T, (Missing, Duration)>;

/// A job without an answer: its place, why, and the time since its beginning.
type Lost = (usize, Missing, Duration);

impl<T, J: FnOnce(&FsSource) -> T> Queue<T, J> {
    fn new(jobs: Vec<(Duration, J)>) -> Self {
        let waiting = jobs.into_iter().enumerate().map(|(at, (budget, job))| (at, budget, job)).collect();
        let line = Line { waiting, at_work: BTreeMap::new(), answers: Vec::new() };
        Self { line: Mutex::new(line), over: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Line<T, J>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the last answer, for a moment.
    fn wait(&self) -> MutexGuard<'_, Line<T, J>> {
        let unfinished = |line: &mut Line<T, J>| !line.is_over();
        self.over.wait_timeout_while(self.lock(), LOOK, unfinished).unwrap_or_else(PoisonError::into_inner).0
    }

    fn work_off(&self, source: &FsSource) {
        let mut line = self.lock();
        while let Some((at, budget, job)) = line.waiting.pop_front() {
            let begun = Instant::now();
            line.at_work.insert(at, (budget, begun));
            drop(line);
            let answer = catch_unwind(AssertUnwindSafe(|| job(source)))
                .map_err(|_| (Missing::new(Absence::Failed, "the probe panicked"), begun.elapsed()));
            line = self.lock();
            if line.at_work.remove(&at).is_none() {
                return;
            }
            line.answers.push((at, answer));
        }
        if line.is_over() {
            self.over.notify_all();
        }
    }
}

impl<T, J> Line<T, J> {
    fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.at_work.is_empty()
    }

    /// Takes out what has had its time.
    fn overdue(&mut self) -> Vec<Lost> {
        self.at_work
            .extract_if(.., |_, (budget, begun)| begun.elapsed() >= *budget)
            .map(|(at, (budget, begun))| {
                let reason = format!("not finished within {} s", budget.as_secs_f32());
                (at, Missing::new(Absence::Timeout, reason), begun.elapsed())
            })
            .collect()
    }

    /// Takes out everything.
    fn give_up(&mut self, why: &Missing) -> Vec<Lost> {
        let begun =
            std::mem::take(&mut self.at_work).into_iter().map(|(at, (_, begun))| (at, begun.elapsed()));
        let waiting = self.waiting.drain(..).map(|(at, ..)| (at, Duration::ZERO));
        begun.chain(waiting).map(|(at, took)| (at, why.clone(), took)).collect()
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
        let (runner, _) = runner();
        let hang = |_: &FsSource| loop {
            std::thread::park();
        };
        let why = runner.run::<()>(Duration::from_millis(30), hang).unwrap_err();
        assert_eq!((why.missing, why.reason.as_str()), (Absence::Timeout, "not finished within 0.03 s"));
        assert_eq!(runner.run(LONG, |_| 7), Ok(7), "another thread takes its place");
    }

    #[test]
    fn a_panic_ends_one_job() {
        let (runner, _) = runner();
        let why = runner.run(LONG, |_| assert!(std::hint::black_box(false), "meant to fail")).unwrap_err();
        assert_eq!(why.missing, Absence::Failed);
        assert_eq!(runner.run(LONG, |_| 7), Ok(7));
    }

    #[test]
    fn of_several_jobs_only_the_sick_ones_have_no_answer() {
        let (runner, _) = runner();
        let hang: fn(&FsSource) -> u32 = |_| loop {
            std::thread::park();
        };
        let panic: fn(&FsSource) -> u32 = |_| panic!("meant to fail");
        let well: fn(&FsSource) -> u32 = |_| 7;
        let short = Duration::from_millis(30);
        let jobs = [(LONG, well), (short, hang), (LONG, well), (LONG, panic), (LONG, panic), (LONG, well)];
        let mut told = Vec::new();
        runner.each(jobs.to_vec(), |at, answer| told.push((at, answer.map_err(|(why, _)| why.reason))));
        told.sort_by_key(|&(at, _)| at);
        let panicked = || Err("the probe panicked".to_owned());
        let late = Err("not finished within 0.03 s".to_owned());
        let answers = [Ok(7), late, Ok(7), panicked(), panicked(), Ok(7)];
        assert_eq!(told, answers.into_iter().enumerate().collect::<Vec<_>>());
    }

    #[test]
    fn a_request_to_stop_leaves_the_jobs_that_are_done() {
        let (runner, interrupt) = runner();
        let job = |at: usize| {
            let asking = interrupt.clone();
            move |_: &FsSource| {
                if at > 0 {
                    asking.ask();
                    loop {
                        std::thread::park();
                    }
                }
            }
        };
        let jobs = (0..5).map(|at| (LONG, job(at))).collect();
        let mut told = Vec::new();
        runner.each(jobs, |at, answer| told.push((at, answer.map_err(|(why, _)| why))));
        told.sort_by_key(|&(at, _)| at);
        assert_eq!(told[0], (0, Ok(())));
        assert_eq!(told[1..].iter().map(|(at, _)| *at).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert!(told[1..].iter().all(|(_, answer)| *answer == Err(interrupted())), "{told:?}");
    }

    #[test]
    fn a_request_to_stop_ends_the_wait() {
        let (runner, interrupt) = runner();
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
