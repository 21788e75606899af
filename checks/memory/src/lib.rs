//! Host memory: placement, reclaim, swap, headroom, errors.

use plumb_check_sdk::export_pack;
use plumb_check_sdk::model::InferenceServer;
use plumb_check_sdk::{Object, ObjectKind};

mod counters;
pub mod mem_headroom;
pub mod mem_host_ecc;
pub mod mem_numa_balancing;
pub mod mem_shm;
pub mod mem_swap;
pub mod mem_thp;
pub mod mem_zone_reclaim;
#[doc(hidden)]
pub mod pages {
    //! What the build makes of the pages beside the checks.
    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}

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
    words: pages::WORDS,
    checks: [
        mem_headroom::MemHeadroom,
        mem_host_ecc::MemHostEcc,
        mem_numa_balancing::MemNumaBalancing,
        mem_shm::MemShm,
        mem_swap::MemSwap,
        mem_thp::MemThp,
        mem_zone_reclaim::MemZoneReclaim,
    ],
}
