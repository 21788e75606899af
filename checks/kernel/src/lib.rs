//! The kernel: clocks, boot arguments, build, security.

use plumb_check_sdk::export_pack;

pub mod kernel_clocksource;
pub mod kernel_cmdline_drift;
pub mod kernel_debug_options;
pub mod kernel_entropy;
pub mod kernel_mitigations;
pub mod kernel_time_sync;
#[doc(hidden)]
pub mod pages {
    //! What the build makes of the pages beside the checks.
    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}

export_pack! {
    id: "kernel",
    words: pages::WORDS,
    checks: [
        kernel_clocksource::KernelClocksource,
        kernel_cmdline_drift::KernelCmdlineDrift,
        kernel_debug_options::KernelDebugOptions,
        kernel_entropy::KernelEntropy,
        kernel_mitigations::KernelMitigations,
        kernel_time_sync::KernelTimeSync,
    ],
}
