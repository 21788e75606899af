//! Goodput of one replica, with its range.

use plumb_evidence::model::{Attainment, Repeated, attainment_target, countable_test, goodput, repeated};
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
    /// The rates that were tested, rising.
    pub points: Vec<LoadPoint>,
    /// [`Label::Measured`].
    pub label: Label,
}

/// One load of the tests, repetitions of it together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoadPoint {
    /// Offered rate in requests per second.
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
    let slo = evidence.engagement.require()?.slo.require()?;
    let measurements = evidence.measurements.require()?;
    let tests = measurements.runs();
    if tests.is_empty() {
        measurements.bench.require()?;
    }
    let target = attainment_target(slo)?;
    let (low, _) = goodput(&tests, target)?;
    let countable = tests.iter().filter(|test| countable_test(test).is_ok());
    let counted: Vec<_> =
        countable.map(|test| Ok((test, Attainment::of(test)?))).collect::<Result<_, Missing>>()?;
    let mut points: Vec<LoadPoint> = repeated(counted).iter().map(point).collect::<Result<_, _>>()?;
    points.sort_by(|a, b| a.rate.total_cmp(&b.rate).then_with(|| a.path.cmp(&b.path)));
    let fit = |of: fn(&LoadPoint) -> f64| crossing(&falling(&points, of), target);
    let base = fit(|point| point.share.base).max(low);
    let high = fit(|point| point.share.high).max(base);
    let highest = points.last().map_or(0.0, |point| point.rate);
    Ok(Goodput {
        rate: Range { low, base, high },
        at_least: low >= highest,
        target,
        points,
        label: Label::Measured,
    })
}

fn point(load: &Repeated<'_>) -> Result<LoadPoint, Missing> {
    let Attainment { lower, share, requests, .. } = load.together;
    let path = load.tests[0].path.clone();
    let rate = load.rate.filter(|rate| *rate > 0.0 && rate.is_finite());
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
