//! What experiments showed: each setting against the baseline, with its interval, beside the noise floor.

use plumb_evidence::model::{Evidence, ExperimentEffect, ExperimentResult};

use super::Figure;
use super::axis::Scale;
use super::svg::{ACCENT, Area, HAIR, INK, PAPER, PLAIN, SOFT, Svg, WASH, WIDTH, width_of};
use crate::ReportError;
use crate::messages::Messages;

const ROW: f64 = 30.0;
const NAMES: f64 = 214.0;
const NUMBERS: f64 = 168.0;
/// So many rows of one figure can be read; the table has all.
const MAX_ROWS: usize = 6;
/// Factors that have a figure of their own, in this order; effects of any other factor share one.
const FACTORS: [&str; 4] = ["placement", "governor", "neighbour", "numa_balancing"];

/// A figure for each factor of each experiment.
pub(crate) fn draw(evidence: &Evidence, messages: &Messages) -> Result<Vec<Figure>, ReportError> {
    let Some(experiments) = evidence.measurements.known().and_then(|m| m.experiments.known()) else {
        return Ok(Vec::new());
    };
    let mut figures = Vec::new();
    for (n, experiment) in experiments.iter().enumerate() {
        for factor in FACTORS.into_iter().chain(["other"]) {
            let own = |effect: &&ExperimentEffect| {
                if factor == "other" {
                    !FACTORS.contains(&effect.factor.as_str())
                } else {
                    effect.factor == factor
                }
            };
            let mut rows: Vec<&ExperimentEffect> = experiment.effects.iter().filter(own).collect();
            // The metric that was declared to decide is drawn alone, where it was measured.
            if rows.iter().any(|effect| effect.metric == experiment.primary) {
                rows.retain(|effect| effect.metric == experiment.primary);
            }
            if !rows.is_empty() {
                figures.push(one(experiment, n, factor, &rows, messages)?);
            }
        }
    }
    Ok(figures)
}

