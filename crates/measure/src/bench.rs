//! Load tests of an OpenAI-compatible server, whose latencies are the server's and not the client's.
//!
//! What is measured, and by which formula, is in `docs/src/reference/metrics.md`. The rules that the code keeps:
//!
//! - Latency counts from when a request was *due*, so a client that falls behind does not flatter the server (coordinated
//!   omission); the uncorrected figure stands beside it.
//! - A time is that of the read from the socket that brought the bytes (`transport`), and nothing is parsed before it is
//!   noted.
//! - Nothing is dropped: what gave no whole reply is counted by kind ([`Miss`]).
//! - The client watches itself (`observer`), and a run that it limited is not valid (`validity`).

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use plumb_evidence::model::BenchResult;
use thiserror::Error;

mod arrivals;
mod calibrate;
mod clock;
mod engine;
mod gpu;
mod nonce;
mod observer;
mod openai;
mod plan;
mod prompts;
mod record;
mod recorder;
pub mod reference;
mod request;
mod said;
mod scrape;
mod sse;
mod summary;
mod sweep;
mod target;
mod transport;
mod validity;

pub use arrivals::{Arrivals, TraceEntry, parse_trace};
pub use calibrate::{Calibration, calibrate};
pub use engine::{Control, Progress};
pub use nonce::Nonce;
pub use openai::{Api, RequestForm, UsageDetail};
pub use plan::{Amount, Load, MAX_OBJECTIVES, Metric, Objective, Plan, Precision, parse_objectives};
pub use prompts::{Prompts, parse_prompts};
pub use record::{Miss, Phase, Read, Record};
pub use sweep::{Sweep, Swept, sweep};
pub use target::{ApiKey, Http, Target};

use prompts::PromptMaker;
use request::{Job, Requester};

/// Why there is no measurement.
#[derive(Debug, Error)]
pub enum BenchError {
    /// An argument that makes no sense.
    #[error("{0}")]
    Input(String),
    /// A file that cannot be read.
    #[error("cannot read `{path}`")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A host that no name server knows.
    #[error("cannot find the host `{host}`")]
    Resolve {
        /// The host.
        host: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A server that does not answer at all.
    #[error("`{url}` cannot be reached ({}); start the server, or check address and port", .miss.as_str())]
    Unreachable {
        /// The server.
        url: String,
        /// How it failed.
        miss: Miss,
    },
    /// A server that does not do what the measurement needs.
    #[error("`{url}` does not serve this: {why}")]
    Unsuitable {
        /// The server.
        url: String,
        /// What it answered.
        why: String,
    },
    /// The system lends no thread or memory.
    #[error("cannot start a thread of the measurement")]
    Thread(#[source] io::Error),
}

/// A measurement, with what it rests on.
#[derive(Debug)]
pub struct Measured {
    /// The result.
    pub result: BenchResult,
    /// The raw records, one JSON object per line, where the plan asked for them; positioned at its end.
    pub records: Option<File>,
    /// What the server said of itself, verbatim; empty where it said nothing.
    pub metrics_text: String,
}

/// Measures.
///
/// # Errors
/// Says why nothing was measured; a server that fails while being measured is a result.
pub fn run(plan: &Plan, control: &Control) -> Result<Measured, BenchError> {
    check(plan)?;
    let started = now_rfc3339();
    let nonce = plan.nonce.unwrap_or_else(Nonce::fresh);
    let probed = probe(plan, nonce)?;
    let file = if plan.keep_records { Some(tempfile::tempfile().map_err(BenchError::Thread)?) } else { None };
    let scraping = Arc::new(AtomicBool::new(false));
    let scraper = (plan.scrape_every > 0.0)
        .then(|| {
            let (target, every, stop) = (plan.target.clone(), plan.scrape_every, Arc::clone(&scraping));
            let origin = clock::now();
            std::thread::Builder::new()
                .name("scrape".to_owned())
                .spawn(move || scrape::scrape_until(&target, every, origin, &stop))
                .map_err(BenchError::Thread)
        })
        .transpose()?;
    let gpus = gpu::Sampler::start(&plan.target);
    let common_tokens = probed.maker.common_tokens();
    let outcome = engine::run(plan, probed.form.clone(), probed.maker, file, probed.connections, control);
    scraping.store(true, Ordering::Relaxed);
    let scrapes = scraper.and_then(|thread| thread.join().ok()).unwrap_or_default();
    let gpu = gpus.map(gpu::Sampler::finish).unwrap_or_default();
    let mut outcome = outcome?;
    let records = outcome.recorder.finish_file();
    let setting = summary::Setting { model: &probed.form.model, started: &started, nonce, common_tokens };
    let mut result = summary::summarise(plan, &setting, &outcome, &scrapes);
    result.gpu = gpu;
    if plan.ignore_eos && !probed.form.ignore_eos {
        result
            .warnings
            .push("the server refuses `ignore_eos`: replies end where the model ends them".to_owned());
    }
    result.warnings.extend(outcome.recorder.file_error.clone());
    result.warnings.extend(
        scrapes
            .failure
            .filter(|_| scrapes.scrapes.is_empty())
            .map(|why| format!("the server says nothing of itself: {why}")),
    );
    Ok(Measured { result, records, metrics_text: scrapes.raw })
}

fn check(plan: &Plan) -> Result<(), BenchError> {
    let input = |why: &str| Err(BenchError::Input(why.to_owned()));
    if matches!(plan.load, Load::Closed { concurrency: 0 }) {
        return input("a closed loop needs at least one stream; give `--concurrency 1` or more");
    }
    if let Load::Open { arrivals } = &plan.load {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let fine = match arrivals {
            Arrivals::Constant { rate } | Arrivals::Poisson { rate } => positive(*rate),
            Arrivals::Gamma { rate, shape } => positive(*rate) && positive(*shape),
            Arrivals::Burst { size, every } => *size > 0 && positive(*every),
            Arrivals::Ramp { from, to, over } => {
                from.is_finite() && *from >= 0.0 && positive(*to) && positive(*over)
            }
            Arrivals::Trace { times } => !times.is_empty(),
        };
        if !fine {
            return input("rates, shapes, sizes and times of a load have to be greater than zero");
        }
    }
    if plan.output_tokens == 0 {
        return input("a reply needs at least one token; give `--output-tokens 1` or more");
    }
    if let Amount::Seconds(seconds) = plan.extent
        && !(seconds.is_finite() && seconds > 0.0)
    {
        return input("the time to measure has to be greater than zero");
    }
    let allowed = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0));
    if let Some(cpu) =
        plan.cpus.iter().find(|cpu| !allowed.is_ok_and(|set| set.is_set(**cpu).unwrap_or(false)))
    {
        return Err(BenchError::Input(format!("CPU {cpu} is not among those that this process may use")));
    }
    if matches!(plan.extent, Amount::Requests(0)) {
        return input("measure at least one request");
    }
    Ok(())
}

