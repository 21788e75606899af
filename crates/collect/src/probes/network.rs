//! Network interfaces, RDMA ports, TCP sockets.

use plumb_evidence::Missing;
use plumb_evidence::derive::network::{INTERFACES, NAMESPACE, RDMA, SOCKETS};

use super::{Files, SECONDS};
use crate::fs_source::FsSource;
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
    for path in SOCKETS {
        let _ = files.file_by(path, FsSource::sockets, |table| without_clients(&table));
    }
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

/// A table of sockets with the digits of remote addresses replaced by zeros: who the clients are is nobody's business.
fn without_clients(table: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(table.len());
    // Place of the word on its line, counted from 1: the remote address is the third.
    let (mut word, mut inside, mut heading) = (0, false, true);
    for &byte in table {
        if byte == b'\n' {
            (word, inside, heading) = (0, false, false);
        } else {
            let begins = !inside && !byte.is_ascii_whitespace();
            word += u32::from(begins);
            inside = !byte.is_ascii_whitespace();
        }
        let hide = inside && word == 3 && !heading && byte != b':';
        kept.push(if hide { b'0' } else { byte });
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_not_kept() {
        let table = b"  sl  local_address rem_address   st tx_queue rx_queue\n   0: 0100007F:1F40 \
             0500A8C0:C350 01 0:0 0\n";
        let kept = b"  sl  local_address rem_address   st tx_queue rx_queue\n   0: 0100007F:1F40 \
             00000000:0000 01 0:0 0\n";
        assert_eq!(String::from_utf8_lossy(&without_clients(table)), String::from_utf8_lossy(kept));
    }
}
