//! Watches a server and its node without sending a request: where load tests are forbidden, what happens anyway has to tell.
//!
//! At every look (once a minute) the kernel's counters, the GPUs and the server's own `/metrics` are read; what is kept is the
//! difference to the look before. Latencies are those of the server's histograms, so a share of requests within a limit is known
//! as far as the buckets around it tell, and never better.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use plumb_evidence::model::{
    Attained, Bounds, Moment, OBSERVE_SCHEMA, ObserveCost, ObserveResult, ObservedPart,
};
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::ask::{Client, event_loop};
use crate::process::{is_alive, threads};
use crate::{BenchError, Control, Metric, Objective, Ours, Scrape, Target};

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
    /// Limits that requests are held against: of `ttft`, `tpot`, `itl` and `e2e`.
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
    /// The server cannot be asked.
    #[error(transparent)]
    Ask(#[from] BenchError),
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
            "servers have no histogram of `{name}`; give limits of ttft, tpot, itl and e2e"
        )));
    }
    let runtime = event_loop().map_err(ObserveError::Loop)?;
    let server = plan.target.as_ref().map(Client::new).transpose()?.map(|client| (runtime, client));
    let started = OffsetDateTime::now_utc();
    let leader = || plan.target.as_ref().and_then(Target::leader);
    let first_thread =
        |pid: Option<i32>| pid.and_then(|pid| threads(&[pid]).into_iter().find(|task| task.tid == pid));
    let mut pid = plan.pid.or_else(leader);
    let mut server_task = first_thread(pid);
    let mut watch = Watch::new(plan, pid, started);
    let began = Instant::now();
    let cost_before = node::own_cpu();
    let mut sampler = Sampler::new(plan.root.clone());
    let mut before = watch.look(server.as_ref(), &mut sampler, pid);
    let mut next = began + plan.every;
    let mut kept_parts = 0;
    while began.elapsed() < plan.length {
        while Instant::now() < next && !control.is_stopped() {
            std::thread::sleep((next - Instant::now()).min(Duration::from_millis(200)));
        }
        // A server may start later than the observation, or anew.
        if plan.pid.is_none() && !server_task.is_some_and(is_alive) {
            pid = leader();
            server_task = first_thread(pid);
            watch.found(pid);
        }
        let after = watch.look(server.as_ref(), &mut sampler, pid);
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

/// Histograms that servers have, by the names of limits.
const HISTOGRAMS: [(Metric, Ours); 4] = [
    (Metric::Ttft, Ours::Ttft),
    (Metric::Tpot, Ours::Tpot),
    (Metric::Itl, Ours::Itl),
    (Metric::E2e, Ours::E2e),
];

/// The metric of a limit in the names of servers.
fn ours(metric: Metric) -> Option<Ours> {
    HISTOGRAMS.iter().find(|(own, _)| *own == metric).map(|(_, ours)| *ours)
}

#[derive(Clone)]
struct Watch<'a> {
    plan: &'a ObservePlan,
    began: OffsetDateTime,
    first: Option<f64>,
    result: ObserveResult,
    /// What ended in each part, and in all.
    parts: Vec<Ended>,
    all: Ended,
    /// Moments of the part at hand.
    open: Vec<Moment>,
    /// True once the server told something of itself; why it did not at other times.
    answered: bool,
    unanswered: Vec<String>,
}

/// Edges of histograms in ms, or counts in them, by metric.
type Histograms = BTreeMap<String, Vec<f64>>;

/// What ended over a time.
#[derive(Clone, Debug, Default)]
struct Ended {
    requests: Option<f64>,
    prompt_tokens: Option<f64>,
    output_tokens: Option<f64>,
    /// Up to each bound of [`ObserveResult::buckets`], and last all.
    counts: Histograms,
}

impl Ended {
    fn add(&mut self, other: &Self) {
        let more = [
            (&mut self.requests, other.requests),
            (&mut self.prompt_tokens, other.prompt_tokens),
            (&mut self.output_tokens, other.output_tokens),
        ];
        for (own, more) in more {
            *own = more.map(|more| own.unwrap_or(0.0) + more).or(*own);
        }
        for (metric, more) in &other.counts {
            let own = self.counts.entry(metric.clone()).or_default();
            own.resize(more.len(), 0.0);
            own.iter_mut().zip(more).for_each(|(own, more)| *own += more);
        }
    }

