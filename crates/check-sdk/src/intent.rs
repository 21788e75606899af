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
    /// A setting of the firmware.
    Firmware {
        /// The setting.
        setting: FirmwareSetting,
    },
    /// Hands on hardware.
    Hardware {
        /// What is to be looked at.
        part: HardwarePart,
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
}

/// A part of the machine that somebody has to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HardwarePart {
    /// Air flow, filters, fans, inlet temperature.
    Cooling,
    /// More physical cores.
    Processor,
}

/// A question or a request to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderRequest {
    /// Frequency scaling of the host: which governor it has.
    Governor,
    /// An instance with more virtual CPUs.
    MoreCpus,
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
            Self::Firmware { .. } => "firmware",
            Self::Hardware { .. } => "hardware",
            Self::Provider { .. } => "provider",
        }
    }
}
