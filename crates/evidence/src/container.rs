//! Reading and writing bundles: `NAME.plumb` (tar, compressed with zstd) or the unpacked folder.
//!
//! A bundle may come from anybody, so reading trusts nothing: paths, kinds and sizes of entries are checked while
//! streaming, and every hash before anything is derived.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, IntoInnerError, Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::bundle::{Bundle, LINKS_NAME, has_sha256, manifest_bytes, sha256_hex};
use crate::files::{Readers, Staging, TEMPORARY, write_atomically};
use crate::manifest::{BUNDLE_SCHEMA, FileRecord, MANIFEST_NAME, Manifest};

mod forward;
mod shared;

use forward::{Bounds, Exceeded, Forward};

/// Limits on what is read from a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Number of entries.
    pub entries: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files.
    pub total_bytes: u64,
    /// Unpacked bytes per packed byte, checked from 64 MiB on: small files of one value pack very well.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 500_000, file_bytes: 64 << 20, total_bytes: 1 << 30, ratio: 400 }
    }
}

/// Why a bundle could not be read or written.
#[derive(Debug, Error)]
pub enum BundleError {
    /// The file cannot be opened or read.
    #[error("cannot read bundle `{path}`")]
    Read {
        /// The bundle.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file is something else.
    #[error(
        "`{path}` is not a bundle: {detail}; give a file written by `plumb collect`, or the folder that \
             `plumb bundle unpack` made of it"
    )]
    NotABundle {
        /// The file.
        path: PathBuf,
        /// What was found instead.
        detail: String,
    },
    /// The file ends in the middle.
    #[error("bundle `{path}` is truncated or damaged ({detail}); copy it again from the node")]
    Damaged {
        /// The bundle.
        path: PathBuf,
        /// Where.
        detail: String,
    },
    /// The file was written by a later version.
    #[error(
        "bundle `{path}` has format {found}, this version reads up to {BUNDLE_SCHEMA}; use a newer plumb"
    )]
    TooNew {
        /// The bundle.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// An entry that no honest bundle has.
    #[error("bundle `{path}` refused: {detail}")]
    Hostile {
        /// The bundle.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Content and manifest disagree.
    #[error(
        "bundle `{path}` fails its integrity check: {detail}; it was changed after `plumb collect` wrote it"
    )]
    Integrity {
        /// The bundle.
        path: PathBuf,
        /// Which file, and how.
        detail: String,
    },
    /// What is there already is not to be replaced.
    #[error("`{path}` {what}; name another file, or replace it with --force")]
    Occupied {
        /// The output.
        path: PathBuf,
        /// What is there.
        what: String,
    },
    /// Somebody else does not let go of the bundle.
    #[error(
        "bundle `{path}` is in use: for {seconds} s another process has kept it locked; end that one (`lslocks` \
             tells which it is), and add to the bundle again"
    )]
    InUse {
        /// The bundle.
        path: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The file system has no locks.
    #[error(
        "cannot lock bundle `{path}`, so what others add to it at the same time could be lost; copy it to a local \
             file system"
    )]
    Lock {
        /// The bundle.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// What is to be removed is not there.
    #[error(
        "bundle `{path}` holds no measurement `{name}`; it holds {}",
        if known.is_empty() { "none" } else { known }
    )]
    NoMeasurement {
        /// The bundle.
        path: PathBuf,
        /// What was asked for.
        name: String,
        /// What there is, with commas.
        known: String,
    },
    /// It would be too large to be read again.
    #[error(
        "bundle `{path}` has no room left: with what is to be added it would hold {detail}; collect a new one"
    )]
    Full {
        /// The bundle.
        path: PathBuf,
        /// Number or size of its files, and the limit.
        detail: String,
    },
    /// The output cannot be written.
    #[error("cannot write `{path}`; {}; nothing was left behind", advice(source))]
    Write {
        /// The output.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// What to do where a file cannot be written.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room on that file system, or name a place on another one"
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            "name a place that you may write to"
        }
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            "make its folder first, or name another one"
        }
        _ => "name another place",
    }
}

