//! What is wrong with a file, and where.

use std::fmt;

use thiserror::Error;

/// What is wrong with a file, and where. Prints as `FILE:LINE: KEY: MESSAGE`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Fault {
    /// Name of the file, as it was given.
    pub file: String,
    /// Line, from 1; `None` where the file as a whole is at fault.
    pub line: Option<usize>,
    /// The key with the tables that it is in, such as `slo.percentile`; empty where there is none. Items of arrays are not
    /// numbered: the line says which one it is.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}
