//! What findings and checks say in the language of the report: the words of a check's page, or the English ones.

use plumb_check_sdk::Words;
use plumb_engine::Assessment;
use plumb_engine::assessment::RatedFinding;

use crate::escape::clean;
use crate::messages::Messages;

/// The words of an assessment in the language of the report.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    assessment: &'a Assessment,
    language: &'a str,
}

impl<'a> Said<'a> {
    pub(super) fn new(assessment: &'a Assessment, messages: &'a Messages) -> Self {
        Self { assessment, language: messages.language() }
    }

    fn words(self, finding: &RatedFinding) -> Option<&Words> {
        finding.words.get(self.language)
    }

    /// What was found.
    pub(super) fn message(self, finding: &RatedFinding) -> String {
        clean(self.words(finding).map_or(&finding.message, |words| &words.message))
    }

    /// What is wrong here, in a sentence without a full stop; `None` for a check without a page.
    pub(super) fn problem(self, finding: &RatedFinding) -> Option<String> {
        let problem = self.words(finding).map_or(&finding.problem, |words| &words.problem);
        Some(clean(problem)).filter(|problem| !problem.is_empty())
    }

    /// What it means for the service.
    pub(super) fn effect(self, finding: &RatedFinding) -> String {
        let effect = self.words(finding).map_or(&finding.effect, |words| &words.effect);
        if effect.is_empty() { self.page(finding, "effect", &finding.business) } else { clean(effect) }
    }

    /// A text that stands for every node: that of the check's page, or the English one.
    pub(super) fn page(self, finding: &RatedFinding, key: &str, english: &str) -> String {
        let pages = self.assessment.pages.get(self.language);
        let text = pages.and_then(|checks| checks.get(&finding.check)).and_then(|texts| texts.get(key));
        clean(text.map_or(english, String::as_str))
    }
}
