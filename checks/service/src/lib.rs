//! Whether the settings of an inference server are part of its service and outlive a reboot.

use plumb_check_sdk::export_pack;

mod server;
pub mod svc_device_order;
pub mod svc_drift;
pub mod svc_limits;
pub mod svc_restart_oom;
pub mod svc_unit_affinity;
pub mod svc_unit_weights;
#[doc(hidden)]
pub mod pages {
    //! What the build makes of the pages beside the checks.
    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}

export_pack! {
    id: "service",
    words: pages::WORDS,
    checks: [
        svc_device_order::SvcDeviceOrder,
        svc_drift::SvcDrift,
        svc_limits::SvcLimits,
        svc_restart_oom::SvcRestartOom,
        svc_unit_affinity::SvcUnitAffinity,
        svc_unit_weights::SvcUnitWeights,
    ],
}
