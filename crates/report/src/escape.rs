//! Text that comes from a node is data: here it is made safe for the format that it is printed in.
//!
//! - **All formats**: [`clean`] replaces control characters and the direction overrides that could make a line read
//!   otherwise than it is.
//! - **Markdown**: [`markdown`] is the templates' automatic escape; the filters `code`, `code_cell` and `fence` print
//!   text verbatim. All of them keep to one line, or to one block, whatever the text.
//! - **HTML**: the template engine escapes whatever is printed; the filter `prose` escapes too, and makes code of what
//!   stands between backticks. Figures are the only markup that is not from a template.
//! - **Typst** needs no escape: no text of a node is ever part of Typst source. It travels in `data.json`, which the
//!   template reads with `json()`, and a string that Typst gets so is printed, not parsed.

/// Replaces what has no business in a line of text: control characters except line breaks, invisible characters that
/// change the direction of text, and code points without a meaning of their own, which PDF readers cannot speak.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.trim_end().chars() {
        match c {
            '\n' => clean.push('\n'),
            '\t' => clean.push(' '),
            '\r' => {}
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}' => {
                clean.push('\u{fffd}');
            }
            '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. | '\u{fdd0}'..='\u{fdef}' => clean.push('\u{fffd}'),
            c if c.is_control() || u32::from(c) & 0xfffe == 0xfffe => clean.push('\u{fffd}'),
            c => clean.push(c),
        }
    }
    clean
}

/// Escapes text for a place inside a Markdown line, table cells included, so that it reads as it is.
///
/// Checks put commands and values between backticks, and these become code spans: nothing in a span is markup. A bare
/// `|` would end a table cell even there; `\\|` does not, and is shown as a bar.
///
/// A mark is left alone where it can have no effect, because the file is also read as plain text: `_` within a word,
/// and `-`, `+`, `=`, `>` and numbers anywhere but at the start.
#[must_use]
pub fn markdown(text: &str) -> String {
    spans(text, code_cell)
}

/// [`markdown`] outside of tables, where a command with a bar stays one that can be copied.
#[must_use]
pub fn markdown_line(text: &str) -> String {
    spans(text, code)
}

/// Text with its code spans, each written by `span`.
fn spans(text: &str, span: impl Fn(&str) -> String) -> String {
    let line = one_line(text);
    let parts: Vec<&str> = line.split('`').collect();
    if parts.len() < 3 || parts.len().is_multiple_of(2) {
        return escape_marks(&line);
    }
    let mut escaped = String::with_capacity(line.len() + 16);
    for (i, part) in parts.iter().enumerate() {
        if i % 2 == 0 {
            // Marks that count at the start of a line only are escaped once too often after a span, which shows nothing.
            escaped.push_str(&escape_marks(part));
        } else if part.trim().is_empty() {
            escaped.push_str(&format!("\\`{}\\`", escape_marks(part)));
        } else {
            escaped.push_str(&span(part));
        }
    }
    escaped
}

fn escape_marks(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len() + 16);
    let mut previous = None;
    let mut chars = line.chars().peekable();
    // True while only digits were seen: `1.` and `1)` at the start of a line would be a list.
    let mut number_at_start = true;
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        let special = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '#' | '|' | '~' | '$' => true,
            '_' => !(previous.is_some_and(char::is_alphanumeric) && next.is_some_and(char::is_alphanumeric)),
            '&' => next.is_some_and(|next| next.is_ascii_alphanumeric() || next == '#'),
            '>' | '-' | '+' | '=' => previous.is_none(),
            '.' | ')' => previous.is_some() && number_at_start && next.is_none_or(char::is_whitespace),
            _ => false,
        };
        if special {
            escaped.push('\\');
        }
        escaped.push(c);
        number_at_start &= c.is_ascii_digit();
        previous = Some(c);
    }
    escaped
}

/// Joins lines with blanks: a line break would end a table row, a heading or a list item.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A code span that holds `text` verbatim, on one line.
#[must_use]
pub fn code(text: &str) -> String {
    let line = text.split('\n').map(str::trim_end).collect::<Vec<_>>().join(" ");
    if line.trim().is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(&line, '`') + 1);
    // One blank at each side is part of the syntax, and needed where the text begins or ends with a mark or blank.
    let needs_blank = |c: Option<char>| matches!(c, Some('`' | ' '));
    if needs_blank(line.chars().next()) || needs_blank(line.chars().next_back()) {
        format!("{fence} {line} {fence}")
    } else {
        format!("{fence}{line}{fence}")
    }
}

