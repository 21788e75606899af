//! Load against latency: what the tail does as the rate rises, where the objective is, and up to which rate it is met.

use plumb_evidence::model::{BenchResult, Evidence, LatencySummary, Promise, ServiceLevel};

use super::Figure;
use super::axis::{Scale, horizontal, tick_text, ticks, vertical};
use super::svg::{ACCENT, Area, FAR, INK, PAPER, PLAIN, SOFT, Svg, WIDTH};
use crate::ReportError;
use crate::messages::Messages;

/// Fewer rates make no line.
const MIN_RATES: usize = 2;

/// Rate, p95 and its interval.
type Point = (f64, f64, Option<(f64, f64)>);

/// A part of the service level, as a chart needs it.
struct Metric {
    id: &'static str,
    of: fn(&BenchResult) -> &LatencySummary,
    limit: fn(&ServiceLevel) -> Option<f64>,
}

const METRICS: [Metric; 3] = [
    Metric { id: "ttft", of: |test| &test.ttft_ms, limit: |slo| slo.ttft_ms },
    Metric { id: "itl", of: |test| &test.itl_ms, limit: |slo| slo.itl_ms },
    Metric { id: "e2e", of: |test| &test.e2e_ms, limit: |slo| slo.e2e_ms },
];

/// Draws the p95 of each metric that has an objective over the offered rate; of the time to first token where none has.
pub(crate) fn draw(evidence: &Evidence, messages: &Messages) -> Result<Vec<Figure>, ReportError> {
    let tests = evidence.measurements.known().map(|measurements| measurements.runs()).unwrap_or_default();
    let engagement = evidence.engagement.known();
    let slo = engagement.and_then(|engagement| engagement.slo.known());
    let promise =
        slo.map(|slo| Promise::new(slo, engagement.and_then(|engagement| engagement.demand.known())));
    // Where some tests are about what was promised, the others would bend their line.
    let of_promise = promise.and_then(|promise| promise.tests(&tests).ok());
    let belongs = |test: &BenchResult| {
        of_promise.as_ref().is_none_or(|those| those.iter().any(|(own, _)| std::ptr::eq(*own, test)))
    };
    let mut open: Vec<(f64, &BenchResult)> = tests
        .iter()
        .filter(|test| test.valid && test.open_loop && belongs(test))
        .filter_map(|test| Some((test.offered_rps.filter(|rate| *rate > 0.0)?, test)))
        .collect();
    open.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.path.cmp(&b.1.path)));
    let mut rates: Vec<f64> = open.iter().map(|(rate, _)| *rate).collect();
    rates.dedup();
    if rates.len() < MIN_RATES {
        return Ok(Vec::new());
    }
    let promised = |metric: &&Metric| slo.is_some_and(|slo| (metric.limit)(slo).is_some());
    let mut wanted: Vec<&Metric> = METRICS.iter().filter(promised).collect();
    if wanted.is_empty() {
        wanted.push(&METRICS[0]);
    }
    let goodput = promise.and_then(|promise| promise.goodput(&tests).ok());
    let goodput = goodput.map(|(rate, _)| rate).filter(|rate| *rate > 0.0);
    wanted.into_iter().filter_map(|metric| one(metric, &open, slo, goodput, messages).transpose()).collect()
}

