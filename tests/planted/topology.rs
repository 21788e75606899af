//! Faults that the pack `topology` has to find.

use plumb_evidence::bundle::{RAW, sample_folder};
use serde_json::json;

use super::Planted;
use super::gpu::{environment, everywhere, nvml, pci, pci_file, pcie_gpus, server_on};
use crate::synthetic::{API_SERVER, CPUS, ENGINE_CORE, FIRST_WORKER, Node, gpu_address};

/// The subject of a finding about the first GPU; each GPU has one of its own.
const FIRST: &str = "GPU 0000:18:00.0";
const NODES: &str = "/sys/devices/system/node";
/// Memory of a NUMA node of the healthy node, in KiB.
const NODE_KIB: u64 = 1_056_964_608;
/// Processes that are no part of the server.
const DAEMONS: [u32; 4] = [1, 500, 501, 502];

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "memory module that failed its training",
        check: "topo.dimm-balance",
        outcome: "fail",
        subject: "layout",
        also: &[],
        engagement: "",
        plant: |node| {
            modules(node, 4800, |locator| if locator == "P2-DIMMC1" { 0 } else { 128 });
            less_memory(node, 1, 128 << 20);
        },
    },
    Planted {
        name: "memory module of another size",
        check: "topo.dimm-balance",
        outcome: "fail",
        subject: "layout",
        also: &[],
        engagement: "",
        plant: |node| {
            // The spare that the module was replaced by has half the size.
            modules(node, 4800, |locator| if locator == "P1-DIMMF1" { 64 } else { 128 });
            less_memory(node, 0, 64 << 20);
        },
    },
    Planted {
        name: "memory held below its speed",
        check: "topo.dimm-balance",
        outcome: "warn",
        subject: "speed",
        also: &[],
        engagement: "",
        plant: |node| modules(node, 4000, |_| 128),
    },
    Planted {
        name: "firmware names no node for any device",
        check: "topo.gpu-numa-known",
        outcome: "fail",
        subject: FIRST,
        also: &[],
        engagement: "",
        plant: |node| {
            homeless_devices(node);
            nvml(node, |answers| {
                for device in answers["devices"].as_array_mut().expect("a list") {
                    device["cpu_affinity"] = json!("0-127");
                    device["memory_affinity"] = json!("0-1");
                }
            });
        },
    },
    Planted {
        name: "network card at the other socket",
        check: "topo.nic-locality",
        outcome: "warn",
        subject: "ens11f0np0 of vllm server 2000",
        also: &[],
        engagement: "",
        plant: far_network_card,
    },
    Planted {
        name: "NCCL is told to use one card for all GPUs",
        check: "topo.nic-locality",
        outcome: "fail",
        subject: "RDMA devices of vllm server 2000",
        also: &[],
        engagement: "",
        plant: |node| {
            rdma(node, "mlx5_0", "0000:4f:00.0", "pci0000:16/0000:4f:00.0");
            pci(node, "0000:c0:01.0", ["0x060400", "0x8086", "0x352a"], 1, "pci0000:c0/0000:c0:01.0");
            let place = "pci0000:c0/0000:c0:01.0/0000:c1:00.0";
            pci(node, "0000:c1:00.0", ["0x020700", "0x15b3", "0x1021"], 1, place);
            rdma(node, "mlx5_1", "0000:c1:00.0", place);
            environment(node, "NCCL_IB_HCA=mlx5_1\0");
        },
    },
    Planted {
        name: "node of a split socket is full",
        check: "topo.nps-snc",
        outcome: "fail",
        subject: "node 1",
        also: &[],
        engagement: "",
        plant: |node| {
            split_sockets(node);
            full_node(node);
        },
    },
    Planted {
        name: "node interleaving in the firmware",
        check: "topo.numa-visible",
        outcome: "fail",
        subject: "layout",
        also: &[],
        engagement: "",
        plant: one_node,
    },
    Planted {
        name: "kernel told to ignore NUMA",
        check: "topo.numa-visible",
        outcome: "fail",
        subject: "layout",
        also: &[("kernel.cmdline-drift", "fail")],
        engagement: "",
        plant: |node| {
            one_node(node);
            node.replace("/proc/cmdline", "iommu=pt", "iommu=pt numa=off");
        },
    },
    Planted {
        name: "firmware with a flat table of distances",
        check: "topo.numa-visible",
        outcome: "warn",
        subject: "distances",
        also: &[],
        engagement: "",
        plant: |node| {
            for id in 0..2 {
                node.set(&format!("{NODES}/node{id}/distance"), "10 10\n");
            }
        },
    },
    Planted {
        name: "model on a rotating disk",
        check: "topo.nvme-locality",
        outcome: "warn",
        subject: "model of server 2000",
        also: &[],
        engagement: "",
        plant: rotating_disk,
    },
    Planted {
        name: "tensor parallel across sockets beside free GPUs",
        check: "topo.tp-group-path",
        outcome: "fail",
        subject: "vllm server 2000 on GPUs 0000:18:00.0, 0000:9a:00.0",
        also: &[],
        engagement: "",
        plant: |node| {
            pcie_gpus(node);
            server_on(node, &[0, 4]);
        },
    },
    Planted {
        name: "a variable of NCCL switches direct access between GPUs off",
        check: "topo.tp-group-path",
        outcome: "fail",
        subject: "vllm server 2000 on GPUs 0000:18:00.0, 0000:2a:00.0, 0000:3a:00.0, 0000:5d:00.0, 0000:9a:00.0, 0000:ab:00.0, 0000:ba:00.0, 0000:db:00.0",
        also: &[],
        engagement: "",
        plant: |node| {
            for worker in 2010..2018 {
                let text = node.text(&format!("/proc/{worker}/environ"));
                node.set(&format!("/proc/{worker}/environ"), format!("{text}NCCL_P2P_DISABLE=1\0"));
            }
        },
    },
];

