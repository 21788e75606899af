//! Questions that many checks ask of a window: how much the inference servers ran, where, and beside whom.

use std::collections::BTreeMap;

use super::{CpuTime, InferenceServer, ThreadTime, Window};
use crate::fact::{Absence, Fact, Missing};
use crate::index_set::CpuSet;

/// Scheduler clock ticks in a second (`USER_HZ`), the same on every architecture that serves models.
pub const TICKS_PER_SECOND: f64 = 100.0;

/// Share of the ticks of a window that must have been counted on a CPU for its counters to be believed: fewer are left
/// where it came online meanwhile, or where a reading is in part lost.
const COUNTED: f64 = 0.9;

/// Share of time of a GPU, or of a CPU, from which the service counts as busy, in %; our own proposal.
///
/// A mean, because the highest of a few samples is a matter of luck: a display or a monitoring agent reaches 10 % for a
/// moment and stays below 2 % over a window, while a server that answers one request at a time with a small model keeps a
/// GPU busy for 5 to 10 % of it.
pub const BUSY_PERCENT: f64 = 5.0;

impl Window {
    /// Seconds between the readings.
    ///
    /// # Errors
    /// A window without length tells no rates.
    pub fn length(&self) -> Result<f64, Missing> {
        if self.seconds > 0.0 && self.seconds.is_finite() {
            return Ok(self.seconds);
        }
        Err(Missing::new(Absence::Malformed, "the two readings are no time apart"))
    }

    /// Says how busy the service was, where it was busy enough for counters to mean something. This is the one definition
    /// of "under load", for checks and for the grade: one of
    /// - a GPU was busy for [`BUSY_PERCENT`] of the time;
    /// - threads of inference servers waited for a CPU for that share of the time: who is starved has work, however
    ///   little of it gets done;
    /// - where nobody looked at GPUs, inference servers used that share of one CPU. Where GPUs were looked at, CPU time
    ///   does not count, because some schedulers spin while there is nothing to do.
    ///
    /// # Errors
    /// Says that the service was idle, or why that is not known.
    pub fn under_load(&self) -> Result<String, Missing> {
        let idle = |seen: String| {
            let reason = format!("the service was idle in the window ({seen}): collect while it serves");
            Missing::new(Absence::Skipped, reason)
        };
        let mean = |percent: &Vec<u32>| {
            let sum: f64 = percent.iter().map(|&percent| f64::from(percent)).sum();
            sum / percent.len() as f64
        };
        let gpus = self.gpus.known().into_iter().flatten();
        let used = gpus.filter_map(|gpu| gpu.utilization_percent.known()).filter(|used| !used.is_empty());
        if let Some(busiest) = used.map(mean).max_by(f64::total_cmp) {
            let seen = format!("the busiest GPU {busiest:.0} % busy");
            if busiest >= BUSY_PERCENT {
                return Ok(seen);
            }
            return self.starved().ok_or_else(|| idle(seen));
        }
        if let Some(seen) = self.starved() {
            return Ok(seen);
        }
        let processes = self.processes.require()?;
        let ticks: u64 = processes.iter().filter(|p| p.inference).map(|p| p.cpu_ticks).sum();
        // 100 ticks a second: ticks per second are per cent of a CPU.
        let percent = ticks as f64 / self.length()?;
        let seen = format!("its processes used {percent:.1} % of a CPU");
        if percent >= BUSY_PERCENT { Ok(seen) } else { Err(idle(seen)) }
    }

    /// How long threads of inference servers waited for a CPU, where that was [`BUSY_PERCENT`] of the time or more.
    fn starved(&self) -> Option<String> {
        let seconds = self.length().ok()?;
        let waits = self.threads.known()?.iter().filter_map(|thread| thread.wait_ns.known());
        let share = waits.map(|&ns| ns as f64).sum::<f64>() / 1e9 / seconds;
        (100.0 * share >= BUSY_PERCENT)
            .then(|| format!("its threads waited for a CPU, {share:.2} s in each second"))
    }

    /// The same window with one server alone as inference: other servers are among the others.
    #[must_use]
    pub fn as_seen_by(mut self, server: &InferenceServer) -> Self {
        if let Fact::Known(threads) = &mut self.threads {
            threads.retain(|thread| server.holds(thread.pid));
        }
        if let Fact::Known(processes) = &mut self.processes {
            processes.iter_mut().for_each(|process| process.inference = server.holds(process.pid));
        }
        self
    }

    /// CPU time that the inference servers used, in CPUs: 2.5 is as much as two and a half CPUs have.
    ///
    /// # Errors
    /// Fails where threads or the length of the window are missing.
    pub fn serving_load(&self) -> Result<f64, Missing> {
        let seconds = self.length()?;
        // An empty sum of floating-point numbers is -0, which would be printed so.
        Ok(self.threads.require()?.iter().fold(0.0, |sum, thread| sum + thread.cpu_share(seconds)))
    }

