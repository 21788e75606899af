//! Properties of the assessment over generated packs: what an example would not show.
//!
//! Each prints its number of cases; see them with `cargo test -p plumb-engine properties -- --nocapture`.

use std::cell::Cell;

use plumb_check_sdk::{
    Category, ChangeKind, Citation, Confidence, Finding, Likelihood, Outcome, Severity, WorkloadTrait,
};
use plumb_evidence::Fact;
use plumb_evidence::model::Engagement;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestCaseResult, TestRunner};

use crate::assess::{PackAnswer, Terms, assess};
use crate::assessment::{Assessment, Grade};
use crate::testing;
use crate::waiver::{Waiver, parse_date};

/// Times as many cases as proptest would run; `PROPTEST_CASES` sets those.
const TIMES: u32 = 2;

/// A check with its subjects, as generated.
#[derive(Clone, Debug)]
struct Check {
    /// Index into [`IDS`] for checks that the engine knows, or none.
    known: Option<usize>,
    pack: u8,
    category: usize,
    severity: Severity,
    gate: bool,
    top15: bool,
    amplified: bool,
    change: ChangeKind,
    subjects: Vec<Subject>,
}

#[derive(Clone, Debug)]
struct Subject {
    outcome: Outcome,
    likelihood: Likelihood,
    confidence: Confidence,
    severity: Option<Severity>,
    gate: Option<bool>,
}

/// Checks that questions and conflicts are about.
const IDS: [&str; 8] = [
    "placement.decides-cpus",
    "placement.decides-memory",
    "governor.decides",
    "neighbours.decides",
    "position.numa-balancing",
    "position.acs",
    "neighbours.adds",
    "placement.adds",
];

fn severity() -> impl Strategy<Value = Severity> {
    prop::sample::select(vec![
        Severity::Info,
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ])
}

fn subject() -> impl Strategy<Value = Subject> {
    let outcome = prop::sample::select(vec![
        Outcome::Pass,
        Outcome::Pass,
        Outcome::Warn,
        Outcome::Fail,
        Outcome::Fail,
        Outcome::Info,
        Outcome::NotApplicable,
        Outcome::NotRun,
        Outcome::Contradictory,
    ]);
    let likelihood = prop::sample::select(vec![
        Likelihood::Insensitive,
        Likelihood::Setting,
        Likelihood::Mechanism,
        Likelihood::Measured,
    ]);
    let confidence = prop::sample::select(vec![Confidence::Low, Confidence::Medium, Confidence::High]);
    let rarely = || prop::option::weighted(0.15, severity());
    (outcome, likelihood, confidence, rarely(), prop::option::weighted(0.1, any::<bool>())).prop_map(
        |(outcome, likelihood, confidence, severity, gate)| Subject {
            outcome,
            likelihood,
            confidence,
            severity,
            gate,
        },
    )
}

fn check() -> impl Strategy<Value = Check> {
    let change =
        prop::sample::select(vec![ChangeKind::Runtime, ChangeKind::ServiceRestart, ChangeKind::Bios]);
    (
        prop::option::of(0..IDS.len()),
        0..3u8,
        0..3usize,
        severity(),
        prop::bool::weighted(0.15),
        prop::bool::weighted(0.3),
        any::<bool>(),
        change,
        prop::collection::vec(subject(), 1..4),
    )
        .prop_map(|(known, pack, category, severity, gate, top15, amplified, change, subjects)| Check {
            known,
            pack,
            category,
            severity,
            gate,
            top15,
            amplified,
            change,
            subjects,
        })
}

fn checks() -> impl Strategy<Value = Vec<Check>> {
    prop::collection::vec(check(), 1..14)
}

