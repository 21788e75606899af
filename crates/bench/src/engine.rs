//! Runs a plan: threads that send, one that paces, one that records, one that watches.
//!
//! Each sending thread has an event loop and connections of its own and does nothing but send, read and note times. What is
//! due when is decided by a thread that sleeps on the clock: timers of an event loop have a grain of a millisecond.

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::unbounded_channel;

use super::BenchError;
use super::arrivals::{Arrivals, TraceEntry};
use super::clock::{SECOND, now};
use super::lengths::Lengths;
use super::observer::{Gauges, SelfCheck, watch};
use super::openai::RequestForm;
use super::plan::{Load, PhaseClock, Plan};
use super::prompts::PromptMaker;
use super::record::{Phase, Record};
use super::recorder::Recorder;
use super::request::{Job, Requester};
use super::summary::{CONFIDENCE, known_to};
use plumb_stats::Random;
use plumb_stats::proportion::wilson;

mod source;
mod worker;

use source::{Feed, feed_streams, pace};
use worker::Worker;

/// Keeps lengths apart from arrivals, which are drawn from the same seed.
const LENGTHS: u64 = 0x1656_67b1_9e37_79f9;

/// A message to a sending thread.
#[derive(Debug)]
pub(crate) enum ToWorker {
    /// Send this request.
    Send(Job),
    /// Note how late this message, sent at that time, was taken up.
    Ask(u64),
}

enum ToRecorder {
    Ended(Box<Record>),
    /// No further request will be measured.
    Closed,
}

/// How a run goes so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Seconds since the first request.
    pub seconds: f64,
    /// Share of the run that is done, 0 to 1, as far as the plan tells.
    pub share: f64,
    /// True once measuring has begun.
    pub measuring: bool,
    /// Requests measured so far.
    pub requests: u64,
    /// Measured requests without a whole reply.
    pub errors: u64,
    /// Measured requests ended per second.
    pub requests_per_s: f64,
    /// Requests under way.
    pub in_flight: usize,
    /// Median and p95 of TTFT and E2E in ms, once there are any.
    pub latency_ms: Option<[f64; 4]>,
    /// Seconds left, as far as the plan tells.
    pub left: Option<f64>,
}

/// Lets others look at a run and end it.
#[derive(Clone, Default)]
pub struct Control {
    stop: Arc<AtomicBool>,
    asked: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
    progress: Arc<Mutex<Progress>>,
}

impl Control {
    /// Ends the run once `asked` holds, too: by a signal, say. It is asked some fifty times a second.
    #[must_use]
    pub fn until(asked: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { asked: Some(Arc::new(asked)), ..Self::default() }
    }

    /// Ends the run: requests under way are given up, and what was measured is reported.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// True once it was told to end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.asked.as_ref().is_some_and(|asked| asked())
    }

    /// How the run goes.
    #[must_use]
    pub fn progress(&self) -> Progress {
        lock(&self.progress).clone()
    }
}

/// What a run left behind.
pub(crate) struct Outcome {
    pub(crate) recorder: Recorder,
    /// Start and end of the measured window in ns of CLOCK_MONOTONIC.
    pub(crate) window: Option<(u64, u64)>,
    pub(crate) check: Option<SelfCheck>,
    pub(crate) interrupted: bool,
    /// Measured requests that were given up when the run was ended.
    pub(crate) given_up: u64,
    pub(crate) connections: u64,
}

/// What the threads of a run share.
struct Shared {
    plan: Plan,
    form: RequestForm,
    maker: PromptMaker,
    trace: Vec<TraceEntry>,
    phases: Mutex<PhaseClock>,
    issued: AtomicU64,
    /// Conversations that have begun.
    conversations: AtomicU64,
    gauges: Gauges,
    /// The run is over.
    over: AtomicBool,
    origin: AtomicU64,
    records: Sender<ToRecorder>,
}

