//! Replicas, GPUs and money against what one replica is proven to carry.

use plumb_engine::Assessment;
use plumb_engine::capacity::Step;

use super::Figure;
use super::axis::{Scale, horizontal, tick_text, ticks, vertical};
use super::svg::{ACCENT, Area, FAR, PAPER, PLAIN, Svg, WASH, WIDTH, width_of};
use crate::ReportError;
use crate::messages::Messages;
use crate::view::capacity::amounts;

/// Draws it; `None` without a plan.
pub(crate) fn draw(assessment: &Assessment, messages: &Messages) -> Result<Option<Figure>, ReportError> {
    let capacity = &assessment.capacity;
    // A plan without bounds would have no scale.
    let steps: Vec<&Step> =
        capacity.steps.iter().filter(|step| step.replicas < 100_000 && step.from.is_finite()).collect();
    let ([first, .., last], Some(plan)) = (steps.as_slice(), &capacity.plan) else { return Ok(None) };
    let plot = Area::new(44.0, 34.0, WIDTH - 56.0, 190.0);
    // The steps lie ever further apart, and to the left of the first its own words have to fit.
    let x = Scale::log((first.from * 0.62, last.from * 1.35), (plot.x, plot.right()));
    let marks: Vec<f64> = ticks(f64::from(first.replicas) * 1.15, 5)
        .into_iter()
        .filter(|tick| (tick - tick.round()).abs() < 1e-9)
        .collect();
    let y = Scale::linear((0.0, marks.last().copied().unwrap_or(1.0)), (plot.bottom(), plot.y));
    let mut svg = Svg::default();
    vertical(&mut svg, plot, &y, &marks, messages, messages.get("label", "replicas")?);
    let mut rate_marks: Vec<(f64, String)> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let rate = if index == 0 { step.from } else { (step.from * 100.0 - 1e-6).ceil() / 100.0 };
        let text = format!("{rate:.2}");
        let text = messages.numeral(text.trim_end_matches('0').trim_end_matches('.'));
        if rate_marks.last().is_none_or(|(at, _)| x.at(rate) - at > 26.0) {
            rate_marks.push((x.at(rate), text));
        }
    }
    horizontal(&mut svg, plot, &rate_marks, messages.get("figure", "proven_axis")?);
    let mut told = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let end = steps.get(index + 1).map_or(plot.right(), |next| x.at(next.from));
        let (from, top) = (x.at(step.from), y.at(f64::from(step.replicas)));
        svg.rect(Area::new(from, top, end - from, plot.bottom() - top), WASH, WASH, 0.0);
        svg.line((from, top), (end, top), ACCENT, 2.4, "");
        if index > 0 {
            let before = y.at(f64::from(steps[index - 1].replicas));
            svg.line((from, before), (from, top), ACCENT, 1.2, "2 3");
        }
        let money = match (step.month, &capacity.money) {
            (Some(month), Some(money)) => format!("{} {}", amounts(month), money.currency),
            _ => match step.gpus {
                Some(gpus) => format!("{gpus} GPUs"),
                None => step.replicas.to_string(),
            },
        };
        let style = PLAIN.small().bold().paint(ACCENT);
        let gpus = step.gpus.filter(|_| step.month.is_some()).map(|gpus| format!("{gpus} GPUs"));
        if index == 0 {
            // The line of its mark would strike it through.
            let wide = width_of(&money, style.size);
            svg.rect(Area::new(from - 8.0 - wide, top - 7.0, wide + 4.0, 14.0), PAPER, PAPER, 0.0);
            svg.text((from - 6.0, top + 4.0), &money, style.end());
            svg.text((from - 6.0, top + 19.0), gpus.as_deref().unwrap_or_default(), PLAIN.small().end());
        } else if width_of(&money, style.size) <= end - from - 4.0 {
            svg.text((from + 4.0, top - 6.0), &money, style);
            svg.text((from + 4.0, top + 15.0), gpus.as_deref().unwrap_or_default(), PLAIN.small());
        }
        told.push(format!("{}/s: {} ({money})", tick_text(step.from, messages), step.replicas));
    }
    let at = x.at(first.from);
    svg.line((at, 16.0), (at, plot.bottom()), FAR, 1.6, "4 3");
    let rate = tick_text(first.from, messages);
    let text = messages.fill("figure", "proven_today", &[("rate", &rate)])?;
    svg.text((at - 4.0, 12.0), &text, PLAIN.small().bold().paint(FAR));
    let demand = tick_text(plan.demand, messages);
    let steps = told.join("; ");
    let values = [("steps", steps.as_str()), ("demand", &demand)];
    let (title, alt) =
        (messages.fill("figure", "stairs", &values)?, messages.fill("figure", "stairs_alt", &values)?);
    Ok(Some(Figure {
        id: "stairs".into(),
        svg: svg.finish(plot.bottom() + 40.0, &title, &alt),
        title,
        alt,
        caption: messages.get("figure", "stairs_caption")?.to_owned(),
        chapter: "money".into(),
    }))
}
