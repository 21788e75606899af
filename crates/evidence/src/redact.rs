//! Bundles without names: what identifies a machine or an owner is replaced by numbered tokens, the same everywhere.
//!
//! Replaced are the name of the host, universally unique identifiers (those of GPUs too), hardware addresses of networks,
//! IPv4 addresses, long hexadecimal identifiers (containers, control groups), and texts that the caller gives. A token has the
//! form of what it replaces, so that evidence is derived as before. Tokens are numbered in the order of the originals and so
//! tell nothing of them; the map stays with the caller.

use std::collections::{BTreeMap, BTreeSet};

use regex::bytes::{Captures, Regex};
use serde_json::Value;

use crate::bundle::{Bundle, LINKS_NAME};
use crate::manifest::Manifest;

/// A bundle without names, and what its tokens stand for.
#[derive(Clone, Debug)]
pub struct Redacted {
    /// The bundle.
    pub bundle: Bundle,
    /// Originals by token.
    pub tokens: BTreeMap<String, String>,
}

/// Why a bundle could not be redacted.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// A text to replace is empty or stands for two things.
    #[error("`{0}` cannot be replaced: {1}")]
    Replacement(String, &'static str),
    /// A file would take the place of another.
    #[error("two files would both be `{0}`: choose other replacements")]
    Collision(String),
    /// An original is still there.
    #[error(
        "`{original}` is still in `{place}`: the bundle was not written; replace it by name, with OLD=NEW"
    )]
    Leak {
        /// What should be gone.
        original: String,
        /// File of the bundle, or `manifest.json`.
        place: String,
    },
    /// The manifest does not survive being rewritten, or a pattern is at fault.
    #[error("the bundle cannot be redacted: {0}")]
    Internal(String),
}

/// What is replaced wherever it stands: kind, pattern.
const PATTERNS: &[(Kind, &str)] = &[
    (Kind::Uuid, r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"),
    (Kind::Mac, r"\b(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\b"),
    (Kind::Hex, r"\b(?:[0-9a-f]{64}|[0-9a-f]{32})\b"),
    (Kind::Ip, r"\b(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\b"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Given,
    Host,
    Uuid,
    Mac,
    Hex,
    Ip,
}

impl Kind {
    /// The `n`th token, from 1, in the form of `original`.
    fn token(self, n: usize, original: &str) -> String {
        match self {
            Self::Given | Self::Host => format!("host-{n}"),
            Self::Uuid => format!("00000000-0000-0000-0000-{n:012x}"),
            Self::Mac => format!("02:00:00:{:02x}:{:02x}:{:02x}", n >> 16 & 255, n >> 8 & 255, n & 255),
            Self::Hex => format!("{n:0width$x}", width = original.len()),
            // Set aside for examples, then for private use.
            Self::Ip if n < 255 => format!("192.0.2.{n}"),
            Self::Ip => format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255),
        }
    }

    /// True for what names nothing: all zeros, this machine itself, masks.
    fn is_nobody(self, original: &str) -> bool {
        match self {
            Self::Ip => {
                ["0.", "127.", "255."].iter().any(|start| original.starts_with(start))
                    || original.starts_with("192.0.2.")
            }
            Self::Mac => original == "00:00:00:00:00:00" || original == "ff:ff:ff:ff:ff:ff",
            Self::Uuid | Self::Hex => original.bytes().all(|byte| matches!(byte, b'0' | b'-' | b'f')),
            Self::Given | Self::Host => false,
        }
    }
}

/// A name shorter than this is a part of other words: it is replaced only where it stands alone in its file.
const SHORTEST_NAME: usize = 4;
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// Replaces names in every file, path, link and remark of `bundle`; `given` are further texts and what to put in their place.
///
/// Hashes are made anew: the result is another bundle, and says in its manifest that it was redacted.
///
/// # Errors
/// If a replacement makes no sense, or an original is found in the result.
pub fn redact(bundle: &Bundle, given: &BTreeMap<String, String>) -> Result<Redacted, RedactError> {
    for original in given.keys() {
        if original.is_empty() {
            return Err(RedactError::Replacement(original.clone(), "it is empty; write OLD=NEW"));
        }
    }
    let manifest = remarks(bundle)?;
    let host = bundle
        .files()
        .get(&format!("raw{HOSTNAME}"))
        .map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned())
        .filter(|name| !name.is_empty() && name != "localhost");

    let pattern = pattern(given, host.as_deref())?;
    let mut found = BTreeSet::new();
    let mut note = |bytes: &[u8]| {
        for captures in pattern.captures_iter(bytes) {
            found.extend(matched(&captures));
        }
    };
    note(&manifest);
    for (path, bytes) in bundle.files() {
        note(path.as_bytes());
        note(bytes);
    }
    let mut numbers: BTreeMap<Kind, usize> = BTreeMap::new();
    let mut tokens: BTreeMap<String, String> = BTreeMap::new();
    for (kind, original) in found {
        let token = match given.get(&original).filter(|_| kind == Kind::Given) {
            Some(token) => token.clone(),
            None => {
                let n = numbers.entry(kind).or_insert(0);
                *n += 1;
                kind.token(*n, &original)
            }
        };
        tokens.insert(original, token);
    }

    let replace = |bytes: &[u8]| {
        pattern
            .replace_all(bytes, |captures: &Captures<'_>| {
                let whole = captures.get(0).map_or(&b""[..], |found| found.as_bytes());
                let token = std::str::from_utf8(whole).ok().and_then(|text| tokens.get(text));
                token.map_or_else(|| whole.to_vec(), |token| token.clone().into_bytes())
            })
            .into_owned()
    };
    let text = |text: &str| String::from_utf8_lossy(&replace(text.as_bytes())).into_owned();

    let mut files = BTreeMap::new();
    for (path, bytes) in bundle.files().iter().filter(|(path, _)| *path != LINKS_NAME) {
        let path = text(path);
        let bytes = match path.strip_suffix(HOSTNAME) {
            Some(_) if host.is_some() => format!("{}\n", Kind::Host.token(1, "")).into_bytes(),
            _ => replace(bytes),
        };
        if files.insert(path.clone(), bytes).is_some() {
            return Err(RedactError::Collision(path));
        }
    }
    let links = bundle.links.iter().map(|(path, target)| (text(path), text(target))).collect();
    let mut value: Value = serde_json::from_slice(&manifest).map_err(internal)?;
    rewrite(&mut value, &text);
    let mut manifest: Manifest = serde_json::from_value(value).map_err(internal)?;
    manifest.host_token = bundle.manifest().host_token.clone();
    // Looked up by binary search.
    manifest.unread.sort();
    manifest.redactions.push(
        "names, identifiers and addresses are replaced by numbered tokens, the same in all files".to_owned(),
    );
    let redacted = Bundle::new(manifest, files, links);
    is_clean(&redacted, &tokens)?;
    let tokens = tokens.into_iter().map(|(original, token)| (token, original)).collect();
    Ok(Redacted { bundle: redacted, tokens })
}

