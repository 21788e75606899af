//! `plumb doctor`: what this machine allows Plumb to see and to make. And what `plumb` alone says.

use std::collections::BTreeSet;
use std::fmt::Write;

use plumb_collect::{Interrupt, PROBES};
use plumb_evidence::manifest::ProbeStatus;
use plumb_evidence::model::{Evidence, InferenceServer, ListeningSocket};
use plumb_evidence::{Bundle, derive};
use serde::Serialize;

use crate::analyse::{self, Analysis};
use crate::cli::{Client, CollectFrom, DoctorArgs, Format, PackPaths};
use crate::commands::collect::{look, off_the_network, on_signals};
use crate::commands::report::typst_at;
use crate::console::Console;
use crate::exit::Outcome;
use crate::text;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Row {
    /// What was looked at.
    about: &'static str,
    state: State,
    /// What is there.
    found: String,
    /// What its lack costs; empty where nothing is lacking.
    #[serde(skip_serializing_if = "String::is_empty")]
    costs: String,
    /// What to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    advice: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Good,
    Limited,
    Missing,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Limited => "limited",
            Self::Missing => "missing",
        }
    }
}

impl Row {
    fn good(about: &'static str, found: impl Into<String>) -> Self {
        let (costs, advice) = (String::new(), String::new());
        Self { about, state: State::Good, found: found.into(), costs, advice }
    }

    fn lacking(self, state: State, costs: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state, costs: costs.into(), advice: advice.into(), ..self }
    }
}

pub(crate) fn run(args: &DoctorArgs, console: &Console) -> anyhow::Result<Outcome> {
    off_the_network(console);
    let (interrupt, _signals) = on_signals(console);
    let bundle = look(&CollectFrom::default(), interrupt.clone())?;
    if interrupt.is_asked() {
        return Ok(Outcome::Interrupted);
    }
    let evidence = derive(&bundle);
    let mut rows = vec![rights(&bundle)];
    rows.extend(probes(&bundle));
    rows.push(load(&evidence));
    rows.extend(clock(&evidence));
    rows.extend(instruments());
    let typst = typst_at(args.typst.as_deref());
    rows.push(match typst {
        Ok(typst) => Row::good("Typst", typst.program().display().to_string()),
        Err(error) => Row::good("Typst", error.to_string()).lacking(
            State::Missing,
            "reports are HTML and Markdown; there is no PDF",
            "put typst beside `plumb`, or name it with --typst or PLUMB_TYPST",
        ),
    });
    let (packs, analysis) = packs(&bundle, &args.packs, console);
    rows.extend(packs);
    if let Some(analysis) = &analysis {
        rows.push(coverage(analysis));
    }
    match args.format {
        Format::Json => {
            let version = crate::VERSION;
            let document = serde_json::json!({
                "schema": 1,
                "plumb": version,
                "host_token": bundle.manifest().host_token,
                "rows": rows,
            });
            console.result(&format!("{document:#}\n"))?;
        }
        Format::Text => console.result(&as_text(&rows))?,
    }
    Ok(Outcome::Done)
}

fn as_text(rows: &[Row]) -> String {
    let mut text = format!("plumb {}\n\n", crate::VERSION);
    for row in rows {
        text::wrap(&mut text, &format!("{:<8} {:<18} ", row.state.word(), row.about), &row.found);
        for (label, said) in [("costs: ", &row.costs), ("to do: ", &row.advice)] {
            if !said.is_empty() {
                text::wrap(&mut text, &format!("{:<28}{label}", ""), said);
            }
        }
    }
    text
}

fn rights(bundle: &Bundle) -> Row {
    let manifest = bundle.manifest();
    if manifest.privileges.euid == 0 {
        return Row::good("rights", "root");
    }
    let denied =
        manifest.unread.iter().filter(|unread| unread.status == plumb_evidence::Absence::Denied).count();
    Row::good("rights", format!("user {}, not root", manifest.privileges.euid)).lacking(
        State::Limited,
        format!("{denied} files and folders were denied, among them what other users' processes hold"),
        "run `sudo plumb doctor` for what root would see",
    )
}

