//! The client's own error, row by row: what it reports of a server whose log tells the truth. On demand, in a release build:
//! `cargo xtask bench`.
//!
//! Other processes on the machine disturb client and server alike, so each row says how much CPU they took; a row taken
//! beside more than a fifth of the machine says little. Where other clients are installed they measure the same server in the
//! same rounds. The words of PLUMB_BENCH_ROWS, such as `open_loop,knee`, choose groups of rows.

use std::time::Instant;

use plumb_bench::reference::Behaviour;
use plumb_tests::server::start;
use plumb_tests::{plumb, run, target};
use serde_json::Value;

mod peers;
mod table;

use peers::{Peer, Reading, installed};
use table::Row;

const MS: u64 = 1_000_000;
const ROUNDS: usize = 3;

/// Measures a group of rows.
type Rows = fn() -> Vec<Row>;

/// Seconds that all CPUs were busy, and that this process and its children took.
fn cpu() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/stat").unwrap();
    let ticks: Vec<f64> =
        stat.lines().next().unwrap().split_whitespace().skip(1).map(|w| w.parse().unwrap()).collect();
    let busy = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6];
    let own = std::fs::read_to_string("/proc/self/stat").unwrap();
    // After the name, which may hold blanks: utime, stime, cutime, cstime are fields 14 to 17.
    let fields: Vec<f64> =
        own.rsplit_once(')').unwrap().1.split_whitespace().map(|word| word.parse().unwrap_or(0.0)).collect();
    (busy / 100.0, fields[11..15].iter().sum::<f64>() / 100.0)
}

/// A run and what share of the whole machine other processes took meanwhile.
fn watched<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let (start, (busy, own)) = (Instant::now(), cpu());
    let value = work();
    let (busy_after, own_after) = cpu();
    let cpus = std::thread::available_parallelism().unwrap().get() as f64;
    let foreign = ((busy_after - busy) - (own_after - own)).max(0.0) / start.elapsed().as_secs_f64() / cpus;
    (value, foreign)
}

fn calibrate(arguments: &[&str]) -> (Value, f64) {
    // The first CPU is left to the server.
    let (result, foreign) = watched(|| {
        run(plumb().args(["-q", "bench", "calibrate", "--cpus", "1", "--format", "json"]).args(arguments))
    });
    (serde_json::from_str(&result.out).unwrap_or_else(|error| panic!("{error}: {result:?}")), foreign)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

#[test]
#[ignore = "measures; run it alone and in a release build"]
fn bench_load_generator() {
    println!("{}", table::HEAD);
    let groups: [(&str, Rows); 9] = [
        ("open_loop", open_loop),
        ("bursts", bursts),
        ("sustained", sustained),
        ("coalescing", coalescing),
        ("fixed_costs", fixed_costs),
        ("memory", memory),
        ("statistics", statistics),
        ("hogs", hogs),
        ("knee", knee),
    ];
    let wanted = std::env::var("PLUMB_BENCH_ROWS").unwrap_or_default();
    // One by one, so that a long run shows how far it is.
    for (name, rows) in groups {
        if wanted.is_empty() || wanted.split(',').any(|word| word == name) {
            rows().iter().for_each(|row| println!("{}", row.line()));
        }
    }
}

/// Lets each peer measure the same load, in the same round.
fn beside(load: [&str; 2], seconds: &str, mut note: impl FnMut(&Peer, &Reading)) {
    for peer in std::iter::once(&peers::FLOOR).chain(installed()) {
        if let Some(reading) = peers::measure(peer, &Behaviour::default(), load, seconds) {
            note(peer, &reading);
        }
    }
}

fn open_loop() -> Vec<Row> {
    let mut rows = Vec::new();
    for rate in ["90", "200", "400", "1000"] {
        let per_second: f64 = rate.parse().unwrap();
        let mut mean = Row::new(format!("added mean TTFT, open loop {rate}/s"), "ms", 0.5);
        let mut p95 = Row::new(format!("added p95 TTFT, open loop {rate}/s"), "ms", 1.0);
        let mut lag = Row::new(format!("send lateness p99, {rate}/s"), "ms", 0.5);
        let mut cpu = Row::new(
            format!("client CPU, {rate}/s of 64 tokens"),
            "% of a CPU",
            if rate == "90" { 10.0 } else { f64::INFINITY },
        );
        for _ in 0..ROUNDS {
            let (json, foreign) = calibrate(&["--rate", rate, "--arrivals", "constant", "-d", "10"]);
            mean.add(number(&json["added_ttft_mean_ms"]), foreign);
            p95.add(number(&json["added_ttft_p95_ms"]), foreign);
            lag.add(number(&json["result"]["send_lag_p99_ms"]), foreign);
            cpu.add(number(&json["cpu_us_per_request"]) * per_second / 1e4, foreign);
            beside(["rate", rate], "10", |peer, reading| {
                mean.add_peer(peer.name, reading.added_ttft_mean_ms, reading.foreign);
                p95.add_peer(peer.name, reading.added_ttft_p95_ms, reading.foreign);
                cpu.add_peer(peer.name, reading.cpu_us_per_request * per_second / 1e4, reading.foreign);
            });
        }
        rows.extend([mean, p95, lag, cpu]);
    }
    rows
}

fn bursts() -> Vec<Row> {
    let mut rows = Vec::new();
    for (streams, goal) in [("64", 0.5), ("256", 0.5), ("512", 2.0)] {
        let mut mean = Row::new(format!("added mean TTFT, lock-step burst of {streams}"), "ms", goal);
        let mut rss = Row::new(format!("largest resident memory, {streams} streams"), "MB", 64.0);
        for _ in 0..ROUNDS {
            let (json, foreign) = calibrate(&["-c", streams, "-d", "8"]);
            mean.add(number(&json["added_ttft_mean_ms"]), foreign);
            rss.add(number(&json["result"]["client"]["peak_rss_mb"]), foreign);
            beside(["burst", streams], "8", |peer, reading| {
                mean.add_peer(peer.name, reading.added_ttft_mean_ms, reading.foreign);
                rss.add_peer(peer.name, reading.rss_mb, reading.foreign);
            });
        }
        rows.extend([mean, rss]);
    }
    rows
}

fn sustained() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut rate = Row::at_least("requests/s of 64 tokens on one CPU, 900 streams", "/s", 1200.0);
    let mut error = Row::new("TTFT error meanwhile", "% of the truth", 10.0);
    for _ in 0..ROUNDS {
        let (json, foreign) = calibrate(&["-c", "900", "-d", "8"]);
        rate.add(number(&json["result"]["requests_per_s"]), foreign);
        error.add(number(&json["added_ttft_mean_ms"]) / number(&json["true_ttft_mean_ms"]) * 100.0, foreign);
        beside(["burst", "900"], "8", |peer, reading| {
            rate.add_peer(peer.name, reading.requests_per_s, reading.foreign);
            // The truth is 20 ms.
            error.add_peer(peer.name, reading.added_ttft_mean_ms / 20.0 * 100.0, reading.foreign);
        });
    }
    rows.extend([rate, error]);
    rows
}

