//! Nodes by category, in the colours and letters of their grades.

use plumb_engine::fleet::{CategoryRow, NodeRow};

use super::Figure;
use super::svg::{Area, HAIR, INK, PAPER, PLAIN, SOFT, Svg, WIDTH, grade_paint};
use crate::ReportError;
use crate::escape::clean;
use crate::messages::Messages;
use crate::view::{grade_words, id, level};

/// So many nodes fit a page.
const MAX_ROWS: usize = 40;
const ROW: f64 = 16.0;
const NAMES: f64 = 150.0;
const TOP: f64 = 24.0;

/// Draws a row for each of the worst nodes; `None` without nodes.
pub(crate) fn draw(nodes: &[NodeRow], messages: &Messages) -> Result<Option<Figure>, ReportError> {
    let Some(first) = nodes.first() else { return Ok(None) };
    let columns = first.categories.len().max(1) as f64;
    let width = (WIDTH - NAMES) / columns;
    let mut svg = Svg::default();
    for (index, category) in first.categories.iter().enumerate() {
        let at = NAMES + width * (index as f64 + 0.5);
        let word = messages.get("category_short", &id(category.id))?;
        svg.text((at, 15.0), word, PLAIN.small().soft().middle());
    }
    let mut told = Vec::new();
    for (index, node) in nodes.iter().take(MAX_ROWS).enumerate() {
        let top = TOP + index as f64 * ROW;
        svg.fitted((0.0, top + 12.0), &node.host, NAMES - 8.0, PLAIN.small());
        for (at, category) in node.categories.iter().enumerate() {
            let area = Area::new(NAMES + width * at as f64 + 1.0, top + 1.0, width - 2.0, ROW - 2.0);
            cell(&mut svg, area, category, messages)?;
        }
        let words: Vec<String> = node
            .categories
            .iter()
            .map(|own| {
                let words = grade_words(own.grade, own.at_least, messages)?;
                Ok(format!("{} {words}", messages.get("category_short", &id(own.id))?))
            })
            .collect::<Result<_, ReportError>>()?;
        told.push(format!("{}: {}", clean(&node.host), words.join(", ")));
    }
    let (shown, all) = (nodes.len().min(MAX_ROWS).to_string(), nodes.len().to_string());
    let title = messages.fill("figure", "heat", &[("n", &shown), ("m", &all)])?;
    let alt = format!("{}.", told.join("; "));
    let height = TOP + nodes.len().min(MAX_ROWS) as f64 * ROW + 4.0;
    Ok(Some(Figure {
        id: "heat".into(),
        svg: svg.finish(height, &title, &alt),
        title,
        alt,
        caption: messages.get("figure", "heat_caption")?.to_owned(),
        chapter: "answers".into(),
    }))
}

fn cell(svg: &mut Svg, area: Area, own: &CategoryRow, messages: &Messages) -> Result<(), ReportError> {
    let known = own.grade.map_or(0, level);
    let floor = own.at_least.map_or(0, level);
    let paint = grade_paint(known.max(floor));
    if own.grade.is_none() {
        svg.rect(area, PAPER, HAIR, 0.6);
        return Ok(());
    }
    svg.rect(area, if known == 0 { PAPER } else { paint }, if known == 0 { SOFT } else { paint }, 0.8);
    if known == 0 {
        svg.hatch(area, if floor == 0 { HAIR } else { paint });
    }
    // A letter says it in black and white; on hatching it stands on paper.
    let key = match known.max(floor) {
        3 => "high",
        2 => "medium",
        1 => "low",
        _ => return Ok(()),
    };
    let letter: String = messages.get("grade", key)?.chars().take(1).collect();
    let middle = (area.x + area.w / 2.0, area.y + 11.2);
    if known == 0 {
        svg.rect(Area::new(middle.0 - 8.0, area.y + 1.0, 16.0, area.h - 2.0), PAPER, PAPER, 0.0);
    }
    let style = PLAIN.small().bold().middle();
    svg.text(middle, &letter, style.paint(if known == 0 { INK } else { PAPER }));
    Ok(())
}
