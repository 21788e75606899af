//! What can go wrong while a report is made. Messages are fragments without a full stop; causes are in `source()`.

use std::fmt;
use std::path::PathBuf;

use crate::typst::TYPST_VERSION;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file or folder of a theme cannot be read.
    #[error("cannot read the theme at `{}`", path.display())]
    ThemeRead {
        /// File or folder.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// A folder is no theme.
    #[error("`{}` is not a usable theme: {problem}", path.display())]
    Theme {
        /// File or folder.
        path: PathBuf,
        /// What was expected and what was found.
        problem: String,
    },
    /// A file for an office program cannot be made.
    #[error("{problem}")]
    Office {
        /// What was expected and what was found.
        problem: String,
    },
    /// A message file does not parse, or lacks a message.
    #[error("{place}: {problem}")]
    Messages {
        /// File, and line where known.
        place: Place,
        /// What was expected and what was found.
        problem: String,
    },
    /// A template does not parse or does not render.
    #[error("{place}: {problem}")]
    Template {
        /// File, and line where known.
        place: Place,
        /// What the template engine found.
        problem: String,
    },
    /// The assessment holds a time that is none.
    #[error("the assessment's collection time must be RFC 3339 in the years 1970 to 9999, but is `{found}`")]
    Time {
        /// What was found.
        found: String,
    },
    /// A file is no `report.json`, or holds what no report has.
    #[error("{problem}")]
    Model {
        /// What was expected and what was found.
        problem: String,
    },
    /// The data of the report cannot be written as JSON.
    #[error("cannot write the data of the report as JSON")]
    Data(#[source] serde_json::Error),
    /// No usable Typst was found.
    #[error(
        "typst {TYPST_VERSION} is needed for PDF and was not found (looked at: {}); run `cargo xtask setup`, or \
         `cargo install typst-cli --version {TYPST_VERSION} --locked`",
        looked_at.join("; ")
    )]
    TypstMissing {
        /// Each place, with what was found there.
        looked_at: Vec<String>,
    },
    /// Typst could not be started.
    #[error("cannot run typst at `{}`", path.display())]
    TypstStart {
        /// Program.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// Typst took too long and was killed.
    #[error(
        "typst did not finish within {seconds} s and was stopped; a template may loop, or the machine is overloaded"
    )]
    TypstTimeout {
        /// Limit.
        seconds: u64,
    },
    /// Somebody asked to stop.
    #[error("stopped before the report was finished; nothing was written")]
    Interrupted,
    /// Typst rejected the source.
    #[error("typst could not compile the report (theme: {theme}):\n{stderr}")]
    TypstFailed {
        /// Where the theme came from.
        theme: String,
        /// What Typst printed.
        stderr: String,
    },
    /// The working folder for Typst cannot be used.
    #[error("cannot use a temporary folder for typst in `{}`; point TMPDIR to a writable folder with enough space", path.display())]
    Scratch {
        /// Folder for temporary files.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// The report cannot be written.
    #[error("cannot write `{}`; name a file in an existing, writable folder with enough space", path.display())]
    Output {
        /// File that was to be written.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
}

/// A file, and the line in it where that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// File.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file.display()),
            None => write!(f, "{}", self.file.display()),
        }
    }
}
