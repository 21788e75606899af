//! A value of the node, or the reason why there is none.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{
    BorrowedStrDeserializer, MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer,
};
use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, forward_to_deserialize_any};

/// Why a value is missing.
///
/// Only [`Absence::Absent`] says something of the node; every other word says something of the collection. So only
/// `Absent` may lead to a pass or to "not applicable".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Absence {
    /// The node does not have it: it was looked for where looking was possible, and there is no such file or device.
    Absent,
    /// This recording, view or import does not hold it and cannot tell whether the node has it.
    ///
    /// Its word in JSON is `skipped`, because packs that were built before this case existed know seven words and
    /// refuse any other together with all that it is part of. [`Missing`] keeps the difference in its reason.
    #[serde(rename = "skipped", skip_deserializing)]
    NotRecorded,
    /// It is there, but the collector was not allowed to read it.
    Denied,
    /// Reading it did not finish within the probe's time budget.
    Timeout,
    /// It was longer than the limit of the collector and was cut, or held more than the analysis judges.
    Truncated,
    /// The collector was told not to ask.
    Skipped,
    /// Reading failed in another way.
    Failed,
    /// It was read, but is not of the form that the kernel documents.
    Malformed,
}

impl Absence {
    /// The word used for a reader. In JSON [`Absence::NotRecorded`] has the word of [`Absence::Skipped`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::NotRecorded => "not recorded",
            Self::Denied => "denied",
            Self::Timeout => "timeout",
            Self::Truncated => "truncated",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Malformed => "malformed",
        }
    }
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Begins the reason of what was not recorded, in JSON only.
const NOT_RECORDED: &str = "not recorded: ";

/// A missing value: why, and in which words.
///
/// In JSON, what was not recorded is `{"missing": "skipped", "reason": "not recorded: …"}`: older packs read it as
/// skipped, which they judge in the same way, and newer ones tell the two apart by the first words of the reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// Why there is no value.
    pub missing: Absence,
    /// What was tried and what came back, for a reader of the report.
    pub reason: String,
}

impl Missing {
    /// A missing value.
    #[must_use]
    pub fn new(missing: Absence, reason: impl Into<String>) -> Self {
        Self { missing, reason: reason.into() }
    }

    /// What this recording, view or import does not hold.
    #[must_use]
    pub fn not_recorded(reason: impl Into<String>) -> Self {
        Self::new(Absence::NotRecorded, reason)
    }

    /// True where it was looked for and the node does not have it: the one case that says something of the node.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.missing == Absence::Absent
    }

    /// True where there was nothing to read, whether the node lacks it or the recording does: another source may be
    /// asked, but nothing follows for the node.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self.missing, Absence::Absent | Absence::NotRecorded)
    }
}

/// [`Missing`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Missing", deny_unknown_fields)]
struct MissingForm {
    missing: Absence,
    reason: String,
}

// Written out and not by `from` and `into`, whose conversions others would see.
impl Serialize for Missing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reason = match self.missing {
            Absence::NotRecorded => format!("{NOT_RECORDED}{}", self.reason),
            _ => self.reason.clone(),
        };
        MissingForm { missing: self.missing, reason }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Missing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let MissingForm { missing, reason } = MissingForm::deserialize(deserializer)?;
        Ok(match reason.strip_prefix(NOT_RECORDED) {
            Some(rest) if missing == Absence::Skipped => Self::not_recorded(rest),
            _ => Self::new(missing, reason),
        })
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.missing)
    }
}

impl std::error::Error for Missing {}

/// A value that the node may lack: `None` where it does not have it.
///
/// # Errors
/// Returns the reason where the value is missing and the node may have it.
pub fn if_any<T>(value: Result<T, Missing>) -> Result<Option<T>, Missing> {
    match value {
        Err(missing) if missing.is_absent() => Ok(None),
        value => value.map(Some),
    }
}

/// A value of the node, or the reason why there is none.
///
/// In JSON a known value stands for itself, and a missing one is `{"missing": "denied", "reason": "…"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<T> {
    /// The value.
    Known(T),
    /// Why there is none.
    Missing(Missing),
}

