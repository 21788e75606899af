//! Whether virtual machines, containers and Kubernetes leave inference servers what they need.

use plumb_check_sdk::export_pack;

mod ctr_cpu_limit;
mod ctr_cpuset_numa;
mod ctr_gpu_runtime;
mod ctr_numa_policy_permitted;
mod k8s_cpu_manager;
mod k8s_topology_memory_manager;
mod pod;
mod server;
mod virt_steal;
mod virt_vnuma_pinning;

export_pack! {
    id: "virt-container",
    pages: pages,
}
