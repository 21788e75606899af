//! The share of requests within the objectives against load, in two states of a node in one frame.

use plumb_engine::capacity::LoadPoint;
use plumb_engine::compare::Business;

use super::Figure;
use super::axis::{Scale, horizontal, tick_text, ticks, vertical};
use super::svg::{ACCENT, Area, FAR, INK, PAPER, PLAIN, SOFT, Svg, WIDTH, width_of};
use crate::ReportError;
use crate::messages::Messages;

/// Draws it; `None` where one of them has no tests.
pub(crate) fn draw(
    before: &Business,
    after: &Business,
    messages: &Messages,
) -> Result<Option<Figure>, ReportError> {
    if before.tested.is_empty() || after.tested.is_empty() {
        return Ok(None);
    }
    let each = after.each.filter(|rate| rate.is_finite());
    let all = before.tested.iter().chain(&after.tested).map(|point| point.rate).chain(each);
    let rates = ticks(all.fold(0.0, f64::max) * 1.04, 8);
    let plot = Area::new(58.0, 32.0, WIDTH - 100.0, 190.0);
    let x = Scale::linear((0.0, rates.last().copied().unwrap_or(1.0)), (plot.x, plot.right()));
    let y = Scale::linear((0.0, 100.0), (plot.bottom(), plot.y));
    let mut svg = Svg::default();
    vertical(&mut svg, plot, &y, &[0.0, 25.0, 50.0, 75.0, 100.0], messages, "");
    let marks: Vec<_> = rates.iter().map(|rate| (x.at(*rate), tick_text(*rate, messages))).collect();
    horizontal(&mut svg, plot, &marks, messages.get("figure", "offered_replica")?);
    let at = y.at(after.target * 100.0);
    svg.line((plot.x, at), (plot.right(), at), FAR, 1.6, "7 4");
    let target = messages.numeral(&format!("{} %", after.target * 100.0));
    svg.text((plot.right() + 4.0, at + 4.0), &target, PLAIN.small().bold().paint(FAR));
    if let Some(each) = each {
        let text = messages.fill("figure", "mark_today", &[("rate", &tick_text(each, messages))])?;
        svg.line((x.at(each), 16.0), (x.at(each), plot.bottom()), INK, 1.2, "4 3");
        svg.text((x.at(each) + 5.0, 13.0), &text, PLAIN.small().bold());
    }
    let states = [
        (before, messages.get("compare", "state_before")?, false),
        (after, messages.get("compare", "state_after")?, true),
    ];
    for (business, name, filled) in states {
        state(&mut svg, (&x, &y), &business.tested, name, filled, messages);
    }
    let told = |business: &Business| -> String {
        let point = |point: &LoadPoint| {
            let share = messages.numeral(&format!("{:.1} %", point.share.base * 100.0));
            format!("{}/s: {share}", tick_text(point.rate, messages))
        };
        business.tested.iter().map(point).collect::<Vec<_>>().join(", ")
    };
    let target = target.trim_end_matches(" %").to_owned();
    let values = [("before", told(before)), ("after", told(after)), ("target", target)];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (title, alt) =
        (messages.get("figure", "before_after")?, messages.fill("figure", "before_after_alt", &values)?);
    Ok(Some(Figure {
        id: "before-after".into(),
        title: title.to_owned(),
        svg: svg.finish(plot.bottom() + 40.0, title, &alt),
        alt,
        caption: messages.get("figure", "before_after_caption")?.to_owned(),
        chapter: "letter".into(),
    }))
}

/// The points of a state, named at the last of them.
fn state(
    svg: &mut Svg,
    (x, y): (&Scale, &Scale),
    tested: &[LoadPoint],
    name: &str,
    filled: bool,
    messages: &Messages,
) {
    let line: Vec<_> = tested.iter().map(|own| (x.at(own.rate), y.at(own.share.base * 100.0))).collect();
    let paint = if filled { ACCENT } else { SOFT };
    svg.path(&line, paint, 1.0, "2 3");
    for (point, at) in tested.iter().zip(&line) {
        let (low, high) = (y.at(point.share.low * 100.0), y.at(point.share.high * 100.0));
        svg.line((at.0, low), (at.0, high), paint, 1.4, "");
        let told = format!("{name}, {}/s: {:.1} %", super::svg::number(point.rate), point.share.base * 100.0);
        let told = messages.numeral(&told);
        svg.told(&told, |svg| svg.circle(*at, 4.4, if filled { ACCENT } else { PAPER }, paint));
    }
    if let Some(last) = line.last() {
        let style = PLAIN.small().bold().paint(paint);
        let wide = width_of(name, style.size) + 10.0;
        // Within the frame, and beside the point rather than on the line that leads to it.
        if last.0 + wide > WIDTH - 34.0 {
            svg.text((last.0 - 8.0, last.1 + 16.0), name, style.end());
        } else {
            svg.text((last.0 + 8.0, last.1 + 4.0), name, style);
        }
    }
}
