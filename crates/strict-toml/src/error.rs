//! What went wrong while a type was read, before and after its place is known.

use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

use crate::Fault;
use crate::document::describe;
use crate::nearest::unknown;
use crate::reader::{Path, Reader};

/// What went wrong. The type that is read says what; the reader, on the way back, where.
#[derive(Debug)]
pub(crate) enum Error {
    Placed(Fault),
    /// The value is of another type, or is out of the range of its type.
    Expected(String),
    /// A word that is none of those known.
    Word(String, &'static [&'static str]),
    Missing(&'static str),
    Custom(String),
}

impl Error {
    /// The fault, which is of the value that `reader` stands at if nothing else is known.
    pub(crate) fn into_fault(self, reader: &Reader<'_>) -> Fault {
        let (key, message) = match self {
            Self::Placed(fault) => return fault,
            Self::Missing(key) => {
                let key = Path { parent: reader.path, key };
                return Fault {
                    file: reader.document.file().to_owned(),
                    line: reader.at(),
                    key: key.dotted(),
                    message: "this key is missing".to_owned(),
                };
            }
            Self::Expected(expected) => {
                (reader.path, format!("expected {expected}, found {}", describe(reader.value.get_ref())))
            }
            Self::Word(word, known) => (reader.path, unknown(&format!("value `{word}`"), &word, known)),
            Self::Custom(message) => (reader.path, message),
        };
        Fault {
            file: reader.document.file().to_owned(),
            line: reader.at(),
            key: key.map(Path::dotted).unwrap_or_default(),
            message,
        }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Placed(fault) => fault.fmt(f),
            Self::Expected(expected) => write!(f, "expected {expected}"),
            Self::Word(word, known) => f.write_str(&unknown(&format!("`{word}`"), word, known)),
            Self::Missing(key) => write!(f, "`{key}` is missing"),
            Self::Custom(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Self::Custom(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Expected(words(&expected.to_string()))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Expected(words(&expected.to_string()))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::Custom(format!("expected {expected}, found {length} items"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::Word(variant.to_owned(), expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::Word(field.to_owned(), expected)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

/// What serde calls a type, in the words of somebody who writes TOML.
fn words(expected: &str) -> String {
    let words = match expected {
        "f32" | "f64" => "a number",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0 up",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "a boolean" => "`true` or `false`",
        "a sequence" => "an array",
        "a map" => "a table",
        _ if expected.starts_with("struct ") => "a table",
        _ => expected,
    };
    words.to_owned()
}
