//! What moved between two readings of the node: counters under load.
//!
//! Counts are differences between the last and the first reading; a counter that ran backwards (a device that was reset,
//! a CPU that came online) is missing, never negative. Times are in the unit of the name; `_ticks` are `USER_HZ` ticks of
//! 10 ms.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fact::{Absence, Fact, Missing};

/// Two readings of the node, some seconds apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Window {
    /// Seconds between the readings.
    pub seconds: f64,
    /// CPU time by CPU, from `/proc/stat`.
    pub cpus: Fact<Vec<CpuTime>>,
    /// Context switches of the node.
    pub context_switches: Fact<u64>,
    /// Runnable threads at each reading.
    pub running: Fact<Vec<u64>>,
    /// Stall times from `/proc/pressure`, by resource (`cpu`, `memory`, `io`, `irq`).
    pub pressure: BTreeMap<String, Fact<Pressure>>,
    /// Threads of inference servers.
    pub threads: Fact<Vec<ThreadTime>>,
    /// Processes that were there at both readings and used CPU time in between, or belong to an inference server.
    pub processes: Fact<Vec<ProcessTime>>,
    /// Control groups of inference servers and all above them, by folder.
    pub cgroups: BTreeMap<String, CgroupTime>,
    /// Interrupts by line.
    pub interrupts: Fact<Vec<InterruptCount>>,
    /// Software interrupts by kind (`NET_RX`, `TIMER`, …): count by CPU, zeros left out.
    pub softirqs: Fact<BTreeMap<String, BTreeMap<u32, u64>>>,
    /// Kernel memory counters by name (`pgmajfault`, `allocstall_normal`, …), from `/proc/vmstat`.
    pub vmstat: Fact<BTreeMap<String, u64>>,
    /// NUMA allocation counters by node and name (`numa_miss`, …).
    pub numastat: Fact<BTreeMap<u32, BTreeMap<String, u64>>>,
    /// TCP counters by name (`ListenOverflows`, …), from `/proc/net/netstat` and `/proc/net/snmp`.
    pub tcp: Fact<BTreeMap<String, u64>>,
    /// Packet processing by CPU, from `/proc/net/softnet_stat`.
    pub softnet: Fact<Vec<Softnet>>,
    /// Text of single-value files at each reading, by subject and path: for example clocks, error counts, energy.
    pub values: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// GPUs, by PCI address, as NVML saw them during the window.
    pub gpus: Fact<Vec<GpuTime>>,
}

impl Window {
    /// How often an event of `memory.events` came about in a control group, without those of the groups below it: the kernel
    /// counts these for the group as well. `groups` are the folders that are looked at.
    ///
    /// # Errors
    /// The group was not read at both ends of the window, or the event is not among what was read.
    pub fn own_memory_events<'a>(
        &self,
        folder: &str,
        event: &str,
        groups: impl Iterator<Item = &'a str>,
    ) -> Result<u64, Missing> {
        let unread =
            || Missing::new(Absence::Failed, format!("{folder} was not read at both ends of the window"));
        let events = self.cgroups.get(folder).ok_or_else(unread)?.memory_events.require()?;
        let partial = || Missing::new(Absence::Malformed, format!("{folder}/memory.events is not complete"));
        let all = events.get(event).ok_or_else(partial)?;
        let below = groups.filter(|path| path.rsplit_once('/').is_some_and(|(above, _)| above == folder));
        let of_below = |path: &str| self.cgroups.get(path)?.memory_events.known()?.get(event).copied();
        Ok(all.saturating_sub(below.filter_map(of_below).sum()))
    }

    /// Difference between the last and the first value of a counter in [`values`](Self::values); `None` where it was not
    /// read twice, is no number or ran backwards.
    #[must_use]
    pub fn delta(&self, subject: &str, path: &str) -> Option<u64> {
        let readings = self.values.get(subject)?.get(path)?;
        let [first, .., last] = readings.as_slice() else { return None };
        let number = |text: &String| text.trim().parse::<u64>().ok();
        number(last)?.checked_sub(number(first)?)
    }
}

