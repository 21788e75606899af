//! Changing a bundle file that others may be changing, too, and taking its place.
//!
//! What keeps writers apart is flock(2) on the bundle itself: no lock file stays behind, and the kernel takes the lock from
//! a process that is killed. A writer puts a new file in the place of the one that it has locked. Whoever waited for the
//! old one therefore looks which file has the name now, and begins anew if it is another.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{BundleError, Limits, file_of, open_archive, parse_manifest};
use crate::bundle::{Bundle, MEASUREMENTS};
use crate::files::{Readers, check_target, replaceable, write_new};
use crate::manifest::{MANIFEST_NAME, Manifest};

/// How long a lock is waited for: many writers of a large bundle take their time, and one that was stopped has all of it.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(20);

impl Bundle {
    /// Reads the bundle file at `path` and makes sure that something can be added to it later: for those whose work before
    /// that is long.
    ///
    /// # Errors
    /// As [`Self::add_to`].
    pub fn read_to_add(path: &Path) -> Result<Self, BundleError> {
        check_target(path).map_err(|source| BundleError::Write { path: path.to_owned(), source })?;
        let _held = hold_existing(path, PATIENCE)?;
        Self::read(path)
    }

    /// Adds files to the bundle file at `path`, however many others do so at the same time: `make` is shown the bundle as it
    /// is by then, with nobody else writing to it, and says what to add or replace. What else is in it stays.
    ///
    /// # Errors
    /// What `make` says, [`BundleError::InUse`] after two minutes of waiting, [`BundleError::Full`], or why the bundle cannot
    /// be read or written; then it stays as it was.
    pub fn add_to<T, E: From<BundleError>>(
        path: &Path,
        make: impl FnOnce(&Self) -> Result<(BTreeMap<String, Vec<u8>>, T), E>,
    ) -> Result<T, E> {
        let _held = hold_existing(path, PATIENCE)?;
        let bundle = Self::read(path)?;
        let (files, told) = make(&bundle)?;
        // Without a copy: a bundle may be large.
        let Self { manifest, files: mut all, links, .. } = bundle;
        all.extend(files);
        let bundle = Self::new(manifest, all, links);
        bundle.check_room(path, &Limits::default())?;
        bundle.write(path)?;
        Ok(told)
    }

    /// Takes measurements out of the bundle file at `path`, each by its name (`bench-20261130T120000Z`) with all of its files, and
    /// returns the files. Evidence of the node stays: without it, what is left would be another node's.
    ///
    /// # Errors
    /// [`BundleError::NoMeasurement`] names the first that is not there; then nothing is changed. Else as [`Self::add_to`].
    pub fn remove_from(path: &Path, names: &[String]) -> Result<Vec<String>, BundleError> {
        let _held = hold_existing(path, PATIENCE)?;
        let Self { manifest, mut files, links, .. } = Self::read(path)?;
        let mut removed = Vec::new();
        for name in names {
            let start = format!("{MEASUREMENTS}/{name}");
            // `bench-1` is not `bench-10`; a file may be given by its whole name, too.
            let is_of = |file: &String| {
                file.strip_prefix(&start).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
            };
            let of: Vec<String> = files.keys().filter(|file| is_of(file)).cloned().collect();
            if of.is_empty() {
                let folder = format!("{MEASUREMENTS}/");
                let known: BTreeSet<&str> =
                    files.keys().filter_map(|file| file.strip_prefix(&folder)?.split('.').next()).collect();
                return Err(BundleError::NoMeasurement {
                    path: path.to_owned(),
                    name: name.clone(),
                    known: known.into_iter().collect::<Vec<_>>().join(", "),
                });
            }
            of.iter().for_each(|file| drop(files.remove(file)));
            removed.extend(of);
        }
        Self::new(manifest, files, links).write(path)?;
        Ok(removed)
    }

    /// Writes the bundle to a file that must not be there yet.
    ///
    /// # Errors
    /// [`BundleError::Full`] and [`BundleError::Write`], whose source is [`io::ErrorKind::AlreadyExists`] where something is
    /// there.
    pub fn write_new(&self, path: &Path) -> Result<(), BundleError> {
        self.check_room(path, &Limits::default())?;
        write_new(path, Readers::Owner, |file| self.pack(file))
            .map_err(|source| BundleError::Write { path: path.to_owned(), source })
    }

