//! The kernel's clock, by adjtimex(2) with nothing to set.
//!
//! Asked in a child, so that a seccomp profile that ends callers of clock calls ends no more than the child. A forked one:
//! to start the program again only for this took more time than anything else of its kind.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::fcntl::OFlag;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork, pipe2};
use plumb_evidence::model::KernelClock;
use plumb_evidence::{Absence, Fact, Missing};

/// The kernel's answer: what the call returned, the error number, status, offset, estimated and maximum error.
type Answer = [i64; 6];
const BYTES: usize = size_of::<Answer>();

/// Asks the clock of the node, of which a tree recorded elsewhere (`root`) has none.
pub(crate) fn ask(root: Option<&Path>) -> Result<Vec<u8>, Missing> {
    if root.is_some() {
        return Err(Missing::new(Absence::Skipped, "a recorded tree has no clock to ask"));
    }
    let clock = read()?;
    serde_json::to_vec(&clock).map_err(|error| Missing::new(Absence::Failed, error.to_string()))
}

fn read() -> Result<KernelClock, Missing> {
    let [answer, errno, status, offset, estimated, maximum] = in_child()?;
    if answer < 0 {
        let error = std::io::Error::from_raw_os_error(i32::try_from(errno).unwrap_or_default());
        let absence = match error.kind() {
            std::io::ErrorKind::PermissionDenied => Absence::Denied,
            _ => Absence::Failed,
        };
        return Err(Missing::new(absence, format!("adjtimex: {error}")));
    }
    let nanoseconds = status & i64::from(libc::STA_NANO) != 0;
    let offset = offset as f64;
    // The call answers TIME_ERROR also for reasons that only pulse-per-second devices have, so the bit decides.
    let synchronized = status & i64::from(libc::STA_UNSYNC) == 0;
    Ok(KernelClock {
        synchronized: Fact::Known(synchronized),
        offset_us: Fact::Known(if nanoseconds { offset / 1e3 } else { offset }),
        estimated_error_us: Fact::Known(u64::try_from(estimated).unwrap_or(0)),
        max_error_us: Fact::Known(u64::try_from(maximum).unwrap_or(0)),
        status: Fact::Known(u32::try_from(status).unwrap_or(0)),
    })
}

#[expect(unsafe_code, reason = "no safe wrapper reads the state of the kernel's clock, or forks")]
fn in_child() -> Result<Answer, Missing> {
    let failed = |what: &str, error: nix::Error| {
        Missing::new(Absence::Failed, format!("{what}: {}", error.desc().to_lowercase()))
    };
    let (reading, writing) = pipe2(OFlag::O_CLOEXEC).map_err(|error| failed("pipe", error))?;
    // SAFETY: the child makes system calls on its own stack and ends; it takes no lock and allocates nothing, which is all
    // that a child of a process with threads may do.
    match unsafe { fork() }.map_err(|error| failed("fork", error))? {
        ForkResult::Child => {
            // SAFETY: all members are integers, of which zero is a value; `modes` of zero changes nothing.
            let mut state: libc::timex = unsafe { std::mem::zeroed() };
            // SAFETY: the structure is the one that the call writes, and lives until it returns.
            let answer = unsafe { libc::adjtimex(&raw mut state) };
            // SAFETY: the address is that of this thread's error number.
            let errno = unsafe { *libc::__errno_location() };
            let told: Answer = [
                i64::from(answer),
                i64::from(errno),
                i64::from(state.status),
                state.offset,
                state.esterror,
                state.maxerror,
            ];
            // SAFETY: the buffer is `told`, whole; the process ends here without running anything that its parent owns.
            unsafe {
                libc::write(writing.as_raw_fd(), told.as_ptr().cast(), BYTES);
                libc::_exit(0)
            }
        }
        ForkResult::Parent { child } => {
            drop(writing);
            let mut bytes = [0; BYTES];
            let told = File::from(reading).read_exact(&mut bytes);
            let ended = waitpid(child, None);
            if told.is_ok() {
                let (numbers, _) = bytes.as_chunks::<8>();
                let mut answer = Answer::default();
                answer.iter_mut().zip(numbers).for_each(|(to, from)| *to = i64::from_ne_bytes(*from));
                return Ok(answer);
            }
            let how = match ended {
                Ok(WaitStatus::Signaled(_, signal, _)) => format!("the call was answered with {signal}"),
                _ => "the child gave no answer".to_owned(),
            };
            Err(Missing::new(Absence::Failed, format!("adjtimex: {how}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_of_its_clock_or_says_why_not() {
        match read() {
            Ok(clock) => {
                let synchronized = *clock.synchronized.known().unwrap();
                let bit = clock.status.known().unwrap() & 0x40 != 0;
                assert_eq!(synchronized, !bit, "STA_UNSYNC is bit 6 of linux/timex.h");
            }
            Err(why) => println!("skipped: {why}"),
        }
    }
}
