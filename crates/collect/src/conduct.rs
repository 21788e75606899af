//! How the collector behaves on the node: when it stops, how nice it is, and on which CPUs it runs.

use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sched::{CpuSet as Mask, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use plumb_evidence::{CpuSet, Source};

use crate::collect::CollectError;
use crate::fs_source::FsSource;
use crate::interrupt::Interrupt;
use crate::runner::Runner;

/// How to behave on the node.
#[derive(Clone, Debug, Default)]
pub struct Conduct {
    /// Ends the collection early.
    pub interrupt: Interrupt,
    /// Niceness from -20 to 19; `None` keeps that of the caller.
    pub nice: Option<i32>,
    /// CPUs to run on; `None` keeps off those that inference seems to own.
    pub cpus: Option<CpuSet>,
}

/// With fewer CPUs nothing is gained by choosing among them, and looking for the others' costs more than it spares.
const WORTH_CHOOSING: usize = 8;

/// How long looking for CPUs of others may take.
const LOOKING: Duration = Duration::from_secs(1);

/// Beginnings of the names by which inference servers run (`comm`, at most 15 bytes).
///
/// Only for where the collector runs, where a name too many does no harm: what a server is, the analysis says.
const SERVERS: [&str; 14] = [
    "vllm",
    "VLLM::",
    "sglang",
    "python",
    "pt_main_thread",
    "tritonserver",
    "trtllm",
    "mpirun",
    "llama-",
    "llama_",
    "ollama",
    "text-generation",
    "text-embeddings",
    "ray::",
];

/// What came of it, and how it is undone.
#[derive(Debug)]
pub(crate) struct Settled {
    /// In words, for the manifest.
    pub(crate) placement: String,
    before: Option<Mask>,
}

impl Drop for Settled {
    fn drop(&mut self) {
        if let Some(mask) = &self.before {
            let _ = sched_setaffinity(Pid::from_raw(0), mask);
        }
    }
}

impl Conduct {
    /// Settles this thread, and so all threads and processes that it starts afterwards.
    pub(crate) fn settle(&self, source: &Arc<FsSource>) -> Result<Settled, CollectError> {
        if let Some(nice) = self.nice {
            // Of the calling thread, whatever the name says: on Linux every thread has a niceness of its own.
            rustix::process::setpriority_process(None, nice)
                .map_err(|error| CollectError::Nice { nice, source: error.into() })?;
        }
        let before = sched_getaffinity(Pid::from_raw(0));
        if let Some(cpus) = &self.cpus {
            let refused = |why: &str| CollectError::Cpus { cpus: cpus.to_string(), why: why.to_owned() };
            let before = before.map_err(|error| refused(error.desc()))?;
            let got = confine(cpus).map_err(|error| refused(error.desc()))?;
            let settled = Settled { placement: "as asked".to_owned(), before: Some(before) };
            // The kernel takes what it can of a list.
            if got != *cpus {
                return Err(refused(&format!("only {got} of them can be used here")));
            }
            return Ok(settled);
        }
        let unsettled = |placement: &str| Settled { placement: placement.to_owned(), before: None };
        if source.root().is_some() {
            return Ok(unsettled("not chosen: a recording is read"));
        }
        let allowed = match &before {
            Ok(mask) => members(mask),
            // The mask of this call ends at 1024 CPUs.
            Err(Errno::EINVAL) => return Ok(unsettled("not chosen: the kernel counts more than 1024 CPUs")),
            Err(error) => return Ok(unsettled(&format!("not chosen: {}", error.desc().to_lowercase()))),
        };
        if allowed.len() < WORTH_CHOOSING {
            return Ok(unsettled("not chosen: too few CPUs to choose among"));
        }
        let looking = Runner::new(Arc::clone(source), self.interrupt.clone());
        let every = allowed.clone();
        let taken = match looking.run(LOOKING, move |source| taken(source, &every)) {
            Ok(taken) => taken,
            Err(why) => return Ok(unsettled(&format!("not chosen: {}", why.reason))),
        };
        let free = allowed.difference(&taken);
        if free == allowed {
            return Ok(unsettled(
                "not restricted: no CPU is isolated or has an inference process pinned to it",
            ));
        }
        if free.is_empty() {
            return Ok(unsettled("not restricted: isolated CPUs and those of inference processes are all"));
        }
        Ok(match confine(&free) {
            Ok(_) => Settled {
                placement: format!("off the CPUs {taken}, which are isolated or of inference processes"),
                before: before.ok(),
            },
            Err(error) => unsettled(&format!("not restricted: {}", error.desc().to_lowercase())),
        })
    }
}

/// CPUs that are isolated, or that a process by the name of an inference server is pinned to.
///
/// One file for each process: it has the name and the CPUs, and unlike the command line it waits for no lock of a
/// process that hangs.
fn taken(source: &FsSource, every: &CpuSet) -> CpuSet {
    let set = |path: &str| source.parse::<CpuSet>(path).unwrap_or_default();
    let mut taken = set("/sys/devices/system/cpu/isolated").union(&set("/sys/devices/system/cpu/nohz_full"));
    for pid in source.list("/proc").unwrap_or_default() {
        if !pid.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let Ok(status) = source.text(&format!("/proc/{pid}/status")) else { continue };
        if let Some(cpus) = pinned(&status, every) {
            taken = taken.union(&cpus);
        }
    }
    taken
}

/// The CPUs of a process that is an inference server by its name and may not use all of `every`.
fn pinned(status: &str, every: &CpuSet) -> Option<CpuSet> {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let name = field("Name:")?;
    if !SERVERS.iter().any(|server| name.starts_with(server)) {
        return None;
    }
    let cpus: CpuSet = field("Cpus_allowed_list:")?.parse().ok()?;
    (!every.is_subset(&cpus)).then_some(cpus)
}

/// Restricts this thread to `cpus`, and gives what the kernel made of it.
fn confine(cpus: &CpuSet) -> Result<CpuSet, Errno> {
    let mut mask = Mask::new();
    for cpu in cpus.iter() {
        mask.set(usize::try_from(cpu).unwrap_or(usize::MAX))?;
    }
    sched_setaffinity(Pid::from_raw(0), &mask)?;
    Ok(members(&sched_getaffinity(Pid::from_raw(0))?))
}

fn members(mask: &Mask) -> CpuSet {
    (0..Mask::count())
        .filter(|&cpu| mask.is_set(cpu).unwrap_or(false))
        .filter_map(|cpu| u32::try_from(cpu).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pinned_servers_are_known_by_name_and_mask() {
        let every: CpuSet = "0-15".parse().unwrap();
        let cpus = |name: &str, list: &str| {
            pinned(&format!("Name:\t{name}\nState:\tS\nCpus_allowed_list:\t{list}\n"), &every)
                .map(|cpus| cpus.to_string())
        };
        assert_eq!(cpus("VLLM::EngineCor", "4-7").as_deref(), Some("4-7"));
        assert_eq!(cpus("VLLM::EngineCor", "0-15"), None, "pinned to everything is not pinned");
        assert_eq!(cpus("VLLM::EngineCor", "0-31"), None, "nor is what may use more than the collector");
        assert_eq!(cpus("sshd", "4-7"), None);
        assert_eq!(pinned("Name:\tpython3\n", &every), None);
    }

    #[test]
    fn the_collector_goes_where_it_is_told_and_comes_back() {
        let before = members(&sched_getaffinity(Pid::from_raw(0)).unwrap());
        let source = Arc::new(FsSource::live());
        let one: CpuSet = before.first().into_iter().collect();
        let settled = Conduct { cpus: Some(one.clone()), ..Conduct::default() }.settle(&source).unwrap();
        assert_eq!(members(&sched_getaffinity(Pid::from_raw(0)).unwrap()), one);
        let inherited = std::thread::spawn(|| members(&sched_getaffinity(Pid::from_raw(0)).unwrap()));
        assert_eq!(inherited.join().unwrap(), one);
        drop(settled);
        assert_eq!(members(&sched_getaffinity(Pid::from_raw(0)).unwrap()), before);
        for nowhere in ["1023", "1024-1100", "0-1023"] {
            let cpus = Some(nowhere.parse().unwrap());
            let error = Conduct { cpus, ..Conduct::default() }.settle(&source).unwrap_err();
            assert!(matches!(error, CollectError::Cpus { .. }), "{error}");
            assert_eq!(members(&sched_getaffinity(Pid::from_raw(0)).unwrap()), before, "{nowhere}");
        }
    }
}
