//! Measures all cells in rounds, each in another order: what drifts, drifts for all alike.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::driver::{self, DeviceMemory, Direction, Driver, DriverError, Registered};
use crate::host::{Block, allowed, run_on};
use crate::plan::{Node, Plan, caches, nodes};
use crate::record::{Cell, CoreScan, Cost, GpuFound, PAGE_LOCKED_BYTES, Peer, Record, Round, SCHEMA};

/// Large copies of a round in each direction, after one that is not counted.
const COPIES: usize = 4;
/// Small copies and launches of a round, after some that are not counted.
const SMALL: usize = 40;
const SMALL_BEFORE: usize = 10;
/// Copies before all else, after which a GPU is at full clock and the link trained up.
const WARM_UP: Duration = Duration::from_millis(150);
/// Scans over all CPUs.
const SCANS: usize = 4;
const NODES: &str = "/sys/devices/system/node";
const CPUS: &str = "/sys/devices/system/cpu";

/// Why nothing was measured.
#[derive(Debug, Error)]
pub enum MeasureError {
    /// No vendor's library answered.
    #[error("no GPU driver can be asked: {0}")]
    NoDriver(String),
    /// None of the GPUs is one that was asked for.
    #[error("none of the {found} GPUs is {wanted}; give numbers from 0 or PCI addresses")]
    NoGpu {
        /// GPUs that are there.
        found: usize,
        /// What was asked for.
        wanted: String,
    },
    /// The driver failed before anything was measured.
    #[error("the GPU driver failed: {0}")]
    Driver(#[from] DriverError),
    /// The system did.
    #[error("the CPUs of this process are not known: {0}")]
    System(#[from] std::io::Error),
}

/// Measures all that the plan asks for. What one pair cannot give is in [`Record::missing`].
///
/// # Errors
/// See [`MeasureError`]. Where GPUs are there and one fails, the others are measured.
pub fn measure(plan: &Plan) -> Result<Record, MeasureError> {
    let begun = Instant::now();
    let (mut drivers, reasons) = driver::all();
    drivers.retain(|driver| driver.count() > 0);
    let Some(mut driver) = drivers.into_iter().next() else {
        let why = if reasons.is_empty() { "it has no GPU".to_owned() } else { reasons.join("; ") };
        return Err(MeasureError::NoDriver(why));
    };
    let cpus = allowed()?;
    let nodes = nodes(Path::new(NODES), &cpus);
    let mut record = Record { schema: SCHEMA, driver: driver.name(), ..Record::default() };
    record.nodes = nodes.iter().map(|node| (node.id, node.list.clone())).collect();
    record.caches = caches(Path::new(CPUS), &cpus);
    let gpus = gpus(plan, driver.as_mut(), &mut record)?;
    let mut bench = Bench { driver: driver.as_mut(), plan, draws: Draws(plan.seed), cost: Cost::default() };
    bench.cells(&gpus, &nodes, &mut record);
    if plan.cores {
        bench.cores(&gpus, &cpus, &mut record);
    }
    run_on(&cpus)?;
    bench.peers(&gpus, &mut record);
    record.cost = Cost { seconds: begun.elapsed().as_secs_f64(), peak_rss_kib: peak_rss_kib(), ..bench.cost };
    Ok(record)
}

fn peak_rss_kib() -> u64 {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF);
    usage.ok().and_then(|usage| u64::try_from(usage.max_rss()).ok()).unwrap_or(0)
}

/// The GPUs that are asked for, by number, each with its context and at full clock.
fn gpus(
    plan: &Plan,
    driver: &mut dyn Driver,
    record: &mut Record,
) -> Result<Vec<(usize, String)>, MeasureError> {
    let mut found = Vec::new();
    for gpu in 0..driver.count() {
        let (address, name) = driver.describe(gpu)?;
        let is_wanted = plan.gpus.is_empty()
            || plan.gpus.iter().any(|own| own.parse() == Ok(gpu) || own.eq_ignore_ascii_case(&address));
        if !is_wanted {
            continue;
        }
        let start = Instant::now();
        match driver.select(gpu) {
            Ok(()) => {
                let context_ms = start.elapsed().as_secs_f64() * 1e3;
                record.gpus.push(GpuFound { address: address.clone(), name, context_ms });
                found.push((gpu, address));
            }
            // In exclusive mode, with a MIG part that is full, or without the right.
            Err(error) => record.missing.push(format!("GPU {address}: {error}")),
        }
    }
    match found.is_empty() {
        false => Ok(found),
        true if record.missing.is_empty() => {
            Err(MeasureError::NoGpu { found: driver.count(), wanted: plan.gpus.join(", ") })
        }
        true => Err(MeasureError::NoDriver(record.missing.join("; "))),
    }
}

struct Bench<'a> {
    driver: &'a mut dyn Driver,
    plan: &'a Plan,
    draws: Draws,
    cost: Cost,
}

