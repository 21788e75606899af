//! What every document is written with: its words, and a list of the numbers that it states.

use std::cell::RefCell;

use plumb_engine::document::{DocumentTerms, Status};
use plumb_evidence::model::Amount;

use super::fact;
use crate::ReportError;
use crate::escape::clean;
use crate::messages::Messages;
use crate::model::{APPENDIX, Block, Chapter, Cover, Labelled, MAIN, Number, Part};
use crate::view::capacity::amounts;
use crate::view::cover;

/// The words of a document and the numbers that it has stated so far.
#[derive(Debug)]
pub(crate) struct Pen<'a> {
    pub(crate) messages: &'a Messages,
    numbers: RefCell<Vec<Number>>,
}

impl<'a> Pen<'a> {
    pub(crate) fn new(messages: &'a Messages) -> Self {
        Self { messages, numbers: RefCell::default() }
    }

    pub(crate) fn into_numbers(self) -> Vec<Number> {
        self.numbers.into_inner()
    }

    pub(crate) fn t(&self, section: &str, key: &str) -> Result<&'a str, ReportError> {
        self.messages.get(section, key)
    }

    /// A sentence of the main report.
    pub(crate) fn say(&self, key: &str, values: &[(&str, &str)]) -> Result<String, ReportError> {
        self.messages.fill("main", key, values)
    }

    /// A word of the main report.
    pub(crate) fn word(&self, key: &str) -> Result<&'a str, ReportError> {
        self.messages.get("main", key)
    }

    pub(crate) fn chapter(
        &self,
        id: &str,
        own_page: bool,
        blocks: Vec<Block>,
    ) -> Result<Chapter, ReportError> {
        let title = self.t("chapter", id)?.to_owned();
        Ok(Chapter { id: id.to_owned(), number: String::new(), title, own_page, blocks })
    }

    /// The main part, its chapters numbered in their order.
    pub(crate) fn main(&self, mut chapters: Vec<Chapter>) -> Result<Part, ReportError> {
        for (number, chapter) in (1..).zip(&mut chapters) {
            chapter.number = number.to_string();
        }
        Ok(Part { id: MAIN.to_owned(), title: self.t("part", MAIN)?.to_owned(), chapters })
    }

    /// The appendix, its chapters lettered in their order.
    pub(crate) fn appendix(&self, mut chapters: Vec<Chapter>) -> Result<Part, ReportError> {
        for (index, chapter) in (0..).zip(&mut chapters) {
            chapter.number = letters(index);
        }
        Ok(Part { id: APPENDIX.to_owned(), title: self.t("part", APPENDIX)?.to_owned(), chapters })
    }

    /// A number of the main report, written as `text`: it is in the JSON with its label and what it comes from.
    pub(crate) fn number(
        &self,
        id: &str,
        value: f64,
        text: impl AsRef<str>,
        label: &str,
        origin: &str,
    ) -> String {
        let text = self.messages.numeral(text.as_ref());
        let number = Number {
            id: id.to_owned(),
            text: text.clone(),
            value,
            label: label.to_owned(),
            origin: origin.to_owned(),
        };
        let mut numbers = self.numbers.borrow_mut();
        if !numbers.contains(&number) {
            numbers.push(number);
        }
        text
    }

    /// A number of things, of the assessment.
    pub(crate) fn count(&self, id: &str, count: usize, origin: &str) -> String {
        self.number(id, count as f64, count.to_string(), "counted", origin)
    }

    /// A rate as it was tested or stated: no more decimals than it has, at most two.
    pub(crate) fn rate_of(&self, id: &str, value: f64, label: &str, origin: &str) -> String {
        let text = format!("{value:.2}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        self.number(id, value, text, label, origin)
    }

    /// An amount of a currency.
    pub(crate) fn amount(&self, id: &str, value: Amount, currency: &str, origin: &str) -> String {
        self.number(id, value.low, format!("{} {}", amounts(value), clean(currency)), "modelled", origin)
    }

    /// The cover of a document on `subject`; `collected` is what is said of when the evidence was collected.
    pub(crate) fn cover(&self, terms: &DocumentTerms, on: &About<'_>) -> Result<Cover, ReportError> {
        let own = cover::cover(terms, self.messages)?;
        let mut facts: Vec<Labelled> = Vec::new();
        let mut add = |key: &str, value: &str| -> Result<(), ReportError> {
            if !value.is_empty() {
                facts.push(fact(self.t("document", key)?, clean(value)));
            }
            Ok(())
        };
        add("client", &own.client)?;
        for (key, value) in [
            ("site", &terms.client.site),
            ("contact", &terms.client.contact),
            ("author", &terms.author),
            ("company", &terms.company),
        ] {
            add(key, value.as_deref().unwrap_or_default())?;
        }
        add("collected", on.collected)?;
        add("report_date", terms.date.as_deref().unwrap_or_default())?;
        let status = match terms.status {
            Some(Status::Draft) => self.t("document", "draft")?,
            Some(Status::Final) => self.t("document", "final")?,
            None => "",
        };
        let version = terms.version.as_deref().map(clean).unwrap_or_default();
        let parts: Vec<&str> =
            [version.as_str(), status].into_iter().filter(|part| !part.is_empty()).collect();
        add("version", &parts.join(", "))?;
        add("reviewers", &terms.reviewers.join(", "))?;
        add("distribution", &terms.distribution.join(", "))?;
        let notice = if on.synthetic { self.t("text", "synthetic")? } else { "" };
        Ok(Cover {
            title: match (&terms.title, on.title) {
                (Some(_), _) | (None, "") => own.title.clone(),
                (None, title) => title.to_owned(),
            },
            subject: clean(on.subject),
            facts,
            notice: notice.to_owned(),
            date: on.date.to_owned(),
            prepared: self.messages.fill("document", "prepared", &[("version", &clean(on.tool))])?,
            watermark: if terms.status == Some(Status::Draft) { status.to_owned() } else { String::new() },
            description: on.description.to_owned(),
            logo: own.logo_alt(),
            colours: own.colours.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            confidentiality: own.confidentiality,
            authors: own.authors,
        })
    }
}

/// What a document is about, for its cover.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    /// The title where the client gives none; empty for that of a report.
    pub(crate) title: &'a str,
    pub(crate) subject: &'a str,
    /// When the evidence was collected, in words.
    pub(crate) collected: &'a str,
    /// The day of the document, in words.
    pub(crate) date: &'a str,
    /// True if something of it does not exist.
    pub(crate) synthetic: bool,
    /// Version of the tool.
    pub(crate) tool: &'a str,
    /// The result in a line.
    pub(crate) description: &'a str,
}

/// `A` to `Z`, then `AA` and so on.
fn letters(index: usize) -> String {
    let last = char::from(b'A' + (index % 26) as u8);
    match index / 26 {
        0 => last.to_string(),
        more => format!("{}{last}", letters(more - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::letters;

    #[test]
    fn letters_go_on_after_the_last() {
        assert_eq!([0, 25, 26, 51, 52, 701, 702].map(letters), ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }
}
