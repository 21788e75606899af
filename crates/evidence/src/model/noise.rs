//! Noise of CPUs and cost of distance in a bundle, as `plumb noise` measures them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the operating system took from one CPU.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NoiseResult {
    /// File of the bundle, `measurements/….json`.
    pub path: String,
    /// Number of the CPU.
    pub cpu: u32,
    /// Seconds of the measurement.
    pub seconds: f64,
    /// Share of time that was lost, 0 to 1.
    pub lost_share: f64,
    /// Longest single interruption in µs.
    pub max_us: f64,
    /// Interruptions by cause.
    pub interruptions: BTreeMap<String, u64>,
    /// How sure the causes are: `exact`, `classified` or `unattributed`; empty where the writer did not say.
    pub attribution: String,
    /// Lateness of wake-ups with the timer slack as it was found.
    pub wakeup_us: Option<WakeupPercentiles>,
    /// 99th percentile of the wake-up latency in µs.
    pub wakeup_p99_us: Option<f64>,
    /// Lost time over the run, slice by slice; the slices of all CPUs of one file are the same moments.
    pub timeline: Option<NoiseTimeline>,
}

/// Percentiles of wake-up lateness in µs, missed periods included; `None` where there were too few wake-ups for one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WakeupPercentiles {
    /// Median.
    pub p50: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Longest.
    pub max: f64,
}

/// Time that a CPU was taken from the loop, in equal slices from the start of the run; at most 120 of them.
///
/// The three lists are equally long. Noise of a slice is `lost_us` less `preempted_us`; its share is that over
/// `slice_ms` × 1000.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NoiseTimeline {
    /// Length of a slice in ms.
    pub slice_ms: f64,
    /// All gaps, in µs per slice; a gap across slices is shared out among them.
    pub lost_us: Vec<f64>,
    /// Of that: stops in which the kernel did not run (hypervisor, firmware); zeros where gaps were not told apart.
    pub outside_us: Vec<f64>,
    /// Of that: other threads ran, by the scheduler's account; zeros where the kernel keeps none.
    pub preempted_us: Vec<f64>,
}

/// What memory of one node costs a CPU of another, or of the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryPath {
    /// File of the bundle, `measurements/….json`.
    pub path: String,
    /// Node of the CPU.
    pub cpu_node: u32,
    /// The CPU.
    pub cpu: u32,
    /// Node of the memory.
    pub memory_node: u32,
    /// Relative distance by the firmware's table (SLIT); 10 is local.
    pub distance: Option<u32>,
    /// Mean time of a load that depends on the one before, at random places of `bytes`, in transparent huge pages, in ns.
    pub latency_ns: Option<f64>,
    /// The same in pages of 4 KiB: misses of the TLB included.
    pub latency_4k_ns: Option<f64>,
    /// Sequential reads of one thread, in GB/s (10⁹ bytes).
    pub read_gb_per_s: Option<f64>,
    /// Memory that was walked.
    pub bytes: u64,
    /// Share of its pages that the kernel says are on `memory_node`, 0 to 1.
    pub placed_share: Option<f64>,
    /// Share that huge pages back, 0 to 1, of the walk behind `latency_ns`.
    pub huge_share: Option<f64>,
}
