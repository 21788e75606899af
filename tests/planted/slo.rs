//! Faults that the pack `slo` has to find.
//!
//! Load tests are those of one sweep over five rates, ten minutes each, with the decisive rate three times: enough to be judged
//! by. A fault changes what they measured, or what the engagement file asks of it.

use std::collections::BTreeMap;

use plumb_evidence::bundle::sample_folder;
use plumb_evidence::model::{
    BENCH_SCHEMA, BenchLoad, BenchResult, BenchTarget, BenchTokens, LatencySummary, ObjectiveResult,
    ServerMetrics, Share, SweepLevel, SweepResult,
};
use serde_json::json;

use super::Planted;
use crate::synthetic::{API_SERVER, ENGINE_CORE, Node, SECONDS};

/// An engagement file with a whole service level, and with a demand that three replicas of 8 requests per second can carry unless
/// it says otherwise.
macro_rules! engagement {
    ($peak:literal, $mean:literal, $replicas:literal, $more:literal) => {
        concat!(
            "schema = 1\n\n[slo]\npercentile = 95\nttft_ms = 500\nitl_ms = 40\nattainment_percent = 95\nwindow_days = 30\n",
            $more,
            "\n[demand]\npeak_requests_per_s = ",
            $peak,
            "\nmean_requests_per_s = ",
            $mean,
            "\nprompt_tokens = 2000\noutput_tokens = 300\nreplicas = ",
            $replicas,
            "\n\n[prices]\ncurrency = \"EUR\"\ngpu_hour = 2.5\n",
        )
    };
}

const AGREED: &str = engagement!("14", "10", "3", "");

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "demand that uses a twentieth of the capacity",
        check: "cap.cost-efficiency",
        outcome: "fail",
        subject: "use of capacity",
        also: &[],
        engagement: engagement!("7", "1.2", "3", ""),
        plant: |node| sweep(node, &LEVELS),
    },
    Planted {
        name: "peak that takes nearly all of the goodput",
        check: "cap.headroom",
        outcome: "fail",
        subject: "capacity",
        also: &[],
        engagement: engagement!("23", "14", "3", ""),
        plant: |node| sweep(node, &LEVELS),
    },
    Planted {
        name: "one replica and a penalty",
        check: "cap.headroom",
        outcome: "fail",
        subject: "loss of a replica",
        also: &[],
        engagement: engagement!("5", "4", "1", "penalty = \"10 % of the monthly fee\"\n"),
        plant: |node| sweep(node, &LEVELS),
    },
    Planted {
        name: "service level missed at the peak",
        check: "slo.attainment",
        outcome: "fail",
        subject: "service",
        // Goodput is the rate below, of which three replicas have less than the peak.
        also: &[("cap.headroom", "fail")],
        engagement: AGREED,
        plant: |node| sweep(node, &SLOW_LEVELS),
    },
    Planted {
        name: "no service level",
        check: "slo.defined",
        outcome: "fail",
        subject: "service level",
        also: &[],
        engagement: "schema = 1\n\n[demand]\npeak_requests_per_s = 14\nmean_requests_per_s = 10\nreplicas = 3\n",
        plant: |node| sweep(node, &LEVELS),
    },
    Planted {
        name: "service level of two limits without a percentile",
        check: "slo.defined",
        outcome: "warn",
        subject: "service level",
        also: &[],
        engagement: "schema = 1\n\n[slo]\nttft_ms = 500\nitl_ms = 40\n",
        plant: |_| {},
    },
    Planted {
        name: "sixteen requests at a time on eight GPUs",
        check: "slo.gpu-starvation",
        outcome: "fail",
        subject: "queue",
        also: &[("slo.queueing", "fail")],
        engagement: "",
        plant: |node| {
            let path = format!("/proc/{API_SERVER}/cmdline");
            let command = node.text(&path);
            node.set(&path, format!("{command}--max-num-seqs\x0016\0"));
            sweep(node, &LEVELS.map(|level| Level { most: 16.0, waited: 0.4, kv: 0.2, ..level }));
            gpus_busy(node, 58);
        },
    },
    Planted {
        name: "scheduler of the engine fills its CPU",
        check: "slo.gpu-starvation",
        outcome: "fail",
        subject: "threads",
        also: &[],
        engagement: "",
        plant: full_scheduler,
    },
    Planted {
        name: "load test that waits for answers",
        check: "slo.measurement-quality",
        outcome: "fail",
        subject: "load test",
        also: &[],
        engagement: AGREED,
        plant: closed_loop,
    },
    Planted {
        name: "a minute for each rate, once",
        check: "slo.measurement-quality",
        outcome: "warn",
        subject: "load test",
        also: &[],
        engagement: "",
        plant: |node| {
            let once = [LEVELS[0], LEVELS[1], LEVELS[2], LEVELS[3], LEVELS[6]];
            sweep(node, &once.map(|level| Level { seconds: 60.0, ..level }));
        },
    },
    Planted {
        name: "KV cache too small for the requests",
        check: "slo.queueing",
        outcome: "fail",
        subject: "server vllm",
        also: &[],
        engagement: AGREED,
        plant: |node| {
            let full = |level: Level| match level.rate {
                6.0.. => Level { waited: 0.6, kv: 1.0, preemptions: 37.0, ..level },
                _ => level,
            };
            sweep(node, &LEVELS.map(full));
        },
    },
    Planted {
        name: "tokens that stall",
        check: "slo.tail-ratio",
        outcome: "fail",
        subject: "inter-token latency",
        also: &[],
        engagement: AGREED,
        plant: |node| {
            sweep(node, &LEVELS.map(|level| Level { itl: [level.itl[0], level.itl[1], 190.0], ..level }));
        },
    },
];

