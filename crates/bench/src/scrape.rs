//! What the server says of itself at `/metrics`, before, during and after a run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use plumb_evidence::model::{LatencySummary, ServerMetrics};

use super::ask::{Answer, Client, NoAnswer, event_loop};
use super::clock::now;
use super::record::Miss;
use super::target::Target;

mod names;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use names::Ours;
use names::{kind, names};
use text::{Samples, parse};

/// Raw text that is kept of the scrapes in between; later ones are kept as values only.
const MAX_RAW: usize = 4 << 20;
/// Scrapes that are kept; of more, every other one.
const MAX_SCRAPES: usize = 1200;
/// Limit of one scrape: a server that takes longer has other worries.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where servers have their metrics: nearly all, and TensorRT-LLM.
const PATHS: [&str; 2] = ["/metrics", "/prometheus/metrics"];

/// One answer of `/metrics`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scrape {
    /// ns of CLOCK_MONOTONIC.
    pub(crate) at: u64,
    samples: Samples,
}

/// All that was scraped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scrapes {
    pub(crate) scrapes: Vec<Scrape>,
    /// The texts as they came, each after a line that tells its time.
    pub(crate) raw: String,
    /// Why there are none.
    pub(crate) failure: Option<String>,
}

/// Scrapes once.
///
/// # Errors
/// Says why there is nothing.
pub(crate) async fn scrape_once(client: &Client) -> Result<Scrape, String> {
    let mut why = String::new();
    for path in PATHS {
        match client.get(path, TIMEOUT).await {
            Ok(Answer { status: 200, body }) => {
                let scrape = Scrape::read(&String::from_utf8_lossy(&body));
                if scrape.kind().is_some() {
                    return Ok(scrape);
                }
                why = format!("`{path}` has no name of a server that is known");
            }
            Ok(Answer { status, .. }) if path == PATHS[0] => {
                why = format!("`{path}` answers with status {status}");
            }
            Err(none) if path == PATHS[0] => return Err(unread(&none)),
            _ => {}
        }
    }
    Err(why)
}

/// Why there are no metrics, in words.
fn unread(none: &NoAnswer) -> String {
    let path = PATHS[0];
    match none {
        NoAnswer::Failed(Miss::Timeout) => format!("`{path}` gave no answer within {} s", TIMEOUT.as_secs()),
        none => format!("`{path}` cannot be read: {none}"),
    }
}

