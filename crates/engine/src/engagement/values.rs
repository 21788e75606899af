//! Values that have to be more than of their type.

use plumb_strict_toml::{Document, Fault};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer};
use time::Date;

use crate::document::is_colour;
use crate::profile::Platform;
use crate::waiver::parse_date;

/// Between what numbers have to be whose types are those of the evidence, by table and key.
pub(super) const BOUNDS: [(&str, &str, f64, f64); 21] = [
    ("slo", "percentile", 0.0, 100.0),
    ("slo", "error_percent", 0.0, 100.0),
    ("slo", "attainment_percent", 0.0, 100.0),
    ("slo", "ttft_ms", 0.0, f64::INFINITY),
    ("slo", "itl_ms", 0.0, f64::INFINITY),
    ("slo", "tpot_ms", 0.0, f64::INFINITY),
    ("slo", "e2e_ms", 0.0, f64::INFINITY),
    ("slo", "window_days", 0.0, f64::INFINITY),
    ("demand", "peak_requests_per_s", 0.0, f64::INFINITY),
    ("demand", "mean_requests_per_s", 0.0, f64::INFINITY),
    ("demand", "prompt_tokens", 0.0, f64::INFINITY),
    ("demand", "output_tokens", 0.0, f64::INFINITY),
    // Demand may shrink.
    ("demand", "growth_percent_per_year", -100.0, f64::INFINITY),
    ("demand", "history_days", 0.0, f64::INFINITY),
    ("prices", "gpu_hour", 0.0, f64::INFINITY),
    ("prices", "server", 0.0, f64::INFINITY),
    ("prices", "depreciation_years", 0.0, f64::INFINITY),
    ("prices", "kwh", 0.0, f64::INFINITY),
    ("prices", "pue", 0.0, f64::INFINITY),
    ("prices", "hosting_month", 0.0, f64::INFINITY),
    ("prices", "co2_g_per_kwh", 0.0, f64::INFINITY),
];

/// Whether all numbers are within their [`BOUNDS`].
pub(super) fn within_bounds(document: &Document<'_>) -> Result<(), Fault> {
    for (table, key, least, most) in BOUNDS {
        let numbers = document.numbers(&[table, key]);
        let is_beyond = |number: &&f64| !(number.is_finite() && (least..=most).contains(*number));
        if let Some(number) = numbers.iter().find(is_beyond) {
            let range = if most.is_finite() {
                format!("between {least} and {most}")
            } else {
                format!("{least} or more")
            };
            return Err(document.fault(&[table, key], format!("must be {range}, found {number}")));
        }
        if let [from, to] = numbers[..]
            && from > to
        {
            let problem = format!("must not fall, found [{from}, {to}]; write the lower one first");
            return Err(document.fault(&[table, key], problem));
        }
    }
    Ok(())
}

/// A text that is not empty.
#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct Filled(
    #[serde(deserialize_with = "filled")]
    #[schemars(length(min = 1))]
    pub(super) String,
);

fn text<'de, D: Deserializer<'de>, T: From<String>>(
    deserializer: D,
    expected: &str,
    is_one: fn(&str) -> bool,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_one(&text) {
        Ok(text.into())
    } else {
        Err(D::Error::invalid_value(Unexpected::Str(&text), &expected))
    }
}

/// A text that says something: an empty line on a cover looks like a mistake of the author, and is one.
pub(crate) fn filled<'de, D: Deserializer<'de>, T: From<String>>(deserializer: D) -> Result<T, D::Error> {
    text(deserializer, "a text that is not empty", |text| !text.trim().is_empty())
}

pub(crate) fn colour<'de, D: Deserializer<'de>, T: From<String>>(deserializer: D) -> Result<T, D::Error> {
    text(deserializer, "a colour as \"#rrggbb\", such as \"#1f4e79\"", is_colour)
}

pub(super) fn language<'de, D: Deserializer<'de>, T: From<String>>(deserializer: D) -> Result<T, D::Error> {
    text(deserializer, "the code of a language in small letters, such as \"en\" or \"de\"", |code| {
        (2..=8).contains(&code.len()) && code.chars().all(|c| c.is_ascii_lowercase() || c == '-')
    })
}

/// A day, with or without quotes.
pub(crate) fn day<'de, D: Deserializer<'de>, T: From<Date>>(deserializer: D) -> Result<T, D::Error> {
    let day = match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => parse_date(&text),
        toml::Value::Datetime(found) if found.time.is_none() && found.offset.is_none() => {
            found.date.and_then(|date| parse_date(&date.to_string()))
        }
        _ => None,
    };
    day.map(T::from)
        .ok_or_else(|| D::Error::invalid_value(Unexpected::Other("this"), &"a day such as 2026-12-31"))
}

pub(super) fn finite<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number.is_finite() {
        Ok(number)
    } else {
        Err(D::Error::invalid_value(Unexpected::Float(number), &"a number that is not infinite"))
    }
}

/// The words of [`Platform::ALL`], as serde wants them.
static PLATFORMS: [&str; Platform::ALL.len()] = {
    let mut words = [""; Platform::ALL.len()];
    let mut next = 0;
    while next < words.len() {
        words[next] = Platform::ALL[next].as_str();
        next += 1;
    }
    words
};

/// A platform that a client may name.
pub(super) fn platform<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Platform>, D::Error> {
    let word = String::deserialize(deserializer)?;
    match Platform::ALL.into_iter().find(|platform| platform.as_str() == word) {
        Some(platform) => Ok(Some(platform)),
        None => Err(D::Error::unknown_variant(&word, &PLATFORMS)),
    }
}

pub(super) fn platforms(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": PLATFORMS })
}
