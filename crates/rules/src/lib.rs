//! Check packs written as TOML: metadata, thresholds, and conditions in a total expression language over the evidence.
//!
//! [`manifest`] reads what the rules say about themselves, which looks at no expression. [`load`] makes a
//! [`Pack`] of them, so that a rule is a check like one written in Rust: it gets only the evidence that
//! it declares, and what it lacks makes it `not-run`.
//!
//! Expressions are those of the Common Expression Language (CEL), parsed by the `cel` crate and evaluated here, because what
//! is missing has to be neither an error that hides nor a value: it is an answer of its own that spreads through every
//! operation, unless the rest of the expression decides (`false && missing`). Evaluation always ends: there is no recursion,
//! loops go over lists only, and each rule has a budget.
#![warn(missing_docs)]

mod eval;
mod file;
mod intent;
mod lower;
mod node;
mod problem;
mod reading;
mod rule;
mod sentences;
mod spoken;
mod template;
mod value;

use std::collections::BTreeMap;

use plumb_check_sdk::{Check, Pack, PackManifest};

use crate::file::Rules;
pub use crate::file::rules_schema;
pub use crate::problem::{Problem, Problems};
use crate::rule::Rule;

/// Longest file of rules, in bytes.
pub const MAX_FILE: usize = 4 << 20;

/// Message files by language and check, as a pack hands them over.
type Words = BTreeMap<String, BTreeMap<String, String>>;

/// The manifest of the pack whose rules are `text`. No expression is looked at; `file` is the name of the file.
///
/// # Errors
/// Fails on a text that is not TOML or not rules.
pub fn manifest(text: &str, file: &str) -> Result<PackManifest, Problems> {
    Rules::parse(text, file)?.manifest(file)
}

/// The pack whose rules are `text`; `file` is the name of the file.
///
/// The pack stays for the life of the process, as a library that was loaded does.
///
/// # Errors
/// Tells everything that is wrong with the file, each with its line and rule.
pub fn load(text: &str, file: &str) -> Result<&'static Pack, Problems> {
    let parsed = Rules::parse(text, file)?;
    let mut problems = Vec::new();
    let mut checks: Vec<&'static dyn Check> = Vec::new();
    let mut words = Words::new();
    let mut keep = |rule: Rule| checks.push(Box::leak(Box::new(rule)));
    match &parsed {
        Rules::Plain(file) => {
            for table in &file.rules {
                Rule::plain(table).map_or_else(|found| problems.extend(found), &mut keep);
            }
        }
        Rules::Spoken(file) => {
            for table in &file.rules {
                match Rule::spoken(table) {
                    Ok((rule, texts)) => {
                        for (language, text) in texts {
                            words.entry(language).or_default().insert(table.id.to_string(), text);
                        }
                        keep(rule);
                    }
                    Err(found) => problems.extend(found),
                }
            }
        }
    }
    if !problems.is_empty() {
        return Err(Problems::new(file, problems));
    }
    let words = if words.is_empty() { String::new() } else { json_of(&words) };
    checks.sort_by(|a, b| a.meta().id.cmp(&b.meta().id));
    let (id, version) = parsed.names();
    let forever = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    let pack = Pack::new(
        forever(id),
        forever(version),
        forever(file),
        forever(&words),
        Box::leak(checks.into_boxed_slice()),
    );
    Ok(Box::leak(Box::new(pack)))
}

fn json_of(words: &Words) -> String {
    // Texts by texts, which JSON can always hold.
    serde_json::to_string(words).unwrap_or_default()
}
