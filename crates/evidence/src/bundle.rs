//! A bundle in memory: the manifest and the files, and the view of them as a [`Source`].

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use sha2::{Digest, Sha256};

use crate::fact::{Absence, Missing};
use crate::manifest::{FileRecord, Manifest};
use crate::recorded::{Asked, tells_absence};
use crate::source::Source;

/// Folder of the bundle that holds the node's files under their absolute paths.
pub const RAW: &str = "raw";
/// File of the bundle that holds symbolic links of the node: a JSON object from absolute path to target.
pub const LINKS_NAME: &str = "links.json";
/// hwloc's XML export.
pub const HWLOC_NAME: &str = "api/hwloc.xml";
/// NVML's answers, in the form of [`crate::model::Nvml`].
pub const NVML_NAME: &str = "api/nvml.json";
/// What adjtimex(2) answered, in the form of [`crate::model::KernelClock`].
pub const CLOCK_NAME: &str = "api/clock.json";
/// NVML's readings during the window, in the form of [`crate::model::NvmlWindow`].
pub const NVML_WINDOW_NAME: &str = "api/nvml-window.json";

/// Folder of the bundle that holds measurements, which other commands than `collect` add.
pub const MEASUREMENTS: &str = "measurements";

/// A bundle in memory, verified: every file is listed in the manifest with its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    pub(crate) manifest: Manifest,
    pub(crate) manifest_sha256: String,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) links: BTreeMap<String, String>,
}

impl Bundle {
    /// Makes a bundle from files by their path inside the bundle (`raw/proc/cpuinfo`) and links by absolute path.
    ///
    /// The list of files in `manifest` is replaced by what is given.
    #[must_use]
    pub fn new(
        mut manifest: Manifest,
        mut files: BTreeMap<String, Vec<u8>>,
        links: BTreeMap<String, String>,
    ) -> Self {
        if !links.is_empty() {
            let text = serde_json::to_vec(&links).unwrap_or_default();
            files.insert(LINKS_NAME.to_owned(), text);
        }
        manifest.files = files
            .iter()
            .map(|(path, bytes)| FileRecord {
                path: path.clone(),
                size: bytes.len() as u64,
                sha256: sha256_hex(bytes),
            })
            .collect();
        let manifest_sha256 = sha256_hex(&manifest_bytes(&manifest));
        Self { manifest, manifest_sha256, files, links }
    }

