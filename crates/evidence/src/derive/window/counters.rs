//! Counters of the node and of control groups.

use std::collections::BTreeMap;

use super::Ends;
use crate::derive::freq::numbered;
use crate::fact::{Absence, Fact, Missing};
use crate::model::{CgroupTime, CpuTime, InterruptCount, Pressure, Softnet};
use crate::source::malformed;

/// Names and values of a text with one `name value` per line.
fn pairs(text: &str) -> BTreeMap<&str, u64> {
    text.lines()
        .filter_map(|line| {
            let (name, value) = line.split_once(' ')?;
            Some((name, value.trim().parse().ok()?))
        })
        .collect()
}

/// Differences of the counters that are in both maps and did not run backwards.
fn differences(first: &BTreeMap<&str, u64>, last: &BTreeMap<&str, u64>) -> BTreeMap<String, u64> {
    last.iter()
        .filter_map(|(name, value)| Some(((*name).to_owned(), value.checked_sub(*first.get(name)?)?)))
        .collect()
}

fn backwards(path: &str) -> Missing {
    Missing::new(Absence::Malformed, format!("{path}: a counter ran backwards between the readings"))
}

fn columns(line: &str) -> Vec<u64> {
    line.split_ascii_whitespace().map_while(|word| word.parse().ok()).collect()
}

/// Counts by CPU of a line whose columns are the CPUs of the heading; zeros are left out.
fn by_cpu(cpus: &[u32], first: &[u64], last: &[u64]) -> Option<BTreeMap<u32, u64>> {
    let mut counts = BTreeMap::new();
    for ((&cpu, first), last) in cpus.iter().zip(first).zip(last) {
        let count = last.checked_sub(*first)?;
        if count > 0 {
            counts.insert(cpu, count);
        }
    }
    Some(counts)
}

/// CPU numbers of a heading such as `CPU0 CPU1 CPU8`.
fn heading(line: &str) -> Vec<u32> {
    line.split_ascii_whitespace().filter_map(|word| word.strip_prefix("CPU")?.parse().ok()).collect()
}

type Stat = (Fact<Vec<CpuTime>>, Fact<u64>, Fact<Vec<u64>>);

