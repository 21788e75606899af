//! The kernel's clock, by adjtimex(2) with nothing to set.
//!
//! Asked in the helper so that a seccomp profile that ends callers of clock calls ends no more than the helper.

use plumb_evidence::model::KernelClock;
use plumb_evidence::{Absence, Fact, Missing};

pub(super) fn ask() -> Result<Vec<u8>, Missing> {
    let clock = read()?;
    serde_json::to_vec(&clock).map_err(|error| Missing::new(Absence::Failed, error.to_string()))
}

#[expect(unsafe_code, reason = "no safe wrapper reads the state of the kernel's clock")]
fn read() -> Result<KernelClock, Missing> {
    // SAFETY: all members are integers, of which zero is a value; `modes` of zero changes nothing.
    let mut state: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the structure is the one that the call writes, and lives until it returns.
    let answer = unsafe { libc::adjtimex(&raw mut state) };
    if answer < 0 {
        let error = std::io::Error::last_os_error();
        let absence = match error.kind() {
            std::io::ErrorKind::PermissionDenied => Absence::Denied,
            _ => Absence::Failed,
        };
        return Err(Missing::new(absence, format!("adjtimex: {error}")));
    }
    let nanoseconds = state.status & libc::STA_NANO != 0;
    let offset = state.offset as f64;
    // The call answers TIME_ERROR also for reasons that only pulse-per-second devices have, so the bit decides.
    let synchronized = state.status & libc::STA_UNSYNC == 0;
    Ok(KernelClock {
        synchronized: Fact::Known(synchronized),
        offset_us: Fact::Known(if nanoseconds { offset / 1e3 } else { offset }),
        estimated_error_us: Fact::Known(u64::try_from(state.esterror).unwrap_or(0)),
        max_error_us: Fact::Known(u64::try_from(state.maxerror).unwrap_or(0)),
        status: Fact::Known(u32::try_from(state.status).unwrap_or(0)),
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
}
