//! Faults that the pack `irq-net` has to find.

use super::Planted;
use super::scheduler::lines;
use crate::synthetic::{API_SERVER, Node, node_cpus};

/// The interface of the network card.
const CARD: &str = "ens1np0";
const INTERFACE: &str = "/sys/class/net/ens1np0";

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "queues of the network card on CPUs of workers",
        check: "irq.critical-cores",
        outcome: "fail",
        subject: "CPUs 4,10,16,22",
        also: &[],
        engagement: "",
        plant: |node| {
            let cpus = [4, 10, 16, 22];
            node.interrupts_on(cpus, 150_000);
            cpus.into_iter().for_each(|cpu| node.interrupt_time(cpu, 62));
            card(node, 600_000);
        },
    },
    Planted {
        name: "queues of the network card on the far socket",
        check: "irq.device-locality",
        outcome: "fail",
        subject: "network card 0000:4f:00.0 (ens1np0)",
        also: &[],
        engagement: "",
        plant: |node| {
            node.interrupts_on([32, 33, 34, 35], 60_000);
            card(node, 240_000);
        },
    },
    Planted {
        name: "all interrupts on the first CPU",
        check: "irq.irqbalance-policy",
        outcome: "fail",
        subject: "node",
        also: &[],
        engagement: "",
        plant: |node| {
            node.interrupts_on([0; 4], 5_000);
            card(node, 20_000);
        },
    },
    Planted {
        name: "clients come faster than a short queue allows",
        check: "net.listen-backlog",
        outcome: "fail",
        subject: "queues of listening sockets",
        also: &[],
        engagement: "",
        plant: |node| {
            card(node, 20_000);
            node.set("/proc/sys/net/core/somaxconn", "128\n");
            let text = |full: u64| {
                format!(
                    "TcpExt: SyncookiesSent TW ListenOverflows ListenDrops TCPTimeouts TCPBacklogDrop\n\
                     TcpExt: 0 40211 {full} {full} 12 0\n"
                )
            };
            node.window("/proc/net/netstat", text(9_112), text(9_149));
        },
    },
    Planted {
        name: "transfers between servers without peer memory",
        check: "net.rdma-peermem",
        outcome: "fail",
        subject: "GPUDirect RDMA",
        also: &[],
        engagement: "",
        plant: |node| {
            card(node, 20_000);
            rdma(node);
            let path = format!("/proc/{API_SERVER}/cmdline");
            let option = r#"{"kv_connector":"NixlConnector","kv_role":"kv_both"}"#;
            let command = node.text(&path);
            node.set(&path, format!("{command}--kv-transfer-config\0{option}\0"));
            node.set(
                "/proc/modules",
                "nvidia_uvm 4943872 32 - Live 0x0000000000000000 (POE)\n\
                 nvidia_drm 122880 0 - Live 0x0000000000000000 (POE)\n\
                 nvidia_modeset 1355776 1 nvidia_drm, Live 0x0000000000000000 (POE)\n\
                 nvidia 54566912 619 nvidia_uvm,nvidia_modeset, Live 0x0000000000000000 (POE)\n\
                 mlx5_ib 507904 0 - Live 0x0000000000000000\n\
                 ib_uverbs 200704 1 mlx5_ib, Live 0x0000000000000000\n\
                 ib_core 507904 2 mlx5_ib,ib_uverbs, Live 0x0000000000000000\n\
                 mlx5_core 2203648 1 mlx5_ib, Live 0x0000000000000000\n",
            );
        },
    },
    Planted {
        name: "receive ring of the network card overflows",
        check: "net.rx-path",
        outcome: "fail",
        subject: "interface ens1np0",
        also: &[],
        engagement: "",
        plant: |node| {
            card(node, 20_000);
            gained(node, "rx_missed_errors", 4_120, 871);
        },
    },
    Planted {
        name: "backlog of the kernel overflows",
        check: "net.rx-path",
        outcome: "fail",
        subject: "packet processing",
        also: &[],
        engagement: "",
        plant: |node| {
            card(node, 20_000);
            node.set("/proc/sys/net/core/netdev_max_backlog", "1000\n");
            // Packets are handed to CPU 1, which cannot take them all.
            lines(node, "/proc/net/softnet_stat", |line| {
                if line.ends_with(" 00000001") && !line.starts_with("00002710") {
                    line.replacen(" 00000000", " 000001d4", 1)
                } else {
                    line.to_owned()
                }
            });
        },
    },
];

