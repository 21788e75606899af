//! Puts the findings of all packs together: coverage, categories, the overall grade, the order of the report.

use std::collections::BTreeMap;

use plumb_check_sdk::{Category, CheckMeta, Confidence, Finding, Outcome, PackManifest};
use plumb_evidence::Evidence;

use crate::assessment::{
    ASSESSMENT_SCHEMA, Assessment, CategoryResult, Grade, PackUsed, Provenance, RatedFinding, Risk,
};
use crate::{score, summary};

/// Below this share of the applicable severity points a grade reads "not assessable, at least …".
pub const ASSESSABLE_FROM: f64 = 0.70;
/// Low needs this share.
pub const LOW_FROM: f64 = 0.80;

/// What one pack answered.
#[derive(Clone, Debug, PartialEq)]
pub struct PackAnswer {
    /// What the pack says about itself.
    pub manifest: PackManifest,
    /// Its findings; checks without any count as not run.
    pub findings: Vec<Finding>,
    /// SHA-256 of the library.
    pub sha256: String,
    /// `ok`, or why it did not answer.
    pub status: String,
    /// Protections in force while it ran.
    pub sandbox: String,
}

/// Assesses a node from its evidence and the answers of the packs, in whatever order those come.
#[must_use]
pub fn assess(
    evidence: &Evidence,
    bundle_sha256: &str,
    tool_version: &str,
    mut answers: Vec<PackAnswer>,
) -> Assessment {
    answers.sort_by(|a, b| a.manifest.id.cmp(&b.manifest.id));
    let mut checks: BTreeMap<&str, Vec<RatedFinding>> = BTreeMap::new();
    for answer in &answers {
        for meta in answer.manifest.checks.iter() {
            let mut rated: Vec<RatedFinding> = answer
                .findings
                .iter()
                .filter(|finding| finding.check == meta.id)
                .map(|finding| rate(meta, finding))
                .collect();
            if rated.is_empty() {
                let silent = Finding::new(
                    meta.id.clone(),
                    Outcome::NotRun,
                    "node",
                    "the pack gave no answer for this check",
                );
                rated.push(rate(meta, &silent));
            }
            checks.entry(&meta.id).or_default().append(&mut rated);
        }
    }
    let tally: Vec<CheckTally> = checks.values().filter_map(|findings| CheckTally::of(findings)).collect();
    let top15_unanswered = answers
        .iter()
        .flat_map(|answer| answer.manifest.checks.iter())
        .filter(|meta| meta.top15_rank.is_some())
        .filter(|meta| {
            checks
                .get(&*meta.id)
                .is_some_and(|findings| findings.iter().any(|finding| finding.outcome.is_unanswered()))
        })
        .count();
    let ranks: std::collections::BTreeSet<u8> = answers
        .iter()
        .flat_map(|answer| answer.manifest.checks.iter())
        .filter_map(|meta| meta.top15_rank)
        .collect();
    let top15_absent = (1..=15).filter(|rank| !ranks.contains(rank)).count();
    let coverage = coverage(tally.iter());
    let categories: Vec<CategoryResult> =
        Category::ALL.iter().map(|&category| rate_category(category, &tally)).collect();
    let mut findings: Vec<RatedFinding> = checks.into_values().flatten().collect();
    findings.sort_by(|a, b| {
        rank(a.outcome)
            .cmp(&rank(b.outcome))
            .then(b.grade.cmp(&a.grade))
            .then(b.score.total_cmp(&a.score))
            .then_with(|| (&a.check, &a.subject, &a.message).cmp(&(&b.check, &b.subject, &b.message)))
    });
    Assessment {
        schema: ASSESSMENT_SCHEMA,
        tool_version: tool_version.to_owned(),
        provenance: Provenance {
            bundle_sha256: bundle_sha256.to_owned(),
            collected: evidence.collection.started.clone(),
            origin: match evidence.collection.origin {
                plumb_evidence::model::Origin::Live => "live".to_owned(),
                plumb_evidence::model::Origin::Sysroot => "sysroot".to_owned(),
            },
            root: evidence.collection.root,
        },
        node: summary::summarise(evidence),
        risk: overall(&findings, &categories, coverage, top15_unanswered, top15_absent),
        coverage: coverage.map(round),
        categories,
        findings,
        probes: evidence.collection.probes.clone(),
        packs: answers
            .into_iter()
            .map(|answer| PackUsed {
                id: answer.manifest.id.into_owned(),
                version: answer.manifest.version.into_owned(),
                sha256: answer.sha256,
                checks: u32::try_from(answer.manifest.checks.len()).unwrap_or(u32::MAX),
                status: answer.status,
                sandbox: answer.sandbox,
            })
            .collect(),
    }
}

