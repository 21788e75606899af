//! What GPUs cost for an hour.

use serde::{Deserialize, Serialize, Serializer};

use super::{GpuTime, Prices};
use crate::fact::{Absence, Missing};

/// Hours of a year.
pub const YEAR_HOURS: f64 = 8766.0;
/// Hours of a month.
pub const MONTH_HOURS: f64 = YEAR_HOURS / 12.0;

/// An amount of money, or from how much to how much it is: `2.5`, or `[2.2, 2.8]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(from = "Written")]
#[cfg_attr(feature = "schema", schemars(!from, with = "Written"))]
pub struct Amount {
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
}

/// An amount as it is written.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected an amount such as 2.5, or [2.2, 2.8] for from how much to how much")]
enum Written {
    One(f64),
    Range([f64; 2]),
}

impl From<Written> for Amount {
    fn from(written: Written) -> Self {
        match written {
            Written::One(amount) => amount.into(),
            Written::Range([low, high]) => Self { low, high },
        }
    }
}

impl From<f64> for Amount {
    fn from(amount: f64) -> Self {
        Self { low: amount, high: amount }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_range() {
            [self.low, self.high].serialize(serializer)
        } else {
            self.low.serialize(serializer)
        }
    }
}

impl Amount {
    /// True if its ends differ.
    #[must_use]
    pub fn is_range(self) -> bool {
        self.low < self.high
    }

    /// The middle of it.
    #[must_use]
    pub fn middle(self) -> f64 {
        f64::midpoint(self.low, self.high)
    }

    /// What `of` makes of both ends, in their order.
    #[must_use]
    pub fn map(self, of: impl Fn(f64) -> f64) -> Self {
        let (a, b) = (of(self.low), of(self.high));
        Self { low: a.min(b), high: a.max(b) }
    }

    /// What it is more than another that rests on the same prices: each end less the same end.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        let (a, b) = (self.low - other.low, self.high - other.high);
        Self { low: a.min(b), high: a.max(b) }
    }
}

impl std::ops::Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { low: self.low + other.low, high: self.high + other.high }
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), std::ops::Add::add)
    }
}

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
) -> Result<(Amount, String), Missing> {
    if let Some(price) = prices.gpu_hour {
        return Ok((price.map(|price| price * f64::from(gpus)), "price of a GPU hour".to_owned()));
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
    let mut cost = server.map(|server| part * server / (years * YEAR_HOURS));
    let mut basis = "server".to_owned();
    if let Some(hosting) = prices.hosting_month {
        cost = cost + hosting.map(|hosting| part * hosting / MONTH_HOURS);
        basis.push_str(", hosting");
    }
    match (prices.kwh, watts) {
        (Some(price), Some(watts)) => {
            let kwh = f64::from(gpus) * watts / 1000.0 * prices.pue.unwrap_or(1.0);
            cost = cost + price.map(|price| kwh * price);
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
