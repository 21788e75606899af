//! Values of expressions, and what takes their place where there is none.

use std::borrow::Cow;
use std::rc::Rc;

use plumb_check_sdk::{Absence, CpuSet, Missing};
use serde_json::{Map, Value as Json};

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// True where the evidence says that the node does not have it.
    pub(crate) is_absent: bool,
    /// For a reader of the report.
    pub(crate) reason: String,
}

/// A value, or why there is none.
pub(crate) type Answer<'e> = Result<Value<'e>, Rc<Unknown>>;

/// What a mistake in a rule, or evidence of another type than it expects, comes to.
pub(crate) fn mistake<T>(reason: impl Into<String>) -> Result<T, Rc<Unknown>> {
    Err(Rc::new(Unknown { is_absent: false, reason: reason.into() }))
}

impl From<&Missing> for Unknown {
    fn from(missing: &Missing) -> Self {
        Self { is_absent: missing.missing == Absence::Absent, reason: missing.to_string() }
    }
}

/// A value. There is one kind of number, so that dividing two of them is what one expects of it.
#[derive(Clone, Debug)]
pub(crate) enum Value<'e> {
    Null,
    Bool(bool),
    Number(f64),
    Text(Cow<'e, str>),
    List(List<'e>),
    Map(&'e Map<String, Json>),
}

/// A list of the evidence, or one that an expression made.
#[derive(Clone, Debug)]
pub(crate) enum List<'e> {
    Evidence(&'e [Json]),
    Made(Rc<Vec<Value<'e>>>),
}

impl<'e> List<'e> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Evidence(items) => items.len(),
            Self::Made(items) => items.len(),
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<Answer<'e>> {
        match self {
            Self::Evidence(items) => items.get(index).map(Value::of),
            Self::Made(items) => items.get(index).cloned().map(Ok),
        }
    }
}

impl<'e> Value<'e> {
    /// A value of the evidence. What stands for a missing value has none.
    pub(crate) fn of(json: &'e Json) -> Answer<'e> {
        Ok(match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match number.as_f64().filter(|number| number.is_finite()) {
                Some(number) => Self::Number(number),
                None => return mistake(format!("{number} is no number that can be reckoned with")),
            },
            Json::String(text) => Self::Text(Cow::Borrowed(text)),
            Json::Array(items) => Self::List(List::Evidence(items)),
            Json::Object(members) => match stands_for(members) {
                Some(unknown) => return Err(Rc::new(unknown)),
                None => Self::Map(members),
            },
        })
    }

    /// What it is, with an article.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a truth value",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a group of members",
        }
    }

    /// As it stands in a message.
    pub(crate) fn to_text(&self) -> Result<String, Rc<Unknown>> {
        Ok(match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => number_text(*number),
            Self::Text(text) => text.to_string(),
            Self::List(list) => self::join(list, ", ")?,
            Self::Map(_) => return mistake("expected a text, a number or a list, found a group of members"),
        })
    }

    /// Equality of three values: what differs in a known part differs. Values of different kinds are not compared, except
    /// with null.
    pub(crate) fn equals(&self, other: &Self) -> Result<bool, Rc<Unknown>> {
        Ok(match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Null, _) | (_, Self::Null) => false,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::List(a), Self::List(b)) => return equal_lists(a, b),
            _ => return mistake(format!("cannot compare {} with {}", self.kind(), other.kind())),
        })
    }
}

fn equal_lists(a: &List<'_>, b: &List<'_>) -> Result<bool, Rc<Unknown>> {
    if a.len() != b.len() {
        return Ok(false);
    }
    let mut unknown = None;
    for (a, b) in (0..a.len()).filter_map(|index| Some((a.get(index)?, b.get(index)?))) {
        match a.and_then(|a| a.equals(&b?)) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(reason) => unknown = unknown.or(Some(reason)),
        }
    }
    unknown.map_or(Ok(true), Err)
}

/// The items of a list as texts, in one text.
pub(crate) fn join(list: &List<'_>, separator: &str) -> Result<String, Rc<Unknown>> {
    let mut text = String::new();
    for (index, item) in (0..list.len()).filter_map(|index| Some((index, list.get(index)?))) {
        if index > 0 {
            text.push_str(separator);
        }
        match item? {
            Value::List(_) => return mistake("expected texts or numbers, found a list of lists"),
            item => text.push_str(&item.to_text()?),
        }
    }
    Ok(text)
}

/// Why a value is missing, if the members stand for that. A part of such a pair, or nothing of it, stands for a missing value
/// too: there is nothing to read in it, and taking it for a value would be taking damage for an answer.
fn stands_for(members: &Map<String, Json>) -> Option<Unknown> {
    let is_pair = members.keys().all(|key| key == "missing" || key == "reason");
    if !is_pair {
        return None;
    }
    if members.is_empty() {
        return Some(Unknown {
            is_absent: false,
            reason: "it is an empty group, which says nothing".to_owned(),
        });
    }
    let missing = serde_json::from_value::<Missing>(Json::Object(members.clone()));
    Some(match missing {
        Ok(missing) => Unknown::from(&missing),
        Err(_) => Unknown { is_absent: false, reason: "it is missing, and the reason is damaged".to_owned() },
    })
}

/// A member of a group. What is not there is not known to be absent.
pub(crate) fn member<'e>(of: &Value<'e>, name: &str, place: impl FnOnce() -> String) -> Answer<'e> {
    match of {
        Value::Map(members) => match members.get(name) {
            Some(value) => Value::of(value),
            None => mistake(format!("the evidence has no `{name}` in `{}`", place())),
        },
        other => mistake(format!("`{}` is {}, expected a group that has `{name}`", place(), other.kind())),
    }
}

/// A number as a reader wants it: whole ones whole, others to two decimals or three significant digits.
pub(crate) fn number_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        // Not `-0`.
        return format!("{}", number + 0.0);
    }
    let size = number.abs();
    if !(1e-6..1e15).contains(&size) {
        return format!("{number:.2e}");
    }
    let decimals = if size >= 1.0 { 2 } else { (2.0 - size.log10().floor()) as usize };
    let text = format!("{number:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The numbers of a text such as `0-3,8`.
pub(crate) fn indices<'e>(text: &str) -> Answer<'e> {
    match text.parse::<CpuSet>() {
        Ok(set) => {
            Ok(Value::List(List::Made(Rc::new(set.iter().map(|n| Value::Number(f64::from(n))).collect()))))
        }
        Err(error) => mistake(format!("`{text}` is not a list of CPUs such as `0-3,8`: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_readers() {
        let cases = [
            (8.0, "8"),
            (-0.0, "0"),
            (12.3456, "12.35"),
            (0.012_345, "0.0123"),
            (99.999, "100"),
            (1e-9, "1.00e-9"),
            (1e18, "1.00e18"),
            (2.5, "2.5"),
        ];
        for (number, text) in cases {
            assert_eq!(number_text(number), text);
        }
    }

    #[test]
    fn half_a_reason_is_no_value() {
        let json: Json = serde_json::from_str(r#"{"missing": "denied"}"#).unwrap();
        assert!(Value::of(&json).unwrap_err().reason.contains("damaged"));
        let json: Json = serde_json::from_str(r#"{"missing": "absent", "reason": "no"}"#).unwrap();
        assert!(Value::of(&json).unwrap_err().is_absent);
        let json: Json = serde_json::from_str(r#"{"missing": "denied", "reason": "no", "more": 1}"#).unwrap();
        assert!(Value::of(&json).is_ok());
    }
}