    /// Whether a collection may be written to `path`, as far as can be told before there is one: to a free place, over an
    /// empty file, or over an earlier collection that nobody has added a measurement to; with `force` over any regular file.
    ///
    /// Of what is there only the manifest is read, so that the collector does not pay for the rest.
    ///
    /// # Errors
    /// [`BundleError::Occupied`] says what is there, [`BundleError::Write`] why nothing can be.
    pub fn check_place(path: &Path, force: bool) -> Result<(), BundleError> {
        check_target(path).map_err(|source| BundleError::Write { path: path.to_owned(), source })?;
        if force || !fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0) {
            return Ok(());
        }
        let what = match manifest_of(path) {
            Ok(manifest) => {
                let folder = format!("{MEASUREMENTS}/");
                match manifest.files.iter().filter(|file| file.path.starts_with(&folder)).count() {
                    0 => return Ok(()),
                    1 => "is a bundle that holds a measurement".to_owned(),
                    _ => "is a bundle that holds measurements".to_owned(),
                }
            }
            Err(BundleError::Read { source, .. }) => {
                format!("is there already and cannot be read ({source})")
            }
            Err(BundleError::TooNew { .. }) => "is a bundle of a later version".to_owned(),
            Err(_) => "is there already and is no bundle that plumb wrote".to_owned(),
        };
        Err(BundleError::Occupied { path: path.to_owned(), what })
    }

    /// [`Self::write`] where [`Self::check_place`] allows it by now.
    ///
    /// # Errors
    /// As both.
    pub fn write_over(&self, path: &Path, force: bool) -> Result<(), BundleError> {
        let _held = match hold(path, PATIENCE) {
            // Nobody can have locked it, so nobody adds to it now.
            Err(BundleError::Lock { .. } | BundleError::Read { .. }) => None,
            held => held?,
        };
        Self::check_place(path, force)?;
        self.write(path)
    }

    /// Writes what cannot go to `path` to a free name beside it, else into the folder of temporary files, and returns the path.
    ///
    /// # Errors
    /// As [`Self::write_new`].
    pub fn keep_near(&self, path: &Path) -> Result<PathBuf, BundleError> {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let free = |folder: &Path| {
            let mut number = 1;
            loop {
                let path = folder.join(format!("{stem}.kept-{number}.plumb"));
                match self.write_new(&path) {
                    Err(BundleError::Write { source, .. })
                        if source.kind() == io::ErrorKind::AlreadyExists =>
                    {
                        number += 1;
                    }
                    written => return written.map(|()| path),
                }
            }
        };
        let beside = path.parent().unwrap_or(Path::new(""));
        free(beside).or_else(|_| free(&std::env::temp_dir()))
    }

    /// A bundle beyond these limits would be refused when it is read.
    fn check_room(&self, path: &Path, limits: &Limits) -> Result<(), BundleError> {
        let full = |detail| Err(BundleError::Full { path: path.to_owned(), detail });
        let bytes: u64 = self.files.values().map(|bytes| bytes.len() as u64).sum();
        // The manifest is an entry, too.
        if self.files.len() as u64 >= limits.entries {
            return full(format!(
                "{} files, and at most {} can be read",
                self.files.len(),
                limits.entries - 1
            ));
        }
        if let Some((name, bytes)) =
            self.files.iter().find(|(_, bytes)| bytes.len() as u64 > limits.file_bytes)
        {
            return full(format!(
                "`{name}` of {} bytes, and at most {} can be read",
                bytes.len(),
                limits.file_bytes
            ));
        }
        // The limit is on what is unpacked, manifest included, whose size is some 200 bytes for each file.
        let bytes = bytes + self.files.len() as u64 * 256;
        if bytes > limits.total_bytes {
            return full(format!("{bytes} bytes, and at most {} can be read", limits.total_bytes));
        }
        Ok(())
    }
}

