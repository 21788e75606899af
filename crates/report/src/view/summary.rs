//! The parts of the one-page summary that are derived from the findings: the key issues and what to do first.

use plumb_engine::work::WorkItem;
use serde::Serialize;

use super::GradeView;
use super::findings::Group;
use crate::ReportError;
use crate::messages::Messages;

/// So many fit on one page together with the table of categories.
const MAX_KEY_ISSUES: usize = 3;
const MAX_FIRST_STEPS: usize = 3;
/// Texts of the summary are cut to about three lines; the finding has them in full.
const MAX_CHARS: usize = 180;
const MAX_SUBJECT_CHARS: usize = 44;
const MAX_EFFECT_CHARS: usize = 240;
const MAX_REASON_CHARS: usize = 220;
const MAX_KEY_CHARS: usize = 340;

/// One of the highest-rated findings.
#[derive(Clone, Debug, Serialize)]
pub(super) struct KeyIssue {
    /// Id of the group.
    id: String,
    message: String,
    /// First subject, and the number of others.
    subject: String,
    score: String,
    grade: Option<GradeView>,
}

/// One of the remedies with the best ratio of risk to risk of change.
#[derive(Clone, Debug, Serialize)]
pub(super) struct FirstStep {
    /// Id of the group.
    id: String,
    title: String,
    /// What it means for the service, in a sentence.
    effect: String,
    step: String,
    change: String,
    change_risk: u8,
}

/// The first groups, which are the ones with the highest scores.
pub(super) fn key_issues(deviations: &[Group], messages: &Messages) -> Result<Vec<KeyIssue>, ReportError> {
    let issue = |group: &Group| {
        let first = &group.findings[0];
        let mut subject = clip(&first.subject, MAX_SUBJECT_CHARS);
        if let others @ 1.. = group.subjects - 1 {
            let n = others.to_string();
            let alike = group.alike - 1;
            let others = match group.grade.as_ref().filter(|_| alike > 0 && alike < others) {
                // Nobody should take all of them for as bad as the first.
                Some(grade) => {
                    let word = messages.get("grade_within", &grade.id)?;
                    let values = [("n", n.as_str()), ("m", &alike.to_string()), ("grade", word)];
                    messages.fill("text", "more_subjects_alike", &values)?
                }
                None if others == 1 => messages.get("text", "more_subjects_one")?.to_owned(),
                None => messages.fill("text", "more_subjects", &[("n", &n)])?,
            };
            subject = format!("{subject} {others}");
        }
        Ok(KeyIssue {
            id: group.id.clone(),
            message: clip(group.problem.as_ref().unwrap_or(&first.message), MAX_CHARS),
            subject,
            score: group.score.clone(),
            grade: group.grade.clone(),
        })
    };
    deviations.iter().take(MAX_KEY_ISSUES).map(issue).collect()
}

/// The first steps of the order of work: what gives most for the least disturbance.
pub(super) fn first_steps(work: &[WorkItem], deviations: &[Group]) -> Vec<FirstStep> {
    let group_of = |item: &WorkItem| deviations.iter().find(|group| group.has(&item.first));
    let step = |group: &Group| {
        let remedy = &group.remediation;
        // "none (firmware setting)" is an answer to "what can be done at once", but no step.
        let is_step = |text: &&String| !text.to_lowercase().starts_with("none");
        let step = remedy.now.iter().chain(&remedy.permanent).find(is_step);
        FirstStep {
            id: group.id.clone(),
            title: clip(&group.title, MAX_CHARS),
            effect: clip(&group.business, MAX_EFFECT_CHARS),
            step: step.map(|step| clip(step, MAX_CHARS)).unwrap_or_default(),
            change: remedy.change.clone(),
            change_risk: remedy.change_risk,
        }
    };
    work.iter().filter_map(group_of).take(MAX_FIRST_STEPS).map(step).collect()
}

/// The reason of the grade, for the summary.
pub(super) fn reason(text: &str) -> String {
    clip(text, MAX_REASON_CHARS)
}

/// The worst in one sentence, for the summary: with a full stop, unless it is cut.
pub(super) fn key_sentence(text: &str) -> String {
    let mut clipped = clip(text, MAX_KEY_CHARS);
    if !clipped.ends_with('…') {
        clipped.push('.');
    }
    clipped
}

/// At most `limit` characters of `text`, cut between words where there is one to cut at.
fn clip(text: &str, limit: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((end, _)) = line.char_indices().nth(limit) else {
        return line;
    };
    let head = &line[..end];
    let cut = head.rfind(' ').filter(|&cut| cut > end / 2).unwrap_or(end);
    format!("{} …", head[..cut].trim_end_matches([',', ';', ':', ' ', '(']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_between_words_and_within_long_ones() {
        assert_eq!(clip("short", 10), "short");
        assert_eq!(clip("one two, three", 10), "one two …");
        assert_eq!(clip("ääääääääää", 4), "ääää …");
    }
}
