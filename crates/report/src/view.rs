//! What a report says, before any format: an [`Assessment`] with its findings grouped, its numbers as text and its
//! enums as words. Markdown and Typst print the same [`View`], so they cannot differ in content.
//!
//! Every text of the assessment passes through [`clean`] here, and nowhere else.

pub(crate) mod capacity;
pub(crate) mod client;
pub(crate) mod conflicts;
pub(crate) mod cover;
pub(crate) mod findings;
pub(crate) mod measured;
pub(crate) mod said;

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
use crate::material::Material;
use crate::messages::Messages;
use client::{OverrideView, ProfileView, WaiverView, WorkView};
use conflicts::{ConflictView, ContradictionView};
use findings::{Group, Row};
use said::Said;

/// A report, ready to print.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct View {
    pub(crate) document: Document,
    pub(crate) risk: Risk,
    pub(crate) coverage: Coverage,
    pub(crate) categories: Vec<Category>,
    pub(crate) counts: Vec<Count>,
    pub(crate) work: Vec<WorkView>,
    pub(crate) profile: ProfileView,
    pub(crate) indices: Vec<Fact>,
    pub(crate) waivers: Vec<WaiverView>,
    /// The day against which expiry dates were held.
    pub(crate) as_of: String,
    pub(crate) overrides: Vec<OverrideView>,
    pub(crate) conflicts: Vec<ConflictView>,
    pub(crate) contradictions: Vec<ContradictionView>,
    /// True if the grade has to wait for more evidence.
    pub(crate) gaps: bool,
    /// True if no check had anything to judge.
    pub(crate) nothing_applied: bool,
    /// True if the client decided anything.
    pub(crate) decided: bool,
    pub(crate) deviations: Vec<Group>,
    pub(crate) accepted: Vec<Group>,
    pub(crate) info: Vec<Group>,
    /// Findings with remedies into which names have to be put.
    pub(crate) patterns: Vec<PatternView>,
    pub(crate) unanswered: Vec<Row>,
    pub(crate) passed: Vec<Row>,
    pub(crate) not_applicable: Vec<Row>,
    pub(crate) node: Vec<Fact>,
    pub(crate) probes: Vec<Probe>,
    pub(crate) packs: Vec<Pack>,
    /// The protection of all packs in a sentence, where it is the same for all.
    pub(crate) protection: Option<String>,
    pub(crate) provenance: Vec<Fact>,
    pub(crate) cover: cover::Cover,
    pub(crate) measured: measured::Measured,
    pub(crate) service: measured::Service,
    pub(crate) capacity: capacity::CapacityView,
    /// All figures; each names the chapter that it belongs to.
    pub(crate) figures: Vec<Figure>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Document {
    pub(crate) host: String,
    /// Date in words.
    pub(crate) date: String,
    /// Time of day with zone.
    pub(crate) time: String,
    /// Date and time as the bundle gives them.
    pub(crate) collected: String,
    pub(crate) prepared: String,
    /// That the node does not exist, where it does not.
    pub(crate) notice: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Risk {
    pub(crate) grade: GradeView,
    pub(crate) reason: String,
}

/// A grade with everything that a mark needs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct GradeView {
    pub(crate) id: String,
    /// With the lower bound, where there is one.
    pub(crate) text: String,
    /// 3 for High to 1 for Low, 0 for not assessable.
    pub(crate) level: u8,
    /// Level of the lower bound, 0 if there is none.
    pub(crate) at_least: u8,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Coverage {
    pub(crate) text: String,
    /// From 0 to 100, for drawing.
    pub(crate) percent: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Category {
    pub(crate) title: String,
    pub(crate) grade: Option<GradeView>,
    /// True if many findings raised it above the worst of them.
    pub(crate) stepped_up: bool,
    pub(crate) coverage: Coverage,
    pub(crate) exposure: String,
    pub(crate) deviations: u32,
    pub(crate) unanswered: u32,
    pub(crate) not_applicable: u32,
}

/// Number of findings and checks with one outcome.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Count {
    pub(crate) id: &'static str,
    pub(crate) word: String,
    pub(crate) meaning: String,
    pub(crate) findings: usize,
    pub(crate) checks: usize,
}

/// A row of label and value.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Fact {
    pub(crate) label: String,
    pub(crate) value: String,
    /// True for hashes and paths.
    pub(crate) code: bool,
}

