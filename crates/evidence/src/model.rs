//! `Evidence`: what is known about a node, derived from the raw files of a bundle.
//!
//! Every section is a [`Fact`], so that "could not be read" travels with the data. Each section that comes from files
//! carries the path it was read from; a field is named after the file where the kernel has one per field, so that
//! `path` + `/` + file name is the citation of a finding.
//!
//! Units are in the names: `_bytes`, `_khz`, `_us`, `_ticks` (scheduler clock ticks, `USER_HZ`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fact::{Absence, Fact, Missing};
use crate::index_set::{CpuSet, NodeSet};

mod attainment;
mod behind;
mod cgroup;
mod clash;
mod clock;
mod container;
mod cost;
mod demand;
mod dimm;
mod engagement;
mod engine;
mod experiment;
mod front_end;
mod imported;
mod inference;
mod isolation;
mod locality;
mod log;
mod measurement;
mod memory;
mod network;
mod noise;
mod nvml;
mod observe;
mod path;
mod percentiles;
mod platform;
mod power;
mod promise;
mod seen;
mod service;
mod serving;
mod storage;
mod surroundings;
mod window;
mod xid;

pub use attainment::*;
pub use behind::*;
pub use cgroup::*;
pub use clash::*;
pub use clock::*;
pub use container::*;
pub use cost::*;
pub use demand::*;
pub use dimm::*;
pub use engagement::*;
pub use engine::*;
pub use experiment::*;
pub use front_end::*;
pub use imported::*;
pub use inference::*;
pub use isolation::*;
pub use locality::*;
pub use log::*;
pub use measurement::*;
pub use memory::*;
pub use network::*;
pub use noise::*;
pub use nvml::*;
pub use observe::*;
pub use path::*;
pub use percentiles::*;
pub use platform::*;
pub use power::*;
pub use promise::*;
pub use seen::*;
pub use service::*;
pub use serving::*;
pub use storage::*;
pub use surroundings::*;
pub use window::*;
pub use xid::*;

/// Version of this schema; grows when a field changes its meaning, not when one is added.
pub const EVIDENCE_SCHEMA: u32 = 1;

/// What is known about a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// [`EVIDENCE_SCHEMA`].
    pub schema: u32,
    /// How the evidence was gathered.
    pub collection: Collection,
    /// Operating system, kernel, virtualisation.
    pub node: Node,
    /// Sockets, cores, PUs, caches.
    pub cpu: Fact<Cpu>,
    /// NUMA nodes and distances.
    pub numa: Fact<Numa>,
    /// All PCI devices, by address.
    pub pci: Fact<Vec<PciDevice>>,
    /// GPUs and other accelerators, by address; known to be empty where PCI was readable and there is none.
    pub gpus: Fact<Vec<Gpu>>,
    /// Frequency scaling.
    pub cpufreq: Fact<CpuFreq>,
    /// Idle states.
    pub cpuidle: Fact<CpuIdle>,
    /// Kernel parameters under `/proc/sys`, by dotted name.
    pub sysctl: BTreeMap<String, Fact<String>>,
    /// Interrupt lines.
    pub interrupts: Fact<Vec<Interrupt>>,
    /// The control groups that the collector itself ran in, outermost last.
    pub cgroup: Fact<Cgroup>,
    /// Processes and their threads, by PID.
    pub processes: Fact<Vec<Process>>,
    /// What hwloc found.
    pub hwloc: Fact<Hwloc>,
    /// What NVIDIA's management library answered.
    pub nvml: Fact<Nvml>,
    /// Single-value files of the node, by subject and absolute path, verbatim.
    #[serde(default)]
    pub settings: BTreeMap<String, BTreeMap<String, Fact<String>>>,
    /// Inference servers, by PID.
    #[serde(default)]
    pub servers: Fact<Vec<InferenceServer>>,
    /// Processes that may be workers of no server that is known.
    #[serde(default)]
    pub possible_workers: Fact<PossibleWorkers>,
    /// What moved between two readings of the node.
    #[serde(default)]
    pub window: Fact<Window>,
    /// CPU clocks, idle states, caps and throttling beyond frequency policies.
    #[serde(default)]
    pub power: Fact<Power>,
    /// Host memory.
    #[serde(default)]
    pub memory: Fact<Memory>,
    /// Network interfaces, RDMA devices, sockets.
    #[serde(default)]
    pub network: Fact<Network>,
    /// Block devices and file systems that hold models.
    #[serde(default)]
    pub storage: Fact<Storage>,
    /// Memory modules.
    #[serde(default)]
    pub dimms: Fact<Dimms>,
    /// Network devices, and how far GPUs are from each other and from them.
    #[serde(default)]
    pub paths: Fact<DevicePaths>,
    /// Kernel, time, virtualisation, device isolation.
    #[serde(default)]
    pub platform: Fact<Platform>,
    /// systemd units and settings that survive a reboot.
    #[serde(default)]
    pub services: Fact<Services>,
    /// Container runtimes and Kubernetes.
    #[serde(default)]
    pub containers: Fact<Containers>,
    /// Errors and throttling in the kernel log.
    #[serde(default)]
    pub kernel_log: Fact<KernelLog>,
    /// Load tests and noise measurements.
    #[serde(default)]
    pub measurements: Fact<Measurements>,
    /// What the client supplies; not part of a bundle.
    #[serde(default)]
    pub engagement: Fact<Engagement>,
    /// What the audit was told to judge differently; not part of a bundle. Always sent to packs.
    #[serde(default)]
    pub policy: Policy,
}

