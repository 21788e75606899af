//! The difference of two means whose spreads may differ.

use super::{Interval, mean, student_quantile, variance};

/// Welch's interval of mean(`b`) - mean(`a`) (B. L. Welch, Biometrika 34, 1947).
///
/// `None` with fewer than two samples on a side. Of two it may be wider than any effect by orders of magnitude: how many are
/// asked for is the caller's to say.
#[must_use]
pub fn difference(a: &[f64], b: &[f64], confidence: f64) -> Option<Interval> {
    let squared_error = |samples: &[f64]| Some(variance(samples)? / samples.len() as f64);
    let (of_a, of_b) = (squared_error(a)?, squared_error(b)?);
    let difference = mean(b)? - mean(a)?;
    let error = (of_a + of_b).sqrt();
    if error == 0.0 {
        return Some(Interval { low: difference, high: difference, confidence });
    }
    let freedom =
        (of_a + of_b).powi(2) / (of_a.powi(2) / (a.len() - 1) as f64 + of_b.powi(2) / (b.len() - 1) as f64);
    let half = student_quantile(0.5 + confidence / 2.0, freedom) * error;
    Some(Interval { low: difference - half, high: difference + half, confidence })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn is_the_textbooks() {
        // Means 0 and 1, variances 1 each, three values: standard error √(2/3), 4 degrees of freedom, t 2.776.
        let interval = difference(&[-1.0, 0.0, 1.0], &[0.0, 1.0, 2.0], 0.95).unwrap();
        let half = 2.776_445 * (2.0_f64 / 3.0).sqrt();
        assert!((interval.low - (1.0 - half)).abs() < 1e-5 && (interval.high - (1.0 + half)).abs() < 1e-5);
        assert_eq!(difference(&[1.0], &[1.0, 2.0], 0.95), None);
        assert_eq!(difference(&[1.0, 1.0], &[3.0, 3.0], 0.95).map(|interval| interval.low), Some(2.0));
    }

    #[test]
    fn covers_the_difference_as_often_as_it_says() {
        // Four runs on a quiet side and three on one that spreads five times as much.
        let mut random = Random::new(5);
        let rounds = 4000;
        let covered = (0..rounds)
            .filter(|_| {
                let a: Vec<f64> = (0..4).map(|_| 10.0 + random.normal()).collect();
                let b: Vec<f64> = (0..3).map(|_| 12.0 + 5.0 * random.normal()).collect();
                difference(&a, &b, 0.95).is_some_and(|interval| interval.contains(2.0))
            })
            .count();
        let share = covered as f64 / f64::from(rounds);
        // The approximation of the degrees of freedom is known to be off by about a percent with so few.
        assert!((0.93..0.98).contains(&share), "{share}");
    }
}
