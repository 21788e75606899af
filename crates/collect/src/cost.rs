//! What the collection costs the node.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use plumb_evidence::Source;
use plumb_evidence::manifest::{Cost, HelperCost};

use crate::fs_source::FsSource;

/// The cost so far; called when everything has been read.
pub(crate) fn so_far(wall: Duration, helpers: Vec<HelperCost>, placement: String) -> Cost {
    let status = own_status();
    let peak_rss_kib = field(&status, "VmHWM").and_then(kib).unwrap_or(0);
    Cost {
        cpu_us: cpu_us(UsageWho::RUSAGE_SELF) + cpu_us(UsageWho::RUSAGE_CHILDREN),
        wall_us: micros(wall),
        peak_rss_kib,
        helpers,
        cpus: field(&status, "Cpus_allowed_list").unwrap_or_default().to_owned(),
        placement,
        nice: rustix::process::getpriority_process(None).unwrap_or(0),
    }
}

/// CPU time in µs and peak resident memory in KiB of this process.
pub(crate) fn of_this_process() -> (u64, u64) {
    // Not the peak of getrusage(2): that begins with the peak of the process that started this one.
    let peak = field(&own_status(), "VmHWM").and_then(kib).unwrap_or(0);
    (cpu_us(UsageWho::RUSAGE_SELF), peak)
}

/// Of the calling thread, since threads differ in their CPUs.
fn own_status() -> String {
    FsSource::live().text("/proc/thread-self/status").unwrap_or_default()
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
}

fn kib(text: &str) -> Option<u64> {
    text.strip_suffix("kB")?.trim().parse().ok()
}

fn cpu_us(who: UsageWho) -> u64 {
    getrusage(who).map_or(0, |usage| {
        [usage.user_time(), usage.system_time()]
            .into_iter()
            .map(|time| u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or(0))
            .sum()
    })
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
