//! Results by CPU, and what may be said of them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2Serializer};
use plumb_evidence::model::{CpuTime, MemoryPath, NoiseResult, NoiseTimeline, WakeupPercentiles, Window};
use serde::Serialize;

use super::attribution::{Cause, Label, Traced, balances, interrupts};
use super::counters::Moved;
use super::gaps::Spin;
use super::memory::CorePair;
use super::neighbours::ServerWait;
use super::summary::{GapSummary, Percentiles, seconds_needed};
use super::wake::Wake;
use super::{Mode, NoiseOptions, SelfTest, cpu};

/// Version of the JSON form.
pub const NOISE_SCHEMA: u32 = 2;

/// A counter that drifts by more than this against the clock makes a run void.
const MAX_DRIFT_PPM: f64 = 10.0;

/// A loop that others keep from running for this share of the time has not seen much of the CPU.
const MUCH_AWAY: f64 = 0.2;

/// What was taken away, by CPU.
#[derive(Clone, Debug, Serialize)]
pub struct NoiseReport {
    /// [`NOISE_SCHEMA`].
    pub schema: u32,
    /// False if a clock drifted, or the loop was too slow to see what it should.
    pub valid: bool,
    /// Why not, and what else a reader should know.
    pub notes: Vec<String>,
    /// True if it was stopped before its time.
    pub interrupted: bool,
    /// True where a hypervisor is below the kernel.
    pub virtual_machine: bool,
    /// Shortest gap that was recorded, in µs.
    pub threshold_us: f64,
    /// Wake-ups per second.
    pub wake_hz: f64,
    /// Time between the first and the last loop's start, in ms.
    pub start_spread_ms: Option<f64>,
    /// By number of the CPU.
    pub cpus: Vec<CpuNoise>,
    /// Time in which some thread of the node waited for a CPU, in ms (pressure stall information), over all instruments.
    pub pressure_ms: Option<f64>,
    /// Inference servers of the node meanwhile, process by process.
    pub servers: Vec<ServerWait>,
    /// Memory by node of the CPU and node of the memory, where it was measured.
    pub memory_paths: Vec<MemoryPath>,
    /// Time for a cache line to go from one CPU to another, where it was measured.
    pub core_to_core: Vec<CorePair>,
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
    /// Of that, the share in which other threads ran: the node's work, not noise. `None` where the kernel does not tell.
    pub preempted_share: Option<f64>,
    /// Longest gap in µs. Of a short run this is no worst case.
    pub max_us: Option<f64>,
    /// All gaps as an HdrHistogram V2 payload, not compressed, in base64; values in ns.
    pub histogram: Option<String>,
    /// Gaps in which the kernel ran; all gaps where that could not be told.
    pub kernel: Option<GapSummary>,
    /// Of these, the ones in which other threads ran.
    pub preempted: Option<GapSummary>,
    /// Gaps in which the kernel did not run: hypervisor in a virtual machine, firmware on bare metal.
    pub other: Option<GapSummary>,
    /// Lost time by slice of the run.
    pub timeline: Option<NoiseTimeline>,
    /// Turns of the loop per second: falls when a sibling thread of the core works.
    pub turns_per_s: Option<f64>,
    /// Time of one turn in ns, gaps left out.
    pub turn_ns: Option<f64>,
    /// Scale of the processor's counter, measured before the run, against that over the whole run, in parts per million.
    pub drift_ppm: Option<f64>,
    /// Interrupts of this CPU that the kernel counted while the loop ran.
    pub counted_interrupts: Option<u64>,
    /// How sure the named causes of gaps are.
    pub attribution: Option<Label>,
    /// Share of the time of the kernel's gaps that the trace explains, 0 to 1; `None` without one.
    pub explained_share: Option<f64>,
    /// True where the kernel's gaps were told from others by the processor.
    pub told_apart: Option<bool>,
    /// Self-test of the processor's marker: vanished after so many of 1000 exceptions, and of 1000 exits to a hypervisor.
    pub self_test: Option<SelfTest>,
    /// Lateness of wake-ups with the timer slack as it was found (50 µs for ordinary threads), missed periods included.
    pub wakeup_us: Option<Percentiles>,
    /// The same with a slack of 1 ns: what the node itself adds.
    pub wakeup_precise_us: Option<Percentiles>,
    /// Events of the kernel by cause, from its counters, over all instruments: `irq NAME`, `softirq NAME`, `preemption`.
    pub interruptions: BTreeMap<String, u64>,
    /// What took the CPU from the loop, each with how sure that is.
    pub causes: BTreeMap<String, Cause>,
    /// Share of time in each idle state while an instrument ran that leaves the CPU idle.
    pub idle_states: BTreeMap<String, f64>,
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
            wake_hz: options.wake_hz,
            start_spread_ms: None,
            cpus: options.cpus.iter().map(|cpu| CpuNoise { cpu, ..CpuNoise::default() }).collect(),
            pressure_ms: None,
            servers: Vec::new(),
            memory_paths: Vec::new(),
            core_to_core: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
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

