//! What is wrong with a page, and where.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// What is wrong with a page.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}{}: {problem}", file.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// What was expected, what was found, what to do; names the key.
    pub problem: String,
}

impl Fault {
    pub(crate) fn file(file: &Path, problem: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, problem: problem.into() }
    }

    /// A fault at a byte of `text`.
    pub(crate) fn at(file: &Path, text: &str, at: usize, problem: impl Into<String>) -> Self {
        let line = text.as_bytes().iter().take(at).filter(|&&byte| byte == b'\n').count() + 1;
        Self { file: file.to_owned(), line: Some(line), problem: problem.into() }
    }
}
