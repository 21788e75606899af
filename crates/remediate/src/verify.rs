//! Whether what was planned earlier holds on a node as it is now.
//!
//! What an intent is about is read back where the evidence has it: a value is as it was wanted, as it was before, or something
//! else. Everything else is told by its check, which finds again what it found, or does not.

use plumb_check_sdk::{Intent, Outcome};
use plumb_engine::Assessment;
use plumb_engine::assessment::FindingRef;
use plumb_evidence::model::PersistentValue;
use plumb_evidence::{Evidence, Fact};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::plan::PLAN_SCHEMA;
use crate::plan::goals::{Verdict, sysctl_path, value_of, want};

/// Most goals of a plan that are looked at.
const MAX_GOALS: usize = 2000;

/// Why a file is no plan.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// It is no JSON of this form.
    #[error("expected a plan.json that `plumb remediate` wrote, found something else: {0}")]
    Form(serde_json::Error),
    /// It is of another version.
    #[error(
        "expected a plan of version {PLAN_SCHEMA}, found version {0}; write the plan again with this program"
    )]
    Schema(u32),
}

/// What of a `plan.json` is held against a node.
#[derive(Debug, Deserialize)]
pub struct Earlier {
    schema: u32,
    /// Name of the node.
    pub hostname: String,
    /// Start of the collection that it rests on.
    pub collected: String,
    goals: Vec<Planned>,
}

#[derive(Debug, Deserialize)]
struct Planned {
    finding: FindingRef,
    intent: Intent,
    #[serde(default)]
    foreign: Option<String>,
    verdict: Verdict,
}

/// What became of a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is as it was wanted.
    Held,
    /// It is as it was before, or the check finds again what it found: never done, or lost since.
    Reverted,
    /// It is neither: somebody else set it.
    Overridden,
    /// Nothing tells.
    NotKnown,
}

/// One goal of the plan, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Id of the check that asked for it.
    pub check: String,
    /// What was looked at.
    pub subject: String,
    /// What was wanted.
    pub want: String,
    /// What became of it.
    pub state: State,
    /// What is there now, or why that is not known.
    pub now: String,
    /// What sets it otherwise, as far as files of the node tell.
    pub by: Option<String>,
}

impl Earlier {
    /// Reads a `plan.json`.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub fn read(json: &[u8]) -> Result<Self, VerifyError> {
        let own: Self = serde_json::from_slice(json).map_err(VerifyError::Form)?;
        if own.schema != PLAN_SCHEMA {
            return Err(VerifyError::Schema(own.schema));
        }
        Ok(own)
    }
}

/// What became of each goal that was planned; what was refused or left to a person's decision is left out.
#[must_use]
pub fn verify(earlier: &Earlier, evidence: &Evidence, assessment: &Assessment) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for planned in earlier.goals.iter().take(MAX_GOALS) {
        if planned.verdict != Verdict::Sound || planned.foreign.is_some() {
            continue;
        }
        let (state, now) = state(planned, evidence, assessment);
        let by = match state {
            State::Held | State::NotKnown => None,
            State::Reverted | State::Overridden => set_by(evidence, &planned.intent),
        };
        let row = Row {
            check: planned.finding.check.clone(),
            subject: planned.finding.subject.clone(),
            want: want(&planned.intent),
            state,
            now,
            by,
        };
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows
}

fn state(planned: &Planned, evidence: &Evidence, assessment: &Assessment) -> (State, String) {
    match value_of(evidence, &planned.intent) {
        Some(value) => match value.now {
            Err(why) => (State::NotKnown, why),
            Ok(now) if now == value.want => (State::Held, now),
            Ok(now) if now == value.was => (State::Reverted, now),
            Ok(now) => (State::Overridden, now),
        },
        None => by_check(planned, assessment),
    }
}

/// A server that was started again has other process ids, and so other subjects: a check that deviates nowhere says that the
/// goal is reached, one that deviates says that this one or another is not.
fn by_check(planned: &Planned, assessment: &Assessment) -> (State, String) {
    let of_check = || assessment.findings.iter().filter(|own| own.check == planned.finding.check);
    let deviation = |own: &&&plumb_engine::assessment::RatedFinding| own.outcome.is_deviation();
    let findings: Vec<_> = of_check().collect();
    let same = findings.iter().filter(deviation).find(|own| own.subject == planned.finding.subject);
    if let Some(own) = same.or_else(|| findings.iter().find(deviation)) {
        return (State::Reverted, own.message.clone());
    }
    let open = |own: &&&plumb_engine::assessment::RatedFinding| {
        own.outcome.is_unanswered() || own.outcome == Outcome::Accepted
    };
    if let Some(own) = findings.iter().find(open) {
        return (State::NotKnown, own.message.clone());
    }
    match findings.first() {
        Some(own) => (State::Held, own.message.clone()),
        None => (State::NotKnown, "no pack that was asked has this check".to_owned()),
    }
}

/// The file that sets a value at boot which is not the one that was wanted, or the program that keeps another.
fn set_by(evidence: &Evidence, intent: &Intent) -> Option<String> {
    let services = evidence.services.known()?;
    let persistent = services.persistent.known()?;
    let find = |all: &Fact<Vec<PersistentValue>>, name: &str, want: &str| {
        let own = all.known()?.iter().rfind(|own| own.name == name && own.value.trim() != want)?;
        Some(format!("{} sets {} = {}", own.path, own.name, own.value))
    };
    let by_file = match intent {
        Intent::Sysctl { name, want, .. } => {
            find(&persistent.sysctl, name, want).or_else(|| find(&persistent.files, &sysctl_path(name), want))
        }
        Intent::Value { path, want, .. } | Intent::Boost { path, want, .. } => {
            find(&persistent.files, path, want)
        }
        Intent::Governor { want, .. } => persistent
            .governor
            .known()
            .filter(|own| own.value.trim() != want)
            .map(|own| format!("{} sets the governor to {}", own.path, own.value)),
        Intent::KernelArgument { argument, present: true } => {
            let name = argument.split('=').next().unwrap_or_default();
            find(&persistent.cmdline, name, argument)
        }
        _ => None,
    };
    let keeps = |intent: &Intent| {
        matches!(
            intent,
            Intent::Governor { .. } | Intent::EnergyPreference { .. } | Intent::EnergyBias { .. }
        )
    };
    by_file.or_else(|| {
        let programs = services.programs.known()?.iter().filter(|program| program.pid.known().is_some());
        let mut keepers = programs.filter(|program| {
            matches!(program.name.as_str(), "tuned" | "power-profiles-daemon" | "tlp" | "auto-cpufreq")
        });
        keepers.find(|_| keeps(intent)).map(|own| format!("{} runs, and keeps such values", own.name))
    })
}
