//! Where packs are: a pack is a folder with `pack.toml` and the library, or the file of rules, that it names.
//!
//! Never the working folder, never a search of the loader's: what is not named here is not found.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use plumb_check_sdk::PackManifest;

use crate::Error;
use crate::manifest::{self, MANIFEST_FILE, MAX_MANIFEST};

/// Where to look, in this order.
#[derive(Clone, Debug, Default)]
pub struct SearchPath {
    /// Packs that the user names: a pack's folder, its `pack.toml` or its library.
    pub explicit: Vec<PathBuf>,
    /// Folders of packs, as from `PLUMB_PACK_PATH`.
    pub folders: Vec<PathBuf>,
    /// Folders of packs that came with this installation. One that does not exist is passed over.
    pub install: Vec<PathBuf>,
}

impl SearchPath {
    /// Adds the folders of a value such as that of `PLUMB_PACK_PATH`, separated by colons.
    ///
    /// # Errors
    /// Fails on a relative folder: what it means would depend on the working folder.
    pub fn add_folders(&mut self, value: &OsStr) -> Result<(), Error> {
        for folder in std::env::split_paths(value).filter(|folder| !folder.as_os_str().is_empty()) {
            if folder.is_relative() {
                let reason = "a folder to search must be given as an absolute path".to_owned();
                return Err(Error::NotAPack { path: folder, reason });
            }
            self.folders.push(folder);
        }
        Ok(())
    }
}

/// How a pack was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The user named it.
    Explicit,
    /// It is in a folder of the search path.
    SearchPath,
    /// It came with this installation.
    Install,
}

/// What the checks of a pack are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackForm {
    /// Code: a shared library, which a worker loads.
    Library,
    /// Data: a file of rules, which a worker evaluates; no foreign code is loaded.
    Rules,
}

/// A pack that was found; nothing of it has been loaded, and nothing is trusted yet.
#[derive(Clone, Debug)]
pub struct PackLocation {
    /// Folder of `pack.toml`.
    pub folder: PathBuf,
    /// File name of the library in that folder, or of the rules.
    pub library: String,
    /// Which of the two it is.
    pub form: PackForm,
    /// The manifest beside the library; of rules, what they say about themselves.
    pub manifest: PackManifest,
    /// How it was found.
    pub origin: Origin,
}

impl PackLocation {
    /// Path of the library or of the rules.
    #[must_use]
    pub fn library_path(&self) -> PathBuf {
        self.folder.join(&self.library)
    }
}

/// Packs, and folders that were looked into without the user naming them and hold none that can be used.
#[derive(Debug, Default)]
pub struct Discovered {
    /// The packs, sorted by id.
    pub packs: Vec<PackLocation>,
    /// What is wrong with others.
    pub broken: Vec<Error>,
}

/// Finds all packs, sorted by id.
///
/// A pack in a folder of packs that is broken, or has the id of one found before, is set aside: it must not keep the others
/// from being asked.
///
/// # Errors
/// Fails if a named pack is none or its manifest is broken, if two named ones have the same id, or if a folder cannot be listed.
pub fn discover(path: &SearchPath) -> Result<Discovered, Error> {
    let mut found: BTreeMap<String, PackLocation> = BTreeMap::new();
    let mut broken = Vec::new();
    let mut add = |location: PackLocation| match found.get(location.manifest.id.as_ref()) {
        // The same folder on two ways is no conflict.
        Some(first) if same_folder(&first.folder, &location.folder) => Ok(()),
        Some(first) => Err(Error::Duplicate {
            id: location.manifest.id.to_string(),
            first: first.folder.clone(),
            second: location.folder,
        }),
        None => {
            found.insert(location.manifest.id.to_string(), location);
            Ok(())
        }
    };
    for explicit in &path.explicit {
        add(named(explicit)?)?;
    }
    let folders = path.folders.iter().map(|folder| (folder, Origin::SearchPath));
    for (folder, origin) in folders.chain(path.install.iter().map(|folder| (folder, Origin::Install))) {
        for location in in_folder(folder, origin)? {
            if let Err(error) = location.and_then(&mut add) {
                broken.push(error);
            }
        }
    }
    Ok(Discovered { packs: found.into_values().collect(), broken })
}

