//! What findings and checks say in the language of the report: the words of a check's page, or the English ones.

use plumb_check_sdk::{Outcome, Words};
use plumb_engine::Assessment;
use plumb_engine::assessment::RatedFinding;
use plumb_engine::speech::Translations;

use crate::escape::clean;
use crate::messages::Messages;

/// The words of an assessment in the language of the report.
#[derive(Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) assessment: &'a Assessment,
    pub(crate) language: &'a str,
    messages: &'a Messages,
}

impl<'a> Said<'a> {
    pub(crate) fn new(assessment: &'a Assessment, messages: &'a Messages) -> Self {
        Self { assessment, language: messages.language(), messages }
    }

    /// A text of the assessment: the translation of a field, or the English one.
    pub(crate) fn text(self, words: &Translations, field: &str, english: &str) -> String {
        clean(words.get(self.language, field, english))
    }

    /// Why a likelihood is not the one that the check gave.
    pub(crate) fn likelihood_reason(self, finding: &RatedFinding) -> Option<String> {
        finding.likelihood_reason.as_ref().map(|reason| clean(reason.get(self.language)))
    }

    fn words(self, finding: &RatedFinding) -> Option<&Words> {
        finding.words.get(self.language)
    }

    /// What was looked at.
    pub(crate) fn subject(self, finding: &RatedFinding) -> String {
        self.messages.thing(&finding.subject)
    }

    /// What was found.
    pub(crate) fn message(self, finding: &RatedFinding) -> String {
        clean(finding.message_in(self.language))
    }

    /// What is wrong here, in a sentence without a full stop; `None` for a check without a page.
    pub(crate) fn problem(self, finding: &RatedFinding) -> Option<String> {
        Some(clean(finding.problem_in(self.language))).filter(|problem| !problem.is_empty())
    }

    /// What it means for the service.
    pub(crate) fn effect(self, finding: &RatedFinding) -> String {
        let effect = self.words(finding).map_or(&finding.effect, |words| &words.effect);
        match () {
            () if !effect.is_empty() => clean(effect),
            // What deviations mean is not true of what is only worth knowing.
            () if finding.outcome == Outcome::Info => String::new(),
            () => self.page(finding, "effect", &finding.business),
        }
    }

    /// A text of a limit. A source may begin with the title of a document, which is the same in every language.
    pub(crate) fn of_limit(self, finding: &RatedFinding, english: &str) -> String {
        let pages = self.assessment.pages.get(self.language);
        let texts = pages.and_then(|checks| checks.get(&finding.check));
        let parts = std::iter::once(0).chain(english.match_indices(": ").map(|(at, mark)| at + mark.len()));
        let known = |at: usize| Some((at, texts?.get(&english[at..])?));
        let text = parts.into_iter().find_map(known).map(|(at, text)| format!("{}{text}", &english[..at]));
        clean(&text.unwrap_or_else(|| english.to_owned()))
    }

    /// A text that stands for every node: that of the check's page, or the English one.
    pub(crate) fn page(self, finding: &RatedFinding, key: &str, english: &str) -> String {
        let pages = self.assessment.pages.get(self.language);
        let text = pages.and_then(|checks| checks.get(&finding.check)).and_then(|texts| texts.get(key));
        clean(text.map_or(english, String::as_str))
    }
}