/// Scrapes every `every` seconds until `stop`, and once more then.
pub(crate) fn scrape_until(target: &Target, every: f64, origin: u64, stop: &AtomicBool) -> Scrapes {
    let mut kept = Scrapes::default();
    let (Ok(runtime), Ok(client)) = (event_loop(), Client::new(target)) else {
        kept.failure = Some("no event loop could be made for it".to_owned());
        return kept;
    };
    let (mut every, mut next) = (every, now());
    let mut path = PATHS[0];
    loop {
        let last = stop.load(Ordering::Relaxed);
        if last || now() >= next {
            next = now() + (every * 1e9) as u64;
            let answer = runtime.block_on(client.get(path, TIMEOUT));
            // TensorRT-LLM has a list in JSON at the usual place.
            let is_text = |bytes: &[u8]| !bytes.trim_ascii_start().starts_with(b"[");
            let elsewhere = match &answer {
                Ok(Answer { status, body }) => *status == 404 || (*status == 200 && !is_text(body)),
                Err(_) => false,
            };
            if elsewhere && kept.scrapes.is_empty() && path == PATHS[0] {
                (path, next) = (PATHS[1], now());
                continue;
            }
            match answer {
                Ok(Answer { status: 200, body }) => {
                    kept.take(&String::from_utf8_lossy(&body), now(), origin, last);
                }
                Ok(Answer { status, .. }) => {
                    kept.fail(format!("`{}` answers with status {status}", PATHS[0]))
                }
                Err(none) => kept.fail(unread(&none)),
            }
            if kept.scrapes.is_empty() && kept.failure.is_some() {
                return kept;
            }
            if kept.scrapes.len() > MAX_SCRAPES {
                let mut position = 0;
                kept.scrapes.retain(|_| {
                    position += 1;
                    position % 2 == 1
                });
                every *= 2.0;
            }
        }
        if last {
            return kept;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Scrapes {
    fn take(&mut self, text: &str, at: u64, origin: u64, last: bool) {
        if last || self.raw.len() + text.len() < MAX_RAW {
            let seconds = (at as f64 - origin as f64) / 1e9;
            self.raw.push_str(&format!("# plumb: scraped {seconds:.3} s after the start\n{text}\n"));
        }
        self.scrapes.push(Scrape { at, samples: parse(text) });
    }

    fn fail(&mut self, why: String) {
        self.failure.get_or_insert(why);
    }

    /// Two scrapes inside a window that lie furthest apart, and the output tokens that the server counted in between.
    pub(crate) fn tokens_within(&self, (start, end): (u64, u64)) -> Option<((u64, u64), f64)> {
        let mut inside = self.scrapes.iter().filter(|scrape| (start..=end).contains(&scrape.at));
        let first = inside.next()?;
        let last = inside.next_back()?;
        let tokens = last.value(Ours::GenerationTokens)? - first.value(Ours::GenerationTokens)?;
        Some(((first.at, last.at), tokens))
    }

    /// What the scrapes come to; `None` where there are none, or none with a name that is known.
    pub(crate) fn summary(&self) -> Option<ServerMetrics> {
        let (first, last) = (self.scrapes.first()?, self.scrapes.last()?);
        let gauge = |ours| self.scrapes.iter().filter_map(|scrape| scrape.value(ours)).collect::<Vec<f64>>();
        let grown = |ours| Some((last.value(ours)? - first.value(ours)?).max(0.0));
        // A counter that was never raised may not be there yet.
        let hits = || {
            let before = first.value(Ours::CacheHits).unwrap_or(0.0);
            Some((last.value(Ours::CacheHits)? - before).max(0.0))
        };
        let kind =
            first.samples.values.keys().chain(first.samples.buckets.keys()).find_map(|name| kind(name))?;
        Some(ServerMetrics {
            beyond_limit: false,
            path: String::new(),
            kind: kind.to_owned(),
            seconds: last.at.saturating_sub(first.at) as f64 / 1e9,
            running: gauge(Ours::Running),
            waiting: gauge(Ours::Waiting),
            kv_cache_percent: gauge(Ours::KvCache).into_iter().map(|share| share * 100.0).collect(),
            preemptions: grown(Ours::Preemptions),
            prompt_tokens: grown(Ours::PromptTokens),
            generation_tokens: grown(Ours::GenerationTokens),
            prefix_cache_queries: grown(Ours::CacheQueries),
            prefix_cache_hits: hits().or_else(|| {
                let share = plumb_stats::mean(&gauge(Ours::CacheRate))?;
                Some(share * grown(Ours::CacheQueries)?)
            }),
            requests: grown(Ours::Requests),
            drafted: grown(Ours::Drafted),
            accepted: grown(Ours::Accepted),
            // Where nothing is drafted, the gauge stays at zero.
            accept_rate: plumb_stats::mean(&gauge(Ours::AcceptRate)).filter(|rate| *rate > 0.0),
            kv_pool_tokens: last.samples.pool.or_else(|| last.value(Ours::KvPool)),
            ttft_ms: latency(first, last, Ours::Ttft),
            itl_ms: latency(first, last, Ours::Itl),
            e2e_ms: latency(first, last, Ours::E2e),
            queue_ms: latency(first, last, Ours::Queue),
        })
    }
}

impl Scrape {
    /// The text of `/metrics`.
    pub(crate) fn read(text: &str) -> Self {
        Self { at: now(), samples: parse(text) }
    }

    /// Kind of server, by the names of its metrics.
    pub(crate) fn kind(&self) -> Option<&'static str> {
        self.samples.values.keys().chain(self.samples.buckets.keys()).find_map(|name| kind(name))
    }

    /// Growth of a histogram's buckets since an earlier scrape: upper bounds in seconds, and counts up to them.
    pub(crate) fn buckets_since(&self, before: &Self, ours: Ours) -> Option<Vec<(f64, f64)>> {
        let name = names(ours).iter().find(|name| self.samples.buckets.contains_key(**name))?;
        let earlier = before.samples.buckets.get(*name);
        let grown = self.samples.buckets.get(*name)?.iter().map(|&(bound, n)| {
            let then = earlier
                .and_then(|buckets| buckets.iter().find(|(b, _)| *b == bound))
                .map_or(0.0, |(_, n)| *n);
            (bound, n - then)
        });
        Some(grown.collect())
    }

    fn histogram_since(&self, before: &Self, ours: Ours) -> Option<(f64, f64)> {
        let name = names(ours).iter().find(|name| self.samples.buckets.contains_key(**name))?;
        let grown = |suffix: &str| {
            let name = format!("{name}{suffix}");
            let then = before.samples.values.get(&name).copied().unwrap_or(0.0);
            Some(self.samples.values.get(&name)? - then)
        };
        Some((grown("_sum")?, grown("_count")?))
    }

    /// Values that a histogram took in since an earlier scrape.
    pub(crate) fn count_since(&self, before: &Self, ours: Ours) -> Option<f64> {
        self.histogram_since(before, ours).map(|(_, count)| count)
    }

    /// Their mean, in the histogram's unit; `None` without any.
    pub(crate) fn mean_since(&self, before: &Self, ours: Ours) -> Option<f64> {
        self.histogram_since(before, ours).filter(|(_, count)| *count > 0.0).map(|(sum, count)| sum / count)
    }

    pub(crate) fn value(&self, ours: Ours) -> Option<f64> {
        names(ours).iter().find_map(|name| self.samples.values.get(*name).copied())
    }
}

/// The difference of two states of a histogram; percentiles by linear interpolation within a bucket, as Prometheus has it.
fn latency(first: &Scrape, last: &Scrape, ours: Ours) -> Option<LatencySummary> {
    let (sum, count) = last.histogram_since(first, ours)?;
    if count < 1.0 {
        return None;
    }
    let buckets = last.buckets_since(first, ours)?;
    let at = |p: f64, needed: f64| {
        (count >= needed).then(|| bucket_quantile(&buckets, p).map(|s| s * 1e3)).flatten()
    };
    Some(LatencySummary {
        count: count as u64,
        mean: Some(sum / count * 1e3),
        p50: at(0.5, 1.0),
        p90: at(0.9, 10.0),
        p95: at(0.95, 20.0),
        p99: at(0.99, 100.0),
        ..LatencySummary::default()
    })
}

fn bucket_quantile(buckets: &[(f64, f64)], p: f64) -> Option<f64> {
    let wanted = p * buckets.last()?.1;
    let (mut low, mut below) = (0.0, 0.0);
    for &(bound, count) in buckets {
        if count >= wanted {
            // What lies beyond the last finite bound is known to be at least that.
            return Some(if bound.is_infinite() || count <= below {
                low
            } else {
                low + (bound - low) * (wanted - below) / (count - below)
            });
        }
        (low, below) = (bound, count);
    }
    None
}
