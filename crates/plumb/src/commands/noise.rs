//! `plumb noise`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use plumb_collect::Interrupt;
use plumb_evidence::CpuSet;
use plumb_noise::{
    Extras, LiveServer, Mode, NoiseOptions, NoiseReport, Stop, allowed_cpus, live_servers, measure,
    seconds_needed, values_needed,
};

use crate::cli::Format;
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::into::{Files, Receiver, by_number};

mod text;

/// More CPUs make too many pairs: 496 of these take seconds.
const MOST_CORES: usize = 32;

#[derive(Debug, Args)]
pub(crate) struct NoiseArgs {
    /// CPUs to measure, such as 2-5,8; default: the last half of those that this process may use, at least one.
    #[arg(long, value_name = "LIST")]
    cpus: Option<String>,
    /// Instruments, separated by commas, run one after the other; default: wake,spin-idle, or none with --memory or
    /// --core-to-core.
    #[arg(long, value_enum, value_delimiter = ',')]
    mode: Vec<ModeArg>,
    /// Time for each instrument.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = crate::cli::seconds)]
    seconds: f64,
    /// Wake-ups per second.
    #[arg(long, value_name = "HZ", default_value_t = 100.0)]
    wake_hz: f64,
    /// Shortest gap that is recorded, in ns.
    #[arg(long, value_name = "NS", default_value_t = 200.0)]
    threshold_ns: f64,
    /// Refuse to run unless this percentile of wake-up lateness will mean something: ten values beyond it.
    #[arg(long, value_name = "P")]
    percentile: Option<f64>,
    /// Name gaps exactly, by the kernel's tracepoints. Takes root or CAP_PERFMON; each traced event costs its CPU about a
    /// microsecond.
    #[arg(long)]
    exact: bool,
    /// Measure latency and bandwidth of memory between all pairs of NUMA nodes: about two seconds and at most 256 MiB each.
    #[arg(long)]
    memory: bool,
    /// Measure how long a cache line takes between all pairs of CPUs, those of --cpus if given.
    #[arg(long)]
    core_to_core: bool,
    /// Measure more than half of the CPUs at once.
    #[arg(long)]
    all: bool,
    /// Allow the mode `spin`, which halves a CPU for whoever shares it.
    #[arg(long)]
    maintenance: bool,
    /// Allow `spin`, --memory and --core-to-core although an inference server runs here.
    #[arg(long)]
    beside_server: bool,
    /// Add the result to this bundle, so that checks judge it and the report shows it.
    #[arg(long, value_name = "BUNDLE")]
    into: Option<PathBuf>,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ModeArg {
    /// Counters of the kernel only.
    Observe,
    /// Lateness of timed wake-ups.
    Wake,
    /// Gaps in a loop that runs only when nothing else wants the CPU.
    SpinIdle,
    /// Gaps in a loop that takes its share of the CPU.
    Spin,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Observe => Self::Observe,
            ModeArg::Wake => Self::Wake,
            ModeArg::SpinIdle => Self::SpinIdle,
            ModeArg::Spin => Self::Spin,
        }
    }
}

pub(crate) fn run(args: &NoiseArgs, console: &Console) -> anyhow::Result<Outcome> {
    let options = options(args, &live_servers())?;
    let (stop, _signals): (Stop, _) = match Interrupt::on_signals() {
        Ok((interrupt, signals)) => (Arc::new(move || interrupt.is_asked()), Some(signals)),
        Err(reason) => {
            console.warn(&format!("Ctrl-C will leave no result: {reason}"));
            (Arc::new(|| false), None)
        }
    };
    let receiver = args.into.as_deref().map(Receiver::open).transpose()?;
    announce(&options, console);
    let report = measure(&options, &stop)?;
    let added = receiver.as_ref().map_or(Ok(()), |receiver| add(&report, receiver, console));
    let text = match args.format {
        Format::Text => text::text(&report),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&report)?),
    };
    // Printed even where it could not be added: it may be all that there is of the result.
    let printed = console.result(&text);
    added.and(printed)?;
    Ok(if report.interrupted { Outcome::Interrupted } else { Outcome::Done })
}

fn announce(options: &NoiseOptions, console: &Console) {
    if !options.modes.is_empty() {
        let modes: Vec<&str> = options.modes.iter().map(|mode| mode.as_str()).collect();
        console.note(&format!(
            "measuring CPUs {} for {} s with each of: {}",
            options.cpus,
            options.duration.as_secs_f64(),
            modes.join(", ")
        ));
    }
    if options.extras.memory {
        console.note("measuring memory between NUMA nodes");
    }
    if let Some(cpus) = &options.extras.core_to_core {
        console.note(&format!("measuring between CPUs {cpus}"));
    }
}

