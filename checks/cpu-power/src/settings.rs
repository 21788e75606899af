//! Single-value files of a subject.

use std::collections::BTreeMap;

use plumb_check_sdk::{Absence, Fact, Missing};

/// Texts by absolute path.
pub(crate) type Settings = BTreeMap<String, Fact<String>>;

/// The text of the file at `path`.
///
/// # Errors
/// A path that the evidence does not mention was not collected, unless a pattern stood for it; both read as failed, which
/// is no answer.
pub(crate) fn setting<'a>(settings: &'a Settings, path: &str) -> Result<&'a str, Missing> {
    match settings.get(path) {
        Some(fact) => fact.require().map(String::as_str),
        None => Err(Missing::new(Absence::Failed, format!("the evidence has no {path}"))),
    }
}

/// The number that the file at `path` holds, and its text.
///
/// # Errors
/// As [`setting`]; a text that is no number is malformed.
pub(crate) fn number<'a>(settings: &'a Settings, path: &str) -> Result<(u64, &'a str), Missing> {
    let text = setting(settings, path)?;
    let malformed = |_| Missing::new(Absence::Malformed, format!("{path} holds `{text}`, expected a number"));
    Ok((text.trim().parse().map_err(malformed)?, text.trim()))
}
