//! What the kernel says of a server's processes: who belongs to it, where its threads may run, where its pages are, how long
//! they ran and waited.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use plumb_evidence::CpuSet;

/// A thread that is known again: a number is reused, a number with its start is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Task {
    pub(crate) pid: i32,
    pub(crate) tid: i32,
    /// Start in ticks since boot; 0 where it could not be read.
    pub(crate) start: u64,
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
pub(crate) fn tree(leader: i32) -> Vec<i32> {
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
pub(crate) fn threads(pids: &[i32]) -> Vec<Task> {
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
pub(crate) fn is_alive(task: Task) -> bool {
    stat(&format!("/proc/{}/task/{}/stat", task.pid, task.tid))
        .is_some_and(|stat| stat.lives && stat.start == task.start)
}

/// `Cpus_allowed_list` of a thread; `None` once it has ended.
pub(crate) fn cpus_allowed(task: Task) -> Option<CpuSet> {
    let text = fs::read_to_string(format!("/proc/{}/task/{}/status", task.pid, task.tid)).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?.parse().ok()
}

/// Pages of processes by NUMA node, in KiB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pages {
    /// All that are mapped.
    pub(crate) all: BTreeMap<u32, u64>,
    /// Those of the process's own making: what is read from files lies where it was first read.
    pub(crate) anonymous: BTreeMap<u32, u64>,
    /// Policies named, such as `bind:0`.
    pub(crate) policies: BTreeSet<String>,
}

/// Reads `numa_maps`; `None` where no process shows it.
pub(crate) fn pages(pids: &[i32]) -> Option<Pages> {
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
pub(crate) fn shares(pages: &BTreeMap<u32, u64>) -> BTreeMap<u32, f64> {
    let total = pages.values().sum::<u64>().max(1) as f64;
    pages.iter().map(|(node, kib)| (*node, *kib as f64 / total)).collect()
}

/// ns that each thread ran and waited for a CPU so far.
pub(crate) fn schedule(pids: &[i32]) -> BTreeMap<Task, (u64, u64)> {
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
pub(crate) fn difference(
    before: &BTreeMap<Task, (u64, u64)>,
    after: &BTreeMap<Task, (u64, u64)>,
) -> (u64, u64) {
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
    fn this_process_has_threads_and_masks() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let tasks = threads(&[pid]);
        assert!(tasks.iter().any(|task| task.tid == pid && is_alive(*task)));
        assert!(tasks.iter().filter_map(|task| cpus_allowed(*task)).all(|cpus| !cpus.is_empty()));
        assert!(tree(pid).contains(&pid));
        assert!(!is_alive(Task { pid, tid: pid, start: 1 }));
    }
}
