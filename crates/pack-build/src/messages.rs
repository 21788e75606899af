//! Message files: Fluent's syntax, without what a page has no use for (terms, functions, references).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use fluent_syntax::parser;

use crate::error::Fault;

/// The words of one check in one language.
#[derive(Clone, Debug)]
pub struct Messages {
    /// Language, such as `en`.
    pub language: String,
    /// The file.
    pub file: PathBuf,
    /// Its text.
    pub text: String,
    /// Messages by key.
    pub messages: BTreeMap<String, Message>,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Byte of the file at which its key stands.
    pub at: usize,
    /// Values that it names.
    pub args: BTreeSet<String>,
    /// Its text, where it is one without values.
    pub plain: Option<String>,
    /// Words of its longest form; a value counts as one.
    pub words: usize,
}

impl Messages {
    /// Reads a message file.
    pub(crate) fn parse(language: &str, file: &Path, text: String) -> Result<Self, Vec<Fault>> {
        let resource = parser::parse(text.as_str()).map_err(|(_, errors)| {
            errors
                .iter()
                .map(|error| {
                    Fault::at(file, &text, error.pos.start, format!("not a message: {}", error.kind))
                })
                .collect::<Vec<_>>()
        })?;
        let mut faults = Vec::new();
        let mut messages = BTreeMap::new();
        for entry in &resource.body {
            match entry {
                Entry::Message(message) => {
                    let key = message.id.name;
                    let at = place(&text, key);
                    let mut fault = |problem: String| faults.push(Fault::at(file, &text, at, problem));
                    if !message.attributes.is_empty() {
                        fault(format!(
                            "`{key}`: attributes are not used here; give the text a key of its own"
                        ));
                    }
                    let Some(pattern) = &message.value else {
                        fault(format!("`{key}`: expected a text, found none"));
                        continue;
                    };
                    let mut found = Found::default();
                    found.pattern(pattern);
                    for problem in found.problems {
                        fault(format!("`{key}`: {problem}"));
                    }
                    let plain = match pattern.elements.as_slice() {
                        [] => Some(String::new()),
                        elements => elements
                            .iter()
                            .map(|element| match element {
                                PatternElement::TextElement { value } => Some((*value).to_owned()),
                                PatternElement::Placeable {
                                    expression: Expression::Inline(InlineExpression::StringLiteral { value }),
                                } => Some((*value).to_owned()),
                                PatternElement::Placeable { .. } => None,
                            })
                            .collect::<Option<String>>()
                            .map(|text| text.replace('\n', " ")),
                    };
                    let message = Message { at, args: found.args, plain, words: words(pattern) };
                    if messages.insert(key.to_owned(), message).is_some() {
                        fault(format!("`{key}`: it is there twice"));
                    }
                }
                Entry::Term(term) => {
                    let at = text.find(&format!("-{}", term.id.name)).unwrap_or(0);
                    let problem =
                        format!("`-{}`: terms are not used here; write the words out", term.id.name);
                    faults.push(Fault::at(file, &text, at, problem));
                }
                Entry::Comment(_)
                | Entry::GroupComment(_)
                | Entry::ResourceComment(_)
                | Entry::Junk { .. } => {}
            }
        }
        if faults.is_empty() {
            return Ok(Self { language: language.to_owned(), file: file.to_owned(), text, messages });
        }
        Err(faults)
    }

    /// The byte at which a value is named in a message, or that of the message.
    pub(crate) fn place_of_arg(&self, key: &str, arg: &str) -> usize {
        let from = self.messages.get(key).map_or(0, |message| message.at);
        self.text[from..].find(&format!("${arg}")).map_or(from, |at| from + at)
    }

    /// A text without values, or a fault that names it.
    pub(crate) fn plain(&self, key: &str) -> Result<String, Fault> {
        let message = self.messages.get(key).ok_or_else(|| self.lacks(key))?;
        message.plain.clone().ok_or_else(|| {
            let arg = message.args.iter().next().cloned().unwrap_or_default();
            let problem =
                format!("`{key}`: expected a text without values, found `${arg}`: it stands for every node");
            Fault::at(&self.file, &self.text, self.place_of_arg(key, &arg), problem)
        })
    }

    /// That a key is not there.
    pub(crate) fn lacks(&self, key: &str) -> Fault {
        Fault::file(&self.file, format!("`{key}`: expected a text, found none: add `{key} = …`"))
    }
}

/// Where a key stands: the parser tells no places of what is in order.
fn place(text: &str, key: &str) -> usize {
    let mut from = 0;
    for line in text.split_inclusive('\n') {
        if line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('=')) {
            return from;
        }
        from += line.len();
    }
    0
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

/// Words of the longest form; a value counts as one, with the text that is joined to it.
fn words(pattern: &Pattern<&str>) -> usize {
    fn text(pattern: &Pattern<&str>) -> String {
        pattern.elements.iter().fold(String::new(), |text, element| match element {
            PatternElement::TextElement { value } => text + value,
            PatternElement::Placeable { expression: Expression::Select { variants, .. } } => {
                let longest = variants.iter().map(|variant| self::text_of(&variant.value));
                text + &longest.max_by_key(|form| form.split_whitespace().count()).unwrap_or_default()
            }
            PatternElement::Placeable { .. } => text + "x",
        })
    }
    text(pattern).split_whitespace().count()
}

fn text_of(pattern: &Pattern<&str>) -> String {
    pattern.elements.iter().fold(String::new(), |text, element| match element {
        PatternElement::TextElement { value } => text + value,
        PatternElement::Placeable { .. } => text + "x",
    })
}