/// What the collector could not read here, by subject.
fn probes(bundle: &Bundle) -> Vec<Row> {
    let manifest = bundle.manifest();
    let title = |id: &str| PROBES.iter().find(|probe| probe.id == id).map_or("evidence", |probe| probe.title);
    let (good, lacking): (Vec<_>, Vec<_>) = manifest
        .probes
        .iter()
        // What moves is read with --sample only.
        .filter(|probe| probe.status != ProbeStatus::Skipped)
        .partition(|probe| probe.status == ProbeStatus::Ok);
    let mut rows = vec![Row::good(
        "evidence",
        format!("{} of {} subjects are read whole", good.len(), good.len() + lacking.len()),
    )];
    for probe in lacking {
        let state = if probe.status == ProbeStatus::Absent { State::Missing } else { State::Limited };
        let row = Row::good("evidence", format!("{}: {}", title(&probe.id), probe.reason));
        let advice = match probe.status {
            ProbeStatus::Denied => "ask for the right, or run as root",
            ProbeStatus::Timeout => "look whether the machine is overloaded, and run again",
            _ => "",
        };
        rows.push(row.lacking(state, "", advice));
    }
    rows
}

/// Whether there is a server to look at.
fn load(evidence: &Evidence) -> Row {
    let servers = evidence.servers.known().map_or(&[][..], Vec::as_slice);
    if servers.is_empty() {
        return Row::good("inference server", "none was found").lacking(
            State::Missing,
            "placement, quotas, thread pools and service level are not judged",
            "start the server, and run again",
        );
    }
    Row::good("inference server", servers.iter().map(InferenceServer::subject).collect::<Vec<_>>().join("; "))
}

/// Whether times of several nodes can be held against each other.
fn clock(evidence: &Evidence) -> Option<Row> {
    let clock = evidence.platform.known()?.clock.known()?.kernel.known()?;
    let is_kept = *clock.synchronized.known()?;
    Some(match is_kept {
        true => Row::good("clock", "the kernel's clock is kept right"),
        false => Row::good("clock", "nothing keeps the kernel's clock right").lacking(
            State::Limited,
            "times in bundles and logs of several nodes cannot be compared",
            "start a time daemon such as chrony",
        ),
    })
}

/// What the kernel allows the measuring commands.
fn instruments() -> Vec<Row> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let is_root = nix::unistd::geteuid().is_root();
    let mut rows = Vec::new();
    rows.push(match read("/proc/pressure/cpu") {
        Some(_) => Row::good("pressure", "the kernel counts how long tasks wait (PSI)"),
        None => Row::good("pressure", "the kernel does not count how long tasks wait (PSI)").lacking(
            State::Missing,
            "waiting is told by thread only, and that of neighbours is not",
            "boot with `psi=1` where the kernel has PSI",
        ),
    });
    let paranoid: Option<i32> =
        read("/proc/sys/kernel/perf_event_paranoid").and_then(|text| text.trim().parse().ok());
    let has_traces = std::path::Path::new("/sys/kernel/tracing/events").exists();
    rows.push(match paranoid {
        Some(_) if is_root && has_traces => {
            Row::good("tracepoints", "`plumb noise --exact` can name interruptions")
        }
        found => {
            let found = found.map_or_else(
                || "the kernel has no performance events".to_owned(),
                |level| format!("perf_event_paranoid is {level}"),
            );
            Row::good("tracepoints", found).lacking(
                State::Limited,
                "`plumb noise` tells how long CPUs are taken away, and not always by what",
                "run `plumb noise --exact` as root, with tracefs mounted",
            )
        }
    });
    rows
}

