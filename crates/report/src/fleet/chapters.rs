//! The main report over many nodes.

use std::collections::BTreeMap;

use plumb_engine::Grade;
use plumb_engine::compare::Business;
use plumb_evidence::model::Amount;

use super::{CauseOf, Cohort, hosts};
use crate::ReportError;
use crate::chapters::asks::Who;
use crate::chapters::items::Wave;
use crate::chapters::names::without_ids;
use crate::chapters::pen::Pen;
use crate::chapters::{fact, grade as mark, stop};
use crate::escape::clean;
use crate::figure::gantt::{self, Bar};
use crate::figure::{frequent, heat};
use crate::model::{
    Block, Line, Part, Row, Tile, code, column, heading, line, link, numbers, paragraph, plain, row, soft,
    strong,
};
use crate::view::{coverage_text, grade};

/// So many have a line; the appendix has all.
const MAX_LINES: usize = 12;
/// So many nodes have a line in the main report.
const MAX_NODES: usize = 15;
/// So many causes are named in a sentence.
const MAX_CAUSES: usize = 3;

pub(super) fn main(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Part, ReportError> {
    let mut chapters = vec![pen.chapter("summary", true, summary(pen, cohort)?)?];
    let mut named = |id: &str, own_page: bool, blocks: Vec<Block>| -> Result<(), ReportError> {
        let mut chapter = pen.chapter(id, own_page, blocks)?;
        pen.t("fleet", &format!("chapter_{id}"))?.clone_into(&mut chapter.title);
        chapters.push(chapter);
        Ok(())
    };
    named("answers", true, nodes(pen, cohort)?)?;
    named("findings", true, findings(pen, cohort)?)?;
    let money = money(pen, cohort)?;
    if !money.is_empty() {
        named("money", false, money)?;
    }
    if !cohort.causes.is_empty() {
        named("roadmap", false, roadmap(pen, cohort)?)?;
    }
    named("limits", false, limits(pen, cohort)?)?;
    pen.main(chapters)
}

fn high(cohort: &Cohort<'_>) -> usize {
    let is_high = |grade: Grade, at_least: Option<Grade>| at_least.unwrap_or(grade) == Grade::High;
    cohort.nodes().iter().filter(|node| is_high(node.grade, node.at_least)).count()
}

/// The result in a sentence, with the decision.
pub(super) fn headline(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<String, ReportError> {
    let all = cohort.nodes().len();
    let high = high(cohort);
    let key = match (cohort.causes.len(), high) {
        _ if all == 0 => "headline_empty",
        (0, _) => "headline_none",
        (_, 0) => "headline_some",
        _ => "headline_high",
    };
    let values = [
        ("high", pen.count("nodes-high", high, "nodes")),
        ("n", pen.count("nodes", all, "nodes")),
        ("causes", pen.count("causes", cohort.causes.len(), "frequent")),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    pen.messages.fill("fleet", key, &values)
}

fn summary(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Vec<Block>, ReportError> {
    let mut sentences: Vec<String> = Vec::new();
    let mut grades = Vec::new();
    for id in ["high", "medium", "low", "not-assessable"] {
        let Some(count) = cohort.fleet.grades.get(id) else { continue };
        let n = pen.count(&format!("grade-{id}"), *count, "grades");
        grades.push(format!("{}: {n}", pen.t("grade", id)?));
    }
    let n = pen.count("nodes", cohort.nodes().len(), "nodes");
    sentences.push(pen.messages.fill("fleet", "situation", &[("n", &n), ("grades", &grades.join(", "))])?);
    if !cohort.causes.is_empty() {
        let mut weighty: Vec<&CauseOf<'_>> = cohort.causes.iter().collect();
        // Those of many nodes come first among equals.
        weighty.sort_by_key(|cause| std::cmp::Reverse(cause.found.grade));
        let named = weighty.into_iter().take(MAX_CAUSES).map(|cause| {
            let n = pen.count(&format!("{}-nodes", cause.id), cause.found.nodes, "frequent");
            let values = [("problem", cause.problem()), ("id", cause.id.clone()), ("n", n)];
            let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
            pen.messages.fill("fleet", "cause", &values)
        });
        let named = named.collect::<Result<Vec<_>, _>>()?.join("; ");
        sentences.push(pen.messages.fill("fleet", "causes", &[("causes", &named)])?);
    }
    sentences.extend(costs(pen, cohort)?);
    sentences.extend(carried(pen, cohort)?);
    let mut items: Vec<Line> = sentences.iter().map(|text| line(stop(text))).collect();
    items.push(vec![strong(format!("{} ", pen.word("decide")?)), plain(stop(&decision(pen, cohort)?))]);
    let blocks = vec![
        Block::Paragraph { text: line(headline(pen, cohort)?), style: "lead".into() },
        Block::List { ordered: true, items },
        Block::Tiles { tiles: tiles(pen, cohort)? },
        Block::Facts { rows: lines(pen, cohort)? },
    ];
    Ok(blocks)
}

fn costs(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Option<String>, ReportError> {
    let Some(cost) = &cohort.fleet.cost else { return Ok(None) };
    let values = [
        ("gpus", pen.number("gpus", cost.gpus as f64, cost.gpus.to_string(), "counted", "cost.gpus")),
        ("month", pen.amount("month", cost.month, &cost.currency, "cost.month")),
        ("high", pen.amount("month-high", cost.month_high, &cost.currency, "cost.month_high")),
    ];
    let key = if cost.month_high.high > 0.0 { "cost_high" } else { "cost" };
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    pen.messages.fill("fleet", key, &values).map(Some)
}

fn tested<'a>(cohort: &Cohort<'a>) -> Vec<&'a Business> {
    cohort.nodes().iter().filter_map(|node| node.business.as_ref()).collect()
}

/// What load tests prove over all nodes, and what the demand needs by the least of them.
fn carried(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Option<String>, ReportError> {
    let tested = tested(cohort);
    let least = tested.iter().min_by(|a, b| a.proven.total_cmp(&b.proven));
    let most = tested.iter().max_by(|a, b| a.proven.total_cmp(&b.proven));
    let (Some(least), Some(most)) = (least, most) else {
        return Ok(Some(pen.t("fleet", "not_tested")?.to_owned()));
    };
    let values = [
        ("tested", pen.count("tested", tested.len(), "nodes")),
        ("n", pen.count("nodes", cohort.nodes().len(), "nodes")),
        ("low", pen.rate_of("proven-least", least.proven, "measured", "nodes: business")),
        ("high", pen.rate_of("proven-most", most.proven, "measured", "nodes: business")),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    let key = if least.proven < most.proven { "carried_range" } else { "carried" };
    let mut text = pen.messages.fill("fleet", key, &values)?;
    if let (Some(demand), Some(replicas), Some(month)) = (least.demand, least.replicas, least.month) {
        let values = [
            ("demand", pen.rate_of("demand", demand, "modelled", "nodes: business.demand")),
            (
                "replicas",
                pen.number(
                    "replicas",
                    f64::from(replicas),
                    replicas.to_string(),
                    "modelled",
                    "nodes: business",
                ),
            ),
            ("month", pen.amount("plan-month", month, &least.currency, "nodes: business.month")),
        ];
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        text = format!("{} {}", stop(&text), pen.messages.fill("fleet", "carried_need", &values)?);
    }
    Ok(Some(text))
}

fn ids(causes: &[&CauseOf<'_>]) -> String {
    const SHOWN: usize = 8;
    let mut ids: Vec<&str> = causes.iter().take(SHOWN).map(|cause| cause.id.as_str()).collect();
    if causes.len() > SHOWN {
        ids.push("…");
    }
    ids.join(", ")
}

fn of_wave<'c, 'a>(cohort: &'c Cohort<'a>, wave: Wave) -> Vec<&'c CauseOf<'a>> {
    cohort.causes.iter().filter(|cause| cause.wave() == wave).collect()
}

fn decision(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<String, ReportError> {
    let (now, window) = (of_wave(cohort, Wave::Now), of_wave(cohort, Wave::Window));
    let key = match (now.is_empty(), window.is_empty()) {
        (true, true) => "decide_tests",
        (false, true) => "decide_now",
        (true, false) => "decide_window",
        (false, false) => "decide_both",
    };
    pen.messages.fill("fleet", key, &[("now", &ids(&now)), ("window", &ids(&window))])
}

fn tiles(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Vec<Tile>, ReportError> {
    let tile = |label: &str, value: String, note: &str| -> Result<Tile, ReportError> {
        Ok(Tile { label: pen.t("fleet", label)?.to_owned(), value, note: note.to_owned() })
    };
    let all = cohort.nodes().len();
    let mut tiles = vec![
        tile("nodes", pen.count("nodes", all, "nodes"), "")?,
        tile("tile_high", pen.count("nodes-high", high(cohort), "nodes"), "")?,
        tile("tile_causes", pen.count("causes", cohort.causes.len(), "frequent"), "")?,
    ];
    if let Some(cost) = &cohort.fleet.cost {
        let month = pen.amount("month", cost.month, &cost.currency, "cost.month");
        tiles.push(tile("tile_month", month, pen.t("tile", "modelled")?)?);
    }
    Ok(tiles)
}

fn lines(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Vec<crate::model::Labelled>, ReportError> {
    let shares: Vec<f64> = cohort.nodes().iter().filter_map(|node| node.coverage).collect();
    let mut rows = Vec::new();
    if !shares.is_empty() {
        let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
        let most = shares.iter().copied().fold(0.0, f64::max);
        let share = |id: &str, value: f64| -> Result<String, ReportError> {
            let text = coverage_text(Some(value), pen.messages)?;
            Ok(pen.number(id, value, text, "counted", "nodes: coverage"))
        };
        let (from, to) = (share("coverage-least", least)?, share("coverage-most", most)?);
        rows.push(fact(
            pen.word("scope")?,
            pen.messages.fill("fleet", "scope", &[("from", &from), ("to", &to)])?,
        ));
    }
    let left_out = cohort.fleet.left_out.len();
    if left_out > 0 {
        let n = pen.count("left-out", left_out, "left_out");
        rows.push(fact(
            pen.t("fleet", "left_out")?,
            pen.messages.fill("fleet", "left_out_text", &[("n", &n)])?,
        ));
    }
    Ok(rows)
}

/// The nodes by category, and the worst of them in lines.
fn nodes(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Vec<Block>, ReportError> {
    let mut blocks = vec![paragraph(pen.t("fleet", "nodes_intro")?)];
    blocks.extend(heat::draw(cohort.nodes(), pen.messages)?.map(Block::Figure));
    blocks.push(heading(pen.t("fleet", "worst_nodes")?));
    let mut rows = Vec::new();
    for node in cohort.nodes().iter().take(MAX_NODES) {
        rows.push(row(vec![
            vec![strong(clean(&node.host))],
            vec![mark(&grade(node.grade, node.at_least, pen.messages)?)],
            line(coverage_text(node.coverage, pen.messages)?),
            line(node.deviations.to_string()),
            line(stop(&crate::view::sentence(&without_ids(&clean(&node.issue))))),
        ]));
    }
    let columns = vec![
        column(pen.t("fleet", "node")?, 5),
        column(pen.t("label", "grade")?, 5),
        numbers(pen.t("document", "coverage")?),
        numbers(pen.t("label", "findings")?),
        column(pen.t("fleet", "issue")?, 11),
    ];
    blocks.push(Block::Table { columns, rows });
    let more = cohort.nodes().len().saturating_sub(MAX_NODES);
    if more > 0 {
        let n = pen.count("more-nodes", more, "nodes");
        blocks.push(paragraph(pen.messages.fill("fleet", "more_nodes", &[("n", &n)])?));
    }
    Ok(blocks)
}

/// What was found, by the number of nodes.
fn findings(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Vec<Block>, ReportError> {
    if cohort.causes.is_empty() {
        return Ok(vec![paragraph(pen.t("fleet", "frequent_none")?)]);
    }
    let mut blocks = vec![paragraph(pen.t("fleet", "frequent_intro")?)];
    let bars: Vec<frequent::Bar> = cohort
        .causes
        .iter()
        .take(MAX_LINES)
        .map(|cause| frequent::Bar {
            name: format!("{}  {}", cause.id, cause.problem()),
            grade: cause.found.grade,
            nodes: cause.found.nodes,
            unanswered: cause.found.unanswered,
        })
        .collect();
    blocks.extend(frequent::draw(&bars, cohort.nodes().len(), pen.messages)?.map(Block::Figure));
    let mut rows = Vec::new();
    for cause in cohort.causes.iter().take(MAX_LINES) {
        rows.push(finding(pen, cause)?);
    }
    let columns = vec![
        column("", 0),
        column(pen.t("label", "grade")?, 0),
        column(pen.word("problem_fix")?, 12),
        numbers(pen.t("fleet", "nodes")?),
        column(pen.word("effort_needs")?, 4),
    ];
    blocks.push(Block::Table { columns, rows });
    let more = cohort.causes.len().saturating_sub(MAX_LINES);
    if more > 0 {
        let n = pen.count("more-causes", more, "frequent");
        blocks.push(paragraph(pen.word("more_in_appendix")?.replace("{n}", &n)));
    }
    Ok(blocks)
}

fn finding(pen: &Pen<'_>, cause: &CauseOf<'_>) -> Result<Row, ReportError> {
    let step = cause.work.and_then(|work| work.steps.first()).cloned().unwrap_or_default();
    let mut problem: Vec<Line> = vec![vec![strong(cause.problem())]];
    problem.push(if step.is_empty() { vec![soft(pen.word("no_step")?)] } else { line(step) });
    problem.push(vec![soft(hosts(&cause.found.hosts, pen)?)]);
    let nodes = pen.count(&format!("{}-nodes", cause.id), cause.found.nodes, "frequent");
    let mut count = vec![line(nodes)];
    if cause.found.unanswered > 0 {
        let open = pen.count(&format!("{}-open", cause.id), cause.found.unanswered, "frequent");
        count.push(vec![soft(pen.messages.fill("fleet", "perhaps", &[("n", &open)])?)]);
    }
    let found = cause.found.grade.map(|own| grade(own, None, pen.messages)).transpose()?;
    let text = |of: fn(&super::Work) -> &String| cause.work.map(of).cloned().unwrap_or_default();
    Ok(Row {
        cells: vec![
            vec![vec![link(&cause.id, cause.id.clone())]],
            vec![found.iter().map(mark).collect()],
            problem,
            count,
            vec![line(text(|work| &work.effort)), vec![soft(text(|work| &work.needs))]],
        ],
    })
}

/// What the nodes cost and carry, by class.
fn money(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Vec<Block>, ReportError> {
    if cohort.fleet.cost.is_none() && tested(cohort).is_empty() {
        return Ok(Vec::new());
    }
    let mut classes: BTreeMap<&str, Vec<&plumb_engine::fleet::NodeRow>> = BTreeMap::new();
    for node in cohort.nodes() {
        classes.entry(&node.class).or_default().push(node);
    }
    let currency = cohort.fleet.cost.as_ref().map_or("", |cost| cost.currency.as_str());
    let mut rows = Vec::new();
    for (index, (class, members)) in (1..).zip(&classes) {
        let gpus: usize = members.iter().filter_map(|node| node.gpus).sum();
        let months: Vec<Amount> = members.iter().filter_map(|node| node.month).collect();
        let month = match months.is_empty() {
            true => "–".to_owned(),
            false => pen.amount(
                &format!("class-{index}-month"),
                months.iter().copied().sum(),
                currency,
                "nodes: month",
            ),
        };
        let proven: Vec<f64> =
            members.iter().filter_map(|node| node.business.as_ref()).map(|own| own.proven).collect();
        let low = proven.iter().copied().fold(f64::INFINITY, f64::min);
        let high = proven.iter().copied().fold(0.0, f64::max);
        let rate = |id: &str, value| {
            pen.rate_of(&format!("class-{index}-{id}"), value, "measured", "nodes: business")
        };
        let proven = match proven.len() {
            0 => pen.t("fleet", "untested")?.to_owned(),
            _ if low < high => format!("{} … {}/s", rate("least", low), rate("most", high)),
            _ => format!("{}/s", rate("least", low)),
        };
        rows.push(row(vec![
            line(clean(class)),
            line(members.len().to_string()),
            line(gpus.to_string()),
            line(proven),
            vec![strong(month)],
        ]));
    }
    let columns = vec![
        column(pen.t("fleet", "class_of")?, 10),
        numbers(pen.t("fleet", "nodes")?),
        numbers("GPUs"),
        numbers(pen.t("compare", "proven")?),
        numbers(pen.word("a_month")?),
    ];
    let mut blocks = vec![Block::Table { columns, rows }];
    for text in [costs(pen, cohort)?, carried(pen, cohort)?].into_iter().flatten() {
        blocks.push(paragraph(stop(&text)));
    }
    blocks.push(Block::Paragraph { text: vec![soft(pen.t("fleet", "money_note")?)], style: "soft".into() });
    Ok(blocks)
}

fn roadmap(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Vec<Block>, ReportError> {
    let mut blocks = vec![paragraph(pen.t("fleet", "roadmap_intro")?)];
    let mut bars = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    for wave in Wave::ALL {
        let causes = of_wave(cohort, wave);
        if causes.is_empty() {
            continue;
        }
        bars.push(Bar {
            name: pen.word(wave.key())?.to_owned(),
            ids: ids(&causes),
            weeks: wave.weeks(),
            window: wave == Wave::Window,
        });
        let (from, to) = wave.weeks();
        let when = pen
            .say(&format!("{}_text", wave.key()), &[("from", &from.to_string()), ("to", &to.to_string())])?;
        rows.push(row(vec![vec![strong(format!("{}. ", pen.word(wave.key())?)), soft(when)]]));
        for cause in causes.into_iter().take(MAX_LINES / 2) {
            let step = cause.work.and_then(|work| work.steps.first()).cloned();
            rows.push(row(vec![
                vec![link(&cause.id, cause.id.clone())],
                line(stop(&step.unwrap_or_else(|| cause.problem()))),
                line(cause.found.nodes.to_string()),
                line(cause.work.map(|work| work.effort.clone()).unwrap_or_default()),
            ]));
        }
    }
    blocks.extend(gantt::draw(&bars, pen.messages)?.map(Block::Figure));
    let columns = vec![
        column("", 0),
        column(pen.word("what")?, 12),
        numbers(pen.t("fleet", "nodes")?),
        column(pen.t("fleet", "effort_each")?, 5),
    ];
    blocks.push(Block::Table { columns, rows });
    Ok(blocks)
}

/// What was not seen, and who can give it.
fn limits(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Vec<Block>, ReportError> {
    let mut rows: Vec<Row> = Vec::new();
    for who in Who::ALL {
        let of: Vec<(usize, f64)> =
            cohort.sheets.iter().filter_map(|sheet| sheet.asks.get(&who).copied()).collect();
        if of.is_empty() {
            continue;
        }
        let (key, most) = (who.key(), of.iter().map(|own| own.1).fold(0.0, f64::max));
        let nodes = pen.count(&format!("open-{key}-nodes"), of.len(), "nodes");
        let text = format!("{:.1} %", most * 100.0);
        rows.push(row(vec![
            vec![strong(pen.t("who", key)?)],
            line(pen.t("who", &format!("{key}_gives"))?),
            line(nodes),
            line(pen.number(&format!("opens-{key}"), most, text, "counted", "nodes: coverage")),
        ]));
    }
    let mut blocks = Vec::new();
    if rows.is_empty() {
        blocks.push(paragraph(pen.word("no_gaps")?));
    } else {
        blocks.push(paragraph(pen.t("fleet", "gaps_intro")?));
        let columns = vec![
            column(pen.word("who_can")?, 5),
            column(pen.word("what_is_missing")?, 9),
            numbers(pen.t("fleet", "nodes")?),
            numbers(pen.t("fleet", "opens_most")?),
        ];
        blocks.push(Block::Table { columns, rows });
    }
    if !cohort.fleet.left_out.is_empty() {
        blocks.push(heading(pen.t("fleet", "left_out")?));
        let item = |own: &plumb_engine::compare::Unpaired| {
            vec![code(clean(&own.name)), plain(format!(": {}", clean(&own.why)))]
        };
        let items = cohort.fleet.left_out.iter().map(item).collect();
        blocks.push(Block::List { ordered: false, items });
    }
    blocks.push(heading(pen.word("believe")?));
    let items = vec![line(pen.t("fleet", "believe_nodes")?), line(pen.word("believe_missing")?)];
    blocks.push(Block::List { ordered: false, items });
    blocks.push(heading(pen.word("next")?));
    blocks.push(paragraph(pen.t("fleet", "next_text")?));
    Ok(blocks)
}
