//! The node, and what was measured on it.

use plumb_engine::document::Section;

use super::super::{Writer, basis, stop};
use crate::ReportError;
use crate::model::{
    Block, Column, Labelled, Row, code, column, heading, line, numbers, paragraph, plain, row, soft, strong,
};
use crate::view::Fact;
use crate::view::measured::Experiment;

pub(super) fn measurements(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let measured = &w.view.measured;
    let label = |key: &str| w.t("label", key);
    let mut blocks = Vec::new();
    if !measured.nothing.is_empty() {
        blocks.push(paragraph(measured.nothing.clone()));
    }
    if !measured.runs.is_empty() {
        blocks.push(heading(w.t("heading", "runs")?));
        blocks.push(paragraph(w.t("text", "runs_intro")?));
        let yes = w.t("answer", "yes")?;
        let mut rows = Vec::new();
        for run in &measured.runs {
            let mut load = vec![line(run.load.clone())];
            if run.valid != yes {
                load.push(vec![soft(format!("{}: {}", label("valid")?, run.valid))]);
            }
            let mut cells = vec![load];
            for text in [&run.requests, &run.ttft, &run.itl, &run.e2e, &run.tokens, &run.attainment] {
                cells.push(vec![line(text.clone())]);
            }
            rows.push(Row { cells });
        }
        let columns = vec![
            column(label("run_load")?, 1),
            numbers(label("requests")?),
            numbers("TTFT"),
            numbers("ITL"),
            numbers("E2E"),
            numbers(label("tokens")?),
            numbers(label("attainment")?),
        ];
        blocks.push(Block::Table { columns, rows });
        if measured.more_runs > 0 {
            blocks.push(paragraph(w.t("text", "more_runs")?.replace("{n}", &measured.more_runs.to_string())));
        }
        if !measured.cautions.is_empty() {
            blocks.push(Block::Heading {
                level: 3,
                id: String::new(),
                grade: String::new(),
                text: line(label("warnings")?),
            });
            let items = measured
                .cautions
                .iter()
                .map(|own| vec![strong(own.label.clone()), plain(format!(": {}", stop(&own.value)))]);
            blocks.push(Block::List { ordered: false, items: items.collect() });
            if measured.more_cautions > 0 {
                blocks.push(paragraph(
                    w.t("text", "more_evidence")?.replace("{n}", &measured.more_cautions.to_string()),
                ));
            }
        }
    }
    blocks.extend(w.figures("measurements"));
    if !measured.experiments.is_empty() {
        blocks.push(heading(w.t("heading", "experiments")?));
        blocks.push(paragraph(w.t("text", "experiments_intro")?));
        for own in &measured.experiments {
            blocks.extend(experiment(w, own)?);
        }
    }
    if !measured.noise.is_empty() {
        blocks.push(heading(w.t("heading", "noise")?));
        blocks.push(paragraph(w.t("text", "noise_intro")?));
        let rows = measured.noise.iter().map(|own| {
            row(vec![
                line(own.cpu.to_string()),
                line(own.lost.clone()),
                line(own.longest.clone()),
                line(own.wakeup.clone()),
            ])
        });
        let columns = vec![
            numbers(label("cpu")?),
            numbers(label("lost")?),
            numbers(label("longest")?),
            numbers(label("wakeup")?),
        ];
        blocks.push(Block::Table { columns, rows: rows.collect() });
        if measured.more_noise > 0 {
            blocks
                .push(paragraph(w.t("text", "more_noise")?.replace("{n}", &measured.more_noise.to_string())));
        }
    }
    if w.printed(Section::Capacity) && w.assessment.capacity.plan.is_some() {
        blocks.extend(plan(w)?);
    }
    Ok(blocks)
}