/// The packs, and what they say of this machine.
fn packs(bundle: &Bundle, paths: &PackPaths, console: &Console) -> (Vec<Row>, Option<Analysis>) {
    let client = Client::default();
    let analysis = match analyse::analyse(bundle, paths, &client, None, console) {
        Ok(analysis) => analysis,
        Err(error) => {
            let row = Row::good("packs", format!("{error:#}")).lacking(
                State::Missing,
                "bundles can be collected, and not checked",
                "lay the packs beside `plumb`, or set PLUMB_PACK_PATH",
            );
            return (vec![row], None);
        }
    };
    let used = &analysis.assessment.packs;
    let checks: BTreeSet<&str> =
        analysis.assessment.findings.iter().map(|finding| finding.check.as_str()).collect();
    let mut rows = vec![Row::good("packs", format!("{} packs with {} checks", used.len(), checks.len()))];
    for pack in used.iter().filter(|pack| pack.status != "ok") {
        rows.push(Row::good("packs", format!("{}: {}", pack.id, pack.status)).lacking(
            State::Limited,
            "its checks are not run",
            "",
        ));
    }
    let sandboxes: BTreeSet<&str> =
        used.iter().map(|pack| pack.sandbox.as_str()).filter(|own| !own.is_empty()).collect();
    for sandbox in sandboxes {
        let row = Row::good("sandbox", sandbox);
        rows.push(match sandbox.contains("not available") {
            true => row.lacking(State::Limited, "a hostile pack is held back by less", ""),
            false => row,
        });
    }
    (rows, Some(analysis))
}

fn coverage(analysis: &Analysis) -> Row {
    let assessment = &analysis.assessment;
    let open: BTreeSet<&str> = assessment
        .findings
        .iter()
        .filter(|finding| finding.outcome.is_unanswered())
        .map(|finding| finding.check.as_str())
        .collect();
    let Some(share) = assessment.coverage else {
        return Row::good("coverage", "no check that carries risk applies to this machine");
    };
    let found = format!("{:.0} % of what applies, without a sample under load", (share * 100.0).floor());
    let row = Row::good("coverage", found);
    match open.len() {
        0 => row,
        n => row.lacking(
            State::Limited,
            format!("{n} checks that apply have no answer; `plumb check` says why of each"),
            "collect with --sample 30s while the service works, and measure with `plumb bench`",
        ),
    }
}

/// What `plumb` alone says: what this node is, what can be seen of it, and what to do next.
pub(crate) fn first(console: &Console) -> anyhow::Result<Outcome> {
    off_the_network(console);
    let bundle = look(&CollectFrom::default(), Interrupt::default())?;
    let evidence = derive(&bundle);
    let is_root = bundle.manifest().privileges.euid == 0;
    let mut out = format!("plumb {}: a health check for LLM inference nodes\n\n", crate::VERSION);
    let servers = evidence.servers.known().map_or(&[][..], Vec::as_slice);
    let gpus = evidence.gpus.known().map_or(0, Vec::len);
    let cpus = evidence.cpu.known().map_or(0, |cpu| cpu.pus);
    let nodes = evidence.numa.known().map_or(0, |numa| numa.nodes.len());
    text::wrap(&mut out, "Here:   ", &format!("{cpus} PUs, NUMA nodes: {nodes}, GPUs: {gpus}"));
    if servers.is_empty() {
        text::wrap(&mut out, "Server: ", "none was found; start it before you collect");
    }
    for server in servers {
        text::wrap(&mut out, "Server: ", &server.subject());
    }
    let rights = if is_root {
        "root: everything can be read"
    } else {
        "not root: what other users run is seen in part"
    };
    text::wrap(&mut out, "Rights: ", rights);
    let sudo = if is_root { "" } else { "sudo " };
    out.push_str("\nNext\n");
    let mut steps = vec![("plumb show".to_owned(), "where threads and memory are")];
    if let Some(port) = servers.iter().find_map(|server| port(&evidence, server)) {
        let bench = format!("plumb bench http://127.0.0.1:{port} --concurrency 8 --duration 60s");
        steps.push((bench, "load, in a second terminal, where the client allows it"));
    }
    steps.push((format!("{sudo}plumb audit --sample 30s -o audit"), "evidence and report, best under load"));
    steps.push((format!("{sudo}plumb doctor"), "what this machine does not let be seen"));
    steps.push(("plumb --help".to_owned(), "all commands"));
    for (command, what) in steps {
        let _ = writeln!(out, "  {command}\n      {what}");
    }
    console.result(&out)?;
    Ok(Outcome::Done)
}

/// The first port that a server listens at.
fn port(evidence: &Evidence, server: &InferenceServer) -> Option<u16> {
    let sockets: &[ListeningSocket] = evidence.network.known()?.listening.known()?;
    let of_server = sockets.iter().filter(|socket| socket.owners.iter().any(|pid| server.holds(*pid)));
    of_server.map(|socket| socket.port).min()
}
