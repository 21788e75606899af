//! The kernel log, as far as checks ask for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{GpuFault, InferenceServer};

/// Lines of the kernel log that tell of errors and throttling.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KernelLog {
    /// What it was read from (`/dev/kmsg`, `/var/log/kern.log`, …).
    #[serde(default)]
    pub path: String,
    /// Seconds since boot of the first record that was still there; the log before is lost.
    #[serde(default)]
    pub from_seconds: f64,
    /// Seconds since boot at the time of reading.
    #[serde(default)]
    pub to_seconds: f64,
    /// Lines, oldest first.
    pub lines: Vec<LogLine>,
    /// True if there were more lines of a subject than are kept.
    #[serde(default)]
    pub truncated: bool,
}

/// One event can write many lines: those that follow each other within this time, in seconds, are of one.
const EVENT_SECONDS: f64 = 10.0;

impl KernelLog {
    fn of<'a>(&'a self, subject: &'a str) -> impl Iterator<Item = &'a LogLine> {
        self.lines.iter().filter(move |line| line.subject == subject)
    }

    /// Errors of NVIDIA's GPUs and switches with the lines that tell of them, by the device as the log names it (`0000:18:00`,
    /// `0000:18:00.0`; empty where it has no name) and the error.
    #[must_use]
    pub fn gpu_faults(&self) -> BTreeMap<(String, GpuFault), Vec<&LogLine>> {
        let mut faults: BTreeMap<(String, GpuFault), Vec<&LogLine>> = BTreeMap::new();
        // The driver may name the GPU in a line before the one that says what happened to it.
        let mut named = (String::new(), f64::MIN);
        for line in &self.lines {
            let Some((mut device, fault)) = line.gpu_fault() else {
                if let Some(address) = line.pci_address().filter(|_| line.subject == "nvrm") {
                    named = (address, line.seconds);
                }
                continue;
            };
            if device.is_empty() && line.subject == "nvrm" && line.seconds - named.1 <= EVENT_SECONDS {
                device.clone_from(&named.0);
            }
            faults.entry((device, fault)).or_default().push(line);
        }
        // It tells of a lost GPU several times, with and without the number of an Xid, with and without the GPU.
        let lost: Vec<(String, GpuFault)> =
            faults.keys().filter(|(_, fault)| fault.is_off_bus()).cloned().collect();
        let is_twice = |(device, fault): &(String, GpuFault)| {
            let has_other = |(other, of): &(String, GpuFault)| match of {
                GpuFault::FallenOff => device.is_empty() && !other.is_empty(),
                _ => device.is_empty() || (!other.is_empty() && device.starts_with(other.as_str())),
            };
            *fault == GpuFault::FallenOff && lost.iter().any(has_other)
        };
        faults.retain(|key, _| !is_twice(key));
        faults
    }

    /// How many events the lines are of.
    #[must_use]
    pub fn events(lines: &[&LogLine]) -> usize {
        let starts = lines.windows(2).filter(|pair| match pair {
            [a, b] => b.seconds - a.seconds > EVENT_SECONDS,
            _ => false,
        });
        usize::from(!lines.is_empty()) + starts.count()
    }

    /// Errors of PCI Express that name one of these devices: those that were not corrected, and those that were.
    #[must_use]
    pub fn pcie_errors(&self, addresses: &[&str]) -> (Vec<&LogLine>, Vec<&LogLine>) {
        let is_of = |line: &&LogLine| addresses.iter().any(|address| line.text.contains(address));
        self.all_pcie_errors().filter(is_of).partition(|line| line.is_lost_on_link())
    }

    /// Errors of PCI Express that were not corrected, by the address of the device that the log names.
    #[must_use]
    pub fn lost_on_links(&self) -> BTreeMap<String, Vec<&LogLine>> {
        let mut links: BTreeMap<String, Vec<&LogLine>> = BTreeMap::new();
        for line in self.all_pcie_errors().filter(|line| line.is_lost_on_link()) {
            if let Some(address) = line.pci_address() {
                links.entry(address).or_default().push(line);
            }
        }
        links
    }

    /// `AER: enabled with IRQ 120` is no error.
    fn all_pcie_errors(&self) -> impl Iterator<Item = &LogLine> {
        self.of("aer").filter(|line| line.text.contains("rror") || line.text.contains("recovery failed"))
    }

