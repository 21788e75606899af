//! Evidence of made-up machines, for figures and the chapters about measurements.

use std::collections::BTreeMap;

use plumb_evidence::model::{
    BenchLoad, BenchResult, BenchTarget, Cpu, Demand, DevicePaths, Engagement, ExperimentCell,
    ExperimentEffect, ExperimentResult, Gpu, GpuNuma, InferenceServer, Judged, LatencySummary, Measurements,
    Nic, NoiseResult, NoiseTimeline, Numa, NumaNode, Prices, ProcessMemory, Pu, Role, ServerProcess,
    ServiceLevel, Thread,
};
use plumb_evidence::{CpuSet, Evidence, Fact};

use crate::sample;

/// `sockets` sockets of `cores` cores with two threads each, a NUMA node each, `gpus` GPUs spread over them.
pub(crate) fn node(sockets: u32, cores: u32, gpus: u32) -> Evidence {
    let mut evidence = sample::evidence();
    let total = sockets * cores;
    let pu = |cpu: u32| {
        let core = cpu % total;
        let socket = core / cores;
        Pu { cpu, core, socket, node: Some(socket), max_khz: None, min_khz: None, capacity: None }
    };
    let cpus: Vec<Pu> = (0..total * 2).map(pu).collect();
    let set =
        |socket: u32| -> CpuSet { cpus.iter().filter(|pu| pu.socket == socket).map(|pu| pu.cpu).collect() };
    evidence.numa = Fact::Known(Numa {
        path: "/sys/devices/system/node".into(),
        nodes: (0..sockets)
            .map(|id| NumaNode {
                id,
                cpus: set(id),
                mem_total_bytes: Fact::Known(512 << 30),
                mem_free_bytes: Fact::Known(200 << 30),
                distances: Fact::Known((0..sockets).map(|other| if other == id { 10 } else { 21 }).collect()),
            })
            .collect(),
        unread: std::collections::BTreeMap::new(),
    });
    evidence.gpus = Fact::Known((0..gpus).map(|index| gpu(index, index * sockets / gpus.max(1))).collect());
    evidence.paths = Fact::Known(DevicePaths {
        nics: Fact::Known(
            (0..gpus.div_ceil(2)).map(|n| nic(n, n * sockets / gpus.div_ceil(2).max(1))).collect(),
        ),
        pairs: Vec::new(),
    });
    let all: CpuSet = cpus.iter().map(|pu| pu.cpu).collect();
    evidence.cpu = Fact::Known(Cpu {
        path: "/sys/devices/system/cpu".into(),
        model: Fact::Known("Example CPU".into()),
        vendor: Fact::Known("GenuineIntel".into()),
        present: all.clone(),
        online: all.clone(),
        sockets,
        sockets_unknown: None,
        cores_unknown: None,
        cores: total,
        pus: total * 2,
        smt_active: true,
        cpus,
        caches: Vec::new(),
    });
    if gpus > 0 {
        // Each worker runs on the other socket than its GPU, with half of its memory there.
        let worker = |index: u32| {
            let home = index * sockets / gpus;
            let away = (home + 1) % sockets;
            let threads =
                (0..4).map(|n| thread(1000 + index * 10 + n, away * cores + index * 3 + n, &all)).collect();
            ServerProcess {
                pid: 1000 + index * 10,
                role: Role::GpuWorker,
                gpus: Fact::Known(vec![address(index)]),
                threads,
                memory: Fact::Known(ProcessMemory {
                    anonymous_by_node: BTreeMap::from([(home, 9 << 30), (away, 14 << 30)]),
                    ..ProcessMemory::default()
                }),
                ..ServerProcess::default()
            }
        };
        let api = ServerProcess {
            pid: 900,
            role: Role::ApiServer,
            gpus: Fact::Known(Vec::new()),
            threads: vec![thread(900, 40 % total, &all), thread(901, 41 % total, &all)],
            ..ServerProcess::default()
        };
        evidence.servers = Fact::Known(vec![InferenceServer {
            kind: "vllm".into(),
            pid: 900,
            options: Fact::Known([].into()),
            tensor_parallel: Fact::Known(gpus),
            pipeline_parallel: Fact::Known(1),
            data_parallel: Fact::Known(1),
            processes: std::iter::once(api).chain((0..gpus).map(worker)).collect(),
            ..InferenceServer::default()
        }]);
    }
    evidence
}

