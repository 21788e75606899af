//! What a report says, before any format: an [`Assessment`] with its findings grouped, its numbers as text and its
//! enums as words. Markdown and Typst print the same [`View`], so they cannot differ in content.
//!
//! Every text of the assessment passes through [`clean`] here, and nowhere else.

mod capacity;
mod client;
mod conflicts;
mod cover;
mod findings;
mod measured;
mod said;
mod summary;

use std::collections::BTreeMap;

use plumb_check_sdk::Outcome;
use plumb_engine::Assessment;
use plumb_engine::assessment::{CategoryResult, Grade};
use plumb_evidence::model::Origin;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::ReportError;
use crate::escape::clean;
use crate::figure::{self, Figure};
use crate::material::{Audience, Material};
use crate::messages::Messages;
use client::{OverrideView, ProfileView, QuestionView, WaiverView, WorkView};
use conflicts::{ConflictView, ContradictionView};
use findings::{Group, Row};
use said::Said;
use summary::{FirstStep, KeyIssue};

/// A report, ready to print.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct View {
    /// The words of the message file.
    t: Value,
    document: Document,
    risk: Risk,
    coverage: Coverage,
    categories: Vec<Category>,
    counts: Vec<Count>,
    /// The worst in one sentence, with its full stop.
    key_sentence: String,
    checklist: Vec<QuestionView>,
    work: Vec<WorkView>,
    profile: ProfileView,
    indices: Vec<Fact>,
    waivers: Vec<WaiverView>,
    /// The day against which expiry dates were held.
    as_of: String,
    overrides: Vec<OverrideView>,
    conflicts: Vec<ConflictView>,
    contradictions: Vec<ContradictionView>,
    key_issues: Vec<KeyIssue>,
    first_steps: Vec<FirstStep>,
    /// True if the grade has to wait for more evidence.
    gaps: bool,
    /// True if no check had anything to judge.
    nothing_applied: bool,
    /// True if the client decided anything.
    decided: bool,
    deviations: Vec<Group>,
    accepted: Vec<Group>,
    info: Vec<Group>,
    /// Findings with remedies into which names have to be put.
    patterns: Vec<PatternView>,
    unanswered: Vec<Row>,
    passed: Vec<Row>,
    not_applicable: Vec<Row>,
    node: Vec<Fact>,
    probes: Vec<Probe>,
    packs: Vec<Pack>,
    /// The protection of all packs in a sentence, where it is the same for all.
    protection: Option<String>,
    provenance: Vec<Fact>,
    /// Who the report is for.
    audience: Audience,
    cover: cover::Cover,
    /// The logo, where the format has its file.
    logo: Option<cover::Logo>,
    /// Which parts are printed.
    print: BTreeMap<String, bool>,
    measured: measured::Measured,
    service: measured::Service,
    capacity: capacity::CapacityView,
    /// All figures; each names the chapter that it belongs to.
    pub(crate) figures: Vec<Figure>,
}

/// How often each section's template is used. All that a Typst template may know of the data, so that no text of a
/// node can become source.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Counts {
    /// Parts that are printed.
    print: BTreeMap<String, bool>,
    deviations: usize,
    accepted: usize,
    info: usize,
    unanswered: usize,
    passed: usize,
    not_applicable: usize,
    patterns: usize,
}

#[derive(Clone, Debug, Serialize)]
struct Document {
    host: String,
    /// Date in words.
    date: String,
    /// Time of day with zone.
    time: String,
    /// Date and time as the bundle gives them.
    collected: String,
    prepared: String,
    /// That the node does not exist, where it does not.
    notice: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Risk {
    grade: GradeView,
    reason: String,
}

/// A grade with everything that a mark needs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct GradeView {
    id: String,
    /// With the lower bound, where there is one.
    pub(crate) text: String,
    /// 3 for High to 1 for Low, 0 for not assessable.
    level: u8,
    /// Level of the lower bound, 0 if there is none.
    at_least: u8,
}

