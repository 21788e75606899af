//! A thread that sends: an event loop with connections of its own.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::source::Feed;
use super::{Shared, ToWorker, bind, lock};
use crate::clock::{now, precise_timers};
use crate::record::{Miss, Record};
use crate::request::{Job, Requester};

/// A sending thread.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) requester: Arc<Requester>,
    pub(super) inbox: UnboundedReceiver<ToWorker>,
    pub(super) feed: Feed,
    pub(super) streams: usize,
    pub(super) open_ahead: usize,
    pub(super) cpu: Option<usize>,
}

impl Worker {
    pub(super) fn run(self, ready: &Sender<Result<(), Miss>>) {
        bind(self.cpu);
        precise_timers();
        lock(&self.shared.gauges.threads).push(nix::unistd::gettid().as_raw());
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            let _ = ready.send(Err(Miss::ClientLimit));
            return;
        };
        runtime.block_on(async move {
            let opened = self.requester.pool().open_ahead(self.open_ahead).await;
            let failed = opened.is_err();
            let _ = ready.send(opened);
            if !failed {
                self.serve().await;
            }
        });
        // What is still under way is given up.
        runtime.shutdown_background();
    }

    async fn serve(mut self) {
        let mut streams = self.streams;
        loop {
            // The origin is set once all threads are ready.
            if streams > 0 && self.shared.origin.load(Ordering::Relaxed) != 0 {
                for _ in 0..std::mem::take(&mut streams) {
                    let (shared, requester) = (Arc::clone(&self.shared), Arc::clone(&self.requester));
                    tokio::spawn(stream(shared, requester, self.feed.clone()));
                }
            }
            match tokio::time::timeout(Duration::from_millis(10), self.inbox.recv()).await {
                Ok(Some(ToWorker::Send(job))) => self.send(job),
                Ok(Some(ToWorker::Ask(sent))) => {
                    lock(&self.shared.gauges.lags).push(now().saturating_sub(sent));
                }
                Ok(None) => return,
                Err(_) => {}
            }
            if self.shared.is_over() {
                return;
            }
        }
    }

    fn send(&self, job: Job) {
        let gauge = &self.shared.gauges.in_flight;
        if gauge.load(Ordering::Relaxed) >= self.shared.plan.max_in_flight {
            self.shared.ended(dropped(&job));
            return;
        }
        gauge.fetch_add(1, Ordering::Relaxed);
        let (shared, requester) = (Arc::clone(&self.shared), Arc::clone(&self.requester));
        tokio::spawn(async move {
            let record = requester.perform(job).await;
            shared.gauges.in_flight.fetch_sub(1, Ordering::Relaxed);
            shared.ended(record);
        });
    }
}

/// A request that was not sent.
fn dropped(job: &Job) -> Record {
    Record { done: now(), miss: Some(Miss::Dropped), ..job.record(job.due) }
}

/// One stream of a closed loop.
async fn stream(shared: Arc<Shared>, requester: Arc<Requester>, feed: Feed) {
    let mut failures = 0u32;
    let turns = shared.plan.turns;
    // The turns of a conversation follow each other: the next is asked once the last is answered.
    let (mut conversation, mut turn) = (0, turns);
    while !shared.is_over() {
        let mut job = if turns > 1 {
            if turn >= turns {
                (conversation, turn) = (shared.conversations.fetch_add(1, Ordering::Relaxed), 0);
            }
            turn += 1;
            shared.turn(conversation, turn - 1)
        } else {
            feed.take(&shared)
        };
        let time = now();
        let Some(phase) = shared.phase(time) else { return };
        job.phase = phase;
        job.due = time;
        shared.gauges.in_flight.fetch_add(1, Ordering::Relaxed);
        let record = requester.perform(job).await;
        shared.gauges.in_flight.fetch_sub(1, Ordering::Relaxed);
        failures = if record.miss.is_some() { failures + 1 } else { 0 };
        shared.ended(record);
        // A server that refuses at once must not be asked in an endless hurry.
        if failures > 0 {
            tokio::time::sleep(Duration::from_millis(u64::from(failures.min(10)) * 10)).await;
        }
    }
}
