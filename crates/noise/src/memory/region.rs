//! Memory on a chosen node, in chosen pages, with proof.
#![expect(unsafe_code, reason = "binding memory and asking where it is take system calls of their own")]

use std::num::NonZeroUsize;
use std::ptr::NonNull;

use nix::errno::Errno;
use nix::libc;
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};

/// Size of a huge page of x86-64, and of arm64 with pages of 4 KiB.
pub(super) const HUGE: u64 = 2 << 20;
const PAGE: usize = 4096;
/// Pages that are asked for at most.
const ASKED: usize = 4096;

/// Which pages the kernel is asked to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pages {
    /// Transparent huge pages.
    Huge,
    /// Pages of 4 KiB.
    Small,
}

/// Memory of its own.
pub(super) struct Region {
    /// Whole mapping.
    start: NonNull<libc::c_void>,
    mapped: usize,
    /// The part of it that begins at a multiple of a huge page.
    data: NonNull<u64>,
    bytes: usize,
}

impl Region {
    /// Maps `bytes` (a multiple of [`HUGE`]) strictly on a node and touches all of it.
    pub(super) fn on_node(node: u32, bytes: usize, pages: Pages) -> nix::Result<Self> {
        const ALIGN: usize = HUGE as usize;
        let mapped = bytes + ALIGN;
        let length = NonZeroUsize::new(mapped).ok_or(Errno::EINVAL)?;
        // SAFETY: a new mapping of its own, unmapped when this is dropped.
        let start = unsafe {
            mmap_anonymous(None, length, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE)?
        };
        let skip = start.cast::<u8>().align_offset(ALIGN);
        // SAFETY: the mapping is longer than the data by one alignment.
        let data = unsafe { start.cast::<u8>().add(skip) }.cast::<u64>();
        let mut region = Self { start, mapped, data, bytes };
        let advice =
            if pages == Pages::Huge { MmapAdvise::MADV_HUGEPAGE } else { MmapAdvise::MADV_NOHUGEPAGE };
        // SAFETY: the range is this mapping's, which nothing refers to yet. A kernel without huge pages refuses: the
        // share of them that there is then says so.
        let _ = unsafe { madvise(data.cast(), bytes, advice) };
        region.bind(node)?;
        region.words().fill(0);
        Ok(region)
    }

    fn bind(&self, node: u32) -> nix::Result<()> {
        let mut mask = [0_u64; 16];
        let word = usize::try_from(node / 64).unwrap_or(usize::MAX);
        *mask.get_mut(word).ok_or(Errno::EINVAL)? |= 1 << (node % 64);
        // SAFETY: the range is this mapping's, the mask is as long as is said; the kernel takes one bit less than it is told.
        let result = unsafe {
            libc::syscall(
                libc::SYS_mbind,
                self.data.as_ptr(),
                self.bytes,
                libc::MPOL_BIND,
                mask.as_ptr(),
                mask.len() * 64 + 1,
                0,
            )
        };
        match Errno::result(result) {
            // A kernel without NUMA has one node.
            Err(Errno::ENOSYS) if node == 0 => Ok(()),
            other => other.map(drop),
        }
    }

    pub(super) fn words(&mut self) -> &mut [u64] {
        // SAFETY: the data is mapped, aligned, as long as this says, and borrowed with `self`.
        unsafe { std::slice::from_raw_parts_mut(self.data.as_ptr(), self.bytes / 8) }
    }

    /// Share of the pages that the kernel says are on `node`, of a sample of them; `None` where it does not tell.
    pub(super) fn placed_share(&self, node: u32) -> Option<f64> {
        let step = (self.bytes / PAGE).div_ceil(ASKED).max(1) * PAGE;
        let pages: Vec<*mut u8> = (0..self.bytes)
            .step_by(step)
            // SAFETY: within the data.
            .map(|at| unsafe { self.data.cast::<u8>().add(at) }.as_ptr())
            .collect();
        let mut places = vec![-1_i32; pages.len()];
        let nowhere: *const i32 = std::ptr::null();
        // SAFETY: both lists are as long as is said; without target nodes nothing is moved, only told.
        let result = unsafe {
            libc::syscall(
                libc::SYS_move_pages,
                0,
                pages.len(),
                pages.as_ptr(),
                nowhere,
                places.as_mut_ptr(),
                0,
            )
        };
        Errno::result(result).ok()?;
        let there = places.iter().filter(|&&place| u32::try_from(place) == Ok(node)).count();
        Some(there as f64 / places.len().max(1) as f64)
    }

    /// Share that huge pages back; `None` where the kernel does not tell.
    pub(super) fn huge_share(&self) -> Option<f64> {
        let text = std::fs::read_to_string("/proc/self/smaps").ok()?;
        let address = self.data.as_ptr().addr();
        huge_kib(&text, address, address + self.bytes).map(|kib| (kib * 1024) as f64 / self.bytes as f64)
    }
}

/// `AnonHugePages` of all mappings within an address range, which the kernel may have split.
fn huge_kib(smaps: &str, from: usize, to: usize) -> Option<u64> {
    let mut inside = false;
    let mut sum = None;
    for line in smaps.lines() {
        let first = line.split_ascii_whitespace().next().unwrap_or_default();
        if let Some((begin, end)) = first.split_once('-') {
            let hex = |text| usize::from_str_radix(text, 16);
            if let (Ok(begin), Ok(end)) = (hex(begin), hex(end)) {
                inside = begin < to && end > from;
            }
        } else if inside && first == "AnonHugePages:" {
            let kib: u64 = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
            *sum.get_or_insert(0) += kib;
        }
    }
    sum
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: unmaps what `on_node` mapped; nothing borrows it any more. A failure would leave it mapped.
        let _ = unsafe { munmap(self.start, self.mapped) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_lies_where_it_was_bound() {
        let region = match Region::on_node(0, 4 << 20, Pages::Small) {
            Ok(region) => region,
            // Containers may forbid the call.
            Err(error) => return assert_eq!(error, Errno::EPERM),
        };
        if let Some(share) = region.placed_share(0) {
            assert_eq!(share, 1.0);
        }
        assert!(region.huge_share().is_none_or(|share| share < 1.0));
        assert!(Region::on_node(1023, 4 << 20, Pages::Small).is_err());
    }

    #[test]
    fn huge_pages_are_summed_over_the_parts_of_a_mapping() {
        let smaps = "1000-3000 rw-p 0 00:00 0\nRss: 4 kB\nAnonHugePages:  2048 kB\n3000-4000 rw-p 0 00:00 0\nAnonHugePages:  4096 kB\n\
                     9000-a000 rw-p 0 00:00 0\nAnonHugePages:  8192 kB\n";
        assert_eq!(huge_kib(smaps, 0x2000, 0x4000), Some(6144));
        assert_eq!(huge_kib(smaps, 0x5000, 0x6000), None);
    }
}
