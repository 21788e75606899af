//! Characters that no font of Typst can show.
//!
//! Typst refuses to write an accessible PDF with such a character in it: one name in Chinese would cost the whole
//! report. Which ones they are depends on the fonts, so Typst is asked: its errors name them, they are replaced in the
//! data by their code points, and the report is compiled once more.

use std::collections::BTreeSet;

use serde_json::Value;

/// The texts that Typst's messages complain of, a few characters each.
pub(crate) fn missing(messages: &str) -> BTreeSet<String> {
    let quoted = messages.split(" the text `\"").skip(1);
    quoted
        .filter_map(|rest| rest.split_once("\"` could not be displayed with"))
        .filter_map(|(t, _)| unescape(t))
        .collect()
}

/// Undoes Typst's notation of strings.
fn unescape(text: &str) -> Option<String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                'u' => {
                    let code: String =
                        chars.by_ref().skip_while(|&c| c == '{').take_while(|&c| c != '}').collect();
                    plain.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
                }
                escaped => plain.push(escaped),
            },
            c => plain.push(c),
        }
    }
    Some(plain)
}

/// Writes the characters of `missing` as code points, in all texts of the JSON in `data`; `None` if there are none.
pub(crate) fn replace(data: &[u8], missing: &BTreeSet<String>) -> Option<Vec<u8>> {
    let characters: BTreeSet<char> =
        missing.iter().flat_map(|text| text.chars()).filter(|c| !c.is_ascii()).collect();
    let mut value: Value = serde_json::from_slice(data).ok()?;
    if !replace_in(&mut value, &characters) {
        return None;
    }
    serde_json::to_vec_pretty(&value).ok()
}

fn replace_in(value: &mut Value, characters: &BTreeSet<char>) -> bool {
    match value {
        Value::String(text) if text.contains(|c| characters.contains(&c)) => {
            let mut shown = String::with_capacity(text.len() * 2);
            for c in text.chars() {
                if characters.contains(&c) {
                    shown.push_str(&format!("[U+{:04X}]", u32::from(c)));
                } else {
                    shown.push(c);
                }
            }
            *text = shown;
            true
        }
        // Without `any`, which would stop at the first text that changed.
        Value::Array(values) => {
            values.iter_mut().fold(false, |seen, value| replace_in(value, characters) | seen)
        }
        Value::Object(map) => {
            map.values_mut().fold(false, |seen, value| replace_in(value, characters) | seen)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_typsts_errors() {
        let log = "error: PDF/UA-1 error: the text `\"测\"` could not be displayed with font `\"Libertinus Serif\"`\n\
                   error: PDF/UA-1 error: the text `\"\\u{1f600}\"` could not be displayed with font `\"X\"`\n\
                   error: unknown variable: x";
        assert_eq!(missing(log).into_iter().collect::<String>(), "测\u{1f600}");
    }

    #[test]
    fn replaces_everywhere() {
        let data = r#"{"a": ["测试", "x"], "b": {"c": "a测"}}"#;
        let replaced = replace(data.as_bytes(), &BTreeSet::from(["测".to_owned()])).unwrap();
        let value: Value = serde_json::from_slice(&replaced).unwrap();
        assert_eq!(value, serde_json::json!({"a": ["[U+6D4B]试", "x"], "b": {"c": "a[U+6D4B]"}}));
        assert_eq!(replace(data.as_bytes(), &BTreeSet::from(["x".to_owned()])), None);
    }
}
