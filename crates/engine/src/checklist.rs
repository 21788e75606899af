//! The client's three questions, answered from findings, and the worst of the node in one sentence.
//!
//! Each answer names the findings that it rests on, with their evidence. A question whose deciding checks were not
//! asked, or not answered, stays open, whatever else was found in order.

use plumb_check_sdk::{Citation, Outcome};
use serde::Serialize;

use crate::assessment::{FindingRef, Grade, RatedFinding, by_root};
use crate::categories::{self, CATEGORY_FROM};
use crate::speech::{Speech, Text, Translations, say};

/// So many issues fit one sentence.
const MAX_CLAUSES: usize = 2;
const MAX_KEY_CLAUSES: usize = 3;

/// The answer to a question of the client, which is put so that “yes” is what one hopes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The deciding checks looked, and are satisfied.
    Yes,
    /// A deciding check is violated, or what adds to the question is of medium or high risk.
    No,
    /// In order in part: what deviates weighs little, was accepted, or only some of the deciding checks could look.
    Partly,
    /// The deciding checks have nothing to judge on this node.
    DoesNotArise,
    /// No deciding check could look.
    NotKnown,
}

/// An answer to one question of the client.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    /// `placement`, `governor` or `neighbours`.
    pub id: String,
    /// The question.
    pub question: String,
    /// The answer in a word.
    pub answer: Answer,
    /// The risk; `None` where the question does not arise on this node.
    pub grade: Option<Grade>,
    /// Where the grade is `not-assessable`: what the findings alone already amount to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Grade>,
    /// Severity points assessed ÷ applicable over the checks that belong to the question; `None` where none applied.
    pub coverage: Option<f64>,
    /// The key issues in one sentence, without a capital and a full stop.
    pub sentence: String,
    /// `question` and `sentence` in other languages.
    #[serde(skip_serializing_if = "Translations::is_empty")]
    pub words: Translations,
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
    /// `sentence` in other languages.
    #[serde(skip_serializing_if = "Translations::is_empty")]
    pub words: Translations,
    /// The findings behind it.
    pub findings: Vec<FindingRef>,
}

/// A question of the client, by its id; what it asks is `question-ID` of the message files, and what is true if nothing
/// deviates `fine-ID`.
struct Topic(&'static str);

const TOPICS: [Topic; 3] = [Topic("placement"), Topic("governor"), Topic("neighbours")];

/// Answers all questions; `findings` are in the order of the report, worst first.
#[must_use]
pub fn answer(findings: &[RatedFinding], speech: &Speech) -> Vec<Question> {
    TOPICS.iter().map(|topic| topic.answer(findings, speech)).collect()
}

/// The worst of the node; `findings` are in the order of the report, worst first.
#[must_use]
pub fn key_issue(findings: &[RatedFinding], speech: &Speech) -> KeyIssue {
    // Beside anything worse, a finding of low risk is no key issue.
    let worst = findings.iter().filter_map(|finding| finding.grade).max();
    let is_key = |finding: &RatedFinding| worst <= Some(Grade::Low) || finding.grade > Some(Grade::Low);
    let deviations: Vec<&RatedFinding> =
        findings.iter().filter(|finding| finding.outcome.is_deviation()).collect();
    let clauses = clauses_of(&deviations, MAX_KEY_CLAUSES, is_key);
    let text =
        if clauses.is_empty() { no_issue(findings) } else { join(&clauses, deviating(findings.iter())) };
    let mut words = Translations::default();
    KeyIssue {
        sentence: speech.field(&mut words, "sentence", &text),
        words,
        findings: clauses.into_iter().flat_map(|clause| clause.findings).collect(),
    }
}

/// What there is to say where nothing deviates.
fn no_issue(findings: &[RatedFinding]) -> Text<'static> {
    let unanswered = findings.iter().filter(|finding| finding.outcome.is_unanswered()).count();
    let passed = findings.iter().any(|finding| finding.outcome == Outcome::Pass);
    let accepted = findings.iter().filter(|finding| finding.outcome == Outcome::Accepted).count();
    match (unanswered, passed) {
        (0, _) if accepted > 0 => say("none-but-accepted").count("n", accepted),
        (0, true) => say("none-found"),
        (0, false) => say("nothing-judged"),
        (_, true) => say("none-in-answered").count("n", unanswered),
        (_, false) => say("nothing-answered").count("n", unanswered),
    }
}

