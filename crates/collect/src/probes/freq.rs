//! Frequency scaling and idle states.

use plumb_evidence::{Absence, Missing};

use super::{Files, SECONDS};
use crate::probe::{Method, Privilege, Probe};

const PATH: &str = "/sys/devices/system/cpu";

pub(super) const CPUFREQ: Probe = Probe {
    id: "cpufreq",
    title: "frequency scaling",
    reads: &[
        "/sys/devices/system/cpu/cpufreq",
        "/sys/devices/system/cpu/intel_pstate",
        "/sys/devices/system/cpu/amd_pstate",
    ],
    privilege: Privilege::Any,
    budget: SECONDS,
    method: Method::Files(cpufreq),
    sample: None,
};

pub(super) const CPUIDLE: Probe = Probe {
    id: "cpuidle",
    title: "idle states",
    reads: &["/sys/devices/system/cpu/cpuidle"],
    privilege: Privilege::Any,
    budget: SECONDS,
    method: Method::Files(cpuidle),
    sample: None,
};

/// Without `scaling_cur_freq`: kernels before 5.19 measure it for each reader, which takes 10 to 20 ms per busy CPU and
/// interrupts it, on a node that is serving; and the frequency of one moment proves nothing.
const POLICY: &[&str] = &[
    "affected_cpus",
    "related_cpus",
    "scaling_driver",
    "scaling_governor",
    "scaling_available_governors",
    "scaling_min_freq",
    "scaling_max_freq",
    "cpuinfo_min_freq",
    "cpuinfo_max_freq",
    "base_frequency",
    "energy_performance_preference",
    "energy_performance_available_preferences",
    "energy_performance_preference_val",
    "auto_select",
    "perf_limited",
    "scaling_boost_frequencies",
];

fn cpufreq(files: &Files<'_>) -> Result<(), Missing> {
    files.files(
        PATH,
        &[
            "cpufreq/boost",
            "intel_pstate/status",
            "intel_pstate/no_turbo",
            "intel_pstate/min_perf_pct",
            "intel_pstate/max_perf_pct",
            "amd_pstate/status",
            "amd_pstate/prefcore",
        ],
    );
    let policies = files.numbered(&format!("{PATH}/cpufreq"), "policy");
    for policy in &policies {
        files.files(policy, POLICY);
    }
    let mut found = !policies.is_empty();
    for cpu in files.numbered(PATH, "cpu") {
        let folder = format!("{cpu}/cpufreq");
        if policies.is_empty() {
            // Kernels before 4.2 keep the settings here; later ones keep a link to the policy.
            files.files(&folder, POLICY);
            found |= !files.list(&folder).is_empty();
        } else {
            files.files(&folder, &["cpuinfo_min_freq", "cpuinfo_max_freq"]);
        }
    }
    if found {
        Ok(())
    } else {
        Err(Missing::new(Absence::Absent, "the kernel offers no frequency scaling on this node"))
    }
}

fn cpuidle(files: &Files<'_>) -> Result<(), Missing> {
    let root = format!("{PATH}/cpuidle");
    files.files(&root, &["current_driver", "available_governors"]);
    files.either(&root, &["current_governor_ro", "current_governor"]);
    let mut found = false;
    for cpu in files.numbered(PATH, "cpu") {
        for state in files.numbered(&format!("{cpu}/cpuidle"), "state") {
            files.files(&state, &["name", "latency", "residency", "disable", "usage", "time"]);
            found = true;
        }
    }
    if found {
        Ok(())
    } else {
        Err(Missing::new(Absence::Absent, "the kernel offers no idle states on this node"))
    }
}
