//! Energy bias, performance levels and throttle counters of CPUs; at both ends of the window also idle times and clocks.

use plumb_evidence::derive::power::{
    CLOCK, CORE_THROTTLES, DMA_LATENCY, FEEDBACK, FILES, PACKAGE_THROTTLES, PROBE as ID,
};
use plumb_evidence::{Absence, Missing, Source};

use super::Files;
use crate::probe::{Method, Privilege, Probe};

const PATH: &str = "/sys/devices/system/cpu";

pub(super) const PROBE: Probe = Probe {
    id: ID,
    title: "energy bias, performance levels, throttling, clocks",
    reads: &[PATH, DMA_LATENCY],
    // The latency device belongs to root.
    privilege: Privilege::Root,
    budget: std::time::Duration::from_secs(10),
    method: Method::Files(run),
    sample: Some(sample),
};

fn run(files: &Files<'_>) -> Result<(), Missing> {
    let cpus = files.numbered(PATH, "cpu");
    if cpus.is_empty() {
        return Err(Missing::new(Absence::Absent, format!("{PATH} lists no CPU")));
    }
    for cpu in cpus {
        files.files(&cpu, FILES);
    }
    // Opening the device adds a request for no limit, which changes nothing and ends when it is closed.
    let _ = files.file(DMA_LATENCY);
    Ok(())
}

fn sample(files: &Files<'_>) -> Result<(), Missing> {
    let clock_is_cheap = clock_is_cheap(files.source());
    for cpu in files.numbered(PATH, "cpu") {
        files.files(&cpu, &[CORE_THROTTLES, PACKAGE_THROTTLES]);
        for state in files.numbered(&format!("{cpu}/cpuidle"), "state") {
            files.files(&state, &["time", "usage"]);
        }
        // A few microseconds of the CPU, and an average over the whole window; the clock of a moment is second best.
        let counted = files.file(&format!("{cpu}/{FEEDBACK}")).is_ok();
        if !counted && clock_is_cheap {
            let _ = files.file(&format!("{cpu}/{CLOCK}"));
        }
    }
    Ok(())
}

/// Whether reading the clock costs the node nothing: kernels before 5.19 measure it for each reader on x86, which takes 10
/// to 20 ms per busy CPU and interrupts it.
fn clock_is_cheap(source: &impl Source) -> bool {
    let release = source.text("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut parts = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    matches!((parts.next(), parts.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= (5, 19))
}