#[derive(Clone, Debug, Serialize)]
struct Coverage {
    text: String,
    /// From 0 to 100, for drawing.
    percent: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
struct Category {
    title: String,
    grade: Option<GradeView>,
    /// True if many findings raised it above the worst of them.
    stepped_up: bool,
    coverage: Coverage,
    exposure: String,
    deviations: u32,
    unanswered: u32,
    not_applicable: u32,
}

/// Number of findings and checks with one outcome.
#[derive(Clone, Debug, Serialize)]
struct Count {
    id: &'static str,
    word: String,
    meaning: String,
    findings: usize,
    checks: usize,
}

/// A row of label and value.
#[derive(Clone, Debug, Serialize)]
struct Fact {
    label: String,
    value: String,
    /// True for hashes and paths.
    code: bool,
}

/// Remedies of a finding that are printed in the appendix.
#[derive(Clone, Debug, Serialize)]
struct PatternView {
    /// Id of the group.
    id: String,
    title: String,
    steps: findings::Patterns,
}

#[derive(Clone, Debug, Serialize)]
struct Probe {
    id: String,
    status: String,
    reason: String,
}

#[derive(Clone, Debug, Serialize)]
struct Pack {
    id: String,
    version: String,
    checks: u32,
    status: String,
    sandbox: String,
    sha256: String,
}

const OUTCOMES: [Outcome; 8] = [
    Outcome::Fail,
    Outcome::Warn,
    Outcome::Contradictory,
    Outcome::NotRun,
    Outcome::Accepted,
    Outcome::Info,
    Outcome::Pass,
    Outcome::NotApplicable,
];

impl View {
    pub(crate) fn new(material: &Material<'_>, messages: &Messages) -> Result<Self, ReportError> {
        let assessment = material.assessment;
        let said = Said::new(assessment, messages);
        let deviations = findings::groups(assessment, messages, Outcome::is_deviation, "F")?;
        let accepted = findings::groups(assessment, messages, |outcome| outcome == Outcome::Accepted, "A")?;
        let info = findings::groups(assessment, messages, |outcome| outcome == Outcome::Info, "I")?;
        let print = cover::printed(&assessment.document, material.audience);
        let is_printed = |part: &str| print.get(part).is_some_and(|&printed| printed);
        // An edition without commands needs no patterns of them.
        let with_patterns: &[&[Group]] = match (is_printed("detail"), is_printed("info")) {
            (true, true) => &[&deviations, &accepted, &info],
            (true, false) => &[&deviations, &accepted],
            (false, _) => &[],
        };
        let patterns = patterns(with_patterns);
        let fact = |(label, value): &(String, String)| Fact {
            label: clean(label),
            value: clean(value),
            code: false,
        };
        Ok(Self {
            t: messages.all().clone(),
            document: document(assessment, messages)?,
            risk: Risk {
                grade: grade(assessment.risk.grade, assessment.risk.at_least, messages)?,
                reason: summary::reason(&sentence(&said.text(
                    &assessment.risk.words,
                    "reason",
                    &assessment.risk.reason,
                ))),
            },
            coverage: coverage(assessment.coverage, messages)?,
            categories: assessment
                .categories
                .iter()
                .map(|c| category(c, messages))
                .collect::<Result<_, _>>()?,
            counts: counts(assessment, messages)?,
            key_issues: summary::key_issues(&deviations, messages)?,
            first_steps: summary::first_steps(&assessment.work, &deviations),
            key_sentence: summary::key_sentence(&sentence(&said.text(
                &assessment.key_issue.words,
                "sentence",
                &assessment.key_issue.sentence,
            ))),
            checklist: client::checklist(assessment, &[&deviations, &accepted], messages)?,
            work: client::work(assessment, &deviations, messages),
            profile: client::profile(assessment, messages)?,
            indices: client::indices(&assessment.indices, messages)?,
            waivers: client::waivers(assessment, messages)?,
            as_of: as_of(assessment, messages)?,
            overrides: client::overrides(assessment, messages)?,
            contradictions: assessment
                .contradictions
                .iter()
                .map(|own| conflicts::contradiction(own, said))
                .collect(),
            conflicts: assessment.conflicts.iter().map(|own| conflicts::view(own, said)).collect(),
            decided: !assessment.waivers.is_empty() || !assessment.overrides.is_empty(),
            gaps: assessment.risk.grade == Grade::NotAssessable,
            nothing_applied: assessment
                .findings
                .iter()
                .all(|finding| finding.outcome == Outcome::NotApplicable),
            patterns,
            deviations,
            accepted,
            info,
            unanswered: findings::rows(assessment, messages, Outcome::is_unanswered)?,
            passed: findings::rows(assessment, messages, |outcome| outcome == Outcome::Pass)?,
            not_applicable: findings::rows(assessment, messages, |outcome| {
                outcome == Outcome::NotApplicable
            })?,
            node: assessment.facts(messages.language()).iter().map(fact).collect(),
            probes: probes(assessment),
            packs: packs(assessment),
            protection: protection(assessment, messages)?,
            provenance: provenance(assessment, messages)?,
            audience: material.audience,
            cover: cover::cover(&assessment.document, messages)?,
            logo: None,
            print,
            measured: measured::measured(material, messages)?,
            service: measured::service(material, messages)?,
            capacity: capacity::capacity(assessment, messages)?,
            figures: figure::all(material, messages)?,
        })
    }

