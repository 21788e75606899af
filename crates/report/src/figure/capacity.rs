//! What the plan is sensitive to.

use plumb_engine::Assessment;
use plumb_engine::capacity::Sensitivity;

use super::Figure;
use super::axis::{Scale, horizontal, tick_text, ticks};
use super::svg::{ACCENT, Area, INK, PLAIN, SOFT, Svg, WIDTH};
use crate::ReportError;
use crate::messages::Messages;

const ROW: f64 = 34.0;
const NAMES: f64 = 215.0;

/// A bar for each input; `None` without a plan.
pub(crate) fn draw(assessment: &Assessment, messages: &Messages) -> Result<Option<Figure>, ReportError> {
    let capacity = &assessment.capacity;
    let Some(plan) = &capacity.plan else { return Ok(None) };
    // A plan without bounds would have no scale.
    let rows: Vec<&Sensitivity> =
        capacity.sensitivity.iter().filter(|row| row.replicas.0.max(row.replicas.1) < 1_000_000).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let most = rows.iter().map(|row| row.replicas.0.max(row.replicas.1)).max().unwrap_or(1).max(plan.planned);
    let plot = Area::new(NAMES, 14.0, WIDTH - NAMES - 44.0, rows.len() as f64 * ROW);
    let marks = ticks(f64::from(most), 6);
    let x = Scale::linear((0.0, marks.last().copied().unwrap_or(1.0)), (plot.x, plot.right()));
    let mut svg = Svg::default();
    let mut told = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let y = plot.y + index as f64 * ROW;
        let name = messages.get("input", &row.input)?;
        svg.fitted((0.0, y + 14.0), name, NAMES - 12.0, PLAIN);
        let ends = format!("{} … {}", tick_text(row.from.0, messages), tick_text(row.from.1, messages));
        svg.fitted((0.0, y + 26.0), &ends, NAMES - 12.0, PLAIN.small().soft());
        let (low, high) = (row.replicas.0.min(row.replicas.1), row.replicas.0.max(row.replicas.1));
        let (from, to) = (x.at(f64::from(low)), x.at(f64::from(high)));
        svg.rect(Area::new(from, y + 7.0, (to - from).max(2.0), ROW - 16.0), ACCENT, ACCENT, 0.0);
        svg.text((from - 5.0, y + 20.0), &low.to_string(), PLAIN.small().end());
        svg.text((to + 5.0, y + 20.0), &high.to_string(), PLAIN.small());
        told.push(format!("{name} {ends}: {low} … {high}"));
    }
    let at = x.at(f64::from(plan.planned));
    svg.line((at, plot.y - 4.0), (at, plot.bottom()), INK, 1.4, "4 3");
    let whole = |tick: &&f64| (**tick - tick.round()).abs() < 1e-9;
    let marks: Vec<_> =
        marks.iter().filter(whole).map(|tick| (x.at(*tick), tick_text(*tick, messages))).collect();
    horizontal(&mut svg, plot, &marks, messages.get("label", "replicas")?);
    svg.line((plot.x, plot.y - 4.0), (plot.x, plot.bottom()), SOFT, 0.8, "");
    let values = [("rows", &*told.join("; ")), ("planned", &*plan.planned.to_string())]
        .map(|(a, b)| (a, b.to_owned()));
    let values: Vec<(&str, &str)> = values.iter().map(|(a, b)| (*a, b.as_str())).collect();
    let (title, alt) =
        (messages.get("figure", "sensitivity")?, messages.fill("figure", "sensitivity_alt", &values)?);
    Ok(Some(Figure {
        id: "sensitivity".into(),
        title: title.to_owned(),
        svg: svg.finish(plot.bottom() + 38.0, title, &alt),
        alt,
        caption: messages.get("figure", "sensitivity_caption")?.to_owned(),
        chapter: "capacity".into(),
    }))
}
