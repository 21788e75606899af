//! What a pack replied, believed only as far as it can be checked.

use std::collections::BTreeSet;
use std::fmt;

use plumb_check_sdk::{Arg, Finding, Intent, Outcome, PackManifest, Words};
use plumb_evidence::is_hidden;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use crate::words::Pages;

/// Most findings of one pack on one bundle. The largest nodes have some thousand threads and interrupts.
pub(crate) const MAX_FINDINGS: usize = 10_000;
const MAX_CITATIONS: usize = 256;
const MAX_SUBJECT: usize = 1024;
const MAX_MESSAGE: usize = 4096;
const MAX_SOURCE: usize = 1024;
const MAX_VALUE: usize = 16 << 10;
const MAX_ARGS: usize = 64;
const MAX_INTENTS: usize = 256;
const MAX_LANGUAGES: usize = 8;
/// Longest key, and longest name or value in an intent.
const MAX_WORD: usize = 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    findings: Bounded,
    #[serde(default)]
    pages: Pages,
}

/// What a pack replied.
#[derive(Debug)]
pub(crate) struct Answers {
    /// Its findings.
    pub findings: Vec<Finding>,
    /// Texts of its pages in the languages asked for beside English.
    pub pages: Pages,
}

/// Findings, of which reading stops at the limit.
struct Bounded(Vec<Finding>);

impl<'de> Deserialize<'de> for Bounded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Findings;
        impl<'de> Visitor<'de> for Findings {
            type Value = Bounded;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MAX_FINDINGS} findings")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut findings: A) -> Result<Bounded, A::Error> {
                let mut all = Vec::new();
                while let Some(finding) = findings.next_element()? {
                    if all.len() == MAX_FINDINGS {
                        return Err(serde::de::Error::invalid_length(MAX_FINDINGS + 1, &self));
                    }
                    all.push(finding);
                }
                Ok(Bounded(all))
            }
        }
        deserializer.deserialize_seq(Findings)
    }
}

/// A reply, its findings sorted by check, with control characters made visible.
///
/// `asked` are the checks that were to answer; one that did not gets a `not-run` finding.
pub(crate) fn answers(
    reply: &[u8],
    manifest: &PackManifest,
    asked: &BTreeSet<&str>,
) -> Result<Answers, String> {
    let reply: Reply = serde_json::from_slice(reply)
        .map_err(|error| format!("replied with something else than findings: {error}"))?;
    let mut pages = reply.pages;
    bound_pages(&mut pages, manifest)?;
    let mut findings = reply.findings.0;
    for finding in &mut findings {
        if !asked.contains(finding.check.as_str()) {
            return Err(format!(
                "replied with a finding for `{}`, which it was not asked for",
                printable(&finding.check)
            ));
        }
        if let Some(reason) = problem(finding) {
            return Err(format!("replied with a finding for `{}` {reason}", finding.check));
        }
        make_printable(finding);
    }
    let answered: BTreeSet<&str> = findings.iter().map(|finding| finding.check.as_str()).collect();
    let silent: Vec<Finding> = manifest
        .checks
        .iter()
        .filter(|check| asked.contains(check.id.as_ref()) && !answered.contains(check.id.as_ref()))
        .map(|check| check.not_run("node", "the pack replied, but not for this check"))
        .collect();
    findings.extend(silent);
    // Stable: within a check, the order is the pack's.
    findings.sort_by(|a, b| a.check.cmp(&b.check));
    Ok(Answers { findings, pages })
}

/// Texts of pages are bounded and printable as those of findings are, and belong to checks of the pack.
fn bound_pages(pages: &mut Pages, manifest: &PackManifest) -> Result<(), String> {
    if pages.len() > MAX_LANGUAGES {
        return Err(format!(
            "replied with pages in {} languages, at most {MAX_LANGUAGES} allowed",
            pages.len()
        ));
    }
    for (id, texts) in pages.values_mut().flatten() {
        if !manifest.checks.iter().any(|check| check.id == *id) {
            return Err(format!("replied with a page for `{}`, which it does not have", printable(id)));
        }
        for text in texts.values_mut() {
            if text.len() > MAX_MESSAGE {
                return Err(format!(
                    "replied with a page whose text has {} bytes, at most {MAX_MESSAGE} allowed",
                    text.len()
                ));
            }
            *text = printable(text);
        }
    }
    Ok(())
}

