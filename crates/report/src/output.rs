//! Where a report goes: a file that is either complete or not there.

use std::io::Write;
use std::path::Path;

use plumb_evidence::files::{Readers, write_atomically};

use crate::ReportError;

/// Writes `bytes` to `path`. An older file of that name is replaced in one step; on an error it stays as it was.
///
/// # Errors
/// [`ReportError::Output`], which names `path`, if the folder does not exist or cannot be written to, or if `path` is
/// something else than a regular file.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    write_atomically(path, Readers::Umask, |file| file.write_all(bytes))
        .map_err(|source| ReportError::Output { path: path.to_owned(), source })
}
