//! Tokens: what stands in the place of names, in their form.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::find::{Found, Notation};
use super::{Kind, Redaction};
use crate::bundle::{Bundle, sha256_hex};

/// What makes tokens of names; whoever has it can tell whether a token stands for a name.
#[derive(Clone)]
pub struct Key(Vec<u8>);

impl Key {
    /// Bytes that a key has at least.
    pub const LEAST: usize = 16;

    /// A key of these bytes; `None` if they are fewer than [`Key::LEAST`], so that names cannot be tried with all keys.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() >= Self::LEAST).then(|| Self(bytes.to_vec()))
    }

    fn digest(&self, kind: &str, identity: &str, attempt: u32) -> [u8; 32] {
        // Keys of any length are taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return [0; 32] };
        for part in [b"plumb token", kind.as_bytes(), identity.as_bytes(), &attempt.to_le_bytes()] {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl Key {
    /// Digits that stand for a text of the user's own kind `name`.
    pub(super) fn short(&self, name: &str, text: &str) -> String {
        hex(&self.digest(name, text, 0)[..5])
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// The token of the node: of its old one and the key, so that two bundles of it pair; without a key of the bundle itself,
/// because the old one may be a hash of the host's name, which can be tried.
pub(super) fn host_token(bundle: &Bundle, key: Option<&Key>) -> String {
    match key {
        Some(key) => hex(&key.digest("host token", &bundle.manifest().host_token, 0)[..8]),
        None => {
            sha256_hex(format!("plumb redacted {}", bundle.manifest_sha256()).as_bytes())[..16].to_owned()
        }
    }
}

/// True for what names nothing: all zeros, this machine itself, masks, examples and tokens of before.
pub(super) fn is_nobody(kind: Kind, identity: &str) -> bool {
    match kind {
        Kind::Ip => {
            ["0.", "127.", "255."].iter().any(|start| identity.starts_with(start))
                || identity.starts_with("192.0.2.")
        }
        Kind::Ip6 => {
            let address = u128::from_str_radix(identity, 16).unwrap_or_default();
            // `::`, `::1` and the like; what is set aside for examples; multicast within the machine or link.
            address <= 0xffff || identity.starts_with("20010db8") || identity.starts_with("ff0")
        }
        Kind::Mac => {
            identity.bytes().all(|byte| byte == b'0')
                || identity.bytes().all(|byte| byte == b'f')
                || identity.starts_with("020000")
        }
        Kind::Hex => {
            identity.bytes().all(|byte| byte == b'f')
                || identity.trim_start_matches('0').len() <= 6
                // `::1` and `::ffff:127.0.0.1` as the kernel lists them.
                || ["00000000000000000000000001000000", "0000000000000000ffff00000100007f"].contains(&identity)
        }
        Kind::Mail => identity.ends_with("@example.org"),
        _ => false,
    }
}

/// The tokens of a bundle.
pub(super) struct Tokens {
    of: BTreeMap<(Kind, String), String>,
    given: BTreeMap<String, String>,
    common: Option<String>,
}

impl Tokens {
    /// `common` is a host whose name is replaced in a few files only.
    pub(super) fn new(
        mut found: BTreeSet<(Kind, String)>,
        how: &Redaction,
        domain: Option<&str>,
        common: Option<&str>,
    ) -> Self {
        found.extend(common.map(|host| (Kind::Host, host.to_owned())));
        // A full name is short name and domain.
        let full: Vec<String> =
            found.iter().filter(|(kind, _)| *kind == Kind::Full).map(|(_, name)| name.clone()).collect();
        found.retain(|(kind, _)| *kind != Kind::Full);
        for name in full {
            if let Some((short, domain)) = name.split_once('.') {
                found.insert((Kind::Host, short.to_owned()));
                found.insert((Kind::Domain, domain.to_owned()));
            }
        }
        if let Some(domain) = domain {
            found.insert((Kind::Domain, domain.to_owned()));
        }
        // By length first: tokens of one kind are then in order themselves, and stay when they are redacted again.
        let mut found: Vec<(Kind, String)> = found.into_iter().collect();
        found.sort_by(|a, b| (a.0, a.1.len(), &a.1).cmp(&(b.0, b.1.len(), &b.1)));
        let mut of = BTreeMap::new();
        let mut used = BTreeSet::new();
        let mut numbers: BTreeMap<Kind, u32> = BTreeMap::new();
        for (kind, identity) in found {
            let token = match (&how.key, how.given.get(&identity).filter(|_| kind == Kind::Given)) {
                (_, Some(token)) => token.clone(),
                (Some(key), None) => {
                    // What is short may come out twice.
                    let mut tries = (0..).map(|attempt| {
                        drawn(kind, &key.digest(kind.plural(), &identity, attempt), &identity)
                    });
                    tries.find(|token| used.insert((kind, token.clone()))).unwrap_or_default()
                }
                (None, None) => {
                    let n = numbers.entry(kind).or_insert(0);
                    *n += 1;
                    numbered(kind, *n, &identity)
                }
            };
            of.insert((kind, identity), token);
        }
        Self { of, given: how.given.clone(), common: common.map(str::to_owned) }
    }

    /// The token of a name, in the notation of the original; `None` for what names nobody.
    pub(super) fn written(&self, name: &Found, original: &[u8]) -> Option<String> {
        if name.kind == Kind::Full {
            let (short, domain) = name.identity.split_once('.')?;
            let host = self.of.get(&(Kind::Host, short.to_owned()))?;
            let domain = self.of.get(&(Kind::Domain, domain.to_owned()))?;
            return Some(format!("{host}.{domain}"));
        }
        let token = self.of.get(&(name.kind, name.identity.clone()))?;
        Some(match name.notation {
            Notation::Plain => token.clone(),
            Notation::Digits => in_place(token, original),
            Notation::Quad(separator) => token.replace('.', &separator.to_string()),
            Notation::Little => {
                let address: Ipv4Addr = token.parse().ok()?;
                format!("{:08X}", u32::from(address).swap_bytes())
            }
            Notation::Mapped => format!("::ffff:{token}"),
            Notation::Groups => Ipv6Addr::from(u128::from_str_radix(token, 16).ok()?).to_string(),
        })
    }

    /// The token of the host whose name is common.
    pub(super) fn of_common(&self) -> &str {
        let host = self.common.clone().map(|host| (Kind::Host, host));
        host.and_then(|host| self.of.get(&host)).map_or("host", String::as_str)
    }

    pub(super) fn is_common(&self, host: &str) -> bool {
        self.common.as_deref() == Some(host)
    }

    /// What was replaced: kind and identity, with the token.
    pub(super) fn each(&self) -> impl Iterator<Item = (Kind, &str, &str)> {
        self.of.iter().map(|((kind, identity), token)| (*kind, identity.as_str(), token.as_str()))
    }

    /// Texts that the caller wants to see there, whatever they look like.
    pub(super) fn is_given(&self, text: &str) -> bool {
        self.given.values().any(|new| new.contains(text))
    }

    /// Originals by token, and how many of each kind.
    pub(super) fn into_map(self) -> (BTreeMap<String, String>, BTreeMap<Kind, usize>) {
        let mut kinds = BTreeMap::new();
        let mut map = BTreeMap::new();
        for ((kind, identity), token) in self.of {
            *kinds.entry(kind).or_insert(0) += 1;
            map.insert(in_usual_form(kind, &token), in_usual_form(kind, &identity));
        }
        (map, kinds)
    }
}

/// As a reader expects to see it.
fn in_usual_form(kind: Kind, text: &str) -> String {
    let pairs = |separator: &str| {
        let pairs: Vec<String> =
            text.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into()).collect();
        pairs.join(separator)
    };
    match kind {
        Kind::Mac => pairs(":"),
        Kind::Ip6 => {
            u128::from_str_radix(text, 16).map_or_else(|_| text.to_owned(), |n| Ipv6Addr::from(n).to_string())
        }
        _ => text.to_owned(),
    }
}

/// The digits of a token in the place of those of the original, in its case.
fn in_place(token: &str, original: &[u8]) -> String {
    let upper = original.iter().any(u8::is_ascii_uppercase) && !original.iter().any(u8::is_ascii_lowercase);
    let mut digits = token.chars();
    let put = |byte: &u8| {
        if !byte.is_ascii_hexdigit() {
            return char::from(*byte);
        }
        let digit = digits.next().unwrap_or('0');
        if upper { digit.to_ascii_uppercase() } else { digit }
    };
    original.iter().map(put).collect()
}

/// The `n`th token, from 1.
fn numbered(kind: Kind, n: u32, identity: &str) -> String {
    let width = identity.len();
    match kind {
        Kind::Given | Kind::Host | Kind::Full => format!("host-{n}"),
        Kind::Domain => format!("domain-{n}.example"),
        Kind::Hex => format!("{n:0width$x}"),
        Kind::Mac => format!("02{n:0width$x}", width = width - 2),
        // Set aside for examples, then for private use.
        Kind::Ip if n < 255 => format!("192.0.2.{n}"),
        Kind::Ip => Ipv4Addr::from(0x0a00_0000 | n & 0xff_ffff).to_string(),
        Kind::Ip6 => format!("20010db8{n:024x}"),
        Kind::Serial => format!("serial-{n}"),
        Kind::Cloud => {
            let (prefix, digits) = identity.rsplit_once('-').unwrap_or(("i", "0"));
            format!("{prefix}-{n:0width$x}", width = digits.len())
        }
        Kind::Account => format!("{n:012}"),
        Kind::Mail => format!("user-{n}@example.org"),
        Kind::User => format!("user-{n}"),
        Kind::Model => format!("model-{n}"),
        Kind::Path => format!("folder-{n}"),
        Kind::Site => format!("site-{n}.example"),
    }
}

/// The token that a key draws.
fn drawn(kind: Kind, digest: &[u8; 32], identity: &str) -> String {
    let digits = hex(digest);
    let short = &digits[..8];
    let width = identity.len();
    let long = |width: usize| digits.chars().cycle().take(width).collect::<String>();
    match kind {
        Kind::Given | Kind::Host | Kind::Full => format!("host-{short}"),
        Kind::Domain => format!("domain-{short}.example"),
        Kind::Hex => long(width),
        Kind::Mac => format!("02{}", long(width - 2)),
        Kind::Ip => Ipv4Addr::new(10, digest[0], digest[1], digest[2]).to_string(),
        Kind::Ip6 => format!("20010db8{}", long(24)),
        Kind::Serial => format!("serial-{short}"),
        Kind::Cloud => {
            let (prefix, rest) = identity.rsplit_once('-').unwrap_or(("i", "0"));
            format!("{prefix}-{}", long(rest.len()))
        }
        Kind::Account => {
            let number = digest.iter().take(6).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
            format!("{:012}", number % 1_000_000_000_000)
        }
        Kind::Mail => format!("user-{short}@example.org"),
        Kind::User => format!("user-{short}"),
        Kind::Model => format!("model-{short}"),
        Kind::Path => format!("folder-{short}"),
        Kind::Site => format!("site-{short}.example"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
