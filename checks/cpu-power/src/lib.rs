//! Clocks, energy preferences and idle states of the CPUs.

use plumb_check_sdk::export_pack;

pub mod cpu_governor;

export_pack! {
    id: "cpu-power",
    checks: [cpu_governor::CpuGovernor],
}
