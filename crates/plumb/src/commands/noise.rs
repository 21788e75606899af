//! `plumb noise`

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use nix::sched::sched_getaffinity;
use nix::unistd::Pid;
use plumb_collect::Interrupt;
use plumb_evidence::bundle::MEASUREMENTS;
use plumb_evidence::{Bundle, CpuSet};
use plumb_measure::noise::{
    CpuNoise, GapSummary, Mode, NoiseOptions, NoiseReport, Percentiles, Stop, measure,
};

use crate::cli::Format;
use crate::commands::bench::readable_bundle;
use crate::console::Console;
use crate::exit::{Outcome, UsageError};

/// Busier than this, a CPU is not for a loop that takes half of it.
const IDLE_ENOUGH: f64 = 0.9;

#[derive(Debug, Args)]
pub(crate) struct NoiseArgs {
    /// CPUs to measure, such as 2-5,8; default: the last half of those that this process may use, at least one.
    #[arg(long, value_name = "LIST")]
    cpus: Option<String>,
    /// Instruments, separated by commas, run one after the other.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "wake,spin-idle")]
    mode: Vec<ModeArg>,
    /// Seconds for each instrument.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    seconds: f64,
    /// Wake-ups per second.
    #[arg(long, value_name = "HZ", default_value_t = 100.0)]
    wake_hz: f64,
    /// Shortest gap that is recorded, in ns.
    #[arg(long, value_name = "NS", default_value_t = 200.0)]
    threshold_ns: f64,
    /// Measure more than half of the CPUs at once.
    #[arg(long)]
    all: bool,
    /// Allow the mode `spin`, which halves a CPU for whoever shares it, on CPUs that are in use.
    #[arg(long)]
    maintenance: bool,
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
    let options = options(args)?;
    console.note(&format!(
        "measuring CPUs {} for {} s with each of: {}",
        options.cpus,
        args.seconds,
        options.modes.iter().map(|mode| mode.as_str()).collect::<Vec<_>>().join(", ")
    ));
    let (stop, _signals): (Stop, _) = match Interrupt::on_signals() {
        Ok((interrupt, signals)) => (Arc::new(move || interrupt.is_asked()), Some(signals)),
        Err(reason) => {
            console.warn(&format!("Ctrl-C will leave no result: {reason}"));
            (Arc::new(|| false), None)
        }
    };
    // Before minutes of measuring, not after them.
    let bundle = args.into.as_deref().map(readable_bundle).transpose()?;
    let report = measure(&options, &stop)?;
    if let (Some(path), Some(bundle)) = (&args.into, bundle) {
        let name = add_to(&bundle, path, &report)?;
        console.note(&format!("added to {}: {name}", path.display()));
    }
    match args.format {
        Format::Text => console.result(&text(&report))?,
        Format::Json => console.result(&format!("{}\n", serde_json::to_string_pretty(&report)?))?,
    }
    Ok(if report.interrupted { Outcome::Interrupted } else { Outcome::Done })
}

/// Adds a measurement to a bundle, under the first free number; gives the name.
fn add_to(bundle: &Bundle, path: &Path, report: &NoiseReport) -> anyhow::Result<String> {
    let mut names = (1..).map(|number: u32| format!("{MEASUREMENTS}/noise-{number:03}.json"));
    let name = names.find(|name| !bundle.files().contains_key(name)).unwrap_or_default();
    let document = serde_json::json!({ "results": report.for_bundle(&name), "report": report });
    bundle.with_files(BTreeMap::from([(name.clone(), serde_json::to_vec_pretty(&document)?)])).write(path)?;
    Ok(name)
}

fn options(args: &NoiseArgs) -> anyhow::Result<NoiseOptions> {
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
    let allowed = allowed().context("cannot find out which CPUs this process may use")?;
    let cpus = match &args.cpus {
        Some(list) => list
            .parse::<CpuSet>()
            .map_err(|_| usage(format!("`--cpus {list}` is no list of CPUs; give one such as 2-5,8")))?,
        None => {
            let half = (allowed.len() / 2).max(1);
            allowed.iter().skip(allowed.len() - half).fold(CpuSet::new(), |mut set, cpu| {
                set.insert(cpu);
                set
            })
        }
    };
    if cpus.is_empty() || !cpus.is_subset(&allowed) {
        return Err(usage(format!(
            "CPUs {cpus} are not all among those that this process may use, {allowed}"
        )));
    }
    let modes: Vec<Mode> = args.mode.iter().copied().map(Mode::from).collect();
    let busy = modes.iter().any(|mode| matches!(mode, Mode::SpinIdle | Mode::Spin));
    if busy && !args.all && allowed.len() > 1 && cpus.len() * 2 > allowed.len() {
        return Err(usage(format!(
            "a loop on CPUs {cpus} would keep more than half of CPUs {allowed} busy; choose fewer, or add --all"
        )));
    }
    if modes.contains(&Mode::Spin) && !args.maintenance {
        let used = used_cpus(&cpus)?;
        if !used.is_empty() {
            return Err(usage(format!(
                "CPUs {used} are in use, and the mode `spin` would take half of them from their users; use `spin-idle`, \
                 or add --maintenance"
            )));
        }
    }
    Ok(NoiseOptions {
        cpus,
        modes,
        duration: Duration::from_secs_f64(args.seconds),
        wake_hz: args.wake_hz,
        threshold_ns: args.threshold_ns,
    })
}

