//! Two assessments of a node, before and after work on it: what was fixed, what is new, what stays, what cannot be
//! compared, what was measured, and what was set otherwise.
//!
//! Pure, as all of this crate. Three rules hold throughout:
//! - what was not answered, or is not there any more, is never fixed;
//! - a deviation that was not looked for before is never new;
//! - a difference of two measurements counts only against the spread of repeated ones.

mod drift;
mod findings;
mod measured;
mod pairs;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;

use plumb_evidence::Evidence;
use plumb_evidence::model::{Amount, Origin};
use serde::Serialize;

use crate::assessment::{Assessment, Grade, by_root};
use crate::capacity::LoadPoint;
use crate::speech::{Text, say};
use words::Words;

pub use drift::{Configuration, Drift, DriftKind, Setting, configuration};
pub use findings::{CauseChange, Change, Changes, Fate, Side};
pub use measured::{Basis, Measured, MeasuredChange, NoiseChange, ShownEffect, Spread, Verdict};
pub use pairs::{Identity, Pairing, Unpaired, pair};

/// Version of the JSON form of [`ComparisonSet`].
pub const COMPARISON_SCHEMA: u32 = 1;

/// One of the two states of a node.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    /// What to call it: the name of its file.
    pub name: &'a str,
    /// Pseudonym of the node from the manifest; empty where there is none.
    pub host_token: &'a str,
    /// What the bundle holds.
    pub evidence: &'a Evidence,
    /// What that means. Both states have to be assessed by the same packs and terms.
    pub assessment: &'a Assessment,
    /// The language of the texts of checks, which the assessment has to be written in beside English.
    pub language: &'a str,
}

/// What differs between two states of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Host name.
    pub host: String,
    /// The first state.
    pub before: StateSummary,
    /// The second.
    pub after: StateSummary,
    /// What a reader has to know before relying on the rest; sentences without a full stop.
    pub cautions: Vec<String>,
    /// Grades by category.
    pub categories: Vec<CategoryChange>,
    /// Deviations by what became of them, by check and place.
    pub findings: Changes,
    /// The same as reports count them: by cause.
    pub causes: Vec<CauseChange>,
    /// Load tests and noise.
    pub measured: Measured,
    /// Settings, versions, boot arguments, topology.
    pub drift: Vec<Drift>,
}

/// The comparisons of two sets of bundles; of two bundles there is one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparisonSet {
    /// [`COMPARISON_SCHEMA`].
    pub schema: u32,
    /// Version of the tool that compared.
    pub tool_version: String,
    /// Whose document it is.
    pub document: crate::document::DocumentTerms,
    /// By node.
    pub nodes: Vec<Comparison>,
    /// Bundles that only the first set has a node of.
    pub only_before: Vec<Unpaired>,
    /// Bundles that only the second set has a node of.
    pub only_after: Vec<Unpaired>,
}

/// One state in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StateSummary {
    /// Name of its file.
    pub name: String,
    /// SHA-256 of the bundle's manifest.
    pub bundle_sha256: String,
    /// Start of the collection, RFC 3339, UTC.
    pub collected: String,
    /// `live`, `sysroot` or `synthetic`.
    pub origin: String,
    /// Overall grade.
    pub grade: Grade,
    /// Where the grade is `not-assessable`: what the findings alone amount to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Grade>,
    /// Share of what applies that was answered, 0 to 1.
    pub coverage: Option<f64>,
    /// Exposure index, 0 to 100; for trends, grades nothing.
    pub exposure: f64,
    /// Number of findings as reports count them: causes, however many places they show in; accepted ones not counted.
    pub deviations: usize,
    /// What it means for the business, where load tests show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business: Option<Business>,
    /// Limits in ms that the stated objectives set, by metric, such as `ttft_p95`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, f64>,
}

