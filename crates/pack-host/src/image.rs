//! The bytes that were checked, in a form that a worker can load and nobody can change.

use std::ffi::CString;
use std::fs::File;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::Error;
use crate::discover::{PackForm, PackLocation};
use crate::trust::{self, TrustPolicy};

/// Kernels since 6.3 want to be told that a file in memory is going to be mapped as code.
const MFD_EXEC: MFdFlags = MFdFlags::from_bits_retain(0x10);

/// And that it is not.
const MFD_NOEXEC: MFdFlags = MFdFlags::from_bits_retain(0x8);

/// A library or a file of rules, ready to be loaded.
pub(crate) struct Image {
    pub fd: OwnedFd,
    /// Said in the output if the library could not be sealed.
    pub weakness: Option<String>,
}

impl Image {
    /// The library of a pack, if it is trusted, with its hash.
    ///
    /// A sealed copy in memory. Where the kernel forbids code in such files, the file that was read from: only root and
    /// the caller can write it, as was checked, but they could do so between check and load.
    pub(crate) fn open(location: &PackLocation, policy: &TrustPolicy) -> Result<(Self, String), Error> {
        let mut copy = blank(&location.manifest.id, location.form);
        let library = match &mut copy {
            Ok(copy) => trust::open(location, policy, copy)?,
            Err(_) => trust::open(location, policy, &mut std::io::sink())?,
        };
        let image = match copy.and_then(seal) {
            Ok(fd) => Self { fd, weakness: None },
            Err(errno) => Self {
                fd: library.file.into(),
                weakness: Some(format!("sealed copy of the library ({})", errno.desc())),
            },
        };
        Ok((image, library.sha256))
    }
}

/// An empty file in memory.
fn blank(id: &str, form: PackForm) -> Result<File, Errno> {
    // The name shows in the memory map of the worker, and so in what a debugger prints.
    let name = CString::new(format!("plumb-pack-{id}")).map_err(|_| Errno::EINVAL)?;
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let executable = if form == PackForm::Library { MFD_EXEC } else { MFD_NOEXEC };
    let fd = match memfd_create(name.as_c_str(), flags | executable) {
        Err(Errno::EINVAL) => memfd_create(name.as_c_str(), flags)?,
        other => other?,
    };
    Ok(fd.into())
}

/// From now on nobody can change the file.
fn seal(file: File) -> Result<OwnedFd, Errno> {
    let seals =
        SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_sealed_copy_cannot_be_written() {
        let mut file = blank("x", PackForm::Library).unwrap();
        file.write_all(b"bytes").unwrap();
        let mut file = File::from(seal(file).unwrap());
        assert_eq!(file.write(b"other").unwrap_err().raw_os_error(), Some(libc::EPERM));
        assert_eq!(file.set_len(0).unwrap_err().raw_os_error(), Some(libc::EPERM));
        let seals = fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::empty()));
        assert_eq!(seals.unwrap_err(), Errno::EPERM);
    }
}
