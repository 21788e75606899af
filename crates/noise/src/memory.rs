//! What memory of another NUMA node costs, and how long a cache line takes from CPU to CPU. Small and bounded.
//!
//! Latency by a pointer chase: each load gives the address of the next one, at random places, so that no prefetcher knows
//! it. Memory is bound to the node strictly, and the kernel is asked afterwards where its pages are.

mod chase;
mod nodes;
mod ping_pong;
mod region;

use std::time::Duration;

use plumb_evidence::CpuSet;
use plumb_evidence::model::MemoryPath;

pub(super) use nodes::{Node, nodes};
pub use ping_pong::CorePair;
pub(super) use ping_pong::core_to_core;

use super::placement::pin;
use super::{NoiseError, Stop};
use region::{Pages, Region};

/// Memory that is walked: beyond most caches.
const BYTES: u64 = 256 << 20;
/// Of a node's free memory at most this share.
const OF_FREE: u64 = 16;
/// Below this, caches would be measured.
const LEAST: u64 = 8 << 20;
/// Time of each single measurement.
const TIME: Duration = Duration::from_millis(300);

/// Measures all pairs of a node with CPUs that may be used and a node with memory; pairs that cannot be measured have no
/// figures, and a note says why.
pub(super) fn memory_paths(
    nodes: &[Node],
    allowed: &CpuSet,
    stop: &Stop,
) -> Result<(Vec<MemoryPath>, Vec<String>), NoiseError> {
    let (mut paths, mut notes) = (Vec::new(), Vec::new());
    for from in nodes {
        // The last one: the first CPUs have most of the interrupts.
        let Some(cpu) = from.cpus.intersection(allowed).iter().last() else { continue };
        for to in nodes.iter().filter(|node| node.free_bytes > 0) {
            if stop() {
                return Ok((paths, notes));
            }
            let bytes = (to.free_bytes / OF_FREE).min(BYTES) & !(region::HUGE - 1);
            let mut path = MemoryPath {
                cpu_node: from.number,
                cpu,
                memory_node: to.number,
                distance: from.distances.get(&to.number).copied(),
                bytes,
                ..MemoryPath::default()
            };
            if bytes < LEAST {
                notes.push(format!("node {} has too little free memory to measure it", to.number));
                paths.push(path);
                continue;
            }
            let (node, stop) = (to.number, Stop::clone(stop));
            let worker = std::thread::spawn(move || {
                pin(cpu)?;
                Ok::<_, NoiseError>(
                    [Pages::Huge, Pages::Small].map(|pages| measure(node, bytes, pages, &stop)),
                )
            });
            let [huge, small] = worker.join().map_err(|_| NoiseError::Thread(cpu))??;
            match huge {
                Ok(measured) => {
                    path.latency_ns = measured.latency_ns;
                    path.read_gb_per_s = measured.read_gb_per_s;
                    path.placed_share = measured.placed_share;
                    path.huge_share = measured.huge_share;
                }
                Err(error) => notes.push(format!("memory of node {node}: {error}")),
            }
            if let Ok(measured) = small {
                path.latency_4k_ns = measured.latency_ns;
                path.placed_share = path.placed_share.zip(measured.placed_share).map(|(a, b)| a.min(b));
            }
            paths.push(path);
        }
    }
    Ok((paths, notes))
}

struct Measured {
    latency_ns: Option<f64>,
    read_gb_per_s: Option<f64>,
    placed_share: Option<f64>,
    huge_share: Option<f64>,
}

/// On the CPU of the calling thread.
fn measure(node: u32, bytes: u64, pages: Pages, stop: &Stop) -> nix::Result<Measured> {
    let mut region = Region::on_node(node, usize::try_from(bytes).unwrap_or(0), pages)?;
    chase::lay(region.words(), node.into());
    let latency_ns = chase::walk(region.words(), TIME, &**stop);
    // Where pages are is asked while they are there, after the walk: the kernel may have moved them.
    let measured = Measured {
        latency_ns,
        read_gb_per_s: if pages == Pages::Huge { chase::read(region.words(), TIME, &**stop) } else { None },
        placed_share: region.placed_share(node),
        huge_share: region.huge_share(),
    };
    Ok(measured)
}