/// How the evidence was gathered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// Version of the collecting tool.
    pub tool_version: String,
    /// Start of the collection, RFC 3339, UTC.
    pub started: String,
    /// End of the collection, RFC 3339, UTC.
    pub finished: String,
    /// Where the files came from.
    pub origin: Origin,
    /// True if the collector ran with user id 0.
    pub root: bool,
    /// What each probe came to.
    pub probes: Vec<ProbeOutcome>,
}

/// Where the raw files came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The running node.
    Live,
    /// A recorded tree of `/proc` and `/sys`.
    Sysroot,
    /// Nowhere: they were made up, as a sample or for a test, and the node does not exist.
    Synthetic,
}

impl Origin {
    /// The word used in every output format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Sysroot => "sysroot",
            Self::Synthetic => "synthetic",
        }
    }
}

/// What a probe came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeOutcome {
    /// Id of the probe.
    pub id: String,
    /// `ok`, or why not.
    pub status: String,
    /// In words, where the status is not `ok`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Operating system, kernel, virtualisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Host name.
    pub hostname: Fact<String>,
    /// Kernel release, as `uname -r` prints it.
    pub kernel: Fact<String>,
    /// File that tells it.
    #[serde(default = "kernel_path")]
    pub kernel_path: String,
    /// `PRETTY_NAME` of `/etc/os-release`.
    pub os: Fact<String>,
    /// Kernel command line.
    pub cmdline: Fact<String>,
    /// `none` on bare metal, else the hypervisor (`kvm`, `vmware`, `xen`, `microsoft`, `oracle`, or `vm` if unknown).
    pub virtualization: Fact<String>,
    /// Container runtime (`docker`, `podman`, `kubernetes`, `lxc`, …, `container` if unknown), `none` outside one.
    pub container: Fact<String>,
    /// Manufacturer and product as the firmware names them.
    pub machine: Fact<String>,
}

