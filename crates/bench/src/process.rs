//! What the kernel says of a server's processes: who belongs to it, where its threads may run, where its pages are, how long
//! they ran and waited.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use plumb_evidence::CpuSet;
use plumb_evidence::derive::network::{SOCKETS, inode, listening_at};

/// A thread that is known again: a number is reused, a number with its start is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Task {
    /// Process.
    pub pid: i32,
    /// Thread.
    pub tid: i32,
    /// Start in ticks since boot; 0 where it could not be read.
    pub start: u64,
}

/// Accounts of a server's threads at a moment.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    /// (ran, waited) in ns of each thread.
    schedule: BTreeMap<Task, (u64, u64)>,
    /// Voluntary and involuntary context switches, and moves to another CPU, of each.
    moves: BTreeMap<Task, [Option<u64>; 3]>,
    names: BTreeMap<Task, String>,
}

/// What threads did between two moments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    /// Threads at the end.
    pub threads: u32,
    /// ns that all of them ran.
    pub ran_ns: u64,
    /// ns that all of them waited for a CPU.
    pub waited_ns: u64,
    /// Voluntary and involuntary context switches, and moves to another CPU; `None` where the kernel does not tell.
    pub moves: [Option<u64>; 3],
    /// Name, ns ran and ns waited of the thread that ran most.
    pub busiest: Option<(String, u64, u64)>,
}

impl Accounts {
    /// Of all threads of a server, by its first process.
    pub fn of(leader: i32) -> Self {
        let schedule = schedule(&tree(leader));
        let mut accounts = Self::default();
        for task in schedule.keys() {
            let read =
                |name: &str| fs::read_to_string(format!("/proc/{}/task/{}/{name}", task.pid, task.tid)).ok();
            let (status, sched) = (read("status").unwrap_or_default(), read("sched").unwrap_or_default());
            let number = |text: &str, name: &str| {
                let line = text.lines().find(|line| line.starts_with(name))?;
                line.rsplit_once(':')?.1.trim().parse().ok()
            };
            accounts.moves.insert(
                *task,
                [
                    number(&status, "voluntary_ctxt_switches"),
                    number(&status, "nonvoluntary_ctxt_switches"),
                    number(&sched, "se.nr_migrations"),
                ],
            );
            accounts.names.insert(*task, read("comm").unwrap_or_default().trim().to_owned());
        }
        accounts.schedule = schedule;
        accounts
    }

    /// What was done since `before`; `None` where no thread can be read.
    pub fn since(&self, before: &Self) -> Option<Work> {
        let (ran_ns, waited_ns) = difference(&before.schedule, &self.schedule);
        let of = |task: &Task| {
            let (now, then) =
                (self.schedule.get(task)?, before.schedule.get(task).copied().unwrap_or_default());
            Some((now.0.saturating_sub(then.0), now.1.saturating_sub(then.1)))
        };
        let busiest =
            self.schedule.keys().filter_map(|task| Some((task, of(task)?))).max_by_key(|(_, (ran, _))| *ran);
        let grown = |kind: usize| {
            self.moves.iter().try_fold(0, |sum, (task, own)| {
                let then = before.moves.get(task).and_then(|own| own[kind]).unwrap_or(0);
                Some(sum + own[kind]?.saturating_sub(then))
            })
        };
        (!self.schedule.is_empty()).then(|| Work {
            threads: u32::try_from(self.schedule.len()).unwrap_or(u32::MAX),
            ran_ns,
            waited_ns,
            moves: [0, 1, 2].map(grown),
            busiest: busiest.map(|(task, (ran, waited))| {
                (self.names.get(task).cloned().unwrap_or_default(), ran, waited)
            }),
        })
    }
}

/// The first process of the server that listens on a port of this node, where that can be seen: of the listening process and
/// those in its session that it comes from, the first one that is no shell and no ancestor of this program.
pub fn listening_on(port: u16) -> Option<i32> {
    let sockets = SOCKETS.into_iter().filter_map(|path| fs::read_to_string(path).ok());
    let inodes: BTreeSet<String> = sockets.flat_map(|text| listening_at(&text, port)).collect();
    if inodes.is_empty() {
        return None;
    }
    let own = ancestors(i32::try_from(std::process::id()).ok()?);
    let holds = |pid: i32| {
        fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten().any(|entry| {
            fs::read_link(entry.path())
                .is_ok_and(|to| to.to_str().and_then(inode).is_some_and(|inode| inodes.contains(inode)))
        })
    };
    let pids = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mut holders: Vec<i32> = pids.filter(|pid| !own.contains(pid) && holds(*pid)).collect();
    holders.sort_unstable();
    let mut leader = *holders.first()?;
    while let Some(stat) = stat(&format!("/proc/{leader}/stat")) {
        let parent = stat.parent;
        let name = fs::read_to_string(format!("/proc/{parent}/comm")).unwrap_or_default();
        let same =
            self::stat(&format!("/proc/{parent}/stat")).is_some_and(|above| above.session == stat.session);
        if parent <= 1 || own.contains(&parent) || !same || SHELLS.contains(&name.trim()) {
            break;
        }
        leader = parent;
    }
    Some(leader)
}

