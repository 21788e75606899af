//! Sentences from message files, with values in the form of a language.
//!
//! The files have Fluent's syntax, plurals included. Fluent itself formats no numbers for a language and puts invisible marks around
//! values; both are done otherwise here, so that what is printed can be copied.
#![warn(missing_docs)]

mod message;
pub mod page;

use std::fmt;

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use plumb_check_sdk::Arg;
use thiserror::Error;
use unic_langid::LanguageIdentifier;

pub use message::{Message, Unreadable, read};

/// The language that every file of messages has, and that others fall back to.
pub const ENGLISH: &str = "en";

/// Longest sentence that is written, in bytes; a longer one is cut.
const MAX_TEXT: usize = 4000;

/// Why there are no sentences, or not this one.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum WordsError {
    /// The file cannot be read.
    #[error("has no readable words in `{language}`: line {line}: {problem}")]
    Syntax {
        /// Language of the file.
        language: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// It is not a language.
    #[error("has words in `{0}`, which is no language")]
    Language(String),
    /// A key twice.
    #[error("has a key twice in `{0}`")]
    Twice(String),
    /// A sentence that cannot be said with these values.
    #[error("cannot say `{key}`: {problem}")]
    Sentence {
        /// Key of the sentence.
        key: String,
        /// What is wrong.
        problem: String,
    },
}

/// The sentences of one file in one language.
pub struct Messages {
    language: String,
    bundle: FluentBundle<FluentResource>,
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").field("language", &self.language).finish_non_exhaustive()
    }
}

impl Messages {
    /// Reads the text of a message file.
    ///
    /// # Errors
    /// Says what is wrong with it, and in which line.
    pub fn new(language: &str, text: &str) -> Result<Self, WordsError> {
        let resource = FluentResource::try_new(text.to_owned()).map_err(|(_, errors)| {
            let problem = errors.first().map_or_else(String::new, |error| error.kind.to_string());
            let at = errors.first().map_or(0, |error| error.pos.start);
            let line = text.as_bytes().iter().take(at).filter(|&&byte| byte == b'\n').count() + 1;
            WordsError::Syntax { language: language.to_owned(), line, problem }
        })?;
        let id: LanguageIdentifier =
            language.parse().map_err(|_| WordsError::Language(language.to_owned()))?;
        let mut bundle = FluentBundle::new(vec![id]);
        // The marks around values would show in terminals and break what is copied.
        bundle.set_use_isolating(false);
        bundle.set_formatter(Some(|value, _| match value {
            // Counts have no decimals, which is where languages differ.
            FluentValue::Number(number) => Some(numeral(&number.as_string(), ENGLISH)),
            _ => None,
        }));
        bundle.add_resource(resource).map_err(|_| WordsError::Twice(language.to_owned()))?;
        Ok(Self { language: language.to_owned(), bundle })
    }

    /// A sentence with its values; `None` if there is none of that key.
    ///
    /// # Errors
    /// A value that the sentence names and does not get.
    pub fn say<'a>(
        &self,
        key: &str,
        values: impl IntoIterator<Item = (&'a str, &'a Arg)>,
    ) -> Result<Option<String>, WordsError> {
        let pattern = self.bundle.get_message(key).and_then(|message| message.value());
        let Some(pattern) = pattern else { return Ok(None) };
        let mut args = FluentArgs::new();
        for (name, arg) in values {
            let value = match arg {
                Arg::Count { count } => FluentValue::from(*count),
                other => FluentValue::from(text_of(other, &self.language)),
            };
            args.set(name, value);
        }
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, Some(&args), &mut errors);
        if let Some(error) = errors.first() {
            return Err(WordsError::Sentence { key: key.to_owned(), problem: error.to_string() });
        }
        let mut text = text.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
        if text.len() > MAX_TEXT {
            text.truncate(text.floor_char_boundary(MAX_TEXT - 4));
            text.push('…');
        }
        Ok(Some(text))
    }
}

/// The numbers of a text, which are written as code writes them (`12345.6 GiB`), as a language writes them: with its decimal
/// sign, and with no-break spaces between thousands from five digits on.
#[must_use]
pub fn numeral(plain: &str, language: &str) -> String {
    let decimal = if language == "de" { ',' } else { '.' };
    let mut text = String::with_capacity(plain.len());
    let mut rest = plain;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, digits) = rest.split_at(start);
        text.push_str(before);
        let whole = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        for (at, digit) in digits[..whole].chars().enumerate() {
            if at > 0 && whole > 4 && (whole - at).is_multiple_of(3) {
                text.push('\u{a0}');
            }
            text.push(digit);
        }
        rest = &digits[whole..];
        let Some(fraction) =
            rest.strip_prefix('.').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        else {
            continue;
        };
        let end = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
        text.push(decimal);
        text.push_str(&fraction[..end]);
        rest = &fraction[end..];
    }
    text + rest
}

/// A value as text of a language.
#[must_use]
pub fn text_of(arg: &Arg, language: &str) -> String {
    match arg {
        Arg::Count { count } => count.to_string(),
        Arg::Quantity { value, unit, digits } => {
            let number = numeral(&format!("{value:.*}", usize::from(*digits).min(9)), language);
            match unit.as_str() {
                "" | "count" => number,
                unit => format!("{number} {unit}"),
            }
        }
        Arg::Text { text } => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_form_of_the_language_and_plurals_its_rules() {
        let text = "cpus = { $n ->\n    [one] { $n } CPU\n   *[other] { $n } CPUs\n } at { $share }";
        let values = |n: u64| [("n", Arg::from(n)), ("share", Arg::quantity(12.34, "%", 1))];
        for (language, n, expected) in
            [("en", 1, "1 CPU at 12.3 %"), ("en", 0, "0 CPUs at 12.3 %"), ("de", 8, "8 CPUs at 12,3 %")]
        {
            let values = values(n);
            let said = Messages::new(language, text)
                .unwrap()
                .say("cpus", values.iter().map(|(name, arg)| (*name, arg)));
            assert_eq!(said.unwrap().unwrap(), expected);
        }
    }

    #[test]
    fn numbers_within_a_text_have_the_form_of_the_language() {
        for (language, plain, expected) in [
            ("de", "75.0", "75,0"),
            ("de", "99.5 … 100.0 %", "99,5 … 100,0 %"),
            ("en", "16.0 GiB", "16.0 GiB"),
            ("de", "50000", "50\u{a0}000"),
            ("en", "1234567.25", "1\u{a0}234\u{a0}567.25"),
            ("de", "2024", "2024"),
            ("de", "no number.", "no number."),
        ] {
            assert_eq!(numeral(plain, language), expected);
        }
        let of = Messages::new("de", "n = { $n } Seiten").unwrap().say("n", [("n", &Arg::count(12345_u64))]);
        assert_eq!(of.unwrap().unwrap(), "12\u{a0}345 Seiten");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let error = Messages::new("en", "a = b\nc = { $n").unwrap_err().to_string();
        assert!(error.starts_with("has no readable words in `en`: line 2: "), "{error}");
        let error = Messages::new("en", "a = { $n }").unwrap().say("a", []).unwrap_err().to_string();
        assert!(error.contains("cannot say `a`") && error.contains('n'), "{error}");
        assert_eq!(Messages::new("en", "a = b").unwrap().say("b", []).unwrap(), None);
    }
}
