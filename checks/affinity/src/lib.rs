//! Where the threads and the memory of inference servers are.

use plumb_check_sdk::export_pack;

pub mod affinity_binder_conflict;
pub mod affinity_core_overlap;
pub mod affinity_omp_threads;
pub mod affinity_thread_coverage;
pub mod cpu_cores_per_gpu;
mod delay;
pub mod numa_gpu_affinity;
pub mod numa_memory_locality;
#[doc(hidden)]
pub mod pages {
    //! What the build makes of the pages beside the checks.
    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}
mod place;

export_pack! {
    id: "affinity",
    words: pages::WORDS,
    checks: [
        affinity_binder_conflict::AffinityBinderConflict,
        affinity_core_overlap::AffinityCoreOverlap,
        affinity_omp_threads::AffinityOmpThreads,
        affinity_thread_coverage::AffinityThreadCoverage,
        cpu_cores_per_gpu::CpuCoresPerGpu,
        numa_gpu_affinity::NumaGpuAffinity,
        numa_memory_locality::NumaMemoryLocality,
    ],
}
