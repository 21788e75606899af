//! The kernel log, as far as checks ask for it.

use serde::{Deserialize, Serialize};

/// Lines of the kernel log that tell of errors and throttling.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KernelLog {
    /// What it was read from (`/dev/kmsg`, `/var/log/kern.log`, …).
    #[serde(default)]
    pub path: String,
    /// Seconds since boot of the first record that was still there; the log before is lost.
    #[serde(default)]
    pub from_seconds: f64,
    /// Seconds since boot at the time of reading.
    #[serde(default)]
    pub to_seconds: f64,
    /// Lines, oldest first.
    pub lines: Vec<LogLine>,
    /// True if there were more lines of a subject than are kept.
    #[serde(default)]
    pub truncated: bool,
}

/// One line of the kernel log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// Seconds since boot.
    pub seconds: f64,
    /// `xid`, `nvrm`, `bar`, `aer`, `mce`, `edac`, `oom`, `clocksource`, `throttle`, `numa`, `iommu`, `hung-task`.
    pub subject: String,
    /// The text.
    pub text: String,
}
