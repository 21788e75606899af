//! Devices of the honest node: memory modules, power, network, storage, and what the libraries answered of GPUs and clock.

use std::collections::BTreeMap;

use plumb_evidence::bundle::{CLOCK_NAME, NVML_WINDOW_NAME};

const CPU: &str = "sys/devices/system/cpu/cpu0";

/// A table of sockets with one that listens.
const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                   0: 0100007F:1F40 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 1145 1 0 100 0\n   \
                   1: 0100007F:9C40 0100007F:1F40 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 20 4 30\n";

pub(super) fn add(files: &mut BTreeMap<String, Vec<u8>>) {
    for (path, text) in [
        ("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n/swap\\040file file 100 0 -3\n"),
        ("proc/vmstat", "nr_free_pages 5\npgmajfault 2\nnuma_miss 1\n"),
        ("sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "4\n"),
        ("sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "2\n"),
        ("sys/devices/system/edac/mc/mc0/mc_name", "Intel_SPR\n"),
        ("sys/devices/system/edac/mc/mc0/ce_count", "0\n"),
        ("sys/devices/system/edac/mc/mc0/ue_count", "0\n"),
        ("sys/devices/system/edac/mc/mc0/seconds_since_reset", "86400\n"),
        ("sys/devices/system/edac/mc/mc0/dimm0/dimm_label", "CPU0_DIMM_A1\n"),
        ("sys/devices/system/edac/mc/mc0/dimm0/dimm_ce_count", "0\n"),
        ("dev/cpu_dma_latency", "\u{5}\0\0\0"),
        ("proc/net/tcp", TCP),
        ("proc/net/tcp6", TCP),
        ("sys/class/net/eth0/operstate", "up\n"),
        ("sys/class/net/eth0/speed", "100000\n"),
        ("sys/class/net/eth0/mtu", "9000\n"),
        ("sys/class/net/eth0/queues/rx-0/rps_cpus", "00000000,00000003\n"),
        ("sys/class/infiniband/mlx5_0/board_id", "MT_0000000838\n"),
        ("sys/class/infiniband/mlx5_0/ports/1/state", "4: ACTIVE\n"),
        ("sys/class/infiniband/mlx5_0/ports/1/phys_state", "5: LinkUp\n"),
        ("sys/class/infiniband/mlx5_0/ports/1/rate", "400 Gb/sec (4X NDR)\n"),
        ("sys/class/infiniband/mlx5_0/ports/1/link_layer", "InfiniBand\n"),
        ("sys/class/nvme/nvme0/address", "0000:02:00.0\n"),
        ("sys/class/nvme/nvme0/transport", "pcie\n"),
        ("sys/class/nvme/nvme0/model", "SSD X\n"),
        ("sys/block/nvme0n1/queue/rotational", "0\n"),
        ("sys/block/nvme0n1/queue/scheduler", "[none] mq-deadline\n"),
        ("sys/block/nvme0n1/queue/read_ahead_kb", "128\n"),
        (
            "proc/7/mountinfo",
            "21 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw\n\
             32 21 253:0 / /data\\040sets rw - xfs /dev/mapper/vg-data rw\n\
             33 21 0:60 / /m rw - btrfs /dev/nvme0n1p1 rw,subvol=/\n\
             34 21 0:61 / /root/.cache/huggingface rw - overlay overlay rw,lowerdir=/l1:/l2,upperdir=/m/up,workdir=/w\n",
        ),
        ("proc/1/mountinfo", "21 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw\n"),
    ] {
        files.insert(format!("raw/{path}"), text.as_bytes().to_vec());
    }
    files.insert("raw/sys/firmware/dmi/tables/DMI".to_owned(), modules());
    for (name, text) in [
        ("power/energy_perf_bias", "0\n"),
        ("power/pm_qos_resume_latency_us", "n/a\n"),
        ("acpi_cppc/highest_perf", "255\n"),
        ("acpi_cppc/nominal_perf", "180\n"),
        ("acpi_cppc/lowest_perf", "30\n"),
        ("acpi_cppc/reference_perf", "180\n"),
        ("acpi_cppc/nominal_freq", "2400\n"),
        ("thermal_throttle/core_throttle_count", "3\n"),
        ("thermal_throttle/package_throttle_count", "3\n"),
    ] {
        files.insert(format!("raw/{CPU}/{name}"), text.as_bytes().to_vec());
    }
    for (index, more) in [(0, 1u64), (1, 3)] {
        for (name, text) in [
            ("thermal_throttle/core_throttle_count", format!("{more}\n")),
            ("thermal_throttle/package_throttle_count", format!("{more}\n")),
            ("acpi_cppc/feedback_ctrs", format!("ref:{more}000000000 del:{more}200000000\n")),
            ("cpufreq/scaling_cur_freq", "2900000\n".to_owned()),
            ("cpuidle/state0/time", format!("{more}00000\n")),
        ] {
            files.insert(format!("samples/00{index}/{CPU}/{name}"), text.into_bytes());
        }
    }
    for (name, text) in [
        (
            CLOCK_NAME,
            r#"{"synchronized":true,"offset_us":1.5,"estimated_error_us":9,"max_error_us":90,"status":8193}"#,
        ),
        (
            NVML_WINDOW_NAME,
            r#"{"readings":[{"seconds":0.0,"devices":[{"address":"0000:01:00.0","utilization_percent":90,"sm_mhz":1980,
            "energy_mj":5,"pcie_replays":0,"clock_reasons":0,"clock_reasons_ns":{"sw_power_cap":0}}]},{"seconds":1.0,
            "devices":[{"address":"0000:01:00.0","utilization_percent":95,"sm_mhz":1980,"energy_mj":700000,
            "pcie_replays":1,"clock_reasons":4,"clock_reasons_ns":{"sw_power_cap":1000}}]}]}"#,
        ),
        (
            "measurements/bench-a.json",
            r#"{"schema":1,"started":"2026-01-01T00:00:00Z","valid":true,"load":{"text":"closed 8"},"seconds":30.0,
            "offered_rps":2.5,"target":{"url":"http://127.0.0.1:8000"},"server":{"kind":"vllm","seconds":30.0,
            "running":[1.0,2.0],"waiting":[0.0],"kv_cache_percent":[20.5]}}"#,
        ),
        (
            "measurements/noise-a.json",
            r#"{"results":[{"cpu":0,"seconds":10.0,"lost_share":0.001,"max_us":120.5,"interruptions":{"tick":9},
            "wakeup_p99_us":60.0}]}"#,
        ),
        (
            "measurements/experiment-a.json",
            r#"{"schema":1,"name":"pinning","started":"2026-01-01T00:00:00Z","valid":true,"blocks":4,"margin":0.05,
            "cells":[{"name":"as it is","baseline":true,"levels":{"pin":"none"},"status":"measured"}],"conclusions":["x"]}"#,
        ),
    ] {
        files.insert(name.to_owned(), text.as_bytes().to_vec());
    }
}

/// An SMBIOS table: a memory array, one module of 64 GiB, the end.
fn modules() -> Vec<u8> {
    let structure = |kind: u8, handle: u8, fields: &[u8], strings: &[u8]| {
        let length = u8::try_from(fields.len() + 4).expect("a short structure");
        [&[kind, length, handle, 0], fields, strings, &[0, 0]].concat()
    };
    let mut module = vec![0u8; 0x5c - 4];
    let mut put = |offset: usize, bytes: &[u8]| module[offset - 4..][..bytes.len()].copy_from_slice(bytes);
    put(4, &[1, 0]);
    put(0x0c, &[0xff, 0x7f]);
    put(0x10, &[1, 2]);
    put(0x12, &[0x22]);
    put(0x15, &5600u16.to_le_bytes());
    put(0x1b, &[2]);
    put(0x1c, &65536u32.to_le_bytes());
    put(0x20, &4800u16.to_le_bytes());
    [
        structure(16, 1, &[3, 3, 6, 0, 0, 0, 0, 0xfe, 0xff, 1, 0], &[]),
        structure(17, 2, &module, b"CPU0_DIMM_A1\0NODE 0"),
        structure(127, 3, &[], &[]),
    ]
    .concat()
}