/// Whether a release of the kernel is one for real-time work: `6.1.0-rt15`, `5.14.0-284.rt14.284.el9.x86_64`, `…+rt`, `…-realtime`.
#[must_use]
pub fn is_real_time(release: &str) -> bool {
    release.split(['+', '-', '.', '_']).any(|part| {
        let number = part.strip_prefix("rt");
        part == "realtime" || number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

fn kernel_path() -> String {
    "/proc/sys/kernel/osrelease".to_owned()
}

/// Sockets, cores, PUs, caches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cpu {
    /// Folder or file that it was read from.
    pub path: String,
    /// Model name.
    pub model: Fact<String>,
    /// Vendor, as `/proc/cpuinfo` gives it (`GenuineIntel`, `AuthenticAMD`, …).
    pub vendor: Fact<String>,
    /// CPUs that are there, online or not.
    pub present: CpuSet,
    /// CPUs that run.
    pub online: CpuSet,
    /// Number of sockets with an online CPU; 1 where nobody tells them apart.
    pub sockets: u32,
    /// Why nobody tells sockets apart, so that all CPUs count as of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sockets_unknown: Option<Missing>,
    /// Number of physical cores with an online CPU; a CPU of which nobody tells the core counts as one.
    pub cores: u32,
    /// Why the core of some CPU is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores_unknown: Option<Missing>,
    /// Number of online PUs (hardware threads).
    pub pus: u32,
    /// True if more than one thread of a core is online.
    pub smt_active: bool,
    /// Online CPUs, by number.
    pub cpus: Vec<Pu>,
    /// Caches of the online CPUs, by level, kind and first CPU.
    pub caches: Vec<Cache>,
}

/// One online CPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pu {
    /// Number of the CPU.
    pub cpu: u32,
    /// Logical number of its core, counted over the node in order of first CPU.
    pub core: u32,
    /// Logical number of its socket, counted in order of first CPU.
    pub socket: u32,
    /// Number of its NUMA node.
    pub node: Option<u32>,
    /// Highest frequency of the hardware in kHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_khz: Option<u64>,
    /// Lowest frequency of the hardware in kHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_khz: Option<u64>,
    /// What it can do beside the others, as the scheduler counts it (`cpu_capacity`): 1024 for the most able.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
}

/// One cache.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cache {
    /// 1, 2, 3, …
    pub level: u32,
    /// `data`, `instruction` or `unified`.
    pub kind: String,
    /// Size in bytes, if known.
    pub size_bytes: Option<u64>,
    /// CPUs that share it.
    pub cpus: CpuSet,
}

/// NUMA nodes and distances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numa {
    /// Folder that it was read from.
    pub path: String,
    /// Nodes that are online and whose CPUs are known, by number.
    pub nodes: Vec<NumaNode>,
    /// Nodes that are online and whose CPUs are not known, by number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<u32, Missing>,
}

impl Numa {
    /// Nodes that have memory.
    pub fn with_memory(&self) -> impl Iterator<Item = &NumaNode> {
        self.nodes.iter().filter(|node| node.mem_total_bytes.known().is_none_or(|&bytes| bytes > 0))
    }

    /// Nodes that have CPUs.
    pub fn with_cpus(&self) -> impl Iterator<Item = &NumaNode> {
        self.nodes.iter().filter(|node| !node.cpus.is_empty())
    }

    /// The node with number `id`.
    #[must_use]
    pub fn node(&self, id: u32) -> Option<&NumaNode> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The node with number `id`, `None` where no such node is online.
    ///
    /// # Errors
    /// Says why the CPUs of the node are not known.
    pub fn require(&self, id: u32) -> Result<Option<&NumaNode>, Missing> {
        self.unread.get(&id).map_or_else(|| Ok(self.node(id)), |why| Err(why.clone()))
    }

    /// The same, for questions about all nodes together.
    ///
    /// # Errors
    /// Says why the CPUs of a node are not known.
    pub fn complete(&self) -> Result<&Self, Missing> {
        self.unread.values().next().map_or(Ok(self), |why| Err(why.clone()))
    }

    /// True where fewer than two nodes have CPUs, so that none is far.
    ///
    /// # Errors
    /// Says why the CPUs of a node are not known that may be the second one.
    pub fn has_one_with_cpus(&self) -> Result<bool, Missing> {
        if self.with_cpus().count() > 1 { Ok(false) } else { self.complete().map(|_| true) }
    }

    /// True where fewer than two nodes have memory, so that none is far.
    ///
    /// # Errors
    /// Says why a node is not known that may be the second one.
    pub fn has_one_with_memory(&self) -> Result<bool, Missing> {
        if self.with_memory().count() > 1 { Ok(false) } else { self.complete().map(|_| true) }
    }
}

