//! The kernel log: lines that tell of errors and throttling, from `/dev/kmsg` or a log file.
//!
//! The collector keeps such lines only, and beside them the first record, which tells how far the log goes back. Both
//! forms of a line carry seconds since boot: `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT` of `/dev/kmsg`
//! (Documentation/ABI/testing/dev-kmsg), and `[SECONDS] TEXT` somewhere in a line of a log file.

use crate::fact::Missing;
use crate::model::{KernelLog, LogLine};
use crate::source::{Source, malformed};

/// The log of the running kernel.
pub const KMSG: &str = "/dev/kmsg";
/// Files that hold its lines where it cannot be read, the best first.
pub const FILES: &[&str] = &["/var/log/kern.log", "/var/log/dmesg"];
/// Most lines of a subject, the newest.
const MOST_OF_SUBJECT: usize = 200;

/// Subjects and what their lines hold; the first that fits counts.
const SUBJECTS: &[(&str, &[&str])] = &[
    ("xid", &["NVRM: Xid"]),
    ("nvrm", &["NVRM:", "nvidia-nvswitch", "nvidia-modeset"]),
    ("bar", &["no space for", "no space", "failed to assign", "can't assign"]),
    ("aer", &["AER:", "PCIe Bus Error", "aer_status"]),
    ("edac", &["EDAC"]),
    (
        "oom",
        &["Out of memory", "oom-kill", "oom_reaper", "Memory cgroup out of memory", "invoked oom-killer"],
    ),
    ("clocksource", &["clocksource", "TSC unstable", "Marking TSC"]),
    (
        "throttle",
        &[
            "temperature above threshold",
            "temperature is above threshold",
            "cpu clock throttled",
            "cpu clock is throttled",
            "temperature/speed normal",
            "thermal throttl",
            "power limit notification",
            "PROCHOT",
        ],
    ),
    ("mce", &["mce:", "[Hardware Error]", "Machine check", "machine check"]),
    (
        "hung-task",
        &[
            "blocked for more than",
            "soft lockup",
            "hard LOCKUP",
            "rcu_sched self-detected",
            "self-detected stall",
            "detected stalls",
        ],
    ),
    ("iommu", &["DMAR", "AMD-Vi", "iommu", "IOMMU"]),
    ("numa", &["NUMA", "numa_node", "SRAT"]),
    ("conntrack", &["nf_conntrack: table full"]),
];

/// Every subject of a line.
pub fn subjects() -> impl Iterator<Item = &'static str> {
    SUBJECTS.iter().map(|(subject, _)| *subject)
}

/// The subject of a line, if it is one that checks ask for.
#[must_use]
pub fn subject(text: &str) -> Option<&'static str> {
    let found = SUBJECTS.iter().find(|(_, parts)| parts.iter().any(|part| text.contains(part)));
    // Resources are assigned to many devices; only a failure to do so is of interest.
    found.map(|(subject, _)| *subject).filter(|&subject| subject != "bar" || text.contains("BAR"))
}

/// Time and text of a record of [`KMSG`]; lines with the details of a record begin with a blank and are none.
#[must_use]
pub fn parse_kmsg(line: &str) -> Option<(f64, &str)> {
    if line.starts_with(' ') {
        return None;
    }
    let (head, text) = line.split_once(';')?;
    let micros: u64 = head.split(',').nth(2)?.parse().ok()?;
    Some((micros as f64 / 1e6, text))
}

/// Time and text of a line of a log file.
#[must_use]
pub fn parse_file(line: &str) -> Option<(f64, &str)> {
    let mut rest = line;
    // A name in brackets may come before the time.
    while let Some((_, after)) = rest.split_once('[') {
        if let Some((number, text)) = after.split_once(']')
            && let Ok(seconds) = number.trim().parse::<f64>()
            && number.contains('.')
            && seconds.is_finite()
        {
            // `/var/log/dmesg` of some systems repeats the name of the kernel.
            let text = text.trim_start();
            return Some((seconds, text.strip_prefix("kernel: ").unwrap_or(text)));
        }
        rest = after;
    }
    None
}

