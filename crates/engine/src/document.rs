//! Whose report it is and what is in it: what the engagement file says about the document rather than about the node.
//!
//! Nothing here changes a finding or a grade. Findings, unanswered checks and the coverage cannot be left out.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engagement::{colour, day, filled};
use crate::waiver::iso;

/// Whose report it is and what is in it. The default says nothing, and everything is printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DocumentTerms {
    /// Whose node it is.
    pub client: Client,
    /// Title, instead of the theme's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Who answers for the report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The author's company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// Day of the report, `YYYY-MM-DD`; `None` for that of the collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Language code of a message file of the theme, such as `en`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Printed on the cover and every page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidentiality: Option<String>,
    /// Name of an image file, as it was written; relative to the engagement file. Reading it is the caller's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
    /// Colours, instead of the theme's.
    pub colours: Colours,
    /// Host names that the engagement is about, with `*` for any letters; empty for all.
    pub nodes: Vec<String>,
    /// What is not printed.
    pub left_out: BTreeSet<Section>,
    /// Draft or final.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Version of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Names of font files, as [`Self::logo`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fonts: Vec<String>,
    /// Who reviewed it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reviewers: Vec<String>,
    /// Who receives it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub distribution: Vec<String>,
    /// The author's own summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<OwnSummary>,
    /// The author's notes on findings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// What the author observed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<OwnFinding>,
    /// Who does what by when.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Planned>,
    /// The nodes that this one is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peers: Option<PeersFile>,
}

/// Other nodes to compare with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PeersFile {
    /// What nodes they are, as the report says it: `12 nodes of this kind audited since 2025`.
    #[serde(deserialize_with = "filled")]
    #[schemars(length(min = 1))]
    pub source: String,
    /// A `fleet.json` of `plumb fleet`, relative to this file. Reading it is the caller's.
    #[serde(deserialize_with = "filled")]
    #[schemars(length(min = 1))]
    pub file: String,
}

/// Whether a document may still change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It may; every page says so.
    Draft,
    /// It may not.
    Final,
}

/// A summary by the author, which is printed instead of the one that Plumb writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnSummary {
    /// Its headline.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub headline: Option<String>,
    /// A file with its text, relative to this one: paragraphs with an empty line between them. Reading it is the caller's.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub text: Option<String>,
}

/// A note of the author on the findings of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// Id of the check.
    #[serde(deserialize_with = "filled")]
    #[schemars(length(min = 1))]
    pub check: String,
    /// The note.
    #[serde(deserialize_with = "filled")]
    #[schemars(length(min = 1))]
    pub text: String,
    /// A picture (PNG or JPEG), relative to this file.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub image: Option<String>,
    /// What the picture shows, in words; needed with one.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub alt: Option<String>,
}

/// A finding that the author observed, which no check looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnFinding {
    /// What is wrong, in a sentence.
    #[serde(deserialize_with = "filled")]
    #[schemars(length(min = 1))]
    pub title: String,
    /// Its grade. It counts for nothing but the order of the report.
    pub grade: OwnGrade,
    /// What it means for the service.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub effect: Option<String>,
    /// What to do.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub remedy: Option<String>,
    /// A picture (PNG or JPEG), relative to this file.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub image: Option<String>,
    /// What the picture shows, in words; needed with one.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub alt: Option<String>,
    /// Who takes care of it.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub owner: Option<String>,
    /// How much work it is.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub effort: Option<String>,
    /// By when.
    #[serde(default, deserialize_with = "iso_day", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub due: Option<String>,
    /// How far it is.
    #[serde(default)]
    pub status: Progress,
}

/// The grade of an own finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OwnGrade {
    /// As a finding of Plumb.
    High,
    /// As a finding of Plumb.
    Medium,
    /// As a finding of Plumb.
    Low,
}

/// How far something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// Nobody has begun.
    #[default]
    Open,
    /// Somebody has.
    InProgress,
    /// It is said to be done; the next collection shows it.
    Done,
    /// It will not be done.
    Declined,
}

