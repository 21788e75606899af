//! What the operating system takes away from a CPU, measured without privilege and without changing the node.
//!
//! Three instruments, from the least to the most intrusive: [`Mode::Observe`] reads counters twice; [`Mode::Wake`] sleeps
//! from period to period and tells how late it woke; [`Mode::SpinIdle`] and [`Mode::Spin`] keep a CPU busy and record
//! every gap. [`Extras`] measure what distance costs: memory of other nodes, other CPUs. The method, its sources and its limits are in `docs/src/reference/noise.md`.
#![warn(missing_docs)]

mod attribution;
mod clock;
mod counters;
mod cpu;
mod gaps;
mod memory;
mod neighbours;
mod placement;
mod report;
mod summary;
mod timeline;
mod trace;
mod wake;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use plumb_evidence::CpuSet;
use thiserror::Error;

pub use attribution::{Cause, Label};
pub use cpu::SelfTest;
pub use memory::CorePair;
pub use neighbours::{LiveServer, ServerWait, live_servers};
pub use placement::allowed_cpus;
pub use report::{CpuNoise, NOISE_SCHEMA, NoiseReport};
pub use summary::{GapSummary, Percentiles, seconds_needed, values_needed};

use placement::{Aside, join, on_each, pin, start_on_each};
use trace::Trace;

/// How a CPU is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Counters of the kernel only: costs nothing.
    Observe,
    /// A thread that sleeps from period to period: at 100 Hz about 0.4 % of a CPU.
    Wake,
    /// A busy loop that runs only when nothing else wants the CPU: below 0.5 % for whoever shares it.
    SpinIdle,
    /// A busy loop that takes its share: halves the CPU for whoever shares it. Maintenance windows only.
    Spin,
}

impl Mode {
    /// The word of the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Wake => "wake",
            Self::SpinIdle => "spin-idle",
            Self::Spin => "spin",
        }
    }
}

/// What to measure.
#[derive(Clone, Debug)]
pub struct NoiseOptions {
    /// CPUs to look at, one thread each.
    pub cpus: CpuSet,
    /// Instruments, run one after the other.
    pub modes: Vec<Mode>,
    /// Time for each instrument.
    pub duration: Duration,
    /// Wake-ups per second.
    pub wake_hz: f64,
    /// Shortest gap that is recorded, in ns.
    pub threshold_ns: f64,
    /// Name gaps by the kernel's tracepoints, where it lets this process see them.
    pub trace: bool,
    /// What else to measure.
    pub extras: Extras,
}

/// Measurements besides the noise of CPUs.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// Latency and bandwidth of memory between all pairs of NUMA nodes.
    pub memory: bool,
    /// Time for a cache line between all pairs of these CPUs.
    pub core_to_core: Option<CpuSet>,
}

