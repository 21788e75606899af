//! Quotas, waiting for CPUs, neighbours, isolation and jitter.

use plumb_check_sdk::export_pack;

mod delay;
mod foreign;
pub mod sched_cfs_throttling;
pub mod sched_isolation_plan;
pub mod sched_noisy_neighbours;
pub mod sched_os_jitter;
pub mod sched_rt_policy;
pub mod sched_run_delay;
mod serving;
#[doc(hidden)]
pub mod pages {
    //! What the build makes of the pages beside the checks.
    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}

export_pack! {
    id: "scheduler",
    words: pages::WORDS,
    checks: [
        sched_cfs_throttling::SchedCfsThrottling,
        sched_isolation_plan::SchedIsolationPlan,
        sched_noisy_neighbours::SchedNoisyNeighbours,
        sched_os_jitter::SchedOsJitter,
        sched_rt_policy::SchedRtPolicy,
        sched_run_delay::SchedRunDelay,
    ],
}
