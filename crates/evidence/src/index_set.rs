//! Sets of small integers as the kernel writes them: CPU lists and node lists.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The largest index that is accepted, so that a few bytes of a hostile bundle do not become megabytes; the kernel's own
/// limit (`CONFIG_NR_CPUS`) is at most 8192.
const MAX_INDEX: u32 = 16383;

/// The longest text that is accepted, in bytes; every other CPU of 16384, listed one by one, takes 50 KiB.
const MAX_TEXT: usize = 256 << 10;

/// A set of CPU or NUMA node numbers.
///
/// Reads and writes the kernel's list form (`0-3,8,10-11`); the mask form (`ff,00000001`) is read with
/// [`IndexSet::from_mask`]. An index is at most 16383, a text at most 256 KiB long.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexSet {
    // Never ends in a zero word, so that derived equality is set equality.
    words: Vec<u64>,
}

/// A set of CPU numbers.
pub type CpuSet = IndexSet;
/// A set of NUMA node numbers.
pub type NodeSet = IndexSet;

/// A text that is not a list or mask of indices.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a list of indices such as `0-3,8`")]
pub struct ParseIndexSetError {
    text: String,
}

impl IndexSet {
    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self { words: Vec::new() }
    }

    /// Adds `index`; indices above 16383 are ignored.
    pub fn insert(&mut self, index: u32) {
        if index <= MAX_INDEX {
            self.insert_range(index, index);
        }
    }

    /// Adds `first` to `last`, both at most [`MAX_INDEX`], word by word: a list may repeat a wide range many times.
    fn insert_range(&mut self, first: u32, last: u32) {
        let (first_word, last_word) = ((first / 64) as usize, (last / 64) as usize);
        if last_word >= self.words.len() {
            self.words.resize(last_word + 1, 0);
        }
        for word in first_word..=last_word {
            let from = if word == first_word { first % 64 } else { 0 };
            let to = if word == last_word { last % 64 } else { 63 };
            self.words[word] |= (u64::MAX << from) & (u64::MAX >> (63 - to));
        }
    }

    /// True if `index` is a member.
    #[must_use]
    pub fn contains(&self, index: u32) -> bool {
        self.words.get((index / 64) as usize).is_some_and(|word| word & (1 << (index % 64)) != 0)
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// True without members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The smallest member.
    #[must_use]
    pub fn first(&self) -> Option<u32> {
        self.iter().next()
    }

    /// Members in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().zip(0u32..).flat_map(|(&word, position)| {
            (0..64).filter(move |bit| word & (1u64 << bit) != 0).map(move |bit| position * 64 + bit)
        })
    }

    /// True if every member is also one of `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.words.iter().enumerate().all(|(i, word)| word & !other.words.get(i).copied().unwrap_or(0) == 0)
    }

    /// Members of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self { words: self.words.iter().zip(&other.words).map(|(a, b)| a & b).collect() }.trimmed()
    }

    /// Members of `self` that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let words = self
            .words
            .iter()
            .enumerate()
            .map(|(i, word)| word & !other.words.get(i).copied().unwrap_or(0))
            .collect();
        Self { words }.trimmed()
    }

    /// Members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let length = self.words.len().max(other.words.len());
        let word = |set: &Self, i: usize| set.words.get(i).copied().unwrap_or(0);
        Self { words: (0..length).map(|i| word(self, i) | word(other, i)).collect() }
    }

    /// Reads the kernel's mask form: 32-bit words in hexadecimal, the highest first, separated by commas.
    ///
    /// hwloc leaves inner words of zero out (`0x00000001,,0x00000100`).
    ///
    /// # Errors
    /// Fails on anything else.
    pub fn from_mask(text: &str) -> Result<Self, ParseIndexSetError> {
        let error = || ParseIndexSetError { text: text.chars().take(80).collect() };
        let trimmed = text.trim();
        let digits = trimmed.strip_prefix("0x").unwrap_or(trimmed);
        // What is left out is always between two words; at either end the text was cut.
        if digits.is_empty() || text.len() > MAX_TEXT || digits.starts_with(',') || digits.ends_with(',') {
            return Err(error());
        }
        let mut set = Self::new();
        for (group, base) in digits.rsplit(',').zip((0u32..).step_by(32)) {
            if group.is_empty() {
                if base > MAX_INDEX {
                    return Err(error());
                }
                continue;
            }
            let group = group.trim();
            let group = group.strip_prefix("0x").unwrap_or(group);
            // A mask without commas may be longer than one word (hwloc, old kernels).
            if group.is_empty() || (digits.contains(',') && group.len() > 8) || base > MAX_INDEX {
                return Err(error());
            }
            for (digit, offset) in group.chars().rev().zip((0u32..).step_by(4)) {
                let value = digit.to_digit(16).ok_or_else(error)?;
                if value != 0 && base + offset + 3 > MAX_INDEX {
                    return Err(error());
                }
                for bit in (0..4).filter(|bit| value & (1 << bit) != 0) {
                    set.insert(base + offset + bit);
                }
            }
        }
        Ok(set)
    }

    fn trimmed(mut self) -> Self {
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
        self
    }
}

