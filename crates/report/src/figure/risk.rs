//! Risk and coverage by category.

use plumb_engine::Assessment;
use plumb_engine::assessment::Grade;

use super::Figure;
use super::svg::{ACCENT, Area, HAIR, INK, PAPER, PLAIN, SOFT, Svg, WASH, WIDTH};
use crate::ReportError;
use crate::messages::Messages;

const ROW: f64 = 27.0;
const NAMES: f64 = 200.0;
const CELL: f64 = 74.0;

/// Draws a row for each category; `None` where no check applies.
pub(crate) fn draw(assessment: &Assessment, messages: &Messages) -> Result<Option<Figure>, ReportError> {
    if assessment.categories.iter().all(|category| category.grade.is_none()) {
        return Ok(None);
    }
    let word = |section: &str, key: &str| messages.get(section, key);
    let mut svg = Svg::default();
    let bar_left = NAMES + 3.0 * CELL + 18.0;
    let bar_width = WIDTH - bar_left - 48.0;
    for (index, grade) in [Grade::Low, Grade::Medium, Grade::High].into_iter().enumerate() {
        let x = NAMES + (index as f64 + 0.5) * CELL;
        svg.text((x, 14.0), word("grade", &crate::view::id(grade))?, PLAIN.small().soft().middle());
    }
    svg.text((bar_left, 14.0), word("label", "coverage")?, PLAIN.small().soft());
    let mut alt = Vec::new();
    for (index, category) in assessment.categories.iter().enumerate() {
        let top = 22.0 + index as f64 * ROW;
        let title = messages.find("category", &crate::view::id(category.id)).unwrap_or(&category.title);
        let level = category.grade.map_or(0, crate::view::level);
        let floor = category.at_least.map_or(0, crate::view::level);
        for step in 0..3_u8 {
            let cell = Area::new(NAMES + f64::from(step) * CELL, top + 4.0, CELL - 3.0, ROW - 9.0);
            let (fill, line) = match step {
                step if step < level => (ACCENT, 1.0),
                step if step < floor => (HAIR, 1.0),
                _ => (WASH, 0.0),
            };
            svg.rect(cell, fill, SOFT, line);
        }
        let grade = crate::view::grade_words(category.grade, category.at_least, messages)?;
        if level == 0 {
            // Words below the name, since cells that are light or empty do not say why.
            svg.fitted((0.0, top + 11.0), title, NAMES - 10.0, PLAIN);
            svg.fitted((0.0, top + 22.0), &grade, NAMES - 10.0, PLAIN.small().soft());
        } else {
            svg.fitted((0.0, top + 16.0), title, NAMES - 10.0, PLAIN);
        }
        let mut told = format!("{title}: {grade}");
        if let Some(coverage) = category.coverage.filter(|_| category.grade.is_some()) {
            let bar = Area::new(bar_left, top + 8.0, bar_width, ROW - 17.0);
            svg.rect(bar, PAPER, SOFT, 0.8);
            svg.rect(Area { w: bar_width * coverage.clamp(0.0, 1.0), ..bar }, SOFT, SOFT, 0.0);
            let percent = crate::view::percent(coverage);
            svg.text((WIDTH, top + 16.5), &percent, PLAIN.small().paint(INK).end());
            told.push_str(&format!(" ({} {percent})", word("label", "coverage")?));
        }
        alt.push(told);
    }
    let height = 24.0 + assessment.categories.len() as f64 * ROW;
    let title = word("figure", "risk")?;
    let alt = format!("{}.", alt.join("; "));
    Ok(Some(Figure {
        id: "risk-by-category".into(),
        title: title.to_owned(),
        svg: svg.finish(height, title, &alt),
        alt,
        caption: word("figure", "risk_caption")?.to_owned(),
        chapter: "risk".into(),
    }))
}
