//! Rules of the user's own: whatever a pattern finds is replaced by a token that bears the rule's name.

use std::collections::{BTreeMap, BTreeSet};

use regex::bytes::{Regex, RegexBuilder};

use super::Redaction;
use crate::bundle::Bundle;

/// Shorter finds would be parts of everything.
const SHORTEST: usize = 3;
/// Most different texts that the rules of one bundle may find.
const MAX_FINDS: usize = 10_000;

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    name: String,
    pattern: Regex,
}

impl Rule {
    /// A rule whose tokens are called after `name`: `project` gives `project-1`, or `project-` and digits of the key's hash. Of a
    /// pattern with a group only what the first one holds is replaced.
    ///
    /// # Errors
    /// Says what is wrong with the name or the pattern.
    pub fn new(name: &str, pattern: &str) -> Result<Self, String> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !name.starts_with(|c: char| c.is_ascii_lowercase())
            || !name.chars().all(is_plain)
            || name.len() > 32
        {
            return Err(format!(
                "expected a name of at most 32 lower-case letters, digits and dashes, found `{name}`"
            ));
        }
        let pattern = RegexBuilder::new(pattern)
            .size_limit(1 << 20)
            .build()
            .map_err(|error| format!("the pattern cannot be used: {error}"))?;
        if pattern.is_match(b"") {
            return Err("the pattern fits the empty text, which is everywhere".to_owned());
        }
        Ok(Self { name: name.to_owned(), pattern })
    }

    /// A rule for one text as it is written.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_text(name: &str, text: &str) -> Result<Self, String> {
        Self::new(name, &regex::escape(text))
    }
}

/// What the rules find in a bundle, and what is put in its place.
///
/// # Errors
/// Says which rule finds too little or too much.
pub(super) fn expand(bundle: &Bundle, how: &Redaction) -> Result<BTreeMap<String, String>, (String, String)> {
    let mut given = BTreeMap::new();
    let mut count = 0;
    for rule in &how.rules {
        let mut found: BTreeSet<String> = BTreeSet::new();
        let mut look = |bytes: &[u8]| {
            for captures in rule.pattern.captures_iter(bytes) {
                let Some(hit) = captures.get(1).or_else(|| captures.get(0)) else { continue };
                // Evidence that is no text holds no names that a person would write a pattern for.
                if let Ok(text) = std::str::from_utf8(hit.as_bytes()) {
                    found.insert(text.to_owned());
                }
            }
        };
        for (path, bytes) in bundle.files() {
            look(path.as_bytes());
            look(bytes);
        }
        if let Some(short) = found.iter().find(|text| text.len() < SHORTEST) {
            let why =
                format!("the rule `{}` finds it, and it is too short to be replaced everywhere", rule.name);
            return Err((short.clone(), why));
        }
        count += found.len();
        if count > MAX_FINDS {
            let why =
                format!("it finds more than {MAX_FINDS} different texts with the others; make it narrower");
            return Err((rule.name.clone(), why));
        }
        for (text, number) in found.into_iter().zip(1..) {
            let token = match &how.key {
                Some(key) => format!("{}-{}", rule.name, key.short(&rule.name, &text)),
                None => format!("{}-{number}", rule.name),
            };
            given.entry(text).or_insert(token);
        }
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_replace_everything_is_no_rule() {
        for (name, pattern) in [("x", ""), ("x", "a*"), ("X", "abc"), ("", "abc"), ("x", "("), ("a b", "abc")]
        {
            assert!(Rule::new(name, pattern).is_err(), "{name} {pattern}");
        }
        assert!(Rule::new("project-2", "apollo-[a-z]+").is_ok());
        assert!(Rule::of_text("customer", "A (GmbH)").unwrap().pattern.is_match(b"for A (GmbH) only"));
    }
}
