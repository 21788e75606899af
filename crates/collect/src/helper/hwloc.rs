//! hwloc's topology, as XML.

use plumb_evidence::{Absence, Missing};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

mod library;

use library::Topology;

/// Discovers the topology, devices included, and exports it.
pub(super) fn ask() -> Result<Vec<u8>, Missing> {
    let failed = |what: &str| {
        let error = std::io::Error::last_os_error();
        Missing::new(Absence::Failed, format!("hwloc cannot {what}: {error}"))
    };
    unprivileged();
    let mut topology = Topology::new().ok_or_else(|| failed("be set up"))?;
    // The whole machine, not only what this process may use: the report compares the two. Instruction caches are left
    // out by default, and lstopo shows them.
    if !(topology.include_disallowed() && topology.keep_instruction_caches() && topology.keep_important_io())
    {
        return Err(failed("be set up"));
    }
    if !topology.load() {
        return Err(failed("discover the topology"));
    }
    topology.xml().ok_or_else(|| failed("export the topology"))
}

/// Gives up `CAP_SYS_ADMIN`, without which the kernel answers the first 64 bytes of a device's configuration space.
///
/// hwloc takes the class and the numbers of the buses from there, and asks for all 256 bytes for the speed of the link,
/// which the kernel tells elsewhere. Each four of them are an access to the device: a third of hwloc's time on a virtual
/// machine, and not what all devices bear well (the kernel says so where it sets the 64).
fn unprivileged() {
    if let Ok(mut sets) = capabilities(None) {
        sets.effective.remove(CapabilitySet::SYS_ADMIN);
        let _ = set_capabilities(None, sets);
    }
}
