//! Faults that the pack `gpu` has to find.

use plumb_evidence::bundle::{RAW, sample_folder};
use serde_json::{Value, json};

use super::Planted;
use crate::synthetic::{API_SERVER, ENGINE_CORE, FIRST_WORKER, Node, SERVICE, gpu_address};

/// The subject of a finding about all GPUs.
const ALL: &str = "GPUs 0000:18:00.0, 0000:2a:00.0, 0000:3a:00.0, 0000:5d:00.0, 0000:9a:00.0, 0000:ab:00.0, \
                   0000:ba:00.0, 0000:db:00.0";
/// Seconds since the node was booted.
const UPTIME: f64 = 864_000.0;
const HOUR: f64 = 3600.0;
/// The process of the persistence daemon, and of the fabric manager.
const PERSISTENCED: u32 = 501;
const FABRIC_MANAGER: u32 = 502;

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "ACS redirects between PCIe GPUs",
        check: "gpu.acs-iommu",
        outcome: "fail",
        subject: "bridges between GPUs",
        also: &[],
        engagement: "",
        plant: |node| {
            pcie_gpus(node);
            access_control(node, 0x001d);
            iommu_groups(node, "identity");
        },
    },
    Planted {
        name: "IOMMU translates for PCIe GPUs",
        check: "gpu.acs-iommu",
        outcome: "fail",
        subject: ALL,
        also: &[],
        engagement: "",
        plant: |node| {
            // Somebody has switched ACS off by a unit that runs at boot, and left the IOMMU as it was.
            node.replace("/proc/cmdline", "iommu=pt", "intel_iommu=on");
            pcie_gpus(node);
            access_control(node, 0);
            iommu_groups(node, "DMA-FQ");
        },
    },
    Planted {
        name: "virtual machine without a direct way between its GPUs",
        check: "gpu.acs-iommu",
        outcome: "fail",
        subject: "pairs of GPUs",
        also: &[],
        engagement: "",
        plant: |node| {
            guest(node);
            pcie_gpus(node);
            nvml(node, |answers| {
                for link in answers["links"].as_array_mut().expect("a list") {
                    link["p2p_read"] = json!("chipset-not-supported");
                }
            });
        },
    },
    Planted {
        name: "no room for the GPUs in the address map",
        check: "gpu.bar1",
        outcome: "fail",
        subject: "GPUs 0000:18:00.0, 0000:2a:00.0, 0000:3a:00.0, 0000:5d:00.0, 0000:9a:00.0, 0000:ab:00.0, 0000:ba:00.0, 0000:db:00.0",
        also: &[("gpu.xid", "fail")],
        engagement: "",
        plant: no_room_for_gpus,
    },
    Planted {
        name: "firmware limits the BARs of the GPUs",
        check: "gpu.bar1",
        outcome: "fail",
        subject: ALL,
        also: &[],
        engagement: "",
        plant: |node| (0..8).for_each(|gpu| node.gpu(gpu, "bar1_total_bytes", &json!(64_u64 << 30))),
    },
    Planted {
        name: "GPU too hot",
        check: "gpu.clock-throttle",
        outcome: "fail",
        subject: "GPU 0000:ab:00.0",
        also: &[],
        engagement: "",
        plant: |node| {
            held_down(node, 5, 0x48, "hw_thermal", 990, 310.0);
            heat(node, 5, 89, -3);
        },
    },
    Planted {
        name: "power supply failed",
        check: "gpu.clock-throttle",
        outcome: "fail",
        subject: ALL,
        also: &[],
        engagement: "",
        plant: |node| (0..8).for_each(|gpu| held_down(node, gpu, 0x88, "hw_power_brake", 495, 190.0)),
    },
    Planted {
        name: "clogged filter at two GPUs",
        check: "gpu.clock-throttle",
        outcome: "warn",
        subject: "GPUs 0000:ba:00.0, 0000:db:00.0",
        also: &[],
        engagement: "",
        plant: |node| (6..8).for_each(|gpu| heat(node, gpu, 78, 8)),
    },
    Planted {
        name: "memory error on a GPU that waits for its reset",
        check: "gpu.ecc-remap",
        outcome: "fail",
        subject: "GPU 0000:3a:00.0",
        also: &[("gpu.xid", "warn")],
        engagement: "",
        plant: |node| {
            let at = UPTIME - 5.0 * HOUR;
            kernel_log(
                node,
                &[
                    (
                        at,
                        "NVRM: Xid (PCI:0000:3a:00): 63, pid='<unknown>', name=<unknown>, Row Remapper: New row \
                          (0x000000000b8d2a1c) marked for remapping, reset gpu to activate.",
                    ),
                    (
                        at + 0.1,
                        "NVRM: Xid (PCI:0000:3a:00): 94, pid=1812, name=VLLM::Worker_TP2, Contained: SM \
                                (0x1). RST: No, D-RST: No",
                    ),
                    (
                        at + 0.2,
                        "NVRM: Xid (PCI:0000:3a:00): 94, pid=1812, name=VLLM::Worker_TP2, Ch 0000000b",
                    ),
                ],
            );
            restarted(node, at + 30.0);
            let rows = json!({ "correctable": 0, "uncorrectable": 1, "pending": true, "failure": false });
            node.gpu(2, "remapped_rows", &rows);
            for counter in ["ecc_volatile", "ecc_aggregate"] {
                node.gpu(2, counter, &json!({ "corrected": 0, "uncorrected": 1 }));
            }
            node.gpu_readings(2, "ecc_uncorrected", |_| json!(1));
        },
    },
    Planted {
        name: "GPU memory repaired long ago",
        check: "gpu.ecc-remap",
        outcome: "warn",
        subject: "GPU 0000:db:00.0",
        also: &[],
        engagement: "",
        plant: |node| {
            let rows = json!({ "correctable": 1, "uncorrectable": 2, "pending": false, "failure": false });
            node.gpu(7, "remapped_rows", &rows);
            node.gpu(7, "ecc_aggregate", &json!({ "corrected": 14, "uncorrected": 2 }));
        },
    },
    Planted {
        name: "error correction switched off on a GPU",
        check: "gpu.ecc-remap",
        outcome: "warn",
        subject: "GPU 0000:18:00.0",
        also: &[],
        engagement: "",
        plant: |node| {
            for field in ["ecc_enabled", "ecc_pending"] {
                node.gpu(0, field, &json!(false));
            }
            for counter in ["ecc_volatile", "ecc_aggregate"] {
                node.gpu(0, counter, &absent("errors of the memory"));
            }
            node.gpu_readings(0, "ecc_uncorrected", |_| absent("errors of the memory"));
        },
    },
    Planted {
        name: "NVLink down",
        check: "gpu.nvlink-fabric",
        outcome: "fail",
        subject: "GPU 0000:3a:00.0",
        also: &[("gpu.xid", "fail")],
        engagement: "",
        plant: |node| {
            let at = UPTIME - 3.0 * HOUR;
            let text = "NVRM: Xid (PCI:0000:3a:00): 74, pid='<unknown>', name=<unknown>, NVLink: fatal error detected \
                        on link 5(0x10000, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0)";
            kernel_log(node, &[(at, text)]);
            restarted(node, at + 30.0);
            nvml(node, |answers| answers["devices"][2]["nvlinks"][5]["active"] = json!(false));
        },
    },
    Planted {
        name: "NVLink with errors",
        check: "gpu.nvlink-fabric",
        outcome: "warn",
        subject: "GPU 0000:9a:00.0",
        also: &[],
        engagement: "",
        plant: |node| {
            nvml(node, |answers| answers["devices"][4]["nvlinks"][11]["errors"] = json!(42_000));
            node.gpu_readings(4, "nvlink_errors", |second| json!(42_000 + 12 * second));
        },
    },
    Planted {
        name: "fabric manager does not run",
        check: "gpu.nvlink-fabric",
        outcome: "fail",
        subject: ALL,
        also: &[],
        engagement: "",
        plant: |node| {
            nvswitches(node);
            end(node, &[FABRIC_MANAGER]);
            // CUDA does not start without the fabric (error 802), and so no server.
            stop_server(node);
            let fabric = json!({ "state": "in-progress", "status": 0 });
            (0..8).for_each(|gpu| node.gpu(gpu, "fabric", &fabric));
        },
    },
    Planted {
        name: "GPU at x8",
        check: "gpu.pcie-link",
        outcome: "fail",
        subject: "GPU 0000:3a:00.0",
        also: &[],
        engagement: "",
        plant: |node| {
            for end in [gpu_address(2), bridge(2)] {
                node.set(&pci_file(&end, "current_link_width"), "8\n");
            }
            node.gpu(2, "pcie_width_current", &json!(8));
            node.gpu_readings(2, "pcie_width", |_| json!(8));
        },
    },
    Planted {
        name: "riser that trains at generation 3",
        check: "gpu.pcie-link",
        outcome: "fail",
        subject: "GPU 0000:2a:00.0",
        also: &[],
        engagement: "",
        plant: |node| {
            for end in [gpu_address(1), bridge(1)] {
                node.set(&pci_file(&end, "current_link_speed"), "8.0 GT/s PCIe\n");
            }
            node.gpu(1, "pcie_gen_current", &json!(3));
            node.gpu_readings(1, "pcie_generation", |_| json!(3));
        },
    },
    Planted {
        name: "firmware holds all slots at generation 4",
        check: "gpu.pcie-link",
        outcome: "warn",
        subject: ALL,
        also: &[],
        engagement: "",
        plant: |node| {
            for gpu in 0..8 {
                let (address, bridge) = (gpu_address(gpu), bridge(gpu));
                for path in [
                    pci_file(&address, "current_link_speed"),
                    pci_file(&bridge, "current_link_speed"),
                    pci_file(&bridge, "max_link_speed"),
                ] {
                    node.set(&path, "16.0 GT/s PCIe\n");
                }
                let gpu = gpu as usize;
                node.gpu(gpu, "pcie_gen_current", &json!(4));
                node.gpu(gpu, "pcie_gen_max", &json!(4));
                node.gpu_readings(gpu, "pcie_generation", |_| json!(4));
            }
        },
    },
    Planted {
        name: "PCIe link that repeats transfers",
        check: "gpu.pcie-link",
        outcome: "fail",
        subject: "GPU 0000:ba:00.0",
        also: &[],
        engagement: "",
        plant: |node| {
            aer(node, 6, [("BadTLP", 118_204), ("BadDLLP", 51_377), ("Timeout", 9)], 0);
            kernel_log(
                node,
                &[
                    (
                        863_990.0,
                        "pcieport 0000:77:01.0: AER: Corrected error message received from 0000:ba:00.0",
                    ),
                    (
                        863_990.1,
                        "nvidia 0000:ba:00.0: PCIe Bus Error: severity=Corrected, type=Data Link Layer, \
                                 (Transmitter ID)",
                    ),
                ],
            );
            node.gpu(6, "pcie_replays", &json!(51_386));
            node.gpu_readings(6, "pcie_replays", |second| json!(51_386 + second * 5 / 2));
        },
    },
    Planted {
        name: "PCIe link that lost transfers",
        check: "gpu.pcie-link",
        outcome: "fail",
        subject: "GPU 0000:5d:00.0",
        also: &[],
        engagement: "",
        plant: |node| aer(node, 3, [("BadTLP", 0), ("BadDLLP", 0), ("Timeout", 0)], 2),
    },
    Planted {
        name: "persistence mode never set",
        check: "gpu.persistence",
        outcome: "fail",
        subject: ALL,
        also: &[],
        engagement: "",
        plant: |node| {
            end(node, &[PERSISTENCED]);
            (0..8).for_each(|gpu| node.gpu(gpu, "persistence", &json!(false)));
        },
    },
    Planted {
        name: "persistence mode set by hand",
        check: "gpu.persistence",
        outcome: "warn",
        subject: ALL,
        also: &[],
        engagement: "",
        plant: |node| end(node, &[PERSISTENCED]),
    },
    Planted {
        name: "power limits forgotten on all GPUs",
        check: "gpu.power-cap",
        outcome: "fail",
        subject: ALL,
        also: &[("gpu.clock-throttle", "warn")],
        engagement: "",
        plant: |node| {
            for gpu in 0..8 {
                node.gpu(gpu, "power_limit_watts", &json!(400.0));
                held_down(node, gpu, 0x4, "sw_power_cap", 1395, 399.0);
            }
        },
    },
    Planted {
        name: "one GPU with another power limit",
        check: "gpu.power-cap",
        outcome: "fail",
        subject: "GPUs of model NVIDIA H100 80GB HBM3",
        also: &[],
        engagement: "",
        plant: |node| node.gpu(6, "power_limit_watts", &json!(600.0)),
    },
    Planted {
        name: "application clocks forgotten",
        check: "gpu.power-cap",
        outcome: "warn",
        subject: ALL,
        also: &[],
        engagement: "",
        plant: |node| {
            for gpu in 0..8 {
                node.gpu(gpu, "application_sm_mhz", &json!(1410));
                node.gpu(gpu, "clock_reasons", &json!(0x2));
                node.gpu_readings(gpu, "clock_reasons", |_| json!(0x2));
                clock(node, gpu, 1410, 380.0);
            }
        },
    },
    Planted {
        name: "worker of an earlier start still on a GPU",
        check: "gpu.sharing-mode",
        outcome: "warn",
        subject: "GPU 0000:5d:00.0",
        also: &[("sched.noisy-neighbours", "warn")],
        engagement: "",
        plant: orphan,
    },
    Planted {
        name: "GPU off the bus",
        check: "gpu.xid",
        outcome: "fail",
        subject: "GPU 0000:3a:00, Xid 79",
        also: &[],
        engagement: "",
        plant: off_the_bus,
    },
    Planted {
        name: "illegal access of a job",
        check: "gpu.xid",
        outcome: "warn",
        subject: "GPU 0000:18:00, Xid 31",
        also: &[],
        engagement: "",
        plant: |node| {
            let text = "NVRM: Xid (PCI:0000:18:00): 31, pid=7731, name=python3, Ch 00000008, intr 00000000. MMU Fault: \
                        ENGINE GRAPHICS GPC3 GPCCLIENT_T1_4 faulted @ 0x7f21_3a400000. Fault is of type \
                        FAULT_PDE ACCESS_TYPE_VIRT_READ";
            kernel_log(node, &[(UPTIME - 90.0 * HOUR, text)]);
        },
    },
    Planted {
        name: "error of an NVSwitch from which it recovered",
        check: "gpu.xid",
        outcome: "warn",
        subject: "NVSwitch 0000:09:00.0, SXid 20009",
        also: &[],
        engagement: "",
        plant: |node| {
            nvswitches(node);
            let text =
                "nvidia-nvswitch2: SXid (PCI:0000:09:00.0): 20009, Non-fatal, Link 33 RX Short Error Rate";
            kernel_log(node, &[(UPTIME - 20.0 * HOUR, text)]);
        },
    },
];

