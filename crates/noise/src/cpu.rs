//! What only the processor can tell: its time stamp counter, and whether the kernel was entered.
//!
//! On x86-64 the segment register ES is loaded with the null selector 1. A return from the kernel to user space by IRET
//! clears it; a stop of the whole CPU by hypervisor or firmware does not. So a gap in a loop can be told to be the kernel's
//! or not without any privilege. Processors with FRED return in another way, and others have no segments: [`self_test`]
//! finds out on the CPU itself, and where it fails no gap is attributed.
#![expect(unsafe_code, reason = "the processor's own instructions have no safe form")]

use std::num::NonZeroUsize;

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};
use serde::Serialize;

/// Attempts of each half of the self-test.
const ATTEMPTS: u32 = 1000;

/// How often the marker vanished, of 1000 each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SelfTest {
    /// After an exception of the CPU, which enters the kernel for certain.
    pub after_fault: u32,
    /// After an instruction that stops a virtual CPU and enters no kernel.
    pub after_exit: u32,
}

impl SelfTest {
    /// True if the marker tells kernel entries from other stops on this CPU.
    #[must_use]
    pub fn passed(self) -> bool {
        self.after_fault >= ATTEMPTS * 99 / 100 && self.after_exit <= ATTEMPTS / 10
    }
}

/// Loads the marker.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn mark() {
    // SAFETY: a null selector with any privilege level may be loaded into ES, which 64-bit code does not use.
    unsafe { std::arch::asm!("mov es, {0:e}", in(reg) 1_u32, options(nomem, nostack, preserves_flags)) }
}

/// True if the marker is gone: the kernel was entered since [`mark`].
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn kernel_was_entered() -> bool {
    let selector: u32;
    // SAFETY: reads a segment register.
    unsafe { std::arch::asm!("mov {0:e}, es", out(reg) selector, options(nomem, nostack, preserves_flags)) }
    selector & 0xffff == 0
}

/// The counter, after all earlier instructions have ended.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn ticks() -> u64 {
    // SAFETY: both instructions are part of every x86-64 processor.
    unsafe {
        std::arch::x86_64::_mm_lfence();
        std::arch::x86_64::_rdtsc()
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn mark() {}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn kernel_was_entered() -> bool {
    false
}

/// Nanoseconds of the monotonic clock, where there is no counter that we know how to read.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn ticks() -> u64 {
    super::clock::raw_ns()
}

/// True where the processor says that a hypervisor is below it.
#[must_use]
pub(super) fn in_virtual_machine() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::x86_64::__cpuid(1).ecx & (1 << 31) != 0
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// Tests the marker on the CPU that this thread runs on; `None` where there is none.
#[cfg(target_arch = "x86_64")]
pub(super) fn self_test() -> Option<SelfTest> {
    const PAGE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);
    // SAFETY: a fresh mapping of its own, unmapped below.
    let page = unsafe {
        mmap_anonymous(None, PAGE, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE)
    };
    let page = page.ok()?;
    let mut test = SelfTest { after_fault: 0, after_exit: 0 };
    for _ in 0..ATTEMPTS {
        // SAFETY: the page belongs to the mapping above, and nothing refers to it.
        unsafe {
            madvise(page, PAGE.get(), MmapAdvise::MADV_DONTNEED).ok()?;
            mark();
            page.cast::<u8>().write_volatile(1);
        }
        test.after_fault += u32::from(kernel_was_entered());
        mark();
        std::hint::black_box(std::arch::x86_64::__cpuid(0));
        test.after_exit += u32::from(kernel_was_entered());
    }
    // SAFETY: unmaps what was mapped above.
    unsafe { munmap(page, PAGE.get()).ok()? };
    Some(test)
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn self_test() -> Option<SelfTest> {
    None
}

/// Lets this thread run only when nothing else wants its CPU.
///
/// # Errors
/// The kernel's answer.
pub(super) fn be_idle() -> nix::Result<()> {
    let parameters = nix::libc::sched_param { sched_priority: 0 };
    // SAFETY: the pointer is to a valid structure for the time of the call.
    nix::errno::Errno::result(unsafe {
        nix::libc::sched_setscheduler(0, nix::libc::SCHED_IDLE, &raw const parameters)
    })?;
    Ok(())
}