impl Bench<'_> {
    fn cells(&mut self, gpus: &[(usize, String)], nodes: &[Node], record: &mut Record) {
        let mut wanted = Vec::new();
        for (gpu, address) in gpus {
            for memory in nodes.iter().filter(|node| node.has_memory) {
                for thread in nodes.iter().filter(|node| !node.cpus.is_empty()) {
                    wanted.push((*gpu, address.clone(), memory, thread));
                }
            }
        }
        let mut cells: BTreeMap<usize, Cell> = BTreeMap::new();
        let mut spent = vec![Duration::ZERO; wanted.len()];
        let most = Duration::from_secs_f64(self.plan.seconds.clamp(0.05, 60.0));
        for _ in 0..self.plan.rounds.max(1) {
            for at in self.draws.order(wanted.len()) {
                let (gpu, address, memory, thread) = &wanted[at];
                if spent[at] >= most {
                    continue;
                }
                let start = Instant::now();
                let measured = self.round(*gpu, memory, thread, spent[at] == Duration::ZERO);
                spent[at] += start.elapsed();
                match measured {
                    Ok((round, on_node)) => {
                        let cell = cells.entry(at).or_insert_with(|| Cell {
                            gpu: address.clone(),
                            memory_node: memory.id,
                            thread_node: thread.id,
                            on_node,
                            rounds: Vec::new(),
                        });
                        cell.rounds.push(round);
                    }
                    Err(why) => {
                        let what = format!(
                            "GPU {address}, memory of node {}, threads of node {}",
                            memory.id, thread.id
                        );
                        record.missing.push(format!("{what}: {why}"));
                        // What fails once fails again.
                        spent[at] = most;
                    }
                }
            }
        }
        record.cells = cells.into_values().collect();
    }

    /// One round of a cell, and how much of the memory was where it should be.
    fn round(
        &mut self,
        gpu: usize,
        memory: &Node,
        thread: &Node,
        is_first: bool,
    ) -> Result<(Round, f64), String> {
        run_on(&thread.cpus).map_err(|error| format!("cannot run there: {error}"))?;
        let block = Block::on(memory.id, PAGE_LOCKED_BYTES)
            .map_err(|error| format!("no memory on node {}: {error}", memory.id))?;
        self.driver.select(gpu).map_err(|error| error.to_string())?;
        // A kernel that tells nothing has one node.
        let on_node = block.share_on(memory.id).unwrap_or(1.0);
        let room = Registered::new(self.driver, &block).map_err(|error| error.to_string())?;
        let round = round(&room, is_first).map_err(|error| error.to_string());
        drop(room);
        let locked = PAGE_LOCKED_BYTES as u64;
        self.cost.page_locked_bytes = self.cost.page_locked_bytes.max(locked);
        self.cost.device_bytes = self.cost.device_bytes.max(locked);
        round.map(|round| (round, on_node))
    }

    /// Launches from each CPU, in scans of drawn order.
    fn cores(&mut self, gpus: &[(usize, String)], cpus: &[usize], record: &mut Record) {
        for (gpu, address) in gpus {
            let mut scans: BTreeMap<usize, Vec<Vec<f64>>> = BTreeMap::new();
            for _ in 0..SCANS {
                for at in self.draws.order(cpus.len()) {
                    let cpu = cpus[at];
                    let ready = run_on(&[cpu]).is_ok() && self.driver.select(*gpu).is_ok();
                    if let Some(times) = ready.then(|| small(|| self.driver.launch()).ok()).flatten() {
                        scans.entry(cpu).or_default().push(times);
                    }
                }
            }
            if scans.is_empty() {
                record.missing.push(format!("GPU {address}: launches cannot be measured"));
            }
            record.cores.extend(scans.into_iter().map(|(cpu, scans)| CoreScan {
                gpu: address.clone(),
                cpu: u32::try_from(cpu).unwrap_or(u32::MAX),
                scans,
            }));
        }
    }

    fn peers(&mut self, gpus: &[(usize, String)], record: &mut Record) {
        for (from, source) in gpus {
            for (to, target) in gpus.iter().filter(|(to, _)| to != from) {
                match self.peer(*from, *to) {
                    Ok(peer) => record.peers.push(Peer { from: source.clone(), to: target.clone(), ..peer }),
                    Err(error) => record.missing.push(format!("from GPU {source} to GPU {target}: {error}")),
                }
            }
        }
    }

    fn peer(&mut self, from: usize, to: usize) -> Result<Peer, DriverError> {
        let bytes = PAGE_LOCKED_BYTES;
        self.driver.select(to)?;
        let target = self.driver.allocate(bytes)?;
        self.driver.select(from)?;
        let source = match self.driver.allocate(bytes) {
            Ok(source) => source,
            Err(error) => {
                self.driver.free(target)?;
                return Err(error);
            }
        };
        let measured = self.peer_copies((from, source), (to, target), bytes);
        self.driver.free(source)?;
        self.driver.select(to)?;
        self.driver.free(target)?;
        measured
    }

    fn peer_copies(
        &self,
        from: (usize, DeviceMemory),
        to: (usize, DeviceMemory),
        bytes: usize,
    ) -> Result<Peer, DriverError> {
        let mut peer = Peer { direct: self.driver.reach(from.0, to.0)?, ..Peer::default() };
        let rounds = self.plan.rounds.max(1) * COPIES;
        for copy in 0..=rounds {
            let seconds = self.driver.copy_between(from, to, bytes)?;
            // The first one sets the way up.
            if copy > 0 {
                peer.gb_per_s.push(bytes as f64 / seconds / 1e9);
            }
        }
        for _ in 0..SMALL {
            peer.latency_us.push(self.driver.copy_between(from, to, 8)? * 1e6);
        }
        Ok(peer)
    }
}

