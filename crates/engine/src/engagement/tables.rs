//! The file as it is written: which tables and keys there are.

use std::collections::BTreeMap;

use plumb_evidence::model::{Demand, Prices, ServiceLevel, WorkloadTrait};
use plumb_strict_toml::At;
use plumb_strict_toml::schema::by_word;
use schemars::JsonSchema;
use serde::Deserialize;
use time::Date;

use super::values::{Filled, finite, language, platform, platforms};
use super::{day, filled};
use crate::document::{Client, Colours, Note, OwnFinding, OwnSummary, PeersFile, Planned, Section, Status};
use crate::profile::Platform;
use crate::waiver::Waiver;

/// The file as it is written.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Tables {
    /// Version of this format.
    #[serde(rename = "schema")]
    #[schemars(extend("const" = super::ENGAGEMENT_SCHEMA))]
    pub(super) _schema: u32,
    /// Whose node it is.
    #[serde(default)]
    pub(super) client: Client,
    /// The document. Nothing here changes a finding or a grade.
    #[serde(default)]
    pub(super) report: Report,
    /// What the node is.
    #[serde(default)]
    pub(super) profile: Profile,
    /// Traits of the workload; what is not named is unknown.
    #[serde(default)]
    #[schemars(schema_with = "by_word::<WorkloadTrait, bool>")]
    pub(super) workload: BTreeMap<WorkloadTrait, bool>,
    /// Service level objectives.
    pub(super) slo: Option<ServiceLevel>,
    /// Demand that the service must meet.
    pub(super) demand: Option<Demand>,
    /// Prices, in one currency.
    pub(super) prices: Option<Prices>,
    /// What is judged otherwise.
    #[serde(default)]
    pub(super) policy: PolicyTable,
    /// Deviations that are accepted.
    #[serde(default)]
    pub(super) waiver: Vec<Waiver>,
    /// The author's own summary, printed instead of Plumb's.
    pub(super) summary: Option<OwnSummary>,
    /// The author's notes on the findings of a check.
    #[serde(default)]
    pub(super) note: Vec<At<Note>>,
    /// What the author observed, which no check looks at.
    #[serde(default)]
    pub(super) finding: Vec<At<OwnFinding>>,
    /// Who mends the findings of a check, and by when.
    #[serde(default)]
    pub(super) action: Vec<At<Planned>>,
    /// Other nodes, which the report compares this one with; without it nothing is compared.
    pub(super) peers: Option<PeersFile>,
}

#[derive(Default, Deserialize, JsonSchema)]
pub(super) struct Report {
    /// Title, instead of the theme's.
    pub(super) title: Option<Filled>,
    /// Who answers for the report.
    pub(super) author: Option<Filled>,
    /// The author's company.
    pub(super) company: Option<Filled>,
    /// Day of the report; left out, that of the collection.
    #[serde(default, deserialize_with = "day")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub(super) date: Option<Date>,
    /// Language code of a message file of the theme.
    #[serde(default, deserialize_with = "language")]
    #[schemars(regex(pattern = "^[a-z-]{2,8}$"))]
    pub(super) language: Option<String>,
    /// `draft` is printed across every page.
    pub(super) status: Option<Status>,
    /// Version of the document.
    pub(super) version: Option<Filled>,
    /// Font files (TrueType or OpenType), relative to this file, in which the PDF is set.
    #[serde(default)]
    pub(super) fonts: Vec<Filled>,
    /// Who reviewed it.
    #[serde(default)]
    pub(super) reviewers: Vec<Filled>,
    /// Who receives it.
    #[serde(default)]
    pub(super) distribution: Vec<Filled>,
    /// Printed on the cover and every page.
    pub(super) confidentiality: Option<Filled>,
    /// Image file (SVG or PNG), relative to this file.
    pub(super) logo: Option<Filled>,
    /// Host names that the engagement is about, with `*` for any letters; left out, all.
    #[serde(default)]
    pub(super) nodes: Vec<Filled>,
    /// Colours, instead of the theme's.
    #[serde(default)]
    pub(super) colours: Colours,
    /// `false` leaves a section out.
    #[serde(default)]
    #[schemars(schema_with = "by_word::<Section, bool>")]
    pub(super) sections: BTreeMap<Section, bool>,
}

#[derive(Default, Deserialize, JsonSchema)]
pub(super) struct Profile {
    /// Instead of what the evidence says.
    #[serde(default, deserialize_with = "platform")]
    #[schemars(schema_with = "platforms")]
    pub(super) platform: Option<Platform>,
}

#[derive(Default, Deserialize, JsonSchema)]
pub(super) struct PolicyTable {
    /// Thresholds that are replaced.
    #[serde(default)]
    pub(super) threshold: Vec<Replaced>,
}

/// A threshold that is replaced.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Replaced {
    /// Id of the check.
    #[serde(deserialize_with = "filled")]
    #[schemars(length(min = 1))]
    pub(super) check: String,
    /// Name of the threshold.
    pub(super) name: At<Filled>,
    /// The limit, in the unit of the threshold.
    #[serde(deserialize_with = "finite")]
    pub(super) number: f64,
    /// Why.
    #[serde(deserialize_with = "filled")]
    #[schemars(length(min = 1))]
    pub(super) reason: String,
}
