//! Impact against effort: which findings are worth an hour.

use super::Figure;
use super::axis::{Scale, horizontal, vertical};
use super::svg::{ACCENT, Area, HAIR, PAPER, PLAIN, Svg, WIDTH};
use crate::ReportError;
use crate::messages::Messages;

/// A finding in the plane.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// `F1`.
    pub(crate) id: String,
    /// Minutes of work.
    pub(crate) minutes: f64,
    /// Risk score.
    pub(crate) score: f64,
    /// True if something has to be bought.
    pub(crate) buys: bool,
}

/// Ends of the scale in minutes.
const SHORTEST: f64 = 5.0;
const LONGEST: f64 = 2400.0;
const RADIUS: f64 = 11.0;

/// So few points, or points that all take as long, are a list and no picture.
const FEWEST: usize = 4;
const SPREAD: f64 = 1.5;

/// Draws them; `None` where a picture would show nothing.
pub(crate) fn draw(points: &[Point], messages: &Messages) -> Result<Option<Figure>, ReportError> {
    let least = points.iter().map(|point| point.minutes).fold(f64::INFINITY, f64::min);
    let most = points.iter().map(|point| point.minutes).fold(0.0, f64::max);
    if points.len() < FEWEST || most < SPREAD * least {
        return Ok(None);
    }
    // To the right, the last mark has its word in the middle below it.
    let plot = Area::new(44.0, 26.0, WIDTH - 78.0, 170.0);
    let x = Scale::log((SHORTEST, LONGEST), (plot.x, plot.right()));
    let y = Scale::linear((0.0, 100.0), (plot.bottom(), plot.y));
    let mut svg = Svg::default();
    vertical(&mut svg, plot, &y, &[0.0, 20.0, 55.0, 100.0], messages, messages.get("figure", "impact")?);
    let marks =
        [("minutes_15", 15.0), ("hour_1", 60.0), ("hours_4", 240.0), ("day_1", 480.0), ("week_1", 2400.0)];
    let marks: Vec<_> = marks
        .iter()
        .map(|(key, minutes)| Ok((x.at(*minutes), messages.get("figure", key)?.to_owned())))
        .collect::<Result<_, ReportError>>()?;
    horizontal(&mut svg, plot, &marks, messages.get("figure", "effort_axis")?);
    for (at, _) in &marks {
        svg.line((*at, plot.y), (*at, plot.bottom()), HAIR, 0.5, "");
    }
    let mut taken: Vec<(f64, f64)> = Vec::new();
    for point in points {
        let at = place((x.at(point.minutes.clamp(SHORTEST, LONGEST)), y.at(point.score)), &taken, plot);
        taken.push(at);
        let (fill, ink) = if point.buys { (PAPER, ACCENT) } else { (ACCENT, PAPER) };
        svg.told(&format!("{}: {:.0}, {:.0} min", point.id, point.score, point.minutes), |svg| {
            svg.circle(at, RADIUS, fill, ACCENT);
            svg.text((at.0, at.1 + 4.0), &point.id, PLAIN.small().bold().paint(ink).middle());
        });
    }
    let told: Vec<String> = points
        .iter()
        .map(|point| format!("{} {:.0}/{:.0} min", point.id, point.score, point.minutes))
        .collect();
    let (title, alt) = (
        messages.get("figure", "effort")?,
        messages.fill("figure", "effort_alt", &[("points", &told.join(", "))])?,
    );
    Ok(Some(Figure {
        id: "effort".into(),
        title: title.to_owned(),
        svg: svg.finish(plot.bottom() + 40.0, title, &alt),
        alt,
        caption: messages.get("figure", "effort_caption")?.to_owned(),
        chapter: "findings".into(),
    }))
}

/// A free place as near as can be: to the right first, since more effort is the cautious side.
fn place(wanted: (f64, f64), taken: &[(f64, f64)], plot: Area) -> (f64, f64) {
    let free = |at: (f64, f64)| {
        // Not `hypot`, for which a program needs glibc 2.35.
        let apart = |other: &(f64, f64)| (at.0 - other.0).powi(2) + (at.1 - other.1).powi(2);
        taken.iter().all(|other| apart(other) >= (2.0 * RADIUS + 1.0).powi(2))
            && at.0 <= plot.right() - RADIUS
    };
    let x = wanted.0.clamp(plot.x + RADIUS, plot.right() - RADIUS);
    let y = wanted.1.clamp(plot.y + RADIUS, plot.bottom() - RADIUS);
    let steps = (0..40).map(|step| (x + f64::from(step) * 6.0, y));
    let back = (1..40).map(|step| ((x - f64::from(step) * 6.0).max(plot.x + RADIUS), y));
    steps.chain(back).find(|&at| free(at)).unwrap_or((x, y))
}
