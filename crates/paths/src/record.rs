//! What was measured, each repetition of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of [`Record`].
pub(crate) const SCHEMA: u32 = 1;
/// Bytes of a large copy, which are page-locked for as long as a cell is measured.
pub const PAGE_LOCKED_BYTES: usize = 32 << 20;

/// One measurement of a node's paths.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Version of this form: 1.
    pub schema: u32,
    /// Library that was asked, and the version of its interface (`cuda 13.0`).
    pub driver: String,
    /// GPUs that were measured.
    pub gpus: Vec<GpuFound>,
    /// NUMA nodes with their CPUs, as the kernel lists them.
    pub nodes: BTreeMap<u32, String>,
    /// CPUs by what they share: a list of CPUs for each last-level cache, as the kernel lists them.
    pub caches: Vec<String>,
    /// Each GPU × node of the memory × node of the thread.
    pub cells: Vec<Cell>,
    /// Launches from each CPU, where they were asked for.
    pub cores: Vec<CoreScan>,
    /// Each pair of GPUs.
    pub peers: Vec<Peer>,
    /// What could not be measured, and why.
    pub missing: Vec<String>,
    /// What it cost.
    pub cost: Cost,
}

/// A GPU.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GpuFound {
    /// PCI address in the form of sysfs.
    pub address: String,
    /// Name.
    pub name: String,
    /// Time until its context was there, in ms.
    pub context_ms: f64,
}

/// One GPU, the memory of one node and threads of one node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cell {
    /// PCI address of the GPU.
    pub gpu: String,
    /// NUMA node of the memory.
    pub memory_node: u32,
    /// NUMA node of the thread.
    pub thread_node: u32,
    /// Share of the memory's pages that the kernel says are on that node, 0 to 1.
    pub on_node: f64,
    /// Rounds in the order in which they were measured.
    pub rounds: Vec<Round>,
}

/// What one round measured of a cell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Round {
    /// Host to device, in GB/s (10⁹ bytes), of each large copy.
    pub to_gpu: Vec<f64>,
    /// Device to host, in GB/s.
    pub to_host: Vec<f64>,
    /// There and back for 8 bytes, in µs.
    pub round_trip_us: Vec<f64>,
    /// From the launch of an empty kernel until it is known to have ended, in µs.
    pub launch_us: Vec<f64>,
}

/// Launches from one CPU.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CoreScan {
    /// PCI address of the GPU.
    pub gpu: String,
    /// The CPU.
    pub cpu: u32,
    /// Launch times in µs, by scan: what belongs to a CPU comes again, what belongs to a moment does not.
    pub scans: Vec<Vec<f64>>,
}

/// Copies from one GPU to another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Peer {
    /// PCI address of the source.
    pub from: String,
    /// PCI address of the target.
    pub to: String,
    /// Whether one reads the other's memory itself, instead of through the host's.
    pub direct: bool,
    /// GB/s of each large copy.
    pub gb_per_s: Vec<f64>,
    /// Time of each copy of 8 bytes, in µs.
    pub latency_us: Vec<f64>,
}

/// What a measurement cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cost {
    /// Wall time in s.
    pub seconds: f64,
    /// Most memory resident, contexts of the driver included, in KiB.
    pub peak_rss_kib: u64,
    /// Most page-locked memory of ours at a time, in bytes.
    pub page_locked_bytes: u64,
    /// Most memory of a GPU that was allocated beside the context, in bytes.
    pub device_bytes: u64,
}
