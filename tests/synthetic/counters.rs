//! What moves during the window.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{CPUS, Node, RAW, SECONDS, sample_folder};

/// Ticks of the window in which a CPU works for the kernel itself.
const BACKGROUND: u64 = 10;
/// Ticks of the window.
const WINDOW: u64 = SECONDS * 100;

/// A thread by process and number, and its ticks in the window.
type Ran = (u32, u32, u64);

impl Node {
    pub(super) fn counters(&mut self) {
        self.cpu_time(0);
        for resource in ["cpu", "memory", "io"] {
            let path = format!("/proc/pressure/{resource}");
            self.set(&path, pressure(0));
            self.window(&path, pressure(0), pressure(1000));
        }
        self.vmstat(&[]);
        let netstat = "TcpExt: SyncookiesSent TW ListenOverflows ListenDrops TCPTimeouts TCPBacklogDrop\nTcpExt: 0 40211 0 0 12 0\n";
        self.window("/proc/net/netstat", netstat, netstat);
        let snmp = |opened: u64, received: u64, sent: u64| {
            format!(
                "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs \
                 OutSegs RetransSegs InErrs OutRsts InCsumErrors\n\
                 Tcp: 1 200 120000 -1 812 {opened} 0 31 64 {received} {sent} 118 0 402 0\n"
            )
        };
        self.window(
            "/proc/net/snmp",
            snmp(40_960, 9_000_000, 11_000_000),
            snmp(41_000, 9_020_000, 11_030_000),
        );
    }

    /// Software interrupts of the network on the CPUs `targets`, of the disk on CPU 32, and the packets that they took in.
    pub(super) fn softirqs_on(&mut self, targets: [u32; 4], moved: u64) {
        let heading: String = (0..CPUS).map(|cpu| format!(" CPU{cpu}")).collect();
        let queues = |cpu: u32| targets.iter().filter(|target| **target == cpu).fold(0, |count, _| count + 1);
        let text = |packets: u64| {
            let received: String = (0..CPUS).map(|cpu| format!(" {}", queues(cpu) * packets)).collect();
            let blocks: String =
                (0..CPUS).map(|cpu| format!(" {}", if cpu == 32 { 100 } else { 0 })).collect();
            format!("{heading}\n NET_RX:{received}\n BLOCK:{blocks}\n")
        };
        self.window("/proc/softirqs", text(1000), text(1000 + moved));
        let softnet = |packets: u64| -> String {
            (0..CPUS)
                .map(|cpu| format!("{:08x} {}{cpu:08x}\n", queues(cpu) * packets, "00000000 ".repeat(11)))
                .collect()
        };
        self.window("/proc/net/softnet_stat", softnet(10_000), softnet(10_000 + moved));
    }

    /// CPU times of the window: those of the threads that were on each CPU; `steal` ticks are taken from each.
    pub fn cpu_time(&mut self, steal: u64) {
        let text = |end: bool| {
            let mut text = "cpu  0 0 0 0 0 0 0 0 0 0\n".to_owned();
            for cpu in 0..CPUS {
                let stolen = 10 + if end { steal } else { 0 };
                let _ = writeln!(text, "cpu{cpu} 5000 0 1000 90000 0 0 0 {stolen} 0 0");
            }
            let (switches, running) = if end { (2_000_000, 11) } else { (1_000_000, 10) };
            let _ =
                writeln!(text, "ctxt {switches}\nbtime 1700000000\nprocesses 90412\nprocs_running {running}");
            text
        };
        self.set("/proc/stat", text(false));
        self.window("/proc/stat", text(false), text(true));
        self.settle();
    }

    /// Lets a CPU spend `ticks` of the window on interrupts instead of its threads.
    pub fn interrupt_time(&mut self, cpu: u32, ticks: u64) {
        self.edit(&format!("{}/proc/stat", sample_folder(1)), |line| {
            let mut fields: Vec<String> = line.split(' ').map(str::to_owned).collect();
            if fields[0] == format!("cpu{cpu}") {
                fields[7] = (number(&fields[7]) + ticks).to_string();
            }
            fields.join(" ")
        });
        self.settle();
    }

    /// Makes the times of CPUs and of control groups in the window those of the threads that were on them: to be called after
    /// threads were moved. Threads get what interrupts and the hypervisor leave of their CPU.
    pub fn settle(&mut self) {
        let taken = self.taken();
        let mut busy = BTreeMap::new();
        for (cpu, threads) in self.threads_by_cpu() {
            let room = WINDOW.saturating_sub(BACKGROUND + taken.get(&cpu).copied().unwrap_or(0));
            let wanted: u64 = threads.iter().map(|(.., ticks)| ticks).sum();
            if wanted > room {
                for &(pid, tid, ticks) in &threads {
                    self.ran(pid, tid, ticks * room / wanted);
                }
            }
            busy.insert(cpu, wanted.min(room));
        }
        self.settle_cpus(&taken, &busy);
        self.settle_groups();
    }

