//! Noise for a person to read.

use std::fmt::Write;

use plumb_evidence::model::MemoryPath;
use plumb_noise::{Cause, CorePair, CpuNoise, GapSummary, Label, NoiseReport, Percentiles};

pub(super) fn text(report: &NoiseReport) -> String {
    let mut out = String::new();
    // Nothing was asked of them where only memory was.
    for cpu in report.cpus.iter().filter(|cpu| !cpu.modes.is_empty()) {
        let _ = writeln!(out, "CPU {}", cpu.cpu);
        loop_text(&mut out, cpu, report.virtual_machine);
        for (name, wake) in [("wake-up", cpu.wakeup_us), ("  slack 1 ns", cpu.wakeup_precise_us)] {
            if let Some(wake) = wake {
                let _ = writeln!(out, "  {name:<14} {}", wake_text(&wake));
            }
        }
        if !cpu.idle_states.is_empty() {
            let states = cpu.idle_states.iter().map(|(name, share)| format!("{name} {:.1} %", share * 100.0));
            let _ = writeln!(out, "  idle states    {}", states.collect::<Vec<_>>().join(", "));
        }
        causes_text(&mut out, cpu);
    }
    if let Some(pressure) = report.pressure_ms.filter(|pressure| *pressure > 0.0) {
        let _ = writeln!(out, "some thread of the node waited for a CPU during {pressure:.1} ms");
    }
    for server in &report.servers {
        let _ = writeln!(
            out,
            "process {} of {}: ran {:.1} ms, waited {:.1} ms for a CPU",
            server.pid, server.kind, server.ran_ms, server.waited_ms
        );
    }
    for path in &report.memory_paths {
        memory_text(&mut out, path, &report.memory_paths);
    }
    for CorePair { a, b, ns } in &report.core_to_core {
        let _ = writeln!(out, "CPU {a} to CPU {b}: {ns:.1} ns one way");
    }
    for note in &report.notes {
        let _ = writeln!(out, "note: {note}");
    }
    if !report.valid {
        let _ = writeln!(out, "NOT VALID: see the notes");
    }
    out
}

fn loop_text(out: &mut String, cpu: &CpuNoise, virtual_machine: bool) {
    let (Some(lost), Some(seconds), Some(max)) = (cpu.lost_share, cpu.seconds, cpu.max_us) else { return };
    let label = cpu.attribution.unwrap_or_default().as_str();
    let explained = cpu.explained_share.map_or_else(String::new, |share| {
        format!(" (the trace explains {:.0} % of the kernel's time)", share * 100.0)
    });
    let _ = writeln!(
        out,
        "  lost           {:.3} % of {seconds:.1} s, longest {max:.0} µs; causes {label}{explained}",
        lost * 100.0
    );
    if let Some(share) = cpu.preempted_share.filter(|share| *share >= 1e-5) {
        let _ = writeln!(
            out,
            "  preempted      {:.3} % of it by other threads: the node's work, not noise",
            share * 100.0
        );
    }
    let names = match (cpu.told_apart, virtual_machine) {
        (Some(true), true) => ["kernel", "hypervisor"],
        (Some(true), false) => ["kernel", "firmware?"],
        _ => ["all gaps", ""],
    };
    for (name, gaps) in names.into_iter().zip([cpu.kernel, cpu.other]) {
        if let Some(gaps) = gaps.filter(|_| !name.is_empty()) {
            let _ = writeln!(out, "  {name:<14} {}", gaps_text(&gaps));
        }
    }
}

fn gaps_text(gaps: &GapSummary) -> String {
    let p99 = gaps.p99_us.map_or_else(|| "too few for p99".to_owned(), |p99| format!("p99 {p99:.1} µs"));
    format!(
        "{} gaps, {:.1} ms, {p99}, longest {:.0} µs, {:.1}/s of 10 µs or more",
        gaps.count, gaps.sum_ms, gaps.max_us, gaps.per_s_from_10_us
    )
}

fn wake_text(wake: &Percentiles) -> String {
    let part = |name: &str, value: Option<f64>| {
        value.map_or_else(|| format!("{name} –"), |value| format!("{name} {value:.0}"))
    };
    format!(
        "{}, {}, {}, longest {:.0} µs late; {} wake-ups, {} of them missed periods",
        part("p50", wake.p50),
        part("p99", wake.p99),
        part("p99.9", wake.p999),
        wake.max,
        wake.count,
        wake.missed
    )
}

/// What took the CPU, by time and label; else the most frequent of what was counted.
fn causes_text(out: &mut String, cpu: &CpuNoise) {
    let mut exact: Vec<(&String, &Cause)> =
        cpu.causes.iter().filter(|(_, cause)| cause.label == Label::Exact).collect();
    exact.sort_by(|a, b| b.1.sum_ms.unwrap_or(0.0).total_cmp(&a.1.sum_ms.unwrap_or(0.0)).then(a.0.cmp(b.0)));
    for (name, cause) in exact.into_iter().take(8) {
        let _ = writeln!(
            out,
            "  {:<30} {} times, {:.2} ms, longest {:.0} µs",
            name,
            cause.count,
            cause.sum_ms.unwrap_or(0.0),
            cause.max_us.unwrap_or(0.0)
        );
    }
    let mut counted: Vec<(&String, &u64)> = cpu.interruptions.iter().collect();
    counted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let counted: Vec<String> =
        counted.iter().take(6).map(|(cause, count)| format!("{cause} {count}")).collect();
    if !counted.is_empty() {
        let _ = writeln!(out, "  counted        {}", counted.join(", "));
    }
}

fn memory_text(out: &mut String, path: &MemoryPath, all: &[MemoryPath]) {
    let number = |value: Option<f64>, unit: &str| {
        value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1} {unit}"))
    };
    let local = all.iter().find(|one| one.cpu_node == path.cpu_node && one.memory_node == path.cpu_node);
    let ratio = local.and_then(|local| Some(path.latency_ns? / local.latency_ns?));
    let remote = path.memory_node != path.cpu_node;
    let _ = write!(
        out,
        "node {} (CPU {}) to memory of node {}: {}, {} in 4 KiB pages, {}",
        path.cpu_node,
        path.cpu,
        path.memory_node,
        number(path.latency_ns, "ns"),
        number(path.latency_4k_ns, "ns"),
        number(path.read_gb_per_s, "GB/s")
    );
    if let Some(ratio) = ratio.filter(|_| remote) {
        let _ = write!(out, ", {ratio:.2} times local");
    }
    if let Some(distance) = path.distance.filter(|_| remote) {
        let _ = write!(out, " (distance {distance})");
    }
    if let Some(share) = path.placed_share.filter(|share| *share < 0.999) {
        let _ = write!(out, "; only {:.0} % of it was there", share * 100.0);
    }
    if let Some(share) = path.huge_share.filter(|share| *share < 0.99) {
        let _ = write!(out, "; {:.0} % in huge pages", share * 100.0);
    }
    let _ = writeln!(out);
}