/// The manifest alone, which is the first entry of every bundle that Plumb writes.
fn manifest_of(path: &Path) -> Result<Manifest, BundleError> {
    let damaged = |error: &io::Error| super::damaged(path, error);
    let limit = Limits::default().file_bytes;
    let (mut archive, ..) = open_archive(path, file_of(path)?, &Limits::default())?;
    let first = archive.entries_with_seek().map_err(|error| damaged(&error))?.raw(true).next();
    match first.transpose().map_err(|error| damaged(&error))? {
        Some(mut entry) if entry.path_bytes() == MANIFEST_NAME.as_bytes() && entry.size() <= limit => {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
            parse_manifest(path, &bytes)
        }
        _ => Err(BundleError::NotABundle {
            path: path.to_owned(),
            detail: format!("it does not begin with {MANIFEST_NAME}"),
        }),
    }
}

/// A lock, for as long as it lives.
struct Held {
    _file: File,
}

fn hold_existing(path: &Path, patience: Duration) -> Result<Held, BundleError> {
    hold(path, patience)?.ok_or_else(|| {
        let source = fs::metadata(path).err().unwrap_or_else(|| io::ErrorKind::NotFound.into());
        BundleError::Read { path: path.to_owned(), source }
    })
}

/// Locks the file at `path` against all others that do the same; nothing where there is none.
fn hold(path: &Path, patience: Duration) -> Result<Option<Held>, BundleError> {
    let read = |source| BundleError::Read { path: path.to_owned(), source };
    let mut waited = Duration::ZERO;
    loop {
        // A device or a link is not opened at all.
        replaceable(path).map_err(|source| BundleError::Write { path: path.to_owned(), source })?;
        let file = match open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(read)?,
        };
        match file.try_lock() {
            Ok(()) if is_at(&file, path).map_err(read)? => return Ok(Some(Held { _file: file })),
            // Another file has taken its place in the meantime, so somebody else has got on.
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if waited < patience => {
                std::thread::sleep(LOOK);
                waited += LOOK;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(BundleError::InUse { path: path.to_owned(), seconds: patience.as_secs() });
            }
            Err(TryLockError::Error(source)) => {
                return Err(BundleError::Lock { path: path.to_owned(), source });
            }
        }
    }
}

/// For writing where that is allowed, which network file systems ask of whoever locks; nothing is written through it.
fn open(path: &Path) -> io::Result<File> {
    match File::options().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(path),
        file => file,
    }
}