/// # Errors
/// No log could be read, or none of its lines tells a time.
pub(crate) fn derive(source: &impl Source) -> Result<KernelLog, Missing> {
    let (path, bytes) = match source.read(KMSG) {
        Ok(bytes) => (KMSG, bytes),
        Err(why) => {
            let read = FILES.iter().find_map(|path| Some((*path, source.read(path).ok()?)));
            read.ok_or(why)?
        }
    };
    let text = String::from_utf8_lossy(&bytes);
    let parse = if path == KMSG { parse_kmsg } else { parse_file };
    let mut records: Vec<(f64, &str)> = text.lines().filter_map(parse).collect();
    let Some(&(last, _)) = records.last() else { return Err(malformed(path, &text)) };
    if path != KMSG {
        // A file goes on over boots, and each begins at 0; only the present one is of the node as it is.
        let restart = records.windows(2).rposition(|pair| matches!(pair, [a, b] if b.0 + 1.0 < a.0));
        records.drain(..restart.map_or(0, |position| position + 1));
    }
    // `inf` is a number for the parser, and none of seconds.
    let uptime = source
        .text("/proc/uptime")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .filter(|seconds: &f64| seconds.is_finite());
    let mut log = KernelLog {
        path: path.to_owned(),
        from_seconds: records.first().map_or(0.0, |(seconds, _)| *seconds),
        to_seconds: uptime.unwrap_or(last).max(last),
        lines: Vec::new(),
        truncated: false,
    };
    let mut kept = std::collections::BTreeMap::<&str, usize>::new();
    for (seconds, text) in records.into_iter().rev() {
        let Some(subject) = subject(text) else { continue };
        let count = kept.entry(subject).or_default();
        if *count < MOST_OF_SUBJECT {
            *count += 1;
            log.lines.push(LogLine { seconds, subject: subject.to_owned(), text: text.to_owned() });
        } else {
            log.truncated = true;
        }
    }
    log.lines.reverse();
    Ok(log)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::fact::Absence;

    struct Files(BTreeMap<&'static str, String>);

    impl Source for Files {
        fn read(&self, path: &str) -> Result<Vec<u8>, Missing> {
            let text =
                self.0.get(path).ok_or_else(|| Missing::new(Absence::Denied, format!("{path}: denied")))?;
            Ok(text.clone().into_bytes())
        }

        fn list(&self, path: &str) -> Result<Vec<String>, Missing> {
            Err(Missing::new(Absence::Absent, path))
        }

        fn link(&self, path: &str) -> Result<String, Missing> {
            Err(Missing::new(Absence::Absent, path))
        }
    }

    fn log(files: &[(&'static str, &str)]) -> Result<KernelLog, Missing> {
        derive(&Files(files.iter().map(|(path, text)| (*path, (*text).to_owned())).collect()))
    }

    #[test]
    fn records_of_the_kernel_are_told_by_subject() {
        let text = "6,0,0,-;\n3,900,5000000,-;NVRM: Xid (PCI:0000:18:00): 79, pid=1, GPU has fallen off the bus.\n \
                    SUBSYSTEM=pci\n4,901,6500000,-;systemd[1]: hello\n4,902,7000000,-;pcieport 0000:17:00.0: AER: Corrected";
        let log = log(&[(KMSG, text), ("/proc/uptime", "100.25 50.0")]).unwrap();
        assert_eq!((log.path.as_str(), log.from_seconds, log.to_seconds), (KMSG, 0.0, 100.25));
        let lines: Vec<(f64, &str)> =
            log.lines.iter().map(|line| (line.seconds, line.subject.as_str())).collect();
        assert_eq!(lines, [(5.0, "xid"), (7.0, "aer")]);
    }

    #[test]
    fn a_log_file_counts_from_the_last_boot() {
        let text = "Nov 22 10:00:00 node kernel: [86400.500000] NVRM: Xid (PCI:0000:18:00): 79, x\n\
                    Nov 23 10:00:00 node kernel: [    0.000000] Linux version 6.8.0\n\
                    2026-11-23T10:00:01+00:00 node kernel: [    1.500000] pci 0000:18:00.0: BAR 1: no space for [mem]\n";
        let log = log(&[("/var/log/kern.log", text)]).unwrap();
        assert_eq!((log.from_seconds, log.to_seconds), (0.0, 1.5));
        assert_eq!(log.lines.len(), 1);
        assert_eq!(log.lines[0].subject, "bar");
        assert_eq!(log.lines[0].text, "pci 0000:18:00.0: BAR 1: no space for [mem]");
    }

    #[test]
    fn what_cannot_be_read_is_not_an_empty_log() {
        assert_eq!(log(&[]).unwrap_err().missing, Absence::Denied);
        assert_eq!(log(&[(KMSG, "no record at all")]).unwrap_err().missing, Absence::Malformed);
        let endless =
            log(&[("/var/log/kern.log", "[1.0e999] x\n[    2.500000] y"), ("/proc/uptime", "inf 1.0")]);
        assert_eq!(endless.unwrap().to_seconds, 2.5);
    }

    #[test]
    fn more_lines_than_are_kept_are_told() {
        let line = |n: usize| format!("3,{n},{n},-;NVRM: Xid (PCI:0000:18:00): 31, n={n}\n");
        let text = |count: usize| (0..count).map(line).collect::<String>();
        let whole = log(&[(KMSG, &text(MOST_OF_SUBJECT))]).unwrap();
        assert!(!whole.truncated);
        let cut = log(&[(KMSG, &text(MOST_OF_SUBJECT + 1))]).unwrap();
        assert!(cut.truncated);
        assert!(cut.lines[0].text.ends_with("n=1"), "the newest are kept");
    }

    #[test]
    fn lines_have_the_subject_of_what_they_tell() {
        for (text, expected) in [
            ("NVRM: Xid (PCI:0000:18:00): 79", Some("xid")),
            ("NVRM: loading NVIDIA UNIX x86_64 Kernel Module", Some("nvrm")),
            ("mce: CPU3: Core temperature above threshold, cpu clock throttled", Some("throttle")),
            (
                "CPU7: Core temperature is above threshold, cpu clock is throttled (total events = 219)",
                Some("throttle"),
            ),
            ("mce: [Hardware Error]: Machine check events logged", Some("mce")),
            ("EDAC MC0: 1 CE memory read error", Some("edac")),
            (
                "clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable",
                Some("clocksource"),
            ),
            ("INFO: task python3:99 blocked for more than 120 seconds.", Some("hung-task")),
            ("watchdog: BUG: soft lockup - CPU#3 stuck for 26s!", Some("hung-task")),
            ("Out of memory: Killed process 99 (python3)", Some("oom")),
            ("DMAR: Intel(R) Virtualization Technology for Directed I/O", Some("iommu")),
            ("nf_conntrack: nf_conntrack: table full, dropping packet", Some("conntrack")),
            ("python3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0", Some("oom")),
            ("ext4: no space left on device", None),
            ("eth0: link up", None),
        ] {
            assert_eq!(subject(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(?s).{0,200}") {
            let _ = log(&[(KMSG, &text)]);
            let _ = log(&[("/var/log/kern.log", &text)]);
            let _ = log(&[("/var/log/dmesg", &format!("[{text}] {text}"))]);
        }
    }
}
