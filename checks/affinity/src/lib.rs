//! Where the threads and the memory of inference servers are.

use plumb_check_sdk::export_pack;

mod affinity_binder_conflict;
mod affinity_core_overlap;
mod affinity_omp_threads;
mod affinity_thread_coverage;
mod cpu_cores_per_gpu;
mod delay;
mod numa_gpu_affinity;
mod numa_memory_locality;
#[doc(hidden)]
pub mod pages {
    //! What the build makes of the pages beside the checks.
    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}
mod place;

export_pack! {
    id: "affinity",
    pages: pages,
}
