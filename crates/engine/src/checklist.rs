//! The client's three questions, answered from findings, and the worst of the node in one sentence.
//!
//! Each answer names the findings that it rests on, with their evidence. A question whose deciding checks were not
//! asked, or not answered, stays open, whatever else was found in order.

use plumb_check_sdk::{Citation, Outcome};
use serde::Serialize;

use crate::assessment::{FindingRef, Grade, RatedFinding};
use crate::categories::{self, CATEGORY_FROM};

/// So many issues fit one sentence.
const MAX_CLAUSES: usize = 2;
const MAX_KEY_CLAUSES: usize = 3;

/// An answer to one question of the client.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    /// `placement`, `governor` or `neighbours`.
    pub id: String,
    /// The question.
    pub question: String,
    /// The risk; `None` where the question does not arise on this node.
    pub grade: Option<Grade>,
    /// Where the grade is `not-assessable`: what the findings alone already amount to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Grade>,
    /// Severity points assessed ÷ applicable over the checks that belong to the question; `None` where none applied.
    pub coverage: Option<f64>,
    /// The key issues in one sentence, without a capital and a full stop.
    pub sentence: String,
    /// The findings behind the sentence.
    pub findings: Vec<Backing>,
}

/// A finding behind a sentence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Backing {
    /// Which finding.
    #[serde(flatten)]
    pub finding: FindingRef,
    /// Its outcome.
    pub outcome: Outcome,
    /// What it rests on.
    pub evidence: Vec<Citation>,
}

/// The worst of what was found, in one sentence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeyIssue {
    /// The sentence, without a capital and a full stop.
    pub sentence: String,
    /// The findings behind it.
    pub findings: Vec<FindingRef>,
}

/// What a question is answered from.
struct Topic {
    id: &'static str,
    question: &'static str,
    /// What is true if none of them deviates.
    fine: &'static str,
}

const TOPICS: [Topic; 3] = [
    Topic {
        id: "placement",
        question: "Are workers on GPU-local cores and memory?",
        fine: "the workers run on cores next to their GPUs, and their memory lies there",
    },
    Topic {
        id: "governor",
        question: "Is the governor apt for latency?",
        fine: "the governor and what belongs to it keep the clock up",
    },
    Topic {
        id: "neighbours",
        question: "How bad are noisy neighbours today?",
        fine: "nothing else took noticeable time from the inference cores while they were watched",
    },
];

/// Answers all questions; `findings` are in the order of the report, worst first.
#[must_use]
pub fn answer(findings: &[RatedFinding]) -> Vec<Question> {
    TOPICS.iter().map(|topic| topic.answer(findings)).collect()
}

/// The worst of the node; `findings` are in the order of the report, worst first.
#[must_use]
pub fn key_issue(findings: &[RatedFinding]) -> KeyIssue {
    // Beside anything worse, a finding of low risk is no key issue.
    let worst = findings.iter().filter_map(|finding| finding.grade).max();
    let is_key = |finding: &&RatedFinding| {
        worst <= Some(Grade::Low) || finding.grade > Some(Grade::Low) || !finding.outcome.is_deviation()
    };
    let clauses = clauses(findings.iter().filter(is_key), MAX_KEY_CLAUSES);
    if clauses.is_empty() {
        let unanswered = findings.iter().filter(|finding| finding.outcome.is_unanswered()).count();
        let passed = findings.iter().any(|finding| finding.outcome == Outcome::Pass);
        let missing = if unanswered == 1 {
            "1 answer is missing"
        } else {
            &format!("{unanswered} answers are missing")
        };
        let accepted = findings.iter().filter(|finding| finding.outcome == Outcome::Accepted).count();
        let sentence = match (unanswered, passed) {
            (0, _) if accepted > 0 => format!("no deviation was found besides {accepted} accepted by waiver"),
            (0, true) => "no deviation was found".to_owned(),
            (0, false) => "nothing was found that could be judged".to_owned(),
            (_, true) => format!("no deviation was found in what was answered; {missing}"),
            (_, false) => format!("nothing was answered; {missing}"),
        };
        return KeyIssue { sentence, findings: Vec::new() };
    }
    let sentence = join(&clauses, deviating(findings.iter()));
    KeyIssue { sentence, findings: clauses.into_iter().flat_map(|clause| clause.findings).collect() }
}

