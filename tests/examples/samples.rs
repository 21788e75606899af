//! Writes the bundles of `samples/reports` that are made up: `cargo xtask samples` runs it.
//!
//! Each is [`Node::healthy`] with things set, so that what a report finds is known beforehand. The manifest says that the
//! node does not exist, and every report says so too.
#![expect(clippy::print_stdout, reason = "telling what was written is for whoever runs it")]
#![expect(clippy::unwrap_used, reason = "a sample that cannot be written is a reason to stop")]

use std::fs;
use std::path::{Path, PathBuf};

use plumb_evidence::Bundle;
use plumb_evidence::manifest::{Manifest, Unread};
use plumb_evidence::model::{
    BENCH_SCHEMA, BenchLoad, BenchResult, BenchTarget, EXPERIMENT_SCHEMA, ExperimentCell, ExperimentEffect,
    ExperimentResult, LatencySummary, ObjectiveResult, Share,
};
use plumb_tests::synthetic::{FIRST_WORKER, Node, SERVICE};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = PathBuf::from(arguments.first().expect("usage: samples FOLDER [NODES OF A FLEET]"));
    if let Some(nodes) = arguments.get(1) {
        return fleet(&folder, nodes.parse().expect("a number of nodes"));
    }
    let before = Times { day: "2026-03-02", slowness: 1.0 };
    let after = Times { day: "2026-03-16", slowness: 0.78 };
    let guest = Times { day: "2026-03-04", slowness: 0.0 };
    write(&folder.join("untuned"), "gpu-07.example", "7e11", &untuned(&before), &before);
    write(&folder.join("remedied"), "gpu-07.example", "7e11", &remedied(&after), &after);
    write(&folder.join("guest"), "vm-12.example", "9a3c", &self::guest(), &guest);
}

/// Many nodes in one folder, as a fleet has them: of ten one is untuned, four have a single fault each, one is a guest, and four
/// are healthy. Every other ten are of a later machine; two of ten were never tested.
fn fleet(folder: &Path, nodes: u32) {
    const DAYS: [&str; 3] = ["2026-03-02", "2026-03-03", "2026-03-04"];
    for n in 0..nodes {
        let day = DAYS[(n / 14 % 3) as usize];
        // Nodes of one kind are a little unlike, as machines are.
        let unlike = 1.0 + f64::from(n % 7) * 0.006;
        let times = |slowness: f64| Times { day, slowness: slowness * unlike };
        let (healthy, slowed) = (times(0.78), times(0.92));
        let (mut node, times) = match n % 10 {
            0 => (untuned(&times(1.0)), times(1.0)),
            1 => (saving_power(), slowed),
            2 => (with_quota(), slowed),
            3 => (interrupted(), slowed),
            4 => (far_memory(), slowed),
            5 => (guest(), healthy),
            _ => (Node::healthy(), healthy),
        };
        if !matches!(n % 10, 0 | 5 | 9) {
            measure(&mut node, &times);
        }
        if n / 10 % 2 == 1 {
            later_machine(&mut node);
        }
        let host = format!("gpu-{n:03}.example");
        let scratch = folder.join(&host);
        write(&scratch, &host, &format!("{n:04x}"), &node, &times);
        fs::rename(scratch.join("node.plumb"), folder.join(format!("{host}.plumb"))).unwrap();
        fs::remove_dir(scratch).unwrap();
    }
}

/// The next model of the same machine, with a processor of as many cores.
fn later_machine(node: &mut Node) {
    let cpuinfo = node.text("/proc/cpuinfo").replace("8462Y+", "8562Y+");
    node.set("/proc/cpuinfo", cpuinfo);
    if node.text("/sys/class/dmi/id/product_name").contains("GPU Server") {
        node.set("/sys/class/dmi/id/product_name", "GPU Server 2\n");
    }
}

/// Healthy but for its clocks.
fn saving_power() -> Node {
    let mut node = Node::healthy();
    save_power(&mut node);
    node
}

