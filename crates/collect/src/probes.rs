//! All probes, in the order in which they run.

use std::time::Duration;

use plumb_evidence::bundle::CLOCK_NAME;

use crate::clock;
use crate::helper::Answer;
use crate::probe::{Method, Privilege, Probe};
use crate::recorder::Recorder;

mod cgroup;
mod container;
mod counters;
mod cpu;
mod dimm;
mod freq;
mod irq;
mod kernel_log;
mod memory;
mod network;
mod numa;
mod nvidia;
mod pci;
mod platform;
mod power;
mod process;
mod service;
mod settings;
mod storage;
mod sysctl;
mod system;

const SECONDS: Duration = Duration::from_secs(5);

/// The list of all probes.
///
/// Libraries come first: they run in processes of their own while the files are read, by two threads that take the next
/// probe whenever they are free.
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
    Probe {
        id: "clock",
        title: "state of the kernel's clock",
        reads: &[],
        privilege: Privilege::Any,
        budget: SECONDS,
        method: Method::Child(CLOCK_NAME, clock::ask),
        sample: None,
    },
    Probe {
        id: "nvml-window",
        title: "GPUs during the window, as NVIDIA's management library sees them",
        reads: &[],
        privilege: Privilege::Any,
        budget: Duration::from_secs(20),
        method: Method::Sampler(Answer::NvmlWindow),
        sample: None,
    },
    // Others ask what this one has seen.
    process::PROBE,
    // What takes longest comes early, so that no thread is left with it at the end.
    network::PROBE,
    kernel_log::PROBE,
    system::PROBE,
    cpu::PROBE,
    numa::PROBE,
    pci::PROBE,
    service::PROBE,
    nvidia::PROBE,
    storage::PROBE,
    dimm::PROBE,
    freq::CPUFREQ,
    freq::CPUIDLE,
    power::PROBE,
    sysctl::PROBE,
    settings::PROBE,
    irq::PROBE,
    memory::PROBE,
    platform::PROBE,
    cgroup::PROBE,
    container::PROBE,
    counters::PROBE,
    process::MEMORY,
];

type Files<'a> = Recorder<'a, crate::fs_source::FsSource>;
