//! Puts the findings of all packs together: from answers to an [`Assessment`].

use std::collections::{BTreeMap, BTreeSet};

use plumb_check_sdk::{
    Category, CheckMeta, Confidence, Finding, Likelihood, Outcome, PackManifest, Severity, Words,
};
use plumb_evidence::Evidence;
use plumb_evidence::model::Policy;
use time::Date;

use crate::assessment::{ASSESSMENT_SCHEMA, Assessment, CategoryResult, PackUsed, Provenance, RatedFinding};
use crate::capacity::Capacity;
use crate::document::DocumentTerms;
use crate::overall::Basis;
use crate::profile::{Platform, Profile};
use crate::speech::{LikelihoodReason, Speech, say};
use crate::waiver::{AsOf, Waiver, WaiverApplied, Waivers};
use crate::{categories, checklist, conflicts, contradictions, load, overall, policy, score, summary, work};

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
    /// Texts of its checks' pages by language other than English and check.
    pub pages: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
    /// True for a pack that did not come with this installation.
    pub foreign: bool,
}

/// What the client decides and no evidence tells. The default decides nothing.
///
/// What packs need to know as well, the workload and the policy, is part of the evidence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// Deviations that the client accepts.
    pub waivers: Vec<Waiver>,
    /// The platform, where the client says otherwise than the evidence.
    pub platform: Option<Platform>,
    /// The day against which expiry dates are held; the day of the collection if `None`.
    pub as_of: Option<Date>,
    /// Whose report it is, and what is in it.
    pub document: DocumentTerms,
    /// Languages that the assessment is written in beside English.
    pub languages: Vec<String>,
}

/// Assesses a node from its evidence and the answers of the packs, in whatever order those come.
#[must_use]
pub fn assess(
    evidence: &Evidence,
    bundle_sha256: &str,
    tool_version: &str,
    mut answers: Vec<PackAnswer>,
    terms: &Terms,
) -> Assessment {
    answers.sort_by(|a, b| {
        (&a.manifest.id, &a.manifest.version, &a.sha256).cmp(&(
            &b.manifest.id,
            &b.manifest.version,
            &b.sha256,
        ))
    });
    let metas = || answers.iter().flat_map(|answer| answer.manifest.checks.iter());
    let as_of = terms.as_of.map_or_else(|| AsOf::collection(&evidence.collection.started), AsOf::option);
    let speech = Speech::new(&terms.languages);
    let profile = Profile::of(evidence, terms.platform, &speech);
    let rating = Rating {
        profile: &profile,
        speech: &speech,
        policy: &evidence.policy,
        waivers: Waivers { all: &terms.waivers, day: as_of.day },
    };

    let mut checks: BTreeMap<&str, Vec<RatedFinding>> = BTreeMap::new();
    for answer in &answers {
        for meta in answer.manifest.checks.iter() {
            let own = answer.findings.iter().filter(|finding| finding.check == meta.id);
            let mut rated: Vec<RatedFinding> = own.map(|finding| rating.rate(meta, finding)).collect();
            if rated.is_empty() {
                rated.push(rating.rate(meta, &silent(meta, &speech)));
            }
            if answer.foreign {
                for finding in &mut rated {
                    finding.foreign = Some(answer.manifest.id.to_string());
                }
            }
            checks.entry(&meta.id).or_default().append(&mut rated);
        }
    }
    let load = load::sample(evidence, &speech);
    let ranks: BTreeSet<u8> = metas().filter_map(|meta| meta.top15_rank).collect();
    let top15_absent = (1..=15).filter(|rank| !ranks.contains(rank)).count();
    let unanswered = |meta: &&CheckMeta| {
        let findings = checks.get(&*meta.id);
        findings.is_some_and(|findings| findings.iter().any(|finding| finding.outcome.is_unanswered()))
    };
    let top15_unanswered = metas().filter(|meta| meta.top15_rank.is_some()).filter(unanswered).count();

    let tally = categories::tally(checks.values().flatten());
    let coverage = categories::coverage(tally.iter());
    let by_category: Vec<CategoryResult> =
        Category::ALL.iter().map(|&category| categories::rate(category, &tally)).collect();
    let mut findings: Vec<RatedFinding> = checks.into_values().flatten().collect();
    findings.sort_by(report_order);
    let deviations: Vec<(&str, &str)> = findings
        .iter()
        .filter(|finding| finding.outcome.is_deviation() || finding.outcome == Outcome::Accepted)
        .map(|finding| (finding.check.as_str(), finding.subject.as_str()))
        .collect();
    let known: BTreeSet<&str> = metas().map(|meta| &*meta.id).collect();
    let waivers = rating.waivers.used(|check| known.contains(check), &deviations);
    let risk = overall::grade(&Basis {
        findings: &findings,
        categories: &by_category,
        coverage,
        load: &load,
        top15_unanswered,
        top15_absent,
        speech: &speech,
    });
    Assessment {
        schema: ASSESSMENT_SCHEMA,
        tool_version: tool_version.to_owned(),
        provenance: Provenance {
            bundle_sha256: bundle_sha256.to_owned(),
            host_token: String::new(),
            collected: evidence.collection.started.clone(),
            origin: evidence.collection.origin.as_str().to_owned(),
            root: evidence.collection.root,
        },
        as_of,
        node: summary::summarise(evidence, &speech),
        load_sample: load,
        risk,
        key_issue: checklist::key_issue(&findings, &speech),
        checklist: checklist::answer(&findings, &speech),
        coverage: coverage.map(categories::round),
        indices: categories::indices(&tally),
        categories: by_category,
        work: work::order(&findings, &[]),
        actions: Vec::new(),
        pages: pages(&answers),
        waivers,
        overrides: policy::used(&evidence.policy, metas()),
        capacity: Capacity::of(evidence, &speech),
        conflicts: conflicts::relevant(evidence, &profile, &findings, &speech),
        contradictions: contradictions::find(
            evidence,
            &findings,
            |check| metas().find(|meta| meta.id == check),
            &speech,
        ),
        profile,
        findings,
        probes: evidence.collection.probes.clone(),
        document: terms.document.clone(),
        packs: answers.into_iter().map(used).collect(),
    }
}

