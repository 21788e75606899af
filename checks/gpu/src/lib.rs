//! State, links, memory and sharing of the GPUs.

use plumb_check_sdk::export_pack;

pub mod gpu_acs_iommu;
pub mod gpu_bar1;
pub mod gpu_clock_throttle;
pub mod gpu_ecc_remap;
pub mod gpu_nvlink_fabric;
pub mod gpu_pcie_link;
pub mod gpu_persistence;
pub mod gpu_power_cap;
pub mod gpu_sharing_mode;
pub mod gpu_xid;
mod gpus;
#[doc(hidden)]
pub mod pages {
    //! What the build makes of the pages beside the checks.
    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}

export_pack! {
    id: "gpu",
    words: pages::WORDS,
    checks: [
        gpu_acs_iommu::GpuAcsIommu,
        gpu_bar1::GpuBar1,
        gpu_clock_throttle::GpuClockThrottle,
        gpu_ecc_remap::GpuEccRemap,
        gpu_nvlink_fabric::GpuNvlinkFabric,
        gpu_pcie_link::GpuPcieLink,
        gpu_persistence::GpuPersistence,
        gpu_power_cap::GpuPowerCap,
        gpu_sharing_mode::GpuSharingMode,
        gpu_xid::GpuXid,
    ],
}
