//! How sockets, memory, GPUs and links are laid out.

use plumb_check_sdk::export_pack;

mod mend;
mod topo_dimm_balance;
mod topo_gpu_numa_known;
mod topo_nic_locality;
mod topo_nps_snc;
mod topo_numa_visible;
mod topo_nvme_locality;
mod topo_tp_group_path;

export_pack! {
    id: "topology",
    pages: pages,
}
