//! The service level against what was tested.

use plumb_evidence::model::{DRIVERS_TRIED, Engine, ExperimentEffect, ExperimentResult};

use super::summary::{Proof, share};
use super::{Writer, fact, observed, stop};
use crate::ReportError;
use crate::escape::clean;
use crate::figure::{change, metric_name};
use crate::model::{Block, Row, column, heading, line, numbers, paragraph, plain, row, strong};

/// So many rows are printed; the appendix has all.
const MAX_ROWS: usize = 8;
const MAX_EFFECTS: usize = 6;

/// True if the share of requests that must meet the limits is not stated, so that the percentile stands in for it.
pub(super) fn target_is_assumed(w: &Writer<'_>) -> bool {
    w.assessment.capacity.goodput.as_ref().is_some_and(|own| own.target_assumed)
}

/// Engines and driver that the node runs, with their versions, and its kernel.
pub(super) fn software(w: &Writer<'_>, with_kernel: bool) -> String {
    let Some(evidence) = w.evidence() else { return String::new() };
    let mut named: Vec<String> = Vec::new();
    for server in evidence.servers.known().into_iter().flatten().filter(|server| server.kind != "unknown") {
        let version = server.version.known().map(|version| format!(" {version}")).unwrap_or_default();
        let name = format!("{}{version}", server.kind);
        if !named.contains(&name) {
            named.push(name);
        }
    }
    let facts = w.assessment.facts("en");
    let of = |label: &str| facts.iter().find(|(own, _)| own == label).map(|(_, value)| value.clone());
    named.truncate(2);
    if let Some(driver) = of("GPU driver").filter(|driver| !driver.starts_with("not known")) {
        named.push(format!("{} {driver}", w.messages.find("main", "driver").unwrap_or("driver")));
    }
    named
        .extend(evidence.node.kernel.known().filter(|_| with_kernel).map(|kernel| format!("Linux {kernel}")));
    clean(&named.join(", "))
}

/// With which versions of what serves here the rules were tried; `None` where nothing serves.
pub(super) fn tried(w: &Writer<'_>) -> Result<Option<String>, ReportError> {
    let Some(evidence) = w.evidence() else { return Ok(None) };
    let (mut tried, mut untried): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for server in evidence.servers.known().into_iter().flatten().filter(|server| server.kind != "unknown") {
        let versions = Engine::of(&server.kind).tried;
        let list = if versions.is_empty() { &mut untried } else { &mut tried };
        let name = format!("{} {}", server.kind, versions.join(", "));
        let name = name.trim_end().to_owned();
        if !list.contains(&name) {
            list.push(name);
        }
    }
    tried.truncate(2);
    untried.truncate(2);
    if evidence.nvml.known().is_some_and(|nvml| nvml.driver_version.known().is_some()) {
        tried.push(format!("{} {}", w.word("driver")?, DRIVERS_TRIED.join(", ")));
    }
    let key = match (tried.is_empty(), untried.is_empty()) {
        (true, true) => return Ok(None),
        (false, true) => "scope_tried",
        (true, false) => "scope_untried",
        (false, false) => "scope_both",
    };
    let (tried, untried) = (clean(&tried.join(", ")), clean(&untried.join(", ")));
    w.say(key, &[("tried", &tried), ("untried", &untried)]).map(Some)
}

pub(super) fn blocks(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let service = &w.view.service;
    let mut blocks = Vec::new();
    let proof = Proof::of(w);
    if proof.is_none() {
        let verdict = match observed::alone(w) {
            Some(seen) => observed::verdict(w, seen)?,
            None => w.say("level_unknown", &[("reason", &super::money::missing(w)?)])?,
        };
        blocks.push(Block::Paragraph { text: vec![strong(verdict)], style: String::new() });
        if !service.stated.is_empty() {
            blocks.push(stated(w)?);
        }
    }
    if let Some(proof) = &proof {
        let verdict = super::summary::verdict(w, proof)?;
        blocks.push(Block::Paragraph { text: vec![strong(verdict)], style: String::new() });
        blocks.push(stated(w)?);
        blocks.extend(w.figure("attainment"));
        blocks.push(heading(w.word("tested")?));
        blocks.push(tested(w, proof)?);
        blocks.push(paragraph(w.word("tested_note")?));
    }
    blocks.extend(observed::blocks(w)?);
    if let Some(table) = experiments(w)? {
        blocks.push(heading(w.word("experiments")?));
        blocks.push(paragraph(w.word("experiments_intro")?));
        blocks.push(table);
    } else if measured(w).any(|own| own.valid && !own.effects.is_empty()) {
        blocks.push(heading(w.word("experiments")?));
        blocks.push(paragraph(stop(w.word("experiments_none")?)));
    }
    Ok(blocks)
}

/// The experiments on this node.
fn measured<'w>(w: &Writer<'w>) -> impl Iterator<Item = &'w ExperimentResult> {
    let measurements = w.material.evidence.and_then(|evidence| evidence.measurements.known());
    measurements.and_then(|own| own.experiments.known()).map_or(&[][..], Vec::as_slice).iter()
}

/// The objectives in one line each.
fn stated(w: &Writer<'_>) -> Result<Block, ReportError> {
    let mut rows = Vec::new();
    for (own, value) in &w.view.service.stated {
        if let Some(value) = value {
            w.number(&format!("objective-{}", own.label), *value, &own.value, "stated", "engagement: slo");
        }
        rows.push(fact(own.label.clone(), own.value.clone()));
    }
    if target_is_assumed(w)
        && let Some(proof) = Proof::of(w)
    {
        let target = proof.target(w);
        rows.push(fact(w.t("objective", "attainment")?, w.say("target_row", &[("target", &target)])?));
    }
    Ok(Block::Facts { rows })
}

