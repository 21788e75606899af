//! Packs that behave, packs that do not, and what the host makes of them.
//!
//! Run all targets of the package, as `cargo test -p plumb-pack-host` does: with `--test it` alone, cargo does not build the
//! libraries under `[[example]]` that these tests load.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod abi;
mod bench;
mod discovery;
mod sandbox;
mod support;
mod trust;
mod verify;
mod zoo;