/// Who mends the findings of a check, and by when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Planned {
    /// Id of the check.
    #[serde(deserialize_with = "filled")]
    #[schemars(length(min = 1))]
    pub check: String,
    /// Who does it.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub owner: Option<String>,
    /// How much work it is, instead of Plumb's estimate.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub effort: Option<String>,
    /// By when.
    #[serde(default, deserialize_with = "iso_day", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub due: Option<String>,
    /// How one knows that it is done.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub done_when: Option<String>,
    /// How far it is.
    #[serde(default)]
    pub status: Progress,
}

fn iso_day<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    day::<D, time::Date>(deserializer).map(|day| Some(iso(day)))
}

/// Whose node it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Client {
    /// Name of the client.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub name: Option<String>,
    /// Where the node stands.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub site: Option<String>,
    /// Who asked for the report.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub contact: Option<String>,
}

/// Colours as `#rrggbb`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Colours {
    /// Headings, rules, links.
    #[serde(default, deserialize_with = "colour", skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^#[0-9a-fA-F]{6}$"))]
    pub accent: Option<String>,
    /// Grade High.
    #[serde(default, deserialize_with = "colour", skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^#[0-9a-fA-F]{6}$"))]
    pub high: Option<String>,
    /// Grade Medium.
    #[serde(default, deserialize_with = "colour", skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^#[0-9a-fA-F]{6}$"))]
    pub medium: Option<String>,
    /// Grade Low.
    #[serde(default, deserialize_with = "colour", skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^#[0-9a-fA-F]{6}$"))]
    pub low: Option<String>,
}

/// Parts of a report that may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Section {
    /// The node at a glance and its topology.
    Node,
    /// Load tests, experiments, noise.
    Measurements,
    /// Service level objectives against what was measured.
    ServiceLevel,
    /// Capacity and cost.
    Capacity,
    /// The client's checklist.
    Checklist,
    /// Quick wins, sprint, project.
    Roadmap,
    /// Findings for information.
    Info,
    /// Checks passed.
    Passed,
    /// Checks that do not apply.
    NotApplicable,
    /// Where authorities disagree.
    Conflicts,
    /// Glossary.
    Glossary,
}

impl DocumentTerms {
    /// True if the section is to be printed.
    #[must_use]
    pub fn prints(&self, section: Section) -> bool {
        !self.left_out.contains(&section)
    }

    /// The files beside the engagement file that it names, each once, in their order: text of the summary, pictures, peers.
    #[must_use]
    pub fn files(&self) -> Vec<&str> {
        let text = self.summary.iter().filter_map(|own| own.text.as_deref());
        let notes = self.notes.iter().filter_map(|own| own.image.as_deref());
        let findings = self.findings.iter().filter_map(|own| own.image.as_deref());
        let mut files: Vec<&str> = Vec::new();
        let peers = self.peers.iter().map(|own| own.file.as_str());
        for file in text.chain(notes).chain(findings).chain(peers) {
            if !files.contains(&file) {
                files.push(file);
            }
        }
        files
    }

    /// True if the engagement is about the node of this name.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        self.nodes.is_empty() || self.nodes.iter().any(|pattern| matches(pattern.trim(), host))
    }
}

/// True if `text` is `pattern`, where `*` stands for any letters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// True for `#rrggbb`.
pub(crate) fn is_colour(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.chars().all(|c| c.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_host_names() {
        let covers = |patterns: &[&str], host: &str| {
            let nodes = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
            DocumentTerms { nodes, ..DocumentTerms::default() }.covers(host)
        };
        assert!(covers(&[], "anything"));
        assert!(covers(&["gpu-01", "gpu-02"], "gpu-02"));
        assert!(!covers(&["gpu-01"], "gpu-011"));
        assert!(covers(&["gpu-*"], "gpu-17") && !covers(&["gpu-*"], "cpu-17"));
        assert!(covers(&["*.example"], "a.example") && !covers(&["*.example"], "a.example.org"));
        assert!(
            covers(&["a*b*c"], "axxbyyc") && !covers(&["a*b*c"], "axxcyyb") && !covers(&["ab*ba"], "aba")
        );
    }
}
