//! `rules.toml` as it is written, format 2: what a rule finds is data, and its words are sentences in any language.

use std::collections::BTreeMap;
use std::fmt;

use plumb_check_sdk::{
    Category, ChangeKind, CheckMeta, Confidence, Likelihood, ObjectKind, Question, Reference, Remediation,
    Severity, Text, WorkloadTrait,
};
use plumb_strict_toml::At;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::file::{CitationTable, FORMAT_OF_WORDS, Place, ThresholdTable, limits};
use crate::intent::IntentTable;
use crate::problem::{Problem, Problems};
use crate::sentences::{WordsTable, Wrong, of_page};

/// A whole file.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct SpokenFile {
    /// Version of this format.
    #[serde(rename = "format")]
    #[schemars(extend("const" = FORMAT_OF_WORDS))]
    _format: u32,
    /// Id of the pack.
    pub(crate) id: String,
    /// Version of the pack (semantic versioning).
    pub(crate) version: String,
    /// The rules.
    #[serde(default, rename = "rule")]
    pub(crate) rules: Vec<SpokenTable>,
}

/// One rule: what it says about itself, how it is decided, and in which words it is told.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct SpokenTable {
    /// Id, such as `house.oom-kill`.
    pub(crate) id: Place,
    /// Category of the client's report.
    category: Category,
    /// Severity of the possible effect.
    severity: Severity,
    /// A failed gate makes the category and the node High.
    #[serde(default)]
    gate: bool,
    /// What a change touches.
    change: ChangeKind,
    /// Parts of the evidence that the rule reads, as JSON pointers.
    needs: Vec<Text>,
    /// Limits that the rule compares with, by the name that expressions use.
    #[serde(default)]
    pub(crate) thresholds: BTreeMap<String, ThresholdTable>,
    /// Traits of a workload that make the finding weigh more.
    #[serde(default)]
    amplified_by: Vec<WorkloadTrait>,
    /// Questions of the client that the rule answers, or adds to.
    #[serde(default)]
    questions: Vec<Question>,
    /// Sources.
    references: Vec<Reference>,

    /// One variable and the list that it takes its values from.
    #[serde(default)]
    pub(crate) for_each: BTreeMap<String, Place>,
    /// What is looked at; the node, if it is not given.
    pub(crate) object: Option<At<ObjectTable>>,
    /// Expressions with a name.
    #[serde(default, rename = "let")]
    pub(crate) lets: BTreeMap<String, Place>,
    /// Values that sentences name, by the name that they use.
    #[serde(default)]
    pub(crate) args: BTreeMap<String, At<ArgTable>>,
    /// Condition on which the rule is about the object.
    pub(crate) applies: Option<Place>,
    /// What is told where it is not.
    pub(crate) not_applicable: Option<SaidTable>,
    /// When the condition is violated.
    pub(crate) fail: Option<SpokenBranch>,
    /// When it is violated less than a failure.
    pub(crate) warn: Option<SpokenBranch>,
    /// When there is something worth telling, without risk.
    pub(crate) info: Option<SpokenBranch>,
    /// What is told where none of them holds.
    pub(crate) pass: SaidTable,
    /// What would mend a failure or a warning.
    #[serde(default)]
    pub(crate) intent: Vec<At<IntentTable>>,
    /// What a failure or a warning has in common with others that one change would mend.
    pub(crate) cause: Option<CauseTable>,
    /// What the finding rests on; a deviation needs it.
    #[serde(default)]
    pub(crate) evidence: Vec<CitationTable>,
    /// How likely the effect is, given the evidence.
    pub(crate) likelihood: Option<Likelihood>,
    /// How sure the finding is.
    pub(crate) confidence: Option<Confidence>,
    /// The words: by language, by key, a text in the syntax of Fluent's messages.
    pub(crate) words: WordsTable,
}

/// Which sentence is said.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct SaidTable {
    /// Name of the sentence: `found-NAME` of the words.
    pub(crate) variant: Place,
}

/// A condition and what is said where it holds.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct SpokenBranch {
    /// Condition.
    pub(crate) when: Place,
    /// Name of the sentence that is said where it holds: `problem-NAME` of the words, or `found-NAME` for `info`.
    pub(crate) variant: Place,
    /// What would mend it, instead of what the rule says for all.
    #[serde(default)]
    pub(crate) intent: Vec<At<IntentTable>>,
    /// How likely the effect is, given the evidence.
    pub(crate) likelihood: Option<Likelihood>,
    /// How sure the finding is.
    pub(crate) confidence: Option<Confidence>,
}

