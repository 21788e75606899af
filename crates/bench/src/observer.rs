//! Watches the client itself and its machine while a run goes on.
//!
//! A client that is starved, or that starves itself, reports its own delays as the server's. So a thread beside it notes
//! how late its event loop gets to a message, how much CPU its threads took and waited for, and what others took.

use std::fs;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::mpsc::UnboundedSender;

use super::clock::{now, process_cpu};
use super::engine::ToWorker;
use crate::process::{Accounts as ServerAccounts, Work};
use plumb_stats::Random;

/// How often the event loop is asked, on average. In equal steps, looking twenty times a second would find requests that come
/// twenty times a second always at the same point of their way.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// What the threads of a run share with their observer.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    /// Requests under way.
    pub(crate) in_flight: AtomicUsize,
    /// Thread ids of the sending threads, in the kernel's numbers.
    pub(crate) threads: Mutex<Vec<i32>>,
    /// ns that event loops took to get to a message.
    pub(crate) lags: Mutex<Vec<u64>>,
    /// Set when the first measured request was due, and cleared when the last one has ended.
    pub(crate) measuring: AtomicBool,
}

/// Accounts of the machine at a moment, in ns.
#[derive(Clone, Debug, Default)]
struct Accounts {
    at: u64,
    /// All CPUs together, idle time aside.
    busy: u64,
    own: u64,
    /// (running, waiting to run) of each sending thread.
    threads: Vec<(u64, u64)>,
}

/// What was seen while measuring.
#[derive(Debug)]
pub(crate) struct SelfCheck {
    /// Delay of the event loops in ns.
    pub(crate) lag: Histogram<u64>,
    /// CPU seconds of this process.
    pub(crate) cpu_s: f64,
    /// Largest share of a CPU that one sending thread took over a second.
    pub(crate) busiest_thread: f64,
    /// Share of time that sending threads were ready to run and did not, the worst of them.
    pub(crate) waiting_share: Option<f64>,
    /// CPUs that other processes kept busy, on average.
    pub(crate) foreign_cpus: Option<f64>,
    /// Mean number of requests under way.
    pub(crate) in_flight: Option<f64>,
    /// What the server's processes did, where it is known which they are.
    pub(crate) server: Option<ServerSeen>,
}

/// A server's processes between two looks.
#[derive(Debug)]
pub(crate) struct ServerSeen {
    /// Its first process.
    pub(crate) pid: i32,
    /// Seconds between the looks.
    pub(crate) seconds: f64,
    pub(crate) work: Work,
    /// Joules of all CPU packages.
    pub(crate) package_j: Option<f64>,
}

/// A look at a server's processes.
struct ServerLook {
    at: u64,
    accounts: ServerAccounts,
    energy: Vec<(u64, u64)>,
}

impl ServerLook {
    fn at(leader: i32) -> Self {
        Self { at: now(), accounts: ServerAccounts::of(leader), energy: energy(std::path::Path::new(RAPL)) }
    }

    fn since(&self, pid: i32, before: &Self) -> Option<ServerSeen> {
        let work = self.accounts.since(&before.accounts)?;
        let both = self.energy.iter().zip(&before.energy);
        // The counter of a package begins anew at its range.
        let used: u64 = both
            .map(
                |((after, range), (before, _))| {
                    if after >= before { after - before } else { after + range.saturating_sub(*before) }
                },
            )
            .sum();
        let known = !self.energy.is_empty() && self.energy.len() == before.energy.len();
        Some(ServerSeen {
            pid,
            seconds: self.at.saturating_sub(before.at) as f64 / 1e9,
            work,
            package_j: known.then(|| used as f64 / 1e6),
        })
    }
}

/// Where the kernel has the energy counters of CPU packages, which only root may read.
const RAPL: &str = "/sys/class/powercap";

/// Energy in µJ, and the range of its counter, of each package; parts of packages are left out.
pub(crate) fn energy(root: &std::path::Path) -> Vec<(u64, u64)> {
    let mut zones: Vec<std::path::PathBuf> =
        fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    zones.sort();
    let read = |path: std::path::PathBuf| fs::read_to_string(path).ok();
    zones
        .into_iter()
        .filter(|zone| read(zone.join("name")).is_some_and(|name| name.starts_with("package")))
        .filter_map(|zone| {
            let number = |name: &str| read(zone.join(name))?.trim().parse().ok();
            Some((number("energy_uj")?, number("max_energy_range_uj")?))
        })
        .collect()
}

