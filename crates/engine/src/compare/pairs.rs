//! Which bundle of one folder belongs to which of another.

use std::collections::BTreeMap;

use serde::Serialize;

/// What tells whose bundle it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name of the file.
    pub name: String,
    /// Pseudonym of the node from the manifest; empty where there is none.
    pub host_token: String,
    /// Host name, where it is known.
    pub host: Option<String>,
}

impl Identity {
    /// The token, or else the host name: a name may be given twice, a token is not.
    fn key(&self) -> Option<(bool, &str)> {
        if self.host_token.is_empty() {
            self.host.as_deref().map(|host| (false, host))
        } else {
            Some((true, self.host_token.as_str()))
        }
    }
}

/// A bundle that has no partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unpaired {
    /// Name of the file.
    pub name: String,
    /// Why; a fragment.
    pub why: String,
}

/// Pairs by index, and what is left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairing {
    /// Index before, index after; in the order of the first.
    pub pairs: Vec<(usize, usize)>,
    /// What only the first folder has.
    pub only_before: Vec<Unpaired>,
    /// What only the second has.
    pub only_after: Vec<Unpaired>,
}

/// Pairs the bundles of two folders by token, and by host name where a bundle has no token.
#[must_use]
pub fn pair(before: &[Identity], after: &[Identity]) -> Pairing {
    let (first, second) = (by_key(before), by_key(after));
    let mut pairing = Pairing::default();
    for (index, own) in before.iter().enumerate() {
        match partner(own, &first, &second) {
            Ok(other) => pairing.pairs.push((index, other)),
            Err(why) => pairing.only_before.push(Unpaired { name: own.name.clone(), why }),
        }
    }
    for own in after {
        if let Err(why) = partner(own, &second, &first) {
            pairing.only_after.push(Unpaired { name: own.name.clone(), why });
        }
    }
    pairing
}

type ByKey<'a> = BTreeMap<(bool, &'a str), Vec<usize>>;

fn by_key(bundles: &[Identity]) -> ByKey<'_> {
    let mut keys: ByKey<'_> = BTreeMap::new();
    for (index, own) in bundles.iter().enumerate() {
        if let Some(key) = own.key() {
            keys.entry(key).or_default().push(index);
        }
    }
    keys
}

fn partner(own: &Identity, here: &ByKey<'_>, there: &ByKey<'_>) -> Result<usize, String> {
    let Some(key) = own.key() else {
        return Err("the bundle tells neither token nor name of its node".to_owned());
    };
    if here.get(&key).is_some_and(|same| same.len() > 1) {
        return Err("its folder holds several bundles of this node; keep one".to_owned());
    }
    match there.get(&key).map(Vec::as_slice) {
        Some([other]) => Ok(*other),
        Some([_, ..]) => Err("the other folder holds several bundles of this node; keep one".to_owned()),
        _ => Err("the other folder has no bundle of this node".to_owned()),
    }
}
