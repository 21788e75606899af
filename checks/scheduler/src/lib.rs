//! Quotas, waiting for CPUs, neighbours, isolation and jitter.

use plumb_check_sdk::export_pack;

mod delay;
mod foreign;
mod sched_cfs_throttling;
mod sched_isolation_plan;
mod sched_noisy_neighbours;
mod sched_os_jitter;
mod sched_rt_policy;
mod sched_run_delay;
mod serving;

export_pack! {
    id: "scheduler",
    pages: pages,
}