impl BundleError {
    /// True where the content is not what the manifest promises, as opposed to a wrong or damaged file.
    #[must_use]
    pub fn is_integrity(&self) -> bool {
        matches!(self, Self::Integrity { .. } | Self::Hostile { .. })
    }
}

impl Bundle {
    /// Reads a bundle file or an unpacked bundle folder, within the default [`Limits`], and verifies it.
    ///
    /// # Errors
    /// See [`BundleError`].
    pub fn read(path: &Path) -> Result<Self, BundleError> {
        Self::read_within(path, &Limits::default())
    }

    /// Reads and verifies a bundle within `limits`.
    ///
    /// # Errors
    /// See [`BundleError`].
    pub fn read_within(path: &Path, limits: &Limits) -> Result<Self, BundleError> {
        let metadata =
            fs::metadata(path).map_err(|source| BundleError::Read { path: path.to_owned(), source })?;
        let (manifest, files) = if metadata.is_dir() {
            read_folder(path, limits)?
        } else {
            read_file(path, file_of(path)?, limits)?
        };
        verify(path, &manifest, files)
    }

    /// Reads and verifies a bundle from a file that is open; `name` stands for it in errors.
    ///
    /// # Errors
    /// See [`BundleError`].
    pub fn read_opened(file: File, name: &Path) -> Result<Self, BundleError> {
        let (manifest, files) = read_file(name, file, &Limits::default())?;
        verify(name, &manifest, files)
    }

    /// Writes the bundle to `path`: to a temporary name beside it, synced, then renamed, so that a full disk or a kill
    /// leaves what was there before.
    ///
    /// # Errors
    /// [`BundleError::Write`] names the file and the system's answer.
    pub fn write(&self, path: &Path) -> Result<(), BundleError> {
        write_atomically(path, Readers::Owner, |file| self.pack(file))
            .map_err(|source| BundleError::Write { path: path.to_owned(), source })
    }

    /// Writes the bundle into a stream, which may be gone before it ends: [`Self::write`] for files.
    ///
    /// # Errors
    /// The system's answer.
    pub fn pack(&self, to: impl Write) -> io::Result<()> {
        // Level 1: level 3 takes half as long again, several MiB more, and packs such files no better.
        let mut encoder = zstd::stream::write::Encoder::new(BufWriter::new(to), 1)?;
        encoder.include_checksum(true)?;
        // Entries are small, and each is several writes: the compressor is called for many at once.
        let mut archive = tar::Builder::new(BufWriter::with_capacity(128 << 10, encoder));
        append(&mut archive, MANIFEST_NAME, &manifest_bytes(&self.manifest))?;
        for (name, bytes) in &self.files {
            append(&mut archive, name, bytes)?;
        }
        let encoder = archive.into_inner()?.into_inner().map_err(IntoInnerError::into_error)?;
        encoder.finish()?.flush()
    }

    /// Writes the files of the bundle into the folder `dir`, which must not exist yet.
    ///
    /// # Errors
    /// [`BundleError::Write`] names the file and the system's answer.
    pub fn unpack(&self, dir: &Path) -> Result<(), BundleError> {
        let error = |path: &Path| {
            let path = path.to_owned();
            move |source| BundleError::Write { path, source }
        };
        let parent = match dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if dir.exists() {
            return Err(error(dir)(io::ErrorKind::AlreadyExists.into()));
        }
        let staging = Staging::new(parent, TEMPORARY).map_err(error(dir))?;
        let root = staging.path();
        fs::write(root.join(MANIFEST_NAME), manifest_bytes(&self.manifest)).map_err(error(dir))?;
        for (name, bytes) in &self.files {
            let path = root.join(name);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(error(&dir.join(name)))?;
            }
            fs::write(&path, bytes).map_err(error(&dir.join(name)))?;
        }
        staging.rename(dir).map_err(error(dir))
    }
}

