//! hwloc's XML export: counts, and the locality of PCI devices.

use roxmltree::{Document, Node, ParsingOptions};

use crate::bundle::{Bundle, HWLOC_NAME};
use crate::fact::{Absence, Fact, Missing};
use crate::index_set::IndexSet;
use crate::model::{Hwloc, HwlocPci};

/// Levels of elements; what hwloc exports of real machines has about twenty. The views of the tree are recursive, and
/// locality is looked for among the ancestors of each device: both bear this depth, and neither an attacker's.
const MAX_DEPTH: usize = 256;

/// Parses the bundle's XML export, which is at most [`MAX_DEPTH`] deep.
///
/// # Errors
/// Says why there is no export, or what is wrong with it.
pub(crate) fn parse(bundle: &Bundle) -> Result<Document<'_>, Missing> {
    let bytes = bundle.api(HWLOC_NAME, "hwloc")?;
    let malformed = |why: String| Missing::new(Absence::Malformed, format!("{HWLOC_NAME}: {why}"));
    let text = std::str::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?;
    // hwloc names its DTD, which is not read.
    let options = ParsingOptions { allow_dtd: true, nodes_limit: 2_000_000, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text.trim_end_matches('\0'), options)
        .map_err(|error| malformed(error.to_string()))?;
    if deeper_than(&document, MAX_DEPTH) {
        return Err(malformed(format!("its elements are nested deeper than {MAX_DEPTH} levels")));
    }
    match document.root_element().tag_name().name() {
        "topology" => Ok(document),
        other => Err(malformed(format!("its root is `{other}`"))),
    }
}

/// One walk in document order, which needs no stack of calls.
fn deeper_than(document: &Document<'_>, limit: usize) -> bool {
    let mut open = Vec::new();
    for element in document.descendants().filter(Node::is_element) {
        let parent = element.parent().map(|parent| parent.id());
        while !open.is_empty() && open.last().copied() != parent {
            open.pop();
        }
        open.push(element.id());
        if open.len() > limit {
            return true;
        }
    }
    false
}

/// # Errors
/// Says why there is no export, or what is wrong with it.
pub(crate) fn derive(bundle: &Bundle) -> Result<Hwloc, Missing> {
    let document = parse(bundle)?;
    let root = document.root_element();
    let mut result = Hwloc {
        xml_version: root.attribute("version").unwrap_or("1.x").to_owned(),
        packages: 0,
        cores: 0,
        pus: 0,
        numa_nodes: 0,
        pci: Vec::new(),
    };
    for object in document.descendants().filter(|node| node.has_tag_name("object")) {
        match object.attribute("type") {
            Some("Package" | "Socket") => result.packages += 1,
            Some("Core") => result.cores += 1,
            Some("PU") => result.pus += 1,
            Some("NUMANode") => result.numa_nodes += 1,
            Some("PCIDev") => {
                if let Some(device) = pci(&object) {
                    result.pci.push(device);
                }
            }
            _ => {}
        }
    }
    result.pci.sort_by(|a, b| a.address.cmp(&b.address));
    Ok(result)
}

/// A PCI device takes the locality of the nearest object above it that has one.
fn pci(object: &Node<'_, '_>) -> Option<HwlocPci> {
    let address = object.attribute("pci_busid")?.to_owned();
    let set = |name: &str| match object.ancestors().find_map(|above| above.attribute(name)) {
        Some(text) => IndexSet::from_mask(text)
            .map_err(|_| {
                // The error's own words are about lists, and this is a mask.
                let text: String = text.chars().take(80).collect();
                let reason = format!("{HWLOC_NAME}: the {name} of {address}, `{text}`, is not a mask");
                Missing::new(Absence::Malformed, reason)
            })
            .into(),
        None => Fact::absent(format!("{HWLOC_NAME}: no object above {address} has a {name}")),
    };
    let (cpus, nodes) = (set("cpuset"), set("nodeset"));
    Some(HwlocPci { address, cpus, nodes })
}