/// Healthy but for a quota that stops the service.
fn with_quota() -> Node {
    let mut node = Node::healthy();
    limit(&mut node);
    node
}

/// Healthy but for interrupts that all go to one CPU.
fn interrupted() -> Node {
    let mut node = Node::healthy();
    interrupt(&mut node);
    node
}

/// Healthy but for the memory of four workers, which is on the other socket.
fn far_memory() -> Node {
    let mut node = Node::healthy();
    for worker in 0..4 {
        node.memory_on(FIRST_WORKER + worker, 1);
    }
    node
}

fn save_power(node: &mut Node) {
    for cpu in 0..128 {
        let policy = format!("/sys/devices/system/cpu/cpufreq/policy{cpu}");
        node.set(&format!("{policy}/scaling_governor"), "powersave\n");
        node.set(&format!("{policy}/energy_performance_preference"), "balance_power\n");
    }
}

/// A quota of 8 CPUs. Nobody uses more than it, and whoever is throttled waits: 30 periods in which ten threads stood still for
/// 7 ms.
fn limit(node: &mut Node) {
    let group = format!("/sys/fs/cgroup{SERVICE}");
    node.set(&format!("{group}/cpu.max"), "800000 100000\n");
    for worker in 0..8 {
        node.ran(FIRST_WORKER + worker, FIRST_WORKER + worker, 800);
    }
    let pressure = |us: u64| {
        let line = |kind: &str, us: u64| format!("{kind} avg10=0.00 avg60=0.00 avg300=0.00 total={us}\n");
        line("some", us) + &line("full", us / 2)
    };
    node.window(&format!("{group}/cpu.pressure"), pressure(100_000), pressure(300_000));
    node.throttle(&group, 30, 2_000_000);
}

fn interrupt(node: &mut Node) {
    node.interrupts_on([4; 4], 500_000);
    node.interrupt_time(4, 150);
}

/// When a sample was taken, and how long its requests take, in shares of the slowest.
struct Times {
    day: &'static str,
    slowness: f64,
}

fn write(folder: &Path, host: &str, token: &str, node: &Node, times: &Times) {
    let mut node = node.clone();
    node.set("/proc/sys/kernel/hostname", format!("{host}\n"));
    let bundle = node.bundle();
    let manifest = Manifest {
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        started: format!("{}T09:00:00Z", times.day),
        finished: format!("{}T09:00:12Z", times.day),
        host_token: token.repeat(16),
        ..bundle.manifest().clone()
    };
    fs::create_dir_all(folder).unwrap();
    let path = folder.join("node.plumb");
    Bundle::new(manifest, node.files.clone(), node.links.clone()).write(&path).unwrap();
    println!("{}", path.display());
}

/// Two sockets, eight GPUs, and most of what is usually wrong.
fn untuned(times: &Times) -> Node {
    let mut node = Node::healthy();
    save_power(&mut node);
    for worker in 0..8 {
        node.pin(FIRST_WORKER + worker, "0-127");
    }
    for worker in 0..4 {
        node.memory_on(FIRST_WORKER + worker, 1);
    }
    node.set("/proc/sys/kernel/numa_balancing", "1\n");
    let thp = "/sys/kernel/mm/transparent_hugepage";
    node.set(&format!("{thp}/enabled"), "[always] madvise never\n");
    node.set(&format!("{thp}/defrag"), "[always] defer defer+madvise madvise never\n");
    node.vmstat(&[
        ("numa_hint_faults", 500_000),
        ("numa_pte_updates", 500_000),
        ("numa_pages_migrated", 50_000),
        ("compact_stall", 5000),
        ("allocstall_normal", 5000),
    ]);
    limit(&mut node);
    interrupt(&mut node);
    node.set("/proc/sys/vm/swappiness", "60\n");
    measure(&mut node, times);
    node
}

/// The same after work on it. What could not be read the second time cannot count as fixed.
fn remedied(times: &Times) -> Node {
    let mut node = Node::healthy();
    node.set(
        "/proc/cmdline",
        "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro iommu=pt transparent_hugepage=madvise\n",
    );
    lose(&mut node, &["/sys/kernel/mm/transparent_hugepage"]);
    measure(&mut node, times);
    experiment(&mut node, times);
    node
}

