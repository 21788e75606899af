//! Files that are either complete or not there: written under a temporary name, synced, renamed.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone, until the owner decides otherwise: evidence is about somebody's machine.
    Owner,
    /// Whom the umask allows: a report is for the group that a consultant shares a folder with.
    Umask,
}

/// Writes a file so that a reader sees the old content or the whole new one.
///
/// An older file of that name is replaced in one step; on an error it stays as it was. Only a regular file is
/// replaced. A device or a pipe is not, since the rename would put a file in its place for everybody (`/dev/null`).
/// Neither is a symbolic link, wherever it leads: replaced, it would be lost, and followed, whoever can plant a link in
/// a shared folder would choose which file a collector that runs as root writes to.
///
/// # Errors
/// The system's answer, or [`io::ErrorKind::InvalidInput`] for a target that is no regular file; nothing is left behind.
pub fn write_atomically(
    path: &Path,
    readers: Readers,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    // Before the work is done: the rename itself would replace these, or fail with a puzzling message.
    replaceable(path)?;
    let file = filled(path, readers, fill)?;
    file.persist(path).map_err(|failed| failed.error)?;
    sync_folder(path);
    Ok(())
}

/// [`write_atomically`] for a file that must not be there yet, whatever happens meanwhile.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] where something is there, else as [`write_atomically`].
pub fn write_new(
    path: &Path,
    readers: Readers,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    // Before the work is done, which may be long.
    if fs::symlink_metadata(path).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let file = filled(path, readers, fill)?;
    file.persist_noclobber(path).map_err(|failed| failed.error)?;
    sync_folder(path);
    Ok(())
}

/// Whether [`write_atomically`] could begin: for those whose work before it is long.
///
/// # Errors
/// As [`write_atomically`]; a disk that is full is not noticed.
pub fn check_target(path: &Path) -> io::Result<()> {
    replaceable(path)?;
    temporary(folder_of(path), Readers::Owner).map(drop)
}

/// Whether files could be written into `folder`, which may have to be made first: for those whose work before it is long.
///
/// # Errors
/// As [`is_folder`], and the system's answer where nothing may be written there, or into what it would be made in.
pub fn check_folder(folder: &Path) -> io::Result<()> {
    if is_folder(folder)? {
        return temporary(folder, Readers::Owner).map(drop);
    }
    // What is to be made lies in the nearest folder that is there, which may be a link: only what is written into must not.
    let mut above = folder_of(folder);
    while fs::symlink_metadata(above).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        above = folder_of(above);
    }
    temporary(above, Readers::Owner).map(drop)
}

