//! `plumb bench`

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use plumb_bench::reference::{Behaviour, Server, steady};
use plumb_bench::{
    Amount, Api, ApiKey, Arrivals, BenchError, Control, Header, Http, Lengths, Load, Measured, Plan,
    Precision, Prompts, Sweep, Swept, Target, calibrate, parse_objectives, parse_prompts, parse_trace,
    run as measure, sweep,
};

use crate::analyse::set;
use crate::cli::{
    ApiChoice, ArrivalChoice, BenchArgs, BenchCommand, BenchOutput, ClientArgs, Format, HttpChoice, LoadArgs,
};
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::into::{Files, Receiver, by_time};
use crate::outputs::{check_file, write_file};

mod live;
mod text;

/// Bytes of raw records that go into a bundle: a file of one may have 64 MiB.
const MAX_BUNDLED: usize = 48 << 20;

pub(crate) fn run(args: &BenchArgs, console: &Console) -> anyhow::Result<Outcome> {
    let (control, _signals) = super::until_signal("will leave no result", console);
    if let Some(command) = &args.command {
        return run_calibration(command, console, &control);
    }
    let plan = plan(args, console)?;
    let receiver = args.output.into.as_deref().map(Receiver::open).transpose()?;
    if let Some(path) = &args.output.records {
        check_file(path, args.output.force)?;
    }
    if args.goal.sweep {
        return run_sweep(args, plan, receiver.as_ref(), console, &control);
    }
    let view = live::View::start(&control, console);
    let measured = measure(&plan, &control);
    drop(view);
    let Measured { mut result, mut records, metrics_text } = measured?;
    let recorded = keep_records(&args.output, records.as_mut(), console);
    let receiver = receiver.filter(|receiver| is_worth_adding(result.requests, receiver, console));
    let added = receiver.as_ref().map_or(Ok(()), |receiver| {
        let (supplements, note) = supplements(records.as_mut(), metrics_text)?;
        result.warnings.extend(note);
        let name = by_time("bench", &result.started);
        let files = |stem: &str| {
            result.path = format!("{stem}.json");
            Ok(supplements.files(stem, serde_json::to_vec_pretty(&result)?))
        };
        receiver.add(name, files, console)
    });
    let text = match args.output.format {
        Format::Text => text::result(&result),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&result)?),
    };
    // Printed even where it could not be written or added: it may be all that there is of the result.
    let printed = console.result(&text);
    added.and(recorded).and(printed)?;
    Ok(outcome(result.valid, result.interrupted))
}

/// False, and said, for a result without a measured request: in a bundle it would read as a test of the server.
fn is_worth_adding(requests: u64, receiver: &Receiver, console: &Console) -> bool {
    if requests == 0 {
        receiver.leave(console);
    }
    requests > 0
}

fn outcome(valid: bool, interrupted: bool) -> Outcome {
    match (interrupted, valid) {
        (true, _) => Outcome::Interrupted,
        (false, true) => Outcome::Done,
        (false, false) => Outcome::Incomplete,
    }
}

fn run_sweep(
    args: &BenchArgs,
    plan: Plan,
    receiver: Option<&Receiver>,
    console: &Console,
    control: &Control,
) -> anyhow::Result<Outcome> {
    let mut search = Sweep::new(plan);
    search.max_rate = args.goal.max_rate;
    search.tolerance = args.goal.tolerance;
    if let Some(seconds) = search.longest() {
        console.note(&format!(
            "a sweep of at most {} runs, and {} that confirm what it finds, {:.0} s",
            search.max_runs, search.max_confirmations, seconds
        ));
    }
    let view = live::View::start(control, console);
    let result = sweep(&search, control, &mut |level| console.note(&text::level(level)));
    drop(view);
    let Swept { mut result, mut records, metrics_text } = result?;
    let recorded = keep_records(&args.output, records.as_mut(), console);
    let requests = result.levels.iter().map(|level| level.result.requests).sum();
    let receiver = receiver.filter(|receiver| is_worth_adding(requests, receiver, console));
    let added = receiver.map_or(Ok(()), |receiver| {
        let (supplements, note) = supplements(records.as_mut(), metrics_text)?;
        result.warnings.extend(note);
        let name = by_time("sweep", &result.started);
        let files = |stem: &str| {
            result.path = format!("{stem}.json");
            Ok(supplements.files(stem, serde_json::to_vec_pretty(&result)?))
        };
        receiver.add(name, files, console)
    });
    let text = match args.output.format {
        Format::Text => text::sweep(&result),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&result)?),
    };
    let printed = console.result(&text);
    added.and(recorded).and(printed)?;
    Ok(outcome(result.valid, result.interrupted))
}