/// Order of outcomes in the report: what carries risk, what could not be answered, the rest.
fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Fail | Outcome::Warn => 0,
        Outcome::Contradictory => 1,
        Outcome::NotRun => 2,
        Outcome::Accepted => 3,
        Outcome::Info => 4,
        Outcome::Pass => 5,
        Outcome::NotApplicable => 6,
    }
}

fn rate(meta: &CheckMeta, finding: &Finding) -> RatedFinding {
    let severity = finding.severity.unwrap_or(meta.severity);
    let score = score::score(finding.outcome, severity, finding.likelihood, finding.confidence);
    RatedFinding {
        check: meta.id.to_string(),
        title: meta.title.to_string(),
        category: meta.category,
        outcome: finding.outcome,
        severity,
        gate: meta.gate,
        likelihood: finding.likelihood.points(),
        confidence: finding.confidence,
        score,
        grade: score::grade(finding.outcome, severity, meta.gate, score),
        subject: finding.subject.clone(),
        message: finding.message.clone(),
        evidence: finding.evidence.clone(),
        rationale: meta.rationale.to_string(),
        business: meta.business.to_string(),
        applicability: meta.applicability.to_string(),
        remediation: meta.remediation.clone(),
        risk_of_change: meta.remediation.change.risk(),
        thresholds: meta.thresholds.to_vec(),
        caveat: meta.caveat.as_ref().map(ToString::to_string),
        references: meta.references.to_vec(),
    }
}

/// One check over all its subjects.
struct CheckTally {
    category: Category,
    /// Severity points of the check, 0 where it does not apply.
    applicable: f64,
    /// The part of them that was answered.
    assessed: f64,
    worst: Option<Grade>,
    applies: bool,
    unanswered: bool,
}

impl CheckTally {
    fn of(findings: &[RatedFinding]) -> Option<Self> {
        let first = findings.first()?;
        let applicable = findings.iter().filter(|finding| finding.outcome != Outcome::NotApplicable).count();
        let unanswered = findings.iter().filter(|finding| finding.outcome.is_unanswered()).count();
        let points = findings.iter().map(|finding| finding.severity.points()).max().unwrap_or(0);
        let points = if applicable == 0 { 0.0 } else { f64::from(points) };
        // Counts of findings are far below 2^52.
        #[expect(clippy::cast_precision_loss, reason = "counts of findings are small")]
        let answered = (applicable - unanswered) as f64 / applicable.max(1) as f64;
        Some(Self {
            category: first.category,
            applicable: points,
            assessed: points * answered,
            worst: findings.iter().filter_map(|finding| finding.grade).max(),
            applies: applicable > 0,
            unanswered: unanswered > 0,
        })
    }
}

/// Severity points assessed ÷ applicable; `None` where nothing of weight applies.
fn coverage<'a>(tally: impl Iterator<Item = &'a CheckTally>) -> Option<f64> {
    let (assessed, applicable) =
        tally.fold((0.0, 0.0), |(a, b), check| (a + check.assessed, b + check.applicable));
    (applicable > 0.0).then(|| assessed / applicable)
}

fn round(share: f64) -> f64 {
    // Rounded down, so that a printed 70 % is one.
    (share * 1000.0 + 1e-9).floor() / 1000.0
}

fn rate_category(category: Category, tally: &[CheckTally]) -> CategoryResult {
    let own: Vec<&CheckTally> = tally.iter().filter(|check| check.category == category).collect();
    let count = |predicate: fn(&CheckTally) -> bool| {
        u32::try_from(own.iter().filter(|check| predicate(check)).count()).unwrap_or(u32::MAX)
    };
    let coverage = coverage(own.iter().copied());
    let worst = own.iter().filter_map(|check| check.worst).max();
    let (grade, at_least) = match (own.iter().any(|check| check.applies), worst) {
        (false, _) => (None, None),
        // There is nothing worse, however little was seen.
        (true, Some(Grade::High)) => (Some(Grade::High), None),
        (true, _)
            if coverage.map_or(own.iter().any(|check| check.unanswered), |share| share < ASSESSABLE_FROM) =>
        {
            (Some(Grade::NotAssessable), worst)
        }
        (true, _) => (Some(worst.unwrap_or(Grade::Low)), None),
    };
    CategoryResult {
        id: category,
        title: category.title().to_owned(),
        grade,
        at_least,
        coverage: coverage.map(round),
        deviations: count(|check| check.worst.is_some()),
        unanswered: count(|check| check.unanswered),
        not_applicable: count(|check| !check.applies),
    }
}

