//! The closing letter: what changed for the business first, then the numbers, then what cannot be told; no more than evidence
//! shows.

use std::collections::BTreeSet;

use plumb_engine::Grade;
use plumb_engine::compare::{Business, Change, Comparison, DriftKind, MeasuredChange, Verdict};

use super::words::{self, metric, number, percent, span};
use super::{anchor, causes, dash};
use crate::ReportError;
use crate::chapters::names::without_ids;
use crate::chapters::pen::Pen;
use crate::chapters::{fact, grade as mark, stop};
use crate::escape::clean;
use crate::figure::before_after;
use crate::model::{Block, Labelled, Row, column, heading, line, plain, row, soft, strong};
use crate::view::{GradeView, coverage_text, date_of, grade, sentence};

/// So many findings and metrics are named; the appendix has all.
const NAMED: usize = 4;

pub(super) fn blocks(pen: &Pen<'_>, node: &Comparison, index: usize) -> Result<Vec<Block>, ReportError> {
    let mut blocks =
        vec![Block::Paragraph { text: line(headline(pen, node)?), style: "lead".into() }, table(pen, node)?];
    if let (Some(before), Some(after)) = (&node.before.business, &node.after.business) {
        let mut figure = before_after::draw(before, after, pen.messages)?;
        if let Some(figure) = &mut figure {
            figure.id = anchor(&figure.id, index);
        }
        blocks.extend(figure.map(Block::Figure));
    }
    blocks.push(Block::Facts { rows: outcome(pen, node)? });
    if !node.cautions.is_empty() {
        blocks.push(Block::Note {
            title: pen.t("compare", "cautions")?.to_owned(),
            lines: node.cautions.iter().map(|text| line(stop(&sentence(&clean(text))))).collect(),
        });
    }
    blocks.push(heading(pen.t("compare", "risk")?));
    blocks.push(categories(pen, node)?);
    Ok(blocks)
}

