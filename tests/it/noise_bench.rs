//! Benchmarks of `plumb noise` on this machine, beside `oslat` and `cyclictest`: run by `cargo xtask bench`. They print; what is
//! asserted is tested where noise is known, in the rig.

use std::process::{Child, Command, Stdio};

use plumb_tests::noise::{between, cyclictest_latencies, oslat_gaps, quantile, spread};
use plumb_tests::{plumb, run, skip};
use serde_json::Value;

/// Pairs of each comparison, in the order ABAB.
const ROUNDS: usize = 5;
const PREEMPT: &str = env!("CARGO_BIN_EXE_preempt");

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(1).collect()
}

/// The last CPU, which is measured, and the first one.
fn cpus() -> (u32, u32) {
    let text = run(Command::new("nproc").arg("--all")).out;
    (text.trim().parse::<u32>().unwrap_or(1) - 1, 0)
}

fn is_there(program: &str) -> bool {
    let there =
        Command::new(program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        skip(&format!("bench, noise: no program `{program}`; install rt-tests and util-linux"));
    }
    there
}

/// The result of one CPU.
fn noise(command: &mut Command, cpu: u32, options: &str) -> Value {
    let result = run(command
        .args(["-q", "noise", "--all", "--beside-server", "--format", "json", "--cpus", &cpu.to_string()])
        .args(options.split_whitespace()));
    let report: Value = serde_json::from_str(&result.out).unwrap_or_else(|_| panic!("{}", result.err));
    report["cpus"][0].clone()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// Gaps from 10 µs on, per second, by both.
fn gap_rates(cpu: u32) -> (f64, f64) {
    let ours = noise(&mut plumb(), cpu, "--mode spin --maintenance --seconds 4");
    let ours = number(&ours["kernel"]["per_s_from_10_us"]) + number(&ours["other"]["per_s_from_10_us"]);
    let file = tempfile::NamedTempFile::new().unwrap();
    run(Command::new("oslat")
        .args(["--cpu-list", &cpu.to_string(), "-D", "4s", "-b", "1024", "-q"])
        .arg(format!("--json={}", file.path().display())));
    let theirs = oslat_gaps(&std::fs::read_to_string(file.path()).unwrap());
    (ours, between(&theirs, 10, u64::MAX) as f64 / 4.0)
}

#[test]
#[ignore = "a benchmark"]
fn bench_noise_gaps_beside_oslat() {
    if !is_there("oslat") {
        return;
    }
    let (cpu, _) = cpus();
    println!("gaps of 10 µs or more per second on CPU {cpu}, load {}", load());
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (a, b) = gap_rates(cpu);
        println!("  plumb {a:8.1}  oslat {b:8.1}  load {}", load());
        ours.push(a);
        theirs.push(b);
        ratios.push(a / b);
    }
    println!(
        "  plumb {}, oslat {}; ratio {} (goal 0.75 to 1.25)",
        spread(&ours),
        spread(&theirs),
        spread(&ratios)
    );
}

#[test]
#[ignore = "a benchmark"]
fn bench_noise_counts_as_nobody() {
    if !is_there("setpriv") {
        return;
    }
    let (cpu, _) = cpus();
    // Others may not read the folder of the build.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("plumb");
    std::fs::copy(plumb().get_program(), &copy).unwrap();
    run(Command::new("chmod").arg("-R").arg("a+rX").arg(folder.path()));
    println!(
        "gaps of the kernel against counted interrupts on CPU {cpu}, without privilege, load {}",
        load()
    );
    let (mut errors, mut while_on) = (Vec::new(), Vec::new());
    let (mut drifts, mut turns) = (Vec::new(), Vec::new());
    for mode in ["--mode spin-idle --seconds 4", "--mode spin --maintenance --seconds 4"] {
        for _ in 0..ROUNDS {
            let mut nobody = Command::new("setpriv");
            nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy);
            let cpu = noise(&mut nobody, cpu, mode);
            let (gaps, counted) = (number(&cpu["kernel"]["count"]), number(&cpu["counted_interrupts"]));
            // What came while other threads ran made no gap of its own.
            let seen = counted * (1.0 - number(&cpu["preempted_share"]));
            errors.push((gaps - counted) / counted * 100.0);
            while_on.push((gaps - seen) / seen * 100.0);
            drifts.push(number(&cpu["drift_ppm"]).abs());
            turns.push(number(&cpu["turn_ns"]));
            println!(
                "  {:<9} {gaps:6} gaps, {counted:6} counted, {} preemptions, preempted {:.3} %, {}; outside {} gaps, {:.1} ms",
                cpu["modes"][0].as_str().unwrap_or_default(),
                cpu["interruptions"]["preemption"],
                number(&cpu["preempted_share"]) * 100.0,
                cpu["attribution"],
                cpu["other"]["count"],
                number(&cpu["other"]["sum_ms"])
            );
        }
    }
    println!("  gaps against interrupts {} % (goal ±1 on a quiet machine)", spread(&errors));
    println!("  the same, of interrupts while it had the CPU {} %", spread(&while_on));
    println!("  scale of the counter, 100 ms against 4 s: {} ppm (goal at most 5)", spread(&drifts));
    println!("  turn of the loop {} ns (goal at most 25)", spread(&turns));
}