/// What the evidence does not mention was not asked for.
impl<T> Default for Fact<T> {
    fn default() -> Self {
        Self::Missing(Missing::new(Absence::Skipped, "not collected"))
    }
}

impl<T> Fact<T> {
    /// A value that the node does not have.
    #[must_use]
    pub fn absent(reason: impl Into<String>) -> Self {
        Self::Missing(Missing::new(Absence::Absent, reason))
    }

    /// The value, if it is known.
    #[must_use]
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Missing(_) => None,
        }
    }

    /// The value, or why it is missing; made for `?` in checks.
    ///
    /// # Errors
    /// Returns the reason where the value is missing.
    pub fn require(&self) -> Result<&T, Missing> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Missing(missing) => Err(missing.clone()),
        }
    }

    /// The value, `None` where the node does not have it, or why it is missing otherwise; made for `?` in checks.
    ///
    /// # Errors
    /// Returns the reason where the value is missing and the node may have it.
    pub fn optional(&self) -> Result<Option<&T>, Missing> {
        if_any(self.require())
    }

    /// The same of a borrowed value.
    #[must_use]
    pub fn as_ref(&self) -> Fact<&T> {
        match self {
            Self::Known(value) => Fact::Known(value),
            Self::Missing(missing) => Fact::Missing(missing.clone()),
        }
    }

    /// Applies `f` to a known value.
    #[must_use]
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Known(value) => Fact::Known(f(value)),
            Self::Missing(missing) => Fact::Missing(missing),
        }
    }

    /// Applies `f`, which may find the value malformed, to a known value.
    #[must_use]
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Fact<U>) -> Fact<U> {
        match self {
            Self::Known(value) => f(value),
            Self::Missing(missing) => Fact::Missing(missing),
        }
    }
}

impl<T> From<Result<T, Missing>> for Fact<T> {
    fn from(result: Result<T, Missing>) -> Self {
        match result {
            Ok(value) => Self::Known(value),
            Err(missing) => Self::Missing(missing),
        }
    }
}

impl<T: Serialize> Serialize for Fact<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) => value.serialize(serializer),
            Self::Missing(missing) => missing.serialize(serializer),
        }
    }
}

// Written out, because an untagged enum would first copy each value into a buffer: evidence is mostly facts, and this
// halves the time that a pack takes to read it.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fact<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FactVisitor(PhantomData))
    }
}

struct FactVisitor<T>(PhantomData<T>);

macro_rules! forward {
    ($($method:ident: $type:ty,)+) => {$(
        fn $method<E: de::Error>(self, value: $type) -> Result<Self::Value, E> {
            T::deserialize(value.into_deserializer()).map(Fact::Known)
        }
    )+};
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for FactVisitor<T> {
    type Value = Fact<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, or why it is missing")
    }

    forward! {
        visit_bool: bool,
        visit_i64: i64,
        visit_u64: u64,
        visit_f64: f64,
        visit_string: String,
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
        T::deserialize(StrDeserializer::new(value)).map(Fact::Known)
    }

    fn visit_borrowed_str<E: de::Error>(self, value: &'de str) -> Result<Self::Value, E> {
        T::deserialize(BorrowedStrDeserializer::new(value)).map(Fact::Known)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        T::deserialize(().into_deserializer()).map(Fact::Known)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        T::deserialize(SeqAccessDeserializer::new(items)).map(Fact::Known)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let first: Option<String> = members.next_key()?;
        let is_missing = matches!(first.as_deref(), Some("missing" | "reason"));
        let members = MapAccessDeserializer::new(Rest { first, members });
        if is_missing {
            Missing::deserialize(members).map(Fact::Missing)
        } else {
            T::deserialize(members).map(Fact::Known)
        }
    }
}

/// A map whose first key was already taken.
struct Rest<A> {
    first: Option<String>,
    members: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Rest<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(key) => seed.deserialize(FirstKey(key, PhantomData)).map(Some),
            None => self.members.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.members.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.members.size_hint()
    }
}

