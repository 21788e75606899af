//! Watches a server and its node without sending a request: where load tests are forbidden, what happens anyway has to tell.
//!
//! At every look (once a minute) the kernel's counters, the GPUs and the server's own `/metrics` are read; what is kept is the
//! difference to the look before. Latencies are those of the server's histograms, so a share of requests within a limit is known
//! as far as the buckets around it tell, and never better.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use plumb_evidence::model::{Attained, Moment, OBSERVE_SCHEMA, ObserveCost, ObserveResult, ObservedPart};
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::bench::{Control, Metric, Objective, Ours, Scrape, Target};

mod node;
mod tell;

use node::{Look, Sampler};

/// Moments that are kept; of more, two become one.
const MOST_MOMENTS: usize = 1500;
/// Parts that are kept: a month of hours.
const MOST_PARTS: usize = 744;
/// Share of a CPU that it may take.
pub const MOST_COST: f64 = 0.002;

/// What is to be watched.
#[derive(Clone, Debug)]
pub struct ObservePlan {
    /// The server; `None` for the node alone.
    pub target: Option<Target>,
    /// Its first process; `None` to look for it by the address.
    pub pid: Option<i32>,
    /// Time from look to look.
    pub every: Duration,
    /// Time of all.
    pub length: Duration,
    /// Limits that requests are held against: of `ttft`, `itl` and `e2e`.
    pub limits: Vec<Objective>,
    /// Where `/proc` and `/sys` are.
    pub root: PathBuf,
}

/// Why there is no observation.
#[derive(Debug, Error)]
pub enum ObserveError {
    /// An argument that makes no sense.
    #[error("{0}")]
    Input(String),
    /// The system lends no event loop.
    #[error("cannot start the event loop of the observation")]
    Loop(#[source] std::io::Error),
}

/// Watches until the time is over or `control` says so. After each part, `keep` gets the result as it stands.
///
/// # Errors
/// Says why nothing was watched.
pub fn observe(
    plan: &ObservePlan,
    control: &Control,
    tell: &mut dyn FnMut(&Moment),
    keep: &mut dyn FnMut(&ObserveResult),
) -> Result<ObserveResult, ObserveError> {
    if plan.every.is_zero() || plan.length < plan.every {
        return Err(ObserveError::Input(
            "the time between looks has to be above zero and no longer than all of it".to_owned(),
        ));
    }
    if let Some(limit) = plan.limits.iter().find(|limit| ours(limit.metric).is_none()) {
        let name = limit.metric.as_str();
        return Err(ObserveError::Input(format!(
            "servers have no histogram of `{name}`; give limits of ttft, itl and e2e"
        )));
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ObserveError::Loop)?;
    let started = OffsetDateTime::now_utc();
    let pid = plan.pid.or_else(|| plan.target.as_ref().and_then(Target::leader));
    let mut watch = Watch::new(plan, pid, started);
    let began = Instant::now();
    let cost_before = node::own_cpu();
    let mut sampler = Sampler::new(plan.root.clone());
    let mut before = watch.look(&runtime, &mut sampler, pid);
    let mut next = began + plan.every;
    let mut kept_parts = 0;
    while began.elapsed() < plan.length {
        while Instant::now() < next && !control.is_stopped() {
            std::thread::sleep((next - Instant::now()).min(Duration::from_millis(200)));
        }
        let after = watch.look(&runtime, &mut sampler, pid);
        next += plan.every;
        watch.take(&before, &after);
        before = after;
        let cpu_s = node::own_cpu() - cost_before;
        watch.result.cost = ObserveCost { cpu_s, share: cpu_s / began.elapsed().as_secs_f64().max(1e-9) };
        // What costs most is left out more often, so that all of it stays within its share.
        sampler.spare(watch.result.cost.share > MOST_COST);
        if let Some(moment) = watch.result.moments.last() {
            tell(moment);
        }
        if control.is_stopped() {
            watch.result.interrupted = began.elapsed() < plan.length;
            break;
        }
        if watch.whole_parts() > kept_parts {
            kept_parts = watch.whole_parts();
            keep(&watch.concluded());
        }
    }
    Ok(watch.concluded())
}

/// The metric of a limit in the names of servers.
fn ours(metric: Metric) -> Option<Ours> {
    match metric {
        Metric::Ttft => Some(Ours::Ttft),
        Metric::Itl => Some(Ours::Itl),
        Metric::E2e => Some(Ours::E2e),
        Metric::Tpot | Metric::Stall => None,
    }
}

#[derive(Clone)]
struct Watch<'a> {
    plan: &'a ObservePlan,
    began: OffsetDateTime,
    first: Option<f64>,
    result: ObserveResult,
    /// What ended in each part, and in all: requests, and growth of histograms by limit.
    parts: Vec<Ended>,
    all: Ended,
    /// Moments of the part at hand.
    open: Vec<Moment>,
}