/// What load tests prove of a state, and what the demand then needs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Business {
    /// Rate that one replica is proven to carry, in requests per second; a rate that was tested.
    pub proven: f64,
    /// Share of requests that has to meet every objective, 0 to 1.
    pub target: f64,
    /// The rates that were tested, rising.
    pub tested: Vec<LoadPoint>,
    /// True where the client did not state that share, and it is an assumption.
    pub target_assumed: bool,
    /// The stated peak of today, of the whole service.
    pub peak: Option<f64>,
    /// Replicas of today, as stated.
    pub today: Option<u32>,
    /// Their GPUs.
    pub gpus_today: Option<u32>,
    /// Their cost of a month.
    pub month_today: Option<Amount>,
    /// Rate that each replica of today gets at the stated peak.
    pub each: Option<f64>,
    /// Rate that is planned for, of the whole service; `None` without a stated demand.
    pub demand: Option<f64>,
    /// Replicas for it, modelled.
    pub replicas: Option<u32>,
    /// Their GPUs.
    pub gpus: Option<u32>,
    /// Their cost of a month.
    pub month: Option<Amount>,
    /// Currency of the cost.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub currency: String,
}

/// Grade of a category in both states.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CategoryChange {
    /// Title.
    pub title: String,
    /// Id.
    pub id: plumb_check_sdk::Category,
    /// Grade before; `None` where nothing applied.
    pub before: Option<Grade>,
    /// Grade after.
    pub after: Option<Grade>,
    /// Where the grade before is `not-assessable`: what the findings alone amount to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least_before: Option<Grade>,
    /// The same after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least_after: Option<Grade>,
    /// Coverage before, 0 to 1.
    pub coverage_before: Option<f64>,
    /// Coverage after.
    pub coverage_after: Option<f64>,
}

impl Comparison {
    /// True if a deviation is new or worse.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        !self.findings.new.is_empty() || !self.findings.worse.is_empty()
    }

    /// True if every deviation of either state has a counterpart that was answered.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.findings.not_comparable.is_empty()
    }
}

/// Compares two states of a node.
#[must_use]
pub fn compare(before: State<'_>, after: State<'_>) -> Comparison {
    let words = Words::new(after.language);
    let findings = findings::compare(before, after, &words);
    Comparison {
        host: after.assessment.node.hostname.clone(),
        cautions: cautions(before, after).iter().map(|text| words.say(text)).collect(),
        categories: categories(before.assessment, after.assessment),
        causes: findings::causes(before, after, &findings),
        findings,
        measured: measured::compare(before.evidence, after.evidence, &words),
        drift: drift::compare(&configuration(before.evidence), &configuration(after.evidence)),
        before: summary(before),
        after: summary(after),
    }
}

fn summary(state: State<'_>) -> StateSummary {
    let assessment = state.assessment;
    StateSummary {
        name: state.name.to_owned(),
        bundle_sha256: assessment.provenance.bundle_sha256.clone(),
        collected: assessment.provenance.collected.clone(),
        origin: assessment.provenance.origin.clone(),
        grade: assessment.risk.grade,
        at_least: assessment.risk.at_least,
        coverage: assessment.coverage,
        exposure: assessment.indices.exposure,
        deviations: by_root(assessment.findings.iter().filter(|finding| finding.outcome.is_deviation()))
            .len(),
        business: business(assessment),
        limits: limits(state.evidence),
    }
}

/// What the stated objectives allow, for the metrics that are compared at their percentile.
fn limits(evidence: &Evidence) -> BTreeMap<String, f64> {
    let Some(slo) = evidence.engagement.known().and_then(|engagement| engagement.slo.known()) else {
        return BTreeMap::new();
    };
    let percentile = slo.percentile.unwrap_or(95.0);
    let limits = [("ttft", slo.ttft_ms), ("itl", slo.itl_ms), ("e2e", slo.e2e_ms)];
    limits.into_iter().filter_map(|(name, limit)| Some((format!("{name}_p{percentile}"), limit?))).collect()
}