/// The firmware's table of memory modules: sixteen slots, one for each channel, with a module of so many GiB, or none.
fn modules(node: &mut Node, configured: u16, gib: impl Fn(&str) -> u32) {
    const ARRAY: u16 = 0x0022;
    let structure = |kind: u8, handle: u16, fields: &[u8], strings: &[&str]| {
        let mut bytes = vec![kind, u8::try_from(fields.len() + 4).expect("a short structure")];
        bytes.extend(handle.to_le_bytes());
        bytes.extend(fields);
        for string in strings {
            bytes.extend(string.as_bytes());
            bytes.push(0);
        }
        if strings.is_empty() {
            bytes.push(0);
        }
        bytes.push(0);
        bytes
    };
    // On the board, system memory, multi-bit ECC; capacity by the extended field.
    let mut array = vec![0x03, 0x03, 0x06, 0x00, 0x00, 0x00, 0x80, 0xfe, 0xff, 0x10, 0x00];
    array.extend((4_u64 << 40).to_le_bytes());
    let mut table = structure(16, ARRAY, &array, &[]);
    for slot in 0..16_u16 {
        let (socket, channel) = (slot / 8, slot % 8);
        let letter = char::from(b'A' + u8::try_from(channel).expect("one of eight"));
        let locator = format!("P{}-DIMM{letter}1", socket + 1);
        let bank = format!("P{socket}_Node{socket}_Channel{channel}_Dimm0");
        let gib = gib(&locator);
        let is_empty = gib == 0;
        let mut fields = [0; 0x5c];
        let mut word = |at: usize, value: u16| fields[at..at + 2].copy_from_slice(&value.to_le_bytes());
        word(0x04, ARRAY);
        word(0x06, 0xfffe);
        word(0x13, 0x0080);
        if !is_empty {
            word(0x08, 80);
            word(0x0a, 64);
            word(0x0c, 0x7fff);
            word(0x15, 4800);
            word(0x20, configured);
            [0x22, 0x24, 0x26].into_iter().for_each(|at| word(at, 1100));
        }
        // The size in MiB, the form (DIMM), the kind (DDR5), the attributes (two ranks).
        fields[0x1c..0x20].copy_from_slice(&(gib << 10).to_le_bytes());
        (fields[0x0e], fields[0x12], fields[0x1b]) = (0x09, 0x22, if is_empty { 0 } else { 2 });
        for (at, string) in [(0x10, 1), (0x11, 2), (0x17, 3), (0x18, 4), (0x19, 5), (0x1a, 6)] {
            fields[at] = string;
        }
        let [maker, serial, part] = match is_empty {
            true => ["NO DIMM", "*******", "NO DIMM"],
            false if gib == 64 => ["Samsung", "********", "M321R8GA0BB0-CQKZJ"],
            false => ["Samsung", "********", "M321RAGA0B20-CWKZJ"],
        };
        let strings = [locator.as_str(), &bank, maker, serial, "*****", part];
        table.extend(structure(17, 0x0023 + slot, &fields[4..], &strings));
    }
    table.extend(structure(127, 0x0100, &[], &[]));
    node.set("/sys/firmware/dmi/tables/DMI", table);
}