fn run_calibration(command: &BenchCommand, console: &Console, control: &Control) -> anyhow::Result<Outcome> {
    let BenchCommand::Calibrate { load, output_tokens, true_ttft, true_itl, client, format } = command;
    let ns = |ms: f64| (ms.max(0.0) * 1e6) as u64;
    let behaviour = Behaviour {
        ttft: ns(*true_ttft),
        itl: ns(*true_itl),
        tokens: *output_tokens,
        ..Behaviour::default()
    };
    let program = std::env::current_exe().context("cannot find the running program")?;
    let placeholder = Target::new("http://127.0.0.1", Http::One, None, None)?;
    let mut plan = load_plan(load, client, placeholder)?;
    plan.output_tokens = *output_tokens;
    let view = live::View::start(control, console);
    let calibration =
        calibrate(&program, &["reference-server"], &behaviour, |target| Plan { target, ..plan }, control);
    drop(view);
    let calibration = calibration?;
    match format {
        Format::Text => console.result(&text::calibration(&calibration))?,
        Format::Json => console.result(&format!("{}\n", serde_json::to_string_pretty(&calibration)?))?,
    }
    Ok(outcome(calibration.result.valid, calibration.result.interrupted))
}

/// Serves until its standard input ends; at an address that was given, until it is ended.
pub(crate) fn reference_server(
    behaviour: &str,
    listen: Option<SocketAddr>,
    console: &Console,
) -> anyhow::Result<Outcome> {
    let behaviour: Behaviour =
        serde_json::from_str(behaviour).context(UsageError("the behaviour is not of its form".to_owned()))?;
    let script = steady(behaviour);
    let server = match listen {
        Some(address) => Server::start_at(address, script),
        None => Server::start(script),
    };
    let server = server.context("cannot start the reference server")?;
    console.result(&format!("{}\n", server.url()))?;
    while listen.is_some() {
        std::thread::park();
    }
    let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    Ok(Outcome::Done)
}

fn plan(args: &BenchArgs, console: &Console) -> anyhow::Result<Plan> {
    let connection = &args.connection;
    let http = match connection.http {
        HttpChoice::Auto => Http::Auto,
        HttpChoice::One => Http::One,
        HttpChoice::Two => Http::Two,
    };
    let url = args.url.as_deref().unwrap_or_default();
    let target = Target::new(url, http, connection.ca.as_deref(), api_key(args)?)?;
    let target = target.with_headers(headers(&connection.header)?);
    if target.key_in_clear() {
        console.warn("the API key, or a header that may hold one, is sent in clear text: the URL begins with `http://`");
    }
    let named = target.api();
    let mut plan = load_plan(&args.load, &args.client, target)?;
    let request = &args.request;
    let wanted = request.api.map(|api| match api {
        ApiChoice::Completions => Api::Completions,
        ApiChoice::Chat => Api::Chat,
    });
    plan.api = match (wanted, named) {
        (Some(wanted), Some(named)) if wanted != named => {
            return Err(UsageError(format!(
                "`--api` is not the interface that the URL names: `{}`",
                named.path()
            ))
            .into());
        }
        (wanted, named) => wanted.or(named).unwrap_or(Api::Completions),
    };
    plan.model.clone_from(&request.model);
    plan.prompts = match &request.prompts {
        Some(path) => parse_prompts(&read(path)?).map_err(|why| unusable(path, &why))?,
        None => {
            let lengths = lengths(&request.prompt_tokens)?;
            let tokens = lengths.mean();
            plan.prompt_lengths = Some(lengths).filter(|lengths| lengths.fixed().is_none());
            Prompts::Synthetic { tokens, shared: request.shared_prefix }
        }
    };
    plan.nonce = request.nonce;
    let outputs = lengths(&request.output_tokens)?;
    plan.output_tokens = outputs.fixed().unwrap_or_else(|| outputs.mean());
    plan.output_lengths = Some(outputs).filter(|lengths| lengths.fixed().is_none());
    plan.turns = request.turns;
    plan.ignore_eos = !request.heed_eos;
    plan.temperature = request.temperature;
    plan.objectives = match &args.goal.slo {
        Some(text) => parse_objectives(text).map_err(UsageError)?,
        None => Vec::new(),
    };
    plan.error_share = args.goal.error_share;
    plan.precision = args.goal.precision.map(|share| Precision { share, most: 10.0 });
    plan.timeout = Duration::try_from_secs_f64(connection.timeout)
        .ok()
        .filter(|timeout| !timeout.is_zero())
        .ok_or_else(|| UsageError("--timeout has to be greater than zero".to_owned()))?;
    plan.wait = Duration::try_from_secs_f64(connection.wait)
        .map_err(|_| UsageError("--wait has to be a number of seconds".to_owned()))?;
    plan.scrape_every = connection.scrape_every.max(0.0);
    plan.keep_records = args.output.into.is_some() || args.output.records.is_some();
    if args.goal.sweep && args.load.rate.is_none() {
        plan.load = Load::Open { arrivals: Arrivals::Poisson { rate: 1.0 } };
        plan.warmup = args.load.warmup.unwrap_or(Amount::Seconds(2.0));
        plan.extent = extent(&args.load, true);
    }
    Ok(plan)
}

