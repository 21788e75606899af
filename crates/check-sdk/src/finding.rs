//! What a check says about one subject of one node.

use std::collections::BTreeMap;

use plumb_evidence::model::Quote;
use serde::{Deserialize, Serialize};

use crate::intent::Intent;
use crate::object::Object;
use crate::words::{Arg, Said};

/// The result of looking at one subject.
///
/// "No answer" has outcomes of its own, so that it can never be mistaken for a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The evidence was there and meets the condition.
    Pass,
    /// The evidence was there and deviates, but less than a failure does.
    Warn,
    /// The evidence was there and the condition is violated.
    Fail,
    /// A fact worth telling that carries no risk by itself.
    Info,
    /// The check has nothing to judge on this node; the message names the predicate that said so.
    NotApplicable,
    /// The evidence was missing, denied, timed out or idle, or the check itself failed; the message says which.
    NotRun,
    /// Two sources that should agree do not; the evidence names both.
    Contradictory,
    /// A deviation that the client accepted with an owner, a reason and an expiry date. Set by the engine only.
    Accepted,
}

impl Outcome {
    /// True where the check applied to this node but could not be answered.
    #[must_use]
    pub fn is_unanswered(self) -> bool {
        matches!(self, Self::NotRun | Self::Contradictory)
    }

    /// True for outcomes that carry risk.
    #[must_use]
    pub fn is_deviation(self) -> bool {
        matches!(self, Self::Warn | Self::Fail)
    }

    /// The word used in every output format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Info => "info",
            Self::NotApplicable => "not-applicable",
            Self::NotRun => "not-run",
            Self::Contradictory => "contradictory",
            Self::Accepted => "accepted",
        }
    }
}

/// How sure one can be of the evidence and of the rule; factor C of the risk formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Indirect evidence or a rule of thumb (0.6).
    Low,
    /// Direct evidence with a known weakness (0.8).
    Medium,
    /// Direct, cross-checked evidence (1.0).
    High,
}

impl Confidence {
    /// Factor C of the risk formula, without unit.
    #[must_use]
    pub fn factor(self) -> f64 {
        match self {
            Self::Low => 0.6,
            Self::Medium => 0.8,
            Self::High => 1.0,
        }
    }
}

/// The rung of the evidence ladder that a deviation has reached; factor L of the risk formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Likelihood {
    /// A setting deviates and this workload is known not to be sensitive to it (1).
    Insensitive,
    /// A setting deviates and the workload is sensitive, or nobody knows (2). Settings alone end here.
    Setting,
    /// The mechanism is seen: a counter moves under load, a mask or a page is where it should not be (3).
    Mechanism,
    /// The effect on latency, throughput or errors was measured on this node (4).
    Measured,
}

impl Likelihood {
    /// The rung as a number from 1 to 4.
    #[must_use]
    pub fn points(self) -> u8 {
        match self {
            Self::Insensitive => 1,
            Self::Setting => 2,
            Self::Mechanism => 3,
            Self::Measured => 4,
        }
    }
}

/// A piece of evidence that a finding rests on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Citation {
    /// Where it was read: a path of the node (`/sys/…`, kept in the bundle under `raw/`) or a file of the bundle's
    /// `api/` folder, such as `api/nvml.json`.
    pub source: String,
    /// What was read there, shortened to what matters.
    pub value: String,
}

impl Citation {
    /// Cites `value` as read from `source`.
    #[must_use]
    pub fn new(source: impl Into<String>, value: impl Into<String>) -> Self {
        Self { source: source.into(), value: value.into() }
    }
}

impl From<Quote> for Citation {
    fn from(quote: Quote) -> Self {
        Self { source: quote.source, value: quote.value }
    }
}

