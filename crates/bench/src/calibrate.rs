//! The client's own error on this node: what it reports of a server whose every delay is known.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use plumb_evidence::model::BenchResult;
use serde::{Deserialize, Serialize};

use super::BenchError;
use super::ask::{Client, event_loop};
use super::engine::Control;
use super::plan::Plan;
use super::reference::{Behaviour, LogEntry};
use super::target::{Http, Target};
use plumb_stats::{mean, quantile::quantile};

/// Time in which the reference server hands out its log.
const LOG_WITHIN: Duration = Duration::from_secs(60);

/// What the client adds, in ms: its figure minus the server's own, over the same requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Mean time to first token.
    pub added_ttft_mean_ms: f64,
    /// p95 of time to first token.
    pub added_ttft_p95_ms: f64,
    /// Mean time to the last token.
    pub added_e2e_mean_ms: f64,
    /// Mean time per token, as a share of the server's own.
    pub tpot_error: f64,
    /// The server's own mean time to first token, in ms.
    pub true_ttft_mean_ms: f64,
    /// Measured requests that the server logged.
    pub requests: u64,
    /// CPU time of the client per request, in µs.
    pub cpu_us_per_request: Option<f64>,
    /// The smallest TTFT objective, in ms, that can be judged here: the added mean is 5 % of it.
    pub smallest_ttft_objective_ms: f64,
    /// The measurement.
    pub result: BenchResult,
}

/// Measures a server that `program` runs in a process of its own, with `load` and the like from `plan`, whose target is
/// replaced.
///
/// `program` is started with `arguments` and the behaviour as JSON, prints its URL on a line, and ends when its standard input
/// does.
///
/// # Errors
/// Fails where the server cannot be started or the measurement fails.
pub fn calibrate(
    program: &Path,
    arguments: &[&str],
    behaviour: &Behaviour,
    plan: impl FnOnce(Target) -> Plan,
    control: &Control,
) -> Result<Calibration, BenchError> {
    let text = serde_json::to_string(behaviour).unwrap_or_default();
    let mut child = Command::new(program)
        .args(arguments)
        .arg(text)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map(Server)
        .map_err(BenchError::Thread)?;
    let mut url = String::new();
    let output = child
        .0
        .stdout
        .take()
        .ok_or_else(|| BenchError::Input("the reference server has no output".to_owned()))?;
    BufReader::new(output).read_line(&mut url).map_err(BenchError::Thread)?;
    let target = Target::new(&url, Http::One, None, None)?;
    let mut plan = plan(target.clone());
    plan.keep_records = true;
    // The server has nothing to say that its log does not.
    plan.scrape_every = 0.0;
    let mut measured = super::run(&plan, control)?;
    let log = ground_truth(&target)?;
    let indices = match &mut measured.records {
        Some(file) => {
            let mut text = String::new();
            file.seek(SeekFrom::Start(0))
                .and_then(|_| file.read_to_string(&mut text))
                .map_err(BenchError::Thread)?;
            measured_indices(&text)
        }
        None => BTreeSet::new(),
    };
    Ok(compare(&log, &indices, measured.result))
}

/// A child that ends with this value, whatever happens.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ground_truth(target: &Target) -> Result<Vec<LogEntry>, BenchError> {
    const PATH: &str = "/ground-truth";
    let runtime = event_loop().map_err(BenchError::Thread)?;
    let client = Client::new(target)?;
    let answer = runtime.block_on(client.get(PATH, LOG_WITHIN)).map_err(|none| none.ends(target, PATH))?;
    serde_json::from_slice(&answer.body).map_err(|error| {
        BenchError::Input(format!("the log of the reference server cannot be read: {error}"))
    })
}

fn measured_indices(records: &str) -> BTreeSet<u64> {
    #[derive(Deserialize)]
    struct Line {
        i: u64,
        phase: super::Phase,
    }
    let lines = records.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    lines.filter(|line| line.phase == super::Phase::Measured).map(|line| line.i).collect()
}

fn compare(log: &[LogEntry], measured: &BTreeSet<u64>, result: BenchResult) -> Calibration {
    // The probe before the run has the number of the run's first request, and was logged before it.
    let mut seen = BTreeSet::new();
    let entries: Vec<&LogEntry> = log
        .iter()
        .rev()
        .filter(|entry| {
            entry.first != 0 && entry.id.parse().is_ok_and(|id| measured.contains(&id) && seen.insert(id))
        })
        .collect();
    let ms = |ns: u64| ns as f64 / 1e6;
    let mut ttft: Vec<f64> = entries.iter().map(|entry| ms(entry.first - entry.received)).collect();
    ttft.sort_by(f64::total_cmp);
    let e2e: Vec<f64> = entries.iter().map(|entry| ms(entry.last - entry.received)).collect();
    let tpot: Vec<f64> = entries
        .iter()
        .filter(|entry| entry.tokens > 1)
        .map(|entry| ms(entry.last - entry.first) / f64::from(entry.tokens - 1))
        .collect();
    let added = |read: Option<f64>, truth: Option<f64>| {
        read.zip(truth).map_or(f64::NAN, |(read, truth)| read - truth)
    };
    let true_ttft = mean(&ttft);
    let added_mean = added(result.ttft_ms.mean, true_ttft);
    Calibration {
        added_ttft_mean_ms: added_mean,
        added_ttft_p95_ms: added(result.ttft_ms.p95, quantile(&ttft, 0.95)),
        added_e2e_mean_ms: added(result.e2e_ms.mean, mean(&e2e)),
        tpot_error: result.tpot_ms.mean.zip(mean(&tpot)).map_or(f64::NAN, |(read, truth)| read / truth - 1.0),
        true_ttft_mean_ms: true_ttft.unwrap_or(f64::NAN),
        requests: entries.len() as u64,
        cpu_us_per_request: result
            .client
            .cpu_s
            .filter(|_| result.requests > 0 && result.requests_per_s > 0.0 && result.seconds > 0.0)
            .map(|cpu| cpu * 1e6 / (result.requests_per_s * result.seconds)),
        smallest_ttft_objective_ms: added_mean / 0.05,
        result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_both_saw_is_compared() {
        let entry = |id: &str, received: u64, ttft: u64| LogEntry {
            id: id.to_owned(),
            received,
            first: received + ttft * 1_000_000,
            last: received + (ttft + 70) * 1_000_000,
            tokens: 8,
            finished: true,
        };
        // The probe, a warm-up request, two measured ones, one that was given up.
        let mut log = vec![entry("1", 5, 900), entry("0", 10, 500), entry("1", 20, 20), entry("2", 30, 22)];
        log.push(LogEntry { id: "3".into(), ..LogEntry::default() });
        let records = "{\"i\":0,\"phase\":\"warmup\"}\n{\"i\":1,\"phase\":\"measured\"}\n{\"i\":2,\"phase\":\"measured\"}\n";
        let mut result = BenchResult::default();
        result.ttft_ms.mean = Some(21.5);
        result.tpot_ms.mean = Some(10.1);
        let calibration = compare(&log, &measured_indices(records), result);
        assert_eq!((calibration.requests, calibration.true_ttft_mean_ms), (2, 21.0));
        assert!((calibration.added_ttft_mean_ms - 0.5).abs() < 1e-9);
        assert!((calibration.smallest_ttft_objective_ms - 10.0).abs() < 1e-9);
        assert!((calibration.tpot_error - 0.01).abs() < 1e-9);
        assert!(calibration.added_e2e_mean_ms.is_nan());
    }
}
