//! What sets CPUs apart at boot: arguments of the kernel as it reads them, and what systemd gives all that it starts.

use serde::{Deserialize, Serialize};

use super::{Cpu, InferenceServer, Node, ServerProcess};
use crate::fact::{Absence, Missing};
use crate::index_set::CpuSet;

/// The CPUs that systemd gives all services which set none of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagerAffinity {
    /// The CPUs.
    pub cpus: CpuSet,
    /// File that says so.
    pub path: String,
    /// The setting as it is written there: a boot argument, or a line of `system.conf`.
    pub text: String,
}

impl ManagerAffinity {
    /// The online CPUs that services get, where these are a part of all.
    #[must_use]
    pub fn leaves(&self, online: &CpuSet) -> Option<CpuSet> {
        Some(self.cpus.intersection(online)).filter(|cpus| !cpus.is_empty() && cpus != online)
    }

    /// Whether a boot argument says so, and no file.
    #[must_use]
    pub fn is_argument(&self) -> bool {
        self.text.starts_with("systemd.")
    }
}

impl InferenceServer {
    /// The online CPUs that all its threads may run on together.
    ///
    /// # Errors
    /// Says why those of a thread are not known.
    pub fn cpus(&self, online: &CpuSet) -> Result<CpuSet, Missing> {
        let mut cpus = CpuSet::new();
        for process in &self.processes {
            let mask = process.mask(online);
            mask.unknown.map_or(Ok(()), Err)?;
            cpus = cpus.union(&mask.cpus);
        }
        if cpus.is_empty() {
            return Err(Missing::new(
                Absence::Failed,
                format!("no process of {} was recorded", self.subject()),
            ));
        }
        Ok(cpus)
    }
}

/// A process of a server that may run on exactly these CPUs.
///
/// # Errors
/// Says why the mask of a process is not known, where no other is such a one.
pub fn confined_to<'a>(
    servers: &'a [InferenceServer],
    cpus: &CpuSet,
    online: &CpuSet,
) -> Result<Option<&'a ServerProcess>, Missing> {
    let mut unknown = None;
    for process in servers.iter().flat_map(|server| &server.processes) {
        let mask = process.mask(online);
        if mask.unknown.is_none() && mask.cpus == *cpus {
            return Ok(Some(process));
        }
        unknown = unknown.or(mask.unknown);
    }
    unknown.map_or(Ok(None), Err)
}

/// CPUs that boot set apart from the others: out of load balancing, without a tick, or without interrupts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetApart {
    /// The CPUs.
    pub cpus: CpuSet,
    /// File that says so.
    pub path: String,
    /// What is written there.
    pub text: String,
}

/// The boot argument `isolcpus=`, which is one of several by its flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolcpus<'a> {
    /// The argument as it is written.
    pub argument: &'a str,
    /// The CPUs; `None` where they are not written as a plain list.
    pub cpus: Option<CpuSet>,
    flags: Vec<&'a str>,
}

impl<'a> Isolcpus<'a> {
    /// `None` for an argument that is none.
    #[must_use]
    pub fn parse(argument: &'a str) -> Option<Self> {
        let mut rest = argument.strip_prefix("isolcpus=")?;
        let mut flags = Vec::new();
        while rest.starts_with(|first: char| first.is_ascii_lowercase()) {
            let (flag, list) = rest.split_once(',').unwrap_or((rest, ""));
            flags.push(flag);
            rest = list;
        }
        Some(Self { argument, cpus: rest.parse().ok(), flags })
    }

    /// Whether the scheduler leaves the CPUs out of load balancing: with the flag `domain`, or without any. `nohz` and
    /// `managed_irq` by themselves take away the tick and interrupts, and threads are balanced as before.
    #[must_use]
    pub fn stops_balancing(&self) -> bool {
        self.flags.is_empty() || self.flags.contains(&"domain")
    }
}

impl Isolcpus<'_> {
    /// Whether an argument of the kernel is one that stops load balancing.
    #[must_use]
    pub fn is_unbalancing(argument: &str) -> bool {
        Isolcpus::parse(argument).is_some_and(|own| own.stops_balancing())
    }
}

impl Node {
    /// All arguments `isolcpus=` that the kernel was started with.
    pub fn isolcpus(&self) -> impl Iterator<Item = Isolcpus<'_>> {
        self.cmdline.known().into_iter().flat_map(|line| line.split_whitespace()).filter_map(Isolcpus::parse)
    }
}

impl Cpu {
    /// Those of `cpus` that share a core with an online CPU which is not among them.
    #[must_use]
    pub fn with_siblings_outside(&self, cpus: &CpuSet) -> CpuSet {
        let outside = self.cpus.iter().filter(|pu| !cpus.contains(pu.cpu));
        let cores: CpuSet = outside.map(|pu| pu.core).collect();
        let inside = self.cpus.iter().filter(|pu| cpus.contains(pu.cpu));
        inside.filter(|pu| cores.contains(pu.core)).map(|pu| pu.cpu).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_some_flags_stop_load_balancing() {
        for (argument, stops, cpus) in [
            ("isolcpus=2-7", true, Some("2-7")),
            ("isolcpus=domain,managed_irq,2-7", true, Some("2-7")),
            ("isolcpus=managed_irq,domain,2,4", true, Some("2,4")),
            ("isolcpus=managed_irq,0-4,11-79", false, Some("0-4,11-79")),
            ("isolcpus=nohz,2-7", false, Some("2-7")),
            ("isolcpus=nohz,managed_irq,2-7", false, Some("2-7")),
            // Lists by steps are not taken apart here; a number is no flag.
            ("isolcpus=0-15:2/4", true, None),
        ] {
            let read = Isolcpus::parse(argument).unwrap();
            let cpus = cpus.map(|cpus| cpus.parse().unwrap());
            assert_eq!((read.stops_balancing(), read.cpus), (stops, cpus), "{argument}");
        }
        assert_eq!(Isolcpus::parse("nohz_full=2-7"), None);
    }
}