/// What load tests prove, and what the demand then needs; `None` without a rate at which the objectives are met.
pub(crate) fn business(assessment: &Assessment) -> Option<Business> {
    let capacity = &assessment.capacity;
    let goodput = capacity.goodput.as_ref().filter(|goodput| goodput.rate.low > 0.0)?;
    let plan = capacity.plan.as_ref();
    let money = capacity.money.as_ref();
    let peak = capacity.assumptions.iter().find(|own| own.id == "peak").map(|own| own.value);
    let today = plan.and_then(|plan| plan.today).filter(|replicas| *replicas > 0);
    let gpus_today =
        plan.and_then(|plan| plan.gpus_per_replica).zip(today).map(|(size, replicas)| size * replicas);
    Some(Business {
        target_assumed: goodput.target_assumed,
        peak,
        today,
        gpus_today,
        month_today: money.and_then(|money| money.today),
        proven: goodput.rate.low,
        target: goodput.target,
        tested: goodput.points.clone(),
        each: peak.zip(today).map(|(peak, replicas)| peak / f64::from(replicas)),
        demand: plan.map(|plan| plan.demand),
        replicas: plan.map(|plan| plan.planned),
        gpus: plan.and_then(|plan| plan.gpus.as_ref()).map(|gpus| gpus.high),
        month: money.map(|money| money.month.high),
        currency: money.map(|money| money.currency.clone()).unwrap_or_default(),
    })
}

fn categories(before: &Assessment, after: &Assessment) -> Vec<CategoryChange> {
    let pairs = before
        .categories
        .iter()
        .filter_map(|first| Some((first, after.categories.iter().find(|second| second.id == first.id)?)));
    pairs
        .map(|(first, second)| CategoryChange {
            title: second.title.clone(),
            id: second.id,
            before: first.grade,
            after: second.grade,
            at_least_before: first.at_least,
            at_least_after: second.at_least,
            coverage_before: first.coverage,
            coverage_after: second.coverage,
        })
        .collect()
}

fn cautions<'a>(before: State<'a>, after: State<'a>) -> Vec<Text<'a>> {
    let mut cautions = Vec::new();
    let (first, second) = (before.assessment, after.assessment);
    let synthetic = |assessment: &Assessment| assessment.provenance.origin == Origin::Synthetic.as_str();
    if synthetic(first) || synthetic(second) {
        cautions.push(say("compare-synthetic"));
    }
    let named =
        |text: Text<'a>| text.with("first", &first.node.hostname).with("second", &second.node.hostname);
    if !before.host_token.is_empty() && !after.host_token.is_empty() {
        if before.host_token != after.host_token {
            cautions.push(named(say("compare-two-nodes")));
        }
    } else if first.node.hostname != second.node.hostname {
        cautions.push(named(say("compare-perhaps-two-nodes")));
    }
    if first.provenance.collected > second.provenance.collected {
        cautions.push(say("compare-older"));
    }
    if first.provenance.root && !second.provenance.root {
        cautions.push(say("compare-less-root"));
    }
    match (first.load_sample.seen, second.load_sample.seen) {
        (true, false) => cautions.push(say("compare-load-first")),
        (false, true) => cautions.push(say("compare-load-second")),
        _ => {}
    }
    if let (Some(share_before), Some(share_after)) = (first.coverage, second.coverage)
        && share_after < share_before
    {
        // As reports print it, unless the two would read alike.
        let whole = |share: f64| ((share * 100.0).floor(), 0_u8);
        let exact = |share: f64| ((share * 1000.0).round() / 10.0, 1_u8);
        let printed = [whole as fn(f64) -> (f64, u8), exact]
            .map(|print| (print(share_before), print(share_after)))
            .into_iter()
            .find(|(before, after)| before != after);
        if let Some((before, after)) = printed {
            let share = |(value, digits): (f64, u8)| Text::Quantity(value, "%", digits);
            let fell = say("compare-coverage-fell");
            cautions.push(fell.with("before", share(before)).with("after", share(after)));
        }
    }
    cautions
}