/// What the collector writes where NVML answers that this GPU has no such thing.
fn absent(what: &str) -> Value {
    json!({
        "missing": "absent",
        "reason": format!("NVML does not tell {what}: the requested operation is not available on the target device"),
    })
}

/// Changes NVML's answers.
pub(super) fn nvml(node: &mut Node, change: impl FnOnce(&mut Value)) {
    edit_json(node, "api/nvml.json", change);
}

fn edit_json(node: &mut Node, name: &str, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&node.files[name]).expect("written by the synthetic node");
    change(&mut value);
    node.files.insert(name.to_owned(), value.to_string().into_bytes());
}

/// Changes a file wherever the collector read it: once, and at both ends of the window.
pub(super) fn everywhere(node: &mut Node, path: &str, change: impl Fn(&str) -> String) {
    for folder in [RAW.to_owned(), sample_folder(0), sample_folder(1)] {
        if let Some(bytes) = node.files.get_mut(&format!("{folder}{path}")) {
            *bytes = change(&String::from_utf8_lossy(bytes)).into_bytes();
        }
    }
}

/// Adds these lines to the kernel log, by their seconds since boot.
fn kernel_log(node: &mut Node, lines: &[(f64, &str)]) {
    let old = node.text("/dev/kmsg");
    let split = |line: &str| {
        let (head, text) = line.split_once(';')?;
        Some((head.split(',').nth(2)?.parse::<u64>().ok()?, text.to_owned()))
    };
    let new = lines.iter().map(|(seconds, text)| ((seconds * 1e6) as u64, (*text).to_owned()));
    let mut all: Vec<(u64, String)> = old.lines().filter_map(split).chain(new).collect();
    all.sort_by_key(|(micros, _)| *micros);
    let text = all.iter().zip(0..).map(|((micros, text), number)| format!("4,{number},{micros},-;{text}\n"));
    node.set("/dev/kmsg", text.collect::<String>());
}

