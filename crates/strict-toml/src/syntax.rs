//! Faults of the text itself: what is no TOML, and keys that stand twice.

use std::ops::Range;

use toml::de::{DeTable, DeValue, Error};

use crate::Fault;
use crate::document::{line_of, quoted};

/// The first fault of the text; `root` is what the parser could make of it all the same.
pub(crate) fn first(file: &str, text: &str, root: &DeTable<'_>, errors: &[Error]) -> Option<Fault> {
    let error = errors.iter().min_by_key(|error| error.span().map_or(usize::MAX, |span| span.start))?;
    let Some(span) = error.span() else {
        return Some(Fault {
            file: file.to_owned(),
            line: None,
            key: String::new(),
            message: error.message().replace('\n', ", "),
        });
    };
    let line = line_of(text, span.start);
    let before = path_before(root, span.start);
    let (key, message) = match twice(&before, text, &span) {
        Some((key, first)) if error.message() == "duplicate key" => {
            // Of a table that has a second header the parser forgets the first one.
            let message = if first < span.start {
                let line = line_of(text, first);
                format!("the key is here a second time, the first is in line {line}; keep one of them")
            } else {
                "the table is here a second time; write all its keys in one place".to_owned()
            };
            (key, message)
        }
        _ => {
            let on_line = before.last().is_some_and(|last| line_of(text, last.start) == line);
            let key =
                if on_line { dotted(before.iter().map(|step| step.key.as_str())) } else { String::new() };
            (key, error.message().trim().replace('\n', ", "))
        }
    };
    Some(Fault { file: file.to_owned(), line: Some(line), key, message })
}

/// A key, where it stands, and the table that it is in.
struct Step<'t> {
    key: String,
    start: usize,
    table: &'t DeTable<'t>,
}

/// The keys down to the last one that begins before a byte.
fn path_before<'t>(root: &'t DeTable<'t>, byte: usize) -> Vec<Step<'t>> {
    let mut path = Vec::new();
    let mut table = root;
    loop {
        // A table knows where its header is; of dotted keys, where the first of them is. What counts is the last key below.
        let last = table.iter().filter_map(|(key, value)| {
            Some((last_key(key.span().start, value.get_ref(), byte)?, key, value))
        });
        let Some((_, key, value)) = last.max_by_key(|(last, ..)| *last) else { return path };
        path.push(Step { key: key.get_ref().to_string(), start: key.span().start, table });
        match below(value.get_ref(), byte) {
            Some(next) => table = next,
            None => return path,
        }
    }
}

/// Where the last key before a byte is, of a key and all that is below it.
fn last_key(own: usize, value: &DeValue<'_>, byte: usize) -> Option<usize> {
    let below = below(value, byte).into_iter().flat_map(|table| {
        table.iter().filter_map(|(key, value)| last_key(key.span().start, value.get_ref(), byte))
    });
    below.chain((own < byte).then_some(own)).max()
}

/// The table that a value is, or the last table of an array that begins before a byte.
fn below<'t>(value: &'t DeValue<'t>, byte: usize) -> Option<&'t DeTable<'t>> {
    match value {
        DeValue::Table(table) => Some(table),
        DeValue::Array(items) => items.iter().rfind(|item| item.span().start < byte)?.get_ref().as_table(),
        _ => None,
    }
}

/// The whole name of a key that stands twice, and where it stood first.
fn twice(before: &[Step<'_>], text: &str, span: &Range<usize>) -> Option<(String, usize)> {
    let name = text.get(span.clone())?.trim_matches(['"', '\'']);
    before.iter().enumerate().rev().find_map(|(depth, step)| {
        let (first, _) = step.table.iter().find(|(key, _)| key.get_ref() == name)?;
        let tables = before[..depth].iter().map(|step| step.key.as_str());
        Some((dotted(tables.chain([name])), first.span().start))
    })
}

fn dotted<'k>(keys: impl Iterator<Item = &'k str>) -> String {
    keys.map(quoted).collect::<Vec<_>>().join(".")
}
