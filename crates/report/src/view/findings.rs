//! Findings as a report shows them: those that one change would mend share a group, so that its long texts are printed once.

use plumb_check_sdk::{Citation, Outcome, Reference};
use plumb_engine::Assessment;
use plumb_engine::action::{Action, ActionState, change_of};
use plumb_engine::assessment::{FindingRef, Grade, Limit, RatedFinding, by_root, checks_of};
use plumb_engine::score::{HIGH_FROM, MEDIUM_FROM};
use serde::Serialize;

use super::said::Said;
use super::{GradeView, grade, id};
use crate::ReportError;
use crate::escape::clean;
use crate::messages::Messages;
use crate::pattern::is_pattern;

/// All findings of one cause within a section.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Group {
    /// `F1`, `F2`, …: what other parts of the report refer to.
    pub(crate) id: String,
    /// Its checks, the worst first.
    pub(crate) check: String,
    #[serde(skip)]
    pub(crate) members: Vec<FindingRef>,
    pub(crate) title: String,
    pub(crate) category: String,
    /// The worst outcome of the group.
    pub(crate) outcome: Word,
    /// Grade of the worst finding.
    pub(crate) grade: Option<GradeView>,
    /// Highest score of the group.
    pub(crate) score: String,
    pub(crate) verify_first: bool,
    pub(crate) findings: Vec<Instance>,
    /// Number of subjects.
    #[serde(skip)]
    pub(crate) subjects: usize,
    pub(crate) business: String,
    pub(crate) rationale: String,
    pub(crate) applicability: String,
    pub(crate) remediation: Remediation,
    pub(crate) thresholds: Vec<LimitView>,
    pub(crate) caveat: Option<String>,
    pub(crate) references: Vec<Source>,
}

/// One finding of a group, or several that say the same of their subjects.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Instance {
    pub(crate) outcome: Word,
    pub(crate) subject: String,
    pub(crate) message: String,
    pub(crate) severity: String,
    pub(crate) severity_points: u8,
    pub(crate) likelihood: u8,
    pub(crate) likelihood_word: String,
    pub(crate) confidence: String,
    /// Factor C.
    pub(crate) confidence_factor: String,
    pub(crate) score: String,
    pub(crate) grade: Option<GradeView>,
    /// True if the grade is above the band of the score.
    pub(crate) floor: bool,
    /// Why the likelihood is not the one that the check gave.
    pub(crate) weighs_less: Option<String>,
    /// The client's waiver, in a sentence without a full stop.
    pub(crate) waiver: Option<String>,
    pub(crate) evidence: Vec<Evidence>,
    /// Further subjects of which the same is said: eight workers of one server need not fill eight pages.
    pub(crate) also: Vec<Also>,
    /// How many subjects there are, in words; empty for one.
    pub(crate) together: String,
}

/// A further subject of an [`Instance`].
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Also {
    pub(crate) subject: String,
    pub(crate) evidence: Vec<Evidence>,
}

/// Findings with the same outcome, message and evidence.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) checks: Vec<CheckName>,
    pub(crate) outcome: Word,
    pub(crate) subjects: Vec<String>,
    pub(crate) message: String,
    pub(crate) evidence: Vec<Evidence>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct CheckName {
    pub(crate) check: String,
    pub(crate) title: String,
}