impl FromStr for IndexSet {
    type Err = ParseIndexSetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseIndexSetError { text: text.chars().take(80).collect() };
        let mut set = Self::new();
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Ok(set);
        }
        if text.len() > MAX_TEXT {
            return Err(error());
        }
        for part in trimmed.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let first: u32 = first.trim().parse().map_err(|_| error())?;
            let last: u32 = last.trim().parse().map_err(|_| error())?;
            if first > last || last > MAX_INDEX {
                return Err(error());
            }
            set.insert_range(first, last);
        }
        Ok(set)
    }
}

impl fmt::Display for IndexSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut members = self.iter().peekable();
        let mut separator = "";
        while let Some(first) = members.next() {
            let mut last = first;
            while members.next_if_eq(&(last + 1)).is_some() {
                last += 1;
            }
            if first == last {
                write!(f, "{separator}{first}")?;
            } else {
                write!(f, "{separator}{first}-{last}")?;
            }
            separator = ",";
        }
        Ok(())
    }
}

impl fmt::Debug for IndexSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

impl FromIterator<u32> for IndexSet {
    fn from_iter<I: IntoIterator<Item = u32>>(indices: I) -> Self {
        let mut set = Self::new();
        for index in indices {
            set.insert(index);
        }
        set
    }
}

impl Serialize for IndexSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IndexSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mask_words_count_from_the_right() {
        let set = IndexSet::from_mask("00000001,80000000,0000000f\n").unwrap();
        assert_eq!(set.to_string(), "0-3,63-64");
        assert_eq!(IndexSet::from_mask("ffffffffff").unwrap().to_string(), "0-39");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["a", "3-1", "1,,2", "1-", "99999999999", "0-4000000", "0-16384", "-1"] {
            assert!(text.parse::<IndexSet>().is_err(), "{text}");
        }
        for text in
            ["", "g", "1,", ",1", "0x1,,", ",,0x1", ",", "0x,1", "1,0x,1", "1, ,1", "123456789,1", "0xf...f"]
        {
            assert!(IndexSet::from_mask(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hwloc_leaves_out_inner_words_of_zero() {
        for (mask, list) in [
            ("0x00000001,,0x00000100", "8,64"),
            ("0x00000300,,0x0", "72-73"),
            ("0x1,,,,0x1", "0,128"),
            ("0xffffffff,0x80000000", "31-63"),
        ] {
            assert_eq!(IndexSet::from_mask(mask).unwrap().to_string(), list, "{mask}");
        }
    }

    #[test]
    fn small_texts_make_small_sets() {
        let largest = "0-16383".parse::<IndexSet>().unwrap();
        assert_eq!((largest.len(), largest.words.len()), (16384, 256));
        assert_eq!(IndexSet::from_mask(&vec!["ffffffff"; 512].join(",")).unwrap(), largest);
        for text in ["0-16384", "16384", "0-1048576"] {
            assert!(text.parse::<IndexSet>().is_err(), "{text}");
        }
        for text in
            [vec!["1"; 513].join(","), format!("1{}", "0".repeat(4096)), format!("1{}1", ",".repeat(600))]
        {
            assert!(IndexSet::from_mask(&text).is_err(), "{}", text.len());
        }
        assert!("0,".repeat(200 << 10).trim_end_matches(',').parse::<IndexSet>().is_err());
        assert!(IndexSet::from_mask(&"0".repeat(300 << 10)).is_err());
        let mut set = IndexSet::new();
        set.insert(16384);
        assert!(set.is_empty());
        // As many wide ranges as the limit on the text allows: word by word this takes no time.
        let wide = vec!["0-16383"; MAX_TEXT / 8].join(",");
        assert_eq!(wide.parse::<IndexSet>().unwrap(), largest);
    }

    proptest! {
        #[test]
        fn list_form_round_trips(members in proptest::collection::btree_set(0u32..5000, 0..200)) {
            let set: IndexSet = members.iter().copied().collect();
            prop_assert_eq!(set.len(), members.len());
            prop_assert!(set.iter().eq(members.iter().copied()));
            prop_assert_eq!(set.to_string().parse::<IndexSet>().unwrap(), set);
        }

        #[test]
        fn set_algebra_agrees_with_the_standard_library(
            a in proptest::collection::btree_set(0u32..300, 0..100),
            b in proptest::collection::btree_set(0u32..300, 0..100),
        ) {
            let (x, y): (IndexSet, IndexSet) = (a.iter().copied().collect(), b.iter().copied().collect());
            prop_assert!(x.intersection(&y).iter().eq(a.intersection(&b).copied()));
            prop_assert!(x.difference(&y).iter().eq(a.difference(&b).copied()));
            prop_assert!(x.union(&y).iter().eq(a.union(&b).copied()));
            prop_assert_eq!(x.is_subset(&y), a.is_subset(&b));
            prop_assert_eq!(x == y, a == b);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<IndexSet>();
            let _ = IndexSet::from_mask(&text);
        }
    }
}
