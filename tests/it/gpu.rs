//! A machine with GPUs, made from recorded answers of NVML and a small tree of `/proc` and `/sys`.

use std::fs;
use std::path::Path;

use plumb_tests::{Run, plumb, run, workspace};
use serde_json::Value;

/// What a node with one GPU has besides NVML.
const TREE: &[(&str, &str)] = &[
    ("proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\n"),
    ("proc/uptime", "1000.0 500.0\n"),
    ("proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.159.04\n"),
    ("sys/devices/system/cpu/online", "0\n"),
    ("sys/devices/pci0000:00/0000:00:06.0/class", "0x030200\n"),
    ("sys/devices/pci0000:00/0000:00:06.0/vendor", "0x10de\n"),
    ("sys/devices/pci0000:00/0000:00:06.0/device", "0x2330\n"),
    (
        "var/log/kern.log",
        "n kernel: [0.0] Linux version 6.8\nn kernel: [900.5] NVRM: Xid (PCI:0000:00:06): 79, pid=1\n",
    ),
];

fn write_tree(root: &Path) {
    for (path, text) in TREE {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let devices = root.join("sys/bus/pci/devices");
    fs::create_dir_all(&devices).unwrap();
    std::os::unix::fs::symlink("../../../devices/pci0000:00/0000:00:06.0", devices.join("0000:00:06.0"))
        .unwrap();
}

fn evidence(bundle: &Path) -> Value {
    let Run { code, out, err } = run(plumb().args(["bundle", "show", "--as", "evidence"]).arg(bundle));
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn a_recording_stands_in_for_the_driver() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    write_tree(&tree);
    let bundle = folder.path().join("gpu.plumb");
    let collected = run(plumb()
        .args(["collect", "--sample", "0.2", "--sysroot"])
        .arg(&tree)
        .arg("-o")
        .arg(&bundle)
        .env("PLUMB_NVML_RECORDING", workspace().join("tests/recordings/h100")));
    assert_eq!(collected.code, 0, "{}", collected.err);

    let evidence = evidence(&bundle);
    assert_eq!(evidence["nvml"]["devices"][0]["address"], "0000:00:06.0");
    assert_eq!(evidence["nvml"]["devices"][0]["architecture"], "Hopper");
    assert_eq!(evidence["gpus"][0]["name"], "NVIDIA H100 80GB HBM3");
    assert_eq!(evidence["kernel_log"]["lines"][0]["subject"], "xid");
    assert_eq!(evidence["kernel_log"]["to_seconds"], 1000.0);
    let gpu = &evidence["window"]["gpus"][0];
    // However long the window took: idle first, and then under load.
    assert_eq!(gpu["utilization_percent"][0], 0, "{gpu}");
    assert_eq!(gpu["utilization_percent"][1], 99, "{gpu}");
    assert!(gpu["energy_mj"].as_u64().is_some_and(|energy| energy >= 4_040_133 - 3_390_550), "{gpu}");
    let probes = evidence["collection"]["probes"].as_array().unwrap();
    let window = probes.iter().find(|probe| probe["id"] == "nvml-window").unwrap();
    assert_eq!(window["status"], "ok", "{window}");
    assert!(window["reason"].as_str().is_some_and(|reason| reason.contains("recording")), "{window}");
}

#[test]
fn without_a_driver_or_a_recording_there_are_no_answers() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    write_tree(&tree);
    let bundle = folder.path().join("gpu.plumb");
    let collected = run(plumb()
        .args(["collect", "--sysroot"])
        .arg(&tree)
        .arg("-o")
        .arg(&bundle)
        .env_remove("PLUMB_NVML_RECORDING"));
    assert_eq!(collected.code, 0, "{}", collected.err);
    assert_eq!(evidence(&bundle)["nvml"]["missing"], "skipped");
}
