//! What a plan draws, by the power of GPUs that were seen at work.

use plumb_evidence::Evidence;
use plumb_evidence::model::{MONTH_HOURS, gpu_watts};
use serde::Serialize;

use super::Label;
use super::plan::Plan;

/// Energy by month of the GPUs of a plan, if all draw as much as those that were measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Energy {
    /// Mean power of a GPU at work during the collection's sample, in W: measured.
    pub watts: f64,
    /// Power usage effectiveness that the client states; `None` for the GPUs' own energy alone.
    pub pue: Option<f64>,
    /// kWh that the plan uses in a month.
    pub month_kwh: f64,
    /// Grams of carbon dioxide a kWh, where the client states them.
    pub co2_g_per_kwh: Option<f64>,
    /// Tonnes of carbon dioxide that the plan stands for in a month.
    pub month_co2_t: Option<f64>,
    /// [`Label::Modelled`].
    pub label: Label,
}

/// `None` where no GPU was measured at work, or their number is not known.
pub(super) fn of(evidence: &Evidence, plan: &Plan) -> Option<Energy> {
    let watts = gpu_watts(evidence.window.known()?.gpus.known()?)?;
    let size = plan.gpus_per_replica?;
    let prices = evidence.engagement.known().and_then(|engagement| engagement.prices.known());
    let pue = prices.and_then(|prices| prices.pue);
    let co2_g_per_kwh = prices.and_then(|prices| prices.co2_g_per_kwh);
    let gpus = f64::from(plan.planned.saturating_mul(size));
    let month_kwh = gpus * watts / 1000.0 * pue.unwrap_or(1.0) * MONTH_HOURS;
    Some(Energy {
        watts,
        pue,
        month_kwh,
        co2_g_per_kwh,
        month_co2_t: co2_g_per_kwh.map(|grams| month_kwh * grams / 1e6),
        label: Label::Modelled,
    })
}
