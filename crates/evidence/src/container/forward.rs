//! A stream that can be told to leave bytes out, and that ends where it is longer than what it was unpacked from can mean.
//!
//! The archive's reader skips what pads an entry through a buffer of 32 KiB that it clears anew for every entry, unless its
//! source can seek. A bundle has thousands of entries of a few bytes: clearing took a tenth of the time to read one.

use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// Reads `inner`; seeking works forwards only, and reads.
#[derive(Debug)]
pub(super) struct Forward<R> {
    inner: R,
    position: u64,
    bounds: Bounds,
    exceeded: Exceeded,
}

/// Why the stream was ended; empty while it goes on. The archive's reader hides the errors of its source behind its own.
pub(super) type Exceeded = Rc<RefCell<Option<String>>>;

/// How long a stream may be, headers and what the archive's reader leaves out included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes at most.
    pub(super) most: u64,
    /// Bytes that it was unpacked from.
    pub(super) packed: u64,
    /// Bytes for each of those at most, from 64 MiB on.
    pub(super) ratio: u64,
}

impl<R: Read> Forward<R> {
    pub(super) fn new(inner: R, bounds: Bounds) -> Self {
        Self { inner, position: 0, bounds, exceeded: Exceeded::default() }
    }

    /// Where it says why it ended the stream.
    pub(super) fn exceeded(&self) -> Exceeded {
        Rc::clone(&self.exceeded)
    }

    fn check(&self) -> io::Result<()> {
        let Bounds { most, packed, ratio } = self.bounds;
        let why = if self.position > most {
            format!("it unpacks to more than {most} bytes")
        } else if self.position > 64 << 20 && self.position / packed.max(1) > ratio {
            format!("it unpacks to more than {ratio} times its size")
        } else {
            return Ok(());
        };
        *self.exceeded.borrow_mut() = Some(why);
        Err(io::ErrorKind::FileTooLarge.into())
    }
}

impl<R: Read> Read for Forward<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.position += read as u64;
        self.check()?;
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
