//! The engagement file: who the client is and how the report is to look, what the client says about the workload, the
//! objectives and the prices, which thresholds the audit replaces, and which deviations are accepted.
//!
//! Strict: an unknown key, a missing reason or a date that is none is an error that names the line. A typing mistake in
//! such a file must not change a grade in silence.

mod tables;
mod values;

use plumb_evidence::model::{Engagement, Policy, Prices, ThresholdOverride};
use plumb_evidence::{Evidence, Fact};
use plumb_strict_toml::{At, Document, Fault};

use crate::assess::Terms;
use crate::document::{Client, DocumentTerms, Note, OwnFinding, OwnSummary, PeersFile, Planned};
use crate::policy;
use crate::profile::Platform;
use crate::waiver::{Waiver, iso};
use tables::{Replaced, Report, Tables};
use values::{BOUNDS, Filled, within_bounds};
pub(crate) use values::{colour, day, filled};

/// An engagement file that explains every key, for a person to fill in.
pub const EXAMPLE: &str = include_str!("engagement/example.toml");

/// Version of the file that this code reads.
pub const ENGAGEMENT_SCHEMA: u32 = 1;

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
    /// Reads the text of an engagement file; `file` is its name, for faults.
    ///
    /// # Errors
    /// If the text is no TOML, has a key that is not known, lacks one that is needed, or has a value that cannot be.
    pub fn parse(file: &str, text: &str) -> Result<Self, Fault> {
        let document = Document::parse(file, text)?;
        document.version("schema", &[ENGAGEMENT_SCHEMA])?;
        let tables: Tables = document.read()?;
        let Tables { client, report, profile, workload, slo, demand, prices, policy, waiver, .. } = tables;
        within_bounds(&document)?;
        let hand = Hand {
            summary: tables.summary,
            notes: tables.note,
            findings: tables.finding,
            actions: tables.action,
            peers: tables.peers,
        };
        if let Some(prices) = &prices {
            has_currency(&document, prices)?;
        }
        Ok(Self {
            engagement: Engagement {
                workload,
                slo: stated(slo, "slo"),
                demand: stated(demand, "demand"),
                prices: stated(prices, "prices"),
            },
            policy: replaced(policy.threshold)?,
            waivers: waiver,
            platform: profile.platform,
            document: hand.into(printed(client, report))?,
        })
    }

    /// The currency of the client's prices.
    #[must_use]
    pub fn currency(&self) -> Option<&str> {
        self.engagement.prices.known().map(|prices| prices.currency.as_str())
    }

    /// Puts into the evidence what packs need to know, and returns the rest.
    #[must_use]
    pub fn apply(self, evidence: &mut Evidence) -> Terms {
        evidence.engagement = Fact::Known(self.engagement);
        evidence.policy = self.policy;
        Terms { waivers: self.waivers, platform: self.platform, document: self.document, ..Terms::default() }
    }
}

/// JSON schema of engagement files, as it is published in the reference of the handbook.
#[must_use]
pub fn schema() -> serde_json::Value {
    let title = format!("Engagement file of Plumb, version {ENGAGEMENT_SCHEMA}");
    let about = "The TOML file that `--engagement` takes, as data.";
    let mut schema = plumb_strict_toml::schema::schema::<Tables>(&title, about);
    // What the types of the evidence leave open, since packs read them too.
    for (table, key, least, most) in BOUNDS {
        let key = &mut schema["properties"][table]["properties"][key];
        key["minimum"] = least.into();
        if most.is_finite() {
            key["maximum"] = most.into();
        }
        // An amount may be a range, each end of which is an amount.
        if key.get("type").is_none() {
            key["items"] = serde_json::json!({ "minimum": least });
        }
    }
    let prices = &mut schema["properties"]["prices"];
    prices["required"] = ["currency"].as_slice().into();
    prices["properties"]["currency"]["pattern"] = "^[A-Z]{3}$".into();
    schema
}

fn has_currency(document: &Document<'_>, prices: &Prices) -> Result<(), Fault> {
    let code = &prices.currency;
    if code.len() == 3 && code.chars().all(|c| c.is_ascii_uppercase()) {
        return Ok(());
    }
    let problem = "prices need a currency in three capital letters, such as \"EUR\"";
    Err(document.fault(&["prices", "currency"], format!("{problem}, found {code:?}")))
}

fn replaced(tables: Vec<Replaced>) -> Result<Policy, Fault> {
    let mut policy = Policy::default();
    for Replaced { check, name, number, reason } in tables {
        let key = policy::key(&check, &name.0);
        let wanted = ThresholdOverride { number, reason };
        if policy.thresholds.insert(key.clone(), wanted).is_some() {
            return Err(name.fault(format!("`{key}` is replaced twice; keep one of the two")));
        }
    }
    Ok(policy)
}

fn printed(client: Client, report: Report) -> DocumentTerms {
    let text = |text: Option<Filled>| text.map(|Filled(text)| text);
    DocumentTerms {
        client,
        title: text(report.title),
        author: text(report.author),
        company: text(report.company),
        date: report.date.map(iso),
        language: report.language,
        confidentiality: text(report.confidentiality),
        logo: text(report.logo),
        colours: report.colours,
        nodes: report.nodes.into_iter().map(|Filled(pattern)| pattern).collect(),
        status: report.status,
        version: text(report.version),
        fonts: report.fonts.into_iter().map(|Filled(name)| name).collect(),
        reviewers: report.reviewers.into_iter().map(|Filled(name)| name).collect(),
        distribution: report.distribution.into_iter().map(|Filled(name)| name).collect(),
        summary: None,
        notes: Vec::new(),
        findings: Vec::new(),
        actions: Vec::new(),
        peers: None,
        left_out: report.sections.into_iter().filter(|(_, on)| !on).map(|(section, _)| section).collect(),
    }
}

/// What the author adds to the document.
struct Hand {
    summary: Option<OwnSummary>,
    notes: Vec<At<Note>>,
    findings: Vec<At<OwnFinding>>,
    actions: Vec<At<Planned>>,
    peers: Option<PeersFile>,
}

impl Hand {
    /// # Errors
    /// A picture without words, or two plans for one check.
    fn into(self, terms: DocumentTerms) -> Result<DocumentTerms, Fault> {
        let with_words = |image: &Option<String>, alt: &Option<String>| image.is_none() || alt.is_some();
        for note in &self.notes {
            if !with_words(&note.image, &note.alt) {
                return Err(note.fault("a picture needs `alt`, which says in words what it shows"));
            }
        }
        for finding in &self.findings {
            if !with_words(&finding.image, &finding.alt) {
                return Err(finding.fault("a picture needs `alt`, which says in words what it shows"));
            }
        }
        for (at, action) in self.actions.iter().enumerate() {
            if self.actions[..at].iter().any(|other| other.check == action.check) {
                let problem = format!("`{}` has two plans; keep one of the two", action.check);
                return Err(action.fault(problem));
            }
        }
        Ok(DocumentTerms {
            summary: self.summary,
            notes: self.notes.into_iter().map(At::into_inner).collect(),
            findings: self.findings.into_iter().map(At::into_inner).collect(),
            actions: self.actions.into_iter().map(At::into_inner).collect(),
            peers: self.peers,
            ..terms
        })
    }
}

fn stated<T>(section: Option<T>, name: &str) -> Fact<T> {
    section.map_or_else(|| Fact::absent(format!("the engagement file has no section [{name}]")), Fact::Known)
}

#[cfg(test)]
mod tests;
