//! CPU time that other programs took on the CPUs of inference servers.
//!
//! No counter tells which CPU a process used. What is known for each CPU is how long it ran anything, and for the servers
//! how long their threads ran. All threads of the servers run within the union of their masks, so what those CPUs did
//! beyond them was done for others: programs, virtual machines and the kernel's own threads. Interrupts are left out,
//! since they are work for the servers too.

use plumb_check_sdk::limit::{Limit, Percent, Quantity};
use plumb_check_sdk::model::{InferenceServer, ProcessTime, TICKS_PER_SECOND, Window};
use plumb_check_sdk::{Absence, Citation, CpuSet, Evidence, Fact, Finding, Missing, ThresholdBasis};

/// Below it the host is as good as dedicated.
pub(crate) const SOME: Limit<Percent> = Limit {
    name: "CPU time of other programs on the inference CPUs",
    value: Quantity::new(2.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal: housekeeping of a dedicated host takes less",
    date: "2026-11-23",
    applies_to: "inference CPUs in the window",
};

/// Above it other programs interfere.
pub(crate) const MUCH: Limit<Percent> = Limit {
    name: "CPU time of other programs on the inference CPUs that fails",
    value: Quantity::new(10.0),
    basis: ThresholdBasis::Expert,
    source: "our proposal; eunomia.dev measured -8.8 % throughput from CPU noise",
    date: "2026-11-23",
    applies_to: "inference CPUs in the window",
};

/// The JSON pointers that [`Foreign::read`] reads beside `/servers`.
pub(crate) const NEEDS: [&str; 5] =
    ["/window/cpus", "/window/processes", "/window/seconds", "/window/threads", "/cpu/online"];

/// What others took on the inference CPUs.
pub(crate) struct Foreign {
    /// CPUs that threads of the servers may run on and whose times are known.
    pub(crate) cpus: CpuSet,
    /// CPUs that they may run on and whose times are not.
    pub(crate) uncounted: CpuSet,
    /// Why the masks of some threads are unknown.
    pub(crate) unmasked: Option<Missing>,
    /// Share of the time of `cpus` in %.
    pub(crate) percent: f64,
    pub(crate) seconds: f64,
    busiest: Vec<ProcessTime>,
}

impl Foreign {
    /// # Errors
    /// Fails where the window lacks CPU times or threads, or no mask is known.
    pub(crate) fn read(evidence: &Evidence<'_>, servers: &[InferenceServer]) -> Result<Self, Missing> {
        let [cpus, processes, seconds, threads, online] = NEEDS;
        let window = Window {
            seconds: evidence.get(seconds)?,
            cpus: evidence.get(cpus).into(),
            threads: evidence.get(threads).into(),
            processes: evidence.get(processes).into(),
            ..Window::default()
        };
        Self::new(servers, &window, &evidence.get(online)?)
    }

    fn new(servers: &[InferenceServer], window: &Window, online: &CpuSet) -> Result<Self, Missing> {
        let seconds = window.length()?;
        let masks = Masks::of(servers);
        if masks.cpus.is_empty() {
            let none = || Missing::new(Absence::Failed, "no thread of an inference server tells its CPUs");
            return Err(masks.unknown.unwrap_or_else(none));
        }
        let (counted, _) = window.counted_cpus()?;
        let cpus: CpuSet = counted.keys().copied().filter(|&cpu| masks.cpus.contains(cpu)).collect();
        let mut capacity = 0;
        let mut busy = 0;
        for time in counted.values().filter(|time| cpus.contains(time.cpu)) {
            capacity += time.total();
            busy += time.user_ticks + time.nice_ticks + time.system_ticks + time.guest_ticks;
        }
        if capacity == 0 {
            let reason = format!("times of the inference CPUs {} are unknown", masks.cpus);
            return Err(Missing::new(Absence::Failed, reason));
        }
        let own: u64 = window.threads.require()?.iter().map(|thread| thread.cpu_ticks).sum();
        let percent = 100.0 * busy.saturating_sub(own) as f64 / capacity as f64;
        let near = |process: &&ProcessTime| {
            !process.inference && process.last_cpus.iter().any(|&cpu| cpus.contains(cpu))
        };
        let mut busiest: Vec<ProcessTime> =
            window.processes.known().into_iter().flatten().filter(near).cloned().collect();
        busiest.sort_by_key(|process| (std::cmp::Reverse(process.cpu_ticks), process.pid));
        busiest.retain(|process| process.cpu_ticks > 0);
        busiest.truncate(3);
        let uncounted = masks.cpus.intersection(online).difference(&cpus);
        Ok(Self { cpus, uncounted, unmasked: masks.unknown, percent, seconds, busiest })
    }

    /// ` (most by a, b)`, or nothing.
    pub(crate) fn most(&self) -> String {
        if self.busiest.is_empty() {
            return String::new();
        }
        let names: Vec<String> = self.busiest.iter().map(|process| self.name(process)).collect();
        format!(", most by {}", names.join(", "))
    }

    fn name(&self, process: &ProcessTime) -> String {
        let percent = 100.0 * process.cpu_ticks as f64 / (self.seconds * TICKS_PER_SECOND);
        format!("{} (PID {}, {percent:.0} % of a CPU)", process.comm, process.pid)
    }

    pub(crate) fn cite(&self, finding: Finding) -> Finding {
        let value = format!(
            "{:.1} % of CPUs {} used by others in {:.0} s: user, nice, system and guest time less that of the servers",
            self.percent, self.cpus, self.seconds
        );
        let finding = finding.with_evidence(Citation::new("/proc/stat", value));
        self.busiest.iter().fold(finding, |finding, process| {
            let value = format!("{}: +{} ticks", process.comm, process.cpu_ticks);
            finding.with_evidence(Citation::new(format!("/proc/{}/stat", process.pid), value))
        })
    }
}

/// CPUs that threads of the servers may run on.
pub(crate) struct Masks {
    pub(crate) cpus: CpuSet,
    /// Why the mask of some thread is unknown.
    pub(crate) unknown: Option<Missing>,
}

impl Masks {
    pub(crate) fn of(servers: &[InferenceServer]) -> Self {
        let mut masks = Self { cpus: CpuSet::new(), unknown: None };
        for thread in servers.iter().flat_map(|server| &server.processes).flat_map(|process| &process.threads)
        {
            match &thread.cpus_allowed {
                Fact::Known(cpus) => masks.cpus = masks.cpus.union(cpus),
                Fact::Missing(missing) => drop(masks.unknown.get_or_insert_with(|| missing.clone())),
            }
        }
        masks
    }
}
