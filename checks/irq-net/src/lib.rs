//! Interrupts and the network.

use plumb_check_sdk::export_pack;

pub mod irq_critical_cores;
pub mod irq_device_locality;
pub mod irq_irqbalance_policy;
mod lines;
pub mod net_listen_backlog;
pub mod net_rdma_peermem;
pub mod net_rx_path;
#[doc(hidden)]
pub mod pages {
    //! What the build makes of the pages beside the checks.
    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}

export_pack! {
    id: "irq-net",
    words: pages::WORDS,
    checks: [
        irq_critical_cores::IrqCriticalCores,
        irq_device_locality::IrqDeviceLocality,
        irq_irqbalance_policy::IrqIrqbalancePolicy,
        net_listen_backlog::NetListenBacklog,
        net_rdma_peermem::NetRdmaPeermem,
        net_rx_path::NetRxPath,
    ],
}
