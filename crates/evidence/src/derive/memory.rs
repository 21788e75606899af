//! Host memory: `/proc/meminfo`, `/proc/vmstat`, `/proc/swaps`, the folders of NUMA nodes, and the error counters of
//! EDAC.

use std::collections::BTreeMap;

use crate::derive::freq::numbered;
use crate::derive::numa;
use crate::fact::{Absence, Fact, Missing};
use crate::model::{HugePages, Memory, MemoryController, ModuleErrors, NodeMemory, SwapArea};
use crate::source::{Source, malformed};

const MEMINFO: &str = "/proc/meminfo";
const VMSTAT: &str = "/proc/vmstat";
const SWAPS: &str = "/proc/swaps";
/// Folder of the memory controllers that EDAC knows.
pub const CONTROLLERS: &str = "/sys/devices/system/edac/mc";

/// # Errors
/// Fails where nothing of it was collected.
pub(crate) fn derive(source: &impl Source) -> Result<Memory, Missing> {
    let meminfo = source.text(MEMINFO);
    let size = |key: &str| bytes_of(MEMINFO, &meminfo, key);
    let nodes = nodes(source);
    if let (Err(missing), Err(_)) = (&meminfo, &nodes) {
        return Err(missing.clone());
    }
    Ok(Memory {
        path: MEMINFO.to_owned(),
        total_bytes: size("MemTotal:"),
        free_bytes: size("MemFree:"),
        available_bytes: size("MemAvailable:"),
        shared_bytes: size("Shmem:"),
        hugetlb_bytes: size("Hugetlb:"),
        default_huge_pages: default_huge_pages(&meminfo).into(),
        swap_total_bytes: size("SwapTotal:"),
        swap_free_bytes: size("SwapFree:"),
        nodes: nodes.into(),
        swaps: source.text(SWAPS).and_then(|text| swaps(&text).ok_or_else(|| malformed(SWAPS, &text))).into(),
        vmstat: source
            .text(VMSTAT)
            .and_then(|text| counters(&text).ok_or_else(|| malformed(VMSTAT, &text)))
            .into(),
        controllers: controllers(source).into(),
    })
}

fn nodes(source: &impl Source) -> Result<Vec<NodeMemory>, Missing> {
    let ids = numbered(source, numa::PATH, "node")?;
    Ok(ids.into_iter().map(|node| of_node(source, node)).collect())
}

fn of_node(source: &impl Source, node: u32) -> NodeMemory {
    let path = format!("{}/node{node}", numa::PATH);
    let file = format!("{path}/meminfo");
    let text = source.text(&file);
    let size = |key: &str| bytes_of(&file, &text, key);
    let reclaimable = || -> Result<u64, Missing> {
        let of = |key: &str| size(key).require().copied();
        let cache = of("FilePages:")?.saturating_sub(of("Shmem:")?);
        Ok(cache.saturating_add(of("SReclaimable:")?))
    };
    let huge_pages = huge_pages(source, &format!("{path}/hugepages")).into();
    NodeMemory {
        node,
        total_bytes: size("MemTotal:"),
        free_bytes: size("MemFree:"),
        reclaimable_bytes: reclaimable().into(),
        huge_pages,
        path,
    }
}

fn huge_pages(source: &impl Source, folder: &str) -> Result<Vec<HugePages>, Missing> {
    let of_size = |name: &String| {
        let kib: u64 = name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
        let path = format!("{folder}/{name}");
        Some(HugePages {
            page_bytes: kib.checked_mul(1024)?,
            total: source.parse(&format!("{path}/nr_hugepages")).into(),
            free: source.parse(&format!("{path}/free_hugepages")).into(),
            path,
        })
    };
    let mut pages: Vec<HugePages> = source.list(folder)?.iter().filter_map(of_size).collect();
    pages.sort_by_key(|pages| pages.page_bytes);
    Ok(pages)
}

/// Huge pages of the default size, which `/proc/meminfo` counts in pages.
fn default_huge_pages(meminfo: &Result<String, Missing>) -> Result<HugePages, Missing> {
    let text = meminfo.as_ref().map_err(Clone::clone)?;
    let page_bytes = *bytes_of(MEMINFO, meminfo, "Hugepagesize:").require()?;
    let pages = |key: &str| -> Result<u64, Missing> {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        let absent = || Missing::new(Absence::Absent, format!("{MEMINFO} has no `{key}`"));
        line.ok_or_else(absent)?.trim_start_matches(':').trim().parse().map_err(|_| malformed(MEMINFO, text))
    };
    Ok(HugePages {
        path: MEMINFO.to_owned(),
        page_bytes,
        total: pages("HugePages_Total").into(),
        free: pages("HugePages_Free").into(),
    })
}

