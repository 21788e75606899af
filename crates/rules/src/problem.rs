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