impl Topic {
    fn answer(&self, findings: &[RatedFinding]) -> Question {
        let own: Vec<&RatedFinding> = findings.iter().filter(|finding| finding.is_about(self.id)).collect();
        let worst = own.iter().filter_map(|finding| finding.grade).max();
        let clauses = clauses(own.iter().copied(), MAX_CLAUSES);
        let coverage = coverage(&own);
        let gap = self.gap(&own, coverage);
        let arises = worst.is_some() || self.deciding_findings(&own).any(applies);
        let (grade, at_least) = match (worst, &gap) {
            (Some(Grade::High), _) => (Some(Grade::High), None),
            (worst, Some(_)) => (Some(Grade::NotAssessable), worst),
            (worst, None) if arises => (Some(worst.unwrap_or(Grade::Low)), None),
            _ => (None, None),
        };
        let accepted: Vec<&RatedFinding> =
            own.iter().filter(|finding| finding.outcome == Outcome::Accepted).copied().collect();
        let mut parts = Vec::new();
        if !clauses.is_empty() {
            parts.push(join(&clauses, deviating(own.iter().copied())));
        }
        match &gap {
            Some(gap) if clauses.is_empty() => parts.push(format!("this cannot be said: {gap}")),
            Some(gap) => parts.push(format!("not all of it is known: {gap}")),
            None if clauses.is_empty() && !accepted.is_empty() => {}
            None if clauses.is_empty() && arises => parts.push(self.fine.to_owned()),
            None if clauses.is_empty() => {
                let reason = self.deciding_findings(&own).next().map_or("", |finding| &*finding.message);
                parts.push(format!("the question does not arise on this node: {reason}"));
            }
            None => {}
        }
        if !accepted.is_empty() {
            let of_waivers = clauses_of(&accepted, MAX_CLAUSES);
            parts.push(format!(
                "accepted by waiver: {}",
                join(&of_waivers, checks_of(accepted.iter().copied()))
            ));
        }
        let named: Vec<FindingRef> = clauses.into_iter().flat_map(|clause| clause.findings).collect();
        let is_named = |finding: &RatedFinding| named.contains(&FindingRef::to(finding));
        // A sentence without a deviation rests on what the deciding checks said, one with a gap on what they did not.
        let backs = |finding: &&&RatedFinding| {
            let deciding = finding.decides(self.id) && !finding.outcome.is_deviation();
            is_named(finding)
                || finding.outcome == Outcome::Accepted
                || (deciding && (named.is_empty() || finding.outcome.is_unanswered()))
        };
        Question {
            id: self.id.to_owned(),
            question: self.question.to_owned(),
            grade,
            at_least,
            coverage: coverage.map(categories::round),
            sentence: parts.join("; "),
            findings: own
                .iter()
                .filter(backs)
                .map(|finding| Backing {
                    finding: FindingRef::to(finding),
                    outcome: finding.outcome,
                    evidence: finding.evidence.clone(),
                })
                .collect(),
        }
    }

