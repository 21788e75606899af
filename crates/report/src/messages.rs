//! The fixed words of a report, by language. They live in the theme (`messages/en.toml`), so that a translation needs
//! no code, and so that all output formats use the same words.

use std::path::PathBuf;

use serde_json::Value;

use crate::ReportError;
use crate::error::Place;
use crate::escape::clean;

/// The words of one language.
#[derive(Clone, Debug)]
pub(crate) struct Messages {
    place: PathBuf,
    words: Value,
}

impl Messages {
    /// Reads a message file.
    pub(crate) fn parse(place: PathBuf, text: &str) -> Result<Self, ReportError> {
        let parsed: Result<toml::Table, _> = toml::from_str(text);
        let table = parsed.map_err(|error| {
            let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            ReportError::Messages {
                place: Place { file: place.clone(), line },
                problem: error.message().replace('\n', ", "),
            }
        })?;
        let words = serde_json::to_value(table).map_err(ReportError::Data)?;
        Ok(Self { place, words })
    }

    /// Takes over all words that `other` has.
    pub(crate) fn overlay(&mut self, other: Self) {
        merge(&mut self.words, other.words);
        self.place = other.place;
    }

    /// All words, as templates see them.
    pub(crate) fn all(&self) -> &Value {
        &self.words
    }

    /// The language that the words are in.
    pub(crate) fn language(&self) -> &str {
        self.words.get("language").and_then(Value::as_str).unwrap_or("en")
    }

    /// The numbers of a text, written as code writes them, as the language writes them.
    pub(crate) fn numeral(&self, plain: &str) -> String {
        plumb_words::numeral(plain, self.language())
    }

    /// The word with `key` in `section`.
    pub(crate) fn get(&self, section: &str, key: &str) -> Result<&str, ReportError> {
        self.find(section, key).ok_or_else(|| ReportError::Messages {
            place: Place { file: self.place.clone(), line: None },
            problem: format!("expected a text `{key}` in section `[{section}]`, but found none"),
        })
    }

    /// The word with `key` in `section`, if there is one.
    pub(crate) fn find(&self, section: &str, key: &str) -> Option<&str> {
        self.words.get(section)?.get(key)?.as_str()
    }

    /// What a check looks at, which it names in English: a language has words for the kinds of things, and the names of this
    /// node stay as they are.
    pub(crate) fn thing(&self, english: &str) -> String {
        let words = self.pairs("subject", "words").unwrap_or_default();
        let part = |part: &str| {
            if let Some((_, own)) = words.iter().find(|(english, _)| *english == part) {
                return (*own).to_owned();
            }
            // Words at the beginning end in a space, those within a name begin with one.
            let mut text = part.to_owned();
            for (english, own) in &words {
                if english.starts_with(' ') {
                    text = text.replace(english, own);
                } else if let Some(rest) = text.strip_prefix(english).filter(|_| english.ends_with(' ')) {
                    text = format!("{own}{rest}");
                }
            }
            text
        };
        clean(&english.split(", ").map(part).collect::<Vec<_>>().join(", "))
    }

    /// Pairs of texts: a table of terms and their meaning.
    pub(crate) fn pairs(&self, section: &str, key: &str) -> Result<Vec<(&str, &str)>, ReportError> {
        let pairs = self.words.get(section).and_then(|section| section.get(key)?.as_array());
        pairs.and_then(|own| own.iter().map(pair).collect()).ok_or_else(|| ReportError::Messages {
            place: Place { file: self.place.clone(), line: None },
            problem: format!("expected pairs of texts in `{key}` of section `[{section}]`"),
        })
    }

    /// [`Self::get`] with each `{name}` replaced.
    pub(crate) fn fill(
        &self,
        section: &str,
        key: &str,
        values: &[(&str, &str)],
    ) -> Result<String, ReportError> {
        let mut text = String::new();
        let mut rest = self.get(section, key)?;
        // One pass from left to right, so that a value that looks like a placeholder stays what it is.
        while let Some(start) = rest.find('{') {
            let (before, after) = rest.split_at(start);
            text.push_str(before);
            let found = values.iter().find_map(|(name, value)| {
                let tail = after.strip_prefix('{')?.strip_prefix(name)?.strip_prefix('}')?;
                Some((*value, tail))
            });
            (text, rest) = match found {
                Some((value, tail)) => (text + value, tail),
                None => (text + "{", &after[1..]),
            };
        }
        Ok(text + rest)
    }

    /// Name of the month with number `month`, from 1.
    pub(crate) fn month(&self, month: u8) -> Result<&str, ReportError> {
        let months = self.words.get("document").and_then(|section| section.get("months"));
        let name = months.and_then(|months| months.get(usize::from(month).saturating_sub(1)));
        name.and_then(Value::as_str).ok_or_else(|| ReportError::Messages {
            place: Place { file: self.place.clone(), line: None },
            problem: "expected twelve names in `months` of section `[document]`".into(),
        })
    }
}

fn pair(own: &Value) -> Option<(&str, &str)> {
    Some((own.get(0)?.as_str()?, own.get(1)?.as_str()?))
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_each_placeholder_once() {
        let messages = Messages::parse("t".into(), "[s]\nk = \"{a} and {b} and {c}\"").unwrap();
        assert_eq!(messages.fill("s", "k", &[("a", "{b}"), ("b", "1")]).unwrap(), "{b} and 1 and {c}");
    }

    #[test]
    fn names_file_and_line() {
        let error = Messages::parse("x.toml".into(), "[s]\nk = 1\nk = \n").unwrap_err();
        assert!(error.to_string().starts_with("x.toml:3: "), "{error}");
        let error = Messages::parse("x.toml".into(), "").unwrap().get("s", "k").unwrap_err().to_string();
        assert_eq!(error, "x.toml: expected a text `k` in section `[s]`, but found none");
    }
}
