//! hwloc's topology, as XML.

use plumb_evidence::{Absence, Missing};

mod library;

use library::Topology;

/// Discovers the topology, devices included, and exports it.
pub(super) fn ask() -> Result<Vec<u8>, Missing> {
    let failed = |what: &str| {
        let error = std::io::Error::last_os_error();
        Missing::new(Absence::Failed, format!("hwloc cannot {what}: {error}"))
    };
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
