//! `rules.toml` as it is written: metadata and expressions, none of them parsed yet. Format 1; what it shares with format 2 is
//! here too.

use std::collections::BTreeMap;

use plumb_check_sdk::abi::{ABI_MINOR_OF_WORDS, PLUMB_ABI_MAJOR};
use plumb_check_sdk::{
    Category, CheckMeta, Confidence, Likelihood, PackManifest, Question, Reference, Remediation, Severity,
    Text, Threshold, ThresholdBasis, WorkloadTrait,
};
use plumb_strict_toml::schema::schema;
use plumb_strict_toml::{At, Document, Fault};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::problem::{Problem, Problems};
use crate::spoken::SpokenFile;

/// Version of the format whose rules have messages.
const FORMAT: u32 = 1;
/// Version of the format whose rules have sentences.
pub(crate) const FORMAT_OF_WORDS: u32 = 2;

/// A text of the file that knows its place in it.
pub(crate) type Place = At<String>;

/// A whole file.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct RuleFile {
    /// Version of this format.
    #[serde(rename = "format")]
    #[schemars(extend("const" = FORMAT))]
    _format: u32,
    /// Id of the pack.
    pub(crate) id: String,
    /// Version of the pack (semantic versioning).
    pub(crate) version: String,
    /// The rules.
    #[serde(default, rename = "rule")]
    pub(crate) rules: Vec<RuleTable>,
}

/// One rule: what it says about itself, and how it is decided.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct RuleTable {
    /// Id, such as `house.oom-kill`.
    pub(crate) id: Place,
    /// What is true on a healthy node.
    title: Text,
    /// Category of the client's report.
    category: Category,
    /// Severity of the possible effect.
    severity: Severity,
    /// A failed gate makes the category and the node High.
    #[serde(default)]
    gate: bool,
    /// Why it matters, for an engineer.
    rationale: Text,
    /// Why it matters, in business words.
    business: Text,
    /// Parts of the evidence that the rule reads, as JSON pointers.
    needs: Vec<Text>,
    /// How to mend it.
    remediation: Remediation,
    /// Limits that the rule compares with, by the name that expressions use.
    #[serde(default)]
    pub(crate) thresholds: BTreeMap<String, ThresholdTable>,
    /// Traits of a workload that make the finding weigh more.
    #[serde(default)]
    amplified_by: Vec<WorkloadTrait>,
    /// Questions of the client that the rule answers, or adds to.
    #[serde(default)]
    questions: Vec<Question>,
    /// What applies and what does not, in words.
    applicability: Text,
    /// A warning that belongs to the finding or its remedy.
    caveat: Option<Text>,
    /// Sources.
    references: Vec<Reference>,

    /// One variable and the list that it takes its values from.
    #[serde(default)]
    pub(crate) for_each: BTreeMap<String, Place>,
    /// What is looked at; the node, if it is not given.
    pub(crate) subject: Option<Place>,
    /// Expressions with a name.
    #[serde(default, rename = "let")]
    pub(crate) lets: BTreeMap<String, Place>,
    /// Condition on which the rule is about the subject.
    pub(crate) applies: Option<Place>,
    /// What is told where it is not.
    pub(crate) not_applicable: Option<Place>,
    /// When the condition is violated.
    pub(crate) fail: Option<BranchTable>,
    /// When it is violated less than a failure.
    pub(crate) warn: Option<BranchTable>,
    /// When there is something worth telling, without risk.
    pub(crate) info: Option<BranchTable>,
    /// What is told where none of them holds.
    pub(crate) pass: Place,
    /// What the finding rests on; a deviation needs it.
    #[serde(default)]
    pub(crate) evidence: Vec<CitationTable>,
    /// How likely the effect is, given the evidence.
    pub(crate) likelihood: Option<Likelihood>,
    /// How sure the finding is.
    pub(crate) confidence: Option<Confidence>,
}

/// A condition and what is said where it holds.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct BranchTable {
    /// Condition.
    pub(crate) when: Place,
    /// What is told where it holds.
    pub(crate) message: Place,
    /// How likely the effect is, given the evidence.
    pub(crate) likelihood: Option<Likelihood>,
    /// How sure the finding is.
    pub(crate) confidence: Option<Confidence>,
}

/// What a finding rests on.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct CitationTable {
    /// Where it was read on the node.
    pub(crate) path: Place,
    /// What stood there.
    pub(crate) value: Place,
}

/// A [`Threshold`] whose name is, if not given, that of its table.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct ThresholdTable {
    /// What is limited, as a client's policy calls it; left out, the name of the table.
    name: Option<Text>,
    /// The limit in `unit`.
    number: f64,
    /// Unit, for example `%`, `ms`, `count`.
    unit: Text,
    /// Where it comes from.
    basis: ThresholdBasis,
    /// Document, measurement or reasoning behind it.
    source: Text,
    /// Date of the source, ISO 8601.
    date: Text,
    /// Hardware, kernels or situations that it is meant for.
    applies_to: Text,
}

