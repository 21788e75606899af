//! The system calls that put a process into its place: CPUs, memory, group and lifetime are set between fork and exec, so
//! that no thread and no page of the server is ever elsewhere. A mask that is set after the start misses threads and pages
//! that are there already.

#![expect(
    unsafe_code,
    reason = "what happens between fork and exec has no safe form; each block says why it is sound"
)]

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sched::{CpuSet as Mask, sched_setaffinity};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::{Pid, getpid, getppid, pipe2, setsid};
use plumb_evidence::{CpuSet, IndexSet, NodeSet};

/// Where pages of a process come from, as `set_mempolicy(2)` takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Memory {
    /// As the parent has it.
    #[default]
    Inherited,
    /// From these nodes only.
    Bind(NodeSet),
    /// From this node while it has any.
    Preferred(u32),
    /// From these nodes in turn.
    Interleave(NodeSet),
}

impl Memory {
    /// Nodes that it names.
    #[must_use]
    pub(crate) fn nodes(&self) -> NodeSet {
        match self {
            Self::Inherited => NodeSet::new(),
            Self::Bind(nodes) | Self::Interleave(nodes) => nodes.clone(),
            Self::Preferred(node) => [*node].into_iter().collect(),
        }
    }

    fn mode(&self) -> Option<libc::c_int> {
        match self {
            Self::Inherited => None,
            Self::Bind(_) => Some(libc::MPOL_BIND),
            Self::Preferred(_) => Some(libc::MPOL_PREFERRED),
            Self::Interleave(_) => Some(libc::MPOL_INTERLEAVE),
        }
    }
}

/// How a process begins.
#[derive(Clone, Debug)]
pub(crate) struct Birth {
    /// CPUs; `None` for those of the parent.
    pub(crate) cpus: Option<CpuSet>,
    /// Memory.
    pub(crate) memory: Memory,
    /// Signal that it gets when this program ends, however that ends.
    pub(crate) on_our_end: Signal,
}

/// Why a process did not begin as it was to.
#[derive(Debug)]
pub(crate) enum Refused {
    /// `sched_setaffinity`.
    Affinity(Errno),
    /// `set_mempolicy`.
    Memory(Errno),
    /// The program itself.
    Program(io::Error),
}

const AFFINITY: u8 = 1;
const MEMORY: u8 = 2;

/// Starts a program in a session of its own, in its place.
///
/// To be called from a thread that lives as long as the program is to: the kernel sends the signal of [`Birth`] when that
/// thread ends.
pub(crate) fn spawn(command: &mut Command, birth: &Birth) -> Result<Child, Refused> {
    let cpus = match &birth.cpus {
        Some(cpus) => Some(mask_of(cpus).map_err(Refused::Affinity)?),
        None => None,
    };
    let memory = birth.memory.mode().map(|mode| (mode, words_of(&birth.memory.nodes())));
    let (told, tell) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).map_err(|e| Refused::Program(e.into()))?;
    let parent = getpid();
    let on_our_end = birth.on_our_end;
    let channel = tell.as_raw_fd();
    let say = move |stage: u8, errno: Errno| {
        let byte = [stage];
        // SAFETY: writes one byte of the stack to a descriptor that is open until exec; `write` may be called after a fork.
        unsafe { libc::write(channel, byte.as_ptr().cast(), 1) };
        io::Error::from(errno)
    };
    let place = move || {
        setsid()?;
        nix::sys::prctl::set_pdeathsig(on_our_end)?;
        // The parent may have ended before it was asked for.
        if getppid() != parent {
            return Err(Errno::ESRCH.into());
        }
        // This program holds signals back for the thread that waits for them; a server must hear them.
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
        if let Some(cpus) = &cpus {
            sched_setaffinity(Pid::from_raw(0), cpus).map_err(|errno| say(AFFINITY, errno))?;
        }
        if let Some((mode, words)) = &memory {
            set_mempolicy(*mode, words).map_err(|errno| say(MEMORY, errno))?;
        }
        Ok(())
    };
    // SAFETY: the closure only makes system calls that may be made after a fork and touches memory that was allocated
    // before it; it neither allocates nor takes locks.
    unsafe { command.pre_exec(place) };
    let outcome = command.spawn();
    drop(tell);
    outcome.map_err(|error| {
        let mut stage = [0];
        let errno = Errno::from_raw(error.raw_os_error().unwrap_or(0));
        match nix::unistd::read(&told, &mut stage) {
            Ok(1) if stage[0] == AFFINITY => Refused::Affinity(errno),
            Ok(1) if stage[0] == MEMORY => Refused::Memory(errno),
            _ => Refused::Program(error),
        }
    })
}

fn set_mempolicy(mode: libc::c_int, words: &[libc::c_ulong]) -> Result<(), Errno> {
    // The kernel takes one from the number of bits that it is given.
    let bits = words.len() * libc::c_ulong::BITS as usize + 1;
    // SAFETY: the kernel reads `bits - 1` bits from `words`, which has that many, and writes nothing.
    let result = unsafe { libc::syscall(libc::SYS_set_mempolicy, mode, words.as_ptr(), bits) };
    if result == 0 { Ok(()) } else { Err(Errno::last()) }
}

fn words_of(set: &IndexSet) -> Vec<libc::c_ulong> {
    let bits = libc::c_ulong::BITS;
    let mut words = vec![0; 1 + (set.iter().last().unwrap_or(0) / bits) as usize];
    for index in set.iter() {
        words[(index / bits) as usize] |= 1 << (index % bits);
    }
    words
}

/// The mask that the kernel takes; `EINVAL` for a CPU beyond what it can hold.
pub(crate) fn mask_of(cpus: &CpuSet) -> Result<Mask, Errno> {
    let mut mask = Mask::new();
    for cpu in cpus.iter() {
        mask.set(cpu as usize)?;
    }
    Ok(mask)
}

/// CPUs of a mask.
pub(crate) fn cpus_of(mask: &Mask) -> CpuSet {
    (0u32..).take(Mask::count()).filter(|cpu| mask.is_set(*cpu as usize).unwrap_or(false)).collect()
}