impl Topic {
    fn answer(&self, findings: &[RatedFinding], speech: &Speech) -> Question {
        let own: Vec<&RatedFinding> = findings.iter().filter(|finding| finding.is_about(self.0)).collect();
        let worst = own.iter().filter_map(|finding| finding.grade).max();
        let clauses = clauses(own.iter().copied(), MAX_CLAUSES);
        let coverage = coverage(&own);
        let gap = self.gap(&own, coverage);
        let answer = self.word(&own);
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
        match gap {
            // The deciding checks spoke, whatever else was not answered.
            gap if clauses.is_empty() && answer == Answer::Yes => {
                parts.push(say(format!("fine-{}", self.0)));
                parts.extend(gap.map(|gap| say("not-all-known").with("gap", gap)));
            }
            _ if clauses.is_empty() && answer == Answer::DoesNotArise => {
                let reason = self.deciding_findings(&own).next().map_or("".into(), Text::Message);
                parts.push(say("does-not-arise").with("reason", reason));
            }
            Some(gap) if clauses.is_empty() => parts.push(say("cannot-be-said").with("gap", gap)),
            Some(gap) => parts.push(say("not-all-known").with("gap", gap)),
            None if clauses.is_empty() && !accepted.is_empty() => {}
            None if clauses.is_empty() && arises => parts.push(say(format!("fine-{}", self.0))),
            None if clauses.is_empty() => {
                let reason = self.deciding_findings(&own).next().map_or("".into(), Text::Message);
                parts.push(say("does-not-arise").with("reason", reason));
            }
            None => {}
        }
        if !accepted.is_empty() {
            let of_waivers = clauses_of(&accepted, MAX_CLAUSES, |_| true);
            let what = join(&of_waivers, by_root(accepted.iter().copied()).len());
            parts.push(say("accepted").with("what", what));
        }
        let named: Vec<FindingRef> = clauses.into_iter().flat_map(|clause| clause.findings).collect();
        let is_named = |finding: &RatedFinding| named.contains(&FindingRef::to(finding));
        // A sentence without a deviation rests on what the deciding checks said, one with a gap on what they did not.
        let backs = |finding: &&&RatedFinding| {
            let deciding = finding.decides(self.0) && !finding.outcome.is_deviation();
            is_named(finding)
                || finding.outcome == Outcome::Accepted
                || (deciding && (named.is_empty() || finding.outcome.is_unanswered()))
        };
        let mut words = Translations::default();
        Question {
            id: self.0.to_owned(),
            question: speech.field(&mut words, "question", &say(format!("question-{}", self.0))),
            answer,
            grade,
            at_least,
            coverage: coverage.map(categories::round),
            sentence: speech.field(&mut words, "sentence", &Text::Joined("; ", parts)),
            words,
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

    /// The answer in a word. What adds to a question can say no, and never yes: only the deciding checks can.
    fn word(&self, own: &[&RatedFinding]) -> Answer {
        let deciding: Vec<&RatedFinding> = self.deciding_findings(own).collect();
        let is = |outcome: Outcome| deciding.iter().any(|finding| finding.outcome == outcome);
        let deviates = own.iter().any(|finding| finding.outcome.is_deviation());
        let weighs = own.iter().any(|finding| {
            finding.outcome.is_deviation()
                && (finding.grade > Some(Grade::Low)
                    || finding.outcome == Outcome::Fail && finding.decides(self.0))
        });
        let accepted = own.iter().any(|finding| finding.outcome == Outcome::Accepted);
        let open = deciding.is_empty() || deciding.iter().any(|finding| finding.outcome.is_unanswered());
        match () {
            () if weighs => Answer::No,
            () if deviates || accepted => Answer::Partly,
            () if is(Outcome::Pass) && open => Answer::Partly,
            () if is(Outcome::Pass) => Answer::Yes,
            () if open => Answer::NotKnown,
            // What is worth knowing only is no answer.
            () if is(Outcome::Info) => Answer::NotKnown,
            () => Answer::DoesNotArise,
        }
    }

    fn deciding_findings<'a>(&self, own: &[&'a RatedFinding]) -> impl Iterator<Item = &'a RatedFinding> {
        let id = self.0;
        own.iter().copied().filter(move |finding| finding.decides(id))
    }

    /// Why the question cannot be answered in full.
    fn gap<'a>(&self, own: &[&'a RatedFinding], coverage: Option<f64>) -> Option<Text<'a>> {
        if self.deciding_findings(own).next().is_none() {
            return Some(say("gap-no-check"));
        }
        let unanswered = self.deciding_findings(own).find(|finding| finding.outcome.is_unanswered());
        if let Some(finding) = unanswered {
            let gap = say("gap-unanswered").with("subject", &finding.subject);
            return Some(gap.with("message", Text::Message(finding)));
        }
        let share = coverage?;
        let percent = Text::Number((share * 100.0 + 1e-9).floor(), "");
        (share < CATEGORY_FROM).then(|| say("gap-share").with("percent", percent))
    }
}