/// The key that was taken. Keys are texts in JSON, and those of a map by number are numbers all the same.
struct FirstKey<E>(String, PhantomData<E>);

macro_rules! numbers {
    ($($method:ident: $visit:ident,)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
            match self.0.parse() {
                Ok(number) => visitor.$visit(number),
                Err(_) => visitor.visit_string(self.0),
            }
        }
    )+};
}

impl<'de, E: de::Error> Deserializer<'de> for FirstKey<E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_string(self.0)
    }

    numbers! {
        deserialize_u8: visit_u8,
        deserialize_u16: visit_u16,
        deserialize_u32: visit_u32,
        deserialize_u64: visit_u64,
        deserialize_i8: visit_i8,
        deserialize_i16: visit_i16,
        deserialize_i32: visit_i32,
        deserialize_i64: visit_i64,
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        IntoDeserializer::<E>::into_deserializer(self.0).deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, E> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_of_a_known_fact_is_the_value_itself() {
        let known: Fact<u32> = Fact::Known(7);
        assert_eq!(serde_json::to_string(&known).unwrap(), "7");
        let back: Fact<u32> = serde_json::from_str("7").unwrap();
        assert_eq!(back, known);
    }

    #[test]
    fn json_of_a_missing_fact_names_status_and_reason() {
        let missing: Fact<u32> = Fact::Missing(Missing::new(Absence::Denied, "cannot read /x"));
        let text = serde_json::to_string(&missing).unwrap();
        assert_eq!(text, r#"{"missing":"denied","reason":"cannot read /x"}"#);
        let back: Fact<u32> = serde_json::from_str(&text).unwrap();
        assert_eq!(back, missing);
    }

    #[test]
    fn what_was_not_recorded_reads_as_skipped_in_older_packs() {
        /// The forms of packs that were built before there was anything but absent.
        #[derive(Debug, PartialEq, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        enum OldAbsence {
            Absent,
            Denied,
            Timeout,
            Truncated,
            Skipped,
            Failed,
            Malformed,
        }
        #[derive(Debug, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct OldMissing {
            missing: OldAbsence,
            reason: String,
        }
        let missing: Fact<u32> = Fact::Missing(Missing::not_recorded("/proc/7/cgroup"));
        let text = serde_json::to_string(&missing).unwrap();
        assert_eq!(text, r#"{"missing":"skipped","reason":"not recorded: /proc/7/cgroup"}"#);
        assert_eq!(serde_json::from_str::<Fact<u32>>(&text).unwrap(), missing);
        let old: OldMissing = serde_json::from_str(&text).unwrap();
        let reason = "not recorded: /proc/7/cgroup".to_owned();
        assert_eq!(old, OldMissing { missing: OldAbsence::Skipped, reason });
        // What a collector was told not to ask stays that.
        let skipped = Missing::new(Absence::Skipped, "not collected");
        let text = serde_json::to_string(&skipped).unwrap();
        assert_eq!(serde_json::from_str::<Missing>(&text).unwrap(), skipped);
        let known = "absent denied timeout truncated skipped failed malformed".split(' ');
        for word in known {
            assert!(serde_json::from_str::<Absence>(&format!("{word:?}")).is_ok(), "{word}");
        }
    }

    #[test]
    fn maps_by_number_are_read_back() {
        use std::collections::BTreeMap;
        let known: Fact<BTreeMap<u32, BTreeMap<u64, bool>>> =
            Fact::Known(BTreeMap::from([(3, BTreeMap::from([(1, true)])), (4, BTreeMap::new())]));
        let text = serde_json::to_string(&known).unwrap();
        assert_eq!(serde_json::from_str::<Fact<BTreeMap<u32, BTreeMap<u64, bool>>>>(&text).unwrap(), known);
        assert!(serde_json::from_str::<Fact<BTreeMap<u32, bool>>>(r#"{"x": true}"#).is_err());
    }
}