    fn attained(&self, limits: &[Objective], edges: &Histograms) -> Vec<Attained> {
        let within = |limit: &Objective| {
            let name = limit.metric.as_str();
            Bounds::within(edges.get(name)?, self.counts.get(name)?, limit.limit_ms)
        };
        let row = |metric: &str, limit_ms: f64, wanted: f64, own: Bounds| Attained {
            metric: metric.to_owned(),
            limit_ms,
            wanted,
            count: own.count,
            least: own.least,
            most: own.most,
        };
        let told: Vec<(&Objective, Bounds)> =
            limits.iter().filter_map(|limit| Some((limit, within(limit)?))).collect();
        let mut all: Vec<Attained> = told
            .iter()
            .map(|(limit, own)| row(limit.metric.as_str(), limit.limit_ms, limit.percentile, *own))
            .collect();
        // Tokens are no requests.
        let of_requests: Vec<Bounds> =
            told.iter().filter(|(limit, _)| limit.metric != Metric::Itl).map(|(_, own)| *own).collect();
        if of_requests.len() > 1 && of_requests.len() == limits.len() {
            let wanted = limits.iter().map(|limit| limit.percentile).fold(0.0, f64::max);
            all.extend(Bounds::joint(&of_requests).map(|own| row("all", 0.0, wanted, own)));
        }
        all
    }
}

/// So many reasons for silence are kept.
const MOST_REASONS: usize = 8;

/// What is said where no process of the server is found.
const UNSEEN: &str = "the server's processes cannot be seen from here: run delay, throttling and neighbours are those of the whole node, or not \
     known; give `--pid`, or run it on the server's node";

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
            result.warnings.push(UNSEEN.to_owned());
        }
        Self {
            plan,
            began,
            first: None,
            result,
            parts: Vec::new(),
            all: Ended::default(),
            open: Vec::new(),
            answered: false,
            unanswered: Vec::new(),
        }
    }

    /// Takes over the server's process where there is one now.
    fn found(&mut self, pid: Option<i32>) {
        if pid.is_some() {
            self.result.pid = pid;
            self.result.warnings.retain(|own| own != UNSEEN);
        }
    }

    fn look(
        &mut self,
        server: Option<&(tokio::runtime::Runtime, Client)>,
        sampler: &mut Sampler,
        pid: Option<i32>,
    ) -> Look {
        let mut look = sampler.look(pid);
        if let Some((runtime, client)) = server {
            match runtime.block_on(crate::scrape_once(client)) {
                Ok(scrape) => {
                    self.answered = true;
                    if let (true, Some(kind)) = (self.result.kind.is_empty(), scrape.kind()) {
                        kind.clone_into(&mut self.result.kind);
                    }
                    look.scrape = Some(scrape);
                }
                Err(why) => {
                    let text = why.to_string();
                    if !self.unanswered.contains(&text) && self.unanswered.len() < MOST_REASONS {
                        self.unanswered.push(text);
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
            prompt_tokens: ended.prompt_tokens,
            output_tokens: ended.output_tokens,
            attained: ended.attained(&self.plan.limits, &self.result.buckets),
            counts: ended.counts,
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
        let (prompt_tokens, output_tokens) = (grown(Ours::PromptTokens), grown(Ours::GenerationTokens));
        let counts = self.counts(before, after);
        Ended { requests, prompt_tokens, output_tokens, counts }
    }

    /// Growth of the server's histograms; what a histogram with other bounds counts is left out.
    fn counts(&mut self, before: &Scrape, after: &Scrape) -> Histograms {
        let mut counts = Histograms::new();
        for (metric, ours) in HISTOGRAMS {
            let Some(buckets) = after.buckets_since(before, ours) else { continue };
            let finite = buckets.iter().filter(|(edge, _)| edge.is_finite());
            let edges: Vec<f64> = finite.clone().map(|(edge, _)| edge * 1e3).collect();
            let own: Vec<f64> = finite.chain(buckets.last()).map(|(_, count)| *count).collect();
            let name = metric.as_str();
            match self.result.buckets.get(name) {
                Some(known) if *known != edges => {
                    let text = format!(
                        "the server's histogram of {name} has other bounds than at first: what it counts since is left out"
                    );
                    if !self.result.warnings.contains(&text) {
                        self.result.warnings.push(text);
                    }
                }
                Some(_) => {
                    counts.insert(name.to_owned(), own);
                }
                None => {
                    self.result.buckets.insert(name.to_owned(), edges);
                    counts.insert(name.to_owned(), own);
                }
            }
        }
        counts
    }

    fn concluded(&self) -> ObserveResult {
        let mut whole = self.clone();
        whole.close_part();
        let mut result = whole.result;
        // One that answered at other times did say something of itself.
        let silent = if self.answered {
            "the server did not always answer when it was asked for its metrics"
        } else {
            "the server says nothing of itself"
        };
        result.warnings.extend(self.unanswered.iter().map(|why| format!("{silent}: {why}")));
        result.attained = self.all.attained(&self.plan.limits, &result.buckets);
        result.signs = tell::signs(&result);
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

#[cfg(test)]
mod tests;
