//! NUMA nodes: `/sys/devices/system/node`.

use crate::fact::{Absence, Fact, Missing};
use crate::index_set::{CpuSet, IndexSet};
use crate::model::{Numa, NumaNode};
use crate::source::{Source, malformed};

pub(crate) const PATH: &str = "/sys/devices/system/node";

/// # Errors
/// A kernel without NUMA support, or a container that hides it, has no such folder.
pub(crate) fn derive(source: &impl Source) -> Result<Numa, Missing> {
    let mut ids: Vec<u32> =
        source.list(PATH)?.iter().filter_map(|name| name.strip_prefix("node")?.parse().ok()).collect();
    ids.sort_unstable();
    if ids.is_empty() {
        return Err(Missing::new(Absence::Absent, format!("{PATH} lists no node")));
    }
    let count = ids.len();
    let nodes = ids.into_iter().map(|id| node(source, id, count)).collect::<Result<_, _>>()?;
    Ok(Numa { path: PATH.to_owned(), nodes })
}

fn node(source: &impl Source, id: u32, count: usize) -> Result<NumaNode, Missing> {
    let path = format!("{PATH}/node{id}");
    let meminfo = source.text(&format!("{path}/meminfo"));
    let memory = |key: &str| -> Fact<u64> {
        match &meminfo {
            Ok(text) => meminfo_bytes(text, key)
                .map_or_else(|| Fact::Missing(malformed(&format!("{path}/meminfo"), text)), Fact::Known),
            Err(missing) => Fact::Missing(missing.clone()),
        }
    };
    Ok(NumaNode {
        id,
        cpus: cpus(source, &path)?,
        mem_total_bytes: memory("MemTotal:"),
        mem_free_bytes: memory("MemFree:"),
        distances: distances(source, &format!("{path}/distance"), count).into(),
    })
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

/// One distance per online node; the kernel leaves out the others.
fn distances(source: &impl Source, path: &str, count: usize) -> Result<Vec<u32>, Missing> {
    let text = source.text(path)?;
    let distances: Vec<u32> = text
        .split_whitespace()
        .map(|word| word.parse().map_err(|_| malformed(path, &text)))
        .collect::<Result<_, _>>()?;
    if distances.len() == count { Ok(distances) } else { Err(malformed(path, &text)) }
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