impl Shared {
    fn job(&self, index: u64) -> Job {
        let drawn;
        let entry = match usize::try_from(index).ok().and_then(|index| self.trace.get(index)) {
            Some(entry) => Some(entry),
            None => {
                drawn = self.drawn(index);
                drawn.as_ref()
            }
        };
        let prompt = self.maker.make(index, entry);
        let tokens = entry.and_then(|entry| entry.output_tokens).unwrap_or(self.plan.output_tokens);
        let body = Bytes::from(self.form.body(&prompt, tokens));
        let prompt_tokens = self.maker.wanted_tokens(entry);
        Job { index, phase: Phase::Cooldown, due: 0, tokens, prompt_tokens, body }
    }

    /// The lengths of a request, where they are drawn: a function of the seed and its number, as its arrival is.
    fn drawn(&self, index: u64) -> Option<TraceEntry> {
        let (prompts, outputs) = (&self.plan.prompt_lengths, &self.plan.output_lengths);
        if prompts.is_none() && outputs.is_none() {
            return None;
        }
        let mut random = Random::stream(self.plan.seed ^ LENGTHS, index);
        let mut draw = |lengths: &Option<Lengths>| lengths.as_ref().map(|lengths| lengths.draw(&mut random));
        Some(TraceEntry {
            prompt_tokens: draw(prompts),
            output_tokens: draw(outputs),
            ..TraceEntry::default()
        })
    }

    /// The request of a turn of a conversation. How long its prompt is follows from its turn, and no length was asked for.
    fn turn(&self, conversation: u64, turn: u32) -> Job {
        let index = conversation.wrapping_mul(u64::from(self.plan.turns)).wrapping_add(u64::from(turn));
        let drawn = self.drawn(index);
        let tokens = drawn.and_then(|entry| entry.output_tokens).unwrap_or(self.plan.output_tokens);
        let said = self.maker.turns(conversation, turn, self.plan.output_tokens);
        let said: Vec<&str> = said.iter().map(String::as_str).collect();
        let body = Bytes::from(self.form.body_of_turns(&said, tokens));
        Job { index, phase: Phase::Cooldown, due: 0, tokens, prompt_tokens: None, body }
    }

