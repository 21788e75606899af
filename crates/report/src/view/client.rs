//! What the client asked and decided: the checklist, the order of work, the profile, waivers and replaced thresholds.

use plumb_engine::Assessment;
use plumb_engine::assessment::Indices;
use plumb_engine::checklist::{Backing, Question};
use plumb_engine::policy::OverrideUse;
use plumb_engine::profile::word;
use plumb_engine::waiver::WaiverUse;
use plumb_engine::work::WorkItem;
use serde::Serialize;

use super::findings::{Evidence, Group, Word, evidence, outcome, quantity};
use super::said::Said;
use super::{Coverage, Fact, GradeView, coverage, grade, id, sentence};
use crate::ReportError;
use crate::escape::clean;
use crate::messages::Messages;

/// So much evidence is printed below an answer; the finding has all of it.
const MAX_CITATIONS: usize = 2;
/// So many findings are listed below an answer; the report has all of them further on.
const MAX_BACKING: usize = 6;

/// An answer to one question of the client.
#[derive(Clone, Debug, Serialize)]
pub(super) struct QuestionView {
    question: String,
    grade: Option<GradeView>,
    coverage: Coverage,
    sentence: String,
    findings: Vec<BackingView>,
    /// Number of findings that are not listed here.
    more: usize,
}

/// A finding behind an answer.
#[derive(Clone, Debug, Serialize)]
struct BackingView {
    /// Id of the group, where the finding has a section of its own.
    id: Option<String>,
    check: String,
    subject: String,
    outcome: Word,
    evidence: Vec<Evidence>,
    /// Number of citations that are not printed here.
    more: usize,
    /// What was found or why nothing was, where no evidence is cited.
    message: String,
}

/// A step of the order of work.
#[derive(Clone, Debug, Serialize)]
pub(super) struct WorkView {
    /// Id of the group.
    id: String,
    title: String,
    findings: usize,
    score: String,
    change_risk: u8,
    priority: String,
    quick_win: bool,
    verify_first: bool,
    /// `quick`, `sprint` or `project`: which part of the roadmap it belongs to.
    phase: &'static str,
    /// What is changed, in words.
    change: String,
}

/// What the node was taken to be.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ProfileView {
    platform: String,
    platform_source: String,
    traits: Vec<TraitView>,
    /// Whether it was seen under load, and how one knows.
    load: String,
}

