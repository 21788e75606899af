//! The share of requests within the objectives against load: what was shown, what was missed, and where the demand is.

use plumb_engine::Assessment;
use plumb_engine::capacity::Goodput;

use super::Figure;
use super::axis::{Scale, horizontal, tick_text, ticks, vertical};
use super::svg::{ACCENT, Area, FAR, INK, PAPER, PLAIN, SOFT, Svg, WIDTH, width_of};
use crate::ReportError;
use crate::chapters::demand::Demand;
use crate::messages::Messages;

/// Room above the plot for the names of the marks, one line each.
const LINE: f64 = 15.0;

/// Draws it; `None` without tests that can be held against the objectives.
pub(crate) fn draw(assessment: &Assessment, messages: &Messages) -> Result<Option<Figure>, ReportError> {
    let Some(goodput) = &assessment.capacity.goodput else { return Ok(None) };
    if goodput.points.is_empty() {
        return Ok(None);
    }
    let demand = Demand::of(assessment);
    let marks: Vec<(f64, String)> = demand
        .marks()
        .into_iter()
        .map(|(key, rate)| {
            let values = [("rate", tick_text(rate, messages))];
            let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
            Ok((rate, messages.fill("figure", key, &values)?))
        })
        .collect::<Result<_, ReportError>>()?;
    let furthest = goodput.points.iter().map(|point| point.rate).chain(marks.iter().map(|mark| mark.0));
    let rates = ticks(furthest.fold(0.0, f64::max) * 1.04, 8);
    let top = 14.0 + marks.len() as f64 * LINE;
    let plot = Area::new(58.0, top, WIDTH - 92.0, 200.0);
    let x = Scale::linear((0.0, rates.last().copied().unwrap_or(1.0)), (plot.x, plot.right()));
    let y = Scale::linear((0.0, 100.0), (plot.bottom(), plot.y));
    let mut svg = Svg::default();
    vertical(&mut svg, plot, &y, &[0.0, 25.0, 50.0, 75.0, 100.0], messages, "");
    let rate_marks: Vec<_> = rates.iter().map(|rate| (x.at(*rate), tick_text(*rate, messages))).collect();
    horizontal(&mut svg, plot, &rate_marks, messages.get("figure", "offered_replica")?);
    target(&mut svg, plot, &y, goodput, messages)?;
    for (index, (rate, text)) in marks.iter().enumerate() {
        let (at, height) = (x.at(*rate), 11.0 + index as f64 * LINE);
        svg.line((at, height + 3.0), (at, plot.bottom()), INK, 1.2, "4 3");
        let style = PLAIN.small().bold();
        let room = WIDTH - at - 8.0;
        if width_of(text, style.size) > room {
            svg.text((at - 5.0, height), text, style.end());
        } else {
            svg.text((at + 5.0, height), text, style);
        }
    }
    points(&mut svg, &x, &y, goodput, messages);
    let percent = |share: f64| messages.numeral(&format!("{:.1} %", share * 100.0));
    let told: Vec<String> = goodput
        .points
        .iter()
        .map(|point| format!("{}/s: {}", tick_text(point.rate, messages), percent(point.share.base)))
        .collect();
    let named: Vec<&str> = marks.iter().map(|mark| mark.1.as_str()).collect();
    let target = messages.numeral(&format!("{}", goodput.target * 100.0));
    let values = [("points", told.join(", ")), ("target", target), ("marks", named.join("; "))];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (title, alt) =
        (messages.get("figure", "attainment")?, messages.fill("figure", "attainment_alt", &values)?);
    Ok(Some(Figure {
        id: "attainment".into(),
        title: title.to_owned(),
        svg: svg.finish(plot.bottom() + 40.0, title, &alt),
        alt,
        caption: messages.get("figure", "attainment_caption")?.to_owned(),
        chapter: "service".into(),
    }))
}

fn target(
    svg: &mut Svg,
    plot: Area,
    y: &Scale,
    goodput: &Goodput,
    messages: &Messages,
) -> Result<(), ReportError> {
    let at = y.at(goodput.target * 100.0);
    svg.line((plot.x, at), (plot.right(), at), FAR, 1.6, "7 4");
    let text = messages.numeral(&format!("{} %", goodput.target * 100.0));
    svg.text((plot.right() + 4.0, at + 4.0), &text, PLAIN.small().bold().paint(FAR));
    Ok(())
}

fn points(svg: &mut Svg, x: &Scale, y: &Scale, goodput: &Goodput, messages: &Messages) {
    let line: Vec<_> =
        goodput.points.iter().map(|point| (x.at(point.rate), y.at(point.share.base * 100.0))).collect();
    svg.path(&line, SOFT, 1.0, "2 3");
    for (point, at) in goodput.points.iter().zip(&line) {
        let (low, high) = (y.at(point.share.low * 100.0), y.at(point.share.high * 100.0));
        svg.line((at.0, low), (at.0, high), SOFT, 1.4, "");
        for end in [low, high] {
            svg.line((at.0 - 4.0, end), (at.0 + 4.0, end), SOFT, 1.4, "");
        }
        // Filled where the objective is shown to be met, hollow where it is not.
        let met = point.rate <= goodput.rate.low;
        let text = messages.numeral(&format!("{:.1} %", point.share.base * 100.0));
        let told = format!("{}/s: {text}", tick_text(point.rate, messages));
        svg.told(&told, |svg| svg.circle(*at, 4.4, if met { ACCENT } else { PAPER }, ACCENT));
        // Below and to the left, where a line that falls to the right is not.
        let style = PLAIN.small().bold().paint(ACCENT).end();
        let wide = width_of(&text, style.size);
        svg.rect(Area::new(at.0 - 7.0 - wide, at.1 + 8.0, wide + 4.0, 14.0), PAPER, PAPER, 0.0);
        svg.text((at.0 - 5.0, at.1 + 19.0), &text, style);
    }
}
