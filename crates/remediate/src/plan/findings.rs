//! Questions to the findings of an assessment.

use plumb_check_sdk::{Confidence, Outcome};
use plumb_engine::Assessment;
use plumb_engine::assessment::RatedFinding;

use super::{Basis, Reason, Why};

/// The findings of an assessment.
#[derive(Clone, Copy)]
pub(super) struct Findings<'a>(pub(super) &'a Assessment);

impl<'a> Findings<'a> {
    /// Failures and warnings of the checks, in the order of the assessment.
    pub(super) fn deviations(self, checks: &'a [&str]) -> impl Iterator<Item = &'a RatedFinding> {
        let is_meant = move |finding: &&RatedFinding| {
            finding.outcome.is_deviation() && checks.contains(&finding.check.as_str())
        };
        self.0.findings.iter().filter(is_meant)
    }

    /// Why to change something that these checks ask for; `None` where none of them found a deviation.
    pub(super) fn why(self, checks: &'a [&str], basis: Basis) -> Option<Why> {
        why(self.deviations(checks), basis)
    }

    /// As [`why`](Self::why), for findings that `is_meant` picks.
    pub(super) fn why_of(
        self,
        checks: &'a [&str],
        basis: Basis,
        is_meant: impl Fn(&RatedFinding) -> bool,
    ) -> Option<Why> {
        why(self.deviations(checks).filter(|finding| is_meant(finding)), basis)
    }

    /// True if all that a check says is that everything is in order.
    pub(super) fn passes(self, check: &str) -> bool {
        let mut of_check = self.0.findings.iter().filter(|finding| finding.check == check).peekable();
        of_check.peek().is_some()
            && of_check.all(|finding| matches!(finding.outcome, Outcome::Pass | Outcome::Info))
    }

    /// What the checks could not answer.
    pub(super) fn unanswered(self, checks: &'a [&str]) -> impl Iterator<Item = &'a RatedFinding> {
        let is_meant = move |finding: &&RatedFinding| {
            finding.outcome.is_unanswered() && checks.contains(&finding.check.as_str())
        };
        self.0.findings.iter().filter(is_meant)
    }

    /// What checks with a page could not answer; the topics know those without one.
    pub(super) fn unanswered_by_page(self) -> impl Iterator<Item = &'a RatedFinding> {
        let is_meant = |finding: &&RatedFinding| finding.outcome.is_unanswered() && finding.variant.is_some();
        self.0.findings.iter().filter(is_meant)
    }

    /// Deviations that the client accepted.
    pub(super) fn accepted(self) -> impl Iterator<Item = &'a RatedFinding> {
        self.0.findings.iter().filter(|finding| finding.outcome == Outcome::Accepted)
    }
}

fn why<'a>(findings: impl Iterator<Item = &'a RatedFinding>, basis: Basis) -> Option<Why> {
    let mut why = Why { reasons: Vec::new(), basis, risk: 1, verify_first: false };
    for finding in findings {
        why.reasons.push(Reason {
            source: finding.check.clone(),
            subject: finding.subject.clone(),
            message: finding.message.clone(),
        });
        why.risk = why.risk.max(finding.risk_of_change);
        why.verify_first |= finding.confidence == Confidence::Low;
    }
    (!why.reasons.is_empty()).then_some(why)
}
