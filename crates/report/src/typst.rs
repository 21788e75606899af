//! The Typst compiler: finding the right version, and running it so that it can neither reach beyond its folder nor
//! leave anything behind.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use plumb_evidence::files::Staging;

use crate::ReportError;
use crate::glyphs;
use crate::model::{APPENDIX, MAIN, Model};
use crate::output::write_file;
use crate::render::{MAIN as SOURCE, TypstSource, typst_source};
use crate::theme::Theme;
use crate::view::time_of;

/// The version of Typst that reports are made with: another one may lay out pages differently, and the same input has
/// to give the same bytes.
pub const TYPST_VERSION: &str = "0.15.1";

/// What Typst holds a PDF to. All of them are tagged, with title, language and alternative texts; Typst refuses to write
/// a file that is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PdfStandard {
    /// PDF/UA-1: accessible.
    #[default]
    Ua1,
    /// PDF/A-2a, for archives; and PDF/UA-1.
    A2a,
    /// PDF/A-3a, for archives that take attachments; and PDF/UA-1.
    A3a,
}

impl PdfStandard {
    fn argument(self) -> &'static str {
        match self {
            Self::Ua1 => "ua-1",
            Self::A2a => "a-2a,ua-1",
            Self::A3a => "a-3a,ua-1",
        }
    }
}

/// Called about fifty times a second with the time since the start; true stops the compilation.
pub type Watch<'a> = dyn FnMut(Duration) -> bool + 'a;

const LOOK: Duration = Duration::from_millis(20);
const COMPILE_LIMIT: Duration = Duration::from_secs(120);
const VERSION_LIMIT: Duration = Duration::from_secs(20);
/// How much of Typst's messages is read, and how much of it is shown.
const MAX_MESSAGES: u64 = 8 << 20;
const MAX_LINES: usize = 60;
/// How many characters without a font a warning names.
const MAX_NAMED: usize = 20;
/// Each round replaces all characters that Typst named, so that the second one succeeds, unless a replacement brought
/// up others.
const MAX_ROUNDS: u32 = 4;

/// A Typst compiler of the right version.
#[derive(Clone, Debug)]
pub struct Typst {
    program: PathBuf,
    limit: Duration,
    standard: PdfStandard,
}

/// What Typst had to say about a PDF that it did write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Warnings of Typst, empty if there are none.
    pub warnings: String,
}

impl Typst {
    /// Finds Typst [`TYPST_VERSION`].
    ///
    /// `explicit` is what the user named (an option or `PLUMB_TYPST`): if it is given, nothing else is tried. Otherwise
    /// the first of `candidates` (program files, or folders that hold `typst`) and of the folders in `PATH` that has
    /// the right version is taken.
    ///
    /// # Errors
    /// [`ReportError::TypstMissing`], which names each place with what was found there, or [`ReportError::Scratch`] where
    /// no program can be asked for its version.
    pub fn discover(explicit: Option<&Path>, candidates: &[PathBuf]) -> Result<Self, ReportError> {
        Self::discover_in(explicit, candidates, std::env::var_os("PATH"))
    }

    /// [`Self::discover`] with another `PATH`, for tests.
    #[doc(hidden)]
    pub fn discover_in(
        explicit: Option<&Path>,
        candidates: &[PathBuf],
        path: Option<OsString>,
    ) -> Result<Self, ReportError> {
        let mut looked_at = Vec::new();
        if let Some(program) = explicit {
            return match try_program(program)? {
                Ok(found) => Ok(found),
                Err(problem) => {
                    looked_at.push(format!("`{}` as asked for: {problem}", program.display()));
                    Err(ReportError::TypstMissing { looked_at })
                }
            };
        }
        for candidate in candidates {
            match try_program(candidate)? {
                Ok(found) => return Ok(found),
                Err(problem) => looked_at.push(format!("`{}`: {problem}", candidate.display())),
            }
        }
        let path = path.unwrap_or_default();
        let mut problems = Vec::new();
        // An empty entry means the working folder, which is no place to run programs from.
        for folder in std::env::split_paths(&path).filter(|folder| folder.is_absolute()) {
            let program = folder.join("typst");
            if program.exists() {
                match try_program(&program)? {
                    Ok(found) => return Ok(found),
                    Err(problem) => problems.push(format!("`{}` in PATH: {problem}", program.display())),
                }
            }
        }
        if problems.is_empty() {
            problems.push("PATH: no program `typst`".to_owned());
        }
        looked_at.extend(problems);
        Err(ReportError::TypstMissing { looked_at })
    }

    /// The program file.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Replaces the time after which a compilation is stopped.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Holds PDFs to another standard.
    #[must_use]
    pub fn with_standard(mut self, standard: PdfStandard) -> Self {
        self.standard = standard;
        self
    }

