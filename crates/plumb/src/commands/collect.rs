//! `plumb collect`

use std::io::{self, IsTerminal};
use std::path::Path;

use anyhow::{Context, bail};
use plumb_collect::{Conduct, Helper, Interrupt, Options, PROBES, Signals, file_name, forbid_network};
use plumb_evidence::files::check_folder;
use plumb_evidence::manifest::ProbeStatus;
use plumb_evidence::{Bundle, BundleError};

use crate::cli::{CollectArgs, CollectFrom, Format};
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::input::STANDARD;
use crate::text;

pub(crate) fn run(args: &CollectArgs, console: &Console) -> anyhow::Result<Outcome> {
    // Until the bundle is written: a signal must not leave half of it.
    let (interrupt, _signals) = on_signals(console);
    if args.dry_run {
        return dry_run(args, interrupt, console);
    }
    if args.output.as_deref() == Some(Path::new(STANDARD)) {
        return to_standard_output(args, interrupt, console);
    }
    // Before anything is read: a sample takes its time, and what is there may have taken somebody more.
    match &args.output {
        Some(output) => Bundle::check_place(output, args.force)?,
        None => check_folder(Path::new(".")).with_context(|| {
            UsageError("cannot write into the working folder; name a file elsewhere with -o".to_owned())
        })?,
    }
    let bundle = collect(&args.from, interrupt, console)?;
    let output = args.output.clone().unwrap_or_else(|| file_name(&bundle));
    write(&bundle, &output, args.force)?;
    match args.format {
        Format::Text => console.result(&text::collected(&bundle, &output))?,
        Format::Json => {
            let manifest = serde_json::to_value(bundle.manifest())?;
            let summary = serde_json::json!({
                "bundle": output,
                "sha256": bundle.manifest_sha256(),
                "complete": manifest["complete"],
                "probes": manifest["probes"],
                "cost": manifest["cost"],
            });
            console.result(&format!("{summary:#}\n"))?;
        }
    }
    Ok(outcome(&bundle, &output, console))
}

/// The bundle on standard output, and its summary on standard error.
fn to_standard_output(
    args: &CollectArgs,
    interrupt: Interrupt,
    console: &Console,
) -> anyhow::Result<Outcome> {
    if io::stdout().is_terminal() {
        bail!(UsageError(
            "a bundle is no text: standard output is a terminal; send it into a file".to_owned()
        ));
    }
    if args.format == Format::Json {
        bail!(UsageError("with `-o -` standard output is the bundle; leave out --format json".to_owned()));
    }
    let bundle = collect(&args.from, interrupt, console)?;
    bundle.pack(io::stdout().lock()).context(UsageError("cannot write to standard output".to_owned()))?;
    console.note(text::collected(&bundle, Path::new("standard output")).trim_end());
    Ok(outcome(&bundle, Path::new("standard output"), console))
}

/// Writes a collection to where it was allowed to before. What has come there since stays, and the collection is kept beside
/// it.
pub(crate) fn write(bundle: &Bundle, output: &Path, force: bool) -> anyhow::Result<()> {
    match bundle.write_over(output, force) {
        Err(error @ (BundleError::Occupied { .. } | BundleError::InUse { .. })) => {
            let kept = bundle.keep_near(output)?;
            Err(error).context(format!("the evidence is kept in `{}`", kept.display()))
        }
        written => Ok(written?),
    }
}

/// How a collection ended, telling the person where it was ended early.
pub(crate) fn outcome(bundle: &Bundle, output: &Path, console: &Console) -> Outcome {
    if bundle.manifest().complete {
        return Outcome::Done;
    }
    console.warn(&format!("interrupted; `{}` holds what was gathered until then", output.display()));
    Outcome::Interrupted
}

/// Takes signals as requests to stop, as long as the second value lives.
pub(crate) fn on_signals(console: &Console) -> (Interrupt, Option<Signals>) {
    match Interrupt::on_signals() {
        Ok((interrupt, signals)) => (interrupt, Some(signals)),
        Err(reason) => {
            console.warn(&format!("Ctrl-C will leave no bundle: {reason}"));
            (Interrupt::default(), None)
        }
    }
}

/// Runs the probes, telling of each on standard error.
pub(crate) fn collect(from: &CollectFrom, interrupt: Interrupt, console: &Console) -> anyhow::Result<Bundle> {
    off_the_network(console);
    let mut done = 0;
    let bundle = plumb_collect::collect(&options(from, interrupt)?, &mut |probe, record| {
        done += 1;
        let ok = record.status == ProbeStatus::Ok;
        let reason = if ok { String::new() } else { format!("  {}", record.reason) };
        let line = format!("{:<9} {:<8}{reason}", probe.id, record.status.as_str());
        console.step(&format!("[{done}/{}] {}", PROBES.len(), probe.title), line.trim_end(), !ok);
    });
    console.steps_end();
    Ok(bundle?)
}

/// As [`collect`], without a word, for commands that look at the node to show it. [`off_the_network`] comes before.
pub(crate) fn look(from: &CollectFrom, interrupt: Interrupt) -> anyhow::Result<Bundle> {
    Ok(plumb_collect::collect(&options(from, interrupt)?, &mut |_, _| {})?)
}

/// From here on this process can open no network connection, and says so where the kernel does not keep it from that.
pub(crate) fn off_the_network(console: &Console) {
    if let Err(reason) = forbid_network() {
        console.warn(&format!("the kernel does not keep the collector off the network: {reason}"));
    }
}

pub(crate) fn options(from: &CollectFrom, interrupt: Interrupt) -> anyhow::Result<Options> {
    let program = std::env::current_exe().context("cannot find the running program")?;
    Ok(Options {
        sysroot: from.sysroot.clone(),
        helper: Helper { program, arguments: vec!["helper".into()] },
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        sample: from.sample,
        servers: from.servers.clone(),
        conduct: Conduct { interrupt, nice: from.nice, cpus: from.cpus.clone() },
    })
}

fn dry_run(args: &CollectArgs, interrupt: Interrupt, console: &Console) -> anyhow::Result<Outcome> {
    let plan = plumb_collect::survey(&options(&args.from, interrupt)?)?;
    match args.format {
        Format::Text => console.result(&text::plan(&plan))?,
        Format::Json => {
            let probes: Vec<_> = plan
                .iter()
                .map(|plan| {
                    serde_json::json!({
                        "id": plan.probe.id,
                        "title": plan.probe.title,
                        "reads": plan.probe.reads,
                        "library": plan.asks_a_library(),
                        "root_sees_more": plan.wants_root(),
                        "status": plan.status,
                        "reason": plan.reason,
                        "files": plan.files,
                        "bytes_estimated": plan.bytes,
                        "unreadable": plan.unreadable,
                        "sampled_files": plan.sampled,
                    })
                })
                .collect();
            console.result(&format!("{:#}\n", serde_json::json!({ "probes": probes })))?;
        }
    }
    Ok(Outcome::Done)
}
