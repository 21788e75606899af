//! Latency by percentile, as HdrHistogram plots it: the axis stretches the tail, where users wait.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use plumb_evidence::Bundle;
use plumb_evidence::model::{BenchResult, Evidence, LatencySummary};

use super::Figure;
use super::axis::{Scale, horizontal, tick_text, ticks, vertical};
use super::svg::{ACCENT, Area, FAR, INK, PAPER, PLAIN, Paint, SOFT, Svg, WIDTH, width_of};
use crate::ReportError;
use crate::messages::Messages;

/// So many lines can be told apart.
const MAX_LINES: usize = 4;
/// Lines differ in dashes and in darkness.
const LINES: [(Paint, f64, &str); MAX_LINES] =
    [(SOFT, 1.4, "2 3"), (INK, 1.4, "7 3"), (ACCENT, 2.2, ""), (FAR, 1.8, "9 3 2 3")];
/// The histograms of one load test are a few KiB.
const MAX_ENCODED: usize = 1 << 20;
/// Marks of the axis, in per cent.
const MARKS: [f64; 7] = [0.0, 50.0, 90.0, 95.0, 99.0, 99.9, 99.99];

type Points = Vec<(f64, f64)>;
/// Name of a metric, and where a load test has it.
type Metric = (&'static str, fn(&BenchResult) -> &LatencySummary);

/// Draws the time to first token and the time between tokens, for up to four loads.
pub(crate) fn draw(
    evidence: &Evidence,
    bundle: Option<&Bundle>,
    messages: &Messages,
) -> Result<Vec<Figure>, ReportError> {
    let tests = evidence.measurements.known().map(|measurements| measurements.runs()).unwrap_or_default();
    let chosen = spread(&tests);
    let metrics: [Metric; 3] =
        [("ttft", |test| &test.ttft_ms), ("itl", |test| &test.itl_ms), ("e2e", |test| &test.e2e_ms)];
    let mut figures = Vec::new();
    for (id, summary) in metrics {
        let mut lines: Vec<(String, Points)> = Vec::new();
        let mut exact = true;
        for test in &chosen {
            let from_histogram = bundle.and_then(|bundle| histogram(bundle, test, id));
            exact &= from_histogram.is_some();
            let points = from_histogram.unwrap_or_else(|| few(summary(test)));
            if points.len() > 1 {
                lines.push((crate::load::words(&test.load.text, messages)?, points));
            }
        }
        if !lines.is_empty() {
            figures.push(one(id, &lines, exact, messages)?);
        }
    }
    Ok(figures)
}

/// Valid tests with different loads, from the lowest to the highest.
fn spread(tests: &[BenchResult]) -> Vec<&BenchResult> {
    let mut by_load: Vec<&BenchResult> = Vec::new();
    for test in tests.iter().filter(|test| test.valid) {
        if by_load.iter().all(|other| other.load.text != test.load.text) {
            by_load.push(test);
        }
    }
    let weight = |test: &BenchResult| test.offered_rps.unwrap_or(test.requests_per_s);
    by_load.sort_by(|a, b| weight(a).total_cmp(&weight(b)).then_with(|| a.path.cmp(&b.path)));
    let last = by_load.len().saturating_sub(1);
    if last < MAX_LINES {
        return by_load;
    }
    (0..MAX_LINES).map(|n| by_load[n * last / (MAX_LINES - 1)]).collect()
}

/// The curve of a histogram of the bundle, values in ms; `None` where there is none that can be read.
fn histogram(bundle: &Bundle, test: &BenchResult, metric: &str) -> Option<Points> {
    /// A load test, or a sweep with the tests of its levels.
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Histograms {
        started: String,
        histograms: BTreeMap<String, String>,
        levels: Vec<Level>,
    }
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Level {
        result: Box<Histograms>,
    }
    let document: Histograms = serde_json::from_slice(bundle.files().get(&test.path)?).ok()?;
    let level = document.levels.iter().find(|level| level.result.started == test.started);
    let histograms = level.map_or(&document.histograms, |level| &level.result.histograms);
    let encoded = histograms.get(metric).filter(|text| text.len() <= MAX_ENCODED)?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).ok()?;
    if histogram.is_empty() {
        return None;
    }
    let mut points = Vec::new();
    let end = last_share(histogram.len());
    // Equal steps of the stretched axis.
    for step in 0..=120 {
        let share = 1.0 - 10.0_f64.powf(-stretch(end) * f64::from(step) / 120.0);
        points.push((share, histogram.value_at_quantile(share) as f64 / 1000.0));
    }
    Some(points)
}

