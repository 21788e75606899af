//! Thresholds that the client's policy changes: shown beside the original wherever a threshold is printed.

use std::collections::BTreeMap;

use plumb_check_sdk::{CheckMeta, Threshold};
use plumb_evidence::model::Policy;
use serde::Serialize;

use crate::assessment::Limit;

/// A number that is in force instead of the check's own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Override {
    /// The limit, in the unit of the threshold.
    pub number: f64,
    /// Why the client wants it so.
    pub reason: String,
}

/// A threshold override of the client's file, and what it replaces.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OverrideUse {
    /// `CHECK-ID/threshold name`.
    pub key: String,
    /// The limit in force.
    pub number: f64,
    /// Why the client wants it so.
    pub reason: String,
    /// The limit that the check has; `None` where no check that was asked has such a threshold, so that the override
    /// has no effect.
    pub original: Option<f64>,
    /// Unit of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// The name by which a policy knows a threshold.
#[must_use]
pub fn key(check: &str, threshold: &str) -> String {
    format!("{check}/{threshold}")
}

/// A check's threshold with what the policy puts in its place.
pub(crate) fn limit(policy: &Policy, check: &str, threshold: &Threshold) -> Limit {
    let found = policy.thresholds.get(&key(check, &threshold.name));
    Limit {
        threshold: threshold.clone(),
        overridden: found.map(|found| Override { number: found.number, reason: found.reason.clone() }),
    }
}

/// Every override, in the order of its key, with what it replaces.
pub(crate) fn used<'a>(policy: &Policy, checks: impl Iterator<Item = &'a CheckMeta>) -> Vec<OverrideUse> {
    let thresholds: BTreeMap<String, &Threshold> = checks
        .flat_map(|meta| meta.thresholds.iter().map(|threshold| (key(&meta.id, &threshold.name), threshold)))
        .collect();
    policy
        .thresholds
        .iter()
        .map(|(key, wanted)| {
            let threshold = thresholds.get(key);
            OverrideUse {
                key: key.clone(),
                number: wanted.number,
                reason: wanted.reason.clone(),
                original: threshold.map(|threshold| threshold.number),
                unit: threshold.map(|threshold| threshold.unit.to_string()),
            }
        })
        .collect()
}