impl Ends<'_> {
    /// CPU times, context switches and runnable threads.
    pub(super) fn stat(&self) -> Stat {
        const PATH: &str = "/proc/stat";
        let (first, last) = match self.texts(PATH) {
            Ok(texts) => texts,
            Err(why) => {
                return (Fact::Missing(why.clone()), Fact::Missing(why.clone()), Fact::Missing(why));
            }
        };
        let earlier: BTreeMap<u32, Vec<u64>> = first.lines().filter_map(cpu_line).collect();
        let cpus = last
            .lines()
            .filter_map(cpu_line)
            .filter_map(|(cpu, last)| Some((cpu, earlier.get(&cpu)?, last)))
            .map(|(cpu, first, last)| cpu_time(cpu, first, &last))
            .collect::<Vec<_>>();
        let cpus = if cpus.is_empty() { Fact::Missing(malformed(PATH, &last)) } else { Fact::Known(cpus) };
        let (first, last) = (pairs(&first), pairs(&last));
        let switches = match (first.get("ctxt"), last.get("ctxt")) {
            (Some(first), Some(last)) => last.checked_sub(*first).ok_or_else(|| backwards(PATH)).into(),
            _ => Fact::absent(format!("{PATH} has no line `ctxt`")),
        };
        let running = match (first.get("procs_running"), last.get("procs_running")) {
            (Some(&first), Some(&last)) => Fact::Known(vec![first, last]),
            _ => Fact::absent(format!("{PATH} has no line `procs_running`")),
        };
        (cpus, switches, running)
    }

    /// Totals of a pressure file.
    pub(super) fn pressure(&self, path: &str) -> Result<Pressure, Missing> {
        let (first, last) = self.texts(path)?;
        let total = |text: &str, kind: &str| -> Option<u64> {
            let line = text.lines().find(|line| line.starts_with(kind))?;
            line.split_ascii_whitespace().find_map(|word| word.strip_prefix("total="))?.parse().ok()
        };
        let moved = |kind: &str| Some((total(&first, kind)?, total(&last, kind)?));
        // `irq` has the line `full` only.
        let full = moved("full").and_then(|(first, last)| last.checked_sub(first));
        let some = match moved("some") {
            Some((first, last)) => last.checked_sub(first).ok_or_else(|| backwards(path))?,
            None => full.ok_or_else(|| malformed(path, &last))?,
        };
        Ok(Pressure { some_us: some, full_us: full })
    }

    pub(super) fn interrupts(&self) -> Result<Vec<InterruptCount>, Missing> {
        const PATH: &str = "/proc/interrupts";
        let (first, last) = self.texts(PATH)?;
        let (first_cpus, first_lines) = table(&first);
        let (cpus, lines) = table(&last);
        if cpus != first_cpus {
            let reason = format!("{PATH}: other CPUs were online at the second reading");
            return Err(Missing::new(Absence::Failed, reason));
        }
        if cpus.is_empty() {
            return Err(malformed(PATH, &last));
        }
        let lines = lines.into_iter().filter_map(|(irq, rest)| {
            let before = first_lines.get(irq)?;
            let counts = by_cpu(&cpus, &columns(before), &columns(rest))?;
            let name: Vec<&str> = rest.split_ascii_whitespace().skip(columns(rest).len()).collect();
            Some(InterruptCount { irq: irq.to_owned(), name: name.join(" "), counts })
        });
        Ok(lines.collect())
    }

    pub(super) fn softirqs(&self) -> Result<BTreeMap<String, BTreeMap<u32, u64>>, Missing> {
        const PATH: &str = "/proc/softirqs";
        let (first, last) = self.texts(PATH)?;
        let (first_cpus, first_lines) = table(&first);
        let (cpus, lines) = table(&last);
        if cpus != first_cpus || cpus.is_empty() {
            return Err(malformed(PATH, &last));
        }
        let lines = lines.into_iter().filter_map(|(kind, rest)| {
            let counts = by_cpu(&cpus, &columns(first_lines.get(kind)?), &columns(rest))?;
            Some((kind.to_owned(), counts))
        });
        Ok(lines.collect())
    }

    /// Counters of a file with one `name value` per line.
    pub(super) fn named_counters(&self, path: &str) -> Result<BTreeMap<String, u64>, Missing> {
        let (first, last) = self.texts(path)?;
        let moved = differences(&pairs(&first), &pairs(&last));
        if moved.is_empty() { Err(malformed(path, &last)) } else { Ok(moved) }
    }

    pub(super) fn numastat(&self) -> Result<BTreeMap<u32, BTreeMap<String, u64>>, Missing> {
        const FOLDER: &str = "/sys/devices/system/node";
        let nodes = numbered(&self.first, FOLDER, "node")?;
        nodes
            .into_iter()
            .map(|node| Ok((node, self.named_counters(&format!("{FOLDER}/node{node}/numastat"))?)))
            .collect()
    }

    /// Counters of `/proc/net/netstat` and `/proc/net/snmp`: pairs of lines, names above values.
    pub(super) fn tcp(&self) -> Result<BTreeMap<String, u64>, Missing> {
        let mut counters = BTreeMap::new();
        for (path, wanted) in [("/proc/net/netstat", "TcpExt:"), ("/proc/net/snmp", "Tcp:")] {
            let (first, last) = self.texts(path)?;
            let (Some(first), Some(last)) = (named_columns(&first, wanted), named_columns(&last, wanted))
            else {
                return Err(malformed(path, &last));
            };
            counters.extend(differences(&first, &last));
        }
        Ok(counters)
    }

    pub(super) fn softnet(&self) -> Result<Vec<Softnet>, Missing> {
        const PATH: &str = "/proc/net/softnet_stat";
        let (first, last) = self.texts(PATH)?;
        let row = |line: &str| -> Vec<u64> {
            line.split_ascii_whitespace().map_while(|word| u64::from_str_radix(word, 16).ok()).collect()
        };
        let rows = first.lines().zip(last.lines()).enumerate().map(|(at, (first, last))| {
            let (first, last) = (row(first), row(last));
            // Since 5.10 the 13th column names the CPU: rows of offline CPUs are left out of the table.
            let cpu = last.get(12).copied().unwrap_or(at as u64);
            let moved = |column: usize| last.get(column)?.checked_sub(*first.get(column)?);
            Some(Softnet {
                cpu: u32::try_from(cpu).ok()?,
                processed: moved(0)?,
                dropped: moved(1)?,
                squeezed: moved(2)?,
            })
        });
        rows.collect::<Option<Vec<_>>>().ok_or_else(|| malformed(PATH, &last))
    }

    pub(super) fn cgroup(&self, folder: &str) -> CgroupTime {
        let cpu = self.texts(&format!("{folder}/cpu.stat"));
        let counter = |names: &[(&str, u64)]| -> Fact<u64> {
            let (first, last) = match &cpu {
                Ok((first, last)) => (pairs(first), pairs(last)),
                Err(why) => return Fact::Missing(why.clone()),
            };
            let moved = names
                .iter()
                .find_map(|&(name, divisor)| Some(last.get(name)?.checked_sub(*first.get(name)?)? / divisor));
            moved.map_or_else(
                || Fact::absent(format!("{folder}/cpu.stat does not tell it, or ran backwards")),
                Fact::Known,
            )
        };
        CgroupTime {
            usage_us: counter(&[("usage_usec", 1)]),
            periods: counter(&[("nr_periods", 1)]),
            throttled_periods: counter(&[("nr_throttled", 1)]),
            // Version 1 counts nanoseconds.
            throttled_us: counter(&[("throttled_usec", 1), ("throttled_time", 1000)]),
            pressure: ["cpu", "memory", "io"]
                .into_iter()
                .map(|name| (name.to_owned(), self.pressure(&format!("{folder}/{name}.pressure")).into()))
                .collect(),
            memory_events: self.named_counters(&format!("{folder}/memory.events")).into(),
        }
    }
}

