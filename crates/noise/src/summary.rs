//! Percentiles, and how long a run has to be for them to mean anything.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::gaps::Gaps;
use super::wake::Wake;

/// A percentile needs so many values beyond it: order statistics place it to ± 60 % of its own tail then, at 95 %.
const BEYOND: f64 = 10.0;

/// Values that a percentile takes; `quantile` is 0.99 for p99.
///
/// `n (1 - quantile) >= 10`, from order statistics.
#[must_use]
pub fn values_needed(quantile: f64) -> u64 {
    // 1 - 0.999 is a little more or less than a thousandth.
    (BEYOND / (1.0 - quantile) - 1e-6).ceil() as u64
}

/// Seconds that wake-ups at `wake_hz` take to give a percentile for each of both timer slacks.
#[must_use]
pub fn seconds_needed(quantile: f64, wake_hz: f64) -> f64 {
    2.0 * values_needed(quantile) as f64 / wake_hz
}

/// A percentile if enough values lie beyond it.
fn percentile(histogram: &Histogram<u32>, quantile: f64) -> Option<f64> {
    let enough = histogram.len() >= values_needed(quantile);
    enough.then(|| micros(histogram.value_at_quantile(quantile)))
}

fn micros(ns: u64) -> f64 {
    ns as f64 / 1e3
}

/// Gaps of one kind.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct GapSummary {
    /// Number.
    pub count: u64,
    /// Sum in ms.
    pub sum_ms: f64,
    /// Median in µs.
    pub p50_us: Option<f64>,
    /// 99th percentile in µs, over gaps; `None` where there are too few.
    pub p99_us: Option<f64>,
    /// Longest in µs.
    pub max_us: f64,
    /// Gaps of 10 µs or more, per second.
    pub per_s_from_10_us: f64,
}

impl GapSummary {
    pub(super) fn of(gaps: &Gaps, rate: f64, seconds: f64) -> Self {
        let from_10_us = gaps.histogram.count_between(10_000, gaps.histogram.high());
        Self {
            count: gaps.histogram.len(),
            sum_ms: gaps.sum as f64 / rate / 1e6,
            p50_us: percentile(&gaps.histogram, 0.5),
            p99_us: percentile(&gaps.histogram, 0.99),
            max_us: gaps.max as f64 / rate / 1e3,
            per_s_from_10_us: from_10_us as f64 / seconds.max(1e-9),
        }
    }
}

/// Percentiles of lateness in µs; `None` where the run was too short for one: fewer than ten values beyond it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Percentiles {
    /// Values, missed periods included.
    pub count: u64,
    /// Periods that a stall covered.
    pub missed: u64,
    /// Median.
    pub p50: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// 99.9th percentile.
    pub p999: Option<f64>,
    /// 99.99th percentile.
    pub p9999: Option<f64>,
    /// Longest.
    pub max: f64,
    /// 99th percentile of what was recorded, without the missed periods.
    pub uncorrected_p99: Option<f64>,
}

impl Percentiles {
    pub(super) fn of(wake: &Wake) -> Self {
        Self {
            count: wake.corrected.len(),
            missed: wake.missed,
            p50: percentile(&wake.corrected, 0.5),
            p99: percentile(&wake.corrected, 0.99),
            p999: percentile(&wake.corrected, 0.999),
            p9999: percentile(&wake.corrected, 0.9999),
            max: micros(wake.uncorrected.max()),
            uncorrected_p99: percentile(&wake.uncorrected, 0.99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gaps::new_histogram;

    #[test]
    fn a_percentile_needs_ten_values_beyond_it() {
        assert_eq!([0.5, 0.99, 0.999, 0.9999].map(values_needed), [20, 1000, 10_000, 100_000]);
        assert_eq!(seconds_needed(0.999, 200.0), 100.0);
        let mut histogram = new_histogram();
        for value in 1..=999 {
            histogram.record(value * 1000).unwrap();
        }
        assert!(percentile(&histogram, 0.99).is_none());
        histogram.record(1_000_000).unwrap();
        assert!((percentile(&histogram, 0.99).unwrap() - 990.0).abs() < 10.0);
        assert!(percentile(&histogram, 0.999).is_none() && percentile(&histogram, 0.9999).is_none());
    }

    #[test]
    fn a_stall_counts_for_every_period_that_it_covers() {
        let mut wake = Wake { uncorrected: new_histogram(), corrected: new_histogram(), missed: 0 };
        for _ in 0..990 {
            wake.uncorrected.record(20_000).unwrap();
            wake.corrected.record(20_000).unwrap();
        }
        wake.uncorrected.record(39_000_000).unwrap();
        for missed in 0..=39 {
            wake.corrected.record(39_000_000 - missed * 1_000_000 + 1).unwrap();
        }
        wake.missed = 39;
        let percentiles = Percentiles::of(&wake);
        assert!(percentiles.p99.unwrap() > 25_000.0, "{percentiles:?}");
        assert!(percentiles.uncorrected_p99.is_none());
    }
}