    fn deciding_findings<'a>(&self, own: &'a [&'a RatedFinding]) -> impl Iterator<Item = &'a RatedFinding> {
        let id = self.id;
        own.iter().copied().filter(move |finding| finding.decides(id))
    }

    /// Why the question cannot be answered in full.
    fn gap(&self, own: &[&RatedFinding], coverage: Option<f64>) -> Option<String> {
        if self.deciding_findings(own).next().is_none() {
            return Some("no pack that was asked has a check that decides it".to_owned());
        }
        let unanswered = self.deciding_findings(own).find(|finding| finding.outcome.is_unanswered());
        if let Some(finding) = unanswered {
            return Some(format!("{}: {}", finding.subject, finding.message));
        }
        let share = coverage?;
        let percent = (share * 100.0 + 1e-9).floor();
        (share < CATEGORY_FROM)
            .then(|| format!("only {percent} % of the checks behind it, weighted by severity, were answered"))
    }
}

fn coverage(findings: &[&RatedFinding]) -> Option<f64> {
    categories::coverage(categories::tally(findings.iter().copied()).iter())
}

fn applies(finding: &RatedFinding) -> bool {
    finding.outcome != Outcome::NotApplicable
}

/// Number of checks that deviate.
fn deviating<'a>(findings: impl Iterator<Item = &'a RatedFinding>) -> usize {
    checks_of(findings.filter(|finding| finding.outcome.is_deviation()))
}

fn checks_of<'a>(findings: impl Iterator<Item = &'a RatedFinding>) -> usize {
    let mut checks: Vec<&str> = findings.map(|finding| finding.check.as_str()).collect();
    checks.sort_unstable();
    checks.dedup();
    checks.len()
}

/// What one check found, over all its subjects.
struct Clause {
    check: String,
    text: String,
    findings: Vec<FindingRef>,
}

/// One clause for each of the first `limit` checks that deviate; a measured effect is always among them.
fn clauses<'a>(findings: impl Iterator<Item = &'a RatedFinding>, limit: usize) -> Vec<Clause> {
    let deviations: Vec<&RatedFinding> = findings.filter(|finding| finding.outcome.is_deviation()).collect();
    clauses_of(&deviations, limit)
}

fn clauses_of(deviations: &[&RatedFinding], limit: usize) -> Vec<Clause> {
    let mut clauses: Vec<Clause> = Vec::new();
    for &finding in deviations {
        match clauses.iter_mut().find(|clause| clause.check == finding.check) {
            Some(clause) => clause.findings.push(FindingRef::to(finding)),
            None => clauses.push(Clause {
                check: finding.check.clone(),
                text: phrase(finding),
                findings: vec![FindingRef::to(finding)],
            }),
        }
    }
    let measured = deviations.iter().find(|finding| finding.likelihood == MEASURED);
    let at = measured.and_then(|finding| clauses.iter().position(|clause| clause.check == finding.check));
    if let Some(at) = at.filter(|&at| at >= limit) {
        let clause = clauses.remove(at);
        clauses.insert(limit - 1, clause);
    }
    clauses.truncate(limit);
    clauses
}

/// The rung of the evidence ladder on which an effect was measured.
const MEASURED: u8 = 4;

fn phrase(finding: &RatedFinding) -> String {
    as_clause(&finding.sentence())
}

/// A sentence as a part of one: without a capital, unless its first word has more of them (`GPU`).
fn as_clause(sentence: &str) -> String {
    let mut chars = sentence.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => sentence.to_owned(),
    }
}