/// What was measured at one rate.
#[derive(Clone, Copy)]
struct Level {
    /// Requests per second, as asked for.
    rate: f64,
    /// Requests per second, as completed.
    completed: f64,
    seconds: f64,
    seed: u64,
    /// Share of requests that met the service level.
    met: f64,
    /// Time to first token in ms: p50, p95, p99.
    ttft: [f64; 3],
    /// Inter-token latency in ms: p50, p95, p99.
    itl: [f64; 3],
    /// Most requests that run at a time.
    most: f64,
    /// Share of scrapes at which requests waited.
    waited: f64,
    /// Share of the KV cache in use.
    kv: f64,
    preemptions: f64,
    passes: bool,
}

impl Level {
    /// A load that is carried with ease.
    const fn at(rate: f64, seed: u64, met: f64, ttft: [f64; 3], itl: [f64; 3]) -> Self {
        let (completed, kv) = (rate * 0.995, rate * 0.06);
        Self {
            rate,
            completed,
            seconds: 600.0,
            seed,
            met,
            ttft,
            itl,
            most: 256.0,
            waited: 0.01,
            kv,
            preemptions: 0.0,
            passes: true,
        }
    }

    /// A load that misses the service level, for want of GPUs.
    const fn missed(rate: f64, seed: u64, met: f64, completed: f64, ttft: [f64; 3]) -> Self {
        let level = Self::at(rate, seed, met, ttft, [31.0, 46.0, 58.0]);
        Self { completed, waited: 0.9, kv: 0.95, passes: false, ..level }
    }

    fn result(&self) -> BenchResult {
        let requests = (self.rate * self.seconds).round();
        let outputs = (self.completed * self.seconds).round();
        let summary = |count: f64, [p50, p95, p99]: [f64; 3]| LatencySummary {
            count: count as u64,
            mean: Some(p50 * 1.08),
            independent: Some(count),
            mean_interval: Some((p50 * 1.07, p50 * 1.09)),
            p50: Some(p50),
            p90: Some(p50 + 0.8 * (p95 - p50)),
            p95: Some(p95),
            p95_interval: Some((p95 * 0.98, p95 * 1.02)),
            p99: Some(p99),
            max: Some(p99 * 1.6),
            ..LatencySummary::default()
        };
        let share = |share: f64| {
            let half = 1.96 * (share * (1.0 - share) / requests).sqrt();
            Share {
                share,
                low: share - half,
                high: (share + half).min(1.0),
                trials: requests,
                trials_missed: requests,
            }
        };
        let objective = |metric: &str, limit_ms: f64| ObjectiveResult {
            metric: metric.to_owned(),
            percentile: 0.95,
            limit_ms,
            within: share(self.met),
            met: Some(self.passes),
            ..ObjectiveResult::default()
        };
        let tokens = BenchTokens {
            output: (outputs * 300.0) as u64,
            prompt: (outputs * 2000.0) as u64,
            events: (outputs * 300.0) as u64,
            counted_by: "server, at the end".to_owned(),
            cached_share: Some(0.0),
            ..BenchTokens::default()
        };
        let whole = |at: usize| self.ttft[at] + 299.0 * self.itl[0];
        BenchResult {
            schema: BENCH_SCHEMA,
            started: "2026-01-01T01:00:00Z".to_owned(),
            tool_version: "0.0.0".to_owned(),
            valid: true,
            target: target(),
            load: BenchLoad {
                text: format!("open poisson {}/s", self.rate),
                process: Some("poisson".to_owned()),
                rate: Some(self.rate),
                output_tokens: Some(300),
                prompt_tokens: Some(2000),
                seed: Some(self.seed),
                ..BenchLoad::default()
            },
            nonce: Some(format!("5eed{:04x}", self.seed)),
            open_loop: true,
            corrected: true,
            offered_rps: Some(self.rate),
            seconds: self.seconds,
            requests: requests as u64,
            requests_per_s: self.completed,
            output_tokens_per_s: self.completed * 300.0,
            goodput_rps: Some(self.completed * self.met),
            attainment: Some(share(self.met)),
            objectives: vec![objective("ttft", 500.0), objective("itl", 40.0)],
            ttft_ms: summary(outputs, self.ttft),
            itl_ms: summary(outputs * 299.0, self.itl),
            tpot_ms: summary(outputs, [self.itl[0], self.itl[0] * 1.2, self.itl[0] * 1.4]),
            e2e_ms: summary(outputs, [whole(0), whole(1) * 1.1, whole(2) * 1.2]),
            tokens,
            in_flight: Some(self.running()),
            littles_ratio: Some(1.0),
            token_ratio: Some(1.0),
            steady: Some(true),
            server: Some(self.server(outputs)),
            warmed_up: true,
            repetitions: 1,
            ..BenchResult::default()
        }
    }