/// A NUMA node has less memory than its modules should give, in KiB.
fn less_memory(node: &mut Node, id: u32, lost: u64) {
    let of_node = [("MemTotal", NODE_KIB), ("MemFree", 750_000_000)];
    let of_all = [("MemTotal", 2 * NODE_KIB), ("MemFree", 1_500_000_000), ("MemAvailable", 1_900_000_000)];
    let mut less = |path: &str, name: &str, kib: u64| {
        node.replace(path, &format!("{name}: {kib} kB"), &format!("{name}: {} kB", kib - lost));
    };
    for (name, kib) in of_node {
        less(&format!("{NODES}/node{id}/meminfo"), name, kib);
    }
    for (name, kib) in of_all {
        less("/proc/meminfo", name, kib);
    }
}

/// No device on the PCI bus is said to be at a NUMA node.
fn homeless_devices(node: &mut Node) {
    let folder = format!("{RAW}/sys/bus/pci/devices/");
    for (path, bytes) in
        node.files.range_mut(folder.clone()..).take_while(|(path, _)| path.starts_with(&folder))
    {
        if path.ends_with("/numa_node") {
            *bytes = b"-1\n".to_vec();
        } else if path.ends_with("/local_cpulist") {
            *bytes = b"0-127\n".to_vec();
        }
    }
    for irq in [120, 121, 122, 123, 130] {
        node.set(&format!("/proc/irq/{irq}/node"), "-1\n");
    }
}

/// The card that requests come over is in a slot of the second socket, and its interrupts are there, too; the API server
/// and the engine core are at the first.
fn far_network_card(node: &mut Node) {
    let old = "/sys/bus/pci/devices/0000:4f:00.0";
    node.files.retain(|path, _| !path.starts_with(&format!("{RAW}{old}/")));
    node.links.remove(old);
    pci(node, "0000:c0:01.0", ["0x060400", "0x8086", "0x352a"], 1, "pci0000:c0/0000:c0:01.0");
    let place = "pci0000:c0/0000:c0:01.0/0000:c1:00.0";
    pci(node, "0000:c1:00.0", ["0x020000", "0x15b3", "0x1021"], 1, place);
    node.interrupts_on([32, 33, 34, 35], 5_000);
    everywhere(node, "/proc/interrupts", |text| text.replace("0000:4f:00.0", "0000:c1:00.0"));
    for irq in 120..124 {
        node.set(&format!("/proc/irq/{irq}/node"), "1\n");
    }
    let interface = "/sys/class/net/ens11f0np0";
    node.links.insert(interface.to_owned(), format!("../../devices/{place}/net/ens11f0np0"));
    for (name, value) in
        [("operstate", "up"), ("speed", "100000"), ("mtu", "1500"), ("device/numa_node", "1")]
    {
        node.set(&format!("{interface}/{name}"), format!("{value}\n"));
    }
    // 40 MB of requests and 110 MB of streamed replies.
    for (name, before, moved) in [
        ("rx_bytes", 81_204_113_902_u64, 40_000_000_u64),
        ("tx_bytes", 201_778_004_551, 110_000_000),
        ("rx_packets", 610_004_121, 10_000),
        ("rx_crc_errors", 0, 0),
        ("rx_dropped", 0, 0),
        ("rx_errors", 0, 0),
        ("rx_fifo_errors", 0, 0),
        ("rx_missed_errors", 0, 0),
        ("tx_errors", 0, 0),
    ] {
        let path = format!("{interface}/statistics/{name}");
        node.set(&path, format!("{before}\n"));
        node.window(&path, format!("{before}\n"), format!("{}\n", before + moved));
    }
}

