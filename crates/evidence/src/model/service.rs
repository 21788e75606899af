//! systemd units and settings that survive a reboot.

use serde::{Deserialize, Serialize};

use crate::fact::Fact;

/// systemd units and settings that survive a reboot.
///
/// What is looked up by name is a list, so that an entry that got lost is not taken for one that never was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Services {
    /// Units that processes of inference servers run in, and the slices above them, by name.
    pub units: Fact<Vec<Unit>>,
    /// What is set again at the next boot.
    pub persistent: Fact<Persistent>,
    /// Programs that keep settings in force while they run (`tuned`, `irqbalance`, `nvidia-persistenced`, …), by name.
    pub programs: Fact<Vec<Program>>,
}

/// One systemd unit as its files describe it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Name (`vllm@0.service`).
    pub name: String,
    /// File that defines it; absent for units that exist in systemd's memory only.
    pub fragment: Fact<String>,
    /// Files that add to it, in the order in which systemd reads them.
    pub drop_ins: Vec<String>,
    /// Settings in the order in which systemd reads them; what an empty assignment took back is left out.
    pub settings: Vec<UnitSetting>,
}

impl Unit {
    /// The last value of a setting, as scalars are read.
    #[must_use]
    pub fn last(&self, section: &str, key: &str) -> Option<&UnitSetting> {
        self.all(section, key).last()
    }

    /// All values of a setting, as lists are read.
    pub fn all(&self, section: &str, key: &str) -> impl Iterator<Item = &UnitSetting> {
        self.settings.iter().filter(move |setting| setting.section == section && setting.key == key)
    }
}

/// A setting of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitSetting {
    /// Section of the file without brackets (`Service`).
    pub section: String,
    /// Name (`CPUAffinity`).
    pub key: String,
    /// Value as it is written; secrets were masked at collection.
    pub value: String,
    /// File that says so. Below `/run` it is gone after a reboot.
    pub path: String,
}

/// What is set again at the next boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Persistent {
    /// Kernel parameters by dotted name, from `sysctl.d` and TuneD; the value that boot leaves in force.
    pub sysctl: Fact<Vec<PersistentValue>>,
    /// Files under `/sys` and `/proc` that `tmpfiles.d`, TuneD or udev write, by path; a path may hold `*`.
    pub files: Fact<Vec<PersistentValue>>,
    /// Arguments of the kernel's command line by name, from the boot loader's configuration.
    pub cmdline: Fact<Vec<PersistentValue>>,
    /// Frequency governor, from TuneD, cpupower or the kernel's command line.
    pub governor: Fact<PersistentValue>,
    /// Profile that TuneD applies when it starts.
    pub tuned_profile: Fact<String>,
    /// Options of kernel modules (`nvidia NVreg_…=1`), by module, from `modprobe.d`.
    pub modules: Fact<Vec<PersistentValue>>,
    /// Rules of udev that write files or start programs, by what they match.
    pub udev: Fact<Vec<PersistentValue>>,
}

/// One value and the file that sets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersistentValue {
    /// What is set.
    pub name: String,
    /// To which value.
    pub value: String,
    /// By which file.
    pub path: String,
}

/// A program that keeps settings in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Name of its service without `.service`.
    pub name: String,
    /// What starts it at boot: a link in a `*.wants` folder or a rule of udev; absent if nothing does.
    pub started_by: Fact<String>,
    /// PID of its process; absent if it does not run.
    pub pid: Fact<u32>,
}