/// Programs that start servers and are not part of them.
const SHELLS: [&str; 14] = [
    "sh",
    "bash",
    "dash",
    "zsh",
    "fish",
    "ash",
    "tini",
    "dumb-init",
    "tmux: server",
    "screen",
    "sshd",
    "systemd",
    "sudo",
    "make",
];

/// A process and those that it comes from.
fn ancestors(pid: i32) -> BTreeSet<i32> {
    let mut all = BTreeSet::new();
    let mut next = pid;
    while next > 0 && all.insert(next) {
        next = stat(&format!("/proc/{next}/stat")).map_or(0, |stat| stat.parent);
    }
    all
}

struct Stat {
    /// False for what has ended and waits for its parent to notice.
    lives: bool,
    parent: i32,
    session: i32,
    start: u64,
}

fn stat(path: &str) -> Option<Stat> {
    let text = fs::read_to_string(path).ok()?;
    // The name is in brackets and may hold anything, brackets among it.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let field = |position: usize| fields.get(position)?.parse::<i64>().ok();
    let number = |position: usize| i32::try_from(field(position)?).ok();
    let lives = !matches!(fields.first(), Some(&("Z" | "X")));
    Some(Stat { lives, parent: number(1)?, session: number(3)?, start: u64::try_from(field(19)?).ok()? })
}

/// Processes of a server: `leader`, what it started, and what is in its session.
pub fn tree(leader: i32) -> Vec<i32> {
    let stats: BTreeMap<i32, Stat> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            Some((pid, stat(&format!("/proc/{pid}/stat"))?))
        })
        .collect();
    let own = stats.get(&leader).map(|stat| stat.session);
    let mut members: BTreeSet<i32> = BTreeSet::new();
    if stats.contains_key(&leader) {
        members.insert(leader);
    }
    loop {
        let before = members.len();
        for (pid, stat) in &stats {
            // A session of its own only where it leads one: an attached server may share that of a shell.
            if members.contains(&stat.parent) || (own == Some(leader) && stat.session == leader) {
                members.insert(*pid);
            }
        }
        if members.len() == before {
            return members.into_iter().collect();
        }
    }
}

/// All threads of processes.
pub fn threads(pids: &[i32]) -> Vec<Task> {
    let mut tasks = Vec::new();
    for &pid in pids {
        for entry in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let Some(tid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let start = stat(&format!("/proc/{pid}/task/{tid}/stat")).map_or(0, |stat| stat.start);
            tasks.push(Task { pid, tid, start });
        }
    }
    tasks.sort_unstable();
    tasks
}

/// True while that very thread is there.
pub fn is_alive(task: Task) -> bool {
    stat(&format!("/proc/{}/task/{}/stat", task.pid, task.tid))
        .is_some_and(|stat| stat.lives && stat.start == task.start)
}

/// `Cpus_allowed_list` of a thread; `None` once it has ended.
pub fn cpus_allowed(task: Task) -> Option<CpuSet> {
    let text = fs::read_to_string(format!("/proc/{}/task/{}/status", task.pid, task.tid)).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?.parse().ok()
}

/// Pages of processes by NUMA node, in KiB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// All that are mapped.
    pub all: BTreeMap<u32, u64>,
    /// Those of the process's own making: what is read from files lies where it was first read.
    pub anonymous: BTreeMap<u32, u64>,
    /// Policies named, such as `bind:0`.
    pub policies: BTreeSet<String>,
}

/// Reads `numa_maps`; `None` where no process shows it.
pub fn pages(pids: &[i32]) -> Option<Pages> {
    let mut pages = Pages::default();
    let mut any = false;
    for pid in pids {
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/numa_maps")) else { continue };
        any = true;
        text.lines().for_each(|line| pages.add(line));
    }
    any.then_some(pages)
}

