//! Load tests of an OpenAI-compatible server, whose latencies are the server's and not the client's.
//!
//! What is measured, and by which formula, is in `docs/src/reference/metrics.md`. The rules that the code keeps:
//!
//! - Latency counts from when a request was *due*, so a client that falls behind does not flatter the server (coordinated
//!   omission); the uncorrected figure stands beside it.
//! - A time is that of the read from the socket that brought the bytes (`transport`), and nothing is parsed before it is
//!   noted. What is not timed, such as metrics and the list of models, goes another way (`ask`).
//! - Nothing is dropped: what gave no whole reply is counted by kind ([`Miss`]).
//! - The client watches itself (`observer`), and a run that it limited is not valid (`validity`).
//!
//! This crate alone opens network connections, and only to the server that it was told to measure. Nothing here prints.
#![warn(missing_docs)]

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use plumb_evidence::model::BenchResult;
use thiserror::Error;

mod arrivals;
mod ask;
mod calibrate;
mod clock;
mod decoded;
mod engine;
pub mod foreign;
mod gpu;
mod lengths;
mod nonce;
pub mod observe;
mod observer;
mod openai;
mod plan;
mod probe;
pub mod process;
mod prompts;
mod record;
mod recorder;
pub mod reference;
mod request;
mod said;
mod scrape;
mod series;
#[cfg(test)]
mod simulated;
mod sse;
mod summary;
mod sweep;
mod target;
mod transport;
mod validity;

pub use arrivals::{Arrivals, TraceEntry, parse_trace};
pub use ask::ready;
pub use calibrate::{Calibration, calibrate};
pub use decoded::Between;
pub use engine::{Control, Progress};
pub use lengths::Lengths;
pub use nonce::Nonce;
pub use openai::{Api, RequestForm, TokenLimit, UsageDetail};
pub use plan::{Amount, Load, MAX_OBJECTIVES, Metric, Objective, Plan, Precision, parse_objectives};
pub use prompts::{Prompts, parse_prompts};
pub use record::{Miss, Phase, Read, Record};
pub(crate) use scrape::{Ours, Scrape, scrape_once};
pub use sweep::{Sweep, Swept, sweep};
pub use target::{ApiKey, Header, Http, Target};

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
    let plan = &Plan { leader: plan.leader.or_else(|| plan.target.leader()), ..plan.clone() };
    let started = now_rfc3339();
    let nonce = plan.nonce.unwrap_or_else(Nonce::fresh);
    let probed = probe::probe(plan, nonce, control)?;
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
    let common_tokens = match plan.turns {
        1 => probed.maker.common_tokens(),
        turns => probed.maker.common_of_turns(turns, plan.output_tokens),
    };
    let outcome = engine::run(plan, probed.form.clone(), probed.maker, file, probed.connections, control);
    scraping.store(true, Ordering::Relaxed);
    let scrapes = scraper.and_then(|thread| thread.join().ok()).unwrap_or_default();
    let gpu = gpus.map(gpu::Sampler::finish).unwrap_or_default();
    let mut outcome = outcome?;
    let records = outcome.recorder.finish_file();
    let setting = summary::Setting { model: &probed.form.model, started: &started, nonce, common_tokens };
    let mut result = summary::summarise(plan, &setting, &outcome, &scrapes);
    result.gpu = gpu;
    summary::add_energy(&mut result);
    result.warnings.extend(result.held_up().map(|held| held.to_string()));
    if plan.ignore_eos && !probed.form.ignore_eos {
        result
            .warnings
            .push("the server refuses `ignore_eos`: replies end where the model ends them".to_owned());
    }
    result.warnings.extend(probed.note);
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
    if plan.turns == 0 || (plan.turns > 1 && matches!(plan.load, Load::Open { .. })) {
        return input(
            "conversations of several turns are for closed loops: a turn waits for the answer to the one before",
        );
    }
    if plan.turns > 1 && matches!(plan.prompts, Prompts::File { .. }) {
        return input("prompts of a file are single requests; leave out `--turns` or `--prompts`");
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

/// The time of now, as RFC 3339 writes it.
#[must_use]
pub fn now_rfc3339() -> String {
    time::OffsetDateTime::now_utc().format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}
