//! Host memory: use, nodes, swap, errors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fact::{Fact, Missing};

/// Host memory: use, nodes, swap, errors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// File that the sizes were read from, `/proc/meminfo`.
    pub path: String,
    /// Memory that the kernel manages (`MemTotal`).
    pub total_bytes: Fact<u64>,
    /// Memory that nothing uses (`MemFree`).
    pub free_bytes: Fact<u64>,
    /// The kernel's estimate of what can be had without swapping (`MemAvailable`, Linux 3.14 and later).
    pub available_bytes: Fact<u64>,
    /// Shared memory and tmpfs (`Shmem`).
    pub shared_bytes: Fact<u64>,
    /// All huge pages that are set aside, of all sizes (`Hugetlb`, Linux 4.16 and later).
    pub hugetlb_bytes: Fact<u64>,
    /// Huge pages of the default size, on all nodes together (`HugePages_Total`, `HugePages_Free`, `Hugepagesize`).
    pub default_huge_pages: Fact<HugePages>,
    /// Swap areas together (`SwapTotal`).
    pub swap_total_bytes: Fact<u64>,
    /// Of them unused (`SwapFree`).
    pub swap_free_bytes: Fact<u64>,
    /// NUMA nodes, by number.
    pub nodes: Fact<Vec<NodeMemory>>,
    /// Swap areas; known to be empty where there is none.
    pub swaps: Fact<Vec<SwapArea>>,
    /// Kernel memory counters since boot by name (`oom_kill`, …), from `/proc/vmstat`.
    pub vmstat: Fact<BTreeMap<String, u64>>,
    /// Memory controllers that report errors; absent where no driver for them is loaded.
    pub controllers: Fact<Vec<MemoryController>>,
}

/// Memory of one NUMA node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeMemory {
    /// Folder that it was read from, `/sys/devices/system/node/nodeN`.
    #[serde(default)]
    pub path: String,
    /// Number of the node.
    pub node: u32,
    /// Size.
    #[serde(default)]
    pub total_bytes: Fact<u64>,
    /// Unused.
    #[serde(default)]
    pub free_bytes: Fact<u64>,
    /// Given back when asked for: page cache without shared memory, and reclaimable kernel memory
    /// (`FilePages` - `Shmem` + `SReclaimable`).
    #[serde(default)]
    pub reclaimable_bytes: Fact<u64>,
    /// Huge pages set aside, by size; absent where the kernel has none.
    #[serde(default)]
    pub huge_pages: Fact<Vec<HugePages>>,
}

impl Memory {
    /// Huge pages that are known to be set aside, and why there may be more: by node and size where all nodes tell, else
    /// the totals of the default size.
    pub fn huge_pages(&self) -> (Vec<&HugePages>, Result<(), Missing>) {
        let mut pools = Vec::new();
        let mut rest = self.nodes.require().map(|_| ());
        for node in self.nodes.known().into_iter().flatten() {
            match node.huge_pages.optional() {
                Ok(of_node) => pools.extend(of_node.into_iter().flatten()),
                Err(why) => rest = Err(why),
            }
        }
        match (rest, self.default_huge_pages.known()) {
            (Err(why), Some(pages)) => {
                let bytes = pages.total.known().map(|total| total.saturating_mul(pages.page_bytes));
                let is_all = self.hugetlb_bytes.known().is_some_and(|all| Some(*all) == bytes);
                (vec![pages], if is_all { Ok(()) } else { Err(why) })
            }
            (rest, _) => (pools, rest),
        }
    }
}

/// Huge pages of one size on one NUMA node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HugePages {
    /// Folder that it was read from, `…/hugepages/hugepages-2048kB`.
    #[serde(default)]
    pub path: String,
    /// Size of a page.
    pub page_bytes: u64,
    /// Number set aside.
    #[serde(default)]
    pub total: Fact<u64>,
    /// Of them unused.
    #[serde(default)]
    pub free: Fact<u64>,
}

/// One swap area, from `/proc/swaps`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SwapArea {
    /// Device or file.
    #[serde(default)]
    pub name: String,
    /// `partition` or `file`.
    #[serde(default)]
    pub kind: String,
    /// Size.
    pub size_bytes: u64,
    /// In use.
    pub used_bytes: u64,
}

/// One memory controller, from the kernel's error detection and correction (EDAC).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryController {
    /// Folder that it was read from, `/sys/devices/system/edac/mc/mcN`; counters are named after its files.
    pub path: String,
    /// Name that the driver gives it.
    pub name: Fact<String>,
    /// Errors that were corrected.
    pub ce_count: Fact<u64>,
    /// Errors that could not be corrected.
    pub ue_count: Fact<u64>,
    /// Seconds for which it has been counting.
    pub seconds_since_reset: Fact<u64>,
    /// Memory modules that it tells apart.
    pub modules: Vec<ModuleErrors>,
}

/// Errors of one memory module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModuleErrors {
    /// Folder that it was read from, `…/dimmN` or `…/rankN`.
    pub path: String,
    /// Place on the board, where someone has told the kernel.
    pub label: Fact<String>,
    /// Errors that were corrected.
    pub ce_count: Fact<u64>,
    /// Errors that could not be corrected.
    pub ue_count: Fact<u64>,
}
