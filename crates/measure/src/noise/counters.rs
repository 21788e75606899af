//! The kernel's own counters before and after, by way of the evidence's derivation of a window: one parser for both.

use std::collections::BTreeMap;
use std::time::Instant;

use plumb_evidence::bundle::{Bundle, sample_folder};
use plumb_evidence::manifest::Manifest;
use plumb_evidence::model::{Origin, Window};
use plumb_evidence::{Absence, Missing};

const FILES: &[&str] = &["/proc/interrupts", "/proc/softirqs", "/proc/stat"];

/// One reading.
pub(super) struct Reading {
    at: Instant,
    files: BTreeMap<&'static str, Vec<u8>>,
}

pub(super) fn read() -> Result<Reading, Missing> {
    let mut files = BTreeMap::new();
    for &path in FILES {
        match std::fs::read(path) {
            Ok(content) => {
                files.insert(path, content);
            }
            // A container may hide interrupts; CPU times are always there.
            Err(error) if path == "/proc/stat" => {
                return Err(Missing::new(Absence::Failed, format!("{path}: {error}")));
            }
            Err(_) => {}
        }
    }
    Ok(Reading { at: Instant::now(), files })
}

/// What moved between two readings.
pub(super) fn between(first: &Reading, last: &Reading) -> Window {
    let files = [first, last].into_iter().enumerate().flat_map(|(index, reading)| {
        let folder = sample_folder(index);
        reading.files.iter().map(move |(path, content)| (format!("{folder}{path}"), content.clone()))
    });
    let micros = last.at.duration_since(first.at).as_micros();
    let samples_us = vec![0, u64::try_from(micros).unwrap_or(u64::MAX).max(1)];
    let manifest = Manifest { samples_us, ..Manifest::new(Origin::Live) };
    let bundle = Bundle::new(manifest, files.collect(), BTreeMap::new());
    plumb_evidence::derive(&bundle).window.known().cloned().unwrap_or_default()
}
