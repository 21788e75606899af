//! The kernel's clock, by adjtimex(2) with nothing to set.
//!
//! Asked in a child, so that a seccomp profile that ends callers of clock calls ends no more than the child. It shares the
//! memory, as that of `posix_spawn` does before it starts a program: to copy even the tables of the memory took longer
//! than all the rest.

use std::path::Path;

use nix::sched::{CloneFlags, clone};
use nix::sys::wait::{WaitStatus, waitpid};
use plumb_evidence::model::KernelClock;
use plumb_evidence::{Absence, Fact, Missing};

/// The kernel's answer: what the call returned, the error number, status, offset, estimated and maximum error.
type Answer = [i64; 6];

/// Bytes of the child's stack.
const STACK: usize = 64 << 10;

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

#[expect(
    unsafe_code,
    reason = "no safe wrapper reads the state of the kernel's clock, or starts such a child"
)]
fn in_child() -> Result<Answer, Missing> {
    let failed = |what: &str| Missing::new(Absence::Failed, format!("adjtimex: {what}"));
    let mut told: Option<Answer> = None;
    let ask = || {
        // SAFETY: all members are integers, of which zero is a value; `modes` of zero changes nothing.
        let mut state: libc::timex = unsafe { std::mem::zeroed() };
        // SAFETY: the structure is the one that the call writes, and lives until it returns.
        let answer = unsafe { libc::adjtimex(&raw mut state) };
        // SAFETY: the address is that of the error number of the thread that waits, whose memory this is.
        let errno = unsafe { *libc::__errno_location() };
        told = Some([
            i64::from(answer),
            i64::from(errno),
            i64::from(state.status),
            state.offset,
            state.esterror,
            state.maxerror,
        ]);
        0
    };
    let mut stack = vec![0; STACK];
    // SAFETY: this thread does not go on before the child has ended (`CLONE_VFORK`), so that what they share has one user
    // at a time. The child makes one system call, allocates nothing, takes no lock and does not unwind; the stack is far
    // larger than its two frames.
    let child = unsafe {
        clone(Box::new(ask), &mut stack, CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK, Some(libc::SIGCHLD))
    };
    let child = child.map_err(|error| failed(&format!("no child: {}", error.desc().to_lowercase())))?;
    let ended = waitpid(child, None);
    told.ok_or_else(|| match ended {
        Ok(WaitStatus::Signaled(_, signal, _)) => failed(&format!("the call was answered with {signal}")),
        _ => failed("the child gave no answer"),
    })
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

    #[test]
    fn who_is_ended_or_refused_for_asking_says_so() {
        use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

        let asked = |answer: SeccompAction| {
            // A filter holds for the thread that asks for it, and its children.
            let thread = std::thread::spawn(|| {
                let calls = [libc::SYS_adjtimex, libc::SYS_clock_adjtime];
                let rules = calls.into_iter().map(|call| (call, Vec::new())).collect();
                let arch = std::env::consts::ARCH.try_into().unwrap();
                let filter = SeccompFilter::new(rules, SeccompAction::Allow, answer, arch).unwrap();
                let program: BpfProgram = filter.try_into().unwrap();
                seccompiler::apply_filter(&program).unwrap();
                read().unwrap_err()
            });
            thread.join().unwrap()
        };
        let ended = asked(SeccompAction::KillProcess);
        assert_eq!(
            (ended.missing, ended.reason.as_str()),
            (Absence::Failed, "adjtimex: the call was answered with SIGSYS")
        );
        assert_eq!(asked(SeccompAction::Errno(1)).missing, Absence::Denied);
    }
}