fn same_folder(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// A pack that the user named.
fn named(path: &Path) -> Result<PackLocation, Error> {
    let absolute = std::path::absolute(path).map_err(|error| Error::io("find", path, error))?;
    let is_folder = fs::metadata(&absolute).map_err(|error| Error::io("find", path, error))?.is_dir();
    let folder = if is_folder { Some(absolute.as_path()) } else { absolute.parent() };
    let folder =
        folder.filter(|folder| folder.join(MANIFEST_FILE).exists()).ok_or_else(|| Error::NotAPack {
            path: path.to_owned(),
            reason: format!("expected `{MANIFEST_FILE}` in the folder or beside the library"),
        })?;
    let mut location = read(folder, Origin::Explicit)?;
    let file = absolute.file_name().and_then(OsStr::to_str);
    if !is_folder && let Some(file) = file.filter(|&file| file != MANIFEST_FILE) {
        location.library = file.to_owned();
    }
    Ok(location)
}

/// The packs in a folder of packs: its subfolders that hold a manifest, by name.
fn in_folder(folder: &Path, origin: Origin) -> Result<Vec<Result<PackLocation, Error>>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && origin == Origin::Install => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(Error::io("search for packs in", folder, error)),
    };
    let mut packs = Vec::new();
    for entry in entries {
        let pack = entry.map_err(|error| Error::io("search for packs in", folder, error))?.path();
        if pack.join(MANIFEST_FILE).is_file() {
            packs.push(pack);
        }
    }
    packs.sort();
    Ok(packs.iter().map(|pack| of_its_name(pack, origin)).collect())
}

fn of_its_name(pack: &Path, origin: Origin) -> Result<PackLocation, Error> {
    let location = read(pack, origin)?;
    if pack.file_name() != Some(OsStr::new(location.manifest.id.as_ref())) {
        return Err(Error::Manifest {
            path: pack.join(MANIFEST_FILE),
            reason: format!("pack `{}` must be in a folder of that name", location.manifest.id),
        });
    }
    Ok(location)
}

fn read(folder: &Path, origin: Origin) -> Result<PackLocation, Error> {
    let path = folder.join(MANIFEST_FILE);
    let mut text = String::new();
    fs::File::open(&path)
        .and_then(|file| file.take(MAX_MANIFEST + 1).read_to_string(&mut text))
        .map_err(|error| Error::io("read", &path, error))?;
    if text.len() as u64 > MAX_MANIFEST {
        return Err(Error::Manifest { path, reason: format!("longer than {MAX_MANIFEST} bytes") });
    }
    let (form, manifest) = match manifest::rules_file(&text, &path)? {
        None => (PackForm::Library, manifest::parse(&text, &path)?),
        Some(rules) => (PackForm::Rules, read_rules(&folder.join(&rules), &rules)?),
    };
    let library = manifest.library.to_string();
    Ok(PackLocation { folder: folder.to_owned(), library, form, manifest, origin })
}

/// What a file of rules says about itself. Nothing of it is trusted yet: the worker, which gets the bytes whose hash was
/// checked, must say the same.
fn read_rules(path: &Path, name: &str) -> Result<PackManifest, Error> {
    let refuse = |reason: String| Error::Manifest { path: path.to_owned(), reason };
    let mut text = String::new();
    fs::File::open(path)
        .and_then(|file| file.take(plumb_rules::MAX_FILE as u64 + 1).read_to_string(&mut text))
        .map_err(|error| Error::io("read", path, error))?;
    if text.len() > plumb_rules::MAX_FILE {
        return Err(refuse(format!("longer than {} bytes", plumb_rules::MAX_FILE)));
    }
    let manifest = plumb_rules::manifest(&text, name).map_err(|problems| refuse(problems.to_string()))?;
    match manifest::problem(&manifest) {
        Some(reason) => Err(refuse(reason)),
        None => Ok(manifest),
    }
}
