//! What the server says of itself at `/metrics`, before, during and after a run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use plumb_evidence::model::{LatencySummary, ServerMetrics};

use super::clock::now;
use super::request::get;
use super::target::Target;

/// Raw text that is kept of the scrapes in between; later ones are kept as values only.
const MAX_RAW: usize = 4 << 20;
/// Scrapes that are kept; of more, every other one.
const MAX_SCRAPES: usize = 1200;
/// Limit of one scrape: a server that takes longer has other worries.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where servers have their metrics: nearly all, and TensorRT-LLM.
const PATHS: [&str; 2] = ["/metrics", "/prometheus/metrics"];

/// A metric in the names of the servers that have it. Several names of one server are tried in turn: they changed.
struct Name {
    ours: Ours,
    theirs: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ours {
    Running,
    Waiting,
    KvCache,
    Preemptions,
    PromptTokens,
    GenerationTokens,
    CacheQueries,
    CacheHits,
    CacheRate,
    Ttft,
    Itl,
    E2e,
    Queue,
    Requests,
    Drafted,
    Accepted,
    AcceptRate,
    KvPool,
}

/// The table of `docs/src/reference/metrics.md`.
const NAMES: &[Name] = &[
    Name {
        ours: Ours::Running,
        theirs: &[
            "vllm:num_requests_running",
            "sglang:num_running_reqs",
            "llamacpp:requests_processing",
            "tgi_batch_current_size",
            "trtllm_num_requests_running",
        ],
    },
    Name {
        ours: Ours::Waiting,
        theirs: &[
            "vllm:num_requests_waiting",
            "sglang:num_queue_reqs",
            "llamacpp:requests_deferred",
            "tgi_queue_size",
            "trtllm_num_requests_waiting",
        ],
    },
    Name {
        ours: Ours::KvCache,
        theirs: &[
            "vllm:kv_cache_usage_perc",
            "vllm:gpu_cache_usage_perc",
            "sglang:token_usage",
            "llamacpp:kv_cache_usage_ratio",
            "trtllm_kv_cache_utilization",
        ],
    },
    Name {
        ours: Ours::Preemptions,
        theirs: &[
            "vllm:num_preemptions_total",
            "vllm:num_preemptions",
            "sglang:num_retracted_requests_total",
            "sglang:num_retracted_reqs_total",
        ],
    },
    Name {
        ours: Ours::PromptTokens,
        theirs: &[
            "vllm:prompt_tokens_total",
            "sglang:prompt_tokens_total",
            "llamacpp:prompt_tokens_total",
            "tgi_request_input_length_sum",
        ],
    },
    Name {
        ours: Ours::GenerationTokens,
        theirs: &[
            "vllm:generation_tokens_total",
            "sglang:generation_tokens_total",
            "llamacpp:tokens_predicted_total",
            "tgi_request_generated_tokens_sum",
        ],
    },
    Name {
        ours: Ours::CacheQueries,
        theirs: &[
            "vllm:prefix_cache_queries_total",
            "vllm:prefix_cache_queries",
            "vllm:gpu_prefix_cache_queries_total",
            // It looks up all of them.
            "sglang:prompt_tokens_total",
        ],
    },
    Name {
        ours: Ours::CacheHits,
        theirs: &[
            "vllm:prefix_cache_hits_total",
            "vllm:prefix_cache_hits",
            "vllm:gpu_prefix_cache_hits_total",
            "sglang:cached_tokens_total",
        ],
    },
    // Before it counted tokens, SGLang told the share of the latest prefill.
    Name { ours: Ours::CacheRate, theirs: &["sglang:cache_hit_rate"] },
    Name {
        ours: Ours::Ttft,
        theirs: &[
            "vllm:time_to_first_token_seconds",
            "sglang:time_to_first_token_seconds",
            "trtllm_time_to_first_token_seconds",
        ],
    },
    Name {
        ours: Ours::Itl,
        theirs: &[
            "vllm:inter_token_latency_seconds",
            "vllm:time_per_output_token_seconds",
            "sglang:inter_token_latency_seconds",
            "sglang:time_per_output_token_seconds",
        ],
    },
    Name {
        ours: Ours::E2e,
        theirs: &[
            "vllm:e2e_request_latency_seconds",
            "sglang:e2e_request_latency_seconds",
            "trtllm_e2e_request_latency_seconds",
            "tgi_request_duration",
        ],
    },
    Name {
        ours: Ours::Queue,
        theirs: &[
            "vllm:request_queue_time_seconds",
            "sglang:queue_time_seconds",
            "trtllm_request_queue_time_seconds",
            "tgi_request_queue_duration",
        ],
    },
    Name {
        ours: Ours::Requests,
        theirs: &[
            "vllm:request_success_total",
            "vllm:request_success",
            "sglang:num_requests_total",
            "trtllm_request_success_total",
            "tgi_request_success",
        ],
    },
    Name {
        ours: Ours::Drafted,
        theirs: &["vllm:spec_decode_num_draft_tokens_total", "vllm:spec_decode_num_draft_tokens"],
    },
    Name {
        ours: Ours::Accepted,
        theirs: &["vllm:spec_decode_num_accepted_tokens_total", "vllm:spec_decode_num_accepted_tokens"],
    },
    Name { ours: Ours::AcceptRate, theirs: &["sglang:spec_accept_rate"] },
    // vLLM tells it in labels, see `pool`.
    Name { ours: Ours::KvPool, theirs: &["sglang:max_total_num_tokens"] },
];

/// One answer of `/metrics`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scrape {
    /// ns of CLOCK_MONOTONIC.
    pub(crate) at: u64,
    samples: Samples,
}

