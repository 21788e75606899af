//! hwloc's topology, as XML.

use hwlocality::Topology;
use hwlocality::topology::builder::{BuildFlags, TypeFilter};
use hwlocality::topology::export::xml::XMLExportFlags;
use plumb_evidence::{Absence, Missing};

/// Discovers the topology, devices included, and exports it.
pub(super) fn ask() -> Result<Vec<u8>, Missing> {
    let error = |what: &str, error: &dyn std::fmt::Display| {
        Missing::new(Absence::Failed, format!("hwloc cannot {what}: {error}"))
    };
    let topology = Topology::builder()
        // The whole machine, not only what this process may use: the report compares the two.
        .with_flags(BuildFlags::INCLUDE_DISALLOWED)
        .map_err(|why| error("be set up", &why))?
        // Instruction caches are left out by default, and lstopo shows them.
        .with_cpu_icache_type_filter(TypeFilter::KeepAll)
        .map_err(|why| error("be set up", &why))?
        .with_io_type_filter(TypeFilter::KeepImportant)
        .map_err(|why| error("be set up", &why))?
        .build()
        .map_err(|why| error("discover the topology", &why))?;
    let xml =
        topology.export_xml(XMLExportFlags::empty()).map_err(|why| error("export the topology", &why))?;
    Ok(xml.as_bytes().to_vec())
}