/// A guest of a hypervisor: no frequency scaling, nothing of the host's topology, and a collector without privilege.
fn guest() -> Node {
    let mut node = Node::healthy();
    let cpuinfo = node.text("/proc/cpuinfo").replace("nonstop_tsc", "nonstop_tsc hypervisor");
    node.set("/proc/cpuinfo", cpuinfo);
    node.set("/sys/class/dmi/id/sys_vendor", "QEMU\n");
    node.set("/sys/class/dmi/id/product_name", "Standard PC (Q35 + ICH9, 2009)\n");
    node.cpu_time(100);
    let absent: Vec<String> = node
        .files
        .keys()
        .filter(|path| {
            path.contains("/cpufreq/") || path.contains("/intel_pstate/") || path.contains("thermal_throttle")
        })
        .cloned()
        .collect();
    for path in absent {
        node.files.remove(&path);
    }
    for gpu in [0, 4] {
        let folder = format!("/sys/bus/pci/devices/{}", plumb_tests::synthetic::gpu_address(gpu));
        node.set(&format!("{folder}/numa_node"), "-1\n");
    }
    let workers: Vec<String> = (0..8).map(|worker| format!("/proc/{}", FIRST_WORKER + worker)).collect();
    let mut denied: Vec<&str> = workers.iter().map(String::as_str).collect();
    denied.extend(["/proc/interrupts", "/sys/kernel/mm/transparent_hugepage", "/etc/tuned"]);
    lose(&mut node, &denied);
    node
}

/// Takes away what lies below the paths, as a collector without permission would find it.
fn lose(node: &mut Node, paths: &[&str]) {
    let below = |file: &str| paths.iter().any(|path| file == *path || file.starts_with(&format!("{path}/")));
    let files: Vec<String> = node.files.keys().cloned().collect();
    for name in files {
        let Some(at) = name.find("/proc/").or_else(|| name.find("/sys/")).or_else(|| name.find("/etc/"))
        else {
            continue;
        };
        let path = name[at..].to_owned();
        if below(&path) {
            node.files.remove(&name);
            let unread = Unread {
                path,
                status: plumb_evidence::Absence::Denied,
                reason: "permission denied".to_owned(),
            };
            if !node.unread.contains(&unread) {
                node.unread.push(unread);
            }
        }
    }
}

fn put(node: &mut Node, name: &str, document: &impl serde::Serialize) {
    let text = serde_json::to_vec_pretty(document).unwrap();
    node.files.insert(format!("measurements/{name}.json"), text);
}

fn target() -> BenchTarget {
    BenchTarget {
        url: "http://127.0.0.1:8000".to_owned(),
        model: "example/model-70b".to_owned(),
        api: "completions".to_owned(),
    }
}

