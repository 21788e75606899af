//! Sources of one quantity that cannot both be right.

use std::collections::BTreeMap;

use plumb_evidence::contradictions::disagreements;
use plumb_evidence::model::{CgroupTime, Window};
use plumb_evidence::{Evidence, Fact, derive};

use crate::groups::bundle;

fn files(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    files.iter().map(|(path, text)| (format!("raw{path}"), text.as_bytes().to_vec())).collect()
}

fn told(evidence: &Evidence) -> Vec<&'static str> {
    disagreements(evidence).iter().map(|own| own.quantity.as_str()).collect()
}

/// Two CPUs, one NUMA node with `cpus` and `node_kib`, and a node with `kib` of memory.
fn node(cpus: &str, node_kib: u64, kib: u64, free_kib: u64) -> Evidence {
    derive(&bundle(files(&[
        ("/proc/meminfo", &format!("MemTotal: {kib} kB\nMemFree: {free_kib} kB\n")),
        ("/proc/cpuinfo", "processor\t: 0\n\nprocessor\t: 1\n"),
        ("/sys/devices/system/cpu/online", "0-1\n"),
        ("/sys/devices/system/cpu/present", "0-1\n"),
        ("/sys/devices/system/cpu/cpu0/topology/core_id", "0\n"),
        ("/sys/devices/system/cpu/cpu1/topology/core_id", "1\n"),
        ("/sys/devices/system/node/online", "0\n"),
        ("/sys/devices/system/node/node0/cpulist", cpus),
        ("/sys/devices/system/node/node0/meminfo", &format!("Node 0 MemTotal: {node_kib} kB\n")),
    ])))
}

#[test]
fn sources_that_cannot_both_be_right_are_told() {
    assert_eq!(told(&node("0-1", 1000, 1000, 10)), [""; 0]);
    assert_eq!(told(&node("0-1", 960, 1000, 10)), [""; 0], "pages are handed out and taken back");
    assert_eq!(told(&node("0-1", 58, 1000, 10)), ["memory"]);
    assert_eq!(told(&node("0-1", 1000, 1000, 1010)), ["free-memory"]);
    assert_eq!(told(&node("0", 1000, 1000, 10)), ["cpus-of-nodes"]);
    assert_eq!(told(&node("0-3", 1000, 1000, 10)), [""; 0], "lists may name CPUs that are off");
}

#[test]
fn a_group_is_not_throttled_in_more_periods_than_there_are() {
    let with = |periods, throttled| {
        let group = CgroupTime {
            periods: Fact::Known(periods),
            throttled_periods: Fact::Known(throttled),
            ..CgroupTime::default()
        };
        let window =
            Window { seconds: 10.0, cgroups: [("/g".to_owned(), group)].into(), ..Window::default() };
        Evidence { window: Fact::Known(window), ..node("0-1", 1000, 1000, 10) }
    };
    assert_eq!(told(&with(100, 100)), [""; 0]);
    assert_eq!(told(&with(100, 120)), ["throttled"]);
}