/// Whether `path` still stands for this file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let own = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Origin;

    fn bundle(names: &[&str]) -> Bundle {
        let files = names.iter().map(|name| ((*name).to_owned(), name.as_bytes().to_vec())).collect();
        Bundle::new(Manifest::new(Origin::Live), files, BTreeMap::new())
    }

    fn add(path: &Path, name: &str) -> Result<String, BundleError> {
        Bundle::add_to(path, |bundle| {
            let free = (1..).map(|n| format!("{MEASUREMENTS}/{name}-{n:03}.json"));
            let name = free.into_iter().find(|name| !bundle.files().contains_key(name)).unwrap();
            Ok((BTreeMap::from([(name.clone(), name.clone().into_bytes())]), name))
        })
    }

    #[test]
    fn whoever_adds_at_the_same_time_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.plumb");
        bundle(&["raw/proc/version"]).write(&path).unwrap();
        let mut told: Vec<String> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| (0..6).map(|_| add(&path, "noise").unwrap()).collect::<Vec<_>>()))
                .collect();
            writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
        });
        told.sort();
        let kept = Bundle::read(&path).unwrap();
        let names: Vec<&String> = kept.files().keys().filter(|name| name.starts_with(MEASUREMENTS)).collect();
        assert_eq!(names, told.iter().collect::<Vec<_>>(), "each was told a name of its own");
        assert_eq!(names.len(), 48);
        assert!(names.iter().all(|name| kept.files()[*name] == name.as_bytes()));
        assert!(kept.files().contains_key("raw/proc/version"));
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "no lock file and no temporary file is left"
        );
    }

    #[test]
    fn a_lock_is_waited_for_and_ends_with_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.plumb");
        assert!(hold(&path, Duration::ZERO).unwrap().is_none(), "there is no file");
        bundle(&[]).write(&path).unwrap();
        let held = hold(&path, Duration::ZERO).unwrap().unwrap();
        assert!(matches!(hold(&path, LOOK), Err(BundleError::InUse { .. })));
        // A file that takes its place is not the one that is locked.
        bundle(&["raw/new"]).write(&path).unwrap();
        assert!(hold(&path, Duration::ZERO).unwrap().is_some());
        drop(held);
        // The way from a write-protected file to its place goes through the folder.
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
        add(&path, "noise").unwrap();
        // Closed without a word, as by a kill.
        let file = open(&path).unwrap();
        file.try_lock().unwrap();
        let waiting = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| add(&path, "noise"));
            std::thread::sleep(2 * LOOK);
            assert!(!waiting.is_finished(), "it waits");
            drop(file);
            waiting.join().unwrap()
        });
        assert_eq!(waiting.unwrap(), format!("{MEASUREMENTS}/noise-002.json"));
    }

    #[test]
    fn what_cannot_be_added_leaves_the_bundle_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        bundle(&["raw/a"]).write(&at("x.plumb")).unwrap();
        let before = fs::read(at("x.plumb")).unwrap();
        std::os::unix::fs::symlink("x.plumb", at("link")).unwrap();
        fs::write(at("damaged"), &before[..before.len() / 2]).unwrap();
        fs::create_dir(at("folder")).unwrap();
        for (name, words) in [
            ("none", "cannot read"),
            ("link", "cannot write"),
            ("damaged", "truncated or damaged"),
            ("folder", "cannot write"),
        ] {
            let error = add(&at(name), "noise").unwrap_err().to_string();
            assert!(error.contains(words), "{name}: {error}");
            assert!(Bundle::read_to_add(&at(name)).is_err(), "{name}");
        }
        let refused: Result<(), _> =
            Bundle::add_to(&at("x.plumb"), |_| Err(add(&at("none"), "").unwrap_err()));
        assert!(refused.is_err());
        assert_eq!(fs::read(at("x.plumb")).unwrap(), before);
    }

    #[test]
    fn a_bundle_does_not_outgrow_what_can_be_read() {
        let path = Path::new("x.plumb");
        let limits = Limits { entries: 3, file_bytes: 4, total_bytes: 600, ratio: 1 };
        let of = |sizes: &[usize]| {
            let named =
                sizes.iter().enumerate().map(|(n, size)| (format!("raw/{n}"), vec![0; *size])).collect();
            Bundle::new(Manifest::new(Origin::Live), named, BTreeMap::new()).check_room(path, &limits)
        };
        of(&[4, 4]).unwrap();
        for (sizes, words) in [(&[1, 1, 1][..], "3 files"), (&[5], "`raw/0` of 5 bytes")] {
            let error = of(sizes).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        let limits = Limits { total_bytes: 300, ..Limits::default() };
        let error = bundle(&["raw/a", "raw/b"]).check_room(path, &limits).unwrap_err().to_string();
        assert!(error.contains("at most 300"), "{error}");
    }

    #[test]
    fn a_collection_takes_the_place_of_an_earlier_one_and_of_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let plain = bundle(&["raw/a"]);
        plain.write(&at("earlier")).unwrap();
        plain.write(&at("measured")).unwrap();
        add(&at("measured"), "noise").unwrap();
        fs::write(at("empty"), "").unwrap();
        fs::write(at("notes"), "mine\n").unwrap();
        fs::create_dir(at("folder")).unwrap();
        std::os::unix::fs::symlink("earlier", at("link")).unwrap();
        let text = |name: &str| fs::read(at(name)).unwrap();
        for name in ["none", "empty", "earlier"] {
            Bundle::check_place(&at(name), false).unwrap();
            bundle(&["raw/b"]).write_over(&at(name), false).unwrap();
            assert!(Bundle::read(&at(name)).unwrap().files().contains_key("raw/b"), "{name}");
        }
        for (name, words) in [("measured", "holds a measurement"), ("notes", "no bundle")] {
            let before = text(name);
            for refused in [Bundle::check_place(&at(name), false), plain.write_over(&at(name), false)] {
                let error = refused.unwrap_err().to_string();
                assert!(error.contains(words) && error.contains("--force"), "{name}: {error}");
            }
            assert_eq!(text(name), before, "{name}");
            Bundle::check_place(&at(name), true).unwrap();
            assert_eq!(text(name), before, "{name}: looking changes nothing");
            plain.write_over(&at(name), true).unwrap();
            assert_eq!(Bundle::read(&at(name)).unwrap(), plain, "{name}");
        }
        for name in ["folder", "link"] {
            assert!(matches!(plain.write_over(&at(name), true), Err(BundleError::Write { .. })), "{name}");
        }
    }
}