/// An RDMA device with one active port, over which nothing travels.
fn rdma(node: &mut Node, name: &str, address: &str, place: &str) {
    node.set(&pci_file(address, "class"), "0x020700\n");
    let folder = format!("/sys/class/infiniband/{name}");
    node.links.insert(folder.clone(), format!("../../devices/{place}/infiniband/{name}"));
    let numa = node.text(&pci_file(address, "numa_node"));
    for (file, value) in [
        ("board_id", "MT_0000000838"),
        ("hca_type", "MT4129"),
        ("device/numa_node", numa.trim()),
        ("ports/1/link_layer", "InfiniBand"),
        ("ports/1/state", "4: ACTIVE"),
        ("ports/1/phys_state", "5: LinkUp"),
        ("ports/1/rate", "400 Gb/sec (4X NDR)"),
    ] {
        node.set(&format!("{folder}/{file}"), format!("{value}\n"));
    }
    for (counter, value) in [
        ("counters/link_downed", 0),
        ("counters/link_error_recovery", 0),
        ("counters/local_link_integrity_errors", 0),
        ("counters/port_rcv_errors", 0),
        ("counters/port_xmit_data", 91_244),
        ("counters/port_xmit_discards", 0),
        ("counters/symbol_error", 0),
        ("hw_counters/local_ack_timeout_err", 0),
        ("hw_counters/out_of_sequence", 0),
        ("hw_counters/packet_seq_err", 0),
    ] {
        let path = format!("{folder}/ports/1/{counter}");
        node.set(&path, format!("{value}\n"));
        node.window(&path, format!("{value}\n"), format!("{value}\n"));
    }
}

/// Which memory a process may use, all its threads included.
fn allow_memory(node: &mut Node, pid: u32, nodes: &str) {
    for path in [format!("/proc/{pid}/status"), format!("/proc/{pid}/task/{pid}/status")] {
        everywhere(node, &path, |text| {
            let line = |line: &str| match line.starts_with("Mems_allowed_list:") {
                true => format!("Mems_allowed_list:\t{nodes}\n"),
                false => format!("{line}\n"),
            };
            text.lines().map(line).collect()
        });
    }
}

fn allow_memory_in_groups(node: &mut Node, nodes: &str) {
    let paths: Vec<String> =
        node.files.keys().filter(|path| path.ends_with("/cpuset.mems.effective")).cloned().collect();
    for path in paths {
        node.files.insert(path, format!("{nodes}\n").into_bytes());
    }
}