/// Values by name, summed over labels (several engines behind one server), and histograms by upper bound.
#[derive(Clone, Debug, Default, PartialEq)]
struct Samples {
    values: BTreeMap<String, f64>,
    buckets: BTreeMap<String, Vec<(f64, f64)>>,
    /// Tokens that the KV caches of all engines have room for, where labels tell.
    pool: Option<f64>,
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
pub(crate) async fn scrape_once(target: &Target) -> Result<Scrape, String> {
    let mut why = String::new();
    for path in PATHS {
        match tokio::time::timeout(TIMEOUT, get(target, path)).await {
            Ok(Ok((200, bytes))) => {
                let scrape = Scrape::read(&String::from_utf8_lossy(&bytes));
                if scrape.kind().is_some() {
                    return Ok(scrape);
                }
                why = format!("`{path}` has no name of a server that is known");
            }
            Ok(Ok((status, _))) if path == PATHS[0] => why = format!("`{path}` answers with status {status}"),
            Ok(Err(miss)) if path == PATHS[0] => {
                return Err(format!("`{path}` cannot be read: {}", miss.as_str()));
            }
            Err(_) if path == PATHS[0] => {
                return Err(format!("`{path}` gave no answer within {} s", TIMEOUT.as_secs()));
            }
            _ => {}
        }
    }
    Err(why)
}

/// Scrapes every `every` seconds until `stop`, and once more then.
pub(crate) fn scrape_until(target: &Target, every: f64, origin: u64, stop: &AtomicBool) -> Scrapes {
    let mut kept = Scrapes::default();
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        kept.failure = Some("no event loop could be made for it".to_owned());
        return kept;
    };
    let (mut every, mut next) = (every, now());
    let mut path = PATHS[0];
    loop {
        let last = stop.load(Ordering::Relaxed);
        if last || now() >= next {
            next = now() + (every * 1e9) as u64;
            let answer = runtime.block_on(async { tokio::time::timeout(TIMEOUT, get(target, path)).await });
            // TensorRT-LLM has a list in JSON at the usual place.
            let is_text = |bytes: &[u8]| !bytes.trim_ascii_start().starts_with(b"[");
            let elsewhere = match &answer {
                Ok(Ok((status, bytes))) => *status == 404 || (*status == 200 && !is_text(bytes)),
                _ => false,
            };
            if elsewhere && kept.scrapes.is_empty() && path == PATHS[0] {
                (path, next) = (PATHS[1], now());
                continue;
            }
            match answer {
                Ok(Ok((200, bytes))) => kept.take(&String::from_utf8_lossy(&bytes), now(), origin, last),
                Ok(Ok((status, _))) => kept.fail(format!("`{}` answers with status {status}", PATHS[0])),
                Ok(Err(miss)) => kept.fail(format!("`/metrics` cannot be read: {}", miss.as_str())),
                Err(_) => kept.fail(format!("`/metrics` gave no answer within {} s", TIMEOUT.as_secs())),
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
                let share = crate::stats::mean(&gauge(Ours::CacheRate))?;
                Some(share * grown(Ours::CacheQueries)?)
            }),
            requests: grown(Ours::Requests),
            drafted: grown(Ours::Drafted),
            accepted: grown(Ours::Accepted),
            // Where nothing is drafted, the gauge stays at zero.
            accept_rate: crate::stats::mean(&gauge(Ours::AcceptRate)).filter(|rate| *rate > 0.0),
            kv_pool_tokens: last.samples.pool.or_else(|| last.value(Ours::KvPool)),
            ttft_ms: latency(first, last, Ours::Ttft),
            itl_ms: latency(first, last, Ours::Itl),
            e2e_ms: latency(first, last, Ours::E2e),
            queue_ms: latency(first, last, Ours::Queue),
        })
    }
}