fn append<W: Write>(archive: &mut tar::Builder<W>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_entry_type(tar::EntryType::Regular);
    archive.append_data(&mut header, name, bytes)
}

/// Archives end on a multiple of this many bytes.
const RECORD: usize = 10 << 10;

/// Bytes of the longest name of an entry.
const MAX_NAME: u64 = 4096;

type Files = BTreeMap<String, Vec<u8>>;

/// What an entry costs beside its content: a header and padding, and as much again for a long name.
const ENTRY: u64 = 2048;

fn file_of(path: &Path) -> Result<File, BundleError> {
    File::open(path).map_err(|source| BundleError::Read { path: path.to_owned(), source })
}

/// The unpacked archive of a bundle file, the bytes of the file, and where the archive says why it was ended.
fn open_archive(
    path: &Path,
    file: File,
    limits: &Limits,
) -> Result<(tar::Archive<Forward<impl Read + use<>>>, u64, Exceeded), BundleError> {
    let read = |source| BundleError::Read { path: path.to_owned(), source };
    let packed_bytes = file.metadata().map_err(read)?.len();
    let mut reader = BufReader::new(file);
    let magic = io::BufRead::fill_buf(&mut reader).map_err(read)?;
    if magic.is_empty() {
        return Err(BundleError::Damaged { path: path.to_owned(), detail: "it is empty".into() });
    }
    if !magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Err(BundleError::NotABundle {
            path: path.to_owned(),
            detail: "it does not begin as a zstd-compressed archive does".into(),
        });
    }
    let mut decoder =
        zstd::stream::read::Decoder::with_buffer(reader).map_err(|error| damaged(path, &error))?;
    decoder.window_log_max(27).map_err(|error| damaged(path, &error))?;
    let decoder = BufReader::with_capacity(128 << 10, decoder);
    let bounds = Bounds {
        most: limits.total_bytes.saturating_add(limits.entries.saturating_mul(ENTRY)),
        packed: packed_bytes,
        // Headers are nearly alike and pack better than what they are of.
        ratio: limits.ratio.saturating_mul(2),
    };
    let forward = Forward::new(decoder, bounds);
    let exceeded = forward.exceeded();
    Ok((tar::Archive::new(forward), packed_bytes, exceeded))
}

fn damaged(path: &Path, error: &io::Error) -> BundleError {
    BundleError::Damaged { path: path.to_owned(), detail: error.to_string() }
}

