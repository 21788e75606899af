//! Whether the node was seen at work.
//!
//! A look at settings and at an idle node can find faults but cannot show that there are none, so without a sample under
//! load the overall grade stays open. A serving process that burns CPU is no proof: engines poll while they wait.

use plumb_evidence::Evidence;
use plumb_evidence::model::{Measurements, Window};
use serde::Serialize;

/// A GPU that runs kernels for this share of a sample, in %, is at work. Our own proposal: above what a display or a
/// monitoring agent takes.
pub const BUSY_GPU_PERCENT: u32 = 10;
/// Where there is no GPU, an inference server that takes this share of one CPU, in %, is at work. Our own proposal.
pub const BUSY_CPU_PERCENT: f64 = 50.0;

/// Whether the node was seen under load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoadSample {
    /// True if a reading under load, or a valid load test, is part of the evidence.
    pub seen: bool,
    /// How one knows, in one sentence without a full stop.
    pub reason: String,
}

/// Looks for a sample under load.
pub(crate) fn sample(evidence: &Evidence) -> LoadSample {
    let seen = |reason: String| LoadSample { seen: true, reason };
    if let Some(reason) = evidence.measurements.known().and_then(measured) {
        return seen(reason);
    }
    let window = match evidence.window.known() {
        Some(window) => window,
        None => {
            let reason =
                "the node was read once only; collect with --sample while it serves requests".to_owned();
            return LoadSample { seen: false, reason };
        }
    };
    match at_work(window, evidence) {
        Some(reason) => seen(reason),
        None => LoadSample {
            seen: false,
            reason: "nothing shows that requests were served between the two readings".to_owned(),
        },
    }
}

fn measured(measurements: &Measurements) -> Option<String> {
    let tests = measurements
        .bench
        .known()
        .map_or(0, |tests| tests.iter().filter(|test| test.valid && test.requests > 0).count());
    if tests > 0 {
        return Some(format!("{tests} valid load tests are part of the evidence"));
    }
    let runs = measurements.sweeps.known().map_or(0, |sweeps| {
        let levels = sweeps.iter().flat_map(|sweep| &sweep.levels);
        levels.filter(|level| level.result.valid && level.result.requests > 0).count()
    });
    if runs > 0 {
        return Some(format!("{runs} valid runs of a sweep are part of the evidence"));
    }
    let servers = measurements.server.known()?;
    let served = servers.iter().any(|server| server.generation_tokens.is_some_and(|tokens| tokens > 0.0));
    served.then(|| "the server's own metrics count tokens during the window".to_owned())
}

fn at_work(window: &Window, evidence: &Evidence) -> Option<String> {
    let busiest = window.gpus.known().and_then(|gpus| {
        gpus.iter().filter_map(|gpu| gpu.utilization_percent.known()?.iter().max().copied()).max()
    });
    if let Some(percent) = busiest.filter(|&percent| percent >= BUSY_GPU_PERCENT) {
        return Some(format!("a GPU was seen {percent} % busy between the two readings"));
    }
    let no_gpu = evidence.gpus.known().is_some_and(Vec::is_empty);
    let ticks: u64 = window.threads.known()?.iter().map(|thread| thread.cpu_ticks).sum();
    // Ticks are hundredths of a second, so ticks per second are per cent of one CPU.
    #[expect(clippy::cast_precision_loss, reason = "a share for comparison")]
    let percent = if window.seconds > 0.0 { ticks as f64 / window.seconds } else { 0.0 };
    (no_gpu && percent >= BUSY_CPU_PERCENT)
        .then(|| format!("inference servers took {percent:.0} % of a CPU between the two readings"))
}
