//! The kernel: clocks, boot arguments, build, security.

use std::collections::BTreeMap;

use plumb_check_sdk::{Citation, Evidence, Intent, Missing, WorkloadTrait, export_pack};

mod kernel_clocksource;
mod kernel_cmdline_drift;
mod kernel_debug_options;
mod kernel_entropy;
mod kernel_mitigations;
mod kernel_time_sync;

/// Where the arguments of the running kernel stand.
const CMDLINE: &str = "/proc/cmdline";

/// The kernel is started without this argument.
fn without(argument: &str) -> Intent {
    Intent::KernelArgument { argument: argument.to_owned(), present: false }
}

/// Whether others share the host, where the engagement says so.
fn is_shared(evidence: &Evidence<'_>) -> Option<bool> {
    let workload: BTreeMap<WorkloadTrait, bool> = evidence.get("/engagement/workload").ok()?;
    workload.get(&WorkloadTrait::SharedHost).copied()
}

/// Release of the running kernel, and where it was read.
fn release(evidence: &Evidence<'_>) -> Result<(String, Citation), Missing> {
    let release: String = evidence.get("/node/kernel")?;
    let path: Result<String, Missing> = evidence.get("/node/kernel_path");
    let citation = Citation::new(path.as_deref().unwrap_or("/proc/sys/kernel/osrelease"), &release);
    Ok((release, citation))
}

export_pack! {
    id: "kernel",
    pages: pages,
}
