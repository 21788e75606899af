//! Statistics of measurements: pure functions of numbers and a seed, without I/O, clock or global state.
//!
//! Requests within a run are not independent (they share queue and cache), so nothing here takes a plain standard error of
//! requests for the uncertainty of a run: intervals count as many samples as the autocorrelation leaves
//! (`plumb_evidence::dependence`), and those of experiments come from whole launches ([`paired`], [`bootstrap`]).
#![warn(missing_docs)]

pub mod batch;
pub mod bootstrap;
pub mod experiment;
pub mod groups;
pub mod isotonic;
pub mod multiple;
pub mod paired;
pub mod permutation;
pub mod power;
pub mod proportion;
pub mod quantile;
pub mod random;
pub mod trend;
pub mod welch;

pub use random::Random;

/// An interval that covers the true value with the stated confidence.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Interval {
    /// Lower end, in the unit of the samples.
    pub low: f64,
    /// Upper end, in the unit of the samples.
    pub high: f64,
    /// Confidence, for example 0.95.
    pub confidence: f64,
}

impl Interval {
    /// Half the width.
    #[must_use]
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// True if `value` lies inside, ends included.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// Arithmetic mean; `None` without samples.
#[must_use]
pub fn mean(samples: &[f64]) -> Option<f64> {
    (!samples.is_empty()).then(|| samples.iter().sum::<f64>() / samples.len() as f64)
}

/// Sample variance with n - 1 in the denominator; `None` for fewer than two samples.
#[must_use]
pub fn variance(samples: &[f64]) -> Option<f64> {
    let mean = mean(samples)?;
    let n = samples.len();
    (n > 1).then(|| samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1) as f64)
}

/// Quantile of the standard normal distribution.
///
/// `p` outside of (0, 1) gives an infinity, as the distribution has it.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    use statrs::distribution::{ContinuousCDF, Normal};
    if p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if p >= 1.0 {
        return f64::INFINITY;
    }
    Normal::standard().inverse_cdf(p)
}

/// Quantile of Student's t distribution with `freedom` degrees of freedom.
#[must_use]
pub fn student_quantile(p: f64, freedom: f64) -> f64 {
    use statrs::distribution::{ContinuousCDF, StudentsT};
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |t| t.inverse_cdf(p))
}

/// Distribution function of Student's t distribution with `freedom` degrees of freedom.
#[must_use]
pub fn student_cdf(t: f64, freedom: f64) -> f64 {
    use statrs::distribution::{ContinuousCDF, StudentsT};
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |distribution| distribution.cdf(t))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        assert!((normal_quantile(0.975) - 1.959_964).abs() < 1e-5);
        assert!((student_quantile(0.975, 5.0) - 2.570_582).abs() < 1e-5);
        assert!((student_cdf(2.570_582, 5.0) - 0.975).abs() < 1e-6);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
    }

    #[test]
    fn moments_of_few_samples() {
        assert_eq!(mean(&[]), None);
        assert_eq!(variance(&[1.0]), None);
        assert_eq!(variance(&[1.0, 3.0]), Some(2.0));
    }
}
