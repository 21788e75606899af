//! What would mend a finding: a goal on an object of this node, with the value that was seen.
//!
//! A check never gives a command. `plumb-remediate` resolves the intents of all findings of a node together, since what one
//! check may ask for (CPUs, memory nodes, a profile) others may ask for as well, and only it knows the platform that makes
//! a goal a command: the unit or container of a server, the frequency driver, the vendor, the distribution.
//!
//! The kinds are a closed list on purpose: there is none that means "run this".

use serde::{Deserialize, Serialize};

use crate::CpuSet;

/// A goal on an object of this node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Intent {
    /// These CPUs use this frequency governor.
    Governor {
        /// The CPUs.
        cpus: CpuSet,
        /// The governor that is wanted.
        want: String,
        /// The governor that was seen.
        was: String,
    },
    /// These CPUs use this energy preference (`energy_performance_preference`).
    EnergyPreference {
        /// The CPUs.
        cpus: CpuSet,
        /// The preference that is wanted.
        want: String,
        /// The preference that was seen.
        was: String,
    },
    /// These CPUs use this energy bias (`energy_perf_bias`, 0 for performance to 15 for saving).
    EnergyBias {
        /// The CPUs.
        cpus: CpuSet,
        /// The bias that is wanted.
        want: u8,
        /// The bias that was seen.
        was: String,
    },
    /// The clock of these CPUs may rise to the highest that their driver offers.
    FrequencyCap {
        /// The CPUs.
        cpus: CpuSet,
        /// Limit that is wanted, in kHz.
        want_khz: u64,
        /// Limit that was seen, in kHz.
        was_khz: u64,
    },
    /// Turbo (boost) is on, by the switch of the driver at `path`.
    Boost {
        /// File of the switch.
        path: String,
        /// Value that switches it on.
        want: String,
        /// Value that was seen.
        was: String,
    },
    /// These CPUs do not enter an idle state.
    IdleState {
        /// The CPUs.
        cpus: CpuSet,
        /// Number of the state.
        index: u32,
        /// Its name.
        name: String,
        /// Its exit latency in µs.
        latency_us: u64,
    },
    /// A file below `/sys` or `/proc/sys` holds this value.
    Value {
        /// The file.
        path: String,
        /// Value that is wanted.
        want: String,
        /// Value that was seen.
        was: String,
    },
    /// A kernel parameter has this value.
    Sysctl {
        /// Dotted name.
        name: String,
        /// Value that is wanted.
        want: String,
        /// Value that was seen.
        was: String,
    },
    /// The kernel is started with this argument, or without it.
    KernelArgument {
        /// The argument, `name` or `name=value`.
        argument: String,
        /// True to add it, false to take it away.
        present: bool,
    },
    /// TuneD runs and uses this profile.
    TunedProfile {
        /// The profile that is wanted.
        want: String,
        /// The profile that was seen; empty where none is active, and the one that is wanted where TuneD does not run to keep
        /// it.
        was: String,
    },
    /// A unit of systemd runs, or does not run, now and after a reboot.
    Unit {
        /// Its name, such as `power-profiles-daemon.service`.
        name: String,
        /// True if it runs.
        runs: bool,
    },
    /// The threads and the memory of a server belong near to its GPUs, each worker near to its own.
    Place {
        /// Process id of the server's first process.
        server: u32,
        /// The process that is out of place, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        process: Option<u32>,
        /// PCI address of the GPU that it belongs near to, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gpu: Option<String>,
    },
    /// A server needs this many physical cores, or more.
    Cores {
        /// Process id of the server's first process.
        server: u32,
        /// Physical cores that are wanted.
        want: u32,
        /// Physical cores that it may use now, less those that other servers on the same CPUs want.
        was: u32,
    },
    /// The thread pools of the processes of a server have at most this many threads.
    ThreadPool {
        /// Process id of the server's first process.
        server: u32,
        /// Threads that each worker should have at most.
        want: u32,
        /// Threads that were seen.
        was: u32,
    },
    /// A server is started with this value of an environment variable, or without the variable.
    Variable {
        /// Process id of the server's first process.
        server: u32,
        /// Name of the variable.
        name: String,
        /// Value that is wanted; `None` to take the variable out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        want: Option<String>,
        /// Value that was seen; `None` where it was not set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        was: Option<String>,
    },
    /// A server is started without this option.
    WithoutOption {
        /// Process id of the server's first process.
        server: u32,
        /// The option, as it stands in the command line.
        option: String,
    },
    /// A server is started with this option.
    WithOption {
        /// Process id of the server's first process.
        server: u32,
        /// The option, as it stands in a command line.
        option: String,
        /// Value that is wanted; `None` for an option without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        want: Option<String>,
        /// Value that was seen; `None` where the option was not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        was: Option<String>,
    },
    /// A setting that whatever starts a server (unit, container, pod) gives it.
    Service {
        /// Process id of the server's first process.
        server: u32,
        /// The setting.
        setting: ServiceSetting,
        /// Value that is wanted, as systemd writes it.
        want: String,
        /// Value that was seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        was: Option<String>,
    },
    /// A server runs without a quota of CPU time, or with a larger one.
    CpuQuota {
        /// Process id of the server's first process.
        server: u32,
        /// Path of the control group that has the quota.
        group: String,
        /// CPUs that the quota is to grant; `None` for no quota.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        want: Option<u32>,
        /// Quota and period in µs, as `cpu.max` has them.
        was: String,
    },
    /// A server is allowed to do what this capability allows.
    Capability {
        /// Process id of the server's first process.
        server: u32,
        /// The capability, such as `SYS_NICE`.
        name: String,
    },
    /// The shared memory of a server has at least this size.
    SharedMemory {
        /// Process id of the server's first process.
        server: u32,
        /// Bytes that are wanted.
        want_bytes: u64,
        /// Bytes that were seen.
        was_bytes: u64,
    },
    /// The pod of a server has whole CPUs, and requests equal to limits.
    GuaranteedPod {
        /// Process id of the server's first process.
        server: u32,
    },
    /// The devices of a container are described to its runtime (CDI), so that a reload of units does not take them away.
    ContainerDevices {
        /// Process id of the server's first process.
        server: u32,
    },
    /// The files of a model lie on a disk of this node.
    LocalModel {
        /// Process id of the server's first process.
        server: u32,
        /// Where they lie now.
        path: String,
    },
    /// A server is started again.
    Restart {
        /// Process id of the server's first process.
        server: u32,
    },
    /// A setting of the kubelet.
    Kubelet {
        /// The setting.
        setting: KubeletSetting,
        /// Value that is wanted; empty where it has to be worked out for the node.
        want: String,
        /// Value that was seen; `None` where the kubelet's default holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        was: Option<String>,
    },
    /// A process runs under the normal scheduling policy.
    NormalPolicy {
        /// Its id.
        process: u32,
        /// Policy that was seen: `fifo` or `rr`.
        was: String,
        /// Real-time priority that was seen, 1 to 99.
        priority: u32,
    },
    /// A process that has no business here runs elsewhere.
    Elsewhere {
        /// Its id.
        process: u32,
        /// Its name.
        name: String,
    },
    /// These CPUs are for inference alone: units and sessions of the system keep off them.
    Reserve {
        /// The CPUs.
        cpus: CpuSet,
    },
    /// These interrupts are served by CPUs near to their device, and by none of `avoid`.
    Interrupts {
        /// Their numbers.
        irqs: Vec<u32>,
        /// PCI address of the device, where all of them are of one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<String>,
        /// CPUs that are to be spared.
        #[serde(default, skip_serializing_if = "CpuSet::is_empty")]
        avoid: CpuSet,
    },
    /// irqbalance leaves these CPUs alone.
    InterruptBan {
        /// The CPUs.
        cpus: CpuSet,
        /// CPUs that it leaves alone now.
        #[serde(default, skip_serializing_if = "CpuSet::is_empty")]
        was: CpuSet,
    },
    /// A setting of a network interface.
    Nic {
        /// Its name.
        interface: String,
        /// The setting.
        setting: NicSetting,
        /// Value that is wanted.
        want: u32,
        /// Value that was seen; `None` where it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        was: Option<u32>,
    },
    /// A module of the kernel is loaded, now and after a reboot.
    KernelModule {
        /// Its name.
        name: String,
    },
    /// The kernel that is started has none of the options that are meant for debugging.
    ProductionKernel {
        /// Release of the kernel that runs.
        was: String,
    },
    /// A time service keeps the clock of the node.
    TimeService {},
    /// What is in force is what the configuration says, so that a reboot keeps it.
    Persist {
        /// The setting, by the name that the node has for it: a kernel parameter, a file, a boot argument, a unit.
        setting: String,
        /// Value in force.
        want: String,
        /// Value that the configuration has; `None` where it has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        was: Option<String>,
    },
    /// This swap area is not used.
    SwapOff {
        /// File or device of the area.
        area: String,
    },
    /// Access control services of a PCIe bridge do not redirect traffic between its devices.
    AcsOff {
        /// PCI address of the bridge.
        bridge: String,
        /// Value of the control register that was seen, in hexadecimal.
        was: String,
    },
    /// A GPU is in this state.
    Gpu {
        /// Its PCI address.
        gpu: String,
        /// The state.
        want: GpuState,
    },
    /// Software of the node in a newer version.
    Update {
        /// Which.
        part: UpdatePart,
        /// Version that was seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        was: Option<String>,
    },
    /// Work of people: an agreement, a plan, a measurement.
    Step {
        /// What is to be done.
        step: Step,
    },
    /// A setting of the firmware.
    Firmware {
        /// The setting.
        setting: FirmwareSetting,
    },
    /// Hands on hardware.
    Hardware {
        /// What is to be looked at.
        part: HardwarePart,
        /// Which one: a PCI address, the name of a slot; `None` for the machine as a whole.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<String>,
    },
    /// A question or a request to whoever runs the machine below this one.
    Provider {
        /// The request.
        request: ProviderRequest,
    },
}