/// The answers of up to three packs; every check has an id of its own.
fn answers(checks: &[Check]) -> Vec<PackAnswer> {
    let mut packs: Vec<PackAnswer> = Vec::new();
    let mut taken = Vec::new();
    for (i, check) in checks.iter().enumerate() {
        let known = check.known.map(|known| IDS[known]).filter(|id| !taken.contains(id));
        taken.extend(known);
        let id = known.map_or_else(|| format!("area.check-{i:02}"), ToOwned::to_owned);
        let name = format!("pack{}", check.pack);
        let at = packs.iter().position(|pack| pack.manifest.id == name).unwrap_or_else(|| {
            let mut pack = testing::answer(&[]);
            pack.manifest.id = name.into();
            packs.push(pack);
            packs.len() - 1
        });
        let mut single = testing::answer(&[(&id, check.severity, Outcome::Pass)]);
        let meta = &mut single.manifest.checks.to_mut()[0];
        meta.category = Category::ALL[check.category];
        meta.gate = check.gate;
        meta.top15_rank = check.top15.then_some(1);
        meta.remediation.change = check.change;
        if check.amplified {
            meta.amplified_by = vec![WorkloadTrait::Offload].into();
        }
        packs[at].manifest.checks.to_mut().push(meta.clone());
        for (n, subject) in check.subjects.iter().enumerate() {
            let mut finding =
                Finding::new(&*id, subject.outcome, format!("subject {n}"), "something was seen")
                    .with_likelihood(subject.likelihood)
                    .with_confidence(subject.confidence)
                    .with_evidence(Citation::new("/proc/version", format!("{i}.{n}")));
            finding.severity = subject.severity;
            finding.gate = subject.gate;
            packs[at].findings.push(finding);
        }
    }
    packs
}

fn run(mut answers: Vec<PackAnswer>, terms: &Terms) -> Assessment {
    answers.push(testing::top15());
    let mut evidence = testing::loaded_evidence();
    evidence.engagement = Fact::Known(Engagement {
        workload: [(WorkloadTrait::Offload, false)].into(),
        ..Engagement::default()
    });
    assess(&evidence, "0", "0", answers, terms)
}

/// Runs `test` on generated input and prints how often it could judge.
fn property<S: Strategy>(name: &str, strategy: S, test: impl Fn(S::Value) -> TestCaseResult) {
    let config = Config::default();
    let config = Config { cases: config.cases * TIMES, failure_persistence: None, ..config };
    let judged = Cell::new(0u32);
    let mut runner = TestRunner::new(config);
    let result = runner.run(&strategy, |value| {
        test(value)?;
        judged.set(judged.get() + 1);
        Ok(())
    });
    println!("property: {name}: {} cases", judged.get());
    if let Err(error) = result {
        panic!("{name}: {error}");
    }
}

/// The grade as far as it is known: the grade, or what it is at least.
fn floor(grade: Grade, at_least: Option<Grade>) -> Option<Grade> {
    at_least.or(Some(grade)).filter(|&grade| grade > Grade::NotAssessable)
}

/// Fails if anything looks better after than before without less coverage.
fn no_better(before: &Assessment, after: &Assessment) -> TestCaseResult {
    let known = |grade: Grade| Some(grade).filter(|&grade| grade > Grade::NotAssessable);
    let less = after.coverage.unwrap_or(0.0) < before.coverage.unwrap_or(0.0);
    if let (Some(b), Some(a)) = (known(before.risk.grade), known(after.risk.grade)) {
        prop_assert!(a >= b || less, "{:?} {:?}", before.risk, after.risk);
    }
    let floors = |assessment: &Assessment| floor(assessment.risk.grade, assessment.risk.at_least);
    if let Some(b) = floors(before).filter(|&b| b > Grade::Low) {
        prop_assert!(floors(after).is_some_and(|a| a >= b) || less, "{:?} {:?}", before.risk, after.risk);
    }
    for (b, a) in before.categories.iter().zip(&after.categories) {
        let less = a.coverage.unwrap_or(0.0) < b.coverage.unwrap_or(0.0);
        if let (Some(was), Some(is)) = (b.floor(), a.floor()) {
            prop_assert!(is >= was || less, "{b:?} {a:?}");
        }
    }
    for (b, a) in before.checklist.iter().zip(&after.checklist) {
        let less = a.coverage.unwrap_or(0.0) < b.coverage.unwrap_or(0.0);
        if let (Some(was), Some(is)) = (b.grade.and_then(known), a.grade.and_then(known)) {
            prop_assert!(is >= was || less, "{b:?} {a:?}");
        }
    }
    Ok(())
}

