//! What a plan costs, by the client's own prices.

use plumb_evidence::Evidence;
use plumb_evidence::model::{Amount, MONTH_HOURS, Prices, gpu_watts, hourly_cost};
use serde::Serialize;

use super::plan::{Plan, Saving};
use super::{Label, Range};
use crate::speech::{Text, say};

/// By how much the price is moved to see what the cost does, as a share.
const MOVED: f64 = 0.20;

/// Three amounts.
pub type MoneyRange = Range<Amount>;

/// Cost by month, in one currency. Where the client states from how much to how much a price is, so is every amount.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Money {
    /// Currency, ISO 4217.
    pub currency: String,
    /// What one GPU costs for an hour.
    pub gpu_hour: Amount,
    /// What that is made of.
    pub basis: String,
    /// What the replicas of today cost in a month, where their number is stated.
    pub today: Option<Amount>,
    /// What the plan costs in a month.
    pub month: MoneyRange,
    /// The planned cost with the price a fifth lower and higher; `None` where the client states a range.
    pub price_moved: Option<Amount>,
    /// What a saving takes off a month; `None` where none is booked.
    pub saved: Option<Amount>,
    /// Cost of a million output tokens at the peak planned for, and at the mean demand, where both are stated.
    pub per_million_peak: Option<Amount>,
    /// At the mean demand.
    pub per_million_mean: Option<Amount>,
    /// [`Label::Modelled`], from the client's prices.
    pub label: Label,
}

/// What so many GPUs cost in a month.
fn a_month(gpu_hour: Amount, gpus: u32) -> Amount {
    gpu_hour.map(|price| f64::from(gpus) * price * MONTH_HOURS)
}

impl Money {
    /// What so many GPUs cost in a month.
    pub(super) fn of_gpus(&self, gpus: u32) -> Amount {
        a_month(self.gpu_hour, gpus)
    }
}

/// # Errors
/// Says why there is no money.
pub(super) fn of(evidence: &Evidence, plan: &Plan, saving: Option<&Saving>) -> Result<Money, Text<'static>> {
    let (Some(size), Some(gpus)) = (plan.gpus_per_replica, &plan.gpus) else {
        return Err(say("no-replica-no-money"));
    };
    let engagement = evidence.engagement.require().map_err(Text::from)?;
    let prices: &Prices = engagement.prices.known().ok_or_else(|| say("no-prices"))?;
    let on_node = evidence.gpus.known().map_or(0, |gpus| gpus.iter().filter(|gpu| gpu.kind == "GPU").count());
    let watts =
        evidence.window.known().and_then(|window| window.gpus.known()).and_then(|gpus| gpu_watts(gpus));
    let (gpu_hour, basis) = hourly_cost(prices, 1, on_node, watts)?;
    let month = |gpus: u32| a_month(gpu_hour, gpus);
    let planned = month(plan.planned.saturating_mul(size));
    let demand = engagement.demand.known();
    let tokens = demand.and_then(|demand| demand.output_tokens).filter(|tokens| *tokens > 0.0);
    let per_million = |rate: Option<f64>| {
        let rate = rate.filter(|rate| *rate > 0.0)?;
        let million = rate * tokens? * 3600.0 / 1e6;
        Some(planned.map(|planned| planned / MONTH_HOURS / million))
    };
    Ok(Money {
        currency: prices.currency.clone(),
        gpu_hour,
        basis,
        today: plan.today.map(|replicas| month(replicas.saturating_mul(size))),
        month: Range { low: month(gpus.low), base: month(gpus.base), high: month(gpus.high) },
        price_moved: (!gpu_hour.is_range())
            .then_some(Amount { low: planned.low * (1.0 - MOVED), high: planned.low * (1.0 + MOVED) }),
        saved: saving.filter(|saving| saving.booked).map(|saving| month(saving.fewer.saturating_mul(size))),
        per_million_peak: per_million(Some(plan.demand)),
        per_million_mean: per_million(demand.and_then(|demand| demand.mean_requests_per_s)),
        label: Label::Modelled,
    })
}