impl Pages {
    /// `7f… bind:0 anon=512 dirty=512 N0=512 kernelpagesize_kB=4`
    fn add(&mut self, line: &str) {
        let mut words = line.split_ascii_whitespace().skip(1);
        let Some(policy) = words.next() else { return };
        self.policies.insert(policy.to_owned());
        let words: Vec<&str> = words.collect();
        let size: u64 =
            words.iter().find_map(|word| word.strip_prefix("kernelpagesize_kB=")?.parse().ok()).unwrap_or(4);
        let of_file = words.iter().any(|word| word.starts_with("file="));
        for word in words {
            let Some((node, count)) = word.strip_prefix('N').and_then(|rest| rest.split_once('=')) else {
                continue;
            };
            let (Ok(node), Ok(count)) = (node.parse::<u32>(), count.parse::<u64>()) else { continue };
            *self.all.entry(node).or_default() += count * size;
            if !of_file {
                *self.anonymous.entry(node).or_default() += count * size;
            }
        }
    }
}

/// Shares of a whole.
pub fn shares(pages: &BTreeMap<u32, u64>) -> BTreeMap<u32, f64> {
    let total = pages.values().sum::<u64>().max(1) as f64;
    pages.iter().map(|(node, kib)| (*node, *kib as f64 / total)).collect()
}

/// ns that each thread ran and waited for a CPU so far.
pub fn schedule(pids: &[i32]) -> BTreeMap<Task, (u64, u64)> {
    threads(pids)
        .into_iter()
        .filter_map(|task| {
            let text = fs::read_to_string(format!("/proc/{}/task/{}/schedstat", task.pid, task.tid)).ok()?;
            let mut fields = text.split_ascii_whitespace().map(str::parse::<u64>);
            Some((task, (fields.next()?.ok()?, fields.next()?.ok()?)))
        })
        .collect()
}

/// ns that threads ran and waited between two moments; a thread that was not there before began in between.
pub fn difference(before: &BTreeMap<Task, (u64, u64)>, after: &BTreeMap<Task, (u64, u64)>) -> (u64, u64) {
    after.iter().fold((0, 0), |(ran, waited), (task, now)| {
        let then = before.get(task).copied().unwrap_or_default();
        (ran + now.0.saturating_sub(then.0), waited + now.1.saturating_sub(then.1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_count_by_node_and_kind() {
        let mut pages = Pages::default();
        pages.add("7f00 bind:1 anon=512 dirty=512 N0=12 N1=500 kernelpagesize_kB=4");
        pages.add("7f10 default file=/usr/lib/libc.so.6 mapped=100 N0=100 kernelpagesize_kB=4");
        pages.add("7f20 default anon=2 N1=2 kernelpagesize_kB=2048");
        assert_eq!(pages.anonymous, BTreeMap::from([(0, 48), (1, 2000 + 4096)]));
        assert_eq!(pages.all[&0], 448);
        assert!(pages.policies.contains("bind:1"));
        assert!(shares(&pages.anonymous)[&1] > 0.99);
    }

    #[test]
    fn work_is_what_was_done_in_between() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let before = Accounts::of(pid);
        let mut sum = 0u64;
        let end = std::time::Instant::now() + std::time::Duration::from_millis(60);
        while std::time::Instant::now() < end {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
        let work = Accounts::of(pid).since(&before).unwrap();
        assert!(work.threads >= 1 && work.ran_ns > 1_000_000, "{work:?}");
        assert!(work.moves[0].is_some_and(|switches| switches >= 1), "{work:?}");
        assert!(work.busiest.is_some_and(|(name, ran, _)| !name.is_empty() && ran > 0));
        assert_eq!(Accounts::default().since(&before), None);
    }

    #[test]
    fn the_process_behind_a_port_is_found_and_is_not_this_one() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0\n   \
                     1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0\n";
        assert_eq!(listening_at(table, 8080), BTreeSet::from(["4242".to_owned()]));
        assert_eq!(listening_at(table, 8081), BTreeSet::new());
        let own = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        assert_eq!(listening_on(own.local_addr().unwrap().port()), None);
    }

    #[test]
    fn this_process_has_threads_and_masks() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let tasks = threads(&[pid]);
        assert!(tasks.iter().any(|task| task.tid == pid && is_alive(*task)));
        assert!(tasks.iter().filter_map(|task| cpus_allowed(*task)).all(|cpus| !cpus.is_empty()));
        assert!(tree(pid).contains(&pid));
        assert!(!is_alive(Task { pid, tid: pid, start: 1 }));
    }
}
