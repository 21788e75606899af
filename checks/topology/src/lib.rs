//! How sockets, memory, GPUs and links are laid out.

use plumb_check_sdk::export_pack;

pub mod topo_gpu_numa_known;

export_pack! {
    id: "topology",
    checks: [topo_gpu_numa_known::TopoGpuNumaKnown],
}
