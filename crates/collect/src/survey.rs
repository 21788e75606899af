//! What a collection would read, without reading it.

use std::path::Path;
use std::sync::Arc;

use plumb_evidence::Missing;
use plumb_evidence::manifest::ProbeStatus;

use crate::collect::{self, CollectError, Options};
use crate::fs_source::FsSource;
use crate::named;
use crate::probe::{Method, Privilege, Probe};
use crate::probes::PROBES;
use crate::recorder::Recorder;
use crate::runner::Runner;

/// What one probe would do.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The probe.
    pub probe: &'static Probe,
    /// What it would come to as far as can be told without reading.
    pub status: ProbeStatus,
    /// Why it is not `ok`.
    pub reason: String,
    /// Number of files that it would read.
    pub files: u64,
    /// Bytes that it would read, roughly: most files of `/proc` and `/sys` have no size until they are read.
    pub bytes: u64,
    /// Files and folders that it could not read.
    pub unreadable: u64,
    /// Files that are read twice more with `--sample`.
    pub sampled: u64,
}

impl Planned {
    /// True if it would see more as root.
    #[must_use]
    pub fn wants_root(&self) -> bool {
        self.probe.privilege == Privilege::Root
    }

    /// True if it starts a process of its own, which asks a library or the kernel.
    #[must_use]
    pub fn asks_a_library(&self) -> bool {
        matches!(self.probe.method, Method::Child(..) | Method::Helper(_) | Method::Sampler(_))
    }
}

/// Finds out what [`crate::collect()`] would read. Files are opened, since only that tells whether they may be, and closed
/// again; those that lead to others (control groups, and names and arguments of processes, by which inference servers
/// are known) are read and dropped. No library is asked.
///
/// # Errors
/// As [`crate::collect()`].
pub fn survey(options: &Options) -> Result<Vec<Planned>, CollectError> {
    let mut source = collect::open(options.sysroot.as_deref())?;
    source.name(named::find(&source, &options.servers)?);
    let source = Arc::new(source);
    let _settled = options.conduct.settle(&source)?;
    let cpus = cpus(&source);
    let runner = Runner::new(Arc::clone(&source), options.conduct.interrupt.clone());
    let mut planned = Vec::with_capacity(PROBES.len());
    for probe in PROBES {
        let plan = Planned {
            probe,
            status: ProbeStatus::Ok,
            reason: String::new(),
            files: 0,
            bytes: 0,
            unreadable: 0,
            sampled: 0,
        };
        let (static_read, sampled_read) = match probe.method {
            Method::Files(read) => (Some(read), probe.sample),
            Method::Child(..) | Method::Helper(_) | Method::Sampler(_) => (None, probe.sample),
        };
        let mut look = |read: crate::probe::Read| {
            let job = move |source: &FsSource| {
                let recorder = Recorder::surveying(source, FsSource::size);
                let result = read(&recorder);
                (result, recorder.finish())
            };
            runner.run(probe.budget, job)
        };
        let plan = match static_read.map(&mut look) {
            None => plan,
            Some(Err(why)) => missing(plan, why),
            Some(Ok((result, kept))) => {
                let mut plan = match (result, kept.unread.first()) {
                    (Err(why), _) => missing(plan, why),
                    (Ok(()), Some(first)) => missing(plan, Missing::new(first.status, first.reason.clone())),
                    (Ok(()), None) => plan,
                };
                plan.files = kept.files.len() as u64;
                plan.bytes = kept.sizes.iter().map(|(path, &size)| likely_size(path, size, cpus)).sum();
                plan.unreadable = kept.unread.len() as u64;
                plan
            }
        };
        let sampled = match options.sample.and(sampled_read).map(&mut look) {
            Some(Ok((_, kept))) => kept.files.len() as u64,
            _ => 0,
        };
        planned.push(Planned { sampled, ..plan });
    }
    if options.conduct.interrupt.is_asked() {
        return Err(CollectError::Interrupted);
    }
    Ok(planned)
}

fn missing(plan: Planned, why: Missing) -> Planned {
    Planned { status: collect::status(why.missing), reason: why.reason, ..plan }
}

fn cpus(source: &FsSource) -> u64 {
    use plumb_evidence::{CpuSet, Source};
    let online = source.parse::<CpuSet>("/sys/devices/system/cpu/online");
    online.map_or(1, |cpus| cpus.len() as u64).max(1)
}

/// Bytes that a file of `size` will have when it is read. Those of the kernel say 0, or a page whatever they hold; then
/// it is what such a file usually has.
fn likely_size(path: &str, size: u64, cpus: u64) -> u64 {
    if !(path.starts_with("/proc/") && size == 0 || path.starts_with("/sys/") && size == 4096) {
        return size;
    }
    let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match name {
        _ if path.starts_with("/sys/") => 16,
        "cpuinfo" => 1300 * cpus,
        // A line per interrupt and a column per CPU; interrupts grow with the CPUs as well.
        "interrupts" => (40 + 4 * cpus) * (40 + 11 * cpus),
        "softirqs" => 120 * cpus,
        "status" => 1400,
        "stat" => 300,
        "limits" => 1300,
        "environ" => 3000,
        "numa_maps" => 50_000,
        "smaps_rollup" => 800,
        "meminfo" => 1500,
        "cmdline" | "cgroup" => 150,
        _ => 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_recorded_files_are_taken_as_they_are() {
        assert_eq!(likely_size("/proc/cpuinfo", 7, 4), 7);
        assert_eq!(likely_size("/etc/os-release", 0, 4), 0);
        assert_eq!(likely_size("/sys/devices/system/cpu/online", 4096, 4), 16);
        assert!(likely_size("/proc/interrupts", 0, 128) > 500_000);
    }
}
