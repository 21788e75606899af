//! What was found on many nodes, by the number of nodes.

use plumb_engine::Grade;

use super::Figure;
use super::svg::{Area, HAIR, PAPER, PLAIN, SOFT, Svg, WIDTH, grade_paint};
use crate::ReportError;
use crate::messages::Messages;
use crate::view::level;

/// A bar.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) grade: Option<Grade>,
    pub(crate) nodes: usize,
    /// Nodes that may have it, too.
    pub(crate) unanswered: usize,
}

/// A name above its bar, as long as it is.
const ROW: f64 = 34.0;

/// Draws the bars of `all` nodes; `None` for none.
pub(crate) fn draw(bars: &[Bar], all: usize, messages: &Messages) -> Result<Option<Figure>, ReportError> {
    if bars.is_empty() {
        return Ok(None);
    }
    let mut svg = Svg::default();
    let whole = WIDTH - 40.0;
    let mut told = Vec::new();
    for (index, bar) in bars.iter().enumerate() {
        let top = index as f64 * ROW;
        svg.fitted((0.0, top + 13.0), &bar.name, WIDTH, PLAIN.small());
        let wide = |n: usize| whole * n as f64 / all.max(1) as f64;
        let paint = grade_paint(bar.grade.map_or(0, level));
        let area = Area::new(0.0, top + 17.0, wide(bar.nodes), 11.0);
        svg.rect(Area { w: whole, ..area }, PAPER, HAIR, 0.6);
        svg.rect(area, paint, paint, 0.6);
        let open = Area::new(area.right(), area.y, wide(bar.unanswered), area.h);
        if bar.unanswered > 0 {
            svg.hatch(open, SOFT);
        }
        svg.text((WIDTH, top + 27.0), &bar.nodes.to_string(), PLAIN.small().bold().end());
        told.push(format!("{}: {}", bar.name, bar.nodes));
    }
    let title = messages.fill("figure", "frequent", &[("n", &all.to_string())])?;
    let alt = format!("{}.", told.join("; "));
    Ok(Some(Figure {
        id: "frequent".into(),
        svg: svg.finish(bars.len() as f64 * ROW + 2.0, &title, &alt),
        title,
        alt,
        caption: messages.get("figure", "frequent_caption")?.to_owned(),
        chapter: "findings".into(),
    }))
}
