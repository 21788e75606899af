//! Exit codes, and which error leads to which.

use std::process::ExitCode;

use plumb_bench::BenchError;
use plumb_collect::CollectError;
use plumb_evidence::BundleError;
use plumb_experiment::{ExperimentError, JournalError};
use plumb_pack_template::TemplateError;
use plumb_report::ReportError;
use plumb_strict_toml::Fault;

/// How a command ended. The numbers are documented in the README and do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 0
    Done,
    /// 1: a fault of Plumb itself.
    Internal,
    /// 2: wrong arguments, bad or missing input, an output that cannot be written.
    Usage,
    /// 3: the risk is at or above `--fail-on`.
    RiskReached,
    /// 4: the coverage is below `--require-coverage`, `--fail-on` cannot be answered, or a measurement is not valid.
    Incomplete,
    /// 5: content is not what its hash, signature or owner promises.
    Integrity,
    /// 6: statements of a report contradict each other; it was written, and says which.
    Contradictory,
    /// 130: told to stop by a signal; what was measured by then has been printed.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Done => 0,
            Outcome::Internal => 1,
            Outcome::Usage => 2,
            Outcome::RiskReached => 3,
            Outcome::Incomplete => 4,
            Outcome::Integrity => 5,
            Outcome::Contradictory => 6,
            Outcome::Interrupted => 130,
        })
    }
}

/// A mistake in the command line that the parser cannot see.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// The exit code of an error, by the first error in its chain that says.
pub(crate) fn classify(error: &anyhow::Error) -> Outcome {
    // As a context, it hides behind a type of anyhow's in the chain.
    if error.is::<UsageError>() {
        return Outcome::Usage;
    }
    for cause in error.chain() {
        if let Some(error) = cause.downcast_ref::<BundleError>() {
            return if error.is_integrity() { Outcome::Integrity } else { Outcome::Usage };
        }
        if let Some(error) = cause.downcast_ref::<plumb_pack_host::Error>() {
            return if matches!(error, plumb_pack_host::Error::Untrusted { .. }) {
                Outcome::Integrity
            } else {
                Outcome::Usage
            };
        }
        if let Some(error) = cause.downcast_ref::<CollectError>() {
            return if matches!(error, CollectError::Interrupted) {
                Outcome::Interrupted
            } else {
                Outcome::Usage
            };
        }
        if let Some(error) = cause.downcast_ref::<BenchError>() {
            return if matches!(error, BenchError::Thread(_)) { Outcome::Internal } else { Outcome::Usage };
        }
        if cause.is::<Fault>() || cause.is::<JournalError>() || cause.is::<TemplateError>() {
            return Outcome::Usage;
        }
        if let Some(error) = cause.downcast_ref::<ExperimentError>() {
            match error {
                ExperimentError::NotAllowed(_) | ExperimentError::Journal(_) => return Outcome::Usage,
                ExperimentError::NoBaseline { .. }
                | ExperimentError::NotFound { .. }
                | ExperimentError::NotRestored(_) => {
                    return Outcome::Incomplete;
                }
                // Says more by its cause.
                ExperimentError::Bench(_) => {}
            }
        }
        if let Some(error) = cause.downcast_ref::<ReportError>() {
            if matches!(error, ReportError::Interrupted) {
                return Outcome::Interrupted;
            }
            return if matches!(error, ReportError::Data(_)) { Outcome::Internal } else { Outcome::Usage };
        }
    }
    Outcome::Internal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_nobody_can_read_is_no_fault_of_plumb() {
        let error = ReportError::Time { found: "0000-99-99".to_owned() };
        assert_eq!(classify(&error.into()), Outcome::Usage);
    }
}