    /// Requests under way, by Little's law.
    fn running(&self) -> f64 {
        (self.completed * (self.ttft[0] + 299.0 * self.itl[0]) / 1000.0).round().min(self.most)
    }

    /// What the server says of itself, scraped once a second.
    fn server(&self, outputs: f64) -> ServerMetrics {
        let scrapes = self.seconds as usize;
        let waited = (self.waited * scrapes as f64).round() as usize;
        // Waits come and go: they are spread evenly over the window.
        let waits = |scrape: usize| (scrape + 1) * waited / scrapes > scrape * waited / scrapes;
        ServerMetrics {
            kind: "vllm".to_owned(),
            seconds: self.seconds,
            running: vec![self.running(); scrapes],
            waiting: (0..scrapes).map(|scrape| if waits(scrape) { 4.0 } else { 0.0 }).collect(),
            kv_cache_percent: vec![100.0 * self.kv.min(1.0); scrapes],
            preemptions: Some(self.preemptions),
            prompt_tokens: Some(outputs * 2000.0),
            generation_tokens: Some(outputs * 300.0),
            prefix_cache_queries: Some(outputs * 2000.0),
            prefix_cache_hits: Some(0.0),
            ..ServerMetrics::default()
        }
    }
}

/// A server that carries 8 requests per second.
const LEVELS: [Level; 7] = [
    Level::at(2.0, 1, 0.998, [96.0, 180.0, 240.0], [19.0, 24.0, 33.0]),
    Level::at(4.0, 2, 0.997, [105.0, 210.0, 280.0], [20.5, 27.0, 37.0]),
    Level::at(6.0, 3, 0.994, [118.0, 260.0, 345.0], [22.0, 31.0, 42.0]),
    Level::at(8.0, 4, 0.985, [139.0, 330.0, 470.0], [24.0, 35.0, 49.0]),
    Level::at(8.0, 5, 0.984, [140.0, 335.0, 474.0], [24.0, 35.0, 49.0]),
    Level::at(8.0, 6, 0.986, [138.0, 328.0, 466.0], [24.0, 35.0, 48.0]),
    Level::missed(10.0, 7, 0.41, 9.4, [900.0, 4200.0, 5100.0]),
];

/// A server that carries 4 requests per second, and not the share of a replica of 14 in three.
const SLOW_LEVELS: [Level; 7] = [
    Level::at(2.0, 1, 0.996, [160.0, 300.0, 380.0], [24.0, 31.0, 42.0]),
    Level::at(4.0, 2, 0.981, [210.0, 410.0, 490.0], [27.0, 36.0, 47.0]),
    Level::missed(4.67, 3, 0.902, 4.65, [290.0, 560.0, 690.0]),
    Level::missed(4.67, 4, 0.899, 4.64, [291.0, 566.0, 694.0]),
    Level::missed(4.67, 5, 0.904, 4.65, [288.0, 557.0, 688.0]),
    Level::missed(6.0, 6, 0.37, 5.8, [900.0, 4100.0, 5000.0]),
    Level::missed(8.0, 7, 0.05, 7.4, [3900.0, 9800.0, 11_000.0]),
];