/// What ended over a time.
#[derive(Clone, Debug, Default)]
struct Ended {
    requests: Option<f64>,
    /// For each limit: all, within the bucket below it, and within the bucket above it.
    within: Vec<[f64; 3]>,
}

impl Ended {
    fn add(&mut self, other: &Self) {
        if let Some(requests) = other.requests {
            *self.requests.get_or_insert(0.0) += requests;
        }
        self.within.resize(other.within.len(), [0.0; 3]);
        for (own, more) in self.within.iter_mut().zip(&other.within) {
            own.iter_mut().zip(more).for_each(|(own, more)| *own += more);
        }
    }

    fn attained(&self, limits: &[Objective]) -> Vec<Attained> {
        let mut all: Vec<Attained> = limits
            .iter()
            .zip(&self.within)
            .filter(|(_, [count, ..])| *count > 0.0)
            .map(|(limit, [count, least, most])| Attained {
                metric: limit.metric.as_str().to_owned(),
                limit_ms: limit.limit_ms,
                wanted: limit.percentile,
                count: *count,
                least: (least / count).clamp(0.0, 1.0),
                most: (most / count).clamp(0.0, 1.0),
            })
            .collect();
        // Within every limit are no more than within the strictest, and no fewer than if no request missed two of them. Tokens are
        // no requests.
        let of_requests: Vec<&Attained> =
            all.iter().filter(|one| one.metric != Metric::Itl.as_str()).collect();
        if of_requests.len() > 1 && of_requests.len() == limits.len() {
            let missed: f64 = of_requests.iter().map(|one| 1.0 - one.least).sum();
            let joint = Attained {
                metric: "all".to_owned(),
                limit_ms: 0.0,
                wanted: of_requests.iter().map(|one| one.wanted).fold(0.0, f64::max),
                count: of_requests.iter().map(|one| one.count).fold(0.0, f64::max),
                least: (1.0 - missed).max(0.0),
                most: of_requests.iter().map(|one| one.most).fold(1.0, f64::min),
            };
            all.push(joint);
        }
        all
    }
}