    /// Adds what the kernel counted while an instrument ran, on all CPUs.
    pub(super) fn add_counters(&mut self, mode: Mode, moved: &Moved) {
        let window = &moved.window;
        // No interrupts that could be read are no quiet CPU.
        let missing =
            [window.interrupts.require().err(), window.softirqs.require().err(), window.cpus.require().err()];
        for why in missing.into_iter().flatten() {
            self.note(format!("not counted: {why}"));
        }
        if let Some(pressure) = window.pressure.get("cpu").and_then(|pressure| pressure.known()) {
            *self.pressure_ms.get_or_insert(0.0) += pressure.some_us as f64 / 1e3;
        }
        for wait in &moved.servers {
            match self.servers.iter_mut().find(|known| known.pid == wait.pid) {
                Some(known) => {
                    known.ran_ms += wait.ran_ms;
                    known.waited_ms += wait.waited_ms;
                }
                None => self.servers.push(wait.clone()),
            }
        }
        for cpu in self.cpus.iter().map(|entry| entry.cpu).collect::<Vec<_>>() {
            let Some(entry) = self.cpu(cpu, mode) else { continue };
            count_causes(entry, window);
            if matches!(mode, Mode::Observe | Mode::Wake) {
                entry.idle_states.extend(moved.idle.get(&cpu).cloned().unwrap_or_default());
            }
        }
    }

