//! Clocks, idle states, energy preferences, caps and throttling of CPUs beyond frequency policies.
//!
//! What has one value per CPU is grouped over CPUs with equal values, since a node has hundreds of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fact::{Absence, Fact, Missing};
use crate::index_set::CpuSet;

/// Clocks, idle states, energy preferences, caps and throttling of CPUs beyond frequency policies.
///
/// A list is absent where no CPU has the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Power {
    /// What the CPUs call themselves capable of, of [`FEATURES`]; from `/proc/cpuinfo`.
    pub features: Fact<Vec<String>>,
    /// Family of an x86 processor, as a decimal number: `cpu family` in `/proc/cpuinfo`.
    pub family: Fact<u32>,
    /// Model within that family: `model` in `/proc/cpuinfo`.
    pub family_model: Fact<u32>,
    /// Energy performance bias, 0 (performance) to 15 (power saving): `cpuN/power/energy_perf_bias`.
    pub energy_perf_bias: Fact<Vec<CpuReading>>,
    /// Exit latency in µs that idle states of a CPU may have: `cpuN/power/pm_qos_resume_latency_us`. CPUs without such a
    /// limit are left out; 0 allows no idle state with a latency.
    pub resume_latency_us: Fact<Vec<CpuReading>>,
    /// Exit latency in µs that idle states of any CPU may have, from `/dev/cpu_dma_latency`; 2000000000 is no limit.
    pub dma_latency_us: Fact<u64>,
    /// Performance levels by ACPI's CPPC: `cpuN/acpi_cppc`.
    pub cppc: Fact<Vec<Cppc>>,
    /// Times that a core was throttled for heat or current since boot: `cpuN/thermal_throttle/core_throttle_count`.
    pub core_throttle_count: Fact<Vec<CpuReading>>,
    /// Times that a package was throttled since boot: `cpuN/thermal_throttle/package_throttle_count`.
    pub package_throttle_count: Fact<Vec<CpuReading>>,
    /// What moved between two readings.
    pub window: Fact<PowerWindow>,
}

/// Flags of `/proc/cpuinfo` that [`Power::features`] keeps: Intel's hardware P-states (`hwp`, `hwp_epp`), AMD's CPPC
/// (`cppc`), the energy performance bias (`epb`) and clock counters (`aperfmperf`).
pub const FEATURES: &[&str] = &["aperfmperf", "cppc", "epb", "hwp", "hwp_epp"];

/// A value that a group of CPUs has in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuReading {
    /// File of the first of the CPUs.
    #[serde(default)]
    pub path: String,
    /// The CPUs.
    pub cpus: CpuSet,
    /// The value, in the unit of the list.
    #[serde(default)]
    pub value: Fact<u64>,
}

/// Performance levels of a group of CPUs, on the abstract scale of ACPI's CPPC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cppc {
    /// Folder of the first of the CPUs; fields are named after its files.
    pub path: String,
    /// The CPUs.
    pub cpus: CpuSet,
    /// Highest level that a core reaches alone, under ideal conditions.
    pub highest_perf: Fact<u64>,
    /// Level that all cores can hold.
    pub nominal_perf: Fact<u64>,
    /// Lowest level.
    pub lowest_perf: Fact<u64>,
    /// Level at which the reference counter of `feedback_ctrs` runs.
    pub reference_perf: Fact<u64>,
    /// Clock of `nominal_perf` in MHz; 0 where the firmware does not tell.
    pub nominal_freq_mhz: Fact<u64>,
}

impl Cppc {
    /// How far the highest level is above the nominal one, in per cent.
    ///
    /// # Errors
    /// One of the two is not known, or the nominal one is 0.
    pub fn gain(&self) -> Result<f64, Missing> {
        let (highest, nominal) = (*self.highest_perf.require()?, *self.nominal_perf.require()?);
        if nominal == 0 {
            let reason = format!("{}/nominal_perf names no level", self.path);
            return Err(Missing::new(Absence::Malformed, reason));
        }
        Ok(100.0 * (highest as f64 / nominal as f64 - 1.0))
    }
}

/// What moved between two readings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PowerWindow {
    /// Seconds between the readings.
    pub seconds: f64,
    /// Times that a core was throttled.
    pub core_throttles: Fact<Vec<CpuReading>>,
    /// Times that a package was throttled.
    pub package_throttles: Fact<Vec<CpuReading>>,
    /// Time spent in idle states.
    pub idle: Fact<Vec<IdleResidency>>,
    /// Clock in kHz averaged over the time in which a CPU was not idle, by CPU: from the counters that the hardware keeps
    /// (APERF and MPERF on x86), as `cpuN/acpi_cppc/feedback_ctrs` shows them. CPUs that ran too little for a quotient are
    /// left out.
    pub busy_clock_khz: Fact<BTreeMap<u32, u64>>,
    /// Clock in kHz that the kernel named at each reading, by CPU: `cpuN/cpufreq/scaling_cur_freq`.
    pub momentary_clock_khz: Fact<BTreeMap<u32, Vec<u64>>>,
}

/// Time that CPUs spent in an idle state between two readings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdleResidency {
    /// Number of the state.
    pub index: u32,
    /// Name, such as `C6`.
    pub name: String,
    /// Exit latency in µs as the driver states it.
    pub latency_us: u64,
    /// Time in µs by CPU, of all that have the state and were read twice.
    pub time_us: BTreeMap<u32, u64>,
}