/// A file of either format.
#[derive(Debug)]
pub(crate) enum Rules {
    /// Format 1.
    Plain(RuleFile),
    /// Format 2.
    Spoken(SpokenFile),
}

impl Rules {
    /// Reads the text of a file that errors call `file`.
    pub(crate) fn parse(text: &str, file: &str) -> Result<Self, Problems> {
        let document = Document::parse(file, text).map_err(|fault| told(fault, None))?;
        let read = || {
            Ok(match document.version("format", &[FORMAT, FORMAT_OF_WORDS])? {
                FORMAT => Self::Plain(document.read()?),
                _ => Self::Spoken(document.read()?),
            })
        };
        let rules = read().map_err(|fault| told(fault, Some(&document)))?;
        let is_empty = match &rules {
            Self::Plain(rules) => rules.rules.is_empty(),
            Self::Spoken(rules) => rules.rules.is_empty(),
        };
        if is_empty {
            let text = "there is no rule: add one under `[[rule]]`".to_owned();
            return Err(Problems::new(file, vec![Problem { line: None, rule: None, text }]));
        }
        Ok(rules)
    }

    /// Id and version of the pack.
    pub(crate) fn names(&self) -> (&str, &str) {
        match self {
            Self::Plain(RuleFile { id, version, .. }) | Self::Spoken(SpokenFile { id, version, .. }) => {
                (id, version)
            }
        }
    }

    /// What the file says about itself and its rules; `file` is its name.
    pub(crate) fn manifest(&self, file: &str) -> Result<PackManifest, Problems> {
        let (mut checks, abi_minor): (Vec<CheckMeta>, u32) = match self {
            Self::Plain(rules) => (rules.rules.iter().map(RuleTable::meta).collect(), 0),
            Self::Spoken(rules) => (rules.metas(file)?, ABI_MINOR_OF_WORDS),
        };
        checks.sort_by(|a, b| a.id.cmp(&b.id));
        let (id, version) = self.names();
        Ok(PackManifest {
            id: id.to_owned().into(),
            version: version.to_owned().into(),
            abi_major: PLUMB_ABI_MAJOR,
            abi_minor,
            library: file.to_owned().into(),
            checks: checks.into(),
        })
    }
}

/// A fault of the TOML, with the rule that it is in.
fn told(fault: Fault, document: Option<&Document<'_>>) -> Problems {
    let Fault { file, line, key, message } = fault;
    let rule =
        line.and_then(|line| document?.name_at(line, "rule", "id")).filter(|_| key.starts_with("rule"));
    let text = if key.is_empty() { message } else { format!("{key}: {message}") };
    Problems::new(&file, vec![Problem { line, rule: rule.map(str::to_owned), text }])
}

/// JSON schema of files of rules, as it is published in the reference of the handbook.
#[must_use]
pub fn rules_schema() -> Value {
    let mut formats = [
        schema::<RuleFile>("Format 1", "Rules that have messages, in English."),
        schema::<SpokenFile>(
            "Format 2",
            "Rules that have sentences, in any language, and say what would mend it.",
        ),
    ];
    let draft = formats.iter_mut().map(|format| format["$schema"].take()).next_back();
    for format in formats.iter_mut().filter_map(Value::as_object_mut) {
        format.remove("$schema");
    }
    json!({
        "$schema": draft,
        "title": "Rules of a check pack for Plumb, formats 1 and 2",
        "description": "The TOML file that `rules` in `pack.toml` names, as data.",
        "anyOf": formats,
    })
}

/// Limits as the manifest has them, in the order of their tables' names.
pub(crate) fn limits(tables: &BTreeMap<String, ThresholdTable>) -> Vec<Threshold> {
    let threshold = |(key, table): (&String, &ThresholdTable)| Threshold {
        name: table.name.clone().unwrap_or_else(|| key.clone().into()),
        number: table.number,
        unit: table.unit.clone(),
        basis: table.basis,
        source: table.source.clone(),
        date: table.date.clone(),
        applies_to: table.applies_to.clone(),
    };
    tables.iter().map(threshold).collect()
}

impl RuleTable {
    /// The rule's metadata.
    pub(crate) fn meta(&self) -> CheckMeta {
        CheckMeta {
            id: self.id.to_string().into(),
            title: self.title.clone(),
            category: self.category,
            severity: self.severity,
            gate: self.gate,
            // The list of the catalogue; a rule of somebody else is not on it.
            top15_rank: None,
            rationale: self.rationale.clone(),
            business: self.business.clone(),
            needs: self.needs.clone().into(),
            remediation: self.remediation.clone(),
            thresholds: limits(&self.thresholds).into(),
            amplified_by: self.amplified_by.clone().into(),
            questions: self.questions.clone().into(),
            positions: Vec::new().into(),
            claims: Vec::new().into(),
            applicability: self.applicability.clone(),
            caveat: self.caveat.clone(),
            references: self.references.clone().into(),
        }
    }
}
