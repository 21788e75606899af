//! Where the threads and the memory of inference servers are.

use plumb_check_sdk::export_pack;

pub mod numa_gpu_affinity;

export_pack! {
    id: "affinity",
    checks: [numa_gpu_affinity::NumaGpuAffinity],
}