    pub(super) fn add_spin(&mut self, cpu: u32, spin: &Spin, window: &Window, traced: Option<&Traced>) {
        let rate = spin.rate;
        let seconds = spin.end.ns.saturating_sub(spin.begin.ns) as f64 / 1e9;
        let lost = (spin.kernel.sum + spin.other.sum) as f64 / rate / 1e9;
        let turn_ns = (seconds - lost).max(0.0) * 1e9 / spin.turns.max(1) as f64;
        if spin.drift_ppm.abs() > MAX_DRIFT_PPM {
            self.valid = false;
            self.note(format!(
                "CPU {cpu}: the processor's counter ran {:.0} ppm off the clock; times are not to be trusted",
                spin.drift_ppm
            ));
        }
        if turn_ns > self.threshold_us * 1e3 {
            self.valid = false;
            self.note(format!(
                "CPU {cpu}: a turn of the loop took {turn_ns:.0} ns, more than the shortest gap; the counter may be trapped \
                 by the hypervisor"
            ));
        }
        if spin.events.kernel.dropped > 0 && traced.is_some() {
            self.note(format!(
                "CPU {cpu}: the last 65536 gaps of the kernel were joined with the trace, {} before them were not",
                spin.events.kernel.dropped
            ));
        }
        if let Some(share) = traced.filter(|traced| !traced.is_exact()).and_then(Traced::explained_share) {
            self.note(format!(
                "CPU {cpu}: the trace explains {:.0} % of the time that the kernel took, too little to name causes by it",
                share * 100.0
            ));
        }
        let (virtual_machine, per) = (self.virtual_machine, seconds.max(1e-9));
        let away = spin.waited_ns.map_or(0.0, |ns| ns as f64 / 1e9 / per);
        if away > MUCH_AWAY {
            self.note(format!(
                "CPU {cpu}: other threads had it for {:.0} % of the time; what the loop saw is of the rest",
                away * 100.0
            ));
        }
        let Some(entry) = self.cpus.iter_mut().find(|entry| entry.cpu == cpu) else { return };
        let told_apart = spin.self_test.is_some_and(SelfTest::passed);
        let counted: u64 = interrupts(window, cpu).map(|(_, count)| count).sum();
        let waited_share = away;
        let gaps = spin.kernel.histogram.len();
        let balanced = balances(gaps, counted, spin.preemptions, waited_share);
        let label = match (traced.is_some_and(Traced::is_exact), told_apart && balanced) {
            (true, _) => Label::Exact,
            (false, true) => Label::Classified,
            (false, false) => Label::Unattributed,
        };
        let mut all = spin.kernel.histogram.clone();
        // The same bounds, so that nothing can be out of range.
        let _ = all.add(&spin.other.histogram);
        entry.seconds = Some(seconds);
        entry.lost_share = Some(lost / per);
        entry.preempted_share = spin.waited_ns.map(|_| waited_share);
        entry.max_us = Some(spin.kernel.max.max(spin.other.max) as f64 / rate / 1e3);
        entry.kernel = Some(GapSummary::of(&spin.kernel, rate, seconds));
        entry.preempted = spin.waited_ns.map(|_| GapSummary::of(&spin.preempted, rate, seconds));
        entry.other = Some(GapSummary::of(&spin.other, rate, seconds));
        entry.timeline = Some(spin.timeline.finish(rate));
        entry.turns_per_s = Some(spin.turns as f64 / per);
        entry.turn_ns = Some(turn_ns);
        entry.drift_ppm = Some(spin.drift_ppm);
        entry.counted_interrupts = window.interrupts.known().map(|_| counted);
        entry.told_apart = Some(told_apart);
        entry.self_test = spin.self_test;
        entry.histogram = encode(&all);
        entry.attribution = Some(label);
        entry.explained_share = traced.and_then(Traced::explained_share);
        entry.interruptions.insert("preemption".to_owned(), spin.preemptions);
        entry.causes = causes(cpu, spin, window, (label, told_apart, virtual_machine), traced);
    }

    /// Stops that hit at least three CPUs at once, on bare metal.
    pub(super) fn add_stops_of_many(&mut self, count: u64) {
        for entry in &mut self.cpus {
            entry.interruptions.insert("SMI (stops of three CPUs or more at once)".to_owned(), count);
        }
    }

    pub(super) fn finish(&mut self) {
        if self.interrupted {
            self.note("stopped before its time; what is here covers a shorter run".to_owned());
        }
        let woken = self.cpus.iter().filter_map(|cpu| cpu.wakeup_us);
        if let Some(fewest) = woken.min_by_key(|wake| wake.count) {
            let short =
                [(0.99, "p99", fewest.p99), (0.999, "p99.9", fewest.p999), (0.9999, "p99.99", fewest.p9999)];
            if let Some((quantile, name, _)) = short.into_iter().find(|(.., value)| value.is_none()) {
                self.note(format!(
                    "{} wake-ups of each kind are too few for {name}: that takes --seconds {:.0} at {} Hz",
                    fewest.count,
                    seconds_needed(quantile, self.wake_hz),
                    self.wake_hz
                ));
            }
        }
        let shortest = self.cpus.iter().filter_map(|cpu| cpu.seconds).reduce(f64::min);
        if let Some(seconds) = shortest {
            self.note(format!(
                "the longest gap is no worst case: what did not happen in {seconds:.0} s may still happen {:.2} times a \
                 second (95 %)",
                3.0 / seconds.max(1e-9)
            ));
        }
    }

