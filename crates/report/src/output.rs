//! Files that are either complete or not there: written under a temporary name, synced, renamed.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::ReportError;

/// Writes `bytes` to `path`. An older file of that name is replaced in one step; on an error it stays as it was.
///
/// # Errors
/// [`ReportError::Output`], which names `path`, if the folder does not exist or cannot be written to.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    write(path, bytes).map_err(|source| ReportError::Output { path: path.to_owned(), source })
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A rename onto a folder fails with a puzzling message, and only after the work is done.
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "a folder of that name exists"));
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // The usual mode of a new file, less the umask; the default of `tempfile` would make reports unreadable for the
    // group that a consultant shares a folder with.
    let mut file = tempfile::Builder::new()
        .prefix(".plumb-report-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(without_temporary_name)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failed| failed.error)?;
    // The rename itself survives a crash only once the folder is on disk.
    File::open(folder)?.sync_all()
}

/// `tempfile` adds the temporary name to its errors; it means nothing to the reader and differs from run to run.
fn without_temporary_name(error: io::Error) -> io::Error {
    error.kind().into()
}
