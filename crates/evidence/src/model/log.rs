//! The kernel log, as far as checks ask for it.

use serde::{Deserialize, Serialize};

use super::InferenceServer;

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

/// One line of the kernel log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// Seconds since boot.
    pub seconds: f64,
    /// `xid`, `nvrm`, `bar`, `aer`, `mce`, `edac`, `oom`, `clocksource`, `throttle`, `numa`, `iommu`, `hung-task`.
    pub subject: String,
    /// The text.
    pub text: String,
}

impl LogLine {
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
        let (name, of_group) = killed.clone().last()?;
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
