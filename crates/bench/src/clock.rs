//! The one clock of a measurement: CLOCK_MONOTONIC in nanoseconds, the same for all processes of the machine, so that a
//! server's own log can be compared with what its client saw.

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep};

/// Nanoseconds in a second.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// Now, in ns since the machine started.
pub(crate) fn now() -> u64 {
    read(ClockId::CLOCK_MONOTONIC)
}

/// CPU time of this process in ns.
pub(crate) fn process_cpu() -> u64 {
    read(ClockId::CLOCK_PROCESS_CPUTIME_ID)
}

fn read(clock: ClockId) -> u64 {
    // These clocks exist on every Linux; zero would be seen at once, as a time before everything else.
    clock_gettime(clock).map_or(0, |time| {
        (time.tv_sec().unsigned_abs()).saturating_mul(SECOND) + time.tv_nsec().unsigned_abs()
    })
}

/// Sleeps until `due`, an absolute time of [`now`]; a signal does not shorten it.
pub(crate) fn sleep_until(due: u64) {
    let request = TimeSpec::new(
        i64::try_from(due / SECOND).unwrap_or(i64::MAX),
        i64::try_from(due % SECOND).unwrap_or(0),
    );
    while clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &request)
        == Err(Errno::EINTR)
    {}
}

/// Lets timers of the calling thread end when they are due: by default, the kernel may be 50 µs late to save wake-ups.
pub(crate) fn precise_timers() {
    // Refused only where a sandbox forbids prctl(2); the lateness that remains is measured and reported.
    let _ = nix::sys::prctl::set_timerslack(1);
}
