//! The keys of a page, and what its messages have to be so that findings can be said with them.

use std::collections::{BTreeMap, BTreeSet};

use crate::message::Message;

/// Texts that a page has for all findings of its check.
pub const OF_PAGE: [&str; 6] = ["title", "why", "effect", "applicability", "expected-effect", "caveat"];
/// What the keys of a sentence begin with; the name of the sentence follows.
const KINDS: [&str; 4] = ["problem", "effect", "detail", "found"];
/// Longest problem of a finding, in words of English.
const MAX_PROBLEM_WORDS: usize = 12;

/// A sentence of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Values that it names.
    pub args: BTreeSet<String>,
    /// True if it says what is wrong, false if it says what was found where nothing is, or why there is no answer.
    pub is_problem: bool,
}

/// What is wrong with a message of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageFault {
    /// Its key.
    pub key: String,
    /// The value that it is about, where it is one.
    pub arg: Option<String>,
    /// What was expected, what was found, what to do; names the key.
    pub problem: String,
}

impl PageFault {
    fn new(key: &str, problem: String) -> Self {
        Self { key: key.to_owned(), arg: None, problem }
    }
}

/// The sentences of a page in English. `limits` are the keys of thresholds, which may have texts of their own.
///
/// A deviation has a problem and an effect, other answers what was found.
#[must_use]
pub fn variants(
    english: &BTreeMap<String, Message>,
    limits: &[&str],
) -> (BTreeMap<String, Variant>, Vec<PageFault>) {
    let mut faults = Vec::new();
    let mut variants: BTreeMap<String, Variant> = BTreeMap::new();
    for (key, message) in english {
        if OF_PAGE.contains(&key.as_str()) || is_of_limit(key, limits) {
            continue;
        }
        let Some((kind, variant)) = sentence_of(key) else {
            let limit = if limits.is_empty() { "" } else { "`limit-KEY` of a threshold, " };
            let problem = format!(
                "`{key}`: expected one of {}, {limit}or `problem-`, `effect-`, `detail-` or `found-` with the name of a sentence",
                OF_PAGE.join(", ")
            );
            faults.push(PageFault::new(key, problem));
            continue;
        };
        if kind == "problem" && message.words > MAX_PROBLEM_WORDS {
            let problem = format!(
                "`{key}`: expected at most {MAX_PROBLEM_WORDS} words, found {}: move the rest to `detail-{variant}`",
                message.words
            );
            faults.push(PageFault::new(key, problem));
        }
        let is_problem = english.contains_key(&format!("problem-{variant}"));
        let entry = variants
            .entry(variant.to_owned())
            .or_insert_with(|| Variant { args: BTreeSet::new(), is_problem });
        entry.args.extend(message.args.iter().cloned());
    }
    for variant in variants.keys() {
        let key = |kind: &&str| format!("{kind}-{variant}");
        let has = |kind: &str| english.contains_key(&key(&kind));
        let first = KINDS.iter().map(key).find(|key| english.contains_key(key)).unwrap_or_default();
        match (has("problem"), has("found")) {
            (true, true) => faults.push(PageFault::new(
                &first,
                format!("`{variant}`: both `problem-{variant}` and `found-{variant}`: keep one"),
            )),
            (false, false) => {
                faults.push(PageFault::new(&first, format!("`{first}` without `problem-{variant}`: add it")))
            }
            (true, false) | (false, true) => {}
        }
    }
    (variants, faults)
}

/// What another language lacks, or has and should not: it has the same keys as English, which errors call `english_name`, and
/// names no value that a sentence does not get.
#[must_use]
pub fn incomplete(
    english: &BTreeMap<String, Message>,
    english_name: &str,
    other: &BTreeMap<String, Message>,
    variants: &BTreeMap<String, Variant>,
) -> Vec<PageFault> {
    let lacking = english.keys().filter(|key| !other.contains_key(*key));
    let mut faults: Vec<PageFault> = lacking.map(|key| lacks(key)).collect();
    for (key, message) in other {
        if !english.contains_key(key) {
            let problem = format!("`{key}`: `{english_name}` has no such key: remove it");
            faults.push(PageFault::new(key, problem));
            continue;
        }
        let given = sentence_of(key).and_then(|(_, variant)| variants.get(variant));
        for arg in &message.args {
            if given.is_none_or(|variant| !variant.args.contains(arg)) {
                let problem =
                    format!("`{key}`: expected a value that the English sentence names, found `${arg}`");
                faults.push(PageFault { key: key.clone(), arg: Some(arg.clone()), problem });
            }
        }
    }
    faults
}

/// That a key is not there.
#[must_use]
pub fn lacks(key: &str) -> PageFault {
    PageFault::new(key, format!("`{key}`: expected a text, found none: add `{key} = …`"))
}

/// The text of a message that stands for every node.
///
/// # Errors
/// If it is not there, or names a value.
pub fn plain(messages: &BTreeMap<String, Message>, key: &str) -> Result<String, PageFault> {
    let message = messages.get(key).ok_or_else(|| lacks(key))?;
    message.plain.clone().ok_or_else(|| {
        let arg = message.args.iter().next().cloned();
        let found = arg.as_deref().unwrap_or_default();
        let problem =
            format!("`{key}`: expected a text without values, found `${found}`: it stands for every node");
        PageFault { key: key.to_owned(), arg, problem }
    })
}

/// What a key says, and of which sentence.
fn sentence_of(key: &str) -> Option<(&str, &str)> {
    key.split_once('-').filter(|(kind, _)| KINDS.contains(kind))
}

fn is_of_limit(key: &str, limits: &[&str]) -> bool {
    key.strip_prefix("limit-").is_some_and(|rest| {
        limits.iter().any(|limit| {
            rest.strip_prefix(limit).is_some_and(|rest| matches!(rest, "" | "-applies" | "-source"))
        })
    })
}