/// What is wrong with a finding, if anything.
fn problem(finding: &Finding) -> Option<String> {
    if finding.outcome == Outcome::Accepted {
        return Some("with outcome `accepted`, which only the client can give".to_owned());
    }
    let needs_evidence = finding.outcome.is_deviation() || finding.outcome == Outcome::Contradictory;
    if needs_evidence && finding.evidence.is_empty() {
        return Some(format!("with outcome `{}` but without evidence", finding.outcome.as_str()));
    }
    if finding.evidence.iter().any(|citation| citation.source.is_empty()) {
        return Some("with evidence from nowhere".to_owned());
    }
    if finding.message.trim().is_empty() || finding.subject.trim().is_empty() {
        return Some("without a message or a subject".to_owned());
    }
    if let Some(key) = finding.cause.as_ref().map(|cause| &cause.key).filter(|key| !is_key(key)) {
        let expected = "expected lower-case letters, digits and `-`";
        return Some(format!("with the cause `{}`: {expected}", printable(key)));
    }
    let longest = |text: fn(&plumb_check_sdk::Citation) -> &String| {
        finding.evidence.iter().map(|citation| text(citation).len()).max().unwrap_or(0)
    };
    let sizes = [
        ("subject", finding.subject.len(), MAX_SUBJECT),
        ("message", finding.message.len(), MAX_MESSAGE),
        ("list of evidence", finding.evidence.len(), MAX_CITATIONS),
        ("source of evidence", longest(|citation| &citation.source), MAX_SOURCE),
        ("value of evidence", longest(|citation| &citation.value), MAX_VALUE),
        ("list of values", finding.args.len(), MAX_ARGS),
        (
            "value",
            finding.args.iter().map(|(name, arg)| name.len() + arg_len(arg)).max().unwrap_or(0),
            MAX_MESSAGE,
        ),
        ("list of intents", finding.intents.len(), MAX_INTENTS),
        ("intent", finding.intents.iter().map(size).max().unwrap_or(0), MAX_MESSAGE),
        ("list of languages", finding.words.len(), MAX_LANGUAGES),
        ("text", finding.words.values().flat_map(texts).map(String::len).max().unwrap_or(0), MAX_MESSAGE),
        ("name", names(finding).map(str::len).max().unwrap_or(0), MAX_WORD),
    ];
    sizes
        .iter()
        .find(|(_, length, limit)| length > limit)
        .map(|(what, length, limit)| format!("with a {what} of length {length}, at most {limit} allowed"))
}

