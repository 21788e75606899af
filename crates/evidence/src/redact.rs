//! Bundles without names: what identifies a machine, its owner or its users is replaced by tokens, the same everywhere.
//!
//! Replaced are the host (full name, short name, domain, in any case and within other words), addresses of networks and cards
//! in every notation, identifiers (GUIDs, UUIDs, containers, pods, images, serial numbers, clouds), addresses of mail, and texts
//! that the caller gives; on request users, models, folders of data and hosts of URLs, too ([`Level::Strict`]). A token has the
//! form of what it replaces, so that evidence is derived as before.
//!
//! With a key, tokens come from the names by HMAC: two bundles have the same token for the same thing, and who has no key cannot
//! try names. Without one they are numbered in the order of the originals, and no two bundles can be held together.

mod find;
mod known;
mod leak;
mod rules;
mod token;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::bundle::{Bundle, LINKS_NAME};
use crate::manifest::Manifest;
use find::{Finder, Found};
pub use rules::Rule;
pub use token::Key;
use token::Tokens;

/// What is replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Machines, addresses and identifiers.
    #[default]
    Standard,
    /// Users, models, folders of data and hosts of URLs, too.
    Strict,
}

/// How a bundle is redacted.
#[derive(Clone, Debug, Default)]
pub struct Redaction {
    /// Further texts, and what to put in their place.
    pub given: BTreeMap<String, String>,
    /// What finds further texts.
    pub rules: Vec<Rule>,
    /// What is replaced beside them.
    pub level: Level,
    /// What tokens are made with.
    pub key: Option<Key>,
}

/// A bundle without names, and what its tokens stand for.
#[derive(Clone, Debug)]
pub struct Redacted {
    /// The bundle.
    pub bundle: Bundle,
    /// Originals by token.
    pub tokens: BTreeMap<String, String>,
    /// How many of each kind were replaced.
    pub kinds: BTreeMap<Kind, usize>,
    /// What looks like a name and was left, with the file that it is in: for a person to judge.
    pub left: Vec<(String, String)>,
    /// The host's name, if it is also a word of the evidence and was replaced only where it stands as the name of a host.
    pub common_host: Option<String>,
}

/// Why a bundle could not be redacted.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// A text to replace is empty or stands for two things.
    #[error("`{0}` cannot be replaced: {1}")]
    Replacement(String, String),
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

/// What a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A text that the caller gave.
    Given,
    /// A host by its short name.
    Host,
    /// A host by its name with domain.
    Full,
    /// A domain.
    Domain,
    /// A UUID, or a long hexadecimal identifier.
    Hex,
    /// A hardware address or GUID of a network.
    Mac,
    /// An IPv4 address.
    Ip,
    /// An IPv6 address.
    Ip6,
    /// A serial number.
    Serial,
    /// An instance, volume or network of a cloud.
    Cloud,
    /// An account of a cloud.
    Account,
    /// An address of mail.
    Mail,
    /// A user.
    User,
    /// A model.
    Model,
    /// A folder of data.
    Path,
    /// A host of a URL.
    Site,
}

impl Kind {
    /// What it is called where there are several.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::Given => "given texts",
            Self::Host => "hosts",
            Self::Full => "hosts with domain",
            Self::Domain => "domains",
            Self::Hex => "identifiers",
            Self::Mac => "hardware addresses",
            Self::Ip => "IPv4 addresses",
            Self::Ip6 => "IPv6 addresses",
            Self::Serial => "serial numbers",
            Self::Cloud => "cloud resources",
            Self::Account => "cloud accounts",
            Self::Mail => "mail addresses",
            Self::User => "users",
            Self::Model => "models",
            Self::Path => "folders",
            Self::Site => "hosts of URLs",
        }
    }
}

