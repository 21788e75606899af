//! The closing letter: what changed for the business first, then the numbers, then what cannot be told; no more than evidence
//! shows.

use plumb_engine::Grade;
use plumb_engine::compare::{Business, CauseChange, Comparison, DriftKind, Fate, MeasuredChange, Verdict};

use super::words::{self, far, metric, number, span};
use super::{anchor, dash};
use crate::ReportError;
use crate::chapters::demand::Demand;
use crate::chapters::names::without_ids;
use crate::chapters::pen::Pen;
use crate::chapters::{fact, grade as mark, stop};
use crate::escape::clean;
use crate::figure::{before_after, bill};
use crate::model::{Block, Labelled, Line, Row, column, heading, line, paragraph, plain, row, soft, strong};
use crate::view::{GradeView, coverage_text, date_of, grade, sentence};

/// So many findings and metrics are named; the appendix has all.
const NAMED: usize = 6;
/// A load test that is shorter says little of how latencies settle; in seconds, as reports ask for tests.
const LONG_ENOUGH: f64 = 600.0;

pub(super) fn blocks(pen: &Pen<'_>, node: &Comparison, index: usize) -> Result<Vec<Block>, ReportError> {
    let mut blocks =
        vec![Block::Paragraph { text: line(headline(pen, node)?), style: "lead".into() }, table(pen, node)?];
    let mut figures = vec![self::bill(pen, node)?];
    if let (Some(before), Some(after)) = (&node.before.business, &node.after.business) {
        figures.push(before_after::draw(before, after, pen.messages)?);
    }
    for mut figure in figures.into_iter().flatten() {
        figure.id = anchor(&figure.id, index);
        blocks.push(Block::Figure(figure));
    }
    blocks.push(Block::Facts { rows: outcome(pen, node)? });
    if !node.cautions.is_empty() {
        blocks.push(Block::Note {
            title: pen.t("compare", "cautions")?.to_owned(),
            lines: node.cautions.iter().map(|text| line(stop(&sentence(&clean(text))))).collect(),
        });
    }
    blocks.extend(next(pen, node)?);
    blocks.push(heading(pen.t("compare", "risk")?));
    blocks.push(categories(pen, node)?);
    Ok(blocks)
}

