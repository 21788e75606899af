//! How sockets, memory, GPUs and links are laid out.

use plumb_check_sdk::export_pack;

mod mend;
pub mod topo_dimm_balance;
pub mod topo_gpu_numa_known;
pub mod topo_nic_locality;
pub mod topo_nps_snc;
pub mod topo_numa_visible;
pub mod topo_nvme_locality;
pub mod topo_tp_group_path;
#[doc(hidden)]
pub mod pages {
    //! What the build makes of the pages beside the checks.
    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}

export_pack! {
    id: "topology",
    words: pages::WORDS,
    checks: [
        topo_dimm_balance::TopoDimmBalance,
        topo_gpu_numa_known::TopoGpuNumaKnown,
        topo_nic_locality::TopoNicLocality,
        topo_nps_snc::TopoNpsSnc,
        topo_numa_visible::TopoNumaVisible,
        topo_nvme_locality::TopoNvmeLocality,
        topo_tp_group_path::TopoTpGroupPath,
    ],
}