const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// Replaces names in every file, path, link and remark of `bundle`.
///
/// Hashes are made anew: the result is another bundle, and says in its manifest that it was redacted.
///
/// # Errors
/// If a replacement makes no sense, or an original is found in the result.
pub fn redact(bundle: &Bundle, how: &Redaction) -> Result<Redacted, RedactError> {
    for original in how.given.keys() {
        if original.is_empty() {
            return Err(RedactError::Replacement(original.clone(), "it is empty; write OLD=NEW".to_owned()));
        }
    }
    let mut given = rules::expand(bundle, how).map_err(|(what, why)| RedactError::Replacement(what, why))?;
    // What is named on the command line goes before what a pattern finds.
    given.extend(how.given.clone());
    let how = &Redaction { given, ..how.clone() };
    let manifest = remarks(bundle)?;
    let (known, common_host) = known::known(bundle, how.level)?;
    let given: Vec<&str> = how.given.keys().map(String::as_str).collect();
    let finder = Finder::new(&given, &known)?;

    let mut found: BTreeSet<(Kind, String)> = BTreeSet::new();
    let mut note = |bytes: &[u8], sockets: bool| {
        finder.find(bytes, sockets, |name: Found| {
            if !token::is_nobody(name.kind, &name.identity) {
                found.insert((name.kind, name.identity));
            }
        });
    };
    note(&manifest, false);
    for (path, bytes) in bundle.files() {
        note(path.as_bytes(), false);
        note(bytes, lists_sockets(path));
    }
    let tokens = Tokens::new(found, how, known.domain.as_deref(), common_host.as_deref());
    let replace = |bytes: &[u8], sockets: bool| {
        let mut replaced = Vec::with_capacity(bytes.len());
        let mut done = 0;
        finder.find(bytes, sockets, |name: Found| {
            let original = &bytes[name.start..name.end];
            if let Some(token) = tokens.written(&name, original) {
                replaced.extend_from_slice(&bytes[done..name.start]);
                replaced.extend_from_slice(token.as_bytes());
                done = name.end;
            }
        });
        replaced.extend_from_slice(&bytes[done..]);
        replaced
    };
    let text = |text: &str| String::from_utf8_lossy(&replace(text.as_bytes(), false)).into_owned();

    let mut files = BTreeMap::new();
    for (path, bytes) in bundle.files().iter().filter(|(path, _)| *path != LINKS_NAME) {
        let sockets = lists_sockets(path);
        let path = text(path);
        let bytes = match common_host.as_deref() {
            Some(host) if known::tells_hosts(&path) => known::without_host(bytes, host, tokens.of_common()),
            _ => bytes.clone(),
        };
        if files.insert(path.clone(), replace(&bytes, sockets)).is_some() {
            return Err(RedactError::Collision(path));
        }
    }
    let links = bundle.links.iter().map(|(path, target)| (text(path), text(target))).collect();
    let mut value: Value = serde_json::from_slice(&manifest).map_err(internal)?;
    rewrite(&mut value, &text);
    let mut manifest: Manifest = serde_json::from_value(value).map_err(internal)?;
    manifest.host_token = token::host_token(bundle, how.key.as_ref());
    // Looked up by binary search.
    manifest.unread.sort();
    manifest.redactions.push(match how.level {
        Level::Standard => "names of machines, identifiers and addresses are replaced by tokens".to_owned(),
        Level::Strict => {
            "names of machines, users, models and data, identifiers and addresses are replaced by \
                          tokens"
                .to_owned()
        }
    });
    let redacted = Bundle::new(manifest, files, links);
    leak::is_clean(&redacted, &tokens)?;
    let left = leak::left(&redacted, &tokens)?;
    let (tokens, kinds) = tokens.into_map();
    Ok(Redacted { bundle: redacted, tokens, kinds, left, common_host })
}

/// Whether a file is one of the kernel's lists of sockets, routes and addresses, where an address is a hexadecimal number.
fn lists_sockets(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let name = parts.next().unwrap_or_default();
    parts.next() == Some("net")
        && [
            "tcp",
            "tcp6",
            "udp",
            "udp6",
            "raw",
            "raw6",
            "icmp",
            "udplite",
            "route",
            "ipv6_route",
            "if_inet6",
            "arp",
        ]
        .contains(&name)
}

/// The manifest without its list of files, whose hashes look like identifiers and are made anew, and without the host's token.
fn remarks(bundle: &Bundle) -> Result<Vec<u8>, RedactError> {
    let manifest = Manifest { files: Vec::new(), host_token: String::new(), ..bundle.manifest().clone() };
    serde_json::to_vec(&manifest).map_err(internal)
}

fn internal(error: impl std::fmt::Display) -> RedactError {
    RedactError::Internal(error.to_string())
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

#[cfg(test)]
mod tests;