fn coverage(findings: &[&RatedFinding]) -> Option<f64> {
    categories::coverage(categories::tally(findings.iter().copied()).iter())
}

fn applies(finding: &RatedFinding) -> bool {
    finding.outcome != Outcome::NotApplicable
}

/// Number of causes of deviations.
fn deviating<'a>(findings: impl Iterator<Item = &'a RatedFinding>) -> usize {
    by_root(findings.filter(|finding| finding.outcome.is_deviation())).len()
}

/// What was found of one cause, over all its checks and subjects.
struct Clause<'a> {
    /// The first of them, whose sentence it is.
    first: &'a RatedFinding,
    /// How many have the grade of the first, which is the worst.
    alike: usize,
    findings: Vec<FindingRef>,
}

/// One clause for each of the first `limit` causes of deviations; a measured effect is always among them.
fn clauses<'a>(findings: impl Iterator<Item = &'a RatedFinding>, limit: usize) -> Vec<Clause<'a>> {
    let deviations: Vec<&RatedFinding> = findings.filter(|finding| finding.outcome.is_deviation()).collect();
    clauses_of(&deviations, limit, |_| true)
}

/// Of those causes of which a finding is `wanted`; what a cause counts are all its findings, as everywhere in a report.
fn clauses_of<'a>(
    deviations: &[&'a RatedFinding],
    limit: usize,
    wanted: impl Fn(&RatedFinding) -> bool,
) -> Vec<Clause<'a>> {
    let clause = |members: Vec<&'a RatedFinding>| Clause {
        first: members[0],
        alike: members.iter().filter(|finding| finding.grade == members[0].grade).count(),
        findings: members.into_iter().map(FindingRef::to).collect(),
    };
    let causes = by_root(deviations.iter().copied()).into_iter();
    let causes = causes.filter(|members| members.iter().any(|finding| wanted(finding)));
    let mut clauses: Vec<Clause<'a>> = causes.map(clause).collect();
    let measured = deviations.iter().find(|finding| finding.likelihood == MEASURED);
    let at =
        measured.and_then(|finding| clauses.iter().position(|clause| clause.first.root() == finding.root()));
    if let Some(at) = at.filter(|&at| at >= limit) {
        let clause = clauses.remove(at);
        clauses.insert(limit - 1, clause);
    }
    clauses.truncate(limit);
    clauses
}

/// The rung of the evidence ladder on which an effect was measured.
const MEASURED: u8 = 4;