/// A setting of the firmware; vendors give them different names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirmwareSetting {
    /// Turbo, core performance boost.
    Boost,
    /// Hardware P-states (Intel) or CPPC (AMD, Arm), which the modern frequency drivers need.
    HardwarePStates,
    /// Power limit of the packages at their design power.
    PowerLimit,
    /// The clock of the uncore or the fabric is not lowered.
    FabricClock,
    /// Priority cores (Intel SST-TF, PCT).
    PriorityCores,
    /// 64-bit addresses for devices and BARs that can be resized.
    ResizableBar,
    /// Width (bifurcation) and generation of a PCIe slot.
    PcieSlot,
    /// Memory of the sockets interleaved as if it were one node.
    NodeInterleaving,
    /// NUMA nodes in each package (NPS, SNC).
    NumaPerPackage,
    /// The NUMA node of each PCI root (`_PXM`), which an update of the firmware brings.
    DeviceProximity,
    /// Periodic system management interrupts.
    ManagementInterrupts,
    /// Access control services of PCIe bridges.
    Acs,
}

/// A part of the machine that somebody has to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HardwarePart {
    /// Air flow, filters, fans, inlet temperature.
    Cooling,
    /// More physical cores.
    Processor,
    /// A card and its riser, to be seated again.
    PcieCard,
    /// A GPU, to be returned.
    Gpu,
    /// Power supplies, cables, redundancy.
    PowerSupply,
    /// Cable, transceiver and switch port of a network adapter.
    NetworkLink,
    /// Links between GPUs, their bridges and switches.
    NvLink,
    /// A memory module, to be replaced.
    MemoryModule,
    /// The modules of all channels, to be the same.
    MemoryLayout,
    /// More memory.
    Memory,
    /// A network adapter, to be moved to a slot of another socket.
    AdapterSlot,
    /// A disk of this node for the files of models.
    LocalDisk,
}

