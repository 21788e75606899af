//! Lists for other tools: what is to be done, what was found, what it rests on.

use serde::{Deserialize, Serialize};

use super::Model;

/// What is to be done about a finding, as the findings at a glance have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionRow {
    /// Id of the finding.
    pub id: String,
    /// Grade of the finding, in words.
    pub grade: String,
    /// What is wrong.
    pub problem: String,
    /// What to do; one step each.
    pub steps: Vec<String>,
    /// Files that `plumb remediate` writes for it.
    pub files: Vec<String>,
    /// How much work it is.
    pub effort: String,
    /// What it interrupts, or that it costs money.
    pub needs: String,
    /// Part of the roadmap.
    pub wave: String,
    /// Who does it; may be empty.
    pub owner: String,
    /// By when, in words; may be empty.
    pub due: String,
    /// How one knows that it is done.
    pub done_when: String,
    /// How far it is.
    pub status: String,
}

/// A deviation at one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingRow {
    /// Id of the finding that it is part of: `F1`.
    pub id: String,
    /// Id of the check; of a fleet those of all checks.
    pub check: String,
    /// What was looked at; of a fleet the node.
    pub subject: String,
    /// The outcome in words.
    pub outcome: String,
    /// Grade in words.
    pub grade: String,
    /// Risk score, 0 to 100.
    pub score: f64,
    /// What is wrong.
    pub problem: String,
    /// What was found.
    pub message: String,
}

/// What a deviation rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRow {
    /// Id of the finding: `F1`.
    pub id: String,
    /// Id of the check.
    pub check: String,
    /// What was looked at.
    pub subject: String,
    /// Where the value is from.
    pub source: String,
    /// The value.
    pub value: String,
}

/// Names of the columns of actions, in the order of [`ActionRow::cells`].
pub(crate) const ACTION_COLUMNS: [&str; 12] = [
    "id",
    "grade",
    "problem",
    "steps",
    "files",
    "effort",
    "needs",
    "wave",
    "owner",
    "due",
    "done_when",
    "status",
];

impl ActionRow {
    /// What stands in a line of a table.
    pub(crate) fn cells(&self) -> [String; 12] {
        let own = self.clone();
        [
            own.id,
            own.grade,
            own.problem,
            own.steps.join("; "),
            own.files.join("; "),
            own.effort,
            own.needs,
            own.wave,
            own.owner,
            own.due,
            own.done_when,
            own.status,
        ]
    }

    /// All its texts.
    pub(super) fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let texts = [
            &mut self.id,
            &mut self.grade,
            &mut self.problem,
            &mut self.effort,
            &mut self.needs,
            &mut self.wave,
            &mut self.owner,
            &mut self.due,
            &mut self.done_when,
            &mut self.status,
        ];
        texts.into_iter().chain(&mut self.steps).chain(&mut self.files)
    }
}

impl FindingRow {
    /// All its texts.
    pub(super) fn texts_mut(&mut self) -> [&mut String; 7] {
        [
            &mut self.id,
            &mut self.check,
            &mut self.subject,
            &mut self.outcome,
            &mut self.grade,
            &mut self.problem,
            &mut self.message,
        ]
    }
}

impl EvidenceRow {
    /// All its texts.
    pub(super) fn texts_mut(&mut self) -> [&mut String; 5] {
        [&mut self.id, &mut self.check, &mut self.subject, &mut self.source, &mut self.value]
    }
}

impl Model {
    /// The actions as comma-separated values, for trackers of work: a line each, after the names of the columns.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut text = ACTION_COLUMNS.join(",") + "\r\n";
        for own in &self.actions {
            text.push_str(&own.cells().map(|cell| csv_cell(&cell)).join(","));
            text.push_str("\r\n");
        }
        text
    }
}

/// A cell of comma-separated values. A text that a spreadsheet would take for a formula gets a mark before it.
fn csv_cell(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let guard = if line.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    format!("\"{guard}{}\"", line.replace('"', "\"\""))
}
