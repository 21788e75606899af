//! What names somebody or something, in every notation: where it stands, what it is, and how its token is written there.
//!
//! A match has an identity that does not depend on the notation: `3c-fd-fe-01-02-03` and `enx3cfdfe010203` are one card.

use std::net::{Ipv4Addr, Ipv6Addr};

use regex::bytes::Regex;

use super::{Kind, RedactError, internal};

/// A name that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: Kind,
    /// What it is, whatever the notation.
    pub(super) identity: String,
    pub(super) notation: Notation,
}

/// How a name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notation {
    /// As its identity.
    Plain,
    /// Hexadecimal digits, with other characters between them.
    Digits,
    /// Four numbers with a character between them: `10.0.0.1`, `10-0-0-1`.
    Quad(char),
    /// `0100000A`, as the kernel prints an address of a socket on a little-endian machine.
    Little,
    /// `::ffff:10.0.0.1`.
    Mapped,
    /// `::` and hexadecimal groups.
    Groups,
}

/// The texts that are looked for in one bundle.
pub(super) struct Finder {
    pattern: Regex,
    /// What the groups of `pattern` stand for.
    groups: Vec<Group>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Given,
    /// The host by its full name: short name and domain.
    Full,
    /// Its short name.
    Short,
    Domain,
    Serial,
    Word(Kind),
    Account,
    Cloud,
    Mail,
    Uuid,
    Bytes,
    Dotted,
    Hex,
    Colons,
    Quad,
    Dashed,
}

/// Names that the bundle tells of its own machine and its users.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// The host's name up to the first dot, in lower case.
    pub(super) short: Option<String>,
    /// What follows the first dot.
    pub(super) domain: Option<String>,
    /// Serial numbers.
    pub(super) serials: Vec<String>,
    /// Users, models, folders and hosts of URLs that are to go, too.
    pub(super) words: Vec<(Kind, String)>,
}