fn coalescing() -> Vec<Row> {
    let mut rows = Vec::new();
    let usual = Behaviour { ttft: 20 * MS, itl: 10 * MS, ..Behaviour::default() };
    for (name, behaviour) in [
        ("4 tokens per event", Behaviour { tokens_per_event: 4, ..usual.clone() }),
        ("4 events per write", Behaviour { events_per_write: 4, ..usual }),
    ] {
        let mut row = Row::new(format!("error of time per token, {name}"), "%", 2.0);
        for _ in 0..ROUNDS {
            let server = start(behaviour.clone(), Vec::new(), 0);
            let (result, foreign) = watched(|| {
                run(plumb().args([
                    "-q",
                    "bench",
                    &server.url(),
                    "-c",
                    "8",
                    "-n",
                    "64",
                    "--cpus",
                    "1",
                    "--format",
                    "json",
                ]))
            });
            let json: Value = serde_json::from_str(&result.out).unwrap();
            let error = |per_token: f64| (per_token / 10.0 - 1.0).abs() * 100.0;
            row.add(error(number(&json["tpot_ms"]["mean"])), foreign);
            drop(server);
            for peer in installed() {
                if let Some(reading) = peers::measure(peer, &behaviour, ["burst", "8"], "6") {
                    row.add_peer(peer.name, error(reading.per_token_ms), reading.foreign);
                }
            }
        }
        rows.push(row);
    }
    rows
}

fn fixed_costs() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = Row::new("time around a run of 10 s", "s", 0.5);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let (_, foreign) = calibrate(&["--rate", "20", "-d", "10", "--warmup", "0", "--output-tokens", "1"]);
        row.add(start.elapsed().as_secs_f64() - 10.0, foreign);
        beside(["rate", "20"], "10", |peer, reading| {
            // Replies of 64 tokens take 0.65 s here.
            let around = reading.wall_s.map(|wall| wall - 10.65);
            around.into_iter().for_each(|around| row.add_peer(peer.name, around, reading.foreign));
        });
    }
    rows.push(row);
    let mut size = Row::new("size of the program", "MB", 20.0);
    size.add(std::fs::metadata(target().join("plumb")).unwrap().len() as f64 / 1e6, 0.0);
    peers::size_mb().into_iter().for_each(|mb| size.add_peer("environment of both peers", mb, 0.0));
    rows.push(size);
    rows
}

/// Whether memory grows with the number of requests.
fn memory() -> Vec<Row> {
    let mut rows = Vec::new();
    for requests in ["10000", "100000", "1000000"] {
        let mut row =
            Row::new(format!("largest resident memory, {requests} requests of 2 tokens"), "MB", 256.0);
        let mut speed = Row::new(format!("requests/s meanwhile, {requests} requests"), "/s", f64::INFINITY);
        let server = start(Behaviour { ttft: MS, itl: MS, ..Behaviour::default() }, Vec::new(), 0);
        let load = ["-c", "128", "-n", requests, "--output-tokens", "2", "--prompt-tokens", "8"];
        let (result, foreign) = watched(|| {
            run(plumb().args(["-q", "bench", &server.url(), "--cpus", "1", "--format", "json"]).args(load))
        });
        let json: Value = serde_json::from_str(&result.out).unwrap();
        assert_eq!(json["requests"], requests.parse::<u64>().unwrap());
        row.add(number(&json["client"]["peak_rss_mb"]), foreign);
        speed.add(number(&json["requests_per_s"]), foreign);
        rows.extend([row, speed]);
    }
    rows
}

