//! What the kernel and the GPUs say at a look.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use plumb_evidence::model::{Moment, ObservedGpu};

use crate::Scrape;
use crate::process::{schedule, tree};

/// CPUs whose clocks are read: of more, as many, evenly spread.
const MOST_CLOCKS: usize = 32;
/// Ticks of `/proc/*/stat` per second, on every architecture that Plumb runs on.
const TICKS: f64 = 100.0;

/// Counters at a moment; times in seconds.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) at: f64,
    /// (ran, waited) of the server's threads, all that there were so far.
    pub(super) server: Option<(f64, f64)>,
    /// CPU time of all CPUs, and what the hypervisor took.
    pub(super) busy: f64,
    pub(super) stolen: f64,
    /// CPU time of this program.
    pub(super) own: f64,
    /// CPU time of other processes by number, with their names.
    pub(super) others: BTreeMap<i32, (String, f64)>,
    pub(super) held_back: Option<f64>,
    pub(super) thermal: Option<u64>,
    pub(super) mhz: Option<(f64, f64)>,
    pub(super) gpus: Vec<ObservedGpu>,
    pub(super) scrape: Option<Scrape>,
}

/// CPU time of this process and of those that it waited for.
pub(super) fn own_cpu() -> f64 {
    let of = |who| {
        getrusage(who).map_or(0.0, |usage| {
            let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
            seconds(usage.user_time()) + seconds(usage.system_time())
        })
    };
    of(UsageWho::RUSAGE_SELF) + of(UsageWho::RUSAGE_CHILDREN)
}

/// Reads the node, and what costs much less often than the rest.
#[derive(Debug)]
pub(super) struct Sampler {
    root: PathBuf,
    began: Instant,
    looks: u64,
    /// GPUs are asked at each look of so many, since asking starts a program.
    gpus_every: u64,
    /// Threads that have ended took their time with them, so what the server did is summed up.
    threads: BTreeMap<crate::process::Task, (u64, u64)>,
    total: (u64, u64),
}

