//! What is wrong with a file of rules, told so that its author finds the place and knows what to do.

use std::fmt;

use thiserror::Error;

/// Most problems that are told at once.
const MAX_TOLD: usize = 20;

/// All that is wrong with a file of rules, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Problems {
    file: String,
    problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line of the file, from 1; `None` where it concerns the whole file.
    pub line: Option<usize>,
    /// Id of the rule.
    pub rule: Option<String>,
    /// What is wrong, and what to do.
    pub text: String,
}

impl Problems {
    pub(crate) fn new(file: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.line);
        Self { file: file.to_owned(), problems }
    }

    /// The problems, by line.
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { line, rule, text }) in self.problems.iter().take(MAX_TOLD).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}", self.file)?;
            if let Some(line) = line {
                write!(f, ":{line}")?;
            }
            if let Some(rule) = rule {
                write!(f, ": rule `{rule}`")?;
            }
            write!(f, ": {text}")?;
        }
        if self.problems.len() > MAX_TOLD {
            write!(f, "; and {} more", self.problems.len() - MAX_TOLD)?;
        }
        Ok(())
    }
}

/// Line of a byte of `text`, from 1.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|&&byte| byte == b'\n').count() + 1
}

/// Id of the rule that a byte of `text` is in, as far as it can be seen in a file that may not be well-formed.
pub(crate) fn rule_at(text: &str, offset: usize) -> Option<String> {
    const HEAD: &str = "[[rule]]";
    let end = text[..text.floor_char_boundary(offset)].rfind(HEAD).or_else(|| {
        // A span of a whole rule begins with its head.
        text.get(offset..)?.starts_with(HEAD).then_some(offset)
    })?;
    let body = &text[end + HEAD.len()..];
    let body = body.split(HEAD).next().unwrap_or_default();
    body.lines().find_map(|line| {
        let value = line.trim_start().strip_prefix("id")?.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        value[1..].split(quote).next().map(str::to_owned)
    })
}
