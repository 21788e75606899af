//! The result of an analysis: the one model that every output format is rendered from.

use std::collections::BTreeMap;

use plumb_check_sdk::{
    Arg, Category, Cause, Citation, Confidence, Intent, Object, ObjectKind, Outcome, Question as Answers,
    Reference, Remediation, Severity, Text, Threshold, Words,
};
use plumb_words::ENGLISH;
use serde::{Deserialize, Serialize};

use crate::action::Action;

use crate::capacity::Capacity;
use crate::checklist::{KeyIssue, Question};
use crate::conflicts::Conflict;
use crate::contradictions::Contradiction;
use crate::document::DocumentTerms;
use crate::load::LoadSample;
use crate::policy::{Override, OverrideUse};
use crate::profile::Profile;
use crate::speech::{LikelihoodReason, Translations};
use crate::waiver::{AsOf, WaiverApplied, WaiverUse};
use crate::work::WorkItem;

/// Version of the JSON form of [`Assessment`].
pub const ASSESSMENT_SCHEMA: u32 = 1;

/// The grade of a finding, a category or a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Not enough was seen to say more than the findings themselves do.
    NotAssessable,
    /// R below 20.
    Low,
    /// R from 20 to below 55.
    Medium,
    /// R of 55 or more.
    High,
}

impl Grade {
    /// The word that reports print.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::NotAssessable => "Not assessable",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        }
    }
}

/// Everything that is said about a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assessment {
    /// [`ASSESSMENT_SCHEMA`].
    pub schema: u32,
    /// Version of the tool that analysed.
    pub tool_version: String,
    /// Where the evidence comes from.
    pub provenance: Provenance,
    /// The day against which expiry dates were held, and who says so.
    pub as_of: AsOf,
    /// The node at a glance.
    pub node: NodeSummary,
    /// What the node was taken to be, and what its workload was taken to be sensitive to.
    pub profile: Profile,
    /// Whether the node was seen under load.
    pub load_sample: LoadSample,
    /// Overall grade.
    pub risk: Risk,
    /// The worst of what was found, in one sentence.
    pub key_issue: KeyIssue,
    /// The client's three questions.
    pub checklist: Vec<Question>,
    /// Severity points assessed ÷ severity points applicable, 0 to 1; `None` where nothing applied.
    pub coverage: Option<f64>,
    /// Numbers for sorting and trends, which grade nothing.
    pub indices: Indices,
    /// All seven categories, in the order of the report.
    pub categories: Vec<CategoryResult>,
    /// All findings: deviations first, by falling grade and score, then by check and subject.
    pub findings: Vec<RatedFinding>,
    /// The checks with a deviation, in the order in which work on them pays.
    pub work: Vec<WorkItem>,
    /// What is to be done about the findings on this node, in the order of work; empty until the intents are resolved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
    /// Texts of checks that stand for every node (`title`, `why`), by language other than English and check.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pages: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
    /// Every waiver that the client gave, and what became of it.
    pub waivers: Vec<WaiverUse>,
    /// Every threshold that the client's policy changes, and whether a check has it.
    pub overrides: Vec<OverrideUse>,
    /// Where authorities disagree about what was checked, and the position taken for this node.
    pub conflicts: Vec<Conflict>,
    /// Statements that cannot both be true; nobody should act on either before it is known which one is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<Contradiction>,
    /// What load tests and experiments say about capacity, and what that costs.
    pub capacity: Capacity,
    /// What each probe of the collector came to, in the order of the bundle.
    pub probes: Vec<plumb_evidence::model::ProbeOutcome>,
    /// The packs that were asked.
    pub packs: Vec<PackUsed>,
    /// Whose report it is and what is in it, from the engagement file. Changes no finding.
    pub document: DocumentTerms,
}

/// Where the evidence comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Provenance {
    /// SHA-256 of the bundle's manifest, which names the hash of every file.
    pub bundle_sha256: String,
    /// Pseudonym of the node, as the bundle's manifest gives it; empty where nobody said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host_token: String,
    /// Start of the collection, RFC 3339, UTC. Also the date of the report: rendering reads no clock.
    pub collected: String,
    /// `live`, `sysroot`, or `synthetic` for a node that does not exist.
    pub origin: String,
    /// True if the collector ran with user id 0.
    pub root: bool,
}

/// The node at a glance: rows of label and value, ready to print.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeSummary {
    /// Host name, or `unnamed node`.
    pub hostname: String,
    /// Label and value.
    pub facts: Vec<(String, String)>,
    /// The same rows by language other than English.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, Vec<(String, String)>>,
}

