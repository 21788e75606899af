//! Host memory: placement, reclaim, swap, headroom, errors.

use plumb_check_sdk::export_pack;
use plumb_check_sdk::model::InferenceServer;
use plumb_check_sdk::{Object, ObjectKind};

mod counters;
mod mem_headroom;
mod mem_host_ecc;
mod mem_numa_balancing;
mod mem_shm;
mod mem_swap;
mod mem_thp;
mod mem_zone_reclaim;

fn server_object(server: &InferenceServer) -> Object {
    let name = format!("server {} {}", server.kind, server.pid);
    Object::new(ObjectKind::Server, server.pid.to_string()).named(name)
}

/// A server as what its placement belongs to, by the name that other packs use for it.
fn placed(server: &InferenceServer) -> Object {
    server_object(server).named(format!("{} server {}", server.kind, server.pid))
}

export_pack! {
    id: "memory",
    pages: pages,
}