/// The server was started anew at this time after the boot.
fn restarted(node: &mut Node, seconds: f64) {
    for pid in server() {
        for path in [format!("/proc/{pid}/stat"), format!("/proc/{pid}/task/{pid}/stat")] {
            everywhere(node, &path, |stat| {
                let (name, rest) = stat.trim_end().rsplit_once(") ").expect("a name in brackets");
                let mut fields: Vec<String> = rest.split(' ').map(str::to_owned).collect();
                // Field 22, in ticks.
                fields[19] = format!("{:.0}", seconds * 100.0);
                format!("{name}) {}\n", fields.join(" "))
            });
        }
    }
}

fn server() -> Vec<u32> {
    [API_SERVER, ENGINE_CORE].into_iter().chain(FIRST_WORKER..FIRST_WORKER + 8).collect()
}

/// Takes processes away, and what they did.
fn end(node: &mut Node, pids: &[u32]) {
    let is_gone = |path: &str| pids.iter().any(|pid| path.contains(&format!("/proc/{pid}/")));
    node.files.retain(|path, _| !is_gone(path));
    node.links.retain(|path, _| !is_gone(path));
    node.settle();
}

/// The server has ended, with everything that it did.
fn stop_server(node: &mut Node) {
    end(node, &server());
    node.files.retain(|path, _| !path.contains(&format!("/sys/fs/cgroup{SERVICE}/")));
    node.set("/proc/loadavg", "0.08 0.11 4.20 1/900 3000\n");
    (0..8).for_each(|gpu| idle_gpu(node, gpu));
}

