//! The weeks of the roadmap.

use super::Figure;
use super::svg::{ACCENT, Area, HAIR, PAPER, PLAIN, SOFT, Svg, WIDTH, fit, width_of};
use crate::ReportError;
use crate::messages::Messages;

/// A bar of the roadmap.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// What is done.
    pub(crate) name: String,
    /// The findings.
    pub(crate) ids: String,
    /// First and last week, from 1.
    pub(crate) weeks: (u32, u32),
    /// True if the service is interrupted.
    pub(crate) window: bool,
}

const ROW: f64 = 34.0;
const NAMES: f64 = 214.0;

/// Draws it; `None` for no bar.
pub(crate) fn draw(bars: &[Bar], messages: &Messages) -> Result<Option<Figure>, ReportError> {
    if bars.is_empty() {
        return Ok(None);
    }
    let weeks = bars.iter().map(|bar| bar.weeks.1).max().unwrap_or(1).clamp(4, 26);
    let plot = Area::new(NAMES, 22.0, WIDTH - NAMES, bars.len() as f64 * ROW);
    let wide = plot.w / f64::from(weeks);
    let mut svg = Svg::default();
    let every = weeks.div_ceil(9);
    for week in 0..weeks {
        let left = plot.x + f64::from(week) * wide;
        svg.line((left, plot.y - 4.0), (left, plot.bottom()), HAIR, 0.8, "");
        if week % every == 0 {
            let text = messages.fill("figure", "week", &[("n", &(week + 1).to_string())])?;
            svg.text((left + 4.0, 13.0), &text, PLAIN.small().paint(SOFT));
        }
    }
    svg.line((plot.x, plot.y - 4.0), (plot.right(), plot.y - 4.0), SOFT, 1.0, "");
    let mut told = Vec::new();
    for (index, bar) in bars.iter().enumerate() {
        let top = plot.y + index as f64 * ROW + 5.0;
        svg.fitted((0.0, top + 16.0), &bar.name, NAMES - 12.0, PLAIN);
        let (from, to) = (bar.weeks.0.clamp(1, weeks), bar.weeks.1.clamp(1, weeks));
        let area = Area::new(
            plot.x + f64::from(from - 1) * wide + 2.0,
            top,
            f64::from(to + 1 - from) * wide - 4.0,
            ROW - 10.0,
        );
        // What interrupts the service is hollow: it needs a date.
        let (fill, ink) = if bar.window { (PAPER, ACCENT) } else { (ACCENT, PAPER) };
        svg.rect(area, fill, ACCENT, 1.6);
        let style = PLAIN.small().bold();
        if width_of(&bar.ids, style.size) <= area.w - 10.0 {
            svg.text((area.x + 6.0, top + 16.0), &bar.ids, style.paint(ink));
        } else {
            // Beside a bar that is too short.
            let room = WIDTH - area.right() - 8.0;
            let text = fit(&bar.ids, room, style.size);
            let ground = Area::new(area.right() + 3.0, top + 4.0, width_of(&text, style.size) + 6.0, 16.0);
            svg.rect(ground, PAPER, PAPER, 0.0);
            svg.text((area.right() + 6.0, top + 16.0), &text, style);
        }
        told.push(format!("{}: {} ({from}–{to})", bar.name, bar.ids));
    }
    let (title, alt) = (
        messages.get("figure", "gantt")?,
        messages.fill("figure", "gantt_alt", &[("bars", &told.join("; "))])?,
    );
    Ok(Some(Figure {
        id: "gantt".into(),
        title: title.to_owned(),
        svg: svg.finish(plot.bottom() + 6.0, title, &alt),
        alt,
        caption: messages.get("figure", "gantt_caption")?.to_owned(),
        chapter: "roadmap".into(),
    }))
}
