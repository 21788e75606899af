//! What NVIDIA's management library (NVML) answers: the GPUs at one moment, and readings during a window.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fact::Fact;
use crate::index_set::{CpuSet, NodeSet};

/// Reasons why clocks are low: bit of NVML's mask and the name that this model uses for it (`nvml.h`,
/// `nvmlClocksEventReason…`).
pub const CLOCK_REASONS: &[(u64, &str)] = &[
    (0x1, "gpu_idle"),
    (0x2, "applications_clocks"),
    (0x4, "sw_power_cap"),
    (0x8, "hw_slowdown"),
    (0x10, "sync_boost"),
    (0x20, "sw_thermal"),
    (0x40, "hw_thermal"),
    (0x80, "hw_power_brake"),
    (0x100, "display_clock"),
];

/// What NVIDIA's management library answered. Also the form of `api/nvml.json` in a bundle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Nvml {
    /// Version of the kernel driver.
    #[serde(default)]
    pub driver_version: Fact<String>,
    /// Version of the library.
    #[serde(default)]
    pub nvml_version: Fact<String>,
    /// Highest version of CUDA that the driver supports (`12.4`).
    #[serde(default)]
    pub cuda_version: Fact<String>,
    /// Devices, by NVML's index.
    pub devices: Vec<NvmlDevice>,
    /// Ways between pairs of GPUs, each pair once.
    #[serde(default)]
    pub links: Fact<Vec<NvmlLink>>,
}

