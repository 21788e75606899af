//! `lstopo`: the tree of the machine, from hwloc's XML.

use std::collections::BTreeMap;
use std::fmt::Write;

use roxmltree::Node;

use crate::bundle::Bundle;
use crate::derive::hwloc::parse;
use crate::fact::Missing;

/// The tree of packages, caches, cores, PUs, NUMA nodes and devices, as `lstopo` prints it as text.
///
/// # Errors
/// Says why there is no export, or what is wrong with it.
pub fn lstopo(bundle: &Bundle) -> Result<String, Missing> {
    let document = parse(bundle)?;
    let mut view = View::default();
    if let Some(machine) = document.root_element().children().find(|node| node.has_tag_name("object")) {
        view.memory_total = numa_bytes(&machine);
        view.object(&machine, 0, false);
    }
    view.text.push('\n');
    Ok(view.text)
}

fn numa_bytes(machine: &Node<'_, '_>) -> u64 {
    machine
        .descendants()
        .filter(|node| node.attribute("type") == Some("NUMANode"))
        .filter_map(|node| node.attribute("local_memory")?.parse::<u64>().ok())
        // Not `sum`, which panics on the sizes that an attacker may write.
        .fold(0, u64::saturating_add)
}

#[derive(Default)]
struct View {
    text: String,
    memory_total: u64,
    /// Next logical number by kind.
    logical: BTreeMap<String, u32>,
}

impl View {
    /// Recursive: [`parse`] sees to it that the tree is not deep.
    fn object(&mut self, object: &Node<'_, '_>, depth: usize, same_line: bool) {
        if same_line {
            self.text.push_str(" + ");
        } else {
            if !self.text.is_empty() {
                self.text.push('\n');
            }
            self.text.push_str(&"  ".repeat(depth));
        }
        let label = self.label(object);
        self.text.push_str(&label);

        let children: Vec<Node<'_, '_>> =
            object.children().filter(|node| node.has_tag_name("object")).collect();
        let (memory, rest): (Vec<_>, Vec<_>) = children
            .into_iter()
            .partition(|child| matches!(child.attribute("type"), Some("NUMANode" | "MemCache")));
        let (devices, normal): (Vec<_>, Vec<_>) = rest.into_iter().partition(|child| {
            matches!(child.attribute("type"), Some("Bridge" | "PCIDev" | "OSDev" | "Misc"))
        });
        // What stands alone below an object is set beside it.
        let beside = normal.len() == 1 && memory.is_empty() && devices.is_empty();
        for child in memory {
            self.object(&child, depth + 1, false);
        }
        for child in normal {
            self.object(&child, if beside { depth } else { depth + 1 }, beside);
        }
        for child in devices {
            self.object(&child, depth + 1, false);
        }
    }

    fn label(&mut self, object: &Node<'_, '_>) -> String {
        let attribute = |name: &str| object.attribute(name).unwrap_or_default();
        let kind = attribute("type");
        let physical = object.attribute("os_index").map(|index| format!("P#{index}"));
        match kind {
            "Machine" => format!("Machine ({} total)", size(self.memory_total)),
            "PU" => format!("{} ({})", self.numbered("PU"), physical.unwrap_or_default()),
            "NUMANode" => {
                let memory = attribute("local_memory").parse().map(size).unwrap_or_default();
                let inner: Vec<String> =
                    physical.into_iter().chain((!memory.is_empty()).then_some(memory)).collect();
                format!("{} ({})", self.numbered("NUMANode"), inner.join(" "))
            }
            "Bridge" if attribute("bridge_type").starts_with("0-") => "HostBridge".to_owned(),
            "Bridge" => "PCIBridge".to_owned(),
            "PCIDev" => {
                let address = attribute("pci_busid");
                let short = address.strip_prefix("0000:").unwrap_or(address);
                let class = u32::from_str_radix(attribute("pci_type").get(..4).unwrap_or_default(), 16);
                format!("PCI {short} ({})", class.map_or("Unknown", class_name))
            }
            "OSDev" => {
                let what = match attribute("osdev_type") {
                    "0" => "Block",
                    "1" => "GPU",
                    "2" => "Net",
                    "3" => "OpenFabrics",
                    "4" => "DMA",
                    "5" => "CoProc",
                    _ => "Device",
                };
                format!("{what} \"{}\"", attribute("name"))
            }
            cache if cache.ends_with("Cache") => {
                let level = cache.trim_end_matches("iCache").trim_end_matches("Cache");
                let suffix = match (cache.ends_with("iCache"), level) {
                    (true, _) => "i",
                    (false, "L1") => "d",
                    _ => "",
                };
                let bytes = attribute("cache_size").parse().map(size).unwrap_or_default();
                format!("{} ({bytes})", self.numbered(&format!("{level}{suffix}")))
            }
            other => self.numbered(other),
        }
    }

    fn numbered(&mut self, kind: &str) -> String {
        let next = self.logical.entry(kind.to_owned()).or_insert(0);
        let mut label = String::new();
        let _ = write!(label, "{kind} L#{next}");
        *next += 1;
        label
    }
}

/// The unit that lstopo takes: the largest of which there are at least ten.
fn size(bytes: u64) -> String {
    let kib = bytes.saturating_add(512) >> 10;
    if kib < 10 << 10 {
        return format!("{kib}KB");
    }
    let mib = bytes.saturating_add(1 << 19) >> 20;
    if mib < 10 << 10 {
        return format!("{mib}MB");
    }
    let gib = bytes.saturating_add(1 << 29) >> 30;
    if gib < 10 << 10 { format!("{gib}GB") } else { format!("{}TB", bytes.saturating_add(1 << 39) >> 40) }
}

/// Names of PCI classes, as hwloc shortens them.
fn class_name(class: u32) -> &'static str {
    match class {
        0x0101 => "IDE",
        0x0104 => "RAID",
        0x0106 => "SATA",
        0x0107 => "SAS",
        0x0108 => "NVMExp",
        0x0200 => "Ethernet",
        0x0207 => "InfiniBand",
        0x0300 => "VGA",
        0x0302 => "3D",
        0x0380 => "Display",
        0x0b40 => "Co-Processor",
        0x1200 => "ProcessingAccelerator",
        _ => match class >> 8 {
            0x01 => "Storage",
            0x02 => "Network",
            0x03 => "Display",
            0x04 => "Multimedia",
            0x06 => "Bridge",
            0x07 => "Communication",
            0x0b => "Processor",
            0x0c => "Serial Bus",
            _ => "Other",
        },
    }
}