    /// What interrupts and the hypervisor took of each CPU in the window.
    fn taken(&self) -> BTreeMap<u32, u64> {
        let first = by_cpu(&self.sample(0, "/proc/stat"));
        let moved = |(cpu, last): (u32, Vec<u64>)| {
            let gained = |(last, first): (&u64, &u64)| last.saturating_sub(*first);
            Some((cpu, last.iter().zip(first.get(&cpu)?).skip(5).take(3).map(gained).sum()))
        };
        by_cpu(&self.sample(1, "/proc/stat")).into_iter().filter_map(moved).collect()
    }

    /// Threads by the CPU that they were on at the end of the window.
    fn threads_by_cpu(&self) -> BTreeMap<u32, Vec<Ran>> {
        let mut threads: BTreeMap<u32, Vec<Ran>> = BTreeMap::new();
        let folder = format!("{}/proc/", sample_folder(1));
        for path in self.files.keys().filter_map(|path| path.strip_prefix(&folder)) {
            let parts: Vec<&str> = path.split('/').collect();
            let [pid, "task", tid, "stat"] = parts[..] else { continue };
            let (Ok(pid), Ok(tid)) = (pid.parse(), tid.parse()) else { continue };
            let path = format!("/proc/{path}");
            let (first, last) = (stat_of(&self.sample(0, &path)), stat_of(&self.sample(1, &path)));
            if let (Some((first, _)), Some((last, cpu))) = (first, last) {
                threads.entry(cpu).or_default().push((pid, tid, last.saturating_sub(first)));
            }
        }
        threads
    }

    /// Sets the CPU time of a thread in the window, in ticks.
    pub fn ran(&mut self, pid: u32, tid: u32, ticks: u64) {
        let task = format!("/proc/{pid}/task/{tid}");
        let time = |node: &Self, sample| {
            stat_of(&node.sample(sample, &format!("{task}/stat"))).map_or(0, |(time, _)| time)
        };
        let (first, last) = (time(self, 0), time(self, 1));
        let end = sample_folder(1);
        for path in [format!("{end}{task}/stat"), format!("{end}/proc/{pid}/stat")] {
            self.edit(&path, |line| {
                let (name, rest) = line.rsplit_once(") ").unwrap_or((&line, ""));
                let mut fields: Vec<String> = rest.split(' ').map(str::to_owned).collect();
                // The time of a process is that of all its threads.
                if let Some(time) = fields.get_mut(11) {
                    *time = (number(&*time) + first + ticks).saturating_sub(last).to_string();
                }
                format!("{name}) {}", fields.join(" "))
            });
        }
        let before = self.sample(0, &format!("{task}/schedstat"));
        let before = before.split(' ').next().map_or(0, number);
        self.edit(&format!("{end}{task}/schedstat"), |line| {
            let (_, rest) = line.split_once(' ').unwrap_or_default();
            format!("{} {rest}", before + ticks * 10_000_000)
        });
    }