/// Overall grade of the node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Risk {
    /// The grade.
    pub grade: Grade,
    /// Where the grade is `not-assessable`: what the findings alone already amount to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Grade>,
    /// Why, in one sentence without a full stop.
    pub reason: String,
    /// `reason` in other languages.
    #[serde(skip_serializing_if = "Translations::is_empty")]
    pub words: Translations,
}

/// Numbers for sorting nodes and for trends. They grade nothing: one hides that effects depend on each other, the
/// other that a node can be High with a single fault.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Indices {
    /// 100 · (1 − ∏(1 − R/100)) over the worst finding of each check, 0 to 100, rounded to one decimal.
    pub exposure: f64,
    /// 100 · Σ(points · credit) ÷ Σ points over the checks that were answered, with credit 1 for a pass, ½ for a
    /// warning and 0 for a failure, accepted or not; 0 to 100, rounded to one decimal. `None` where no check was.
    pub hardening: Option<f64>,
    /// The coverage once more: the hardening index says nothing without it, since unanswered checks vanish from both of
    /// its sums.
    pub coverage: Option<f64>,
}

/// Grade of one category.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CategoryResult {
    /// The category.
    pub id: Category,
    /// Its title.
    pub title: String,
    /// Its grade; `None` where no check of the category applies to this node.
    pub grade: Option<Grade>,
    /// Where the grade is `not-assessable`: what the findings alone already amount to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Grade>,
    /// True if four or more checks with the same grade raised the category above it.
    pub stepped_up: bool,
    /// Severity points assessed ÷ applicable; `None` where none applied.
    pub coverage: Option<f64>,
    /// As [`Indices::exposure`], for this category.
    pub exposure: f64,
    /// Number of checks with a deviation.
    pub deviations: u32,
    /// Number of checks that applied but were not answered.
    pub unanswered: u32,
    /// Number of checks that do not apply to this node.
    pub not_applicable: u32,
}

impl CategoryResult {
    /// The grade that the findings amount to, whether or not enough was seen to call it the grade.
    #[must_use]
    pub fn floor(&self) -> Option<Grade> {
        self.at_least.or(self.grade).filter(|&grade| grade > Grade::NotAssessable)
    }
}

/// A finding with everything that a report prints about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RatedFinding {
    /// Id of the check.
    pub check: String,
    /// Title of the check: what is true on a healthy node.
    pub title: String,
    /// Category of the check.
    pub category: Category,
    /// The result.
    pub outcome: Outcome,
    /// Severity of the possible effect.
    pub severity: Severity,
    /// Severity points of the check itself, whatever the finding says: its weight in the coverage, which an answer that
    /// is lost must not change.
    pub weight: u8,
    /// True if a failure makes category and node High.
    pub gate: bool,
    /// Likelihood from 1 to 4, the profile of the workload applied.
    pub likelihood: u8,
    /// Why the likelihood is not the one that the check gave; other languages are in `likelihood_words`.
    #[serde(flatten)]
    pub likelihood_reason: Option<LikelihoodReason>,
    /// Confidence.
    pub confidence: Confidence,
    /// True for deviations whose evidence is indirect: to be confirmed before anything is changed on their grounds.
    pub verify_first: bool,
    /// R = 100 · S/4 · L/4 · C · W, rounded to one decimal; 0 for outcomes that carry no risk.
    pub score: f64,
    /// Grade of the score, floors applied; `None` for outcomes that carry no risk.
    pub grade: Option<Grade>,
    /// The client's waiver for this finding, in force or expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiver: Option<WaiverApplied>,
    /// What was looked at.
    pub subject: String,
    /// What was found.
    pub message: String,
    /// What is wrong here, in a sentence of at most twelve words without a full stop; empty where nothing is, and for checks
    /// without a page.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub problem: String,
    /// What it means for the service; empty where `problem` is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub effect: String,
    /// What was looked at, typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// Which sentence of the check's page it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The values that the sentence names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Arg>,
    /// The sentences by language.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, Words>,
    /// What would mend it, as the check asked for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub intents: Vec<Intent>,
    /// What one change would mend together with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Ids of the actions that answer it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// Id of the pack, where it did not come with this installation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreign: Option<String>,
    /// Questions of the client that the check has to do with.
    #[serde(skip)]
    pub questions: Vec<Answers>,
    /// Subjects on which authorities disagree and that the check has to do with.
    #[serde(skip)]
    pub positions: Vec<Text>,
    /// What it rests on.
    pub evidence: Vec<Citation>,
    /// Why it matters, for an engineer.
    pub rationale: String,
    /// Why it matters, in business words.
    pub business: String,
    /// What applies and what does not.
    pub applicability: String,
    /// How to mend it.
    pub remediation: Remediation,
    /// Risk of change of the remedy, 1 to 4.
    pub risk_of_change: u8,
    /// Limits that were compared with.
    pub thresholds: Vec<Limit>,
    /// A warning that belongs to the finding or its remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caveat: Option<String>,
    /// Sources.
    pub references: Vec<Reference>,
}

