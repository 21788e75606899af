//! Results by CPU, and what may be said of them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2Serializer};
use plumb_evidence::model::{CpuTime, NoiseResult, Window};
use serde::Serialize;

use super::gaps::{Gaps, Spin};
use super::wake::Wake;
use super::{Mode, NoiseOptions, SelfTest, cpu};

/// Version of the JSON form.
pub const NOISE_SCHEMA: u32 = 1;

/// A counter that drifts by more than this against the clock makes a run void.
const MAX_DRIFT_PPM: f64 = 10.0;
/// Kernel gaps and counted interrupts may differ by this share of the interrupts before names are withdrawn.
const BALANCE: f64 = 0.05;
/// A percentile needs so many values beyond it.
const BEYOND: f64 = 10.0;

/// What was taken away, by CPU.
#[derive(Clone, Debug, Serialize)]
pub struct NoiseReport {
    /// [`NOISE_SCHEMA`].
    pub schema: u32,
    /// True if a clock drifted, or the loop was too slow to see what it should.
    pub valid: bool,
    /// Why not, and what else a reader should know.
    pub notes: Vec<String>,
    /// True if it was stopped before its time.
    pub interrupted: bool,
    /// True where a hypervisor is below the kernel.
    pub virtual_machine: bool,
    /// Shortest gap that was recorded, in µs.
    pub threshold_us: f64,
    /// By number of the CPU.
    pub cpus: Vec<CpuNoise>,
}

/// What was taken away from one CPU.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CpuNoise {
    /// Number of the CPU.
    pub cpu: u32,
    /// Instruments that looked at it.
    pub modes: Vec<&'static str>,
    /// Seconds that the loop ran.
    pub seconds: Option<f64>,
    /// Share of time that the loop did not run, 0 to 1.
    pub lost_share: Option<f64>,
    /// Longest gap in µs. Of a short run this is no worst case.
    pub max_us: Option<f64>,
    /// All gaps as a compressed-free HdrHistogram V2 payload in base64; values in ns.
    pub histogram: Option<String>,
    /// Gaps in which the kernel ran; all gaps where that could not be told.
    pub kernel: Option<GapSummary>,
    /// Gaps in which it did not: hypervisor in a virtual machine, firmware on bare metal.
    pub other: Option<GapSummary>,
    /// Turns of the loop per second: falls when a sibling thread of the core works.
    pub turns_per_s: Option<f64>,
    /// `classified` where kernel and other gaps were told apart and agree with the counters, `split` where they were told
    /// apart only, `unattributed` otherwise.
    pub attribution: Option<&'static str>,
    /// Self-test of the CPU's marker.
    #[serde(skip)]
    pub self_test: Option<SelfTest>,
    /// Lateness of wake-ups with the timer slack as it was found (50 µs for ordinary threads), missed periods included.
    pub wakeup_us: Option<Percentiles>,
    /// The same with a slack of 1 ns: what the node itself adds.
    pub wakeup_precise_us: Option<Percentiles>,
    /// Events of the kernel by cause, from its counters: `irq NAME`, `softirq NAME`, `preemption`, `steal (ms)`.
    pub interruptions: BTreeMap<String, u64>,
    /// Time in ms by what the gaps add up to: `preemption` from the scheduler's own account.
    pub lost_ms: BTreeMap<String, f64>,
}

/// Gaps of one kind.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct GapSummary {
    /// Number.
    pub count: u64,
    /// Sum in ms.
    pub sum_ms: f64,
    /// Median in µs.
    pub p50_us: Option<f64>,
    /// 99th percentile in µs, over gaps; `None` where there are too few.
    pub p99_us: Option<f64>,
    /// Longest in µs.
    pub max_us: f64,
    /// Gaps of 10 µs or more, per second.
    pub per_s_from_10_us: f64,
}

/// Percentiles of lateness in µs; `None` where the run was too short for one: fewer than ten values beyond it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Percentiles {
    /// Values, missed periods included.
    pub count: u64,
    /// Periods that a stall covered.
    pub missed: u64,
    /// Median.
    pub p50: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// 99.9th percentile.
    pub p999: Option<f64>,
    /// Longest.
    pub max: f64,
    /// 99th percentile of what was recorded, without the missed periods.
    pub uncorrected_p99: Option<f64>,
}

fn micros(ns: u64) -> f64 {
    ns as f64 / 1e3
}

/// A percentile if enough values lie beyond it.
fn percentile(histogram: &Histogram<u32>, quantile: f64) -> Option<f64> {
    let enough = histogram.len() as f64 * (1.0 - quantile) >= BEYOND;
    enough.then(|| micros(histogram.value_at_quantile(quantile)))
}

