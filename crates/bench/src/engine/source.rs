//! Where requests come from: made ahead for streams that take them, or sent when they are due.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tokio::sync::mpsc::UnboundedSender;

use super::{Shared, ToRecorder, ToWorker, lock};
use crate::arrivals::Arrivals;
use crate::clock::{SECOND, now, precise_timers, sleep_until};
use crate::plan::Amount;
use crate::request::Job;

/// Requests made ready for the streams of a closed loop.
#[derive(Clone, Default)]
pub(super) struct Feed {
    inner: Arc<(Mutex<FeedState>, Condvar)>,
}

#[derive(Default)]
struct FeedState {
    jobs: std::collections::VecDeque<Job>,
    next: u64,
    closed: bool,
}

impl Feed {
    /// A request that is ready, or one made now where the feeder has fallen behind.
    pub(super) fn take(&self, shared: &Shared) -> Job {
        let (state, changed) = &*self.inner;
        let mut state = lock(state);
        let job = state.jobs.pop_front();
        let index = state.next;
        state.next += u64::from(job.is_none());
        drop(state);
        changed.notify_one();
        job.unwrap_or_else(|| shared.job(index))
    }

    pub(super) fn close(&self) {
        lock(&self.inner.0).closed = true;
        self.inner.1.notify_all();
    }
}

/// Keeps `ahead` requests ready, so that no stream has to wait for the making of its prompt.
pub(super) fn feed_streams(shared: &Shared, feed: &Feed, ahead: usize) {
    let (state, changed) = &*feed.inner;
    loop {
        let mut guard = lock(state);
        while guard.jobs.len() >= ahead && !guard.closed {
            guard = changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        if guard.closed {
            return;
        }
        let index = guard.next;
        guard.next += 1;
        drop(guard);
        let job = shared.job(index);
        lock(state).jobs.push_back(job);
    }
}

/// Sends each request when it is due, as a message to a sending thread.
pub(super) fn pace(shared: &Shared, workers: &[UnboundedSender<ToWorker>], arrivals: &Arrivals) {
    precise_timers();
    let origin = shared.origin.load(Ordering::Relaxed);
    let schedule = match (shared.plan.warmup, shared.plan.extent) {
        (Amount::Seconds(before), Amount::Seconds(length)) => {
            arrivals.schedule_over(shared.plan.seed, before, length)
        }
        _ => arrivals.schedule(shared.plan.seed),
    };
    for (index, offset) in (0u64..).zip(schedule) {
        // Made before it is due: there is time now.
        let mut job = shared.job(index);
        job.due = origin.saturating_add(offset);
        while job.due > now() {
            // In steps, so that a run that is over does not wait for the next request of a sparse schedule.
            sleep_until(job.due.min(now() + SECOND / 10));
            if shared.is_over() {
                return;
            }
        }
        if shared.is_over() {
            return;
        }
        let Some(phase) = shared.phase(job.due) else { return };
        job.phase = phase;
        let worker = usize::try_from(index).unwrap_or(0) % workers.len();
        if workers[worker].send(ToWorker::Send(job)).is_err() {
            return;
        }
    }
    // A trace has an end.
    lock(&shared.phases).end();
    let _ = shared.records.send(ToRecorder::Closed);
}