/// Remedies of a finding that are printed in the appendix.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PatternView {
    /// Id of the group.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) steps: findings::Patterns,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Probe {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Pack {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) checks: u32,
    pub(crate) status: String,
    pub(crate) sandbox: String,
    pub(crate) sha256: String,
}

pub(crate) const OUTCOMES: [Outcome; 8] = [
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
        let with_patterns: &[&[Group]] = &[&deviations, &accepted, &info];
        let patterns = patterns(with_patterns);
        let fact = |(label, value): &(String, String)| Fact {
            label: clean(label),
            value: clean(value),
            code: false,
        };
        Ok(Self {
            document: document(assessment, messages)?,
            risk: Risk {
                grade: grade(assessment.risk.grade, assessment.risk.at_least, messages)?,
                reason: sentence(&said.text(&assessment.risk.words, "reason", &assessment.risk.reason)),
            },
            coverage: coverage(assessment.coverage, messages)?,
            categories: assessment
                .categories
                .iter()
                .map(|c| category(c, messages))
                .collect::<Result<_, _>>()?,
            counts: counts(assessment, messages)?,
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
            cover: cover::cover(&assessment.document, messages)?,
            measured: measured::measured(material, messages)?,
            service: measured::service(material, messages)?,
            capacity: capacity::capacity(assessment, messages)?,
            figures: figure::all(material, messages)?,
        })
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

pub(crate) fn as_of(assessment: &Assessment, messages: &Messages) -> Result<String, ReportError> {
    let as_of = &assessment.as_of;
    let day = as_of.date.as_deref().unwrap_or(messages.get("text", "none_given")?);
    let source = messages.get("as_of", &as_of.source)?;
    messages.fill("text", "as_of", &[("day", &clean(day)), ("source", source)])
}

/// `text` with a capital letter: the reason of a grade stands alone, other than messages, which follow their subject.
pub(crate) fn sentence(text: &str) -> String {
    // `vllm.service` is a name, and begins no other way.
    let first = text.split(' ').next().unwrap_or_default().trim_end_matches(['.', ',', ':']);
    if first.contains(['.', '_', '/', '`']) {
        return text.to_owned();
    }
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

pub(crate) fn document(assessment: &Assessment, messages: &Messages) -> Result<Document, ReportError> {
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

pub(crate) fn coverage(share: Option<f64>, messages: &Messages) -> Result<Coverage, ReportError> {
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

pub(crate) fn category(category: &CategoryResult, messages: &Messages) -> Result<Category, ReportError> {
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

pub(crate) fn counts(assessment: &Assessment, messages: &Messages) -> Result<Vec<Count>, ReportError> {
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

pub(crate) fn probes(assessment: &Assessment) -> Vec<Probe> {
    let incomplete = assessment.probes.iter().filter(|probe| probe.status != "ok");
    incomplete
        .map(|probe| Probe {
            id: clean(&probe.id),
            status: clean(&probe.status),
            reason: clean(&probe.reason),
        })
        .collect()
}

pub(crate) fn packs(assessment: &Assessment) -> Vec<Pack> {
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

pub(crate) fn protection(
    assessment: &Assessment,
    messages: &Messages,
) -> Result<Option<String>, ReportError> {
    let Some(first) = assessment.packs.first().map(|pack| &pack.sandbox) else { return Ok(None) };
    let is_common = !first.is_empty() && assessment.packs.iter().all(|pack| pack.sandbox == *first);
    is_common.then(|| messages.fill("text", "protection", &[("protection", &clean(first))])).transpose()
}

pub(crate) fn provenance(assessment: &Assessment, messages: &Messages) -> Result<Vec<Fact>, ReportError> {
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