fn is_key(key: &str) -> bool {
    !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn arg_len(arg: &Arg) -> usize {
    match arg {
        Arg::Text { text } => text.len(),
        Arg::Quantity { unit, .. } => unit.len(),
        Arg::Count { .. } => 0,
    }
}

/// Bytes of an intent as JSON.
fn size(intent: &Intent) -> usize {
    serde_json::to_vec(intent).map_or(usize::MAX, |json| json.len())
}

fn texts(words: &Words) -> [&String; 3] {
    [&words.problem, &words.effect, &words.message]
}

/// Names that other parts of Plumb look things up by.
fn names(finding: &Finding) -> impl Iterator<Item = &str> {
    let objects = finding.object.iter().chain(finding.cause.iter().map(|cause| &cause.object));
    let objects = objects.flat_map(|object| [object.id.as_str(), object.name.as_str()]);
    objects.chain(finding.variant.as_deref()).chain(finding.cause.iter().map(|cause| cause.key.as_str()))
}

/// Names of processes and devices are the node's to choose, and an honest pack quotes them: escape sequences must not
/// reach a terminal, but they are no reason to drop a finding.
fn make_printable(finding: &mut Finding) {
    let texts = [&mut finding.subject, &mut finding.message].into_iter();
    let words =
        finding.words.values_mut().flat_map(|own| [&mut own.problem, &mut own.effect, &mut own.message]);
    let args = finding.args.values_mut().filter_map(|arg| match arg {
        Arg::Text { text } | Arg::Quantity { unit: text, .. } => Some(text),
        Arg::Count { .. } => None,
    });
    let objects = finding.object.iter_mut().chain(finding.cause.iter_mut().map(|cause| &mut cause.object));
    let objects = objects.flat_map(|object| [&mut object.id, &mut object.name]);
    let citations =
        finding.evidence.iter_mut().flat_map(|citation| [&mut citation.source, &mut citation.value]);
    for text in texts.chain(citations).chain(words).chain(args).chain(objects) {
        if text.chars().any(is_hidden) {
            *text = printable(text);
        }
    }
}

/// The text with control characters and those that reorder what follows written as `\u{…}`.
pub(crate) fn printable(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        if is_hidden(c) {
            safe.extend(c.escape_unicode())
        } else {
            safe.push(c)
        }
        safe
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> PackManifest {
        let text = include_str!("../../../samples/c-pack/pack.toml");
        crate::manifest::parse(text, std::path::Path::new("pack.toml")).unwrap()
    }

    fn read(findings: &str) -> Result<Vec<Finding>, String> {
        let asked = BTreeSet::from(["sample.kernel-version"]);
        answers(format!(r#"{{"findings":[{findings}]}}"#).as_bytes(), &manifest(), &asked)
            .map(|reply| reply.findings)
    }

    fn one(outcome: &str, more: &str) -> String {
        format!(
            r#"{{"check":"sample.kernel-version","outcome":"{outcome}","subject":"s","likelihood":"setting",
                "confidence":"high",{more}}}"#
        )
    }

    #[track_caller]
    fn assert_refused(findings: &str, cause: &str) {
        let reason = read(findings).unwrap_err();
        assert!(reason.contains(cause), "expected `{cause}` in `{reason}`");
    }

    #[test]
    fn a_check_that_is_silent_is_not_run() {
        let found = read("").unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].outcome, Outcome::NotRun);
    }

    #[test]
    fn findings_that_break_the_rules_are_refused() {
        read(&one("pass", r#""message":"m""#)).unwrap();
        assert_refused(&one("warn", r#""message":"m""#), "with outcome `warn` but without evidence");
        assert_refused(&one("contradictory", r#""message":"m""#), "without evidence");
        assert_refused(&one("accepted", r#""message":"m""#), "which only the client can give");
        assert_refused(&one("pass", r#""message":" ""#), "without a message or a subject");
        assert_refused(&one("pass", r#""message":"m","score":100"#), "unknown field `score`");
        assert_refused(&one("perfect", r#""message":"m""#), "unknown variant `perfect`");
        let cause = r#""message":"m","cause":{"key":"a\u001b","object":{"kind":"node"}}"#;
        assert_refused(&one("pass", cause), "with the cause `a\\u{1b}`: expected lower-case letters");
        let nowhere = r#""message":"m","evidence":[{"source":"","value":"v"}]"#;
        assert_refused(&one("fail", nowhere), "with evidence from nowhere");
        assert_refused(
            &one("pass", r#""message":"m""#).replace("sample.", "other."),
            "which it was not asked for",
        );
    }

    #[test]
    fn findings_have_limits() {
        let long = format!(r#""message":"{}""#, "m".repeat(MAX_MESSAGE + 1));
        assert_refused(&one("pass", &long), "with a message of length 4097, at most 4096 allowed");
        let citation = r#"{"source":"s","value":"v"}"#;
        let many = format!(r#""message":"m","evidence":[{}]"#, [citation; MAX_CITATIONS + 1].join(","));
        assert_refused(&one("fail", &many), "with a list of evidence of length 257");
        let finding = one("pass", r#""message":"m""#);
        assert_eq!(read(&vec![finding.as_str(); MAX_FINDINGS].join(",")).unwrap().len(), MAX_FINDINGS);
        assert_refused(&vec![finding.as_str(); MAX_FINDINGS + 1].join(","), "at most 10000 findings");
    }

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        let found = read(&one("pass", r#""message":"a\u001b[2J\nb\u202ec""#)).unwrap();
        assert_eq!(found[0].message, "a\\u{1b}[2J\\u{a}b\\u{202e}c");
    }

    proptest::proptest! {
        #[test]
        fn no_reply_panics(reply in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = super::answers(&reply, &manifest(), &BTreeSet::from(["sample.kernel-version"]));
        }
    }
}