/// One round of a cell.
fn round(room: &Registered<'_>, is_first: bool) -> Result<Round, DriverError> {
    if is_first {
        let start = Instant::now();
        while start.elapsed() < WARM_UP {
            room.copy(Direction::ToGpu)?;
        }
    }
    let mut round = Round::default();
    room.copy(Direction::ToGpu)?;
    for _ in 0..COPIES {
        round.to_gpu.push(room.copy(Direction::ToGpu)?);
        round.to_host.push(room.copy(Direction::ToHost)?);
    }
    round.round_trip_us = small(|| room.there_and_back())?;
    round.launch_us = match small(|| room.launch()) {
        Err(DriverError::Unsupported(_)) => Vec::new(),
        launched => launched?,
    };
    Ok(round)
}

/// Times of something short in µs, by the host's clock.
fn small(mut work: impl FnMut() -> Result<(), DriverError>) -> Result<Vec<f64>, DriverError> {
    for _ in 0..SMALL_BEFORE {
        work()?;
    }
    let mut times = Vec::with_capacity(SMALL);
    for _ in 0..SMALL {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(times)
}

/// Draws that depend on the seed alone (SplitMix64).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The numbers below `count` in an order that is as likely as any other.
    fn order(&mut self, count: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            let other = usize::try_from(self.next() % (last as u64 + 1)).unwrap_or(0);
            all.swap(last, other);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_everything_once() {
        let mut draws = Draws(7);
        let (first, second) = (draws.order(50), draws.order(50));
        assert_ne!(first, second);
        let mut sorted = first;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
        assert!(draws.order(0).is_empty());
    }

    #[test]
    fn without_a_driver_the_reason_names_the_library() {
        if std::path::Path::new("/proc/driver/nvidia/version").exists() {
            return;
        }
        let error = measure(&Plan::default()).unwrap_err().to_string();
        assert!(error.contains("libcuda.so.1") && error.contains("libamdhip64.so"), "{error}");
    }
}
