//! The order of work: what gives most for the least disturbance comes first.

use plumb_check_sdk::{ChangeKind, Confidence};
use serde::Serialize;

use crate::action::{Action, change_of};
use crate::assessment::{FindingRef, RatedFinding, by_root, checks_of};
use crate::score::MEDIUM_FROM;

/// A quick win changes no more than this: at most a restart of the service.
const QUICK_WIN_CHANGE: u8 = 2;

/// What one change would mend: a cause, or a check without one, however many subjects it has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkItem {
    /// Id of the check of its worst finding.
    pub check: String,
    /// Title of that check.
    pub title: String,
    /// Ids of all its checks, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
    /// What deviates.
    pub subjects: Vec<String>,
    /// Its worst finding.
    #[serde(skip)]
    pub first: FindingRef,
    /// Highest R among them.
    pub score: f64,
    /// Risk of change of the remedy, 1 to 4: the highest of its checks and actions.
    pub risk_of_change: u8,
    /// Score ÷ risk of change, rounded to one decimal; decides the order.
    pub priority: f64,
    /// True if the score is 20 or more and the risk of change 2 or less, and nothing is bought.
    pub quick_win: bool,
    /// True if it is mended by what costs money every month or once: replicas, hardware.
    pub buys: bool,
    /// True if the evidence of one of the findings is indirect.
    pub verify_first: bool,
}

/// What deviates, by what one change would mend, by falling priority; equals by falling score, then by id.
#[must_use]
pub fn order(findings: &[RatedFinding], actions: &[Action]) -> Vec<WorkItem> {
    let deviations = findings.iter().filter(|finding| finding.outcome.is_deviation());
    let item = |members: Vec<&RatedFinding>| {
        let first = members.iter().max_by(|a, b| a.score.total_cmp(&b.score).then(b.check.cmp(&a.check)))?;
        let checks = checks_of(&members);
        Some(WorkItem {
            check: first.check.clone(),
            title: first.title.clone(),
            checks: if checks.len() > 1 {
                checks.into_iter().map(str::to_owned).collect()
            } else {
                Vec::new()
            },
            subjects: members.iter().map(|finding| finding.subject.clone()).collect(),
            first: FindingRef::to(first),
            score: first.score,
            risk_of_change: change_of(&members, findings, actions).map_or(1, |(risk, _)| risk.max(1)),
            priority: 0.0,
            quick_win: false,
            buys: members.iter().any(|finding| {
                matches!(finding.remediation.change, ChangeKind::Capacity | ChangeKind::Hardware)
            }),
            verify_first: members.iter().any(|finding| finding.confidence == Confidence::Low),
        })
    };
    let mut items: Vec<WorkItem> = by_root(deviations).into_iter().filter_map(item).collect();
    for item in &mut items {
        item.priority = (item.score / f64::from(item.risk_of_change) * 10.0).round() / 10.0;
        item.quick_win = item.score >= MEDIUM_FROM && item.risk_of_change <= QUICK_WIN_CHANGE && !item.buys;
    }
    items.sort_by(|a, b| {
        (b.priority.total_cmp(&a.priority))
            .then(b.score.total_cmp(&a.score))
            .then_with(|| a.check.cmp(&b.check))
    });
    items
}