fn read_file(path: &Path, file: File, limits: &Limits) -> Result<(Vec<u8>, Files), BundleError> {
    let hostile = |detail: String| BundleError::Hostile { path: path.to_owned(), detail };
    let (mut archive, packed_bytes, exceeded) = open_archive(path, file, limits)?;
    let damaged = |error: &io::Error| match exceeded.borrow().clone() {
        Some(why) => hostile(why),
        None => damaged(path, error),
    };

    // Put in order once at the end: bundles have thousands of long names that begin alike, and are in order already.
    let mut files = Vec::new();
    let mut long_name: Option<Vec<u8>> = None;
    let mut total = 0u64;
    let mut count = 0u64;
    // Raw, because otherwise the archive's reader would take in a long name of any size before it can be refused.
    for entry in archive.entries_with_seek().map_err(|error| damaged(&error))?.raw(true) {
        let entry = entry.map_err(|error| damaged(&error))?;
        count += 1;
        if count > limits.entries {
            return Err(hostile(format!("more than {} entries", limits.entries)));
        }
        let name = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        let name =
            String::from_utf8(name).map_err(|_| hostile("the name of an entry is not UTF-8".into()))?;
        match entry.header().entry_type() {
            tar::EntryType::Regular | tar::EntryType::Continuous => {}
            tar::EntryType::Directory if entry.size() == 0 => continue,
            tar::EntryType::Directory => {
                return Err(hostile(format!("`{}` is a folder with content", name.escape_debug())));
            }
            tar::EntryType::GNULongName if entry.size() <= MAX_NAME => {
                let mut bytes = Vec::new();
                entry.take(MAX_NAME).read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
                while bytes.last() == Some(&0) {
                    bytes.pop();
                }
                long_name = Some(bytes);
                continue;
            }
            kind => {
                let name = name.escape_debug();
                return Err(hostile(format!("`{name}` is of kind {kind:?}; only files are allowed")));
            }
        }
        check_name(&name).map_err(hostile)?;
        let size = entry.size();
        if size > limits.file_bytes {
            return Err(hostile(format!("`{name}` has {size} bytes, at most {} allowed", limits.file_bytes)));
        }
        total += size;
        if total > limits.total_bytes {
            return Err(hostile(format!("more than {} bytes in all", limits.total_bytes)));
        }
        if total > 64 << 20 && total / packed_bytes.max(1) > limits.ratio {
            return Err(hostile(format!("it unpacks to more than {} times its size", limits.ratio)));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).min(1 << 20));
        entry.take(size).read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
        if bytes.len() as u64 != size {
            return Err(BundleError::Damaged {
                path: path.to_owned(),
                detail: format!("`{name}` ends after {} of {size} bytes", bytes.len()),
            });
        }
        files.push((name, bytes));
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some([(name, _), _]) = files.array_windows().find(|[(a, _), (b, _)]| a == b) {
        return Err(hostile(format!("`{name}` occurs twice")));
    }
    let mut files: Files = files.into_iter().collect();
    // The end of the stream carries a checksum, and the archive's reader stops before it. What follows the archive pads it to
    // whole records: anything else would be covered by no hash.
    let mut rest = archive.into_inner();
    let mut padding = vec![0; RECORD];
    let mut length = 0;
    loop {
        let read = rest.read(&mut padding).map_err(|error| damaged(&error))?;
        length += read;
        if length > RECORD || padding[..read].iter().any(|byte| *byte != 0) {
            return Err(hostile("something follows the end of its archive".to_owned()));
        }
        if read == 0 {
            break;
        }
    }
    match files.remove(MANIFEST_NAME) {
        Some(manifest) => Ok((manifest, files)),
        None => Err(BundleError::NotABundle {
            path: path.to_owned(),
            detail: format!("the archive holds no {MANIFEST_NAME}"),
        }),
    }
}

fn read_folder(path: &Path, limits: &Limits) -> Result<(Vec<u8>, Files), BundleError> {
    let read = |file: PathBuf| move |source| BundleError::Read { path: file, source };
    let hostile = |detail: String| BundleError::Hostile { path: path.to_owned(), detail };
    let manifest_path = path.join(MANIFEST_NAME);
    // Without following links: the manifest is read before the folder is walked, where links are refused.
    if !fs::symlink_metadata(&manifest_path).is_ok_and(|metadata| metadata.is_file()) {
        return Err(BundleError::NotABundle {
            path: path.to_owned(),
            detail: format!("the folder holds no file {MANIFEST_NAME}"),
        });
    }
    let too_large = |name: &str| hostile(format!("`{name}` goes beyond the limit on size"));
    let manifest = read_limited(&manifest_path, limits.file_bytes.min(limits.total_bytes))
        .map_err(read(manifest_path))?
        .ok_or_else(|| too_large(MANIFEST_NAME))?;
    let root = fs::canonicalize(path).map_err(read(path.to_owned()))?;
    let mut files = Files::new();
    let mut folders = vec![root.clone()];
    let (mut total, mut count) = (manifest.len() as u64, 0u64);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(read(folder.clone()))? {
            let entry = entry.map_err(read(folder.clone()))?;
            let file = entry.path();
            let name = file
                .strip_prefix(&root)
                .ok()
                .and_then(Path::to_str)
                .ok_or_else(|| hostile("the name of a file is not UTF-8".into()))?
                .to_owned();
            let kind = entry.file_type().map_err(read(file.clone()))?;
            count += 1;
            if count > limits.entries {
                return Err(hostile(format!("more than {} entries", limits.entries)));
            }
            if kind.is_dir() {
                folders.push(file);
            } else if !kind.is_file() {
                return Err(hostile(format!("`{name}` is neither a file nor a folder")));
            } else if name != MANIFEST_NAME {
                let limit = limits.file_bytes.min(limits.total_bytes - total);
                let bytes =
                    read_limited(&file, limit).map_err(read(file))?.ok_or_else(|| too_large(&name))?;
                total += bytes.len() as u64;
                files.insert(name, bytes);
            }
        }
    }
    Ok((manifest, files))
}