/// Whether there is a folder at `path` that files may be written into; false where nothing is there.
///
/// A symbolic link is none, wherever it leads: whoever can plant one in a shared folder would choose where the files go.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for a link, [`io::ErrorKind::NotADirectory`] for anything else, else the system's answer.
pub fn is_folder(path: &Path) -> io::Result<bool> {
    // Without a slash at the end, which would ask for what a link leads to.
    let path: PathBuf = path.components().collect();
    let refuse = |kind, why: &str| Err(io::Error::new(kind, why.to_owned()));
    match fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_symlink() => refuse(
            io::ErrorKind::InvalidInput,
            "it is a symbolic link, which is not written through; name the folder itself",
        ),
        Ok(metadata) if metadata.is_dir() => Ok(true),
        Ok(_) => refuse(io::ErrorKind::NotADirectory, "something else than a folder is there"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A file beside `path` that holds everything, on the disk.
fn filled(
    path: &Path,
    readers: Readers,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let mut file = temporary(folder_of(path), readers)?;
    fill(file.as_file_mut())?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// A rename survives a crash only once the folder is on disk. The file is there already, so a file system that cannot sync
/// a folder, or a folder that may be written but not read, makes no failure of it.
fn sync_folder(path: &Path) {
    let _ = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
}

/// A new file in `folder` that goes unless it is kept.
fn temporary(folder: &Path, readers: Readers) -> io::Result<NamedTempFile> {
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Umask => 0o666,
    };
    loop {
        let file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(folder)
            .map_err(without_temporary_name)?;
        // For as long as it is open; who cannot lock it is left alone by `sweep`, too, which cannot either.
        let _ = file.as_file().try_lock();
        let metadata = file.as_file().metadata()?;
        // Between the two, a sweep may have taken it for a leftover.
        if metadata.nlink() > 0 {
            sweep(folder, TEMPORARY, metadata.uid());
            return Ok(file);
        }
    }
}

/// How the names of files and folders begin that Plumb writes first and renames then.
pub const TEMPORARY: &str = ".plumb-";

/// A temporary folder that goes with the value, and that no sweep of leftovers takes away while the process lives.
#[derive(Debug)]
pub struct Staging {
    folder: TempDir,
    /// Locked.
    handle: File,
}

impl Staging {
    /// A folder in `parent` whose name begins with `prefix`; what killed processes have left there of that name is removed.
    ///
    /// # Errors
    /// The system's answer.
    pub fn new(parent: &Path, prefix: &str) -> io::Result<Self> {
        loop {
            let folder =
                tempfile::Builder::new().prefix(prefix).tempdir_in(parent).map_err(without_temporary_name)?;
            let Ok(handle) = File::open(folder.path()) else { continue };
            let _ = handle.try_lock();
            let metadata = handle.metadata()?;
            if metadata.nlink() > 0 {
                sweep(parent, prefix, metadata.uid());
                return Ok(Self { folder, handle });
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    /// The system's answer; nothing is left behind then.
    pub fn rename(self, to: &Path) -> io::Result<()> {
        fs::rename(self.folder.path(), to)?;
        let _ = self.folder.keep();
        drop(self.handle);
        Ok(())
    }
}

/// Removes from `folder` what processes of user `uid` left when they were killed: files and folders whose names begin with
/// `prefix` and that nobody has locked.
///
/// What cannot be removed stays: this is done on the way to something else.
fn sweep(folder: &Path, prefix: &str, uid: u32) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)) {
            continue;
        }
        let path = entry.path();
        // Not a link, and not what somebody else has put there.
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if metadata.uid() != uid || !(metadata.is_file() || metadata.is_dir()) {
            continue;
        }
        let Ok(handle) = File::open(&path) else { continue };
        if handle.try_lock().is_err() {
            continue;
        }
        // While it is locked, so that whoever has just made it finds it gone.
        let _ = if metadata.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    }
}

/// Whether the place of `path` is free or a regular file's.
pub(crate) fn replaceable(path: &Path) -> io::Result<()> {
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let refuse = |kind, why: &str| Err(io::Error::new(kind, why.to_owned()));
    if kind.is_file() {
        Ok(())
    } else if kind.is_dir() {
        refuse(io::ErrorKind::IsADirectory, "a folder of that name exists")
    } else if kind.is_symlink() {
        refuse(
            io::ErrorKind::InvalidInput,
            "it is a symbolic link, which is not written through; name the file itself",
        )
    } else {
        refuse(
            io::ErrorKind::InvalidInput,
            "it is a device, pipe or socket, which a file would replace; name a regular file",
        )
    }
}

/// `tempfile` adds the temporary name to its errors; it means nothing to the reader and differs from run to run.
fn without_temporary_name(error: io::Error) -> io::Error {
    error.kind().into()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{FileTypeExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    fn write(path: &Path, readers: Readers) -> io::Result<()> {
        write_atomically(path, readers, |file| file.write_all(b"new"))
    }

    #[test]
    fn leftovers_of_killed_runs_are_swept_and_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at(".plumb-dead"), "evidence").unwrap();
        fs::create_dir_all(at(".plumb-deadfolder/raw")).unwrap();
        fs::write(at(".plumb-deadfolder/raw/x"), "evidence").unwrap();
        fs::write(at("report.md"), "mine").unwrap();
        symlink(at("report.md"), at(".plumb-link")).unwrap();
        // Of a process that lives, and so has them locked.
        let living = Staging::new(folder.path(), TEMPORARY).unwrap();
        fs::write(living.path().join("x"), "evidence").unwrap();
        let other = temporary(folder.path(), Readers::Owner).unwrap();
        write(&at("new"), Readers::Owner).unwrap();
        assert!(!at(".plumb-dead").exists() && !at(".plumb-deadfolder").exists());
        assert!(living.path().join("x").exists() && other.path().exists());
        assert!(fs::symlink_metadata(at(".plumb-link")).is_ok() && at("report.md").exists());
        living.rename(&at("unpacked")).unwrap();
        assert_eq!(fs::read(at("unpacked/x")).unwrap(), b"evidence");
    }

    #[test]
    fn only_regular_files_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "old").unwrap();
        fs::create_dir(at("folder")).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        symlink("file", at("link")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        symlink("/dev/null", at("null")).unwrap();
        let before = fs::read_dir(folder.path()).unwrap().count();
        for (name, kind, words) in [
            ("folder", io::ErrorKind::IsADirectory, "a folder of that name exists"),
            ("socket", io::ErrorKind::InvalidInput, "name a regular file"),
            ("link", io::ErrorKind::InvalidInput, "name the file itself"),
            ("dangling", io::ErrorKind::InvalidInput, "name the file itself"),
            ("null", io::ErrorKind::InvalidInput, "name the file itself"),
        ] {
            let error = write(&at(name), Readers::Umask).unwrap_err();
            assert_eq!(error.kind(), kind, "{name}: {error}");
            assert!(error.to_string().contains(words), "{name}: {error}");
        }
        assert!(fs::symlink_metadata(at("socket")).unwrap().file_type().is_socket());
        assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(at("file")).unwrap(), "old");
        write(&at("file"), Readers::Umask).unwrap();
        assert_eq!(fs::read_to_string(at("file")).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), before, "no temporary file is left");
    }

    #[test]
    fn a_device_is_refused_before_anything_is_asked_for() {
        let filled = |_: &mut File| -> io::Result<()> { panic!("nothing is written for a device") };
        let error = write_atomically(Path::new("/dev/null"), Readers::Owner, filled).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
    }

    #[test]
    fn a_new_file_takes_nobodys_place() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "old").unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        let new = |name: &str| write_new(&at(name), Readers::Umask, |file| file.write_all(b"new"));
        for name in ["file", "dangling"] {
            assert_eq!(new(name).unwrap_err().kind(), io::ErrorKind::AlreadyExists, "{name}");
        }
        // What comes while it is written counts, too.
        let late = write_new(&at("late"), Readers::Umask, |_| fs::write(at("late"), "theirs"));
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(at("late")).unwrap(), "theirs");
        new("new").unwrap();
        assert_eq!(fs::read_to_string(at("new")).unwrap(), "new");
        assert_eq!(fs::read_to_string(at("file")).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "no temporary file is left");
    }

    #[test]
    fn a_folder_is_written_into_if_it_is_one_and_no_link() {
        let top = tempfile::tempdir().unwrap();
        let at = |name: &str| top.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        fs::write(at("file"), "").unwrap();
        symlink("folder", at("link")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        assert!(is_folder(&at("folder")).unwrap() && is_folder(Path::new(".")).unwrap());
        assert!(!is_folder(&at("none")).unwrap());
        for (name, words) in [
            ("link", "name the folder itself"),
            ("link/", "name the folder itself"),
            ("link/.", "name the folder itself"),
            ("dangling", "name the folder itself"),
            ("file", "something else"),
        ] {
            let error = is_folder(&at(name)).unwrap_err();
            assert!(error.to_string().contains(words), "{name}: {error}");
            assert!(check_folder(&at(name)).is_err(), "{name}");
        }
        for name in ["folder", "none", "none/deep/er", "link/below"] {
            check_folder(&at(name)).unwrap();
        }
        assert!(check_folder(&at("file/below")).is_err());
        assert!(check_folder(Path::new("/proc/none/below")).is_err());
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 4, "nothing is made");
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        let fails = |_: &mut File| Err(io::ErrorKind::StorageFull.into());
        assert!(write_atomically(&path, Readers::Owner, fails).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn evidence_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str, readers| {
            let path = folder.path().join(name);
            write(&path, readers).unwrap();
            fs::metadata(&path).unwrap().permissions().mode() & 0o777
        };
        // What the umask of this process leaves of a plain new file.
        fs::write(folder.path().join("plain"), "").unwrap();
        let plain = fs::metadata(folder.path().join("plain")).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("bundle", Readers::Owner), 0o600);
        assert_eq!(mode("report", Readers::Umask), plain);
    }
}