#[test]
fn an_answer_that_is_lost_never_makes_anything_look_better() {
    property("a lost answer", (checks(), any::<prop::sample::Index>()), |(checks, which)| {
        let whole = answers(&checks);
        let before = run(whole.clone(), &Terms::default());
        let total: usize = checks.iter().map(|check| check.subjects.len()).sum();
        let mut lost = which.index(total);
        let mut less = whole;
        for pack in &mut less {
            if lost < pack.findings.len() {
                let finding = &mut pack.findings[lost];
                *finding = Finding::new(&*finding.check, Outcome::NotRun, &*finding.subject, "denied");
                break;
            }
            lost -= pack.findings.len();
        }
        no_better(&before, &run(less, &Terms::default()))
    });
}

#[test]
fn a_check_that_falls_silent_never_makes_anything_look_better() {
    // A single subject of several that is not told cannot be missed by the engine; a check that is silent can.
    property("a silent check", (checks(), any::<prop::sample::Index>()), |(checks, which)| {
        let whole = answers(&checks);
        let before = run(whole.clone(), &Terms::default());
        let ids: Vec<String> =
            whole.iter().flat_map(|pack| &*pack.manifest.checks).map(|meta| meta.id.to_string()).collect();
        let silent = which.get(&ids);
        let mut less = whole;
        for pack in &mut less {
            pack.findings.retain(|finding| finding.check != *silent);
        }
        no_better(&before, &run(less, &Terms::default()))
    });
}

#[test]
fn the_order_of_packs_checks_and_findings_leaves_no_trace() {
    let strategy = checks().prop_flat_map(|checks| {
        let packs = answers(&checks);
        let findings = packs.iter().map(|pack| pack.findings.len()).max().unwrap_or(0);
        (Just(packs).prop_shuffle(), prop::collection::vec(any::<u32>(), findings))
    });
    property("order", strategy, |(mut shuffled, keys)| {
        let mut sorted = shuffled.clone();
        sorted.sort_by(|a, b| a.manifest.id.cmp(&b.manifest.id));
        for pack in &mut shuffled {
            let mut keyed: Vec<_> = keys.iter().zip(std::mem::take(&mut pack.findings)).collect();
            keyed.sort_by_key(|(key, _)| **key);
            pack.findings = keyed.into_iter().map(|(_, finding)| finding).collect();
            pack.manifest.checks.to_mut().reverse();
        }
        let (a, b) = (run(sorted, &Terms::default()), run(shuffled, &Terms::default()));
        let bytes = |assessment: &Assessment| serde_json::to_string(assessment);
        let equal = bytes(&a).map_err(fail)? == bytes(&b).map_err(fail)?;
        prop_assert!(equal, "{a:?}\n{b:?}");
        Ok(())
    });
}

fn fail(error: serde_json::Error) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

#[test]
fn every_finding_is_told_once_and_nothing_else() {
    property("findings are kept", checks(), |checks| {
        let answers = answers(&checks);
        let mut given: Vec<_> = answers
            .iter()
            .flat_map(|pack| &pack.findings)
            .map(|finding| (finding.check.clone(), finding.subject.clone(), finding.outcome))
            .collect();
        let result = run(answers, &Terms::default());
        let mut told: Vec<_> = result
            .findings
            .iter()
            .filter(|finding| !finding.check.starts_with("top."))
            .map(|finding| (finding.check.clone(), finding.subject.clone(), finding.outcome))
            .collect();
        given.sort();
        told.sort();
        prop_assert_eq!(given, told);
        let deviating = result.findings.iter().filter(|finding| finding.outcome.is_deviation()).count();
        prop_assert_eq!(deviating, result.work.iter().map(|item| item.subjects.len()).sum::<usize>());
        Ok(())
    });
}

