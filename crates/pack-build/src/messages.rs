//! Message files: Fluent's syntax, without what a page has no use for (terms, functions, references).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use plumb_words::Message;
use plumb_words::page::{self, PageFault};

use crate::error::Fault;

/// The words of one check in one language.
#[derive(Clone, Debug)]
pub struct Messages {
    /// Language, such as `en`.
    pub language: String,
    /// The file.
    pub file: PathBuf,
    /// Its text.
    pub text: String,
    /// Messages by key.
    pub messages: BTreeMap<String, Message>,
}

impl Messages {
    /// Reads a message file.
    pub(crate) fn parse(language: &str, file: &Path, text: String) -> Result<Self, Vec<Fault>> {
        let all = plumb_words::read(&text).map_err(|places| {
            let fault = |place: plumb_words::Unreadable| Fault::at(file, &text, place.at, place.problem);
            places.into_iter().map(fault).collect::<Vec<_>>()
        })?;
        let mut faults = Vec::new();
        let mut messages = BTreeMap::new();
        for message in all {
            let key = message.key.clone();
            let at = place(&text, &key);
            let mut fault =
                |problem: &str| faults.push(Fault::at(file, &text, at, format!("`{key}`: {problem}")));
            for problem in &message.problems {
                fault(problem);
            }
            if messages.contains_key(&key) {
                fault("it is there twice");
            }
            messages.insert(key, message);
        }
        if faults.is_empty() {
            return Ok(Self { language: language.to_owned(), file: file.to_owned(), text, messages });
        }
        Err(faults)
    }

    /// A fault of a message with its place in the file.
    pub(crate) fn placed(&self, PageFault { key, arg, problem }: PageFault) -> Fault {
        if !self.messages.contains_key(&key) {
            return Fault::file(&self.file, problem);
        }
        let from = self.place(&key);
        let of_arg = arg.and_then(|arg| self.text[from..].find(&format!("${arg}")));
        Fault::at(&self.file, &self.text, of_arg.map_or(from, |at| from + at), problem)
    }

    /// The byte at which a key stands.
    #[must_use]
    pub fn place(&self, key: &str) -> usize {
        place(&self.text, key)
    }

    /// A text without values, or a fault that names it.
    pub(crate) fn plain(&self, key: &str) -> Result<String, Fault> {
        page::plain(&self.messages, key).map_err(|fault| self.placed(fault))
    }
}

/// Where a key stands: the parser tells no places of what is in order.
fn place(text: &str, key: &str) -> usize {
    let mut from = 0;
    for line in text.split_inclusive('\n') {
        if line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('=')) {
            return from;
        }
        from += line.len();
    }
    0
}
