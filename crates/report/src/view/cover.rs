//! Whose report it is, and which parts of it are printed for whom.

use std::collections::BTreeMap;

use plumb_engine::document::{DocumentTerms, Section};
use serde::Serialize;

use super::{Fact, id};
use crate::ReportError;
use crate::escape::clean;
use crate::material::Audience;
use crate::messages::Messages;

const SECTIONS: [Section; 12] = [
    Section::Node,
    Section::Measurements,
    Section::ServiceLevel,
    Section::Capacity,
    Section::Checklist,
    Section::Roadmap,
    Section::Offer,
    Section::Info,
    Section::Passed,
    Section::NotApplicable,
    Section::Conflicts,
    Section::Glossary,
];

/// What stands on the cover and in the margins.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Cover {
    title: String,
    /// For the properties of a file.
    authors: Vec<String>,
    #[serde(skip)]
    company_label: String,
    /// Empty where it is not stated.
    client: String,
    /// Site, contact, author, company.
    facts: Vec<Fact>,
    confidentiality: String,
    /// `#rrggbb` by name; templates check the form once more.
    colours: BTreeMap<&'static str, String>,
}

/// A picture with what it shows in words.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Logo {
    name: String,
    alt: String,
}

impl Cover {
    pub(super) fn logo(&self, name: &str) -> Logo {
        let owner = self.facts.iter().find(|fact| fact.label == self.company_label);
        let owner = owner.map_or(self.client.as_str(), |fact| fact.value.as_str());
        Logo { name: name.to_owned(), alt: format!("Logo {owner}").trim().to_owned() }
    }
}

pub(super) fn cover(terms: &DocumentTerms, messages: &Messages) -> Result<Cover, ReportError> {
    let text = |text: &Option<String>| text.as_deref().map(clean).unwrap_or_default();
    let rows = [
        ("site", &terms.client.site),
        ("contact", &terms.client.contact),
        ("author", &terms.author),
        ("company", &terms.company),
        ("report_date", &terms.date),
    ];
    let mut facts = Vec::new();
    for (key, value) in rows {
        if let Some(value) = value {
            facts.push(Fact {
                label: messages.get("document", key)?.to_owned(),
                value: clean(value),
                code: false,
            });
        }
    }
    let colours = [
        ("accent", &terms.colours.accent),
        ("high", &terms.colours.high),
        ("medium", &terms.colours.medium),
        ("low", &terms.colours.low),
    ];
    Ok(Cover {
        title: match &terms.title {
            Some(title) => clean(title),
            None => messages.get("document", "title")?.to_owned(),
        },
        authors: terms.author.iter().map(|author| clean(author)).collect(),
        company_label: messages.get("document", "company")?.to_owned(),
        client: text(&terms.client.name),
        facts,
        confidentiality: text(&terms.confidentiality),
        colours: colours.into_iter().filter_map(|(name, colour)| Some((name, colour.clone()?))).collect(),
    })
}

/// Which parts are printed, by name with underscores. Findings, unanswered checks and coverage always are.
pub(super) fn printed(terms: &DocumentTerms, audience: Audience) -> BTreeMap<String, bool> {
    let of = |section: Section| {
        let not_for = matches!(
            (audience, section),
            (Audience::Client, Section::Info | Section::Passed | Section::NotApplicable)
                | (Audience::Engineer, Section::Offer)
        );
        (id(section).replace('-', "_"), !not_for && terms.prints(section))
    };
    let detail = ("detail".to_owned(), audience != Audience::Client);
    SECTIONS.into_iter().map(of).chain([detail]).collect()
}
