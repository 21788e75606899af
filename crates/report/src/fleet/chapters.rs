//! The main report over many nodes.

use std::collections::BTreeMap;

use plumb_engine::Grade;
use plumb_engine::compare::Business;
use plumb_evidence::model::Amount;

use super::{CauseOf, Cohort, hosts};
use crate::ReportError;
use crate::chapters::asks::Who;
use crate::chapters::items::Wave;
use crate::chapters::pen::Pen;
use crate::chapters::{fact, grade as mark, stop};
use crate::escape::clean;
use crate::figure::gantt::{self, Bar};
use crate::figure::{frequent, heat};
use crate::model::{
    Block, Labelled, Line, Part, Row, Tile, code, column, heading, line, link, numbers, paragraph, plain,
    row, soft, strong, styled,
};
use crate::view::{coverage_text, grade, id};

/// So many have a line; the appendix has all.
const MAX_LINES: usize = 12;
/// So many groups of nodes have a line in the main report.
const MAX_GROUPS: usize = 12;
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
    named("answers", false, nodes(pen, cohort)?)?;
    named("findings", false, findings(pen, cohort)?)?;
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

/// Nodes that cannot be graded, and the category that most of them lack an answer in, with the number of those.
fn ungraded(cohort: &Cohort<'_>) -> (usize, Option<(plumb_check_sdk::Category, usize)>) {
    let open: Vec<_> = cohort.nodes().iter().filter(|node| node.grade == Grade::NotAssessable).collect();
    let mut counts: Vec<(plumb_check_sdk::Category, usize)> = Vec::new();
    for category in open.iter().flat_map(|node| &node.categories) {
        if category.grade != Some(Grade::NotAssessable) {
            continue;
        }
        match counts.iter_mut().find(|(own, _)| *own == category.id) {
            Some((_, count)) => *count += 1,
            None => counts.push((category.id, 1)),
        }
    }
    // Of equals the first in the order of reports.
    let most = counts.into_iter().reduce(|most, own| if own.1 > most.1 { own } else { most });
    (open.len(), most)
}

