//! What engineers look up: each deviation in its list, each metric under each load, each setting.

use plumb_engine::compare::{
    Basis, Change, Comparison, ComparisonSet, Drift, MeasuredChange, Setting, ShownEffect, Side, Spread,
};

use super::words::{self, metric, number, percent, span, translated};
use crate::ReportError;
use crate::chapters::pen::Pen;
use crate::chapters::{grade as mark, outcome, stop};
use crate::escape::clean;
use crate::model::{
    Block, FindingRow, Line, Row, code, column, heading, line, numbers, paragraph, plain, row, soft, strong,
    styled,
};
use crate::view::findings::{self, Word};
use crate::view::{grade, id, sentence};

fn lists(node: &Comparison) -> [(&'static str, &Vec<Change>); 6] {
    let found = &node.findings;
    [
        ("new", &found.new),
        ("worse", &found.worse),
        ("fixed", &found.fixed),
        ("better", &found.better),
        ("not_comparable", &found.not_comparable),
        ("unchanged", &found.unchanged),
    ]
}

/// Deviations by what became of them.
pub(super) fn findings(pen: &Pen<'_>, node: &Comparison) -> Result<Vec<Block>, ReportError> {
    let found = &node.findings;
    let lists = lists(node);
    let mut counts = Vec::new();
    for (key, list) in lists {
        counts.push(row(vec![line(pen.t("compare_list", key)?), line(list.len().to_string())]));
    }
    let columns = vec![column(pen.t("compare", "change")?, 1), numbers(pen.t("compare", "count_column")?)];
    let mut blocks =
        vec![paragraph(pen.t("compare", "places_intro")?), Block::Table { columns, rows: counts }];
    for (key, checks) in [("lost_answers", &found.lost_answers), ("gained_answers", &found.gained_answers)] {
        if !checks.is_empty() {
            let list =
                checks.iter().map(|check| format!("`{}`", clean(check))).collect::<Vec<_>>().join(", ");
            blocks.push(paragraph(pen.messages.fill("compare", key, &[("checks", &list)])?));
        }
    }
    for (key, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
        blocks.push(heading(pen.t("compare_list", key)?));
        blocks.push(paragraph(pen.t("compare_intro", key)?));
        let rows = list.iter().map(|change| self::change(pen, change)).collect::<Result<_, _>>()?;
        let columns = vec![
            column(pen.t("label", "check")?, 9),
            column(pen.t("compare", "state_before")?, 11),
            column(pen.t("compare", "state_after")?, 11),
        ];
        blocks.push(Block::Table { columns, rows });
    }
    Ok(blocks)
}

/// For other tools: one entry for each deviation, with what became of it as the outcome.
pub(super) fn rows(pen: &Pen<'_>, set: &ComparisonSet) -> Result<Vec<FindingRow>, ReportError> {
    let mut rows = Vec::new();
    for node in &set.nodes {
        for (key, list) in lists(node) {
            for change in list {
                let Some(side) = change.after.as_ref().or(change.before.as_ref()) else { continue };
                let grade = side.grade.map(|own| grade(own, None, pen.messages)).transpose()?;
                rows.push(FindingRow {
                    id: clean(&node.host),
                    check: clean(&change.check),
                    subject: clean(&side.subject),
                    outcome: pen.t("compare_list", key)?.to_owned(),
                    grade: grade.map(|own| own.text).unwrap_or_default(),
                    score: side.score,
                    problem: clean(&change.problem),
                    message: clean(&side.message),
                });
            }
        }
    }
    Ok(rows)
}

fn change(pen: &Pen<'_>, change: &Change) -> Result<Row, ReportError> {
    let side = |side: Option<&Side>| -> Result<Vec<Line>, ReportError> {
        let Some(side) = side else { return Ok(vec![vec![soft(pen.t("compare", "not_named")?)]]) };
        let mut first = vec![outcome(&findings::outcome(side.outcome, pen.messages)?)];
        if let Some(found) = side.grade {
            first.push(plain(" "));
            first.push(mark(&grade(found, None, pen.messages)?));
        }
        let subject = pen.messages.thing(&side.subject);
        let text = vec![strong(subject), plain(": "), plain(clean(&side.message))];
        Ok(vec![first, text])
    };
    let mut after = side(change.after.as_ref())?;
    if let Some(why) = &change.why {
        after.push(vec![soft(stop(&sentence(&clean(why))))]);
    }
    Ok(Row {
        cells: vec![
            // The problem, as the title says what is true on a healthy node.
            vec![line(clean(&change.problem)), vec![code(clean(&change.check))]],
            side(change.before.as_ref())?,
            after,
        ],
    })
}

/// A verdict, or what became of a setting, as a mark.
fn verdict(id: &str, word: &str) -> crate::model::Span {
    outcome(&Word { id: id.to_owned(), word: word.to_owned() })
}

/// What was measured under the same load in both states.
pub(super) fn measured(pen: &Pen<'_>, node: &Comparison) -> Result<Vec<Block>, ReportError> {
    let own = &node.measured;
    let mut blocks = Vec::new();
    if own.changes.is_empty() {
        blocks.push(paragraph(pen.t("compare", "measured_none")?));
    } else {
        blocks.push(paragraph(pen.t("compare", "measured_intro")?));
        let mut rows: Vec<Row> = Vec::new();
        let mut last = String::new();
        for change in &own.changes {
            let load = format!("{}: {}", clean(&change.model), words::load(&change.load, pen.messages)?);
            if load != last {
                rows.push(row(vec![vec![strong(load.clone())]]));
                last = load;
            }
            rows.push(metric_row(pen, change)?);
        }
        let columns = vec![
            column(pen.t("compare", "metric")?, 6),
            numbers(pen.t("compare", "state_before")?),
            numbers(pen.t("compare", "state_after")?),
            numbers(pen.t("compare", "change")?),
            column(pen.t("compare", "interval")?, 7),
            column(pen.t("label", "outcome")?, 6),
        ];
        blocks.push(Block::Table { columns, rows });
    }
    if !own.not_comparable.is_empty() {
        blocks.push(heading(pen.t("compare", "not_measured")?));
        let items = own.not_comparable.iter().map(|text| line(clean(text))).collect();
        blocks.push(Block::List { ordered: false, items });
    }
    blocks.extend(noise(pen, node)?.map(paragraph));
    if !own.effects.is_empty() {
        blocks.push(heading(pen.t("compare", "effects")?));
        blocks.push(paragraph(pen.t("compare", "effects_intro")?));
        let rows = own.effects.iter().map(|own| effect(pen, own)).collect::<Result<_, _>>()?;
        let columns = vec![
            column(pen.t("compare", "name")?, 8),
            column(pen.t("compare", "load")?, 5),
            column(pen.t("compare", "metric")?, 5),
            numbers(pen.t("compare", "change")?),
            column(pen.t("compare", "interval")?, 5),
            column(pen.t("label", "outcome")?, 5),
        ];
        blocks.push(Block::Table { columns, rows });
    }
    Ok(blocks)
}

fn metric_row(pen: &Pen<'_>, own: &MeasuredChange) -> Result<Row, ReportError> {
    let messages = pen.messages;
    let runs = |spread: &Spread| -> Result<Vec<Line>, ReportError> {
        let value = messages.numeral(&format!("{} {}", number(spread.value), words::unit(own, messages)));
        let key = if spread.runs == 1 { "runs_one" } else { "runs_many" };
        // Below the number, or the columns would leave the interval no room.
        let runs = messages.fill("compare", key, &[("n", &spread.runs.to_string())])?;
        Ok(vec![line(value), vec![soft(runs)]])
    };
    let found = id(own.verdict);
    let interval = match (own.interval, own.basis) {
        (Some(ends), Basis::WithinRuns) => {
            messages.fill("compare", "within_runs", &[("interval", &span(ends, messages))])?
        }
        (Some(ends), _) => span(ends, messages),
        (None, _) => messages.get("compare", "no_interval")?.to_owned(),
    };
    let floor = match own.noise_floor {
        Some(floor) => {
            let floor = messages.numeral(&format!("{:.1} %", floor * 100.0));
            messages.fill("compare", "floor_of", &[("floor", &floor)])?
        }
        None => messages.get("compare", "no_floor")?.to_owned(),
    };
    let mut said = vec![vec![verdict(&found, messages.get("compare_verdict", &found)?)], vec![soft(floor)]];
    // What the introduction says of all is not said again.
    if !matches!(found.as_str(), "improved" | "worse" | "no-measured-effect") {
        said.push(vec![soft(stop(&sentence(&clean(&own.why))))]);
    }
    let text = |text: String| vec![line(text)];
    Ok(Row {
        cells: vec![
            text(metric(&own.metric, messages)),
            runs(&own.before)?,
            runs(&own.after)?,
            text(percent(own.ratio, messages)),
            text(interval),
            said,
        ],
    })
}

fn noise(pen: &Pen<'_>, node: &Comparison) -> Result<Option<String>, ReportError> {
    let Some(noise) = &node.measured.noise else { return Ok(None) };
    let share = |share: f64| pen.messages.numeral(&format!("{:.3} %", share * 100.0));
    let us = |us: f64| pen.messages.numeral(&format!("{us:.0}"));
    let values = [
        ("n", noise.cpus.to_string()),
        ("from", share(noise.lost_share.0)),
        ("to", share(noise.lost_share.1)),
        ("longest_from", us(noise.max_us.0)),
        ("longest_to", us(noise.max_us.1)),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    pen.messages.fill("compare", "noise", &values).map(Some)
}

fn effect(pen: &Pen<'_>, own: &ShownEffect) -> Result<Row, ReportError> {
    let messages = pen.messages;
    let state = pen.t("compare", if own.after { "state_after" } else { "state_before" })?;
    let verdict = if own.floor {
        pen.t("compare", "effect_floor")?.to_owned()
    } else {
        clean(messages.find("compare_verdict", &own.effect.verdict).unwrap_or(&own.effect.verdict))
    };
    let name = format!("{state}: {}: {} / {}", own.experiment, own.effect.cell, own.effect.against);
    Ok(row(vec![
        line(clean(&name)),
        line(words::load(&own.load, messages)?),
        line(metric(&own.effect.metric, messages)),
        line(percent(own.effect.ratio, messages)),
        line(own.effect.interval().map_or_else(|| "–".to_owned(), |interval| span(interval, messages))),
        line(verdict),
    ]))
}

/// A setting in words.
pub(crate) fn setting(pen: &Pen<'_>, setting: &Setting) -> Result<crate::model::Span, ReportError> {
    Ok(match setting {
        Setting::Known(text) => styled("code", translated(text, "values", pen.messages)?),
        Setting::Absent => soft(pen.t("compare", "absent")?),
        Setting::Unknown(reason) => {
            soft(pen.messages.fill("compare", "unknown", &[("reason", &clean(reason))])?)
        }
    })
}

/// The name of a setting. Those of parameters, boot arguments and files are names of the system and stay what they are.
pub(crate) fn setting_name(pen: &Pen<'_>, group: &str, name: &str) -> Result<String, ReportError> {
    if Drift::NAMED_BY_SYSTEM.contains(&group) {
        return Ok(clean(name));
    }
    translated(name, "settings", pen.messages)
}

/// Settings, versions, boot arguments and topology that differ.
pub(super) fn drift(pen: &Pen<'_>, node: &Comparison) -> Result<Vec<Block>, ReportError> {
    if node.drift.is_empty() {
        return Ok(vec![paragraph(pen.t("compare", "drift_none")?)]);
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut last = String::new();
    for drift in &node.drift {
        let group = sentence(&translated(&drift.group, "groups", pen.messages)?);
        if group != last {
            rows.push(row(vec![vec![strong(group.clone())]]));
            last = group;
        }
        let kind = id(drift.kind);
        rows.push(row(vec![
            vec![code(setting_name(pen, &drift.group, &drift.name)?)],
            line(pen.t("compare_kind", &kind)?),
            vec![setting(pen, &drift.before)?],
            vec![setting(pen, &drift.after)?],
        ]));
    }
    let columns = vec![
        column(pen.t("compare", "name")?, 8),
        column(pen.t("compare", "kind")?, 4),
        column(pen.t("compare", "state_before")?, 7),
        column(pen.t("compare", "state_after")?, 7),
    ];
    Ok(vec![paragraph(pen.t("compare", "drift_intro")?), Block::Table { columns, rows }])
}
