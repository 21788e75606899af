//! What the assessment says, in English and in the languages asked for.
//!
//! Decisions are code and return a `Text`: the key of a sentence with its values. The sentences are message files in
//! `words/`, one a language, each read once by a thread and only if somebody asks for it.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use plumb_check_sdk::Arg;
use plumb_evidence::Missing;
use plumb_words::{ENGLISH, Messages};
use serde::Serialize;

use crate::assessment::RatedFinding;

/// Message files by language, English first.
const WORDS: [(&str, &str); 2] =
    [(ENGLISH, include_str!("../words/en.ftl")), ("de", include_str!("../words/de.ftl"))];

/// Key of the words that lose their capital within a sentence; a language without it keeps all of them.
const SMALL_WORDS: &str = "small-words";

thread_local! {
    static READ: [OnceCell<Option<Rc<Messages>>>; WORDS.len()] =
        const { [const { OnceCell::new() }; WORDS.len()] };
}

/// The languages that an assessment is written in.
#[derive(Clone, Debug)]
pub struct Speech {
    english: Option<Rc<Messages>>,
    others: Vec<(&'static str, Rc<Messages>)>,
}

/// One of them.
#[derive(Clone, Copy)]
struct Voice<'a> {
    language: &'a str,
    messages: Option<&'a Messages>,
    english: Option<&'a Messages>,
}

/// Texts in other languages than English: by language, by the name of the field that has the English one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Translations(BTreeMap<String, BTreeMap<String, String>>);

/// A reason that a part of the assessment may have, with its translations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LikelihoodReason {
    /// In English, without a full stop.
    #[serde(rename = "likelihood_reason")]
    pub english: String,
    /// In other languages.
    #[serde(rename = "likelihood_words", skip_serializing_if = "Translations::is_empty")]
    pub words: Translations,
}