/// A check about which its pack said nothing.
fn silent(meta: &CheckMeta, speech: &Speech) -> Finding {
    let told = speech.tell(&say("no-answer-of-pack"));
    let mut finding = meta.not_run("node", told.english);
    for (language, message) in told.others {
        finding.words.insert(language.to_owned(), Words { message, ..Words::default() });
    }
    finding
}

/// The pages of all packs.
fn pages(answers: &[PackAnswer]) -> BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>> {
    let mut pages: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>> = BTreeMap::new();
    for (language, checks) in answers.iter().flat_map(|answer| &answer.pages) {
        pages.entry(language.clone()).or_default().extend(checks.clone());
    }
    pages
}

fn used(answer: PackAnswer) -> PackUsed {
    PackUsed {
        id: answer.manifest.id.into_owned(),
        version: answer.manifest.version.into_owned(),
        sha256: answer.sha256,
        checks: u32::try_from(answer.manifest.checks.len()).unwrap_or(u32::MAX),
        status: answer.status,
        sandbox: answer.sandbox,
    }
}

/// Order of the report: what carries risk, what could not be answered, the rest. Total, so that the order in which
/// packs and findings came leaves no trace.
fn report_order(a: &RatedFinding, b: &RatedFinding) -> std::cmp::Ordering {
    rank(a.outcome)
        .cmp(&rank(b.outcome))
        .then(b.grade.cmp(&a.grade))
        .then(b.score.total_cmp(&a.score))
        .then_with(|| (&a.check, &a.subject, &a.message).cmp(&(&b.check, &b.subject, &b.message)))
        .then_with(|| {
            let rest = |finding: &RatedFinding| {
                (finding.outcome, finding.severity, finding.likelihood, finding.confidence, finding.gate)
            };
            rest(a).cmp(&rest(b))
        })
        .then_with(|| a.evidence.cmp(&b.evidence))
}

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

/// What the rating of a finding depends on besides the finding.
struct Rating<'a> {
    profile: &'a Profile,
    speech: &'a Speech,
    policy: &'a Policy,
    waivers: Waivers<'a>,
}

