//! Where a process's memory is: `/proc/PID/numa_maps`.
//!
//! One line per mapping: address, policy, then `key=value` words. `N0=12` are pages on node 0 of the size that
//! `kernelpagesize_kB` gives at the end of the line.

use crate::fact::{Absence, Missing};
use crate::model::ProcessMemory;
use crate::source::{Source, malformed};

pub(super) fn derive(source: &impl Source, path: &str) -> Result<ProcessMemory, Missing> {
    let text = source.text(path)?;
    if text.is_empty() {
        return Err(Missing::new(
            Absence::Absent,
            format!("{path} is empty: the process has no memory of its own"),
        ));
    }
    let mut memory = ProcessMemory { path: path.to_owned(), ..ProcessMemory::default() };
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(_address), Some(policy)) = (words.next(), words.next()) else {
            return Err(malformed(path, line));
        };
        *memory.policies.entry(policy.to_owned()).or_default() += 1;
        let mut pages: Vec<(u32, u64)> = Vec::new();
        let mut page_bytes = 4096_u64;
        let mut file = false;
        for word in words {
            let Some((key, value)) = word.split_once('=') else { continue };
            if key == "file" {
                file = true;
            } else if key == "kernelpagesize_kB" {
                let kib: u64 = value.parse().map_err(|_| malformed(path, line))?;
                page_bytes = kib.saturating_mul(1024);
            } else if let Some(node) = key.strip_prefix('N').and_then(|node| node.parse().ok()) {
                pages.push((node, value.parse().map_err(|_| malformed(path, line))?));
            }
        }
        for (node, count) in pages {
            let bytes = count.saturating_mul(page_bytes);
            let all = memory.bytes_by_node.entry(node).or_default();
            *all = all.saturating_add(bytes);
            if !file {
                let own = memory.anonymous_by_node.entry(node).or_default();
                *own = own.saturating_add(bytes);
            }
        }
    }
    Ok(memory)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    struct One(String);

    impl Source for One {
        fn read(&self, _: &str) -> Result<Vec<u8>, Missing> {
            Ok(self.0.clone().into_bytes())
        }
        fn list(&self, path: &str) -> Result<Vec<String>, Missing> {
            Err(malformed(path, ""))
        }
        fn link(&self, path: &str) -> Result<String, Missing> {
            Err(malformed(path, ""))
        }
    }

    #[test]
    fn pages_are_counted_by_their_size() {
        let text = "7f00 default file=/usr/lib/libc.so.6 mapped=10 mapmax=3 N0=10 kernelpagesize_kB=4\n\
                    7f10 bind:0 anon=4 dirty=4 N0=1 N1=3 kernelpagesize_kB=2048\n\
                    7f20 default stack anon=2 dirty=2 N1=2 kernelpagesize_kB=4\n\
                    7f30 default\n";
        let memory = derive(&One(text.into()), "/proc/1/numa_maps").unwrap();
        assert_eq!(
            memory.bytes_by_node,
            BTreeMap::from([(0, 40_960 + (2 << 20)), (1, 6 * (1 << 20) + 8192)])
        );
        assert_eq!(memory.anonymous_by_node, BTreeMap::from([(0, 2 << 20), (1, 6 * (1 << 20) + 8192)]));
        assert_eq!(memory.policies, BTreeMap::from([("bind:0".into(), 1), ("default".into(), 3)]));
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_malformed(text in "([0-9a-f]{1,4} (default|bind:0)( [A-Za-z_0-9=:]{0,12}){0,4}\n?){0,4}|\\PC{0,40}") {
            let _ = derive(&One(text), "/proc/1/numa_maps");
        }
    }
}
