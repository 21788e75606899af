//! Whether a node can be: laws that every real node keeps, whatever is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use plumb_evidence::bundle::{RAW, sample_folder};
use plumb_evidence::{Bundle, CpuSet};

/// Ticks by which two counters of the same time may differ, as they are read one after the other.
const SLACK: u64 = 5;

/// What cannot be of this node, one line each; nothing for one that can.
#[must_use]
pub fn possible(bundle: &Bundle) -> Vec<String> {
    let samples = &bundle.manifest().samples_us;
    let us = samples.last().zip(samples.first()).map_or(0, |(last, first)| last.saturating_sub(*first));
    let mut node = Node { bundle, ticks: us / 10_000, broken: Vec::new() };
    let processes = node.processes();
    node.cpus();
    node.threads(&processes);
    node.times_by_mask(&processes);
    node.groups(&processes);
    node.masks(&processes);
    node.memory();
    node.swap(&processes);
    node.killed();
    node.pressure();
    node.broken
}

struct Node<'a> {
    bundle: &'a Bundle,
    /// Length of the window; 0 for none.
    ticks: u64,
    broken: Vec<String>,
}

struct Process {
    pid: u32,
    /// Path of its control group of version 2.
    group: Option<String>,
    /// Ticks in the window, where it was read twice.
    ticks: Option<u64>,
    threads: Vec<Thread>,
}

struct Thread {
    path: String,
    mask: Option<CpuSet>,
    /// CPU at the second reading, or at the only one.
    cpu: Option<u32>,
    /// It was there at the first reading as well.
    stayed: bool,
    ticks: Option<u64>,
}

/// CPU time and last CPU by a `/proc/PID/stat`.
fn stat(text: &str) -> Option<(u64, u32)> {
    let fields: Vec<&str> = text.trim().rsplit_once(") ")?.1.split(' ').collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some((number(11)? + number(12)?, u32::try_from(number(36)?).ok()?))
}

/// The number after a name at the start of a line.
fn value(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}

/// The number after a name anywhere in a line, as NUMA nodes write it.
fn kib(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.split_once(name)?.1.split_whitespace().next()?.parse().ok())
}

