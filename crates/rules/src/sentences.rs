//! The sentences of a rule: the keys of a page's message files, each a text of Fluent's syntax.
//!
//! The worker says them, for rules as for every other pack. Here they are read so far that what could not be said is found
//! before any evidence is.

use std::collections::{BTreeMap, BTreeSet};

use plumb_words::page::{self, OF_PAGE, PageFault, Variant};
use plumb_words::{ENGLISH, Message, Messages};

use crate::file::Place;

/// Texts by language and key.
pub(crate) type WordsTable = BTreeMap<String, BTreeMap<String, Place>>;

/// Something wrong with the words of a rule, and the line where it is known.
pub(crate) type Wrong = (Option<usize>, String);

/// The sentences of a rule.
#[derive(Debug, Default)]
pub(crate) struct Sentences {
    /// Message files by language.
    pub(crate) files: BTreeMap<String, String>,
    /// Sentences by name.
    pub(crate) variants: BTreeMap<String, Variant>,
}

impl Sentences {
    /// Reads all words of a rule.
    pub(crate) fn read(table: &WordsTable, tell: &mut impl FnMut(Wrong)) -> Self {
        let mut sentences = Self::default();
        let mut languages: BTreeMap<&str, BTreeMap<String, Message>> = BTreeMap::new();
        for (language, texts) in table {
            let mut file = String::new();
            let messages = languages.entry(language).or_default();
            for (key, place) in texts {
                match message(key, place) {
                    Ok(message) => drop(messages.insert(key.clone(), message)),
                    Err(problems) => {
                        let told = |problem| (place.line(), format!("`words.{language}.{key}`: {problem}"));
                        problems.into_iter().map(told).for_each(&mut *tell);
                        // Told once, and not again as lacking.
                        messages.insert(key.clone(), unread(key));
                    }
                }
                file += &written(key, place);
            }
            if let Err(error) = Messages::new(language, &file)
                && messages.values().all(|message| message.problems.is_empty())
            {
                tell((first_line(texts), format!("`words`: it {error}")));
            }
            sentences.files.insert(language.clone(), file);
        }
        let Some(english) = languages.get(ENGLISH) else {
            tell((None, format!("`words.{ENGLISH}` is missing: it is what other languages fall back to")));
            return sentences;
        };
        let line = |language: &str, key: &str| {
            let texts = table.get(language)?;
            texts.get(key).map_or_else(|| first_line(texts), |place| place.line())
        };
        let (variants, faults) = page::variants(english, &[]);
        let mut told = |language: &str, fault: PageFault| {
            let unread = languages.get(language).and_then(|messages| messages.get(&fault.key));
            if unread.is_none_or(|message| message.problems.is_empty()) {
                tell((line(language, &fault.key), format!("`words.{language}`: {}", fault.problem)));
            }
        };
        faults.into_iter().for_each(|fault| told(ENGLISH, fault));
        let of_page = OF_PAGE.iter().filter(|key| english.contains_key(**key));
        for fault in of_page.filter_map(|key| page::plain(english, key).err()) {
            told(ENGLISH, fault);
        }
        for (language, messages) in languages.iter().filter(|(language, _)| **language != ENGLISH) {
            for fault in page::incomplete(english, &format!("words.{ENGLISH}"), messages, &variants) {
                told(language, fault);
            }
        }
        sentences.variants = variants;
        sentences
    }
}

/// A text of the page, in English, which stands for every node.
pub(crate) fn of_page(table: &WordsTable, key: &str) -> Result<String, Wrong> {
    let texts = table.get(ENGLISH);
    let place = texts.and_then(|texts| texts.get(key));
    let Some(place) = place else {
        let line = texts.and_then(first_line);
        return Err((line, format!("`words.{ENGLISH}`: {}", page::lacks(key).problem)));
    };
    let message = message(key, place)
        .map_err(|problems| (place.line(), format!("`words.{ENGLISH}.{key}`: {}", problems.join("; "))))?;
    let messages = BTreeMap::from([(key.to_owned(), message)]);
    page::plain(&messages, key)
        .map_err(|fault| (place.line(), format!("`words.{ENGLISH}`: {}", fault.problem)))
}

/// The line of the first text, for what is not there.
fn first_line(texts: &BTreeMap<String, Place>) -> Option<usize> {
    texts.values().filter_map(|place| place.line()).min()
}

/// A text as a message file has it: what follows the first line is set in.
fn written(key: &str, text: &str) -> String {
    format!("{key} = {}\n", text.trim().replace('\n', "\n    "))
}

fn message(key: &str, text: &str) -> Result<Message, Vec<String>> {
    let read = plumb_words::read(&written(key, text));
    let mut messages =
        read.map_err(|places| places.into_iter().map(|place| place.problem).collect::<Vec<_>>())?;
    match messages.pop() {
        Some(message) if messages.is_empty() && message.key == key => {
            if message.problems.is_empty() {
                Ok(message)
            } else {
                Err(message.problems)
            }
        }
        _ => Err(vec!["expected one text under a key of letters, digits and `-`".to_owned()]),
    }
}

/// What stands for a message that cannot be read.
fn unread(key: &str) -> Message {
    Message {
        key: key.to_owned(),
        args: BTreeSet::new(),
        plain: None,
        words: 0,
        problems: vec!["it cannot be read".to_owned()],
    }
}