/// Adds a measurement to a bundle, under the first free number.
fn add(report: &NoiseReport, receiver: &Receiver, console: &Console) -> anyhow::Result<()> {
    if report.is_empty() {
        receiver.leave(console);
        return Ok(());
    }
    let files = |stem: &str| {
        let name = format!("{stem}.json");
        let document = serde_json::json!({ "results": report.for_bundle(&name), "memory_paths": report.memory_paths, "report": report });
        Ok(Files::from([(name, serde_json::to_vec_pretty(&document)?)]))
    };
    receiver.add(by_number("noise"), files, console)
}

fn options(args: &NoiseArgs, servers: &[LiveServer]) -> anyhow::Result<NoiseOptions> {
    let usage = |message: String| anyhow::Error::new(UsageError(message));
    for (name, value, low, high) in [
        ("--seconds", args.seconds, 0.1, 86_400.0),
        ("--wake-hz", args.wake_hz, 1.0, 1000.0),
        ("--threshold-ns", args.threshold_ns, 50.0, 1e6),
    ] {
        if !(low..=high).contains(&value) {
            return Err(usage(format!("{name} is {value}; give a number from {low} to {high}")));
        }
    }
    let allowed = allowed_cpus().context("cannot find out which CPUs this process may use")?;
    let cpus = cpus(args, &allowed)?;
    let extras = Extras {
        memory: args.memory,
        core_to_core: args.core_to_core.then(|| pairs_of(args, &cpus, &allowed)),
    };
    let modes = modes(args);
    let probes = modes.iter().any(|mode| *mode != Mode::Observe);
    if probes && !args.all && cpus.len() * 2 > allowed.len() {
        return Err(usage(format!(
            "CPUs {cpus} are more than half of CPUs {allowed}; choose fewer with --cpus, or add --all"
        )));
    }
    if modes.contains(&Mode::Spin) && !args.maintenance {
        return Err(usage(
            "the mode `spin` takes half of each CPU from whoever shares it; use `spin-idle`, or add --maintenance in a \
             maintenance window"
                .to_owned(),
        ));
    }
    let heavy = heavy(&modes, &extras);
    if let (Some(server), Some(what), false) = (servers.first(), heavy, args.beside_server) {
        return Err(usage(format!(
            "{what} would slow down the inference server that runs here ({}, process {}); stop it, or add \
             --beside-server",
            server.kind, server.pid
        )));
    }
    if let Some(pairs) = extras.core_to_core.as_ref().filter(|cpus| cpus.len() > MOST_CORES) {
        return Err(usage(format!(
            "{} CPUs make too many pairs for --core-to-core; give at most {MOST_CORES} with --cpus",
            pairs.len()
        )));
    }
    long_enough(args, &modes)?;
    Ok(NoiseOptions {
        cpus,
        modes,
        duration: Duration::from_secs_f64(args.seconds),
        wake_hz: args.wake_hz,
        threshold_ns: args.threshold_ns,
        trace: args.exact,
        extras,
    })
}

/// Refuses a run that cannot give the percentile that is asked for.
fn long_enough(args: &NoiseArgs, modes: &[Mode]) -> anyhow::Result<()> {
    let Some(percentile) = args.percentile else { return Ok(()) };
    let usage = |message: String| Err(anyhow::Error::new(UsageError(message)));
    if !(50.0..100.0).contains(&percentile) {
        return usage(format!(
            "--percentile is {percentile}; give a number from 50 to below 100, such as 99.9"
        ));
    }
    if !modes.contains(&Mode::Wake) {
        return usage("--percentile is about wake-ups; add the mode `wake`".to_owned());
    }
    let quantile = percentile / 100.0;
    let needed = seconds_needed(quantile, args.wake_hz);
    if args.seconds + 1e-9 < needed {
        return usage(format!(
            "p{percentile} takes {} wake-ups with each timer slack; {} s at {} Hz give {:.0}: use --seconds {needed:.0}",
            values_needed(quantile),
            args.seconds,
            args.wake_hz,
            (args.seconds / 2.0 * args.wake_hz).floor()
        ));
    }
    Ok(())
}

/// Instruments that were asked for; extras alone are enough.
fn modes(args: &NoiseArgs) -> Vec<Mode> {
    let extras = args.memory || args.core_to_core;
    let default: &[Mode] = if extras { &[] } else { &[Mode::Wake, Mode::SpinIdle] };
    if args.mode.is_empty() {
        return default.to_vec();
    }
    let mut modes: Vec<Mode> = Vec::new();
    for mode in args.mode.iter().copied().map(Mode::from) {
        if !modes.contains(&mode) {
            modes.push(mode);
        }
    }
    modes
}