/// One NUMA node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumaNode {
    /// Number of the node.
    pub id: u32,
    /// Its CPUs; empty for memory-only nodes.
    pub cpus: CpuSet,
    /// Size of its memory in bytes.
    pub mem_total_bytes: Fact<u64>,
    /// Free memory in bytes at the time of collection.
    pub mem_free_bytes: Fact<u64>,
    /// Distances to the nodes of [`Numa::nodes`], in their order, as the firmware states them (10 is local).
    pub distances: Fact<Vec<u32>>,
}

/// One PCI device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PciDevice {
    /// Folder that it was read from, `/sys/bus/pci/devices/…`.
    pub path: String,
    /// `DDDD:BB:DD.F`
    pub address: String,
    /// Class, subclass and programming interface, 24 bits (`0x030200` is a 3D controller).
    pub class: Fact<u32>,
    /// Vendor id.
    pub vendor: Fact<u32>,
    /// Device id.
    pub device: Fact<u32>,
    /// NUMA node as the firmware told the kernel; -1 means that it did not.
    pub numa_node: Fact<i32>,
    /// CPUs that the kernel holds to be local.
    pub local_cpulist: Fact<CpuSet>,
    /// Link speed and width.
    pub link: Fact<PciLink>,
    /// Kernel driver in charge.
    pub driver: Fact<String>,
    /// Address of the bridge above, if there is one.
    pub parent: Option<String>,
    /// Number of its IOMMU group; absent where no IOMMU is in use.
    #[serde(default)]
    pub iommu_group: Fact<u32>,
    /// Access control services, of bridges.
    #[serde(default)]
    pub acs: Fact<PciAcs>,
    /// Errors since boot, of accelerators and network devices.
    #[serde(default)]
    pub aer: Fact<PciAer>,
    /// True if the link may sleep in L1 (`link/l1_aspm`), of accelerators and network devices.
    #[serde(default)]
    pub l1_aspm: Fact<bool>,
}

/// The device at `address` and the bridges above it, from the nearest on; empty where the bus does not list it.
#[must_use]
pub fn way_up<'a>(pci: &'a [PciDevice], address: &str) -> Vec<&'a PciDevice> {
    let find = |address: &str| pci.iter().find(|device| device.address == address);
    let above = |device: &&'a PciDevice| device.parent.as_deref().and_then(find);
    // No way is longer than there are devices, whatever a recording says.
    std::iter::successors(find(address), above).take(pci.len()).collect()
}

/// Access control services of a bridge, from its configuration space (PCI Express Base Specification, extended
/// capability 000Dh): what it does with traffic between devices below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PciAcs {
    /// Checks that requests come from who they say.
    pub source_validation: bool,
    /// Sends requests between peers up to the root complex.
    pub request_redirect: bool,
    /// Sends completions between peers up to the root complex.
    pub completion_redirect: bool,
    /// The control register as it was read.
    pub control: u16,
}

/// Errors of a PCI Express device since boot (advanced error reporting).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PciAer {
    /// Corrected by the link itself.
    pub correctable: u64,
    /// Lost a transaction, but not the link.
    pub nonfatal: u64,
    /// Lost the link.
    pub fatal: u64,
}

/// Speed and width of a PCI Express link; both depend on load and power state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PciLink {
    /// GT/s now.
    pub current_gts: f64,
    /// GT/s at most.
    pub max_gts: f64,
    /// Lanes now.
    pub current_width: u32,
    /// Lanes at most.
    pub max_width: u32,
}

// Speeds are parsed from a fixed set of decimal texts, so they are never NaN.
impl Eq for PciLink {}

/// One GPU or other accelerator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    /// Folder of the PCI device.
    pub path: String,
    /// PCI address.
    pub address: String,
    /// `GPU` or `accelerator`.
    pub kind: String,
    /// `nvidia`, `amd`, `intel`, or the vendor id in hexadecimal.
    pub vendor: String,
    /// Product name, where a driver tells it.
    pub name: Fact<String>,
    /// Driver's unique id, where a driver tells it.
    pub uuid: Fact<String>,
    /// Where it is attached, by each source that was asked; sources may disagree.
    pub numa: GpuNuma,
    /// CPUs that the kernel holds to be local.
    pub local_cpulist: Fact<CpuSet>,
    /// True where the driver names it and the PCI bus has no such device.
    #[serde(default)]
    pub off_bus: bool,
    /// Whether NVIDIA's driver in the kernel lists it beside others.
    #[serde(default)]
    pub in_driver: Fact<bool>,
    /// Whether NVML lists it beside others.
    #[serde(default)]
    pub in_nvml: Fact<bool>,
}