fn target() -> BenchTarget {
    BenchTarget {
        url: "http://127.0.0.1:8000".to_owned(),
        model: "example/model-70b".to_owned(),
        api: "completions".to_owned(),
    }
}

fn measured(node: &mut Node, name: &str, document: &impl serde::Serialize) {
    let text = serde_json::to_vec_pretty(document).expect("results of load tests are JSON");
    node.files.insert(format!("measurements/{name}.json"), text);
}

/// `plumb bench --sweep --into`, with a run for each level.
fn sweep(node: &mut Node, levels: &[Level]) {
    let rates =
        |passes: bool| levels.iter().filter(move |level| level.passes == passes).map(|level| level.rate);
    let highest = rates(true).fold(0.0, f64::max);
    let lowest = rates(false).fold(f64::INFINITY, f64::min);
    let document = SweepResult {
        schema: BENCH_SCHEMA,
        started: "2026-01-01T01:00:00Z".to_owned(),
        tool_version: "0.0.0".to_owned(),
        valid: true,
        target: target(),
        objectives: vec!["ttft p95 <= 500 ms".to_owned(), "itl p95 <= 40 ms".to_owned()],
        highest_pass_rps: Some(highest),
        lowest_fail_rps: Some(lowest),
        estimate_rps: Some((highest + lowest) / 2.0),
        levels: levels
            .iter()
            .map(|level| SweepLevel {
                rate: level.rate,
                verdict: if level.passes { "pass" } else { SweepLevel::MISSED }.to_owned(),
                excess: (1.0 - level.met) / 0.05,
                result: level.result(),
                confirms: false,
            })
            .collect(),
        ..SweepResult::default()
    };
    measured(node, "sweep-001", &document);
}

/// `plumb bench --concurrency 32 --into`: the next request is sent when an answer is there.
fn closed_loop(node: &mut Node) {
    let level = Level { most: 32.0, waited: 0.0, completed: 4.4, ..LEVELS[1] };
    let result = BenchResult {
        load: BenchLoad {
            text: "closed 32".to_owned(),
            concurrency: Some(32),
            output_tokens: Some(300),
            prompt_tokens: Some(2000),
            ..BenchLoad::default()
        },
        open_loop: false,
        corrected: false,
        offered_rps: None,
        requests: 2640,
        errors: BTreeMap::new(),
        ..level.result()
    };
    measured(node, "bench-001", &result);
}

/// How busy all GPUs were in the window.
fn gpus_busy(node: &mut Node, percent: u32) {
    for gpu in 0..8 {
        node.gpu(gpu, "utilization_percent", &json!(percent));
        node.gpu_readings(gpu, "utilization_percent", |_| json!(percent));
    }
}

/// The engine core never sleeps, and GPUs wait for the batches that it schedules.
fn full_scheduler(node: &mut Node) {
    let last = sample_folder(1);
    let ticks = SECONDS * 100 - 2;
    for path in [format!("/proc/{ENGINE_CORE}/stat"), format!("/proc/{ENGINE_CORE}/task/{ENGINE_CORE}/stat")]
    {
        change(node, &format!("{last}{path}"), |text| {
            text.replacen(" 100900 ", &format!(" {} ", 100_000 + ticks), 1)
        });
    }
    let schedstat = |run: u64, wait: u64| format!("{} {} 1000\n", 1000 + run, 1000 + wait);
    node.window(
        &format!("/proc/{ENGINE_CORE}/task/{ENGINE_CORE}/schedstat"),
        schedstat(0, 0),
        schedstat(ticks * 10_000_000, 9_000_000),
    );
    change(node, &format!("{last}/proc/stat"), |text| {
        let lines = text.lines().map(|line| match line.strip_prefix("cpu30 ") {
            Some(_) => {
                format!("cpu30 {} 0 1000 {} 0 0 0 10 0 0\n", 5000 + ticks, 90_000 + SECONDS * 100 - ticks)
            }
            None => format!("{line}\n"),
        });
        lines.collect()
    });
    gpus_busy(node, 61);
}

/// Changes a file by its path in the bundle.
fn change(node: &mut Node, path: &str, change: impl Fn(&str) -> String) {
    if let Some(bytes) = node.files.get_mut(path) {
        let changed = change(&String::from_utf8_lossy(bytes));
        *bytes = changed.into_bytes();
    }
}
