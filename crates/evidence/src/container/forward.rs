//! A stream that can be told to leave bytes out.
//!
//! The archive's reader skips what pads an entry through a buffer of 32 KiB that it clears anew for every entry, unless its
//! source can seek. A bundle has thousands of entries of a few bytes: clearing took a tenth of the time to read one.

use std::io::{self, Read, Seek, SeekFrom};

/// Reads `inner`; seeking works forwards only, and reads.
#[derive(Debug)]
pub(super) struct Forward<R> {
    inner: R,
    position: u64,
}

impl<R: Read> Forward<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, position: 0 }
    }
}

impl<R: Read> Read for Forward<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl<R: Read> Seek for Forward<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Current(distance) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        let mut left = u64::try_from(distance).map_err(|_| io::Error::from(io::ErrorKind::Unsupported))?;
        let mut scrap = [0; 512];
        while left > 0 {
            let part = usize::try_from(left).map_or(scrap.len(), |left| left.min(scrap.len()));
            self.read_exact(&mut scrap[..part])?;
            left -= part as u64;
        }
        Ok(self.position)
    }
}