/// [`node`] with a service level, demand, prices and measurements of every kind.
pub(crate) fn measured(sockets: u32, cores: u32, gpus: u32) -> Evidence {
    let mut evidence = node(sockets, cores, gpus);
    evidence.engagement = Fact::Known(Engagement {
        slo: Fact::Known(ServiceLevel {
            percentile: Some(95.0),
            ttft_ms: Some(450.0),
            itl_ms: Some(40.0),
            penalty: Some(format!("5 % of the monthly fee ({})", sample::HOSTILE)),
            ..ServiceLevel::default()
        }),
        demand: Fact::Known(Demand {
            peak_requests_per_s: Some(40.0),
            mean_requests_per_s: Some(11.0),
            prompt_tokens: Some(2000.0),
            output_tokens: Some(280.0),
            growth_percent_per_year: Some(15.0),
            replicas: Some(9),
            ..Demand::default()
        }),
        prices: Fact::Known(Prices {
            currency: "EUR".into(),
            gpu_hour: Some(2.2.into()),
            ..Prices::default()
        }),
        ..Engagement::default()
    });
    let rates = [
        (2.0, 130.0, 1.0),
        (4.0, 180.0, 0.999),
        (6.0, 310.0, 0.985),
        (7.0, 560.0, 0.94),
        (8.0, 1450.0, 0.61),
    ];
    evidence.measurements = Fact::Known(Measurements {
        bench: Fact::Known(rates.map(|(rate, p95, share)| bench(rate, p95, share)).into()),
        noise: Fact::Known((0..sockets * cores).map(noise).collect()),
        experiments: Fact::Known(vec![experiment()]),
        ..Measurements::default()
    });
    evidence
}

fn address(index: u32) -> String {
    format!("0000:{:02x}:00.0", 0x18 + index * 0x10)
}

fn gpu(index: u32, node: u32) -> Gpu {
    Gpu {
        path: format!("/sys/bus/pci/devices/{}", address(index)),
        address: address(index),
        kind: "GPU".into(),
        vendor: "nvidia".into(),
        name: Fact::Known("NVIDIA H100 80GB HBM3".into()),
        uuid: Fact::absent("test"),
        numa: GpuNuma {
            sysfs: Fact::Known(i32::try_from(node).unwrap()),
            hwloc: Fact::absent("test"),
            nvml: Fact::absent("test"),
            local_cpus: Fact::absent("test"),
        },
        local_cpulist: Fact::absent("test"),
        off_bus: false,
        in_driver: Fact::default(),
        in_nvml: Fact::default(),
    }
}

fn nic(n: u32, node: u32) -> Nic {
    Nic {
        address: format!("0000:{:02x}:00.0", 0xa0 + n),
        numa_node: Fact::Known(i32::try_from(node).unwrap()),
        interfaces: Fact::Known(vec![format!("ens{n}np0")]),
        rdma: Fact::Known(vec![format!("mlx5_{n}")]),
        ..Nic::default()
    }
}

fn thread(tid: u32, cpu: u32, allowed: &CpuSet) -> Thread {
    Thread {
        tid,
        comm: "VLLM::Worker".into(),
        cpus_allowed: Fact::Known(allowed.clone()),
        mems_allowed: Fact::absent("test"),
        last_cpu: Fact::Known(cpu),
        cpu_ticks: Fact::Known(100),
        policy: Fact::Known(0),
        rt_priority: Fact::Known(0),
        nice: Fact::Known(0),
    }
}

/// So many independent requests, of which this share met the service level.
pub(crate) fn judged(requests: u64, share: f64) -> Judged {
    Judged {
        requests,
        met: (requests as f64 * share).round() as u64,
        undetermined: 0,
        independent: requests as f64,
        independent_missed: requests as f64,
    }
}