    fn settle_cpus(&mut self, taken: &BTreeMap<u32, u64>, busy: &BTreeMap<u32, u64>) {
        let first = by_cpu(&self.sample(0, "/proc/stat"));
        let of = |times: &BTreeMap<u32, u64>, cpu: u32| times.get(&cpu).copied().unwrap_or(0);
        self.edit(&format!("{}/proc/stat", sample_folder(1)), |line| {
            let Some((cpu, mut columns)) = cpu_line(&line) else { return line };
            let Some(first) = first.get(&cpu) else { return line };
            let busy = of(busy, cpu) + BACKGROUND;
            columns.iter_mut().zip(first).take(5).for_each(|(column, first)| *column = *first);
            columns[0] += busy;
            columns[3] += WINDOW.saturating_sub(busy + of(taken, cpu));
            format!("cpu{cpu}{}", joined(&columns))
        });
        for folder in [RAW.to_owned(), sample_folder(0), sample_folder(1)] {
            let path = format!("{folder}/proc/stat");
            let text = self.files.get(&path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            let mut sums = vec![0; 10];
            for (_, columns) in by_cpu(&text.unwrap_or_default()) {
                sums.iter_mut().zip(columns).for_each(|(sum, column)| *sum += column);
            }
            self.edit(
                &path,
                |line| if line.starts_with("cpu ") { format!("cpu {}", joined(&sums)) } else { line },
            );
        }
    }

    /// Control groups used what their processes did, and the root what the kernel did, too.
    pub(super) fn settle_groups(&mut self) {
        let used: Vec<(String, u64)> = self
            .files
            .keys()
            .filter_map(|path| {
                path.strip_prefix(&format!("{RAW}/proc/"))?.strip_suffix("/cgroup")?.parse().ok()
            })
            .filter_map(|pid: u32| {
                let group = self.text(&format!("/proc/{pid}/cgroup"));
                let path = format!("/proc/{pid}/stat");
                let (first, last) = (stat_of(&self.sample(0, &path))?, stat_of(&self.sample(1, &path))?);
                Some((group.trim().strip_prefix("0::")?.to_owned(), last.0.saturating_sub(first.0)))
            })
            .collect();
        let start = format!("{}/sys/fs/cgroup", sample_folder(1));
        let folders: Vec<String> = (self.files.keys())
            .filter_map(|path| Some(path.strip_prefix(&start)?.strip_suffix("/cpu.stat")?.to_owned()))
            .collect();
        for folder in folders {
            let is_in = |group: &str| {
                group.strip_prefix(&folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let own: u64 = used.iter().filter(|(group, _)| is_in(group)).map(|(_, ticks)| ticks).sum();
            let kernel = if folder.is_empty() { BACKGROUND * u64::from(CPUS) } else { 0 };
            let first = self.sample(0, &format!("/sys/fs/cgroup{folder}/cpu.stat"));
            let before = |name: &str| {
                first.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map_or(0, number)
            };
            let (usage, user) = (before("usage_usec"), before("user_usec"));
            let us = (own + kernel) * 10_000;
            self.edit(&format!("{start}{folder}/cpu.stat"), |line| match line.split_once(' ') {
                Some(("usage_usec", _)) => format!("usage_usec {}", usage + us),
                Some(("user_usec", _)) => format!("user_usec {}", user + us),
                _ => line,
            });
        }
    }

    /// Text of a file at one of the two readings; empty where there is none.
    pub(super) fn sample(&self, sample: usize, path: &str) -> String {
        let bytes = self.files.get(&format!("{}{path}", sample_folder(sample)));
        bytes.map_or_else(String::new, |bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// Kernel memory counters; `moved` are the ones that count during the window.
    pub fn vmstat(&mut self, moved: &[(&str, u64)]) {
        let text = |end: bool| -> String {
            VMSTAT
                .iter()
                .map(|&(name, before, usual)| {
                    let moved =
                        moved.iter().find(|(moved, _)| *moved == name).map_or(usual, |&(_, count)| count);
                    format!("{name} {}\n", before + if end { moved } else { 0 })
                })
                .collect()
        };
        self.set("/proc/vmstat", text(false));
        self.window("/proc/vmstat", text(false), text(true));
    }
}

/// Counters of a node that is not short of memory, and what they usually gain in the window.
const VMSTAT: &[(&str, u64, u64)] = &[
    ("pgfault", 912_345_678, 4_000),
    ("pgmajfault", 18_342, 0),
    ("pswpin", 0, 0),
    ("pswpout", 0, 0),
    ("allocstall_dma", 0, 0),
    ("allocstall_dma32", 0, 0),
    ("allocstall_normal", 0, 0),
    ("allocstall_movable", 0, 0),
    ("compact_stall", 0, 0),
    ("compact_fail", 0, 0),
    ("compact_success", 0, 0),
    ("thp_fault_alloc", 41_207, 0),
    ("thp_fault_fallback", 0, 0),
    ("thp_split_page", 12, 0),
    ("numa_hint_faults", 0, 0),
    ("numa_hint_faults_local", 0, 0),
    ("numa_pages_migrated", 0, 0),
    ("numa_pte_updates", 0, 0),
    ("zone_reclaim_success", 0, 0),
    ("zone_reclaim_failed", 0, 0),
    ("oom_kill", 0, 0),
    ("pgscan_direct", 0, 0),
    ("pgsteal_direct", 0, 0),
    ("pgscan_kswapd", 0, 0),
    ("pgsteal_kswapd", 0, 0),
];

/// A number of the text; 0 for what is none.
fn number(text: impl AsRef<str>) -> u64 {
    text.as_ref().trim().parse().unwrap_or(0)
}

fn joined(columns: &[u64]) -> String {
    columns.iter().map(|column| format!(" {column}")).collect()
}

/// CPU and ten columns of a line of `/proc/stat`.
fn cpu_line(line: &str) -> Option<(u32, Vec<u64>)> {
    let (name, rest) = line.split_once(' ')?;
    Some((name.strip_prefix("cpu")?.parse().ok()?, rest.split(' ').map(number).collect()))
}

fn by_cpu(stat: &str) -> BTreeMap<u32, Vec<u64>> {
    stat.lines().filter_map(cpu_line).collect()
}

/// CPU time in ticks and last CPU by a `/proc/PID/stat`.
pub(super) fn stat_of(text: &str) -> Option<(u64, u32)> {
    let (_, rest) = text.trim().rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    Some((number(fields.get(11)?) + number(fields.get(12)?), fields.get(36)?.parse().ok()?))
}

pub(super) fn pressure(total: u64) -> String {
    format!(
        "some avg10=0.00 avg60=0.00 avg300=0.00 total={total}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    )
}
