//! Texts with expressions between braces: `GPU {gpu.address}`.

use crate::eval::Evaluation;
use crate::lower::{Scope, parse};
use crate::node::Node;

/// A text to be filled in.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Expression(Node),
}

impl Template {
    /// Reads a text; `{{` and `}}` stand for braces.
    ///
    /// # Errors
    /// Tells which expression is wrong.
    pub(crate) fn new(text: &str, scope: &mut Scope<'_>) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if let Some(after) = after.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let end = expression_end(after).filter(|_| brace == "{").ok_or_else(|| {
                format!(
                    "`{brace}` without its partner: write `{brace}{brace}` for a brace, or `{{expression}}`"
                )
            })?;
            let source = &after[..end];
            let node = parse(source)
                .and_then(|parsed| scope.lower(&parsed))
                .map_err(|problem| format!("in `{{{source}}}`: {problem}"))?;
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
            pieces.push(Piece::Expression(node));
            rest = &after[end + 1..];
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        if text.trim().is_empty() {
            return Err("it is empty: write a text".to_owned());
        }
        Ok(Self { pieces })
    }

    /// The text, where it has no expressions.
    pub(crate) fn constant(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text, at most `limit` bytes of it. What is not known says so in its place.
    pub(crate) fn fill(&self, evaluation: &Evaluation<'_, '_>, limit: usize) -> String {
        self.fill_known(evaluation, limit).unwrap_or_else(|(text, _)| text)
    }

    /// As [`Template::fill`]; an error, with the reason, if something is not known.
    pub(crate) fn fill_known(
        &self,
        evaluation: &Evaluation<'_, '_>,
        limit: usize,
    ) -> Result<String, (String, String)> {
        let mut text = String::new();
        let mut unknown = None;
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Expression(node) => {
                    match evaluation.evaluate(node).and_then(|value| value.to_text()) {
                        Ok(value) => text.push_str(&value),
                        Err(reason) => {
                            text.push_str("(not known: ");
                            text.push_str(&reason.reason);
                            text.push(')');
                            unknown = unknown.or(Some(reason.reason.clone()));
                        }
                    }
                }
            }
            if text.len() > limit {
                text.truncate(text.floor_char_boundary(limit.saturating_sub(4)));
                text.push('…');
                break;
            }
        }
        match unknown {
            None => Ok(text),
            Some(reason) => Err((text, reason)),
        }
    }
}

/// Where the brace is that ends an expression: one that is not in a text of the expression.
fn expression_end(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            _ if is_escaped => is_escaped = false,
            Some(_) if c == '\\' => is_escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '}' => return Some(at),
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None => {}
        }
    }
    None
}