fn kind(name: &str) -> Option<&'static str> {
    [
        ("vllm:", "vllm"),
        ("sglang:", "sglang"),
        ("llamacpp:", "llama.cpp"),
        ("tgi_", "tgi"),
        ("trtllm_", "tensorrt-llm"),
    ]
    .into_iter()
    .find_map(|(prefix, kind)| name.starts_with(prefix).then_some(kind))
}

fn names(ours: Ours) -> &'static [&'static str] {
    NAMES.iter().find(|name| name.ours == ours).map_or(&[], |name| name.theirs)
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

/// Reads the text format of Prometheus.
fn parse(text: &str) -> Samples {
    let mut samples = Samples::default();
    let mut buckets: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, labels, rest) = match line.split_once('{') {
            // A label may hold a brace, so the last one ends them.
            Some((name, rest)) => match rest.rsplit_once('}') {
                Some((labels, rest)) => (name, labels, rest),
                None => continue,
            },
            None => match line.split_once(char::is_whitespace) {
                Some((name, rest)) => (name, "", rest),
                None => continue,
            },
        };
        let Some(value) = rest.split_whitespace().next().and_then(|word| word.parse::<f64>().ok()) else {
            continue;
        };
        if value.is_nan() {
            continue;
        }
        if name == "vllm:cache_config_info" {
            let tokens = label(labels, "num_gpu_blocks").zip(label(labels, "block_size"));
            if let Some((blocks, size)) = tokens {
                samples.pool = Some(samples.pool.unwrap_or(0.0) + blocks * size);
            }
        }
        if let Some(base) = name.strip_suffix("_bucket") {
            let Some(bound) = bound(labels) else { continue };
            let list = buckets.entry(base.to_owned()).or_default();
            match list.iter_mut().find(|(b, _)| *b == bound) {
                Some((_, count)) => *count += value,
                None => list.push((bound, value)),
            }
        } else {
            *samples.values.entry(name.to_owned()).or_default() += value;
        }
    }
    for list in buckets.values_mut() {
        list.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    samples.buckets = buckets;
    samples
}

/// The number that a label has.
fn label(labels: &str, name: &str) -> Option<f64> {
    let start = format!("{name}=\"");
    let at = labels.match_indices(&start).find(|(at, _)| *at == 0 || labels[..*at].ends_with(','))?.0;
    labels[at + start.len()..].split('"').next()?.parse().ok()
}