/// What a finding is about.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct ObjectTable {
    /// What kind of thing it is.
    pub(crate) kind: ObjectKind,
    /// Which one: a list of CPUs, a PCI address, a path, a process id. The node has none.
    pub(crate) id: Option<Place>,
    /// What it is called in lists and waivers, where kind and id do not say it.
    pub(crate) name: Option<Place>,
}

/// What findings have in common that one change would mend.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct CauseTable {
    /// Key, the same in all rules of the pack that share the cause.
    pub(crate) key: Place,
    /// What the cause belongs to; the node, if it is not given.
    pub(crate) object: Option<At<ObjectTable>>,
}

/// A value that sentences name.
#[derive(Debug)]
pub(crate) struct ArgTable {
    /// Expression.
    pub(crate) value: String,
    /// Unit and decimals of a quantity.
    pub(crate) quantity: Option<(String, u8)>,
}

/// A quantity, which languages write in their own way.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct QuantityTable {
    /// Expression.
    value: String,
    /// Unit, as it is printed.
    unit: String,
    /// Decimals that are printed.
    #[serde(default)]
    #[schemars(range(max = 9))]
    digits: u8,
}

impl<'de> Deserialize<'de> for ArgTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = ArgTable;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an expression, or a table with `value`, `unit` and `digits`")
            }

            fn visit_str<E>(self, text: &str) -> Result<ArgTable, E> {
                Ok(ArgTable { value: text.to_owned(), quantity: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ArgTable, A::Error> {
                let QuantityTable { value, unit, digits } =
                    QuantityTable::deserialize(MapAccessDeserializer::new(map))?;
                Ok(ArgTable { value, quantity: Some((unit, digits.min(9))) })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for ArgTable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Arg".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An expression; a number that is measured or computed has a unit",
            "anyOf": [{ "type": "string" }, QuantityTable::json_schema(generator)],
        })
    }
}

impl SpokenFile {
    /// What the rules say about themselves.
    pub(crate) fn metas(&self, file: &str) -> Result<Vec<CheckMeta>, Problems> {
        let mut problems = Vec::new();
        let mut metas = Vec::new();
        for table in &self.rules {
            match table.meta() {
                Ok(meta) => metas.push(meta),
                Err(wrong) => problems.extend(wrong.into_iter().map(|wrong| table.problem(wrong))),
            }
        }
        if problems.is_empty() { Ok(metas) } else { Err(Problems::new(file, problems)) }
    }
}

impl SpokenTable {
    /// A problem of this rule.
    pub(crate) fn problem(&self, (line, text): Wrong) -> Problem {
        Problem { line: line.or(self.id.line()), rule: Some(self.id.to_string()), text }
    }

    /// The rule's metadata. Its texts are those of the words in English.
    pub(crate) fn meta(&self) -> Result<CheckMeta, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let mut say = |key: &str| -> Text {
            of_page(&self.words, key).map_or_else(
                |problem| {
                    wrong.push(problem);
                    Text::default()
                },
                Into::into,
            )
        };
        let (title, rationale, business) = (say("title"), say("why"), say("effect"));
        let (applicability, expected_effect) = (say("applicability"), say("expected-effect"));
        let has_caveat =
            self.words.get(plumb_words::ENGLISH).is_some_and(|texts| texts.contains_key("caveat"));
        let caveat = has_caveat.then(|| say("caveat"));
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(CheckMeta {
            id: self.id.to_string().into(),
            title,
            category: self.category,
            severity: self.severity,
            gate: self.gate,
            // The list of the catalogue; a rule of somebody else is not on it.
            top15_rank: None,
            rationale,
            business,
            needs: self.needs.clone().into(),
            remediation: Remediation {
                runtime: Text::default(),
                persistent: Text::default(),
                rollback: Text::default(),
                change: self.change,
                verification: Text::default(),
                expected_effect,
            },
            thresholds: limits(&self.thresholds).into(),
            amplified_by: self.amplified_by.clone().into(),
            questions: self.questions.clone().into(),
            positions: Vec::new().into(),
            claims: Vec::new().into(),
            applicability,
            caveat,
            references: self.references.clone().into(),
        })
    }
}
