//! End-to-end tests of the real binary.
#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod cli;
mod gpu;
mod hostile;
mod packs;
mod recordings;
mod removal;
mod report;
