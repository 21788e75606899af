//! A value that knows where it stands.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};

use crate::Fault;
use crate::document::quoted;

/// The name by which [`At`] asks the reader of this crate for the place of a value.
pub(crate) const AT: &str = "$plumb_strict_toml::At";

/// A value with the file, the line and the key that it was read from. Can be read from a [`Document`](crate::Document) only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    value: T,
    file: String,
    line: Option<usize>,
    key: String,
}

impl<T> At<T> {
    /// A fault of this value.
    pub fn fault(&self, message: impl Into<String>) -> Fault {
        Fault { file: self.file.clone(), line: self.line, key: self.key.clone(), message: message.into() }
    }

    /// A fault of a key that the value, which is a table, has or should have; the line is that of the table.
    pub fn fault_of(&self, key: &str, message: impl Into<String>) -> Fault {
        let fault = self.fault(message);
        Fault { key: format!("{}.{}", fault.key, quoted(key)), ..fault }
    }

    /// Line at which the value begins, from 1; a table begins with its header.
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// The value alone.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple_struct(AT, 4, Parts(PhantomData))
    }
}

struct Parts<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Parts<T> {
    type Value = At<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a file that is read strictly")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<At<T>, A::Error> {
        let absent = || A::Error::custom("a value can be told with its place only by `Document::read`");
        Ok(At {
            file: parts.next_element()?.ok_or_else(absent)?,
            line: parts.next_element()?.ok_or_else(absent)?,
            key: parts.next_element()?.ok_or_else(absent)?,
            value: parts.next_element()?.ok_or_else(absent)?,
        })
    }
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}
