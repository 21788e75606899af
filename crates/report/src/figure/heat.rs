//! Nodes by category, in the colours and letters of their grades.

use plumb_engine::Grade;
use plumb_engine::fleet::NodeRow;

use super::Figure;
use super::svg::{Area, HAIR, INK, PAPER, PLAIN, SOFT, Svg, WIDTH, grade_paint, width_of};
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
    // The grade of the node, and then what it is made of.
    let columns = (first.categories.len() + 1) as f64;
    let width = (WIDTH - NAMES) / columns;
    let mut svg = Svg::default();
    let mut heads = vec![messages.get("figure", "heat_overall")?];
    for category in &first.categories {
        heads.push(messages.get("category_short", &id(category.id))?);
    }
    for (index, head) in heads.iter().enumerate() {
        let at = NAMES + width * (index as f64 + 0.5);
        svg.text((at, 15.0), head, PLAIN.small().soft().middle());
    }
    let mut told = Vec::new();
    for (index, node) in nodes.iter().take(MAX_ROWS).enumerate() {
        let top = TOP + index as f64 * ROW;
        svg.fitted((0.0, top + 12.0), &node.host, NAMES - 8.0, PLAIN.small());
        let of_categories = node.categories.iter().map(|own| (own.grade, own.at_least));
        let grades = std::iter::once((Some(node.grade), node.at_least)).chain(of_categories);
        for (at, own) in grades.enumerate() {
            // The grade of the node stands apart from what it is made of.
            let gap = if at == 0 { 7.0 } else { 2.0 };
            let area = Area::new(NAMES + width * at as f64 + 1.0, top + 1.0, width - gap, ROW - 2.0);
            cell(&mut svg, area, own, messages)?;
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
    let bottom = TOP + nodes.len().min(MAX_ROWS) as f64 * ROW + 8.0;
    legend(&mut svg, bottom, messages)?;
    let height = bottom + ROW + 4.0;
    Ok(Some(Figure {
        id: "heat".into(),
        svg: svg.finish(height, &title, &alt),
        title,
        alt,
        caption: messages.get("figure", "heat_caption")?.to_owned(),
        chapter: "answers".into(),
    }))
}

/// What the cells mean.
fn legend(svg: &mut Svg, top: f64, messages: &Messages) -> Result<(), ReportError> {
    let open = Some(Grade::NotAssessable);
    let mut left = 0.0;
    for (grade, word) in [
        (Some(Grade::High), messages.get("grade", "high")?),
        (Some(Grade::Medium), messages.get("grade", "medium")?),
        (Some(Grade::Low), messages.get("grade", "low")?),
        (open, messages.get("grade", "not-assessable")?),
        (None, messages.get("figure", "heat_none")?),
    ] {
        cell(svg, Area::new(left, top, 30.0, ROW - 2.0), (grade, None), messages)?;
        svg.text((left + 36.0, top + 11.2), word, PLAIN.small().soft());
        left += 36.0 + width_of(word, PLAIN.small().size) + 16.0;
    }
    Ok(())
}

fn cell(
    svg: &mut Svg,
    area: Area,
    (grade, at_least): (Option<Grade>, Option<Grade>),
    messages: &Messages,
) -> Result<(), ReportError> {
    let known = grade.map_or(0, level);
    let floor = at_least.map_or(0, level);
    let paint = grade_paint(known.max(floor));
    if grade.is_none() {
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
        _ => "",
    };
    let letter: String = match key {
        "" => "?".to_owned(),
        key => messages.get("grade", key)?.chars().take(1).collect(),
    };
    let middle = (area.x + area.w / 2.0, area.y + 11.2);
    if known == 0 {
        svg.rect(Area::new(middle.0 - 8.0, area.y + 1.0, 16.0, area.h - 2.0), PAPER, PAPER, 0.0);
    }
    let style = PLAIN.small().bold().middle();
    svg.text(middle, &letter, style.paint(if known == 0 { INK } else { PAPER }));
    Ok(())
}
