//! Whether virtual machines, containers and Kubernetes leave inference servers what they need.

use plumb_check_sdk::export_pack;

pub mod ctr_cpu_limit;
pub mod ctr_cpuset_numa;
pub mod ctr_gpu_runtime;
pub mod ctr_numa_policy_permitted;
pub mod k8s_cpu_manager;
pub mod k8s_topology_memory_manager;
mod pod;
mod server;
pub mod virt_steal;
pub mod virt_vnuma_pinning;
#[doc(hidden)]
pub mod pages {
    //! What the build makes of the pages beside the checks.
    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}

export_pack! {
    id: "virt-container",
    words: pages::WORDS,
    checks: [
        ctr_cpu_limit::CtrCpuLimit,
        ctr_cpuset_numa::CtrCpusetNuma,
        ctr_gpu_runtime::CtrGpuRuntime,
        ctr_numa_policy_permitted::CtrNumaPolicyPermitted,
        k8s_cpu_manager::K8sCpuManager,
        k8s_topology_memory_manager::K8sTopologyMemoryManager,
        virt_steal::VirtSteal,
        virt_vnuma_pinning::VirtVnumaPinning,
    ],
}
