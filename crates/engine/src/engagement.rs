//! The engagement file: who the client is and how the report is to look, what the client says about the workload, the
//! objectives and the prices, which thresholds the audit replaces, and which deviations are accepted.
//!
//! Strict: an unknown key, a missing reason or a date that is none is an error that names the line. A typing mistake in
//! such a file must not change a grade in silence.

mod source;
mod tables;
mod values;

use plumb_evidence::model::{Engagement, Policy};
use plumb_evidence::{Evidence, Fact};
use thiserror::Error;

use crate::assess::Terms;
use crate::document::DocumentTerms;
use crate::profile::Platform;
use crate::waiver::Waiver;
use source::Source;
use tables::{DemandTable, PricesTable, Raw, SloTable, Versioned};

/// An engagement file that explains every key, for a person to fill in.
pub const EXAMPLE: &str = include_str!("engagement/example.toml");

/// Version of the file that this code reads.
pub const ENGAGEMENT_SCHEMA: u32 = 1;

/// A fault of an engagement file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}{}: {}{problem}", place(*.line), named(.key))]
pub struct EngagementError {
    /// Name of the file, as it was given.
    pub file: String,
    /// Line, from 1.
    pub line: Option<usize>,
    /// The key at fault, with its table (`waiver.expires`); empty where the file as a whole is.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub problem: String,
}

fn place(line: Option<usize>) -> String {
    line.map(|line| format!(":{line}")).unwrap_or_default()
}

fn named(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("`{key}`: ") }
}

/// What an engagement file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EngagementFile {
    /// Workload, objectives, demand and prices.
    pub engagement: Engagement,
    /// Thresholds that are replaced.
    pub policy: Policy,
    /// Deviations that are accepted.
    pub waivers: Vec<Waiver>,
    /// The platform, where the client says otherwise than the evidence.
    pub platform: Option<Platform>,
    /// Whose report it is, and what is in it.
    pub document: DocumentTerms,
}

impl EngagementFile {
    /// Reads the text of an engagement file; `file` is its name, for errors.
    ///
    /// # Errors
    /// If the text is no TOML, has a key that is not known, lacks one that is needed, or has a value that cannot be.
    pub fn parse(file: &str, text: &str) -> Result<Self, EngagementError> {
        let source = Source { file, text };
        // The version comes first: a later one may have other keys.
        let schema: Versioned = toml::from_str(text).map_err(|error| source.syntax(&error))?;
        match schema.schema {
            Some(ENGAGEMENT_SCHEMA) => {}
            Some(other) => {
                let problem = format!("version {other} is not known; this program reads version 1");
                return Err(source.fault("", 0, "schema", problem));
            }
            None => {
                let problem = "the version of the file is missing; write `schema = 1` as its first line";
                return Err(source.fault("", 0, "schema", problem));
            }
        }
        let raw: Raw = toml::from_str(text).map_err(|error| source.syntax(&error))?;
        let Raw { _schema, client, report, profile, workload, slo, demand, prices, policy, waiver } = raw;
        let slo = slo.map(|SloTable(slo)| source.objectives(slo)).transpose()?;
        let demand = demand.map(|DemandTable(demand)| source.demand(demand)).transpose()?;
        let prices = prices.map(|PricesTable(prices)| source.prices(prices)).transpose()?;
        Ok(Self {
            engagement: Engagement {
                workload,
                slo: stated(slo, "slo"),
                demand: stated(demand, "demand"),
                prices: stated(prices, "prices"),
            },
            policy: source.policy(policy.threshold)?,
            waivers: source.waivers(waiver)?,
            platform: profile.platform.map(|platform| source.platform(&platform)).transpose()?,
            document: source.document(client, report)?,
        })
    }

    /// Puts into the evidence what packs need to know, and returns the rest.
    #[must_use]
    pub fn apply(self, evidence: &mut Evidence) -> Terms {
        evidence.engagement = Fact::Known(self.engagement);
        evidence.policy = self.policy;
        Terms { waivers: self.waivers, platform: self.platform, as_of: None, document: self.document }
    }
}

fn stated<T>(section: Option<T>, name: &str) -> Fact<T> {
    section.map_or_else(|| Fact::absent(format!("the engagement file has no section [{name}]")), Fact::Known)
}

#[cfg(test)]
mod tests;