impl Sampler {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, began: Instant::now(), looks: 0, gpus_every: 1, threads: BTreeMap::new(), total: (0, 0) }
    }

    /// Asks GPUs half as often from now on.
    pub(super) fn spare(&mut self, is_too_much: bool) {
        if is_too_much {
            self.gpus_every = (self.gpus_every * 2).min(64);
        }
    }

    pub(super) fn look(&mut self, leader: Option<i32>) -> Look {
        let members = leader.map(tree).unwrap_or_default();
        let server = leader.filter(|_| !members.is_empty()).map(|_| {
            let now = schedule(&members);
            for (task, (ran, waited)) in &now {
                let then = self.threads.get(task).copied().unwrap_or_default();
                self.total.0 += ran.saturating_sub(then.0);
                self.total.1 += waited.saturating_sub(then.1);
            }
            self.threads = now;
            (self.total.0 as f64 / 1e9, self.total.1 as f64 / 1e9)
        });
        let (busy, stolen) = cpu_time(&self.read("proc/stat"));
        let asks = self.looks.is_multiple_of(self.gpus_every);
        self.looks += 1;
        Look {
            at: self.began.elapsed().as_secs_f64(),
            server,
            busy,
            stolen,
            own: own_cpu(),
            others: self.others(&members),
            held_back: leader.and_then(|pid| self.held_back(pid)),
            thermal: self.thermal(),
            mhz: self.clocks(),
            gpus: if asks { gpus(&self.root) } else { Vec::new() },
            scrape: None,
        }
    }

    fn read(&self, path: impl AsRef<Path>) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_default()
    }

    /// CPU time of all processes but the server's and this one.
    fn others(&self, members: &[i32]) -> BTreeMap<i32, (String, f64)> {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let entries = fs::read_dir(self.root.join("proc")).into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        pids.filter(|pid| *pid != own && members.binary_search(pid).is_err())
            .filter_map(|pid| Some((pid, of_process(&self.read(format!("proc/{pid}/stat")))?)))
            .collect()
    }

    /// Seconds for which the quota of the server's control group held its threads back so far.
    fn held_back(&self, pid: i32) -> Option<f64> {
        let groups = self.read(format!("proc/{pid}/cgroup"));
        let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?.trim();
        let stat = self.read(format!("sys/fs/cgroup/{path}/cpu.stat"));
        let line = stat.lines().find_map(|line| line.strip_prefix("throttled_usec "))?;
        line.trim().parse::<f64>().ok().map(|usec| usec / 1e6)
    }

    fn cpus(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.root.join("sys/devices/system/cpu")).into_iter().flatten().flatten();
        let is_cpu = |name: &str| name.strip_prefix("cpu").is_some_and(|rest| rest.parse::<u32>().is_ok());
        let mut cpus: Vec<PathBuf> = entries
            .filter(|entry| entry.file_name().to_str().is_some_and(is_cpu))
            .map(|entry| entry.path())
            .collect();
        cpus.sort();
        cpus
    }

    fn thermal(&self) -> Option<u64> {
        let counts = self.cpus().into_iter().filter_map(|cpu| {
            let count = |name: &str| {
                fs::read_to_string(cpu.join("thermal_throttle").join(name)).ok()?.trim().parse::<u64>().ok()
            };
            Some(count("core_throttle_count")? + count("package_throttle_count").unwrap_or(0))
        });
        counts.fold(None, |sum: Option<u64>, count| Some(sum.unwrap_or(0) + count))
    }

    fn clocks(&self) -> Option<(f64, f64)> {
        let cpus = self.cpus();
        let step = cpus.len().div_ceil(MOST_CLOCKS).max(1);
        let khz = cpus.iter().step_by(step).filter_map(|cpu| {
            fs::read_to_string(cpu.join("cpufreq/scaling_cur_freq")).ok()?.trim().parse::<f64>().ok()
        });
        let mhz: Vec<f64> = khz.map(|khz| khz / 1e3).collect();
        let least = mhz.iter().copied().reduce(f64::min)?;
        Some((plumb_stats::mean(&mhz)?, least))
    }
}

/// Seconds of CPU time that all CPUs were busy, and that the hypervisor gave to others.
fn cpu_time(stat: &str) -> (f64, f64) {
    let ticks: Vec<f64> = stat
        .lines()
        .find(|line| line.starts_with("cpu "))
        .map(|line| line.split_ascii_whitespace().skip(1).map_while(|word| word.parse().ok()).collect())
        .unwrap_or_default();
    let [user, nice, system, _idle, _iowait, irq, softirq, stolen, ..] = ticks.as_slice() else {
        return (0.0, 0.0);
    };
    ((user + nice + system + irq + softirq) / TICKS, stolen / TICKS)
}

/// Name and CPU seconds of a process, from its `stat`.
fn of_process(stat: &str) -> Option<(String, f64)> {
    let (before, after) = stat.rsplit_once(')')?;
    let name = before.split_once('(')?.1;
    let fields: Vec<&str> = after.split_ascii_whitespace().collect();
    let ticks = |position: usize| fields.get(position)?.parse::<f64>().ok();
    Some((name.to_owned(), (ticks(11)? + ticks(12)?) / TICKS))
}