fn bound(labels: &str) -> Option<f64> {
    let (_, rest) = labels.split_once("le=\"")?;
    let text = rest.split('"').next()?;
    if text == "+Inf" { Some(f64::INFINITY) } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = r#"# HELP vllm:num_requests_running Number of requests
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m}1"} 3.0
vllm:num_requests_running{engine="1",model_name="m}1"} 4.0
vllm:num_requests_waiting{engine="0"} 0.0
vllm:kv_cache_usage_perc{engine="0"} 0.25
vllm:generation_tokens_total{engine="0"} 1e3
vllm:num_preemptions_total{engine="0"} 1
vllm:time_to_first_token_seconds_bucket{le="0.1",engine="0"} 10
vllm:time_to_first_token_seconds_bucket{le="0.2",engine="0"} 10
vllm:time_to_first_token_seconds_bucket{le="+Inf",engine="0"} 10
vllm:time_to_first_token_seconds_sum{engine="0"} 0.5
vllm:time_to_first_token_seconds_count{engine="0"} 10
broken{ 1
"#;
    const AFTER: &str = r#"
vllm:num_requests_running{engine="0"} 0
vllm:num_requests_waiting{engine="0"} 2
vllm:kv_cache_usage_perc{engine="0"} 0.5
vllm:generation_tokens_total{engine="0"} 3000
vllm:num_preemptions_total{engine="0"} 4
vllm:time_to_first_token_seconds_bucket{le="0.1",engine="0"} 60
vllm:time_to_first_token_seconds_bucket{le="0.2",engine="0"} 110
vllm:time_to_first_token_seconds_bucket{le="+Inf",engine="0"} 110
vllm:time_to_first_token_seconds_sum{engine="0"} 10.5
vllm:time_to_first_token_seconds_count{engine="0"} 110
"#;

    fn scrapes(texts: &[&str]) -> Scrapes {
        let mut scrapes = Scrapes::default();
        for (index, text) in texts.iter().enumerate() {
            scrapes.take(text, index as u64 * 1_000_000_000, 0, false);
        }
        scrapes
    }

    #[test]
    fn what_happened_in_between_is_the_difference() {
        let scrapes = scrapes(&[BEFORE, AFTER]);
        let summary = scrapes.summary().unwrap();
        assert_eq!((summary.kind.as_str(), summary.seconds), ("vllm", 1.0));
        assert_eq!((summary.running, summary.waiting), (vec![7.0, 0.0], vec![0.0, 2.0]));
        assert_eq!(summary.kv_cache_percent, [25.0, 50.0]);
        assert_eq!((summary.preemptions, summary.generation_tokens), (Some(3.0), Some(2000.0)));
        let ttft = summary.ttft_ms.unwrap();
        assert_eq!((ttft.count, ttft.mean), (100, Some(100.0)));
        assert!((ttft.p50.unwrap() - 100.0).abs() < 1e-9 && (ttft.p90.unwrap() - 180.0).abs() < 1e-9);
        assert_eq!(summary.queue_ms, None);
        assert_eq!(scrapes.tokens_within((0, 2_000_000_000)), Some(((0, 1_000_000_000), 2000.0)));
        assert!(scrapes.raw.contains("scraped 1.000 s") && scrapes.raw.contains("broken{ 1"));
    }

    #[test]
    fn other_servers_have_other_names() {
        let summary = scrapes(&[
            "sglang:num_running_reqs{a=\"b\"} 2\nsglang:num_queue_reqs 1\nsglang:token_usage 0.1\n",
        ])
        .summary()
        .unwrap();
        assert_eq!(
            (summary.kind.as_str(), summary.running, summary.waiting),
            ("sglang", vec![2.0], vec![1.0])
        );
        let rate = |tokens: u32, rate: f64| {
            format!("sglang:prompt_tokens_total {tokens}\nsglang:cache_hit_rate {rate}\n")
        };
        let summary = scrapes(&[&rate(1000, 0.0), &rate(3000, 0.5)]).summary().unwrap();
        assert_eq!((summary.prefix_cache_queries, summary.prefix_cache_hits), (Some(2000.0), Some(500.0)));
        let hits =
            |hits: u32| format!("vllm:prefix_cache_queries {}\nvllm:prefix_cache_hits {hits}\n", 2 * hits);
        let summary = scrapes(&[&hits(10), &hits(30)]).summary().unwrap();
        assert_eq!((summary.prefix_cache_queries, summary.prefix_cache_hits), (Some(40.0), Some(20.0)));
        let summary = scrapes(&["llamacpp:requests_processing 1\nllamacpp:tokens_predicted_total 5\n"])
            .summary()
            .unwrap();
        assert_eq!((summary.kind.as_str(), summary.generation_tokens), ("llama.cpp", Some(0.0)));
        assert_eq!(scrapes(&["python_gc_objects_collected_total 3\n"]).summary(), None);
        let tgi = "tgi_queue_size 3\ntgi_batch_current_size 5\ntgi_request_generated_tokens_sum 100\ntgi_request_success 4\n\
                   tgi_request_duration_bucket{le=\"1\"} 4\ntgi_request_duration_bucket{le=\"+Inf\"} 4\ntgi_request_duration_sum 2\n\
                   tgi_request_duration_count 4\n";
        let summary = scrapes(&["tgi_request_generated_tokens_sum 40\ntgi_request_success 1\n", tgi])
            .summary()
            .unwrap();
        assert_eq!((summary.kind.as_str(), summary.running[0], summary.waiting[0]), ("tgi", 5.0, 3.0));
        assert_eq!((summary.generation_tokens, summary.requests), (Some(60.0), Some(3.0)));
        assert_eq!(summary.e2e_ms.unwrap().mean, Some(500.0));
        let trt = "trtllm_num_requests_running{a=\"b\"} 2\ntrtllm_kv_cache_utilization 0.62\n";
        let summary = scrapes(&[trt]).summary().unwrap();
        assert_eq!((summary.kind.as_str(), summary.kv_cache_percent[0]), ("tensorrt-llm", 62.0));
    }

    #[test]
    fn drafts_and_the_room_of_the_cache_are_told() {
        let text = |drafted: u32, accepted: u32| {
            format!(
                "vllm:cache_config_info{{block_size=\"16\",cache_dtype=\"auto\",num_gpu_blocks=\"1000\"}} 1.0\n\
                 vllm:spec_decode_num_draft_tokens_total {drafted}\nvllm:spec_decode_num_accepted_tokens_total {accepted}\n\
                 vllm:request_success_total{{finished_reason=\"stop\"}} 3\nvllm:request_success_total{{finished_reason=\"length\"}} {accepted}\n"
            )
        };
        let summary = scrapes(&[&text(100, 50), &text(300, 200)]).summary().unwrap();
        assert_eq!((summary.kv_pool_tokens, summary.accepted_share()), (Some(16_000.0), Some(0.75)));
        assert_eq!(summary.requests, Some(150.0));
        let summary =
            scrapes(&["sglang:spec_accept_rate 0.6\nsglang:max_total_num_tokens 4096\n"]).summary().unwrap();
        assert_eq!((summary.kv_pool_tokens, summary.accepted_share()), (Some(4096.0), Some(0.6)));
        assert_eq!(label("num_gpu_blocks=\"7\",x=\"num_gpu_blocks=\"", "num_gpu_blocks"), Some(7.0));
    }
}