fn overall(
    findings: &[RatedFinding],
    categories: &[CategoryResult],
    coverage: Option<f64>,
    top15_unanswered: usize,
    top15_absent: usize,
) -> Risk {
    let of_grade = |grade: Grade| findings.iter().filter(move |finding| finding.grade == Some(grade));
    let failed_gate = |finding: &RatedFinding| finding.gate && finding.outcome == Outcome::Fail;
    let sure_high =
        of_grade(Grade::High).any(|finding| finding.confidence >= Confidence::Medium || failed_gate(finding));
    let high_categories = categories.iter().filter(|category| category.grade == Some(Grade::High)).count();
    let worst = findings.iter().filter_map(|finding| finding.grade).max();
    let of = |grade: Grade| {
        let count = of_grade(grade).count();
        let noun = if count == 1 { "finding" } else { "findings" };
        let first = of_grade(grade).next().map_or("", |finding| finding.message.as_str());
        let word = grade.title().to_lowercase();
        if count == 1 {
            format!("1 {noun} of {word} risk: {first}")
        } else {
            format!("{count} {noun} of {word} risk, first: {first}")
        }
    };
    if sure_high || high_categories >= 2 {
        return Risk { grade: Grade::High, at_least: None, reason: of(Grade::High) };
    }
    let Some(share) = coverage else {
        let reason = "no check that carries risk applies to this node".to_owned();
        return Risk { grade: Grade::NotAssessable, at_least: None, reason };
    };
    let percent = (share * 100.0).floor();
    // A High finding that is not sure makes the node Medium, and so is no lower bound either.
    let at_least = worst.map(|grade| grade.min(Grade::Medium));
    let not_assessable = |why: String| Risk { grade: Grade::NotAssessable, at_least, reason: why };
    if share < ASSESSABLE_FROM {
        return not_assessable(format!(
            "only {percent} % of what applies to this node, weighted by severity, could be answered"
        ));
    }
    match worst {
        Some(Grade::High) => Risk { grade: Grade::Medium, at_least: None, reason: of(Grade::High) },
        Some(Grade::Medium) => Risk { grade: Grade::Medium, at_least: None, reason: of(Grade::Medium) },
        _ if share < LOW_FROM => not_assessable(format!(
            "no finding above low risk, but only {percent} % of what applies, weighted by severity, was answered; \
             low needs {:.0} %",
            LOW_FROM * 100.0
        )),
        _ if top15_absent > 0 => not_assessable(format!(
            "no finding above low risk, but {top15_absent} of the 15 checks with the greatest impact are not in the \
             packs that were asked"
        )),
        _ if top15_unanswered > 0 => not_assessable(format!(
            "no finding above low risk, but {top15_unanswered} of the checks with the greatest impact could not be \
             answered"
        )),
        Some(Grade::Low) => Risk { grade: Grade::Low, at_least: None, reason: of(Grade::Low) },
        _ => Risk {
            grade: Grade::Low,
            at_least: None,
            reason: "every check that applies was answered without a finding of risk".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use plumb_check_sdk::{Likelihood, Severity};
    use proptest::prelude::*;

    use super::*;
    use crate::testing;

    fn run(mut answers: Vec<PackAnswer>) -> Assessment {
        answers.push(testing::top15());
        assess(&testing::empty_evidence(), "0", "0", answers)
    }

    #[test]
    fn nothing_applicable_is_not_assessable_rather_than_low() {
        let answer = testing::answer(&[("a.one", Severity::High, Outcome::NotApplicable)]);
        let assessment = run(vec![answer]);
        assert_eq!(assessment.risk.grade, Grade::NotAssessable);
        assert_eq!(assessment.coverage, None);
    }

    #[test]
    fn a_silent_pack_is_not_run_not_passed() {
        let mut answer = testing::answer(&[("a.one", Severity::High, Outcome::Pass)]);
        answer.findings.clear();
        let assessment = run(vec![answer]);
        assert_eq!(assessment.findings[0].outcome, Outcome::NotRun);
        assert_eq!(assessment.coverage, Some(0.0));
        assert_eq!(assessment.risk.grade, Grade::NotAssessable);
    }

    #[test]
    fn a_failed_gate_is_high_however_strong_its_evidence() {
        for likelihood in [Likelihood::Setting, Likelihood::Mechanism, Likelihood::Measured] {
            let mut answer = testing::answer(&[("a.gate", Severity::Critical, Outcome::Fail)]);
            answer.manifest.checks.to_mut()[0].gate = true;
            answer.findings[0].likelihood = likelihood;
            answer.findings[0].confidence = Confidence::Low;
            assert_eq!(run(vec![answer]).risk.grade, Grade::High, "{likelihood:?}");
        }
    }

    #[test]
    fn low_needs_the_checks_with_the_greatest_impact() {
        let answer = || testing::answer(&[("a.one", Severity::High, Outcome::Pass)]);
        assert_eq!(run(vec![answer()]).risk.grade, Grade::Low);
        let without = assess(&testing::empty_evidence(), "0", "0", vec![answer()]);
        assert_eq!(without.risk.grade, Grade::NotAssessable);
        assert!(without.risk.reason.contains("15 of the 15"), "{}", without.risk.reason);
    }

    #[test]
    fn a_confident_high_finding_makes_the_node_high_at_any_coverage() {
        let answer = testing::answer(&[
            ("a.one", Severity::Critical, Outcome::Fail),
            ("a.two", Severity::Critical, Outcome::NotRun),
            ("a.three", Severity::Critical, Outcome::NotRun),
        ]);
        let assessment = run(vec![answer]);
        assert_eq!(assessment.risk.grade, Grade::High);
        assert_eq!(assessment.coverage, Some(0.333));
    }

    fn outcomes() -> impl Strategy<Value = Vec<(Severity, Outcome)>> {
        let severity = prop_oneof![
            Just(Severity::Info),
            Just(Severity::Low),
            Just(Severity::Medium),
            Just(Severity::High),
            Just(Severity::Critical)
        ];
        let outcome = prop_oneof![
            Just(Outcome::Pass),
            Just(Outcome::Warn),
            Just(Outcome::Fail),
            Just(Outcome::Info),
            Just(Outcome::NotApplicable),
            Just(Outcome::NotRun),
            Just(Outcome::Contradictory)
        ];
        proptest::collection::vec((severity, outcome), 1..12)
    }

    fn answers(outcomes: &[(Severity, Outcome)]) -> Vec<PackAnswer> {
        outcomes
            .iter()
            .enumerate()
            .map(|(i, &(severity, outcome))| {
                let id = format!("p{i:02}.check");
                let mut answer = testing::answer(&[(&id, severity, outcome)]);
                answer.manifest.id = format!("p{i:02}").into();
                answer
            })
            .collect()
    }

    proptest! {
        #[test]
        fn losing_an_answer_never_looks_better_without_lowering_coverage(
            outcomes in outcomes(), lost in 0usize..12
        ) {
            let before = run(answers(&outcomes));
            let lost = lost % outcomes.len();
            prop_assume!(outcomes[lost].1 != Outcome::NotApplicable);
            let mut less = outcomes.clone();
            less[lost].1 = Outcome::NotRun;
            let after = run(answers(&less));
            let known = |risk: &Risk| if risk.grade == Grade::NotAssessable { None } else { Some(risk.grade) };
            if let (Some(b), Some(a)) = (known(&before.risk), known(&after.risk)) {
                prop_assert!(a >= b || after.coverage < before.coverage, "{before:?}\n{after:?}");
            }
            // Low is the only good news, and it must not come from missing answers.
            if after.risk.grade == Grade::Low && !outcomes[lost].1.is_deviation() {
                prop_assert!(before.risk.grade <= Grade::Low);
            }
        }

        #[test]
        fn order_of_packs_does_not_matter(outcomes in outcomes(), seed in any::<u64>()) {
            let mut shuffled = answers(&outcomes);
            let length = shuffled.len();
            for i in 0..length {
                let j = (seed.rotate_left(u32::try_from(i).unwrap()) as usize) % length;
                shuffled.swap(i, j);
            }
            prop_assert_eq!(run(answers(&outcomes)), run(shuffled));
        }

        #[test]
        fn a_passing_check_never_worsens_the_grade(outcomes in outcomes()) {
            let before = run(answers(&outcomes)).risk.grade;
            let mut more = outcomes.clone();
            more.push((Severity::High, Outcome::Pass));
            let after = run(answers(&more)).risk.grade;
            prop_assert!(before == Grade::NotAssessable || after <= before);
        }

        #[test]
        fn score_is_monotone_in_each_factor(s in 0u8..4, l in 0u8..3, c in 0u8..2) {
            use plumb_check_sdk::{Confidence as C, Likelihood as L, Severity as S};
            let severity = [S::Info, S::Low, S::Medium, S::High, S::Critical];
            let likelihood = [L::Insensitive, L::Setting, L::Mechanism, L::Measured];
            let confidence = [C::Low, C::Medium, C::High];
            let (s, l, c) = (usize::from(s), usize::from(l), usize::from(c));
            let at = |s: usize, l: usize, c: usize| {
                score::score(Outcome::Fail, severity[s], likelihood[l], confidence[c])
            };
            let base = at(s, l, c);
            prop_assert!(at(s + 1, l, c) >= base && at(s, l + 1, c) >= base && at(s, l, c + 1) >= base);
        }
    }

    #[test]
    fn likelihood_is_kept_as_the_check_gave_it() {
        let mut answer = testing::answer(&[("a.one", Severity::High, Outcome::Fail)]);
        answer.findings[0].likelihood = Likelihood::Mechanism;
        assert_eq!(run(vec![answer]).findings[0].likelihood, 3);
    }
}
