//! Questions to the findings of an assessment that are not goals.

use plumb_check_sdk::Outcome;
use plumb_engine::Assessment;
use plumb_engine::assessment::RatedFinding;

/// The findings of an assessment.
#[derive(Clone, Copy)]
pub(super) struct Findings<'a>(pub(super) &'a Assessment);

impl<'a> Findings<'a> {
    /// True if something was found out about this cause, and all of it is that everything is in order.
    pub(super) fn is_settled(self, cause: &str) -> bool {
        let of_cause = |finding: &&RatedFinding| finding.cause.as_ref().is_some_and(|own| own.key == cause);
        let mut all = self.0.findings.iter().filter(of_cause).peekable();
        all.peek().is_some() && all.all(|finding| matches!(finding.outcome, Outcome::Pass | Outcome::Info))
    }

    /// What could not be answered.
    pub(super) fn unanswered(self) -> impl Iterator<Item = &'a RatedFinding> {
        self.0.findings.iter().filter(|finding| finding.outcome.is_unanswered())
    }

    /// Deviations that the client accepted.
    pub(super) fn accepted(self) -> impl Iterator<Item = &'a RatedFinding> {
        self.0.findings.iter().filter(|finding| finding.outcome == Outcome::Accepted)
    }
}
