//! CPU time that other programs took on the CPUs of inference servers.
//!
//! No counter tells which CPU a process used. What is known for each CPU is how long it ran anything, and for the servers
//! how long their threads ran. All threads of the servers run within the union of their masks, so what those CPUs did
//! beyond them was done for others: programs, virtual machines and the kernel's own threads. Interrupts are left out,
//! since they are work for the servers too.

use plumb_check_sdk::limit::{Count, Limit, Percent, Quantity};
use plumb_check_sdk::model::{InferenceServer, Mask, ProcessTime, TICKS_PER_SECOND, Window};
use plumb_check_sdk::{Arg, Citation, CpuSet, Evidence, Finding, Intent, Missing};

use crate::pages::sched_noisy_neighbours as neighbours;
use crate::serving::COLLECTOR;

/// Key of the cause that findings have in common where others run on the CPUs of the servers.
pub(crate) const NEIGHBOURS: &str = "neighbours";

/// What others took on the inference CPUs.
pub(crate) struct Foreign {
    /// CPUs that threads of the servers may run on and whose times are known.
    pub(crate) cpus: CpuSet,
    /// CPUs that they may run on and whose times are not.
    pub(crate) uncounted: CpuSet,
    /// Why the masks of some threads are unknown.
    pub(crate) unmasked: Option<Missing>,
    /// Share of the time of `cpus` in %.
    pub(crate) percent: Quantity<Percent>,
    /// How many of `cpus` nobody used.
    pub(crate) left: Quantity<Count>,
    pub(crate) seconds: f64,
    busiest: Vec<ProcessTime>,
}

/// Why it is not known what others took.
pub(crate) enum Unread {
    Evidence(Missing),
    /// No thread of a server tells its CPUs.
    NoMask,
    /// The times of none of these CPUs are known.
    NoTimes(CpuSet),
}

fn window(evidence: &Evidence<'_>) -> Result<Window, Missing> {
    Ok(Window {
        seconds: evidence.get("/window/seconds")?,
        cpus: evidence.get("/window/cpus").into(),
        threads: evidence.get("/window/threads").into(),
        processes: evidence.get("/window/processes").into(),
        ..Window::default()
    })
}

impl From<Missing> for Unread {
    fn from(missing: Missing) -> Self {
        Self::Evidence(missing)
    }
}

impl Foreign {
    pub(crate) fn read(evidence: &Evidence<'_>, servers: &[InferenceServer]) -> Result<Self, Unread> {
        Self::new(servers, &window(evidence)?, &evidence.get("/cpu/online")?)
    }

    /// What others took, where it is more than on a dedicated host.
    pub(crate) fn noticed(evidence: &Evidence<'_>, servers: &[InferenceServer]) -> Option<Self> {
        let some = evidence.limit(&neighbours::PAGE, &neighbours::SOME);
        Self::read(evidence, servers).ok().filter(|foreign| !some.is_undercut_by(foreign.percent))
    }

    /// What others took on the CPUs of one server: other servers are others, too.
    pub(crate) fn beside(evidence: &Evidence<'_>, server: &InferenceServer) -> Result<Self, Unread> {
        let window = window(evidence)?.as_seen_by(server);
        Self::new(std::slice::from_ref(server), &window, &evidence.get("/cpu/online")?)
    }

    fn new(servers: &[InferenceServer], window: &Window, online: &CpuSet) -> Result<Self, Unread> {
        let seconds = window.length()?;
        let masks = Mask::of_servers(servers);
        if masks.cpus.is_empty() {
            return Err(masks.unknown.map_or(Unread::NoMask, Unread::Evidence));
        }
        let (counted, _) = window.counted_cpus()?;
        let cpus: CpuSet = counted.keys().copied().filter(|&cpu| masks.cpus.contains(cpu)).collect();
        let mut capacity = 0;
        let (mut busy, mut left) = (0, 0);
        for time in counted.values().filter(|time| cpus.contains(time.cpu)) {
            capacity += time.total();
            left += time.total() - time.busy();
            busy += time.user_ticks + time.nice_ticks + time.system_ticks + time.guest_ticks;
        }
        if capacity == 0 {
            return Err(Unread::NoTimes(masks.cpus));
        }
        let own: u64 = window.threads.require()?.iter().map(|thread| thread.cpu_ticks).sum();
        let percent = Quantity::new(100.0 * busy.saturating_sub(own) as f64 / capacity as f64);
        let left = Quantity::new(cpus.len() as f64 * left as f64 / capacity as f64);
        let near = |process: &&ProcessTime| {
            !process.inference
                && process.cpu_ticks > 0
                && process.last_cpus.iter().any(|&cpu| cpus.contains(cpu))
        };
        let mut busiest: Vec<ProcessTime> =
            window.processes.known().into_iter().flatten().filter(near).cloned().collect();
        busiest.sort_by_key(|process| (std::cmp::Reverse(process.cpu_ticks), process.pid));
        busiest.truncate(3);
        let uncounted = masks.cpus.intersection(online).difference(&cpus);
        Ok(Self { cpus, uncounted, unmasked: masks.unknown, percent, left, seconds, busiest })
    }

    pub(crate) fn share(&self) -> Arg {
        Arg::of(self.percent, 1)
    }

    /// How many of the CPUs nobody used.
    pub(crate) fn left(&self) -> Arg {
        Arg::of(self.left, 1)
    }

    /// The busiest programs, each with its share of one CPU: `spark (PID 900, 48 %)`; `none` where there is none.
    pub(crate) fn busiest(&self) -> Arg {
        let name = |process: &ProcessTime| {
            let percent = 100.0 * self.cpus_of(process);
            format!("{} (PID {}, {percent:.0} %)", process.comm, process.pid)
        };
        let names: Vec<String> = self.busiest.iter().map(name).collect();
        Arg::text(if names.is_empty() { "none".to_owned() } else { names.join(", ") })
    }

    /// CPU time of a process in CPUs.
    fn cpus_of(&self, process: &ProcessTime) -> f64 {
        process.cpu_ticks as f64 / (self.seconds * TICKS_PER_SECOND)
    }

    /// Asks for the CPUs to be left to the servers.
    pub(crate) fn reserve(&self) -> Intent {
        Intent::Reserve { cpus: self.cpus.clone() }
    }

    /// Asks for programs to leave that alone take `some` of the CPUs' time or more.
    pub(crate) fn elsewhere(&self, some: &Limit<Percent>) -> impl Iterator<Item = Intent> {
        let takes_some = |process: &&ProcessTime| {
            let percent = Quantity::new(100.0 * self.cpus_of(process) / self.cpus.len() as f64);
            !process.kernel && process.comm != COLLECTOR && !some.is_undercut_by(percent)
        };
        let name =
            |process: &ProcessTime| Intent::Elsewhere { process: process.pid, name: process.comm.clone() };
        self.busiest.iter().filter(takes_some).map(name).collect::<Vec<_>>().into_iter()
    }

    pub(crate) fn cite(&self, finding: Finding) -> Finding {
        let value = format!(
            "{:.1} % of CPUs {} used by others in {:.0} s: user, nice, system and guest time less that of the servers",
            self.percent.number(),
            self.cpus,
            self.seconds
        );
        let finding = finding.with_evidence(Citation::new("/proc/stat", value));
        finding.with_citations(self.busiest.iter().map(|ProcessTime { pid, comm, cpu_ticks, .. }| {
            Citation::new(format!("/proc/{pid}/stat"), format!("{comm}: +{cpu_ticks} ticks"))
        }))
    }
}