    /// Takes `program` without asking for its version, for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn unchecked(program: PathBuf) -> Self {
        Self { program, limit: COMPILE_LIMIT, standard: PdfStandard::default() }
    }

    /// Compiles `source`; `timestamp`, in seconds since 1970, becomes the creation date of the PDF.
    ///
    /// # Errors
    /// If Typst cannot be run, rejects the source or takes too long.
    pub fn compile(&self, source: &TypstSource, timestamp: i64) -> Result<(Vec<u8>, Rendered), ReportError> {
        self.compile_watched(source, timestamp, &mut |_| false)
    }

    /// [`Self::compile`], which `watch` may stop.
    ///
    /// # Errors
    /// As [`Self::compile`], and [`ReportError::Interrupted`] where it was stopped.
    pub fn compile_watched(
        &self,
        source: &TypstSource,
        timestamp: i64,
        watch: &mut Watch<'_>,
    ) -> Result<(Vec<u8>, Rendered), ReportError> {
        let mut source = source.clone();
        let mut replaced = BTreeSet::new();
        for _ in 0..MAX_ROUNDS {
            let messages = match self.compile_once(&source, timestamp, watch)? {
                Ok((bytes, mut warnings)) => {
                    if !replaced.is_empty() {
                        warnings = [replaced_note(&replaced), warnings].join("\n").trim_end().to_owned();
                    }
                    return Ok((bytes, Rendered { warnings }));
                }
                Err(messages) => messages,
            };
            let missing = glyphs::missing(&messages);
            let Some(data) = glyphs::replace(source.data(), &missing) else {
                return Err(failed(&source, &messages));
            };
            source.set_data(data);
            replaced.extend(missing);
        }
        Err(failed(
            &source,
            "the theme's fonts lack characters of the report, even after these were replaced",
        ))
    }

    /// The PDF with Typst's warnings, or what Typst said against the source.
    fn compile_once(
        &self,
        source: &TypstSource,
        timestamp: i64,
        watch: &mut Watch<'_>,
    ) -> Result<Compiled, ReportError> {
        let scratch = Scratch::new()?;
        let tree = scratch.path().join("tree");
        for (name, bytes) in source.files() {
            let path = tree.join(name);
            let parent = path.parent().unwrap_or(&tree);
            fs::create_dir_all(parent)
                .and_then(|()| fs::write(&path, bytes))
                .map_err(|e| scratch.failed(e))?;
        }
        let timestamp = timestamp.to_string();
        // Paths are relative to the working folder, so that Typst's messages do not show the temporary name.
        let arguments = [
            &["compile", "--root", "."][..],
            // The fonts of the machine differ from place to place; the ones inside Typst do not.
            &[
                "--ignore-system-fonts",
                "--creation-timestamp",
                &timestamp,
                "--pdf-standard",
                self.standard.argument(),
            ],
            // Packages from elsewhere would be code and text that the theme does not show.
            &["--package-path", "../packages", "--package-cache-path", "../packages"],
            // Those that the theme or the engagement brings.
            if source.has_fonts() { &["--font-path", "."] } else { &[] },
            &[SOURCE, "../out.pdf"],
        ];
        let run = run(&self.program, &arguments.concat(), &tree, scratch.path(), self.limit, watch)
            .map_err(|source| ReportError::TypstStart { path: self.program.clone(), source })?;
        let (status, messages) = match run {
            Run::Ended(status, messages) => (status, messages),
            Run::TooLong => return Err(ReportError::TypstTimeout { seconds: self.limit.as_secs() }),
            Run::Stopped => return Err(ReportError::Interrupted),
        };
        if status.success() {
            let bytes = fs::read(scratch.path().join("out.pdf")).map_err(|e| scratch.failed(e))?;
            Ok(Ok((bytes, messages)))
        } else if messages.is_empty() {
            Ok(Err(format!("typst ended with {status}")))
        } else {
            Ok(Err(messages))
        }
    }
}

/// PDF and warnings, or errors.
type Compiled = Result<(Vec<u8>, String), String>;

fn replaced_note(replaced: &BTreeSet<String>) -> String {
    let named: Vec<&str> = replaced.iter().take(MAX_NAMED).map(String::as_str).collect();
    let more = if replaced.len() > MAX_NAMED { " …" } else { "" };
    format!("printed as code points, for want of a font: {}{more}", named.join(" "))
}

fn failed(source: &TypstSource, messages: &str) -> ReportError {
    // A broken theme can repeat one message for each finding; the first ones say it.
    let shown: Vec<&str> = messages.lines().take(MAX_LINES).collect();
    let mut stderr = shown.join("\n").trim_end().to_owned();
    if messages.lines().nth(MAX_LINES).is_some() {
        stderr.push_str("\n…");
    }
    ReportError::TypstFailed { theme: source.theme().to_owned(), stderr }
}

/// Renders a part of a report as PDF and writes it to `out`, whole or not at all.
///
/// # Errors
/// As [`typst_source`], and if Typst fails or `out` cannot be written.
pub fn pdf(
    model: &Model,
    part: &str,
    theme: &Theme,
    typst: &Typst,
    out: &Path,
) -> Result<Rendered, ReportError> {
    let (bytes, rendered) = pdf_watched(model, part, theme, typst, &mut |_| false)?;
    write_file(out, &bytes)?;
    Ok(rendered)
}