/// Watches until `stop`; only what is seen while measuring counts.
pub(crate) fn watch(
    gauges: &Gauges,
    workers: &[UnboundedSender<ToWorker>],
    stop: &AtomicBool,
    leader: Option<i32>,
) -> Option<SelfCheck> {
    let mut lag = Histogram::new_with_bounds(1, 3_600_000_000_000, 3).ok()?;
    let mut first: Option<Accounts> = None;
    let mut last: Option<Accounts> = None;
    let (mut in_flight, mut samples) = (0.0, 0u64);
    let mut busiest: f64 = 0.0;
    let (mut server_first, mut server_last): (Option<ServerLook>, Option<ServerLook>) = (None, None);
    let mut random = Random::stream(0, 3);
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(ASK_EVERY.mul_f64(0.5 + random.uniform()));
        let measuring = gauges.measuring.load(Ordering::Relaxed);
        let answers = std::mem::take(&mut *gauges.lags.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(leader) = leader {
            if measuring && server_first.is_none() {
                server_first = Some(ServerLook::at(leader));
            } else if !measuring && server_first.is_some() && server_last.is_none() {
                server_last = Some(ServerLook::at(leader));
            }
        }
        if measuring {
            answers.into_iter().for_each(|ns| lag.saturating_record(ns.max(1)));
            in_flight += gauges.in_flight.load(Ordering::Relaxed) as f64;
            samples += 1;
            let due = last.as_ref().is_none_or(|last| now().saturating_sub(last.at) >= 1_000_000_000);
            if due {
                let accounts = accounts(gauges);
                if let Some(before) = &last {
                    busiest = busiest.max(busiest_thread(before, &accounts));
                }
                if first.is_none() {
                    first = Some(accounts.clone());
                }
                last = Some(accounts);
            }
        } else if first.is_some()
            && samples > 0
            && last.as_ref().is_some_and(|last| first.as_ref().is_some_and(|first| first.at == last.at))
        {
            // Shorter than a second: to its end at least.
            last = Some(accounts(gauges));
        }
        workers.iter().for_each(|worker| {
            // A worker that has ended needs no watching.
            let _ = worker.send(ToWorker::Ask(now()));
        });
    }
    let first = first?;
    let last = match last {
        Some(last) if last.at > first.at => last,
        _ => accounts(gauges),
    };
    let ns = last.at.saturating_sub(first.at).max(1) as f64;
    busiest = busiest.max(if ns > 5e8 { busiest_thread(&first, &last) } else { 0.0 });
    let waiting_share = last
        .threads
        .iter()
        .zip(&first.threads)
        .map(|(last, first)| last.1.saturating_sub(first.1) as f64 / ns)
        .fold(None, |most: Option<f64>, share| Some(most.map_or(share, |most| most.max(share))));
    let foreign = (last.busy > 0).then(|| {
        (last.busy.saturating_sub(first.busy) as f64 - (last.own.saturating_sub(first.own)) as f64) / ns
    });
    Some(SelfCheck {
        lag,
        cpu_s: last.own.saturating_sub(first.own) as f64 / 1e9,
        busiest_thread: busiest,
        waiting_share,
        foreign_cpus: foreign.map(|cpus| cpus.max(0.0)),
        in_flight: (samples > 0).then(|| in_flight / samples as f64),
        server: leader.zip(server_first).and_then(|(leader, before)| {
            server_last.unwrap_or_else(|| ServerLook::at(leader)).since(leader, &before)
        }),
    })
}

fn busiest_thread(before: &Accounts, after: &Accounts) -> f64 {
    let ns = after.at.saturating_sub(before.at).max(1) as f64;
    let shares = after.threads.iter().zip(&before.threads).map(|(a, b)| a.0.saturating_sub(b.0) as f64 / ns);
    shares.fold(0.0, f64::max)
}

fn accounts(gauges: &Gauges) -> Accounts {
    let threads = gauges.threads.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let threads = threads
        .into_iter()
        .map(|tid| {
            let text = fs::read_to_string(format!("/proc/self/task/{tid}/schedstat")).unwrap_or_default();
            parse_schedstat(&text).unwrap_or_default()
        })
        .collect();
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    Accounts { at: now(), busy: busy_ns(&stat).unwrap_or(0), own: process_cpu(), threads }
}

/// (running, waiting) in ns, the first two numbers of `schedstat` (kernel documentation, sched-stats).
fn parse_schedstat(text: &str) -> Option<(u64, u64)> {
    let mut words = text.split_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// What all CPUs together did besides idling and waiting for disks, from `/proc/stat`, whose ticks are 10 ms long on every
/// architecture that Plumb runs on. Guests are counted with `user` already, steal is not this machine's.
fn busy_ns(stat: &str) -> Option<u64> {
    let line = stat.lines().find(|line| line.starts_with("cpu "))?;
    let ticks: Vec<u64> = line.split_whitespace().skip(1).map_while(|word| word.parse().ok()).collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, ..] = ticks.as_slice() else { return None };
    Some((user + nice + system + irq + softirq) * 10_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_is_that_of_packages_and_counters_begin_anew() {
        let folder = tempfile::tempdir().unwrap();
        let zone = |name: &str, kind: &str, energy: u64| {
            let path = folder.path().join(name);
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join("name"), format!("{kind}\n")).unwrap();
            fs::write(path.join("energy_uj"), format!("{energy}\n")).unwrap();
            fs::write(path.join("max_energy_range_uj"), "1000000\n").unwrap();
        };
        let look = |at, energy| ServerLook {
            at,
            accounts: ServerAccounts::of(i32::try_from(std::process::id()).unwrap()),
            energy,
        };
        zone("intel-rapl:0", "package-0", 900_000);
        zone("intel-rapl:0:0", "dram", 5);
        zone("intel-rapl:1", "package-1", 100_000);
        let before = look(0, energy(folder.path()));
        zone("intel-rapl:0", "package-0", 100_000);
        zone("intel-rapl:1", "package-1", 400_000);
        let seen = look(2_000_000_000, energy(folder.path())).since(1, &before).unwrap();
        assert_eq!((seen.seconds, seen.package_j), (2.0, Some(0.5)));
        assert!(energy(&folder.path().join("nothing")).is_empty());
    }

    #[test]
    fn accounts_are_read_as_the_kernel_writes_them() {
        assert_eq!(parse_schedstat("123 45 6\n"), Some((123, 45)));
        assert_eq!(parse_schedstat(""), None);
        let stat = "cpu  10 1 5 1000 7 2 3 9 4 0\ncpu0 10 1 5 1000 7 2 3 9 4 0\n";
        assert_eq!(busy_ns(stat), Some(210_000_000));
        assert_eq!(busy_ns("intr 3\n"), None);
    }
}