/// Why nothing was measured.
#[derive(Debug, Error)]
pub enum NoiseError {
    /// The thread may not run there.
    #[error("cannot run on CPU {cpu}; choose among the CPUs that this process may use (`taskset -pc $$`)")]
    Affinity {
        /// The CPU.
        cpu: u32,
        /// The kernel's answer.
        source: nix::Error,
    },
    /// The scheduling class is refused.
    #[error("the kernel refuses the scheduling class SCHED_IDLE; use the mode `wake`")]
    Idle(#[source] nix::Error),
    /// The clock cannot be slept on.
    #[error("the kernel does not wake at a given time")]
    Sleep(#[source] nix::Error),
    /// A thread of the measurement ended on its own.
    #[error("the measuring thread of CPU {0} failed")]
    Thread(u32),
    /// Counters cannot be read.
    #[error("cannot read the kernel's counters: {0}")]
    Counters(plumb_evidence::Missing),
}

/// Is asked often whether the measurement should end early.
pub type Stop = Arc<dyn Fn() -> bool + Send + Sync>;

/// Measures; ends early, with what it has, once `stop` says so.
///
/// # Errors
/// If a thread cannot be placed, or a clock or counter not be read.
pub fn measure(options: &NoiseOptions, stop: &Stop) -> Result<NoiseReport, NoiseError> {
    let mut report = NoiseReport::new(options);
    let servers = live_servers();
    for &mode in &options.modes {
        if stop() {
            break;
        }
        let _aside = Aside::from(&options.cpus);
        match mode {
            Mode::SpinIdle | Mode::Spin => spin(mode, options, &servers, stop, &mut report)?,
            Mode::Observe | Mode::Wake => watch(mode, options, &servers, stop, &mut report)?,
        }
    }
    if options.extras.memory && !stop() {
        let allowed = allowed_cpus().unwrap_or_default();
        let (paths, notes) = memory::memory_paths(&memory::nodes(), &allowed, stop)?;
        report.memory_paths = paths;
        notes.into_iter().for_each(|note| report.note(note));
    }
    if let Some(cpus) = options.extras.core_to_core.as_ref().filter(|_| !stop()) {
        report.core_to_core = memory::core_to_core(cpus, stop)?;
    }
    report.interrupted = stop();
    report.finish();
    Ok(report)
}

/// Instruments that leave a CPU idle.
fn watch(
    mode: Mode,
    options: &NoiseOptions,
    servers: &[LiveServer],
    stop: &Stop,
    report: &mut NoiseReport,
) -> Result<(), NoiseError> {
    let before = counters::first(counters::slow(&options.cpus, servers)).map_err(NoiseError::Counters)?;
    if mode == Mode::Wake {
        for slack in [None, Some(1)] {
            let period = Duration::from_secs_f64(1.0 / options.wake_hz);
            let periods = (options.duration.as_secs_f64() / 2.0 * options.wake_hz) as u64;
            let stop = Arc::clone(stop);
            let wakes = on_each(&options.cpus, move |cpu| {
                pin(cpu)?;
                wake::sleep(period, periods, slack, &*stop).map_err(NoiseError::Sleep)
            })?;
            for (cpu, wake) in wakes {
                report.add_wake(cpu, slack.is_some(), &wake);
            }
        }
    } else {
        let begun = std::time::Instant::now();
        while begun.elapsed() < options.duration && !stop() {
            std::thread::sleep(options.duration.saturating_sub(begun.elapsed()).min(LOOK));
        }
    }
    let after = counters::last(&options.cpus, servers).map_err(NoiseError::Counters)?;
    report.add_counters(mode, &counters::between(servers, &before, &after));
    Ok(())
}

/// How often it is looked what the kernel traced, and whether to stop where no loop does.
const LOOK: Duration = Duration::from_millis(20);
/// From the last word to the threads to the start of all loops: more than it takes to wake them.
const LEAD_NS: u64 = 5_000_000;

/// Counters are read so long before the start, which takes about as long where CPUs are few.
const BEFORE_NS: u64 = 300_000;

/// Busy loops.
///
/// They begin and end together, so that what hits several CPUs at once can be seen as one; and counters are read right
/// before and after, so that they count the same time.
fn spin(
    mode: Mode,
    options: &NoiseOptions,
    servers: &[LiveServer],
    stop: &Stop,
    report: &mut NoiseReport,
) -> Result<(), NoiseError> {
    let rate = clock::calibrate();
    let ready = Arc::new(Barrier::new(options.cpus.len() + 1));
    let go = Arc::new(Barrier::new(options.cpus.len() + 1));
    let begin = Arc::new(AtomicU64::new(0));
    let loops = Arc::new(Mutex::new(Vec::new()));
    let (end, ended) = mpsc::channel();
    let length = u64::try_from(options.duration.as_nanos()).unwrap_or(u64::MAX / 2);
    let threads = {
        let (ready, go, begin) = (Arc::clone(&ready), Arc::clone(&go), Arc::clone(&begin));
        let (threshold_ns, stop, loops) = (options.threshold_ns, Arc::clone(stop), Arc::clone(&loops));
        start_on_each(&options.cpus, move |cpu| {
            // Whatever goes wrong, the others are not to wait for ever.
            let prepared = pin(cpu).and_then(|()| {
                let prepared = gaps::Prepared::new(cpu::self_test());
                lock(&loops).push((cpu, nix::unistd::gettid().as_raw()));
                // Last: from here on the thread runs only when nothing else wants the CPU.
                if mode == Mode::SpinIdle {
                    cpu::be_idle().map_err(NoiseError::Idle)?;
                }
                Ok(prepared)
            });
            ready.wait();
            go.wait();
            let begin = begin.load(Ordering::Acquire);
            let run = gaps::Run { rate, threshold_ns, begin, end: begin + length };
            let prepared = prepared?;
            // Awake before counters are read: the interrupt that wakes it is none of the run.
            std::thread::sleep(Duration::from_nanos((begin - 2 * BEFORE_NS).saturating_sub(clock::raw_ns())));
            while clock::raw_ns() < begin {
                std::hint::spin_loop();
            }
            let spin = gaps::spin(prepared, run, &*stop);
            // Nobody listens any more if counters could not be read.
            let _ = end.send(());
            Ok(spin)
        })
    };
    ready.wait();
    let mut trace = match options.trace.then(|| Trace::open(&lock(&loops))) {
        Some(Ok(trace)) => Some(trace),
        Some(Err(why)) => {
            report.note(format!("causes are not exact: {why}"));
            None
        }
        None => None,
    };
    let slow = counters::slow(&options.cpus, servers);
    let start = clock::raw_ns() + LEAD_NS;
    begin.store(start, Ordering::Release);
    go.wait();
    std::thread::sleep(Duration::from_nanos((start - BEFORE_NS).saturating_sub(clock::raw_ns())));
    let before = counters::first(slow);
    for _ in options.cpus.iter() {
        // A thread that failed dropped its end without a word.
        while trace.is_some() && ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            trace.iter_mut().for_each(Trace::drain);
        }
        // Without a trace to take up there is nothing to wake for: where all CPUs are measured, that would be noise.
        if trace.is_none() && ended.recv().is_err() {
            break;
        }
    }
    let after = counters::last(&options.cpus, servers).map_err(NoiseError::Counters)?;
    let spins = join(threads)?;
    let before = before.map_err(NoiseError::Counters)?;
    let moved = counters::between(servers, &before, &after);
    let starts = spins.iter().map(|(_, spin)| spin.begin.ns);
    report.start_spread_ms =
        starts.clone().max().zip(starts.min()).map(|(last, first)| (last - first) as f64 / 1e6);
    let mut traced = trace.map(Trace::finish).unwrap_or_default();
    report.add_counters(mode, &moved);
    for (cpu, spin) in &spins {
        let follow = traced.iter_mut().find(|(of, _)| of == cpu);
        let traced = follow.map(|(_, follow)| attribution::join(spin, follow));
        report.add_spin(*cpu, spin, &moved.window, traced.as_ref());
    }
    if spins.len() >= 3 && !cpu::in_virtual_machine() {
        report.add_stops_of_many(attribution::stops_of_many(&spins));
    }
    Ok(())
}

/// A thread that panicked while it held the lock left whole entries.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
