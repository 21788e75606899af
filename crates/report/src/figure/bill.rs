//! What a month costs today, and what the plan costs by the tests before and after.

use super::Figure;
use super::svg::{ACCENT, Area, HAIR, PAPER, PLAIN, SOFT, Svg, WIDTH};
use crate::ReportError;
use crate::messages::Messages;

/// A bar: its name, its amount, and the amount in words.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) amount: f64,
    pub(crate) text: String,
    /// True for what follows from the tests after.
    pub(crate) is_after: bool,
}

const ROW: f64 = 26.0;
const NAMES: f64 = 250.0;
/// Room for the amount behind the longest bar.
const AMOUNT: f64 = 90.0;

/// Draws the bars; `None` for fewer than two, which compare nothing.
pub(crate) fn draw(bars: &[Bar], messages: &Messages) -> Result<Option<Figure>, ReportError> {
    let most = bars.iter().map(|bar| bar.amount).fold(0.0, f64::max);
    if bars.len() < 2 || most <= 0.0 {
        return Ok(None);
    }
    let mut svg = Svg::default();
    let whole = WIDTH - NAMES - AMOUNT;
    let mut told = Vec::new();
    for (index, bar) in bars.iter().enumerate() {
        let top = index as f64 * ROW + 2.0;
        svg.fitted((0.0, top + 15.0), &bar.name, NAMES - 10.0, PLAIN.small());
        let area = Area::new(NAMES, top + 4.0, whole * bar.amount / most, ROW - 9.0);
        let (fill, stroke) = if bar.is_after { (ACCENT, ACCENT) } else { (PAPER, SOFT) };
        svg.rect(area, fill, stroke, 1.2);
        svg.text((area.right() + 6.0, top + 15.0), &bar.text, PLAIN.small().bold());
        told.push(format!("{}: {}", bar.name, bar.text));
    }
    svg.line((NAMES, 2.0), (NAMES, bars.len() as f64 * ROW + 2.0), HAIR, 1.0, "");
    let (title, alt) = (messages.get("figure", "bill")?, format!("{}.", told.join("; ")));
    Ok(Some(Figure {
        id: "bill".into(),
        title: title.to_owned(),
        svg: svg.finish(bars.len() as f64 * ROW + 6.0, title, &alt),
        alt,
        caption: messages.get("figure", "bill_caption")?.to_owned(),
        chapter: "letter".into(),
    }))
}
