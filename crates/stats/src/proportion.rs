//! Confidence intervals of shares.

use super::{Interval, normal_quantile};

/// Wilson's score interval of a share of `successes` among `trials`.
///
/// It keeps its coverage for shares near 0 and 1, where the textbook interval collapses. Both numbers may be fractional:
/// dependent samples count as fewer (`plumb_evidence::dependence`). `None` without trials.
#[must_use]
pub fn wilson(successes: f64, trials: f64, confidence: f64) -> Option<Interval> {
    if trials <= 0.0 || !trials.is_finite() {
        return None;
    }
    let z = normal_quantile(0.5 + confidence / 2.0);
    let share = (successes / trials).clamp(0.0, 1.0);
    let z2 = z * z;
    let centre = (share + z2 / (2.0 * trials)) / (1.0 + z2 / trials);
    let half =
        z / (1.0 + z2 / trials) * (share * (1.0 - share) / trials + z2 / (4.0 * trials * trials)).sqrt();
    // At the ends the formula gives 0 and 1 but for rounding.
    let low = if share == 0.0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if share == 1.0 { 1.0 } else { (centre + half).min(1.0) };
    Some(Interval { low, high, confidence })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn agrees_with_the_published_example() {
        // Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I: 81 of 263.
        let interval = wilson(81.0, 263.0, 0.95).unwrap();
        assert!(
            (interval.low - 0.2553).abs() < 5e-5 && (interval.high - 0.3662).abs() < 5e-5,
            "{interval:?}"
        );
        let none = wilson(0.0, 20.0, 0.95).unwrap();
        assert!(none.low == 0.0 && (none.high - 0.1611).abs() < 5e-5, "{none:?}");
        assert_eq!(wilson(0.0, 0.0, 0.95), None);
    }

    proptest! {
        #[test]
        fn holds_the_share_and_narrows_with_more_trials(successes in 0u32..1000, extra in 0u32..1000) {
            prop_assume!(successes + extra > 0);
            let (s, n) = (f64::from(successes), f64::from(successes + extra));
            let few = wilson(s, n, 0.95).unwrap();
            let many = wilson(10.0 * s, 10.0 * n, 0.95).unwrap();
            prop_assert!(few.low <= s / n + 1e-12 && s / n <= few.high + 1e-12);
            prop_assert!(many.half_width() < few.half_width());
        }
    }
}
