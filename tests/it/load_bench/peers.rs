//! Other clients, measuring the same server in the same round.
//!
//! They are Python programs, in an environment that `cargo xtask setup peers` makes; a row says why one is not beside it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use plumb_bench::reference::{Behaviour, LogEntry};
use plumb_tests::{target, workspace};
use serde_json::Value;

use super::{number, watched};

/// Another client.
pub(super) struct Peer {
    pub(super) name: &'static str,
    script: &'static str,
    /// CPUs that it may use, as `taskset` takes them: AIPerf is made of several processes and gets all of them.
    cpus: Option<&'static str>,
}

/// A client that does the least: what the machine itself adds. It needs no environment.
pub(super) const FLOOR: Peer = Peer { name: "floor", script: "", cpus: Some("1") };

const PEERS: [Peer; 2] = [
    Peer { name: "vLLM", script: "vllm.py", cpus: Some("1") },
    Peer { name: "AIPerf", script: "aiperf.py", cpus: None },
];

/// What a peer reports of the server, and what its log says.
pub(super) struct Reading {
    pub(super) added_ttft_mean_ms: f64,
    pub(super) added_ttft_p95_ms: f64,
    pub(super) per_token_ms: f64,
    pub(super) cpu_us_per_request: f64,
    pub(super) requests_per_s: f64,
    pub(super) rss_mb: f64,
    /// Seconds from start to end, where they were taken.
    pub(super) wall_s: Option<f64>,
    pub(super) foreign: f64,
}

/// The environment of the peers; where it is not there, says so once.
fn environment() -> Option<PathBuf> {
    static FOUND: std::sync::OnceLock<Option<PathBuf>> = std::sync::OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let folder = std::env::var_os("PLUMB_PEERS")
            .map(PathBuf::from)
            .filter(|folder| folder.join("bin/python").is_file());
        if folder.is_none() {
            plumb_tests::skip(
                "other clients beside the rows: none installed; `cargo xtask setup peers` does",
            );
        }
        folder
    });
    found.clone()
}

/// The peers that are installed.
pub(super) fn installed() -> &'static [Peer] {
    if environment().is_some() { &PEERS } else { &[] }
}

/// What the environment takes on disk.
pub(super) fn size_mb() -> Option<f64> {
    let output = Command::new("du").arg("-sm").arg(environment()?).output().ok()?;
    String::from_utf8_lossy(&output.stdout).split_whitespace().next()?.parse().ok()
}

/// A reference server in a process of its own, on the CPU that clients leave to it.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(behaviour: &Behaviour) -> Self {
        let mut child = Command::new("taskset")
            .args(["-c", "0"])
            .arg(target().join("plumb"))
            .args(["-q", "reference-server"])
            .arg(serde_json::to_string(behaviour).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim().trim_end_matches('/').to_owned() }
    }

    /// What it did for requests that count: a peer that names its requests leaves out those that warm it up.
    fn log(&self) -> Vec<LogEntry> {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /ground-truth HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap() > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let log: Vec<LogEntry> = serde_json::from_slice(&body).unwrap();
        log.into_iter().filter(|entry| entry.first != 0 && !entry.id.contains("warm")).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Lets a peer measure; `load` is `rate` and requests per second, or `burst` and streams. Says why where that fails.
pub(super) fn measure(peer: &Peer, behaviour: &Behaviour, load: [&str; 2], seconds: &str) -> Option<Reading> {
    let words: Vec<PathBuf> = if peer.script.is_empty() {
        vec![PathBuf::from(env!("CARGO_BIN_EXE_floor"))]
    } else {
        vec![environment()?.join("bin/python"), workspace().join("tests/peers").join(peer.script)]
    };
    let ((output, log), foreign) = watched(|| {
        let server = Server::start(behaviour);
        let mut command = match peer.cpus {
            Some(cpus) => {
                let mut command = Command::new("taskset");
                command.args(["-c", cpus]).args(&words);
                command
            }
            None => {
                let mut command = Command::new(&words[0]);
                command.args(&words[1..]);
                command
            }
        };
        command.args([server.url.as_str(), seconds]).args(load);
        (command.stdin(Stdio::null()).output().unwrap(), server.log())
    });
    let Ok(said) = serde_json::from_slice::<Value>(&output.stdout) else {
        let why = String::from_utf8_lossy(&output.stderr);
        plumb_tests::skip(&format!("{} beside a row: {}", peer.name, why.lines().last().unwrap_or_default()));
        return None;
    };
    let mut truth: Vec<f64> = log.iter().map(|entry| (entry.first - entry.received) as f64 / 1e6).collect();
    truth.sort_by(f64::total_cmp);
    let mean = truth.iter().sum::<f64>() / truth.len().max(1) as f64;
    let p95 = truth.get(truth.len() * 95 / 100).copied().unwrap_or(f64::NAN);
    Some(Reading {
        added_ttft_mean_ms: number(&said["ttft_mean_ms"]) - mean,
        added_ttft_p95_ms: number(&said["ttft_p95_ms"]) - p95,
        per_token_ms: number(&said["per_token_ms"]),
        cpu_us_per_request: number(&said["cpu_s_per_request"]) * 1e6,
        requests_per_s: number(&said["requests_per_s"]),
        rss_mb: number(&said["rss_mb"]),
        wall_s: said["wall_s"].as_f64(),
        foreign,
    })
}