/// An enum's variant: id for marks, word for readers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Word {
    pub(crate) id: String,
    pub(crate) word: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Evidence {
    pub(crate) source: String,
    pub(crate) value: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Remediation {
    /// Steps and alternatives, one a line.
    pub(crate) now: Vec<String>,
    pub(crate) permanent: Vec<String>,
    pub(crate) rollback: Vec<String>,
    /// What of them is printed in the appendix only.
    pub(crate) patterns: Patterns,
    pub(crate) verification: String,
    /// True for a command without words around it.
    pub(crate) verification_is_code: bool,
    pub(crate) change: String,
    pub(crate) change_risk: u8,
    pub(crate) change_risk_word: String,
    pub(crate) effect: String,
}

/// Steps into which names of the node have to be put.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Patterns {
    pub(crate) now: Vec<String>,
    pub(crate) permanent: Vec<String>,
    pub(crate) rollback: Vec<String>,
    /// True if there are any.
    pub(crate) any: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct LimitView {
    pub(crate) name: String,
    /// Number and unit, as the check has them.
    pub(crate) limit: String,
    /// What the client's policy puts in its place.
    pub(crate) replaced: Option<ReplacedBy>,
    pub(crate) basis: Word,
    pub(crate) source: String,
    pub(crate) date: String,
    pub(crate) applies_to: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReplacedBy {
    pub(crate) limit: String,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Source {
    pub(crate) title: String,
    pub(crate) url: String,
    /// True if `url` may be printed as a link.
    pub(crate) link: bool,
}

/// The findings whose outcome is `wanted`, by check, in the order of each check's first finding.
pub(crate) fn groups(
    assessment: &Assessment,
    messages: &Messages,
    wanted: fn(Outcome) -> bool,
    prefix: &str,
) -> Result<Vec<Group>, ReportError> {
    let causes = by_root(assessment.findings.iter().filter(|finding| wanted(finding.outcome)));
    let said = Said::new(assessment, messages);
    let group = |(members, n): (&Vec<&RatedFinding>, u32)| {
        group(assessment, members, format!("{prefix}{n}"), said, messages)
    };
    causes.iter().zip(1..).map(group).collect()
}

/// The findings whose outcome is `wanted`: one row for all subjects of a check about which the same is said, and for all
/// checks that say the same of the same subject, as where all of them wait for a server to run.
pub(crate) fn rows(
    assessment: &Assessment,
    messages: &Messages,
    wanted: fn(Outcome) -> bool,
) -> Result<Vec<Row>, ReportError> {
    let said = Said::new(assessment, messages);
    let mut rows: Vec<Row> = Vec::new();
    for members in by_check(assessment, wanted) {
        let first = rows.len();
        for finding in members {
            let row = Row {
                checks: vec![CheckName {
                    check: clean(&finding.check),
                    title: said.page(finding, "title", &finding.title),
                }],
                outcome: outcome(finding.outcome, messages)?,
                subjects: vec![said.subject(finding)],
                message: said.message(finding),
                // The message of an answered check says it all; an unanswered one is believed for its sources only.
                evidence: if finding.outcome.is_unanswered() {
                    evidence(&finding.evidence)
                } else {
                    Vec::new()
                },
            };
            let same = |other: &&mut Row| {
                (&other.outcome, &other.message, &other.evidence)
                    == (&row.outcome, &row.message, &row.evidence)
            };
            match rows[first..].iter_mut().find(same) {
                Some(other) => other.subjects.extend(row.subjects),
                None => rows.push(row),
            }
        }
    }
    let mut joined: Vec<Row> = Vec::new();
    for row in rows {
        let same = |other: &&mut Row| {
            (&other.outcome, &other.subjects, &other.message, &other.evidence)
                == (&row.outcome, &row.subjects, &row.message, &row.evidence)
        };
        match joined.iter_mut().find(same) {
            Some(other) => other.checks.extend(row.checks),
            None => joined.push(row),
        }
    }
    Ok(joined)
}

pub(crate) fn by_check(assessment: &Assessment, wanted: fn(Outcome) -> bool) -> Vec<Vec<&RatedFinding>> {
    let mut groups: Vec<Vec<&RatedFinding>> = Vec::new();
    for finding in assessment.findings.iter().filter(|finding| wanted(finding.outcome)) {
        match groups.iter_mut().find(|group| group[0].check == finding.check) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

pub(crate) fn group(
    assessment: &Assessment,
    members: &[&RatedFinding],
    id: String,
    said: Said<'_>,
    messages: &Messages,
) -> Result<Group, ReportError> {
    // Texts come from the check's metadata, so the first member's hold for all.
    let first = members[0];
    let score = members.iter().map(|finding| finding.score).fold(0.0, f64::max);
    let worst = members.iter().filter_map(|finding| finding.grade).max();
    let failed = members.iter().find(|finding| finding.outcome == Outcome::Fail).unwrap_or(&members[0]);
    Ok(Group {
        id,
        check: clean(&checks_of(members).join(", ")),
        members: members.iter().copied().map(FindingRef::to).collect(),
        // The worst comes first.
        title: said.problem(first).unwrap_or_else(|| said.page(first, "title", &first.title)),
        category: clean(
            messages.find("category", &super::id(first.category)).unwrap_or(first.category.title()),
        ),
        outcome: outcome(failed.outcome, messages)?,
        grade: worst.map(|worst| grade(worst, None, messages)).transpose()?,
        score: messages.numeral(&format!("{score:.1}")),
        verify_first: members.iter().any(|finding| finding.verify_first),
        findings: instances(members, said, messages)?,
        subjects: members.len(),
        business: said.effect(first),
        rationale: said.page(first, "why", &first.rationale),
        applicability: said.page(first, "applicability", &first.applicability),
        remediation: remediation(assessment, members, said, messages)?,
        thresholds: of_checks(members)
            .flat_map(|finding| finding.thresholds.iter().map(move |limit| (finding, limit)))
            .map(|(finding, own)| limit(finding, own, said, messages))
            .collect::<Result<_, _>>()?,
        caveat: first.caveat.as_deref().map(|caveat| said.page(first, "caveat", caveat)),
        references: references(members),
    })
}

/// A finding of each check of a group: for what stands in the check's page.
pub(crate) fn of_checks<'a>(members: &'a [&'a RatedFinding]) -> impl Iterator<Item = &'a RatedFinding> {
    let is_first = |at: usize| members[..at].iter().all(|other| other.check != members[at].check);
    members.iter().enumerate().filter(move |(at, _)| is_first(*at)).map(|(_, finding)| *finding)
}

/// The sources of all checks of a group, each once.
pub(crate) fn references(members: &[&RatedFinding]) -> Vec<Source> {
    let mut all: Vec<Source> = Vec::new();
    for reference in of_checks(members).flat_map(|finding| &finding.references).map(source) {
        if all.iter().all(|other| other.url != reference.url) {
            all.push(reference);
        }
    }
    all
}

impl Group {
    /// True if the finding is one of the group.
    pub(crate) fn has(&self, finding: &FindingRef) -> bool {
        self.members.contains(finding)
    }
}

pub(crate) fn instances(
    members: &[&RatedFinding],
    said: Said<'_>,
    messages: &Messages,
) -> Result<Vec<Instance>, ReportError> {
    let mut instances: Vec<Instance> = Vec::new();
    for finding in members {
        let own = instance(finding, said, messages)?;
        match instances.iter_mut().find(|other| other.says_the_same(&own)) {
            Some(other) => other.also.push(Also { subject: own.subject, evidence: own.evidence }),
            None => instances.push(own),
        }
    }
    for own in instances.iter_mut().filter(|own| !own.also.is_empty()) {
        let count = (own.also.len() + 1).to_string();
        own.together = messages.fill("text", "subjects", &[("n", &count)])?;
    }
    Ok(instances)
}

impl Instance {
    /// All but subject and evidence.
    fn says_the_same(&self, other: &Self) -> bool {
        let rating = |own: &Self| {
            (own.severity_points, own.likelihood, own.confidence_factor.clone(), own.score.clone(), own.floor)
        };
        (&self.outcome, &self.message, &self.weighs_less, &self.waiver)
            == (&other.outcome, &other.message, &other.weighs_less, &other.waiver)
            && rating(self) == rating(other)
    }
}

pub(crate) fn instance(
    finding: &RatedFinding,
    said: Said<'_>,
    messages: &Messages,
) -> Result<Instance, ReportError> {
    let rung = finding.likelihood.to_string();
    Ok(Instance {
        outcome: outcome(finding.outcome, messages)?,
        subject: said.subject(finding),
        message: said.message(finding),
        severity: messages.get("severity", &id(finding.severity))?.to_owned(),
        severity_points: finding.severity.points(),
        likelihood: finding.likelihood,
        likelihood_word: messages.get("likelihood_word", &rung)?.to_owned(),
        confidence: messages.get("confidence", &id(finding.confidence))?.to_owned(),
        confidence_factor: messages.numeral(&format!("{:.1}", finding.confidence.factor())),
        score: messages.numeral(&format!("{:.1}", finding.score)),
        grade: finding.grade.map(|g| grade(g, None, messages)).transpose()?,
        floor: finding.grade.is_some_and(|grade| grade > band(finding.score)),
        weighs_less: said.likelihood_reason(finding),
        waiver: waiver(finding, messages)?,
        evidence: evidence(&finding.evidence),
        also: Vec::new(),
        together: String::new(),
    })
}

pub(crate) fn waiver(finding: &RatedFinding, messages: &Messages) -> Result<Option<String>, ReportError> {
    let Some(waiver) = &finding.waiver else { return Ok(None) };
    let (owner, reason) = (clean(&waiver.owner), clean(&waiver.reason));
    let (day, score) = (clean(&waiver.expires), messages.numeral(&format!("{:.1}", waiver.score)));
    let grade = match waiver.grade {
        Some(found) => messages.get("grade", &id(found))?,
        None => messages.get("grade", "none")?,
    };
    let outcome = messages.get("outcome", waiver.outcome.as_str())?;
    let values = [
        ("owner", &*owner),
        ("reason", &*reason),
        ("day", &*day),
        ("outcome", outcome),
        ("grade", grade),
        ("score", &*score),
    ];
    let key = if waiver.expired { "waiver_expired" } else { "waiver_in_force" };
    messages.fill("text", key, &values).map(Some)
}

/// The band of a score before floors, as the method chapter prints it.
pub(crate) fn band(score: f64) -> Grade {
    if score >= HIGH_FROM {
        Grade::High
    } else if score >= MEDIUM_FROM {
        Grade::Medium
    } else {
        Grade::Low
    }
}

pub(crate) fn outcome(outcome: Outcome, messages: &Messages) -> Result<Word, ReportError> {
    Ok(Word { id: outcome.as_str().to_owned(), word: messages.get("outcome", outcome.as_str())?.to_owned() })
}

pub(crate) fn evidence(citations: &[Citation]) -> Vec<Evidence> {
    citations.iter().map(|c| Evidence { source: clean(&c.source), value: clean(&c.value) }).collect()
}

/// What is to be done about findings of one cause: the actions of this node, or the texts of a check without intents.
pub(crate) fn remediation(
    assessment: &Assessment,
    members: &[&RatedFinding],
    said: Said<'_>,
    messages: &Messages,
) -> Result<Remediation, ReportError> {
    let finding = members[0];
    if members.iter().any(|finding| finding.variant.is_some()) {
        return resolved(assessment, members, said, messages);
    }
    let remedy = &finding.remediation;
    let part = |text: &str, before: &[String]| -> (Vec<String>, Vec<String>) {
        // "The same in the unit" says nothing without what stands before it.
        let goes_on = |step: &str| !before.is_empty() && step.to_lowercase().starts_with("the same");
        steps(text).into_iter().partition(|step| is_pattern(step, members) || goes_on(step))
    };
    let (now_patterns, now) = part(&remedy.runtime, &[]);
    let (permanent_patterns, permanent) = part(&remedy.persistent, &now_patterns);
    let (rollback_patterns, rollback) = part(&remedy.rollback, &[]);
    // How to look is printed as it is: a wrong name shows nothing, and changes nothing.
    let verification = steps(&remedy.verification).join("\n");
    // A command begins with no capital letter; "Repeat the load test" is none.
    let is_code = !verification.contains('`') && !verification.starts_with(char::is_uppercase);
    Ok(Remediation {
        now,
        permanent,
        rollback,
        patterns: Patterns {
            any: ![&now_patterns, &permanent_patterns, &rollback_patterns]
                .iter()
                .all(|steps| steps.is_empty()),
            now: now_patterns,
            permanent: permanent_patterns,
            rollback: rollback_patterns,
        },
        verification,
        verification_is_code: is_code,
        change: messages.get("change", &id(remedy.change))?.to_owned(),
        change_risk: finding.risk_of_change,
        change_risk_word: messages.get("change_risk", &finding.risk_of_change.to_string())?.to_owned(),
        effect: clean(&remedy.expected_effect),
    })
}

/// The actions that answer findings, each once, in the order of the assessment.
pub(crate) fn resolved(
    assessment: &Assessment,
    members: &[&RatedFinding],
    said: Said<'_>,
    messages: &Messages,
) -> Result<Remediation, ReportError> {
    let finding = members[0];
    let asked = |action: &&Action| members.iter().any(|finding| finding.actions.contains(&action.id));
    let actions: Vec<&Action> = assessment.actions.iter().filter(asked).collect();
    let commands = |commands: &[String]| {
        commands.iter().map(|command| format!("`{}`", clean(command))).collect::<Vec<_>>().join("; ")
    };
    let step = |action: &Action, own: &[String]| -> Result<String, ReportError> {
        let step = format!("{}: {}", clean(action.title(messages.language())), commands(own));
        let Some(pack) = &action.foreign else { return Ok(step) };
        let values = [("action", &step), ("pack", &clean(pack)), ("file", &commands(&action.files))];
        messages.fill("text", "action_foreign", &values.map(|(name, value)| (name, value.as_str())))
    };
    let (mut now, mut permanent, mut rollback, mut verification) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for action in &actions {
        let title = clean(action.title(messages.language()));
        let unresolved =
            |key: &str| messages.fill("text", key, &[("action", &title), ("reason", &clean(&action.reason))]);
        match action.state {
            ActionState::Resolved | ActionState::ByHand => {}
            ActionState::NotKnown => permanent.push(unresolved("action_not_known")?),
            ActionState::Conflict => permanent.push(unresolved("action_conflict")?),
            ActionState::Refused => permanent.push(unresolved("action_refused")?),
        }
        if !matches!(action.state, ActionState::Resolved | ActionState::ByHand) {
            continue;
        }
        if !action.now.is_empty() {
            now.push(step(action, &action.now)?);
        }
        if !action.permanent.is_empty() {
            permanent.push(step(action, &action.permanent)?);
        }
        let also = action.also(messages.language());
        if !also.is_empty() {
            permanent.push(clean(also));
        }
        if action.now.is_empty() && action.permanent.is_empty() {
            permanent.push(title.clone());
        }
        if !action.undo.is_empty() {
            rollback.push(commands(&action.undo));
        }
        verification.extend(action.verify.iter().map(|command| format!("`{}`", clean(command))));
    }
    rollback.dedup();
    verification.dedup();
    let (risk, change) = change_of(members, &assessment.findings, &assessment.actions)
        .unwrap_or((finding.risk_of_change, finding.remediation.change));
    Ok(Remediation {
        now,
        permanent,
        rollback,
        patterns: Patterns::default(),
        verification: verification.join("; "),
        verification_is_code: false,
        change: messages.get("change", &id(change))?.to_owned(),
        change_risk: risk,
        change_risk_word: messages.get("change_risk", &risk.to_string())?.to_owned(),
        effect: said.page(finding, "expected-effect", &finding.remediation.expected_effect),
    })
}

/// The parts of a text of the catalogue, which separates steps and alternatives by a semicolon between blanks. A
/// semicolon of a shell command has no blank before it and stays.
pub(crate) fn steps(text: &str) -> Vec<String> {
    let text = clean(text);
    let parts = text.split('\n').flat_map(|line| line.split(" ; "));
    parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

pub(crate) fn limit(
    finding: &RatedFinding,
    limit: &Limit,
    said: Said<'_>,
    messages: &Messages,
) -> Result<LimitView, ReportError> {
    let threshold = &limit.threshold;
    let said = |english: &str| said.of_limit(finding, english);
    let basis = id(threshold.basis);
    Ok(LimitView {
        name: said(&threshold.name),
        limit: quantity(threshold.number, &threshold.unit, messages),
        replaced: limit.overridden.as_ref().map(|wanted| ReplacedBy {
            limit: quantity(wanted.number, &threshold.unit, messages),
            reason: clean(&wanted.reason),
        }),
        source: beyond_basis(&said(&threshold.source), messages.get("basis", &basis)?).to_owned(),
        basis: Word { word: messages.get("basis", &basis)?.to_owned(), id: basis },
        date: clean(&threshold.date),
        applies_to: said(&threshold.applies_to),
    })
}

/// What the source of a limit says beyond the word for its basis, which stands before it.
pub(crate) fn beyond_basis<'a>(source: &'a str, basis: &str) -> &'a str {
    source.strip_prefix(basis).map_or(source, |rest| rest.trim_start_matches([':', ';', ',', ' ']))
}

/// A number with its unit; a number of things needs none to be read.
pub(crate) fn quantity(number: f64, unit: &str, messages: &Messages) -> String {
    let number = messages.numeral(&number.to_string());
    match unit {
        "" | "count" => number,
        unit => format!("{number} {}", clean(unit)),
    }
}

pub(crate) fn source(reference: &Reference) -> Source {
    let url = clean(&reference.url);
    Source { title: clean(&reference.title), link: is_link(&url), url }
}

/// True for web addresses without characters that could end a link early. A pack could name `javascript:` or `file:`.
pub(crate) fn is_link(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && url.chars().all(|c| {
            c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '`' | '\\' | '^' | '{' | '|' | '}')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_parted_but_commands_are_not() {
        assert_eq!(steps("cpupower x ; tuned-adm y"), ["cpupower x", "tuned-adm y"]);
        assert_eq!(steps("for t in *; do cat $t; done"), ["for t in *; do cat $t; done"]);
        assert!(steps(" ").is_empty());
    }

    #[test]
    fn the_method_chapter_prints_the_limits_of_the_engine() {
        // `[method]` of messages/en.toml has them in words.
        assert_eq!((HIGH_FROM, MEDIUM_FROM), (55.0, 20.0));
        let overall = (plumb_engine::overall::ASSESSABLE_FROM, plumb_engine::overall::LOW_FROM);
        assert_eq!((overall, plumb_engine::categories::CATEGORY_FROM), ((0.60, 0.80), 0.70));
        assert_eq!(plumb_engine::categories::STEP_UP_FROM, 4);
    }

    #[test]
    fn the_word_for_the_basis_is_not_said_twice() {
        assert_eq!(beyond_basis("our proposal; Red Hat warns", "our proposal"), "Red Hat warns");
        assert_eq!(beyond_basis("our proposal: one in twenty", "our proposal"), "one in twenty");
        assert_eq!(beyond_basis("our proposal", "our proposal"), "");
        assert_eq!(beyond_basis("Linux: it is 6", "our proposal"), "Linux: it is 6");
    }

    #[test]
    fn only_web_addresses_are_links() {
        assert!(is_link("https://docs.kernel.org/admin-guide/pm/cpufreq.html#a"));
        assert!(!is_link("javascript:alert(1)"));
        assert!(!is_link("https://a> <b"));
        assert!(!is_link("file:///etc/passwd"));
    }
}