impl Rating<'_> {
    fn rate(&self, meta: &CheckMeta, finding: &Finding) -> RatedFinding {
        // A check without weight has no place in the coverage, so that a finding that it lifted above that could vanish
        // without a trace.
        let weighs = meta.severity > Severity::Info;
        let severity = finding.severity.filter(|_| weighs).unwrap_or(meta.severity);
        let gate = weighs && finding.gate.unwrap_or(meta.gate);
        // Only the client accepts; a pack that claims it said nothing.
        let given = if finding.outcome == Outcome::Accepted { Outcome::NotRun } else { finding.outcome };
        let (likelihood, likelihood_reason) = self.likelihood(meta, finding, given);
        let score = score::score(given, severity, likelihood, finding.confidence);
        let grade = score::grade(given, severity, gate, score);
        let waiver = Some(()).filter(|()| given.is_deviation()).and_then(|()| {
            let (waiver, in_force) = self.waivers.of(&meta.id, &finding.subject)?;
            Some(WaiverApplied {
                owner: waiver.owner.clone(),
                reason: waiver.reason.clone(),
                expires: crate::waiver::iso(waiver.expires),
                expired: !in_force,
                outcome: given,
                score,
                grade,
            })
        });
        let accepted = waiver.as_ref().is_some_and(|waiver| !waiver.expired);
        let english = finding.words.get("en");
        let outcome = if accepted { Outcome::Accepted } else { given };
        RatedFinding {
            check: meta.id.to_string(),
            title: meta.title.to_string(),
            category: meta.category,
            outcome,
            severity,
            weight: meta.severity.points(),
            gate,
            likelihood: likelihood.points(),
            likelihood_reason,
            confidence: finding.confidence,
            verify_first: outcome.is_deviation() && finding.confidence == Confidence::Low,
            score: if accepted { 0.0 } else { score },
            grade: if accepted { None } else { grade },
            waiver,
            subject: finding.subject.clone(),
            message: finding.message.clone(),
            problem: english.map(|words| words.problem.clone()).unwrap_or_default(),
            effect: english.map(|words| words.effect.clone()).unwrap_or_default(),
            object: finding.object.clone(),
            variant: finding.variant.clone(),
            args: finding.args.clone(),
            words: finding.words.clone(),
            intents: finding.intents.clone(),
            cause: finding.cause.clone(),
            actions: Vec::new(),
            foreign: None,
            questions: meta.questions.to_vec(),
            positions: meta.positions.to_vec(),
            evidence: finding.evidence.clone(),
            rationale: meta.rationale.to_string(),
            business: meta.business.to_string(),
            applicability: meta.applicability.to_string(),
            remediation: meta.remediation.clone(),
            risk_of_change: meta.remediation.change.risk(),
            thresholds: meta
                .thresholds
                .iter()
                .map(|threshold| policy::limit(self.policy, &meta.id, threshold))
                .collect(),
            caveat: meta.caveat.as_ref().map(ToString::to_string),
            references: meta.references.to_vec(),
        }
    }

    /// A setting that deviates counts for less where the workload is known not to be sensitive to it. What was seen to
    /// happen, or measured, counts whatever the workload is said to be.
    fn likelihood(
        &self,
        meta: &CheckMeta,
        finding: &Finding,
        outcome: Outcome,
    ) -> (Likelihood, Option<LikelihoodReason>) {
        if finding.likelihood == Likelihood::Setting
            && outcome.is_deviation()
            && let Some(why) = self.profile.insensitive(&meta.amplified_by, self.speech)
        {
            return (Likelihood::Insensitive, Some(why));
        }
        (finding.likelihood, None)
    }
}

#[cfg(test)]
mod tests {
    use plumb_check_sdk::{ChangeKind, WorkloadTrait};
    use plumb_evidence::Fact;
    use plumb_evidence::model::{Engagement, ThresholdOverride};

    use super::*;
    use crate::action::{Action, Interrupts};
    use crate::assessment::Grade;
    use crate::testing;
    use crate::waiver::{WaiverState, parse_date};

    fn run(answers: Vec<PackAnswer>) -> Assessment {
        run_on(&testing::loaded_evidence(), answers, &Terms::default())
    }

