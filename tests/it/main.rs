//! End-to-end tests of the real binary.

mod cli;
mod recordings;
mod report;
