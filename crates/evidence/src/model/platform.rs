//! Kernel, time, virtualisation, device isolation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ManagerAffinity, SetApart};
use crate::fact::Fact;

/// Kernel, time, virtualisation, device isolation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Platform {
    /// What the kernel says of the weaknesses of this CPU, by name.
    pub vulnerabilities: Fact<Vec<Vulnerability>>,
    /// How the kernel was built.
    pub kernel_config: Fact<KernelConfig>,
    /// Modules that are loaded, sorted; parts that are built in are not among them.
    pub modules: Fact<Vec<String>>,
    /// Where boot arguments are configured; known to be empty where none of the known files is there.
    pub boot: Fact<Vec<BootArguments>>,
    /// The clock and what sets it.
    pub clock: Fact<Clock>,
    /// The CPUs that systemd gives all that it starts; absent where nothing sets them.
    pub manager_affinity: Fact<ManagerAffinity>,
    /// CPUs that boot set apart from the others; known to be empty where it did so with none.
    pub set_apart: Fact<Vec<SetApart>>,
}

/// A weakness of the CPU and what the kernel does about it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Vulnerability {
    /// File that it was read from.
    pub path: String,
    /// Name of the file, for example `spectre_v2`.
    pub name: String,
    /// The kernel's words: `Not affected`, `Mitigation: …`, `Vulnerable…`.
    pub state: Fact<String>,
}

/// How the kernel was built.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KernelConfig {
    /// File that it was read from.
    pub path: String,
    /// Options by name without `CONFIG_`: `y`, `m`, a value, or `n` where the file does not set it. Only options that
    /// checks ask for, and all of those.
    pub options: BTreeMap<String, String>,
}

/// Boot arguments as one file configures them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BootArguments {
    /// File that they were read from.
    pub path: String,
    /// `entry` (a boot loader entry), `grub` (what new menus are made from) or `kernel` (what new entries are made from).
    pub kind: String,
    /// Kernel release that the entry starts, for entries.
    pub release: Fact<String>,
    /// The arguments, in order.
    pub arguments: Fact<Vec<String>>,
}

/// The clock and what sets it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Clock {
    /// What the kernel says of its clock.
    pub kernel: Fact<KernelClock>,
    /// Configured sources of time.
    pub sources: Fact<Vec<TimeSource>>,
}

/// What adjtimex(2) answers. Also the form of `api/clock.json` in a bundle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KernelClock {
    /// False while nothing keeps the clock right (`STA_UNSYNC`).
    pub synchronized: Fact<bool>,
    /// Offset that the kernel is still correcting, in µs; 0 under chrony, which corrects by frequency.
    pub offset_us: Fact<f64>,
    /// Error as the time daemon estimates it, in µs.
    pub estimated_error_us: Fact<u64>,
    /// Upper bound of the error in µs; grows by itself while the daemon is silent.
    pub max_error_us: Fact<u64>,
    /// Status bits.
    pub status: Fact<u32>,
}

/// A configured source of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeSource {
    /// File that it was read from.
    pub path: String,
    /// `server`, `pool`, `peer` or `refclock`.
    pub kind: String,
    /// Name or address.
    pub name: String,
}