/// The percentile beyond which so many values tell nothing.
fn last_share(count: u64) -> f64 {
    1.0 - 1.0 / (count.max(2) as f64)
}

/// The few percentiles that a summary has.
fn few(summary: &LatencySummary) -> Points {
    let known = [(0.5, summary.p50), (0.9, summary.p90), (0.95, summary.p95), (0.99, summary.p99)];
    known.into_iter().filter_map(|(share, value)| Some((share, value?))).collect()
}

/// Place of a share on the axis: 0.9 is 1, 0.99 is 2.
fn stretch(share: f64) -> f64 {
    -(1.0 - share).max(1e-6).log10()
}

fn one(
    id: &str,
    lines: &[(String, Points)],
    exact: bool,
    messages: &Messages,
) -> Result<Figure, ReportError> {
    let name = messages.get("metric", id)?;
    let plot = Area::new(52.0, 28.0, WIDTH - 72.0, 175.0);
    let all = || lines.iter().flat_map(|(_, points)| points);
    let marks = ticks(all().map(|point| point.1).fold(0.0, f64::max), 5);
    let y = Scale::linear((0.0, marks.last().copied().unwrap_or(1.0)), (plot.bottom(), plot.y));
    let end = all().map(|point| stretch(point.0)).fold(0.5, f64::max);
    let x = Scale::linear((0.0, end), (plot.x, plot.right()));
    let mut svg = Svg::default();
    vertical(&mut svg, plot, &y, &marks, messages, &messages.fill("figure", "in_ms", &[("metric", name)])?);
    let shown = MARKS.iter().filter(|percent| stretch(**percent / 100.0) <= end + 1e-9);
    let percents: Vec<_> =
        shown.map(|percent| (x.at(stretch(percent / 100.0)), format!("{percent} %"))).collect();
    horizontal(&mut svg, plot, &percents, messages.get("figure", "percentile")?);
    let mut told = Vec::new();
    let mut legend = plot.y + 12.0;
    // No line of the scale goes through the words.
    let longest = lines.iter().map(|(load, _)| width_of(load, 9.5).min(224.0)).fold(0.0, f64::max);
    svg.rect(
        Area::new(plot.x + 6.0, plot.y + 1.0, longest + 44.0, lines.len() as f64 * 14.0 + 2.0),
        PAPER,
        PAPER,
        0.0,
    );
    for (index, (load, points)) in lines.iter().enumerate() {
        let (paint, width, dash) = LINES[if lines.len() == 1 { 2 } else { index % MAX_LINES }];
        let line: Vec<_> =
            points.iter().map(|(share, value)| (x.at(stretch(*share)), y.at(*value))).collect();
        svg.path(&line, paint, width, dash);
        let load = super::svg::fit(load, 220.0, 9.5);
        svg.line((plot.x + 10.0, legend - 3.5), (plot.x + 38.0, legend - 3.5), paint, width, dash);
        svg.text((plot.x + 44.0, legend), &load, PLAIN.small());
        debug_assert!(width_of(&load, 9.5) < plot.w);
        legend += 14.0;
        let at = |wanted: f64| {
            points.iter().find(|point| point.0 >= wanted - 1e-3).map(|point| tick_text(point.1, messages))
        };
        let value = |wanted| at(wanted).unwrap_or_else(|| "–".to_owned());
        let values =
            [("load", &*load), ("p50", &*value(0.5)), ("p95", &*value(0.95)), ("p99", &*value(0.99))]
                .map(|(a, b)| (a, b.to_owned()));
        let values: Vec<(&str, &str)> = values.iter().map(|(a, b)| (*a, b.as_str())).collect();
        told.push(messages.fill("figure", "curve_alt", &values)?);
    }
    let title = messages.fill("figure", "curve", &[("metric", name)])?;
    let alt = format!("{}: {}.", title, told.join("; "));
    let caption = messages.get("figure", if exact { "curve_caption" } else { "curve_caption_few" })?;
    Ok(Figure {
        id: format!("percentiles-{id}"),
        svg: svg.finish(plot.bottom() + 38.0, &title, &alt),
        title,
        alt,
        caption: caption.to_owned(),
        chapter: "measurements".into(),
    })
}