/// Asks `nvidia-smi` once, where NVIDIA's driver is loaded already.
fn gpus(root: &Path) -> Vec<ObservedGpu> {
    if !root.join("proc/driver/nvidia/version").exists() {
        return Vec::new();
    }
    let output = Command::new("nvidia-smi")
        .args([
            "--query-gpu=index,utilization.gpu,power.draw,clocks.sm,temperature.gpu",
            "--format=csv,noheader,nounits",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().filter_map(gpu).collect()
}

/// `0, 97, 612.34, 1980, 61`; what a GPU does not tell is `[N/A]`.
fn gpu(line: &str) -> Option<ObservedGpu> {
    let mut columns = line.split(',').map(str::trim);
    let index = columns.next()?.parse().ok()?;
    let mut number = || columns.next().and_then(|text| text.parse::<f64>().ok());
    Some(ObservedGpu {
        index,
        busy_percent: number(),
        power_w: number(),
        sm_mhz: number(),
        temperature_c: number(),
    })
}

impl Look {
    /// What happened since an earlier look, but for what the server says of itself.
    pub(super) fn since(&self, before: &Self) -> Moment {
        let seconds = (self.at - before.at).max(1e-9);
        let per_second = |grown: f64| (grown / seconds).max(0.0);
        let server =
            self.server.zip(before.server).map(|(after, before)| (after.0 - before.0, after.1 - before.1));
        let own = self.own - before.own;
        let used = server.map_or(0.0, |(ran, _)| ran);
        let neighbour = self
            .others
            .iter()
            .map(|(pid, (name, now))| (name, now - before.others.get(pid).map_or(*now, |(_, then)| *then)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(name, grown)| (name.clone(), per_second(grown)))
            .filter(|(_, cpus)| *cpus >= 0.01);
        Moment {
            at: self.at,
            seconds: self.at - before.at,
            cpus_used: server.map(|(ran, _)| per_second(ran)),
            run_delay: server.map(|(_, waited)| per_second(waited)),
            others_cpus: (self.busy > 0.0).then(|| per_second(self.busy - before.busy - own - used)),
            neighbour,
            stolen_cpus: (self.busy > 0.0).then(|| per_second(self.stolen - before.stolen)),
            held_back: self.held_back.zip(before.held_back).map(|(after, before)| per_second(after - before)),
            thermal: self.thermal.zip(before.thermal).map(|(after, before)| after.saturating_sub(before)),
            mhz: self.mhz,
            gpus: self.gpus.clone(),
            ..Moment::default()
        }
    }
}

/// One moment for several, of which each counts by its length.
pub(super) fn mean_of(moments: &[Moment]) -> Moment {
    let seconds: f64 = moments.iter().map(|moment| moment.seconds).sum();
    let mean = |value: &dyn Fn(&Moment) -> Option<f64>| {
        let known = moments.iter().filter_map(|moment| Some((value(moment)?, moment.seconds)));
        let (sum, weight) = known.fold((0.0, 0.0), |(sum, all), (value, own)| (sum + value * own, all + own));
        (weight > 0.0).then(|| sum / weight)
    };
    // Times per request count by the requests that they are means of.
    let by_requests = |value: &dyn Fn(&Moment) -> Option<f64>| {
        let known = moments.iter().filter_map(|moment| {
            Some((value(moment)?, moment.requests_per_s.unwrap_or(1.0).max(1e-9) * moment.seconds))
        });
        let (sum, weight) = known.fold((0.0, 0.0), |(sum, all), (value, own)| (sum + value * own, all + own));
        (weight > 0.0).then(|| sum / weight)
    };
    let neighbour = moments.iter().filter_map(|moment| moment.neighbour.as_ref());
    let neighbour = neighbour.max_by(|a, b| a.1.total_cmp(&b.1)).cloned();
    let mut indexes: Vec<u32> = moments.iter().flat_map(|moment| &moment.gpus).map(|gpu| gpu.index).collect();
    indexes.sort_unstable();
    indexes.dedup();
    let gpus = indexes.into_iter().map(|index| {
        let own = || moments.iter().flat_map(|moment| &moment.gpus).filter(move |gpu| gpu.index == index);
        let mean = |value: fn(&ObservedGpu) -> Option<f64>| {
            plumb_stats::mean(&own().filter_map(value).collect::<Vec<_>>())
        };
        ObservedGpu {
            index,
            busy_percent: mean(|gpu| gpu.busy_percent),
            power_w: mean(|gpu| gpu.power_w),
            sm_mhz: mean(|gpu| gpu.sm_mhz),
            temperature_c: mean(|gpu| gpu.temperature_c),
        }
    });
    let thermal = moments.iter().filter_map(|moment| moment.thermal);
    let least = moments.iter().filter_map(|moment| moment.mhz).map(|(_, least)| least).reduce(f64::min);
    Moment {
        at: moments.last().map_or(0.0, |moment| moment.at),
        seconds,
        cpus_used: mean(&|moment| moment.cpus_used),
        run_delay: mean(&|moment| moment.run_delay),
        others_cpus: mean(&|moment| moment.others_cpus),
        neighbour,
        stolen_cpus: mean(&|moment| moment.stolen_cpus),
        held_back: mean(&|moment| moment.held_back),
        thermal: thermal.fold(None, |sum: Option<u64>, count| Some(sum.unwrap_or(0) + count)),
        mhz: mean(&|moment| moment.mhz.map(|(mean, _)| mean)).zip(least),
        gpus: gpus.collect(),
        running: mean(&|moment| moment.running),
        waiting: mean(&|moment| moment.waiting),
        kv_cache_percent: mean(&|moment| moment.kv_cache_percent),
        requests_per_s: mean(&|moment| moment.requests_per_s),
        tokens_per_s: mean(&|moment| moment.tokens_per_s),
        ttft_ms: by_requests(&|moment| moment.ttft_ms),
        itl_ms: by_requests(&|moment| moment.itl_ms),
        e2e_ms: by_requests(&|moment| moment.e2e_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_accounts_are_read() {
        let stat = "cpu  1000 100 500 99999 7 20 30 900 4 0\ncpu0 1 1 1 1\n";
        assert_eq!(cpu_time(stat), (16.5, 9.0));
        let process = "42 (a (b) c) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 100 0 0";
        assert_eq!(of_process(process), Some(("a (b) c".to_owned(), 3.0)));
        assert_eq!(gpu("0, 97, 612.34, 1980, [N/A]").unwrap().sm_mhz, Some(1980.0));
        assert_eq!(gpu("No devices were found"), None);
    }

    #[test]
    fn a_look_names_who_used_the_cpus() {
        let folder = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let node = |busy: u32, backup: u32, throttled: u32, khz: u32| {
            put("proc/stat", &format!("cpu  {busy} 0 0 1000 0 0 0 0 0 0\n"));
            put("proc/7/stat", &format!("7 (backup) R 1 7 7 0 -1 0 0 0 0 0 {backup} 0 0 0 20 0 1 0 1 0 0"));
            put("proc/9/cgroup", "0::/vllm.service\n");
            put(
                "sys/fs/cgroup/vllm.service/cpu.stat",
                &format!("usage_usec 1\nthrottled_usec {throttled}\n"),
            );
            put("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", &khz.to_string());
            put(
                "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count",
                &(busy / 100).to_string(),
            );
        };
        let mut sampler = Sampler::new(folder.path().to_owned());
        node(1000, 100, 0, 3_000_000);
        let mut before = sampler.look(None);
        before.held_back = sampler.held_back(9);
        node(1900, 700, 2_500_000, 1_500_000);
        let mut after = sampler.look(None);
        after.held_back = sampler.held_back(9);
        // As if ten seconds had gone by, and nothing of this program.
        (before.at, after.at, before.own, after.own) = (0.0, 10.0, 0.0, 0.0);
        let moment = after.since(&before);
        assert_eq!(moment.neighbour, Some(("backup".to_owned(), 0.6)));
        assert_eq!((moment.others_cpus, moment.held_back), (Some(0.9), Some(0.25)));
        assert_eq!((moment.mhz, moment.thermal), (Some((1500.0, 1500.0)), Some(9)));
        let two =
            mean_of(&[moment.clone(), Moment { seconds: 30.0, others_cpus: Some(0.1), ..Moment::default() }]);
        assert!((two.others_cpus.unwrap() - 0.3).abs() < 1e-9 && two.seconds == 40.0);
    }
}
