//! What a comparison says, before any format: numbers as text, enums as words, texts cleaned.

use plumb_engine::compare::{
    Basis, CategoryChange, Change, Comparison, ComparisonSet, Drift, MeasuredChange, Setting, ShownEffect,
    Side, Spread, StateSummary, Unpaired,
};
use plumb_evidence::model::Origin;
use serde::Serialize;
use serde_json::Value;

use super::letter;
use crate::ReportError;
use crate::escape::clean;
use crate::messages::Messages;
use crate::theme::Theme;
use crate::view::capacity::amount;
use crate::view::{GradeView, coverage_text, date_of, grade, id, outcome_word};

#[derive(Clone, Debug, Serialize)]
pub(super) struct CompareView {
    /// The words of the message file.
    t: Value,
    document: Document,
    nodes: Vec<NodeView>,
    only_before: Vec<UnpairedView>,
    only_after: Vec<UnpairedView>,
}

#[derive(Clone, Debug, Serialize)]
struct Document {
    title: String,
    /// Host name, or how many nodes.
    host: String,
    /// Day of the document, in words.
    date: String,
    prepared: String,
    /// That a node does not exist, where one does not.
    notice: Option<String>,
    client: Option<String>,
    site: Option<String>,
    author: Option<String>,
    company: Option<String>,
    confidentiality: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct NodeView {
    host: String,
    letter: Vec<String>,
    cautions: Vec<String>,
    before: StateView,
    after: StateView,
    categories: Vec<CategoryView>,
    counts: Vec<CountView>,
    lists: Vec<ListView>,
    lost_answers: Option<String>,
    gained_answers: Option<String>,
    measured: Vec<LoadView>,
    not_measured: Vec<String>,
    noise: Option<String>,
    effects: Vec<EffectView>,
    drift: Vec<DriftView>,
}

#[derive(Clone, Debug, Serialize)]
struct StateView {
    name: String,
    sha256: String,
    date: String,
    grade: GradeView,
    coverage: String,
    exposure: String,
    deviations: usize,
    /// Proven rate, need and cost, as texts; empty where they are not known.
    proven: String,
    need: String,
    month: String,
}

#[derive(Clone, Debug, Serialize)]
struct CategoryView {
    title: String,
    before: Option<GradeView>,
    after: Option<GradeView>,
    coverage_before: String,
    coverage_after: String,
}

#[derive(Clone, Debug, Serialize)]
struct CountView {
    id: &'static str,
    word: String,
    count: usize,
}

#[derive(Clone, Debug, Serialize)]
struct ListView {
    id: &'static str,
    word: String,
    intro: String,
    rows: Vec<ChangeView>,
}

#[derive(Clone, Debug, Serialize)]
struct ChangeView {
    check: String,
    title: String,
    before: Option<SideView>,
    after: Option<SideView>,
    why: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct SideView {
    subject: String,
    outcome: OutcomeView,
    message: String,
    grade: Option<GradeView>,
}

#[derive(Clone, Debug, Serialize)]
struct OutcomeView {
    id: String,
    word: String,
}

/// What was measured under one load.
#[derive(Clone, Debug, Serialize)]
struct LoadView {
    model: String,
    load: String,
    rows: Vec<MeasuredView>,
}

#[derive(Clone, Debug, Serialize)]
struct MeasuredView {
    metric: String,
    before: String,
    after: String,
    change: String,
    interval: String,
    floor: String,
    verdict: OutcomeView,
    why: String,
}

#[derive(Clone, Debug, Serialize)]
struct EffectView {
    state: String,
    experiment: String,
    load: String,
    cell: String,
    metric: String,
    change: String,
    interval: String,
    verdict: String,
}

#[derive(Clone, Debug, Serialize)]
struct DriftView {
    group: String,
    rows: Vec<DriftRow>,
}

#[derive(Clone, Debug, Serialize)]
struct DriftRow {
    name: String,
    kind: OutcomeView,
    before: String,
    after: String,
}

#[derive(Clone, Debug, Serialize)]
struct UnpairedView {
    name: String,
    why: String,
}

impl CompareView {
    pub(super) fn new(set: &ComparisonSet, theme: &Theme) -> Result<Self, ReportError> {
        let messages = theme.messages();
        Ok(Self {
            t: messages.all().clone(),
            document: document(set, messages)?,
            nodes: set.nodes.iter().map(|node| self::node(node, messages)).collect::<Result<_, _>>()?,
            only_before: unpaired(&set.only_before),
            only_after: unpaired(&set.only_after),
        })
    }
}

fn unpaired(list: &[Unpaired]) -> Vec<UnpairedView> {
    list.iter().map(|own| UnpairedView { name: clean(&own.name), why: clean(&own.why) }).collect()
}

fn document(set: &ComparisonSet, messages: &Messages) -> Result<Document, ReportError> {
    let terms = &set.document;
    let text = |text: &Option<String>| text.as_deref().map(clean);
    let synthetic = set
        .nodes
        .iter()
        .any(|node| [&node.before, &node.after].iter().any(|side| side.origin == Origin::Synthetic.as_str()));
    let host = match set.nodes.as_slice() {
        [only] => clean(&only.host),
        many => messages.fill("compare", "sets", &[("n", &many.len().to_string())])?,
    };
    let latest = set.nodes.iter().map(|node| node.after.collected.as_str()).max();
    let date = match (&terms.date, latest) {
        (Some(day), _) => clean(day),
        (None, Some(latest)) => date_of(latest, messages)?,
        (None, None) => String::new(),
    };
    Ok(Document {
        title: match &terms.title {
            Some(title) => clean(title),
            None => messages.get("compare", "title")?.to_owned(),
        },
        host,
        date,
        prepared: messages.fill("document", "prepared", &[("version", &clean(&set.tool_version))])?,
        notice: synthetic.then(|| messages.get("text", "synthetic")).transpose()?.map(str::to_owned),
        client: text(&terms.client.name),
        site: text(&terms.client.site),
        author: text(&terms.author),
        company: text(&terms.company),
        confidentiality: text(&terms.confidentiality),
    })
}

fn node(node: &Comparison, messages: &Messages) -> Result<NodeView, ReportError> {
    let found = &node.findings;
    let lists = [
        ("new", &found.new),
        ("worse", &found.worse),
        ("fixed", &found.fixed),
        ("better", &found.better),
        ("not_comparable", &found.not_comparable),
        ("unchanged", &found.unchanged),
    ];
    let word = |id: &str| Ok::<_, ReportError>(messages.get("compare_list", id)?.to_owned());
    let counts = lists
        .iter()
        .map(|&(id, list)| Ok(CountView { id, word: word(id)?, count: list.len() }))
        .collect::<Result<_, ReportError>>()?;
    let lists = lists
        .iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|&(id, list)| {
            Ok(ListView {
                id,
                word: word(id)?,
                intro: messages.get("compare_intro", id)?.to_owned(),
                rows: list.iter().map(|change| self::change(change, messages)).collect::<Result<_, _>>()?,
            })
        })
        .collect::<Result<_, ReportError>>()?;
    let answers = |key: &str, checks: &[String]| {
        let list = checks.iter().map(|check| format!("`{}`", clean(check))).collect::<Vec<_>>().join(", ");
        (!checks.is_empty()).then(|| messages.fill("compare", key, &[("checks", &list)])).transpose()
    };
    Ok(NodeView {
        host: clean(&node.host),
        letter: letter::write(node, messages)?,
        cautions: node.cautions.iter().map(|text| crate::view::sentence(&clean(text))).collect(),
        before: state(&node.before, messages)?,
        after: state(&node.after, messages)?,
        categories: node.categories.iter().map(|own| category(own, messages)).collect::<Result<_, _>>()?,
        counts,
        lists,
        lost_answers: answers("lost_answers", &found.lost_answers)?,
        gained_answers: answers("gained_answers", &found.gained_answers)?,
        measured: loads(&node.measured.changes, messages)?,
        not_measured: node.measured.not_comparable.iter().map(|text| clean(text)).collect(),
        noise: noise(node, messages)?,
        effects: node.measured.effects.iter().map(|own| effect(own, messages)).collect::<Result<_, _>>()?,
        drift: drift(&node.drift, messages)?,
    })
}

fn state(state: &StateSummary, messages: &Messages) -> Result<StateView, ReportError> {
    Ok(StateView {
        name: clean(&state.name),
        sha256: clean(&state.bundle_sha256),
        date: date_of(&state.collected, messages)?,
        grade: grade(state.grade, state.at_least, messages)?,
        coverage: coverage_text(state.coverage, messages)?,
        exposure: messages.numeral(&format!("{:.1}", state.exposure)),
        deviations: state.deviations,
        proven: state
            .business
            .as_ref()
            .map(|own| format!("{}/s", rate(own.proven, messages)))
            .unwrap_or_default(),
        need: match state.business.as_ref().and_then(|own| Some((own.replicas?, own.gpus))) {
            Some((replicas, Some(gpus))) => format!("{replicas}/{gpus}"),
            Some((replicas, None)) => replicas.to_string(),
            None => String::new(),
        },
        month: state
            .business
            .as_ref()
            .and_then(|own| Some(format!("{} {}", amount(own.month?), clean(&own.currency))))
            .unwrap_or_default(),
    })
}

/// A rate with no more decimals than it has.
pub(super) fn rate(value: f64, messages: &Messages) -> String {
    let text = format!("{value:.2}");
    messages.numeral(text.trim_end_matches('0').trim_end_matches('.'))
}

fn category(own: &CategoryChange, messages: &Messages) -> Result<CategoryView, ReportError> {
    let title = messages.find("category", &id(own.id)).unwrap_or(&own.title);
    let mark = |found: Option<plumb_engine::Grade>, least| {
        found.map(|found| grade(found, least, messages)).transpose()
    };
    Ok(CategoryView {
        title: clean(title),
        before: mark(own.before, own.at_least_before)?,
        after: mark(own.after, own.at_least_after)?,
        coverage_before: coverage_text(own.coverage_before, messages)?,
        coverage_after: coverage_text(own.coverage_after, messages)?,
    })
}

fn change(change: &Change, messages: &Messages) -> Result<ChangeView, ReportError> {
    let side = |side: &Side| {
        Ok::<_, ReportError>(SideView {
            subject: clean(&side.subject),
            outcome: OutcomeView {
                id: side.outcome.as_str().to_owned(),
                word: outcome_word(side.outcome, messages)?,
            },
            message: clean(&side.message),
            grade: side.grade.map(|found| grade(found, None, messages)).transpose()?,
        })
    };
    Ok(ChangeView {
        check: clean(&change.check),
        title: clean(&change.title),
        before: change.before.as_ref().map(side).transpose()?,
        after: change.after.as_ref().map(side).transpose()?,
        why: change.why.as_deref().map(|why| crate::view::sentence(&clean(why))),
    })
}

/// A ratio as a change in per cent, with its sign.
pub(super) fn percent(ratio: f64, messages: &Messages) -> String {
    let change = (ratio - 1.0) * 100.0;
    let text = format!("{:.1}", change.abs());
    let sign = match text.as_str() {
        "0.0" => "±",
        _ if change < 0.0 => "−",
        _ => "+",
    };
    messages.numeral(&format!("{sign}{text} %"))
}

pub(super) fn span((low, high): (f64, f64), messages: &Messages) -> String {
    format!("{} … {}", percent(low, messages), percent(high, messages))
}

pub(super) fn metric_word(metric: &str, messages: &Messages) -> String {
    clean(messages.find("compare_metric", metric).unwrap_or(metric))
}

fn loads(changes: &[MeasuredChange], messages: &Messages) -> Result<Vec<LoadView>, ReportError> {
    let mut loads: Vec<LoadView> = Vec::new();
    for change in changes {
        let (model, load) = (clean(&change.model), crate::load::words(&change.load, messages)?);
        let row = measured(change, messages)?;
        match loads.iter_mut().find(|own| (&own.model, &own.load) == (&model, &load)) {
            Some(own) => own.rows.push(row),
            None => loads.push(LoadView { model, load, rows: vec![row] }),
        }
    }
    Ok(loads)
}

fn measured(own: &MeasuredChange, messages: &Messages) -> Result<MeasuredView, ReportError> {
    let runs = |spread: &Spread| {
        let value = messages.numeral(&format!("{} {}", number(spread.value), own.unit));
        let key = if spread.runs == 1 { "runs_one" } else { "runs_many" };
        messages.fill("compare", key, &[("value", &value), ("n", &spread.runs.to_string())])
    };
    let verdict = id(own.verdict);
    Ok(MeasuredView {
        metric: metric_word(&own.metric, messages),
        before: runs(&own.before)?,
        after: runs(&own.after)?,
        change: percent(own.ratio, messages),
        interval: match (own.interval, own.basis) {
            (Some(ends), Basis::WithinRuns) => {
                messages.fill("compare", "within_runs", &[("interval", &span(ends, messages))])?
            }
            (Some(ends), _) => span(ends, messages),
            (None, _) => messages.get("compare", "no_interval")?.to_owned(),
        },
        floor: match own.noise_floor {
            Some(floor) => messages.numeral(&format!("{:.1} %", floor * 100.0)),
            None => messages.get("compare", "no_floor")?.to_owned(),
        },
        verdict: OutcomeView { word: messages.get("compare_verdict", &verdict)?.to_owned(), id: verdict },
        why: crate::view::sentence(&clean(&own.why)),
    })
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn noise(node: &Comparison, messages: &Messages) -> Result<Option<String>, ReportError> {
    let Some(noise) = &node.measured.noise else { return Ok(None) };
    let share = |share: f64| messages.numeral(&format!("{:.3} %", share * 100.0));
    let us = |us: f64| messages.numeral(&format!("{us:.0}"));
    let values = [
        ("n", noise.cpus.to_string()),
        ("from", share(noise.lost_share.0)),
        ("to", share(noise.lost_share.1)),
        ("longest_from", us(noise.max_us.0)),
        ("longest_to", us(noise.max_us.1)),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    messages.fill("compare", "noise", &values).map(Some)
}

fn effect(own: &ShownEffect, messages: &Messages) -> Result<EffectView, ReportError> {
    let state = messages.get("compare", if own.after { "state_after" } else { "state_before" })?;
    let verdict = if own.floor {
        messages.get("compare", "effect_floor")?.to_owned()
    } else {
        clean(messages.find("compare_verdict", &own.effect.verdict).unwrap_or(&own.effect.verdict))
    };
    Ok(EffectView {
        state: state.to_owned(),
        experiment: clean(&own.experiment),
        load: crate::load::words(&own.load, messages)?,
        cell: clean(&format!("{} / {}", own.effect.cell, own.effect.against)),
        metric: metric_word(&own.effect.metric, messages),
        change: percent(own.effect.ratio, messages),
        interval: own.effect.interval().map_or_else(|| "–".to_owned(), |interval| span(interval, messages)),
        verdict,
    })
}

fn drift(drifts: &[Drift], messages: &Messages) -> Result<Vec<DriftView>, ReportError> {
    let value = |setting: &Setting| match setting {
        Setting::Known(text) => Ok(clean(text)),
        Setting::Absent => messages.get("compare", "absent").map(str::to_owned),
        Setting::Unknown(reason) => messages.fill("compare", "unknown", &[("reason", &clean(reason))]),
    };
    let mut views: Vec<DriftView> = Vec::new();
    for drift in drifts {
        let group = crate::view::sentence(&clean(&drift.group));
        let kind = id(drift.kind);
        let row = DriftRow {
            name: clean(&drift.name),
            kind: OutcomeView { word: messages.get("compare_kind", &kind)?.to_owned(), id: kind },
            before: value(&drift.before)?,
            after: value(&drift.after)?,
        };
        match views.last_mut() {
            Some(view) if view.group == group => view.rows.push(row),
            _ => views.push(DriftView { group, rows: vec![row] }),
        }
    }
    Ok(views)
}