/// One GPU as NVML sees it. Counters run from the loading of the driver unless they say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NvmlDevice {
    /// NVML's index.
    pub index: u32,
    /// PCI address in the form of sysfs (`0000:18:00.0`).
    pub address: Fact<String>,
    /// Product name.
    pub name: Fact<String>,
    /// Unique id, `GPU-…`.
    pub uuid: Fact<String>,
    /// Architecture (`Ampere`, `Hopper`, …).
    pub architecture: Fact<String>,
    /// Version of the firmware on the board.
    pub vbios: Fact<String>,
    /// CPUs that the driver holds to be local.
    pub cpu_affinity: Fact<CpuSet>,
    /// NUMA nodes that the driver holds to be local.
    pub memory_affinity: Fact<NodeSet>,
    /// Processes with a compute context.
    pub compute_processes: Fact<Vec<NvmlProcess>>,
    /// Processes that share the GPU through the multi-process service (MPS).
    pub mps_processes: Fact<Vec<NvmlProcess>>,
    /// `default`, `exclusive-process`, `exclusive-thread` or `prohibited`.
    pub compute_mode: Fact<String>,
    /// True if the driver stays loaded without clients.
    pub persistence: Fact<bool>,
    /// Performance state, 0 (highest) to 15.
    pub pstate: Fact<u32>,
    /// SM clock now, in MHz.
    pub sm_mhz: Fact<u32>,
    /// Highest SM clock, in MHz.
    pub sm_max_mhz: Fact<u32>,
    /// Memory clock now, in MHz.
    pub memory_mhz: Fact<u32>,
    /// Highest memory clock, in MHz.
    pub memory_max_mhz: Fact<u32>,
    /// SM clock that applications ask for, in MHz; recent GPUs no longer have it.
    pub application_sm_mhz: Fact<u32>,
    /// The same as the maker set it, in MHz.
    pub application_sm_default_mhz: Fact<u32>,
    /// NVML's bit mask of reasons why clocks are low, now.
    pub clock_reasons: Fact<u64>,
    /// Time for which clocks were held down since the driver was loaded, in ns, by reason (see [`CLOCK_REASONS`]).
    pub clock_reasons_ns: Fact<BTreeMap<String, u64>>,
    /// Power now, in W.
    pub power_watts: Fact<f64>,
    /// Power limit in force, in W.
    pub power_limit_watts: Fact<f64>,
    /// Power limit as the maker set it, in W.
    pub power_limit_default_watts: Fact<f64>,
    /// Lowest power limit that can be set, in W.
    pub power_limit_min_watts: Fact<f64>,
    /// Highest power limit that can be set, in W.
    pub power_limit_max_watts: Fact<f64>,
    /// Energy since the driver was loaded, in mJ.
    pub energy_mj: Fact<u64>,
    /// Temperature of the GPU, in °C.
    pub temperature_celsius: Fact<u32>,
    /// Temperature of its memory, in °C.
    pub memory_temperature_celsius: Fact<u32>,
    /// Temperature at which the hardware slows down, in °C.
    pub slowdown_celsius: Fact<u32>,
    /// Temperature at which it switches itself off, in °C.
    pub shutdown_celsius: Fact<u32>,
    /// How far it is from slowing down, in °C (`T.Limit`); can be below 0.
    pub margin_celsius: Fact<i32>,
    /// PCI Express generation now.
    pub pcie_gen_current: Fact<u32>,
    /// PCI Express generation that device and system allow.
    pub pcie_gen_max: Fact<u32>,
    /// PCI Express lanes now.
    pub pcie_width_current: Fact<u32>,
    /// PCI Express lanes that device and system allow.
    pub pcie_width_max: Fact<u32>,
    /// PCI Express replays since the driver was loaded.
    pub pcie_replays: Fact<u64>,
    /// True if errors of the memory are corrected (ECC).
    pub ecc_enabled: Fact<bool>,
    /// The same after the next restart.
    pub ecc_pending: Fact<bool>,
    /// Errors since the driver was loaded.
    pub ecc_volatile: Fact<EccCounts>,
    /// Errors over the life of the GPU.
    pub ecc_aggregate: Fact<EccCounts>,
    /// Rows of memory that spare ones stand in for; from Ampere on.
    pub remapped_rows: Fact<RemappedRows>,
    /// Pages of memory that are no longer used; before Ampere.
    pub retired_pages: Fact<RetiredPages>,
    /// NVLinks, by number; absent where the GPU has none.
    pub nvlinks: Fact<Vec<NvLinkPort>>,
    /// Speed of one NVLink, in MB/s.
    pub nvlink_mbps: Fact<u64>,
    /// Registration with the NVLink fabric; absent where there is none.
    pub fabric: Fact<NvmlFabric>,
    /// Size of the window through which others reach its memory (BAR1), in bytes.
    pub bar1_total_bytes: Fact<u64>,
    /// The part of it that is mapped, in bytes.
    pub bar1_used_bytes: Fact<u64>,
    /// Memory, in bytes.
    pub memory_total_bytes: Fact<u64>,
    /// Memory in use, in bytes.
    pub memory_used_bytes: Fact<u64>,
    /// Share of time in which any kernel ran, in %.
    pub utilization_percent: Fact<u32>,
    /// Share of time in which memory was read or written, in %.
    pub memory_utilization_percent: Fact<u32>,
    /// True if the GPU is split into MIG instances.
    pub mig: Fact<bool>,
    /// The same after the next reset.
    pub mig_pending: Fact<bool>,
    /// MIG instances; absent where it is not split.
    pub mig_instances: Fact<Vec<MigInstance>>,
}

/// A process on a GPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NvmlProcess {
    /// Process id, in the PID namespace that NVML answers for.
    pub pid: u32,
    /// GPU memory in bytes, where the driver tells it.
    pub used_bytes: Option<u64>,
}

/// Errors of GPU memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EccCounts {
    /// Corrected.
    pub corrected: u64,
    /// Not to be corrected.
    pub uncorrected: u64,
}

/// Rows of GPU memory that spare ones stand in for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemappedRows {
    /// After errors that could be corrected.
    pub correctable: u32,
    /// After errors that could not.
    pub uncorrectable: u32,
    /// True if a row waits for the next reset of the GPU.
    pub pending: bool,
    /// True if a remapping has failed.
    pub failure: bool,
}

/// Pages of GPU memory that are no longer used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredPages {
    /// After several single-bit errors.
    pub single_bit: u32,
    /// After a double-bit error.
    pub double_bit: u32,
    /// True if a page waits for the next reboot.
    pub pending: bool,
}