/// What changed for the business, or else for the findings.
pub(super) fn headline(pen: &Pen<'_>, node: &Comparison) -> Result<String, ReportError> {
    if let (Some(before), Some(after)) = (&node.before.business, &node.after.business) {
        return business(pen, before, after);
    }
    let fixed = of_fate(node, Fate::Fixed).count();
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
    let demand = after.demand.unwrap_or_default();
    let values = [
        ("before", counted("replicas-before", from)),
        ("after", counted("replicas-after", to)),
        ("demand", pen.rate_of("demand", demand, "modelled", "business")),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    let grows = Demand::of_business(after).next_year().is_some();
    let need = pen.messages.fill("letter", if grows { "need_next" } else { "need" }, &values)?;
    text = format!("{text} {need}");
    let mut end = ".".to_owned();
    if let (Some(was), Some(is)) = (before.month, after.month)
        && before.currency == after.currency
    {
        let amount = |id: &str, value| pen.amount(id, value, &after.currency, "business");
        let mut values = vec![("from", amount("month-before", was)), ("to", amount("month-after", is))];
        let key = match (after.today, after.month_today) {
            (Some(replicas), Some(today)) => {
                values.push(("replicas", counted("replicas-today", replicas)));
                values.push(("today", amount("month-today", today)));
                "bill_today"
            }
            _ => "bill",
        };
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        end = pen.messages.fill("letter", key, &values)?;
    }
    Ok(text + &end)
}

/// What a month costs today and by both plans.
fn bill(pen: &Pen<'_>, node: &Comparison) -> Result<Option<crate::figure::Figure>, ReportError> {
    let (Some(before), Some(after)) = (&node.before.business, &node.after.business) else { return Ok(None) };
    let (Some(was), Some(is)) = (before.month, after.month) else { return Ok(None) };
    if before.demand != after.demand || before.currency != after.currency {
        return Ok(None);
    }
    let bar = |key: &str, replicas: Option<u32>, month: plumb_evidence::model::Amount, is_after| {
        let values = [("replicas", replicas.map_or_else(|| "–".to_owned(), |n| n.to_string()))];
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        Ok::<_, ReportError>(bill::Bar {
            name: pen.messages.fill("letter", key, &values)?,
            amount: month.high,
            text: pen.amount(key, month, &after.currency, "business"),
            is_after,
        })
    };
    let mut bars = Vec::new();
    if let Some(today) = after.month_today {
        bars.push(bar("bill_bar_today", after.today, today, false)?);
    }
    bars.push(bar("bill_bar_before", before.replicas, was, false)?);
    bars.push(bar("bill_bar_after", after.replicas, is, true)?);
    bill::draw(&bars, pen.messages)
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
            &[("rate", &pen.rate_of("each", each, "stated", "engagement: demand"))],
        )
    });
    let today = match &node.after.business {
        Some(own) => words::today(pen, own)?,
        None => Default::default(),
    };
    add(pen.t("compare", "need")?.to_owned(), &before.need, &after.need, today.0);
    add(pen.t("compare", "month")?.to_owned(), &before.month, &after.month, today.1);
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
            let text = format!("{} {}", number(value), words::unit(change, pen.messages));
            pen.number(&format!("{}-{id}", change.metric), value, text, "measured", "measured.changes")
        };
        let limit = node.after.limits.get(&change.metric).map(|limit| {
            let id = format!("{}-limit", change.metric);
            let value =
                pen.number(&id, *limit, format!("{limit} {}", change.unit), "stated", "engagement: slo");
            pen.messages.fill("letter", "objective", &[("value", &value)])
        });
        add(
            format!("{}, {load}", sentence(&metric(&change.metric, pen.messages))),
            &value("before", change.before.value),
            &value("after", change.after.value),
            limit.transpose()?.unwrap_or_default(),
        );
    }
    let counts = (node.before.deviations.to_string(), node.after.deviations.to_string());
    add(pen.t("letter", "open_findings")?.to_owned(), &counts.0, &counts.1, String::new());
    add(pen.t("document", "overall")?.to_owned(), &before.grade.text, &after.grade.text, String::new());
    add(pen.t("document", "coverage")?.to_owned(), &before.coverage, &after.coverage, String::new());
    let columns = vec![
        column("", 9),
        column(state_title(pen, "state_before", &node.before.collected)?, 5),
        column(state_title(pen, "state_after", &node.after.collected)?, 5),
        column(pen.t("letter", "beside")?, 5),
    ];
    Ok(Block::Table { columns, rows })
}

fn state_title(pen: &Pen<'_>, key: &str, collected: &str) -> Result<String, ReportError> {
    Ok(format!("{}, {}", pen.t("compare", key)?, date_of(collected, pen.messages)?))
}

/// Changes under the heaviest load that one replica is proven to carry after, or else under the heaviest that was measured in
/// both states.
fn carried(node: &Comparison) -> impl Iterator<Item = &MeasuredChange> {
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
    changes.iter().filter(move |own| Some((own.model.as_str(), own.load.as_str())) == chosen)
}

/// The tails of latencies under that load.
fn tails(node: &Comparison) -> impl Iterator<Item = &MeasuredChange> {
    let is_tail = |metric: &str| {
        ["ttft_p", "itl_p"].iter().any(|name| metric.starts_with(name)) && !metric.ends_with("_p50")
    };
    carried(node).filter(move |own| is_tail(&own.metric))
}

/// Findings of which this became, the heaviest first.
fn of_fate(node: &Comparison, fate: Fate) -> impl Iterator<Item = &CauseChange> {
    node.causes.iter().filter(move |cause| cause.fate == fate)
}

/// A finding by its name in the report that has it first, and what is left of it.
fn told(pen: &Pen<'_>, cause: &CauseChange) -> Result<Line, ReportError> {
    // No process ids: the letter goes to people who have no list of them.
    let plainly = |text: &str| without_ids(&clean(text));
    let mut told: Line = Vec::new();
    if let Some(id) = cause.id_before.as_ref().or(cause.id_after.as_ref()) {
        told.push(strong(format!("{id} ")));
    }
    told.push(plain(plainly(&cause.problem)));
    if let Some(found) = cause.grade {
        told.extend([plain(" "), mark(&grade(found, None, pen.messages)?)]);
    }
    let left = cause.left.as_ref().filter(|_| matches!(cause.fate, Fate::Partly | Fate::Open));
    if let Some(left) = left {
        let left = pen.messages.fill("letter", "left", &[("problem", &plainly(left))])?;
        told.push(soft(format!(" {}", stop(&left))));
    }
    if !cause.unchecked.is_empty() {
        let checks = cause.unchecked.iter().map(|title| plainly(title)).collect::<Vec<_>>().join("; ");
        let checks = pen.messages.fill("letter", "not_checked", &[("checks", &checks)])?;
        told.push(soft(format!(" {}", stop(&checks))));
    }
    Ok(told)
}