/// What changed for the business, or else for the findings.
pub(super) fn headline(pen: &Pen<'_>, node: &Comparison) -> Result<String, ReportError> {
    if let (Some(before), Some(after)) = (&node.before.business, &node.after.business) {
        return business(pen, before, after);
    }
    let fixed = Fate::of(node).fixed.len();
    let values = [
        ("fixed", pen.count("fixed", fixed, "findings.fixed")),
        ("before", pen.count("findings-before", node.before.deviations, "before.deviations")),
        ("after", pen.count("findings-after", node.after.deviations, "after.deviations")),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    pen.messages.fill("letter", "headline_findings", &values)
}

/// What one replica is proven to carry, and what the demand then needs.
fn business(pen: &Pen<'_>, before: &Business, after: &Business) -> Result<String, ReportError> {
    let measured = |id: &str, own: &Business| {
        let origin = own.tested.iter().rev().find(|point| point.rate <= own.proven);
        pen.rate_of(id, own.proven, "measured", origin.map_or("business", |point| point.path.as_str()))
    };
    let rates = (measured("proven-before", before), measured("proven-after", after));
    let key = match after.proven.total_cmp(&before.proven) {
        std::cmp::Ordering::Greater => "proven_more",
        std::cmp::Ordering::Equal => "proven_same",
        std::cmp::Ordering::Less => "proven_less",
    };
    let mut text = pen.messages.fill("letter", key, &[("before", &rates.0), ("after", &rates.1)])?;
    // A plan for another demand, or in another currency, is another plan.
    let (Some(from), Some(to)) = (before.replicas, after.replicas) else { return Ok(text) };
    if before.demand != after.demand || from == to {
        return Ok(text);
    }
    let counted = |id: &str, n: u32| pen.number(id, f64::from(n), n.to_string(), "modelled", "business");
    let (from, to) = (counted("replicas-before", from), counted("replicas-after", to));
    let need = pen.messages.fill("letter", "need", &[("before", &from), ("after", &to)])?;
    text = format!("{text} {need}");
    if let (Some(was), Some(is)) = (before.month, after.month)
        && before.currency == after.currency
    {
        let (key, change) =
            if is.high < was.high { ("month_less", was.less(is)) } else { ("month_more", is.less(was)) };
        let month = pen.amount("month-change", change, &after.currency, "business");
        text = format!("{text} {}", pen.messages.fill("letter", key, &[("month", &month)])?);
    }
    Ok(text)
}

/// Before, after, and the limit where there is one.
fn table(pen: &Pen<'_>, node: &Comparison) -> Result<Block, ReportError> {
    let (before, after) = (words::state(pen, &node.before)?, words::state(pen, &node.after)?);
    let mut rows: Vec<Row> = Vec::new();
    let mut add = |name: String, from: &str, to: &str, limit: String| {
        if !from.is_empty() || !to.is_empty() {
            rows.push(row(vec![
                vec![plain(name)],
                vec![strong(dash(from))],
                vec![strong(dash(to))],
                line(limit),
            ]));
        }
    };
    let each = node.after.business.as_ref().and_then(|own| own.each);
    let each = each.map(|each| {
        pen.messages.fill(
            "letter",
            "limit_each",
            &[("rate", &pen.rate_of("each", each, "assumed", "engagement: demand"))],
        )
    });
    add(
        pen.t("compare", "proven")?.to_owned(),
        &before.proven,
        &after.proven,
        each.transpose()?.unwrap_or_default(),
    );
    for change in tails(node) {
        // How long requests are is the same on both sides; the appendix says it.
        let load = crate::load::words(change.load.split(", ").next().unwrap_or_default(), pen.messages)?;
        let value = |id: &str, value: f64| {
            let text = format!("{} {}", number(value), change.unit);
            pen.number(&format!("{}-{id}", change.metric), value, text, "measured", "measured.changes")
        };
        let limit = node.after.limits.get(&change.metric).map(|limit| {
            let id = format!("{}-limit", change.metric);
            pen.number(&id, *limit, format!("{limit} {}", change.unit), "assumed", "engagement: slo")
        });
        add(
            format!("{}, {load}", sentence(&metric(&change.metric, pen.messages))),
            &value("before", change.before.value),
            &value("after", change.after.value),
            limit.unwrap_or_default(),
        );
    }
    add(pen.t("compare", "need")?.to_owned(), &before.need, &after.need, String::new());
    add(pen.t("compare", "month")?.to_owned(), &before.month, &after.month, String::new());
    let counts = (node.before.deviations.to_string(), node.after.deviations.to_string());
    add(pen.t("letter", "open_findings")?.to_owned(), &counts.0, &counts.1, String::new());
    add(pen.t("document", "overall")?.to_owned(), &before.grade.text, &after.grade.text, String::new());
    add(pen.t("document", "coverage")?.to_owned(), &before.coverage, &after.coverage, String::new());
    let columns = vec![
        column("", 9),
        column(state_title(pen, "state_before", &node.before.collected)?, 5),
        column(state_title(pen, "state_after", &node.after.collected)?, 5),
        column(pen.t("label", "limit")?, 4),
    ];
    Ok(Block::Table { columns, rows })
}

fn state_title(pen: &Pen<'_>, key: &str, collected: &str) -> Result<String, ReportError> {
    Ok(format!("{}, {}", pen.t("compare", key)?, date_of(collected, pen.messages)?))
}

/// The tails of latencies under the heaviest load that one replica is proven to carry after, or else under the heaviest that was
/// measured in both states.
fn tails(node: &Comparison) -> impl Iterator<Item = &MeasuredChange> {
    let changes = &node.measured.changes;
    let carried = node.after.business.as_ref().map(|own| own.proven);
    let rate = |change: &MeasuredChange| -> Option<f64> {
        change
            .load
            .split_whitespace()
            .find_map(|word| word.trim_end_matches(',').strip_suffix("/s")?.parse().ok())
    };
    let within =
        changes.iter().filter(|own| rate(own).zip(carried).is_some_and(|(rate, most)| rate <= most * 1.001));
    let chosen =
        within.max_by(|a, b| rate(a).unwrap_or(0.0).total_cmp(&rate(b).unwrap_or(0.0))).or(changes.last());
    let chosen = chosen.map(|change| (change.model.as_str(), change.load.as_str()));
    let is_tail = |metric: &str| {
        ["ttft_p", "itl_p"].iter().any(|name| metric.starts_with(name)) && !metric.ends_with("_p50")
    };
    changes
        .iter()
        .filter(move |own| Some((own.model.as_str(), own.load.as_str())) == chosen && is_tail(&own.metric))
}

/// What became of findings by their causes.
struct Fate<'a> {
    fixed: Vec<&'a Change>,
    /// Fixed in some places.
    partly: Vec<&'a Change>,
    open: Vec<&'a Change>,
    new: Vec<&'a Change>,
    unknown: Vec<&'a Change>,
}

