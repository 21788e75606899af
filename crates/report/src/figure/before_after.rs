//! The share of requests within the objectives against load, in two states of a node in one frame.

use plumb_engine::capacity::LoadPoint;
use plumb_engine::compare::Business;

use super::Figure;
use super::axis::{Scale, horizontal, tick_text, ticks, vertical};
use super::svg::{ACCENT, Area, FAR, INK, PAPER, PLAIN, SOFT, Svg, WIDTH, width_of};
use crate::ReportError;
use crate::chapters::demand::Demand;
use crate::messages::Messages;

/// Room above the plot for the name of a mark.
const LINE: f64 = 15.0;
/// How far points of one rate stand apart from it.
const ASIDE: f64 = 5.0;

/// Draws it; `None` where one of them has no tests.
pub(crate) fn draw(
    before: &Business,
    after: &Business,
    messages: &Messages,
) -> Result<Option<Figure>, ReportError> {
    if before.tested.is_empty() || after.tested.is_empty() {
        return Ok(None);
    }
    let marks: Vec<(f64, String)> = Demand::of_business(after)
        .marks()
        .into_iter()
        .map(|(key, rate)| Ok((rate, messages.fill("figure", key, &[("rate", &tick_text(rate, messages))])?)))
        .collect::<Result<_, ReportError>>()?;
    let all = before.tested.iter().chain(&after.tested).map(|point| point.rate);
    let rates = ticks(all.chain(marks.iter().map(|mark| mark.0)).fold(0.0, f64::max) * 1.04, 8);
    let plot = Area::new(58.0, 32.0 + marks.len() as f64 * LINE, WIDTH - 100.0, 190.0);
    let x = Scale::linear((0.0, rates.last().copied().unwrap_or(1.0)), (plot.x, plot.right()));
    let y = Scale::linear((0.0, 100.0), (plot.bottom(), plot.y));
    let mut svg = Svg::default();
    vertical(&mut svg, plot, &y, &[0.0, 25.0, 50.0, 75.0, 100.0], messages, "");
    // Above the names of the marks, which the lines of the marks would run through.
    svg.text((4.0, 11.0), messages.get("figure", "share_axis")?, PLAIN.small().soft());
    let places: Vec<_> = rates.iter().map(|rate| (x.at(*rate), tick_text(*rate, messages))).collect();
    horizontal(&mut svg, plot, &places, messages.get("figure", "offered_replica")?);
    let at = y.at(after.target * 100.0);
    svg.line((plot.x, at), (plot.right(), at), FAR, 1.6, "7 4");
    let target = messages.numeral(&format!("{} %", after.target * 100.0));
    svg.text((plot.right() + 4.0, at + 4.0), &target, PLAIN.small().bold().paint(FAR));
    for (index, (rate, text)) in marks.iter().enumerate() {
        let (at, height) = (x.at(*rate), 26.0 + index as f64 * LINE);
        svg.line((at, height + 3.0), (at, plot.bottom()), INK, 1.2, "4 3");
        let style = PLAIN.small().bold();
        if at + 5.0 + width_of(text, style.size) > WIDTH {
            svg.text((at - 5.0, height), text, style.end());
        } else {
            svg.text((at + 5.0, height), text, style);
        }
    }
    let states = [
        (before, messages.get("compare", "state_before")?, false),
        (after, messages.get("compare", "state_after")?, true),
    ];
    for (business, name, filled) in states {
        // Side by side where both were tested at one rate, so that neither hides the other.
        let other = if filled { before } else { after };
        let aside = |rate: f64| match other.tested.iter().any(|point| (point.rate - rate).abs() < 1e-9) {
            false => 0.0,
            true if filled => ASIDE,
            true => -ASIDE,
        };
        let at = |point: &LoadPoint| (x.at(point.rate) + aside(point.rate), y.at(point.share.base * 100.0));
        state(&mut svg, &y, &business.tested, at, (name, filled), messages);
    }
    let told = |business: &Business| -> String {
        let point = |point: &LoadPoint| {
            let share = messages.numeral(&format!("{:.1} %", point.share.base * 100.0));
            format!("{}/s: {share}", tick_text(point.rate, messages))
        };
        business.tested.iter().map(point).collect::<Vec<_>>().join(", ")
    };
    let share = target.trim_end_matches(" %").to_owned();
    let values = [("before", told(before)), ("after", told(after)), ("target", share)];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    let caption = if after.target_assumed { "before_after_caption_assumed" } else { "before_after_caption" };
    let (title, alt) =
        (messages.get("figure", "before_after")?, messages.fill("figure", "before_after_alt", &values)?);
    Ok(Some(Figure {
        id: "before-after".into(),
        title: title.to_owned(),
        svg: svg.finish(plot.bottom() + 40.0, title, &alt),
        alt,
        caption: messages.fill("figure", caption, &[("target", &target)])?,
        chapter: "letter".into(),
    }))
}

/// The points of a state, named at the last of them.
fn state(
    svg: &mut Svg,
    y: &Scale,
    tested: &[LoadPoint],
    place: impl Fn(&LoadPoint) -> (f64, f64),
    (name, filled): (&str, bool),
    messages: &Messages,
) {
    let line: Vec<_> = tested.iter().map(place).collect();
    let paint = if filled { ACCENT } else { SOFT };
    svg.path(&line, paint, 1.0, "2 3");
    for (point, at) in tested.iter().zip(&line) {
        let (low, high) = (y.at(point.share.low * 100.0), y.at(point.share.high * 100.0));
        svg.line((at.0, low), (at.0, high), paint, 1.4, "");
        for end in [low, high] {
            svg.line((at.0 - 3.5, end), (at.0 + 3.5, end), paint, 1.4, "");
        }
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