/// What is fixed, what is open, what was measured, and what cannot be told. Each finding is in one of the lists, so that those of
/// the report before add up.
fn outcome(pen: &Pen<'_>, node: &Comparison) -> Result<Vec<Labelled>, ReportError> {
    let mut rows = Vec::new();
    for (key, fate) in [
        ("new", Fate::New),
        ("found_now", Fate::FoundNow),
        ("fixed", Fate::Fixed),
        ("partly", Fate::Partly),
        ("open", Fate::Open),
        ("unknown", Fate::Unchecked),
    ] {
        let causes: Vec<&CauseChange> = of_fate(node, fate).collect();
        if causes.is_empty() {
            continue;
        }
        let n = pen.count(key, causes.len(), "causes");
        let mut lines: Vec<Line> =
            causes.iter().take(NAMED).map(|cause| told(pen, cause)).collect::<Result<_, _>>()?;
        let more = causes.len().saturating_sub(NAMED);
        if more > 0 {
            lines.push(line(pen.messages.fill("letter", "and_more", &[("n", &more.to_string())])?));
        }
        rows.push(Labelled { label: format!("{} ({n})", pen.t("letter", key)?), lines });
    }
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
    if let Some(risk) = risk(pen, node)? {
        rows.push(fact(pen.t("document", "overall")?, risk));
    }
    if let Some(own) = node.after.business.as_ref().filter(|own| own.target_assumed) {
        let target = format!("{} %", own.target * 100.0);
        let target = pen.number("target", own.target, target, "assumed", "engagement: slo");
        rows.push(fact(
            pen.t("letter", "assumed")?,
            pen.messages.fill("letter", "target_assumed", &[("target", &target)])?,
        ));
    }
    Ok(rows)
}

/// What is to be done and decided now, and who signs.
fn next(pen: &Pen<'_>, node: &Comparison) -> Result<Vec<Block>, ReportError> {
    let mut steps: Vec<Line> = Vec::new();
    let mut add = |key: &str, values: &[(&str, String)]| -> Result<(), ReportError> {
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        steps.push(line(stop(&pen.messages.fill("letter", key, &values)?)));
        Ok(())
    };
    if let Some(own) = &node.after.business {
        let rate = |id: &str, value| pen.rate_of(id, value, "modelled", "business");
        if let Some((lost, replicas)) = Demand::of_business(own).one_lost().zip(own.today)
            && lost > own.proven
        {
            let values = [
                ("lost", rate("lost", lost)),
                ("proven", pen.rate_of("proven-after", own.proven, "measured", "business")),
                ("replicas", (replicas + 1).to_string()),
            ];
            add("step_lost", &values)?;
        }
        if own.target_assumed {
            let target = format!("{} %", own.target * 100.0);
            add(
                "step_target",
                &[("target", pen.number("target", own.target, target, "assumed", "engagement: slo"))],
            )?;
        }
    }
    let shortest =
        node.measured.changes.iter().map(|change| change.after.seconds).fold(f64::INFINITY, f64::min);
    if shortest < LONG_ENOUGH && shortest > 0.0 {
        let minutes = shortest / 60.0;
        let text = format!("{minutes:.0}");
        add(
            "step_tests",
            &[("minutes", pen.number("test-minutes", minutes, text, "measured", "measured.changes"))],
        )?;
    }
    let mut lost: Vec<String> = Vec::new();
    for title in node.causes.iter().flat_map(|cause| &cause.unchecked) {
        let title = without_ids(&clean(title));
        if !lost.contains(&title) {
            lost.push(title);
        }
    }
    if !lost.is_empty() {
        add("step_collect", &[("checks", lost.join("; "))])?;
    }
    let open = [Fate::New, Fate::FoundNow, Fate::Partly, Fate::Open].map(|fate| of_fate(node, fate));
    for cause in open.into_iter().flatten().filter(|cause| cause.id_after.is_some()).take(NAMED) {
        let problem = cause.left.as_ref().unwrap_or(&cause.problem);
        let now = cause.id_after.clone().unwrap_or_default();
        // Each report counts its own findings.
        let id = match &cause.id_before {
            Some(was) if *was != now => {
                pen.messages.fill("letter", "two_names", &[("before", was), ("after", &now)])?
            }
            _ => now,
        };
        add("step_open", &[("id", id), ("problem", without_ids(&clean(problem)))])?;
    }
    let mut blocks = vec![heading(pen.t("letter", "next")?)];
    if steps.is_empty() {
        blocks.push(paragraph(pen.t("letter", "next_none")?));
    } else {
        let rows = steps.into_iter().map(|step| row(vec![step, line(""), line("")])).collect();
        let columns = vec![
            column(pen.t("letter", "to_do")?, 11),
            column(pen.t("label", "owner")?, 4),
            column(pen.t("letter", "by")?, 4),
        ];
        blocks.push(Block::Table { columns, rows });
    }
    let rows = ["sign_client", "sign_author"]
        .into_iter()
        .map(|key| Ok(row(vec![line(pen.t("letter", key)?), line(""), line("")])))
        .collect::<Result<_, ReportError>>()?;
    let columns = vec![
        column(pen.t("letter", "accepted")?, 9),
        column(pen.word("name")?, 5),
        column(pen.word("date_signature")?, 5),
    ];
    blocks.push(Block::Table { columns, rows });
    Ok(blocks)
}

