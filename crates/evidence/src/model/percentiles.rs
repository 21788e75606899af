//! Percentiles of all requests of a load test, those that failed among them.

use serde::{Deserialize, Serialize};

/// Latencies in which a request that failed counts as one that never ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WithFailures {
    /// Time to first token.
    pub ttft_ms: Percentiles,
    /// Whole request.
    pub e2e_ms: Percentiles,
}

/// Percentiles some of which may never be reached; `None` where there are too few requests, as in [`super::LatencySummary`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Percentiles {
    /// Median.
    pub p50: Option<Reached>,
    /// 90th percentile.
    pub p90: Option<Reached>,
    /// 95th percentile.
    pub p95: Option<Reached>,
    /// 99th percentile.
    pub p99: Option<Reached>,
}

/// A time after which a share of all requests has ended: a number of ms, or `"never"`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Reached {
    /// Within so many ms.
    Ms(f64),
    /// Fewer have ended at all.
    Never(Never),
}

/// The word for a time that does not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Never {
    /// `never`
    Never,
}

impl Reached {
    /// Not reached.
    pub const NEVER: Self = Self::Never(Never::Never);

    /// The number, where there is one.
    #[must_use]
    pub fn ms(self) -> Option<f64> {
        match self {
            Self::Ms(ms) => Some(ms),
            Self::Never(_) => None,
        }
    }
}
