//! Everything that the author of a Plumb check pack depends on.
//!
//! A pack is one `cdylib` that holds several [`Check`]s. Each check looks at the parts of the evidence that its
//! [`CheckMeta`] declares and answers with [`Finding`]s. The engine, not the check, turns findings into risk.
#![warn(missing_docs)]

pub mod finding;
pub mod meta;

pub use finding::{Citation, Confidence, Finding, Likelihood, Outcome};
pub use meta::{
    Category, ChangeKind, CheckMeta, PackManifest, Reference, Remediation, Severity, Threshold, ThresholdBasis,
};