impl Gpu {
    /// Whether it is one of several on a board (SXM), by its product name, and not a card of its own.
    #[must_use]
    pub fn is_on_board(&self) -> bool {
        let name = self.name.known().map_or("", String::as_str);
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        has(&["SXM", "HBM3", "NVIDIA H200", "NVIDIA B200", "NVIDIA B300"]) && !has(&["PCIe", "NVL", "GH200"])
    }

    /// Whether the log calls it so: an address with or without the function (`0000:18:00`).
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let rest = self.address.strip_prefix(name).filter(|_| !name.is_empty());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Why the node cannot use this GPU, where the PCI bus, the driver and NVML do not all list it: it has fallen off the
    /// bus, or the driver could not start it.
    #[must_use]
    pub fn lost(&self) -> Option<Missing> {
        let address = &self.address;
        let reason = if self.off_bus {
            format!("NVIDIA's driver names a GPU at {address} that the PCI bus no longer has")
        } else if self.in_driver.known() == Some(&false) {
            format!("NVIDIA's driver lists other GPUs but not {address}, which is on the PCI bus")
        } else if self.in_nvml.known() == Some(&false) {
            format!("NVML lists other GPUs but not {address}, which is on the PCI bus")
        } else {
            return None;
        };
        Some(Missing::new(Absence::Failed, reason))
    }
}

/// NUMA node of a GPU by source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuNuma {
    /// `numa_node` of the PCI device; -1 means that the firmware did not tell.
    pub sysfs: Fact<i32>,
    /// Nodes that hwloc holds to be local.
    pub hwloc: Fact<NodeSet>,
    /// NVML's memory affinity.
    pub nvml: Fact<NodeSet>,
    /// Nodes of its local CPUs.
    #[serde(default)]
    pub local_cpus: Fact<NodeSet>,
}

/// Frequency scaling.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuFreq {
    /// Policies, by number.
    pub policies: Vec<FreqPolicy>,
    /// `/sys/devices/system/cpu/cpufreq/boost`.
    pub boost: Fact<String>,
    /// `/sys/devices/system/cpu/intel_pstate/status` (`active`, `passive`, `off`).
    pub intel_pstate: Fact<String>,
    /// `/sys/devices/system/cpu/intel_pstate/no_turbo`.
    pub intel_no_turbo: Fact<String>,
    /// `/sys/devices/system/cpu/amd_pstate/status` (`active`, `passive`, `guided`, `disable`).
    pub amd_pstate: Fact<String>,
}

/// A group of CPUs that share frequency settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreqPolicy {
    /// Folder that it was read from; fields are named after its files.
    pub path: String,
    /// CPUs of the policy.
    pub cpus: CpuSet,
    /// Frequency driver.
    pub scaling_driver: Fact<String>,
    /// Governor in force.
    pub scaling_governor: Fact<String>,
    /// Governors on offer, separated by blanks.
    pub scaling_available_governors: Fact<String>,
    /// Energy preference hint, on drivers that have it.
    pub energy_performance_preference: Fact<String>,
    /// `1` where ACPI's CPPC chooses clocks by itself, on the driver `cppc_cpufreq`.
    #[serde(default)]
    pub auto_select: Fact<String>,
    /// Energy preference hint as a number, 0 (performance) to 255, on the driver `cppc_cpufreq`.
    #[serde(default)]
    pub energy_performance_preference_val: Fact<String>,
    /// Whether the platform has limited the performance since somebody last cleared this, on the driver `cppc_cpufreq`: bit 0 for
    /// less than was wanted, bit 1 for less than the lowest that was asked for.
    #[serde(default)]
    pub perf_limited: Fact<String>,
    /// Clocks in kHz that only boost reaches, separated by blanks.
    #[serde(default)]
    pub scaling_boost_frequencies: Fact<String>,
    /// Lower limit in kHz.
    pub scaling_min_freq_khz: Fact<u64>,
    /// Upper limit in kHz.
    pub scaling_max_freq_khz: Fact<u64>,
    /// Highest frequency of the hardware in kHz.
    pub cpuinfo_max_freq_khz: Fact<u64>,
    /// Frequency without turbo in kHz, on drivers that tell it.
    #[serde(default)]
    pub base_frequency_khz: Fact<u64>,
}