fn join(clauses: &[Clause], checks: usize) -> String {
    let mut parts: Vec<String> = clauses
        .iter()
        .map(|clause| match clause.findings.len() {
            1 => clause.text.clone(),
            n => format!("{} ({n} findings)", clause.text),
        })
        .collect();
    match checks.saturating_sub(clauses.len()) {
        0 => {}
        1 => parts.push("1 more check deviates".to_owned()),
        more => parts.push(format!("{more} more checks deviate")),
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use plumb_check_sdk::{Likelihood, Severity};

    use super::*;
    use crate::assess::{PackAnswer, Terms, assess};
    use crate::testing;

    fn questions(answer: PackAnswer) -> Vec<Question> {
        assess(&testing::empty_evidence(), "0", "0", vec![answer], &Terms::default()).checklist
    }

    fn placement(answer: PackAnswer) -> Question {
        questions(answer).remove(0)
    }

    #[test]
    fn without_the_deciding_checks_nothing_is_said() {
        for question in questions(testing::answer(&[("placement.adds", Severity::High, Outcome::Pass)])) {
            assert_eq!(question.grade, Some(Grade::NotAssessable), "{question:?}");
            assert!(
                question.sentence.contains("no pack that was asked has a check that decides it"),
                "{question:?}"
            );
        }
    }

    #[test]
    fn a_failure_is_told_in_the_clients_words_with_its_evidence() {
        let question = placement(testing::answer(&[
            ("placement.decides-cpus", Severity::Critical, Outcome::Fail),
            ("placement.decides-memory", Severity::High, Outcome::NotRun),
        ]));
        assert_eq!(question.grade, Some(Grade::High));
        assert!(question.sentence.starts_with("node: something was seen; "), "{question:?}");
        assert!(question.sentence.contains("not all of it is known"), "{question:?}");
        assert_eq!(question.findings.len(), 2);
        assert!(!question.findings[0].evidence.is_empty());
    }

    #[test]
    fn all_in_order_is_low_and_rests_on_the_deciding_checks() {
        let question = placement(testing::answer(&[
            ("placement.decides-cpus", Severity::High, Outcome::Pass),
            ("placement.decides-memory", Severity::High, Outcome::Pass),
        ]));
        assert_eq!(question.grade, Some(Grade::Low));
        assert_eq!(question.findings.len(), 2);
    }

    #[test]
    fn what_is_accepted_is_not_called_fine() {
        let answer = testing::answer(&[("governor.decides", Severity::High, Outcome::Fail)]);
        let waiver = crate::waiver::Waiver {
            check: "governor.decides".into(),
            subject: None,
            owner: "o".into(),
            reason: "r".into(),
            expires: crate::waiver::parse_date("2027-01-01").unwrap(),
        };
        let terms = Terms { waivers: vec![waiver], ..Terms::default() };
        let assessment = assess(&testing::empty_evidence(), "0", "0", vec![answer], &terms);
        let question = &assessment.checklist[1];
        assert_eq!(question.grade, Some(Grade::Low));
        assert!(question.sentence.starts_with("accepted by waiver: node: something was seen"));
        assert_eq!(assessment.key_issue.sentence, "no deviation was found besides 1 accepted by waiver");
    }

    #[test]
    fn a_gap_leaves_a_lower_bound() {
        let mut answer = testing::answer(&[
            ("placement.decides-cpus", Severity::High, Outcome::Warn),
            ("placement.decides-memory", Severity::High, Outcome::NotRun),
        ]);
        answer.findings[0].likelihood = Likelihood::Mechanism;
        let question = placement(answer);
        assert_eq!((question.grade, question.at_least), (Some(Grade::NotAssessable), Some(Grade::Medium)));
    }

    #[test]
    fn a_question_that_does_not_arise_is_neither_good_nor_open() {
        let question = placement(testing::answer(&[
            ("placement.decides-cpus", Severity::High, Outcome::NotApplicable),
            ("placement.decides-memory", Severity::High, Outcome::NotApplicable),
        ]));
        assert_eq!(question.grade, None);
        assert!(question.sentence.contains("does not arise"), "{question:?}");
    }

    #[test]
    fn a_measured_effect_is_part_of_the_sentence() {
        let mut answer = testing::answer(&[
            ("placement.decides-cpus", Severity::Critical, Outcome::Fail),
            ("placement.decides-memory", Severity::Critical, Outcome::Fail),
            ("errors.of-gpus", Severity::Critical, Outcome::Fail),
            ("tail.measured", Severity::Low, Outcome::Fail),
        ]);
        answer.findings[3].likelihood = Likelihood::Measured;
        answer.findings[3].message = "the tail is long".into();
        let assessment = assess(&testing::empty_evidence(), "0", "0", vec![answer], &Terms::default());
        assert!(
            assessment.key_issue.sentence.contains("the tail is long"),
            "{:?}",
            assessment.key_issue
        );
        assert!(assessment.key_issue.sentence.ends_with("1 more check deviates"));
    }
}