/// What of a run an inference server would notice.
fn heavy(modes: &[Mode], extras: &Extras) -> Option<&'static str> {
    match (modes.contains(&Mode::Spin), extras.memory, extras.core_to_core.is_some()) {
        (true, ..) => Some("the mode `spin`"),
        (_, true, _) => Some("--memory"),
        (.., true) => Some("--core-to-core"),
        _ => None,
    }
}

/// CPUs to measure: those asked for, or the last half.
fn cpus(args: &NoiseArgs, allowed: &CpuSet) -> anyhow::Result<CpuSet> {
    let usage = |message: String| Err(anyhow::Error::new(UsageError(message)));
    let cpus = match &args.cpus {
        Some(list) => match list.parse::<CpuSet>() {
            Ok(cpus) => cpus,
            Err(_) => return usage(format!("`--cpus {list}` is no list of CPUs; give one such as 2-5,8")),
        },
        None => allowed.iter().skip(allowed.len() - (allowed.len() / 2).max(1)).collect(),
    };
    if cpus.is_empty() || !cpus.is_subset(allowed) {
        return usage(format!("CPUs {cpus} are not all among those that this process may use, {allowed}"));
    }
    Ok(cpus)
}

/// CPUs of the pairs: those asked for, or all.
fn pairs_of(args: &NoiseArgs, cpus: &CpuSet, allowed: &CpuSet) -> CpuSet {
    if args.cpus.is_some() { cpus.clone() } else { allowed.clone() }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        noise: NoiseArgs,
    }

    /// What is said of a command line beside these servers.
    fn said(line: &str, servers: &[LiveServer]) -> String {
        let words = std::iter::once("noise").chain(line.split_ascii_whitespace());
        let args = Line::try_parse_from(words).unwrap().noise;
        options(&args, servers).map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn what_would_disturb_or_say_nothing_is_refused() {
        let vllm = [LiveServer { pid: 7, kind: "vllm" }];
        let all = allowed_cpus().unwrap();
        let cases = [
            ("--mode spin --all", &[][..], "--maintenance"),
            ("--mode spin --all --maintenance", &vllm, "--beside-server"),
            ("--mode spin --all --maintenance --beside-server", &vllm, ""),
            ("--memory --all", &vllm, "--beside-server"),
            ("--core-to-core --all", &vllm, "process 7"),
            ("--all", &vllm, ""),
            ("--memory", &[], ""),
            ("--mode observe", &vllm, ""),
            ("--all --percentile 99.99 --seconds 10 --wake-hz 200", &[], "100000 wake-ups"),
            ("--all --percentile 99 --seconds 20", &[], ""),
            ("--all --percentile 99 --mode observe", &[], "add the mode `wake`"),
            ("--all --percentile 100", &[], "below 100"),
            ("--cpus 16000", &[], "may use"),
            ("--all --seconds 0", &[], "--seconds"),
        ];
        for (line, servers, expected) in cases {
            let said = said(line, servers);
            assert!(
                if expected.is_empty() { said.is_empty() } else { said.contains(expected) },
                "{line}: {said}"
            );
        }
        let half = said(&format!("--cpus {all}"), &[]);
        assert!(half.contains("--all"), "{half}");
        assert_eq!(said(&format!("--mode observe --cpus {all}"), &[]), "");
    }

    #[test]
    fn a_run_without_a_reading_adds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.plumb");
        let manifest = plumb_evidence::manifest::Manifest::new(plumb_evidence::model::Origin::Live);
        plumb_evidence::Bundle::new(manifest, Files::new(), std::collections::BTreeMap::new())
            .write(&path)
            .unwrap();
        let receiver = Receiver::open(&path).unwrap();
        let before = std::fs::read(&path).unwrap();
        let words = ["noise", "--mode", "wake", "--all", "--seconds", "60"];
        let options = options(&Line::try_parse_from(words).unwrap().noise, &[]).unwrap();
        // Stopped before it begins, and before the first wake-up.
        for looks in [0, 1] {
            let left = std::sync::atomic::AtomicI32::new(looks);
            let stop: Stop = Arc::new(move || left.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) <= 0);
            let report = measure(&options, &stop).unwrap();
            assert!(report.interrupted && report.is_empty(), "{looks}");
            add(&report, &receiver, &Console::new(true)).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), before, "{looks}");
        }
    }

    #[test]
    fn instruments_run_once_each_and_extras_alone_are_enough() {
        let of = |line: &str| {
            let words = std::iter::once("noise").chain(line.split_ascii_whitespace());
            modes(&Line::try_parse_from(words).unwrap().noise)
        };
        assert_eq!(of(""), [Mode::Wake, Mode::SpinIdle]);
        assert_eq!(of("--memory"), []);
        assert_eq!(of("--memory --mode observe,observe"), [Mode::Observe]);
    }
}