/// The value of `key` (`MemTotal:`) in kB of a text like `/proc/meminfo`, in bytes.
fn bytes_of(path: &str, text: &Result<String, Missing>, key: &str) -> Fact<u64> {
    let text = match text {
        Ok(text) => text,
        Err(missing) => return Fact::Missing(missing.clone()),
    };
    if !text.split_whitespace().any(|word| word == key) {
        return Fact::absent(format!("{path} has no `{}`", key.trim_end_matches(':')));
    }
    numa::meminfo_bytes(text, key).map_or_else(|| Fact::Missing(malformed(path, text)), Fact::Known)
}

/// `name value` lines; `None` where any is something else.
fn counters(text: &str) -> Option<BTreeMap<String, u64>> {
    text.lines()
        .map(|line| {
            let (name, value) = line.split_once(' ')?;
            // The number of allocated but unused pages of some kinds may be negative for a moment.
            let value: i64 = value.trim().parse().ok()?;
            Some((name.to_owned(), u64::try_from(value).unwrap_or(0)))
        })
        .collect()
}

/// Areas of `/proc/swaps`, which has a line of headings.
fn swaps(text: &str) -> Option<Vec<SwapArea>> {
    let mut lines = text.lines();
    lines.next()?.starts_with("Filename").then_some(())?;
    lines
        .map(|line| {
            // The name comes first and may hold blanks, escaped by the kernel.
            let mut words = line.split_whitespace();
            let kib = |words: &mut std::str::SplitWhitespace<'_>| {
                words.next()?.parse::<u64>().ok()?.checked_mul(1024)
            };
            Some(SwapArea {
                name: words.next()?.to_owned(),
                kind: words.next()?.to_owned(),
                size_bytes: kib(&mut words)?,
                used_bytes: kib(&mut words)?,
            })
        })
        .collect()
}

fn controllers(source: &impl Source) -> Result<Vec<MemoryController>, Missing> {
    let ids = numbered(source, CONTROLLERS, "mc")?;
    if ids.is_empty() {
        return Err(Missing::new(Absence::Absent, format!("{CONTROLLERS} lists no memory controller")));
    }
    Ok(ids.into_iter().map(|id| controller(source, format!("{CONTROLLERS}/mc{id}"))).collect())
}

fn controller(source: &impl Source, path: String) -> MemoryController {
    let module = |name: &String| {
        let is_module = ["dimm", "rank"]
            .into_iter()
            .any(|prefix| name.strip_prefix(prefix).is_some_and(|rest| rest.parse::<u32>().is_ok()));
        let path = format!("{path}/{name}");
        is_module.then(|| ModuleErrors {
            label: source.fact(&format!("{path}/dimm_label")),
            ce_count: source.parse(&format!("{path}/dimm_ce_count")).into(),
            ue_count: source.parse(&format!("{path}/dimm_ue_count")).into(),
            path,
        })
    };
    MemoryController {
        name: source.fact(&format!("{path}/mc_name")),
        ce_count: source.parse(&format!("{path}/ce_count")).into(),
        ue_count: source.parse(&format!("{path}/ue_count")).into(),
        seconds_since_reset: source.parse(&format!("{path}/seconds_since_reset")).into(),
        modules: source.list(&path).unwrap_or_default().iter().filter_map(module).collect(),
        path,
    }
}

