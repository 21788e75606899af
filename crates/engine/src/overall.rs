//! The overall grade of a node.

use plumb_check_sdk::{Confidence, Outcome};

use crate::assessment::{CategoryResult, Grade, RatedFinding, Risk};
use crate::load::LoadSample;

/// Below this share of the applicable severity points the node reads "not assessable, at least …".
pub const ASSESSABLE_FROM: f64 = 0.60;
/// Low needs this share.
pub const LOW_FROM: f64 = 0.80;

/// What the grade is decided on.
pub(crate) struct Basis<'a> {
    /// In the order of the report: the first of a grade is the one that is named.
    pub(crate) findings: &'a [RatedFinding],
    pub(crate) categories: &'a [CategoryResult],
    pub(crate) coverage: Option<f64>,
    pub(crate) load: &'a LoadSample,
    /// Checks among the fifteen of greatest impact that apply and were not answered.
    pub(crate) top15_unanswered: usize,
    /// Ranks among the fifteen that no pack has.
    pub(crate) top15_absent: usize,
}

/// The grade, the lower bound where there is none, and the reason.
pub(crate) fn grade(basis: &Basis<'_>) -> Risk {
    let mut risk = without_waivers(basis);
    let accepted = basis.findings.iter().filter(|finding| finding.outcome == Outcome::Accepted).count();
    if accepted > 0 {
        let not_counted = if accepted == 1 {
            "1 deviation accepted by waiver is not counted".to_owned()
        } else {
            format!("{accepted} deviations accepted by waiver are not counted")
        };
        risk.reason = format!("{}; {not_counted}", risk.reason);
    }
    risk
}

fn without_waivers(basis: &Basis<'_>) -> Risk {
    let sure = |finding: &&RatedFinding| {
        finding.confidence >= Confidence::Medium || (finding.gate && finding.outcome == Outcome::Fail)
    };
    let sure_high = basis.of(Grade::High).any(|finding| sure(&finding));
    let high: Vec<&str> = basis.categories_of(Grade::High).collect();
    if sure_high {
        return certain(Grade::High, basis.summary(Grade::High));
    }
    if high.len() >= 2 {
        return certain(Grade::High, format!("{} categories are High: {}", high.len(), high.join(", ")));
    }
    let Some(share) = basis.coverage else {
        return open(None, "no check that carries risk applies to this node".to_owned());
    };
    // A High finding that is not sure makes the node Medium, and so is no lower bound either.
    let worst = basis.worst().map(|grade| grade.min(Grade::Medium));
    let percent = (share * 100.0 + 1e-9).floor();
    let mut gaps = Vec::new();
    if share < ASSESSABLE_FROM {
        gaps.push(format!(
            "only {percent} % of what applies to this node, weighted by severity, could be answered"
        ));
    }
    if !basis.load.seen {
        gaps.push(format!("the node was not seen under load ({})", basis.load.reason));
    }
    if !gaps.is_empty() {
        return open(worst, gaps.join("; "));
    }
    if worst == Some(Grade::Medium) {
        return certain(Grade::Medium, basis.medium());
    }
    let no_worse = "no finding above low risk, but";
    let gap = if share < LOW_FROM {
        format!(
            "{no_worse} only {percent} % of what applies, weighted by severity, was answered; low needs {:.0} %",
            LOW_FROM * 100.0
        )
    } else if basis.top15_absent > 0 {
        let absent = basis.top15_absent;
        format!(
            "{no_worse} {absent} of the 15 checks with the greatest impact are not in the packs that were asked"
        )
    } else if basis.top15_unanswered > 0 {
        let unanswered = basis.top15_unanswered;
        format!("{no_worse} {unanswered} of the checks with the greatest impact could not be answered")
    } else if worst == Some(Grade::Low) {
        return certain(Grade::Low, basis.summary(Grade::Low));
    } else {
        let reason = "every check that applies was answered without a finding of risk";
        return certain(Grade::Low, reason.to_owned());
    };
    open(worst, gap)
}

fn certain(grade: Grade, reason: String) -> Risk {
    Risk { grade, at_least: None, reason }
}

fn open(at_least: Option<Grade>, reason: String) -> Risk {
    Risk { grade: Grade::NotAssessable, at_least, reason }
}

impl Basis<'_> {
    fn of(&self, grade: Grade) -> impl Iterator<Item = &RatedFinding> {
        self.findings.iter().filter(move |finding| finding.grade == Some(grade))
    }

    fn categories_of(&self, grade: Grade) -> impl Iterator<Item = &str> {
        self.categories
            .iter()
            .filter(move |category| category.grade == Some(grade))
            .map(|category| category.title.as_str())
    }

    /// The worst that findings and categories amount to, however much was seen.
    fn worst(&self) -> Option<Grade> {
        let findings = self.findings.iter().filter_map(|finding| finding.grade);
        findings
            .chain(self.categories.iter().filter_map(CategoryResult::floor))
            .max()
            // A category without a deviation is Low by its coverage; as a bound that says nothing.
            .filter(|&worst| worst > Grade::Low || self.of(Grade::Low).next().is_some())
    }

    fn medium(&self) -> String {
        for grade in [Grade::High, Grade::Medium] {
            if self.of(grade).next().is_some() {
                return self.summary(grade);
            }
        }
        let raised: Vec<&str> = self
            .categories
            .iter()
            .filter(|category| category.stepped_up)
            .map(|category| category.title.as_str())
            .collect();
        format!("many findings of low risk add up in {}", raised.join(", "))
    }

    fn summary(&self, grade: Grade) -> String {
        let count = self.of(grade).count();
        let first =
            self.of(grade).next().map_or_else(String::new, |finding| match finding.problem.as_str() {
                "" => finding.message.clone(),
                problem => problem.to_owned(),
            });
        let word = grade.title().to_lowercase();
        if count == 1 {
            format!("1 finding of {word} risk: {first}")
        } else {
            format!("{count} findings of {word} risk, first: {first}")
        }
    }
}
