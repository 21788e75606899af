//! The GPUs of this node while its server is measured, as `nvidia-smi` samples them.
//!
//! By the program and not by the library: a library that hangs on a sick GPU would take the measurement with it. Asked only
//! where NVIDIA's driver is loaded already, since the program would load it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use plumb_evidence::model::GpuSample;

use super::clock::now;
use super::target::Target;

/// Samples that are kept; of more, every other one.
const MAX_SAMPLES: usize = 20_000;

const QUERY: &str =
    "index,utilization.gpu,utilization.memory,memory.used,power.draw,clocks.sm,temperature.gpu";

/// A sampler at work.
pub(crate) struct Sampler {
    child: Child,
    thread: JoinHandle<Vec<GpuSample>>,
}

impl Sampler {
    /// Starts sampling once a second, where the server is on this node and there are GPUs to sample.
    pub(crate) fn start(target: &Target) -> Option<Self> {
        if !target.is_local() || !Path::new("/proc/driver/nvidia/version").exists() {
            return None;
        }
        let mut child = Command::new("nvidia-smi")
            .arg(format!("--query-gpu={QUERY}"))
            .args(["--format=csv,noheader,nounits", "--loop-ms=1000"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let output = child.stdout.take()?;
        let origin = now();
        let thread = std::thread::Builder::new()
            .name("gpu".to_owned())
            .spawn(move || {
                let mut samples: Vec<GpuSample> = Vec::new();
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    samples.extend(parse(&line, now().saturating_sub(origin) as f64 / 1e9));
                    if samples.len() > MAX_SAMPLES {
                        thin(&mut samples);
                    }
                }
                samples
            })
            .ok()?;
        Some(Self { child, thread })
    }

    /// Ends it and gives what it saw.
    pub(crate) fn finish(mut self) -> Vec<GpuSample> {
        // Its output ends with it, and the thread with the output.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.thread.join().unwrap_or_default()
    }
}

/// Keeps every other moment, all GPUs of it.
fn thin(samples: &mut Vec<GpuSample>) {
    let mut moment = 0;
    let mut last = None;
    samples.retain(|sample| {
        if last.is_none_or(|last| sample.index <= last) {
            moment += 1;
        }
        last = Some(sample.index);
        moment % 2 == 1
    });
}

/// `0, 97, 45, 70123, 612.34, 1980, 61`; what a GPU does not tell is `[N/A]`.
fn parse(line: &str, seconds: f64) -> Option<GpuSample> {
    let mut columns = line.split(',').map(str::trim);
    let index = columns.next()?.parse().ok()?;
    let mut number = || columns.next().and_then(|text| text.parse::<f64>().ok());
    Some(GpuSample {
        seconds,
        index,
        busy_percent: number(),
        memory_busy_percent: number(),
        memory_used_mib: number(),
        power_w: number(),
        sm_mhz: number(),
        temperature_c: number(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_what_is_not_told() {
        let sample = parse("0, 97, 45, 70123, 612.34, 1980, [N/A]", 1.5).unwrap();
        assert_eq!((sample.index, sample.busy_percent, sample.power_w), (0, Some(97.0), Some(612.34)));
        assert_eq!((sample.seconds, sample.temperature_c), (1.5, None));
        assert_eq!(parse("No devices were found", 0.0), None);
    }

    #[test]
    fn thinning_keeps_moments_whole() {
        let line = |index: u32| parse(&format!("{index}, 1, 1, 1, 1, 1, 1"), 0.0).unwrap();
        let mut samples: Vec<GpuSample> = (0..8).map(|position| line(position % 2)).collect();
        thin(&mut samples);
        assert_eq!(samples.iter().map(|sample| sample.index).collect::<Vec<_>>(), [0, 1, 0, 1]);
    }
}