    /// True where nothing was measured: it was stopped before any instrument had a reading.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let woke = |wake: &Option<Percentiles>| wake.is_some_and(|wake| wake.count > 0);
        let nothing = |cpu: &CpuNoise| {
            !cpu.modes.contains(&Mode::Observe.as_str())
                && cpu.seconds.is_none_or(|seconds| seconds <= 0.0)
                && !woke(&cpu.wakeup_us)
                && !woke(&cpu.wakeup_precise_us)
        };
        self.cpus.iter().all(nothing) && self.memory_paths.is_empty() && self.core_to_core.is_empty()
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
                    attribution: cpu.attribution.unwrap_or_default().as_str().to_owned(),
                    wakeup_us: cpu.wakeup_us.map(|wake| WakeupPercentiles {
                        p50: wake.p50,
                        p99: wake.p99,
                        max: wake.max,
                    }),
                    wakeup_p99_us: cpu.wakeup_us.and_then(|wake| wake.p99),
                    timeline: cpu.timeline.clone(),
                })
            })
            .collect()
    }
}

/// What took the CPU, with what is known of each cause.
fn causes(
    cpu: u32,
    spin: &Spin,
    window: &Window,
    (label, told_apart, virtual_machine): (Label, bool, bool),
    traced: Option<&Traced>,
) -> BTreeMap<String, Cause> {
    let mut causes = BTreeMap::new();
    let marker = if told_apart { Label::Classified } else { Label::Unattributed };
    if told_apart {
        let outside = if virtual_machine { "hypervisor" } else { "firmware" };
        causes.insert("kernel".to_owned(), Cause::of_gaps(marker, &spin.kernel, spin.rate));
        causes.insert(outside.to_owned(), Cause::of_gaps(marker, &spin.other, spin.rate));
    } else {
        causes.insert("all gaps".to_owned(), Cause::of_gaps(marker, &spin.kernel, spin.rate));
    }
    if let Some(waited) = spin.waited_ns {
        // The scheduler's own account of this very thread, whatever the marker can tell.
        let preemption = Cause {
            sum_ms: Some(waited as f64 / 1e6),
            max_us: Some(spin.preempted.max as f64 / spin.rate / 1e3),
            ..Cause::counted(Label::Classified, spin.preempted.histogram.len())
        };
        causes.insert("preemption".to_owned(), preemption);
    }
    if let (Label::Exact, Some(traced)) = (label, traced) {
        causes.extend(traced.causes.clone());
        return causes;
    }
    let lines = interrupts(window, cpu).map(|(line, count)| (irq_name(&line.irq, &line.name), count));
    for (name, count) in lines.filter(|(_, count)| *count > 0) {
        causes.insert(name, Cause::counted(label, count));
    }
    causes
}

fn irq_name(irq: &str, name: &str) -> String {
    format!("irq {}", if name.is_empty() { irq } else { name })
}

fn count_causes(entry: &mut CpuNoise, window: &Window) {
    let cpu = entry.cpu;
    let mut add = |cause: String, count: u64| {
        if count > 0 {
            *entry.interruptions.entry(cause).or_default() += count;
        }
    };
    for (line, count) in interrupts(window, cpu) {
        add(irq_name(&line.irq, &line.name), count);
    }
    for (kind, counts) in window.softirqs.known().into_iter().flatten() {
        add(format!("softirq {kind}"), counts.get(&cpu).copied().unwrap_or(0));
    }
    let time = window.cpus.known().and_then(|cpus| cpus.iter().find(|time| time.cpu == cpu));
    if let Some(CpuTime { steal_ticks, .. }) = time {
        add("steal (10 ms ticks)".to_owned(), *steal_ticks);
    }
}

fn encode(histogram: &Histogram<u32>) -> Option<String> {
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(histogram, &mut bytes).ok()?;
    Some(STANDARD.encode(bytes))
}
