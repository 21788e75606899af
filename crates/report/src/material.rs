//! What a report is made from.

use plumb_engine::Assessment;
use plumb_engine::peers::Peers;
use plumb_evidence::{Bundle, Evidence};

/// What the author adds to a report: the content of the files that the engagement file names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hand {
    /// The author's summary: paragraphs with an empty line between them.
    pub summary: Option<String>,
    /// Pictures by the name that the engagement file gives them.
    pub pictures: Vec<(String, Vec<u8>)>,
    /// The nodes that this one is compared with.
    pub peers: Option<Peers>,
    /// Name and SHA-256 of the engagement file and of each file that it names.
    pub hashes: Vec<(String, String)>,
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
    /// What the author adds.
    pub hand: Option<&'a Hand>,
}

impl<'a> Material<'a> {
    /// The assessment alone.
    #[must_use]
    pub fn new(assessment: &'a Assessment) -> Self {
        Self { assessment, evidence: None, bundle: None, hand: None }
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

    /// With what the author adds.
    #[must_use]
    pub fn with_hand(self, hand: &'a Hand) -> Self {
        Self { hand: Some(hand), ..self }
    }
}

impl<'a> From<&'a Assessment> for Material<'a> {
    fn from(assessment: &'a Assessment) -> Self {
        Self::new(assessment)
    }
}
