//! Checks to categories: coverage, grades and indices.

use std::collections::BTreeMap;

use plumb_check_sdk::{Category, Outcome};

use crate::assessment::{CategoryResult, Grade, Indices, RatedFinding};

/// Below this share of the applicable severity points a category reads "not assessable, at least …".
pub const CATEGORY_FROM: f64 = 0.70;
/// So many checks of one grade raise their category to the next.
pub const STEP_UP_FROM: usize = 4;

/// One check over all its subjects.
pub(crate) struct CheckTally {
    category: Category,
    /// Severity points of the check, 0 where it does not apply.
    applicable: f64,
    /// The part of them that was answered.
    assessed: f64,
    /// Grade of its worst finding.
    worst: Option<Grade>,
    /// Score of its worst finding.
    score: f64,
    /// Credit of its worst answer towards the hardening index, accepted or not; `None` without an answer.
    credit: Option<f64>,
    applies: bool,
    unanswered: bool,
}

impl CheckTally {
    fn of(findings: &[&RatedFinding]) -> Option<Self> {
        let first = findings.first()?;
        let applicable = findings.iter().filter(|finding| finding.outcome != Outcome::NotApplicable).count();
        let unanswered = findings.iter().filter(|finding| finding.outcome.is_unanswered()).count();
        let points = if applicable == 0 { 0.0 } else { f64::from(first.weight) };
        // Counts of findings are far below 2^52.
        #[expect(clippy::cast_precision_loss, reason = "counts of findings are small")]
        let answered = (applicable - unanswered) as f64 / applicable.max(1) as f64;
        Some(Self {
            category: first.category,
            applicable: points,
            assessed: points * answered,
            worst: findings.iter().filter_map(|finding| finding.grade).max(),
            score: findings.iter().map(|finding| finding.score).fold(0.0, f64::max),
            credit: findings.iter().filter_map(|finding| credit(finding)).min_by(f64::total_cmp),
            applies: applicable > 0,
            unanswered: unanswered > 0,
        })
    }

    /// True if it counts towards raising its category from `grade`: what has no weight raises nothing.
    fn presses(&self, grade: Grade) -> bool {
        self.worst == Some(grade) && self.score > 0.0
    }
}

/// Credit of an answer; a deviation that was accepted is one all the same.
fn credit(finding: &RatedFinding) -> Option<f64> {
    let outcome = match (&finding.waiver, finding.outcome) {
        (Some(waiver), Outcome::Accepted) => waiver.outcome,
        (_, outcome) => outcome,
    };
    match outcome {
        Outcome::Pass => Some(1.0),
        Outcome::Warn => Some(0.5),
        Outcome::Fail => Some(0.0),
        _ => None,
    }
}

/// The tallies of all checks, by id.
pub(crate) fn tally<'a>(findings: impl Iterator<Item = &'a RatedFinding>) -> Vec<CheckTally> {
    by_check(findings).values().filter_map(|findings| CheckTally::of(findings)).collect()
}

fn by_check<'a>(
    findings: impl Iterator<Item = &'a RatedFinding>,
) -> BTreeMap<&'a str, Vec<&'a RatedFinding>> {
    let mut checks: BTreeMap<&str, Vec<&RatedFinding>> = BTreeMap::new();
    for finding in findings {
        checks.entry(&finding.check).or_default().push(finding);
    }
    checks
}

/// Severity points assessed ÷ applicable; `None` where nothing of weight applies.
pub(crate) fn coverage<'a>(tally: impl Iterator<Item = &'a CheckTally>) -> Option<f64> {
    let (assessed, applicable) =
        tally.fold((0.0, 0.0), |(a, b), check| (a + check.assessed, b + check.applicable));
    (applicable > 0.0).then(|| assessed / applicable)
}

/// What each check lacks of the coverage, as a share of all that applies, by its id; what was answered in part lacks in part.
/// Their sum is what the coverage is short of 1.
#[must_use]
pub fn gaps(findings: &[RatedFinding]) -> BTreeMap<&str, f64> {
    let tallies: Vec<(&str, CheckTally)> = by_check(findings.iter())
        .iter()
        .filter_map(|(check, own)| Some((*check, CheckTally::of(own)?)))
        .collect();
    let whole: f64 = tallies.iter().map(|(_, own)| own.applicable).sum();
    let open = tallies.into_iter().filter(|(_, own)| own.unanswered);
    open.map(|(check, own)| (check, (own.applicable - own.assessed) / whole.max(1.0))).collect()
}

/// A share with three decimals, rounded down, so that a printed 70 % is one.
pub(crate) fn round(share: f64) -> f64 {
    (share * 1000.0 + 1e-9).floor() / 1000.0
}

fn exposure<'a>(tally: impl Iterator<Item = &'a CheckTally>) -> f64 {
    let spared: f64 = tally.map(|check| 1.0 - check.score / 100.0).product();
    ((1.0 - spared) * 1000.0).round() / 10.0
}

/// Exposure and hardening of the node, with the coverage that belongs to them.
pub(crate) fn indices(tally: &[CheckTally]) -> Indices {
    let weighed = tally.iter().filter_map(|check| Some((check.applicable, check.credit?)));
    let (earned, possible) =
        weighed.fold((0.0, 0.0), |(a, b), (points, credit)| (a + points * credit, b + points));
    Indices {
        exposure: exposure(tally.iter()),
        hardening: (possible > 0.0).then(|| (earned / possible * 1000.0).round() / 10.0),
        coverage: coverage(tally.iter()).map(round),
    }
}

/// The grade of one category: its worst finding, one step more where four checks press, never an average.
pub(crate) fn rate(category: Category, tally: &[CheckTally]) -> CategoryResult {
    let own: Vec<&CheckTally> = tally.iter().filter(|check| check.category == category).collect();
    let count = |predicate: fn(&CheckTally) -> bool| {
        u32::try_from(own.iter().filter(|check| predicate(check)).count()).unwrap_or(u32::MAX)
    };
    let pressing = |grade: Grade| own.iter().filter(|check| check.presses(grade)).count() >= STEP_UP_FROM;
    let worst = own.iter().filter_map(|check| check.worst).max();
    let raised = match worst {
        Some(Grade::Medium) if pressing(Grade::Medium) => Some(Grade::High),
        Some(Grade::Low) if pressing(Grade::Low) => Some(Grade::Medium),
        worst => worst,
    };
    let coverage = coverage(own.iter().copied());
    let (grade, at_least) = match (own.iter().any(|check| check.applies), raised) {
        (false, _) => (None, None),
        // There is nothing worse, however little was seen.
        (true, Some(Grade::High)) => (Some(Grade::High), None),
        (true, _)
            if coverage.map_or(own.iter().any(|check| check.unanswered), |share| share < CATEGORY_FROM) =>
        {
            (Some(Grade::NotAssessable), raised)
        }
        (true, _) => (Some(raised.unwrap_or(Grade::Low)), None),
    };
    CategoryResult {
        id: category,
        title: category.title().to_owned(),
        grade,
        at_least,
        stepped_up: raised > worst,
        coverage: coverage.map(round),
        exposure: exposure(own.iter().copied()),
        deviations: count(|check| check.worst.is_some()),
        unanswered: count(|check| check.unanswered),
        not_applicable: count(|check| !check.applies),
    }
}
