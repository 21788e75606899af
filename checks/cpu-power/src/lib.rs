//! Clocks, energy preferences and idle states of the CPUs.

use plumb_check_sdk::export_pack;

mod cpu_cstates;
mod cpu_driver_mode;
mod cpu_effective_clock;
mod cpu_epp_epb;
mod cpu_governor;
mod cpu_pct_priority_cores;
mod cpu_thermal_throttle;
mod cpu_tuned_profile;
mod cpu_turbo_caps;
mod cpu_uncore_elc;
mod host;
mod objective;
mod preference;
mod serving;
mod settings;
mod share;
mod turbo;

export_pack! {
    id: "cpu-power",
    pages: pages,
}
