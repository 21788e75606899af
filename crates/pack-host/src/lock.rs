//! `packs.lock`: which libraries the user has decided to trust, by hash.

use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;

/// File name of a lock in a folder of packs.
pub const LOCK_FILE: &str = "packs.lock";

const VERSION: u32 = 1;

/// The pinned packs, by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    /// Version of the format.
    version: u32,
    /// The pins.
    #[serde(default, rename = "pack")]
    pins: Vec<Pin>,
}

/// A pack that may be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Id of the pack.
    pub id: String,
    /// Its version, for a reader.
    pub version: String,
    /// SHA-256 of its library in hexadecimal.
    pub sha256: String,
}

impl Default for LockFile {
    fn default() -> Self {
        Self { version: VERSION, pins: Vec::new() }
    }
}

impl LockFile {
    /// Reads the text of a lock; `path` is for errors.
    ///
    /// # Errors
    /// Fails on a text of another form or of a later version.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let lock: Self = toml::from_str(text).map_err(|error| Error::Format {
            path: path.to_owned(),
            expected: "a lock of packs",
            source: Box::new(error),
        })?;
        if lock.version != VERSION {
            let reason = format!("lock of version {}, expected {VERSION}: update plumb", lock.version);
            return Err(Error::Manifest { path: path.to_owned(), reason });
        }
        Ok(lock)
    }

    /// Reads a lock that may not exist yet; it is not checked who could have written it.
    ///
    /// # Errors
    /// Fails if it is there but cannot be read.
    pub fn read(path: &Path) -> Result<Self, Error> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::io("read", path, error)),
        }
    }

    /// The pin of a pack.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Pin> {
        self.pins.iter().find(|pin| pin.id == id)
    }

    /// All pins, by id.
    #[must_use]
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// Pins a pack, instead of what was pinned under its id.
    pub fn insert(&mut self, pin: Pin) {
        self.pins.retain(|other| other.id != pin.id);
        self.pins.push(pin);
        self.pins.sort_by(|a, b| a.id.cmp(&b.id));
    }

    /// Removes a pin; true if there was one.
    pub fn remove(&mut self, id: &str) -> bool {
        let before = self.pins.len();
        self.pins.retain(|pin| pin.id != id);
        self.pins.len() != before
    }

    /// Writes the lock under a temporary name and renames it, readable by all and writable by the owner only.
    ///
    /// # Errors
    /// Fails if the folder cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        use std::os::unix::fs::OpenOptionsExt;
        let fail = |error: std::io::Error| Error::io("write", path, error);
        let text = toml::to_string_pretty(self).map_err(|error| fail(std::io::Error::other(error)))?;
        let temporary = path.with_extension(format!("lock.{}", std::process::id()));
        let written = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&temporary)
            .and_then(|mut file| {
                file.write_all(b"# Packs that `plumb` may load, by the SHA-256 of their library.\n")?;
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| std::fs::rename(&temporary, path));
        written.map_err(|error| {
            // The error of the write is the one to tell.
            let _ = std::fs::remove_file(&temporary);
            fail(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_survives_writing_and_reading() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK_FILE);
        let mut lock = LockFile::read(&path).unwrap();
        for (id, hash) in [("b", "22"), ("a", "11"), ("b", "33")] {
            lock.insert(Pin { id: id.to_owned(), version: "1.0.0".to_owned(), sha256: hash.to_owned() });
        }
        lock.write(&path).unwrap();
        let back = LockFile::read(&path).unwrap();
        assert_eq!(back, lock);
        let pins: Vec<_> = back.pins().iter().map(|pin| (pin.id.as_str(), pin.sha256.as_str())).collect();
        assert_eq!(pins, [("a", "11"), ("b", "33")]);
    }

    #[test]
    fn a_later_version_is_refused() {
        let error = LockFile::parse("version = 2\n", Path::new("packs.lock")).unwrap_err();
        assert_eq!(error.to_string(), "`packs.lock`: lock of version 2, expected 1: update plumb");
    }
}
