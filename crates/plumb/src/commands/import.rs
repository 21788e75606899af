//! `plumb import`

use std::fmt::Write as _;

use anyhow::Context;
use plumb_bench::foreign;
use plumb_evidence::model::{ImportedResult, ImportedRun, LatencySummary};

use crate::cli::{ImportArgs, ImportFormat};
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::into::{Files, Receiver, by_number};

/// Most bytes of a result: GuideLLM keeps every request in it.
const MOST: u64 = 512 << 20;

pub(crate) fn run(args: &ImportArgs, console: &Console) -> anyhow::Result<Outcome> {
    let shown = args.file.display();
    let text = crate::input::read_text(&args.file, MOST)
        .with_context(|| UsageError(format!("cannot read `{shown}`")))?;
    let receiver = args.into.as_deref().map(Receiver::open).transpose()?;
    args.result.check()?;
    // The folder may tell whose node it was, and says nothing of the result.
    let file = args.file.file_name().unwrap_or_default().to_string_lossy();
    let mut result = foreign::read(&file, &text).map_err(|error| UsageError(error.to_string()))?;
    if let Some(receiver) = &receiver {
        receiver.add(by_number("imported"), |stem| files(stem, &mut result), console)?;
    }
    let text = match args.format {
        ImportFormat::Text => describe(&result),
        ImportFormat::Json => format!("{}\n", serde_json::to_string_pretty(&result)?),
        ImportFormat::LlmD => {
            let reports: Vec<_> = result.runs.iter().map(|run| foreign::report(&result, run)).collect();
            // One report is one document, as its readers want it.
            match reports.as_slice() {
                [one] => format!("{}\n", serde_json::to_string_pretty(one)?),
                several => format!("{}\n", serde_json::to_string_pretty(several)?),
            }
        }
    };
    args.result.put(&text, console)?;
    Ok(Outcome::Done)
}

fn files(stem: &str, result: &mut ImportedResult) -> anyhow::Result<Files> {
    result.path = format!("{stem}.json");
    Ok(Files::from([(result.path.clone(), serde_json::to_vec_pretty(result)?)]))
}

fn describe(result: &ImportedResult) -> String {
    let version =
        if result.from_version.is_empty() { String::new() } else { format!(" {}", result.from_version) };
    let mut text =
        format!("`{}`: a result of {}{version}, {} runs\n", result.file, result.from, result.runs.len());
    for run in &result.runs {
        describe_run(&mut text, run);
    }
    if !result.cannot_prove.is_empty() {
        text.push_str("\nwhat this cannot prove\n");
        for sentence in &result.cannot_prove {
            let _ = writeln!(text, "  {sentence}");
        }
        text.push_str("\nno check and no promise rests on it; `plumb bench` measures what is missing\n");
    }
    text
}

fn describe_run(text: &mut String, run: &ImportedRun) {
    let load = match (run.rate, run.concurrency) {
        (Some(rate), _) => format!("{rate} requests/s asked for"),
        (None, Some(concurrency)) => format!("{concurrency} requests at once"),
        (None, None) => "load not told".to_owned(),
    };
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "not told".to_owned(), |value| format!("{value:.digits$}"))
    };
    let _ = writeln!(
        text,
        "\n{load}; {} replies, failed {}; {} tokens in, {} out; {} requests/s, {} tokens/s",
        number(run.requests, 0),
        number(run.failed, 0),
        number(run.prompt_tokens, 0),
        number(run.output_tokens, 0),
        number(run.requests_per_s, 2),
        number(run.output_tokens_per_s, 1)
    );
    let _ = writeln!(text, "ms               mean      p50      p90      p95      p99      max");
    let rows: [(&str, &LatencySummary); 4] = [
        ("TTFT, sent", &run.ttft_ms),
        ("ITL, theirs", &run.itl_ms),
        ("TPOT, theirs", &run.tpot_ms),
        ("E2E, sent", &run.e2e_ms),
    ];
    for (name, own) in rows {
        let _ = write!(text, "{name:<12}");
        for value in [own.mean, own.p50, own.p90, own.p95, own.p99, own.max] {
            let _ = match value {
                Some(value) => write!(text, " {value:>8.2}"),
                None => write!(text, " {:>8}", "-"),
            };
        }
        text.push('\n');
    }
}
