//! Network interfaces, RDMA ports, TCP sockets.

use plumb_evidence::Missing;
use plumb_evidence::derive::network::{INTERFACES, NAMESPACE, RDMA, SOCKETS};

use super::{Files, SECONDS};
use crate::probe::{Method, Privilege, Probe};

pub(super) const PROBE: Probe = Probe {
    id: "network",
    title: "network interfaces, RDMA ports, sockets",
    reads: &[INTERFACES, RDMA, SOCKETS[0], SOCKETS[1], NAMESPACE],
    privilege: Privilege::Any,
    budget: SECONDS,
    method: Method::Files(run),
    sample: None,
};

fn run(files: &Files<'_>) -> Result<(), Missing> {
    files.link(NAMESPACE);
    files.files("", &SOCKETS.map(|path| path.trim_start_matches('/')));
    for name in files.list(INTERFACES) {
        let interface = format!("{INTERFACES}/{name}");
        files.link(&interface);
        files.files(&interface, &["operstate", "speed", "mtu", "device/numa_node"]);
        // Nodes of Kubernetes have hundreds of interfaces without a device, and nothing to tell about their queues.
        if files.list(&format!("{interface}/device")).is_empty() {
            continue;
        }
        let queues = format!("{interface}/queues");
        for queue in files.list(&queues) {
            // Transmit queues only so that they can be counted.
            let file = if queue.starts_with("rx-") { "rps_cpus" } else { "tx_timeout" };
            let _ = files.file(&format!("{queues}/{queue}/{file}"));
        }
    }
    for device in files.list(RDMA) {
        let folder = format!("{RDMA}/{device}");
        files.link(&folder);
        files.files(&folder, &["board_id", "hca_type", "device/numa_node"]);
        for port in files.numbered(&format!("{folder}/ports"), "") {
            files.files(&port, &["link_layer", "state", "phys_state", "rate"]);
        }
    }
    Ok(())
}
