//! Text that anybody may have written, made fit for a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text without what a terminal takes for a command, and without what reorders or hides what a person reads: bundles, packs
/// and names of files come from anybody. Written as JSON does, so that a result in JSON stays what it is.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_command) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_command(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

fn is_command(c: char) -> bool {
    !matches!(c, '\n' | '\t') && is_hidden(c)
}

/// True for characters that a terminal takes for a command, that end a line for some readers, that reorder what follows, or
/// that nobody sees.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_instead() {
        for (text, shown) in [
            (
                "\x1b]0;title\x07 \x1b[31mred \u{9b}2J\r",
                "\\u001b]0;title\\u0007 \\u001b[31mred \\u009b2J\\u000d",
            ),
            ("\x1b]8;;http://x\x1b\\link", "\\u001b]8;;http://x\\u001b\\link"),
            (
                "a\u{202e}b\u{200b}c\u{2066}d\u{feff}e\u{2028}f\u{e0041}g",
                "a\\u202eb\\u200bc\\u2066d\\ufeffe\\u2028f\\udb40\\udc41g",
            ),
            ("lines\n\tand ümläute, 好", "lines\n\tand ümläute, 好"),
        ] {
            assert_eq!(printable(text), shown);
        }
        let json = serde_json::to_string(&"a\u{202e}\u{9b}").unwrap();
        assert_eq!(serde_json::from_str::<String>(&printable(&json)).unwrap(), "a\u{202e}\u{9b}");
    }
}
