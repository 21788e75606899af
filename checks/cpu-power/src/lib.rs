//! Clocks, energy preferences and idle states of the CPUs.

use plumb_check_sdk::export_pack;

pub mod cpu_cstates;
pub mod cpu_driver_mode;
pub mod cpu_effective_clock;
pub mod cpu_epp_epb;
pub mod cpu_governor;
pub mod cpu_pct_priority_cores;
pub mod cpu_thermal_throttle;
pub mod cpu_tuned_profile;
pub mod cpu_turbo_caps;
pub mod cpu_uncore_elc;
mod host;
#[doc(hidden)]
pub mod pages {
    //! What the build makes of the pages beside the checks.
    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}
mod objective;
mod preference;
mod serving;
mod settings;
mod share;

export_pack! {
    id: "cpu-power",
    words: pages::WORDS,
    checks: [
        cpu_cstates::CpuCstates,
        cpu_driver_mode::CpuDriverMode,
        cpu_effective_clock::CpuEffectiveClock,
        cpu_epp_epb::CpuEppEpb,
        cpu_governor::CpuGovernor,
        cpu_pct_priority_cores::CpuPctPriorityCores,
        cpu_thermal_throttle::CpuThermalThrottle,
        cpu_tuned_profile::CpuTunedProfile,
        cpu_turbo_caps::CpuTurboCaps,
        cpu_uncore_elc::CpuUncoreElc,
    ],
}
