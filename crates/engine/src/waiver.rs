//! Waivers: deviations that the client accepts, with an owner, a reason and a day on which the acceptance ends.
//!
//! A waiver hides nothing: the finding stays in the report with the score that it would have, and a waiver that has
//! expired, or that matches nothing, is told too.

use plumb_check_sdk::Outcome;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::Date;
use time::format_description::well_known::Rfc3339;

use crate::assessment::Grade;
use crate::engagement::{day, filled};

/// A deviation that the client accepts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Waiver {
    /// Id of the check.
    #[serde(deserialize_with = "filled")]
    #[schemars(length(min = 1))]
    pub check: String,
    /// The subject, exactly as the finding names it; left out, all subjects of the check.
    #[serde(default, deserialize_with = "filled")]
    #[schemars(length(min = 1))]
    pub subject: Option<String>,
    /// Who answers for the acceptance.
    #[serde(deserialize_with = "filled")]
    #[schemars(length(min = 1))]
    pub owner: String,
    /// Why the deviation is accepted.
    #[serde(deserialize_with = "filled")]
    #[schemars(length(min = 1))]
    pub reason: String,
    /// Last day on which it is.
    #[serde(deserialize_with = "day")]
    #[schemars(with = "String", extend("format" = "date"))]
    pub expires: Date,
}

impl Waiver {
    /// True if the waiver is about this finding.
    fn covers(&self, check: &str, subject: &str) -> bool {
        self.check == check && self.subject.as_deref().is_none_or(|own| own == subject)
    }
}

/// The day against which expiry dates are held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AsOf {
    /// `YYYY-MM-DD`; `None` where the bundle has no readable date, and then no waiver is in force.
    pub date: Option<String>,
    /// `collection` or `option`.
    pub source: String,
    #[serde(skip)]
    pub(crate) day: Option<Date>,
}

impl AsOf {
    /// The day that the user named.
    #[must_use]
    pub fn option(day: Date) -> Self {
        Self { date: Some(iso(day)), source: "option".to_owned(), day: Some(day) }
    }

    /// The day on which the collection of the evidence began, from its time in RFC 3339.
    #[must_use]
    pub fn collection(started: &str) -> Self {
        let day = time::OffsetDateTime::parse(started, &Rfc3339)
            .ok()
            .map(|time| time.to_offset(time::UtcOffset::UTC).date());
        Self { date: day.map(iso), source: "collection".to_owned(), day }
    }
}

/// Reads a day as `YYYY-MM-DD`.
#[must_use]
pub fn parse_date(text: &str) -> Option<Date> {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    Date::parse(text, &format).ok().filter(|_| text.len() == 10)
}

/// Writes a day as `YYYY-MM-DD`.
#[must_use]
pub fn iso(day: Date) -> String {
    format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day())
}

/// The waiver of one finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WaiverApplied {
    /// Who answers for the acceptance.
    pub owner: String,
    /// Why the deviation is accepted.
    pub reason: String,
    /// Last day on which it is, `YYYY-MM-DD`.
    pub expires: String,
    /// True if it is no longer: the finding counts.
    pub expired: bool,
    /// What the finding is without the waiver.
    pub outcome: Outcome,
    /// R without the waiver.
    pub score: f64,
    /// Grade without the waiver.
    pub grade: Option<Grade>,
}

/// What became of a waiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaiverState {
    /// It accepts at least one finding.
    InForce,
    /// Its last day has passed; what it accepted is a finding again.
    Expired,
    /// No deviation matches: it is mended, or was not answered, or the subject is written otherwise.
    Unused,
    /// No pack that was asked has such a check.
    UnknownCheck,
}

/// A waiver of the client's file, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaiverUse {
    /// Id of the check.
    pub check: String,
    /// The subject; `None` for all subjects of the check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Who answers for the acceptance.
    pub owner: String,
    /// Why the deviation is accepted.
    pub reason: String,
    /// Last day on which it is, `YYYY-MM-DD`.
    pub expires: String,
    /// What became of it.
    pub state: WaiverState,
    /// Number of deviations that it matches.
    pub findings: usize,
}

/// The waivers of one analysis, with the day that decides.
pub(crate) struct Waivers<'a> {
    pub(crate) all: &'a [Waiver],
    pub(crate) day: Option<Date>,
}

impl Waivers<'_> {
    fn in_force(&self, waiver: &Waiver) -> bool {
        self.day.is_some_and(|day| day <= waiver.expires)
    }

    /// The waiver of a deviation: one in force before one that has expired, and of several the one that lasts longest.
    pub(crate) fn of(&self, check: &str, subject: &str) -> Option<(&Waiver, bool)> {
        let matching = self.all.iter().filter(|waiver| waiver.covers(check, subject));
        let last = matching
            .max_by(|a, b| (a.expires, &a.owner, &a.reason).cmp(&(b.expires, &b.owner, &b.reason)))?;
        Some((last, self.in_force(last)))
    }

    /// What became of each, by check, subject, expiry and owner.
    pub(crate) fn used(&self, known: impl Fn(&str) -> bool, deviations: &[(&str, &str)]) -> Vec<WaiverUse> {
        let mut uses: Vec<WaiverUse> = self
            .all
            .iter()
            .map(|waiver| {
                let findings =
                    deviations.iter().filter(|(check, subject)| waiver.covers(check, subject)).count();
                WaiverUse {
                    check: waiver.check.clone(),
                    subject: waiver.subject.clone(),
                    owner: waiver.owner.clone(),
                    reason: waiver.reason.clone(),
                    expires: iso(waiver.expires),
                    state: match findings {
                        _ if !known(&waiver.check) => WaiverState::UnknownCheck,
                        _ if !self.in_force(waiver) => WaiverState::Expired,
                        0 => WaiverState::Unused,
                        _ => WaiverState::InForce,
                    },
                    findings,
                }
            })
            .collect();
        uses.sort_by(|a, b| {
            (&a.check, &a.subject, &a.expires, &a.owner, &a.reason)
                .cmp(&(&b.check, &b.subject, &b.expires, &b.owner, &b.reason))
        });
        uses
    }
}