impl Percentiles {
    fn of(wake: &Wake) -> Self {
        Self {
            count: wake.corrected.len(),
            missed: wake.missed,
            p50: percentile(&wake.corrected, 0.5),
            p99: percentile(&wake.corrected, 0.99),
            p999: percentile(&wake.corrected, 0.999),
            max: micros(wake.uncorrected.max()),
            uncorrected_p99: percentile(&wake.uncorrected, 0.99),
        }
    }
}

impl GapSummary {
    fn of(gaps: &Gaps, rate: f64, seconds: f64) -> Self {
        let from_10_us = gaps.histogram.count_between(10_000, gaps.histogram.high());
        Self {
            count: gaps.histogram.len(),
            sum_ms: gaps.sum as f64 / rate / 1e6,
            p50_us: percentile(&gaps.histogram, 0.5),
            p99_us: percentile(&gaps.histogram, 0.99),
            max_us: gaps.max as f64 / rate / 1e3,
            per_s_from_10_us: from_10_us as f64 / seconds,
        }
    }
}

impl NoiseReport {
    pub(super) fn new(options: &NoiseOptions) -> Self {
        Self {
            schema: NOISE_SCHEMA,
            valid: true,
            notes: Vec::new(),
            interrupted: false,
            virtual_machine: cpu::in_virtual_machine(),
            threshold_us: options.threshold_ns / 1e3,
            cpus: options.cpus.iter().map(|cpu| CpuNoise { cpu, ..CpuNoise::default() }).collect(),
        }
    }

    fn cpu(&mut self, cpu: u32, mode: Mode) -> Option<&mut CpuNoise> {
        let entry = self.cpus.iter_mut().find(|entry| entry.cpu == cpu)?;
        if !entry.modes.contains(&mode.as_str()) {
            entry.modes.push(mode.as_str());
        }
        Some(entry)
    }

    pub(super) fn add_wake(&mut self, cpu: u32, precise: bool, wake: &Wake) {
        let Some(entry) = self.cpu(cpu, Mode::Wake) else { return };
        let percentiles = Some(Percentiles::of(wake));
        if precise {
            entry.wakeup_precise_us = percentiles;
        } else {
            entry.wakeup_us = percentiles;
        }
    }

