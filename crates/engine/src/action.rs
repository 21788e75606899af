//! What is to be done about findings, as every format prints it. `plumb-remediate` makes actions; this is their form.

use std::collections::BTreeMap;

use plumb_check_sdk::{ChangeKind, Object};
use serde::Serialize;

use crate::assessment::{FindingRef, RatedFinding};

/// What became of a goal on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionState {
    /// It can be done as printed.
    Resolved,
    /// Somebody has to do it by hand, or somewhere else: firmware, hardware, provider.
    ByHand,
    /// What it takes is not known here; `reason` says what is missing.
    NotKnown,
    /// Two findings want different things of one object; `reason` names both, and neither is printed as a command.
    Conflict,
    /// The pack asked for what this node does not have, or what it must not touch; `reason` says which.
    Refused,
}

/// What a change interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interrupts {
    /// Nothing.
    Nothing,
    /// The service restarts.
    Service,
    /// The node restarts.
    Node,
}

/// Something to be done on this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Action {
    /// Short name, unique in the assessment: `A1`.
    pub id: String,
    /// What became of it.
    pub state: ActionState,
    /// Why it is not resolved; empty where it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Kind of the goal, such as `governor`.
    pub kind: String,
    /// What is changed.
    pub object: Object,
    /// What to do, as an instruction without a full stop, by language.
    pub title: BTreeMap<String, String>,
    /// Commands that have their effect at once, for root on this node.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub now: Vec<String>,
    /// Commands that make it last, in the folder that `plumb remediate` writes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub permanent: Vec<String>,
    /// What a person has to do beside these commands, for them to have their effect; by language, empty for nothing.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub also: BTreeMap<String, String>,
    /// Commands that take it back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<String>,
    /// Commands that show whether it worked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verify: Vec<String>,
    /// Files of the folder that `plumb remediate` writes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Risk of change from 1 (at once, reversible) to 4 (firmware or hardware).
    pub risk: u8,
    /// What it interrupts.
    pub interrupts: Interrupts,
    /// Minutes of work from, to; our estimate.
    pub minutes: (u32, u32),
    /// The findings that it answers.
    pub findings: Vec<FindingRef>,
    /// Id of the pack that asked for it, where that did not come with this installation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreign: Option<String>,
}

impl Action {
    /// The kind of change that it is by itself, whatever the findings that ask for it say.
    fn own_change(&self) -> ChangeKind {
        match (self.kind.as_str(), self.interrupts) {
            ("firmware", _) => ChangeKind::Bios,
            ("hardware", _) => ChangeKind::Hardware,
            ("provider", _) => ChangeKind::Provider,
            (_, Interrupts::Node) => ChangeKind::Reboot,
            (_, Interrupts::Service) => ChangeKind::ServiceRestart,
            (_, Interrupts::Nothing) => ChangeKind::Runtime,
        }
    }

    /// The instruction in a language, or in English.
    #[must_use]
    pub fn title(&self, language: &str) -> &str {
        in_language(&self.title, language)
    }

    /// What a person has to do beside the commands, in a language, or in English; empty for nothing.
    #[must_use]
    pub fn also(&self, language: &str) -> &str {
        in_language(&self.also, language)
    }
}

/// Risk and kind of the riskiest step that mends some findings: what they say themselves, or an action that risks more.
/// `all` are the findings of the assessment, `actions` its actions. Number and words come from the same step, so that they
/// cannot contradict each other.
#[must_use]
pub fn change_of(
    members: &[&RatedFinding],
    all: &[RatedFinding],
    actions: &[Action],
) -> Option<(u8, ChangeKind)> {
    let own = members.iter().map(|finding| (finding.risk_of_change, finding.remediation.change));
    let asked = |action: &&Action| members.iter().any(|finding| finding.actions.contains(&action.id));
    let of_action = |action: &Action| {
        // An action that another finding made riskier is what that one says.
        let by_finding = all.iter().find(|finding| {
            finding.actions.contains(&action.id)
                && finding.risk_of_change == action.risk
                && action.own_change().risk() != action.risk
        });
        (action.risk, by_finding.map_or_else(|| action.own_change(), |finding| finding.remediation.change))
    };
    let steps = own.chain(actions.iter().filter(asked).map(of_action));
    // Of equals the first, which the finding says of itself.
    steps.reduce(|worst, step| if step.0 > worst.0 { step } else { worst })
}

fn in_language<'a>(texts: &'a BTreeMap<String, String>, language: &str) -> &'a str {
    texts.get(language).or_else(|| texts.get("en")).map_or("", String::as_str)
}
