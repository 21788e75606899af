//! Whose report it is.

use std::collections::BTreeMap;

use plumb_engine::document::DocumentTerms;
use serde::Serialize;

use super::Fact;
use crate::ReportError;
use crate::escape::clean;
use crate::messages::Messages;

/// What stands on the cover and in the margins.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cover {
    pub(crate) title: String,
    /// For the properties of a file.
    pub(crate) authors: Vec<String>,
    #[serde(skip)]
    pub(crate) company_label: String,
    /// Empty where it is not stated.
    pub(crate) client: String,
    /// Site, contact, author, company.
    pub(crate) facts: Vec<Fact>,
    pub(crate) confidentiality: String,
    /// `#rrggbb` by name; templates check the form once more.
    pub(crate) colours: BTreeMap<&'static str, String>,
}

impl Cover {
    /// What a logo shows.
    pub(crate) fn logo_alt(&self) -> String {
        let owner = self.facts.iter().find(|fact| fact.label == self.company_label);
        let owner = owner.map_or(self.client.as_str(), |fact| fact.value.as_str());
        format!("Logo {owner}").trim().to_owned()
    }
}

pub(crate) fn cover(terms: &DocumentTerms, messages: &Messages) -> Result<Cover, ReportError> {
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