/// What one check found out about one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Id of the check, for example `cpu.governor`.
    pub check: String,
    /// The result.
    pub outcome: Outcome,
    /// What was looked at, for example `GPU 0000:18:00.0` or `CPUs 0-127`.
    pub subject: String,
    /// One sentence, without a full stop, that says what was found; for an unanswered check, the cause. In English. A check
    /// that has a page leaves it empty: the worker writes it from the page.
    #[serde(default)]
    pub message: String,
    /// What the finding rests on. A deviation must cite at least one piece.
    #[serde(default)]
    pub evidence: Vec<Citation>,
    /// The rung of the evidence ladder; counts only for deviations.
    pub likelihood: Likelihood,
    /// How sure the check is of its evidence.
    pub confidence: Confidence,
    /// Replaces the severity of the check where the catalogue says so (a hard mis-pin counts as critical).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<crate::Severity>,
    /// Replaces the gate of the check where only a part of its failures is one (steal is, from ten per cent on).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<bool>,
    /// What was looked at, typed; `subject` is its name. Since schema 2, as is everything below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// Which of the sentences of the check's page applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The values that the sentence names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Arg>,
    /// What would mend it: goals on objects of this node, never commands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intents: Vec<Intent>,
    /// What it has in common with other findings that one change would mend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The sentences by language (`en`, `de`), written by the worker from the check's page.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, Words>,
}

/// What findings have in common that one change would mend: a power profile, the placement of a server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// Key such as `power-profile`. The host puts the id of the pack before keys of packs that are not its own.
    pub key: String,
    /// What the cause belongs to: the node, a server.
    pub object: Object,
}

/// What a finding says in one language.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// What is wrong here: a sentence of at most twelve words, without a full stop. Empty where nothing is wrong.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub problem: String,
    /// What it means for the service, in business words: whole sentences. Empty where nothing is wrong.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub effect: String,
    /// What was found, or why there is no answer: one sentence without a full stop.
    pub message: String,
    /// True if the page lacks this language, and these are the English words.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fallback: bool,
}

impl Finding {
    /// A finding with the given outcome; evidence, likelihood and confidence are set with the `with_` methods.
    #[must_use]
    pub fn new(
        check: impl Into<String>,
        outcome: Outcome,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            check: check.into(),
            outcome,
            subject: subject.into(),
            message: message.into(),
            evidence: Vec::new(),
            likelihood: Likelihood::Setting,
            confidence: Confidence::High,
            severity: None,
            gate: None,
            object: None,
            variant: None,
            args: BTreeMap::new(),
            intents: Vec::new(),
            cause: None,
            words: BTreeMap::new(),
        }
    }

    /// A finding of a check that has a page: which of its sentences applies, with the values that it names.
    #[must_use]
    pub fn said(check: impl Into<String>, outcome: Outcome, object: Object, said: Said) -> Self {
        Self {
            object: Some(object.clone()),
            variant: Some(said.variant.to_owned()),
            args: said.args.into_iter().map(|(name, arg)| (name.to_owned(), arg)).collect(),
            ..Self::new(check, outcome, object.subject(), "")
        }
    }

    /// Adds a goal that would mend the finding.
    #[must_use]
    pub fn with_intent(mut self, intent: Intent) -> Self {
        self.intents.push(intent);
        self
    }

    /// Adds several goals.
    #[must_use]
    pub fn with_intents(mut self, intents: impl IntoIterator<Item = Intent>) -> Self {
        self.intents.extend(intents);
        self
    }

    /// Adds goals that would mend the finding, if it is a deviation.
    #[must_use]
    pub fn mended_by(self, intents: impl IntoIterator<Item = Intent>) -> Self {
        if self.outcome.is_deviation() { self.with_intents(intents) } else { self }
    }

    /// Says what one change would mend together with this finding.
    #[must_use]
    pub fn with_cause(mut self, key: impl Into<String>, object: Object) -> Self {
        self.cause = Some(Cause { key: key.into(), object });
        self
    }

    /// Adds a piece of evidence.
    #[must_use]
    pub fn with_evidence(mut self, citation: Citation) -> Self {
        self.evidence.push(citation);
        self
    }

    /// Adds several pieces of evidence.
    #[must_use]
    pub fn with_citations(mut self, citations: impl IntoIterator<Item = Citation>) -> Self {
        self.evidence.extend(citations);
        self
    }

    /// Sets the rung of the evidence ladder.
    #[must_use]
    pub fn with_likelihood(mut self, likelihood: Likelihood) -> Self {
        self.likelihood = likelihood;
        self
    }

    /// Sets the confidence.
    #[must_use]
    pub fn with_confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    /// Overrides the severity of the check for this finding.
    #[must_use]
    pub fn with_severity(mut self, severity: crate::Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// Says whether this finding, if it fails, makes category and node High, whatever its check does in general.
    #[must_use]
    pub fn with_gate(mut self, gate: bool) -> Self {
        self.gate = Some(gate);
        self
    }
}
