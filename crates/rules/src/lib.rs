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
mod lower;
mod node;
mod problem;
mod rule;
mod template;
mod value;

use plumb_check_sdk::{Check, Pack, PackManifest};

use crate::file::RuleFile;
pub use crate::file::rules_schema;
pub use crate::problem::{Problem, Problems};
use crate::rule::Rule;

/// Longest file of rules, in bytes.
pub const MAX_FILE: usize = 4 << 20;

/// The manifest of the pack whose rules are `text`. No expression is looked at; `file` is the name of the file.
///
/// # Errors
/// Fails on a text that is not TOML or not rules.
pub fn manifest(text: &str, file: &str) -> Result<PackManifest, Problems> {
    Ok(RuleFile::parse(text, file)?.manifest(file))
}

/// The pack whose rules are `text`; `file` is the name of the file.
///
/// The pack stays for the life of the process, as a library that was loaded does.
///
/// # Errors
/// Tells everything that is wrong with the file, each with its line and rule.
pub fn load(text: &str, file: &str) -> Result<&'static Pack, Problems> {
    let parsed = RuleFile::parse(text, file)?;
    let mut problems = Vec::new();
    let mut checks: Vec<&'static dyn Check> = Vec::new();
    for table in &parsed.rules {
        match Rule::new(table) {
            Ok(rule) => checks.push(Box::leak(Box::new(rule))),
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(Problems::new(file, problems));
    }
    checks.sort_by(|a, b| a.meta().id.cmp(&b.meta().id));
    let forever = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    let pack = Pack::new(
        forever(&parsed.id),
        forever(&parsed.version),
        forever(file),
        "",
        Box::leak(checks.into_boxed_slice()),
    );
    Ok(Box::leak(Box::new(pack)))
}
