//! How well a run knows its latencies.

use plumb_evidence::dependence::independent_values;
use plumb_evidence::model::LatencySummary;
use plumb_stats::normal_quantile;
use plumb_stats::quantile::{quantile, samples_needed};

use super::{CONFIDENCE, measured, ok, residence};
use crate::recorder::Kept;

/// Half the width of the widest interval of mean and p95 of TTFT and E2E, as a share of the value: how well the run knows
/// them. `None` for a run that is too short to tell.
pub(crate) fn known_to(kept: &[Kept]) -> Option<f64> {
    let measured = measured(kept);
    let seconds = measured.last()?.scheduled.saturating_sub(measured.first()?.scheduled) as f64 / 1e9;
    let times = |end: fn(&Kept) -> u64| -> Vec<f64> {
        ok(&measured).map(|kept| end(kept).saturating_sub(kept.scheduled) as f64).collect()
    };
    let residence = residence(&measured)?;
    let of = |samples: Vec<f64>| {
        let own = Intervals::of(&samples, independent_values(&samples, seconds, residence));
        let half = |(low, high): (f64, f64)| (high - low) / (high + low);
        Some(half(own.mean?).max(half(own.p95?)))
    };
    Some(of(times(|kept| kept.first))?.max(of(times(|kept| kept.last))?))
}

/// Intervals of the mean and of p95; `None` where the run holds too few independent values.
#[derive(Default)]
pub(super) struct Intervals {
    pub(super) mean: Option<(f64, f64)>,
    pub(super) p95: Option<(f64, f64)>,
}

impl Intervals {
    /// The mean by the normal distribution, p95 by order statistics, of as many independent values.
    pub(super) fn of(samples: &[f64], independent: f64) -> Self {
        if independent < LatencySummary::TELLING {
            return Self::default();
        }
        let z = normal_quantile(0.5 + CONFIDENCE / 2.0);
        let mean = plumb_stats::mean(samples).zip(plumb_stats::variance(samples)).map(|(mean, variance)| {
            let half = z * (variance / independent).sqrt();
            (mean - half, mean + half)
        });
        // Fewer than these and the upper end lies beyond the largest sample.
        let p95 = (independent >= samples_needed(0.95, CONFIDENCE) as f64).then(|| {
            let half = z * (0.95 * 0.05 / independent).sqrt();
            let mut sorted = samples.to_vec();
            sorted.sort_by(f64::total_cmp);
            quantile(&sorted, 0.95 - half).zip(quantile(&sorted, 0.95 + half))
        });
        Self { mean, p95: p95.flatten() }
    }
}

/// Adds the intervals of mean and p95; `samples` are in the order of time, since neighbours depend on each other.
pub(super) fn with_intervals(
    mut summary: LatencySummary,
    samples: &[f64],
    independent: f64,
) -> LatencySummary {
    let Intervals { mean, p95 } = Intervals::of(samples, independent);
    (summary.independent, summary.mean_interval, summary.p95_interval) = (Some(independent), mean, p95);
    summary
}