/// The manifest without its list of files, whose hashes look like identifiers and are made anew.
fn remarks(bundle: &Bundle) -> Result<Vec<u8>, RedactError> {
    let manifest = Manifest { files: Vec::new(), ..bundle.manifest().clone() };
    serde_json::to_vec(&manifest).map_err(internal)
}

fn internal(error: impl std::fmt::Display) -> RedactError {
    RedactError::Internal(error.to_string())
}

/// Everything to replace: given texts, the longest first, then the host's name, then [`PATTERNS`], each a group of its own.
fn pattern(given: &BTreeMap<String, String>, host: Option<&str>) -> Result<Regex, RedactError> {
    let mut texts: Vec<&str> = given.keys().map(String::as_str).collect();
    texts.sort_by_key(|text| (std::cmp::Reverse(text.len()), *text));
    let texts: Vec<String> = texts.into_iter().map(regex::escape).collect();
    // A group that can never match keeps the numbers of the others.
    let never = r"[^\s\S]".to_owned();
    let host = host
        .filter(|name| name.len() >= SHORTEST_NAME)
        .map_or_else(|| never.clone(), |name| format!(r"\b{}\b", regex::escape(name)));
    let texts = if texts.is_empty() { never } else { texts.join("|") };
    let mut whole = format!("({texts})|({host})");
    for (_, pattern) in PATTERNS {
        whole.push_str(&format!("|({pattern})"));
    }
    Regex::new(&format!("(?-u){whole}")).map_err(internal)
}

/// Kind and text of a match, unless it names nobody.
fn matched(captures: &Captures<'_>) -> Option<(Kind, String)> {
    let kinds = [Kind::Given, Kind::Host].into_iter().chain(PATTERNS.iter().map(|(kind, _)| *kind));
    let (kind, found) =
        kinds.zip(captures.iter().skip(1)).find_map(|(kind, found)| found.map(|found| (kind, found)))?;
    let text = std::str::from_utf8(found.as_bytes()).ok()?.to_owned();
    (!kind.is_nobody(&text)).then_some((kind, text))
}

