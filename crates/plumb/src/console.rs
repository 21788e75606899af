//! Where messages for a person go: standard error, unless `--quiet`. Results go to standard output.

use std::io::{self, Write};

use anyhow::Context;

use crate::exit::UsageError;

/// Talks to the person at the terminal.
#[derive(Debug)]
pub(crate) struct Console {
    quiet: bool,
}

impl Console {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// A step that was taken; silent with `--quiet`.
    pub(crate) fn note(&self, message: &str) {
        if !self.quiet {
            self.line(message);
        }
    }

    /// Something that the person should know even with `--quiet`.
    pub(crate) fn warn(&self, message: &str) {
        self.line(&format!("warning: {message}"));
    }

    /// An error with its causes.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        self.line(&format!("error: {error}"));
        for cause in error.chain().skip(1) {
            self.line(&format!("  caused by: {cause}"));
        }
    }

    /// Writes a result to standard output.
    ///
    /// A reader that has seen enough and closed the pipe is no error: the verdict, and so the exit code, stays.
    pub(crate) fn result(&self, text: &str) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(error).context(UsageError("cannot write to standard output".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn line(&self, message: &str) {
        // Nobody is left to tell if standard error is gone.
        let _ = writeln!(io::stderr().lock(), "{message}");
    }
}