/// Each socket split in two (SNC2 of Intel), with the server placed for it: two GPUs, their workers and memory to a node.
fn split_sockets(node: &mut Node) {
    const CPUS_OF: [&str; 4] = ["0-15,64-79", "16-31,80-95", "32-47,96-111", "48-63,112-127"];
    for list in ["online", "possible", "has_cpu", "has_memory"] {
        node.set(&format!("{NODES}/{list}"), "0-3\n");
    }
    let rows = ["10 12 21 21", "12 10 21 21", "21 21 10 12", "21 21 12 10"];
    for (id, (cpus, row)) in CPUS_OF.iter().zip(rows).enumerate() {
        let folder = format!("{NODES}/node{id}");
        node.set(&format!("{folder}/cpulist"), format!("{cpus}\n"));
        node.set(&format!("{folder}/distance"), format!("{row}\n"));
        node_memory(node, id, 375_000_000, 105_000_000);
        node_counters(node, id, 0, 0);
    }
    for cpu in 0..CPUS as usize {
        let half = CPUS_OF[cpu % 64 / 16];
        let cache = format!("/sys/devices/system/cpu/cpu{cpu}/cache/index3");
        node.set(&format!("{cache}/shared_cpu_list"), format!("{half}\n"));
        node.set(&format!("{cache}/size"), "30720K\n");
    }
    let bridges = (0..8).map(|gpu| (format!("0000:{:02x}:01.0", 0x17 + gpu * 0x10), gpu as usize / 2));
    let gpus = (0..8).map(|gpu| (gpu_address(gpu), gpu as usize / 2));
    let others = [("0000:4f:00.0".to_owned(), 0), ("0000:e1:00.0".to_owned(), 2)];
    for (address, id) in bridges.chain(gpus).chain(others) {
        node.set(&pci_file(&address, "numa_node"), format!("{id}\n"));
        node.set(&pci_file(&address, "local_cpulist"), format!("{}\n", CPUS_OF[id]));
    }
    node.set("/proc/irq/130/node", "2\n");
    nvml(node, |answers| {
        for gpu in 0..8 {
            answers["devices"][gpu]["cpu_affinity"] = json!(CPUS_OF[gpu / 2]);
            answers["devices"][gpu]["memory_affinity"] = json!((gpu / 2).to_string());
        }
    });
    for pid in DAEMONS {
        allow_memory(node, pid, "0-3");
    }
    allow_memory_in_groups(node, "0-3");
    let workers = (0..8).map(|gpu| (FIRST_WORKER + gpu, gpu / 2));
    for (pid, id) in workers.chain([(API_SERVER, 1), (ENGINE_CORE, 1)]) {
        allow_memory(node, pid, &id.to_string());
        node.memory_on(pid, id);
    }
}

/// Memory of a node of a split socket, in KiB: free, and in the page cache.
fn node_memory(node: &mut Node, id: usize, free: u64, cached: u64) {
    let lines = [
        ("MemTotal", NODE_KIB / 2),
        ("MemFree", free),
        ("MemUsed", NODE_KIB / 2 - free),
        ("Active(file)", cached / 4),
        ("Inactive(file)", cached - cached / 4),
        ("FilePages", cached),
        ("Mapped", 400_000),
        ("AnonPages", 25_000_000),
        ("Shmem", 2_000_000),
        ("SReclaimable", 1_500_000),
        ("SUnreclaim", 8_500_000),
    ];
    let text: String = lines.iter().map(|(name, kib)| format!("Node {id} {name}: {kib} kB\n")).collect();
    node.set(&format!("{NODES}/node{id}/meminfo"), text);
}

/// Where a node's allocations of the window went: those that were for it and went elsewhere, and those of other nodes.
fn node_counters(node: &mut Node, id: usize, foreign: u64, miss: u64) {
    let text = |end: bool| {
        let (hit, foreign, miss) = if end { (1_010_000, foreign, miss) } else { (1_000_000, 0, 0) };
        let other = if end { miss } else { 0 };
        format!(
            "numa_hit {hit}\nnuma_miss {miss}\nnuma_foreign {foreign}\ninterleave_hit 0\nlocal_node {hit}\nother_node \
             {other}\n"
        )
    };
    let path = format!("{NODES}/node{id}/numastat");
    node.set(&path, text(false));
    node.window(&path, text(false), text(true));
}

/// The files of a model fill node 1, so that what is allocated there lands on node 0.
fn full_node(node: &mut Node) {
    node_memory(node, 1, 21_000_000, 435_000_000);
    node_counters(node, 1, 40_000, 0);
    node_counters(node, 0, 0, 40_000);
    for (from, to) in [
        ("MemFree: 1500000000 kB", "MemFree: 1146000000 kB"),
        ("Cached: 420000000 kB", "Cached: 750000000 kB"),
        ("MemAvailable: 1900000000 kB", "MemAvailable: 1880000000 kB"),
    ] {
        node.replace("/proc/meminfo", from, to);
    }
}