/// The content of a file of at most `limit` bytes; nothing for a longer one. Bounded while reading, because the size that
/// the file system gives may be wrong by then.
fn read_limited(file: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// Refuses names that could leave the folder they are unpacked into, or that say one thing in two ways.
fn check_name(name: &str) -> Result<(), String> {
    let plain = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if plain && !name.contains('\0') && name.len() as u64 <= MAX_NAME {
        Ok(())
    } else {
        Err(format!("`{}` is not a plain relative path", name.escape_debug()))
    }
}

fn parse_manifest(path: &Path, bytes: &[u8]) -> Result<Manifest, BundleError> {
    #[derive(serde::Deserialize)]
    struct Version {
        schema: u32,
    }
    let not_a_bundle = |error: serde_json::Error| BundleError::NotABundle {
        path: path.to_owned(),
        detail: format!("its {MANIFEST_NAME} is not a manifest: {error}"),
    };
    let too_new = |found: u32| BundleError::TooNew { path: path.to_owned(), found };
    match serde_json::from_slice::<Manifest>(bytes) {
        Ok(manifest) if manifest.schema > BUNDLE_SCHEMA => Err(too_new(manifest.schema)),
        Ok(manifest) => Ok(manifest),
        // A later format may have a manifest that this code cannot read, and then only its version counts.
        Err(error) => Err(match serde_json::from_slice::<Version>(bytes) {
            Ok(version) if version.schema > BUNDLE_SCHEMA => too_new(version.schema),
            _ => not_a_bundle(error),
        }),
    }
}

fn verify(path: &Path, manifest_bytes: &[u8], files: Files) -> Result<Bundle, BundleError> {
    let mut manifest = parse_manifest(path, manifest_bytes)?;
    let integrity = |detail: String| BundleError::Integrity { path: path.to_owned(), detail };
    let mut records: Vec<&FileRecord> = manifest.files.iter().collect();
    records.sort_by(|a, b| a.path.cmp(&b.path));
    if let Some([record, _]) = records.array_windows().find(|[a, b]| a.path == b.path) {
        return Err(BundleError::Hostile {
            path: path.to_owned(),
            detail: format!("its manifest lists `{}` twice", record.path.escape_debug()),
        });
    }
    // Both are in order, so one walk compares them.
    let mut there = files.iter().peekable();
    let unlisted = |name: &String| integrity(format!("`{name}` is not listed in the manifest"));
    for record in records {
        let (name, bytes) = match there.next_if(|(name, _)| **name <= record.path) {
            Some(file) => file,
            None => return Err(integrity(format!("`{}` is missing", record.path))),
        };
        if *name != record.path {
            return Err(unlisted(name));
        }
        if bytes.len() as u64 != record.size || !has_sha256(bytes, &record.sha256) {
            return Err(integrity(format!("`{}` is not the file that was collected", record.path)));
        }
    }
    if let Some((extra, _)) = there.next() {
        return Err(unlisted(extra));
    }
    let links = match files.get(LINKS_NAME) {
        Some(bytes) => serde_json::from_slice(bytes)
            .map_err(|error| integrity(format!("`{LINKS_NAME}` is not a list of links: {error}")))?,
        None => BTreeMap::new(),
    };
    // Looked up by binary search.
    manifest.unread.sort();
    Ok(Bundle { manifest_sha256: sha256_hex(manifest_bytes), manifest, files, links })
}
