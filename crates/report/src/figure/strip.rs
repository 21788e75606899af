//! The seven categories side by side, in the colours of their grades.

use plumb_engine::Assessment;

use super::Figure;
use super::svg::{Area, HAIR, INK, PAPER, PLAIN, Paint, SOFT, Svg, WIDTH, grade_paint};
use crate::ReportError;
use crate::messages::Messages;
use crate::view::{grade_words, id, level, percent};

const ROW: f64 = 27.0;
const NAMES: f64 = 196.0;
const BAR: f64 = 168.0;

/// Draws a bar for each category; `None` where no check applies.
pub(crate) fn draw(assessment: &Assessment, messages: &Messages) -> Result<Option<Figure>, ReportError> {
    if assessment.categories.iter().all(|category| category.grade.is_none()) {
        return Ok(None);
    }
    let mut svg = Svg::default();
    let mut told = Vec::new();
    for (index, category) in assessment.categories.iter().enumerate() {
        let top = index as f64 * ROW;
        let title = messages.find("category", &id(category.id)).unwrap_or(&category.title);
        svg.fitted((0.0, top + 17.0), title, NAMES - 8.0, PLAIN);
        let whole = Area::new(NAMES, top + 4.0, BAR, ROW - 8.0);
        let known = category.grade.map_or(0, level);
        let floor = category.at_least.map_or(0, level);
        let paint: Paint = grade_paint(known.max(floor));
        // One third for each step, so that the length says it without colour; hatched where evidence is missing.
        let filled = Area { w: BAR * f64::from(known.max(floor)) / 3.0, ..whole };
        svg.rect(whole, PAPER, HAIR, 1.0);
        svg.rect(filled, if known == 0 { PAPER } else { paint }, paint, 1.0);
        if known == 0 && category.grade.is_some() {
            svg.hatch(if floor > 0 { filled } else { whole }, if floor > 0 { paint } else { SOFT });
        }
        let words = grade_words(category.grade, category.at_least, messages)?;
        svg.text(
            (NAMES + BAR + 12.0, top + 17.0),
            &words,
            PLAIN.bold().paint(if known == 0 { INK } else { paint }),
        );
        let mut alt = format!("{title}: {words}");
        if let Some(coverage) = category.coverage.filter(|_| category.grade.is_some()) {
            let text = percent(coverage);
            svg.text((WIDTH, top + 17.0), &text, PLAIN.small().soft().end());
            alt.push_str(&format!(" ({} {text})", messages.get("label", "coverage")?));
        }
        told.push(alt);
    }
    let (title, alt) = (messages.get("figure", "strip")?, format!("{}.", told.join("; ")));
    Ok(Some(Figure {
        id: "categories".into(),
        title: title.to_owned(),
        svg: svg.finish(assessment.categories.len() as f64 * ROW + 2.0, title, &alt),
        alt,
        caption: messages.get("figure", "strip_caption")?.to_owned(),
        chapter: "answers".into(),
    }))
}