/// A GPU that nobody uses.
fn idle_gpu(node: &mut Node, gpu: usize) {
    for (field, value) in [
        ("compute_processes", json!([])),
        ("utilization_percent", json!(0)),
        ("memory_utilization_percent", json!(0)),
        ("memory_used_bytes", json!(590_348_288_u64)),
        ("clock_reasons", json!(0x1)),
        ("temperature_celsius", json!(31)),
        ("memory_temperature_celsius", json!(38)),
        ("margin_celsius", json!(56)),
    ] {
        node.gpu(gpu, field, &value);
    }
    node.gpu_readings(gpu, "utilization_percent", |_| json!(0));
    node.gpu_readings(gpu, "memory_used_bytes", |_| json!(590_348_288_u64));
    node.gpu_readings(gpu, "clock_reasons", |_| json!(0x1));
    node.gpu_readings(gpu, "temperature_celsius", |_| json!(31));
    node.gpu_readings(gpu, "margin_celsius", |_| json!(56));
    clock(node, gpu, 345, 71.0);
}

/// SM clock and power of a GPU, now and during the window.
fn clock(node: &mut Node, gpu: usize, mhz: u32, watts: f64) {
    node.gpu(gpu, "sm_mhz", &json!(mhz));
    node.gpu(gpu, "power_watts", &json!(watts));
    node.gpu_readings(gpu, "sm_mhz", |_| json!(mhz));
    node.gpu_readings(gpu, "power_watts", |_| json!(watts));
    node.gpu_readings(gpu, "energy_mj", |second| json!(1_000_000 + second * (watts * 1000.0) as u64));
}

