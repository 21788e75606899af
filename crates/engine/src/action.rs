//! What is to be done about findings, as every format prints it. `plumb-remediate` makes actions; this is their form.

use std::collections::BTreeMap;

use plumb_check_sdk::Object;
use serde::Serialize;

use crate::assessment::FindingRef;

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

fn in_language<'a>(texts: &'a BTreeMap<String, String>, language: &str) -> &'a str {
    texts.get(language).or_else(|| texts.get("en")).map_or("", String::as_str)
}