/// The kernel sees one node: the firmware interleaves the memory, or the kernel was told so.
fn one_node(node: &mut Node) {
    for list in ["online", "possible", "has_cpu", "has_memory"] {
        node.set(&format!("{NODES}/{list}"), "0\n");
    }
    for folder in [RAW.to_owned(), sample_folder(0), sample_folder(1)] {
        node.files.retain(|path, _| !path.starts_with(&format!("{folder}{NODES}/node1/")));
    }
    let folder = format!("{NODES}/node0");
    node.set(&format!("{folder}/cpulist"), "0-127\n");
    node.set(&format!("{folder}/distance"), "10\n");
    let lines = [
        ("MemTotal", 2 * NODE_KIB),
        ("MemFree", 1_500_000_000),
        ("MemUsed", 2 * NODE_KIB - 1_500_000_000),
        ("FilePages", 420_000_000),
        ("AnonPages", 100_000_000),
        ("Shmem", 8_000_000),
        ("SReclaimable", 6_000_000),
        ("SUnreclaim", 34_000_000),
    ];
    let memory: String = lines.iter().map(|(name, kib)| format!("Node 0 {name}: {kib} kB\n")).collect();
    node.set(&format!("{folder}/meminfo"), memory);
    homeless_devices(node);
    nvml(node, |answers| {
        for device in answers["devices"].as_array_mut().expect("a list") {
            device["cpu_affinity"] = json!("0-127");
            device["memory_affinity"] = json!("0");
        }
    });
    let server = [API_SERVER, ENGINE_CORE].into_iter().chain(FIRST_WORKER..FIRST_WORKER + 8);
    for pid in server {
        allow_memory(node, pid, "0");
        node.memory_on(pid, 0);
    }
    for pid in DAEMONS {
        allow_memory(node, pid, "0");
    }
    allow_memory_in_groups(node, "0");
}

/// The cache of models lies on a volume of its own, a disk that turns.
fn rotating_disk(node: &mut Node) {
    environment(node, "HF_HOME=/srv/models\0");
    let mounts = "24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
                  61 24 8:17 / /srv/models rw,relatime shared:33 - xfs /dev/sdb1 rw,attr2,inode64,noquota\n";
    for pid in [1, API_SERVER] {
        node.set(&format!("/proc/{pid}/mountinfo"), mounts);
    }
    for (disk, number, host, rotational) in [("sda", "8:1", 2, 0), ("sdb", "8:17", 3, 1)] {
        let port = format!("ata{}/host{host}/target{host}:0:0/{host}:0:0:0", host + 1);
        let device = format!("devices/pci0000:00/0000:00:17.0/{port}/block/{disk}");
        node.links.insert(format!("/sys/block/{disk}"), format!("../{device}"));
        node.links.insert(format!("/sys/class/block/{disk}"), format!("../../{device}"));
        node.links.insert(format!("/sys/class/block/{disk}1"), format!("../../{device}/{disk}1"));
        node.links.insert(format!("/sys/dev/block/{number}"), format!("../../{device}/{disk}1"));
        for (name, value) in [
            ("rotational", rotational.to_string()),
            ("read_ahead_kb", "128".to_owned()),
            ("rq_affinity", "1".to_owned()),
            ("scheduler", "none [mq-deadline]".to_owned()),
        ] {
            node.set(&format!("/sys/block/{disk}/queue/{name}"), format!("{value}\n"));
        }
    }
    node.links
        .insert("/sys/class/nvme/nvme0".into(), "../../devices/pci0000:96/0000:e1:00.0/nvme/nvme0".into());
    for (name, value) in [
        ("address", "0000:e1:00.0"),
        ("transport", "pcie"),
        ("model", "SAMSUNG MZQL27T6HBLA-00A07"),
        ("numa_node", "1"),
    ] {
        node.set(&format!("/sys/class/nvme/nvme0/{name}"), format!("{value}\n"));
    }
}
