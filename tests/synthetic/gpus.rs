//! What NVML says of the eight GPUs.

use serde_json::{Value, json};

use super::{FIRST_WORKER, Node, SECONDS, gpu_address, node_cpus};

impl Node {
    pub(super) fn gpus(&mut self) {
        let devices: Vec<Value> = (0..8).map(device).collect();
        let pairs = (0..8).flat_map(|a| (a + 1..8).map(move |b| (a, b)));
        let links: Vec<Value> = pairs
            .map(|(a, b)| {
                json!({
                    "a": gpu_address(a), "b": gpu_address(b),
                    "common_ancestor": if a / 4 == b / 4 { "node" } else { "system" },
                    "p2p_read": "ok", "p2p_nvlink": "ok",
                })
            })
            .collect();
        let answers = json!({
            "driver_version": "550.90.07", "nvml_version": "12.550.90.07", "cuda_version": "12.4",
            "devices": devices, "links": links,
        });
        self.api("api/nvml.json", &answers);
        let readings: Vec<Value> = (0..=SECONDS)
            .map(|second| {
                let devices: Vec<Value> = (0..8).map(|gpu| reading(gpu, second)).collect();
                json!({ "seconds": second as f64, "devices": devices })
            })
            .collect();
        self.api("api/nvml-window.json", &json!({ "readings": readings }));
    }

    fn api(&mut self, name: &str, answers: &Value) {
        self.files.insert(name.to_owned(), answers.to_string().into_bytes());
    }

    /// Changes what NVML says of one GPU, now and at every reading of the window.
    ///
    /// # Panics
    /// If NVML's answers do not have the field.
    pub fn gpu(&mut self, gpu: usize, field: &str, value: &Value) {
        let bytes = &self.files["api/nvml.json"];
        let mut answers: Value = serde_json::from_slice(bytes).expect("written by this module");
        let device = &mut answers["devices"][gpu];
        assert!(!device[field].is_null(), "NVML has no field `{field}`");
        device[field] = value.clone();
        self.api("api/nvml.json", &answers);
    }

    /// Changes what NVML says of one GPU at every reading of the window.
    ///
    /// # Panics
    /// If the readings do not have the field.
    pub fn gpu_readings(&mut self, gpu: usize, field: &str, value: impl Fn(u64) -> Value) {
        let bytes = &self.files["api/nvml-window.json"];
        let mut window: Value = serde_json::from_slice(bytes).expect("written by this module");
        for second in 0..=SECONDS {
            let at = usize::try_from(second).unwrap_or(0);
            let device = &mut window["readings"][at]["devices"][gpu];
            assert!(!device[field].is_null(), "the readings have no field `{field}`");
            device[field] = value(second);
        }
        self.api("api/nvml-window.json", &window);
    }
}

fn device(gpu: u32) -> Value {
    let absent = |what: &str| json!({ "missing": "absent", "reason": format!("this GPU has no {what}") });
    let nvlinks: Vec<Value> =
        (0..18).map(|link| json!({ "link": link, "active": true, "version": 4, "errors": 0 })).collect();
    let mut device = json!({
        "index": gpu,
        "address": gpu_address(gpu),
        "name": "NVIDIA H100 80GB HBM3",
        "uuid": format!("GPU-{gpu}"),
        "architecture": "Hopper",
        "vbios": "96.00.A5.00.01",
        "cpu_affinity": node_cpus(gpu / 4),
        "memory_affinity": (gpu / 4).to_string(),
        "compute_processes": [{ "pid": FIRST_WORKER + gpu, "used_bytes": 68_719_476_736_u64 }],
        "mps_processes": [],
        "compute_mode": "default",
        "persistence": true,
        "pstate": 0,
        "sm_mhz": 1980, "sm_max_mhz": 1980, "memory_mhz": 2619, "memory_max_mhz": 2619,
        "application_sm_mhz": 1980, "application_sm_default_mhz": 1980,
        "clock_reasons": 0, "clock_reasons_ns": reasons(),
    });
    let more = json!({
        "power_watts": 520.0, "power_limit_watts": 700.0, "power_limit_default_watts": 700.0,
        "power_limit_min_watts": 200.0, "power_limit_max_watts": 700.0, "energy_mj": 1_000_000,
        "temperature_celsius": 55, "memory_temperature_celsius": 60, "slowdown_celsius": 87, "shutdown_celsius": 92,
        "margin_celsius": 30,
        "pcie_gen_current": 5, "pcie_gen_max": 5, "pcie_width_current": 16, "pcie_width_max": 16, "pcie_replays": 0,
        "ecc_enabled": true, "ecc_pending": true,
        "ecc_volatile": { "corrected": 0, "uncorrected": 0 }, "ecc_aggregate": { "corrected": 0, "uncorrected": 0 },
        "remapped_rows": { "correctable": 0, "uncorrectable": 0, "pending": false, "failure": false },
        "retired_pages": absent("page retirement"),
        "nvlinks": nvlinks, "nvlink_mbps": 26_562, "fabric": { "state": "completed", "status": 0 },
        "bar1_total_bytes": 137_438_953_472_u64, "bar1_used_bytes": 1_048_576,
        "memory_total_bytes": 85_520_809_984_u64, "memory_used_bytes": 70_000_000_000_u64,
        "utilization_percent": 95, "memory_utilization_percent": 60,
        "mig": false, "mig_pending": false, "mig_instances": absent("MIG instances"),
    });
    if let (Some(device), Value::Object(more)) = (device.as_object_mut(), more) {
        device.extend(more);
    }
    device
}

fn reasons() -> Value {
    json!({ "sw_power_cap": 0, "hw_slowdown": 0, "sync_boost": 0, "sw_thermal": 0, "hw_thermal": 0, "hw_power_brake": 0 })
}

fn reading(gpu: u32, second: u64) -> Value {
    json!({
        "address": gpu_address(gpu),
        "utilization_percent": 95, "sm_mhz": 1980, "memory_mhz": 2619, "power_watts": 520.0, "temperature_celsius": 55,
        "margin_celsius": 30, "clock_reasons": 0, "clock_reasons_ns": reasons(),
        "pcie_generation": 5, "pcie_width": 16, "pcie_tx_kb_per_s": 1000, "pcie_rx_kb_per_s": 1000, "pcie_replays": 0,
        "energy_mj": 1_000_000 + second * 520_000, "memory_used_bytes": 70_000_000_000_u64, "nvlink_errors": 0,
        "ecc_uncorrected": 0,
    })
}
