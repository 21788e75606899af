//! Files that are either complete or not there: written under a temporary name, synced, renamed.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

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
    let (mut file, folder) = temporary(path, readers)?;
    fill(file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failed| failed.error)?;
    // The rename survives a crash only once the folder is on disk. The file is there already, so a file system that
    // cannot sync a folder, or a folder that may be written but not read, makes no failure of it.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Whether [`write_atomically`] could begin: for those whose work before it is long.
///
/// # Errors
/// As [`write_atomically`]; a disk that is full is not noticed.
pub fn check_target(path: &Path) -> io::Result<()> {
    temporary(path, Readers::Owner).map(drop)
}

/// The file that will take the place of `path`, and the folder of both.
fn temporary(path: &Path, readers: Readers) -> io::Result<(NamedTempFile, &Path)> {
    // Before the work is done: the rename itself would replace these, or fail with a puzzling message.
    replaceable(path)?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Umask => 0o666,
    };
    let file = tempfile::Builder::new()
        .prefix(".plumb-")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)
        .map_err(without_temporary_name)?;
    Ok((file, folder))
}

fn replaceable(path: &Path) -> io::Result<()> {
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
