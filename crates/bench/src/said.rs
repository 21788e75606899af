//! What a server says of a request that it does not answer.

use serde_json::Value;

/// Bytes of a body that are looked at.
pub(crate) const MAX_BODY: usize = 16 << 10;
/// Characters that are kept.
const MAX_SAID: usize = 300;

/// The words in a body or event, fit for a terminal and without `secrets`; `None` where it has none.
pub(crate) fn said(body: &[u8], secrets: &[String]) -> Option<String> {
    let text = match parsed(body) {
        Some(value) => message(&value).unwrap_or_else(|| value.to_string()),
        None => String::from_utf8_lossy(&body[..body.len().min(MAX_BODY)]).into_owned(),
    };
    let text = secrets.iter().fold(text, |text, secret| text.replace(secret.as_str(), "…"));
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || is_hidden(c)).filter(|word| !word.is_empty()).collect();
    let text = words.join(" ");
    match text.char_indices().nth(MAX_SAID) {
        _ if text.is_empty() || text == "{}" => None,
        Some((end, _)) => Some(format!("{}…", &text[..end])),
        None => Some(text),
    }
}

/// True if a body is an error of the server in JSON, whatever its status.
pub(crate) fn is_error(body: &[u8]) -> bool {
    parsed(body).is_some_and(|value| value.get("error").is_some_and(|error| !error.is_null()))
}

fn parsed(body: &[u8]) -> Option<Value> {
    (body.len() <= MAX_BODY).then(|| serde_json::from_slice(body).ok()).flatten()
}

/// Where servers put it: OpenAI and those after it, FastAPI, and others.
fn message(value: &Value) -> Option<String> {
    let places = ["/error/message", "/error", "/message", "/detail"];
    places.iter().find_map(|place| value.pointer(place)?.as_str().map(str::to_owned))
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_found_in_every_form() {
        for (body, words) in [
            (r#"{"error":{"message":"out of memory","code":500}}"#, Some("out of memory")),
            (r#"{"error":"Unauthorized"}"#, Some("Unauthorized")),
            (r#"{"object":"error","message":"too long"}"#, Some("too long")),
            (r#"{"detail":"Not Found"}"#, Some("Not Found")),
            (r#"{"detail":[{"loc":["body"]}]}"#, Some(r#"{"detail":[{"loc":["body"]}]}"#)),
            ("<h1>busy</h1>\r\n", Some("<h1>busy</h1>")),
            ("{}", None),
            (" \n", None),
        ] {
            assert_eq!(said(body.as_bytes(), &[]).as_deref(), words, "{body}");
        }
    }

    #[test]
    fn what_is_kept_is_short_printable_and_no_secret() {
        let hostile = "a\u{1b}[2Jb\u{202e}c sk-12345 ".repeat(100);
        let kept = said(hostile.as_bytes(), &["sk-12345".to_owned()]).unwrap();
        assert!(kept.starts_with("a [2Jb c …") && kept.chars().count() == MAX_SAID + 1, "{kept}");
        assert!(!kept.contains("12345"));
        assert!(said(&vec![b'x'; 1 << 20], &[]).unwrap().len() < 400);
        assert!(said(b"\xff\xfe", &[]).is_some());
    }

    #[test]
    fn errors_are_told_from_other_documents() {
        assert!(is_error(br#"{"error":{"message":"no"}}"#));
        assert!(!is_error(br#"{"choices":[],"error":null}"#) && !is_error(b"<html>"));
    }
}