impl<'a> Watch<'a> {
    fn new(plan: &'a ObservePlan, pid: Option<i32>, began: OffsetDateTime) -> Self {
        let length = plan.length.as_secs_f64();
        // An hour tells night from day; of less than four, there are four parts.
        let part_s = if length >= 4.0 * 3600.0 { 3600.0 } else { length / 4.0 };
        let mut result = ObserveResult {
            schema: OBSERVE_SCHEMA,
            started: began.format(&Rfc3339).unwrap_or_default(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            url: plan.target.as_ref().map(Target::url).unwrap_or_default(),
            pid,
            every_s: plan.every.as_secs_f64(),
            part_s: part_s.max(length / MOST_PARTS as f64),
            ..ObserveResult::default()
        };
        if plan.target.is_some() && pid.is_none() {
            result.warnings.push(
                "the server's processes cannot be seen from here: run delay, throttling and neighbours are those of the whole node, \
                 or not known; give `--pid`, or run it on the server's node"
                    .to_owned(),
            );
        }
        Self { plan, began, first: None, result, parts: Vec::new(), all: Ended::default(), open: Vec::new() }
    }

    fn look(&mut self, runtime: &tokio::runtime::Runtime, sampler: &mut Sampler, pid: Option<i32>) -> Look {
        let mut look = sampler.look(pid);
        if let Some(target) = &self.plan.target {
            match runtime.block_on(crate::bench::scrape_once(target)) {
                Ok(scrape) => {
                    if let (true, Some(kind)) = (self.result.kind.is_empty(), scrape.kind()) {
                        kind.clone_into(&mut self.result.kind);
                    }
                    look.scrape = Some(scrape);
                }
                Err(why) => {
                    let text = format!("the server says nothing of itself: {why}");
                    if !self.result.warnings.contains(&text) && self.result.warnings.len() < 8 {
                        self.result.warnings.push(text);
                    }
                }
            }
        }
        look
    }

    fn take(&mut self, before: &Look, after: &Look) {
        let first = *self.first.get_or_insert(before.at);
        let mut moment = after.since(before);
        moment.at = after.at - first;
        let ended = self.ended(before.scrape.as_ref(), after.scrape.as_ref(), &mut moment);
        self.result.seconds = moment.at;
        self.open.push(moment.clone());
        self.all.add(&ended);
        // A part ends with the first look at or after its end.
        let part = self.result.parts.len();
        if self.parts.len() <= part {
            self.parts.push(Ended::default());
        }
        if let Some(own) = self.parts.last_mut() {
            own.add(&ended);
        }
        if moment.at + 1e-6 >= (part + 1) as f64 * self.result.part_s {
            self.close_part();
        }
        self.result.moments.push(moment);
        if self.result.moments.len() > MOST_MOMENTS {
            let pairs: Vec<Moment> = self.result.moments.chunks(2).map(node::mean_of).collect();
            self.result.moments = pairs;
            self.result.every_s *= 2.0;
        }
    }

    fn close_part(&mut self) {
        let Some(last) = self.open.last() else { return };
        let from = self.open.first().map_or(0.0, |first| first.at - first.seconds);
        let ended = self.parts.last().cloned().unwrap_or_default();
        let start = self.began + time::Duration::seconds_f64(from);
        let mean = Moment { at: last.at, ..node::mean_of(&self.open) };
        self.result.parts.push(ObservedPart {
            from: start.format(&Rfc3339).unwrap_or_default(),
            mean,
            requests: ended.requests,
            attained: ended.attained(&self.plan.limits),
        });
        self.open.clear();
    }

    fn whole_parts(&self) -> usize {
        self.result.parts.len()
    }

    /// What the server's own counters say of the time between two looks.
    fn ended(&mut self, before: Option<&Scrape>, after: Option<&Scrape>, moment: &mut Moment) -> Ended {
        let Some(after) = after else { return Ended::default() };
        moment.running = after.value(Ours::Running);
        moment.waiting = after.value(Ours::Waiting);
        moment.kv_cache_percent = after.value(Ours::KvCache).map(|share| share * 100.0);
        let Some(before) = before else { return Ended::default() };
        // Counters that fell began anew, and then all of them did.
        let counters = [Ours::GenerationTokens, Ours::Requests, Ours::PromptTokens];
        let fell = counters.into_iter().any(|ours| {
            before.value(ours).zip(after.value(ours)).is_some_and(|(before, after)| after < before)
        });
        let nothing = Scrape::default();
        let before = if fell {
            self.result.restarts += 1;
            &nothing
        } else {
            before
        };
        let grown = |ours| Some(after.value(ours)? - before.value(ours).unwrap_or(0.0));
        let per_second = |count: Option<f64>| count.map(|count| count / moment.seconds.max(1e-9));
        let requests = grown(Ours::Requests).or_else(|| after.count_since(before, Ours::E2e));
        let mean = |ours| after.mean_since(before, ours).map(|seconds| seconds * 1e3);
        (moment.ttft_ms, moment.itl_ms, moment.e2e_ms) = (mean(Ours::Ttft), mean(Ours::Itl), mean(Ours::E2e));
        moment.requests_per_s = per_second(requests);
        moment.tokens_per_s = per_second(grown(Ours::GenerationTokens));
        let within = self.plan.limits.iter().map(|limit| {
            let buckets = ours(limit.metric).and_then(|ours| after.buckets_since(before, ours));
            buckets.map_or([0.0; 3], |buckets| bounds(&buckets, limit.limit_ms / 1e3))
        });
        Ended { requests, within: within.collect() }
    }

    fn concluded(&self) -> ObserveResult {
        let mut whole = self.clone();
        whole.close_part();
        let mut result = whole.result;
        result.attained = self.all.attained(&self.plan.limits);
        result.conclusions = tell::conclusions(&result);
        if result.cost.share > MOST_COST {
            result.warnings.push(format!(
                "it took {:.2} % of a CPU, more than the {} % that it may: look less often (`--every`)",
                result.cost.share * 100.0,
                MOST_COST * 100.0
            ));
        }
        result
    }
}

/// All of a histogram's growth, and the parts of it that are within `limit` at least and at most.
fn bounds(buckets: &[(f64, f64)], limit: f64) -> [f64; 3] {
    let all = buckets.last().map_or(0.0, |(_, count)| *count);
    // Limits are written in ms and buckets in s.
    let close = 1e-9 * limit.max(1.0);
    let least =
        buckets.iter().rev().find(|(bound, _)| *bound <= limit + close).map_or(0.0, |(_, count)| *count);
    let most = buckets.iter().find(|(bound, _)| *bound + close >= limit).map_or(all, |(_, count)| *count);
    [all, least, most]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_between_two_buckets_is_known_as_far_as_they_tell() {
        let buckets = [(0.1, 50.0), (0.5, 90.0), (1.0, 98.0), (f64::INFINITY, 100.0)];
        assert_eq!(bounds(&buckets, 0.5), [100.0, 90.0, 90.0]);
        assert_eq!(bounds(&buckets, 0.3), [100.0, 50.0, 90.0]);
        assert_eq!(bounds(&buckets, 0.05), [100.0, 0.0, 50.0]);
        // Beyond the last bucket that has an end, nothing tells.
        assert_eq!(bounds(&buckets, 5.0), [100.0, 98.0, 100.0]);
        assert_eq!(bounds(&[], 1.0), [0.0, 0.0, 0.0]);
    }

    fn limit(metric: Metric, limit_ms: f64) -> Objective {
        Objective { metric, percentile: 0.95, limit_ms }
    }

    #[test]
    fn all_limits_together_are_bounded_by_each() {
        let limits = [limit(Metric::Ttft, 500.0), limit(Metric::E2e, 5000.0)];
        let ended = Ended { requests: Some(100.0), within: vec![[100.0, 90.0, 95.0], [100.0, 80.0, 99.0]] };
        let attained = ended.attained(&limits);
        let all = attained.last().unwrap();
        assert_eq!(all.metric, "all");
        assert!((all.least - 0.7).abs() < 1e-9 && (all.most - 0.95).abs() < 1e-9, "{all:?}");
        // Tokens cannot be put together with requests, and nothing is said of what nobody sent.
        let limits = [limit(Metric::Ttft, 500.0), limit(Metric::Itl, 50.0)];
        let of = |within| Ended { requests: None, within }.attained(&limits);
        assert!(of(vec![[100.0, 90.0, 95.0], [900.0, 800.0, 890.0]]).iter().all(|one| one.metric != "all"));
        assert!(of(vec![[0.0; 3], [0.0; 3]]).is_empty());
    }

    fn plan(limits: Vec<Objective>) -> ObservePlan {
        ObservePlan {
            target: None,
            pid: None,
            every: Duration::from_secs(60),
            length: Duration::from_secs(8 * 3600),
            limits,
            root: PathBuf::from("/"),
        }
    }

    fn scrape(tokens: u32, requests: u32, fast: u32) -> Scrape {
        Scrape::read(&format!(
            "vllm:generation_tokens_total {tokens}\nvllm:request_success_total {requests}\nvllm:num_requests_running 3\n\
             vllm:time_to_first_token_seconds_bucket{{le=\"0.25\"}} {fast}\n\
             vllm:time_to_first_token_seconds_bucket{{le=\"1.0\"}} {requests}\n\
             vllm:time_to_first_token_seconds_bucket{{le=\"+Inf\"}} {requests}\n\
             vllm:time_to_first_token_seconds_sum {requests}\nvllm:time_to_first_token_seconds_count {requests}\n"
        ))
    }

    #[test]
    fn a_server_that_was_restarted_counts_from_zero_again() {
        let limits = vec![limit(Metric::Ttft, 500.0)];
        let plan = plan(limits);
        let mut watch = Watch::new(&plan, None, OffsetDateTime::UNIX_EPOCH);
        let look = |at: f64, scrape| Look { at, scrape: Some(scrape), ..Look::default() };
        let looks = [
            look(0.0, scrape(1000, 10, 10)),
            look(60.0, scrape(7000, 110, 90)),
            // Down and up again: 20 requests since.
            look(120.0, scrape(900, 20, 20)),
        ];
        for pair in looks.windows(2) {
            watch.take(&pair[0], &pair[1]);
        }
        let result = watch.concluded();
        assert_eq!((result.restarts, result.moments.len(), result.kind.as_str()), (1, 2, ""));
        let ttft = &result.attained[0];
        assert_eq!((ttft.count, ttft.least), (120.0, 100.0 / 120.0));
        assert_eq!(ttft.most, 1.0);
        assert_eq!(result.parts[0].requests, Some(120.0));
        assert_eq!((result.moments[0].tokens_per_s, result.moments[0].running), (Some(100.0), Some(3.0)));
    }

    #[test]
    fn an_observation_of_a_month_has_a_bounded_file() {
        let mut plan = plan(vec![limit(Metric::Ttft, 500.0)]);
        plan.length = Duration::from_secs(60 * 86_400);
        let mut watch = Watch::new(&plan, None, OffsetDateTime::UNIX_EPOCH);
        let look = |minute: u32| Look {
            at: f64::from(minute) * 60.0,
            scrape: Some(scrape(minute * 1000, minute * 10, minute * 9)),
            busy: f64::from(minute) * 60.0,
            ..Look::default()
        };
        for minute in 0..60 * 24 * 60 {
            watch.take(&look(minute), &look(minute + 1));
        }
        let result = watch.concluded();
        assert!(result.moments.len() <= MOST_MOMENTS && result.parts.len() <= MOST_PARTS + 1);
        let text = serde_json::to_vec(&result).unwrap();
        println!(
            "60 days: {} moments, {} parts, {} bytes",
            result.moments.len(),
            result.parts.len(),
            text.len()
        );
        assert!(text.len() < 2 << 20, "{}", text.len());
        let rates = result.moments.iter().filter_map(|moment| moment.requests_per_s);
        assert!(rates.clone().count() > 700 && rates.clone().all(|rate| (rate - 10.0 / 60.0).abs() < 1e-6));
    }
}