/// What comparisons of two variants find where there is nothing to find, and where there is: simulated, so that the truth
/// is known. Six blocks, a coefficient of variation of 1 %, and a common drift of 5 % from block to block.
fn statistics() -> Vec<Row> {
    use plumb_stats::Random;
    use plumb_stats::paired::compare;
    let found = |random: &mut Random, effect: f64, experiments: u32| {
        let mut found = 0;
        for seed in 0..u64::from(experiments) {
            let (mut a, mut b) = (Vec::new(), Vec::new());
            for _ in 0..6 {
                let level = 100.0 * (1.0 + 0.05 * random.normal());
                a.push(level * (1.0 + 0.01 * random.normal()));
                b.push(level * effect * (1.0 + 0.01 * random.normal()));
            }
            found += u32::from(!compare(&a, &b, 0.02, seed).unwrap().interval.contains(1.0));
        }
        f64::from(found) / f64::from(experiments) * 100.0
    };
    let mut same = Row::new("A/A experiments in which a difference is claimed, of 200", "%", 8.0);
    let mut least = Row::at_least("the same, lower goal", "%", 3.0);
    let mut three = Row::at_least("injected 3 % that are found, of 200 experiments", "%", 90.0);
    for seed in 1..=9 {
        let mut random = Random::new(seed);
        let share = found(&mut random, 1.0, 200);
        same.add(share, 0.0);
        least.add(share, 0.0);
        three.add(found(&mut random, 1.03, 200), 0.0);
    }
    vec![same, least, three]
}

/// What a process that never rests does to the client, and whether the client says so.
fn hogs() -> Vec<Row> {
    let mut rows = Vec::new();
    for (place, cpu) in [("the client's CPU", "1"), ("another CPU", "0")] {
        let spin = ["-c", cpu, "sh", "-c", "while :; do :; done"];
        let Ok(mut hog) = std::process::Command::new("taskset").args(spin).spawn() else { continue };
        let mut row = Row::new("", "ms", f64::INFINITY);
        let mut verdicts = Vec::new();
        for _ in 0..ROUNDS {
            let (json, foreign) = calibrate(&["-c", "64", "-d", "5"]);
            row.add(number(&json["added_ttft_mean_ms"]), foreign);
            verdicts.push(if json["result"]["valid"] == true { "valid" } else { "not valid" });
        }
        let _ = hog.kill();
        let _ = hog.wait();
        row.name = format!("added mean TTFT, burst of 64, a hog on {place} ({})", verdicts.join(", "));
        rows.push(row);
    }
    rows
}

/// The rate at which 95 % of waits in the queue M/D/1 are within `limit` (Erlang, 1909).
fn true_knee(service: f64, limit: f64) -> f64 {
    let within = |rate: f64| {
        let sum: f64 = (0..=(limit / service).floor() as i32)
            .map(|k| {
                let x = rate * (f64::from(k) * service - limit);
                let factorial: f64 = (1..=k).map(f64::from).product();
                x.powi(k) / factorial * (-x).exp()
            })
            .sum();
        (1.0 - rate * service) * sum
    };
    let (mut low, mut high) = (0.0, 1.0 / service);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if within(middle) >= 0.95 { low = middle } else { high = middle }
    }
    low
}

/// One prefill at a time, 10 ms each: with Poisson arrivals, the wait for it has a known distribution.
fn knee() -> Vec<Row> {
    let truth = true_knee(0.010, 0.030);
    let mut row = Row::new(format!("error of the limit that a sweep finds, truth {truth:.1}/s"), "%", 5.0);
    for seed in ["1", "2", "3"] {
        let behaviour = Behaviour { ttft: 10 * MS, itl: MS, prefill_slots: 1, ..Behaviour::default() };
        let server = start(behaviour, Vec::new(), 0);
        let (result, foreign) = watched(|| {
            run(plumb()
                .args([
                    "-q",
                    "bench",
                    &server.url(),
                    "--sweep",
                    "--slo",
                    "ttft=40ms",
                    "--rate",
                    "20",
                    "-d",
                    "20",
                ])
                .args([
                    "--warmup",
                    "1s",
                    "--output-tokens",
                    "2",
                    "--cpus",
                    "1",
                    "--format",
                    "json",
                    "--seed",
                    seed,
                ]))
        });
        let json: Value =
            serde_json::from_str(&result.out).unwrap_or_else(|error| panic!("{error}: {result:?}"));
        row.add((number(&json["estimate_rps"]) / truth - 1.0).abs() * 100.0, foreign);
    }
    vec![row]
}
