//! What the client decided, and what the node was taken to be: the order of work, the profile, waivers and replaced thresholds.

use plumb_engine::Assessment;
use plumb_engine::assessment::Indices;
use plumb_engine::policy::OverrideUse;
use plumb_engine::profile::word;
use plumb_engine::waiver::WaiverUse;
use plumb_engine::work::WorkItem;
use serde::Serialize;

use super::findings::{Group, Word, quantity};
use super::said::Said;
use super::{Fact, coverage, id};
use crate::ReportError;
use crate::escape::clean;
use crate::messages::Messages;

/// A step of the order of work.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct WorkView {
    /// Id of the group.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) findings: usize,
    pub(crate) score: String,
    pub(crate) change_risk: u8,
    pub(crate) priority: String,
    pub(crate) quick_win: bool,
    pub(crate) verify_first: bool,
}

/// What the node was taken to be.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ProfileView {
    pub(crate) platform: String,
    pub(crate) platform_source: String,
    pub(crate) traits: Vec<TraitView>,
    /// Whether it was seen under load, and how one knows.
    pub(crate) load: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct TraitView {
    pub(crate) name: String,
    pub(crate) answer: String,
    pub(crate) source: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct WaiverView {
    pub(crate) check: String,
    pub(crate) subject: String,
    pub(crate) owner: String,
    pub(crate) reason: String,
    pub(crate) expires: String,
    pub(crate) state: Word,
    pub(crate) findings: usize,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct OverrideView {
    pub(crate) key: String,
    pub(crate) limit: String,
    pub(crate) original: String,
    pub(crate) reason: String,
}

/// The order of work, with the ids of the sections of the findings.
pub(crate) fn work(assessment: &Assessment, deviations: &[Group], messages: &Messages) -> Vec<WorkView> {
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
        })
    };
    assessment.work.iter().filter_map(view).collect()
}

pub(crate) fn profile(assessment: &Assessment, messages: &Messages) -> Result<ProfileView, ReportError> {
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

pub(crate) fn waivers(assessment: &Assessment, messages: &Messages) -> Result<Vec<WaiverView>, ReportError> {
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

pub(crate) fn overrides(
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
pub(crate) fn indices(indices: &Indices, messages: &Messages) -> Result<Vec<Fact>, ReportError> {
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
