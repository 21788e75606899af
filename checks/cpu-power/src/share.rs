//! Shares for sentences.

use plumb_check_sdk::Arg;

/// A share in per cent with one decimal. Rounded down, so that one just below a limit does not read as the limit.
pub(crate) fn rounded_down(percent: f64) -> Arg {
    // Far less than a decimal that is printed, far more than a product of shares is off by.
    const SLACK: f64 = 1e-6;
    Arg::quantity(((percent + SLACK) * 10.0).floor() / 10.0, "%", 1)
}