fn allowed() -> nix::Result<CpuSet> {
    let mask = sched_getaffinity(Pid::from_raw(0))?;
    let mut set = CpuSet::new();
    for cpu in 0..nix::sched::CpuSet::count() {
        if mask.is_set(cpu)? {
            set.insert(u32::try_from(cpu).unwrap_or(u32::MAX));
        }
    }
    Ok(set)
}

/// Those of the CPUs that were less than [`IDLE_ENOUGH`] idle for a moment.
fn used_cpus(cpus: &CpuSet) -> anyhow::Result<CpuSet> {
    let shares = plumb_measure::noise::idle_shares(Duration::from_millis(300))?;
    Ok(shares.into_iter().filter(|(cpu, idle)| cpus.contains(*cpu) && *idle < IDLE_ENOUGH).fold(
        CpuSet::new(),
        |mut set, (cpu, _)| {
            set.insert(cpu);
            set
        },
    ))
}

fn text(report: &NoiseReport) -> String {
    let mut out = String::new();
    for cpu in &report.cpus {
        let _ = writeln!(out, "CPU {}", cpu.cpu);
        if let (Some(lost), Some(seconds), Some(max)) = (cpu.lost_share, cpu.seconds, cpu.max_us) {
            let _ = writeln!(
                out,
                "  lost           {:.3} % of {seconds:.1} s, longest {max:.0} µs ({})",
                lost * 100.0,
                cpu.attribution.unwrap_or("unattributed")
            );
            if let Some(waited) = cpu.lost_ms.get("preemption").filter(|waited| **waited >= 0.1) {
                let _ = writeln!(
                    out,
                    "  preempted      {waited:.1} ms of it by other threads: the node's work, not noise"
                );
            }
            let told_apart = cpu.attribution != Some("unattributed");
            let names = match (told_apart, report.virtual_machine) {
                (false, _) => ["all gaps", ""],
                (true, true) => ["kernel", "hypervisor"],
                (true, false) => ["kernel", "firmware?"],
            };
            for (name, gaps) in names.into_iter().zip([cpu.kernel, cpu.other]) {
                if let Some(gaps) = gaps.filter(|_| !name.is_empty()) {
                    let _ = writeln!(out, "  {name:<14} {}", gaps_text(&gaps));
                }
            }
        }
        for (name, wake) in [("wake-up", cpu.wakeup_us), ("  slack 1 ns", cpu.wakeup_precise_us)] {
            if let Some(wake) = wake {
                let _ = writeln!(out, "  {name:<14} {}", wake_text(&wake));
            }
        }
        let causes = causes(cpu);
        if !causes.is_empty() {
            let _ = writeln!(out, "  counted        {causes}");
        }
    }
    for note in &report.notes {
        let _ = writeln!(out, "note: {note}");
    }
    if !report.valid {
        let _ = writeln!(out, "NOT VALID: see the notes");
    }
    out
}

fn gaps_text(gaps: &GapSummary) -> String {
    let p99 = gaps.p99_us.map_or_else(|| "too few for p99".to_owned(), |p99| format!("p99 {p99:.1} µs"));
    format!(
        "{} gaps, {:.1} ms, {p99}, longest {:.0} µs, {:.1}/s of 10 µs or more",
        gaps.count, gaps.sum_ms, gaps.max_us, gaps.per_s_from_10_us
    )
}

fn wake_text(wake: &Percentiles) -> String {
    let part = |name: &str, value: Option<f64>| {
        value.map_or_else(|| format!("{name} –"), |value| format!("{name} {value:.0}"))
    };
    format!(
        "{}, {}, {}, longest {:.0} µs late; {} wake-ups, {} of them missed periods",
        part("p50", wake.p50),
        part("p99", wake.p99),
        part("p99.9", wake.p999),
        wake.max,
        wake.count,
        wake.missed
    )
}

/// The most frequent causes.
fn causes(cpu: &CpuNoise) -> String {
    let mut causes: Vec<(&String, &u64)> = cpu.interruptions.iter().collect();
    causes.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let shown = causes.iter().take(6).map(|(cause, count)| format!("{cause} {count}"));
    shown.collect::<Vec<_>>().join(", ")
}
