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
mod place;

export_pack! {
    id: "affinity",
    pages: pages,
}