fn join<'a>(clauses: &[Clause<'a>], causes: usize) -> Text<'a> {
    let mut parts: Vec<Text<'a>> = clauses
        .iter()
        .map(|clause| match clause.findings.len() {
            1 => Text::Clause(clause.first),
            n => {
                let (others, alike) = (n - 1, clause.alike - 1);
                // Where all are as bad as the first, or none is, there is nothing to tell apart.
                let alike = if alike == others { 0 } else { alike };
                let grade = match clause.first.grade {
                    Some(Grade::High) => "high",
                    Some(Grade::Medium) => "medium",
                    _ => "low",
                };
                say("several-findings")
                    .with("clause", Text::Clause(clause.first))
                    .count("n", others)
                    .count("alike", alike)
                    .with("grade", grade)
            }
        })
        .collect();
    if let more @ 1.. = causes.saturating_sub(clauses.len()) {
        parts.push(say("more-causes").count("n", more));
    }
    Text::Joined("; ", parts)
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
    fn a_cause_counts_all_its_findings_and_says_how_many_are_as_bad() {
        let checks = ["placement.decides-a", "placement.adds-b", "placement.adds-c", "placement.adds-d"];
        let severities = [Severity::Critical, Severity::Critical, Severity::Low, Severity::Low];
        let checks: Vec<_> =
            checks.into_iter().zip(severities).map(|(id, own)| (id, own, Outcome::Fail)).collect();
        let mut answer = testing::answer(&checks);
        for finding in &mut answer.findings {
            *finding = finding.clone().with_cause("pins", plumb_check_sdk::Object::node());
        }
        let assessment = assess(&testing::empty_evidence(), "0", "0", vec![answer], &Terms::default());
        let sentence = "node: something was seen (and 3 more, 1 of them high)";
        assert_eq!(assessment.key_issue.sentence, sentence);
        assert_eq!(assessment.key_issue.findings.len(), 4);
        assert!(
            assessment.checklist[0].sentence.starts_with(sentence),
            "{}",
            assessment.checklist[0].sentence
        );
        assert_eq!(assessment.work[0].subjects.len(), 4);
    }

    #[test]
    fn a_deciding_check_that_spoke_is_never_not_known() {
        use Outcome::{Accepted, Fail, NotApplicable, NotRun, Pass, Warn};
        let word = |checks: &[(&'static str, Severity, Outcome)]| placement(testing::answer(checks)).answer;
        let (cpus, memory) = ("placement.decides-cpus", "placement.decides-memory");
        let two = |one, other| word(&[(cpus, Severity::High, one), (memory, Severity::High, other)]);
        assert_eq!(two(Pass, Pass), Answer::Yes);
        assert_eq!(two(Pass, Fail), Answer::No);
        assert_eq!(two(Fail, NotRun), Answer::No);
        assert_eq!(two(Pass, NotRun), Answer::Partly, "a missing answer is never a pass");
        assert_eq!(two(Pass, Accepted), Answer::Partly);
        assert_eq!(two(Pass, NotApplicable), Answer::Yes);
        assert_eq!(two(NotApplicable, NotApplicable), Answer::DoesNotArise);
        assert_eq!(two(NotApplicable, NotRun), Answer::NotKnown);
        assert_eq!(two(NotRun, NotRun), Answer::NotKnown);
        // A check that only adds can spoil the answer, and cannot give it.
        assert_eq!(word(&[("placement.adds-b", Severity::High, Pass)]), Answer::NotKnown);
        let adds = |outcome, severity| {
            word(&[(cpus, Severity::High, Pass), ("placement.adds-b", severity, outcome)])
        };
        assert_eq!(adds(NotRun, Severity::Critical), Answer::Yes, "whatever the share that was answered");
        assert_eq!(adds(Fail, Severity::Critical), Answer::No);
        assert_eq!(adds(Warn, Severity::Low), Answer::Partly);
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
    fn answers_are_written_in_the_languages_asked_for_with_the_words_of_the_page() {
        let mut answer = testing::answer(&[
            ("placement.decides-cpus", Severity::Critical, Outcome::Fail),
            ("placement.decides-memory", Severity::High, Outcome::NotRun),
        ]);
        let said = |problem: &str, message: &str| plumb_check_sdk::Words {
            problem: problem.into(),
            message: message.into(),
            ..plumb_check_sdk::Words::default()
        };
        answer.findings[0].words.insert("en".into(), said("The worker is far away", "found"));
        answer.findings[0].words.insert("de".into(), said("Der Worker ist weit weg", "gefunden"));
        answer.findings[1].words.insert("de".into(), said("", "niemand sah hin"));
        let terms = Terms { languages: vec!["de".into()], ..Terms::default() };
        let assessment = assess(&testing::empty_evidence(), "0", "0", vec![answer.clone()], &terms);
        let question = &assessment.checklist[0];
        assert_eq!(question.question, "Are workers on GPU-local cores and memory?");
        assert_eq!(
            question.words.get("de", "sentence", ""),
            "der Worker ist weit weg; nicht alles davon ist bekannt: node: niemand sah hin"
        );
        let key = &assessment.key_issue;
        assert_eq!(key.sentence, "the worker is far away");
        assert_eq!(key.words.get("de", "sentence", &key.sentence), "der Worker ist weit weg");
        let json = serde_json::to_value(question).unwrap();
        assert_eq!(
            json["words"]["de"]["question"],
            "Liegen Kerne und Speicher der Worker nahe an ihren GPUs?"
        );
        let english = assess(&testing::empty_evidence(), "0", "0", vec![answer], &Terms::default());
        assert_eq!(serde_json::to_value(&english.checklist[0]).unwrap().get("words"), None);
        assert_eq!(english.checklist[0].sentence, question.sentence);
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
        assert!(assessment.key_issue.sentence.contains("the tail is long"), "{:?}", assessment.key_issue);
        assert!(assessment.key_issue.sentence.ends_with("1 more problem was found"));
    }
}