    /// Fixes the phase of the request that is due at `time`; `None` where none is wanted any more.
    fn phase(&self, time: u64) -> Option<Phase> {
        let mut phases = lock(&self.phases);
        let ended = phases.is_ended();
        let phase = phases.next(time.saturating_sub(self.origin.load(Ordering::Relaxed)));
        let closes = !ended && phases.is_ended();
        drop(phases);
        match phase {
            Phase::Measured => {
                self.issued.fetch_add(1, Ordering::Relaxed);
                self.gauges.measuring.store(true, Ordering::Relaxed);
            }
            Phase::Cooldown => {
                if closes {
                    let _ = self.records.send(ToRecorder::Closed);
                }
                if !self.plan.cooldown {
                    return None;
                }
            }
            Phase::Warmup => {}
        }
        Some(phase)
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn ended(&self, record: Record) {
        let _ = self.records.send(ToRecorder::Ended(Box::new(record)));
    }
}

/// Runs a plan to its end.
pub(crate) fn run(
    plan: &Plan,
    form: RequestForm,
    maker: PromptMaker,
    file: Option<File>,
    connections: usize,
    control: &Control,
) -> Result<Outcome, BenchError> {
    let (records, inbox) = channel();
    let trace = match &plan.load {
        Load::Open { arrivals: Arrivals::Trace { times } } => times.clone(),
        _ => Vec::new(),
    };
    let shared = Arc::new(Shared {
        plan: plan.clone(),
        form,
        maker,
        trace,
        phases: Mutex::new(PhaseClock::new(
            plan.warmup,
            plan.precision.map_or(plan.extent, |precision| plan.extent.times(precision.most.max(1.0))),
        )),
        issued: AtomicU64::new(0),
        conversations: AtomicU64::new(0),
        gauges: Gauges::default(),
        over: AtomicBool::new(false),
        origin: AtomicU64::new(0),
        records,
    });
    let feed = Feed::default();
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    let mut workers = Vec::new();
    let mut opened = Vec::new();
    let (ready, readiness) = channel();
    let count = plan.threads.max(1);
    for number in 0..count {
        let (sender, receiver) = unbounded_channel();
        let requester = Arc::new(Requester::new(&Arc::new(plan.target.clone()), plan.api, plan.timeout)?);
        opened.push(Arc::clone(requester.pool()));
        workers.push(sender);
        let worker = Worker {
            shared: Arc::clone(&shared),
            requester,
            inbox: receiver,
            feed: feed.clone(),
            streams: streams_of(plan, number, count),
            open_ahead: connections.div_ceil(count),
            cpu: plan.cpus.get(number % plan.cpus.len().max(1)).copied(),
        };
        let ready = ready.clone();
        threads.push(thread(&format!("send-{number}"), move || worker.run(&ready))?);
    }
    drop(ready);
    for _ in 0..count {
        match readiness.recv() {
            Ok(Ok(())) => {}
            Ok(Err(miss)) => {
                shared.over.store(true, Ordering::Relaxed);
                return Err(BenchError::Unreachable { url: plan.target.url(), miss });
            }
            Err(_) => return Err(BenchError::Thread(std::io::Error::other("a sending thread ended early"))),
        }
    }
    // A little ahead, so that the first request is not late already.
    let origin = now() + 20_000_000;
    shared.origin.store(origin, Ordering::Relaxed);
    let recorder = Recorder::new(plan.objectives.clone(), file, origin)
        .ok_or_else(|| BenchError::Thread(std::io::Error::other("no memory for histograms")))?;
    let watching = Arc::new(AtomicBool::new(false));
    let observer = {
        let (shared, workers, stop) = (Arc::clone(&shared), workers.clone(), Arc::clone(&watching));
        Builder::new()
            .name("watch".to_owned())
            .spawn(move || watch(&shared.gauges, &workers, &stop, shared.plan.leader))
            .map_err(BenchError::Thread)?
    };
    threads.push(match &plan.load {
        Load::Closed { concurrency } => {
            let (shared, feed, ahead) = (Arc::clone(&shared), feed.clone(), *concurrency as usize + 16);
            thread("feed", move || feed_streams(&shared, &feed, ahead))?
        }
        Load::Open { arrivals } => {
            let (shared, workers, arrivals) = (Arc::clone(&shared), workers.clone(), arrivals.clone());
            let cpu = plan.cpus.first().copied();
            thread("pace", move || {
                bind(cpu);
                pace(&shared, &workers, &arrivals);
            })?
        }
    });

    let (recorder, interrupted) = record(recorder, &inbox, &shared, control);
    shared.gauges.measuring.store(false, Ordering::Relaxed);
    watching.store(true, Ordering::Relaxed);
    let check = observer.join().ok().flatten();
    shared.over.store(true, Ordering::Relaxed);
    feed.close();
    drop(workers);
    let given_up = shared.issued.load(Ordering::Relaxed).saturating_sub(recorder.measured);
    let window = lock(&shared.phases).window().map(|(start, end)| (origin + start, origin + end));
    let connections = opened.iter().map(|pool| pool.opened()).sum();
    // Threads that wait for replies are not waited for: they end with their event loop, which looks at `over`.
    for handle in threads {
        let _ = handle.join();
    }
    Ok(Outcome { recorder, window, check, interrupted, given_up, connections })
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, BenchError> {
    Builder::new().name(name.to_owned()).spawn(work).map_err(BenchError::Thread)
}

fn streams_of(plan: &Plan, number: usize, count: usize) -> usize {
    match plan.load {
        Load::Closed { concurrency } => {
            let all = concurrency as usize;
            all / count + usize::from(number < all % count)
        }
        Load::Open { .. } => 0,
    }
}

/// Binds the calling thread to a CPU, where one was asked for. The plan was checked against the CPUs allowed.
fn bind(cpu: Option<usize>) {
    use nix::sched::{CpuSet, sched_setaffinity};
    use nix::unistd::Pid;
    if let Some(cpu) = cpu {
        let mut set = CpuSet::new();
        let _ = set.set(cpu).and_then(|()| sched_setaffinity(Pid::from_raw(0), &set));
    }
}

/// Records until every measured request has ended, or the run is ended.
fn record(
    mut recorder: Recorder,
    inbox: &Receiver<ToRecorder>,
    shared: &Shared,
    control: &Control,
) -> (Recorder, bool) {
    let mut closed = false;
    let (mut told, mut checked) = (0, 0);
    loop {
        match inbox.recv_timeout(Duration::from_millis(20)) {
            Ok(ToRecorder::Ended(record)) => recorder.take(&record),
            Ok(ToRecorder::Closed) => closed = true,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return (recorder, true),
        }
        if closed && recorder.measured >= shared.issued.load(Ordering::Relaxed) {
            // Requests that have ended but lie in the queue belong to the window, too.
            while let Ok(ToRecorder::Ended(record)) = inbox.try_recv() {
                recorder.take(&record);
            }
            return (recorder, false);
        }
        if control.is_stopped() {
            return (recorder, true);
        }
        let time = now();
        if time - checked > SECOND / 2 {
            checked = time;
            if !closed && is_known_well_enough(&recorder, shared) {
                lock(&shared.phases).end();
                closed = true;
            }
            if shared.plan.give_up_early && is_lost(&recorder, &shared.plan) {
                lock(&shared.phases).end();
                return (recorder, false);
            }
        }
        if time - told > 100_000_000 {
            told = time;
            *lock(&control.progress) = progress(&recorder, shared, time);
        }
    }
}

/// True once the plan's extent is measured and the latencies are known to the share that it asks for.
fn is_known_well_enough(recorder: &Recorder, shared: &Shared) -> bool {
    shared.plan.precision.is_some_and(|precision| {
        lock(&shared.phases).has_measured(shared.plan.extent)
            && known_to(&recorder.kept).is_some_and(|share| share <= precision.share)
    })
}

/// True if an objective is missed already even should all requests to come be within its limit.
fn is_lost(recorder: &Recorder, plan: &Plan) -> bool {
    use super::plan::Amount;
    let wanted = match (&plan.load, plan.extent) {
        (_, Amount::Requests(requests)) => requests as f64,
        (Load::Open { arrivals }, Amount::Seconds(seconds)) => arrivals.rate().unwrap_or(f64::MAX) * seconds,
        (Load::Closed { .. }, Amount::Seconds(_)) => return false,
    };
    let total = wanted.max(recorder.measured as f64);
    plan.objectives.iter().zip(recorder.met.iter().zip(&recorder.open)).any(|(objective, (met, open))| {
        let missed = (recorder.measured - met - open) as f64;
        // As if every request depended on nine others: neighbours do, and a search must not be led astray.
        wilson((total - missed) / 10.0, total / 10.0, CONFIDENCE)
            .is_some_and(|interval| interval.high < objective.percentile)
    })
}

fn progress(recorder: &Recorder, shared: &Shared, time: u64) -> Progress {
    use super::plan::Amount;
    let origin = shared.origin.load(Ordering::Relaxed);
    let seconds = time.saturating_sub(origin) as f64 / 1e9;
    let window = lock(&shared.phases).window();
    let measured = window.map_or(0.0, |(start, _)| (seconds - start as f64 / 1e9).max(0.0));
    let share = match shared.plan.extent {
        Amount::Requests(wanted) => recorder.measured as f64 / wanted.max(1) as f64,
        Amount::Seconds(wanted) => measured / wanted,
    }
    .min(1.0);
    let series = &recorder.series;
    Progress {
        seconds,
        share,
        measuring: window.is_some(),
        requests: recorder.measured,
        errors: recorder.measured - recorder.ok,
        requests_per_s: if measured > 0.2 { recorder.measured as f64 / measured } else { 0.0 },
        in_flight: shared.gauges.in_flight.load(Ordering::Relaxed),
        latency_ms: (recorder.ok > 0).then(|| {
            let (ttft, e2e) = (&series.ttft, &series.e2e);
            [ttft.rough_ms(0.5), ttft.rough_ms(0.95), e2e.rough_ms(0.5), e2e.rough_ms(0.95)]
        }),
        left: (share > 0.02 && measured > 0.5).then(|| measured * (1.0 - share) / share),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept here is whole between any two calls.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