    /// Names the file of the logo.
    pub(crate) fn set_logo(&mut self, name: Option<&str>) {
        self.logo = name.map(|name| self.cover.logo(name));
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            print: self.print.clone(),
            deviations: self.deviations.len(),
            accepted: self.accepted.len(),
            info: self.info.len(),
            unanswered: self.unanswered.len(),
            passed: self.passed.len(),
            not_applicable: self.not_applicable.len(),
            patterns: self.patterns.len(),
        }
    }
}

fn patterns(groups: &[&[Group]]) -> Vec<PatternView> {
    let with_patterns = groups.iter().copied().flatten().filter(|group| group.remediation.patterns.any);
    let view = |group: &Group| PatternView {
        id: group.id.clone(),
        title: group.title.clone(),
        steps: group.remediation.patterns.clone(),
    };
    with_patterns.map(view).collect()
}

/// The collection time of `assessment`, in UTC.
pub(crate) fn collected(assessment: &Assessment) -> Result<OffsetDateTime, ReportError> {
    time_of(&assessment.provenance.collected)
}

/// A collection time, in UTC.
pub(crate) fn time_of(found: &str) -> Result<OffsetDateTime, ReportError> {
    let time = OffsetDateTime::parse(found, &Rfc3339).ok().map(|time| time.to_offset(time::UtcOffset::UTC));
    time.filter(|time| (1970..=9999).contains(&time.year()))
        .ok_or_else(|| ReportError::Time { found: clean(found) })
}

fn as_of(assessment: &Assessment, messages: &Messages) -> Result<String, ReportError> {
    let as_of = &assessment.as_of;
    let day = as_of.date.as_deref().unwrap_or(messages.get("text", "none_given")?);
    let source = messages.get("as_of", &as_of.source)?;
    messages.fill("text", "as_of", &[("day", &clean(day)), ("source", source)])
}

/// `text` with a capital letter: the reason of a grade stands alone, other than messages, which follow their subject.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The day of a collection time, in words.
pub(crate) fn date_of(found: &str, messages: &Messages) -> Result<String, ReportError> {
    let time = time_of(found)?;
    let (day, year) = (time.day().to_string(), time.year().to_string());
    let month = messages.month(u8::from(time.month()))?;
    messages.fill("document", "date", &[("day", &day), ("month", month), ("year", &year)])
}

/// The word for an outcome.
pub(crate) fn outcome_word(outcome: Outcome, messages: &Messages) -> Result<String, ReportError> {
    messages.get("outcome", outcome.as_str()).map(str::to_owned)
}

/// A coverage in words.
pub(crate) fn coverage_text(share: Option<f64>, messages: &Messages) -> Result<String, ReportError> {
    Ok(coverage(share, messages)?.text)
}

fn document(assessment: &Assessment, messages: &Messages) -> Result<Document, ReportError> {
    let time = collected(assessment)?;
    let tool = clean(&assessment.tool_version);
    let synthetic = assessment.provenance.origin == Origin::Synthetic.as_str();
    let notice = synthetic.then(|| messages.get("text", "synthetic")).transpose()?;
    Ok(Document {
        notice: notice.map(str::to_owned),
        host: clean(&assessment.node.hostname),
        date: date_of(&assessment.provenance.collected, messages)?,
        time: format!("{:02}:{:02} UTC", time.hour(), time.minute()),
        collected: clean(&assessment.provenance.collected),
        prepared: messages.fill("document", "prepared", &[("version", &tool)])?,
    })
}

/// The kebab-case name that serde gives a variant; message files use the same.
pub(crate) fn id(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(id)) => id,
        // Only enums without fields get here, and those are strings; a lookup of the empty id names the section.
        _ => String::new(),
    }
}

pub(crate) fn level(grade: Grade) -> u8 {
    match grade {
        Grade::NotAssessable => 0,
        Grade::Low => 1,
        Grade::Medium => 2,
        Grade::High => 3,
    }
}

pub(crate) fn grade(
    grade: Grade,
    at_least: Option<Grade>,
    messages: &Messages,
) -> Result<GradeView, ReportError> {
    let word = messages.get("grade", &id(grade))?;
    let text = match at_least {
        Some(floor) => {
            let floor = messages.get("grade", &id(floor))?;
            messages.fill("grade", "at_least", &[("grade", word), ("floor", floor)])?
        }
        None => word.to_owned(),
    };
    Ok(GradeView { id: id(grade), text, level: level(grade), at_least: at_least.map_or(0, level) })
}

