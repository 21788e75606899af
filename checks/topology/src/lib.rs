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
#[doc(hidden)]
pub mod pages {
    //! What the build makes of the pages beside the checks.
    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}

export_pack! {
    id: "topology",
    pages: pages,
}