/// Clocks that are held down for these reasons since an hour, one of which has a counter.
fn held_down(node: &mut Node, gpu: usize, reasons: u64, counter: &str, mhz: u32, watts: f64) {
    let counted = |seconds: u64| {
        let mut counts = json!({
            "sw_power_cap": 0, "sync_boost": 0, "sw_thermal": 0, "hw_thermal": 0, "hw_power_brake": 0,
        });
        counts[counter] = json!(seconds * 1_000_000_000);
        counts
    };
    node.gpu(gpu, "clock_reasons", &json!(reasons));
    node.gpu(gpu, "clock_reasons_ns", &counted(3600));
    node.gpu_readings(gpu, "clock_reasons", |_| json!(reasons));
    node.gpu_readings(gpu, "clock_reasons_ns", |second| counted(3600 + second));
    clock(node, gpu, mhz, watts);
}

fn heat(node: &mut Node, gpu: usize, celsius: u32, margin: i32) {
    node.gpu(gpu, "temperature_celsius", &json!(celsius));
    node.gpu(gpu, "memory_temperature_celsius", &json!(celsius + 6));
    node.gpu(gpu, "margin_celsius", &json!(margin));
    node.gpu_readings(gpu, "temperature_celsius", |_| json!(celsius));
    node.gpu_readings(gpu, "margin_celsius", |_| json!(margin));
}

/// The port that a GPU of the healthy node is below.
fn bridge(gpu: u32) -> String {
    format!("0000:{:02x}:01.0", 0x17 + gpu * 0x10)
}

pub(super) fn pci_file(address: &str, name: &str) -> String {
    format!("/sys/bus/pci/devices/{address}/{name}")
}

/// A PCI device with a link of generation 5 and 16 lanes, at its place below `/sys/devices`.
pub(super) fn pci(
    node: &mut Node,
    address: &str,
    [class, vendor, device]: [&str; 3],
    numa: u32,
    place: &str,
) {
    for (name, value) in [
        ("class", class),
        ("vendor", vendor),
        ("device", device),
        ("numa_node", numa.to_string().as_str()),
        ("local_cpulist", crate::synthetic::node_cpus(numa)),
        ("current_link_speed", "32.0 GT/s PCIe"),
        ("max_link_speed", "32.0 GT/s PCIe"),
        ("current_link_width", "16"),
        ("max_link_width", "16"),
    ] {
        node.set(&pci_file(address, name), format!("{value}\n"));
    }
    node.links.insert(format!("/sys/bus/pci/devices/{address}"), format!("../../../devices/{place}"));
}

/// Errors of the link of a GPU since boot, as the kernel counts them.
fn aer(node: &mut Node, gpu: u32, corrected: [(&str, u64); 3], timeouts: u64) {
    let list = |names: &str, counted: &[(&str, u64)], total: &str| {
        let count = |name: &str| counted.iter().find(|(own, _)| *own == name).map_or(0, |(_, count)| *count);
        let lines: String = names.split(' ').map(|name| format!("{name} {}\n", count(name))).collect();
        format!("{lines}{total} {}\n", counted.iter().map(|(_, count)| count).sum::<u64>())
    };
    let uncorrected = "Undefined DLP SDES TLP FCP CmpltTO CmpltAbrt UnxCmplt RxOF MalfTLP ECRC UnsupReq ACSViol \
                       UncorrIntErr BlockedTLP AtomicOpBlocked TLPBlockedErr PoisonTLPBlocked";
    let corrected_names = "RxErr BadTLP BadDLLP Rollover Timeout NonFatalErr CorrIntErr HeaderOF";
    let address = gpu_address(gpu);
    node.set(&pci_file(&address, "aer_dev_correctable"), list(corrected_names, &corrected, "TOTAL_ERR_COR"));
    node.set(
        &pci_file(&address, "aer_dev_nonfatal"),
        list(uncorrected, &[("CmpltTO", timeouts)], "TOTAL_ERR_NONFATAL"),
    );
    node.set(&pci_file(&address, "aer_dev_fatal"), list(uncorrected, &[], "TOTAL_ERR_FATAL"));
}

/// The four switches of a board with eight GPUs, and the manager of their fabric.
fn nvswitches(node: &mut Node) {
    for number in 0x07..0x0b {
        let address = format!("0000:{number:02x}:00.0");
        pci(node, &address, ["0x068000", "0x10de", "0x22a3"], 0, &format!("pci0000:00/{address}"));
        for end in ["current", "max"] {
            node.set(&pci_file(&address, &format!("{end}_link_speed")), "16.0 GT/s PCIe\n");
            node.set(&pci_file(&address, &format!("{end}_link_width")), "2\n");
        }
    }
    for name in ["stat", "status", "task/502/stat", "task/502/status"] {
        let path = format!("/proc/{FABRIC_MANAGER}/{name}");
        everywhere(node, &path, |text| text.replace("nvidia-fabricma", "nv-fabricmanage"));
    }
    node.set(
        &format!("/proc/{FABRIC_MANAGER}/cmdline"),
        "/usr/bin/nv-fabricmanager\0-c\0/usr/share/nvidia/nvswitch/fabricmanager.cfg\0",
    );
    node.set(&format!("/proc/{FABRIC_MANAGER}/cgroup"), "0::/system.slice/nvidia-fabricmanager.service\n");
}

