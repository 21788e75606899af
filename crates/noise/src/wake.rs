//! The sleeper: how late a thread runs that asked to be woken at a certain time.

use std::time::Duration;

use hdrhistogram::Histogram;
use nix::sys::prctl::set_timerslack;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep};

use super::gaps::new_histogram;

/// What the sleeper saw on one CPU.
#[derive(Clone, Debug)]
pub(super) struct Wake {
    /// Lateness in ns, one value per period that was slept for.
    pub(super) uncorrected: Histogram<u32>,
    /// The same, with the periods that one stall covered put in: each would have been late, too.
    pub(super) corrected: Histogram<u32>,
    /// Periods that passed while it was late.
    pub(super) missed: u64,
}

/// Sleeps from period to period until `periods` have passed or it is told to stop, with the timer slack `slack_ns`, or as
/// it was found.
pub(super) fn sleep(
    period: Duration,
    periods: u64,
    slack_ns: Option<u64>,
    stop: &(dyn Fn() -> bool + Send + Sync),
) -> nix::Result<Wake> {
    if let Some(slack) = slack_ns {
        set_timerslack(slack)?;
    }
    let period_ns = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX).max(1);
    let mut wake = Wake { uncorrected: new_histogram(), corrected: new_histogram(), missed: 0 };
    let mut due = now()? + period_ns;
    let mut passed = 0;
    while passed < periods && !stop() {
        let at = TimeSpec::from_duration(Duration::from_nanos(due));
        match clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &at) {
            Ok(_) => {}
            // A signal: look at the flag, and sleep on.
            Err(nix::errno::Errno::EINTR) => continue,
            Err(error) => return Err(error),
        }
        let late = now()?.saturating_sub(due);
        wake.uncorrected.saturating_record(late.max(1));
        wake.corrected.saturating_record(late.max(1));
        // HdrHistogram's own correction: later periods that the same stall covered were late by one period less each.
        let covered = late / period_ns;
        for missed in 1..=covered {
            wake.corrected.saturating_record(late.saturating_sub(missed * period_ns).max(1));
        }
        wake.missed += covered;
        passed += 1 + covered;
        due += (1 + covered) * period_ns;
    }
    Ok(wake)
}

fn now() -> nix::Result<u64> {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    Ok(part(time.tv_sec()) * 1_000_000_000 + part(time.tv_nsec()))
}
