//! NUMA nodes as the running kernel has them.

use std::collections::BTreeMap;
use std::path::Path;

use plumb_evidence::CpuSet;

/// A NUMA node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Node {
    /// Its number.
    pub(super) number: u32,
    /// Its CPUs; none for a node of memory alone.
    pub(super) cpus: CpuSet,
    /// Memory that is free on it.
    pub(super) free_bytes: u64,
    /// Relative distances by the firmware, by number of the other node.
    pub(super) distances: BTreeMap<u32, u32>,
}

/// All nodes, by number; a kernel without NUMA has node 0 or none.
pub(in super::super) fn nodes() -> Vec<Node> {
    nodes_in(Path::new("/sys/devices/system/node"))
}

fn nodes_in(folder: &Path) -> Vec<Node> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut numbers: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.strip_prefix("node")?.parse().ok()).collect();
    numbers.sort_unstable();
    let node = |&number: &u32| {
        let text = |name: &str| std::fs::read_to_string(folder.join(format!("node{number}")).join(name)).ok();
        // The list is in the order of the nodes that there are.
        let distances = text("distance").unwrap_or_default();
        let distances = distances.split_ascii_whitespace().filter_map(|value| value.parse().ok());
        Some(Node {
            number,
            cpus: text("cpulist")?.trim().parse().unwrap_or_default(),
            free_bytes: text("meminfo").and_then(|text| free_bytes(&text)).unwrap_or(0),
            distances: numbers.iter().copied().zip(distances).collect(),
        })
    };
    numbers.iter().filter_map(node).collect()
}

/// `Node 0 MemFree:        1234 kB`
fn free_bytes(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.contains("MemFree:"))?;
    let kib: u64 = line.split_ascii_whitespace().rev().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_have_their_distances_by_number() {
        let folder = tempfile::tempdir().unwrap();
        for (number, cpus, distance) in [(0, "0-3", "10 21"), (4, "", "21 10")] {
            let node = folder.path().join(format!("node{number}"));
            std::fs::create_dir(&node).unwrap();
            std::fs::write(node.join("cpulist"), format!("{cpus}\n")).unwrap();
            std::fs::write(node.join("distance"), format!("{distance}\n")).unwrap();
            std::fs::write(node.join("meminfo"), format!("Node {number} MemFree:  2048 kB\n")).unwrap();
        }
        std::fs::write(folder.path().join("online"), "0,4").unwrap();
        let nodes = nodes_in(folder.path());
        assert_eq!(nodes.iter().map(|node| node.number).collect::<Vec<_>>(), [0, 4]);
        assert_eq!(nodes[0].distances, BTreeMap::from([(0, 10), (4, 21)]));
        assert!(nodes[1].cpus.is_empty() && nodes[1].free_bytes == 2 << 20);
    }
}