/// Size of `/dev/shm` in bytes from the text of `/proc/PID/mounts`, on a node with `total_bytes` of memory.
///
/// The kernel leaves the option `size` out where it is the default of tmpfs, half of the memory (tmpfs(5)).
///
/// # Errors
/// Says why there is no size: nothing, or no tmpfs, is mounted there, or the default is not known.
pub fn shm_bytes(mounts: &str, total_bytes: &Fact<u64>) -> Result<u64, Missing> {
    // The last mount on a place hides the ones before it.
    let mount = mounts.lines().rev().find_map(|line| {
        let mut words = line.split(' ');
        let (_, place, kind, options) = (words.next()?, words.next()?, words.next()?, words.next()?);
        (place == "/dev/shm").then_some((kind, options))
    });
    let absent = |reason: &str| Missing::new(Absence::Absent, reason);
    let (kind, options) = mount.ok_or_else(|| absent("nothing is mounted at /dev/shm"))?;
    if kind != "tmpfs" {
        return Err(absent("what is mounted at /dev/shm is no tmpfs"));
    }
    match options.split(',').find_map(|option| option.strip_prefix("size=")) {
        // The kernel prints kB, whatever was asked for.
        Some(size) => {
            let kib: Option<u64> = size.strip_suffix('k').and_then(|kib| kib.parse().ok());
            kib.and_then(|kib| kib.checked_mul(1024)).ok_or_else(|| malformed("mounts", options))
        }
        None => Ok(total_bytes.require()? / 2),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn swap_areas_are_read_past_their_headings() {
        let text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/dm-1                            \
                \
                    partition\t8388604\t\t1024\t\t-2\n/swap\\040file file 100 0 -3";
        let areas = swaps(text).unwrap();
        assert_eq!(areas.len(), 2);
        assert_eq!((areas[0].size_bytes, areas[0].used_bytes), (8_388_604 * 1024, 1024 * 1024));
        assert_eq!(areas[1].kind, "file");
        assert_eq!(swaps("Filename Type Size Used Priority").unwrap(), []);
        assert_eq!(swaps(""), None, "an empty file does not say that there is no swap");
        assert_eq!(swaps("Filename\n/dev/sda2 partition x 0 -2"), None);
    }

    #[test]
    fn a_counter_that_is_no_number_spoils_the_table() {
        assert_eq!(counters("pswpin 3\noom_kill 0").unwrap()["pswpin"], 3);
        assert_eq!(counters("nr_unstable -4").unwrap()["nr_unstable"], 0);
        assert_eq!(counters("pswpin x"), None);
    }

    #[test]
    fn shared_memory_is_the_last_mount_or_half_of_the_memory() {
        let total = Fact::Known(8 << 30);
        let of = |mounts| shm_bytes(mounts, &total);
        assert_eq!(of("shm /dev/shm tmpfs rw,nosuid,size=65536k,inode64 0 0"), Ok(64 << 20));
        assert_eq!(of("tmpfs /dev/shm tmpfs rw,nosuid,nodev,inode64 0 0"), Ok(4 << 30));
        assert_eq!(
            of("shm /dev/shm tmpfs rw,size=65536k 0 0\ntmpfs /dev/shm tmpfs rw,size=16777216k 0 0"),
            Ok(16 << 30)
        );
        assert_eq!(of("tmpfs /dev/shm/x tmpfs rw 0 0").unwrap_err().missing, Absence::Absent);
        assert_eq!(of("/dev/sda1 /dev/shm ext4 rw 0 0").unwrap_err().missing, Absence::Absent);
        assert_eq!(of("shm /dev/shm tmpfs size=50% 0 0").unwrap_err().missing, Absence::Malformed);
        let unknown = Fact::Missing(Missing::new(Absence::Denied, "no"));
        assert_eq!(shm_bytes("t /dev/shm tmpfs rw 0 0", &unknown).unwrap_err().missing, Absence::Denied);
    }

    #[test]
    fn huge_pages_of_the_default_size_are_counted_in_pages() {
        let text = "HugePages_Total:     671\nHugePages_Free:      670\nHugepagesize:    1048576 kB\n";
        let of = |text: &str| default_huge_pages(&Ok(text.to_owned()));
        let pages = of(text).unwrap();
        assert_eq!(
            (pages.total, pages.free, pages.page_bytes),
            (Fact::Known(671), Fact::Known(670), 1 << 30)
        );
        assert!(of("HugePages_Total: 0\n").is_err(), "of which size is not said");
        let unread = of("Hugepagesize: 2048 kB\nHugePages_Total: x").unwrap();
        assert!(unread.total.require().is_err_and(|why| why.missing == Absence::Malformed));
        assert!(unread.free.require().is_err_and(|why| why.is_absent()));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|([a-zA-Z:0-9 \t-]{0,30}\n){0,8}") {
            let _ = (swaps(&text), counters(&text), shm_bytes(&text, &Fact::Known(1)));
            let _ = (bytes_of(MEMINFO, &Ok(text.clone()), "MemTotal:"), default_huge_pages(&Ok(text)));
        }
    }
}
