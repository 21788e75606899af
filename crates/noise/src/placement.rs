//! Threads on CPUs: one on each that is measured, the rest of Plumb off them.

use nix::sched::{CpuSet as Mask, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use plumb_evidence::CpuSet;

use super::NoiseError;

/// CPUs that the calling thread may use.
///
/// # Errors
/// The kernel's answer.
pub fn allowed_cpus() -> nix::Result<CpuSet> {
    let mask = sched_getaffinity(Pid::from_raw(0))?;
    let mut set = CpuSet::new();
    for cpu in 0..Mask::count() {
        if mask.is_set(cpu)? {
            set.insert(u32::try_from(cpu).unwrap_or(u32::MAX));
        }
    }
    Ok(set)
}

fn place(cpus: &CpuSet) -> nix::Result<()> {
    let mut mask = Mask::new();
    for cpu in cpus.iter() {
        mask.set(usize::try_from(cpu).unwrap_or(usize::MAX))?;
    }
    sched_setaffinity(Pid::from_raw(0), &mask)
}

/// Puts the calling thread on one CPU.
pub(super) fn pin(cpu: u32) -> Result<(), NoiseError> {
    place(&std::iter::once(cpu).collect()).map_err(|source| NoiseError::Affinity { cpu, source })
}

/// Keeps the calling thread off measured CPUs until dropped, where there are others that it may use.
pub(super) struct Aside(Option<CpuSet>);

impl Aside {
    pub(super) fn from(measured: &CpuSet) -> Self {
        let Ok(allowed) = allowed_cpus() else { return Self(None) };
        let others = allowed.difference(measured);
        if others.is_empty() || place(&others).is_err() {
            return Self(None);
        }
        Self(Some(allowed))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(allowed) = &self.0 {
            // It was allowed before; should that have changed, the thread stays where it is.
            let _ = place(allowed);
        }
    }
}

/// Runs `work` in a thread on each of the CPUs, and waits for all.
pub(super) fn on_each<T: Send + 'static>(
    cpus: &CpuSet,
    work: impl Fn(u32) -> Result<T, NoiseError> + Clone + Send + 'static,
) -> Result<Vec<(u32, T)>, NoiseError> {
    join(start_on_each(cpus, work))
}

pub(super) type Threads<T> = Vec<(u32, std::thread::JoinHandle<Result<T, NoiseError>>)>;

/// The same without waiting. `work` has to be called with the thread on its CPU, and says so where it is not.
pub(super) fn start_on_each<T: Send + 'static>(
    cpus: &CpuSet,
    work: impl Fn(u32) -> Result<T, NoiseError> + Clone + Send + 'static,
) -> Threads<T> {
    cpus.iter()
        .map(|cpu| {
            let work = work.clone();
            (cpu, std::thread::spawn(move || work(cpu)))
        })
        .collect()
}

pub(super) fn join<T>(threads: Threads<T>) -> Result<Vec<(u32, T)>, NoiseError> {
    threads
        .into_iter()
        .map(|(cpu, thread)| Ok((cpu, thread.join().map_err(|_| NoiseError::Thread(cpu))??)))
        .collect()
}