/// What is learned about the server before the run.
struct Probed {
    form: RequestForm,
    maker: PromptMaker,
    /// Connections that the load will use at once, as far as one can tell.
    connections: usize,
}

/// Asks for the model, tries which options the server takes, and how many tokens it makes of our words.
fn probe(plan: &Plan, nonce: Nonce) -> Result<Probed, BenchError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(BenchError::Thread)?;
    runtime.block_on(async {
        let url = plan.target.url();
        let unreachable = |miss| BenchError::Unreachable { url: url.clone(), miss };
        let unsuitable = |why: String| BenchError::Unsuitable { url: url.clone(), why };
        let model = match &plan.model {
            Some(model) => model.clone(),
            None => {
                let (status, body) = request::get(&plan.target, "/v1/models").await.map_err(unreachable)?;
                first_model(status, &body).map_err(unsuitable)?
            }
        };
        let form = RequestForm {
            api: plan.api,
            model,
            usage: UsageDetail::Continuous,
            ignore_eos: plan.ignore_eos,
            temperature: plan.temperature,
        };
        let mut maker = PromptMaker::new(plan.prompts.clone(), nonce);
        let target = Arc::new(plan.target.clone());
        let requester = Requester::new(&target, plan.api.path(), plan.timeout)?;
        let (form, record) = find_form(plan, form, &maker, &requester).await?;
        // A prompt of one word tells what the server adds to each.
        if record.prompt_tokens.is_some() {
            let body = form.body(PromptMaker::one_word(), 1).into();
            let one = requester.perform(Job { index: 0, phase: Phase::Warmup, due: 0, body }).await;
            match (maker.wanted_words(), record.prompt_tokens, one.prompt_tokens) {
                (Some(words), Some(counted), Some(of_one)) => maker.correct(words, counted, of_one),
                (None, _, Some(of_one)) => maker.learn_added(of_one),
                _ => {}
            }
        }
        let seconds = record
            .ttft_from_send()
            .map(|ttft| (ttft as f64 + record.tpot().unwrap_or(0.0) * f64::from(plan.output_tokens)) / 1e9);
        let connections = match &plan.load {
            Load::Closed { concurrency } => *concurrency as usize,
            // Little's law, with room for what comes in clumps.
            Load::Open { arrivals } => {
                let wanted = arrivals.rate().unwrap_or(1.0) * seconds.unwrap_or(1.0) * 1.3 + 4.0;
                let wanted = if let Arrivals::Burst { size, .. } = arrivals {
                    wanted.max(f64::from(*size))
                } else {
                    wanted
                };
                (wanted as usize).min(plan.max_in_flight).min(1024)
            }
        };
        Ok(Probed { form, maker, connections })
    })
}