/// The interface of the network card, with four queues, which took in so many packets in the window.
fn card(node: &mut Node, packets: u64) {
    let place = "../../devices/pci0000:16/0000:4f:00.0/net";
    node.links.insert(INTERFACE.to_owned(), format!("{place}/{CARD}"));
    node.links.insert("/proc/self/ns/net".to_owned(), "net:[4026531840]".to_owned());
    for (file, value) in
        [("operstate", "up"), ("speed", "100000"), ("mtu", "1500"), ("device/numa_node", "0")]
    {
        node.set(&format!("{INTERFACE}/{file}"), format!("{value}\n"));
    }
    for queue in 0..4 {
        let off = "00000000,00000000,00000000,00000000\n";
        node.set(&format!("{INTERFACE}/queues/rx-{queue}/rps_cpus"), off);
        node.set(&format!("{INTERFACE}/queues/tx-{queue}/xps_cpus"), off);
    }
    for (name, before, more) in [
        ("rx_packets", 610_004_121, packets),
        ("rx_bytes", 81_204_113_902, packets * 900),
        ("tx_bytes", 201_778_004_551, packets * 400),
        ("rx_crc_errors", 0, 0),
        ("rx_errors", 0, 0),
        ("rx_fifo_errors", 0, 0),
        ("rx_missed_errors", 0, 0),
        ("tx_errors", 0, 0),
    ] {
        gained(node, name, before, more);
    }
    node.set("/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
    node.set(
        "/proc/net/tcp",
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
         0: 00000000:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11452 1 0000000000000000 \
         100 0 0 10 0\n   \
         1: 0A01A8C0:1F40 1401A8C0:C3A2 01 00000000:00000000 00:00000000 00000000     0        0 90211 1 0000000000000000 \
         20 4 30 10 -1\n",
    );
}

/// A counter of the interface.
fn gained(node: &mut Node, name: &str, before: u64, more: u64) {
    count(node, &format!("{INTERFACE}/statistics/{name}"), before, more);
}

/// A counter, and what it gained in the window.
fn count(node: &mut Node, path: &str, before: u64, more: u64) {
    node.set(path, format!("{before}\n"));
    node.window(path, format!("{before}\n"), format!("{}\n", before + more));
}

/// The card does RDMA over Ethernet, as does one like it on the other socket, and other servers get what this one computes.
fn rdma(node: &mut Node) {
    let other = "0000:c1:00.0";
    for file in [
        "class",
        "vendor",
        "device",
        "current_link_speed",
        "max_link_speed",
        "current_link_width",
        "max_link_width",
    ] {
        let value = node.text(&format!("/sys/bus/pci/devices/0000:4f:00.0/{file}"));
        node.set(&format!("/sys/bus/pci/devices/{other}/{file}"), value);
    }
    node.set(&format!("/sys/bus/pci/devices/{other}/numa_node"), "1\n");
    node.set(&format!("/sys/bus/pci/devices/{other}/local_cpulist"), format!("{}\n", node_cpus(1)));
    node.links
        .insert(format!("/sys/bus/pci/devices/{other}"), format!("../../../devices/pci0000:96/{other}"));
    port(node, "mlx5_0", "pci0000:16/0000:4f:00.0", 0);
    port(node, "mlx5_1", &format!("pci0000:96/{other}"), 1);
}

/// An RDMA device with one port, over which data goes.
fn port(node: &mut Node, name: &str, place: &str, numa: u32) {
    let folder = format!("/sys/class/infiniband/{name}");
    node.links.insert(folder.clone(), format!("../../devices/{place}/infiniband/{name}"));
    for (file, value) in [
        ("board_id", "MT_0000000359"),
        ("hca_type", "MT4129"),
        ("device/numa_node", if numa == 0 { "0" } else { "1" }),
        ("ports/1/link_layer", "Ethernet"),
        ("ports/1/state", "4: ACTIVE"),
        ("ports/1/phys_state", "5: LinkUp"),
        ("ports/1/rate", "100 Gb/sec (4X EDR)"),
    ] {
        node.set(&format!("{folder}/{file}"), format!("{value}\n"));
    }
    let folder = format!("{folder}/ports/1");
    for (counter, before, more) in [
        ("counters/port_xmit_data", 91_244_881_002_u64, 2_100_000_000_u64),
        ("counters/link_downed", 0, 0),
        ("counters/link_error_recovery", 0, 0),
        ("counters/local_link_integrity_errors", 0, 0),
        ("counters/port_rcv_errors", 0, 0),
        ("counters/port_xmit_discards", 0, 0),
        ("counters/symbol_error", 0, 0),
        ("hw_counters/local_ack_timeout_err", 0, 0),
        ("hw_counters/out_of_sequence", 0, 0),
        ("hw_counters/packet_seq_err", 0, 0),
    ] {
        count(node, &format!("{folder}/{counter}"), before, more);
    }
}