/// One NVLink of a GPU.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NvLinkPort {
    /// Number of the link.
    pub link: u32,
    /// True if it is up.
    #[serde(default)]
    pub active: Fact<bool>,
    /// Generation of NVLink.
    #[serde(default)]
    pub version: Fact<u32>,
    /// Replays, recoveries and CRC errors; absent on generations that count elsewhere.
    #[serde(default)]
    pub errors: Fact<u64>,
}

/// Registration of a GPU with the NVLink fabric.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NvmlFabric {
    /// `not-started`, `in-progress` or `completed`.
    pub state: String,
    /// NVML's return value of the registration, 0 for success; counts where `state` is `completed`.
    pub status: u32,
}

/// A MIG instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MigInstance {
    /// Unique id, `MIG-…`.
    pub uuid: Fact<String>,
    /// Slices of the GPU.
    pub gpu_slices: Fact<u32>,
    /// Slices that compute.
    pub compute_slices: Fact<u32>,
    /// Memory, in MiB.
    pub memory_mib: Fact<u64>,
}

/// The way between two GPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NvmlLink {
    /// PCI address of one.
    pub a: String,
    /// PCI address of the other.
    pub b: String,
    /// Where their ways over PCI Express meet: `internal` (one board), `single` (one switch), `multiple` (switches),
    /// `host-bridge`, `node` or `system` (between sockets).
    #[serde(default)]
    pub common_ancestor: Fact<String>,
    /// `ok` if each can read the other's memory, else why not (`chipset-not-supported`, `topology-not-supported`, …).
    #[serde(default)]
    pub p2p_read: Fact<String>,
    /// The same for the way over NVLink.
    #[serde(default)]
    pub p2p_nvlink: Fact<String>,
}

/// Readings during the window of `--sample`. Also the form of `api/nvml-window.json` in a bundle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NvmlWindow {
    /// Readings, about a second apart, in order of time.
    pub readings: Vec<NvmlReading>,
}

/// All GPUs at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NvmlReading {
    /// Seconds since the first reading.
    pub seconds: f64,
    /// GPUs, by NVML's index.
    pub devices: Vec<NvmlDeviceReading>,
}

/// One GPU at one moment, of the things that move.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NvmlDeviceReading {
    /// PCI address in the form of sysfs; empty if even that could not be told.
    pub address: String,
    /// Share of time in which any kernel ran, in %.
    pub utilization_percent: Fact<u32>,
    /// SM clock, in MHz.
    pub sm_mhz: Fact<u32>,
    /// Memory clock, in MHz.
    pub memory_mhz: Fact<u32>,
    /// Power, in W.
    pub power_watts: Fact<f64>,
    /// Temperature of the GPU, in °C.
    pub temperature_celsius: Fact<u32>,
    /// How far it is from slowing down, in °C.
    pub margin_celsius: Fact<i32>,
    /// NVML's bit mask of reasons why clocks are low.
    pub clock_reasons: Fact<u64>,
    /// Time for which clocks were held down since the driver was loaded, in ns, by reason.
    pub clock_reasons_ns: Fact<BTreeMap<String, u64>>,
    /// PCI Express generation.
    pub pcie_generation: Fact<u32>,
    /// PCI Express lanes.
    pub pcie_width: Fact<u32>,
    /// Data sent over PCI Express, in kB/s.
    pub pcie_tx_kb_per_s: Fact<u64>,
    /// Data received over PCI Express, in kB/s.
    pub pcie_rx_kb_per_s: Fact<u64>,
    /// PCI Express replays since the driver was loaded.
    pub pcie_replays: Fact<u64>,
    /// Energy since the driver was loaded, in mJ.
    pub energy_mj: Fact<u64>,
    /// Memory in use, in bytes.
    pub memory_used_bytes: Fact<u64>,
    /// Replays, recoveries and CRC errors of all NVLinks since the driver was loaded.
    pub nvlink_errors: Fact<u64>,
    /// Uncorrected memory errors since the driver was loaded.
    pub ecc_uncorrected: Fact<u64>,
}