    /// Says which of the kernel's counters could not be read: no interrupts are then no quiet CPU.
    fn note_missing(&mut self, window: &Window) {
        let missing =
            [window.interrupts.require().err(), window.softirqs.require().err(), window.cpus.require().err()];
        for why in missing.into_iter().flatten() {
            let note = format!("not counted: {why}");
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
    }

    /// Adds the kernel's counters to all CPUs.
    pub(super) fn add_window(&mut self, window: &Window) {
        self.note_missing(window);
        for entry in &mut self.cpus {
            if entry.modes.is_empty() {
                entry.modes.push(Mode::Observe.as_str());
            }
            count_causes(entry, window);
        }
    }

    pub(super) fn add_spin(&mut self, cpu: u32, mode: Mode, spin: &Spin, window: &Window) {
        let seconds = spin.end.ns.saturating_sub(spin.begin.ns) as f64 / 1e9;
        if spin.drift_ppm.abs() > MAX_DRIFT_PPM {
            self.valid = false;
            self.notes.push(format!(
                "CPU {cpu}: the processor's counter ran {:.0} ppm off the clock; times are not to be trusted",
                spin.drift_ppm
            ));
        }
        let turn_ns = seconds * 1e9 / spin.turns.max(1) as f64;
        if turn_ns > self.threshold_us * 1e3 {
            self.valid = false;
            self.notes.push(format!(
                "CPU {cpu}: a turn of the loop took {turn_ns:.0} ns on average, more than the shortest gap; the counter \
                 may be trapped by the hypervisor"
            ));
        }
        self.note_missing(window);
        let Some(entry) = self.cpu(cpu, mode) else { return };
        count_causes(entry, window);
        let mut all = spin.kernel.histogram.clone();
        // The same bounds, so that nothing can be out of range.
        let _ = all.add(&spin.other.histogram);
        entry.seconds = Some(seconds);
        entry.lost_share =
            Some((spin.kernel.sum + spin.other.sum) as f64 / spin.rate / 1e9 / seconds.max(1e-9));
        entry.max_us = Some(spin.kernel.max.max(spin.other.max) as f64 / spin.rate / 1e3);
        entry.kernel = Some(GapSummary::of(&spin.kernel, spin.rate, seconds));
        entry.other = Some(GapSummary::of(&spin.other, spin.rate, seconds));
        entry.turns_per_s = Some(spin.turns as f64 / seconds.max(1e-9));
        entry.self_test = spin.self_test;
        entry.histogram = encode(&all);
        entry.interruptions.insert("preemption".to_owned(), spin.preemptions);
        if let Some(waited) = spin.waited_ns {
            entry.lost_ms.insert("preemption".to_owned(), waited as f64 / 1e6);
        }
        entry.lost_ms.insert("kernel".to_owned(), spin.kernel.sum as f64 / spin.rate / 1e6);
        entry.lost_ms.insert("not kernel".to_owned(), spin.other.sum as f64 / spin.rate / 1e6);
        let told_apart = spin.self_test.is_some_and(SelfTest::passed);
        let interrupts: u64 = entry
            .interruptions
            .iter()
            .filter(|(cause, _)| cause.starts_with("irq "))
            .map(|(_, count)| count)
            .sum();
        // Several interrupts may fall into one gap, and a preemption begins with one.
        let unexplained = spin.kernel.histogram.len().saturating_sub(interrupts + spin.preemptions);
        let balanced = unexplained as f64 <= BALANCE * interrupts.max(1) as f64;
        entry.attribution = Some(match (told_apart, balanced && interrupts > 0) {
            (true, true) => "classified",
            (true, false) => "split",
            (false, _) => "unattributed",
        });
    }

    pub(super) fn finish(&mut self) {
        if self.interrupted {
            self.notes.push("stopped before its time; what is here covers a shorter run".to_owned());
        }
        let too_short = self.cpus.iter().any(|cpu| cpu.wakeup_us.is_some_and(|wake| wake.p999.is_none()));
        if too_short {
            self.notes.push(
                "too few wake-ups for a 99.9th percentile, which needs 10000: 100 s at 100 Hz for each timer slack".to_owned(),
            );
        }
    }

    /// The report as a bundle keeps it; `path` is its file there.
    #[must_use]
    pub fn for_bundle(&self, path: &str) -> Vec<NoiseResult> {
        self.cpus
            .iter()
            .filter_map(|cpu| {
                Some(NoiseResult {
                    path: path.to_owned(),
                    cpu: cpu.cpu,
                    seconds: cpu.seconds?,
                    lost_share: cpu.lost_share?,
                    max_us: cpu.max_us?,
                    interruptions: cpu.interruptions.clone(),
                    wakeup_p99_us: cpu.wakeup_us.and_then(|wake| wake.p99),
                    ..NoiseResult::default()
                })
            })
            .collect()
    }
}

fn count_causes(entry: &mut CpuNoise, window: &Window) {
    let mut add = |cause: String, count: u64| {
        if count > 0 {
            *entry.interruptions.entry(cause).or_default() += count;
        }
    };
    for line in window.interrupts.known().into_iter().flatten() {
        let name = if line.name.is_empty() { &line.irq } else { &line.name };
        add(format!("irq {name}"), line.counts.get(&entry.cpu).copied().unwrap_or(0));
    }
    for (kind, counts) in window.softirqs.known().into_iter().flatten() {
        add(format!("softirq {kind}"), counts.get(&entry.cpu).copied().unwrap_or(0));
    }
    let time = window.cpus.known().and_then(|cpus| cpus.iter().find(|time| time.cpu == entry.cpu));
    if let Some(CpuTime { steal_ticks, .. }) = time {
        add("steal (10 ms ticks)".to_owned(), *steal_ticks);
    }
}

fn encode(histogram: &Histogram<u32>) -> Option<String> {
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(histogram, &mut bytes).ok()?;
    Some(STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::gaps::new_histogram;

    #[test]
    fn a_percentile_needs_ten_values_beyond_it() {
        let mut histogram = new_histogram();
        for value in 1..=999 {
            histogram.record(value * 1000).unwrap();
        }
        assert!(percentile(&histogram, 0.99).is_none());
        histogram.record(1_000_000).unwrap();
        assert!((percentile(&histogram, 0.99).unwrap() - 990.0).abs() < 10.0);
        assert!(percentile(&histogram, 0.999).is_none());
    }

    #[test]
    fn a_stall_counts_for_every_period_that_it_covers() {
        let mut wake = Wake { uncorrected: new_histogram(), corrected: new_histogram(), missed: 0 };
        for _ in 0..990 {
            wake.uncorrected.record(20_000).unwrap();
            wake.corrected.record(20_000).unwrap();
        }
        wake.uncorrected.record(39_000_000).unwrap();
        for missed in 0..=39 {
            wake.corrected.record(39_000_000 - missed * 1_000_000 + 1).unwrap();
        }
        wake.missed = 39;
        let percentiles = Percentiles::of(&wake);
        assert!(percentiles.p99.unwrap() > 25_000.0, "{percentiles:?}");
        assert!(percentiles.uncorrected_p99.is_none());
    }
}