impl Node<'_> {
    fn file(&self, folder: &str, path: &str) -> Option<String> {
        let bytes = self.bundle.files().get(&format!("{folder}{path}"))?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }

    fn once(&self, path: &str) -> Option<String> {
        self.file(RAW, path)
    }

    /// Both readings of a file.
    fn twice(&self, path: &str) -> Option<(String, String)> {
        Some((self.file(&sample_folder(0), path)?, self.file(&sample_folder(1), path)?))
    }

    /// Names below a folder of the files that were read once.
    fn below(&self, folder: &str) -> BTreeSet<String> {
        let start = format!("{RAW}{folder}/");
        let names = self.bundle.files().keys().filter_map(|path| path.strip_prefix(&start));
        names.filter_map(|rest| Some(rest.split('/').next()?.to_owned())).collect()
    }

    fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(what());
        }
    }

    fn processes(&mut self) -> Vec<Process> {
        let pids: Vec<u32> = self.below("/proc").iter().filter_map(|name| name.parse().ok()).collect();
        pids.into_iter().map(|pid| self.process(pid)).collect()
    }

    fn process(&mut self, pid: u32) -> Process {
        let path = format!("/proc/{pid}");
        let tids: Vec<u32> =
            self.below(&format!("{path}/task")).iter().filter_map(|name| name.parse().ok()).collect();
        let mut threads: Vec<Thread> =
            tids.into_iter().map(|tid| self.thread(format!("{path}/task/{tid}"))).collect();
        if threads.is_empty() {
            threads.push(self.thread(path.clone()));
        }
        let group = self.once(&format!("{path}/cgroup")).and_then(|text| {
            text.lines()
                .find_map(|line| line.strip_prefix("0::"))
                .map(|group| group.trim_end_matches('/').to_owned())
        });
        Process { pid, group, ticks: self.moved(&path), threads }
    }

    /// CPU time that a process or thread gained.
    fn moved(&mut self, path: &str) -> Option<u64> {
        let (first, last) = self.twice(&format!("{path}/stat"))?;
        let ((first, _), (last, _)) = (stat(&first)?, stat(&last)?);
        self.expect(last >= first, || format!("{path}/stat: its CPU time runs backwards"));
        last.checked_sub(first)
    }

    fn thread(&mut self, path: String) -> Thread {
        let of = |folder: &str| stat(&self.file(folder, &format!("{path}/stat"))?).map(|(_, cpu)| cpu);
        let (once, first, last) = (of(RAW), of(&sample_folder(0)), of(&sample_folder(1)));
        let status = self.once(&format!("{path}/status"));
        let list = status.as_deref().and_then(|text| {
            text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?.trim().parse().ok()
        });
        let ticks = self.moved(&path);
        Thread { mask: list, cpu: last.or(once), stayed: first.is_some() && first == last, ticks, path }
    }

    /// Columns of the window by CPU: all, and those of threads.
    fn cpu_times(&self) -> BTreeMap<u32, (u64, u64)> {
        let columns = |text: &str| -> BTreeMap<u32, Vec<u64>> {
            text.lines()
                .filter_map(|line| {
                    let (name, rest) = line.strip_prefix("cpu")?.split_once(' ')?;
                    let columns = rest.split_whitespace().filter_map(|word| word.parse().ok());
                    Some((name.parse().ok()?, columns.collect()))
                })
                .collect()
        };
        let Some((first, last)) = self.twice("/proc/stat") else { return BTreeMap::new() };
        let first = columns(&first);
        columns(&last)
            .into_iter()
            .filter_map(|(cpu, last)| {
                let gained =
                    last.iter().zip(first.get(&cpu)?).map(|(last, first)| last.saturating_sub(*first));
                // Guests are counted among user and nice.
                let gained: Vec<u64> = gained.take(8).collect();
                Some((cpu, (gained.iter().sum(), gained.iter().take(3).sum())))
            })
            .collect()
    }

    fn cpus(&mut self) {
        let slack = SLACK + self.ticks / 50;
        for (cpu, (all, _)) in self.cpu_times() {
            let ticks = self.ticks;
            self.expect(all.abs_diff(ticks) <= slack, || {
                format!("/proc/stat: cpu{cpu} has {all} ticks in a window of {ticks}")
            });
        }
    }

    fn threads(&mut self, processes: &[Process]) {
        let window = self.ticks;
        let online = self.online();
        let mut stayed: BTreeMap<u32, u64> = BTreeMap::new();
        for process in processes {
            let mut sum = 0;
            for thread in &process.threads {
                let Some(ticks) = thread.ticks else { continue };
                let path = &thread.path;
                sum += ticks;
                self.expect(ticks <= window + SLACK, || {
                    format!("{path}: {ticks} ticks in a window of {window}")
                });
                if let (Some(cpu), true) = (thread.cpu, thread.stayed) {
                    *stayed.entry(cpu).or_default() += ticks;
                }
                self.schedstat(path, ticks);
            }
            let Some(ticks) = process.ticks else { continue };
            let (pid, most) = (process.pid, window * online.len() as u64);
            self.expect(ticks <= most + SLACK, || {
                format!("/proc/{pid}: {ticks} ticks in a window of {most}")
            });
            let slack = SLACK + process.threads.len() as u64;
            self.expect(ticks + slack >= sum, || {
                format!("/proc/{pid}: {ticks} ticks, but {sum} of its threads together")
            });
        }
        for (cpu, ticks) in stayed {
            self.expect(ticks <= window + 2 * SLACK, || {
                format!("threads that stayed on CPU {cpu} used {ticks} ticks in a window of {window}")
            });
        }
    }

    /// The scheduler's account of a thread, against that of the clock and of the wall.
    fn schedstat(&mut self, path: &str, ticks: u64) {
        let Some((first, last)) = self.twice(&format!("{path}/schedstat")) else { return };
        let columns =
            |text: &str| text.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<u64>>();
        let gained: Vec<u64> = columns(&last)
            .iter()
            .zip(columns(&first))
            .map(|(last, first)| last.saturating_sub(first))
            .collect();
        let (Some(run), Some(wait)) = (gained.first(), gained.get(1)) else { return };
        let (run, wait, window) = (run / 10_000_000, wait / 10_000_000, self.ticks);
        self.expect(run + wait <= window + SLACK, || {
            format!("{path}: ran for {run} ticks and waited for {wait} in a window of {window}")
        });
        self.expect(run.abs_diff(ticks) <= SLACK + ticks / 20, || {
            format!("{path}: ran for {run} ticks by schedstat and {ticks} by stat")
        });
    }

    /// What threads did whose masks lie in a set of CPUs, these CPUs did.
    fn times_by_mask(&mut self, processes: &[Process]) {
        let times = self.cpu_times();
        if times.is_empty() {
            return;
        }
        let threads: Vec<(&CpuSet, u64)> = (processes.iter().flat_map(|process| &process.threads))
            .filter_map(|thread| Some((thread.mask.as_ref()?, thread.ticks.filter(|ticks| *ticks > 0)?)))
            .collect();
        let masks: BTreeSet<&CpuSet> = threads.iter().map(|(mask, _)| *mask).collect();
        for mask in masks {
            let used: u64 =
                threads.iter().filter(|(own, _)| own.is_subset(mask)).map(|(_, ticks)| ticks).sum();
            let busy: u64 =
                times.iter().filter(|(cpu, _)| mask.contains(**cpu)).map(|(_, (_, busy))| busy).sum();
            let slack = SLACK * (1 + mask.len() as u64).min(20);
            self.expect(used <= busy + slack, || {
                format!("threads that may run on CPUs {mask} only used {used} ticks, these CPUs were busy for {busy}")
            });
        }
    }

    fn groups(&mut self, processes: &[Process]) {
        let start = format!("{}/sys/fs/cgroup", sample_folder(1));
        let folders: Vec<String> = (self.bundle.files().keys())
            .filter_map(|path| Some(path.strip_prefix(&start)?.strip_suffix("/cpu.stat")?.to_owned()))
            .collect();
        for folder in folders {
            let path = format!("/sys/fs/cgroup{folder}/cpu.stat");
            let Some((first, last)) = self.twice(&path) else { continue };
            let gained = |name: &str| value(&last, name)?.checked_sub(value(&first, name)?);
            let Some(usage) = gained("usage_usec ").map(|us| us / 10_000) else { continue };
            let is_in = |process: &&Process| {
                let rest = process.group.as_deref().and_then(|group| group.strip_prefix(folder.as_str()));
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let own: Vec<&Process> = processes.iter().filter(is_in).collect();
            let used: u64 = own.iter().filter_map(|process| process.ticks).sum();
            let slack = 4 * SLACK + used / 20;
            self.expect(usage + slack >= used, || {
                format!("{path}: used {usage} ticks, its processes used {used}")
            });
            let busy: u64 = self.cpu_times().values().map(|(all, _)| all).sum();
            self.expect(usage <= busy, || format!("{path}: used {usage} ticks, all CPUs have {busy}"));
            if !folder.is_empty() && !own.is_empty() {
                self.expect(usage <= used + slack, || {
                    format!("{path}: used {usage} ticks, its processes used {used}")
                });
            }
            self.quota(&folder, usage, own.iter().map(|process| process.threads.len()).sum(), &gained);
        }
    }

    /// A quota bounds what is used, and only a quota throttles.
    fn quota(&mut self, folder: &str, usage: u64, threads: usize, gained: &dyn Fn(&str) -> Option<u64>) {
        let path = format!("/sys/fs/cgroup{folder}");
        let limit = self.once(&format!("{path}/cpu.max")).unwrap_or_default();
        let mut words = limit.split_whitespace().map(str::parse::<u64>);
        let (all, throttled) = (gained("nr_periods ").unwrap_or(0), gained("nr_throttled ").unwrap_or(0));
        let us = gained("throttled_usec ").unwrap_or(0);
        let (Some(Ok(quota)), Some(Ok(period))) = (words.next(), words.next()) else {
            self.expect(all == 0 && throttled == 0 && us == 0, || {
                format!("{path}: {all} periods, {throttled} throttled, without a quota")
            });
            return;
        };
        let window = self.ticks;
        let most = window * quota / period;
        self.expect(usage <= most + most / 50 + SLACK, || {
            format!("{path}: used {usage} ticks, the quota allows {most}")
        });
        let periods = window * 10_000 / period;
        self.expect(throttled <= all && all <= periods + 1, || {
            format!("{path}: {throttled} of {all} periods throttled, the window has {periods}")
        });
        self.expect(throttled == 0 || threads as u64 * period > quota, || {
            format!("{path}: {threads} threads cannot use up the quota {}", limit.trim())
        });
        let cpus = self.online().len() as u64;
        self.expect(us <= (throttled + 1) * period * cpus && (throttled > 0 || us == 0), || {
            format!("{path}: throttled for {us} µs in {throttled} periods")
        });
    }

    fn online(&self) -> CpuSet {
        self.list("online")
    }

    fn list(&self, name: &str) -> CpuSet {
        let text = self.once(&format!("/sys/devices/system/cpu/{name}")).unwrap_or_default();
        text.trim().parse().unwrap_or_default()
    }

    fn masks(&mut self, processes: &[Process]) {
        let (online, possible) = (self.online(), self.list("possible"));
        for process in processes {
            let group = process.group.clone().unwrap_or_default();
            let effective = self.once(&format!("/sys/fs/cgroup{group}/cpuset.cpus.effective"));
            let effective: Option<CpuSet> = effective.and_then(|text| text.trim().parse().ok());
            for thread in &process.threads {
                let (path, Some(mask)) = (&thread.path, &thread.mask) else { continue };
                self.expect(mask.is_subset(&possible), || {
                    format!("{path}: may run on {mask}, but there are only {possible}")
                });
                let usable = mask.intersection(&online);
                self.expect(!usable.is_empty(), || format!("{path}: may run on {mask}, online are {online}"));
                if let Some(cpu) = thread.cpu {
                    self.expect(usable.contains(cpu), || {
                        format!("{path}: was on CPU {cpu}, and may run on {usable} of those online")
                    });
                }
                if let Some(effective) = &effective {
                    self.expect(usable.is_subset(effective), || {
                        format!("{path}: may run on {usable}, its control group on {effective}")
                    });
                }
            }
        }
    }

    /// Nodes add up to the whole.
    fn memory(&mut self) {
        let Some(all) = self.once("/proc/meminfo") else { return };
        let folder = "/sys/devices/system/node";
        let nodes: Vec<String> = (self.below(folder).iter())
            .filter(|name| name.strip_prefix("node").is_some_and(|id| id.parse::<u32>().is_ok()))
            .filter_map(|name| self.once(&format!("{folder}/{name}/meminfo")))
            .collect();
        if nodes.is_empty() {
            return;
        }
        for (of_all, of_node) in
            [("MemTotal:", " MemTotal:"), ("MemFree:", " MemFree:"), ("Cached:", " FilePages:")]
        {
            let Some(whole) = value(&all, of_all) else { continue };
            let Some(parts) = nodes.iter().map(|text| kib(text, of_node)).collect::<Option<Vec<u64>>>()
            else {
                continue;
            };
            let sum: u64 = parts.iter().sum();
            self.expect(whole.abs_diff(sum) <= whole / 100, || {
                format!("/proc/meminfo: {of_all} {whole} kB, all NUMA nodes have {sum} kB")
            });
        }
        let of = |name: &str| value(&all, name).unwrap_or(0);
        let (total, free, available) = (of("MemTotal:"), of("MemFree:"), of("MemAvailable:"));
        self.expect(free <= total && available <= total, || {
            format!("/proc/meminfo: {free} kB free and {available} kB available of {total} kB")
        });
        // What can be had is free, or page cache, or what the kernel gives back.
        let most = free + of("Buffers:") + of("Cached:") + of("SReclaimable:");
        self.expect(value(&all, "Cached:").is_none() || available <= most, || {
            format!("/proc/meminfo: {available} kB available, though only {most} kB are free or can be freed")
        });
    }

    fn swap(&mut self, processes: &[Process]) {
        let Some(all) = self.once("/proc/meminfo") else { return };
        let areas = self.once("/proc/swaps").unwrap_or_default();
        let column = |at: usize| -> u64 {
            let words =
                areas.lines().skip(1).filter_map(|line| line.split_whitespace().nth(at)?.parse::<u64>().ok());
            words.sum()
        };
        let (size, used) = (column(2), column(3));
        let of = |name: &str| value(&all, name).unwrap_or(0);
        let (total, free) = (of("SwapTotal:"), of("SwapFree:"));
        self.expect(total == size && total.saturating_sub(free) == used, || {
            format!("/proc/meminfo: {free} kB of {total} kB of swap are free, /proc/swaps has {used} kB of {size} kB in use")
        });
        let statuses =
            processes.iter().filter_map(|process| self.once(&format!("/proc/{}/status", process.pid)));
        let out: u64 = statuses.filter_map(|text| value(&text, "VmSwap:")).sum();
        self.expect(out <= used, || format!("processes have {out} kB in swap, which has {used} kB in use"));
        if let Some((first, last)) = self.twice("/proc/vmstat") {
            let moves = |name: &str| value(&last, name) > value(&first, name);
            self.expect(size > 0 || !(moves("pswpin ") || moves("pswpout ")), || {
                "/proc/vmstat: pages were swapped without a swap area".to_owned()
            });
        }
    }

    /// Each process that the kernel kills for want of memory is a line of its log.
    fn killed(&mut self) {
        let last = self.file(&sample_folder(1), "/proc/vmstat").or_else(|| self.once("/proc/vmstat"));
        let (Some(last), Some(log)) = (last, self.once("/dev/kmsg")) else { return };
        let from_boot = log.lines().next().and_then(|line| line.split(',').nth(2)?.parse::<u64>().ok());
        let count = value(&last, "oom_kill ").unwrap_or(0);
        let lines = log.lines().filter(|line| line.contains("Killed process")).fold(0, |count, _| count + 1);
        let is_whole = from_boot.is_some_and(|us| us < 1_000_000);
        self.expect(if is_whole { lines == count } else { lines <= count }, || {
            format!("/proc/vmstat: oom_kill {count}, the kernel's log tells of {lines}")
        });
        let start = format!("{}/sys/fs/cgroup", sample_folder(1));
        let events: Vec<String> =
            self.bundle.files().keys().filter(|path| path.starts_with(&start)).cloned().collect();
        for path in events.iter().filter(|path| path.ends_with("/memory.events")) {
            let text = self.file("", path).unwrap_or_default();
            let own = value(&text, "oom_kill ").unwrap_or(0);
            self.expect(own <= count, || format!("{path}: oom_kill {own}, /proc/vmstat has {count}"));
        }
    }

    fn pressure(&mut self) {
        let start = sample_folder(1);
        let paths: Vec<String> = (self.bundle.files().keys())
            .filter_map(|path| path.strip_prefix(&start))
            .filter(|path| path.starts_with("/proc/pressure/") || path.ends_with(".pressure"))
            .map(str::to_owned)
            .collect();
        for path in paths {
            let Some((first, last)) = self.twice(&path) else { continue };
            let total = |text: &str, kind: &str| -> Option<u64> {
                let line = text.lines().find(|line| line.starts_with(kind))?;
                line.split_once("total=")?.1.trim().parse().ok()
            };
            let gained = |kind: &str| total(&last, kind)?.checked_sub(total(&first, kind)?);
            let (some, full, window) = (gained("some"), gained("full"), self.ticks * 10_000);
            let most = some.max(full).unwrap_or(0);
            self.expect(most <= window + 50_000, || format!("{path}: {most} µs in a window of {window} µs"));
            if let (Some(some), Some(full)) = (some, full) {
                self.expect(full <= some, || format!("{path}: all waited for {full} µs, some for {some} µs"));
            }
        }
    }
}
