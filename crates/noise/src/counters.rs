//! The kernel's own counters before and after, by way of the evidence's derivation of a window: one parser for both.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use plumb_evidence::bundle::{Bundle, sample_folder};
use plumb_evidence::manifest::Manifest;
use plumb_evidence::model::{Origin, Window};
use plumb_evidence::{Absence, CpuSet, Missing};

use super::neighbours::{self, LiveServer, ServerWait, Times};

const FILES: &[&str] = &["/proc/interrupts", "/proc/softirqs", "/proc/stat", "/proc/pressure/cpu"];

/// One reading.
pub(super) struct Reading {
    at: Instant,
    files: BTreeMap<&'static str, Vec<u8>>,
    /// Time in idle states in µs, by CPU and name of the state.
    idle: BTreeMap<(u32, String), u64>,
    servers: Times,
}

/// What moved between two readings.
pub(super) struct Moved {
    pub(super) window: Window,
    /// Share of the window in each idle state, by CPU and name of the state; empty where the kernel does not tell.
    pub(super) idle: BTreeMap<u32, BTreeMap<String, f64>>,
    pub(super) servers: Vec<ServerWait>,
}

/// Counters of CPUs and servers that take long to read, ahead of the rest.
pub(super) struct Slow {
    idle: BTreeMap<(u32, String), u64>,
    servers: Times,
}

/// Reads idle states of these CPUs and accounts of these servers.
pub(super) fn slow(cpus: &CpuSet, servers: &[LiveServer]) -> Slow {
    Slow { idle: cpus.iter().flat_map(idle_times).collect(), servers: neighbours::times(servers) }
}

/// The reading before an instrument: interrupts come last, so that little else is counted with the run.
pub(super) fn first(slow: Slow) -> Result<Reading, Missing> {
    let Slow { idle, servers } = slow;
    let files = files(FILES.iter().rev())?;
    Ok(Reading { at: Instant::now(), files, idle, servers })
}

/// The reading after it: interrupts come first.
pub(super) fn last(cpus: &CpuSet, servers: &[LiveServer]) -> Result<Reading, Missing> {
    let (at, files) = (Instant::now(), files(FILES.iter())?);
    let Slow { idle, servers } = slow(cpus, servers);
    Ok(Reading { at, files, idle, servers })
}

fn files(
    paths: impl Iterator<Item = &'static &'static str>,
) -> Result<BTreeMap<&'static str, Vec<u8>>, Missing> {
    let mut files = BTreeMap::new();
    for &path in paths {
        match std::fs::read(path) {
            Ok(content) => {
                files.insert(path, content);
            }
            // A container may hide interrupts; CPU times are always there.
            Err(error) if path == "/proc/stat" => {
                return Err(Missing::new(Absence::Failed, format!("{path}: {error}")));
            }
            Err(_) => {}
        }
    }
    Ok(files)
}

fn idle_times(cpu: u32) -> Vec<((u32, String), u64)> {
    let folder = format!("/sys/devices/system/cpu/cpu{cpu}/cpuidle");
    let states = std::fs::read_dir(Path::new(&folder)).into_iter().flatten().flatten();
    let time = |state: std::fs::DirEntry| {
        let text = |name: &str| std::fs::read_to_string(state.path().join(name)).ok();
        Some(((cpu, text("name")?.trim().to_owned()), text("time")?.trim().parse().ok()?))
    };
    states.filter_map(time).collect()
}

/// What moved between two readings.
pub(super) fn between(servers: &[LiveServer], first: &Reading, last: &Reading) -> Moved {
    let files = [first, last].into_iter().enumerate().flat_map(|(index, reading)| {
        let folder = sample_folder(index);
        reading.files.iter().map(move |(path, content)| (format!("{folder}{path}"), content.clone()))
    });
    let micros = last.at.duration_since(first.at).as_micros();
    let micros = u64::try_from(micros).unwrap_or(u64::MAX).max(1);
    let manifest = Manifest { samples_us: vec![0, micros], ..Manifest::new(Origin::Live) };
    let bundle = Bundle::new(manifest, files.collect(), BTreeMap::new());
    let mut idle: BTreeMap<u32, BTreeMap<String, f64>> = BTreeMap::new();
    for ((cpu, state), time) in &last.idle {
        let before = first.idle.get(&(*cpu, state.clone())).copied().unwrap_or(*time);
        let share = time.saturating_sub(before) as f64 / micros as f64;
        idle.entry(*cpu).or_default().insert(state.clone(), share);
    }
    Moved {
        window: plumb_evidence::derive(&bundle).window.known().cloned().unwrap_or_default(),
        idle,
        servers: neighbours::waits(servers, &first.servers, &last.servers),
    }
}
