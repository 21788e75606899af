//! All probes, in the order in which they run.

use std::time::Duration;

use crate::helper::Answer;
use crate::probe::{Method, Privilege, Probe};
use crate::recorder::Recorder;

mod cgroup;
mod container;
mod cpu;
mod freq;
mod irq;
mod numa;
mod nvidia;
mod pci;
mod process;
mod service;
mod settings;
mod sysctl;
mod system;

const SECONDS: Duration = Duration::from_secs(5);

/// The list of all probes.
///
/// Libraries come first: they run in processes of their own while the files are read.
pub const PROBES: &[Probe] = &[
    Probe {
        id: "hwloc",
        title: "topology as hwloc sees it",
        reads: &[],
        privilege: Privilege::Any,
        budget: Duration::from_secs(20),
        method: Method::Helper(Answer::Hwloc),
        sample: None,
    },
    Probe {
        id: "nvml",
        title: "GPUs as NVIDIA's management library sees them",
        reads: &[],
        privilege: Privilege::Any,
        budget: Duration::from_secs(20),
        method: Method::Helper(Answer::Nvml),
        sample: None,
    },
    system::PROBE,
    cpu::PROBE,
    numa::PROBE,
    pci::PROBE,
    nvidia::PROBE,
    freq::CPUFREQ,
    freq::CPUIDLE,
    sysctl::PROBE,
    settings::PROBE,
    irq::PROBE,
    cgroup::PROBE,
    process::PROBE,
    service::PROBE,
    container::PROBE,
];

type Files<'a> = Recorder<'a, crate::fs_source::FsSource>;