#[test]
fn a_check_that_passes_never_worsens_the_grade() {
    property("a passing check", checks(), |checks| {
        let before = run(answers(&checks), &Terms::default()).risk.grade;
        let mut more = answers(&checks);
        let mut pass = testing::answer(&[("z.pass", Severity::High, Outcome::Pass)]);
        pass.manifest.id = "z".into();
        more.push(pass);
        let after = run(more, &Terms::default()).risk.grade;
        prop_assert!(before == Grade::NotAssessable || after <= before);
        Ok(())
    });
}

#[test]
fn waivers_change_neither_coverage_nor_hardening_and_expired_ones_nothing_at_all() {
    property("waivers", (checks(), 0..14usize, any::<bool>()), |(checks, which, expired)| {
        let plain = run(answers(&checks), &Terms::default());
        let Some(finding) = plain.findings.get(which % plain.findings.len()) else { return Ok(()) };
        let day = if expired { "2025-12-31" } else { "2026-12-31" };
        let Some(expires) = parse_date(day) else { return Ok(()) };
        let waiver = Waiver {
            check: finding.check.clone(),
            subject: None,
            owner: "o".into(),
            reason: "r".into(),
            expires,
        };
        let with = run(answers(&checks), &Terms { waivers: vec![waiver], ..Terms::default() });
        prop_assert_eq!(with.coverage, plain.coverage);
        prop_assert_eq!(with.indices.hardening, plain.indices.hardening);
        prop_assert!(with.risk.grade <= plain.risk.grade || plain.risk.grade == Grade::NotAssessable);
        if expired {
            prop_assert_eq!(&with.risk, &plain.risk);
            prop_assert_eq!(with.indices, plain.indices);
        }
        Ok(())
    });
}

#[test]
fn every_sentence_is_backed_by_findings_of_the_assessment() {
    property("backed sentences", checks(), |checks| {
        let result = run(answers(&checks), &Terms::default());
        let exists = |check: &str, subject: &str| {
            result.findings.iter().any(|finding| finding.check == check && finding.subject == subject)
        };
        for question in &result.checklist {
            for backing in &question.findings {
                prop_assert!(exists(&backing.finding.check, &backing.finding.subject), "{question:?}");
                prop_assert!(!backing.outcome.is_deviation() || !backing.evidence.is_empty(), "{question:?}");
            }
            let graded =
                question.grade.or(question.at_least).is_some_and(|grade| grade > Grade::NotAssessable);
            prop_assert!(!graded || !question.findings.is_empty(), "{question:?}");
            prop_assert!(!question.sentence.is_empty());
        }
        prop_assert!(result.key_issue.findings.iter().all(|own| exists(&own.check, &own.subject)));
        let deviates = result.findings.iter().any(|finding| finding.outcome.is_deviation());
        prop_assert_eq!(deviates, !result.key_issue.findings.is_empty());
        Ok(())
    });
}

#[test]
fn the_score_is_monotone_in_each_factor() {
    let severity = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    let likelihood =
        [Likelihood::Insensitive, Likelihood::Setting, Likelihood::Mechanism, Likelihood::Measured];
    let confidence = [Confidence::Low, Confidence::Medium, Confidence::High];
    let mut cases = 0;
    for s in 0..5 {
        for l in 0..4 {
            for c in 0..3 {
                let at = |s: usize, l: usize, c: usize| {
                    crate::score::score(
                        Outcome::Fail,
                        severity[s.min(4)],
                        likelihood[l.min(3)],
                        confidence[c.min(2)],
                    )
                };
                let base = at(s, l, c);
                assert!(at(s + 1, l, c) >= base && at(s, l + 1, c) >= base && at(s, l, c + 1) >= base);
                let warn = crate::score::score(Outcome::Warn, severity[s], likelihood[l], confidence[c]);
                assert!(warn <= base);
                cases += 1;
            }
        }
    }
    println!("property: monotone score: {cases} cases, all there are");
}
