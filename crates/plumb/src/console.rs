//! Where messages for a person go: standard error, unless `--quiet`. Results go to standard output.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use plumb_evidence::printable;

use crate::exit::UsageError;

/// To the start of the line, and erase to its end.
const ERASE: &str = "\r\x1b[K";

/// Talks to the person at the terminal.
#[derive(Debug)]
pub(crate) struct Console {
    quiet: bool,
    /// Standard error is a terminal whose last line can be written over.
    terminal: bool,
    /// Something was refused that the user asked for by name.
    refused: AtomicBool,
}

impl Console {
    pub(crate) fn new(quiet: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self { quiet, terminal: io::stderr().is_terminal() && !dumb, refused: AtomicBool::new(false) }
    }

    /// False with `--quiet`.
    pub(crate) fn is_talking(&self) -> bool {
        !self.quiet
    }

    /// A step that was taken; silent with `--quiet`.
    pub(crate) fn note(&self, message: &str) {
        if !self.quiet {
            self.line(message);
        }
    }

    /// One of many steps that follow each other quickly: on a terminal `brief` takes the place of the one before, and
    /// `line` stays only if it is `worth` it; elsewhere each `line` stays.
    pub(crate) fn step(&self, brief: &str, line: &str, worth: bool) {
        if self.quiet {
            return;
        }
        if !self.terminal {
            return self.line(line);
        }
        let mut text = String::new();
        if worth {
            text = format!("{ERASE}{}\n", printable(line));
        }
        let brief = printable(brief);
        let brief: String = brief.chars().take(textwrap::termwidth().saturating_sub(1)).collect();
        let _ = write!(io::stderr().lock(), "{text}{ERASE}{brief}");
    }

    /// After the last of such steps.
    pub(crate) fn steps_end(&self) {
        if self.terminal && !self.quiet {
            let _ = write!(io::stderr().lock(), "{ERASE}");
        }
    }

    /// Something that the person should know even with `--quiet`.
    pub(crate) fn warn(&self, message: &str) {
        self.line(&format!("warning: {message}"));
    }

    /// A warning after which the command ends with 5, whatever else it found.
    pub(crate) fn refuse(&self, message: &str) {
        self.warn(message);
        self.refused.store(true, Ordering::Relaxed);
    }

    /// Whether there was such a warning.
    pub(crate) fn has_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
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
        match out.write_all(printable(text).as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(error).context(UsageError("cannot write to standard output".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn line(&self, message: &str) {
        // Nobody is left to tell if standard error is gone.
        let _ = writeln!(io::stderr().lock(), "{}", printable(message));
    }
}
