//! What a report is made from.

use plumb_engine::Assessment;
use plumb_evidence::{Bundle, Evidence};
use serde::Serialize;

/// Who a report is for. All of them are made from one model; the narrower ones leave parts out and add none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// The client's management: each finding in business words, measurements, service level, cost, what to do.
    Client,
    /// Whoever mends it: all evidence, limits, commands, the method; no offer.
    Engineer,
    /// All of it.
    #[default]
    Both,
}

/// The result of an analysis and, for the figures, what it rests on.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    /// The result.
    pub assessment: &'a Assessment,
    /// What it was derived from, engagement applied; without it there are no figures of the node and of measurements.
    pub evidence: Option<&'a Evidence>,
    /// Where the evidence is from; without it curves are drawn through a few percentiles, not from histograms.
    pub bundle: Option<&'a Bundle>,
    /// Who the report is for.
    pub audience: Audience,
}

impl<'a> Material<'a> {
    /// The assessment alone, for both audiences.
    #[must_use]
    pub fn new(assessment: &'a Assessment) -> Self {
        Self { assessment, evidence: None, bundle: None, audience: Audience::default() }
    }

    /// With figures from `evidence`.
    #[must_use]
    pub fn with_evidence(self, evidence: &'a Evidence) -> Self {
        Self { evidence: Some(evidence), ..self }
    }

    /// With the histograms of `bundle`.
    #[must_use]
    pub fn with_bundle(self, bundle: &'a Bundle) -> Self {
        Self { bundle: Some(bundle), ..self }
    }

    /// For others than both.
    #[must_use]
    pub fn for_audience(self, audience: Audience) -> Self {
        Self { audience, ..self }
    }
}

impl<'a> From<&'a Assessment> for Material<'a> {
    fn from(assessment: &'a Assessment) -> Self {
        Self::new(assessment)
    }
}
