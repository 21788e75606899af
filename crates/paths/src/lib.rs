//! Paths between host and GPUs, measured: which memory and which CPUs are near to which GPU.
//!
//! Tables of firmware, kernel and driver often do not say, or say wrong. Seconds of copies settle it: [`measure()`] asks the driver's
//! library alone, whose events time each copy on the GPU, for every GPU × NUMA node of the memory × NUMA node of the thread, in
//! rounds of drawn order; [`analyse`](analysis::analyse) says what the rounds show, and what they do not.
//!
//! [`measure()`] loads a vendor's library and may hang with it: run it in a process that can be killed.
#![warn(missing_docs)]

pub mod analysis;
mod driver;
mod host;
mod measure;
mod plan;
mod record;

pub use driver::DriverError;
pub use measure::{MeasureError, measure};
pub use plan::{Node, Plan, nodes};
pub use record::{Cell, CoreScan, Cost, GpuFound, PAGE_LOCKED_BYTES, Peer, Record, Round};
