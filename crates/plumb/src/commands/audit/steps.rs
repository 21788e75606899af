//! What an audit does beside collecting: load, a look at the server's metrics, experiments, measurements of the node. Each is a
//! command of Plumb that adds to the bundle and could be given by hand; collecting itself opens no connection.

use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, bail};
use plumb_bench::{Http, Target};
use plumb_evidence::Bundle;
use plumb_evidence::bundle::MEASUREMENTS;
use plumb_evidence::files::{Staging, TEMPORARY};

use crate::cli::{AuditArgs, MeasureChoice};
use crate::commands::collect::on_signals;
use crate::console::Console;
use crate::exit::{Outcome, UsageError};
use crate::into::Files;

/// How long the node is looked at under load where nobody says.
const SAMPLE: Duration = Duration::from_secs(30);
/// The load goes on for so long before and after the sample together.
const AROUND: Duration = Duration::from_secs(10);

/// True if anything but collecting is asked for.
pub(super) fn are_asked_for(args: &AuditArgs) -> bool {
    let further = &args.further;
    further.bench.is_some()
        || further.metrics.is_some()
        || further.plan.is_some()
        || !further.measure.is_empty()
}

/// Collects into `bundle` while the load runs, and takes the other steps after it. `None` where all came to their end.
pub(super) fn run(args: &AuditArgs, bundle: &Path, console: &Console) -> anyhow::Result<Option<Outcome>> {
    // Each step ends by itself on Ctrl-C, and keeps what it has; this process stays to wait for it.
    let (interrupt, _signals) = on_signals(console);
    let steps = Steps { console };
    let sample = args.from.sample.unwrap_or(SAMPLE);
    let further = &args.further;
    let has_load = further.bench.is_some() || further.metrics.is_some();
    let mut beside = Vec::new();
    // What runs beside the collection may end before it: it adds to a bundle of its own, out of which it is taken afterwards.
    let staging = Staging::new(&args.output, TEMPORARY)
        .with_context(|| UsageError(format!("cannot write into `{}`", args.output.display())))?;
    let meanwhile = staging.path().join("meanwhile.plumb");
    if has_load {
        steps.collect(args, &meanwhile, None)?;
        let time = |time: Duration| format!("{}s", time.as_secs_f64());
        if let Some(url) = &further.bench {
            let duration = time(sample + AROUND);
            beside.push(steps.start(&["bench", url, "--duration", &duration], Some(&meanwhile))?);
        }
        if let Some(url) = &further.metrics {
            let every = time((sample / 10).max(Duration::from_secs(1)));
            let words = ["observe", url, "--for", &time(sample), "--every", &every];
            beside.push(steps.start(&words, Some(&meanwhile))?);
        }
        std::thread::sleep(AROUND / 2);
    }
    let wanted = if has_load { Some(sample) } else { args.from.sample };
    let collected = steps.collect(args, bundle, wanted);
    for (line, mut child) in beside {
        let status = child.wait().with_context(|| format!("cannot wait for `{line}`"))?;
        steps.ended(&line, status);
    }
    collected?;
    if has_load {
        move_measurements(&meanwhile, bundle)?;
    }
    let mut after: Vec<Vec<&str>> = Vec::new();
    for choice in &further.measure {
        after.push(match choice {
            MeasureChoice::Noise => vec!["noise"],
            MeasureChoice::Memory => vec!["noise", "--memory"],
        });
    }
    let plan = further.plan.as_ref().map(|plan| plan.to_string_lossy().into_owned());
    if let Some(plan) = &plan {
        after.push(vec!["experiment", plan]);
    }
    for step in after {
        if interrupt.is_asked() {
            break;
        }
        let (line, mut child) = steps.start(&step, Some(bundle))?;
        let status = child.wait().with_context(|| format!("cannot wait for `{line}`"))?;
        steps.ended(&line, status);
    }
    Ok(interrupt.is_asked().then_some(Outcome::Interrupted))
}

/// Adds the measurements of one bundle to another.
fn move_measurements(from: &Path, to: &Path) -> anyhow::Result<()> {
    let measured = Bundle::read(from)?;
    let folder = format!("{MEASUREMENTS}/");
    let is_measurement = |name: &String| name.starts_with(&folder);
    let files = measured.files().iter().filter(|(name, _)| is_measurement(name));
    let files: Files = files.map(|(name, bytes)| (name.clone(), bytes.clone())).collect();
    if files.is_empty() {
        return Ok(());
    }
    Bundle::add_to(to, |_| Ok::<_, anyhow::Error>((files, ())))
}

struct Steps<'a> {
    console: &'a Console,
}

impl Steps<'_> {
    fn collect(&self, args: &AuditArgs, bundle: &Path, sample: Option<Duration>) -> anyhow::Result<()> {
        let mut arguments = vec!["collect".to_owned(), "--output".to_owned()];
        arguments.push(bundle.to_string_lossy().into_owned());
        if let Some(sample) = sample {
            arguments.extend(["--sample".to_owned(), format!("{}s", sample.as_secs_f64())]);
        }
        // What answers the load is a server, whether or not Plumb knows its kind.
        let url = args.further.bench.as_ref().or(args.further.metrics.as_ref());
        let leader = url.and_then(|url| Target::new(url, Http::Auto, None, None).ok()?.leader());
        let asked = leader.filter(|_| args.from.servers.is_empty()).map(|pid| format!("pid:{pid}"));
        for server in args.from.servers.iter().cloned().chain(asked) {
            arguments.extend(["--server".to_owned(), server]);
        }
        if let Some(nice) = args.from.nice {
            arguments.push(format!("--nice={nice}"));
        }
        if let Some(cpus) = &args.from.cpus {
            arguments.extend(["--cpus".to_owned(), cpus.to_string()]);
        }
        if args.rendering.force {
            arguments.push("--force".to_owned());
        }
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (line, mut child) = self.start(&words, None)?;
        let status = child.wait().with_context(|| format!("cannot wait for `{line}`"))?;
        if status.success() {
            return Ok(());
        }
        bail!(UsageError(format!("`{line}` ended with {status}; nothing was analysed")))
    }

    /// Starts a command of Plumb, which adds its result to the bundle `into` where there is one.
    fn start(&self, arguments: &[&str], into: Option<&Path>) -> anyhow::Result<(String, Child)> {
        let mut words: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
        if let Some(bundle) = into {
            words.extend(["--into".to_owned(), bundle.to_string_lossy().into_owned()]);
        }
        let line = format!("plumb {}", words.join(" "));
        self.console.note(&line);
        let program = std::env::current_exe().context("cannot find the running program")?;
        let mut command = Command::new(program);
        command.args(&words);
        if !self.console.is_talking() {
            command.arg("--quiet");
        }
        // Their results are in the bundle, and so in the report.
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        let child = command.spawn().with_context(|| format!("cannot start `{line}`"))?;
        Ok((line, child))
    }

    /// A step that fails costs its own result alone.
    fn ended(&self, line: &str, status: ExitStatus) {
        if !status.success() {
            self.console
                .warn(&format!("`{line}` ended with {status}: what it measured is missing or not valid"));
        }
    }
}