/// Ports of a PCIe switch below a root port of each socket: address, and the GPU below it.
const PORTS: [(&str, u32); 8] = [
    ("0000:17:00.0", 0),
    ("0000:17:01.0", 1),
    ("0000:17:02.0", 2),
    ("0000:17:04.0", 3),
    ("0000:99:00.0", 4),
    ("0000:99:01.0", 5),
    ("0000:99:02.0", 6),
    ("0000:99:03.0", 7),
];
const ROOT_PORTS: [&str; 2] = ["0000:15:01.0", "0000:97:01.0"];
const SWITCH: [&str; 3] = ["0x060400", "0x1000", "0xc030"];

/// Eight cards without NVLink, four below one switch of each socket, and a model in two stages of four GPUs.
pub(super) fn pcie_gpus(node: &mut Node) {
    for gpu in 0..8 {
        let folder = format!("/sys/bus/pci/devices/{}", bridge(gpu));
        node.files.retain(|path, _| !path.starts_with(&format!("{RAW}{folder}/")));
        node.links.remove(&folder);
    }
    let roots =
        [("pci0000:15", ROOT_PORTS[0], "0000:16:00.0"), ("pci0000:97", ROOT_PORTS[1], "0000:98:00.0")];
    for (numa, (root, port, upstream)) in (0..).zip(roots) {
        pci(node, port, ["0x060400", "0x8086", "0x352a"], numa, &format!("{root}/{port}"));
        pci(node, upstream, SWITCH, numa, &format!("{root}/{port}/{upstream}"));
        let above = format!("{root}/{port}/{upstream}");
        for (downstream, gpu) in PORTS.into_iter().filter(|(_, gpu)| gpu / 4 == numa) {
            pci(node, downstream, SWITCH, numa, &format!("{above}/{downstream}"));
            let address = gpu_address(gpu);
            let place = format!("{above}/{downstream}/{address}");
            pci(node, &address, ["0x030200", "0x10de", "0x2331"], numa, &place);
        }
        if numa == 0 {
            // The bus of the network card lies among those of the switch.
            pci(node, "0000:17:03.0", SWITCH, numa, &format!("{above}/0000:17:03.0"));
            let place = format!("{above}/0000:17:03.0/0000:4f:00.0");
            pci(node, "0000:4f:00.0", ["0x020000", "0x15b3", "0x1021"], numa, &place);
        }
    }
    for gpu in 0..8 {
        let information = format!("/proc/driver/nvidia/gpus/{}/information", gpu_address(gpu));
        node.replace(&information, "NVIDIA H100 80GB HBM3", "NVIDIA H100 PCIe");
        let gpu = gpu as usize;
        for (field, value) in [
            ("name", json!("NVIDIA H100 PCIe")),
            ("power_limit_watts", json!(350.0)),
            ("power_limit_default_watts", json!(350.0)),
            ("power_limit_max_watts", json!(350.0)),
            ("sm_max_mhz", json!(1755)),
            ("application_sm_mhz", json!(1755)),
            ("application_sm_default_mhz", json!(1755)),
            ("memory_mhz", json!(1593)),
            ("memory_max_mhz", json!(1593)),
            (
                "nvlinks",
                json!({
                    "missing": "absent",
                    "reason": "NVML names no NVLink of this GPU: it has none, or none is connected",
                }),
            ),
            ("nvlink_mbps", absent("the speed of NVLink")),
            ("fabric", json!({ "missing": "absent", "reason": "the GPU is not made for an NVLink fabric" })),
        ] {
            node.gpu(gpu, field, &value);
        }
        node.gpu_readings(gpu, "memory_mhz", |_| json!(1593));
        node.gpu_readings(
            gpu,
            "nvlink_errors",
            |_| json!({ "missing": "absent", "reason": "no NVLink is up" }),
        );
        clock(node, gpu, 1755, 290.0);
    }
    nvml(node, |answers| {
        for link in answers["links"].as_array_mut().expect("a list") {
            link["p2p_nvlink"] = json!("not-supported");
            if link["common_ancestor"] == "node" {
                link["common_ancestor"] = json!("single");
            }
        }
    });
    end(node, &[FABRIC_MANAGER]);
    node.replace(
        &format!("/proc/{API_SERVER}/cmdline"),
        "--tensor-parallel-size\x008\0",
        "--tensor-parallel-size\x004\0--pipeline-parallel-size\x002\0",
    );
    for gpu in 0..8 {
        let pid = FIRST_WORKER + gpu;
        for path in titled(pid) {
            everywhere(node, &path, |text| text.replace("::Worker_TP", "::Worker_PP"));
        }
        node.set(&format!("/proc/{pid}/cmdline"), format!("VLLM::Worker_PP{}_TP{}\0", gpu / 4, gpu % 4));
    }
}