/// [`code`] for a table cell, where even code spans end at a bare `|`.
#[must_use]
pub fn code_cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

/// A fenced block that holds `text` verbatim, each line indented by `indent` blanks (for list items).
#[must_use]
pub fn fence(text: &str, indent: usize) -> String {
    let fence = "`".repeat((longest_run(text, '`') + 1).max(3));
    let pad = " ".repeat(indent);
    let mut block = format!("{fence}text\n");
    for line in text.lines() {
        block.push_str(&format!("{pad}{line}\n"));
    }
    block.push_str(&format!("{pad}{fence}"));
    block
}

/// Escapes text for the content of an HTML element; what stands between backticks becomes code. Line breaks stay.
#[must_use]
pub fn html(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd number of marks is no such markup.
    if parts.len().is_multiple_of(2) {
        return html_text(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for (i, part) in parts.iter().enumerate() {
        if i % 2 == 0 {
            escaped.push_str(&html_text(part));
        } else {
            escaped.push_str(&format!("<code>{}</code>", html_text(part)));
        }
    }
    escaped
}

pub(crate) fn html_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#x27;"),
            c => escaped.push(c),
        }
    }
    escaped
}

fn longest_run(text: &str, mark: char) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == mark { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_loses_its_marks() {
        assert_eq!(markdown(r#"#import "x" *_<b>"#), r#"\#import "x" \*\_\<b>"#);
        assert_eq!(markdown("a|b\nc"), r"a\|b c");
        assert_eq!(markdown("`x [y](z) ![i](j)"), r"\`x \[y\](z) !\[i\](j)");
        assert_eq!(markdown("`*x*` `a|b` *y*"), r"`*x*` `a\|b` \*y\*");
        assert_eq!(markdown("&lt; & &#60;"), r"\&lt; & \&#60;".replace('#', r"\#"));
        assert_eq!(markdown("$(nproc) ~~x~~"), r"\$(nproc) \~\~x\~\~");
    }

    #[test]
    fn line_starts_are_no_lists_and_no_quotes() {
        assert_eq!(markdown("- x - y"), r"\- x - y");
        assert_eq!(markdown("1. x 2. y"), r"1\. x 2. y");
        assert_eq!(markdown("12) x"), r"12\) x");
        assert_eq!(markdown("> x"), r"\> x");
        assert_eq!(markdown(".5 and 1.5"), ".5 and 1.5");
        assert_eq!(markdown("---"), r"\---");
    }

    #[test]
    fn words_stay_readable() {
        assert_eq!(markdown("scaling_governor is powersave"), "scaling_governor is powersave");
        assert_eq!(markdown("_x_"), r"\_x\_");
    }

    #[test]
    fn a_command_with_a_bar_can_be_copied_from_a_list() {
        let text = "Verify: `sort a* | uniq -c`; done";
        assert_eq!(markdown_line(text), "Verify: `sort a* | uniq -c`; done");
        assert_eq!(markdown(text), r"Verify: `sort a* \| uniq -c`; done", "a cell would end at a bare bar");
    }

    #[test]
    fn code_spans_hold_any_text() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("a\nb"), "`a b`");
        assert_eq!(code_cell("a|b"), r"`a\|b`");
        assert_eq!(code("  "), "");
        assert_eq!(fence("a\n```\nb", 2), "````text\n  a\n  ```\n  b\n  ````");
    }

    #[test]
    fn html_keeps_text_and_shows_code() {
        assert_eq!(html("<b> & `a<b` \"q\""), "&lt;b&gt; &amp; <code>a&lt;b</code> &quot;q&quot;");
        assert_eq!(html("a ` <i>"), "a ` &lt;i&gt;");
        assert_eq!(html("</script><script>"), "&lt;/script&gt;&lt;script&gt;");
    }

    #[test]
    fn direction_overrides_and_controls_are_shown() {
        assert_eq!(clean("a\u{202e}b\u{0}c\u{1b}[0m\r\n\td\n"), "a\u{fffd}b\u{fffd}c\u{fffd}[0m\n d");
    }
}
