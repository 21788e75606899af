//! Reads a node, or a recording of one, into a bundle.
//!
//! Only reads: no probe writes to the node, changes a setting or opens a network socket ([`forbid_network`] makes the
//! kernel see to the last). Each subject is a [`Probe`] with a time budget of its own; what a probe cannot read is
//! recorded with the reason, and the others go on.

mod clock;
mod collect;
mod conduct;
mod cost;
mod fs_source;
mod helper;
mod interrupt;
mod mask;
mod mask_config;
mod named;
mod network;
mod probe;
mod probes;
mod recorder;
mod runner;
mod seen;
mod survey;

pub use collect::{CollectError, Options, Progress, collect, file_name};
pub use conduct::Conduct;
pub use fs_source::FsSource;
pub use helper::{Answer, Helper, helper_main};
pub use interrupt::{Interrupt, Signals};
pub use network::forbid_network;
pub use probe::Probe;
pub use probes::PROBES;
pub use survey::{Planned, survey};
