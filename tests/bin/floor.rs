//! What the least client costs: a thread for each stream, blocking sockets, nothing of a reply parsed but where it begins and
//! ends. Benchmarks put it beside `plumb bench`, for what the machine itself adds.
//!
//! Usage: floor URL SECONDS (rate R | burst N); prints one JSON object, as the scripts in `tests/peers` do.
#![expect(clippy::print_stdout, reason = "its result goes to whoever runs it")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made is a reason to stop")]

use std::io::{Error, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

const TOKENS: usize = 64;
/// How long a reply takes, about, in s: what sizes the number of streams.
const REPLY_S: f64 = 0.65;

/// Times of one reply in ms: to its first token, from there to its end, and how late it was sent.
type Reply = (f64, f64, f64);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, url, seconds, kind, amount] = &arguments[..] else {
        panic!("usage: floor URL SECONDS (rate R | burst N)")
    };
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let (seconds, amount): (f64, f64) = (seconds.parse().unwrap(), amount.parse().unwrap());
    let rate = (kind == "rate").then_some(amount);
    // A fifth more streams than are under way, and some for chance.
    let streams = if rate.is_some() { (amount * REPLY_S * 1.2) as usize + 32 } else { amount as usize };
    let total = match rate {
        Some(rate) => (rate * seconds) as usize,
        None => streams * ((seconds / REPLY_S).round() as usize).max(2),
    };
    let (ready, next) = (Arc::new(Barrier::new(streams + 1)), Arc::new(AtomicUsize::new(0)));
    let begin: Arc<OnceLock<Instant>> = Arc::default();
    let threads: Vec<_> = (0..streams)
        .map(|stream| {
            let (host, ready, next, begin) = (host.to_owned(), ready.clone(), next.clone(), begin.clone());
            let work = move || {
                let mut client = Client::new(&host);
                client.ask(&format!("warm-{stream}")).unwrap();
                // All are warm; then the time is set from which on they send.
                ready.wait();
                ready.wait();
                let begin = *begin.get().unwrap();
                let mut replies: Vec<Reply> = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= total {
                        return replies;
                    }
                    let due = rate.map_or_else(Instant::now, |rate| {
                        begin + Duration::from_secs_f64(number as f64 / rate)
                    });
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    let (sent, first, end) = client.ask(&format!("floor-{number}")).unwrap();
                    replies.push((
                        ms(first - sent),
                        ms(end - first),
                        ms(sent.saturating_duration_since(due)),
                    ));
                }
            };
            thread::Builder::new().stack_size(64 << 10).spawn(work).unwrap()
        })
        .collect();
    ready.wait();
    let (cpu_before, started) = (cpu_s(), Instant::now() + Duration::from_millis(50));
    begin.set(started).unwrap();
    ready.wait();
    let replies: Vec<Reply> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let (wall, count) = (started.elapsed().as_secs_f64(), replies.len() as f64);
    let sorted = |of: fn(&Reply) -> f64| {
        let mut values: Vec<f64> = replies.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let (ttft, late) = (sorted(|reply| reply.0), sorted(|reply| reply.2));
    let per_token = replies.iter().map(|reply| reply.1).sum::<f64>() / count / (TOKENS - 1) as f64;
    let said = serde_json::json!({
        "requests_per_s": count / wall,
        "ttft_mean_ms": ttft.iter().sum::<f64>() / count,
        "ttft_p95_ms": ttft[ttft.len() * 95 / 100],
        "per_token_ms": per_token,
        "cpu_s_per_request": (cpu_s() - cpu_before) / count,
        "rss_mb": peak_mb(),
        "lateness_p99_ms": late[late.len() * 99 / 100],
    });
    println!("{said}");
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

struct Client {
    stream: TcpStream,
    host: String,
    body: String,
    buffer: Vec<u8>,
}

impl Client {
    fn new(host: &str) -> Self {
        let stream = TcpStream::connect(host).unwrap();
        stream.set_nodelay(true).unwrap();
        let prompt = ["word"; 128].join(" ");
        let body = serde_json::json!({
            "model": "reference", "prompt": prompt, "max_tokens": TOKENS, "stream": true, "ignore_eos": true,
        });
        Self { stream, host: host.to_owned(), body: body.to_string(), buffer: vec![0; 16 << 10] }
    }

    /// When it was sent, when the first token came, and when the reply ended.
    fn ask(&mut self, id: &str) -> Result<(Instant, Instant, Instant), Error> {
        let head = format!(
            "POST /v1/completions HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\nx-request-id: {id}\r\n\
             content-length: {}\r\n\r\n",
            self.host,
            self.body.len()
        );
        let sent = Instant::now();
        self.stream.write_all((head + &self.body).as_bytes())?;
        let (mut first, mut tail) = (None, Vec::new());
        loop {
            let count = self.stream.read(&mut self.buffer)?;
            let now = Instant::now();
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            tail.extend_from_slice(&self.buffer[..count]);
            if first.is_none() && tail.windows(5).any(|window| window == b"data:") {
                first = Some(now);
            }
            // The last chunk of a chunked reply.
            if let (Some(first), true) = (first, tail.ends_with(b"0\r\n\r\n")) {
                return Ok((sent, first, now));
            }
            if first.is_some() {
                tail.drain(..tail.len().saturating_sub(16));
            }
        }
    }
}

/// CPU time of this process: the 14th and 15th field of proc(5), in ticks of 10 ms.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0 / 1e6
}
