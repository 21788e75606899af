//! Messages as they are written, before anybody says them: which values they name, and what they must not hold.

use std::collections::BTreeSet;

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use fluent_syntax::parser;

/// One message of a file.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its key.
    pub key: String,
    /// Values that it names.
    pub args: BTreeSet<String>,
    /// Its text, where it is one without values.
    pub plain: Option<String>,
    /// Words of its longest form; a value counts as one, with the text that is joined to it.
    pub words: usize,
    /// What it holds that messages of pages must not hold, each with what to do.
    pub problems: Vec<String>,
}

/// A part of a file that is no message.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// Byte of the file.
    pub at: usize,
    /// What is wrong there.
    pub problem: String,
}

/// The messages of a file, in its order. Terms, which pages do not use, are among them, with that as their problem.
///
/// # Errors
/// All places that cannot be read.
pub fn read(text: &str) -> Result<Vec<Message>, Vec<Unreadable>> {
    let resource = parser::parse(text).map_err(|(_, errors)| {
        let unreadable = |error: parser::ParserError| Unreadable {
            at: error.pos.start,
            problem: format!("not a message: {}", error.kind),
        };
        errors.into_iter().map(unreadable).collect::<Vec<_>>()
    })?;
    let mut messages = Vec::new();
    for entry in &resource.body {
        match entry {
            Entry::Message(message) => {
                let mut found = Found::default();
                if !message.attributes.is_empty() {
                    found
                        .problems
                        .push("attributes are not used here; give the text a key of its own".into());
                }
                match &message.value {
                    Some(pattern) => found.pattern(pattern),
                    None => found.problems.push("expected a text, found none".into()),
                }
                messages.push(Message {
                    key: message.id.name.to_owned(),
                    args: found.args,
                    plain: message.value.as_ref().and_then(plain),
                    words: message.value.as_ref().map_or(0, words),
                    problems: found.problems,
                });
            }
            Entry::Term(term) => messages.push(Message {
                key: format!("-{}", term.id.name),
                args: BTreeSet::new(),
                plain: None,
                words: 0,
                problems: vec!["terms are not used here; write the words out".into()],
            }),
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) | Entry::Junk { .. } => {}
        }
    }
    Ok(messages)
}

/// The text of a pattern, where it names no value.
fn plain(pattern: &Pattern<&str>) -> Option<String> {
    let parts = pattern.elements.iter().map(|element| match element {
        PatternElement::TextElement { value }
        | PatternElement::Placeable {
            expression: Expression::Inline(InlineExpression::StringLiteral { value }),
        } => Some(*value),
        PatternElement::Placeable { .. } => None,
    });
    parts.collect::<Option<String>>().map(|text| text.replace('\n', " "))
}

/// Values that a message names, and what it must not hold.
#[derive(Default)]
struct Found {
    args: BTreeSet<String>,
    problems: Vec<String>,
}

impl Found {
    fn pattern(&mut self, pattern: &Pattern<&str>) {
        for element in &pattern.elements {
            if let PatternElement::Placeable { expression } = element {
                self.expression(expression);
            }
        }
    }

    fn expression(&mut self, expression: &Expression<&str>) {
        match expression {
            Expression::Inline(inline) => self.inline(inline),
            Expression::Select { selector, variants } => {
                self.inline(selector);
                for variant in variants {
                    self.pattern(&variant.value);
                }
            }
        }
    }

    fn inline(&mut self, inline: &InlineExpression<&str>) {
        match inline {
            InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
            InlineExpression::VariableReference { id } => {
                let snake = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                if !id.name.chars().all(snake) {
                    self.problems
                        .push(format!("`${}`: expected lower-case letters, digits and `_`", id.name));
                }
                self.args.insert(id.name.to_owned());
            }
            InlineExpression::Placeable { expression } => self.expression(expression),
            InlineExpression::FunctionReference { id, .. } => {
                self.problems
                    .push(format!("function `{}`: values are formatted by Plumb, name them alone", id.name));
            }
            InlineExpression::MessageReference { id, .. } | InlineExpression::TermReference { id, .. } => {
                self.problems.push(format!("reference to `{}`: write the words out", id.name));
            }
        }
    }
}

fn words(pattern: &Pattern<&str>) -> usize {
    let text = pattern.elements.iter().fold(String::new(), |text, element| match element {
        PatternElement::TextElement { value } => text + value,
        PatternElement::Placeable { expression: Expression::Select { variants, .. } } => {
            let longest = variants.iter().map(|variant| form(&variant.value));
            text + &longest.max_by_key(|form| form.split_whitespace().count()).unwrap_or_default()
        }
        PatternElement::Placeable { .. } => text + "x",
    });
    text.split_whitespace().count()
}

fn form(pattern: &Pattern<&str>) -> String {
    pattern.elements.iter().fold(String::new(), |text, element| match element {
        PatternElement::TextElement { value } => text + value,
        PatternElement::Placeable { .. } => text + "x",
    })
}