/// Configuration spaces of the bridges above the GPUs of [`pcie_gpus`], with this control register of access control in
/// root ports and downstream ports; upstream ports of a switch have none.
fn access_control(node: &mut Node, control: u16) {
    let space = |ids: [u16; 2], control: Option<u16>| {
        let mut space = vec![0; 4096];
        space[0..2].copy_from_slice(&ids[0].to_le_bytes());
        space[2..4].copy_from_slice(&ids[1].to_le_bytes());
        // A bridge between PCI buses, with its kind of header.
        space[0x0a..0x0c].copy_from_slice(&[0x04, 0x06]);
        space[0x0e] = 0x01;
        // Advanced error reporting, and after it access control services.
        let next = if control.is_some() { 0x148 } else { 0 };
        space[0x100..0x104].copy_from_slice(&(0x0002_0001_u32 | next << 20).to_le_bytes());
        if let Some(control) = control {
            space[0x148..0x14c].copy_from_slice(&0x0001_000d_u32.to_le_bytes());
            space[0x14c..0x14e].copy_from_slice(&0x005f_u16.to_le_bytes());
            space[0x14e..0x150].copy_from_slice(&control.to_le_bytes());
        }
        space
    };
    let downstream = PORTS.iter().map(|(port, _)| *port).chain(["0000:17:03.0"]);
    for port in downstream {
        node.set(&pci_file(port, "config"), space([0x1000, 0xc030], Some(control)));
    }
    for port in ["0000:16:00.0", "0000:98:00.0"] {
        node.set(&pci_file(port, "config"), space([0x1000, 0xc030], None));
    }
    for port in ROOT_PORTS {
        node.set(&pci_file(port, "config"), space([0x8086, 0x352a], Some(control)));
    }
}

/// A group of the IOMMU for each GPU, and how it treats them.
fn iommu_groups(node: &mut Node, kind: &str) {
    for gpu in 0..8 {
        let group = 40 + gpu;
        let link = pci_file(&gpu_address(gpu), "iommu_group");
        node.links.insert(link, format!("../../../../../../kernel/iommu_groups/{group}"));
        node.set(&format!("/sys/kernel/iommu_groups/{group}/type"), format!("{kind}\n"));
    }
}

/// Firmware without decoding above 4 GiB: the driver finds GPUs without their memory window, and starts none.
fn no_room_for_gpus(node: &mut Node) {
    stop_server(node);
    end(node, &[PERSISTENCED, FABRIC_MANAGER]);
    node.files.retain(|path, _| !path.contains("/proc/driver/nvidia/") && !path.starts_with("api/nvml"));
    let mut lines = Vec::new();
    for gpu in 0..8 {
        let (address, at) = (gpu_address(gpu), 2.0 + f64::from(gpu) / 100.0);
        lines.push((at, format!("pci {address}: BAR 2: no space for [mem size 0x2000000000 64bit pref]")));
        lines
            .push((at, format!("pci {address}: BAR 2: failed to assign [mem size 0x2000000000 64bit pref]")));
    }
    for gpu in 0..8 {
        let at = 12.5 + f64::from(gpu) / 100.0;
        let invalid = "NVRM: This PCI I/O region assigned to your NVIDIA device is invalid:";
        lines.push((at, invalid.to_owned()));
        lines.push((at, format!("NVRM: BAR1 is 0M @ 0x0 (PCI:{})", gpu_address(gpu))));
    }
    lines.push((12.7, "NVRM: None of the NVIDIA devices were initialized.".to_owned()));
    let lines: Vec<(f64, &str)> = lines.iter().map(|(at, text)| (*at, text.as_str())).collect();
    kernel_log(node, &lines);
}

/// GPU 2 is lost: NVML does not get a hold of it, its registers read as ones, and the server has failed.
fn off_the_bus(node: &mut Node) {
    let at = UPTIME - 2.0 * HOUR;
    kernel_log(
        node,
        &[
            (at, "NVRM: GPU at PCI:0000:3a:00: GPU-2"),
            (at, "NVRM: GPU Board Serial Number: 1650523000000"),
            (
                at,
                "NVRM: Xid (PCI:0000:3a:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
            ),
            (at, "NVRM: GPU 0000:3a:00.0: GPU has fallen off the bus."),
            (at, "NVRM: GPU 0000:3a:00.0: GPU serial number is 1650523000000."),
            (
                at,
                "NVRM: A GPU crash dump has been created. If possible, please run\\x0aNVRM: nvidia-bug-report.sh as \
                  root to collect this data before\\x0aNVRM: the NVIDIA kernel module is unloaded.",
            ),
        ],
    );
    stop_server(node);
    let address = gpu_address(2);
    node.set(&pci_file(&address, "current_link_speed"), "Unknown\n");
    node.set(&pci_file(&address, "max_link_speed"), "64.0 GT/s PCIe\n");
    for name in ["current_link_width", "max_link_width"] {
        node.set(&pci_file(&address, name), "63\n");
    }
    node.set(&pci_file(&bridge(2), "current_link_speed"), "2.5 GT/s PCIe\n");
    node.set(&pci_file(&bridge(2), "current_link_width"), "0\n");
    let reason =
        "NVML does not tell the device: the target GPU has fallen off the bus or is otherwise inaccessible";
    let lost = json!({ "missing": "failed", "reason": reason });
    let lose = |device: &mut Value, kept: &str| {
        for (name, value) in device.as_object_mut().expect("an object") {
            if name != kept {
                *value = lost.clone();
            }
        }
    };
    nvml(node, |answers| {
        lose(&mut answers["devices"][2], "index");
        let links = answers["links"].as_array_mut().expect("a list");
        links.retain(|link| link["a"] != address && link["b"] != address);
    });
    edit_json(node, "api/nvml-window.json", |window| {
        for reading in window["readings"].as_array_mut().expect("a list") {
            lose(&mut reading["devices"][2], "address");
            reading["devices"][2]["address"] = json!("");
        }
    });
}

