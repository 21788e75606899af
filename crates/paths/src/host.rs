//! Memory on a chosen NUMA node, and threads on chosen CPUs.
#![expect(unsafe_code, reason = "system calls about memory")]

use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use nix::unistd::Pid;

/// `MPOL_BIND` of linux/mempolicy.h.
const BIND: libc::c_int = 2;
/// Bits of a mask of nodes that the kernel reads.
const NODES: usize = 1024;

/// Memory whose pages are bound to one node.
#[derive(Debug)]
pub(crate) struct Block {
    start: NonNull<libc::c_void>,
    length: NonZeroUsize,
}

impl Block {
    /// Memory on `node`, every page of it touched; on any where the kernel knows no nodes.
    pub(crate) fn on(node: u32, length: usize) -> io::Result<Self> {
        let length = NonZeroUsize::new(length).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: a new mapping overlaps nothing, and is given back when the block is dropped.
        let start = unsafe {
            mmap_anonymous(None, length, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE)
        }?;
        let own = Self { start, length };
        let mut mask = [0u64; NODES / 64];
        let bit = usize::try_from(node).unwrap_or(NODES);
        *mask.get_mut(bit / 64).ok_or(io::ErrorKind::InvalidInput)? |= 1 << (bit % 64);
        // SAFETY: the range is the mapping, and the mask has as many bits as are named; the kernel reads it alone.
        let bound = unsafe {
            libc::syscall(libc::SYS_mbind, start.as_ptr(), length.get(), BIND, mask.as_ptr(), NODES, 0)
        };
        // A kernel without NUMA has one place for everything.
        if bound != 0 && io::Error::last_os_error().raw_os_error() != Some(libc::ENOSYS) {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the mapping is this long, writable, and nobody else's.
        unsafe { std::ptr::write_bytes(start.as_ptr().cast::<u8>(), 1, length.get()) };
        Ok(own)
    }

    pub(crate) fn address(&self) -> *mut libc::c_void {
        self.start.as_ptr()
    }

    pub(crate) fn len(&self) -> usize {
        self.length.get()
    }

    /// The share of its pages that the kernel says are on `node`; nothing where it does not say.
    pub(crate) fn share_on(&self, node: u32) -> Option<f64> {
        let page = 4096;
        let count = self.length.get() / page;
        let pages: Vec<*mut libc::c_void> =
            (0..count).map(|index| self.start.as_ptr().wrapping_byte_add(index * page)).collect();
        let mut status = vec![-1i32; count];
        // SAFETY: both lists have `count` members, and without a list of nodes the kernel only tells where the pages are.
        let told = unsafe {
            libc::syscall(
                libc::SYS_move_pages,
                0,
                count,
                pages.as_ptr(),
                std::ptr::null::<libc::c_int>(),
                status.as_mut_ptr(),
                0,
            )
        };
        let wanted = i32::try_from(node).ok()?;
        let on = status.iter().filter(|status| **status == wanted).count();
        (told == 0).then_some(on as f64 / count.max(1) as f64)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: this is the whole mapping, and nothing points into it any more: whoever registered it has taken that back.
        let _ = unsafe { munmap(self.start, self.length.get()) };
    }
}

/// Has this thread run on these CPUs alone.
pub(crate) fn run_on(cpus: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(*cpu)?;
    }
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// CPUs that this thread may use.
pub(crate) fn allowed() -> io::Result<Vec<usize>> {
    let set = nix::sched::sched_getaffinity(Pid::from_raw(0))?;
    Ok((0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_where_it_was_asked_for() {
        let block = Block::on(0, 1 << 20).unwrap();
        assert_eq!(block.len(), 1 << 20);
        // A kernel that tells nothing is no fault.
        assert!(block.share_on(0).is_none_or(|share| share > 0.99));
        assert!(Block::on(4000, 4096).is_err());
    }

    #[test]
    fn a_thread_runs_where_it_was_put() {
        let all = allowed().unwrap();
        run_on(&all[..1]).unwrap();
        assert_eq!(allowed().unwrap(), all[..1]);
        run_on(&all).unwrap();
    }
}
