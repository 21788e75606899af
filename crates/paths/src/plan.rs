//! What is to be measured.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// How a measurement goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// PCI addresses or numbers of GPUs; empty for all.
    pub gpus: Vec<String>,
    /// Longest time for one pair of a GPU and a node, in s.
    pub seconds: f64,
    /// Rounds in which all cells are measured anew, in another order.
    pub rounds: usize,
    /// Also launch from each CPU.
    pub cores: bool,
    /// What the order is drawn from.
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self { gpus: Vec::new(), seconds: 2.0, rounds: 8, cores: false, seed: 1 }
    }
}

/// A NUMA node of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its number.
    pub id: u32,
    /// Its CPUs that this process may use.
    pub cpus: Vec<usize>,
    /// Its CPUs as the kernel lists them.
    pub list: String,
    /// Whether it has memory.
    pub has_memory: bool,
}

/// The NUMA nodes, by the kernel's files below `root` (`/sys/devices/system/node`); one node of all CPUs where it has none.
#[must_use]
pub fn nodes(root: &Path, allowed: &[usize]) -> Vec<Node> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut found: Vec<Node> = entries
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.strip_prefix("node")?.parse().ok()?;
            let list = fs::read_to_string(entry.path().join("cpulist")).ok()?.trim().to_owned();
            let memory = fs::read_to_string(entry.path().join("meminfo")).unwrap_or_default();
            let total = memory.lines().find(|line| line.contains("MemTotal:"));
            let has_memory =
                total.and_then(|line| line.split_whitespace().rev().nth(1)?.parse::<u64>().ok()).unwrap_or(0)
                    > 0;
            let cpus = cpus(&list).into_iter().filter(|cpu| allowed.contains(cpu)).collect();
            Some(Node { id, cpus, list, has_memory })
        })
        .collect();
    found.sort_by_key(|node| node.id);
    if found.is_empty() {
        found.push(Node { id: 0, cpus: allowed.to_vec(), list: String::new(), has_memory: true });
    }
    found
}

/// The CPUs that share each last-level cache, by the kernel's files below `root` (`/sys/devices/system/cpu`); none where it does not say.
#[must_use]
pub(crate) fn caches(root: &Path, allowed: &[usize]) -> Vec<String> {
    let mut found = std::collections::BTreeSet::new();
    for cpu in allowed {
        let folder = root.join(format!("cpu{cpu}/cache"));
        let indices = fs::read_dir(folder).into_iter().flatten().flatten();
        let last = indices
            .filter_map(|entry| {
                let read = |file: &str| fs::read_to_string(entry.path().join(file)).ok();
                Some((read("level")?.trim().parse::<u32>().ok()?, read("shared_cpu_list")?.trim().to_owned()))
            })
            .max();
        found.extend(last.map(|(_, list)| list));
    }
    found.into_iter().collect()
}

/// CPUs of a list such as `0-3,8`.
pub(crate) fn cpus(list: &str) -> Vec<usize> {
    let mut all = Vec::new();
    for part in list.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse::<usize>())
            && last < 1 << 16
        {
            all.extend(first..=last);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_those_of_the_kernel() {
        let folder = tempfile_dir();
        for (id, list, memory) in
            [(0, "0-1,4", "Node 0 MemTotal: 100 kB\n"), (2, "2-3", "Node 2 MemTotal: 0 kB\n")]
        {
            let node = folder.join(format!("node{id}"));
            fs::create_dir_all(&node).unwrap();
            fs::write(node.join("cpulist"), format!("{list}\n")).unwrap();
            fs::write(node.join("meminfo"), memory).unwrap();
        }
        let found = nodes(&folder, &[0, 1, 2, 4]);
        let brief: Vec<_> = found.iter().map(|node| (node.id, node.cpus.clone(), node.has_memory)).collect();
        assert_eq!(brief, [(0, vec![0, 1, 4], true), (2, vec![2], false)]);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(nodes(Path::new("/nowhere"), &[3])[0].cpus, [3]);
    }

    fn tempfile_dir() -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("plumb-paths-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }
}