fn one(
    experiment: &ExperimentResult,
    n: usize,
    factor: &str,
    rows: &[&ExperimentEffect],
    messages: &Messages,
) -> Result<Figure, ReportError> {
    let shown = &rows[..rows.len().min(MAX_ROWS)];
    let plot = Area::new(NAMES, 26.0, WIDTH - NAMES - NUMBERS, shown.len() as f64 * ROW);
    let floor =
        |effect: &ExperimentEffect| experiment.noise_floor.iter().find(|floor| floor.metric == effect.metric);
    let ends = shown.iter().flat_map(|effect| {
        let (low, high) = floor(effect).and_then(ExperimentEffect::interval).unwrap_or((1.0, 1.0));
        let (from, to) = effect.interval().unwrap_or((1.0, 1.0));
        [from, to, effect.ratio, low, high]
    });
    let reach = ends
        .filter(|ratio| ratio.is_finite() && *ratio > 0.0)
        .map(|ratio| ratio.ln().abs())
        .fold(0.05, f64::max);
    let reach = reach.min(3.0) * 1.08;
    let x = Scale::log(((-reach).exp(), reach.exp()), (plot.x, plot.right()));

    let mut svg = Svg::default();
    let centre = x.at(1.0);
    svg.text((centre, 12.0), messages.get("figure", "no_difference")?, PLAIN.small().soft().middle());
    let mut told = Vec::new();
    for (index, effect) in shown.iter().enumerate() {
        let top = plot.y + index as f64 * ROW;
        let middle = top + ROW / 2.0;
        if let Some((low, high)) = floor(effect).and_then(ExperimentEffect::interval) {
            let (from, to) = (x.at(low), x.at(high));
            svg.rect(Area::new(from, top + 3.0, (to - from).max(1.0), ROW - 6.0), WASH, HAIR, 0.6);
        }
        svg.fitted((0.0, middle - 1.0), &effect.cell, NAMES - 12.0, PLAIN);
        svg.fitted(
            (0.0, middle + 11.0),
            &metric_name(&effect.metric, messages),
            NAMES - 12.0,
            PLAIN.small().soft(),
        );
        if let Some((low, high)) = effect.interval() {
            svg.line((x.at(low), middle), (x.at(high), middle), INK, 1.6, "");
            for end in [low, high] {
                svg.line((x.at(end), middle - 5.0), (x.at(end), middle + 5.0), INK, 1.6, "");
            }
        }
        let fill = if shown_effect(effect) { ACCENT } else { PAPER };
        svg.circle((x.at(effect.ratio), middle), 4.2, fill, ACCENT);
        let verdict = messages.find("verdict", &effect.verdict).unwrap_or(&effect.verdict).to_owned();
        let mut numbers = change(effect.ratio, messages);
        if let Some((low, high)) = effect.interval() {
            numbers = format!("{numbers} [{}, {}]", change(low, messages), change(high, messages));
        }
        svg.text((plot.right() + 10.0, middle - 1.0), &numbers, PLAIN.small());
        svg.fitted((plot.right() + 10.0, middle + 11.0), &verdict, NUMBERS - 12.0, PLAIN.small().bold());
        told.push(format!(
            "{}, {}: {numbers}, {verdict}",
            effect.cell,
            metric_name(&effect.metric, messages)
        ));
    }
    svg.line((centre, plot.y - 6.0), (centre, plot.bottom()), SOFT, 1.0, "4 3");
    let mut free = f64::NEG_INFINITY;
    for share in [-0.5, -0.25, -0.1, 0.1, 0.25, 0.5, 1.0_f64] {
        let ratio = 1.0 + share;
        if ratio.ln().abs() < reach * 0.97 {
            let at = x.at(ratio);
            svg.line((at, plot.bottom()), (at, plot.bottom() + 4.0), SOFT, 1.0, "");
            let text = change(ratio, messages);
            let half = width_of(&text, PLAIN.small().size) / 2.0;
            if share.abs() > reach * 0.12 && at - half > free {
                svg.text((at, plot.bottom() + 15.0), &text, PLAIN.small().soft().middle());
                free = at + half + 4.0;
            }
        }
    }
    svg.line((plot.x, plot.bottom()), (plot.right(), plot.bottom()), SOFT, 1.0, "");
    let word = messages.find("factor", factor).unwrap_or(factor);
    let title = messages.fill("figure", "effects", &[("factor", word), ("name", &experiment.name)])?;
    let mut alt = format!("{title}: {}.", told.join("; "));
    if rows.len() > shown.len() {
        let more = (rows.len() - shown.len()).to_string();
        alt.push(' ');
        alt.push_str(&messages.fill("figure", "more_rows", &[("n", &more)])?);
    }
    let values = [
        ("blocks", &*experiment.blocks.to_string()),
        ("load", &*crate::load::words(&experiment.load, messages)?),
    ]
    .map(|(a, b)| (a, b.to_owned()));
    let values: Vec<(&str, &str)> = values.iter().map(|(a, b)| (*a, b.as_str())).collect();
    Ok(Figure {
        id: format!("effects-{}-{factor}", n + 1),
        svg: svg.finish(plot.bottom() + 24.0, &title, &alt),
        title: crate::escape::clean(&title),
        alt: crate::escape::clean(&alt),
        caption: crate::escape::clean(&messages.fill("figure", "effects_caption", &values)?),
        chapter: "measurements".into(),
    })
}

/// True where the experiment says that there is a difference.
fn shown_effect(effect: &ExperimentEffect) -> bool {
    matches!(effect.verdict.as_str(), "improved" | "worse")
}

/// `e2e_p95` as a reader knows it: `End to end, p95`.
pub(crate) fn metric_name(id: &str, messages: &Messages) -> String {
    let (base, percentile) = id.rsplit_once('_').unwrap_or((id, ""));
    match (messages.find("metric", id), messages.find("metric", base)) {
        (Some(name), _) => name.to_owned(),
        (None, Some(name)) => format!("{name}, {percentile}"),
        (None, None) => id.to_owned(),
    }
}

/// A ratio as a change: 0.9 is −10.0 %.
pub(crate) fn change(ratio: f64, messages: &Messages) -> String {
    let percent = (ratio - 1.0) * 100.0;
    let sign = if percent < -0.05 {
        "−"
    } else if percent > 0.05 {
        "+"
    } else {
        "±"
    };
    messages.numeral(&format!("{sign}{:.1} %", percent.abs()))
}