impl Finder {
    pub(super) fn new(given: &[&str], known: &Known) -> Result<Self, RedactError> {
        let mut groups = Vec::new();
        let mut whole = String::from("(?-u)");
        let mut add = |group: Group, pattern: &str| {
            if !groups.is_empty() {
                whole.push('|');
            }
            groups.push(group);
            whole.push_str(&format!("({pattern})"));
        };
        let any = |texts: &[&str]| {
            let mut texts = texts.to_vec();
            texts.sort_by_key(|text| (std::cmp::Reverse(text.len()), *text));
            texts.dedup();
            texts.into_iter().map(regex::escape).collect::<Vec<_>>().join("|")
        };
        if !given.is_empty() {
            add(Group::Given, &any(given));
        }
        let short = known.short.as_deref().map(regex::escape);
        let domain = known.domain.as_deref().map(regex::escape);
        if let (Some(short), Some(domain)) = (&short, &domain) {
            add(Group::Full, &format!(r"(?i:{short}\.{domain})"));
        }
        if let Some(short) = &short {
            // Another host of the row has more digits behind the same letters.
            add(Group::Short, &format!(r"(?i:{short})[0-9]*"));
        }
        if let Some(domain) = &domain {
            add(Group::Domain, &format!("(?i:{domain})"));
        }
        if !known.serials.is_empty() {
            add(Group::Serial, &any(&known.serials.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        for kind in [Kind::User, Kind::Model, Kind::Path, Kind::Site] {
            let words: Vec<&str> =
                known.words.iter().filter(|(of, _)| *of == kind).map(|(_, word)| word.as_str()).collect();
            if !words.is_empty() {
                add(Group::Word(kind), &any(&words));
            }
        }
        add(Group::Mail, r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}");
        add(Group::Account, r"arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:[0-9]{12}");
        add(Group::Cloud, r"(?:i|vol|eni|ami|subnet|vpc|sg|snap|rtb|igw|nat|eipalloc|fs|lt)-[0-9a-f]{8,17}");
        add(Group::Dashed, r"ip-[0-9]{1,3}-[0-9]{1,3}-[0-9]{1,3}-[0-9]{1,3}");
        let h = "[0-9A-Fa-f]";
        add(
            Group::Uuid,
            &format!("{h}{{8}}(?:-{h}{{4}}-{h}{{4}}-{h}{{4}}-|_{h}{{4}}_{h}{{4}}_{h}{{4}}_){h}{{12}}"),
        );
        add(Group::Bytes, &format!("{h}{{2}}(?:-{h}{{2}}){{5,}}"));
        add(Group::Dotted, &format!(r"{h}{{4}}\.{h}{{4}}\.{h}{{4}}"));
        add(Group::Quad, r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}");
        add(Group::Hex, &format!("{h}{{8,}}"));
        add(Group::Colons, r"[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*");
        Ok(Self { pattern: Regex::new(&whole).map_err(internal)?, groups })
    }

    /// Everything in `text`, from left to right. `sockets` is whether it is one of the kernel's lists of addresses.
    pub(super) fn find(&self, text: &[u8], sockets: bool, mut tell: impl FnMut(Found)) {
        let mut slots = self.pattern.capture_locations();
        let mut at = 0;
        while let Some(whole) = self.pattern.captures_read_at(&mut slots, text, at) {
            let (start, end) = (whole.start(), whole.end());
            let group = (1..=self.groups.len()).find_map(|n| slots.get(n).map(|_| self.groups[n - 1]));
            let found = group.and_then(|group| read(group, text, start, end, sockets));
            match found {
                Some(found) if found.end > at => {
                    at = found.end;
                    tell(found);
                }
                // What is no name as a whole may begin one further on.
                _ => at = past(group, text, start, end),
            }
        }
    }
}

/// Where to look next after a match that names nothing.
fn past(group: Option<Group>, text: &[u8], start: usize, end: usize) -> usize {
    match group {
        // A long run was looked at as a whole; in a short one the first digit may belong to what is before, as in `pod8f4e…`.
        Some(Group::Hex) if end - start >= 32 => end,
        Some(Group::Hex) => start + 1,
        // Not in the middle of a number.
        _ => start + text[start..end].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count().max(1),
    }
}

fn read(group: Group, text: &[u8], start: usize, end: usize, sockets: bool) -> Option<Found> {
    let before = start.checked_sub(1).map(|before| text[before]);
    let after = text.get(end).copied();
    let joins = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let is_hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
    let word = std::str::from_utf8(&text[start..end]).ok()?;
    let found = |kind, identity: String, notation| Some(Found { start, end, kind, identity, notation });
    let digits = || word.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_ascii_lowercase();
    match group {
        Group::Given => found(Kind::Given, word.to_owned(), Notation::Plain),
        Group::Full => {
            found(Kind::Full, word.to_ascii_lowercase(), Notation::Plain).filter(|_| !digit_first(before))
        }
        Group::Short => found(Kind::Host, word.to_ascii_lowercase(), Notation::Plain),
        Group::Domain => found(Kind::Domain, word.to_ascii_lowercase(), Notation::Plain),
        Group::Serial => {
            found(Kind::Serial, word.to_owned(), Notation::Plain).filter(|_| !joins(before) && !joins(after))
        }
        Group::Word(kind) => {
            found(kind, word.to_owned(), Notation::Plain).filter(|_| !joins(before) && !joins(after))
        }
        Group::Mail => {
            let top = word.rsplit('.').next().unwrap_or_default();
            // Instances of units: `user@1000.service`.
            let is_unit =
                ["service", "slice", "scope", "socket", "target", "mount", "timer", "path", "device", "swap"]
                    .contains(&top);
            found(Kind::Mail, word.to_ascii_lowercase(), Notation::Plain).filter(|_| !is_unit)
        }
        Group::Account => {
            let start = end - 12;
            let identity = word[word.len() - 12..].to_owned();
            Some(Found { start, end, kind: Kind::Account, identity, notation: Notation::Plain })
        }
        Group::Cloud => found(Kind::Cloud, word.to_owned(), Notation::Plain)
            .filter(|_| !joins(before) && !joins(after) && before != Some(b'-')),
        Group::Dashed => {
            let start = start + 3;
            let address: Ipv4Addr = word[3..].replace('-', ".").parse().ok()?;
            Some(Found {
                start,
                end,
                kind: Kind::Ip,
                identity: address.to_string(),
                notation: Notation::Quad('-'),
            })
            .filter(|_| !joins(after))
        }
        Group::Uuid => found(Kind::Hex, digits(), Notation::Digits).filter(|_| !is_hex(after)),
        Group::Bytes => {
            let whole = !joins(before) && !joins(after) && after != Some(b'-');
            found(Kind::Mac, digits(), Notation::Digits).filter(|_| whole && is_hardware(word, '-'))
        }
        Group::Dotted => {
            let mixed = word.bytes().any(|byte| byte.is_ascii_alphabetic());
            found(Kind::Mac, digits(), Notation::Digits).filter(|_| mixed && !joins(before) && !joins(after))
        }
        Group::Quad => {
            let whole = !joins(before) && !joins(after) && before != Some(b'.');
            // A version may have five numbers.
            let longer = after == Some(b'.') && text.get(end + 1).is_some_and(u8::is_ascii_digit);
            let address: Ipv4Addr = word.parse().ok()?;
            found(Kind::Ip, address.to_string(), Notation::Quad('.')).filter(|_| whole && !longer)
        }
        Group::Hex => read_hex(text, start, end, sockets),
        Group::Colons => read_colons(text, start, end),
    }
}

/// Whether a text is the address of a card (6 bytes), a GUID (8) or a hardware address of InfiniBand (20).
fn is_hardware(word: &str, separator: char) -> bool {
    let mut count = 0;
    let pairs = word.split(separator).all(|pair| {
        count += 1;
        pair.len() == 2
    });
    pairs && matches!(count, 6 | 8 | 20)
}

/// Hexadecimal groups with colons between them: an address of hardware, a GUID of InfiniBand in groups of four, or IPv6.
fn read_colons(text: &[u8], start: usize, end: usize) -> Option<Found> {
    let run = std::str::from_utf8(&text[start..end]).ok()?;
    // What stands before it may end with a digit, a colon, or both: `eth0:3c:fd:fe:01:02:03`.
    let behind = run.find(':').map(|colon| start + colon + 1);
    [Some(start), behind].into_iter().flatten().find_map(|start| {
        let before = start.checked_sub(1).map(|before| text[before]);
        if before.is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let word = std::str::from_utf8(&text[start..end]).ok()?.trim_end_matches('.');
        let word = match word.strip_suffix(':') {
            Some(less) if !word.ends_with("::") => less,
            _ => word,
        };
        let end = start + word.len();
        if text.get(end).is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        let found = |kind, identity, notation| Some(Found { start, end, kind, identity, notation });
        let quads = word.split(':').count() == 4 && word.split(':').all(|group| group.len() == 4);
        if is_hardware(word, ':') || quads {
            return found(Kind::Mac, word.replace(':', "").to_ascii_lowercase(), Notation::Digits);
        }
        // `::` between letters may be the name of something in a program.
        if !word.bytes().any(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let address: Ipv6Addr = word.parse().ok()?;
        match address.to_ipv4_mapped() {
            Some(mapped) => found(Kind::Ip, mapped.to_string(), Notation::Mapped),
            None => found(Kind::Ip6, format!("{:032x}", u128::from(address)), Notation::Groups),
        }
    })
}

fn digit_first(before: Option<u8>) -> bool {
    before.is_some_and(|byte| byte.is_ascii_digit())
}

/// A run of hexadecimal digits: identifiers of containers, images and objects, cards without separators, sockets.
fn read_hex(text: &[u8], start: usize, end: usize, sockets: bool) -> Option<Found> {
    let ends = |suffix: &[u8]| text[..start].ends_with(suffix);
    let after = text.get(end).copied();
    let joined = after.is_some_and(|byte| byte.is_ascii_alphanumeric());
    // `pod` ends with a digit, too.
    let start = if ends(b"po") && text[start].eq_ignore_ascii_case(&b'd') && (end - start) % 4 == 1 {
        start + 1
    } else {
        start
    };
    // Of `enx…`, `x` is no digit; of `0x…` it says that a number follows.
    let is_number = text[..start].ends_with(b"0x") || text[..start].ends_with(b"0X");
    let before = start.checked_sub(1).map(|before| text[before]);
    let begins = !before.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let word = std::str::from_utf8(&text[start..end]).ok()?;
    let lower = word.to_ascii_lowercase();
    let found = |kind, identity: String, notation| Some(Found { start, end, kind, identity, notation });
    let mixed =
        word.bytes().any(|byte| byte.is_ascii_alphabetic()) && word.bytes().any(|byte| byte.is_ascii_digit());
    match word.len() {
        8 if sockets && begins && !joined => {
            let number = u32::from_str_radix(word, 16).ok()?;
            found(Kind::Ip, Ipv4Addr::from(number.swap_bytes()).to_string(), Notation::Little)
        }
        12 if mixed && !is_number && !joined && (begins || text[..start].ends_with(b"enx")) => {
            found(Kind::Mac, lower, Notation::Digits)
        }
        32 if sockets && begins => found(Kind::Hex, lower, Notation::Digits),
        32.. if mixed && !is_number => found(Kind::Hex, lower, Notation::Digits),
        _ => None,
    }
}