fn bench(rate: f64, p95: f64, share: f64) -> BenchResult {
    let summary = |p50: f64, p95: f64| LatencySummary {
        count: 3000,
        p50: Some(p50),
        p90: Some(p95 * 0.8),
        p95: Some(p95),
        p95_interval: Some((p95 * 0.93, p95 * 1.09)),
        p99: Some(p95 * 1.7),
        max: Some(p95 * 3.0),
        ..LatencySummary::default()
    };
    BenchResult {
        path: format!("measurements/bench-{rate}.json"),
        valid: true,
        open_loop: true,
        target: BenchTarget { url: "http://127.0.0.1:8000".into(), ..BenchTarget::default() },
        load: BenchLoad {
            text: format!("open poisson {rate}/s"),
            prompt_tokens: Some(2000),
            output_tokens: Some(280),
            ..BenchLoad::default()
        },
        offered_rps: Some(rate),
        seconds: 500.0,
        requests: (rate * 500.0) as u64,
        goodput_rps: Some(rate * share),
        judged: Some(judged((rate * 500.0) as u64, share)),
        output_tokens_per_s: rate * 280.0,
        ttft_ms: summary(p95 * 0.4, p95),
        itl_ms: summary(14.0 + rate, 18.0 + rate * 2.2),
        e2e_ms: summary(3000.0 + p95, 5200.0 + p95 * 2.0),
        ..BenchResult::default()
    }
}

fn noise(cpu: u32) -> NoiseResult {
    // A housekeeping CPU, a periodic one, quiet ones.
    let lost = |slice: u32| match cpu {
        0 => 900.0 + f64::from(slice % 7) * 300.0,
        n if n % 16 == 5 => {
            if slice.is_multiple_of(10) {
                5200.0
            } else {
                40.0
            }
        }
        n => f64::from((n * 7 + slice * 3) % 11) * 0.8,
    };
    let lost_us: Vec<f64> = (0..60).map(lost).collect();
    NoiseResult {
        path: "measurements/noise-1.json".into(),
        cpu,
        seconds: 30.0,
        lost_share: lost_us.iter().sum::<f64>() / 30e6,
        max_us: lost_us.iter().copied().fold(0.0, f64::max) / 4.0,
        wakeup_p99_us: Some(61.0),
        timeline: Some(NoiseTimeline {
            slice_ms: 500.0,
            outside_us: vec![0.0; lost_us.len()],
            preempted_us: vec![0.0; lost_us.len()],
            lost_us,
        }),
        ..NoiseResult::default()
    }
}

fn experiment() -> ExperimentResult {
    let effect =
        |cell: &str, factor: &str, metric: &str, ratio: f64, width: f64, verdict: &str| ExperimentEffect {
            cell: cell.into(),
            against: "as found".into(),
            factor: factor.into(),
            metric: metric.into(),
            ratio,
            low: Some(ratio * (1.0 - width)),
            high: Some(ratio * (1.0 + width)),
            minimum_detectable: Some(0.03),
            verdict: verdict.into(),
            ..ExperimentEffect::default()
        };
    let floor = |metric: &str| ExperimentEffect {
        metric: metric.into(),
        ratio: 1.0,
        low: Some(0.97),
        high: Some(1.03),
        ..ExperimentEffect::default()
    };
    ExperimentResult {
        path: "measurements/experiment-1.json".into(),
        name: "placement and neighbours".into(),
        valid: true,
        replication: "launch".into(),
        load: "open poisson 4/s".into(),
        blocks: 8,
        primary: "e2e_p95".into(),
        effects: vec![
            effect("GPU-local", "placement", "e2e_p95", 0.82, 0.05, "improved"),
            effect("GPU-local", "placement", "ttft_p50", 0.97, 0.04, "no-measured-effect"),
            effect("GPU-local", "placement", "output_tokens_per_s", 1.11, 0.03, "improved"),
            effect("performance", "governor", "e2e_p95", 0.99, 0.02, "no-measured-effect"),
            effect("hog on the same core", "neighbour", "e2e_p95", 1.74, 0.12, "worse"),
            effect("hog on the other socket", "neighbour", "e2e_p95", 1.02, 0.04, "no-measured-effect"),
        ],
        noise_floor: vec![floor("e2e_p95"), floor("ttft_p50"), floor("output_tokens_per_s")],
        conclusions: vec!["placing workers next to their GPUs lowers the p95 of whole requests".into()],
        warnings: vec!["another process used 0.4 of a CPU".into()],
        cells: vec![ExperimentCell {
            name: "numa_balancing off".into(),
            status: "denied".into(),
            reason: "/proc/sys/kernel/numa_balancing cannot be written without root".into(),
            ..ExperimentCell::default()
        }],
        ..ExperimentResult::default()
    }
}
