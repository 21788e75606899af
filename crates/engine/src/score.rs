//! The risk formula: one finding at a time.
//!
//! R = 100 · S/4 · L/4 · C · W, with severity S (0–4), likelihood L (1–4), confidence C (0.6, 0.8, 1) and W = 1 for a
//! failure, ½ for a warning. Bands: High from 55, Medium from 20, else Low. All weights are proposals of the catalogue,
//! to be calibrated; they are printed in the method section of every report.

use plumb_check_sdk::{Confidence, Likelihood, Outcome, Severity};

use crate::assessment::Grade;

/// Scores from here on are High.
pub const HIGH_FROM: f64 = 55.0;
/// Scores from here on are Medium.
pub const MEDIUM_FROM: f64 = 20.0;

/// R, from 0 to 100, rounded to one decimal; 0 for outcomes that carry no risk.
#[must_use]
pub fn score(outcome: Outcome, severity: Severity, likelihood: Likelihood, confidence: Confidence) -> f64 {
    let weight = match outcome {
        Outcome::Fail => 1.0,
        Outcome::Warn => 0.5,
        _ => return 0.0,
    };
    let severity = f64::from(severity.points()) / 4.0;
    let likelihood = f64::from(likelihood.points()) / 4.0;
    (1000.0 * severity * likelihood * confidence.factor() * weight).round() / 10.0
}

/// The grade of a deviation: its band, and the floors for failed critical checks and failed gates.
#[must_use]
pub fn grade(outcome: Outcome, severity: Severity, gate: bool, score: f64) -> Option<Grade> {
    if !outcome.is_deviation() {
        return None;
    }
    let band = if score >= HIGH_FROM {
        Grade::High
    } else if score >= MEDIUM_FROM {
        Grade::Medium
    } else {
        Grade::Low
    };
    let floor = match (outcome, gate, severity) {
        (Outcome::Fail, true, _) => Grade::High,
        (Outcome::Fail, false, Severity::Critical) => Grade::Medium,
        _ => Grade::Low,
    };
    Some(band.max(floor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_examples_of_the_catalogue() {
        use Confidence::{High, Medium};
        use Likelihood::{Measured, Mechanism, Setting};
        let fail = |severity, likelihood, confidence| score(Outcome::Fail, severity, likelihood, confidence);
        assert_eq!(fail(Severity::Critical, Mechanism, High), 75.0);
        assert_eq!(fail(Severity::High, Mechanism, High), 56.3);
        assert_eq!(fail(Severity::High, Setting, High), 37.5);
        assert_eq!(fail(Severity::Medium, Setting, High), 25.0);
        assert_eq!(fail(Severity::Low, Measured, High), 25.0);
        assert_eq!(fail(Severity::High, Mechanism, Medium), 45.0);
    }

    #[test]
    fn floors_lift_failures_only() {
        let low = Some(Grade::Low);
        assert_eq!(grade(Outcome::Fail, Severity::Low, true, 6.3), Some(Grade::High));
        assert_eq!(grade(Outcome::Fail, Severity::Critical, false, 15.0), Some(Grade::Medium));
        assert_eq!(grade(Outcome::Warn, Severity::Critical, true, 15.0), low);
        assert_eq!(grade(Outcome::Pass, Severity::Critical, true, 0.0), None);
    }
}
