//! Files that a person names: read only so far as they can be what they are named for.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use nix::sys::memfd::{MFdFlags, memfd_create};
use plumb_evidence::Bundle;

use crate::exit::UsageError;

/// Stands for standard input and standard output, as with other tools; a file of that name is `./-`.
pub(crate) const STANDARD: &str = "-";

/// Longest packed bundle that is taken from standard input.
const MAX_BUNDLE: u64 = 1 << 30;

/// The bundle at `path`, or of standard input where that is `-`.
pub(crate) fn bundle(path: &Path) -> anyhow::Result<Bundle> {
    if path != Path::new(STANDARD) {
        return Ok(Bundle::read(path)?);
    }
    if io::stdin().is_terminal() {
        bail!(UsageError("expected a bundle on standard input, found a terminal; pipe one in".to_owned()));
    }
    // A file without a name: what a client's bundle holds is nowhere on the disk, whatever becomes of this process.
    let mut file =
        File::from(memfd_create(c"bundle", MFdFlags::MFD_CLOEXEC).context("cannot make room for a bundle")?);
    let read =
        |error| anyhow::Error::from(error).context(UsageError("cannot read standard input".to_owned()));
    let copied = io::copy(&mut io::stdin().lock().take(MAX_BUNDLE + 1), &mut file).map_err(read)?;
    if copied > MAX_BUNDLE {
        bail!(UsageError(format!("standard input has more than the {MAX_BUNDLE} bytes that are allowed")));
    }
    file.rewind().map_err(read)?;
    Ok(Bundle::read_opened(file, Path::new("standard input"))?)
}

/// The content of a regular file of at most `most` bytes.
///
/// # Errors
/// The system's answer, or what is wrong: a device has no end, and a pipe without a writer would be waited for.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file; name one"));
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let why = format!("it has more than the {most} bytes that are allowed");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

/// [`read`], as text.
///
/// # Errors
/// As [`read`], and [`io::ErrorKind::InvalidData`] for what is not UTF-8.
pub(crate) fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for path in [Path::new("/dev/zero"), &pipe, folder.path()] {
            assert_eq!(read(path, 10).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{path:?}");
        }
        let file = folder.path().join("file");
        std::fs::write(&file, "0123456789").unwrap();
        assert_eq!(read_text(&file, 10).unwrap(), "0123456789");
        assert_eq!(read(&file, 9).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
