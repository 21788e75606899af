//! Goodput of one replica, with its range.

use plumb_evidence::model::{Attainment, Promise, Repeated, repeated};
use plumb_evidence::{Absence, Evidence, Missing};
use serde::Serialize;

use super::{Label, Range};

/// The rate, in requests per second, up to which one replica meets the service level.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Goodput {
    /// Low: highest tested rate that was shown to meet the target, below every rate that was shown to miss it. Base and high:
    /// where the falling fit of the share and of its upper bound crosses the target, never beyond the highest rate tested.
    pub rate: Range<f64>,
    /// True if even the highest rate tested meets the service level: there may be more.
    pub at_least: bool,
    /// Share of requests that has to meet every objective, 0 to 1.
    pub target: f64,
    /// True where the client did not state that share, and it is an assumption.
    pub target_assumed: bool,
    /// The URL that was tested: what answers behind it is one replica.
    pub url: String,
    /// The rates that were tested, rising.
    pub points: Vec<LoadPoint>,
    /// [`Label::Measured`].
    pub label: Label,
}

/// One load of the tests, repetitions of it together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoadPoint {
    /// Rate in requests per second that it is credited with: no more than what was sent, unless the target was missed.
    pub rate: f64,
    /// Requests that the shares rest on.
    pub requests: u64,
    /// Share that met every objective, 0 to 1, with one-sided 95 % bounds.
    pub share: Range<f64>,
    /// File of the bundle; of repetitions the first.
    pub path: String,
}

/// # Errors
/// Says why the bundle shows no goodput.
pub(super) fn measure(evidence: &Evidence) -> Result<Goodput, Missing> {
    let engagement = evidence.engagement.require()?;
    let promise = Promise::new(engagement.slo.require()?, engagement.demand.known());
    let measurements = evidence.measurements.require()?;
    let tests = measurements.runs();
    if tests.is_empty() {
        measurements.bench.require()?;
    }
    let target = promise.target()?;
    let (low, _) = promise.goodput(&tests)?;
    let loads = repeated(promise.tests(&tests)?);
    let url = loads.first().map(|load| load.tests[0].target.url.clone()).unwrap_or_default();
    let mut points: Vec<LoadPoint> =
        loads.iter().map(|load| point(load, target)).collect::<Result<_, _>>()?;
    points.sort_by(|a, b| a.rate.total_cmp(&b.rate).then_with(|| a.path.cmp(&b.path)));
    let fit = |of: fn(&LoadPoint) -> f64| crossing(&falling(&points, of), target);
    let base = fit(|point| point.share.base).max(low);
    let high = fit(|point| point.share.high).max(base);
    let highest = points.last().map_or(0.0, |point| point.rate);
    Ok(Goodput {
        rate: Range { low, base, high },
        at_least: low >= highest,
        target,
        target_assumed: promise.target_is_assumed(),
        url,
        points,
        label: Label::Measured,
    })
}

fn point(load: &Repeated<'_>, target: f64) -> Result<LoadPoint, Missing> {
    let Attainment { lower, share, requests, .. } = load.together;
    let path = load.tests[0].path.clone();
    let rate = load.credited(load.shown(target)).filter(|rate| *rate > 0.0 && rate.is_finite());
    let rate =
        rate.ok_or_else(|| Missing::new(Absence::Malformed, format!("{path} names no offered rate")))?;
    let share = Range { low: lower, base: share, high: load.together.upper() };
    Ok(LoadPoint { rate, requests, share, path })
}

/// Falling fit of a share over rates (pool adjacent violators, weighted by requests): rate and fitted share.
fn falling(points: &[LoadPoint], of: fn(&LoadPoint) -> f64) -> Vec<(f64, f64)> {
    // Blocks of weight, mean and length.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for point in points {
        blocks.push((point.requests as f64, of(point), 1));
        while let [.., before, last] = blocks.as_slice() {
            if before.1 >= last.1 {
                break;
            }
            let weight = before.0 + last.0;
            let merged = (weight, (before.0 * before.1 + last.0 * last.1) / weight, before.2 + last.2);
            blocks.truncate(blocks.len() - 2);
            blocks.push(merged);
        }
    }
    let fitted = blocks.iter().flat_map(|(_, mean, length)| std::iter::repeat_n(*mean, *length));
    points.iter().map(|point| point.rate).zip(fitted).collect()
}

/// The rate at which a falling line crosses `target`; the highest rate where it does not, 0 where it begins below.
fn crossing(line: &[(f64, f64)], target: f64) -> f64 {
    let Some(after) = line.iter().position(|(_, share)| *share < target) else {
        return line.last().map_or(0.0, |(rate, _)| *rate);
    };
    let Some(before) = after.checked_sub(1) else { return 0.0 };
    let ((x1, y1), (x2, y2)) = (line[before], line[after]);
    x1 + (x2 - x1) * ((y1 - target) / (y1 - y2)).clamp(0.0, 1.0)
}