/// A question or a request to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderRequest {
    /// Frequency scaling of the host: which governor it has.
    Governor,
    /// An instance with more virtual CPUs.
    MoreCpus,
    /// Virtual CPUs of one's own, pinned and not overcommitted.
    DedicatedCpus,
    /// NUMA nodes and places of devices in the virtual machine that follow those of the host.
    VirtualNuma,
    /// A source of random numbers in the virtual machine.
    RandomDevice,
    /// Health of GPU, fabric or memory as the host sees it.
    Health,
    /// Microcode and mitigations of the host.
    Microcode,
    /// The clock source of the virtual machine.
    ClockSource,
    /// An instance with more memory.
    MoreMemory,
    /// Windows for devices with large memory (BARs) in the virtual machine.
    DeviceWindow,
    /// Resizable BAR in the firmware of the host.
    ResizableBar,
    /// GPUs that read each other's memory, which no virtual chipset offers.
    PeerAccess,
}

/// A setting that whatever starts a server gives it; each has a name in systemd, and most have one in container engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceSetting {
    /// `CPUWeight=`, 1 to 10000.
    CpuWeight,
    /// `IOWeight=`, 1 to 10000.
    IoWeight,
    /// `Nice=`, -20 to 19.
    Nice,
    /// `OOMScoreAdjust=`, -1000 to 1000.
    OomScore,
    /// `Restart=`.
    Restart,
    /// `RestartSec=`.
    RestartDelay,
    /// `TimeoutStartSec=`.
    StartTimeout,
    /// A check that it answers (`ExecStartPost=`, health check of a container).
    HealthCheck,
    /// `LimitNOFILE=`.
    OpenFiles,
    /// `LimitMEMLOCK=`, in bytes or `infinity`.
    LockedMemory,
    /// `TasksMax=`.
    Tasks,
    /// `MemoryMax=`, in bytes or `infinity`.
    MemoryLimit,
    /// `MemoryHigh=`, in bytes or `infinity`.
    MemoryThrottle,
    /// `MemorySwapMax=`, in bytes.
    SwapLimit,
    /// `CPUSchedulingPolicy=`.
    SchedulingPolicy,
}

