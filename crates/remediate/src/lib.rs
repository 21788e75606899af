//! Evidence and findings to a plan, and the plan to files that a person reads, applies and can take back.
//!
//! Pure: no files are read or written, no clock, no node. The same evidence and assessment give the same bytes. Nothing is
//! planned for what was not found, and where evidence is missing the checklist says so instead of guessing.
#![warn(missing_docs)]

use plumb_engine::Assessment;
use plumb_evidence::Evidence;

mod actions;
pub mod files;
pub mod plan;
pub mod quote;
pub mod verify;

pub use actions::resolve;
pub use files::OutputFile;
pub use plan::Plan;
pub use verify::verify;

/// The files that remedy what was found, by path; `CHECKLIST.md` is always among them.
#[must_use]
pub fn remediate(evidence: &Evidence, assessment: &Assessment) -> Vec<OutputFile> {
    let plan = Plan::new(evidence, assessment);
    let actions = actions::of(evidence, &plan);
    files::render(&plan, &actions, &assessment.packs)
}
