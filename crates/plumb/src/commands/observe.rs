//! `plumb observe`

use std::fmt::Write as _;
use std::path::PathBuf;

use plumb_bench::observe::{MOST_COST, ObservePlan, observe};
use plumb_bench::{Http, Target, parse_objectives};
use plumb_evidence::model::{Moment, ObserveResult};

use crate::cli::{Format, ObserveArgs};
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::into::{Files, Receiver, as_before};

pub(crate) fn run(args: &ObserveArgs, console: &Console) -> anyhow::Result<Outcome> {
    let target = args
        .url
        .as_ref()
        .map(|url| -> anyhow::Result<Target> {
            let headers = super::bench::headers(&args.access.header)?;
            let key = super::bench::key(&args.access.api_key_env)?;
            Ok(Target::new(url, Http::Auto, None, key)?.with_headers(headers))
        })
        .transpose()?;
    let plan = ObservePlan {
        target,
        pid: args.pid,
        every: args.every,
        length: args.length,
        limits: args
            .slo
            .as_deref()
            .map(parse_objectives)
            .transpose()
            .map_err(UsageError)?
            .unwrap_or_default(),
        root: PathBuf::from("/"),
    };
    let receiver = args.into.as_deref().map(Receiver::open).transpose()?;
    args.result.check()?;
    let (control, _signals) =
        super::until_signal("will end this at once, and what was seen is lost", console);
    let length = args.length.as_secs_f64();
    let mut tell = |moment: &Moment| {
        let line = format!("{} of {}{}", span(moment.at), span(length), told(moment));
        console.step(&line, &line, false);
    };
    let mut own: Option<String> = None;
    let mut has_failed = false;
    let mut keep = |so_far: &ObserveResult| {
        let Some(receiver) = &receiver else { return };
        let mut so_far = ObserveResult { interrupted: true, ..so_far.clone() };
        match receiver
            .try_add(as_before(own.as_ref(), "observe", &so_far.started), |stem| files(stem, &mut so_far))
        {
            Ok(stem) => own = Some(stem),
            Err(error) if !std::mem::replace(&mut has_failed, true) => {
                console.warn(&format!("what was seen so far cannot be kept: {error:#}"));
            }
            Err(_) => {}
        }
    };
    let result = observe(&plan, &control, &mut tell, &mut keep);
    console.steps_end();
    let mut result = result.map_err(|error| UsageError(error.to_string()))?;
    let added = match &receiver {
        Some(receiver) if result.moments.is_empty() => {
            receiver.leave(console);
            Ok(())
        }
        Some(receiver) => {
            let name = as_before(own.as_ref(), "observe", &result.started);
            receiver.add(name, |stem| files(stem, &mut result), console)
        }
        None => Ok(()),
    };
    let text = match args.format {
        Format::Text => text(&result),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&result)?),
    };
    added.and(args.result.put(&text, console))?;
    Ok(if result.interrupted { Outcome::Interrupted } else { Outcome::Done })
}

fn files(stem: &str, result: &mut ObserveResult) -> anyhow::Result<Files> {
    result.path = format!("{stem}.json");
    Ok(Files::from([(result.path.clone(), serde_json::to_vec(result)?)]))
}

/// A time for a person.
fn span(seconds: f64) -> String {
    if seconds >= 7200.0 {
        format!("{:.1} h", seconds / 3600.0)
    } else if seconds >= 120.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{seconds:.0} s")
    }
}

fn told(moment: &Moment) -> String {
    let mut text = String::new();
    let mut add = |name: &str, value: Option<f64>, unit: &str| {
        if let Some(value) = value {
            let _ = write!(text, ", {name} {value:.2}{unit}");
        }
    };
    add("requests", moment.requests_per_s, "/s");
    add("waiting", moment.waiting, "");
    add("run delay", moment.run_delay, " s/s");
    add("others", moment.others_cpus, " CPUs");
    text
}

fn text(result: &ObserveResult) -> String {
    let mut text = format!(
        "observed {} for {}, a look every {}\n",
        if result.url.is_empty() { "this node" } else { &result.url },
        span(result.seconds),
        span(result.every_s)
    );
    let _ = writeln!(
        text,
        "cost: {:.2} s of CPU time, {:.3} % of a CPU (at most {} % is meant)\n",
        result.cost.cpu_s,
        result.cost.share * 100.0,
        MOST_COST * 100.0
    );
    let _ = writeln!(
        text,
        "{:<17} {:>10} {:>8} {:>8} {:>9} {:>9} {:>9} {:>7} {:>8}  within the limits",
        "from (UTC)", "requests/s", "running", "waiting", "TTFT ms", "ITL ms", "run delay", "others", "clock"
    );
    for part in &result.parts {
        let mean = &part.mean;
        let number = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
        };
        let within: Vec<String> = part
            .attained
            .iter()
            .map(|own| format!("{} {:.1}-{:.1} %", own.metric, own.least * 100.0, own.most * 100.0))
            .collect();
        let _ = writeln!(
            text,
            "{:<17} {:>10} {:>8} {:>8} {:>9} {:>9} {:>9} {:>7} {:>8}  {}",
            part.from.get(..16).unwrap_or_default().replace('T', " "),
            number(mean.requests_per_s, 2),
            number(mean.running, 1),
            number(mean.waiting, 1),
            number(mean.ttft_ms, 1),
            number(mean.itl_ms, 2),
            number(mean.run_delay, 3),
            number(mean.others_cpus, 2),
            number(mean.mhz.map(|(mean, _)| mean), 0),
            within.join(", ")
        );
    }
    for (title, lines) in [("what follows", &result.conclusions), ("warnings", &result.warnings)] {
        if !lines.is_empty() {
            let _ = writeln!(text, "\n{title}");
            lines.iter().for_each(|line| {
                let _ = writeln!(text, "  {line}");
            });
        }
    }
    text
}
