//! Interrupts and the network.

use plumb_check_sdk::export_pack;

mod irq_critical_cores;
mod irq_device_locality;
mod irq_irqbalance_policy;
mod lines;
mod net_listen_backlog;
mod net_rdma_peermem;
mod net_rx_path;

export_pack! {
    id: "irq-net",
    pages: pages,
}