impl Assessment {
    /// The languages that it is written in beside English.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.risk.words.languages()
    }

    /// The title of a finding's check, in a language or in English.
    #[must_use]
    pub fn title_in<'a>(&'a self, language: &str, finding: &'a RatedFinding) -> &'a str {
        let page = self.pages.get(language).and_then(|checks| checks.get(&finding.check));
        page.and_then(|page| page.get("title")).unwrap_or(&finding.title)
    }

    /// The node at a glance, in a language or in English.
    #[must_use]
    pub fn facts(&self, language: &str) -> &[(String, String)] {
        self.node.words.get(language).unwrap_or(&self.node.facts)
    }
}

impl RatedFinding {
    /// What is wrong, in one sentence: what the page of the check says, or subject and message.
    #[must_use]
    pub fn sentence(&self) -> String {
        self.sentence_in(ENGLISH)
    }

    /// [`Self::sentence`] in a language, or in English.
    #[must_use]
    pub fn sentence_in(&self, language: &str) -> String {
        match self.problem_in(language) {
            "" => format!("{}: {}", self.subject, self.message_in(language)),
            problem => problem.to_owned(),
        }
    }

    /// What was found, in a language or in English.
    #[must_use]
    pub fn message_in(&self, language: &str) -> &str {
        self.words.get(language).map_or(&self.message, |words| &words.message)
    }

    /// What is wrong here, in a language or in English; empty for a check without a page.
    #[must_use]
    pub fn problem_in(&self, language: &str) -> &str {
        self.words.get(language).map_or(&self.problem, |words| &words.problem)
    }

    /// What one change would mend together with it.
    #[must_use]
    pub fn root(&self) -> Root<'_> {
        match &self.cause {
            Some(cause) => Root::Cause(&cause.key, cause.object.kind, &cause.object.id),
            None => Root::Check(&self.check),
        }
    }

    /// True if the check decides a question, or adds to it.
    #[must_use]
    pub fn is_about(&self, question: &str) -> bool {
        self.questions.iter().any(|own| own.id == question)
    }

    /// True if there is no answer to a question without one of this check.
    #[must_use]
    pub fn decides(&self, question: &str) -> bool {
        self.questions.iter().any(|own| own.id == question && own.decides)
    }
}

/// A limit that a check compared with, as the check has it, and what the client's policy puts in its place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Limit {
    /// The limit as the check has it, with its original number.
    #[serde(flatten)]
    pub threshold: Threshold,
    /// The number that was in force instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Override>,
}

/// Names one finding of the assessment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FindingRef {
    /// Id of the check.
    pub check: String,
    /// What was looked at.
    pub subject: String,
}

/// What findings have in common that one change would mend: their cause, with what that belongs to, or else their check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root<'a> {
    /// Key of the cause, kind and id of its object.
    Cause(&'a str, ObjectKind, &'a str),
    /// Id of the check.
    Check(&'a str),
}

impl Root<'_> {
    /// A name of it that is the same on every node: it leaves out what the cause belongs to.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Cause(key, ..) => format!("cause:{key}"),
            Self::Check(check) => (*check).to_owned(),
        }
    }
}

/// The findings by what would mend them together, in the order of the first of each.
#[must_use]
pub fn by_root<'a>(findings: impl Iterator<Item = &'a RatedFinding>) -> Vec<Vec<&'a RatedFinding>> {
    let mut groups: Vec<Vec<&RatedFinding>> = Vec::new();
    for finding in findings {
        match groups.iter_mut().find(|group| group[0].root() == finding.root()) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

/// The checks of some findings, each once, in their order.
#[must_use]
pub fn checks_of<'a>(findings: &[&'a RatedFinding]) -> Vec<&'a str> {
    let mut checks: Vec<&str> = Vec::new();
    for finding in findings {
        if !checks.contains(&finding.check.as_str()) {
            checks.push(&finding.check);
        }
    }
    checks
}

impl FindingRef {
    /// The finding, by check and subject.
    #[must_use]
    pub fn to(finding: &RatedFinding) -> Self {
        Self { check: finding.check.clone(), subject: finding.subject.clone() }
    }
}

/// A pack that was asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PackUsed {
    /// Id of the pack.
    pub id: String,
    /// Version of the pack.
    pub version: String,
    /// SHA-256 of the library that was loaded.
    pub sha256: String,
    /// Number of its checks.
    pub checks: u32,
    /// `ok`, or why it did not answer.
    pub status: String,
    /// Protections in force while it ran, or why one was not available.
    pub sandbox: String,
}
