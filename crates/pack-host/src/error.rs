//! Errors of finding and trusting packs. What goes wrong while a pack runs is no error but a result.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why packs cannot be found, trusted or asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder cannot be used.
    #[error("cannot {action} `{path}`")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file is not of its format.
    #[error("`{path}` is not {expected}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What is wrong.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A manifest that says something impossible.
    #[error("`{path}`: {reason}")]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A path that leads to no pack.
    #[error("`{path}` is not a pack: {reason}")]
    NotAPack {
        /// The path.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Two packs of one name.
    #[error("two packs have the id `{id}`: `{first}` and `{second}`: remove one of them")]
    Duplicate {
        /// Their id.
        id: String,
        /// The folder of one.
        first: PathBuf,
        /// The folder of the other.
        second: PathBuf,
    },
    /// A pack that may not be loaded.
    #[error("pack `{id}` is not trusted: {reason}")]
    Untrusted {
        /// Its id.
        id: String,
        /// Why not, and what would change it.
        reason: String,
    },
    /// Evidence that is not a JSON object.
    #[error("the evidence cannot be used as a JSON object")]
    Evidence(#[source] serde_json::Error),
    /// A text that is no minisign public key.
    #[error("`{key}` is not a minisign public key: expected the second line of a `.pub` file")]
    Key {
        /// The text.
        key: String,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self::Io { action, path: path.into(), source: source.into() }
    }
}