/// Adds variables to the environment of the server.
pub(super) fn environment(node: &mut Node, variables: &str) {
    for pid in server() {
        let path = format!("/proc/{pid}/environ");
        if node.files.contains_key(&format!("{RAW}{path}")) {
            let text = node.text(&path) + variables;
            node.set(&path, text);
        }
    }
}

/// The server spans these GPUs only, named by their numbers; the others are free.
pub(super) fn server_on(node: &mut Node, gpus: &[u32]) {
    node.set(
        &format!("/proc/{API_SERVER}/cmdline"),
        format!(
            "/usr/bin/python3\0/usr/local/bin/vllm\0serve\0example/model-70b\0--tensor-parallel-size\0{}\0",
            gpus.len()
        ),
    );
    for gpu in (0..8).filter(|gpu| !gpus.contains(gpu)) {
        end(node, &[FIRST_WORKER + gpu]);
        idle_gpu(node, gpu as usize);
    }
    for (rank, gpu) in gpus.iter().enumerate() {
        let pid = FIRST_WORKER + gpu;
        for path in titled(pid) {
            everywhere(node, &path, |text| text.replace("::Worker_PP", "::Worker_TP"));
        }
        node.set(&format!("/proc/{pid}/cmdline"), format!("VLLM::Worker_TP{rank}\0"));
    }
    let list: Vec<String> = gpus.iter().map(ToString::to_string).collect();
    environment(node, &format!("CUDA_VISIBLE_DEVICES={}\0", list.join(",")));
}

/// The files that hold the title of a process.
fn titled(pid: u32) -> [String; 4] {
    ["stat", "status", "task/PID/stat", "task/PID/status"]
        .map(|name| format!("/proc/{pid}/{}", name.replace("PID", &pid.to_string())))
}

/// A worker of the server's last start did not end, and keeps its part of GPU 3.
fn orphan(node: &mut Node) {
    const ORPHAN: u32 = 1813;
    let worker = FIRST_WORKER + 3;
    let copies: Vec<(String, Vec<u8>)> = (node.files.iter())
        .filter(|(path, _)| path.contains(&format!("/proc/{worker}/")))
        .map(|(path, bytes)| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let text = text.replace(
                &format!("{worker} (VLLM::Worker_TP) S {ENGINE_CORE} "),
                &format!("{ORPHAN} (VLLM::Worker_TP) S 1 "),
            );
            (path.replace(&worker.to_string(), &ORPHAN.to_string()), text.into_bytes())
        })
        .collect();
    node.files.extend(copies);
    // It waits for its engine core, which is gone.
    let task = format!("/proc/{ORPHAN}/task/{ORPHAN}");
    for folder in [format!("/proc/{ORPHAN}"), task.clone()] {
        for path in [format!("{folder}/stat"), format!("{folder}/status")] {
            let first = node.files[&format!("{}{path}", sample_folder(0))].clone();
            node.window(&path, first.clone(), first);
        }
    }
    node.window(&format!("{task}/schedstat"), "1000 1000 1000\n", "1000 1000 1000\n");
    for descriptor in 0..20 {
        node.links.insert(format!("/proc/{ORPHAN}/fd/{descriptor}"), "-".into());
    }
    node.links.insert(format!("/proc/{ORPHAN}/fd/20"), "/dev/nvidia3".into());
    let processes = json!([
        { "pid": ORPHAN, "used_bytes": 9_663_676_416_u64 },
        { "pid": worker, "used_bytes": 68_719_476_736_u64 },
    ]);
    node.gpu(3, "compute_processes", &processes);
    node.gpu(3, "memory_used_bytes", &json!(79_663_676_416_u64));
    node.gpu_readings(3, "memory_used_bytes", |_| json!(79_663_676_416_u64));
}

/// A virtual machine that has its GPUs passed through, without the switches of NVLink.
fn guest(node: &mut Node) {
    let cpuinfo = node.text("/proc/cpuinfo").replace("nonstop_tsc", "nonstop_tsc hypervisor");
    node.set("/proc/cpuinfo", cpuinfo);
    node.set("/sys/class/dmi/id/sys_vendor", "QEMU\n");
    node.set("/sys/class/dmi/id/product_name", "Standard PC (Q35 + ICH9, 2009)\n");
}
