//! Turns the findings of the packs into risk, coverage and an order of work.
//!
//! Pure functions: no I/O, no clock, no hash maps, so that the same input gives the same bytes. The text of the client's
//! file is parsed here too ([`engagement`]); reading the file is the caller's.

pub mod action;
pub mod assess;
pub mod assessment;
pub mod capacity;
pub mod categories;
pub mod checklist;
pub mod compare;
pub mod conflicts;
pub mod contradictions;
pub mod document;
pub mod engagement;
pub mod fleet;
pub mod load;
pub mod overall;
pub mod peers;
pub mod policy;
pub mod profile;
#[cfg(test)]
mod properties;
pub mod score;
pub mod speech;
mod summary;
#[cfg(test)]
mod testing;
pub mod waiver;
pub mod work;

pub use assess::{PackAnswer, Terms, assess};
pub use assessment::{Assessment, Grade};
pub use engagement::EngagementFile;
pub use speech::Speech;
