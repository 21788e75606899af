//! NUMA nodes: `/sys/devices/system/node`.

use std::collections::BTreeMap;

use crate::fact::{Absence, Fact, Missing};
use crate::index_set::{CpuSet, IndexSet, NodeSet};
use crate::model::{Numa, NumaNode};
use crate::source::{Source, malformed};

pub(crate) const PATH: &str = "/sys/devices/system/node";

/// # Errors
/// A kernel without NUMA support, or a container that hides it, has no such folder.
pub(crate) fn derive(source: &impl Source) -> Result<Numa, Missing> {
    let listed: NodeSet =
        source.list(PATH)?.iter().filter_map(|name| name.strip_prefix("node")?.parse().ok()).collect();
    if listed.is_empty() {
        return Err(Missing::new(Absence::Absent, format!("{PATH} lists no node")));
    }
    // A recording may lack the folder of a node that the kernel names.
    let named = source.parse(&format!("{PATH}/online")).unwrap_or_else(|_| NodeSet::new());
    let all = listed.union(&named);
    let mut numa = Numa { path: PATH.to_owned(), nodes: Vec::new(), unread: BTreeMap::new() };
    for id in all.iter() {
        let path = format!("{PATH}/node{id}");
        let cpus = if listed.contains(id) {
            cpus(source, &path)
        } else {
            Err(Missing::not_recorded(format!("{PATH}/online names node {id}, and there is no {path}")))
        };
        match cpus {
            Ok(cpus) => numa.nodes.push(node(source, id, cpus)),
            Err(why) => drop(numa.unread.insert(id, why)),
        }
    }
    if numa.nodes.is_empty()
        && let Some(why) = numa.unread.values().next().cloned()
    {
        return Err(why);
    }
    let read: NodeSet = numa.nodes.iter().map(|node| node.id).collect();
    for node in &mut numa.nodes {
        node.distances = distances(source, &format!("{PATH}/node{}/distance", node.id), &[&all, &listed])
            .map(|row| row.into_iter().filter(|(to, _)| read.contains(*to)).map(|(_, far)| far).collect())
            .into();
    }
    Ok(numa)
}

fn node(source: &impl Source, id: u32, cpus: CpuSet) -> NumaNode {
    let path = format!("{PATH}/node{id}");
    let meminfo = source.text(&format!("{path}/meminfo"));
    let memory = |key: &str| -> Fact<u64> {
        match &meminfo {
            Ok(text) => meminfo_bytes(text, key)
                .map_or_else(|| Fact::Missing(malformed(&format!("{path}/meminfo"), text)), Fact::Known),
            Err(missing) => Fact::Missing(missing.clone()),
        }
    };
    NumaNode {
        id,
        cpus,
        mem_total_bytes: memory("MemTotal:"),
        mem_free_bytes: memory("MemFree:"),
        distances: Fact::default(),
    }
}

/// The CPUs of a node: `cpulist`, or `cpumap` on kernels before 2.6.26.
fn cpus(source: &impl Source, path: &str) -> Result<CpuSet, Missing> {
    match source.parse::<CpuSet>(&format!("{path}/cpulist")) {
        Err(missing) if missing.is_nothing() => {
            let file = format!("{path}/cpumap");
            let text = source.text(&file)?;
            IndexSet::from_mask(&text).map_err(|_| malformed(&file, &text))
        }
        result => result,
    }
}

/// One distance per online node, with the node; the kernel leaves out the others. `nodes` are what may be online.
fn distances(source: &impl Source, path: &str, nodes: &[&NodeSet]) -> Result<Vec<(u32, u32)>, Missing> {
    let text = source.text(path)?;
    let distances: Vec<u32> = text
        .split_whitespace()
        .map(|word| word.parse().map_err(|_| malformed(path, &text)))
        .collect::<Result<_, _>>()?;
    let online = nodes.iter().find(|nodes| nodes.len() == distances.len());
    online.map(|nodes| nodes.iter().zip(distances).collect()).ok_or_else(|| malformed(path, &text))
}

/// The value of `key` in a node's `meminfo` (`Node 0 MemTotal:  3931264 kB`), in bytes.
pub(crate) fn meminfo_bytes(text: &str, key: &str) -> Option<u64> {
    let mut words = text.lines().map(str::split_whitespace).find_map(|mut words| {
        words.find(|&word| word == key)?;
        Some(words)
    })?;
    let kib: u64 = words.next()?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::testing::Tree;

    #[test]
    fn a_node_that_cannot_be_read_is_missing_alone() {
        let mut files = vec![
            ("/sys/devices/system/node/node0/cpulist", "0-1"),
            ("/sys/devices/system/node/node0/distance", "10 21 31"),
            ("/sys/devices/system/node/node1/cpulist", "no list"),
            ("/sys/devices/system/node/node2/cpulist", "4-5"),
            ("/sys/devices/system/node/node2/distance", "31 41 10"),
        ];
        let numa = derive(&Tree::of(&files)).unwrap();
        let row = |at: usize| numa.nodes[at].distances.known().unwrap().clone();
        assert_eq!((numa.nodes.len(), row(0), row(1)), (2, vec![10, 31], vec![31, 10]));
        assert!(numa.unread[&1].reason.contains("no list"), "{:?}", numa.unread);
        assert!(numa.complete().is_err());
        // Two nodes with CPUs are known, whatever the third is.
        assert_eq!(numa.has_one_with_cpus(), Ok(false));

        // The kernel names a node of which nothing was copied.
        files = vec![
            ("/sys/devices/system/node/online", "0-1"),
            ("/sys/devices/system/node/node1/cpulist", "1,3"),
            ("/sys/devices/system/node/node1/distance", "20 10"),
        ];
        let numa = derive(&Tree::of(&files)).unwrap();
        assert_eq!(numa.unread[&0].missing, Absence::NotRecorded);
        assert_eq!(numa.nodes[0].distances.known(), Some(&vec![10]));
        assert!(numa.has_one_with_cpus().is_err(), "the other node may have CPUs as well");
        assert!(numa.require(0).is_err());
        assert_eq!(numa.require(7), Ok(None));

        files.retain(|(path, _)| path.ends_with("online"));
        files.push(("/sys/devices/system/node/node0/meminfo", "Node 0 MemTotal: 8 kB"));
        assert!(derive(&Tree::of(&files)).is_err(), "no node is left");
    }
}
