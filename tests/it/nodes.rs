//! A synthetic node under load, healthy and with one thing broken at a time.

use std::collections::BTreeMap;

use plumb_evidence::model::Role;
use plumb_tests::synthetic::{ENGINE_CORE, FIRST_WORKER, Node, SECONDS, SERVICE};
use plumb_tests::{plumb, run};
use serde_json::{Value, json};

#[test]
fn the_healthy_node_is_understood() {
    let evidence = plumb_evidence::derive(&Node::healthy().bundle());
    let cpu = evidence.cpu.require().unwrap();
    assert_eq!((cpu.sockets, cpu.cores, cpu.pus), (2, 64, 128));
    assert_eq!(evidence.gpus.require().unwrap().len(), 8);
    let servers = evidence.servers.require().unwrap();
    assert_eq!(servers.len(), 1);
    let server = &servers[0];
    assert_eq!((server.kind.as_str(), server.processes.len()), ("vllm", 10));
    assert_eq!(server.unit.require().unwrap(), "vllm.service");
    assert_eq!(*server.tensor_parallel.require().unwrap(), 8);
    let role = |pid: u32| server.processes.iter().find(|process| process.pid == pid).unwrap().role;
    assert_eq!((role(ENGINE_CORE), role(FIRST_WORKER + 7)), (Role::EngineCore, Role::GpuWorker));
    let window = evidence.window.require().unwrap();
    assert_eq!(window.seconds, SECONDS as f64);
    assert_eq!(window.cpus.require().unwrap().len(), 128);
    let threads = window.threads.require().unwrap();
    assert_eq!(threads.iter().filter(|thread| thread.cpu_ticks > 900).count(), 8);
    assert!(threads.iter().all(|thread| thread.wait_ns.known().is_some()));
    assert!(window.cgroups.values().all(|group| group.throttled_us.known().is_some()));
    assert_eq!(window.interrupts.require().unwrap().len(), 6);
}

/// What is broken, the check that must find it, and how to break it.
pub(crate) type Defect = (&'static str, &'static str, fn(&mut Node));

pub(crate) const DEFECTS: &[Defect] = &[
    ("wrong governor", "cpu.governor", |node| {
        for cpu in 0..128 {
            let policy = format!("/sys/devices/system/cpu/cpufreq/policy{cpu}");
            node.set(&format!("{policy}/scaling_governor"), "powersave\n");
            node.set(&format!("{policy}/energy_performance_preference"), "power\n");
        }
    }),
    ("unpinned server", "numa.gpu-affinity", |node| {
        for worker in 0..8 {
            node.pin(FIRST_WORKER + worker, "0-127");
        }
    }),
    ("worker on the far node", "numa.gpu-affinity", |node| node.pin(FIRST_WORKER, "40-45,104-109")),
    ("pages remote", "numa.memory-locality", |node| {
        for worker in 0..4 {
            node.memory_on(FIRST_WORKER + worker, 1);
        }
    }),
    ("throttled cgroup", "sched.cfs-throttling", |node| {
        let folder = format!("/sys/fs/cgroup{SERVICE}");
        node.set(&format!("{folder}/cpu.max"), "800000 100000\n");
        node.throttle(&folder, 30, 2_000_000);
    }),
    ("interrupts on inference cores", "irq.critical-cores", |node| {
        node.interrupts_on([4; 4], 500_000);
        node.interrupt_time(4, 150);
    }),
    ("GPU at x8", "gpu.pcie-link", |node| {
        let folder = format!("/sys/bus/pci/devices/{}", plumb_tests::synthetic::gpu_address(2));
        node.set(&format!("{folder}/current_link_width"), "8\n");
        node.gpu(2, "pcie_width_current", &json!(8));
        node.gpu_readings(2, "pcie_width", |_| json!(8));
    }),
    ("numa_balancing with pins", "mem.numa-balancing", |node| {
        // Memory that a policy binds is left alone.
        (FIRST_WORKER..FIRST_WORKER + 8).for_each(|pid| node.unbind_memory(pid));
        node.set("/proc/sys/kernel/numa_balancing", "1\n");
        node.vmstat(&[
            ("numa_hint_faults", 500_000),
            ("numa_pte_updates", 500_000),
            ("numa_pages_migrated", 50_000),
        ]);
    }),
    ("steal", "virt.steal", |node| {
        let cpuinfo = node.text("/proc/cpuinfo").replace("nonstop_tsc", "nonstop_tsc hypervisor");
        node.set("/proc/cpuinfo", cpuinfo);
        node.set("/sys/class/dmi/id/sys_vendor", "QEMU\n");
        node.cpu_time(100);
    }),
    ("stalls for huge pages", "mem.thp", |node| {
        let thp = "/sys/kernel/mm/transparent_hugepage";
        node.set(&format!("{thp}/enabled"), "[always] madvise never\n");
        node.set(&format!("{thp}/defrag"), "[always] defer defer+madvise madvise never\n");
        node.vmstat(&[("compact_stall", 5000), ("allocstall_normal", 5000), ("thp_fault_fallback", 5000)]);
    }),
];

/// Deviations by check: worst outcome and messages.
fn deviations(node: &Node) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.plumb");
    node.bundle().write(&path).unwrap();
    let result = run(plumb().args(["check", "--format", "json"]).arg(&path));
    assert_eq!(result.code, 0, "{}", result.err);
    let json: Value = serde_json::from_str(&result.out).unwrap();
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for finding in json["findings"].as_array().unwrap() {
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        if matches!(text("outcome").as_str(), "warn" | "fail") {
            let line = format!("{}: {}: {}", text("outcome"), text("subject"), text("message"));
            let lines = found.entry(text("check")).or_default();
            lines.push_str(&line);
            lines.push('\n');
        }
    }
    found
}

#[test]
fn one_broken_thing_is_found_and_a_healthy_node_is_left_alone() {
    let healthy = deviations(&Node::healthy());
    assert!(healthy.is_empty(), "a healthy node has deviations: {healthy:#?}");
    let mut complaints = Vec::new();
    for (defect, check, break_it) in DEFECTS {
        let mut node = Node::healthy();
        break_it(&mut node);
        let found = deviations(&node);
        match found.get(*check) {
            Some(lines) => println!("{defect}: {check}: {}", lines.lines().next().unwrap_or_default()),
            None => complaints.push(format!("{defect}: {check} did not find it; found {found:#?}")),
        }
        let others: Vec<&String> = found.keys().filter(|found| *found != check).collect();
        if !others.is_empty() {
            println!("  also {others:?}");
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
