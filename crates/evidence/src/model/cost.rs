//! What GPUs cost for an hour.

use super::{GpuTime, Prices};
use crate::fact::{Absence, Missing};

/// Hours of a year.
pub const YEAR_HOURS: f64 = 8766.0;
/// Hours of a month.
pub const MONTH_HOURS: f64 = YEAR_HOURS / 12.0;

/// Cost of `gpus` for an hour, in the currency of `prices`, and what it is made of.
///
/// Rented: GPUs × price. Owned: their part of the node's `on_node` GPUs × (server / years + hosting), and
/// GPUs × `watts` × price of a kWh × PUE where both are known.
///
/// # Errors
/// No price is stated, or the node has no GPU to spread the price of the server over.
pub fn hourly_cost(
    prices: &Prices,
    gpus: u32,
    on_node: usize,
    watts: Option<f64>,
) -> Result<(f64, String), Missing> {
    if let Some(price) = prices.gpu_hour {
        return Ok((price * f64::from(gpus), "price of a GPU hour".to_owned()));
    }
    let (Some(server), Some(years)) = (prices.server, prices.depreciation_years.filter(|years| *years > 0.0))
    else {
        let reason =
            "neither the price of a GPU hour nor that of a server with the years of depreciation is stated";
        return Err(Missing::new(Absence::Absent, reason));
    };
    if on_node == 0 {
        return Err(Missing::new(
            Absence::Absent,
            "the node has no GPU to spread the price of the server over",
        ));
    }
    let part = f64::from(gpus) / on_node as f64;
    let mut cost = part * server / (years * YEAR_HOURS);
    let mut basis = "server".to_owned();
    if let Some(hosting) = prices.hosting_month {
        cost += part * hosting / MONTH_HOURS;
        basis.push_str(", hosting");
    }
    match (prices.kwh, watts) {
        (Some(price), Some(watts)) => {
            cost += f64::from(gpus) * watts / 1000.0 * price * prices.pue.unwrap_or(1.0);
            basis.push_str(", energy of the GPUs");
        }
        _ => basis.push_str(", without energy"),
    }
    Ok((cost, basis))
}

/// Mean power of a GPU during the window in W, where any was at work.
#[must_use]
pub fn gpu_watts(gpus: &[GpuTime]) -> Option<f64> {
    let at_work = gpus
        .iter()
        .filter(|gpu| gpu.utilization_percent.known().is_some_and(|series| series.iter().any(|p| *p > 0)));
    let power: Vec<f64> = at_work.filter_map(|gpu| gpu.power_watts.known()).flatten().copied().collect();
    (!power.is_empty()).then(|| power.iter().sum::<f64>() / power.len() as f64)
}