fn one(
    metric: &Metric,
    tests: &[(f64, &BenchResult)],
    slo: Option<&ServiceLevel>,
    goodput: Option<f64>,
    messages: &Messages,
) -> Result<Option<Figure>, ReportError> {
    let name = messages.get("metric", metric.id)?;
    let points: Vec<Point> = tests
        .iter()
        .filter_map(|(rate, test)| {
            let summary = (metric.of)(test);
            Some((*rate, summary.p95?, summary.p95_interval))
        })
        .collect();
    if points.len() < MIN_RATES {
        return Ok(None);
    }
    let limit = slo.and_then(metric.limit);
    let highest = points.iter().map(|(_, p95, interval)| interval.map_or(*p95, |i| i.1.max(*p95)));
    let highest = highest.chain(limit).fold(0.0, f64::max);
    let plot = Area::new(52.0, 28.0, WIDTH - 72.0, 175.0);
    // Above the limit there is room for its name.
    let marks = ticks(highest * 1.1, 5);
    let y = Scale::linear((0.0, marks.last().copied().unwrap_or(1.0)), (plot.bottom(), plot.y));
    let rates = ticks(points.last().map_or(1.0, |point| point.0), 6);
    let x = Scale::linear((0.0, rates.last().copied().unwrap_or(1.0)), (plot.x, plot.right()));

    let mut svg = Svg::default();
    vertical(&mut svg, plot, &y, &marks, messages, &messages.fill("figure", "p95_ms", &[("metric", name)])?);
    let rate_marks: Vec<_> = rates.iter().map(|rate| (x.at(*rate), tick_text(*rate, messages))).collect();
    horizontal(&mut svg, plot, &rate_marks, messages.get("figure", "offered")?);
    if let Some(limit) = limit {
        let at = y.at(limit);
        svg.line((plot.x, at), (plot.right(), at), FAR, 1.6, "7 4");
        let text = messages.fill("figure", "slo_line", &[("limit", &tick_text(limit, messages))])?;
        svg.text((plot.x + 6.0, at - 5.0), &text, PLAIN.small().bold().paint(FAR));
    }
    if let Some(goodput) = goodput {
        let at = x.at(goodput);
        svg.line((at, plot.y), (at, plot.bottom()), INK, 1.2, "2 3");
        let text = messages.fill("figure", "knee", &[("rate", &tick_text(goodput, messages))])?;
        let style = PLAIN.small().bold();
        if at > plot.x + plot.w / 2.0 {
            svg.text((at - 5.0, plot.y + 9.0), &text, style.end());
        } else {
            svg.text((at + 5.0, plot.y + 9.0), &text, style);
        }
    }
    for (rate, _, interval) in &points {
        if let Some((low, high)) = interval {
            let at = x.at(*rate);
            svg.line((at, y.at(*low)), (at, y.at(*high)), SOFT, 1.2, "");
            for end in [low, high] {
                svg.line((at - 4.0, y.at(*end)), (at + 4.0, y.at(*end)), SOFT, 1.2, "");
            }
        }
    }
    let line: Vec<_> = points.iter().map(|(rate, p95, _)| (x.at(*rate), y.at(*p95))).collect();
    svg.path(&line, ACCENT, 1.8, "");
    for at in &line {
        svg.circle(*at, 3.2, PAPER, ACCENT);
    }
    let told: Vec<String> = points
        .iter()
        .map(|(rate, p95, _)| format!("{}/s: {} ms", tick_text(*rate, messages), tick_text(*p95, messages)))
        .collect();
    let none = messages.get("text", "none_given")?;
    let limit = limit.map_or_else(|| none.to_owned(), |limit| format!("{} ms", tick_text(limit, messages)));
    let knee = goodput.map_or_else(|| none.to_owned(), |rate| format!("{}/s", tick_text(rate, messages)));
    let values = [("metric", name), ("points", &*told.join(", ")), ("limit", &*limit), ("knee", &*knee)];
    let mut caption = messages.get("figure", "load_caption")?.to_owned();
    if goodput.is_some() {
        caption.push(' ');
        caption.push_str(messages.get("figure", "load_caption_goodput")?);
    }
    let title = messages.fill("figure", "load", &[("metric", name)])?;
    let alt = messages.fill("figure", "load_alt", &values)?;
    Ok(Some(Figure {
        id: format!("load-{}", metric.id),
        svg: svg.finish(plot.bottom() + 38.0, &title, &alt),
        title,
        alt,
        caption,
        chapter: "measurements".into(),
    }))
}
