//! A fault for each check, planted on the synthetic node, with everything that has to be found of it, and nothing else.
//!
//! What is expected is worked out by hand from the check's page, not copied from what Plumb prints: the outcome, the subject, and
//! the other checks that the same fault has to show in. Each planted node is physically possible; [`possible()`] holds it to that.

mod affinity;
mod cpu_power;
mod gpu;
mod irq_net;
mod kernel;
mod memory;
mod possible;
mod scheduler;
mod service;
mod slo;
mod topology;
mod virt_container;

pub use possible::possible;

use crate::synthetic::Node;

/// One fault on an otherwise healthy node.
pub struct Planted {
    /// What is broken, in a few words; unique.
    pub name: &'static str,
    /// The check that has to find it.
    pub check: &'static str,
    /// `fail` or `warn`: the worst outcome of that check.
    pub outcome: &'static str,
    /// The subject of its worst finding.
    pub subject: &'static str,
    /// Other checks that the same fault has to show in, with their worst outcome.
    pub also: &'static [(&'static str, &'static str)],
    /// Text of an engagement file, where the check needs one; empty for none.
    pub engagement: &'static str,
    /// Breaks it.
    pub plant: fn(&mut Node),
}

/// All planted faults, pack by pack.
#[must_use]
pub fn all() -> Vec<&'static Planted> {
    let packs: [&[Planted]; 11] = [
        affinity::PLANTED,
        cpu_power::PLANTED,
        gpu::PLANTED,
        irq_net::PLANTED,
        kernel::PLANTED,
        memory::PLANTED,
        scheduler::PLANTED,
        service::PLANTED,
        slo::PLANTED,
        topology::PLANTED,
        virt_container::PLANTED,
    ];
    packs.into_iter().flatten().collect()
}

/// Checks that no planted node can show, with the reason.
pub const NOT_PLANTED: &[(&str, &str)] = &[];