impl FreqPolicy {
    /// [`Self::perf_limited`] as a number.
    #[must_use]
    pub fn limited(&self) -> Option<u32> {
        let text = self.perf_limited.known()?.trim();
        text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok())
    }

    /// How far the highest clock of boost is above the highest of the others, in per cent, where the driver lists both.
    #[must_use]
    pub fn boost_gain(&self) -> Option<f64> {
        let list = self.scaling_boost_frequencies.known()?;
        let most = list.split_whitespace().filter_map(|khz| khz.parse::<u64>().ok()).max()?;
        let highest = *self.cpuinfo_max_freq_khz.known().filter(|&&khz| khz > 0)?;
        Some(100.0 * (most as f64 / highest as f64 - 1.0))
    }

    /// The energy preference and the name of the file that has it: a word, or a number where CPPC chooses clocks by itself.
    #[must_use]
    pub fn preference(&self) -> (&'static str, &Fact<String>) {
        let says =
            |fact: &Fact<String>, fits: fn(&str) -> bool| fact.known().is_some_and(|text| fits(text.trim()));
        let value = &self.energy_performance_preference_val;
        // A platform without the register answers `<unsupported>`.
        let is_number = says(value, |text| text.parse::<u8>().is_ok());
        if self.energy_performance_preference.known().is_none()
            && says(&self.auto_select, |text| text == "1")
            && is_number
        {
            return ("energy_performance_preference_val", value);
        }
        ("energy_performance_preference", &self.energy_performance_preference)
    }

    /// True for drivers that choose clocks by an energy preference themselves: under the governor `performance` they set the
    /// preference to `performance` and refuse any other. `intel_cpufreq`, which takes both from the kernel, is none of them.
    #[must_use]
    pub fn governor_sets_preference(&self) -> bool {
        let driver = self.scaling_driver.known().map(|driver| driver.trim());
        matches!(driver, Some("intel_pstate" | "amd-pstate-epp"))
            && self.energy_performance_preference.known().is_some()
    }
}

/// Idle states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuIdle {
    /// Idle driver.
    pub driver: Fact<String>,
    /// Idle governor.
    pub governor: Fact<String>,
    /// States, grouped over CPUs that have the same.
    pub states: Vec<IdleState>,
    /// Seconds since boot, over which [`IdleState::time_us`] was counted.
    #[serde(default)]
    pub seconds_since_boot: Fact<u64>,
}

/// An idle state of a group of CPUs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdleState {
    /// Number of the state.
    pub index: u32,
    /// Name, such as `C6`.
    pub name: String,
    /// Exit latency in µs as the driver states it.
    pub latency_us: u64,
    /// CPUs that have the state.
    pub cpus: CpuSet,
    /// CPUs on which it is disabled.
    pub disabled: CpuSet,
    /// Time in µs that each CPU has spent in it since boot, of those that tell.
    #[serde(default)]
    pub time_us: BTreeMap<u32, u64>,
}

impl CpuIdle {
    /// Share of the time since boot, in per cent, that the CPUs of `cpus` spent in any of `states`, as a mean; `None` where one
    /// of them does not tell.
    #[must_use]
    pub fn share_since_boot(&self, states: &[&IdleState], cpus: &CpuSet) -> Option<f64> {
        let seconds = *self.seconds_since_boot.known().filter(|&&seconds| seconds > 0)? as f64;
        let of = |cpu: u32| -> Option<u64> {
            let own = states.iter().filter(|state| state.cpus.contains(cpu));
            own.map(|state| state.time_us.get(&cpu)).sum()
        };
        let total: u64 = cpus.iter().map(of).sum::<Option<u64>>()?;
        (!cpus.is_empty()).then(|| (total as f64 / 1e4 / seconds / cpus.len() as f64).min(100.0))
    }
}