/// Rewrites every text of a JSON value.
fn rewrite(value: &mut Value, text: &impl Fn(&str) -> String) {
    match value {
        Value::String(found) => *found = text(found),
        Value::Array(values) => values.iter_mut().for_each(|value| rewrite(value, text)),
        Value::Object(fields) => fields.values_mut().for_each(|value| rewrite(value, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Looks for each original as it stands, in case something else than [`pattern`] kept it.
fn is_clean(bundle: &Bundle, tokens: &BTreeMap<String, String>) -> Result<(), RedactError> {
    let originals: Vec<&String> =
        tokens.iter().filter(|(from, to)| from != to).map(|(from, _)| from).collect();
    if originals.is_empty() {
        return Ok(());
    }
    let any = originals.iter().map(|text| regex::escape(text)).collect::<Vec<_>>().join("|");
    let any = Regex::new(&format!(r"(?-u)\b(?:{any})\b")).map_err(internal)?;
    let manifest = remarks(bundle)?;
    let all =
        bundle.files().iter().flat_map(|(path, bytes)| [(path, path.as_bytes()), (path, bytes.as_slice())]);
    let name = "manifest.json".to_owned();
    for (place, bytes) in all.chain([(&name, manifest.as_slice())]) {
        if let Some(found) = any.find(bytes) {
            return Err(RedactError::Leak {
                original: String::from_utf8_lossy(found.as_bytes()).into_owned(),
                place: place.clone(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Origin;

    const UUID: &str = "GPU-d554a509-efe6-a637-fd3f-a3c3da62af2a";

    fn bundle(files: &[(&str, &str)]) -> Bundle {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        let links = [("/proc/7/fd/3".to_owned(), "/home/anna/model".to_owned())].into();
        Bundle::new(Manifest::new(Origin::Live), files, links)
    }

    fn example() -> Bundle {
        let id = "a".repeat(63) + "1";
        bundle(&[
            ("raw/proc/sys/kernel/hostname", "gpu-node-17\n"),
            ("raw/etc/hosts", "127.0.0.1 localhost\n10.20.30.40 gpu-node-17 gpu-node-170\n"),
            (&format!("raw/sys/fs/cgroup/docker-{id}.scope/cpu.max"), "max 100000\n"),
            (
                "api/nvml.json",
                &format!(r#"{{"uuid":"{UUID}","driver":"580.159.04","vbios":"96.00.DA.00.0C"}}"#),
            ),
            ("raw/proc/7/cmdline", "serve\0--model\0/home/anna/model\0"),
            ("raw/sys/class/net/eth0/address", "3c:fd:fe:01:02:03\n"),
        ])
    }

    #[test]
    fn names_are_gone_and_everything_else_is_there() {
        let given = [("anna".to_owned(), "user".to_owned())].into();
        let Redacted { bundle, tokens } = redact(&example(), &given).unwrap();
        let text = |path: &str| String::from_utf8_lossy(&bundle.files()[path]).into_owned();
        assert_eq!(text("raw/proc/sys/kernel/hostname"), "host-1\n");
        assert_eq!(text("raw/etc/hosts"), "127.0.0.1 localhost\n192.0.2.1 host-1 gpu-node-170\n");
        assert_eq!(text("raw/sys/class/net/eth0/address"), "02:00:00:00:00:01\n");
        assert_eq!(text("raw/proc/7/cmdline"), "serve\0--model\0/home/user/model\0");
        let nvml = text("api/nvml.json");
        assert!(nvml.contains(r#""GPU-00000000-0000-0000-0000-000000000001""#), "{nvml}");
        assert!(nvml.contains("580.159.04") && nvml.contains("96.00.DA.00.0C"), "versions stay: {nvml}");
        let container = format!("raw/sys/fs/cgroup/docker-{:064x}.scope/cpu.max", 1);
        assert!(bundle.files().contains_key(&container), "{:?}", bundle.files().keys());
        assert_eq!(bundle.links["/proc/7/fd/3"], "/home/user/model");
        assert_eq!(tokens["02:00:00:00:00:01"], "3c:fd:fe:01:02:03");
        assert!(bundle.manifest().redactions.iter().any(|line| line.contains("numbered tokens")));
    }

    #[test]
    fn the_same_bundle_gives_the_same_and_a_redacted_one_stays() {
        let none = BTreeMap::new();
        let once = redact(&example(), &none).unwrap().bundle;
        assert_eq!(once, redact(&example(), &none).unwrap().bundle);
        let again = redact(&once, &none).unwrap().bundle;
        assert_eq!(once.files(), again.files());
    }

    #[test]
    fn short_names_of_hosts_are_not_taken_out_of_other_words() {
        let short =
            bundle(&[("raw/proc/sys/kernel/hostname", "vm\n"), ("raw/proc/sys/vm/swappiness", "60\n")]);
        let redacted = redact(&short, &BTreeMap::new()).unwrap().bundle;
        assert_eq!(redacted.files()["raw/proc/sys/kernel/hostname"], b"host-1\n");
        assert!(redacted.files().contains_key("raw/proc/sys/vm/swappiness"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let empty = [(String::new(), "x".to_owned())].into();
        assert!(matches!(redact(&example(), &empty), Err(RedactError::Replacement(..))));
        let two = bundle(&[("raw/a", "1"), ("raw/b", "2")]);
        let same = [("raw/a".to_owned(), "raw/b".to_owned())].into();
        assert!(matches!(redact(&two, &same), Err(RedactError::Collision(path)) if path == "raw/b"));
        // The new text brings the old one back.
        let back = [("hosts".to_owned(), "my hosts".to_owned())].into();
        assert!(matches!(redact(&example(), &back), Err(RedactError::Leak { .. })));
    }
}
