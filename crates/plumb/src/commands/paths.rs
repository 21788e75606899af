//! `plumb paths`

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use plumb_collect::Interrupt;
use plumb_noise::live_servers;
use plumb_paths::analysis::{Cores, GpuPaths, Near, analyse, cores};
use plumb_paths::{Plan, Record, measure};

use crate::cli::{Format, PathsArgs};
use crate::commands::collect::on_signals;
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::text;

/// Beside the pairs: contexts of the driver, and what starts slowly.
const GRACE: Duration = Duration::from_secs(60);
/// Pairs that a large machine has: eight GPUs and eight nodes.
const PAIRS: u32 = 8 * 8 * 8;

pub(crate) fn run(args: &PathsArgs, console: &Console) -> anyhow::Result<Outcome> {
    let servers = live_servers();
    if !args.beside_server
        && let Some(server) = servers.first()
    {
        bail!(UsageError(format!(
            "an inference server runs here ({} server, process {}), and copies take bandwidth from it: measure while it does \
             not serve, or with --beside-server",
            server.kind, server.pid
        )));
    }
    let plan = Plan { gpus: args.gpus.clone(), seconds: args.seconds, cores: args.cores, ..Plan::default() };
    console.note(
        "copies of 32 MiB between host and each GPU: seconds, and the driver's own memory of some 300 MiB",
    );
    let (interrupt, _signals) = on_signals(console);
    let Some(record) = in_a_helper(&plan, &interrupt)? else { return Ok(Outcome::Interrupted) };
    let (found, by_core) = (analyse(&record), cores(&record));
    match args.format {
        Format::Json => {
            let document = serde_json::json!({ "record": record, "analysis": found, "cores": by_core });
            console.result(&format!("{document:#}\n"))?;
        }
        Format::Text => console.result(&as_text(&record, &found, &by_core))?,
    }
    Ok(Outcome::Done)
}

/// Measures in a process that can be killed: a driver of a sick GPU hangs for good.
fn in_a_helper(plan: &Plan, interrupt: &Interrupt) -> anyhow::Result<Option<Record>> {
    let program = std::env::current_exe().context("cannot find the running program")?;
    let mut child = Command::new(program)
        .args(["helper", "paths"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start the helper")?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(&serde_json::to_vec(plan)?).context("cannot tell the helper its plan")?;
    }
    // Read beside it: a pipe that is full would hold it up.
    let read = |pipe: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(pipe) = pipe {
                // What comes after is no answer either.
                let _ = pipe.take(64 << 20).read_to_end(&mut bytes);
            }
            bytes
        })
    };
    let out = read(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let err = read(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let deadline = Instant::now() + GRACE + Duration::from_secs_f64(plan.seconds) * PAIRS.min(64);
    let status = loop {
        if let Some(status) = child.try_wait().context("cannot wait for the helper")? {
            break status;
        }
        if interrupt.is_asked() || Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            if interrupt.is_asked() {
                return Ok(None);
            }
            bail!(UsageError("the GPU driver did not answer in time, and was left alone".to_owned()));
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
    if !status.success() {
        let why = String::from_utf8_lossy(&err).trim().trim_start_matches("error: ").to_owned();
        bail!(UsageError(if why.is_empty() { format!("the helper ended with {status}") } else { why }));
    }
    Ok(Some(serde_json::from_slice(&out).context("the helper's answer cannot be read")?))
}

/// The helper itself: a plan on standard input, what was measured on standard output.
pub(crate) fn helper() -> anyhow::Result<Outcome> {
    let plan: Plan = serde_json::from_reader(std::io::stdin().lock()).context("expected a plan as JSON")?;
    let record = measure(&plan).map_err(|error| UsageError(error.to_string()))?;
    serde_json::to_writer(std::io::stdout().lock(), &record)?;
    Ok(Outcome::Done)
}

fn as_text(record: &Record, found: &[GpuPaths], by_core: &[Cores]) -> String {
    let mut out = format!(
        "{}, {:.1} s, {} MiB resident at most\n",
        record.driver,
        record.cost.seconds,
        record.cost.peak_rss_kib >> 10
    );
    for gpu in found {
        let name = record.gpus.iter().find(|own| own.address == gpu.gpu).map_or("", |own| &own.name);
        let _ = writeln!(out, "\nGPU {} {name}", gpu.gpu);
        let near = match &gpu.near {
            Near::Node(node) => format!("near to NUMA node {node}"),
            Near::Alike => format!(
                "no node is nearer than the others by {:.0} % or more, which is what this measurement can tell",
                100.0 * gpu.resolves
            ),
            Near::OneNode => "this machine shows one NUMA node, so all memory is alike".to_owned(),
            Near::NotMeasured(why) => format!("which node is near is not known: {why}"),
        };
        text::wrap(&mut out, "  ", &near);
        if let Some(share) = gpu.far_share {
            let line = format!(
                "copies from the farthest node reach {:.0} % of the rate from the near one",
                100.0 * share
            );
            text::wrap(&mut out, "  ", &line);
        }
        let _ = writeln!(
            out,
            "  {:>6} {:>12} {:>12} {:>14} {:>12}",
            "node", "to GPU GB/s", "to host GB/s", "there, back us", "launch us"
        );
        for (node, path) in &gpu.nodes {
            let launch = path.launch_us.map_or_else(|| "-".to_owned(), |us| format!("{us:.1}"));
            let _ = writeln!(
                out,
                "  {node:>6} {:>12.1} {:>12.1} {:>14.1} {launch:>12}",
                path.to_gpu, path.to_host, path.round_trip_us
            );
        }
    }
    for own in by_core {
        let line = match &own.near {
            Some(cpus) => {
                format!("GPU {}: launches from CPUs {cpus} take {:.1} us less", own.gpu, own.gain_us)
            }
            None => format!("GPU {}: launches show no CPUs that are nearer than others", own.gpu),
        };
        out.push('\n');
        text::wrap(&mut out, "", &line);
    }
    if !record.peers.is_empty() {
        out.push_str("\nBetween GPUs\n");
    }
    for peer in &record.peers {
        let middle = |values: &[f64]| {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
        };
        let way = if peer.direct { "directly" } else { "through the host's memory" };
        let line = format!(
            "{} to {}: {:.0} GB/s, {:.1} us for 8 bytes, {way}",
            peer.from,
            peer.to,
            middle(&peer.gb_per_s),
            middle(&peer.latency_us)
        );
        text::wrap(&mut out, "  ", &line);
    }
    for why in &record.missing {
        text::wrap(&mut out, "not measured: ", why);
    }
    out
}
