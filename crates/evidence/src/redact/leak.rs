//! Looks for names in a redacted bundle, by other means than those that replaced them: no pattern of [`super::find`] is used.
//!
//! What was replaced must be gone in every notation, or the bundle is not written. What only looks like a name is told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};

use regex::bytes::Regex;

use super::token::{Tokens, is_nobody};
use super::{Kind, RedactError, internal, lists_sockets, remarks};
use crate::bundle::Bundle;

/// Of what looks like a name, no more is told.
const TOLD: usize = 20;

/// Every text of the bundle with its place.
fn texts(bundle: &Bundle) -> Result<Vec<(String, Vec<u8>)>, RedactError> {
    let mut texts = vec![("manifest.json".to_owned(), remarks(bundle)?)];
    for (path, bytes) in bundle.files() {
        texts.push((path.clone(), path.clone().into_bytes()));
        texts.push((path.clone(), bytes.clone()));
    }
    Ok(texts)
}

/// # Errors
/// [`RedactError::Leak`] names the first original that is still there.
pub(super) fn is_clean(bundle: &Bundle, tokens: &Tokens) -> Result<(), RedactError> {
    let mut plain = Vec::new();
    let mut lower = Vec::new();
    let mut digits = Vec::new();
    let mut addresses: BTreeSet<Ipv4Addr> = BTreeSet::new();
    let mut long: BTreeSet<Ipv6Addr> = BTreeSet::new();
    for (kind, identity, _) in tokens.each().filter(|(_, identity, token)| identity != token) {
        match kind {
            Kind::Given => plain.push(identity.to_owned()),
            Kind::Host | Kind::Full if identity.len() < 4 => {}
            Kind::Host | Kind::Full | Kind::Domain | Kind::Mail => lower.push(identity.to_owned()),
            Kind::Hex | Kind::Mac => digits.push(identity.to_owned()),
            Kind::Ip => addresses.extend(identity.parse::<Ipv4Addr>()),
            Kind::Ip6 => long.extend(u128::from_str_radix(identity, 16).map(Ipv6Addr::from)),
            // Replaced where they are words of their own only: elsewhere they are something else.
            Kind::Serial
            | Kind::Cloud
            | Kind::Account
            | Kind::User
            | Kind::Model
            | Kind::Path
            | Kind::Site => {}
        }
    }
    // A host that is a word of the evidence is another matter.
    lower.retain(|name| !tokens.is_common(name));
    let any = |texts: &[String]| -> Result<Option<Regex>, RedactError> {
        if texts.is_empty() {
            return Ok(None);
        }
        let any = texts.iter().map(|text| regex::escape(text)).collect::<Vec<_>>().join("|");
        Regex::new(&format!("(?-u)(?:{any})")).map(Some).map_err(internal)
    };
    let (plain, lower, digits) = (any(&plain)?, any(&lower)?, any(&digits)?);
    let leak = |original: &[u8], place: &str| RedactError::Leak {
        original: String::from_utf8_lossy(original).into_owned(),
        place: place.to_owned(),
    };
    for (place, text) in texts(bundle)? {
        let small = text.to_ascii_lowercase();
        let found = plain.as_ref().and_then(|any| any.find(&text)).map(|found| found.as_bytes().to_vec());
        let found = found.or_else(|| Some(lower.as_ref()?.find(&small)?.as_bytes().to_vec()));
        if let Some(found) = found {
            return Err(leak(&found, &place));
        }
        if let Some(any) = &digits {
            let bare = without_separators(&small);
            if let Some(found) = any.find(&bare) {
                return Err(leak(found.as_bytes(), &place));
            }
        }
        for word in words(&text) {
            if let Some(address) = four(word).filter(|address| addresses.contains(address)) {
                return Err(leak(address.to_string().as_bytes(), &place));
            }
            if let Some(address) = six(word).filter(|address| long.contains(address)) {
                return Err(leak(address.to_string().as_bytes(), &place));
            }
            if lists_sockets(&place) && word.len() >= 8 {
                let number = word.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok());
                let address = number.map(|number| Ipv4Addr::from(number.swap_bytes()));
                if let Some(address) = address.filter(|address| addresses.contains(address)) {
                    return Err(leak(address.to_string().as_bytes(), &place));
                }
            }
        }
    }
    Ok(())
}

/// What looks like a name and is no token, once each.
pub(super) fn left(bundle: &Bundle, tokens: &Tokens) -> Result<Vec<(String, String)>, RedactError> {
    let known: BTreeSet<&str> = tokens.each().map(|(_, _, token)| token).collect();
    let is_token = |text: &str| tokens.is_given(text) || known.contains(text.to_ascii_lowercase().as_str());
    let mut left: BTreeMap<String, String> = BTreeMap::new();
    for (place, text) in texts(bundle)? {
        for word in words(&text) {
            let looks = if let Some(address) = four(word) {
                !is_nobody(Kind::Ip, word) && !is_token(&address.to_string())
            } else if let Some(address) = six(word) {
                let identity = format!("{:032x}", u128::from(address));
                word.bytes().any(|byte| byte.is_ascii_digit())
                    && !is_nobody(Kind::Ip6, &identity)
                    && !is_token(&identity)
            } else {
                let bare: String = word.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
                let is_hex = bare.len() >= 32 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
                let is_hex = is_hex && bare.bytes().any(|byte| byte.is_ascii_alphabetic());
                (is_hex || is_drawn(word))
                    && !is_token(&bare)
                    && !known.iter().any(|token| token.len() > 7 && word.contains(token))
            };
            if looks && left.len() < TOLD {
                left.entry(word.to_owned()).or_insert_with(|| place.clone());
            }
        }
    }
    Ok(left.into_iter().collect())
}

/// Letters of both cases and digits with more than four bits a character: drawn, not written.
fn is_drawn(word: &str) -> bool {
    if word.len() < 22 || !word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return false;
    }
    let has = |test: fn(&u8) -> bool| word.bytes().any(|byte| test(&byte));
    let mut counts: BTreeMap<u8, f64> = BTreeMap::new();
    word.bytes().for_each(|byte| *counts.entry(byte).or_insert(0.0) += 1.0);
    let length = word.len() as f64;
    let bits: f64 = counts.values().map(|count| -(count / length) * (count / length).log2()).sum();
    has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit) && bits > 4.0
}

/// Words as far as addresses and identifiers go.
fn words(text: &[u8]) -> impl Iterator<Item = &str> {
    text.split(|byte| !(byte.is_ascii_alphanumeric() || b":.-_".contains(byte)))
        .filter(|word| word.len() >= 7)
        .filter_map(|word| std::str::from_utf8(word).ok())
}

fn four(word: &str) -> Option<Ipv4Addr> {
    // A port may follow.
    let word = word.trim_end_matches(['.', ':', '-']);
    word.parse().ok().or_else(|| word.rsplit_once(':')?.0.parse().ok())
}

fn six(word: &str) -> Option<Ipv6Addr> {
    word.trim_end_matches('.').parse().ok().filter(|address: &Ipv6Addr| address.to_ipv4_mapped().is_none())
}

/// Lower-case text in which digits of one identifier follow each other.
fn without_separators(text: &[u8]) -> Vec<u8> {
    let mut bare = Vec::with_capacity(text.len());
    for (at, &byte) in text.iter().enumerate() {
        let next = text.get(at + 1).is_some_and(u8::is_ascii_hexdigit);
        let before = bare.last().is_some_and(u8::is_ascii_hexdigit);
        if !(b":-._".contains(&byte) && next && before) {
            bare.push(byte);
        }
    }
    bare
}