#[test]
#[ignore = "a benchmark"]
fn bench_noise_wakes_beside_cyclictest() {
    if !is_there("cyclictest") {
        return;
    }
    let (cpu, _) = cpus();
    println!("lateness of wake-ups at 100 Hz on CPU {cpu}, µs, load {}", load());
    let mut rows = [const { Vec::new() }; 6];
    for _ in 0..ROUNDS {
        let wake = noise(&mut plumb(), cpu, "--mode wake --seconds 6");
        rows[0].push(number(&wake["wakeup_us"]["p50"]));
        rows[1].push(number(&wake["wakeup_precise_us"]["p50"]));
        // It keeps CPUs from sleeping deeply, which is a change of the node, unless it is told that this is a laptop.
        let policies =
            ["--policy=other --laptop", "--priority=80 --laptop", "--policy=other", "--priority=80"];
        for (row, policy) in (2..).zip(policies) {
            let text = run(Command::new("cyclictest")
                .args(policy.split(' '))
                .args(["-t1", "-i", "10000", "-l", "300", "-h", "5000", "-q", "-a"])
                .arg(cpu.to_string()));
            rows[row].push(quantile(&cyclictest_latencies(&text.out), 0.5).unwrap_or(f64::NAN));
        }
    }
    let names = [
        "plumb",
        "plumb, slack 1 ns",
        "cyclictest other",
        "cyclictest fifo",
        "other, idle states held off",
        "fifo, idle states held off",
    ];
    for (name, row) in names.iter().zip(rows) {
        println!("  {name:<27} p50 {}", spread(&row));
    }
}

/// A busy loop on a CPU, ended when dropped.
struct Hog(Child);

impl Hog {
    fn on(cpu: u32) -> Self {
        let mut command = Command::new("taskset");
        command.args(["-c", &cpu.to_string(), PREEMPT, "burn", "600"]).stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "a benchmark"]
fn bench_noise_costs_its_cpu_little() {
    if !is_there("taskset") {
        return;
    }
    let (cpu, _) = cpus();
    let probes = ["", "--mode wake --seconds 4", "--mode spin-idle --seconds 4"];
    let mut shares = [const { Vec::new() }; 3];
    println!("share of CPU {cpu} that a busy thread has, load {}", load());
    for _ in 0..ROUNDS {
        for (probe, shares) in probes.iter().zip(&mut shares) {
            let mut probe = (!probe.is_empty()).then(|| {
                let mut command = plumb();
                command
                    .args(["-q", "noise", "--all", "--cpus", &cpu.to_string()])
                    .args(probe.split_whitespace())
                    .stdout(Stdio::null());
                command.spawn().unwrap()
            });
            let victim = run(Command::new("taskset").args(["-c", &cpu.to_string(), PREEMPT, "burn", "3"]));
            shares.push(victim.out.trim().parse().unwrap_or(f64::NAN));
            if let Some(probe) = &mut probe {
                probe.wait().unwrap();
            }
        }
    }
    let [none, wake, idle] = &shares;
    println!(
        "  alone {}\n  beside wake at 100 Hz {}\n  beside spin-idle {}",
        spread(none),
        spread(wake),
        spread(idle)
    );
    let lost = |with: &[f64]| none.iter().zip(with).map(|(a, b)| (a - b) * 100.0).collect::<Vec<_>>();
    println!(
        "  cost of wake {} %, of spin-idle {} % of the CPU (goal at most 0.5)",
        spread(&lost(wake)),
        spread(&lost(idle))
    );
}

#[test]
#[ignore = "a benchmark"]
fn bench_noise_effect_of_a_hog() {
    if !is_there("taskset") {
        return;
    }
    let (cpu, other) = cpus();
    println!("effect of a busy thread on CPU {cpu}, load {}; medians of three", load());
    println!(
        "  hog        instrument  lost %     preempted %  longest µs  gaps/s  wake p50 µs  slack 1 ns p50  max µs"
    );
    for (name, hog) in [("none", None), ("same CPU", Some(cpu)), ("other CPU", Some(other))] {
        for mode in ["spin-idle", "spin --maintenance"] {
            let mut rows = Vec::new();
            for _ in 0..3 {
                let _hog = hog.map(Hog::on);
                let seen = noise(&mut plumb(), cpu, &format!("--mode wake,{mode} --seconds 4"));
                let per_s =
                    number(&seen["kernel"]["per_s_from_10_us"]) + number(&seen["other"]["per_s_from_10_us"]);
                rows.push([
                    number(&seen["lost_share"]) * 100.0,
                    number(&seen["preempted_share"]) * 100.0,
                    number(&seen["max_us"]),
                    per_s,
                    number(&seen["wakeup_us"]["p50"]),
                    number(&seen["wakeup_precise_us"]["p50"]),
                    number(&seen["wakeup_us"]["max"]),
                ]);
            }
            let median = |at: usize| {
                let mut column: Vec<f64> = rows.iter().map(|row| row[at]).collect();
                column.sort_by(f64::total_cmp);
                column[column.len() / 2]
            };
            println!(
                "  {name:<10} {:<11} {:<10.3} {:<12.3} {:<11.0} {:<7.1} {:<12.1} {:<15.1} {:.0}",
                mode.split(' ').next().unwrap_or_default(),
                median(0),
                median(1),
                median(2),
                median(3),
                median(4),
                median(5),
                median(6)
            );
        }
    }
}