/// Time of one CPU during the window, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CpuTime {
    /// Number of the CPU.
    pub cpu: u32,
    /// User mode, without guests.
    pub user_ticks: u64,
    /// User mode at low priority.
    pub nice_ticks: u64,
    /// Kernel mode.
    pub system_ticks: u64,
    /// Idle.
    pub idle_ticks: u64,
    /// Idle while I/O was outstanding.
    pub iowait_ticks: u64,
    /// Hardware interrupts.
    pub irq_ticks: u64,
    /// Software interrupts.
    pub softirq_ticks: u64,
    /// Taken by the hypervisor.
    pub steal_ticks: u64,
    /// Running guests; part of `user_ticks` in `/proc/stat`, taken out of it here.
    pub guest_ticks: u64,
}

impl CpuTime {
    /// All ticks of the window.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.busy() + self.idle_ticks + self.iowait_ticks
    }

    /// Ticks in which the CPU did something, or was taken away.
    #[must_use]
    pub fn busy(&self) -> u64 {
        self.user_ticks
            + self.nice_ticks
            + self.system_ticks
            + self.irq_ticks
            + self.softirq_ticks
            + self.steal_ticks
            + self.guest_ticks
    }
}

/// Stall time during the window (pressure stall information).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pressure {
    /// Time in which some thread waited for the resource, in µs.
    pub some_us: u64,
    /// Time in which all threads that were not idle waited, in µs; `None` where the kernel does not tell.
    #[serde(default)]
    pub full_us: Option<u64>,
}

/// A thread of an inference server during the window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadTime {
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// Name.
    #[serde(default)]
    pub comm: String,
    /// CPU time in ticks.
    pub cpu_ticks: u64,
    /// Time on a CPU in ns, from `schedstat`.
    #[serde(default)]
    pub run_ns: Fact<u64>,
    /// Time waiting for a CPU while runnable, in ns.
    #[serde(default)]
    pub wait_ns: Fact<u64>,
    /// Number of times that it was put on a CPU.
    #[serde(default)]
    pub timeslices: Fact<u64>,
    /// Times that it gave up the CPU.
    #[serde(default)]
    pub voluntary_switches: Fact<u64>,
    /// Times that the CPU was taken from it.
    #[serde(default)]
    pub involuntary_switches: Fact<u64>,
    /// CPU that it last ran on, at each reading.
    #[serde(default)]
    pub last_cpus: Vec<u32>,
}

/// A process during the window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessTime {
    /// Process id.
    pub pid: u32,
    /// Name.
    #[serde(default)]
    pub comm: String,
    /// True for a thread of the kernel itself.
    #[serde(default)]
    pub kernel: bool,
    /// True if it belongs to an inference server.
    #[serde(default)]
    pub inference: bool,
    /// CPU time of all threads, in ticks.
    pub cpu_ticks: u64,
    /// CPU that its first thread last ran on, at each reading.
    #[serde(default)]
    pub last_cpus: Vec<u32>,
}

/// A control group during the window; what it does not have is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CgroupTime {
    /// CPU time in µs.
    pub usage_us: Fact<u64>,
    /// Periods of the CPU quota.
    pub periods: Fact<u64>,
    /// Periods in which it was throttled.
    pub throttled_periods: Fact<u64>,
    /// Time for which it was throttled, in µs, summed over CPUs.
    pub throttled_us: Fact<u64>,
    /// Stall times, by resource.
    pub pressure: BTreeMap<String, Fact<Pressure>>,
    /// Memory events by name (`high`, `max`, `oom_kill`, …).
    pub memory_events: Fact<BTreeMap<String, u64>>,
}

/// Interrupts of one line during the window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterruptCount {
    /// Number, or the kernel's name (`LOC`, `TLB`, …).
    pub irq: String,
    /// Devices, drivers or a description.
    #[serde(default)]
    pub name: String,
    /// Count by CPU, zeros left out.
    pub counts: BTreeMap<u32, u64>,
}

/// Packets processed by a CPU during the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Softnet {
    /// Number of the CPU.
    pub cpu: u32,
    /// Packets processed.
    pub processed: u64,
    /// Packets dropped because the backlog was full.
    pub dropped: u64,
    /// Times that work was left over when the budget ran out.
    pub squeezed: u64,
}