fn experiment(w: &Writer<'_>, own: &Experiment) -> Result<Vec<Block>, ReportError> {
    let label = |key: &str| w.t("label", key);
    let mut blocks = vec![Block::Heading {
        level: 3,
        id: String::new(),
        grade: String::new(),
        text: line(own.name.clone()),
    }];
    let about = format!("{} · {} · {} {}", own.load, own.replication, own.blocks, label("blocks")?);
    blocks.push(Block::Paragraph { text: vec![soft(about)], style: "soft".into() });
    if !own.invalid.is_empty() {
        let title = w.t("text", "not_valid")?.to_owned();
        blocks.push(Block::Note { title, lines: vec![line(stop(&own.invalid))] });
    }
    if !own.interpretation.is_empty() {
        let told: Vec<String> = own.interpretation.iter().map(|text| stop(text)).collect();
        let title = w.t("label", "interpretation")?.to_owned();
        blocks.push(Block::Note { title, lines: vec![line(told.join(" "))] });
    }
    if !own.conclusions.is_empty() {
        blocks.push(Block::List {
            ordered: false,
            items: own.conclusions.iter().map(|text| line(stop(text))).collect(),
        });
    }
    if !own.effects.is_empty() {
        let rows = own.effects.iter().map(|own| {
            row(vec![
                line(own.cell.clone()),
                line(own.metric.clone()),
                line(own.change.clone()),
                line(own.interval.clone()),
                line(own.detectable.clone()),
                vec![strong(own.verdict.clone())],
            ])
        });
        let columns = vec![
            column(label("cell")?, 6),
            column(label("metric")?, 5),
            numbers(label("effect_short")?),
            numbers(label("interval")?),
            numbers(label("detectable")?),
            column(label("verdict")?, 4),
        ];
        blocks.push(Block::Table { columns, rows: rows.collect() });
    }
    if !own.unmeasured.is_empty() {
        let items = own
            .unmeasured
            .iter()
            .map(|own| vec![strong(own.label.clone()), plain(format!(": {}", own.value))]);
        blocks.push(Block::Paragraph { text: vec![strong(label("not_measured")?)], style: String::new() });
        blocks.push(Block::List { ordered: false, items: items.collect() });
    }
    if !own.warnings.is_empty() {
        let lines = own.warnings.iter().map(|text| line(stop(text))).collect();
        blocks.push(Block::Note { title: label("warnings")?.to_owned(), lines });
    }
    Ok(blocks)
}

/// All numbers of the plan, with the formula.
fn plan(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let view = &w.view.capacity;
    let label = |key: &str| w.t("label", key);
    let mut blocks = vec![heading(w.t("heading", "capacity")?), paragraph(w.t("text", "capacity_intro")?)];
    let columns: Vec<Column> =
        vec![column(label("number")?, 6), column(label("value")?, 6), column(label("label")?, 3)];
    let groups = [&view.goodput, &view.plan, &view.assumptions, &view.saving, &view.money, &view.sensitivity];
    let rows = groups.into_iter().flatten().map(|own| {
        row(vec![line(own.name.clone()), vec![strong(own.value.clone())], vec![basis(&own.label)]])
    });
    blocks.push(Block::Table { columns, rows: rows.collect() });
    blocks.extend(w.figures("capacity"));
    blocks.push(Block::Note { title: String::new(), lines: vec![line(w.t("text", "capacity_falsify")?)] });
    Ok(blocks)
}

pub(super) fn facts(rows: &[Fact]) -> Block {
    let rows = rows
        .iter()
        .map(|own| {
            let value = if own.code { code(own.value.clone()) } else { plain(own.value.clone()) };
            Labelled { label: own.label.clone(), lines: vec![vec![value]] }
        })
        .collect();
    Block::Facts { rows }
}

pub(super) fn node(w: &Writer<'_>) -> Result<Vec<Block>, ReportError> {
    let label = |key: &str| w.t("label", key);
    let mut blocks: Vec<Block> = w.figures("node").collect();
    if w.view.node.is_empty() {
        blocks.push(paragraph(w.t("text", "node_empty")?));
    } else {
        blocks.push(facts(&w.view.node));
    }
    let profile = &w.view.profile;
    blocks.push(heading(w.t("heading", "profile")?));
    blocks.push(paragraph(w.t("text", "profile_intro")?));
    let mut rows = vec![row(vec![
        line(label("platform")?),
        line(profile.platform.clone()),
        line(profile.platform_source.clone()),
    ])];
    for own in &profile.traits {
        rows.push(row(vec![line(own.name.clone()), line(own.answer.clone()), line(own.source.clone())]));
    }
    rows.push(row(vec![line(label("load")?), line(""), line(profile.load.clone())]));
    let columns =
        vec![column(label("trait")?, 6), column(label("holds")?, 3), column(label("known_from")?, 8)];
    blocks.push(Block::Table { columns, rows });
    Ok(blocks)
}