    /// This bundle with further files, which replace those of the same path. It is another bundle, with a hash of its own.
    #[must_use]
    pub fn with_files(&self, further: BTreeMap<String, Vec<u8>>) -> Self {
        let mut files = self.files.clone();
        files.extend(further);
        Self::new(self.manifest.clone(), files, self.links.clone())
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of the manifest's bytes, which name the hash of every other file: the identity of the bundle.
    #[must_use]
    pub fn manifest_sha256(&self) -> &str {
        &self.manifest_sha256
    }

    /// The files, by path inside the bundle, without the manifest.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// A file that is not under `raw/`, such as [`HWLOC_NAME`], whose gathering was the task of `probe`.
    ///
    /// # Errors
    /// Says why the probe brought none.
    pub fn api(&self, name: &str, probe: &str) -> Result<&[u8], Missing> {
        if let Some(bytes) = self.files.get(name) {
            return Ok(bytes);
        }
        Err(match self.manifest.probes.iter().find(|record| record.id == probe) {
            Some(record) => {
                let absence = record.status.absence().unwrap_or(Absence::Absent);
                Missing::new(absence, record.reason.clone())
            }
            None => Missing::new(Absence::Skipped, format!("the collector did not run the probe `{probe}`")),
        })
    }

    /// Why `path` is not in the bundle.
    fn why_missing(&self, path: &str, asked: Asked) -> Missing {
        // What could not be listed hides what is below it.
        for above in std::path::Path::new(path).ancestors() {
            let above = above.to_string_lossy();
            if let Ok(position) =
                self.manifest.unread.binary_search_by(|unread| unread.path.as_str().cmp(&above))
            {
                let unread = &self.manifest.unread[position];
                return Missing::new(unread.status, unread.reason.clone());
            }
        }
        let covers = |prefix: &str| {
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut covered = false;
        for record in &self.manifest.probes {
            if record.reads.iter().any(|prefix| covers(prefix)) {
                covered = true;
                match record.status.absence() {
                    // What it could not read is listed, so other files were absent.
                    None | Some(Absence::Absent) => {}
                    Some(_) if record.itemised => {}
                    Some(absence) => return Missing::new(absence, record.reason.clone()),
                }
            }
        }
        let has = |folder: &str| self.has_below(folder);
        if covered && !self.manifest.looked_at_node() && !tells_absence(path, asked, has) {
            Missing::not_recorded(format!("{path} is not part of this recording"))
        } else if covered {
            Missing::new(Absence::Absent, format!("{path} is not on this node"))
        } else {
            Missing::new(Absence::Skipped, format!("{path} was not collected"))
        }
    }
}

impl Bundle {
    /// Whether the recording had `folder`: a file or link of the node that lies below it is in the bundle, or the collector found
    /// the folder and nothing in it that it asks for.
    fn has_below(&self, folder: &str) -> bool {
        let is_named = |named: &String| {
            named.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.manifest.folders.iter().any(is_named)
            || has_prefix(&self.files, &format!("{RAW}{folder}/"))
            || has_prefix(&self.links, &format!("{folder}/"))
    }
}

/// One reading of the files that were read twice, as a source of its own.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    bundle: &'a Bundle,
    index: usize,
}

impl Bundle {
    /// The first and the last reading of a collection with `--sample`, and the seconds between them.
    ///
    /// # Errors
    /// A bundle without two readings was collected without `--sample`, or the collection was interrupted.
    pub fn samples(&self) -> Result<(Sample<'_>, Sample<'_>, f64), Missing> {
        let offsets = &self.manifest.samples_us;
        match (offsets.first(), offsets.last()) {
            (Some(&first), Some(&last)) if last > first => Ok((
                Sample { bundle: self, index: 0 },
                Sample { bundle: self, index: offsets.len() - 1 },
                (last - first) as f64 / 1e6,
            )),
            _ => Err(Missing::new(Absence::Skipped, "collected without `--sample`: nothing was read twice")),
        }
    }
}

/// Folder of the bundle that holds reading number `index` under absolute paths.
#[must_use]
pub fn sample_folder(index: usize) -> String {
    format!("samples/{index:03}")
}

impl Sample<'_> {
    fn why_missing(&self, path: &str, asked: Asked) -> Missing {
        // A reading that ran out of time notes its folders, `samples/001/proc`, beside the static ones.
        let name = format!("{}{path}", sample_folder(self.index));
        let unread = &self.bundle.manifest.unread;
        let noted = std::path::Path::new(&name).ancestors().find_map(|above| {
            let above = above.to_string_lossy();
            unread.binary_search_by(|unread| unread.path.as_str().cmp(&above)).ok()
        });
        match noted {
            Some(position) => Missing::new(unread[position].status, unread[position].reason.clone()),
            None => self.bundle.why_missing(path, asked),
        }
    }
}

impl Source for Sample<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, Missing> {
        let name = format!("{}{path}", sample_folder(self.index));
        self.bundle.files.get(&name).cloned().ok_or_else(|| self.why_missing(path, Asked::File))
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Missing> {
        let mut names = BTreeSet::new();
        children(&self.bundle.files, &format!("{}{path}/", sample_folder(self.index)), &mut names);
        if names.is_empty() {
            return Err(self.why_missing(path, Asked::Folder));
        }
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    fn link(&self, path: &str) -> Result<String, Missing> {
        self.bundle.link(path)
    }

    fn looked_at_node(&self) -> bool {
        self.bundle.looked_at_node()
    }
}

impl Source for Bundle {
    fn read(&self, path: &str) -> Result<Vec<u8>, Missing> {
        match self.files.get(&format!("{RAW}{path}")) {
            Some(bytes) => Ok(bytes.clone()),
            None => Err(self.why_missing(path, Asked::File)),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Missing> {
        let mut names = BTreeSet::new();
        // Parts of a folder that could not be listed whole are no answer.
        if self.manifest.unread.binary_search_by(|unread| unread.path.as_str().cmp(path)).is_ok() {
            return Err(self.why_missing(path, Asked::Folder));
        }
        children(&self.files, &format!("{RAW}{path}/"), &mut names);
        children(&self.links, &format!("{path}/"), &mut names);
        if names.is_empty() {
            return Err(self.why_missing(path, Asked::Folder));
        }
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    fn link(&self, path: &str) -> Result<String, Missing> {
        self.links.get(path).cloned().ok_or_else(|| self.why_missing(path, Asked::File))
    }

    fn looked_at_node(&self) -> bool {
        self.manifest.looked_at_node()
    }
}

/// Whether any key of `map` begins with `prefix`.
fn has_prefix<V>(map: &BTreeMap<String, V>, prefix: &str) -> bool {
    let from = Bound::Included(prefix.to_owned());
    map.range((from, Bound::Unbounded)).next().is_some_and(|(key, _)| key.starts_with(prefix))
}

/// Collects the names directly below `prefix` (which ends in a slash), skipping over what lies below each name.
fn children<'a, V>(map: &'a BTreeMap<String, V>, prefix: &str, names: &mut BTreeSet<&'a str>) {
    let mut from = Bound::Included(prefix.to_owned());
    while let Some((key, _)) = map.range((from, Bound::Unbounded)).next() {
        let Some(rest) = key.strip_prefix(prefix) else { break };
        let name = rest.split('/').next().unwrap_or(rest);
        names.insert(name);
        // `0` is the character after `/`: the next key that is neither this name nor below it.
        from = if rest.len() == name.len() {
            Bound::Excluded(key.clone())
        } else {
            Bound::Included(format!("{prefix}{name}0"))
        };
    }
}

/// The bytes of a manifest as they are written and hashed.
pub(crate) fn manifest_bytes(manifest: &Manifest) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(manifest).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    sha256_digits(bytes).iter().map(|&digit| char::from(digit)).collect()
}

/// Whether `hex` is the [`sha256_hex`] of `bytes`.
pub(crate) fn has_sha256(bytes: &[u8], hex: &str) -> bool {
    sha256_digits(bytes) == hex.as_bytes()
}

fn sha256_digits(bytes: &[u8]) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; 64];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(Sha256::digest(bytes)) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    digits
}
