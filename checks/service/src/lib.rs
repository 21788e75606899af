//! Whether the settings of an inference server are part of its service and outlive a reboot.

use plumb_check_sdk::export_pack;

mod server;
mod svc_device_order;
mod svc_drift;
mod svc_limits;
mod svc_restart_oom;
mod svc_unit_affinity;
mod svc_unit_weights;

export_pack! {
    id: "service",
    pages: pages,
}
