//! What users' own requests show, where `plumb observe` watched them.

use plumb_evidence::model::{ObservedSign, Promise, Seen, SeenPart, Shown};
use plumb_evidence::{Evidence, Missing};
use serde::Serialize;

use super::Label;

/// How requests stand to the service level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stands {
    /// Enough of them were within the limits.
    Kept,
    /// Too few were.
    Missed,
    /// The server's histograms do not decide.
    Open,
}

impl From<Shown> for Stands {
    fn from(shown: Shown) -> Self {
        match shown {
            Shown::Met => Self::Kept,
            Shown::Missed => Self::Missed,
            Shown::Open => Self::Open,
        }
    }
}

/// What an observation shows of the service level: of the requests that came, and of no others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Observed {
    /// Share of requests that has to be within every limit, 0 to 1.
    pub target: f64,
    /// True where the client did not state that share, and it is an assumption.
    pub target_assumed: bool,
    /// How all requests together stand.
    pub stands: Stands,
    /// Requests that ended meanwhile.
    pub requests: f64,
    /// Share within the limits, at least and at most.
    pub share: (f64, f64),
    /// The highest rate in requests per second that was served with the limits kept, for certain; nothing is known of higher
    /// ones.
    pub kept_rate: Option<f64>,
    /// Requests per second of the busiest part.
    pub busiest: f64,
    /// Seconds of a part, an hour as a rule.
    pub part_s: f64,
    /// Parts with requests.
    pub parts: Vec<ObservedHour>,
    /// Limits that the server has no histogram of whole requests for, by name.
    pub untold: Vec<String>,
    /// What stood out on the node and in the server meanwhile.
    pub signs: Vec<ObservedSign>,
    /// The URL.
    pub url: String,
    /// File of the bundle.
    pub path: String,
    /// [`Label::Observed`].
    pub label: Label,
}

/// A part of an observation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ObservedHour {
    /// Start, RFC 3339, UTC.
    pub from: String,
    /// Requests per second.
    pub rate: f64,
    /// Share within the limits, at least and at most.
    pub share: (f64, f64),
    /// How its requests stand.
    pub stands: Stands,
}

impl From<&SeenPart<'_>> for ObservedHour {
    fn from(own: &SeenPart<'_>) -> Self {
        Self {
            from: own.part.from.clone(),
            rate: own.rate,
            share: (own.share.least, own.share.most),
            stands: own.stands.into(),
        }
    }
}

impl Observed {
    /// How many parts stand so.
    #[must_use]
    pub fn count(&self, stands: Stands) -> usize {
        self.parts.iter().filter(|part| part.stands == stands).count()
    }

    fn new(seen: &Seen<'_>, target_assumed: bool) -> Self {
        Self {
            target: seen.target,
            target_assumed,
            stands: seen.stands().into(),
            requests: seen.share.count,
            share: (seen.share.least, seen.share.most),
            kept_rate: seen.kept().map(|kept| kept.rate),
            busiest: seen.busiest(),
            part_s: seen.of.part_s,
            parts: seen.parts.iter().map(ObservedHour::from).collect(),
            untold: seen.untold.iter().map(|name| (*name).to_owned()).collect(),
            signs: seen.of.signs.clone(),
            url: seen.of.url.clone(),
            path: seen.of.path.clone(),
            label: Label::Observed,
        }
    }
}

/// What was observed; `None` where nothing was.
///
/// # Errors
/// Says why an observation shows nothing of the service level.
pub(super) fn observe(evidence: &Evidence) -> Option<Result<Observed, Missing>> {
    let all = evidence.measurements.known()?.observations.known()?;
    let engagement = evidence.engagement.require().and_then(|engagement| {
        let slo = engagement.slo.require()?;
        Ok(Promise::new(slo, engagement.demand.known()))
    });
    let observed = |promise: Promise<'_>| {
        let assumed = promise.target_is_assumed();
        promise.seen_most(all).map(|seen| Observed::new(&seen, assumed))
    };
    Some(engagement.and_then(observed))
}
