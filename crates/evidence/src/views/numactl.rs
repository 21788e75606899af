//! `numactl --hardware`: nodes, CPUs, memory, distances.

use std::fmt::Write;

use crate::fact::{Fact, Missing};
use crate::index_set::IndexSet;
use crate::model::Evidence;

/// Nodes with their CPUs, memory and distances, as `numactl --hardware` prints them.
///
/// # Errors
/// Says why the nodes are not known.
pub fn numactl(evidence: &Evidence) -> Result<String, Missing> {
    let numa = evidence.numa.require()?;
    let ids: IndexSet = numa.nodes.iter().map(|node| node.id).collect();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "available: {} nodes ({ids})", numa.nodes.len());
    for node in &numa.nodes {
        let cpus: String = node.cpus.iter().map(|cpu| format!(" {cpu}")).collect();
        let _ = writeln!(text, "node {} cpus:{cpus}", node.id);
        for (what, bytes) in [("size", &node.mem_total_bytes), ("free", &node.mem_free_bytes)] {
            let value = match bytes {
                Fact::Known(bytes) => format!("{} MB", bytes >> 20),
                Fact::Missing(missing) => format!("not known ({})", missing.missing),
            };
            let _ = writeln!(text, "node {} {what}: {value}", node.id);
        }
    }
    let _ = writeln!(text, "node distances:");
    let header: String = numa.nodes.iter().map(|node| format!(" {:>3}", node.id)).collect();
    let _ = writeln!(text, "node{header} ");
    for node in &numa.nodes {
        let row = match &node.distances {
            Fact::Known(distances) => {
                distances.iter().map(|distance| format!(" {distance:>3} ")).collect::<String>()
            }
            Fact::Missing(missing) => format!(" not known ({})", missing.missing),
        };
        let _ = writeln!(text, "{:>3}:{}", node.id, row.replace("  ", " ").replacen(' ', "  ", 1));
    }
    Ok(text)
}
