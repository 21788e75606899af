//! What the operating system takes away from a CPU, measured without privilege and without changing the node.
//!
//! Three instruments, from the least to the most intrusive: [`Mode::Observe`] reads counters twice; [`Mode::Wake`] sleeps
//! from period to period and tells how late it woke; [`Mode::SpinIdle`] and [`Mode::Spin`] keep a CPU busy and record
//! every gap. The method, its sources and its limits are in `docs/src/reference/noise.md`.

mod clock;
mod counters;
mod cpu;
mod gaps;
mod report;
mod wake;

use std::sync::Arc;
use std::time::Duration;

use nix::sched::{CpuSet as Mask, sched_setaffinity};
use nix::unistd::Pid;
use plumb_evidence::CpuSet;
use thiserror::Error;

pub use cpu::SelfTest;
pub use report::{CpuNoise, GapSummary, NOISE_SCHEMA, NoiseReport, Percentiles};

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
    for &mode in &options.modes {
        if stop() {
            report.interrupted = true;
            break;
        }
        run(mode, options, stop, &mut report)?;
    }
    report.interrupted |= stop();
    report.finish();
    Ok(report)
}

fn run(mode: Mode, options: &NoiseOptions, stop: &Stop, report: &mut NoiseReport) -> Result<(), NoiseError> {
    let before = counters::read().map_err(NoiseError::Counters)?;
    match mode {
        Mode::Observe => {
            let begun = std::time::Instant::now();
            while begun.elapsed() < options.duration && !stop() {
                let left = options.duration.saturating_sub(begun.elapsed());
                std::thread::sleep(left.min(Duration::from_millis(100)));
            }
        }
        Mode::Wake => {
            for slack in [None, Some(1)] {
                let period = Duration::from_secs_f64(1.0 / options.wake_hz);
                let periods = (options.duration.as_secs_f64() / 2.0 * options.wake_hz) as u64;
                let stop = Arc::clone(stop);
                let wakes = on_each(&options.cpus, move |_| {
                    wake::sleep(period, periods, slack, &*stop).map_err(NoiseError::Sleep)
                })?;
                for (cpu, wake) in wakes {
                    report.add_wake(cpu, slack.is_some(), &wake);
                }
            }
        }
        Mode::SpinIdle | Mode::Spin => {
            let rate = clock::calibrate();
            let stop = Arc::clone(stop);
            let threshold = options.threshold_ns;
            // All threads begin and end together, so that what hits several CPUs at once can be seen as one.
            let begin = clock::raw_ns() + 20_000_000;
            let end = begin + u64::try_from(options.duration.as_nanos()).unwrap_or(u64::MAX);
            let spins = on_each(&options.cpus, move |_| {
                if mode == Mode::SpinIdle {
                    cpu::be_idle().map_err(NoiseError::Idle)?;
                }
                let wait = begin.saturating_sub(clock::raw_ns());
                std::thread::sleep(Duration::from_nanos(wait));
                Ok(gaps::spin(rate, threshold, end, &*stop))
            })?;
            let window = counters::between(&before, &counters::read().map_err(NoiseError::Counters)?);
            for (cpu, spin) in spins {
                report.add_spin(cpu, mode, &spin, &window);
            }
            return Ok(());
        }
    }
    let window = counters::between(&before, &counters::read().map_err(NoiseError::Counters)?);
    report.add_window(&window);
    Ok(())
}

/// Runs `work` in a thread on each of the CPUs, and waits for all.
fn on_each<T: Send + 'static>(
    cpus: &CpuSet,
    work: impl Fn(u32) -> Result<T, NoiseError> + Clone + Send + 'static,
) -> Result<Vec<(u32, T)>, NoiseError> {
    let threads: Vec<_> = cpus
        .iter()
        .map(|cpu| {
            let work = work.clone();
            let thread = std::thread::spawn(move || {
                let mut mask = Mask::new();
                let index = usize::try_from(cpu).unwrap_or(usize::MAX);
                mask.set(index)
                    .and_then(|()| sched_setaffinity(Pid::from_raw(0), &mask))
                    .map_err(|source| NoiseError::Affinity { cpu, source })?;
                work(cpu)
            });
            (cpu, thread)
        })
        .collect();
    threads
        .into_iter()
        .map(|(cpu, thread)| Ok((cpu, thread.join().map_err(|_| NoiseError::Thread(cpu))??)))
        .collect()
}

/// How idle each CPU was during `time`, 0 to 1.
///
/// # Errors
/// If the kernel's counters cannot be read.
pub fn idle_shares(time: Duration) -> Result<Vec<(u32, f64)>, NoiseError> {
    let before = counters::read().map_err(NoiseError::Counters)?;
    std::thread::sleep(time);
    let window = counters::between(&before, &counters::read().map_err(NoiseError::Counters)?);
    let cpus = window.cpus.require().map_err(NoiseError::Counters)?;
    Ok(cpus.iter().map(|cpu| (cpu.cpu, 1.0 - cpu.busy() as f64 / cpu.total().max(1) as f64)).collect())
}