/// The result in a sentence or two, with the causes that weigh most and what is not known.
pub(super) fn headline(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<String, ReportError> {
    let all = cohort.nodes().len();
    let high = high(cohort);
    let causes: Vec<&CauseOf<'_>> = cohort.of_nodes().collect();
    let weighty: Vec<&CauseOf<'_>> =
        causes.iter().copied().filter(|cause| cause.found.grade == Some(Grade::High)).collect();
    let key = match (causes.len(), high) {
        _ if all == 0 => "headline_empty",
        (0, _) => "headline_none",
        (_, 0) => "headline_some",
        // A grade may be high by many findings that are not.
        _ if weighty.is_empty() => "headline_adds_up",
        _ => "headline_high",
    };
    let values = [
        ("high", pen.count("nodes-high", high, "nodes")),
        ("n", pen.count("nodes", all, "nodes")),
        ("causes", pen.count("causes", causes.len(), "frequent")),
        ("weighty", pen.count("causes-high", weighty.len(), "frequent")),
        ("ids", ids(&weighty)),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut text = pen.messages.fill("fleet", key, &values)?;
    if let (open, Some((category, _))) = ungraded(cohort)
        && open > 0
    {
        let n = pen.count("nodes-ungraded", open, "nodes");
        let category = pen.messages.find("category", &id(category)).unwrap_or(category.title());
        text = format!(
            "{text} {}",
            pen.messages.fill("fleet", "headline_ungraded", &[("n", &n), ("category", category)])?
        );
    }
    Ok(text)
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
    let named = cohort.of_nodes().take(MAX_CAUSES).map(|cause| {
        let n = pen.count(&format!("{}-nodes", cause.id), cause.found.nodes, "frequent");
        let values = [("problem", cause.problem()), ("id", cause.id.clone()), ("n", n)];
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        pen.messages.fill("fleet", "cause", &values)
    });
    let named = named.collect::<Result<Vec<_>, _>>()?.join("; ");
    if !named.is_empty() {
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
        (
            "nodes",
            pen.count(
                "nodes-graded-high",
                cohort.fleet.grades.get("high").copied().unwrap_or_default(),
                "grades",
            ),
        ),
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
    // The demand is that of the whole service: it is said once, whatever the number of nodes.
    if let (Some(demand), Some(replicas)) = (least.demand, least.replicas) {
        let count =
            |id: &str, n: u32| pen.number(id, f64::from(n), n.to_string(), "modelled", "nodes: business");
        let mut values = vec![
            ("demand", pen.rate_of("demand", demand, "modelled", "nodes: business.demand")),
            ("replicas", count("replicas", replicas)),
        ];
        let key = match (least.gpus, least.month) {
            (Some(gpus), Some(month)) => {
                values.push(("gpus", count("plan-gpus", gpus)));
                values.push((
                    "month",
                    pen.amount("plan-month", month, &least.currency, "nodes: business.month"),
                ));
                "carried_need"
            }
            _ => "carried_need_only",
        };
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        text = format!("{} {}", stop(&text), pen.messages.fill("fleet", key, &values)?);
    }
    Ok(Some(text))
}

/// GPUs of the replicas that the client states, and how many of those on the nodes nobody accounts for; `None` where it is all of
/// them, or not known.
fn unexplained(cohort: &Cohort<'_>) -> Option<(u32, u32, usize)> {
    let own = tested(cohort).into_iter().find(|own| own.gpus_today.is_some())?;
    let (replicas, stated) = (own.today?, own.gpus_today?);
    let all: usize = cohort.nodes().iter().filter_map(|node| node.gpus).sum();
    let rest = all.checked_sub(stated as usize)?;
    (rest > 0).then_some((replicas, stated, rest))
}

/// That most GPUs serve nobody knows what.
fn asked(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Option<String>, ReportError> {
    let Some((replicas, stated, rest)) = unexplained(cohort) else { return Ok(None) };
    let count = |id: &str, n: f64| pen.number(id, n, format!("{n:.0}"), "counted", "nodes: business");
    let values = [
        ("replicas", count("replicas-stated", f64::from(replicas))),
        ("gpus", count("gpus-stated", f64::from(stated))),
        ("rest", count("gpus-unexplained", rest as f64)),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    pen.messages.fill("fleet", "unexplained", &values).map(Some)
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

/// First and last week; our proposal. On many nodes the window follows what is done at once.
fn weeks(wave: Wave) -> (u32, u32) {
    match wave {
        Wave::Now => (1, 1),
        Wave::Window => (2, 3),
        Wave::Measure => (3, 4),
        Wave::Decide => (5, 6),
    }
}

fn decision(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<String, ReportError> {
    let (now, window) = (of_wave(cohort, Wave::Now), of_wave(cohort, Wave::Window));
    let key = match (now.is_empty(), window.is_empty()) {
        (true, true) => "decide_tests",
        (false, true) => "decide_now",
        (true, false) => "decide_window",
        (false, false) => "decide_both",
    };
    let mut text = pen.messages.fill("fleet", key, &[("now", &ids(&now)), ("window", &ids(&window))])?;
    // Minutes of a node, as many times as there are nodes.
    let work = now.iter().chain(&window).filter_map(|cause| {
        let (from, to) = cause.work?.minutes?;
        let nodes = u32::try_from(cause.found.nodes).ok()?;
        Some((from.saturating_mul(nodes), to.saturating_mul(nodes)))
    });
    let minutes = work.reduce(|a, b| (a.0.saturating_add(b.0), a.1.saturating_add(b.1)));
    if let Some((from, to)) = minutes {
        let hours = |id: &str, minutes: u32| {
            let hours = (f64::from(minutes) / 60.0).ceil();
            pen.number(id, hours, format!("{hours:.0}"), "assumed", "frequent")
        };
        let (from, to) = (hours("hours-from", from), hours("hours-to", to));
        let effort = pen.messages.fill("fleet", "decide_effort", &[("from", &from), ("to", &to)])?;
        text = format!("{text}; {effort}");
    }
    Ok(text)
}

fn tiles(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Vec<Tile>, ReportError> {
    let tile = |label: &str, value: String, note: &str| -> Result<Tile, ReportError> {
        Ok(Tile { label: pen.t("fleet", label)?.to_owned(), value, note: note.to_owned() })
    };
    let all = cohort.nodes().len();
    // What is agreed or tested is not corrected.
    let corrected = cohort.of_nodes().filter(|cause| cause.wave() != Wave::Measure).count();
    let mut tiles = vec![
        tile("nodes", pen.count("nodes", all, "nodes"), "")?,
        tile("tile_high", pen.count("nodes-high", high(cohort), "nodes"), "")?,
        tile("tile_ungraded", pen.count("nodes-ungraded", ungraded(cohort).0, "nodes"), "")?,
        tile("tile_causes", pen.count("causes-corrected", corrected, "frequent"), "")?,
    ];
    if let Some(cost) = &cohort.fleet.cost {
        let month = pen.amount("month", cost.month, &cost.currency, "cost.month");
        tiles.push(tile("tile_month", month, pen.t("tile", "modelled")?)?);
    }
    Ok(tiles)
}

/// The share of answers of some nodes, from the least to the most.
pub(super) fn coverages(
    pen: &Pen<'_>,
    nodes: &[&plumb_engine::fleet::NodeRow],
) -> Result<String, ReportError> {
    let shares = || nodes.iter().filter_map(|node| node.coverage);
    if shares().next().is_none() {
        return coverage_text(None, pen.messages);
    }
    let least = coverage_text(Some(shares().fold(f64::INFINITY, f64::min)), pen.messages)?;
    let most = coverage_text(Some(shares().fold(0.0, f64::max)), pen.messages)?;
    Ok(if least == most { least } else { format!("{least} … {most}") })
}

/// Rates that replicas are proven to carry, from the least to the most.
pub(super) fn rates(pen: &Pen<'_>, proven: &[f64]) -> String {
    let text = |value: f64| {
        let text = format!("{value:.2}");
        pen.messages.numeral(text.trim_end_matches('0').trim_end_matches('.'))
    };
    let low = proven.iter().copied().fold(f64::INFINITY, f64::min);
    let high = proven.iter().copied().fold(0.0, f64::max);
    match proven.len() {
        0 => "–".to_owned(),
        _ if low < high => format!("{} … {}/s", text(low), text(high)),
        _ => format!("{}/s", text(low)),
    }
}

fn lines(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Vec<Labelled>, ReportError> {
    let shares: Vec<f64> = cohort.nodes().iter().filter_map(|node| node.coverage).collect();
    let mut rows = Vec::new();
    if let Some(first) = cohort.of_nodes().next() {
        let host = cohort.host(&first.found.worst);
        let mut begin = vec![styled("name", host), plain(": ")];
        begin.push(plain(pen.messages.fill("fleet", "begin_because", &[("id", &first.id)])?));
        rows.push(Labelled { label: pen.t("fleet", "begin_with")?.to_owned(), lines: vec![begin] });
    }
    let works: Vec<String> = cohort
        .nodes()
        .first()
        .into_iter()
        .flat_map(|node| &node.categories)
        .filter(|category| {
            let mut grades = cohort.nodes().iter().map(|node| {
                node.categories.iter().find(|own| own.id == category.id).and_then(|own| own.grade)
            });
            grades.all(|grade| grade == Some(Grade::Low))
        })
        .map(|category| {
            pen.messages.find("category", &id(category.id)).unwrap_or(category.id.title()).to_owned()
        })
        .collect();
    if !works.is_empty() {
        rows.push(fact(
            pen.word("works")?,
            pen.messages.fill("fleet", "works", &[("categories", &works.join(", "))])?,
        ));
    }
    if !shares.is_empty() {
        let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
        let most = shares.iter().copied().fold(0.0, f64::max);
        let share = |id: &str, value: f64| -> Result<String, ReportError> {
            let text = coverage_text(Some(value), pen.messages)?;
            Ok(pen.number(id, value, text, "counted", "nodes: coverage"))
        };
        let (from, to) = (share("coverage-least", least)?, share("coverage-most", most)?);
        let key = if from == to { "scope_one" } else { "scope" };
        rows.push(fact(
            pen.word("scope")?,
            pen.messages.fill("fleet", key, &[("from", &from), ("to", &to)])?,
        ));
    }
    let mut from_you: Vec<Line> = Vec::new();
    if let Some(text) = asked(pen, cohort)? {
        from_you.push(line(stop(&text)));
    }
    for cause in cohort.of_service() {
        from_you.push(line(format!("{}: {}", cause.id, stop(&cause.step(pen)?))));
    }
    if !from_you.is_empty() {
        rows.push(Labelled { label: pen.word("from_you")?.to_owned(), lines: from_you });
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

/// The nodes by category, and by what they have in common.
fn nodes(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Vec<Block>, ReportError> {
    let mut blocks = vec![paragraph(pen.t("fleet", "nodes_intro")?)];
    blocks.extend(heat::draw(cohort.nodes(), pen.messages)?.map(Block::Figure));
    let groups = cohort.alike(cohort.nodes().iter());
    blocks.push(heading(pen.t("fleet", "groups")?));
    let mut rows = Vec::new();
    for group in groups.iter().take(MAX_GROUPS) {
        let Some(first) = group.nodes.first() else { continue };
        let names: Vec<String> = group.nodes.iter().map(|node| node.host.clone()).collect();
        let found = if group.ids.is_empty() {
            pen.t("fleet", "no_findings")?.to_owned()
        } else {
            group.ids.join(", ")
        };
        rows.push(row(vec![
            vec![strong(group.nodes.len().to_string())],
            hosts(&names, pen)?,
            vec![mark(&grade(first.grade, first.at_least, pen.messages)?)],
            line(coverages(pen, &group.nodes)?),
            line(found),
        ]));
    }
    let columns = vec![
        numbers(pen.t("fleet", "count")?),
        column(pen.t("fleet", "nodes")?, 10),
        column(pen.t("label", "grade")?, 6),
        numbers(pen.t("document", "coverage")?),
        column(pen.t("label", "findings")?, 7),
    ];
    blocks.push(Block::Table { columns, rows });
    let more: usize = groups.iter().skip(MAX_GROUPS).map(|group| group.nodes.len()).sum();
    if more > 0 {
        let n = pen.count("more-nodes", more, "nodes");
        blocks.push(paragraph(pen.messages.fill("fleet", "more_nodes", &[("n", &n)])?));
    }
    Ok(blocks)
}

/// What was found, by grade and number of nodes.
fn findings(pen: &Pen<'_>, cohort: &Cohort<'_>) -> Result<Vec<Block>, ReportError> {
    if cohort.causes.is_empty() {
        return Ok(vec![paragraph(pen.t("fleet", "frequent_none")?)]);
    }
    let mut blocks = vec![paragraph(pen.t("fleet", "frequent_intro")?)];
    let bars: Vec<frequent::Bar> = cohort
        .of_nodes()
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
    for cause in cohort.of_nodes().take(MAX_LINES) {
        rows.push(finding(pen, cause)?);
    }
    let columns = || -> Result<Vec<crate::model::Column>, ReportError> {
        Ok(vec![
            column("", 0),
            column(pen.t("label", "grade")?, 0),
            column(pen.word("problem_fix")?, 12),
            numbers(pen.t("fleet", "nodes")?),
            column(pen.word("effort_needs")?, 4),
        ])
    };
    if !rows.is_empty() {
        blocks.push(Block::Table { columns: columns()?, rows });
    }
    let more = cohort.of_nodes().count().saturating_sub(MAX_LINES);
    if more > 0 {
        let n = pen.count("more-causes", more, "frequent");
        blocks.push(paragraph(pen.word("more_in_appendix")?.replace("{n}", &n)));
    }
    let rows: Vec<Row> = cohort.of_service().map(|cause| finding(pen, cause)).collect::<Result<_, _>>()?;
    if !rows.is_empty() {
        blocks.push(heading(pen.t("fleet", "of_service")?));
        blocks.push(paragraph(pen.t("fleet", "of_service_intro")?));
        blocks.push(Block::Table { columns: columns()?, rows });
    }
    Ok(blocks)
}

fn finding(pen: &Pen<'_>, cause: &CauseOf<'_>) -> Result<Row, ReportError> {
    let mut problem: Vec<Line> = vec![vec![strong(cause.problem())], line(cause.step(pen)?)];
    let mut count = Vec::new();
    if cause.found.of_service {
        count.push(line(pen.t("fleet", "service")?));
    } else {
        let mut names = hosts(&cause.found.hosts, pen)?;
        for name in &mut names {
            if name.style.is_empty() {
                "soft".clone_into(&mut name.style);
            }
        }
        problem.push(names);
        let nodes = pen.count(&format!("{}-nodes", cause.id), cause.found.nodes, "frequent");
        count.push(line(nodes));
        if cause.found.unanswered > 0 {
            let open = pen.count(&format!("{}-open", cause.id), cause.found.unanswered, "frequent");
            count.push(vec![soft(pen.messages.fill("fleet", "perhaps", &[("n", &open)])?)]);
        }
    }
    let found = cause.found.grade.map(|own| grade(own, None, pen.messages)).transpose()?;
    let text = |of: fn(&super::Work) -> &String| cause.work.map(of).cloned().unwrap_or_default();
    Ok(Row {
        cells: vec![
            vec![vec![link(&cause.id, cause.id.clone())]],
            vec![found.iter().map(mark).collect()],
            problem,
            count,
            match cause.work.is_some_and(|work| work.steps.is_empty()) {
                true => vec![line("–")],
                false => vec![line(text(|work| &work.effort)), vec![soft(text(|work| &work.needs))]],
            },
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
            line(crate::comparison::translated(class, "classes", pen.messages)?),
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
    for text in [costs(pen, cohort)?, carried(pen, cohort)?, asked(pen, cohort)?].into_iter().flatten() {
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
            weeks: weeks(wave),
            window: wave == Wave::Window,
        });
        let (from, to) = weeks(wave);
        let when = pen
            .say(&format!("{}_text", wave.key()), &[("from", &from.to_string()), ("to", &to.to_string())])?;
        rows.push(row(vec![vec![strong(format!("{}. ", pen.word(wave.key())?)), soft(when)]]));
        for cause in causes.into_iter().take(MAX_LINES / 2) {
            let (nodes, first) = match cause.found.of_service {
                true => (pen.t("fleet", "service")?.to_owned(), line("–")),
                false => {
                    let first = styled("name", cohort.host(&cause.found.worst));
                    (cause.found.nodes.to_string(), vec![first])
                }
            };
            rows.push(row(vec![
                vec![link(&cause.id, cause.id.clone())],
                line(stop(&cause.step(pen)?)),
                line(nodes),
                first,
                line(cause.work.map(|work| work.effort.clone()).unwrap_or_default()),
            ]));
        }
    }
    blocks.extend(gantt::draw(&bars, pen.messages)?.map(Block::Figure));
    let columns = vec![
        column("", 0),
        column(pen.word("what")?, 11),
        numbers(pen.t("fleet", "nodes")?),
        column(pen.t("fleet", "begin_with")?, 5),
        column(pen.t("fleet", "effort_each")?, 4),
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
            line(match pen.messages.find("fleet", &format!("{key}_gives")) {
                Some(text) => text,
                None => pen.t("who", &format!("{key}_gives"))?,
            }),
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
    let first = cohort.of_nodes().next().map(|cause| cohort.host(&cause.found.worst));
    blocks.push(paragraph(match first {
        Some(host) => pen.messages.fill("fleet", "next_text", &[("host", &host)])?,
        None => pen.t("fleet", "next_collect")?.to_owned(),
    }));
    Ok(blocks)
}
