//! Values of one metric: exact while there are few enough, and as a histogram.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use plumb_stats::quantile::{upper_bound, weighted_quantile};

/// Values of a metric that are kept exactly.
const MAX_VALUES: usize = 1 << 21;
/// Longest latency that a histogram holds, in µs: two hours.
const MAX_US: u64 = 7_200_000_000;

/// Values of a metric with weights.
#[derive(Debug)]
pub(crate) struct Series {
    /// (ns, weight); `None` once there were too many.
    exact: Option<Vec<(f32, f32)>>,
    histogram: Histogram<u64>,
    sum: f64,
    weight: f64,
    max: f64,
}

impl Series {
    pub(crate) fn new() -> Option<Self> {
        Some(Self {
            exact: Some(Vec::new()),
            histogram: Histogram::new_with_bounds(1, MAX_US, 3).ok()?,
            sum: 0.0,
            weight: 0.0,
            max: 0.0,
        })
    }

    pub(crate) fn add(&mut self, ns: f64, weight: f64) {
        self.sum += ns * weight;
        self.weight += weight;
        self.max = self.max.max(ns);
        // Tokens come in fractions where they are estimated; a histogram counts whole ones.
        let count = weight.round().max(1.0) as u64;
        self.histogram.saturating_record_n(((ns / 1e3).round() as u64).max(1), count);
        if let Some(exact) = &mut self.exact {
            if exact.len() < MAX_VALUES {
                exact.push((ns as f32, weight as f32));
            } else {
                self.exact = None;
            }
        }
    }

    /// Values, or tokens where those are the weights.
    pub(crate) fn count(&self) -> u64 {
        self.weight.round() as u64
    }

    pub(crate) fn mean_ms(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight / 1e6)
    }

    pub(crate) fn max_ms(&self) -> Option<f64> {
        (self.weight > 0.0).then_some(self.max / 1e6)
    }

    /// True while percentiles are exact.
    #[cfg(test)]
    fn is_exact(&self) -> bool {
        self.exact.is_some()
    }

    /// Quantiles in ms: by linear interpolation where all weights are one, by shares of weight elsewhere, and from the
    /// histogram where there are too many values.
    pub(crate) fn quantiles_ms<const N: usize>(&self, shares: [f64; N]) -> Option<[f64; N]> {
        if self.weight <= 0.0 {
            return None;
        }
        let Some(exact) = &self.exact else {
            return Some(shares.map(|p| self.histogram.value_at_quantile(p) as f64 / 1e3));
        };
        let mut sorted: Vec<(f64, f64)> =
            exact.iter().map(|&(v, w)| (f64::from(v) / 1e6, f64::from(w))).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        if exact.iter().all(|&(_, weight)| weight == 1.0) {
            let values: Vec<f64> = sorted.into_iter().map(|(value, _)| value).collect();
            return Some(shares.map(|p| plumb_stats::quantile::quantile(&values, p).unwrap_or(0.0)));
        }
        Some(shares.map(|p| weighted_quantile(&sorted, p).unwrap_or(0.0)))
    }

    /// The same where `endless` further values are larger than any other; `None` stands for such a one.
    pub(crate) fn quantiles_with<const N: usize>(&self, shares: [f64; N], endless: u64) -> [Option<f64>; N] {
        let known = self.weight;
        let all = known + endless as f64;
        // The value that linear interpolation looks at last has to be one that ended.
        let shares = shares.map(|share| share * (all - 1.0)).map(|place| {
            (known > 0.0 && place.ceil() <= known - 1.0).then(|| place / (known - 1.0).max(1.0))
        });
        let values = self.quantiles_ms(shares.map(Option::unwrap_or_default)).unwrap_or([0.0; N]);
        let mut places = shares.iter().zip(values);
        std::array::from_fn(|_| places.next().and_then(|(share, value)| share.map(|_| value)))
    }

    /// Upper bound of a quantile with 99 % confidence, in ms; `None` where there are too few values, or too many to keep.
    pub(crate) fn bound_ms(&self, share: f64) -> Option<f64> {
        let mut sorted: Vec<f64> = self.exact.as_ref()?.iter().map(|&(ns, _)| f64::from(ns) / 1e6).collect();
        sorted.sort_by(f64::total_cmp);
        upper_bound(&sorted, share, 0.99)
    }

    /// From the histogram, at once: for the live view.
    pub(crate) fn rough_ms(&self, share: f64) -> f64 {
        self.histogram.value_at_quantile(share) as f64 / 1e3
    }

    /// The histogram in µs, as the compressed V2 form that all HdrHistogram libraries read, in base64.
    pub(crate) fn payload(&self) -> Option<String> {
        use base64::Engine;
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&self.histogram, &mut bytes).ok()?;
        Some(base64::engine::general_purpose::STANDARD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_percentiles_stay_right() {
        let mut series = Series::new().unwrap();
        for value in 0..(MAX_VALUES + 10) {
            series.add(1e6 + value as f64, 1.0);
        }
        assert!(!series.is_exact());
        let [p50] = series.quantiles_ms([0.5]).unwrap();
        assert!((p50 / 2.05 - 1.0).abs() < 0.002, "{p50}");
    }

    #[test]
    fn failures_lie_beyond_every_latency() {
        let mut series = Series::new().unwrap();
        (0..=80).for_each(|ms| series.add(f64::from(ms) * 1e6, 1.0));
        assert_eq!(series.quantiles_with([0.5, 0.95], 0), [Some(40.0), Some(76.0)]);
        // Of 101 requests, 81 ended: the 80 % that the last of them ends are the most.
        let near = |value: Option<f64>, wanted: f64| (value.unwrap() - wanted).abs() < 1e-3;
        let [p50, p80, p81] = series.quantiles_with([0.5, 0.8, 0.81], 20);
        assert!(near(p50, 50.0) && near(p80, 80.0) && p81.is_none(), "{p50:?} {p80:?} {p81:?}");
        assert_eq!(Series::new().unwrap().quantiles_with([0.5], 3), [None]);
    }

    #[test]
    fn payloads_are_read_back_by_the_library() {
        use base64::Engine;
        let mut series = Series::new().unwrap();
        (1..=1000).for_each(|ms| series.add(f64::from(ms) * 1e6, 1.0));
        let bytes = base64::engine::general_purpose::STANDARD.decode(series.payload().unwrap()).unwrap();
        let back: Histogram<u64> =
            hdrhistogram::serialization::Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
        assert_eq!(back.len(), 1000);
        assert!((back.value_at_quantile(0.95) as f64 / 950_000.0 - 1.0).abs() < 0.001);
    }
}
