//! Serde's view of a parsed file, which knows at each value where it stands.

use std::slice;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue, ValueDeserializer};

use crate::Document;
use crate::Fault;
use crate::at::AT;
use crate::document::describe;
use crate::error::Error;
use crate::nearest::unknown;

/// Keys from the top of the file down to a value.
#[derive(Clone, Copy)]
pub(crate) struct Path<'r> {
    pub(crate) parent: Option<&'r Self>,
    pub(crate) key: &'r str,
}

/// One value of a file; no path is the file as a whole.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'r> {
    pub(crate) document: &'r Document<'r>,
    pub(crate) value: &'r Spanned<DeValue<'r>>,
    pub(crate) path: Option<&'r Path<'r>>,
}

impl Reader<'_> {
    /// Line of the value.
    pub(crate) fn at(&self) -> Option<usize> {
        self.path.and_then(|_| self.document.line(self.value.span().start))
    }

    fn placed(&self, error: Error) -> Error {
        Error::Placed(error.into_fault(self))
    }

    /// What is wrong with one of the keys of the table.
    fn key_fault(&self, key: &Spanned<DeString<'_>>, message: String) -> Error {
        Error::Placed(Fault {
            file: self.document.file().to_owned(),
            line: self.document.line(key.span().start),
            key: Path { parent: self.path, key: key.get_ref() }.dotted(),
            message,
        })
    }

    /// What serde makes of the value. A date is no string and no table, except for those who ask for a date.
    fn visit<'de, V: Visitor<'de>>(self, visitor: V, wants_date: bool) -> Result<V::Value, Error> {
        match self.value.get_ref() {
            DeValue::String(text) => visitor.visit_str(text),
            DeValue::Integer(number) => integer(number, visitor),
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(float) if float.is_finite() || !number.as_str().contains(|c: char| c.is_ascii_digit()) => {
                    visitor.visit_f64(float)
                }
                _ => Err(Error::Custom(format!("{number} is too large for a number"))),
            },
            DeValue::Boolean(value) => visitor.visit_bool(*value),
            DeValue::Datetime(time) if wants_date => {
                let date = Spanned::new(self.value.span(), DeValue::Datetime(*time));
                let result = ValueDeserializer::from(date).deserialize_any(visitor);
                result.map_err(|error| Error::Custom(error.message().to_owned()))
            }
            // No type takes it, and what it says to that is what it would have taken.
            DeValue::Datetime(_) => visitor.visit_unit(),
            DeValue::Array(items) => {
                let mut items = Items { of: self, left: items.iter() };
                let value = visitor.visit_seq(&mut items)?;
                match items.left.len() {
                    0 => Ok(value),
                    extra => Err(Error::Custom(format!("the array has {extra} items too many"))),
                }
            }
            DeValue::Table(table) => visitor.visit_map(Entries::new(self, table)),
        }
    }
}

fn integer<'de, V: Visitor<'de>>(number: &DeInteger<'_>, visitor: V) -> Result<V::Value, Error> {
    let (digits, radix) = (number.as_str(), number.radix());
    if let Ok(number) = i64::from_str_radix(digits, radix) {
        visitor.visit_i64(number)
    } else if let Ok(number) = u64::from_str_radix(digits, radix) {
        visitor.visit_u64(number)
    } else {
        Err(Error::Custom(format!("{number} is too large for a whole number")))
    }
}

macro_rules! plainly {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.visit(visitor, false)
        })*
    };
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor, true)
    }

    plainly! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16
        deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64 deserialize_char deserialize_str
        deserialize_string deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_seq deserialize_map
        deserialize_identifier
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value.get_ref() {
            DeValue::Table(table) => {
                let extra = table.keys().filter(|key| !fields.contains(&key.get_ref().as_ref()));
                if let Some(key) = extra.min_by_key(|key| key.span().start) {
                    return Err(self.key_fault(key, unknown("key", key.get_ref(), fields)));
                }
                self.visit(visitor, false)
            }
            DeValue::Datetime(_) => self.visit(visitor, true),
            // Serde would take an array for the fields in their order, which no reader of the file could know.
            _ => Err(Error::Expected("a table".to_owned())),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value.get_ref() {
            DeValue::String(text) => {
                let word: StrDeserializer<'_, Error> = text.as_ref().into_deserializer();
                visitor.visit_enum(word)
            }
            DeValue::Table(table) if table.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(Entries::new(self, table)))
            }
            other => {
                let expected = variants.join("`, `");
                Err(Error::Custom(format!("expected one of `{expected}`, found {}", describe(other))))
            }
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.visit(visitor, false)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor, false)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name != AT {
            return self.visit(visitor, false);
        }
        visitor.visit_seq(Parts { of: self, next: 0 })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

struct Items<'r> {
    of: Reader<'r>,
    left: slice::Iter<'r, Spanned<DeValue<'r>>>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let next = self.left.next().map(|value| Reader { value, ..self.of });
        next.map(|item| seed.deserialize(item).map_err(|error| item.placed(error))).transpose()
    }
}

/// The entries of a table in the order of the file, so that the first fault of the file is the one that is told.
struct Entries<'r> {
    of: Reader<'r>,
    left: std::vec::IntoIter<(&'r Spanned<DeString<'r>>, &'r Spanned<DeValue<'r>>)>,
    value: Option<(&'r Spanned<DeString<'r>>, &'r Spanned<DeValue<'r>>)>,
}

impl<'r> Entries<'r> {
    fn new(of: Reader<'r>, table: &'r DeTable<'r>) -> Self {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        Self { of, left: entries.into_iter(), value: None }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.value = self.left.next();
        let Some((key, _)) = self.value else { return Ok(None) };
        let word: StrDeserializer<'_, Error> = key.get_ref().as_ref().into_deserializer();
        seed.deserialize(word).map(Some).map_err(|error| {
            let message = match error {
                Error::Word(word, known) => unknown("key", &word, known),
                other => other.to_string(),
            };
            self.of.key_fault(key, message)
        })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some((key, value)) = self.value.take() else {
            return Err(Error::custom("a value was asked for before its key"));
        };
        let path = Path { parent: self.of.path, key: key.get_ref() };
        let reader = Reader { value, path: Some(&path), ..self.of };
        seed.deserialize(reader).map_err(|error| reader.placed(error))
    }
}

/// What [`At`](crate::At) is made of.
struct Parts<'r> {
    of: Reader<'r>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.next += 1;
        match self.next {
            1 => seed.deserialize(self.of.document.file().into_deserializer()),
            2 => seed.deserialize(Line(self.of.at())),
            3 => seed.deserialize(self.of.path.map(Path::dotted).unwrap_or_default().into_deserializer()),
            _ => seed.deserialize(self.of),
        }
        .map(Some)
    }
}

struct Line(Option<usize>);

impl<'de> Deserializer<'de> for Line {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Some(line) => visitor.visit_some(line.into_deserializer()),
            None => visitor.visit_none(),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
