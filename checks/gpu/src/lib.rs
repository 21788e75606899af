//! State, links, memory and sharing of the GPUs.

use plumb_check_sdk::export_pack;

mod gpu_acs_iommu;
mod gpu_bar1;
mod gpu_clock_throttle;
mod gpu_ecc_remap;
mod gpu_nvlink_fabric;
mod gpu_pcie_link;
mod gpu_persistence;
mod gpu_power_cap;
mod gpu_sharing_mode;
mod gpu_xid;
mod gpus;

export_pack! {
    id: "gpu",
    pages: pages,
}