fn tested(w: &Writer<'_>, proof: &Proof<'_>) -> Result<Block, ReportError> {
    let mut rows: Vec<Row> = Vec::new();
    for (index, point) in proof.goodput.points.iter().take(MAX_ROWS).enumerate() {
        let rate = w.rate(
            &format!("tested-{}", index + 1),
            point.rate,
            plumb_engine::capacity::Label::Measured,
            &point.path,
        );
        let requests = w.number(
            &format!("tested-{}-requests", index + 1),
            point.requests as f64,
            point.requests.to_string(),
            "measured",
            &point.path,
        );
        let bounds = format!("{:.1} … {:.1} %", point.share.low * 100.0, point.share.high * 100.0);
        let bounds = w.number(
            &format!("tested-{}-bounds", index + 1),
            point.share.low,
            bounds,
            "measured",
            &point.path,
        );
        let state = match () {
            () if point.rate <= proof.goodput.rate.low => "met",
            () if point.share.high < proof.goodput.target => "missed",
            () => "open",
        };
        rows.push(row(vec![
            line(w.say("per_second", &[("rate", &rate)])?),
            line(requests),
            line(share(w, &format!("tested-{}-share", index + 1), point)),
            line(bounds),
            vec![strong(w.t("service_state", state)?)],
        ]));
    }
    let columns = vec![
        column(w.t("label", "run_load")?, 4),
        numbers(w.t("label", "requests")?),
        numbers(w.t("label", "share")?),
        numbers(w.t("label", "bounds")?),
        column(w.t("label", "state")?, 2),
    ];
    Ok(Block::Table { columns, rows })
}

/// What experiments on this node showed, the strongest first: what got better or worse, never what was not resolved.
fn shown<'w>(w: &Writer<'w>) -> Vec<(&'w ExperimentEffect, &'w str)> {
    let mut shown: Vec<(&ExperimentEffect, &str)> = measured(w)
        .filter(|own| own.valid)
        .flat_map(|own| own.effects.iter().map(|effect| (effect, own.path.as_str())))
        .filter(|(effect, _)| matches!(effect.verdict.as_str(), "improved" | "worse"))
        .filter(|(effect, _)| effect.ratio.is_finite() && effect.ratio > 0.0)
        .collect();
    let primary =
        |metric: &str| metric.contains("p95") || metric.ends_with("_per_s") || metric.ends_with("rps");
    // A variant beside the same one with one thing less says what that thing does.
    let one_thing = |effect: &ExperimentEffect| effect.cell.starts_with(&format!("{} + ", effect.against));
    shown.sort_by(|a, b| {
        (one_thing(b.0).cmp(&one_thing(a.0)))
            .then(primary(&b.0.metric).cmp(&primary(&a.0.metric)))
            .then(b.0.ratio.ln().abs().total_cmp(&a.0.ratio.ln().abs()))
            .then_with(|| a.0.cell.cmp(&b.0.cell))
    });
    shown
}

/// What experiments showed to harm the node most, and what to help it most, a sentence each; the harm first, since a client has
/// to know of it whatever else was found.
pub(super) fn strongest(w: &Writer<'_>) -> Result<Vec<String>, ReportError> {
    let shown = shown(w);
    let first = |verdict: &str| shown.iter().find(|(effect, _)| effect.verdict == verdict);
    let kinds = [("worse", "shown_worse"), ("improved", "shown_better")];
    let told = kinds.into_iter().filter_map(|(verdict, key)| Some((first(verdict)?, key)));
    let sentence = |((effect, path), key): (&(&ExperimentEffect, &str), &str)| {
        let by = w.number(key, effect.ratio, change(effect.ratio, w.messages), "measured", path);
        let metric = metric_name(&effect.metric, w.messages);
        let values = [
            ("cell", clean(&effect.cell)),
            ("against", clean(&effect.against)),
            ("metric", clean(&metric)),
            ("change", by),
        ];
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        w.say(key, &values)
    };
    told.map(sentence).collect()
}

fn experiments(w: &Writer<'_>) -> Result<Option<Block>, ReportError> {
    let shown = shown(w);
    if shown.is_empty() {
        return Ok(None);
    }
    let mut rows = Vec::new();
    for (index, (effect, path)) in shown.iter().take(MAX_EFFECTS).enumerate() {
        let by = w.number(
            &format!("experiment-{}", index + 1),
            effect.ratio,
            change(effect.ratio, w.messages),
            "measured",
            path,
        );
        let interval = effect.interval().map_or_else(
            || "–".to_owned(),
            |(low, high)| format!("{} … {}", change(low, w.messages), change(high, w.messages)),
        );
        let interval =
            w.number(&format!("experiment-{}-interval", index + 1), effect.ratio, interval, "measured", path);
        let verdict = w.messages.find("verdict", &effect.verdict).unwrap_or(&effect.verdict);
        let sides = [("cell", effect.cell.as_str()), ("against", effect.against.as_str())];
        rows.push(row(vec![
            vec![plain(clean(&w.messages.fill("capacity", "effect_cell", &sides)?))],
            line(clean(&metric_name(&effect.metric, w.messages))),
            line(by),
            line(interval),
            vec![strong(clean(verdict))],
        ]));
    }
    let columns = vec![
        column(w.t("label", "cell")?, 4),
        column(w.t("label", "metric")?, 3),
        numbers(w.t("label", "effect_short")?),
        numbers(w.t("label", "interval")?),
        column(w.t("label", "verdict")?, 2),
    ];
    Ok(Some(Block::Table { columns, rows }))
}