    /// Threads of inference servers that used at least `least` of a CPU (0.05 is 5 %).
    ///
    /// # Errors
    /// Fails where threads or the length of the window are missing.
    pub fn busy_threads(&self, least: f64) -> Result<Vec<&ThreadTime>, Missing> {
        let seconds = self.length()?;
        let threads = self.threads.require()?.iter();
        Ok(threads.filter(|thread| thread.cpu_share(seconds) >= least).collect())
    }

    /// CPUs that the threads of [`busy_threads`](Self::busy_threads) were seen on at either reading.
    ///
    /// # Errors
    /// Fails where threads or the length of the window are missing, or where one of them ran is unknown.
    pub fn serving_cpus(&self, least: f64) -> Result<CpuSet, Missing> {
        let threads = self.busy_threads(least)?;
        if let Some(thread) = threads.iter().find(|thread| thread.last_cpus.is_empty()) {
            let reason = format!("where thread {} ({}) ran is unknown", thread.tid, thread.comm);
            return Err(Missing::new(Absence::Failed, reason));
        }
        Ok(threads.iter().flat_map(|thread| thread.last_cpus.iter().copied()).collect())
    }

    /// CPUs whose ticks add up to the length of the window, by number, and the set of those whose ticks do not.
    ///
    /// # Errors
    /// Fails where CPU times or the length of the window are missing.
    pub fn counted_cpus(&self) -> Result<(BTreeMap<u32, &CpuTime>, CpuSet), Missing> {
        let expected = self.length()? * TICKS_PER_SECOND;
        let (whole, lacking): (Vec<&CpuTime>, Vec<&CpuTime>) =
            self.cpus.require()?.iter().partition(|cpu| cpu.total() as f64 >= COUNTED * expected);
        Ok((
            whole.into_iter().map(|cpu| (cpu.cpu, cpu)).collect(),
            lacking.into_iter().map(|cpu| cpu.cpu).collect(),
        ))
    }
}

impl ThreadTime {
    /// CPU time as a share of one CPU in a window of `seconds`: by ticks or by `schedstat`, whichever tells more, since
    /// ticks are coarse and kernels without `schedstat` have nothing else.
    #[must_use]
    pub fn cpu_share(&self, seconds: f64) -> f64 {
        let by_ticks = self.cpu_ticks as f64 / TICKS_PER_SECOND;
        let by_run = self.run_ns.known().map_or(0.0, |&run_ns| run_ns as f64 / 1e9);
        by_ticks.max(by_run) / seconds
    }
}

impl CpuTime {
    /// Share of time in which the CPU did something or was taken away, 0 to 1; 0 for a CPU without any ticks.
    #[must_use]
    pub fn busy_share(&self) -> f64 {
        let total = self.total();
        if total == 0 { 0.0 } else { self.busy() as f64 / total as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(seconds: f64) -> Window {
        let thread = |cpu_ticks: u64, last_cpus: &[u32]| ThreadTime {
            cpu_ticks,
            // Rounded down, as ticks are rounded to whole ones.
            run_ns: Fact::Known(cpu_ticks * 9_999_999),
            last_cpus: last_cpus.to_vec(),
            ..ThreadTime::default()
        };
        let cpu = |cpu, user_ticks, idle_ticks| CpuTime { cpu, user_ticks, idle_ticks, ..CpuTime::default() };
        Window {
            seconds,
            threads: Fact::Known(vec![thread(500, &[3, 4]), thread(50, &[3]), thread(49, &[9])]),
            cpus: Fact::Known(vec![cpu(3, 500, 500), cpu(4, 100, 799), cpu(5, 0, 900)]),
            ..Window::default()
        }
    }

    #[test]
    fn busy_threads_name_the_serving_cpus() {
        let window = window(10.0);
        assert!((window.serving_load().unwrap() - 0.599).abs() < 1e-9);
        assert_eq!(window.busy_threads(0.05).unwrap().len(), 2);
        assert_eq!(window.serving_cpus(0.05).unwrap().to_string(), "3-4");
    }

    #[test]
    fn cpus_whose_ticks_do_not_add_up_are_told_apart() {
        let window = window(10.0);
        let (whole, lacking) = window.counted_cpus().unwrap();
        assert_eq!(whole.keys().copied().collect::<Vec<_>>(), [3, 5]);
        assert!((whole[&3].busy_share() - 0.5).abs() < 1e-9);
        assert_eq!(lacking.to_string(), "4");
    }

    #[test]
    fn a_window_without_length_has_no_rates() {
        for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(window(seconds).serving_load().is_err(), "{seconds}");
            assert!(window(seconds).counted_cpus().is_err(), "{seconds}");
        }
        assert!(Window::default().serving_load().is_err());
    }
}