    /// Accesses of a device to memory that the IOMMU refused (`DMAR: [DMA Read] Request device [18:00.0] fault addr …`,
    /// `nvidia 0000:18:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT …]`).
    #[must_use]
    pub fn dma_faults(&self, address: &str) -> Vec<&LogLine> {
        let short = address.split_once(':').map_or(address, |(_, short)| short);
        let faults = self.of("iommu").filter(|line| line.text.to_ascii_lowercase().contains("fault"));
        faults.filter(|line| line.text.contains(short)).collect()
    }

    /// Errors of memory that the driver of the controllers tells of (`EDAC MC0: 1 UE memory read error on …`): those that
    /// were not corrected, and those that were.
    #[must_use]
    pub fn memory_errors(&self) -> (Vec<&LogLine>, Vec<&LogLine>) {
        let errors = self.of("edac").filter(|line| line.text.contains(" UE ") || line.text.contains(" CE "));
        errors.partition(|line| line.text.contains(" UE "))
    }

    /// What the kernel's watchdogs have seen: tasks that did not go on for minutes, and CPUs that did nothing else for many
    /// seconds.
    #[must_use]
    pub fn stalls(&self) -> (Vec<&LogLine>, Vec<&LogLine>) {
        self.of("hung-task").partition(|line| line.text.contains("blocked for more than"))
    }
}

/// One line of the kernel log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// Seconds since boot.
    pub seconds: f64,
    /// `xid`, `nvrm`, `bar`, `aer`, `mce`, `edac`, `oom`, `clocksource`, `throttle`, `numa`, `iommu`, `hung-task`,
    /// `conntrack`.
    pub subject: String,
    /// The text.
    pub text: String,
}

impl LogLine {
    /// Whether it tells of an error of PCI Express that was not corrected.
    fn is_lost_on_link(&self) -> bool {
        let text = self.text.to_ascii_lowercase();
        text.contains("uncorrect") || text.contains("fatal") || text.contains("recovery failed")
    }

    /// Whether it tells of an error of PCI Express after which the device may be lost: the link is no longer reliable
    /// (`severity=Uncorrectable (Fatal)`; `(Non-Fatal)` loses a transaction only), or the kernel could not bring it back. A
    /// recovery that succeeds is told under the name of the bridge above the device.
    #[must_use]
    pub fn is_fatal_on_link(&self) -> bool {
        let text = self.text.to_ascii_lowercase();
        ["(fatal)", "severity=fatal", "recovery failed"].iter().any(|part| text.contains(part))
    }

    /// The name of the process that the kernel killed for want of memory, if the line says so, and whether the limit of a
    /// control group was the reason (`Memory cgroup out of memory: Killed process 7 (llama-server) total-vm:…`).
    #[must_use]
    pub fn killed(&self) -> Option<(&str, bool)> {
        let (why, process) = self.text.split_once("illed process ")?;
        let name = process.split_once('(')?.1;
        let end = name.find(") ").or_else(|| name.rfind(')'))?;
        Some((&name[..end], why.contains("emory cgroup")))
    }

    /// The name that one of the servers and the processes that these lines tell of have in common, whether the limit of a
    /// control group was why the last of them was killed, and how many they were. An interpreter can be anything.
    #[must_use]
    pub fn killed_server<'a>(
        lines: &[&'a Self],
        servers: &[InferenceServer],
    ) -> Option<(&'a str, bool, usize)> {
        let is_server = |name: &str| {
            let mut processes = servers.iter().flat_map(|server| &server.processes);
            !name.starts_with("python") && processes.any(|process| process.comm == name)
        };
        let killed = lines.iter().filter_map(|line| line.killed()).filter(|(name, _)| is_server(name));
        let (name, of_group) = killed.clone().next_back()?;
        Some((name, of_group, killed.filter(|(other, _)| *other == name).count()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_killed_process() {
        let killed = |text: &str| {
            let line = LogLine { text: text.to_owned(), ..LogLine::default() };
            line.killed().map(|(name, of_group)| (name.to_owned(), of_group))
        };
        let of = |name: &str, of_group| Some((name.to_owned(), of_group));
        let by_node = "Out of memory: Killed process 3111 (llama-server)";
        assert_eq!(killed(by_node), of("llama-server", false));
        let by_group = "Memory cgroup out of memory: Killed process 9 (VLLM::EngineCor) total-vm:1kB, (x)";
        assert_eq!(killed(by_group), of("VLLM::EngineCor", true));
        assert_eq!(killed("Killed process 9, UID 0, ((sd-pam)) total-vm:1kB"), of("(sd-pam)", false));
        assert_eq!(killed("oom_reaper: reaped process 3111 (llama-server)"), None);
        assert_eq!(killed("Killed process 7 (cut"), None);
    }
}
