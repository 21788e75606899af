//! Processes and threads during the window.

use std::collections::{BTreeMap, BTreeSet};

use procfs_core::process::Stat;

use super::Ends;
use crate::derive::freq::numbered;
use crate::derive::process::stat;
use crate::fact::{Absence, Fact, Missing};
use crate::model::{Process, ProcessTime, ThreadTime};
use crate::source::malformed;

impl Ends<'_> {
    /// CPU time of the processes that were there at both readings and used any.
    pub(super) fn processes(
        &self,
        known: &Fact<Vec<Process>>,
        inference: &[u32],
    ) -> Result<Vec<ProcessTime>, Missing> {
        let inference: BTreeSet<&u32> = inference.iter().collect();
        let kernel: BTreeMap<u32, bool> =
            known.known().into_iter().flatten().map(|process| (process.pid, process.kernel)).collect();
        let pids = numbered(&self.first, "/proc", "")?;
        let mut processes = Vec::new();
        let mut asleep = 0_u32;
        for pid in pids {
            let Ok((first, last)) = self.stats(&format!("/proc/{pid}/stat")) else { continue };
            let (Some(cpu_ticks), true) = (ticks(&first, &last), first.starttime == last.starttime) else {
                continue;
            };
            // Most processes of a node sleep, and say no more than that.
            if cpu_ticks == 0 && !inference.contains(&pid) {
                asleep += 1;
                continue;
            }
            processes.push(ProcessTime {
                pid,
                cpu_ticks,
                kernel: kernel.get(&pid).copied().unwrap_or(last.ppid == 2 || pid == 2),
                inference: inference.contains(&pid),
                last_cpus: last_cpus(&first, &last),
                comm: last.comm,
            });
        }
        if processes.is_empty() && asleep == 0 {
            return Err(Missing::new(Absence::Absent, "no process could be read at both ends of the window"));
        }
        Ok(processes)
    }

    /// Threads of the processes `pids` that were there at both readings.
    pub(super) fn threads(&self, pids: &[u32]) -> Result<Vec<ThreadTime>, Missing> {
        let mut threads = Vec::new();
        for &pid in pids {
            let folder = format!("/proc/{pid}/task");
            let tids = match numbered(&self.first, &folder, "") {
                Ok(tids) => tids,
                // It had not begun, or had ended.
                Err(why) if why.missing == Absence::Absent => continue,
                Err(why) => return Err(why),
            };
            for tid in tids {
                let path = format!("{folder}/{tid}");
                // Time of a thread that nobody read would count as that of somebody else; one that had ended has none.
                if let Err(why) = stat(&self.first, &format!("{path}/stat"))
                    && why.missing != Absence::Absent
                {
                    return Err(why);
                }
                threads.extend(self.thread(pid, tid, &path));
            }
        }
        Ok(threads)
    }

    fn thread(&self, pid: u32, tid: u32, path: &str) -> Option<ThreadTime> {
        let (first, last) = self.stats(&format!("{path}/stat")).ok()?;
        if first.starttime != last.starttime {
            return None;
        }
        let schedstat = self.schedstat(&format!("{path}/schedstat"));
        let column = |at: usize| schedstat.as_ref().map(|moved| moved[at]).map_err(Clone::clone).into();
        Some(ThreadTime {
            pid,
            tid,
            cpu_ticks: ticks(&first, &last)?,
            run_ns: column(0),
            wait_ns: column(1),
            timeslices: column(2),
            voluntary_switches: self.switches(path, "voluntary_ctxt_switches").into(),
            involuntary_switches: self.switches(path, "nonvoluntary_ctxt_switches").into(),
            last_cpus: last_cpus(&first, &last),
            comm: last.comm,
        })
    }

    fn stats(&self, path: &str) -> Result<(Stat, Stat), Missing> {
        Ok((stat(&self.first, path)?, stat(&self.last, path)?))
    }

    /// Time on a CPU and waiting for one in ns, and number of time slices.
    fn schedstat(&self, path: &str) -> Result<[u64; 3], Missing> {
        let row = |text: &str| -> Option<[u64; 3]> {
            let columns: Vec<u64> =
                text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
            columns.try_into().ok()
        };
        let (first, last) = self.texts(path)?;
        let (Some(first), Some(last)) = (row(&first), row(&last)) else {
            return Err(malformed(path, &last));
        };
        let mut moved = [0; 3];
        for ((moved, first), last) in moved.iter_mut().zip(first).zip(last) {
            *moved =
                last.checked_sub(first).ok_or_else(|| malformed(path, "a counter that ran backwards"))?;
        }
        Ok(moved)
    }

    fn switches(&self, path: &str, name: &str) -> Result<u64, Missing> {
        let path = format!("{path}/status");
        let (first, last) = self.texts(&path)?;
        let value = |text: &str| -> Option<u64> {
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?.trim().parse().ok()
        };
        let moved = value(&last).zip(value(&first)).and_then(|(last, first)| last.checked_sub(first));
        moved.ok_or_else(|| Missing::new(Absence::Absent, format!("{path} does not tell `{name}` twice")))
    }
}

/// CPU time in both modes between two readings of one process or thread.
fn ticks(first: &Stat, last: &Stat) -> Option<u64> {
    let of = |stat: &Stat| stat.utime.saturating_add(stat.stime);
    of(last).checked_sub(of(first))
}

fn last_cpus(first: &Stat, last: &Stat) -> Vec<u32> {
    [first, last].into_iter().filter_map(|stat| u32::try_from(stat.processor?).ok()).collect()
}
