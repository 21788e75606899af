//! Turns the findings of the packs into risk, coverage and an order of work.
//!
//! Pure functions: no I/O, no clock, no hash maps, so that the same input gives the same bytes.

pub mod assess;
pub mod assessment;
pub mod score;
mod summary;
#[cfg(test)]
mod testing;

pub use assess::{PackAnswer, assess};
pub use assessment::{Assessment, Grade};