/// That the risk rose, which the table alone does not say loudly enough.
fn risk(pen: &Pen<'_>, node: &Comparison) -> Result<Option<String>, ReportError> {
    let (before, after) = (&node.before, &node.after);
    // Nothing is said to have risen that was not assessed.
    let floor = |grade: Grade, at_least: Option<Grade>| at_least.unwrap_or(grade);
    let rose = after.grade != Grade::NotAssessable
        && floor(after.grade, after.at_least) > floor(before.grade, before.at_least);
    if !rose {
        return Ok(None);
    }
    let words = |grade: GradeView| grade.text;
    let from = words(grade(before.grade, before.at_least, pen.messages)?);
    let to = words(grade(after.grade, after.at_least, pen.messages)?);
    pen.messages.fill("letter", "risk_higher", &[("before", &from), ("after", &to)]).map(Some)
}

/// What was measured under the load that the table has, too.
fn measured(pen: &Pen<'_>, node: &Comparison) -> Result<String, ReportError> {
    let messages = pen.messages;
    let Some(first) = carried(node).next() else {
        return Ok(messages.get("letter", "measured_absent")?.to_owned());
    };
    let load = words::load(&first.load, messages)?;
    let mut sentences = Vec::new();
    for (verdict, key) in [(Verdict::Improved, "measured"), (Verdict::Worse, "measured_worse")] {
        // Clients know their tail and their throughput; the table has the medians too.
        let told =
            carried(node).filter(|change| change.verdict == verdict && !change.metric.ends_with("_p50"));
        let changes = told.take(NAMED).map(|change| {
            let interval = change.interval.map(|ends| span(ends, messages)).unwrap_or_default();
            let values = [
                ("metric", metric(&change.metric, messages)),
                ("change", far(change.ratio, messages)),
                ("interval", interval),
            ];
            let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
            let key = if change.ratio < 1.0 { "measured_less" } else { "measured_more" };
            messages.fill("letter", key, &values)
        });
        let changes = changes.collect::<Result<Vec<_>, _>>()?;
        if !changes.is_empty() {
            let values = [("load", load.as_str()), ("changes", &changes.join("; "))];
            sentences.push(messages.fill("letter", key, &values)?);
        }
    }
    if sentences.is_empty() {
        sentences.push(match carried(node).find(|change| change.verdict == Verdict::NotResolved) {
            Some(open) => messages.fill("letter", "measured_open", &[("why", &clean(&open.why))])?,
            None => messages.fill("letter", "measured_none", &[("load", &load)])?,
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
