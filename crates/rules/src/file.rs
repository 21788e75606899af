//! `rules.toml` as it is written: metadata and expressions, none of them parsed yet.

use std::collections::BTreeMap;

use plumb_check_sdk::abi::PLUMB_ABI_MAJOR;
use plumb_check_sdk::{
    Category, CheckMeta, Confidence, Likelihood, PackManifest, Question, Reference, Remediation, Severity, Text,
    Threshold, ThresholdBasis, WorkloadTrait,
};
use serde::Deserialize;
use toml::Spanned;

use crate::problem::{Problem, Problems, line_of, rule_at};

/// Version of the format.
const FORMAT: u32 = 1;

/// A text of the file that knows its place in it.
pub(crate) type Place = Spanned<String>;

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleFile {
    format: u32,
    pub(crate) id: String,
    pub(crate) version: String,
    #[serde(default, rename = "rule")]
    pub(crate) rules: Vec<RuleTable>,
}

/// One rule: the fields of [`CheckMeta`], and how it is decided.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleTable {
    pub(crate) id: Place,
    title: Text,
    category: Category,
    severity: Severity,
    #[serde(default)]
    gate: bool,
    rationale: Text,
    business: Text,
    needs: Vec<Text>,
    remediation: Remediation,
    #[serde(default)]
    pub(crate) thresholds: BTreeMap<String, ThresholdTable>,
    #[serde(default)]
    amplified_by: Vec<WorkloadTrait>,
    #[serde(default)]
    questions: Vec<Question>,
    applicability: Text,
    caveat: Option<Text>,
    references: Vec<Reference>,

    /// One variable and the list that it takes its values from.
    #[serde(default)]
    pub(crate) for_each: BTreeMap<String, Place>,
    /// What is looked at; the node, if it is not given.
    pub(crate) subject: Option<Place>,
    /// Expressions with a name.
    #[serde(default, rename = "let")]
    pub(crate) lets: BTreeMap<String, Place>,
    pub(crate) applies: Option<Place>,
    pub(crate) not_applicable: Option<Place>,
    pub(crate) fail: Option<BranchTable>,
    pub(crate) warn: Option<BranchTable>,
    pub(crate) info: Option<BranchTable>,
    pub(crate) pass: Place,
    #[serde(default)]
    pub(crate) evidence: Vec<CitationTable>,
    pub(crate) likelihood: Option<Likelihood>,
    pub(crate) confidence: Option<Confidence>,
}

/// A condition and what is said where it holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BranchTable {
    pub(crate) when: Place,
    pub(crate) message: Place,
    pub(crate) likelihood: Option<Likelihood>,
    pub(crate) confidence: Option<Confidence>,
}

/// What a finding rests on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CitationTable {
    pub(crate) path: Place,
    pub(crate) value: Place,
}

/// A [`Threshold`] whose name is, if not given, that of its table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ThresholdTable {
    name: Option<Text>,
    number: f64,
    unit: Text,
    basis: ThresholdBasis,
    source: Text,
    date: Text,
    applies_to: Text,
}

impl RuleFile {
    /// Reads the text of a file that errors call `file`.
    pub(crate) fn parse(text: &str, file: &str) -> Result<Self, Problems> {
        let rules: Self = toml::from_str(text).map_err(|error| {
            let at = error.span().map(|span| span.start);
            Problems::new(
                file,
                vec![Problem {
                    line: at.map(|at| line_of(text, at)),
                    rule: at.and_then(|at| rule_at(text, at)),
                    text: error.message().replace('\n', ", "),
                }],
            )
        })?;
        let whole = |text: String| Problems::new(file, vec![Problem { line: None, rule: None, text }]);
        if rules.format != FORMAT {
            return Err(whole(format!(
                "rules of format {}, this plumb knows format {FORMAT}: update plumb",
                rules.format
            )));
        }
        if rules.rules.is_empty() {
            return Err(whole("there is no rule: add one under `[[rule]]`".to_owned()));
        }
        Ok(rules)
    }

    /// What the file says about itself and its rules; `file` is its name.
    pub(crate) fn manifest(&self, file: &str) -> PackManifest {
        let mut checks: Vec<CheckMeta> = self.rules.iter().map(RuleTable::meta).collect();
        checks.sort_by(|a, b| a.id.cmp(&b.id));
        PackManifest {
            id: self.id.clone().into(),
            version: self.version.clone().into(),
            abi_major: PLUMB_ABI_MAJOR,
            abi_minor: 0,
            library: file.to_owned().into(),
            checks: checks.into(),
        }
    }
}

impl RuleTable {
    /// The rule's metadata; thresholds in the order of their tables' names.
    pub(crate) fn meta(&self) -> CheckMeta {
        let threshold = |(key, table): (&String, &ThresholdTable)| Threshold {
            name: table.name.clone().unwrap_or_else(|| key.clone().into()),
            number: table.number,
            unit: table.unit.clone(),
            basis: table.basis,
            source: table.source.clone(),
            date: table.date.clone(),
            applies_to: table.applies_to.clone(),
        };
        CheckMeta {
            id: self.id.get_ref().clone().into(),
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
            thresholds: self.thresholds.iter().map(threshold).collect::<Vec<_>>().into(),
            amplified_by: self.amplified_by.clone().into(),
            questions: self.questions.clone().into(),
            positions: Vec::new().into(),
            applicability: self.applicability.clone(),
            caveat: self.caveat.clone(),
            references: self.references.clone().into(),
        }
    }
}
