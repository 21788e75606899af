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
mod place;

export_pack! {
    id: "affinity",
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