/// A setting of the kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KubeletSetting {
    /// `cpuManagerPolicy`.
    CpuManagerPolicy,
    /// `full-pcpus-only` of `cpuManagerPolicyOptions`.
    FullPcpusOnly,
    /// `reservedSystemCPUs`.
    ReservedSystemCpus,
    /// `topologyManagerPolicy`.
    TopologyManagerPolicy,
    /// `topologyManagerScope`.
    TopologyManagerScope,
    /// `memoryManagerPolicy`.
    MemoryManagerPolicy,
    /// `reservedMemory`.
    ReservedMemory,
}

/// A setting of a network interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NicSetting {
    /// Combined channels (queues with an interrupt each).
    Channels,
    /// Entries of the ring that receives.
    ReceiveRing,
}

/// A state of a GPU.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case", deny_unknown_fields)]
pub enum GpuState {
    /// The driver keeps its state while no program uses the GPU.
    Persistent {},
    /// Its power limit.
    PowerLimit {
        /// Limit that is wanted, in W.
        want_watts: u32,
        /// Limit that was seen, in W.
        was_watts: u32,
    },
    /// No limits of the clocks beside those of the hardware.
    FreeClocks {},
    /// MIG on or off.
    Mig {
        /// True for on.
        on: bool,
    },
    /// One process at a time.
    Exclusive {},
    /// Reset, after its work was moved away.
    Reset {},
}

/// Software of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdatePart {
    /// The kernel.
    Kernel,
    /// Microcode of the CPUs.
    Microcode,
    /// Firmware of the machine.
    Firmware,
    /// Driver of the GPUs.
    GpuDriver,
    /// The fabric manager, in the version of the driver.
    FabricManager,
    /// What gives GPUs to containers.
    ContainerToolkit,
}

/// Work of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Agree on a service level and write it into the engagement file.
    AgreeServiceLevel,
    /// Write costs or prices into the engagement file.
    StateCosts,
    /// Repeat the load test so that it can be judged.
    RepeatLoadTest,
    /// Plan capacity: more replicas, or fewer.
    PlanCapacity,
    /// Add a replica.
    AddReplica,
    /// Put models or tiers together on fewer machines.
    Consolidate,
    /// Lay slow requests beside what the node did at that time.
    TraceSlowRequests,
    /// Find out what interrupts the CPUs.
    TraceInterruptions,
    /// Find out what holds the memory.
    TraceMemory,
    /// Move the node's work to another before anything is done to it.
    Drain,
    /// Watch the node's log for errors of this kind.
    WatchLog,
    /// Start again what ran on a GPU.
    RestartPrograms,
    /// Boot the machine again, after its work was moved away.
    RestartNode,
}

impl Intent {
    /// The word for its kind, as in JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Governor { .. } => "governor",
            Self::EnergyPreference { .. } => "energy-preference",
            Self::EnergyBias { .. } => "energy-bias",
            Self::FrequencyCap { .. } => "frequency-cap",
            Self::Boost { .. } => "boost",
            Self::IdleState { .. } => "idle-state",
            Self::Value { .. } => "value",
            Self::Sysctl { .. } => "sysctl",
            Self::KernelArgument { .. } => "kernel-argument",
            Self::TunedProfile { .. } => "tuned-profile",
            Self::Unit { .. } => "unit",
            Self::Place { .. } => "place",
            Self::Cores { .. } => "cores",
            Self::ThreadPool { .. } => "thread-pool",
            Self::Variable { .. } => "variable",
            Self::WithoutOption { .. } => "without-option",
            Self::WithOption { .. } => "with-option",
            Self::Service { .. } => "service",
            Self::CpuQuota { .. } => "cpu-quota",
            Self::Capability { .. } => "capability",
            Self::SharedMemory { .. } => "shared-memory",
            Self::GuaranteedPod { .. } => "guaranteed-pod",
            Self::ContainerDevices { .. } => "container-devices",
            Self::LocalModel { .. } => "local-model",
            Self::Restart { .. } => "restart",
            Self::Kubelet { .. } => "kubelet",
            Self::NormalPolicy { .. } => "normal-policy",
            Self::Elsewhere { .. } => "elsewhere",
            Self::Reserve { .. } => "reserve",
            Self::Interrupts { .. } => "interrupts",
            Self::InterruptBan { .. } => "interrupt-ban",
            Self::Nic { .. } => "nic",
            Self::KernelModule { .. } => "kernel-module",
            Self::ProductionKernel { .. } => "production-kernel",
            Self::TimeService { .. } => "time-service",
            Self::Persist { .. } => "persist",
            Self::SwapOff { .. } => "swap-off",
            Self::AcsOff { .. } => "acs-off",
            Self::Gpu { .. } => "gpu",
            Self::Update { .. } => "update",
            Self::Step { .. } => "step",
            Self::Firmware { .. } => "firmware",
            Self::Hardware { .. } => "hardware",
            Self::Provider { .. } => "provider",
        }
    }
}
