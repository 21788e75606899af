//! A file that has been parsed, and what can be asked of it.

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Fault;
use crate::reader::{Path, Reader};
use crate::syntax;

/// A file that has been parsed: it is TOML, but nothing else is known of it yet.
#[derive(Debug)]
pub struct Document<'a> {
    file: &'a str,
    text: &'a str,
    root: Spanned<DeValue<'a>>,
}

impl<'a> Document<'a> {
    /// Parses `text`; `file` is the name of the file, for faults.
    ///
    /// # Errors
    /// If the text is no TOML, or has a key twice.
    pub fn parse(file: &'a str, text: &'a str) -> Result<Self, Fault> {
        let (root, errors) = DeTable::parse_recoverable(text);
        match syntax::first(file, text, root.get_ref(), &errors) {
            Some(fault) => Err(fault),
            None => {
                Ok(Self { file, text, root: Spanned::new(root.span(), DeValue::Table(root.into_inner())) })
            }
        }
    }

    /// The version of the format, which stands at the top under `key`. To be asked first: another version may have other keys.
    ///
    /// # Errors
    /// If it is missing, or is none of those that are `known`.
    pub fn version(&self, key: &str, known: &[u32]) -> Result<u32, Fault> {
        let newest = known.last().copied().unwrap_or_default();
        let Some(value) = self.get(&[key]).map(Spanned::get_ref) else {
            let message =
                format!("the version of the format is missing; write `{key} = {newest}` as the first line");
            return Err(self.fault(&[key], message));
        };
        let found = value.as_integer().and_then(|number| number.as_str().parse().ok());
        found.filter(|version| known.contains(version)).ok_or_else(|| {
            let reads: Vec<String> = known.iter().map(u32::to_string).collect();
            let message = format!(
                "expected version {} of the format, found {}; a newer file needs a newer program",
                reads.join(" or "),
                describe(value)
            );
            self.fault(&[key], message)
        })
    }

    /// What the file says.
    ///
    /// # Errors
    /// If a key is unknown or missing, or a value is none that can be. Of several faults the first in the file is told, but of
    /// each table unknown keys come before all else.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        T::deserialize(self.reader()).map_err(|error| error.into_fault(&self.reader()))
    }

    /// The numbers under a path of keys: one, those of a list, or none.
    pub fn numbers(&self, path: &[&str]) -> Vec<f64> {
        match self.get(path).map(Spanned::get_ref) {
            Some(DeValue::Array(list)) => list.iter().filter_map(|value| number(value.get_ref())).collect(),
            Some(value) => number(value).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// A fault of the key at the end of a path. If it is not there, the line is that of the table which lacks it.
    pub fn fault(&self, path: &[&str], message: impl Into<String>) -> Fault {
        let mut place = self.reader().at();
        for length in 1..=path.len() {
            match self.get(&path[..length]) {
                Some(value) => place = self.line(value.span().start),
                None => break,
            }
        }
        let key = path.iter().map(|key| quoted(key)).collect::<Vec<_>>().join(".");
        Fault { file: self.file.to_owned(), line: place, key, message: message.into() }
    }

    /// The string under `key` in the table of an array that a line is in, to name the table by more than its line.
    pub fn name_at(&self, line: usize, array: &str, key: &str) -> Option<&str> {
        let tables = self.get(&[array])?.get_ref().as_array()?;
        let begins_before = |table: &&Spanned<DeValue<'a>>| self.line(table.span().start) <= Some(line);
        tables.iter().rfind(begins_before)?.get_ref().as_table()?.get(key)?.get_ref().as_str()
    }

    fn get(&self, path: &[&str]) -> Option<&Spanned<DeValue<'a>>> {
        path.iter().try_fold(&self.root, |value, key| value.get_ref().as_table()?.get(*key))
    }

    fn reader(&self) -> Reader<'_> {
        Reader { document: self, value: &self.root, path: None }
    }

    pub(crate) fn file(&self) -> &str {
        self.file
    }

    /// Line of a byte, from 1.
    pub(crate) fn line(&self, byte: usize) -> Option<usize> {
        Some(line_of(self.text, byte))
    }
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Float(number) => number.as_str().parse().ok(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number as f64)
        }
        _ => None,
    }
}

/// Line of a byte, from 1.
pub(crate) fn line_of(text: &str, byte: usize) -> usize {
    text.as_bytes()[..byte.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

impl Path<'_> {
    /// The keys with dots between them, as they may be written in TOML.
    pub(crate) fn dotted(&self) -> String {
        let own = quoted(self.key);
        self.parent.map_or_else(|| own.clone(), |parent| format!("{}.{own}", parent.dotted()))
    }
}

/// A key, in quotes where TOML wants them.
pub(crate) fn quoted(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if is_bare { key.to_owned() } else { format!("{key:?}") }
}

/// A value, for people.
pub(crate) fn describe(value: &DeValue<'_>) -> String {
    const LONGEST: usize = 60;
    match value {
        DeValue::String(text) if text.chars().count() > LONGEST => {
            format!("the string {:?}…", text.chars().take(LONGEST).collect::<String>())
        }
        DeValue::String(text) => format!("the string {text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(time) => format!("the date {time}"),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
