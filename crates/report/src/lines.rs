//! Lines of the model in Markdown and HTML: every text is escaped here, and marks are drawn in signs.

use crate::escape;
use crate::model::{Span, is_web};

/// A line in Markdown; `cell` for one within a table.
pub(crate) fn markdown(line: &[Span], cell: bool) -> String {
    let mut text = String::new();
    for span in line {
        // Blanks at the ends stay outside of the marks, or they would be none.
        let words = span.text.trim();
        let (before, after) = ends(&span.text);
        text.push_str(before);
        if !words.is_empty() {
            text.push_str(&marked(span, words, cell));
        }
        if !words.is_empty() {
            text.push_str(after);
        }
    }
    text.trim().to_owned()
}

fn ends(text: &str) -> (&'static str, &'static str) {
    let blank = |is: bool| if is { " " } else { "" };
    (blank(text.starts_with(char::is_whitespace)), blank(text.ends_with(char::is_whitespace)))
}

fn marked(span: &Span, words: &str, cell: bool) -> String {
    let escaped = if cell { escape::markdown(words) } else { escape::markdown_line(words) };
    match span.style.as_str() {
        "code" if is_web(&span.link) => format!("<{}>", span.link),
        "code" if cell => escape::code_cell(words),
        "code" => escape::code(words),
        "strong" | "grade" | "outcome" => format!("**{escaped}**"),
        "basis" => format!("({escaped})"),
        _ if is_web(&span.link) => format!("[{escaped}]({})", span.link),
        _ => escaped,
    }
}

/// A line in HTML.
pub(crate) fn html(line: &[Span]) -> String {
    let mut text = String::new();
    for span in line {
        let words = escape::html(&span.text);
        let id = escape::html(&span.id);
        let inner = match span.style.as_str() {
            "code" => format!("<code>{}</code>", escape::html_text(&span.text)),
            "strong" => format!("<strong>{words}</strong>"),
            "soft" => format!("<span class=\"soft\">{words}</span>"),
            "grade" => {
                let signs: String = (0..3).map(|step| sign(step, span.level)).collect();
                format!(
                    "<span class=\"grade wrap {id}\"><span class=\"squares\" aria-hidden=\"true\">{signs}</span>{words}</span>"
                )
            }
            "outcome" => format!("<span class=\"badge {id}\">{words}</span>"),
            "basis" => format!("<span class=\"basis\">{words}</span>"),
            _ => words,
        };
        text.push_str(&match span.link.as_str() {
            "" => inner,
            link if link.starts_with('#') => format!("<a href=\"{}\">{inner}</a>", escape::html_text(link)),
            link if is_web(link) => {
                format!("<a href=\"{}\" rel=\"noreferrer\">{inner}</a>", escape::html_text(link))
            }
            _ => inner,
        });
    }
    text
}

fn sign(step: u8, (filled, least): (u8, u8)) -> char {
    match step {
        step if step < filled => '■',
        step if step < least => '▣',
        _ => '□',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{code, link, plain, soft, strong};

    #[test]
    fn texts_are_data_and_marks_are_marks() {
        let line =
            vec![strong("F1 "), plain("a *b* <i>| `x|y` "), soft("c"), code("d|e`"), link("F1", "F<1")];
        assert_eq!(markdown(&line, false), r"**F1** a \*b\* \<i>\| `x|y` c`` d|e` ``**F\<1**");
        assert!(!markdown(&line, true).replace("\\|", "").contains('|'));
        let page = html(&line);
        assert!(
            page.contains("<a href=\"#F1\"><strong>F&lt;1</strong></a>") && page.contains("&lt;i&gt;"),
            "{page}"
        );
        let bad = [Span { link: "javascript:alert(1)".into(), ..plain("x") }];
        assert_eq!((markdown(&bad, false), html(&bad)), ("x".into(), "x".into()));
    }
}