/// A GPU during the window, from samples about a second apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GpuTime {
    /// PCI address in the form of sysfs.
    pub address: String,
    /// Number of samples.
    pub samples: u32,
    /// Seconds between the first and the last sample, over which its counters were compared.
    pub seconds: f64,
    /// Share of time in which any kernel ran, in %, at each sample.
    pub utilization_percent: Fact<Vec<u32>>,
    /// SM clock in MHz at each sample.
    pub sm_mhz: Fact<Vec<u32>>,
    /// Memory clock in MHz at each sample.
    pub memory_mhz: Fact<Vec<u32>>,
    /// Power in W at each sample.
    pub power_watts: Fact<Vec<f64>>,
    /// Temperature of the GPU in °C at each sample.
    pub temperature_celsius: Fact<Vec<u32>>,
    /// How far it is from slowing down, in °C, at each sample.
    pub margin_celsius: Fact<Vec<i32>>,
    /// NVML's bit mask of reasons why clocks are low, at each sample.
    pub clock_reasons: Fact<Vec<u64>>,
    /// Time for which clocks were held down during the window, in ns, by reason (`sw_power_cap`, `hw_thermal`, …).
    pub clock_reasons_ns: Fact<BTreeMap<String, u64>>,
    /// PCI Express generation at each sample.
    pub pcie_generation: Fact<Vec<u32>>,
    /// PCI Express lanes at each sample.
    pub pcie_width: Fact<Vec<u32>>,
    /// Data sent over PCI Express in kB/s at each sample.
    pub pcie_tx_kb_per_s: Fact<Vec<u64>>,
    /// Data received over PCI Express in kB/s at each sample.
    pub pcie_rx_kb_per_s: Fact<Vec<u64>>,
    /// PCI Express replays during the window.
    pub pcie_replays: Fact<u64>,
    /// Energy in mJ during the window.
    pub energy_mj: Fact<u64>,
    /// Memory in use at each sample, in bytes.
    pub memory_used_bytes: Fact<Vec<u64>>,
    /// Replays, recoveries and CRC errors of all NVLinks during the window.
    pub nvlink_errors: Fact<u64>,
    /// Uncorrected memory errors during the window.
    pub ecc_uncorrected: Fact<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Absence;

    fn window(gpus: &[&[u32]], ticks: u64) -> Window {
        let gpu = |percent: &&[u32]| GpuTime {
            utilization_percent: Fact::Known(percent.to_vec()),
            ..GpuTime::default()
        };
        let engine = ProcessTime { inference: true, cpu_ticks: ticks, ..ProcessTime::default() };
        let neighbour = ProcessTime { cpu_ticks: 9000, ..ProcessTime::default() };
        Window {
            seconds: 10.0,
            gpus: Fact::Known(gpus.iter().map(gpu).collect()),
            processes: Fact::Known(vec![engine, neighbour]),
            ..Window::default()
        }
    }

    #[test]
    fn gpus_tell_of_load_before_processes_do() {
        assert!(window(&[&[0, 0], &[4, 6]], 0).under_load().is_ok(), "5 % on average is load");
        let spinning = window(&[&[0, 0], &[4, 5]], 1000).under_load().unwrap_err();
        assert_eq!(spinning.missing, Absence::Skipped);
        assert!(window(&[], 50).under_load().is_ok(), "5 % of a CPU");
        assert!(window(&[&[]], 49).under_load().is_err(), "a GPU without samples tells nothing");
        let unknown = Window { gpus: Fact::default(), processes: Fact::default(), ..window(&[], 0) };
        assert_eq!(unknown.under_load().unwrap_err().reason, "not collected");
    }

    #[test]
    fn who_is_starved_is_under_load() {
        let waiting = |ms: u64| ThreadTime { wait_ns: Fact::Known(ms * 1_000_000), ..ThreadTime::default() };
        let starved =
            Window { threads: Fact::Known(vec![waiting(300), waiting(200)]), ..window(&[&[0, 0]], 1) };
        assert!(starved.under_load().unwrap().contains("waited for a CPU, 0.05 s in each second"));
        let idle = Window { threads: Fact::Known(vec![waiting(499)]), ..window(&[&[0, 0]], 1) };
        assert_eq!(idle.under_load().unwrap_err().missing, Absence::Skipped);
        let alone = Window { threads: Fact::Known(vec![waiting(500)]), ..window(&[], 1) };
        assert!(alone.under_load().is_ok());
    }

    #[test]
    fn a_window_without_length_gives_no_rates() {
        assert_eq!(Window::default().length().unwrap_err().missing, Absence::Malformed);
        assert!(Window { seconds: 0.0, ..window(&[], 50) }.under_load().is_err());
    }
}
