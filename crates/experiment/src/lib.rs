//! Experiments: variants of a server or node, measured side by side on the node itself.
//!
//! What is in `docs/src/guide/experiments.md`, as rules that the code keeps:
//!
//! - A server is put into its place before its first instruction (`sys`), and what the kernel says of it is read back before
//!   and after it is measured (`verify`). What is not seen is no measurement.
//! - The unit of replication is the launch, in randomised complete blocks; the baseline against itself tells what no change
//!   makes (`analysis`).
//! - A setting of the node is changed only with the operator's leave, written down on disk before (`journal`), and set back
//!   on every way out.
#![warn(missing_docs)]

use std::path::PathBuf;

use thiserror::Error;

use plumb_bench::{ApiKey, BenchError, Header};

pub mod analysis;
mod changes;
mod conduct;
mod found;
mod hog;
mod interpret;
mod journal;
mod launch;
mod neighbour;
mod node;
mod observe;
mod placement;
mod plan;
mod preview;
mod sys;
mod table;
mod verify;

pub use conduct::{Rehearsal, Step, rehearse, run};
pub use hog::hog;
pub use journal::{JournalError, Restored, restore, state_folder};
pub use node::{GpuPlace, Node, Root};
pub use plan::{
    Aa, Combination, Design, ExperimentPlan, Factor, FoundPlan, HogKind, LoadPlan, MemoryPlan, MemoryPolicy,
    Neighbour, NeighbourPlace, PLAN_SCHEMA, Placement, ServerPlan, Start, Where, parse, schema,
};
pub use preview::{Preview, PreviewCell, preview};
pub use table::markdown;

/// What an experiment stands on besides its plan.
#[derive(Clone, Debug)]
pub struct Ground {
    /// Where `/sys` and `/proc/sys` are.
    pub root: Root,
    /// Folder of the journal: see [`state_folder`].
    pub state: PathBuf,
    /// This program, which has the built-in neighbours and the reference server.
    pub program: PathBuf,
    /// The operator's leave to change settings of the node.
    pub may_change: bool,
    /// GPUs with their nodes by a better source than this node's sysfs; empty to read that.
    pub gpus: Vec<GpuPlace>,
    /// Key of the server.
    pub key: Option<ApiKey>,
    /// Headers of every request.
    pub headers: Vec<Header>,
}

impl Ground {
    /// The node, with the GPUs of the better source.
    #[must_use]
    pub fn node(&self) -> Node {
        let mut node = Node::read(&self.root);
        if !self.gpus.is_empty() {
            node.gpus.clone_from(&self.gpus);
        }
        node
    }
}

/// Why there is no experiment.
#[derive(Debug, Error)]
pub enum ExperimentError {
    /// The plan changes the node, and nobody allowed that.
    #[error("the plan changes settings of this node ({}); allow that with `--allow-changes`, or leave them out", .0.join(", "))]
    NotAllowed(Vec<String>),
    /// The baseline cannot be measured, so there is nothing to compare with.
    #[error("the baseline `{cell}` cannot be measured: {why}")]
    NoBaseline {
        /// Its name.
        cell: String,
        /// Why.
        why: String,
    },
    /// The server that the plan begins with cannot be measured, or does not end.
    #[error("the running server (process {pid}) {why}")]
    NotFound {
        /// Its first process.
        pid: i32,
        /// What is the matter, and what to do.
        why: String,
    },
    /// Settings could not be set back.
    #[error("settings could not be set back: {}; run `plumb experiment restore`", .0.join("; "))]
    NotRestored(Vec<String>),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The load test.
    #[error(transparent)]
    Bench(#[from] BenchError),
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
