//! The evidence as the tools that engineers know would print it.
//!
//! Consultants read `lscpu -e`, `numactl --hardware` and `lstopo` at a glance; these views show a bundle the same way,
//! offline and long after the collection.

mod lscpu;
mod lstopo;
mod numactl;
pub mod places;
mod sketch;

pub use lscpu::lscpu;
pub use lstopo::lstopo;
pub use numactl::numactl;
pub use sketch::{Charset, sketch};
