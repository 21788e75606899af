//! The core pack: is the node what an inference server takes it for, and do its workers run where they should?

use plumb_check_sdk::export_pack;

pub mod cpu_governor;
pub mod numa_gpu_affinity;
pub mod topo_gpu_numa_known;

export_pack! {
    id: "core",
    checks: [cpu_governor::CpuGovernor, numa_gpu_affinity::NumaGpuAffinity, topo_gpu_numa_known::TopoGpuNumaKnown],
}