    fn run_on(evidence: &Evidence, mut answers: Vec<PackAnswer>, terms: &Terms) -> Assessment {
        answers.push(testing::top15());
        assess(evidence, "0", "0", answers, terms)
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
        let without = assess(&testing::loaded_evidence(), "0", "0", vec![answer()], &Terms::default());
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

    #[test]
    fn likelihood_is_kept_as_the_check_gave_it() {
        let mut answer = testing::answer(&[("a.one", Severity::High, Outcome::Fail)]);
        answer.findings[0].likelihood = Likelihood::Mechanism;
        assert_eq!(run(vec![answer]).findings[0].likelihood, 3);
    }

    #[test]
    fn without_a_sample_under_load_the_grade_stays_open() {
        let answer = |outcome| vec![testing::answer(&[("a.one", Severity::Medium, outcome)])];
        let idle = |outcome| run_on(&testing::empty_evidence(), answer(outcome), &Terms::default()).risk;
        let risk = idle(Outcome::Pass);
        assert_eq!((risk.grade, risk.at_least), (Grade::NotAssessable, None));
        assert!(risk.reason.contains("was not seen under load"), "{}", risk.reason);
        let risk = idle(Outcome::Fail);
        assert_eq!((risk.grade, risk.at_least), (Grade::NotAssessable, Some(Grade::Medium)));
        assert_eq!(run(answer(Outcome::Fail)).risk.grade, Grade::Medium);
        let mut high = answer(Outcome::Fail);
        high[0].manifest.checks.to_mut()[0].severity = Severity::Critical;
        let risk = run_on(&testing::empty_evidence(), high, &Terms::default()).risk;
        assert_eq!(risk.grade, Grade::High, "nothing is worse, however little was seen");
    }

    #[test]
    fn coverage_decides_by_its_three_limits() {
        // One check of weight 2 deviates; passes and gaps of weight 1 set the coverage.
        let at = |passes: usize, gaps: usize| {
            let mut checks = vec![("a.it".to_owned(), Severity::Medium, Outcome::Fail)];
            checks.extend((0..passes).map(|i| (format!("a.p{i}"), Severity::Low, Outcome::Pass)));
            checks.extend((0..gaps).map(|i| (format!("a.g{i}"), Severity::Low, Outcome::NotRun)));
            let checks: Vec<_> = checks.iter().map(|(id, s, o)| (id.as_str(), *s, *o)).collect();
            let result = run(vec![testing::answer(&checks)]);
            (result.coverage.unwrap(), result.risk.grade, result.categories[0].grade.unwrap())
        };
        assert_eq!(at(5, 3), (0.7, Grade::Medium, Grade::Medium));
        assert_eq!(at(4, 4), (0.6, Grade::Medium, Grade::NotAssessable));
        assert_eq!(at(3, 5), (0.5, Grade::NotAssessable, Grade::NotAssessable));
    }

    #[test]
    fn four_checks_of_a_grade_raise_their_category_one_step() {
        let of = |severity, likelihood, count: usize| {
            let ids: Vec<String> = (0..count).map(|i| format!("a.c{i}")).collect();
            let checks: Vec<_> = ids.iter().map(|id| (id.as_str(), severity, Outcome::Fail)).collect();
            let mut answer = testing::answer(&checks);
            for finding in &mut answer.findings {
                finding.likelihood = likelihood;
            }
            let result = run(vec![answer]);
            (result.categories[0].grade.unwrap(), result.risk.grade)
        };
        let (low, medium) = (Likelihood::Insensitive, Likelihood::Setting);
        assert_eq!(of(Severity::Low, low, 3), (Grade::Low, Grade::Low));
        assert_eq!(of(Severity::Low, low, 4), (Grade::Medium, Grade::Medium));
        assert_eq!(of(Severity::Medium, medium, 3), (Grade::Medium, Grade::Medium));
        assert_eq!(of(Severity::Medium, medium, 4), (Grade::High, Grade::Medium), "one High category alone");
        assert_eq!(
            of(Severity::Info, medium, 9),
            (Grade::Low, Grade::NotAssessable),
            "what weighs nothing presses nothing"
        );
    }

    #[test]
    fn many_subjects_of_one_check_are_one_finding_to_a_category() {
        let mut answer = testing::answer(&[("a.one", Severity::Medium, Outcome::Fail)]);
        for gpu in 0..8 {
            let mut finding = answer.findings[0].clone();
            finding.subject = format!("GPU {gpu}");
            answer.findings.push(finding);
        }
        let result = run(vec![answer]);
        assert_eq!(
            (result.categories[0].grade, result.categories[0].stepped_up),
            (Some(Grade::Medium), false)
        );
        assert_eq!(result.indices.exposure, 37.5, "nor does their number raise the exposure");
    }

    #[test]
    fn indices_follow_their_formulas() {
        let result = run(vec![testing::answer(&[
            ("a.pass", Severity::Critical, Outcome::Pass),
            ("a.warn", Severity::Medium, Outcome::Warn),
            ("a.fail", Severity::Low, Outcome::Fail),
            ("a.open", Severity::Critical, Outcome::NotRun),
        ])]);
        // R is 18.8 twice; 100 · (1 − 0.812 · 0.812) = 34.1. Credit is 4 · 1 + 2 · ½ of 7 points; 7 of 11 are answered.
        assert_eq!(result.indices.exposure, 34.1);
        assert_eq!(result.indices.hardening, Some(71.4));
        assert_eq!((result.indices.coverage, result.coverage), (Some(0.636), Some(0.636)));
    }

    #[test]
    fn work_is_in_order_of_risk_by_risk_of_change() {
        let mut answer = testing::answer(&[
            ("a.big", Severity::Critical, Outcome::Fail),
            ("a.quick", Severity::Medium, Outcome::Fail),
            ("a.small", Severity::Low, Outcome::Fail),
        ]);
        answer.manifest.checks.to_mut()[0].remediation.change = plumb_check_sdk::ChangeKind::Bios;
        answer.findings[2].confidence = Confidence::Low;
        let work = run(vec![answer]).work;
        let told: Vec<_> = work
            .iter()
            .map(|item| (&*item.check, item.priority, item.quick_win, item.verify_first))
            .collect();
        assert_eq!(
            told,
            [("a.quick", 37.5, true, false), ("a.big", 18.8, false, false), ("a.small", 11.3, false, true)]
        );
    }

    #[test]
    fn a_step_that_risks_more_than_its_finding_gives_number_and_words() {
        let mut findings =
            run(vec![testing::answer(&[("a.one", Severity::Critical, Outcome::Fail)])]).findings;
        findings[0].actions = vec!["A1".into()];
        let action = |interrupts, risk| Action {
            id: "A1".into(),
            state: crate::action::ActionState::ByHand,
            reason: String::new(),
            kind: "cores".into(),
            object: plumb_check_sdk::Object::node(),
            title: BTreeMap::new(),
            now: Vec::new(),
            permanent: Vec::new(),
            also: BTreeMap::new(),
            undo: Vec::new(),
            verify: Vec::new(),
            files: Vec::new(),
            risk,
            interrupts,
            minutes: (1, 2),
            findings: Vec::new(),
            foreign: None,
        };
        for (interrupts, risk, change) in [
            (Interrupts::Nothing, 1, ChangeKind::Runtime),
            (Interrupts::Service, 2, ChangeKind::ServiceRestart),
            (Interrupts::Node, 3, ChangeKind::Reboot),
        ] {
            let actions = [action(interrupts, risk)];
            let members: Vec<&RatedFinding> = findings.iter().collect();
            assert_eq!(crate::action::change_of(&members, &findings, &actions), Some((risk, change)));
            assert_eq!(work::order(&findings, &actions)[0].risk_of_change, risk);
        }
    }

    #[test]
    fn a_gate_may_hold_for_a_part_of_the_failures() {
        let steal = |gate| {
            let mut answer = testing::answer(&[("steal.shown", Severity::Low, Outcome::Fail)]);
            answer.manifest.checks.to_mut()[0].gate = true;
            answer.findings[0] = answer.findings[0].clone().with_gate(gate);
            run(vec![answer]).risk.grade
        };
        assert_eq!((steal(true), steal(false)), (Grade::High, Grade::Low));
    }

    fn waiver(check: &str, subject: Option<&str>, expires: &str) -> Waiver {
        Waiver {
            check: check.into(),
            subject: subject.map(ToOwned::to_owned),
            owner: "A. Person".into(),
            reason: "until the move".into(),
            expires: parse_date(expires).unwrap(),
        }
    }

    #[test]
    fn a_waiver_accepts_until_its_last_day_and_hides_nothing() {
        let answers = || vec![testing::answer(&[("a.one", Severity::Critical, Outcome::Fail)])];
        let with = |waivers, as_of: Option<&str>| {
            let as_of = as_of.and_then(parse_date);
            let terms = Terms { waivers, as_of, ..Terms::default() };
            run_on(&testing::loaded_evidence(), answers(), &terms)
        };
        // The evidence was collected on 1 January 2026.
        let accepted = with(vec![waiver("a.one", None, "2026-01-01")], None);
        let finding = accepted.findings.iter().find(|finding| finding.check == "a.one").unwrap();
        assert_eq!((finding.outcome, finding.score, finding.grade), (Outcome::Accepted, 0.0, None));
        let told = finding.waiver.as_ref().unwrap();
        assert_eq!((told.outcome, told.score, told.grade), (Outcome::Fail, 75.0, Some(Grade::High)));
        assert_eq!(accepted.risk.grade, Grade::Low);
        assert!(
            accepted.risk.reason.contains("1 deviation accepted by waiver is not counted"),
            "{:?}",
            accepted.risk
        );
        assert_eq!(accepted.waivers[0].state, WaiverState::InForce);
        assert_eq!(accepted.indices.hardening, Some(0.0), "acceptance hardens nothing");

        let expired = with(vec![waiver("a.one", None, "2025-12-31")], None);
        assert_eq!(expired.findings[0].outcome, Outcome::Fail);
        assert!(expired.findings[0].waiver.as_ref().unwrap().expired);
        assert_eq!((expired.risk.grade, expired.waivers[0].state), (Grade::High, WaiverState::Expired));

        let later = with(vec![waiver("a.one", None, "2026-01-31")], Some("2026-02-01"));
        assert_eq!(later.findings[0].outcome, Outcome::Fail);
        assert_eq!((later.as_of.date.as_deref(), &*later.as_of.source), (Some("2026-02-01"), "option"));

        let other =
            with(vec![waiver("a.one", Some("GPU 7"), "2026-12-31"), waiver("b.x", None, "2026-12-31")], None);
        assert_eq!(other.findings[0].outcome, Outcome::Fail);
        let states: Vec<_> = other.waivers.iter().map(|waiver| waiver.state).collect();
        assert_eq!(states, [WaiverState::Unused, WaiverState::UnknownCheck]);

        let renewed =
            with(vec![waiver("a.one", None, "2025-01-01"), waiver("a.one", None, "2026-12-31")], None);
        assert_eq!(renewed.findings.iter().filter(|f| f.outcome == Outcome::Accepted).count(), 1);
    }

    #[test]
    fn without_a_date_no_waiver_is_in_force() {
        let mut evidence = testing::loaded_evidence();
        evidence.collection.started = "some day".into();
        let terms = Terms { waivers: vec![waiver("a.one", None, "9999-12-31")], ..Terms::default() };
        let answers = vec![testing::answer(&[("a.one", Severity::High, Outcome::Fail)])];
        let result = run_on(&evidence, answers, &terms);
        assert_eq!((result.findings[0].outcome, result.as_of.date), (Outcome::Fail, None));
    }

    #[test]
    fn a_workload_that_is_known_not_to_be_sensitive_lowers_settings_only() {
        let likelihood = |stated: Option<bool>, rung| {
            let mut evidence = testing::loaded_evidence();
            evidence.engagement = Fact::Known(Engagement {
                workload: stated.map(|holds| (WorkloadTrait::Offload, holds)).into_iter().collect(),
                ..Engagement::default()
            });
            let mut answer = testing::answer(&[("a.one", Severity::High, Outcome::Fail)]);
            answer.manifest.checks.to_mut()[0].amplified_by = vec![WorkloadTrait::Offload].into();
            answer.findings[0].likelihood = rung;
            let finding = run_on(&evidence, vec![answer], &Terms::default()).findings.remove(0);
            assert_eq!(finding.likelihood_reason.is_some(), finding.likelihood != rung.points());
            finding.likelihood
        };
        assert_eq!(likelihood(Some(false), Likelihood::Setting), 1);
        assert_eq!(likelihood(Some(true), Likelihood::Setting), 2);
        assert_eq!(likelihood(None, Likelihood::Setting), 2);
        assert_eq!(likelihood(Some(false), Likelihood::Mechanism), 3);
        assert_eq!(likelihood(Some(false), Likelihood::Measured), 4);
    }

    #[test]
    fn a_replaced_threshold_is_shown_with_its_original() {
        let mut evidence = testing::loaded_evidence();
        let wanted = |number| ThresholdOverride { number, reason: "measured".into() };
        evidence.policy.thresholds.insert("a.one/share".into(), wanted(10.0));
        evidence.policy.thresholds.insert("a.one/shaer".into(), wanted(9.0));
        let mut answer = testing::answer(&[("a.one", Severity::High, Outcome::Fail)]);
        answer.manifest.checks.to_mut()[0].thresholds = vec![testing::threshold("share", 5.0)].into();
        let result = run_on(&evidence, vec![answer], &Terms::default());
        let limit = &result.findings[0].thresholds[0];
        assert_eq!((limit.threshold.number, limit.overridden.as_ref().unwrap().number), (5.0, 10.0));
        let told: Vec<_> = result.overrides.iter().map(|own| (&*own.key, own.original)).collect();
        assert_eq!(told, [("a.one/shaer", None), ("a.one/share", Some(5.0))]);
        let json = serde_json::to_value(limit).unwrap();
        assert_eq!((&json["number"], &json["overridden"]["reason"]), (&5.0.into(), &"measured".into()));
    }
}
