//! What a comparison says, in the language of its document.

use crate::speech::{Speech, Text};

/// Says sentences in one language, or in English where there are no words of it.
pub(super) struct Words<'a> {
    speech: Speech,
    language: &'a str,
}

impl<'a> Words<'a> {
    pub(super) fn new(language: &'a str) -> Self {
        Self { speech: Speech::new(&[language]), language }
    }

    pub(super) fn say(&self, text: &Text<'_>) -> String {
        let told = self.speech.tell(text);
        let own = told.others.into_iter().find(|(language, _)| *language == self.language);
        own.map_or(told.english, |(_, text)| text)
    }
}