/// The bytes of the PDF of a part, whose making `watch` may stop.
///
/// # Errors
/// As [`typst_source`], if Typst fails, and [`ReportError::Interrupted`] where it was stopped.
pub fn pdf_watched(
    model: &Model,
    part: &str,
    theme: &Theme,
    typst: &Typst,
    watch: &mut Watch<'_>,
) -> Result<(Vec<u8>, Rendered), ReportError> {
    let source = typst_source(model, part, theme)?;
    typst.compile_watched(&source, time_of(&model.collected)?.unix_timestamp(), watch)
}

/// The bytes of the PDFs of both parts, which are made side by side; `watch` may stop both.
///
/// # Errors
/// As [`pdf_watched`], for the part that fails first in the order of the report.
pub fn pdfs_watched(
    model: &Model,
    theme: &Theme,
    typst: &Typst,
    watch: &mut Watch<'_>,
) -> Result<Vec<(Vec<u8>, Rendered)>, ReportError> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let appendix =
            scope.spawn(|| pdf_watched(model, APPENDIX, theme, typst, &mut |_| stop.load(Ordering::Relaxed)));
        let mut time = Duration::ZERO;
        let main = pdf_watched(model, MAIN, theme, typst, &mut |now| {
            time = now;
            watch(now)
        });
        if main.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        while !appendix.is_finished() {
            std::thread::sleep(LOOK);
            time += LOOK;
            if watch(time) {
                stop.store(true, Ordering::Relaxed);
            }
        }
        let appendix = appendix.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(vec![main?, appendix?])
    })
}

/// A temporary folder that goes when the value does, errors and panics included; after a kill, with the next.
struct Scratch(Staging);

impl Scratch {
    fn new() -> Result<Self, ReportError> {
        let path = std::env::temp_dir();
        Staging::new(&path, "plumb-report-").map(Self).map_err(|source| ReportError::Scratch { path, source })
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn failed(&self, source: io::Error) -> ReportError {
        ReportError::Scratch { path: std::env::temp_dir(), source }
    }
}

/// `program` as [`Typst`] if it has the right version, else what is wrong with it.
fn try_program(program: &Path) -> Result<Result<Typst, String>, ReportError> {
    let program = if program.is_dir() { program.join("typst") } else { program.to_owned() };
    // Later runs have another working folder.
    let program = match std::path::absolute(&program) {
        Ok(program) if program.exists() => program,
        Ok(_) => return Ok(Err("no such file".to_owned())),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let scratch = Scratch::new()?;
    // Without room for a page of text the program would seem to say nothing.
    fs::write(scratch.path().join("room"), [0; 4096]).map_err(|error| scratch.failed(error))?;
    Ok(match version(&program, &scratch) {
        Ok(version) if version == TYPST_VERSION => Ok(Typst::unchecked(program)),
        Ok(version) => Err(format!("expected version {TYPST_VERSION}, found {version}")),
        Err(problem) => Err(problem),
    })
}

fn version(program: &Path, scratch: &Scratch) -> Result<String, String> {
    let run = run(program, &["--version"], scratch.path(), scratch.path(), VERSION_LIMIT, &mut |_| false);
    let Run::Ended(status, text) = run.map_err(|error| format!("cannot be run ({error})"))? else {
        return Err(format!("did not tell its version within {} s", VERSION_LIMIT.as_secs()));
    };
    // `typst 0.15.1 (unknown commit)`
    let mut words = text.split_whitespace();
    match (words.next(), words.next()) {
        (Some("typst"), Some(version)) if status.success() => Ok(version.to_owned()),
        _ => Err("did not tell its version".to_owned()),
    }
}

/// How a program came to its end.
enum Run {
    /// By itself: exit status, and everything that it printed.
    Ended(ExitStatus, String),
    /// Killed after the limit.
    TooLong,
    /// Killed because somebody asked for it.
    Stopped,
}

/// Runs `program` in `folder`.
fn run(
    program: &Path,
    arguments: &[&str],
    folder: &Path,
    scratch: &Path,
    limit: Duration,
    watch: &mut Watch<'_>,
) -> io::Result<Run> {
    // Into a file: with a pipe, a grandchild that keeps the other end open would make the wait after the kill endless.
    let log = scratch.join("messages");
    let handle = duct::cmd(program, arguments)
        .dir(folder)
        // TYPST_* and SOURCE_DATE_EPOCH of the caller would change the result, proxies would open the network.
        .full_env([("PATH", "/usr/bin:/bin"), ("NO_COLOR", "1")])
        .stdin_null()
        .stderr_to_stdout()
        .stdout_path(&log)
        .unchecked()
        .start()?;
    let mut time = Duration::ZERO;
    let output = loop {
        if let Some(output) = handle.wait_timeout(LOOK.min(limit))? {
            break output;
        }
        time += LOOK;
        let stopped = watch(time);
        if stopped || time >= limit {
            handle.kill()?;
            handle.wait()?;
            return Ok(if stopped { Run::Stopped } else { Run::TooLong });
        }
    };
    let mut text = Vec::new();
    fs::File::open(&log)?.take(MAX_MESSAGES).read_to_end(&mut text)?;
    Ok(Run::Ended(output.status, String::from_utf8_lossy(&text).trim_end().to_owned()))
}