#[derive(Clone, Debug, Serialize)]
struct TraitView {
    name: String,
    answer: String,
    source: String,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct WaiverView {
    check: String,
    subject: String,
    owner: String,
    reason: String,
    expires: String,
    state: Word,
    findings: usize,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct OverrideView {
    key: String,
    limit: String,
    original: String,
    reason: String,
}

/// The answers to the client's questions; `groups` are the sections that findings have.
pub(super) fn checklist(
    assessment: &Assessment,
    groups: &[&[Group]],
    messages: &Messages,
) -> Result<Vec<QuestionView>, ReportError> {
    let said = Said::new(assessment, messages);
    let section_of = |finding: &plumb_engine::assessment::FindingRef| {
        groups.iter().flat_map(|groups| groups.iter()).find(|group| group.has(finding))
    };
    let backing = |backing: &Backing| {
        // A passed check has no section, even if another subject of it deviates.
        let has_section =
            backing.outcome.is_deviation() || backing.outcome == plumb_check_sdk::Outcome::Accepted;
        let group = section_of(&backing.finding).filter(|_| has_section);
        let of = |finding: &&plumb_engine::assessment::RatedFinding| {
            (&finding.check, &finding.subject) == (&backing.finding.check, &backing.finding.subject)
        };
        let message = assessment.findings.iter().find(of).filter(|_| backing.evidence.is_empty());
        Ok(BackingView {
            id: group.map(|group| group.id.clone()),
            check: clean(&backing.finding.check),
            subject: clean(&backing.finding.subject),
            outcome: outcome(backing.outcome, messages)?,
            evidence: evidence(&backing.evidence[..backing.evidence.len().min(MAX_CITATIONS)]),
            more: backing.evidence.len().saturating_sub(MAX_CITATIONS),
            message: message.map(|finding| said.message(finding)).unwrap_or_default(),
        })
    };
    let view = |question: &Question| {
        Ok(QuestionView {
            question: said.text(&question.words, "question", &question.question),
            grade: question.grade.map(|g| grade(g, question.at_least, messages)).transpose()?,
            coverage: coverage(question.coverage, messages)?,
            sentence: sentence(&said.text(&question.words, "sentence", &question.sentence)),
            findings: question
                .findings
                .iter()
                .take(MAX_BACKING)
                .map(backing)
                .collect::<Result<_, ReportError>>()?,
            more: question.findings.len().saturating_sub(MAX_BACKING),
        })
    };
    assessment.checklist.iter().map(view).collect()
}

/// The order of work, with the ids of the sections of the findings.
pub(super) fn work(assessment: &Assessment, deviations: &[Group], messages: &Messages) -> Vec<WorkView> {
    let view = |item: &WorkItem| {
        let group = deviations.iter().find(|group| group.has(&item.first))?;
        Some(WorkView {
            id: group.id.clone(),
            title: group.title.clone(),
            findings: item.subjects.len(),
            score: messages.numeral(&format!("{:.1}", item.score)),
            change_risk: item.risk_of_change,
            priority: messages.numeral(&format!("{:.1}", item.priority)),
            quick_win: item.quick_win,
            verify_first: item.verify_first,
            // A restart or a setting is a quick win or belongs to the sprint; firmware, hardware and other people's machines
            // need a project.
            phase: match item.risk_of_change {
                _ if item.quick_win => "quick",
                0..=3 => "sprint",
                _ => "project",
            },
            change: group.remediation.change.clone(),
        })
    };
    assessment.work.iter().filter_map(view).collect()
}

pub(super) fn profile(assessment: &Assessment, messages: &Messages) -> Result<ProfileView, ReportError> {
    let profile = &assessment.profile;
    let said = Said::new(assessment, messages);
    let load = &assessment.load_sample;
    let seen = messages.get("answer", if load.seen { "yes" } else { "no" })?;
    let traits = profile
        .traits
        .iter()
        .map(|own| {
            Ok(TraitView {
                name: messages.get("trait", word(own.id))?.to_owned(),
                answer: messages.get("answer", &id(own.answer))?.to_owned(),
                source: said.text(&own.words, "source", &own.source),
            })
        })
        .collect::<Result<_, ReportError>>()?;
    Ok(ProfileView {
        platform: messages.get("platform", profile.platform.as_str())?.to_owned(),
        platform_source: said.text(&profile.words, "platform_source", &profile.platform_source),
        traits,
        load: format!("{seen}: {}", said.text(&load.words, "reason", &load.reason)),
    })
}

pub(super) fn waivers(assessment: &Assessment, messages: &Messages) -> Result<Vec<WaiverView>, ReportError> {
    let view = |waiver: &WaiverUse| {
        let state = id(waiver.state);
        Ok(WaiverView {
            check: clean(&waiver.check),
            subject: match &waiver.subject {
                Some(subject) => clean(subject),
                None => messages.get("text", "all_subjects")?.to_owned(),
            },
            owner: clean(&waiver.owner),
            reason: clean(&waiver.reason),
            expires: clean(&waiver.expires),
            state: Word { word: messages.get("waiver_state", &state)?.to_owned(), id: state },
            findings: waiver.findings,
        })
    };
    assessment.waivers.iter().map(view).collect()
}

pub(super) fn overrides(
    assessment: &Assessment,
    messages: &Messages,
) -> Result<Vec<OverrideView>, ReportError> {
    let view = |wanted: &OverrideUse| {
        let unit = wanted.unit.as_deref().unwrap_or("");
        Ok(OverrideView {
            key: clean(&wanted.key),
            limit: quantity(wanted.number, unit, messages),
            original: match wanted.original {
                Some(original) => quantity(original, unit, messages),
                None => messages.get("text", "no_such_threshold")?.to_owned(),
            },
            reason: clean(&wanted.reason),
        })
    };
    assessment.overrides.iter().map(view).collect()
}

/// Exposure and hardening, never without the coverage.
pub(super) fn indices(indices: &Indices, messages: &Messages) -> Result<Vec<Fact>, ReportError> {
    let share = coverage(indices.coverage, messages)?.text;
    let at = |value: String| messages.fill("text", "at_coverage", &[("value", &value), ("coverage", &share)]);
    let none = messages.get("text", "none_given")?;
    let fact = |label: &str, value: String| {
        Ok::<_, ReportError>(Fact { label: messages.get("label", label)?.to_owned(), value, code: false })
    };
    let hardening =
        indices.hardening.map_or_else(|| none.to_owned(), |index| messages.numeral(&format!("{index:.1}")));
    Ok(vec![
        fact("exposure", at(messages.numeral(&format!("{:.1}", indices.exposure)))?)?,
        fact("hardening", at(hardening)?)?,
    ])
}
