//! Measurements that cost the node something.
//!
//! This crate alone opens network connections, and only to the server that it was told to measure. Nothing here prints.
#![warn(missing_docs)]

pub mod bench;
pub mod experiment;
pub mod foreign;
pub mod noise;
pub mod observe;
mod process;
pub mod stats;
