//! What a bundle holds, and what is derived from it.
//!
//! Raw first: a bundle keeps what the node said, verbatim; [`model::Evidence`] is derived at analysis, so that a better
//! parser improves old bundles too. This crate never touches a node.
#![warn(missing_docs)]

#[cfg(feature = "bundle")]
pub mod bundle;
#[cfg(feature = "bundle")]
pub mod container;
pub mod contradictions;
pub mod dependence;
#[cfg(feature = "bundle")]
pub mod derive;
pub mod fact;
#[cfg(feature = "files")]
pub mod files;
pub mod index_set;
#[cfg(feature = "bundle")]
pub mod manifest;
pub mod model;
pub mod printable;
#[cfg(feature = "bundle")]
mod recorded;
#[cfg(feature = "bundle")]
pub mod redact;
#[cfg(feature = "bundle")]
pub mod source;
#[cfg(feature = "bundle")]
pub mod views;

#[cfg(feature = "bundle")]
pub use bundle::Bundle;
#[cfg(feature = "bundle")]
pub use container::BundleError;
#[cfg(feature = "bundle")]
pub use derive::{derive, judge};
pub use fact::{Absence, Fact, Missing, if_any};
pub use index_set::{CpuSet, IndexSet, NodeSet};
pub use model::Evidence;
pub use printable::{is_hidden, printable};
#[cfg(feature = "bundle")]
pub use source::Source;
