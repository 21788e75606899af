//! What a bundle holds, and what is derived from it.
//!
//! Raw first: a bundle keeps what the node said, verbatim; [`model::Evidence`] is derived at analysis, so that a better
//! parser improves old bundles too. This crate never touches a node.
#![warn(missing_docs)]

pub mod bundle;
pub mod container;
pub mod derive;
pub mod fact;
pub mod index_set;
pub mod manifest;
pub mod model;
pub mod source;
pub mod views;

pub use bundle::Bundle;
pub use container::BundleError;
pub use derive::derive;
pub use fact::{Absence, Fact, Missing};
pub use index_set::{CpuSet, IndexSet, NodeSet};
pub use model::Evidence;
pub use source::Source;
