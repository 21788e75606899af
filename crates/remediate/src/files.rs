//! The plan as files: units, scripts, settings, and the checklist that says in which order they are used.
//!
//! Each file opens with what it answers, what it risks, how to see that it worked and how to take it back (`header`). The
//! same plan gives the same bytes.

use plumb_engine::action::Action;
use plumb_engine::assessment::PackUsed;

use crate::Plan;
use crate::plan::{Partition, ServerPlan, Why};
use crate::quote::comment;

mod boot;
mod checklist;
mod containers;
mod foreign;
mod kubernetes;
mod persist;
mod scripts;
mod slurm;
mod units;

pub(crate) use units::unit_name;

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// Path below the output folder, of names that Plumb made.
    pub path: String,
    /// Contents.
    pub contents: String,
    /// True for scripts.
    pub executable: bool,
}

/// A file of the plan that is put in place on the node.
#[derive(Clone, Debug)]
struct Installed {
    /// Id of the topic that it belongs to.
    topic: &'static str,
    /// Path below the output folder.
    source: String,
    /// Path on the node.
    target: String,
    /// Contents.
    contents: String,
    /// True for scripts.
    executable: bool,
    /// True for a unit that starts at boot.
    enable: bool,
}

/// What the head of a file says.
#[derive(Debug)]
struct Head<'a> {
    /// What the file is.
    what: String,
    /// What it answers.
    whys: Vec<&'a Why>,
    /// How to see that it worked.
    verify: String,
    /// How to take it back.
    undo: String,
    /// What else a reader should know.
    notes: Vec<String>,
}

/// All files of a plan, by path.
pub(crate) fn render(plan: &Plan, actions: &[Action], packs: &[PackUsed]) -> Vec<OutputFile> {
    let mut installed = units::installed(plan);
    installed.extend(persist::installed(plan));
    let mut files: Vec<OutputFile> = Vec::new();
    if !plan.is_empty() {
        files.extend(scripts::render(plan, &installed));
        files.extend(units::separate(plan));
        files.extend(boot::render(plan));
        files.extend(containers::render(plan));
        files.extend(kubernetes::render(plan));
        files.extend(slurm::render(plan));
    }
    files.extend(installed.into_iter().map(|file| OutputFile {
        path: file.source,
        contents: file.contents,
        executable: file.executable,
    }));
    files.extend(foreign::render(actions, packs));
    files.push(OutputFile { path: "plan.json".into(), contents: json(plan), executable: false });
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let checklist = checklist::render(plan, actions, &files);
    files.insert(0, OutputFile { path: "CHECKLIST.md".into(), contents: checklist, executable: false });
    files
}

fn json(plan: &Plan) -> String {
    // A plan holds texts and numbers only, so that writing it cannot fail; an empty file would tell if it did.
    serde_json::to_string_pretty(plan).map(|text| text + "\n").unwrap_or_default()
}

impl Head<'_> {
    /// Lines of comment, each behind `mark`.
    fn lines(&self, plan: &Plan, mark: &str) -> String {
        let mut lines = vec![
            self.what.clone(),
            format!(
                "Made by Plumb {} for {} from the bundle collected {}.",
                plan.tool_version, plan.hostname, plan.collected
            ),
            String::new(),
        ];
        lines.push("Answers:".into());
        lines.extend(reasons(&self.whys).into_iter().map(|reason| format!("  {reason}")));
        let basis = self.whys.iter().map(|why| why.basis).max();
        if let Some(basis) = basis {
            lines.push(format!("Basis: {}", bases(&self.whys).unwrap_or_else(|| basis.title().to_owned())));
        }
        lines.push(format!("Risk of change: {}", risk(risk_of(&self.whys))));
        if self.whys.iter().any(|why| why.verify_first) {
            lines.push("Confirm first: part of the evidence is indirect.".into());
        }
        lines.push(format!("Verify: {}", self.verify));
        lines.push(format!("Undo: {}", self.undo));
        lines.extend(self.notes.iter().map(|note| format!("Note: {note}")));
        let mut text = String::new();
        for line in lines {
            let indent: String = line.chars().take_while(|&c| c == ' ').collect();
            let line = comment(&line);
            text += format!("{mark} {indent}{line}").trim_end();
            text.push('\n');
        }
        text
    }
}

/// The most findings of one check that a file names.
const SHOWN: usize = 3;

/// Each reason once, in a line; of many from one check the first, and how many more there are.
fn reasons(whys: &[&Why]) -> Vec<String> {
    let mut by_source: Vec<(&str, Vec<String>)> = Vec::new();
    for reason in whys.iter().flat_map(|why| &why.reasons) {
        let line = format!("{}: {}: {}", reason.source, reason.subject, reason.message);
        match by_source.iter_mut().find(|(source, _)| *source == reason.source) {
            Some((_, lines)) if lines.contains(&line) => {}
            Some((_, lines)) => lines.push(line),
            None => by_source.push((&reason.source, vec![line])),
        }
    }
    let mut shown = Vec::new();
    for (source, lines) in by_source {
        let more = lines.len().saturating_sub(SHOWN);
        shown.extend(lines.into_iter().take(SHOWN));
        if more > 0 {
            shown.push(format!("{source}: {more} more, all in plan.json"));
        }
    }
    shown
}

fn bases(whys: &[&Why]) -> Option<String> {
    let mut all: Vec<_> = whys.iter().map(|why| why.basis).collect();
    all.sort_unstable();
    all.dedup();
    let words: Vec<&str> = all.into_iter().map(crate::plan::Basis::title).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn risk_of(whys: &[&Why]) -> u8 {
    whys.iter().map(|why| why.risk).max().unwrap_or(1)
}

/// A risk of change in words, as the checks count it.
fn risk(points: u8) -> String {
    let words = match points {
        0 | 1 => "very low: at once and reversible, nothing restarts",
        2 => "low: the service restarts",
        3 => "moderate: drain or reboot of the node",
        _ => "high: firmware, hardware or provider",
    };
    format!("{points} of 4 ({words})")
}

/// CPUs separated by blanks, as systemd's `CPUAffinity=` and people like them.
fn blanks(cpus: &plumb_evidence::CpuSet) -> String {
    cpus.to_string().replace(',', " ")
}

/// The slices of a plan, where they are to be.
fn slices(plan: &Plan) -> Option<(&Partition, &Why)> {
    let split = plan.partition.as_ref()?;
    Some((split, split.slices.as_ref()?))
}

/// Servers with a placement.
fn placed(plan: &Plan) -> impl Iterator<Item = (&ServerPlan, &crate::plan::Placement)> {
    plan.servers.iter().filter_map(|server| Some((server, server.placement.as_ref()?)))
}
