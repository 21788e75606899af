//! Kernel memory counters of the window.

use std::collections::BTreeMap;

use plumb_check_sdk::model::Window;
use plumb_check_sdk::{Absence, Citation, Evidence, Missing};

const PATH: &str = "/proc/vmstat";

/// How much the counters of `/proc/vmstat` grew, and in what time.
pub(crate) struct Counters<'a> {
    window: &'a Window,
    grown: &'a BTreeMap<String, u64>,
    seconds: f64,
}

impl<'a> Counters<'a> {
    /// # Errors
    /// Says why there is no window, or none of these counters.
    pub(crate) fn of(evidence: &Evidence<'a>) -> Result<Self, Missing> {
        let window = evidence.window()?;
        Ok(Self { window, grown: window.vmstat.require()?, seconds: window.length()? })
    }

    /// # Errors
    /// A kernel may be built without what is counted.
    pub(crate) fn grown(&self, name: &str) -> Result<u64, Missing> {
        let absent = || Missing::new(Absence::Absent, format!("{PATH} has no {name}"));
        self.grown.get(name).copied().ok_or_else(absent)
    }

    /// Growth per second.
    ///
    /// # Errors
    /// As [`Counters::grown`].
    pub(crate) fn rate(&self, name: &str) -> Result<f64, Missing> {
        Ok(self.grown(name)? as f64 / self.seconds)
    }

    pub(crate) fn beginning_with(&self, prefix: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
        let named = self.grown.iter().filter(move |(name, _)| name.starts_with(prefix));
        named.map(|(name, &count)| (name.as_str(), count))
    }

    pub(crate) fn cite(&self, name: &str) -> Citation {
        let count = self.grown.get(name).copied().unwrap_or_default();
        Citation::new(PATH, format!("{name} +{count} in {:.0} s", self.seconds))
    }

    /// # Errors
    /// Says that the service was idle, or why that is not known.
    pub(crate) fn under_load(&self) -> Result<(), Missing> {
        self.window.under_load().map(drop)
    }
}
