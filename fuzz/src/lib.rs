//! What the targets do with the bytes that the fuzzer makes up.
//!
//! Parsers are tried in groups: a file of an honest node is spoilt and everything is derived from it, so that parsers that
//! are added later are tried as well, as soon as their files are in a group. A target takes several groups in turn, since
//! each has to be run for minutes.

use std::fs;
use std::path::{Path, PathBuf};

use plumb_evidence::bundle::sha256_hex;
use plumb_evidence::container::Limits;
use plumb_evidence::{Bundle, IndexSet};

#[path = "../../crates/evidence/tests/it/groups.rs"]
pub mod groups;
pub mod seeds;

use groups::analyse;

/// Targets and their groups. The first byte of an input picks the group.
pub const TARGETS: &[(&str, &[&str])] = &[
    ("proc", &["process", "server", "interrupts", "window", "system", "cgroup", "memory", "kernel"]),
    ("sys", &["cpu", "numa", "pci", "clocks", "power", "network", "storage"]),
    ("configuration", &["boot", "persistent", "unit", "container", "kubelet"]),
    ("answers", &["hwloc", "gpu", "answers", INDEX_SETS]),
];

/// Not a group of files: lists and masks of CPUs.
const INDEX_SETS: &str = "index sets";

/// Ends one file and begins the next; no UTF-8 text has it.
const SEPARATOR: u8 = 0xff;

/// Tries one input on a target.
///
/// # Panics
/// Where a parser has a fault, or the target is not in [`TARGETS`].
pub fn target(name: &str, data: &[u8]) {
    let Some((&pick, data)) = data.split_first() else { return };
    let (_, groups) = TARGETS.iter().find(|(target, _)| *target == name).expect("a target of that name");
    match groups[usize::from(pick) % groups.len()] {
        INDEX_SETS => index_set(data),
        group => spoil(group, data),
    }
}

/// Spoils files of the honest node: each part is the number of a file and its content.
fn spoil(group: &str, data: &[u8]) {
    let contents: Vec<(usize, Vec<u8>)> = data
        .split(|&byte| byte == SEPARATOR)
        .take(8)
        .filter_map(|part| part.split_first())
        .map(|(&number, content)| (usize::from(number), content.to_vec()))
        .collect();
    analyse(groups::group(group), &contents);
}

/// Reads a bundle: the bytes as they are, or as the archive inside the compression, by the first byte.
///
/// # Panics
/// Where the reader has a fault, or gives content that its manifest does not vouch for.
pub fn bundle(data: &[u8]) {
    let Some((&kind, data)) = data.split_first() else { return };
    let path = scratch();
    let written = if kind % 4 == 0 {
        fs::write(&path, data)
    } else {
        zstd::encode_all(data, 1).and_then(|packed| fs::write(&path, packed))
    };
    written.expect("a scratch file can be written");
    let limits = Limits { entries: 200, file_bytes: 1 << 16, total_bytes: 1 << 18, ratio: 400 };
    if let Ok(read) = Bundle::read_within(&path, &limits) {
        assert_eq!(read.files().len(), read.manifest().files.len());
        for record in &read.manifest().files {
            assert_eq!(sha256_hex(&read.files()[&record.path]), record.sha256);
        }
        let _ = plumb_evidence::derive(&read);
    }
}

/// Lists and masks of CPUs survive being written and read again.
fn index_set(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for set in [text.parse::<IndexSet>(), IndexSet::from_mask(text)].into_iter().flatten() {
        let again: IndexSet = set.to_string().parse().expect("what is written can be read");
        assert_eq!(again, set);
    }
}

/// A file in memory, one per process.
fn scratch() -> PathBuf {
    let folder =
        if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
    folder.join(format!("plumb-fuzz-{}", std::process::id()))
}

/// Every group belongs to a target: one that is added and forgotten here would never be tried.
#[cfg(test)]
#[test]
fn every_group_is_reached() {
    for group in groups::GROUPS {
        let reached = TARGETS.iter().any(|(_, groups)| groups.contains(&group.name));
        assert!(reached, "no target takes the group `{}`", group.name);
    }
}