/// Lengths as text, or of a file that is named behind `@`.
fn lengths(text: &str) -> anyhow::Result<Lengths> {
    match text.strip_prefix('@') {
        Some(path) => {
            let path = Path::new(path);
            Ok(Lengths::histogram(&read(path)?).map_err(|why| unusable(path, &why))?)
        }
        None => Ok(text.parse().map_err(UsageError)?),
    }
}

/// The load of a plan; everything else is as the library has it.
fn load_plan(load: &LoadArgs, client: &ClientArgs, target: Target) -> anyhow::Result<Plan> {
    let mut plan = Plan::new(target);
    let open = |arrivals| Load::Open { arrivals };
    plan.load = if let Some(rate) = load.rate {
        open(match load.arrivals {
            ArrivalChoice::Constant => Arrivals::Constant { rate },
            ArrivalChoice::Poisson => Arrivals::Poisson { rate },
            ArrivalChoice::Gamma => Arrivals::Gamma { rate, shape: load.burstiness },
        })
    } else if let Some(size) = load.burst {
        open(Arrivals::Burst { size, every: load.every })
    } else if let Some((from, to, over)) = load.ramp {
        open(Arrivals::Ramp { from, to, over })
    } else if let Some(path) = &load.trace {
        open(Arrivals::Trace { times: parse_trace(&read(path)?).map_err(|why| unusable(path, &why))? })
    } else {
        Load::Closed { concurrency: load.concurrency.unwrap_or(4) }
    };
    plan.warmup = load.warmup.unwrap_or(match &plan.load {
        Load::Closed { concurrency } => Amount::Requests(2 * u64::from(*concurrency)),
        // A trace is measured from its start: it says itself what comes first.
        Load::Open { arrivals: Arrivals::Trace { .. } | Arrivals::Ramp { .. } } => Amount::Requests(0),
        Load::Open { .. } => Amount::Seconds(2.0),
    });
    plan.extent = match (&plan.load, load.n_requests, load.duration) {
        (Load::Open { arrivals: Arrivals::Trace { times } }, None, None) => {
            Amount::Requests(times.len() as u64)
        }
        (Load::Open { arrivals: Arrivals::Ramp { over, .. } }, None, None) => Amount::Seconds(*over),
        (Load::Open { .. }, ..) => extent(load, true),
        (Load::Closed { .. }, ..) => extent(load, false),
    };
    plan.cooldown = !load.no_cooldown;
    plan.max_in_flight = load.max_in_flight;
    plan.seed = load.seed;
    plan.threads = client.threads;
    plan.cpus = client.cpus.iter().flat_map(|cpus| cpus.iter()).map(|cpu| cpu as usize).collect();
    Ok(plan)
}

fn extent(load: &LoadArgs, open: bool) -> Amount {
    match (load.n_requests, load.duration) {
        (Some(requests), _) => Amount::Requests(requests),
        (None, Some(seconds)) => Amount::Seconds(seconds),
        (None, None) if open => Amount::Seconds(30.0),
        (None, None) => Amount::Requests(50),
    }
}