/// One interrupt line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interrupt {
    /// Number of the line.
    pub irq: u32,
    /// Devices and drivers that use it.
    pub name: Fact<String>,
    /// CPUs that may serve it.
    pub smp_affinity_list: Fact<CpuSet>,
    /// CPUs that do serve it.
    pub effective_affinity_list: Fact<CpuSet>,
    /// Interrupts since boot, over all CPUs.
    pub count: Fact<u64>,
    /// PCI address of the device that raises it; absent for lines of no PCI device.
    #[serde(default)]
    pub device: Fact<String>,
}

/// Control groups of the collector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cgroup {
    /// 1, 2, or 12 for both at once.
    pub version: u32,
    /// From its own group up to the root.
    pub chain: Vec<CgroupLevel>,
    /// True if the outermost of them is a group of the host's like others, seen from inside of a container.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub namespaced: bool,
}

/// One control group; values are the text of the files, by file name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupLevel {
    /// Folder that it was read from.
    pub path: String,
    /// For example `cpuset.cpus.effective` → `0-7`. What the group does not have is left out.
    pub values: BTreeMap<String, Fact<String>>,
}

/// One process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Folder that it was read from.
    pub path: String,
    /// Process id, in the PID namespace of the collector.
    pub pid: u32,
    /// Process id of the parent.
    pub ppid: u32,
    /// Name, at most 15 bytes; empty if nothing of the process could be read.
    pub comm: String,
    /// True for a thread of the kernel itself.
    #[serde(default)]
    pub kernel: bool,
    /// Arguments; values that look like secrets were masked at collection.
    pub cmdline: Fact<Vec<String>>,
    /// Text of `/proc/PID/cgroup`.
    pub cgroup: Fact<String>,
    /// PCI addresses of the GPUs that it uses, by NVML or by open device nodes.
    pub gpus: Fact<Vec<String>>,
    /// Threads, by thread id. Of a process that is no inference server and uses no GPU only the first thread is
    /// collected; `window.processes` has the CPU time of all.
    pub threads: Vec<Thread>,
}

/// One thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// Thread id.
    pub tid: u32,
    /// Name, at most 15 bytes.
    pub comm: String,
    /// CPUs that it may run on.
    pub cpus_allowed: Fact<CpuSet>,
    /// NUMA nodes that it may allocate from.
    pub mems_allowed: Fact<NodeSet>,
    /// CPU that it last ran on.
    pub last_cpu: Fact<u32>,
    /// CPU time in user and kernel mode since its start, in clock ticks.
    pub cpu_ticks: Fact<u64>,
    /// Scheduling policy as the kernel numbers it: 0 other, 1 FIFO, 2 round robin, 3 batch, 5 idle, 6 deadline.
    #[serde(default)]
    pub policy: Fact<u32>,
    /// Real-time priority, 0 for threads without.
    #[serde(default)]
    pub rt_priority: Fact<u32>,
    /// Niceness, -20 to 19.
    #[serde(default)]
    pub nice: Fact<i32>,
}

/// What hwloc found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hwloc {
    /// Version of hwloc's XML.
    pub xml_version: String,
    /// Packages.
    pub packages: u32,
    /// Cores.
    pub cores: u32,
    /// PUs.
    pub pus: u32,
    /// NUMA nodes.
    pub numa_nodes: u32,
    /// Locality of PCI devices.
    pub pci: Vec<HwlocPci>,
}

/// Locality of a PCI device as hwloc sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HwlocPci {
    /// PCI address.
    pub address: String,
    /// Local CPUs.
    pub cpus: Fact<CpuSet>,
    /// Local NUMA nodes.
    pub nodes: Fact<NodeSet>,
}