fn coverage(share: Option<f64>, messages: &Messages) -> Result<Coverage, ReportError> {
    let Some(share) = share else {
        return Ok(Coverage { text: messages.get("document", "none_applied")?.to_owned(), percent: None });
    };
    Ok(Coverage { text: percent(share), percent: Some((share * 100.0).clamp(0.0, 100.0)) })
}

/// A share in per cent, rounded down, so that 100 % is printed only where nothing is missing.
pub(crate) fn percent(share: f64) -> String {
    // The addend absorbs 0.29 · 100 = 28.99….
    format!("{:.0} %", ((share * 100.0).clamp(0.0, 100.0) + 1e-9).floor())
}

/// A grade in words, with its lower bound; of a category to which no check applies, too.
pub(crate) fn grade_words(
    found: Option<Grade>,
    at_least: Option<Grade>,
    messages: &Messages,
) -> Result<String, ReportError> {
    match found {
        Some(found) => Ok(grade(found, at_least, messages)?.text),
        None => Ok(messages.get("grade", "none")?.to_owned()),
    }
}

fn category(category: &CategoryResult, messages: &Messages) -> Result<Category, ReportError> {
    // A message file may translate the title; the English one has no need to repeat it.
    let title = messages.find("category", &id(category.id)).unwrap_or(&category.title);
    Ok(Category {
        title: clean(title),
        grade: category.grade.map(|g| grade(g, category.at_least, messages)).transpose()?,
        stepped_up: category.stepped_up,
        coverage: coverage(category.coverage, messages)?,
        exposure: messages.numeral(&format!("{:.1}", category.exposure)),
        deviations: category.deviations,
        unanswered: category.unanswered,
        not_applicable: category.not_applicable,
    })
}

fn counts(assessment: &Assessment, messages: &Messages) -> Result<Vec<Count>, ReportError> {
    let count = |outcome: Outcome| {
        let found = assessment.findings.iter().filter(|finding| finding.outcome == outcome);
        let mut checks: Vec<_> = found.map(|finding| finding.check.as_str()).collect();
        let findings = checks.len();
        checks.sort_unstable();
        checks.dedup();
        Ok(Count {
            id: outcome.as_str(),
            word: outcome_word(outcome, messages)?,
            meaning: messages.get("outcome_meaning", outcome.as_str())?.to_owned(),
            findings,
            checks: checks.len(),
        })
    };
    OUTCOMES.into_iter().map(count).collect()
}

fn probes(assessment: &Assessment) -> Vec<Probe> {
    let incomplete = assessment.probes.iter().filter(|probe| probe.status != "ok");
    incomplete
        .map(|probe| Probe {
            id: clean(&probe.id),
            status: clean(&probe.status),
            reason: clean(&probe.reason),
        })
        .collect()
}

fn packs(assessment: &Assessment) -> Vec<Pack> {
    let pack = |pack: &plumb_engine::assessment::PackUsed| Pack {
        id: clean(&pack.id),
        version: clean(&pack.version),
        checks: pack.checks,
        status: clean(&pack.status),
        sandbox: clean(&pack.sandbox),
        sha256: clean(&pack.sha256),
    };
    assessment.packs.iter().map(pack).collect()
}

fn protection(assessment: &Assessment, messages: &Messages) -> Result<Option<String>, ReportError> {
    let Some(first) = assessment.packs.first().map(|pack| &pack.sandbox) else { return Ok(None) };
    let is_common = !first.is_empty() && assessment.packs.iter().all(|pack| pack.sandbox == *first);
    is_common.then(|| messages.fill("text", "protection", &[("protection", &clean(first))])).transpose()
}

fn provenance(assessment: &Assessment, messages: &Messages) -> Result<Vec<Fact>, ReportError> {
    let from = &assessment.provenance;
    let origin = messages.find("origin", &from.origin).unwrap_or(&from.origin);
    let root = messages.get("answer", if from.root { "yes" } else { "no" })?;
    let fact = |label: &str, value: &str, code: bool| {
        Ok(Fact { label: messages.get("label", label)?.to_owned(), value: clean(value), code })
    };
    Ok(vec![
        fact("bundle", &from.bundle_sha256, true)?,
        fact("collected", &from.collected, false)?,
        fact("origin", origin, false)?,
        fact("privilege", root, false)?,
        fact("tool", &format!("Plumb {}", assessment.tool_version), false)?,
    ])
}