/// Three runs at each of four rates; the numbers follow a queue that fills up.
fn measure(node: &mut Node, times: &Times) {
    let shape = |value: f64, spread: f64| LatencySummary {
        count: 1800,
        mean: Some(value * 0.62),
        independent: Some(900.0),
        mean_interval: Some((value * 0.60, value * 0.64)),
        p50: Some(value * 0.55),
        p90: Some(value * 0.88),
        p95: Some(value),
        p95_interval: Some((value * (1.0 - spread), value * (1.0 + spread))),
        p99: Some(value * 1.45),
        max: Some(value * 2.3),
        ..LatencySummary::default()
    };
    // What the engagement of the samples asks for.
    let objective = |metric: &str, limit_ms: f64| ObjectiveResult {
        metric: metric.to_owned(),
        percentile: 0.95,
        limit_ms,
        ..ObjectiveResult::default()
    };
    let share = |share: f64, trials: f64| Share { share, trials, trials_missed: trials, ..Share::default() };
    for (level, rate) in [2.0, 4.0, 8.0, 12.0].into_iter().enumerate() {
        let queue = 1.0 / (1.0 - rate * times.slowness / 14.0);
        for (run, drift) in [1.0, 1.012, 0.991].into_iter().enumerate() {
            let slow = times.slowness * drift;
            let ttft = 280.0 * slow * queue;
            // 5 % of requests are above the 95th percentile; where that is the objective, so many miss it.
            let met = (1.0 - 0.05 * (ttft / 450.0_f64).powf(2.5)).clamp(0.3, 1.0);
            let result = BenchResult {
                schema: BENCH_SCHEMA,
                started: format!("{}T09:{:02}:{:02}Z", times.day, 10 + 5 * level, 10 * run),
                tool_version: env!("CARGO_PKG_VERSION").to_owned(),
                valid: true,
                target: target(),
                load: BenchLoad {
                    text: format!("open poisson {rate}/s"),
                    process: Some("poisson".to_owned()),
                    rate: Some(rate),
                    output_tokens: Some(300),
                    prompt_tokens: Some(2000),
                    seed: Some(run as u64),
                    ..BenchLoad::default()
                },
                open_loop: true,
                corrected: true,
                offered_rps: Some(rate),
                seconds: 300.0,
                requests: (rate * 300.0) as u64,
                requests_per_s: rate * 0.995,
                output_tokens_per_s: rate * 0.995 * 300.0,
                goodput_rps: Some(rate * met),
                attainment: Some(share(met, rate * 300.0)),
                objectives: vec![objective("ttft", 450.0), objective("itl", 45.0)],
                ttft_ms: shape(ttft, 0.06),
                itl_ms: shape(38.0 * slow * (0.8 + 0.2 * queue), 0.03),
                tpot_ms: shape(34.0 * slow * (0.8 + 0.2 * queue), 0.03),
                e2e_ms: shape(11_000.0 * slow * (0.8 + 0.2 * queue), 0.04),
                steady: Some(true),
                warmed_up: true,
                ..BenchResult::default()
            };
            put(node, &format!("bench-{level}-{run}"), &result);
        }
    }
}

/// Pinned against unpinned, and unpinned against itself.
fn experiment(node: &mut Node, times: &Times) {
    let effect = |cell: &str, metric: &str, ratio: f64, half: f64, verdict: &str| ExperimentEffect {
        cell: cell.to_owned(),
        against: "unpinned".to_owned(),
        factor: "placement".to_owned(),
        metric: metric.to_owned(),
        ratio,
        low: Some(ratio * (1.0 - half)),
        high: Some(ratio * (1.0 + half)),
        verdict: verdict.to_owned(),
        ..ExperimentEffect::default()
    };
    let cell = |name: &str, baseline: bool| ExperimentCell {
        name: name.to_owned(),
        baseline,
        status: "measured".to_owned(),
        ..ExperimentCell::default()
    };
    let result = ExperimentResult {
        schema: EXPERIMENT_SCHEMA,
        name: "placement".to_owned(),
        started: format!("{}T10:00:00Z", times.day),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        valid: true,
        target: target(),
        replication: "launch".to_owned(),
        load: "open poisson 8/s".to_owned(),
        blocks: 6,
        margin: 0.02,
        primary: "ttft_p95".to_owned(),
        cells: vec![cell("unpinned", true), cell("gpu-local", false)],
        effects: vec![
            effect("gpu-local", "ttft_p95", 0.91, 0.03, "improved"),
            effect("gpu-local", "itl_p95", 0.985, 0.02, "no-measured-effect"),
        ],
        noise_floor: vec![
            effect("unpinned", "ttft_p95", 1.004, 0.025, "no-measured-effect"),
            effect("unpinned", "itl_p95", 0.998, 0.015, "no-measured-effect"),
            effect("unpinned", "e2e_p95", 1.001, 0.02, "no-measured-effect"),
        ],
        conclusions: vec!["placing workers beside their GPUs lowers the time to first token".to_owned()],
        ..ExperimentResult::default()
    };
    put(node, "experiment-placement", &result);
}