/// Something to be said.
#[derive(Clone, Debug)]
pub(crate) enum Text<'a> {
    /// A sentence of the message files, with the values that it names.
    Sentence(Cow<'static, str>, Vec<(&'static str, Self)>),
    /// A number of things, which chooses between singular and plural.
    Count(u64),
    /// A number as it is, with a unit or without.
    Number(f64, &'static str),
    /// A quantity with so many decimals.
    Quantity(f64, &'static str, u8),
    /// What is the same in every language.
    Plain(Cow<'a, str>),
    /// What a finding found.
    Message(&'a RatedFinding),
    /// What is wrong, as a part of a sentence.
    Clause(&'a RatedFinding),
    /// What is wrong where the page of the check says it, or what was found.
    Found(&'a RatedFinding),
    /// What another part of the assessment says: the English text, and the field that it is in.
    Told(&'a str, &'a Translations, &'static str),
    /// Several, joined.
    Joined(&'static str, Vec<Self>),
}

/// A text in English and in the other languages.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) english: String,
    pub(crate) others: Vec<(&'static str, String)>,
}

/// The sentence with this key.
pub(crate) fn say<'a>(key: impl Into<Cow<'static, str>>) -> Text<'a> {
    Text::Sentence(key.into(), Vec::new())
}

impl<'a> Text<'a> {
    /// With a value that the sentence names.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Self>) -> Self {
        if let Self::Sentence(_, values) = &mut self {
            values.push((name, value.into()));
        }
        self
    }

    /// With a number of things.
    pub(crate) fn count(self, name: &'static str, count: usize) -> Self {
        self.with(name, Text::Count(count as u64))
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self::Plain(text.into())
    }
}

impl<'a> From<&'a String> for Text<'a> {
    fn from(text: &'a String) -> Self {
        Self::Plain(text.into())
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self::Plain(text.into())
    }
}

impl From<Missing> for Text<'_> {
    fn from(missing: Missing) -> Self {
        Self::Plain(missing.reason.into())
    }
}

/// With the decimals that are asked for, whatever they are: figures of a table line up.
fn quantity(value: f64, unit: &str, digits: u8) -> Arg {
    Arg::Quantity { value, unit: unit.to_owned(), digits }
}

fn messages(at: usize) -> Option<Rc<Messages>> {
    let read = || {
        let (language, text) = WORDS.get(at)?;
        Messages::new(language, text).ok().map(Rc::new)
    };
    READ.with(|all| all.get(at).and_then(|own| own.get_or_init(read).clone()))
}

impl Speech {
    /// English, and those of `languages` that there are words in.
    #[must_use]
    pub fn new<L: AsRef<str>>(languages: &[L]) -> Self {
        let is_asked_for = |language: &str| languages.iter().any(|own| own.as_ref() == language);
        let others = WORDS.iter().enumerate().skip(1);
        Self {
            english: messages(0),
            others: others
                .filter(|(_, (language, _))| is_asked_for(language))
                .filter_map(|(at, (language, _))| Some((*language, messages(at)?)))
                .collect(),
        }
    }

    /// Says it in all languages.
    pub(crate) fn tell(&self, text: &Text<'_>) -> Told {
        let english = self.english.as_deref();
        let others = self.others.iter().map(|(language, messages)| {
            (*language, Voice { language, messages: Some(messages), english }.say(text))
        });
        Told {
            english: Voice { language: ENGLISH, messages: english, english }.say(text),
            others: others.collect(),
        }
    }

    /// Says it in all languages; the English one is returned, the others go to `words` as the field `name`.
    pub(crate) fn field(&self, words: &mut Translations, name: &str, text: &Text<'_>) -> String {
        let told = self.tell(text);
        for (language, text) in told.others {
            words.0.entry(language.to_owned()).or_default().insert(name.to_owned(), text);
        }
        told.english
    }
}

impl Translations {
    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of a field in a language, or the English one.
    #[must_use]
    pub fn get<'a>(&'a self, language: &str, field: &str, english: &'a str) -> &'a str {
        self.0.get(language).and_then(|fields| fields.get(field)).map_or(english, String::as_str)
    }

    /// The languages that there are.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl LikelihoodReason {
    pub(crate) fn new(speech: &Speech, text: &Text<'_>) -> Self {
        let mut words = Translations::default();
        Self { english: speech.field(&mut words, "likelihood_reason", text), words }
    }

    /// In a language, or in English.
    #[must_use]
    pub fn get(&self, language: &str) -> &str {
        self.words.get(language, "likelihood_reason", &self.english)
    }
}

impl Voice<'_> {
    fn say(self, text: &Text<'_>) -> String {
        match text {
            Text::Sentence(key, values) => {
                let values: Vec<(&str, Arg)> =
                    values.iter().map(|(name, value)| (*name, self.arg(value))).collect();
                self.sentence(key, &values)
            }
            Text::Joined(between, parts) => {
                parts.iter().map(|part| self.say(part)).collect::<Vec<_>>().join(between)
            }
            Text::Plain(text) => text.clone().into_owned(),
            Text::Message(finding) => finding.message_in(self.language).to_owned(),
            Text::Clause(finding) => self.clause(&finding.sentence_in(self.language)),
            Text::Found(finding) => match finding.problem_in(self.language) {
                "" => finding.message_in(self.language).to_owned(),
                problem => problem.to_owned(),
            },
            Text::Told(english, words, field) => words.get(self.language, field, english).to_owned(),
            Text::Count(_) | Text::Number(..) | Text::Quantity(..) => {
                plumb_words::text_of(&self.arg(text), self.language)
            }
        }
    }

    fn arg(self, text: &Text<'_>) -> Arg {
        match text {
            Text::Count(count) => Arg::count(*count),
            Text::Number(value, unit) => {
                let decimals = value.to_string().split_once('.').map_or(0, |(_, decimals)| decimals.len());
                quantity(*value, unit, u8::try_from(decimals).unwrap_or(u8::MAX))
            }
            Text::Quantity(value, unit, digits) => quantity(*value, unit, *digits),
            other => Arg::text(self.say(other)),
        }
    }

    /// A sentence in this language, or else in English.
    fn sentence(self, key: &str, values: &[(&str, Arg)]) -> String {
        let of = |messages: Option<&Messages>| {
            messages?.say(key, values.iter().map(|(name, value)| (*name, value))).ok().flatten()
        };
        of(self.messages).or_else(|| of(self.english)).unwrap_or_else(|| key.to_owned())
    }

    /// A sentence as a part of one: without a capital where the first word has it as the first only. In English that is any
    /// but one of capitals (`GPU`); in a language that writes nouns so, the file of words names them.
    fn clause(self, sentence: &str) -> String {
        let mut chars = sentence.chars();
        let (Some(first), Some(second)) = (chars.next(), chars.clone().next()) else {
            return sentence.to_owned();
        };
        let is_small = if self.language == ENGLISH {
            second.is_lowercase() || second == ' '
        } else {
            let word = sentence.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default().to_lowercase();
            let small = self.messages.and_then(|messages| messages.say(SMALL_WORDS, []).ok().flatten());
            small.is_some_and(|small| small.split_whitespace().any(|own| own == word))
        };
        if is_small { first.to_lowercase().chain(chars).collect() } else { sentence.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use plumb_words::Message;

    use super::*;

    fn all(at: usize) -> Vec<Message> {
        plumb_words::read(WORDS[at].1).unwrap()
    }

    #[test]
    fn every_language_has_the_sentences_of_the_english_file_with_their_values() {
        let english = all(0);
        for (at, (language, _)) in WORDS.iter().enumerate() {
            let own = all(at);
            let is_sentence = |message: &&Message| message.key != SMALL_WORDS;
            let names = |all: &[Message]| -> Vec<(String, BTreeSet<String>)> {
                all.iter()
                    .filter(is_sentence)
                    .map(|message| (message.key.clone(), message.args.clone()))
                    .collect()
            };
            assert_eq!(names(&own), names(&english), "{language}");
            for message in own {
                assert!(message.problems.is_empty(), "{language}: {message:?}");
                let plain = message.plain.unwrap_or_default();
                assert!(!plain.ends_with('.'), "{language}: {}: {plain}", message.key);
            }
        }
    }

    #[test]
    fn every_sentence_is_said_somewhere_and_every_key_is_there() {
        let known: BTreeSet<String> = all(0).into_iter().map(|message| message.key).collect();
        let mut sources = String::new();
        let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => sources.push_str(&std::fs::read_to_string(path).unwrap()),
                }
            }
        }
        for key in sources.split("say(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(known.contains(key), "no sentence `{key}`");
        }
        // Keys that are put together have the first part in the source.
        let is_said = |key: &String| {
            let parts = key.match_indices('-').map(|(at, _)| format!("\"{}{{", &key[..=at]));
            sources.contains(&format!("\"{key}\"")) || parts.into_iter().any(|part| sources.contains(&part))
        };
        let unsaid: Vec<&String> = known.iter().filter(|key| !is_said(key)).collect();
        assert!(unsaid.is_empty(), "{unsaid:?}");
    }

    #[test]
    fn only_languages_that_are_asked_for_are_said() {
        let missing = say("gap-share").with("percent", Text::Number(12.0, ""));
        let told = Speech::new::<&str>(&[]).tell(&missing);
        assert_eq!(told.english, "only 12 % of the checks behind it, weighted by severity, were answered");
        assert!(told.others.is_empty());
        let told = Speech::new(&["xx", "de"]).tell(&missing);
        assert_eq!(told.others.len(), 1);
        assert!(told.others[0].1.starts_with("nur 12 % der"), "{told:?}");
    }

    #[test]
    fn a_clause_keeps_the_capitals_of_nouns() {
        let speech = Speech::new(&["de"]);
        let clause = |language, text| {
            let messages = speech.others.first().map(|(_, messages)| &**messages);
            Voice { language, messages, english: speech.english.as_deref() }.clause(text)
        };
        for (language, text, expected) in [
            ("en", "The governor is slow", "the governor is slow"),
            ("en", "GPU 0 is far", "GPU 0 is far"),
            ("de", "Der Governor bremst", "der Governor bremst"),
            ("de", "Threads teilen sich Kerne", "Threads teilen sich Kerne"),
        ] {
            assert_eq!(clause(language, text), expected);
        }
    }
}
