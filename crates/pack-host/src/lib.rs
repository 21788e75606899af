//! Finds, trusts, sandboxes and asks check packs.
//!
//! [`discover()`] finds packs without loading them. [`Host::open`] decides which of them may be loaded, starts a worker
//! process for each and loads it there; [`Host::evaluate`] asks all of them about one bundle. The process that calls
//! these never loads foreign code itself: only [`worker_main`] does, in a process of its own that has given up whatever
//! a pack must not have.
//!
//! A pack that fails is a result, not an error: one `not-run` finding per check that tells the cause.
#![warn(missing_docs)]

#[cfg(feature = "test")]
mod cases;
mod chain;
mod discover;
mod document;
mod error;
mod fixtures;
mod frame;
mod host;
mod image;
#[cfg(feature = "test")]
pub mod kit;
mod library;
mod link;
mod lock;
mod manifest;
pub mod page;
#[cfg(feature = "test")]
mod reached;
mod reply;
mod sandbox;
mod trust;
mod verify;
mod words;
mod worker;

pub use discover::{Discovered, Origin, PackForm, PackLocation, SearchPath, discover};
pub use document::EvidenceDocument;
pub use error::Error;
pub use fixtures::silenced;
pub use host::{Host, HostOptions, PackRun, PackStatus};
pub use lock::{LOCK_FILE, LockFile, Pin};
pub use manifest::{MANIFEST_FILE, parse as parse_manifest, to_toml as manifest_to_toml};
pub use trust::{SigningKey, Trust, TrustBasis, TrustPolicy, Unpinned, check_trust, pin};
pub use verify::{RuleResult, Verdict, Verification, renew_findings, verify};
pub use words::{PageTexts, Pages};
pub use worker::worker_main;
