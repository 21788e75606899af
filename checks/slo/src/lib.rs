//! Service level, load tests, capacity and cost.

use plumb_check_sdk::export_pack;

mod cap_cost_efficiency;
mod cap_headroom;
mod load;
mod slo_attainment;
mod slo_defined;
mod slo_gpu_starvation;
mod slo_measurement_quality;
mod slo_queueing;
mod slo_tail_ratio;

export_pack! {
    id: "slo",
    pages: pages,
}
