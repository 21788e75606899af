//! Each subject of which the collector keeps lines of the kernel log is judged by a check, or there is a reason why not.

use std::collections::BTreeMap;

use plumb_evidence::derive::kernel_log::{subject, subjects};
use plumb_tests::synthetic::Node;
use plumb_tests::{plumb, run};
use serde_json::Value;

/// What becomes of the lines of a subject.
enum Fate {
    /// This check tells of such a line, and does not pass.
    Judged(&'static str, &'static str),
    /// Nobody judges them, for this reason.
    Silent(&'static str),
}

use Fate::{Judged, Silent};

const FATES: &[(&str, Fate)] = &[
    ("xid", Judged("gpu.xid", "NVRM: Xid (PCI:0000:18:00): 48, pid=4242, DBE (double bit error)")),
    ("nvrm", Judged("gpu.xid", "NVRM: GPU 0000:18:00.0: GPU has fallen off the bus.")),
    ("bar", Judged("gpu.bar1", "pci 0000:18:00.0: BAR 1: no space for [mem size 0x2000000000 64bit pref]")),
    (
        "aer",
        Judged(
            "gpu.xid",
            "nvidia 0000:18:00.0: PCIe Bus Error: severity=Uncorrectable (Non-Fatal), type=Transaction Layer",
        ),
    ),
    ("edac", Judged("mem.host-ecc", "EDAC MC0: 1 UE memory read error on CPU_SrcID#0_MC#0_Chan#0_DIMM#0")),
    ("oom", Judged("mem.headroom", "Out of memory: Killed process 99 (python3) total-vm:1kB")),
    (
        "clocksource",
        Judged(
            "kernel.clocksource",
            "clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable because the skew is too large",
        ),
    ),
    (
        "throttle",
        Silent(
            "the synthetic node has counters of throttling, which decide; without them `cpu.thermal-throttle` reads the log",
        ),
    ),
    ("mce", Judged("mem.host-ecc", "mce: [Hardware Error]: Machine check events logged")),
    ("hung-task", Judged("sched.os-jitter", "INFO: task python3:99 blocked for more than 120 seconds.")),
    (
        "iommu",
        Judged(
            "gpu.xid",
            "DMAR: [DMA Read NO_PASID] Request device [18:00.0] fault addr 0x1000 [fault reason 0x06] PTE Read access is not set",
        ),
    ),
    ("numa", Silent("nodes and distances are read from sysfs, which is what the kernel made of such lines")),
    ("conntrack", Judged("net.listen-backlog", "nf_conntrack: nf_conntrack: table full, dropping packet")),
];

#[test]
fn every_subject_of_the_log_has_a_judge_or_a_reason() {
    let fates: BTreeMap<&str, &Fate> = FATES.iter().map(|(subject, fate)| (*subject, fate)).collect();
    let known: Vec<&str> = subjects().collect();
    assert!(known.iter().all(|subject| fates.contains_key(subject)), "{known:?}");
    assert_eq!(fates.len(), known.len());
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (name, fate) in fates {
        let (check, line) = match fate {
            Judged(check, line) => (*check, *line),
            Silent(why) => {
                assert!(!why.is_empty());
                continue;
            }
        };
        assert_eq!(subject(line), Some(name), "{line}");
        let mut node = Node::healthy();
        let log = node.text("/dev/kmsg");
        node.set("/dev/kmsg", format!("{log}3,9001,863990000000,-;{line}\n"));
        if name == "bar" {
            // The log is asked where NVML does not answer.
            node.files.remove("api/nvml.json");
        }
        let path = folder.path().join(format!("{name}.plumb"));
        node.bundle().write(&path).unwrap();
        let result = run(plumb().args(["check", "--format", "json"]).arg(&path));
        let assessment: Value = serde_json::from_str(&result.out).unwrap();
        let of_check: Vec<&Value> = assessment["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["check"] == check)
            .collect();
        let words = line.trim_start_matches("NVRM: ");
        let tells = |finding: &&Value| {
            (finding["outcome"] == "fail" || finding["outcome"] == "warn")
                && finding["evidence"].to_string().contains(words)
        };
        if !of_check.iter().any(tells) {
            wrong.push(format!("{name}: {check} says nothing of `{line}`: {of_check:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