impl<'a> Fate<'a> {
    fn of(node: &'a Comparison) -> Self {
        let found = &node.findings;
        let still = found.unchanged.iter().chain(&found.better).chain(&found.worse);
        let open = causes(still);
        let new = causes(found.new.iter());
        let unknown = causes(found.not_comparable.iter());
        let not_gone: BTreeSet<&str> =
            open.iter().chain(&new).chain(&unknown).map(|change| change.root.as_str()).collect();
        let (partly, fixed) = causes(found.fixed.iter())
            .into_iter()
            .partition(|change| not_gone.contains(change.root.as_str()));
        let of_open: BTreeSet<&str> = open.iter().map(|change| change.root.as_str()).collect();
        let unknown = unknown.into_iter().filter(|change| !of_open.contains(change.root.as_str())).collect();
        Self { fixed, partly, open, new, unknown }
    }
}

/// The problems of some findings, the first of them by name.
fn named(pen: &Pen<'_>, changes: &[&Change]) -> Result<String, ReportError> {
    // No process ids: the letter goes to people who have no list of them.
    let mut problems: Vec<String> = Vec::new();
    for change in changes {
        let problem = without_ids(&clean(&change.problem));
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    let more = problems.len().saturating_sub(NAMED);
    problems.truncate(NAMED);
    if more > 0 {
        problems.push(pen.messages.fill("letter", "and_more", &[("n", &more.to_string())])?);
    }
    Ok(problems.join("; "))
}

/// What is fixed, what is open, what was measured, and what cannot be told.
fn outcome(pen: &Pen<'_>, node: &Comparison) -> Result<Vec<Labelled>, ReportError> {
    let fate = Fate::of(node);
    let mut rows = Vec::new();
    let mut add = |key: &str, changes: &[&Change]| -> Result<(), ReportError> {
        if !changes.is_empty() {
            let n = pen.count(key, changes.len(), "findings");
            let text = format!("{n}: {}", stop(&named(pen, changes)?));
            rows.push(fact(pen.t("letter", key)?, text));
        }
        Ok(())
    };
    add("new", &fate.new)?;
    add("fixed", &fate.fixed)?;
    add("partly", &fate.partly)?;
    add("open", &fate.open)?;
    add("unknown", &fate.unknown)?;
    rows.push(fact(pen.t("letter", "measured_label")?, measured(pen, node)?));
    let changed = node.drift.iter().filter(|drift| drift.kind != DriftKind::NotComparable).count();
    let moved =
        node.measured.changes.iter().any(|own| matches!(own.verdict, Verdict::Improved | Verdict::Worse))
            || node.before.business.as_ref().map(|own| own.proven)
                != node.after.business.as_ref().map(|own| own.proven);
    if changed > 1 && moved {
        let n = pen.count("settings-changed", changed, "drift");
        rows.push(fact(pen.t("letter", "apart")?, pen.messages.fill("letter", "apart_text", &[("n", &n)])?));
    }
    rows.push(fact(pen.t("label", "grade")?, risk(pen, node)?));
    Ok(rows)
}

fn risk(pen: &Pen<'_>, node: &Comparison) -> Result<String, ReportError> {
    let (before, after) = (&node.before, &node.after);
    let words = |grade: GradeView| grade.text;
    let from = words(grade(before.grade, before.at_least, pen.messages)?);
    let to = words(grade(after.grade, after.at_least, pen.messages)?);
    // Nothing is said to be lower that was not assessed.
    let floor = |grade: Grade, at_least: Option<Grade>| at_least.unwrap_or(grade);
    let key = if from == to {
        "risk_same"
    } else if after.grade != Grade::NotAssessable
        && floor(after.grade, after.at_least) > floor(before.grade, before.at_least)
    {
        "risk_higher"
    } else {
        "risk_lower"
    };
    let risk = pen.messages.fill("letter", key, &[("before", &from), ("after", &to)])?;
    let shares =
        (coverage_text(before.coverage, pen.messages)?, coverage_text(after.coverage, pen.messages)?);
    let coverage = pen.messages.fill("letter", "coverage", &[("before", &shares.0), ("after", &shares.1)])?;
    Ok(format!("{risk} {coverage}"))
}

fn measured(pen: &Pen<'_>, node: &Comparison) -> Result<String, ReportError> {
    let messages = pen.messages;
    let changes = &node.measured.changes;
    let mut sentences = Vec::new();
    for (verdict, key) in [(Verdict::Improved, "measured"), (Verdict::Worse, "measured_worse")] {
        // Clients know their tail and their throughput; the table has the medians too.
        let told =
            changes.iter().filter(|change| change.verdict == verdict && !change.metric.ends_with("_p50"));
        let mut loads: Vec<(String, Vec<String>)> = Vec::new();
        // What happens under the heaviest load is what the demand meets first.
        let mut told: Vec<_> = told.collect();
        let heaviest = told.last().map(|change| change.load.clone()).unwrap_or_default();
        told.sort_by_key(|change| change.load != heaviest);
        for change in told.into_iter().take(NAMED) {
            let load = crate::load::words(&change.load, messages)?;
            let interval = change.interval.map(|ends| span(ends, messages)).unwrap_or_default();
            let values = [
                ("metric", metric(&change.metric, messages)),
                ("change", percent(change.ratio, messages)),
                ("interval", interval),
            ];
            let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
            let words = messages.fill("letter", "measured_change", &values)?;
            match loads.iter_mut().find(|(known, _)| *known == load) {
                Some((_, changes)) => changes.push(words),
                None => loads.push((load, vec![words])),
            }
        }
        for (load, changes) in loads {
            let values = [("load", load.as_str()), ("changes", &changes.join("; "))];
            sentences.push(messages.fill("letter", key, &values)?);
        }
    }
    if sentences.is_empty() {
        sentences.push(match changes.iter().find(|change| change.verdict == Verdict::NotResolved) {
            _ if changes.is_empty() => messages.get("letter", "measured_absent")?.to_owned(),
            Some(open) => messages.fill("letter", "measured_open", &[("why", &clean(&open.why))])?,
            None => messages.get("letter", "measured_none")?.to_owned(),
        });
    }
    Ok(sentences.join(" "))
}

/// Grades by category in both states.
fn categories(pen: &Pen<'_>, node: &Comparison) -> Result<Block, ReportError> {
    let mut rows = Vec::new();
    for own in &node.categories {
        let title = pen.messages.find("category", &crate::view::id(own.id)).unwrap_or(&own.title);
        let cell = |found: Option<Grade>, least, coverage| -> Result<_, ReportError> {
            let Some(found) = found else { return Ok(line("–")) };
            let words = grade(found, least, pen.messages)?;
            Ok(vec![mark(&words), soft(format!(" ({})", coverage_text(coverage, pen.messages)?))])
        };
        rows.push(row(vec![
            line(clean(title)),
            cell(own.before, own.at_least_before, own.coverage_before)?,
            cell(own.after, own.at_least_after, own.coverage_after)?,
        ]));
    }
    let (before, after) = (words::state(pen, &node.before)?, words::state(pen, &node.after)?);
    rows.push(row(vec![line(pen.t("compare", "exposure")?), line(before.exposure), line(after.exposure)]));
    let columns = vec![
        column(pen.t("label", "category")?, 7),
        column(pen.t("compare", "state_before")?, 7),
        column(pen.t("compare", "state_after")?, 7),
    ];
    Ok(Block::Table { columns, rows })
}
