//! Tracepoints of one CPU through `perf_event_open(2)`, and the ring that the kernel writes them to.
#![expect(unsafe_code, reason = "perf events have no safe form")]

use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use nix::libc;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

/// The ring's data: 1 MiB, a power of two pages; one page of administration comes before it.
const DATA: usize = 1 << 20;
const PAGE: usize = 4096;

/// `struct perf_event_attr` up to its version 5.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    config1: u64,
    config2: u64,
    branch_sample_type: u64,
    sample_regs_user: u64,
    sample_stack_user: u32,
    clock: i32,
    sample_regs_intr: u64,
    aux_watermark: u32,
    sample_max_stack: u16,
    reserved: u16,
}

const TRACEPOINT: u32 = 2;
const SAMPLE_TIME: u64 = 1 << 2;
const SAMPLE_RAW: u64 = 1 << 10;
const DISABLED: u64 = 1;
const USE_CLOCK: u64 = 1 << 25;
const CLOSE_ON_EXEC: libc::c_ulong = 8;
const ENABLE: libc::c_ulong = 0x2400;
const SET_OUTPUT: libc::c_ulong = 0x2405;
const RECORD_LOST: u32 = 2;
const RECORD_SAMPLE: u32 = 9;
/// Places in the page of administration.
const HEAD: usize = 1024;
const TAIL: usize = 1032;

/// Tracepoints of one CPU, switched off when dropped.
pub(in super::super) struct Tap {
    ring: NonNull<libc::c_void>,
    /// Closed after the ring is unmapped.
    events: Vec<OwnedFd>,
}

impl Tap {
    /// Opens tracepoints by number on a CPU.
    ///
    /// # Errors
    /// In words.
    pub(super) fn open(cpu: u32, ids: &[u64]) -> Result<Self, String> {
        let refused = |error: Errno| match error {
            Errno::EACCES | Errno::EPERM => {
                "the kernel does not let this process see its tracepoints; run as root or with CAP_PERFMON"
                    .to_owned()
            }
            error => format!("tracepoints of CPU {cpu} cannot be opened: {error}"),
        };
        let events: Vec<OwnedFd> =
            ids.iter().map(|&id| open(cpu, id)).collect::<Result<_, _>>().map_err(refused)?;
        let Some(first) = events.first() else { return Err("the kernel has no tracepoints".to_owned()) };
        let length = NonZeroUsize::MIN.saturating_add(PAGE + DATA - 1);
        // SAFETY: a new mapping of the descriptor, unmapped when this is dropped.
        let ring = unsafe {
            mmap(None, length, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED, first, 0)
        };
        let tap = Self { ring: ring.map_err(refused)?, events };
        let first = tap.events.first().map_or(-1, AsRawFd::as_raw_fd);
        for event in tap.events.iter().skip(1) {
            control(event, SET_OUTPUT, first).map_err(refused)?;
        }
        for event in &tap.events {
            control(event, ENABLE, 0).map_err(refused)?;
        }
        Ok(tap)
    }

    /// Gives `each` the time, in ns of the raw monotonic clock, and the bytes of every record that came; returns how many
    /// were lost.
    pub(super) fn drain(&mut self, mut each: impl FnMut(u64, &[u8])) -> u64 {
        // SAFETY: head and tail are 8 bytes at these places of the mapped page, written and read by the kernel as one.
        let (head, tail) = unsafe { (self.counter(HEAD), self.counter(TAIL)) };
        let end = head.load(Ordering::Acquire);
        let mut at = tail.load(Ordering::Relaxed);
        let mut lost = 0;
        let mut record = Vec::new();
        while at < end {
            let mut header = [0; 8];
            self.copy(at, &mut header);
            let kind = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
            let size = u16::from_le_bytes([header[6], header[7]]);
            if size < 8 {
                break;
            }
            record.resize(usize::from(size) - 8, 0);
            self.copy(at + 8, &mut record);
            let word = |place: usize| {
                record
                    .get(place..place + 8)
                    .and_then(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?)))
            };
            match kind {
                RECORD_SAMPLE => {
                    // Time, then the length of what the tracepoint wrote in four bytes, then that.
                    if let (Some(time), Some(raw)) = (word(0), record.get(12..)) {
                        each(time, raw);
                    }
                }
                RECORD_LOST => lost += word(8).unwrap_or(1),
                _ => {}
            }
            at += u64::from(size);
        }
        tail.store(end, Ordering::Release);
        lost
    }

    /// # Safety
    /// `place` has to be that of an aligned 8-byte counter in the first page.
    unsafe fn counter(&self, place: usize) -> &AtomicU64 {
        // SAFETY: within the mapping, aligned, and shared with the kernel only through atomic accesses.
        unsafe { AtomicU64::from_ptr(self.ring.cast::<u8>().add(place).cast().as_ptr()) }
    }

    /// Copies from the ring, around its end.
    fn copy(&self, at: u64, into: &mut [u8]) {
        let start = usize::try_from(at % DATA as u64).unwrap_or(0);
        let first = into.len().min(DATA - start);
        // SAFETY: both parts lie within the data of the ring; the kernel writes there only beyond the head that was read.
        unsafe {
            let data = self.ring.cast::<u8>().add(PAGE);
            data.add(start).copy_to_nonoverlapping(NonNull::from(&mut *into).cast(), first);
            let rest = &mut into[first..];
            data.copy_to_nonoverlapping(NonNull::from(&mut *rest).cast(), rest.len());
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        // SAFETY: unmaps what was mapped in `open`; nothing else refers to it. A failure would leave it mapped.
        let _ = unsafe { munmap(self.ring, PAGE + DATA) };
    }
}

fn open(cpu: u32, id: u64) -> nix::Result<OwnedFd> {
    let attributes = Attributes {
        kind: TRACEPOINT,
        size: const { size_of::<Attributes>() as u32 },
        config: id,
        sample_period: 1,
        sample_type: SAMPLE_TIME | SAMPLE_RAW,
        flags: DISABLED | USE_CLOCK,
        clock: libc::CLOCK_MONOTONIC_RAW,
        ..Attributes::default()
    };
    let cpu = i32::try_from(cpu).unwrap_or(i32::MAX);
    // SAFETY: the structure is that of the kernel's interface and says its own size; the descriptor that comes back is
    // nobody else's.
    unsafe {
        let result =
            libc::syscall(libc::SYS_perf_event_open, &raw const attributes, -1, cpu, -1, CLOSE_ON_EXEC);
        Errno::result(result).map(|descriptor| OwnedFd::from_raw_fd(descriptor as i32))
    }
}

fn control(event: &OwnedFd, request: libc::c_ulong, argument: i32) -> nix::Result<()> {
    // SAFETY: both requests take a number.
    Errno::result(unsafe { libc::ioctl(event.as_raw_fd(), request, argument) }).map(drop)
}
