//! The node as an experiment sees it: which CPUs, NUMA nodes and GPUs there are, and files of settings.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use nix::sched::sched_getaffinity;
use nix::unistd::Pid;
use plumb_evidence::{CpuSet, NodeSet};

use super::sys::cpus_of;

/// Where `/sys` and `/proc/sys` are looked for: `/`, or the folder of a test.
#[derive(Clone, Debug)]
pub struct Root(PathBuf);

impl Default for Root {
    fn default() -> Self {
        Self(PathBuf::from("/"))
    }
}

impl Root {
    /// Files below `folder`.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Path of the file that the node calls `path`.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }

    /// What stands in a file, without white space at its ends.
    pub(crate) fn read(&self, path: &str) -> io::Result<String> {
        Ok(fs::read_to_string(self.path(path))?.trim().to_owned())
    }

    /// Writes a value into a file that is there.
    pub(crate) fn write(&self, path: &str, value: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).truncate(true).open(self.path(path))?;
        // One write: the kernel takes each for a value.
        file.write_all(format!("{value}\n").as_bytes())
    }

    /// Names in a folder, in order of their numbers: `policy2` before `policy10`.
    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_by_key(|name| (number(name), name.clone()));
        names
    }
}

fn number(name: &str) -> u32 {
    name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(u32::MAX)
}

/// A GPU and its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GpuPlace {
    /// PCI address.
    pub address: String,
    /// NUMA node, where it has one.
    pub node: Option<u32>,
    /// Who says so: `this node's sysfs`, `the bundle`.
    pub source: String,
}

/// Topology.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// CPUs that are online and that this process may use.
    pub cpus: CpuSet,
    /// CPUs of each NUMA node, of those.
    pub nodes: BTreeMap<u32, CpuSet>,
    /// NUMA nodes that have memory.
    pub with_memory: NodeSet,
    /// Threads of the core of each CPU.
    pub siblings: BTreeMap<u32, CpuSet>,
    /// GPUs, by address.
    pub gpus: Vec<GpuPlace>,
}

const CPU: &str = "sys/devices/system/cpu";
const NODE: &str = "sys/devices/system/node";
const PCI: &str = "sys/bus/pci/devices";

impl Node {
    /// Reads it.
    #[must_use]
    pub fn read(root: &Root) -> Self {
        let allowed = sched_getaffinity(Pid::from_raw(0)).map(|mask| cpus_of(&mask)).unwrap_or_default();
        let list = |path: &str| root.read(path).ok().and_then(|text| text.parse::<CpuSet>().ok());
        let online = list(&format!("{CPU}/online")).unwrap_or_else(|| allowed.clone());
        let cpus = online.intersection(&allowed);
        let mut nodes = BTreeMap::new();
        for name in root.names(NODE) {
            let Some(id) = name.strip_prefix("node").and_then(|id| id.parse().ok()) else { continue };
            if let Some(own) = list(&format!("{NODE}/{name}/cpulist")) {
                nodes.insert(id, own.intersection(&cpus));
            }
        }
        let mut with_memory = list(&format!("{NODE}/has_memory")).unwrap_or_default();
        if nodes.is_empty() {
            // A kernel without NUMA has one node and does not show it.
            nodes.insert(0, cpus.clone());
        }
        if with_memory.is_empty() {
            with_memory = nodes.keys().copied().collect();
        }
        let siblings = cpus
            .iter()
            .filter_map(|cpu| {
                let topology = format!("{CPU}/cpu{cpu}/topology");
                let own = list(&format!("{topology}/core_cpus_list"))
                    .or_else(|| list(&format!("{topology}/thread_siblings_list")))?;
                Some((cpu, own))
            })
            .collect();
        Self { cpus, nodes, with_memory, siblings, gpus: gpus(root) }
    }

    /// Nodes of CPUs.
    #[must_use]
    pub fn nodes_of(&self, cpus: &CpuSet) -> NodeSet {
        self.nodes.iter().filter(|(_, own)| !own.intersection(cpus).is_empty()).map(|(id, _)| *id).collect()
    }

    /// CPUs of nodes.
    #[must_use]
    pub fn cpus_of(&self, nodes: &NodeSet) -> CpuSet {
        nodes.iter().filter_map(|node| self.nodes.get(&node)).fold(CpuSet::new(), |all, own| all.union(own))
    }

    /// All threads of the cores of `cpus`.
    #[must_use]
    pub fn whole_cores(&self, cpus: &CpuSet) -> CpuSet {
        cpus.iter()
            .filter_map(|cpu| self.siblings.get(&cpu))
            .fold(cpus.clone(), |all, own| all.union(&own.intersection(&self.cpus)))
    }
}

/// Display and accelerator devices; of known makers of GPUs where there are any, since every server board has a small display
/// device, too.
fn gpus(root: &Root) -> Vec<GpuPlace> {
    let mut makers = Vec::new();
    let mut others = Vec::new();
    for address in root.names(PCI) {
        let read = |file: &str| root.read(&format!("{PCI}/{address}/{file}")).unwrap_or_default();
        let class = read("class");
        if !class.starts_with("0x03") && !class.starts_with("0x12") {
            continue;
        }
        let node = read("numa_node").parse::<u32>().ok();
        let place = GpuPlace { address: address.clone(), node, source: "this node's sysfs".to_owned() };
        if matches!(read("vendor").as_str(), "0x10de" | "0x1002") {
            makers.push(place)
        } else {
            others.push(place)
        }
    }
    let mut found = if makers.is_empty() { others } else { makers };
    found.sort_by(|a, b| a.address.cmp(&b.address));
    found
}

/// The files of frequency policies, by name: `…/policy0`.
pub(crate) fn frequency_policies(root: &Root) -> Vec<String> {
    let folder = format!("{CPU}/cpufreq");
    root.names(&folder)
        .into_iter()
        .filter(|name| name.starts_with("policy"))
        .map(|name| format!("{folder}/{name}"))
        .collect()
}
