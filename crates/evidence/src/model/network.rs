//! Network interfaces, RDMA ports, sockets.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::fact::Fact;
use crate::index_set::{CpuSet, IndexSet};

/// Network interfaces, RDMA ports, sockets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// Network namespace that all but RDMA ports belong to, as `/proc/self/ns/net` names it (`net:[4026531840]`).
    pub namespace: Fact<String>,
    /// Interfaces, by name.
    pub interfaces: Fact<Vec<Interface>>,
    /// Ports of RDMA devices, by device and number; absent where the kernel has none.
    pub rdma: Fact<Vec<RdmaPort>>,
    /// TCP sockets that wait for connections.
    pub listening: Fact<Vec<ListeningSocket>>,
    /// Local ports of TCP connections, those in `TIME_WAIT` included, as ranges in order, both ends included.
    pub tcp_local_ports: Fact<Vec<(u16, u16)>>,
}

/// One network interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interface {
    /// Folder that it was read from, `/sys/class/net/NAME`; values are named after its files.
    #[serde(default)]
    pub path: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// PCI address of its device; absent for interfaces without one: loopback, bridges, pairs, bonds.
    #[serde(default)]
    pub device: Fact<String>,
    /// `up`, `down`, `unknown`, …
    #[serde(default)]
    pub operstate: Fact<String>,
    /// Speed of the link in Mbit/s; -1 where the driver does not know (virtual machines).
    #[serde(default)]
    pub speed_mbps: Fact<i64>,
    /// Largest packet in bytes.
    #[serde(default)]
    pub mtu: Fact<u64>,
    /// NUMA node of the device; -1 where the firmware does not tell.
    #[serde(default)]
    pub numa_node: Fact<i32>,
    /// Number of receive queues in use.
    #[serde(default)]
    pub rx_queues: Fact<u32>,
    /// Number of transmit queues in use.
    #[serde(default)]
    pub tx_queues: Fact<u32>,
    /// CPUs that received packets are spread over in software (RPS), grouped over queues with the same.
    pub receive_steering: Vec<QueueCpus>,
}

/// CPUs of some queues.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueueCpus {
    /// Numbers of the queues.
    pub queues: IndexSet,
    /// Their CPUs; empty where the steering is off.
    pub cpus: Fact<CpuSet>,
}

/// One port of an RDMA device (InfiniBand or RoCE).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RdmaPort {
    /// Folder that it was read from, `/sys/class/infiniband/DEVICE/ports/N`; values are named after its files.
    pub path: String,
    /// Name of the device, `mlx5_0`.
    pub device: String,
    /// Number of the port, from 1.
    pub port: u32,
    /// PCI address.
    pub address: Fact<String>,
    /// Model of the board, where the driver tells it (`board_id`, else `hca_type`).
    pub model: Fact<String>,
    /// NUMA node of the device; -1 where the firmware does not tell.
    pub numa_node: Fact<i32>,
    /// `InfiniBand` or `Ethernet`.
    pub link_layer: Fact<String>,
    /// Logical state (`ACTIVE`, `DOWN`, …).
    pub state: Fact<String>,
    /// Physical state (`LinkUp`, `Polling`, `Disabled`, …).
    pub phys_state: Fact<String>,
    /// Rate in Gbit/s.
    pub rate_gbps: Fact<f64>,
}

/// A TCP socket that waits for connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListeningSocket {
    /// File that it was read from.
    pub path: String,
    /// Local address and port.
    pub address: String,
    /// Port.
    pub port: u16,
    /// Connections that wait to be accepted at this moment. How many may wait is not in this file.
    pub waiting: u64,
    /// Processes that have it open, as far as anybody looked: only open files of inference servers are recorded.
    pub owners: Vec<u32>,
}

impl ListeningSocket {
    /// Whether other machines can reach it, as far as its address says: a firewall may be in the way.
    #[must_use]
    pub fn is_beyond_loopback(&self) -> bool {
        let address = self.address.parse::<SocketAddr>();
        address.is_ok_and(|address| !address.ip().to_canonical().is_loopback())
    }
}
