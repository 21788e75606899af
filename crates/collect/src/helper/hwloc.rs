//! hwloc's topology, as XML.

use std::fmt::Display;

use hwlocality::Topology;
use hwlocality::topology::builder::{BuildFlags, TypeFilter};
use hwlocality::topology::export::xml::XMLExportFlags;
use plumb_evidence::{Absence, Missing};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

/// Discovers the topology, devices included, and exports it.
pub(super) fn ask() -> Result<Vec<u8>, Missing> {
    unprivileged();
    // The whole machine, not only what this process may use: the report compares the two. Instruction caches are left
    // out by default, and lstopo shows them.
    let builder = Topology::builder()
        .with_flags(BuildFlags::INCLUDE_DISALLOWED)
        .map_err(|error| failed("be set up", &error))?
        .with_cpu_icache_type_filter(TypeFilter::KeepAll)
        .map_err(|error| failed("be set up", &error))?
        .with_io_type_filter(TypeFilter::KeepImportant)
        .map_err(|error| failed("be set up", &error))?;
    let topology = builder.build().map_err(|error| failed("discover the topology", &error))?;
    let xml = topology
        .export_xml(XMLExportFlags::empty())
        .map_err(|error| failed("export the topology", &error))?;
    Ok(xml.as_str().as_bytes().to_vec())
}

fn failed(what: &str, error: &dyn Display) -> Missing {
    Missing::new(Absence::Failed, format!("hwloc cannot {what}: {error}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_answered_for_in_full() {
        let xml = String::from_utf8(ask().unwrap()).unwrap();
        assert!(xml.starts_with("<?xml"), "{xml}");
        assert!(xml.trim_end().ends_with("</topology>"), "{xml}");
        assert!(xml.contains("type=\"PU\""), "{xml}");
    }
}
