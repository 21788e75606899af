//! Recorded answers of NVML instead of a driver's, for tests of machines with GPUs on machines without.
//!
//! A recording is a folder with the files that a bundle holds under `api/`: `nvml.json`, and for windows
//! `nvml-window.json`. The `api` folder of an unpacked bundle is one. The environment variable
//! [`VARIABLE`] names it; the manifest says that it was used.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use plumb_evidence::model::{Nvml, NvmlDeviceReading, NvmlWindow};
use plumb_evidence::{Absence, Missing};
use serde::de::DeserializeOwned;

use super::{Depth, Gpus};

/// Names the folder of a recording. For tests only.
pub(crate) const VARIABLE: &str = "PLUMB_NVML_RECORDING";

/// The folder of the recording, if one is to be used.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from)
}

struct Recording {
    nvml: Nvml,
    window: Option<NvmlWindow>,
    /// Number of readings so far.
    read: Cell<usize>,
}

/// # Errors
/// The files cannot be read, or are not what a bundle holds.
pub(super) fn open(folder: &Path) -> Result<Box<dyn Gpus>, Missing> {
    let window = folder.join("nvml-window.json");
    Ok(Box::new(Recording {
        nvml: read(&folder.join("nvml.json"))?,
        window: if window.exists() { Some(read(&window)?) } else { None },
        read: Cell::new(0),
    }))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Missing> {
    let failed = |error: &dyn std::fmt::Display| {
        Missing::new(Absence::Failed, format!("the recording `{}`: {error}", path.display()))
    };
    let bytes = fs::read(path).map_err(|error| failed(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| failed(&error))
}

impl Gpus for Recording {
    fn inventory(&self) -> Result<Nvml, Missing> {
        Ok(self.nvml.clone())
    }

    /// The recorded readings one after the other, then the last again and again.
    fn reading(&self, _: Depth) -> Result<Vec<NvmlDeviceReading>, Missing> {
        let readings = self.window.as_ref().map(|window| window.readings.as_slice()).unwrap_or_default();
        let index = self.read.replace(self.read.get() + 1).min(readings.len().saturating_sub(1));
        readings
            .get(index)
            .map(|reading| reading.devices.clone())
            .ok_or_else(|| Missing::new(Absence::Absent, "the recording has no `nvml-window.json`"))
    }
}