/// CPU of a line of `/proc/stat`, and its columns.
fn cpu_line(line: &str) -> Option<(u32, Vec<u64>)> {
    let (name, rest) = line.split_once(' ')?;
    Some((name.strip_prefix("cpu")?.parse().ok()?, columns(rest)))
}

fn cpu_time(cpu: u32, first: &[u64], last: &[u64]) -> CpuTime {
    // The kernel's idle and iowait may step back by a tick or two; that is no reset.
    let moved = |column: usize| {
        let of = |columns: &[u64]| columns.get(column).copied().unwrap_or(0);
        of(last).saturating_sub(of(first))
    };
    // The kernel counts guests in user and nice as well.
    let (guest, guest_nice) = (moved(8), moved(9));
    CpuTime {
        cpu,
        user_ticks: moved(0).saturating_sub(guest),
        nice_ticks: moved(1).saturating_sub(guest_nice),
        system_ticks: moved(2),
        idle_ticks: moved(3),
        iowait_ticks: moved(4),
        irq_ticks: moved(5),
        softirq_ticks: moved(6),
        steal_ticks: moved(7),
        guest_ticks: guest.saturating_add(guest_nice),
    }
}

/// Heading and lines of a table with a column per CPU: CPUs, and the rest of each line by its first word.
fn table(text: &str) -> (Vec<u32>, BTreeMap<&str, &str>) {
    let mut lines = text.lines();
    let cpus = heading(lines.next().unwrap_or_default());
    let rest = lines.filter_map(|line| {
        let (name, rest) = line.split_once(':')?;
        Some((name.trim(), rest))
    });
    (cpus, rest.collect())
}

/// The columns of the pair of lines that begin with `prefix`, by name.
fn named_columns<'a>(text: &'a str, prefix: &str) -> Option<BTreeMap<&'a str, u64>> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(prefix));
    let (names, values) = (lines.next()?, lines.next()?);
    let pairs = names.split_ascii_whitespace().zip(values.split_ascii_whitespace());
    // Tcp's MaxConn is -1.
    Some(pairs.filter_map(|(name, value)| Some((name, value.parse().ok()?))).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn guests_are_not_counted_twice() {
        let time = cpu_time(3, &[0; 10], &[100, 20, 5, 50, 1, 2, 3, 4, 30, 10]);
        assert_eq!((time.user_ticks, time.nice_ticks, time.guest_ticks), (70, 10, 40));
        assert_eq!(time.total(), 100 + 20 + 5 + 50 + 1 + 2 + 3 + 4);
        assert_eq!(time.busy(), time.total() - 51);
    }

    #[test]
    fn tables_may_leave_cpus_out() {
        let (cpus, lines) =
            table("           CPU0       CPU8\n 24:   1  2  PCI-MSI 1-edge  nvme0q0\nLOC: 3 4  Local\n");
        assert_eq!(cpus, [0, 8]);
        assert_eq!(columns(lines["24"]), [1, 2]);
        assert_eq!(by_cpu(&cpus, &[1, 1], &[1, 5]), Some(BTreeMap::from([(8, 4)])));
        assert_eq!(by_cpu(&cpus, &[2], &[1]), None);
    }

    #[test]
    fn names_stand_above_values() {
        let text = "TcpExt: A B\nTcpExt: 1 2\nIpExt: C\nIpExt: 3\n";
        assert_eq!(named_columns(text, "TcpExt:"), Some(BTreeMap::from([("A", 1), ("B", 2)])));
        assert_eq!(named_columns(text, "Tcp:"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(
            text in "((cpu|CPU)?[0-9]{0,3}[: ]{1,2}[0-9 a-z]{0,20}\n){0,5}|\\PC{0,60}"
        ) {
            let _ = pairs(&text);
            let (cpus, lines) = table(&text);
            for line in lines.values() {
                let _ = by_cpu(&cpus, &columns(line), &columns(line));
            }
            for line in text.lines() {
                if let Some((cpu, columns)) = cpu_line(line) {
                    let _ = cpu_time(cpu, &columns, &[]);
                }
            }
            let _ = named_columns(&text, "cpu:");
        }
    }
}