/// The form with the most options that the server takes, and the request that it took. Where none works and the fault is the
/// server's, the first form: that requests fail is a result.
async fn find_form(
    plan: &Plan,
    wanted: RequestForm,
    maker: &PromptMaker,
    requester: &Requester,
) -> Result<(RequestForm, Record), BenchError> {
    let url = plan.target.url();
    let unsuitable = |why: String, record: &Record| {
        let said = record.said.as_ref().map_or_else(String::new, |said| format!(": {said}"));
        BenchError::Unsuitable { url: url.clone(), why: format!("{why}{said}") }
    };
    let mut form = wanted.clone();
    let mut tried_again = false;
    loop {
        requester.listen();
        // A number that no measured prompt has, so that none finds its prompt in a cache.
        let body = form.body(&maker.make(u64::MAX - 1, None), plan.output_tokens.min(8)).into();
        let record = requester.perform(Job { index: 0, phase: Phase::Warmup, due: 0, body }).await;
        match (record.miss, record.status) {
            (Some(Miss::Http4xx), 401 | 403) => {
                return Err(unsuitable(format!("status {}; give the API key", record.status), &record));
            }
            (Some(Miss::Http4xx), 404) => {
                let why = format!("it has no `{}`, or no model `{}`", plan.api.path(), form.model);
                return Err(unsuitable(why, &record));
            }
            (Some(miss @ (Miss::ConnectRefused | Miss::ConnectFailed | Miss::Tls)), _) => {
                return Err(BenchError::Unreachable { url, miss });
            }
            (Some(Miss::Http4xx), _) => {}
            // Some servers fail over an option that they do not know. What fails for another reason may work when it is
            // tried again.
            (
                Some(Miss::Http5xx | Miss::StreamError | Miss::Malformed | Miss::Truncated | Miss::Empty),
                _,
            ) => {
                if !std::mem::replace(&mut tried_again, true) {
                    continue;
                }
            }
            _ => return Ok((form, record)),
        }
        tried_again = false;
        match less(&form) {
            Some(next) => form = next,
            None if record.miss == Some(Miss::Http4xx) => {
                let why = format!("status {} to every form of request", record.status);
                return Err(unsuitable(why, &record));
            }
            None => return Ok((wanted, record)),
        }
    }
}

/// The form with fewer options to try after `form`.
fn less(form: &RequestForm) -> Option<RequestForm> {
    let usage = match form.usage {
        UsageDetail::Continuous => UsageDetail::Final,
        UsageDetail::Final => UsageDetail::None,
        UsageDetail::None if form.ignore_eos => {
            return Some(RequestForm { ignore_eos: false, usage: UsageDetail::Continuous, ..form.clone() });
        }
        UsageDetail::None => return None,
    };
    Some(RequestForm { usage, ..form.clone() })
}

fn first_model(status: u16, body: &[u8]) -> Result<String, String> {
    if matches!(status, 401 | 403) {
        return Err(format!("status {status} for its list of models; give the API key"));
    }
    let list: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    match list["data"][0]["id"].as_str() {
        Some(id) if status == 200 => Ok(id.to_owned()),
        _ if status >= 500 => {
            let said = said::said(body, None).map_or_else(String::new, |said| format!(" ({said})"));
            Err(format!("status {status} for its list of models{said}; wait until the server is ready"))
        }
        _ => Err(format!(
            "status {status} and no list of models at `/v1/models`; name the model with `--model`"
        )),
    }
}

/// True if the server answers `path` with status 200 within `limit`.
pub(crate) fn is_answering(target: &Target, path: &str, limit: std::time::Duration) -> bool {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return false;
    };
    runtime.block_on(async {
        let answer = tokio::time::timeout(limit, request::get(target, path)).await;
        matches!(answer, Ok(Ok((200, _))))
    })
}

pub(crate) fn now_rfc3339() -> String {
    time::OffsetDateTime::now_utc().format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}
