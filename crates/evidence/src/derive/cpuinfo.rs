//! `/proc/cpuinfo`, whose keys differ by architecture.

use std::collections::BTreeMap;

use crate::fact::{Fact, Missing};
use crate::source::Source;

pub(crate) const PATH: &str = "/proc/cpuinfo";

/// The keys of one processor.
pub(crate) type Block = BTreeMap<String, String>;

/// `/proc/cpuinfo`, by processor number, with the keys that stand outside of any processor's block.
#[derive(Debug, Default)]
pub(crate) struct CpuInfo {
    pub(crate) processors: BTreeMap<u32, Block>,
    common: Block,
}

impl CpuInfo {
    pub(crate) fn read(source: &impl Source) -> Result<Self, Missing> {
        source.text(PATH).map(|text| Self::parse(&text))
    }

    pub(crate) fn parse(text: &str) -> Self {
        let mut info = Self::default();
        let mut current = None;
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else {
                if line.trim().is_empty() {
                    current = None;
                }
                continue;
            };
            let (key, value) = (key.trim(), value.trim());
            // s390 puts the number before the colon: `processor 0: version = FF, …`.
            let number = match key.strip_prefix("processor") {
                Some("") => value.parse().ok(),
                Some(rest) => rest.trim().parse().ok(),
                None => None,
            };
            if let Some(number) = number {
                current = Some(number);
                info.processors.entry(number).or_default();
                continue;
            }
            let block = match current {
                Some(number) => info.processors.entry(number).or_default(),
                None => &mut info.common,
            };
            block.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
        info
    }

    /// The first value of any of `keys`, in the order of `keys`.
    pub(crate) fn first(&self, keys: &[&str]) -> Fact<String> {
        keys.iter()
            .find_map(|&key| {
                self.processors.values().chain(std::iter::once(&self.common)).find_map(|block| block.get(key))
            })
            .map_or_else(
                || Fact::absent(format!("{PATH} has none of {}", keys.join(", "))),
                |v| Fact::Known(v.clone()),
            )
    }

    /// True if the processor's flags say that it runs under a hypervisor.
    pub(crate) fn hypervisor_flag(&self) -> bool {
        self.first(&["flags", "Features"])
            .known()
            .is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_several_architectures() {
        let x86 = CpuInfo::parse(
            "processor\t: 0\nmodel name\t: A CPU\nphysical id\t: 0\n\nprocessor\t: 1\nphysical id\t: 1\n",
        );
        assert_eq!(x86.processors[&1]["physical id"], "1");
        assert_eq!(x86.first(&["model name"]).known().map(String::as_str), Some("A CPU"));
        let s390 = CpuInfo::parse(
            "vendor_id       : IBM/S390\nprocessor 0: version = FF\nprocessor 1: version = FF\n",
        );
        assert_eq!(s390.processors.len(), 2);
        assert_eq!(s390.first(&["vendor_id"]).known().map(String::as_str), Some("IBM/S390"));
    }
}
