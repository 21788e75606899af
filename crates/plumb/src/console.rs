//! Where messages for a person go: standard error, unless `--quiet`. Results go to standard output.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
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
    /// Where everything that is said is kept, too.
    log: Option<File>,
}

impl Console {
    pub(crate) fn new(quiet: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            quiet,
            terminal: io::stderr().is_terminal() && !dumb,
            refused: AtomicBool::new(false),
            log: None,
        }
    }

    /// Keeps what is said in a file, too: appended, so that the runs of a day are one log.
    pub(crate) fn with_log(self, path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(self) };
        // Only for the owner: names of files and hosts are in it.
        let log = File::options()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path)
            .with_context(|| {
                UsageError(format!("cannot write the log `{}`; name another file", path.display()))
            })?;
        let own = Self { log: Some(log), ..self };
        own.keep(&format!("plumb {}", crate::VERSION));
        Ok(own)
    }

    /// A line of the log.
    fn keep(&self, message: &str) {
        let Some(mut log) = self.log.as_ref() else { return };
        let now = time::OffsetDateTime::now_utc();
        let time = now.format(&time::format_description::well_known::Rfc3339).unwrap_or_default();
        // In one write, so that lines of several programs do not mix. A full disk must not end the work.
        let _ = log.write_all(format!("{time} {}\n", printable(message)).as_bytes());
    }

    /// False with `--quiet`.
    pub(crate) fn is_talking(&self) -> bool {
        !self.quiet
    }

    /// A step that was taken; silent with `--quiet`.
    pub(crate) fn note(&self, message: &str) {
        match self.quiet {
            true => self.keep(message),
            false => self.line(message),
        }
    }

    /// One of many steps that follow each other quickly: on a terminal `brief` takes the place of the one before, and
    /// `line` stays only if it is `worth` it; elsewhere each `line` stays.
    pub(crate) fn step(&self, brief: &str, line: &str, worth: bool) {
        if self.quiet {
            return self.keep(line);
        }
        if !self.terminal {
            return self.line(line);
        }
        self.keep(line);
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
        put(|out| out.write_all(printable(text).as_bytes()))
    }

    /// [`Self::result`] of a text for a person, in colours where a terminal shows them and nobody has asked for none
    /// (`NO_COLOR`). Colour is never the only sign: it only repeats a word.
    pub(crate) fn styled(&self, text: &str) -> anyhow::Result<()> {
        if anstream::AutoStream::choice(&io::stdout()) == anstream::ColorChoice::Never {
            return self.result(text);
        }
        let mut dressed = String::with_capacity(text.len() + 1024);
        for line in printable(text).split_inclusive('\n') {
            dressed.push_str(&dress(line));
        }
        put(|out| out.write_all(dressed.as_bytes()))
    }

    /// Writes bytes as they are, or as text that is safe to show where standard output is a terminal.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> anyhow::Result<()> {
        if io::stdout().is_terminal() {
            return self.result(&String::from_utf8_lossy(bytes));
        }
        put(|out| out.write_all(bytes))
    }

    /// Empties the screen before the next result, where standard output is a terminal.
    pub(crate) fn clear(&self) -> anyhow::Result<()> {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if is_dumb || !io::stdout().is_terminal() {
            return Ok(());
        }
        put(|out| out.write_all(b"\x1b[H\x1b[2J\x1b[3J"))
    }

    fn line(&self, message: &str) {
        self.keep(message);
        // Nobody is left to tell if standard error is gone.
        let _ = writeln!(io::stderr().lock(), "{}", printable(message));
    }
}

fn put(write: impl FnOnce(&mut io::StdoutLock<'_>) -> io::Result<()>) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context(UsageError("cannot write to standard output".to_owned()))
        }
        _ => Ok(()),
    }
}

/// A line in colour: by the outcome that it begins with, or bold where it is a heading.
fn dress(line: &str) -> Cow<'_, str> {
    use anstyle::{AnsiColor, Style};

    let colour = |colour: AnsiColor| Style::new().bold().fg_color(Some(colour.into()));
    let content = line.trim_start_matches(' ');
    let indent = &line[..line.len() - content.len()];
    let word = content.split([' ', '\n', ',', ';']).next().unwrap_or_default();
    let style = match word {
        "FAIL" => colour(AnsiColor::Red),
        "WARN" | "CONTRADICTORY" => colour(AnsiColor::Yellow),
        "NOT-RUN" => colour(AnsiColor::Magenta),
        "PASS" => colour(AnsiColor::Green),
        "Risk:" | "Coverage:" | "Issue:" | "Node:" => Style::new().bold(),
        // A heading begins at the margin and goes on with lines that are set in.
        _ if indent.is_empty() && (content.ends_with(")\n") || content == "Verdict\n") => {
            let text = content.trim_end_matches('\n');
            let bold = Style::new().bold().underline();
            return Cow::Owned(format!("{bold}{text}{bold:#}\n"));
        }
        _ => return Cow::Borrowed(line),
    };
    Cow::Owned(format!("{indent}{style}{word}{style:#}{}", &content[word.len()..]))
}
