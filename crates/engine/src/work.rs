//! The order of work: what gives most for the least disturbance comes first.

use plumb_check_sdk::Confidence;
use serde::Serialize;

use crate::assessment::RatedFinding;
use crate::score::MEDIUM_FROM;

/// A quick win changes no more than this: at most a restart of the service.
const QUICK_WIN_CHANGE: u8 = 2;

/// A check with a deviation: one remedy, however many subjects it mends.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkItem {
    /// Id of the check.
    pub check: String,
    /// Title of the check.
    pub title: String,
    /// What deviates.
    pub subjects: Vec<String>,
    /// Highest R among them.
    pub score: f64,
    /// Risk of change of the remedy, 1 to 4.
    pub risk_of_change: u8,
    /// Score ÷ risk of change, rounded to one decimal; decides the order.
    pub priority: f64,
    /// True if the score is 20 or more and the risk of change 2 or less.
    pub quick_win: bool,
    /// True if the evidence of one of the findings is indirect.
    pub verify_first: bool,
}

#[must_use]
/// The checks with a deviation by falling priority; equals by falling score, then by id.
pub fn order(findings: &[RatedFinding]) -> Vec<WorkItem> {
    let mut items: Vec<WorkItem> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.outcome.is_deviation()) {
        let at = items.iter().position(|item| item.check == finding.check).unwrap_or_else(|| {
            items.push(WorkItem {
                check: finding.check.clone(),
                title: finding.title.clone(),
                subjects: Vec::new(),
                score: 0.0,
                risk_of_change: finding.risk_of_change.max(1),
                priority: 0.0,
                quick_win: false,
                verify_first: false,
            });
            items.len() - 1
        });
        let item = &mut items[at];
        item.subjects.push(finding.subject.clone());
        item.score = item.score.max(finding.score);
        item.verify_first |= finding.confidence == Confidence::Low;
    }
    for item in &mut items {
        item.priority = (item.score / f64::from(item.risk_of_change) * 10.0).round() / 10.0;
        item.quick_win = item.score >= MEDIUM_FROM && item.risk_of_change <= QUICK_WIN_CHANGE;
    }
    items.sort_by(|a, b| {
        (b.priority.total_cmp(&a.priority))
            .then(b.score.total_cmp(&a.score))
            .then_with(|| a.check.cmp(&b.check))
    });
    items
}
