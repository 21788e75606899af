//! Service level, load tests, capacity and cost.

use plumb_check_sdk::export_pack;

pub mod cap_cost_efficiency;
pub mod cap_headroom;
mod load;
pub mod slo_attainment;
pub mod slo_defined;
pub mod slo_gpu_starvation;
pub mod slo_measurement_quality;
pub mod slo_queueing;
pub mod slo_tail_ratio;
#[doc(hidden)]
pub mod pages {
    //! What the build makes of the pages beside the checks.
    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}

export_pack! {
    id: "slo",
    words: pages::WORDS,
    checks: [
        cap_cost_efficiency::CapCostEfficiency,
        cap_headroom::CapHeadroom,
        slo_attainment::SloAttainment,
        slo_defined::SloDefined,
        slo_gpu_starvation::SloGpuStarvation,
        slo_measurement_quality::SloMeasurementQuality,
        slo_queueing::SloQueueing,
        slo_tail_ratio::SloTailRatio,
    ],
}