/// The key from a file or the environment: never from the command line, which every user of the machine can read.
fn api_key(args: &BenchArgs) -> anyhow::Result<Option<ApiKey>> {
    if let Some(path) = &args.connection.api_key_file {
        return Ok(Some(ApiKey::new(&read(path)?)?));
    }
    key(&args.connection.api_key_env)
}

/// The server's key, from the variable of that name.
pub(super) fn key(variable: &str) -> anyhow::Result<Option<ApiKey>> {
    let Some(key) = set(variable) else { return Ok(None) };
    let text =
        key.into_string().map_err(|_| UsageError(format!("the variable {variable} does not hold text")))?;
    Ok(Some(ApiKey::new(&text)?))
}

/// Headers for every request.
pub(super) fn headers(texts: &[String]) -> anyhow::Result<Vec<Header>> {
    texts.iter().map(|text| header(text)).collect()
}

/// A header as `NAME:VALUE` or `NAME:@FILE`. What is no such header is not repeated: it may be a secret.
fn header(text: &str) -> anyhow::Result<Header> {
    let (name, value) = text.split_once(':').ok_or_else(|| {
        UsageError(
            "--header has no colon; give a name and a value, such as `--header api-key:@FILE`".to_owned(),
        )
    })?;
    Ok(match value.trim().strip_prefix('@') {
        Some(path) => Header::new(name, &read(Path::new(path))?)?,
        None => Header::new(name, value)?,
    })
}

fn read(path: &Path) -> Result<String, BenchError> {
    std::fs::read_to_string(path).map_err(|source| BenchError::File { path: path.to_owned(), source })
}

fn unusable(path: &Path, why: &str) -> BenchError {
    BenchError::Input(format!("`{}` cannot be used: {why}", path.display()))
}

/// Writes the raw records to the file that was asked for.
fn keep_records(output: &BenchOutput, records: Option<&mut File>, console: &Console) -> anyhow::Result<()> {
    let (Some(path), Some(records)) = (&output.records, records) else { return Ok(()) };
    write_records(path, records)?;
    console.note(&format!("raw records: {}", path.display()));
    Ok(())
}

/// What goes into a bundle beside the result.
struct Supplements {
    records: Option<Vec<u8>>,
    metrics_text: String,
}

impl Supplements {
    /// All files of a measurement, whose names begin with `stem`.
    fn files(&self, stem: &str, result: Vec<u8>) -> Files {
        let mut files = Files::from([(format!("{stem}.json"), result)]);
        if let Some(records) = &self.records {
            files.insert(format!("{stem}.records.jsonl"), records.clone());
        }
        if !self.metrics_text.is_empty() {
            files.insert(format!("{stem}.metrics.txt"), self.metrics_text.clone().into_bytes());
        }
        files
    }
}

/// What goes into a bundle beside the result, and a warning where that is not all.
fn supplements(
    records: Option<&mut File>,
    metrics_text: String,
) -> anyhow::Result<(Supplements, Option<String>)> {
    let mut bundled = None;
    let mut note = None;
    if let Some(file) = records {
        let (records, left_out) = bounded_records(file)?;
        note = (left_out > 0).then(|| {
            format!(
                "the bundle holds no raw records of the last {left_out} requests: it takes {} MiB of them",
                MAX_BUNDLED >> 20
            )
        });
        bundled = Some(records);
    }
    Ok((Supplements { records: bundled, metrics_text }, note))
}

/// The first records, and how many are left out.
fn bounded_records(file: &mut File) -> anyhow::Result<(Vec<u8>, usize)> {
    file.seek(SeekFrom::Start(0)).context("cannot read the raw records")?;
    let mut reader = BufReader::new(file);
    let (mut kept, mut left_out) = (Vec::new(), 0);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).context("cannot read the raw records")? > 0 {
        if kept.len() + line.len() <= MAX_BUNDLED && left_out == 0 {
            kept.extend_from_slice(&line);
        } else {
            left_out += 1;
        }
        line.clear();
    }
    Ok((kept, left_out))
}

fn write_records(path: &Path, records: &mut File) -> anyhow::Result<()> {
    records.seek(SeekFrom::Start(0)).context("cannot read the raw records")?;
    write_file(path, |file| std::io::copy(records, file).map(drop))
}

/// True where a person looks at standard error.
fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}
