//! End-to-end tests of the real binary.
#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod bench;
mod cli;
mod engagement;
mod hostile;
mod nodes;
mod packs;
mod recordings;
mod removal;
mod report;
